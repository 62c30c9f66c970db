"""Refund notices: refunds that a provider told of, whoever had them made. Each is recorded once."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import cast

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.update import Action

from chalicelib.errors import NothingToResolve, OrderClosed
from chalicelib.money import Fen
from chalicelib.shop.attention import LEAVE_ATTENTION, PROBLEM, AttentionItem
from chalicelib.shop.event import By, Cause, CauseAttribute, What
from chalicelib.shop.order import Order, about, record_event
from chalicelib.shop.partition import list_partition
from chalicelib.shop.refund import Refund
from chalicelib.storage.dynamodb import Transaction, UserItem, WholeNumber, refusing

log = logging.getLogger(__name__)


class RefundNotice(AttentionItem, discriminator="REFUND_NOTICE"):
    """A refund that a provider told of: `refunded` (fen) is the amount it names, the running total of its trade unless
    `is_total` is False. `resolved_at` is when an operator resolved it.
    """

    order_number = UnicodeAttribute()
    trade_no = UnicodeAttribute()
    refunded = WholeNumber()
    is_total = BooleanAttribute(null=True)
    request_no = UnicodeAttribute()
    cause = CauseAttribute()
    recorded_at = UTCDateTimeAttribute()
    resolved_at = UTCDateTimeAttribute(null=True, attr_name="settled_at")

    def was_put_to_people(self) -> bool:
        """Whether a person was asked to see to it, and may have."""
        return self.attention is not None or self.resolved_at is not None

    def is_told(self) -> bool:
        """Whether the provider told of it, and not a bill alone, in which it may still be under way."""
        return self.cause.by != By.BILL or self.was_put_to_people()


def record(
    order: Order,
    trade_no: str,
    refunded: Fen,
    request_no: str,
    cause: Cause,
    now: datetime,
    *,
    needs_person: bool,
    is_total: bool = True,
) -> None:
    """Record a refund that a provider told of, once for each of its requests, with an event; flag it if it
    `needs_person`. `is_total`: `refunded` is the running total of the trade. One write; one more where it is recorded
    already and was not flagged.
    """
    seen = OrderClosed(order=order.number)
    notice = RefundNotice(
        order.owner,
        _sort(order.number, request_no, refunded),
        order_number=order.number,
        trade_no=trade_no,
        refunded=refunded,
        is_total=None if is_total else False,
        request_no=request_no,
        cause=cause,
        recorded_at=now,
    )
    if needs_person:
        notice.attention, notice.attention_at = PROBLEM, int(now.timestamp())
    transaction = Transaction()
    transaction.put_new(notice, seen)
    record_event(transaction, order, What.REFUND_REPORTED, cause, now, seen)
    try:
        transaction.commit()
    except OrderClosed:
        # It was recorded while the refund could still become one of ours, and that was refused meanwhile.
        if not needs_person or not _flag(order, request_no, refunded, now):
            return
    if needs_person:
        log.error(
            "a partial refund that is not ours names no line, a person must act: order=%s", order.number
        )


def _flag(order: Order, request_no: str, refunded: Fen, now: datetime) -> bool:
    """Flag a recorded refund notice for review -> True if it was neither flagged nor resolved before. One write."""
    notice = RefundNotice(order.owner, _sort(order.number, request_no, refunded))
    actions: list[Action] = [
        RefundNotice.attention.set(PROBLEM),
        RefundNotice.attention_at.set(int(now.timestamp())),
    ]
    unheard = (
        RefundNotice.sort.exists()
        & RefundNotice.attention.does_not_exist()
        & RefundNotice.resolved_at.does_not_exist()
    )
    try:
        with refusing(NothingToResolve()):
            notice.update(actions, condition=unheard)
    except NothingToResolve:
        return False
    return True


def _sort(order_number: str, request_no: str, refunded: Fen) -> str:
    return f"{about(order_number)}REFUND_NOTICE#{request_no}#{refunded}"


def list_all(order: Order) -> list[RefundNotice]:
    """All refunds that a provider told of, oldest first. One Query."""
    return _oldest_first(list_partition(order.user_id, f"{about(order.number)}REFUND_NOTICE#"))


def _oldest_first(listed: list[UserItem]) -> list[RefundNotice]:
    return sorted(
        cast(list[RefundNotice], listed), key=lambda notice: (notice.recorded_at, notice.request_no)
    )


def told_beyond(asked: Refund) -> list[RefundNotice]:
    """The partial refunds of an application's trade that a provider told of and the shop did not make, oldest first:
    those that a person was asked to see to, whether or not they have, and those of which a bill alone told. One Query.
    """
    listed = list_partition(asked.user_id, f"{about(asked.order_number)}REFUND_NOTICE#")
    return [
        notice
        for notice in _oldest_first(listed)
        if notice.trade_no == asked.trade_no and (notice.was_put_to_people() or notice.cause.by == By.BILL)
    ]


def resolve(transaction: Transaction, notice: RefundNotice, now: datetime) -> None:
    """Clear the flag of a notice on an operator's word. Refusal: NothingToResolve."""
    actions: list[Action] = [RefundNotice.resolved_at.set(now), *LEAVE_ATTENTION]
    transaction.update(notice, actions, RefundNotice.attention == PROBLEM, NothingToResolve())
