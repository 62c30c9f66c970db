"""Carry out a refund: ask the provider until it confirms; only then is anything final."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from chalicelib.deadline import PROVIDER_SECONDS, Deadline
from chalicelib.errors import RefundFinished
from chalicelib.gateways import Gateways
from chalicelib.gateways.payments import (
    PaymentProvider,
    RefundDone,
    RefundPending,
    RefundRefused,
    RefundRequest,
    RefundState,
    Unclear,
)
from chalicelib.money import Fen
from chalicelib.shop import coupon, enrollment, journal, ledger, refund
from chalicelib.shop import order as orders
from chalicelib.shop.enrollment import SliceKey
from chalicelib.shop.event import By, Cause, What
from chalicelib.shop.order import Order
from chalicelib.shop.refund import Refund
from chalicelib.storage.dynamodb import Transaction

log = logging.getLogger(__name__)

_APPLIED_FOR = "课程退费"
"""The reason that the provider shows the buyer. Never the learner's own words: a provider may refuse every time a text
that looks like an attack.
"""
_TOO_EARLY = timedelta(minutes=1)
"""For some seconds a provider may not know a refund that it was just asked for. One that it does not know later was not
made.
"""


def process(due: Refund, gateways: Gateways, now: datetime) -> None:
    """Carry out a refund that is due."""
    carry_out(orders.find_by_number(due.order_number), due, gateways, now)


def carry_out(order: Order, approved: Refund, gateways: Gateways, now: datetime) -> str:
    """Have the provider refund, or query an earlier attempt -> the refund's status then. Up to three calls; one round
    trip where all goes well.

    A refund without money needs no call. Repeating it refunds once.
    """
    provider = gateways.of(approved.provider_of(order))
    state = _ask_provider(order, approved, provider) if approved.amount else RefundDone()
    if isinstance(state, RefundRefused):
        return _mark_stuck(order, approved, state.reason, now)
    if not isinstance(state, RefundDone):
        problem = state.reason if isinstance(state, Unclear) else "not confirmed yet"
        return _ask_later(order, approved, problem, provider, now)
    try:
        cause = Cause(By.PROVIDER) if approved.amount else Cause(By.SHOP, "no money to refund")
        complete(order, approved, cause, now)
    except RefundFinished:
        problem = "refunded by the provider, but the order is not as it should be"
        return _mark_stuck(order, approved, problem, now)
    return refund.DONE


def _ask_provider(order: Order, approved: Refund, provider: PaymentProvider) -> RefundState:
    """Have the provider refund, once for the request number. Up to three calls."""
    deadline, request = Deadline(PROVIDER_SECONDS), _request(order, approved)
    if approved.attempts:
        state = provider.refund_state(request, deadline)
        if not isinstance(state, RefundPending):
            return state
    answer = provider.refund(request, deadline)
    if isinstance(answer, RefundRefused):
        # It may refuse because it has made this very refund, of which the answer was lost.
        state = provider.refund_state(request, deadline)
        if isinstance(state, RefundDone):
            return state
    return answer


def _request(order: Order, asked: Refund) -> RefundRequest:
    return RefundRequest(
        number=asked.trade_number or order.number,
        trade_no=asked.trade_no,
        request_no=asked.request_no,
        amount=asked.amount,
        total=order.amount,
        reason=_APPLIED_FOR if asked.why == refund.APPLICATION else asked.reason,
    )


def _ask_later(order: Order, approved: Refund, problem: str, provider: PaymentProvider, now: datetime) -> str:
    """Count an attempt that the provider did not confirm, and ask again later -> the refund's status."""
    transaction = Transaction()
    refund.count_attempt(transaction, approved, problem, now, provider.ask_refund_after)
    # An attempt that is counted twice, or not, does no harm; a store that is down does.
    is_open = _commit(transaction, approved, lambda: bool(_stored_status(order, approved)))
    return refund.APPROVED if is_open else _stored_status(order, approved)


def _mark_stuck(order: Order, approved: Refund, problem: str, now: datetime) -> str:
    """Flag a refund that the provider refused, or that cannot be completed here -> the refund's status."""
    transaction = Transaction()
    refund.mark_stuck(transaction, approved, problem, now)
    if not _commit(transaction, approved, lambda: _stored_status(order, approved) != refund.APPROVED):
        return _stored_status(order, approved)
    log.error("a refund is stuck, a person must act: order=%s %s", approved.order_number, problem)
    return refund.STUCK


def _commit(transaction: Transaction, approved: Refund, witness: Callable[[], bool]) -> bool:
    """Commit a change of an unfinished refund -> False when it was finished meanwhile."""
    try:
        transaction.commit(witness)
    except RefundFinished:
        log.info("a refund came to its end meanwhile: order=%s", approved.order_number)
        return False
    return True


def _stored_status(order: Order, approved: Refund) -> str:
    stored = refund.find_of_order(order, approved.request_no)
    return str(stored.status if stored else approved.status)


def is_executed(order: Order, asked: Refund, gateways: Gateways) -> bool | Unclear:
    """Whether the provider has executed a refund; False without money, or for a provider that cannot be asked. One
    call.
    """
    name = asked.provider_of(order)
    if not asked.amount or not gateways.has(name):
        return False
    provider = gateways.of(name)
    state = provider.refund_state(_request(order, asked), Deadline(PROVIDER_SECONDS))
    return state if isinstance(state, Unclear) else isinstance(state, RefundDone)


def was_executed_though_refused(
    order: Order, stuck: Refund, gateways: Gateways, now: datetime
) -> bool | Unclear:
    """Whether the provider has executed a refund that it had refused; unclear while it is too early. One call."""
    if not stuck.amount or not gateways.has(stuck.provider_of(order)):
        return False
    if stuck.attention_at is None or now.timestamp() - stuck.attention_at < _TOO_EARLY.total_seconds():
        return Unclear("the provider cannot tell yet")
    return is_executed(order, stuck, gateways)


def complete(order: Order, approved: Refund, cause: Cause, now: datetime) -> None:
    """Complete a refund that the provider has confirmed, in one transaction, once.

    An application's lines count as refunded, their beli go back as beli, their coupons come back where their whole use
    is undone, and access to them ends. A refund that an operator had recorded as paid another way is flagged: the money
    went back twice. Raises RefundFinished (it was refused or withdrawn, or the order is not as it should be).
    """
    current = order
    for is_last in (False, True):
        try:
            complete_with(Transaction(), current, approved, cause, now)
        except RefundFinished:
            stored = refund.find_of_order(order, approved.request_no)
            if stored is not None and stored.refunded_externally:
                flag_double_refund(order, stored, now)
                return
            if stored is not None and stored.status in (refund.DONE, refund.SUPERSEDED):
                return
            if is_last or stored is None or stored.status in refund.NOT_MADE:
                log.error("a refund cannot be carried out here, a person must look: order=%s", order.number)
                raise
        else:
            return
        current = orders.reload(order)  # it is not as it was read


def flag_double_refund(order: Order, done: Refund, now: datetime) -> None:
    """The provider executed a refund that an operator had recorded as paid back elsewhere: flag the double refund,
    once, and record it in the journal. One transaction.
    """
    transaction = Transaction()
    refund.flag_double_refund(transaction, done, now)
    journal.record(transaction, journal.of_refund(order, done, now), RefundFinished())

    def is_flagged() -> bool:
        stored = refund.find_of_order(order, done.request_no)
        return stored is not None and not stored.refunded_externally

    # Somebody else may flag it at the same moment.
    if _commit(transaction, done, is_flagged):
        log.error("a refund was made twice, a person must act: order=%s", order.number)


def complete_with(
    transaction: Transaction,
    order: Order,
    approved: Refund,
    cause: Cause,
    now: datetime,
    *,
    only: str | None = None,
    refunded_externally: bool = False,
) -> None:
    """Commit a transaction with everything that completes a refund; `only` and `refunded_externally` as of
    `refund.finish`. Raises RefundFinished (the refund or the order has changed since it was read).
    """
    refund.finish(transaction, approved, refund.DONE, now, only=only, refunded_externally=refunded_externally)
    fact = journal.ELSEWHERE if refunded_externally else journal.REFUNDED
    journal.record(transaction, journal.of_refund(order, approved, now, fact=fact), RefundFinished())
    if approved.why == refund.APPLICATION:
        take_back_lines(transaction, order, approved.lines, approved.amount, cause, now)
    else:
        is_late = approved.why == refund.LATE
        what = What.LATE_PAYMENT_REFUNDED if is_late else What.DUPLICATE_PAYMENT_REFUNDED
        orders.record_event(transaction, order, what, cause, now, RefundFinished())
    transaction.commit()


def take_back_lines(
    transaction: Transaction, order: Order, lines: Sequence[int], amount: Fen, cause: Cause, now: datetime
) -> None:
    """Take back lines of an order, for which `amount` fen of money went back. Refusal: RefundFinished."""
    refusal = RefundFinished()
    orders.mark_lines_refunded(transaction, order, list(lines), amount, cause, now)
    chosen = [order.lines[position] for position in lines]
    for position, line in zip(lines, chosen, strict=True):
        key = SliceKey(order.user_id, line.course, order.number, position)
        enrollment.withdraw(transaction, key, now, refusal)
    for record_id in order.coupons_freed_by(lines):
        coupon.release(transaction, order.user_id, record_id, order.number, refusal)
    beli = sum(line.beli for line in chosen)
    if beli:
        why = f"order {order.number} refunded"
        cause_key = f"{order.number}#refunded#{'-'.join(map(str, lines))}"
        ledger.change(transaction, ledger.entry(order.user_id, beli, cause_key, why, now), refusal)
