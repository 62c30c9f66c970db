"""Refunds: money on its way back, from an application (or the shop's own decision) to the provider's confirmation.

A refund of an application names lines of its order; one of a payment that its order cannot use (late, duplicate) names
none. The request number is made once and stored before the provider is called: repeated calls refund once. Where the
provider gives a number up, another try has a number of its own, `<request number>-<try>`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from pynamodb.attributes import (
    BooleanAttribute,
    ListAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
    UTCDateTimeAttribute,
)
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.errors import OrderNotFound, RefundFinished, RefundNotAllowed, RefundNotFound
from chalicelib.money import Fen
from chalicelib.shop import open_items
from chalicelib.shop.attention import DECISION, LEAVE_ATTENTION, PROBLEM, AttentionItem, list_attention
from chalicelib.shop.order import Order, OrderLine, about, find_by_number, random_characters
from chalicelib.shop.partition import Page, list_partition
from chalicelib.shop.payment import Payment
from chalicelib.shop.work import WorkItem, due_actions
from chalicelib.storage.dynamodb import Transaction, UserItem, WholeNumber, find

log = logging.getLogger(__name__)

REQUESTED, APPROVED, STUCK = "requested", "approved", "stuck"
"""requested: waits for an operator. approved: the provider is asked until it confirms. stuck: it refuses, and a person
must act.
"""
DONE, REFUSED, WITHDRAWN, SUPERSEDED = "done", "refused", "withdrawn", "overtaken"
"""done: the provider has confirmed. refused: by an operator. withdrawn: by the learner. superseded: the whole trade was
refunded elsewhere.
"""
NOT_MADE = (REFUSED, WITHDRAWN)
"""The learner keeps what was paid for."""

APPLICATION, LATE, DUPLICATE = "application", "late payment", "surplus payment"

STATUS_NAMES = {
    REQUESTED: "待审核",
    APPROVED: "退款中",
    STUCK: "退款中",
    DONE: "已退款",
    REFUSED: "已拒绝",
    WITHDRAWN: "已撤回",
    SUPERSEDED: "已退款",
}
"""Status -> what a learner reads. That a refund is stuck is the school's worry, not the learner's."""

_PAUSES = (
    timedelta(seconds=15),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
)
_LONG_PAUSES = (*_PAUSES, timedelta(hours=4), timedelta(hours=8), timedelta(hours=16), timedelta(days=1))
"""While the provider says that it is at work."""
PATIENCE = timedelta(hours=2)
"""After so long without a clear answer a refund is flagged."""

STUCK_THERE = (
    "the provider cannot hand the money over, the buyer's card or account is gone: have it dealt with"
    " there as an abnormal refund; the shop notices by itself and completes it"
)
GIVEN_UP = "the provider has given it up, no money went back: to try again asks under a new number"
TWICE = "the money went back twice"
"""What problems say. That of a double refund ends so."""


class Refund(WorkItem, AttentionItem, discriminator="REFUND"):
    """One refund: `amount` in fen of money, `beli` whole, `lines` positions in the order, `course_names` theirs, and
    `course_keys`, which older ones lack.

    The provider knows it by `request_no`; `attempts` counts the calls, `problem` is their last answer. `decided_by` and
    `answer` are the operator's. `refunded_externally`: an operator says that the money went back another way, and the
    provider has not said otherwise. `provider` is whose trade `trade_no` is, where it may be another than the order's:
    `provider_of` tells for each. `trade_number` is our number of that trade, None where it is the order's.

    `made_after_all_at`: when the shop heard that the provider has made it, though its money had gone back another way.

    `try_no` is the try that is made now, from 1 (None); `is_given_up`: the provider has given that one up. `made_as` is
    the number under which the provider has made it, where it is not `request_no`; `also_made_as` are others under which
    it has made it as well.
    """

    request_no = UnicodeAttribute()
    order_number = UnicodeAttribute()
    user_id = WholeNumber()
    why = UnicodeAttribute()
    lines: ListAttribute[Any] = ListAttribute(of=WholeNumber, default=list)
    course_names: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute, default=list)
    course_keys: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute, default=list)
    amount = WholeNumber()
    beli = WholeNumber(default=0)
    provider = UnicodeAttribute(null=True)
    trade_no = UnicodeAttribute(null=True)
    trade_number = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(default="")
    answer = UnicodeAttribute(default="")
    status = UnicodeAttribute()
    requested_at = UTCDateTimeAttribute()
    decided_by = UnicodeAttribute(null=True)
    finished_at = UTCDateTimeAttribute(null=True, attr_name="settled_at")
    attempts = WholeNumber(default=0)
    try_no = WholeNumber(null=True)
    is_given_up = BooleanAttribute(null=True)
    made_as = UnicodeAttribute(null=True)
    also_made_as = UnicodeSetAttribute(null=True)
    problem = UnicodeAttribute(null=True, attr_name="trouble")
    refunded_externally = BooleanAttribute(null=True, attr_name="is_elsewhere")
    made_after_all_at = UTCDateTimeAttribute(null=True)

    def provider_of(self, order: Order) -> str:
        """The provider by which the money goes back."""
        return str(self.provider or order.payment_type)

    def gives_back(self) -> bool:
        """Whether it returns money or beli."""
        return bool(self.amount or self.beli)

    def is_undecided(self) -> bool:
        """Whether it is an application that waits for an operator's decision."""
        return bool(self.status == REQUESTED)

    def is_open(self) -> bool:
        """Whether the refund is unfinished."""
        return self.status in (REQUESTED, APPROVED, STUCK)

    def number(self) -> str:
        """The number under which the provider is asked for it now."""
        return _numbered(self.request_no, self.try_no or 1)

    def numbers(self) -> list[str]:
        """The numbers of all its tries, oldest first."""
        return [_numbered(self.request_no, one) for one in range(1, (self.try_no or 1) + 1)]

    def number_made(self) -> str:
        """The number under which the provider has made it; for one that is done."""
        return str(self.made_as or self.request_no)

    def pause(self, *, is_under_way: bool) -> timedelta:
        """How long to wait before the provider is asked again; ever longer while it says that it is at work."""
        pauses = _LONG_PAUSES if is_under_way else _PAUSES
        return pauses[min(int(self.attempts), len(pauses) - 1)]

    def is_past_patience(self, takes: timedelta) -> bool:
        """Whether it takes longer than it should, by the pauses between its attempts."""
        more = max(0, int(self.attempts) - len(_LONG_PAUSES))
        return sum(_LONG_PAUSES[: int(self.attempts)], more * _LONG_PAUSES[-1]) >= takes


def _numbered(request_no: str, try_no: int) -> str:
    return request_no if try_no == 1 else f"{request_no}-{try_no}"


_RANDOM_LENGTH = 6
MAX_ORDER_NUMBER = 64 - 1 - _RANDOM_LENGTH
"""The longest number of an order that can be refunded: providers take request numbers of 64 characters."""


def new_request_no(order_number: str) -> str:
    """A new request number: the order's, `_` and random characters."""
    return f"{order_number}_{random_characters(_RANDOM_LENGTH)}"


def _sort(order_number: str, request_no: str) -> str:
    return f"{about(order_number)}REFUND#{request_no}"


def _refund_item(
    order: Order,
    why: str,
    amount: Fen,
    status: str,
    now: datetime,
    *,
    request_no: str | None = None,
    **attributes: Any,
) -> Refund:
    request_no = request_no or new_request_no(order.number)
    return Refund(
        order.owner,
        _sort(order.number, request_no),
        request_no=request_no,
        order_number=order.number,
        user_id=order.user_id,
        why=why,
        amount=amount,
        status=status,
        requested_at=now,
        **attributes,
    )


def application(
    order: Order, lines: Sequence[int], reason: str, now: datetime, request_no: str | None = None
) -> Refund:
    """A learner's application for the refund of some open lines, ready to be written: money as of `Order.refundable`,
    beli as beli. It gets a new request number unless one is given.
    """
    chosen: list[OrderLine] = [order.lines[position] for position in lines]
    return _refund_item(
        order,
        APPLICATION,
        order.refundable(lines),
        REQUESTED,
        now,
        request_no=request_no,
        lines=list(lines),
        course_names=[line.course_name for line in chosen],
        course_keys=[str(line.course) for line in chosen],
        beli=sum(line.beli for line in chosen),
        trade_no=order.trade_no,
        trade_number=order.trade_number,
        reason=reason,
        attention=DECISION,
        attention_at=int(now.timestamp()),
    )


def of_payment(order: Order, received: Payment, why: str, now: datetime) -> Refund:
    """The refund of a payment that its order cannot use, decided by the shop itself, ready to be written."""
    reason = "订单已关闭，款项退回" if why == LATE else "重复付款，款项退回"
    back = _refund_item(
        order,
        why,
        received.amount,
        APPROVED,
        now,
        provider=received.provider,
        trade_no=received.trade_no,
        trade_number=received.number,
        reason=reason,
        decided_by="the shop",
    )
    back.set_due(now)
    return back


MAX_WAITING = 5
"""How many applications of one learner may wait for a decision."""


def request(transaction: Transaction, asked: Refund) -> None:
    """Add an application that waits for a decision. Refusals: RefundNotAllowed (many), RefundFinished (its number is
    taken).
    """
    refusal = RefundNotAllowed(reason="many")
    open_items.add(transaction, asked, open_items.REFUNDS, MAX_WAITING, refusal)
    add(transaction, asked)


def may_request(order: Order) -> bool:
    """Whether the order's user may apply once more; drops decided applications from the count. Two round trips; one
    write where there are any.
    """

    def waits(item: UserItem) -> bool:
        return isinstance(item, Refund) and item.status == REQUESTED

    return open_items.make_room(order.owner, open_items.REFUNDS, MAX_WAITING, waits)


def finish_at_once(asked: Refund, now: datetime) -> None:
    """Finish an application that gives nothing back before it is written: there is nothing to decide."""
    asked.status, asked.finished_at = DONE, now
    asked.attention = asked.attention_at = None


def add(transaction: Transaction, refund: Refund) -> None:
    """Add a new refund. Refusal: RefundFinished (its number is taken)."""
    transaction.put_new(refund, RefundFinished())


def find_refund(request_no: str) -> tuple[Order, Refund]:
    """The refund with this request number, and its order. Three round trips. Raises RefundNotFound."""
    order_number, _, suffix = request_no.rpartition("_")
    if not suffix or not order_number:
        raise RefundNotFound()
    try:
        order = find_by_number(order_number)
    except OrderNotFound as error:
        raise RefundNotFound() from error
    refund = find_of_order(order, request_no)
    if refund is None:
        raise RefundNotFound()
    return order, refund


def find_of_order(order: Order, request_no: str) -> Refund | None:
    """The order's refund with this request number, or None. One round trip."""
    return find(Refund, order.owner, _sort(order.number, request_no))


def find_told(order: Order, number: str) -> Refund | None:
    """The order's refund that was asked for under this number, at whichever try, or None. One round trip; two for what
    may be the number of a later try.
    """
    found = find_of_order(order, number)
    if found is None and (request_no := number.rpartition("-")[0]):
        later = find_of_order(order, request_no)
        found = later if later is not None and number in later.numbers() else None
    return found


def list_waiting(limit: int, cursor: str | None = None) -> Page[Refund]:
    """Applications that wait for a decision, longest first, as of `list_attention`. Raises InvalidPage."""
    page = list_attention(DECISION, limit, cursor)
    return Page([item for item in page.items if isinstance(item, Refund)], page.next_cursor)


def list_refunds(order: Order) -> list[Refund]:
    """All refunds of an order, oldest first. One Query."""
    return oldest_first(list_partition(order.user_id, f"{about(order.number)}REFUND#"))


def beyond_requests(order: Order, refunds: Iterable[Refund]) -> tuple[Fen, list[int]]:
    """What went back for an order (fen) by no request of the shop's, and for which lines: all that was left of its
    trade. `refunds` are the order's.
    """
    applied = [made for made in refunds if made.status == DONE and made.why == APPLICATION]
    others = {position for made in applied for position in made.lines}
    lines = [position for position in order.refunded_lines if position not in others]
    return order.refunded_amount - sum(made.amount for made in applied), lines


def whole_of_trade(order: Order, trade_no: str, refunds: Iterable[Refund]) -> tuple[Fen, datetime | None]:
    """How much (fen) went back of one of an order's trades by no request of the shop's, and when that was heard of; 0
    and None where it was not all that was left. `refunds` are the order's.
    """
    if order.trade_no == trade_no:
        amount, _ = beyond_requests(order, refunds)
        return amount, order.refunded_at if amount else None
    for back in refunds:
        if back.why != APPLICATION and back.trade_no == trade_no and back.status == SUPERSEDED:
            return back.amount, back.finished_at
    return 0, None


def oldest_first(items: Iterable[UserItem]) -> list[Refund]:
    """The refunds among some items, by the time of their application. Their keys end in random characters."""
    found = [item for item in items if isinstance(item, Refund)]
    return sorted(found, key=lambda one: (one.requested_at, one.request_no))


def approve(transaction: Transaction, refund: Refund, by: str, now: datetime) -> None:
    """Approve a requested refund; it is due at once. Refusal: RefundFinished."""
    actions = [Refund.status.set(APPROVED), Refund.decided_by.set(by), *due_actions(now), *LEAVE_ATTENTION]
    transaction.update(refund, actions, Refund.status == REQUESTED, RefundFinished())


def try_again(transaction: Transaction, refund: Refund, now: datetime) -> None:
    """Make a refund that is stuck, or not confirmed yet, due at once; under a new number where the provider has given
    up the one that it had. Refusal: RefundFinished.
    """
    actions: list[Action] = [Refund.status.set(APPROVED), *due_actions(now), *LEAVE_ATTENTION]
    unchanged = _is_same_try(refund)
    if refund.is_given_up:
        actions += [Refund.try_no.set((refund.try_no or 1) + 1), Refund.is_given_up.remove()]
        actions.append(Refund.attempts.set(0))
        unchanged &= Refund.is_given_up.exists()
    else:
        unchanged &= Refund.is_given_up.does_not_exist()
    transaction.update(refund, actions, Refund.status.is_in(APPROVED, STUCK) & unchanged, RefundFinished())


def _is_same_try(refund: Refund) -> Condition:
    """That no other try has begun since it was read."""
    if refund.try_no is None:
        return Refund.try_no.does_not_exist()
    return Refund.try_no == refund.try_no


def finish(
    transaction: Transaction,
    refund: Refund,
    status: str,
    now: datetime,
    *,
    by: str | None = None,
    answer: str = "",
    only: str | None = None,
    refunded_externally: bool = False,
    made_as: str | None = None,
) -> None:
    """Finish a refund: done or superseded (unless it is finished), refused (while it waits for a person), or withdrawn
    (while nobody has decided on it).

    `only`: while it is in this state. `refunded_externally`: its money went back another way. `made_as`: the number
    under which the provider has made it; it is flagged unless that is the number of the try that is made now. Refusal:
    RefundFinished.
    """
    actions: list[Action] = [
        Refund.status.set(status),
        Refund.finished_at.set(now),
        *due_actions(None),
    ]
    if made_as is None or made_as == refund.number():
        actions += LEAVE_ATTENTION
    else:
        problem = (
            f"the provider has made it as {made_as}, which it had given up:"
            f" look there whether it makes {refund.number()} too"
        )
        actions += [Refund.problem.set(problem), *_flag(now)]
    if by is not None:
        actions += [Refund.decided_by.set(by), Refund.answer.set(answer)]
    if refunded_externally:
        actions.append(Refund.refunded_externally.set(True))
    if made_as is not None and made_as != refund.request_no:
        actions.append(Refund.made_as.set(made_as))
    before = {
        DONE: (APPROVED, STUCK),
        SUPERSEDED: (REQUESTED, APPROVED, STUCK),
        REFUSED: (REQUESTED, STUCK),
        WITHDRAWN: (REQUESTED,),
    }[status]
    expected = Refund.status.is_in(*before) if only is None else Refund.status == only
    transaction.update(refund, actions, expected & _is_same_try(refund), RefundFinished())


def _flag(now: datetime) -> list[Action]:
    return [Refund.attention.set(PROBLEM), Refund.attention_at.set(int(now.timestamp()))]


def count_attempt(
    transaction: Transaction,
    refund: Refund,
    problem: str,
    now: datetime,
    again_at: datetime,
    *,
    is_flagged: bool,
) -> None:
    """Count a call that the provider did not confirm, and ask again at `again_at`. It is flagged, or not any more, as
    `is_flagged` says; since when it was flagged first stays. Refusal: RefundFinished.
    """
    actions: list[Action] = [Refund.attempts.add(1), Refund.problem.set(problem), *due_actions(again_at)]
    if is_flagged:
        since = Refund.attention_at | int(now.timestamp())
        actions += [Refund.attention.set(PROBLEM), Refund.attention_at.set(since)]
    else:
        actions += LEAVE_ATTENTION
    expected = (Refund.status == APPROVED) & _is_same_try(refund)
    transaction.update(refund, actions, expected, RefundFinished())


def flag_under_way(transaction: Transaction, refund: Refund, problem: str, now: datetime) -> None:
    """Flag a refund that waits for a person at the provider; it is asked about as before. Refusal: RefundFinished."""
    expected = (Refund.status == APPROVED) & _is_same_try(refund)
    transaction.update(refund, [Refund.problem.set(problem), *_flag(now)], expected, RefundFinished())


def mark_stuck(
    transaction: Transaction, refund: Refund, problem: str, now: datetime, *, is_given_up: bool = False
) -> None:
    """Flag a refund that the provider refuses, or (`is_given_up`) has given up. Refusal: RefundFinished."""
    actions: list[Action] = [
        Refund.status.set(STUCK),
        Refund.problem.set(problem),
        *_flag(now),
        *due_actions(None),
    ]
    if is_given_up:
        actions.append(Refund.is_given_up.set(True))
    expected = (Refund.status == APPROVED) & _is_same_try(refund)
    transaction.update(refund, actions, expected, RefundFinished())


def flag_double_refund(transaction: Transaction, refund: Refund, number: str, now: datetime) -> None:
    """Flag a refund that is done and that the provider has made as `number` besides: its money had gone back another
    way, or under another number. Once for each number. Refusal: RefundFinished.
    """
    actions: list[Action]
    if refund.refunded_externally:
        problem = f"the provider has carried it out, though it went back another way already: {TWICE}"
        actions = [Refund.refunded_externally.remove(), Refund.made_after_all_at.set(now)]
        if number != refund.request_no:
            actions.append(Refund.made_as.set(number))
        still = Refund.refunded_externally == True  # noqa: E712 (a condition of DynamoDB)
    else:
        problem = f"the provider has made it as {refund.number_made()} and as {number}: {TWICE}"
        actions = [Refund.also_made_as.add({number})]
        still = (Refund.status == DONE) & ~Refund.also_made_as.contains(number)
    actions += [Refund.problem.set(problem), *_flag(now)]
    transaction.update(refund, actions, still, RefundFinished())


def clear_problem(transaction: Transaction, refund: Refund) -> None:
    """Clear the flag of a refund that is done, on an operator's word. Refusal: RefundFinished."""
    transaction.update(refund, [*LEAVE_ATTENTION], Refund.attention == PROBLEM, RefundFinished())
