"""Stray notices: genuine notices of the payment provider that fit no order, kept for a person.

There may be money behind them that no order knows of. Nobody but the provider can make one: it is kept only when its
signature, application and seller were right.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute

from chalicelib.errors import NothingToSettle
from chalicelib.shop.attention import LEAVE_ATTENTION, PROBLEM, AttentionItem
from chalicelib.storage.dynamodb import Transaction, WholeNumber, refusing


class StrayNotice(AttentionItem, discriminator="STRAY_NOTICE"):
    """What a notice said, and the `check` it failed: order, channel, amount or trade_status. Amounts in fen.

    Partition `STRAY#<order number>`, the number as the notice has it, which may be no order's.
    """

    notify_id = UnicodeAttribute()
    order_number = UnicodeAttribute()
    trade_no = UnicodeAttribute()
    trade_status = UnicodeAttribute()
    amount = WholeNumber()
    paid_at = UTCDateTimeAttribute(null=True)
    refunded = WholeNumber()
    refund_request_no = UnicodeAttribute()
    check = UnicodeAttribute()
    recorded_at = UTCDateTimeAttribute()


def _partition(order_number: str) -> str:
    return f"STRAY#{order_number}"


def keep(check: str, now: datetime, **told: Any) -> None:
    """Keep what a notice `told` (as of `StrayNotice`) for a person, with the check it failed. Once, however often it
    is told: one that was settled stays settled. One write.
    """
    stray = StrayNotice(
        _partition(told["order_number"]),
        "#".join(str(told[name]) for name in ("trade_no", "trade_status", "amount", "refunded"))
        + f"#{check}",
        check=check,
        recorded_at=now,
        attention=PROBLEM,
        attention_at=int(now.timestamp()),
        **told,
    )
    try:
        with refusing(NothingToSettle()):
            stray.save(condition=StrayNotice.sort.does_not_exist())
    except NothingToSettle:
        return


def list_waiting(order_number: str, trade_no: str) -> list[StrayNotice]:
    """The notices of a trade that wait for a person, strongly consistent. One Query. Raises NothingToSettle when
    there is none.
    """
    mine = StrayNotice.query(
        _partition(order_number), StrayNotice.sort.startswith(f"{trade_no}#"), consistent_read=True
    )
    waiting = [stray for stray in cast(list[StrayNotice], list(mine)) if stray.attention is not None]
    if not waiting:
        raise NothingToSettle()
    return sorted(waiting, key=lambda stray: stray.recorded_at)


def forget(stray: StrayNotice) -> None:
    """A notice that was acted upon waits for a person no more. One write; repeating it changes nothing."""
    stray.update([*LEAVE_ATTENTION], condition=StrayNotice.sort.exists())


def settle(transaction: Transaction, stray: StrayNotice) -> None:
    """A notice waits for a person no more. Refusal: NothingToSettle."""
    transaction.update(stray, [*LEAVE_ATTENTION], StrayNotice.attention == PROBLEM, NothingToSettle())
