"""Stray notifications: genuine notifications of a payment provider that fit no order, flagged for a person.

There may be money behind them that no order knows of. Only the provider can make one: its signature and merchant were
right.
"""

from __future__ import annotations

from datetime import datetime
from typing import cast

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute

from chalicelib.errors import NothingToResolve
from chalicelib.money import Fen
from chalicelib.shop.attention import LEAVE_ATTENTION, PROBLEM, AttentionItem
from chalicelib.shop.payment_type import FIRST_PROVIDER
from chalicelib.storage.dynamodb import Transaction, WholeNumber, refusing


class StrayNotification(AttentionItem, discriminator="STRAY_NOTICE"):
    """A notification's content, and the `check` it failed. Amounts in fen; `word` is the provider's own word for what
    happened, `request_no` the refund request that it names.

    Partition `STRAY#<order number>`, the number as the notification has it, which may be no order's.
    """

    provider = UnicodeAttribute(default=FIRST_PROVIDER)
    notify_id = UnicodeAttribute()
    order_number = UnicodeAttribute()
    trade_no = UnicodeAttribute()
    word = UnicodeAttribute(attr_name="trade_status")
    amount = WholeNumber()
    paid_at = UTCDateTimeAttribute(null=True)
    refunded = WholeNumber()
    request_no = UnicodeAttribute(attr_name="refund_request_no", null=True)
    check = UnicodeAttribute()
    recorded_at = UTCDateTimeAttribute()


def _partition(order_number: str) -> str:
    return f"STRAY#{order_number}"


def keep(
    check: str,
    now: datetime,
    *,
    provider: str,
    notify_id: str,
    order_number: str,
    trade_no: str,
    word: str,
    amount: Fen,
    paid_at: datetime | None,
    refunded: Fen,
    request_no: str | None,
) -> None:
    """Store and flag a notification with the check it failed, once, however often it is told: a resolved one stays
    resolved. One write.
    """
    request = f"#{request_no}" if request_no else ""
    stray = StrayNotification(
        _partition(order_number),
        f"{trade_no}#{word}#{amount}#{refunded}#{check}{request}",
        provider=provider,
        notify_id=notify_id,
        order_number=order_number,
        trade_no=trade_no,
        word=word,
        amount=amount,
        paid_at=paid_at,
        refunded=refunded,
        request_no=request_no,
        check=check,
        recorded_at=now,
        attention=PROBLEM,
        attention_at=int(now.timestamp()),
    )
    try:
        with refusing(NothingToResolve()):
            stray.save(condition=StrayNotification.sort.does_not_exist())
    except NothingToResolve:
        return


def list_waiting(order_number: str, trade_no: str) -> list[StrayNotification]:
    """The flagged notifications of a trade, strongly consistent. One Query. Raises NothingToResolve when
    there is none.
    """
    mine = StrayNotification.query(
        _partition(order_number), StrayNotification.sort.startswith(f"{trade_no}#"), consistent_read=True
    )
    waiting = [stray for stray in cast(list[StrayNotification], list(mine)) if stray.attention is not None]
    if not waiting:
        raise NothingToResolve()
    return sorted(waiting, key=lambda stray: stray.recorded_at)


def forget(stray: StrayNotification) -> None:
    """Clear the flag of a notification that was processed after all. One write."""
    stray.update([*LEAVE_ATTENTION], condition=StrayNotification.sort.exists())


def resolve(transaction: Transaction, stray: StrayNotification) -> None:
    """Clear the flag of a notification on an operator's word. Refusal: NothingToResolve."""
    transaction.update(stray, [*LEAVE_ATTENTION], StrayNotification.attention == PROBLEM, NothingToResolve())
