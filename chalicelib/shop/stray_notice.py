"""Stray notices: genuine notices of the payment provider that fit no order, kept for a person.

There may be money behind them that no order knows of. Nobody but the provider can make one: it is kept only when its
signature, application and seller were right.
"""

from __future__ import annotations

from datetime import datetime
from typing import cast

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute

from chalicelib.errors import NothingToSettle
from chalicelib.money import Fen
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


def keep(
    notify_id: str,
    order_number: str,
    trade_no: str,
    trade_status: str,
    amount: Fen,
    paid_at: datetime | None,
    refunded: Fen,
    refund_request_no: str,
    check: str,
    now: datetime,
) -> None:
    """Keep a notice for a person, once however often it is told: one that was settled stays settled. One write."""
    stray = StrayNotice(
        _partition(order_number),
        f"{trade_no}#{trade_status}#{amount}#{refunded}#{check}",
        notify_id=notify_id,
        order_number=order_number,
        trade_no=trade_no,
        trade_status=trade_status,
        amount=amount,
        paid_at=paid_at,
        refunded=refunded,
        refund_request_no=refund_request_no,
        check=check,
        recorded_at=now,
        attention=PROBLEM,
        attention_at=int(now.timestamp()),
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


def settle(transaction: Transaction, stray: StrayNotice) -> None:
    """A notice waits for a person no more. Refusal: NothingToSettle."""
    transaction.update(stray, [*LEAVE_ATTENTION], StrayNotice.attention == PROBLEM, NothingToSettle())
