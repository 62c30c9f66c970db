"""Decide on a refund as an operator: approve it, refuse it, try it again, or resolve it."""

from __future__ import annotations

from datetime import datetime

from chalicelib.errors import OwnRefund, PaymentUnknown, RefundedAtProvider, RefundFinished
from chalicelib.gateways import Gateways
from chalicelib.gateways.payments import Unclear
from chalicelib.shop import audit, refund, refund_notice
from chalicelib.shop import order as orders
from chalicelib.shop.attention import PROBLEM
from chalicelib.shop.event import By, Cause, What
from chalicelib.shop.order import Order
from chalicelib.shop.refund import Refund

from . import carry_out_refund
from .apply_for_refund import resume_access

_CONFIRMED = "confirmed: to be paid whatever else the provider refunded"


def _find_others(request_no: str, operator_id: int | None) -> tuple[Order, Refund]:
    """The refund that an operator decides on, and its order. `operator_id`: their user id, where they have one.

    Raises RefundNotFound, OwnRefund (the order is the operator's own).
    """
    order, asked = refund.find_refund(request_no)
    if asked.user_id == operator_id:
        raise OwnRefund()
    return order, asked


def refuse(
    request_no: str,
    by: str,
    answer: str,
    gateways: Gateways,
    now: datetime,
    *,
    operator_id: int | None = None,
) -> None:
    """Refuse an application on an operator's word: access runs again, longer by the time that the pause took.

    A stuck one can be refused too, once the provider says that it was not executed. Raises RefundNotFound, OwnRefund;
    RefundFinished (also when the provider has executed it: then it is completed); PaymentUnknown (the answer is
    unclear, nothing is changed).
    """
    order, asked = _find_others(request_no, operator_id)
    if asked.why != refund.APPLICATION or asked.status not in (refund.REQUESTED, refund.STUCK):
        raise RefundFinished()
    if asked.status == refund.STUCK:
        is_done = carry_out_refund.was_executed_though_refused(order, asked, gateways, now)
        if isinstance(is_done, Unclear):
            raise PaymentUnknown(order.number, is_done.reason, needs_person=False)
        if is_done:
            carry_out_refund.complete(order, asked, Cause(By.PROVIDER), now)
            raise RefundFinished()
    transaction = audit.recorded(audit.entry(by, "refuse-refund", request_no, now, reason=answer))
    refund.finish(transaction, asked, refund.REFUSED, now, by=by, answer=answer, only=str(asked.status))
    cause = Cause(By.OPERATOR, f"{by}, refund {request_no}")
    orders.end_application(transaction, order, What.REFUND_REFUSED, cause, now)
    resume_access(transaction, order, asked.lines, now)
    transaction.commit()


def approve(
    request_no: str,
    by: str,
    gateways: Gateways,
    now: datetime,
    *,
    operator_id: int | None = None,
    pay_again: bool = False,
) -> str:
    """Approve an application on an operator's word, and ask the provider at once -> the refund's status afterwards.

    The timer asks again where the provider does not confirm now. Six round trips where it does, and one call; one less
    with `pay_again`: the operator knows that the provider told of refunds that the shop did not make, and that they
    were not for these lines. Raises RefundNotFound, OwnRefund, RefundFinished, RefundedAtProvider (it told of some).
    """
    order, asked = _find_others(request_no, operator_id)
    if not pay_again and asked.is_undecided() and _may_be_back(asked):
        raise RefundedAtProvider(order=order.number)
    said = _CONFIRMED if pay_again else ""
    transaction = audit.recorded(audit.entry(by, "approve-refund", request_no, now, details=said))
    refund.approve(transaction, asked, by, now)
    orders.record_event(
        transaction, order, What.REFUND_APPROVED, Cause(By.OPERATOR, by), now, RefundFinished()
    )
    transaction.commit()
    return carry_out_refund.carry_out(order, asked, gateways, now)


def _may_be_back(asked: Refund) -> bool:
    """Whether an application's money may have gone back already, by a refund that the shop did not make. One Query;
    none for one that gives no money back.
    """
    is_asked_for = asked.why == refund.APPLICATION and asked.amount
    return bool(is_asked_for and refund_notice.told_beyond(asked))


def try_again(request_no: str, by: str, gateways: Gateways, now: datetime, *, pay_again: bool = False) -> str:
    """Try a refund once more that is stuck, or not confirmed yet -> its status afterwards. Safe: the provider refunds
    once. One that it has given up is asked for under a new number.

    `pay_again` as of `approve`: of one that is stuck. Raises RefundNotFound, RefundFinished, RefundedAtProvider.
    """
    order, asked = refund.find_refund(request_no)
    if not pay_again and asked.status == refund.STUCK and _may_be_back(asked):
        raise RefundedAtProvider(order=order.number)
    said = _CONFIRMED if pay_again else ""
    transaction = audit.recorded(audit.entry(by, "retry-refund", request_no, now, details=said))
    refund.try_again(transaction, asked, now)
    orders.record_event(
        transaction, order, What.REFUND_TRIED_AGAIN, Cause(By.OPERATOR, by), now, RefundFinished()
    )
    transaction.commit()
    if asked.is_given_up:
        order, asked = refund.find_refund(request_no)  # it has a new number
    return carry_out_refund.carry_out(order, asked, gateways, now)


def resolve_elsewhere(
    request_no: str,
    by: str,
    reason: str,
    gateways: Gateways,
    now: datetime,
    *,
    operator_id: int | None = None,
) -> bool:
    """Complete a refund whose money went back another way, as an operator says: one that is flagged, or an application
    that waits after the provider told of refunds that the shop did not make -> whether the provider had executed it: a
    flagged one is queried first, and its answer wins.

    A refund that the provider executes later is flagged, and resolved here, too. Raises RefundNotFound, OwnRefund,
    RefundFinished (it is neither, or was decided at this moment).
    """
    order, asked = _find_others(request_no, operator_id)
    if asked.attention != PROBLEM and not (asked.is_undecided() and _may_be_back(asked)):
        raise RefundFinished()
    said = audit.entry(by, "resolve-refund", request_no, now, reason=reason)
    if asked.status == refund.DONE:
        transaction = audit.recorded(said)
        refund.clear_problem(transaction, asked)
        transaction.commit()
        return False
    # What nobody has decided on, the provider was never asked for.
    if not asked.is_undecided() and carry_out_refund.is_executed(order, asked, gateways) is True:
        audit.write(said)
        carry_out_refund.complete(order, asked, Cause(By.PROVIDER), now)
        return True
    # Where the answer is unclear, a person knows more than the provider says.
    carry_out_refund.complete_with(
        audit.recorded(said),
        order,
        asked,
        Cause(By.OPERATOR, f"{by}, refunded elsewhere"),
        now,
        only=str(asked.status),
        refunded_externally=True,
    )
    return False
