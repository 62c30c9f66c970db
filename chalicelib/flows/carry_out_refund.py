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
    RefundClosed,
    RefundDone,
    RefundPending,
    RefundRefused,
    RefundRequest,
    RefundState,
    RefundStuck,
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
    match state:
        case RefundRefused(reason):
            return _mark_stuck(order, approved, reason, now)
        case RefundClosed():
            return _mark_stuck(order, approved, refund.GIVEN_UP, now, is_given_up=True)
        case RefundPending() | RefundStuck() | Unclear():
            return _ask_later(order, approved, state, provider, now)
    try:
        cause = Cause(By.PROVIDER) if approved.amount else Cause(By.SHOP, "no money to refund")
        complete(order, approved, cause, now)
    except RefundFinished:
        problem = "refunded by the provider, but the order is not as it should be"
        return _mark_stuck(order, approved, problem, now)
    return refund.DONE


def _ask_provider(order: Order, approved: Refund, provider: PaymentProvider) -> RefundState:
    """Have the provider refund, once for the number. Up to three calls."""
    deadline, request = Deadline(PROVIDER_SECONDS), _request(order, approved)
    if approved.attempts:
        state = provider.refund_state(request, deadline)
        if not isinstance(state, RefundPending) or state.is_known:
            return state
    answer = provider.refund(request, deadline)
    if isinstance(answer, RefundRefused):
        # It may refuse because it has made this very refund, of which the answer was lost.
        state = provider.refund_state(request, deadline)
        if isinstance(state, RefundDone) or (isinstance(state, RefundPending) and state.is_known):
            return state
    return answer


def _request(order: Order, asked: Refund) -> RefundRequest:
    return RefundRequest(
        number=asked.trade_number or order.number,
        trade_no=asked.trade_no,
        request_no=asked.number(),
        amount=asked.amount,
        total=order.amount,
        reason=_APPLIED_FOR if asked.why == refund.APPLICATION else asked.reason,
    )


def _ask_later(
    order: Order,
    approved: Refund,
    state: RefundPending | RefundStuck | Unclear,
    provider: PaymentProvider,
    now: datetime,
) -> str:
    """Count an attempt that the provider did not confirm, and ask again later -> the refund's status.

    It is flagged where asking will not help, and where it takes longer than it should.
    """
    is_under_way = isinstance(state, RefundPending) and state.is_known
    takes = provider.refund_takes if is_under_way else refund.PATIENCE
    match state:
        case RefundPending():
            problem, needs_person = "not confirmed yet", False
        case RefundStuck():
            problem, needs_person = refund.STUCK_THERE, True
        case Unclear(problem, needs_person):
            pass
    pause = max(approved.pause(is_under_way=is_under_way), provider.ask_refund_after)
    is_flagged = needs_person or approved.is_past_patience(takes)
    transaction = Transaction()
    refund.count_attempt(transaction, approved, problem, now, now + pause, is_flagged=is_flagged)
    # An attempt that is counted twice, or not, does no harm; a store that is down does.
    is_open = _commit(transaction, approved, lambda: bool(_stored_status(order, approved)))
    return refund.APPROVED if is_open else _stored_status(order, approved)


def take_standing(order: Order, told: Refund, *, is_given_up: bool, now: datetime) -> None:
    """The provider tells that a refund under way waits for a person there, or (`is_given_up`) that it was given up:
    flag it. One that has come to its end meanwhile stays so.
    """
    if is_given_up:
        _mark_stuck(order, told, refund.GIVEN_UP, now, is_given_up=True)
        return
    transaction = Transaction()
    refund.flag_under_way(transaction, told, refund.STUCK_THERE, now)
    if _commit(transaction, told, lambda: bool(_stored_status(order, told))):
        log.error("a refund waits for a person at its provider: order=%s", told.order_number)


def _mark_stuck(
    order: Order, approved: Refund, problem: str, now: datetime, *, is_given_up: bool = False
) -> str:
    """Flag a refund that the provider refused or gave up, or that cannot be completed here -> the refund's status."""
    transaction = Transaction()
    refund.mark_stuck(transaction, approved, problem, now, is_given_up=is_given_up)
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
    """Whether the provider has executed a refund, unclear while it is at it; False without money, or for a provider
    that cannot be asked. One call.
    """
    name = asked.provider_of(order)
    if not asked.amount or not gateways.has(name):
        return False
    provider = gateways.of(name)
    state = provider.refund_state(_request(order, asked), Deadline(PROVIDER_SECONDS))
    match state:
        case Unclear():
            return state
        case RefundStuck() | RefundPending(is_known=True):
            return Unclear("it is under way there")
    return isinstance(state, RefundDone)


def was_executed_though_refused(
    order: Order, stuck: Refund, gateways: Gateways, now: datetime
) -> bool | Unclear:
    """Whether the provider has executed a refund that it had refused; unclear while it is too early. One call."""
    if not stuck.amount or not gateways.has(stuck.provider_of(order)):
        return False
    if stuck.attention_at is None or now.timestamp() - stuck.attention_at < _TOO_EARLY.total_seconds():
        return Unclear("the provider cannot tell yet")
    return is_executed(order, stuck, gateways)


def complete(
    order: Order, approved: Refund, cause: Cause, now: datetime, *, number: str | None = None
) -> None:
    """Complete a refund that the provider has confirmed as `number` (that of the try that is made now), in one
    transaction, once.

    An application's lines count as refunded, their beli go back as beli, their coupons come back where their whole use
    is undone, and access to them ends. A refund whose money went back before, another way as an operator had recorded,
    or under another number, is flagged: the money went back twice. Raises RefundFinished (it was refused or withdrawn,
    or the order is not as it should be).
    """
    current, made_as = order, number or approved.number()
    for is_last in (False, True):
        try:
            complete_with(Transaction(), current, approved, cause, now, made_as=made_as)
        except RefundFinished:
            stored = refund.find_of_order(order, approved.request_no)
            if stored is not None and (stored.refunded_externally or _is_made_besides(stored, made_as)):
                flag_double_refund(order, stored, made_as, now)
                return
            if stored is not None and stored.status in (refund.DONE, refund.SUPERSEDED):
                return
            if is_last or stored is None or stored.status in refund.NOT_MADE:
                log.error("a refund cannot be carried out here, a person must look: order=%s", order.number)
                raise
        else:
            return
        current, approved = orders.reload(order), stored  # they are not as they were read


def _is_made_besides(stored: Refund, number: str) -> bool:
    """Whether a refund that is done was made under another number than this one."""
    return bool(stored.status == refund.DONE and number != stored.number_made())


def flag_double_refund(order: Order, done: Refund, number: str, now: datetime) -> None:
    """The provider made a refund as `number` whose money had gone back another way, or under another number: flag the
    double refund, once, and record it in the journal. One transaction.
    """
    transaction = Transaction()
    refund.flag_double_refund(transaction, done, number, now)
    journal.record(transaction, journal.of_refund(order, done, now, number=number), RefundFinished())

    def is_flagged() -> bool:
        stored = refund.find_of_order(order, done.request_no)
        return (
            stored is not None
            and not stored.refunded_externally
            and number in (stored.number_made(), *(stored.also_made_as or ()))
        )

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
    made_as: str | None = None,
) -> None:
    """Commit a transaction with everything that completes a refund; `only`, `refunded_externally` and `made_as` as of
    `refund.finish`. Raises RefundFinished (the refund or the order has changed since it was read).
    """
    refund.finish(
        transaction,
        approved,
        refund.DONE,
        now,
        only=only,
        refunded_externally=refunded_externally,
        made_as=made_as,
    )
    fact = journal.ELSEWHERE if refunded_externally else journal.REFUNDED
    entry = journal.of_refund(order, approved, now, fact=fact, number=made_as)
    journal.record(transaction, entry, RefundFinished())
    if approved.why == refund.APPLICATION:
        take_back_lines(transaction, order, approved.lines, approved.amount, cause, now)
    else:
        tell_of_payment(transaction, order, approved, cause, now)
    transaction.commit()


def tell_of_payment(
    transaction: Transaction, order: Order, back: Refund, cause: Cause, now: datetime
) -> None:
    """Record that a payment which its order could not use went back. Refusal: RefundFinished."""
    is_late = back.why == refund.LATE
    what = What.LATE_PAYMENT_REFUNDED if is_late else What.DUPLICATE_PAYMENT_REFUNDED
    orders.record_event(transaction, order, what, cause, now, RefundFinished())


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
