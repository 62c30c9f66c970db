"""Refunding: a learner applies, an operator decides, the provider confirms, and only then is anything final."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from chalicelib.errors import (
    CannotTakeBack,
    OrderClosed,
    OwnRefund,
    PaymentUnknown,
    RefundNotAllowed,
    RefundSettled,
)
from chalicelib.gateways import Gateways
from chalicelib.gateways.deadline import Deadline
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
from chalicelib.shop import audit, coupon, enrollment, ledger, order, payment, refund
from chalicelib.shop.attention import PROBLEM
from chalicelib.shop.event import By, Cause, What
from chalicelib.shop.order import Order
from chalicelib.shop.payment_type import PROVIDERS
from chalicelib.shop.refund import Refund
from chalicelib.storage.dynamodb import Transaction

log = logging.getLogger(__name__)

PROVIDER_SECONDS = 8.0
_APPLIED_FOR = "课程退费"
"""What the provider tells the buyer of a refund they applied for. Never their own words: a provider may refuse what
looks like an attack, each time.
"""
_TOO_EARLY = timedelta(minutes=1)
"""For some seconds a provider may not know a refund that it was just asked for; one that it does not know later was
not made.
"""
_TRIES = 4
"""How often an order that others change at the same moment is read anew."""


def apply_for_refund(
    user_id: int, number: str, lines: Sequence[int] | None, reason: str, window: timedelta, now: datetime
) -> Refund:
    """Apply for the refund of some lines of a paid order, or (None) of all that are left. Access to them
    pauses. Where nothing would go back, the refund is done at once.

    Raises OrderNotFound, RefundNotAllowed (not paid, beyond the window after the payment, no such line,
    refunded or applied for already), StoreUnavailable, OutcomeUnknown.
    """
    paid = order.find_own(user_id, number)
    paid.raise_unless_refundable(window, now)
    chosen = paid.open_lines() if lines is None else sorted(set(lines))
    if not chosen or not set(chosen) <= set(paid.open_lines()):
        raise RefundNotAllowed(reason="line")
    asked = refund.application(paid, chosen, reason, now)
    if asked.amount and paid.payment_type not in PROVIDERS:
        raise RefundNotAllowed(reason="channel")
    if _gives_nothing_back(paid, asked):
        return _take_back_at_once(paid, asked, now)
    for _ in range(_TRIES):
        transaction = Transaction()
        order.request_refund(transaction, paid, chosen, Cause(By.LEARNER, f"refund {asked.request_no}"), now)
        refund.request(transaction, asked)
        for position in chosen:
            course, refusal = paid.lines[position].course, RefundNotAllowed(reason="line")
            enrollment.pause(transaction, user_id, course, number, position, now, refusal)
        try:
            transaction.commit()
        except RefundNotAllowed as full:
            if full.facts["reason"] != "many" or not refund.may_request(paid):
                raise
            continue
        return asked
    raise RefundNotAllowed(reason="many")


def _gives_nothing_back(paid: Order, asked: Refund) -> bool:
    """Whether an application is for lines that cost neither money nor beli and used no coupon."""
    is_all = set(paid.open_lines()) == set(asked.lines)
    records = [paid.lines[position].coupon_record_id for position in asked.lines]
    if is_all:
        records.append(paid.general_coupon_record_id)
    return not asked.gives_back() and not any(record is not None for record in records)


def _take_back_at_once(paid: Order, asked: Refund, now: datetime) -> Refund:
    """Access to lines that cost nothing ends with the application: there is nothing for an operator to decide."""
    cause = Cause(By.LEARNER, f"refund {asked.request_no}")
    refund.finish_at_once(asked, now)
    transaction = Transaction()
    refund.add(transaction, asked)
    order.record_event(transaction, paid, What.REFUND_REQUESTED, cause, now, RefundSettled())
    _take_back(transaction, paid, asked.lines, 0, cause, now)
    try:
        transaction.commit()
    except RefundSettled as changed:
        raise RefundNotAllowed(reason="open") from changed
    return asked


def _find_others(request_no: str, operator_id: int | None) -> tuple[Order, Refund]:
    """The refund that an operator decides on, and its order. `operator_id`: their user id, where they have one.

    Raises RefundNotFound, OwnRefund (the order is the operator's own).
    """
    paid, asked = refund.find_refund(request_no)
    if asked.user_id == operator_id:
        raise OwnRefund()
    return paid, asked


def refuse(
    request_no: str,
    by: str,
    answer: str,
    gateways: Gateways,
    now: datetime,
    *,
    operator_id: int | None = None,
) -> None:
    """An operator refuses an application: access runs again, longer by what the pause took of it.

    A stuck one can be refused too, once the provider says that it was not executed. Raises RefundNotFound, OwnRefund,
    RefundSettled (also when the provider has executed it: then it is completed), PaymentUnknown (the answer is unclear,
    nothing is changed).
    """
    paid, asked = _find_others(request_no, operator_id)
    if asked.why != refund.APPLICATION or asked.status not in (refund.REQUESTED, refund.STUCK):
        raise RefundSettled()
    if (
        asked.status == refund.STUCK
        and _is_providers(paid, asked, gateways)
        and _was_done_though_refused(paid, asked, gateways, now)
    ):
        complete(paid, asked, Cause(By.PROVIDER), now)
        raise RefundSettled()
    transaction = Transaction()
    refund.settle(transaction, asked, refund.REFUSED, now, by=by, answer=answer, only=str(asked.status))
    order.refuse_refund(transaction, paid, Cause(By.OPERATOR, f"{by}, refund {request_no}"), now)
    slices = enrollment.list_slices(paid.user_id)
    for position in asked.lines:
        course = paid.lines[position].course
        lost = enrollment.lost_to_pause(slices, course, paid.number, position, now)
        enrollment.resume(transaction, paid.user_id, course, paid.number, position, lost, RefundSettled())
    audit.commit(transaction, audit.entry(by, "refuse-refund", request_no, now, reason=answer))


def _was_done_though_refused(paid: Order, stuck: Refund, gateways: Gateways, now: datetime) -> bool:
    """Whether the provider has executed a refund that it had refused. One call. Raises PaymentUnknown, also while it is
    too early to tell.
    """
    if stuck.attention_at is None or now.timestamp() - stuck.attention_at < _TOO_EARLY.total_seconds():
        raise PaymentUnknown(order=paid.number, reason="the provider cannot tell yet", needs_person=False)
    return _is_done(paid, stuck, gateways)


def _is_providers(paid: Order, asked: Refund, gateways: Gateways) -> bool:
    """Whether a provider of this shop has to do with a refund."""
    return bool(asked.amount and gateways.has(paid.payment_type))


def _is_done(paid: Order, asked: Refund, gateways: Gateways) -> bool:
    """Ask the provider whether it has carried out a refund. One call. Raises PaymentUnknown."""
    provider = gateways.of(paid.payment_type)
    state = provider.refund_state(_request(paid, asked), Deadline(PROVIDER_SECONDS))
    if isinstance(state, Unclear):
        raise PaymentUnknown(order=paid.number, reason=state.reason, needs_person=False)
    return isinstance(state, RefundDone)


def complete_what_is_done(paid: Order, gateways: Gateways, now: datetime) -> None:
    """Complete those of an order's applied-for refunds that the provider has executed, also where the money went back
    another way already.

    One call for each. Raises PaymentUnknown, also while one is under way: for some seconds the provider may
    not know it.
    """
    for asked in refund.list_refunds(paid):
        if asked.why != refund.APPLICATION or not _is_providers(paid, asked, gateways):
            continue
        is_done = False
        if asked.status == refund.APPROVED:
            is_done = _is_done(paid, asked, gateways)
            if not is_done:
                reason = "a refund of it is under way"
                raise PaymentUnknown(order=paid.number, reason=reason, needs_person=False)
        elif asked.status == refund.STUCK:
            is_done = _was_done_though_refused(paid, asked, gateways, now)
        elif asked.is_elsewhere:
            is_done = _is_done(paid, asked, gateways)
        if is_done:
            # An order that is not as it should be is put before a person by whoever takes it back as a whole.
            with suppress(RefundSettled):
                complete(paid, asked, Cause(By.PROVIDER), now)


def approve(
    request_no: str, by: str, gateways: Gateways, now: datetime, *, operator_id: int | None = None
) -> str:
    """An operator approves an application; the provider is asked at once -> the refund's status afterwards.

    What the provider does not confirm now is asked again by the timer. Raises RefundNotFound, OwnRefund,
    RefundSettled, StoreUnavailable, OutcomeUnknown.
    """
    paid, asked = _find_others(request_no, operator_id)
    transaction = Transaction()
    refund.approve(transaction, asked, by, now)
    order.record_event(transaction, paid, What.REFUND_APPROVED, Cause(By.OPERATOR, by), now, RefundSettled())
    audit.commit(transaction, audit.entry(by, "approve-refund", request_no, now))
    return _ask_now(paid, asked, gateways, now)


def try_again(request_no: str, by: str, gateways: Gateways, now: datetime) -> str:
    """An operator has a stuck refund tried once more -> its status afterwards. Safe: the provider refunds
    once.

    Raises RefundNotFound, RefundSettled, StoreUnavailable, OutcomeUnknown.
    """
    paid, asked = refund.find_refund(request_no)
    transaction = Transaction()
    refund.try_again(transaction, asked, now)
    order.record_event(
        transaction, paid, What.REFUND_TRIED_AGAIN, Cause(By.OPERATOR, by), now, RefundSettled()
    )
    audit.commit(transaction, audit.entry(by, "retry-refund", request_no, now))
    return _ask_now(paid, asked, gateways, now)


def settle_elsewhere(
    request_no: str,
    by: str,
    reason: str,
    gateways: Gateways,
    now: datetime,
    *,
    operator_id: int | None = None,
) -> bool:
    """An operator says that the money of a refund that waits for a person went back another way: all that it
    stands for happens, and the provider is not asked any more -> whether it was the provider who carried it out, which
    it is asked first, and then that is what is recorded.

    Should it carry the refund out later, that is put before a person, who says here that this was dealt with, too.
    Raises RefundNotFound, OwnRefund, RefundSettled (it does not wait for a person), StoreUnavailable,
    OutcomeUnknown.
    """
    paid, asked = _find_others(request_no, operator_id)
    if asked.attention != PROBLEM:
        raise RefundSettled()
    said = audit.entry(by, "settle-refund", request_no, now, reason=reason)
    if asked.status == refund.DONE:
        transaction = Transaction()
        refund.forget_trouble(transaction, asked)
        audit.commit(transaction, said)
        return False
    try:
        is_done = _is_providers(paid, asked, gateways) and _is_done(paid, asked, gateways)
    except PaymentUnknown:
        is_done = False  # a person knows more than a provider that does not answer
    if is_done:
        audit.write(said)
        complete(paid, asked, Cause(By.PROVIDER), now)
    else:
        complete(paid, asked, Cause(By.OPERATOR, f"{by}, refunded elsewhere"), now, said=said)
    return is_done


def _ask_now(paid: Order, asked: Refund, gateways: Gateways, now: datetime) -> str:
    current = refund.find_of_order(paid, asked.request_no)
    if current is not None:
        carry_out(current, gateways, now)
    stored = refund.find_of_order(paid, asked.request_no)
    return str(stored.status) if stored else str(asked.status)


def carry_out(approved: Refund, gateways: Gateways, now: datetime) -> bool:
    """Have the provider refund, or ask what became of it -> whether the refund is final now.

    Without money there is nothing to ask. Repeating it refunds once. Raises StoreUnavailable, OutcomeUnknown.
    """
    taker = order.find_by_number(approved.order_number)
    provider = gateways.of(taker.payment_type)
    state = _ask_provider(taker, approved, provider) if approved.amount else RefundDone()
    if isinstance(state, RefundRefused):
        _mark_stuck(taker, approved, state.reason, now)
        return False
    if not isinstance(state, RefundDone):
        trouble = state.reason if isinstance(state, Unclear) else "not confirmed yet"
        _ask_later(approved, trouble, provider, now)
        return False
    try:
        cause = Cause(By.PROVIDER) if approved.amount else Cause(By.SHOP, "no money to refund")
        complete(taker, approved, cause, now)
    except RefundSettled:
        trouble = "refunded by the provider, but the order is not as it should be"
        _mark_stuck(taker, approved, trouble, now)
        return False
    return True


def _ask_provider(taker: Order, approved: Refund, provider: PaymentProvider) -> RefundState:
    """Have the provider refund, once for the request number. Up to three calls."""
    deadline, request = Deadline(PROVIDER_SECONDS), _request(taker, approved)
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


def _request(taker: Order, asked: Refund) -> RefundRequest:
    return RefundRequest(
        order_number=taker.number,
        trade_no=asked.trade_no,
        request_no=asked.request_no,
        amount=asked.amount,
        total=taker.amount,
        reason=_APPLIED_FOR if asked.why == refund.APPLICATION else asked.reason,
    )


def _ask_later(approved: Refund, trouble: str, provider: PaymentProvider, now: datetime) -> None:
    """The provider has not confirmed: ask again later."""
    transaction = Transaction()
    refund.count_attempt(transaction, approved, trouble, now, provider.ask_refund_after)
    _commit(transaction, approved, lambda: True)


def _mark_stuck(taker: Order, approved: Refund, trouble: str, now: datetime) -> None:
    """The provider has refused, or what it did cannot be done here: a person must act."""

    def is_done() -> bool:
        stored = refund.find_of_order(taker, approved.request_no)
        return stored is None or stored.status != refund.APPROVED

    transaction = Transaction()
    refund.mark_stuck(transaction, approved, trouble, now)
    if _commit(transaction, approved, is_done):
        log.error("a refund is stuck, a person must act: order=%s %s", approved.order_number, trouble)


def _commit(transaction: Transaction, approved: Refund, witness: Callable[[], bool]) -> bool:
    """Write what is known of a refund that is not done -> False when it came to its end meanwhile."""
    try:
        transaction.commit(witness)
    except RefundSettled:
        log.info("a refund came to its end meanwhile: order=%s", approved.order_number)
        return False
    return True


def complete(
    taker: Order, approved: Refund, cause: Cause, now: datetime, *, said: audit.AuditEntry | None = None
) -> None:
    """The provider has confirmed a refund: everything it stands for happens, in one transaction, once.

    Money of an application's lines counts as refunded, their beli go back as beli, their coupons come back
    where their whole use is undone, access to them ends. `said`: a person says so, of a refund as it was read.
    Raises RefundSettled (it was settled), StoreUnavailable, OutcomeUnknown.
    """
    transaction = Transaction()
    refund.settle(
        transaction,
        approved,
        refund.DONE,
        now,
        only=str(approved.status) if said else None,
        is_elsewhere=said is not None,
    )
    if said is not None:
        transaction.put_new(said, RefundSettled())
    if approved.why == refund.APPLICATION:
        current = order.reload(taker)
        _take_back(transaction, current, approved.lines, approved.amount, cause, now)
    else:
        is_late = approved.why == refund.LATE
        what = What.LATE_PAYMENT_REFUNDED if is_late else What.DUPLICATE_PAYMENT_REFUNDED
        order.record_event(transaction, taker, what, cause, now, RefundSettled())
    try:
        transaction.commit()
    except RefundSettled:
        if said is not None:
            raise
        stored = refund.find_of_order(taker, approved.request_no)
        if stored is not None and stored.is_elsewhere:
            refund.note_twice(stored, now)
        elif stored is None or stored.status not in (refund.DONE, refund.OVERTAKEN):
            log.error("a refund cannot be carried out here, a person must look at it: order=%s", taker.number)
            raise


def overtake(paid: Order, trade_no: str, cause: Cause, now: datetime) -> None:
    """The provider tells that a whole trade was refunded, whoever did it: what is left of its order is taken
    back, and money of this trade that was to go back has gone.

    Repeating it changes nothing. An order that another trade paid, or whose money our own refunds account for,
    stays as it is. Raises CannotTakeBack, StoreUnavailable, OutcomeUnknown.
    """
    for other in refund.list_refunds(paid):
        if other.why != refund.APPLICATION and other.trade_no == trade_no and other.is_open():
            complete(paid, other, cause, now)
    for _ in range(_TRIES):
        current = order.reload(paid)
        left = current.amount - current.refunded_amount
        if current.trade_no != trade_no or not left or current.status == order.REFUNDED:
            return
        transaction = Transaction()
        for other in refund.list_refunds(current):
            if other.why == refund.APPLICATION and other.is_open():
                refund.settle(transaction, other, refund.OVERTAKEN, now)
        _take_back(transaction, current, current.open_lines(), left, cause, now)
        try:
            transaction.commit()
        except RefundSettled:
            continue  # an application was decided, or carried out, at this very moment
        return
    order.note_trouble(
        current,
        "the provider refunded all of it, and that cannot be carried out: what it holds is not as it says",
        now,
    )
    raise CannotTakeBack(store="dynamodb", operation="overtake", reason="conflict")


def _take_back(
    transaction: Transaction, paid: Order, lines: Sequence[int], amount: Fen, cause: Cause, now: datetime
) -> None:
    refusal = RefundSettled()
    order.mark_lines_refunded(transaction, paid, list(lines), amount, cause, now)
    chosen = [paid.lines[position] for position in lines]
    for position, line in zip(lines, chosen, strict=True):
        enrollment.withdraw(transaction, paid.user_id, line.course, paid.number, position, now, refusal)
    records = [line.coupon_record_id for line in chosen if line.coupon_record_id is not None]
    is_all = set(paid.open_lines()) == set(lines)
    if is_all and paid.general_coupon_record_id is not None:
        records.append(paid.general_coupon_record_id)
    for record_id in records:
        coupon.release(transaction, paid.user_id, record_id, paid.number, refusal)
    beli = sum(line.beli for line in chosen)
    if beli:
        why = f"order {paid.number} refunded"
        cause_key = f"{paid.number}#refunded#{'-'.join(map(str, lines))}"
        ledger.change(transaction, ledger.entry(paid.user_id, beli, cause_key, why, now), refusal)


def record_notice(
    taker: Order,
    trade_no: str,
    refunded: Fen,
    request_no: str,
    cause: Cause,
    now: datetime,
    *,
    needs_person: bool,
) -> None:
    """Record a provider's word of a refund, once. Raises StoreUnavailable, OutcomeUnknown."""
    transaction = Transaction()
    payment.record_notice(
        transaction, taker, trade_no, refunded, request_no, cause, now, needs_person=needs_person
    )
    try:
        transaction.commit()
    except OrderClosed:
        # It was recorded while the refund could still become one of ours, and that was refused meanwhile.
        if not needs_person or not payment.note_needs_person(taker, request_no, refunded, now):
            return
    if needs_person:
        log.error(
            "a partial refund that is not ours names no line, a person must act: order=%s", taker.number
        )
