"""The invariants of a user's items, which hold at every moment, however the shop was interrupted.

`violations` reads everything stored of some users, strongly consistent, and says in words what is wrong. It knows every
kind of item: a new kind is a violation until a rule for it stands here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any, TypeVar

from chalicelib.settings import settings
from chalicelib.shop import attention, coupon, message, order, payment, refund
from chalicelib.shop.contact import Contact, ContactClaim, claim_keys
from chalicelib.shop.coupon import CouponOffer, CouponRecord
from chalicelib.shop.coupon_claim import Claim
from chalicelib.shop.enrollment import EnrollmentSlice
from chalicelib.shop.event import By, What
from chalicelib.shop.free_course import FreeCourses
from chalicelib.shop.gift import Gift
from chalicelib.shop.hand_in import MAX_MARK, HandIn
from chalicelib.shop.idempotency import FirstAnswer
from chalicelib.shop.inbox import Inbox
from chalicelib.shop.ledger import LedgerEntry
from chalicelib.shop.message import Message
from chalicelib.shop.message_texts import TEMPLATES, Event, words
from chalicelib.shop.one_time_code import SENDING_LIMITS, Sendings
from chalicelib.shop.open_items import OpenItems
from chalicelib.shop.order import Order, OrderEvent, OrderPointer
from chalicelib.shop.partition import partition
from chalicelib.shop.payment import Payment
from chalicelib.shop.progress import CourseProgress, SectionProgress, StudyDay
from chalicelib.shop.question import MAX_OPEN, Question
from chalicelib.shop.refund import Refund
from chalicelib.shop.refund_notice import RefundNotice
from chalicelib.shop.reminder import Reminder
from chalicelib.shop.sent_count import MOST_OF_PERSON, SentCount
from chalicelib.shop.session import Session
from chalicelib.shop.study_place import StudyPlace
from chalicelib.shop.user import User, UserName
from chalicelib.shop.user_name import folded
from chalicelib.storage.dynamodb import ItemKey, UserItem, find_together
from tests.proof import journal
from tests.proof.counts import count
from tests.proof.reading import items_in, read_partition

KINDS = (
    *(User, LedgerEntry, CouponRecord, Claim, Order, OrderEvent, Payment, RefundNotice, Refund),
    *(EnrollmentSlice, FirstAnswer, Session, OpenItems, FreeCourses, Contact, Sendings, Message),
    *(StudyPlace, SectionProgress, CourseProgress, StudyDay),
    *(Question, HandIn),
    *(Inbox, Reminder, SentCount, Gift),
)
"""Every kind of item that may lie in a user's partition."""

AnItem = TypeVar("AnItem", bound=UserItem)


class Violated(AssertionError):
    """Something is stored that must never be; the text says what."""


@dataclass
class Belongings:
    """Everything that is stored in one user's partition."""

    user_id: int
    items: list[UserItem]
    raw: list[dict[str, Any]]
    """The same as DynamoDB tells it."""
    answers: list[bytes]
    """That, as it came over the line."""
    changed: list[tuple[dict[str, Any], UserItem]]
    """The pairs that are new, or other than they were before."""
    by_number: dict[str, Order] = field(init=False)

    def __post_init__(self) -> None:
        self.by_number = {placed.number: placed for placed in self.of(Order)}

    def pairs(self) -> list[tuple[dict[str, Any], UserItem]]:
        """Each item as DynamoDB tells it, and as it is read."""
        return list(zip(self.raw, self.items, strict=True))

    def of(self, kind: type[AnItem]) -> list[AnItem]:
        """The items of one kind."""
        return [item for item in self.items if type(item) is kind]

    @property
    def user(self) -> User:
        """The user's own item."""
        (user,) = self.of(User)
        return user


def belongings(user_id: int, before: Belongings | None = None) -> Belongings:
    """All that is stored of a user, strongly consistent. One Query.

    What is stored as it was `before` is not made into items anew; when all of it is, `before` itself is given
    back: for whoever looks again and again.
    """
    answers = read_partition(str(UserItem.Meta.table_name), partition(user_id))
    if before is not None and before.answers == answers:
        return before
    raw = items_in(answers)
    if before is not None and before.raw == raw:
        return before
    known = {} if before is None else dict(zip(_sorts(before.raw), before.pairs(), strict=True))
    items, changed = [], []
    for stored in raw:
        old, item = known.get(stored["sort"]["S"], (None, None))
        if item is None or old != stored:
            item = UserItem.from_raw_data(stored)
            changed.append((stored, item))
        items.append(item)
    return Belongings(user_id, items, raw, answers, changed)


def _sorts(raw: list[dict[str, Any]]) -> list[str]:
    return [stored["sort"]["S"] for stored in raw]


def check(
    user_ids: Iterable[int],
    offers: Sequence[CouponOffer] = (),
    taken_back: Iterable[str] = (),
    followed: set[ItemKey] | None = None,
    before: Mapping[int, Belongings] | None = None,
    now: datetime | None = None,
    untouched: Collection[int] = (),
) -> list[Belongings]:
    """Read all that is stored of these users and hold it to every rule -> what was read.

    `offers`: coupons that nobody but these users has claimed; they are read anew. `taken_back`: numbers of
    orders and grants whose days an operator took back without a refund. `followed`: pointers and entries of the
    journal that were seen to be right, which never change; new ones are added. `before`: what was found to be right
    by the last check, by user. `now`: where it is given, closed orders are held to their timetable.
    `untouched`: users of whom nothing was written since `before`; they are not read again. Raises Violated.
    """
    count("steps")
    right = before or {}
    read = [
        right[user_id]
        if user_id in untouched and user_id in right
        else belongings(user_id, right.get(user_id))
        for user_id in user_ids
    ]
    done = set() if followed is None else followed
    pointers = [pointer for mine in read for pointer in _pointers(mine) if pointer not in done]
    changed = [mine for mine in read if right.get(mine.user_id) is not mine]
    facts = [fact for mine in changed for fact in journal.facts(mine.items) if fact.key not in done]
    wanted: list[ItemKey] = [*pointers, *((CouponOffer, offer.course_key, offer.sort) for offer in offers)]
    found = find_together([*wanted, *(fact.key for fact in facts)])
    wrong = [text for mine in changed for text in violations(mine, set(taken_back))]
    wrong += [text for fact in facts for text in journal.wrong(fact, found.get(fact.key))]
    if now is not None:
        wrong += [text for mine in changed for text in _watched(mine, now)]
    for key in pointers:
        if key not in found:
            wrong.append(f"nothing leads from {key[1]} to its order or user")
        elif isinstance(pointer := found[key], OrderPointer):
            if (pointer.user_id, pointer.order_sort) not in {
                (mine.user_id, placed.sort)
                for mine in read
                for placed in mine.of(Order)
                if key in _pointers_to(placed)
            }:
                wrong.append(f"{key[1]} leads elsewhere")
        elif isinstance(pointer, UserName) and pointer.user_id not in {mine.user_id for mine in read}:
            wrong.append(f"{key[1]} leads to somebody else")
    wrong += _claimed(read)
    for key in wanted[len(pointers) :]:
        offer = found[key]
        assert isinstance(offer, CouponOffer)
        wrong += _offer(offer, read)
    if wrong:
        raise Violated("; ".join(wrong))
    done.update(pointers)
    done.update(fact.key for fact in facts)
    return read


def forget(read: Iterable[Belongings], further: Iterable[UserItem] = ()) -> None:
    """Take users out of the tables again, with what leads to them and to their orders; and further items."""
    with UserItem.batch_write() as batch:
        for mine in read:
            for item in mine.items:
                batch.delete(item)
            for kind, owner, sort in _pointers(mine):
                batch.delete(kind(owner, sort))
        for item in further:
            batch.delete(item)


def _pointers(mine: Belongings) -> list[ItemKey]:
    keys = [key for placed in mine.of(Order) for key in _pointers_to(placed)]
    return [*keys, *((UserName, f"USERNAME#{folded(user.username)}", "USERNAME") for user in mine.of(User))]


def _pointers_to(placed: Order) -> list[ItemKey]:
    """An order is found by its number, and by those of the trades that were begun."""
    numbers = dict.fromkeys([placed.number, *(trade.number for trade in placed.begun())])
    return [(OrderPointer, f"ORDER#{number}", "POINTER") for number in numbers]


def _claimed(read: Sequence[Belongings]) -> Iterator[str]:
    """Each confirmed contact is claimed, for its user alone."""
    owners = {
        claim_keys(contact.channel, contact.to, settings().contact_keys)[0]: mine.user_id
        for mine in read
        for contact in mine.of(Contact)
    }
    found = find_together(list(owners))
    for key, user_id in owners.items():
        claim = found.get(key)
        if not isinstance(claim, ContactClaim) or claim.user_id != user_id:
            yield f"a contact of user {user_id} is not theirs alone"


def violations(mine: Belongings, taken_back: set[str]) -> Iterator[str]:
    """What is wrong with one user's things, in words."""
    for item in mine.items:
        if type(item) not in KINDS:
            yield f"an item of a kind that no rule is about: {type(item).__name__}"
    for stored, item in mine.changed:
        yield from _numbers(stored, item)
    if len(mine.of(User)) != 1:
        yield f"user {mine.user_id} is stored {len(mine.of(User))} times"
        return
    for rule in RULES:
        for text in rule(mine):
            yield f"{rule.__name__.strip('_')}: {text}"
    yield from _slices(mine, taken_back)


def _watched(mine: Belongings, now: datetime) -> Iterator[str]:
    """Money may come for three days after an order's expiry: a closed one is asked about so long, unless a person
    said that it was dealt with.
    """
    resolved = {
        event.number
        for event in mine.of(OrderEvent)
        if event.cause.by == By.OPERATOR and event.what in (What.CANCELLED, What.PROBLEM_RESOLVED)
    }
    for placed in mine.of(Order):
        is_due = placed.is_closed() and now < placed.expires_at + timedelta(days=3)
        if is_due and placed.due_at is None and placed.number not in resolved:
            yield f"order {placed.number} ({placed.status}) is off the work list, and money may still come"
    for place in mine.of(StudyPlace):
        if max(place.counted_until, place.studied_until) > now:
            yield f"a clock is used up until {max(place.counted_until, place.studied_until)}, which is to come"


def _numbers(stored: dict[str, Any], item: UserItem) -> Iterator[str]:
    """No number anywhere is below zero, but for what a ledger's entry takes."""

    def negative(value: Any, name: str) -> Iterator[str]:
        if isinstance(value, dict):
            for inner, part in value.items():
                if inner == "N" and isinstance(part, str) and part.startswith("-"):
                    yield name
                else:
                    yield from negative(part, inner if inner not in ("M", "L") else name)
        elif isinstance(value, list):
            for part in value:
                yield from negative(part, name)

    for name in negative(stored, ""):
        if not isinstance(item, LedgerEntry) or name != "beli":
            yield f"{type(item).__name__} {item.sort}: {name} is below zero"


def _balance(mine: Belongings) -> Iterator[str]:
    """The ledger's entries add up to the balance; each order holds exactly the beli that it should."""
    entries = mine.of(LedgerEntry)
    if sum(entry.beli for entry in entries) != mine.user.beli:
        yield f"the ledger adds up to {sum(entry.beli for entry in entries)}, the balance is {mine.user.beli}"
    held: Counter[str] = Counter()
    for entry in entries:
        words = entry.cause.split()
        if words[0] == "order":
            held[words[1]] -= entry.beli
    for placed in mine.of(Order):
        due = (
            0 if placed.is_closed() else sum(placed.lines[position].beli for position in placed.open_lines())
        )
        if held.pop(placed.number, 0) != due:
            yield f"order {placed.number} ({placed.status}) does not hold the {due} beli it should"
    if any(held.values()):
        yield f"beli are held by no order: {dict(held)}"


def _holdings(placed: Order) -> list[int]:
    """The coupon records that an order must hold, by what became of it."""
    if placed.is_closed():
        return []
    records = [placed.lines[position].coupon_record_id for position in placed.open_lines()]
    if placed.status != order.REFUNDED:
        records.append(placed.general_coupon_record_id)
    return [record for record in records if record is not None]


def _coupons(mine: Belongings) -> Iterator[str]:
    """Each coupon record is in one state: free, reserved by one open order, or used by one that was paid."""
    holder: dict[int, Order] = {}
    for placed in mine.of(Order):
        for record_id in _holdings(placed):
            if record_id in holder:
                yield f"record {record_id} is held by {holder[record_id].number} and {placed.number}"
            holder[record_id] = placed
    records = {record.record_id: record for record in mine.of(CouponRecord)}
    for record_id in holder.keys() - records.keys():
        yield f"order {holder[record_id].number} holds a record that is nowhere: {record_id}"
    for record_id, record in records.items():
        placed_by = holder.get(record_id)
        wanted: tuple[str, str | None, bool]
        if placed_by is None:
            wanted = (coupon.UNUSED, None, False)
        elif placed_by.is_open():
            wanted = (coupon.RESERVED, placed_by.number, False)
        else:
            wanted = (coupon.USED, placed_by.number, True)
        stored = (record.status, record.order_number, record.used_at is not None)
        if stored != wanted:
            yield f"record {record_id} is {stored}, it should be {wanted}"


def _prices(mine: Belongings) -> Iterator[str]:
    """Each order costs what its coupons and beli make of the policies' prices, computed here once more."""
    records = {record.record_id: record for record in mine.of(CouponRecord)}
    for placed in mine.of(Order):
        name = f"order {placed.number}"
        for record_id in placed.coupon_record_ids():
            record = records.get(record_id)
            if record is None or not record.valid_from <= placed.placed_at < record.valid_until:
                yield f"{name}: coupon {record_id} was not good when it was placed"
                return
        subtotal = 0
        for line in placed.lines:
            price = _after(records.get(line.coupon_record_id), line.original_price)
            if price != line.price:
                yield f"{name}: a line of {line.original_price} costs {line.price}, it should be {price}"
            subtotal += line.price
        after = _after(records.get(placed.general_coupon_record_id), subtotal)
        if subtotal - after != placed.general_discount:
            yield f"{name}: its general coupon takes {placed.general_discount} off {subtotal}"
        if after - placed.beli_discount != placed.amount:
            yield f"{name}: {after} less {placed.beli_discount} of beli is not {placed.amount}"
        if placed.beli != -(-placed.beli_discount // 10):
            yield f"{name}: {placed.beli} beli for {placed.beli_discount}"
        # Where something is left to pay, no beli is worth less than it could be.
        if placed.amount and placed.beli * 10 != placed.beli_discount:
            yield f"{name}: {placed.beli} beli for {placed.beli_discount}, and {placed.amount} to pay"
        for what, whole in (("general_share", placed.general_discount), ("beli_share", placed.beli_discount)):
            yield from _shares(name, what, whole, placed.lines)


def _after(record: CouponRecord | None, price: int) -> int:
    """A price after a coupon: the rules of the contract, written independently of the shop's."""
    if record is None:
        return price
    if record.coupon_type == coupon.PERCENT:
        exact = Decimal(price) * Decimal(record.off_percent or 100) / 100
        return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))
    if record.coupon_type == coupon.FULL and price < record.minimum:
        return -1
    return max(0, price - record.value)


def _shares(name: str, what: str, whole: int, lines: Sequence[Any]) -> Iterator[str]:
    """A discount on the whole order is split in proportion to what the lines cost, to less than a fen."""
    weights = [line.price - (line.general_share if what == "beli_share" else 0) for line in lines]
    for line, weight in zip(lines, weights, strict=True):
        exact = Fraction(whole * weight, sum(weights)) if sum(weights) else Fraction(0)
        if abs(getattr(line, what) - exact) >= 1:
            yield f"{name}: {what} of a line is {getattr(line, what)}, it should be {float(exact)}"


def _orders(mine: Belongings) -> Iterator[str]:
    """What an order says of itself adds up, and it is on the work list exactly while it may still change."""
    for placed in mine.of(Order):
        name = f"order {placed.number} ({placed.status})"
        lines = placed.lines
        positions = list(range(len(lines)))
        if placed.status not in order.STATUS_NAMES:
            yield f"{name}: no such status"
        sums = {
            "payable": (sum(line.payable for line in lines), placed.amount),
            "beli": (sum(line.beli for line in lines), placed.beli),
            "beli_share": (sum(line.beli_share for line in lines), placed.beli_discount),
            "general_share": (sum(line.general_share for line in lines), placed.general_discount),
        }
        if placed.general_minimum is None:
            back = sum(lines[position].payable for position in placed.refunded_lines)
            sums["refunded"] = (back, placed.refunded_amount)
        least = placed.amount - _kept_cost(placed, set(placed.refunded_lines))
        most = placed.amount - sum(lines[position].payable for position in placed.open_lines())
        if not least <= placed.refunded_amount <= most:
            yield f"{name}: {placed.refunded_amount} was refunded, it should be {least} to {most}"
        for what, (parts, whole) in sums.items():
            if parts != whole:
                yield f"{name}: {what} of its lines is {parts}, of the order {whole}"
        for line in lines:
            if line.price - line.general_share - line.beli_share != line.payable:
                yield f"{name}: a line's payable amount is not its price less its shares"
            if line.price > line.original_price:
                yield f"{name}: a coupon made a line dearer"
        if placed.refunded_lines != sorted(set(placed.refunded_lines) & set(positions)):
            yield f"{name}: refunded lines {placed.refunded_lines}"
        if set(placed.requested_lines) & set(placed.refunded_lines):
            yield f"{name}: a line is refunded and applied for"
        if bool(placed.requested_lines) != (placed.status == order.REFUNDING):
            yield f"{name}: applied for are {placed.requested_lines}"
        if (placed.refunded_lines == positions) != (placed.status == order.REFUNDED):
            yield f"{name}: refunded are {placed.refunded_lines} of {len(lines)} lines"
        if placed.refunded_lines and not placed.is_delivered():
            yield f"{name}: lines of an unpaid order are refunded"
        if (placed.paid_at is not None) != placed.is_delivered():
            yield f"{name}: paid_at is {placed.paid_at}"
        if (placed.closed_at is not None) != placed.is_closed():
            yield f"{name}: closed_at is {placed.closed_at}"
        if placed.is_open() and placed.due_at is None:
            yield f"{name}: nobody will process it"
        # One that was found paid and refunded stays due until it is taken back; one that may be paid again, until then.
        is_over = placed.status == order.REFUNDED and not placed.may_be_paid_again()
        if is_over and placed.due_at is not None:
            yield f"{name}: it is on the work list"
        if (placed.work_shard is None) != (placed.due_at is None):
            yield f"{name}: half of it is on the work list"
        if (placed.attention, placed.problem is None) not in ((None, True), (attention.PROBLEM, False)):
            yield f"{name}: it waits for a person ({placed.attention}) because of {placed.problem}"


def _payments(mine: Belongings) -> Iterator[str]:
    """Money is recorded once and kept by the one order it paid; what is not kept goes back, once."""
    received: dict[str, list[Payment]] = defaultdict(list)
    for paid in mine.of(Payment):
        received[paid.order_number].append(paid)
    for number in received.keys() - mine.by_number.keys():
        yield f"a payment is for no order: {number}"
    for placed in mine.of(Order):
        name, payments = f"order {placed.number} ({placed.status})", received[placed.number]
        applied = [(paid.trade_no, paid.amount) for paid in payments if paid.use == payment.APPLIED]
        needs_money = placed.is_delivered() and placed.amount > 0
        if applied != ([(placed.trade_no, placed.amount)] if needs_money else []):
            yield f"{name} was paid by {applied}, it says {placed.trade_no} {placed.amount}"
        begun = [(trade.provider, trade.number) for trade in placed.begun()]
        if len({trade for _, trade in begun}) < len(begun):
            yield f"{name}: two of its trades have one number: {begun}"
        for paid in payments:
            if (paid.provider, paid.number or placed.number) not in begun:
                yield f"{name}: {paid.trade_no} is of no trade that was begun: {paid.provider} {paid.number}"
            if paid.use == payment.APPLIED and (paid.provider, paid.number) != (
                placed.payment_type,
                placed.trade_number,
            ):
                yield f"{name}: it was paid by {paid.provider} {paid.number}, it says {placed.payment_type}"
        trades = Counter(paid.trade_no for paid in payments)
        if any(times > 1 for times in trades.values()):
            yield f"{name}: a payment is recorded twice: {trades}"
        going_back = Counter(
            (item.trade_no, item.amount, item.why)
            for item in _refunds_of(mine, placed)
            if item.why != refund.APPLICATION
        )
        unused = Counter(
            (paid.trade_no, paid.amount, refund.LATE if paid.use == payment.LATE else refund.DUPLICATE)
            for paid in payments
            if paid.use != payment.APPLIED
        )
        if going_back != unused:
            yield f"{name}: unused money {dict(unused)}, on its way back {dict(going_back)}"


def _senders(mine: Belongings) -> Iterator[str]:
    """Money goes back by the provider and the trade by which it came."""
    received = {
        (paid.order_number, paid.trade_no): (paid.provider, paid.number or paid.order_number)
        for paid in mine.of(Payment)
    }
    for item in mine.of(Refund):
        placed = mine.by_number.get(item.order_number)
        came_by = received.get((item.order_number, item.trade_no))
        if placed is None or came_by is None:
            continue
        goes_by = (item.provider_of(placed), item.trade_number or placed.number)
        if goes_by != came_by:
            yield f"refund {item.request_no} goes back by {goes_by}, its money came by {came_by}"


def _refunds_of(mine: Belongings, placed: Order) -> list[Refund]:
    return [item for item in mine.of(Refund) if item.order_number == placed.number]


def _refunds(mine: Belongings) -> Iterator[str]:
    """Refunds stay within what was paid, per order and per line; one application is open at a time."""
    for item in mine.of(Refund):
        if item.order_number not in mine.by_number:
            yield f"refund {item.request_no} is of no order"
        waits: tuple[str | None, ...] = {
            refund.REQUESTED: (attention.DECISION,),
            refund.STUCK: (attention.PROBLEM,),
            refund.APPROVED: (None, attention.PROBLEM),  # a person is told when it takes hours
            refund.DONE: (None, attention.PROBLEM) if _may_be_twice(item) else (None,),
        }.get(item.status, (None,))
        if item.attention not in waits or (item.attention_at is None) != (item.attention is None):
            yield f"refund {item.request_no} ({item.status}) waits for a person: {item.attention}"
        if (item.due_at is not None) != (item.status == refund.APPROVED):
            yield f"refund {item.request_no} ({item.status}) is due at {item.due_at}"
        if (item.finished_at is None) != item.is_open():
            yield f"refund {item.request_no} ({item.status}) finished at {item.finished_at}"
    for placed in mine.of(Order):
        name = f"order {placed.number} ({placed.status})"
        asked = [item for item in _refunds_of(mine, placed) if item.why == refund.APPLICATION]
        open_ones = [item for item in asked if item.is_open()]
        if [item.lines for item in open_ones] != ([placed.requested_lines] if placed.requested_lines else []):
            yield f"{name}: open applications {[item.lines for item in open_ones]}, it says {placed.requested_lines}"
        done = [item for item in asked if item.status == refund.DONE]
        lines = Counter(position for item in done for position in item.lines)
        if any(times > 1 for times in lines.values()) or not set(lines) <= set(placed.refunded_lines):
            yield f"{name}: refunded by applications {dict(lines)}, it says {placed.refunded_lines}"
        if sum(item.amount for item in done) > placed.refunded_amount:
            yield f"{name}: more was refunded by applications than in all"
        for item in asked:
            chosen = [placed.lines[position] for position in item.lines]
            if item.amount not in _refundable(placed, item, asked):
                yield f"{name}: an application for {item.lines} is for {item.amount}"
            if item.beli != sum(line.beli for line in chosen):
                yield f"{name}: an application for {item.lines} is for {item.beli} beli"
        if placed.refunded_amount > placed.amount:
            yield f"{name}: {placed.refunded_amount} of {placed.amount} was refunded"


def _may_be_twice(item: Refund) -> bool:
    """Whether a refund that is done may have been made twice: then its problem says so until a person has acted."""
    problem = item.problem or ""
    return problem.endswith(refund.TWICE) or problem.startswith("the provider has made it as ")


def _tries(mine: Belongings) -> Iterator[str]:
    """Each try of a refund has a number of its own. What was made under other numbers than the last is not hidden."""
    for item in mine.of(Refund):
        name, made = f"refund {item.request_no} ({item.status})", [*(item.also_made_as or ())]
        if item.try_no is not None and item.try_no < 2:
            yield f"{name} is at try {item.try_no}"
        if item.is_given_up and item.status == refund.APPROVED:
            yield f"{name} is given up, and it is asked for"
        if item.made_as is not None:
            made.append(item.made_as)
        if made and item.status != refund.DONE:
            yield f"{name} was made as {made}"
        if not set(made) <= set(item.numbers()):
            yield f"{name} was made as {made}, it was asked for as {item.numbers()}"
        is_early = item.status == refund.DONE and item.number_made() != item.number()
        if (item.also_made_as or (is_early and not item.refunded_externally)) and not _may_be_twice(item):
            yield f"{name} was made as {item.number_made()} and {made}, and no problem says so"


def _kept_cost(placed: Order, gone: set[int]) -> int:
    """What the lines that are not gone cost: without the general coupon where they are below its minimum."""
    kept = [line for position, line in enumerate(placed.lines) if position not in gone]
    is_below = (
        placed.general_minimum is not None and sum(line.price for line in kept) < placed.general_minimum
    )
    return sum(line.price - line.beli_share - (0 if is_below else line.general_share) for line in kept)


def _refundable(placed: Order, asked: Refund, others: list[Refund]) -> set[int]:
    """What an application may be for, by what had been refunded before: of one moment, either was first."""
    if placed.general_minimum is None:
        return {sum(placed.lines[position].payable for position in asked.lines)}
    amounts = set()
    for is_before in (datetime.__lt__, datetime.__le__):
        before = [
            other
            for other in others
            if other is not asked
            and other.status == refund.DONE
            and is_before(other.finished_at, asked.requested_at)
        ]
        gone = {position for other in before for position in other.lines}
        left = placed.amount - sum(other.amount for other in before)
        amounts.add(max(0, left - _kept_cost(placed, gone | set(asked.lines))))
    return amounts


def _notices(mine: Belongings) -> Iterator[str]:
    """A partial refund that is not the shop's own waits for a person until one has said that it was dealt with."""
    own = {
        number for item in mine.of(Refund) if item.status not in refund.NOT_MADE for number in item.numbers()
    }
    for told in mine.of(RefundNotice):
        name = f"notice {told.request_no} of {told.refunded}"
        placed = mine.by_number.get(told.order_number)
        if placed is None:
            yield f"{name} is of no order"
            continue
        if told.cause.by == By.BILL:
            continue  # It is listed as a difference of its day.
        is_foreign = told.request_no not in own and told.refunded < placed.amount
        if is_foreign != (told.attention == attention.PROBLEM or told.resolved_at is not None):
            yield f"{name} waits for a person: {told.attention}, resolved at {told.resolved_at}"


def _free_courses(mine: Belongings) -> Iterator[str]:
    """The free term of a course that has paid ones is had once: by one order that is not closed."""
    had = Counter(
        str(line.course)
        for placed in mine.of(Order)
        if not placed.is_closed()
        for line in placed.lines
        if line.is_free_once
    )
    noted = {name for item in mine.of(FreeCourses) for name in item.courses or ()}
    if set(had) != noted or any(times > 1 for times in had.values()):
        yield f"free terms of {dict(had)} were had, noted are {noted}"


def _open_items(mine: Belongings) -> Iterator[str]:
    """Every open order that was placed here is counted, so that nobody has more than the most of them."""
    counted = {listed.sort: set(listed.sorts or ()) for listed in mine.of(OpenItems)}
    for placed in mine.of(Order):
        is_ours = placed.source is None and placed.is_open()
        if is_ours and placed.sort not in counted.get("OPEN#ORDERS", set()):
            yield f"open order {placed.number} is not counted"
    for asked in mine.of(Refund):
        is_ours = asked.source is None and asked.status == refund.REQUESTED
        if is_ours and asked.sort not in counted.get("OPEN#REFUNDS", set()):
            yield f"application {asked.request_no} is not counted"
    for sort, sorts in counted.items():
        if len(sorts) > MOST_OPEN["#".join(sort.split("#")[:2])]:
            yield f"{sort} counts {len(sorts)}"
        for gone in sorts - {item.sort for item in mine.items}:
            yield f"{sort} counts what is nowhere: {gone}"


MOST_OPEN = {"OPEN#ORDERS": 50, "OPEN#REFUNDS": refund.MAX_WAITING, "OPEN#QUESTIONS": MAX_OPEN}
"""Of a course, where the kind names one."""


def _questions(mine: Belongings) -> Iterator[str]:
    """A question waits for somebody exactly while it has no answer, and is counted; only few of a course wait."""
    counted = {listed.sort: set(listed.sorts or ()) for listed in mine.of(OpenItems)}
    waiting: Counter[str] = Counter()
    for asked in mine.of(Question):
        said = (asked.answer is None, asked.answered_at is None, asked.answered_by is None)
        if len(set(said)) > 1:
            yield f"question {asked.number} is half answered: {said}"
        waits = (asked.attention, asked.attention_at is not None)
        if waits != ((attention.QUESTION, True) if asked.is_open() else (None, False)):
            yield f"question {asked.number}: it waits as {waits}"
        if asked.is_open():
            waiting[str(asked.course)] += 1
            if asked.sort not in counted.get(f"OPEN#QUESTIONS#{asked.course}", set()):
                yield f"question {asked.number} waits and is not counted"
            if asked.faq_id is not None:
                yield f"question {asked.number} was published without an answer"
    for course, number in waiting.items():
        if number > MAX_OPEN:
            yield f"{number} questions about {course} wait"


def _hand_ins(mine: Belongings) -> Iterator[str]:
    """What was handed in waits for somebody exactly while it has no mark."""
    for one in mine.of(HandIn):
        said = (one.mark is None, one.marked_at is None, one.marked_by is None)
        if len(set(said)) > 1 or (one.comment is not None and one.mark is None):
            yield f"hand-in {one.number} is half marked: {said}"
        waits = (one.attention, one.attention_at is not None)
        if waits != ((None, False) if one.is_marked() else (attention.HAND_IN, True)):
            yield f"hand-in {one.number}: it waits as {waits}"
        if one.version < 1 or not 0 <= (one.mark or 0) <= MAX_MARK or not one.text:
            yield f"hand-in {one.number}: version {one.version}, mark {one.mark}"


def _told_of_study(mine: Belongings) -> Iterator[str]:
    """A learner is told of each answer and each mark, once."""
    given = Counter(
        (Event.QUESTION_ANSWERED, one.answered_at) for one in mine.of(Question) if not one.is_open()
    )
    given.update((Event.ASSIGNMENT_MARKED, one.marked_at) for one in mine.of(HandIn) if one.is_marked())
    events = {Event.QUESTION_ANSWERED, Event.ASSIGNMENT_MARKED}
    told = Counter((Event(one.event), one.at) for one in mine.of(Message) if one.event in events)
    if given != told:
        yield f"told of {told - given} that did not happen, not told of {given - told}"


def _sessions(mine: Belongings) -> Iterator[str]:
    """A session is its user's."""
    for session in mine.of(Session):
        if session.user_id != mine.user_id:
            yield f"session {session.sort} is of user {session.user_id}"


def _contacts(mine: Belongings) -> Iterator[str]:
    """A contact stands where its channel is looked for; codes are not sent more often than they may be."""
    for contact in mine.of(Contact):
        if contact.sort != f"CONTACT#{contact.channel}":
            yield f"{contact.sort} is of {contact.channel}"
    for sendings in mine.of(Sendings):
        times = [int(at) for at in sendings.times]  # type: ignore[call-overload]
        for seconds, most in SENDING_LIMITS:
            for at in times:
                if sum(at - seconds < one <= at for one in times) > most:
                    yield f"more than {most} codes in {seconds} seconds"


def _progress(mine: Belongings) -> Iterator[str]:
    """What counts for a section are the blocks of its video, each once; a course is the sum of its sections."""
    counted: Counter[str] = Counter()
    done: Counter[str] = Counter()
    for watched in mine.of(SectionProgress):
        course = f"{watched.course_type}#{watched.course_id}"
        blocks = 8640 if watched.seconds is None else -(-watched.seconds // 10)
        if watched.seen >> blocks:
            yield f"{watched.sort} has blocks beyond its {blocks}"
        if watched.counted != (0 if watched.seconds is None else watched.seen.bit_count()):
            yield f"{watched.sort} counts {watched.counted} of {watched.seen.bit_count()} blocks"
        if (watched.done_at is not None) != (
            watched.seconds is not None and watched.counted * 10 >= blocks * 9
        ):
            yield f"{watched.sort} with {watched.counted} of {blocks} blocks is done at {watched.done_at}"
        counted[course] += watched.counted
        done[course] += watched.done_at is not None
    courses = {f"{studied.course}": studied for studied in mine.of(CourseProgress)}
    if courses.keys() != counted.keys():
        yield f"courses {sorted(courses)} are studied, sections of {sorted(counted)}"
    for course, studied in courses.items():
        stored = (studied.counted, studied.done_sections)
        if stored != (counted[course], done[course]):
            yield f"{studied.sort} counts {stored}, its sections {(counted[course], done[course])}"


def _clocks(mine: Belongings) -> Iterator[str]:
    """Nobody watches faster than twice the clock, nor longer than it, however many players report whatever."""
    blocks = sum(watched.seen.bit_count() for watched in mine.of(SectionProgress))
    seconds = sum(day.seconds for day in mine.of(StudyDay))
    places = mine.of(StudyPlace)
    if not places and (blocks or seconds):
        yield f"{blocks} blocks and {seconds} seconds were watched nowhere"
    for place in places:
        if timedelta(seconds=5 * blocks) > place.counted_until - place.first_at:
            yield f"{blocks} blocks from {place.first_at} until {place.counted_until}"
        if timedelta(seconds=seconds) > place.studied_until - place.first_at:
            yield f"{seconds} seconds of study from {place.first_at} until {place.studied_until}"
        if not place.first_at <= place.began_at <= min(place.counted_until, place.studied_until):
            yield f"its player began at {place.began_at}, any at {place.first_at}"


def _slices(mine: Belongings, taken_back: set[str]) -> Iterator[str]:
    """Enrolled by one slice for each line that is paid and not refunded, paused exactly while applied for; from the
    payment on, and longer only where an application was refused or withdrawn.
    """
    wanted: dict[str, tuple[int, bool, bool]] = {}
    since = {placed.number: placed.paid_at for placed in mine.of(Order)}
    not_made = {
        (item.order_number, position)
        for item in mine.of(Refund)
        if item.status in refund.NOT_MADE
        for position in item.lines
    }
    for placed in mine.of(Order):
        if not placed.is_delivered():
            continue
        for position, line in enumerate(placed.lines):
            sort = f"ENROLLMENT#{line.course}#{placed.number}#{position:02d}"
            gone = position in placed.refunded_lines or placed.number in taken_back
            wanted[sort] = (line.valid_period, gone, position in placed.requested_lines)
    for part in mine.of(EnrollmentSlice):
        stored = (part.days, part.withdrawn_at is not None, part.paused_at is not None)
        if part.order_number.startswith("grant-"):
            expected = (part.days, part.order_number in taken_back, False)
        elif part.sort in wanted:
            expected = wanted.pop(part.sort)
        else:
            yield f"enrolled without having paid: {part.sort}"
            continue
        if stored != expected:
            yield f"{part.sort} is {stored}, it should be {expected} (days, withdrawn, paused)"
        if part.granted_at != since.get(part.order_number, part.granted_at):
            yield f"{part.sort} is granted from {part.granted_at}, paid at {since[part.order_number]}"
        if part.paused_seconds and (part.order_number, part.line) not in not_made:
            yield f"{part.sort} is longer by {part.paused_seconds} seconds for no refusal or withdrawal"
    for sort in wanted:
        yield f"paid, and not enrolled: {sort}"


def _events(mine: Belongings) -> Iterator[str]:
    """Every change of an order is on record, once."""
    happened: dict[str, Counter[str]] = defaultdict(Counter)
    for event in mine.of(OrderEvent):
        happened[event.number][event.what] += 1
    for number in happened.keys() - mine.by_number.keys():
        yield f"events of no order: {number}"
    for placed in mine.of(Order):
        seen = happened[placed.number]
        asked = [item for item in _refunds_of(mine, placed) if item.why == refund.APPLICATION]
        statuses = Counter(item.status for item in asked)
        # A refund that was refused after it was stuck had been approved.
        decided = [
            item for item in asked if item.decided_by and (item.status != refund.REFUSED or item.problem)
        ]
        reopened = seen[What.REOPENED]
        counts = {
            "placed": (seen[order.PLACED], 1),
            "paid": (seen[order.PAID] + reopened, int(placed.is_delivered())),
            "closed": (
                seen[order.CANCELLED] + seen[order.EXPIRED],
                1 if placed.is_closed() or reopened else 0,
            ),
            "requested": (seen[What.REFUND_REQUESTED], len(asked)),
            "approved": (seen[What.REFUND_APPROVED], len(decided)),
            "refused": (seen[What.REFUND_REFUSED], statuses[refund.REFUSED]),
            "withdrawn": (seen[What.REFUND_WITHDRAWN], statuses[refund.WITHDRAWN]),
            "refunded": (seen[order.REFUNDED], int(placed.status == order.REFUNDED)),
        }
        for what, (stored, expected) in counts.items():
            if stored != expected:
                yield f"order {placed.number} ({placed.status}): {what} {stored} times, it should be {expected}"


def _messages(mine: Belongings) -> Iterator[str]:
    """A learner is told of each change of an order that concerns them, once; and nothing that waits is forgotten."""
    happened = Counter(
        (event.number, str(order.TOLD[What(event.what)]))
        for event in mine.of(OrderEvent)
        if event.what in order.TOLD
    )
    about_orders = set(order.TOLD.values())
    told = Counter((one.order_number, one.event) for one in mine.of(Message) if one.event in about_orders)
    if happened != told:
        yield f"told of {told - happened} that did not happen, not told of {happened - told}"
    for one in mine.of(Message):
        if one.user_id != mine.user_id:
            yield f"message {one.sort} is of user {one.user_id}"
        if one.event not in TEMPLATES or not words(one.event, one.facts).text:
            yield f"message {one.sort} says nothing"
        states = Counter(delivery.status for delivery in one.deliveries or ())
        if (
            one.deliveries is None or states[message.WAITING] or states[message.SENDING]
        ) and one.due_at is None:
            yield f"message {one.sort} is off the work list before it is delivered"
        if bool(states[message.FAILED]) and one.attention is None and not (one.due_at or one.is_resolved):
            yield f"message {one.sort} failed, and nobody is told"
    for day in mine.of(SentCount):
        for channel, most in MOST_OF_PERSON.items():
            if getattr(day, channel) > most:
                yield f"{day.sort}: {getattr(day, channel)} were sent by {channel}"


def _reminders(mine: Belongings) -> Iterator[str]:
    """Whoever has placed an order here will be reminded of its end: its reminder is there while it may be paid, or
    studied; and every reminder that is there is due some time.
    """
    kept = {(one.what, one.about) for one in mine.of(Reminder)}
    for one in mine.of(Reminder):
        if one.due_at is None:
            yield f"{one.sort} is never due"
    for placed in mine.of(Order):
        if placed.source is None and placed.is_open() and ("order", placed.number) not in kept:
            yield f"nobody is reminded of open order {placed.number}"


def _keys(mine: Belongings) -> Iterator[str]:
    """An idempotency key is bound to one order, which is there."""
    bound = Counter(answer.order_number for answer in mine.of(FirstAnswer))
    for number, keys in bound.items():
        if number not in mine.by_number:
            yield f"a key's order is nowhere: {number}"
        if keys > 1:
            yield f"{keys} keys made order {number}"


def _claims(mine: Belongings) -> Iterator[str]:
    """A claim that is done gave its record, one that is not gave none."""
    records = {record.record_id for record in mine.of(CouponRecord)}
    for claim in mine.of(Claim):
        if claim.is_done() != (claim.record_id in records):
            yield f"claim of coupon {claim.coupon_id} ({claim.status}), its record is there: {not claim.is_done()}"


def _offer(offer: CouponOffer, read: Sequence[Belongings]) -> Iterator[str]:
    """Pieces are left, in somebody's hands, or on their way; never more and never fewer than there were."""
    claims = [claim for mine in read for claim in mine.of(Claim) if claim.coupon_id == offer.coupon_id]
    done = {claim.token for claim in claims if claim.is_done()}
    on_the_way = set(offer.in_flight or ()) - done
    if offer.quantity != offer.remaining + len(done) + len(on_the_way):
        yield (
            f"coupon {offer.coupon_id}: {offer.quantity} pieces are not {offer.remaining} left"
            f" + {len(done)} claimed + {len(on_the_way)} on the way"
        )
    if offer.remaining < 0:
        yield f"coupon {offer.coupon_id}: {offer.remaining} are left"
    records = [item for mine in read for item in mine.of(CouponRecord) if item.coupon_id == offer.coupon_id]
    if len(records) != len(done):
        yield f"coupon {offer.coupon_id}: {len(records)} records of {len(done)} claims"


RULES: tuple[Callable[[Belongings], Iterator[str]], ...] = (
    *(
        _balance,
        _questions,
        _hand_ins,
        _told_of_study,
        _coupons,
        _prices,
        _orders,
        _payments,
        _senders,
        _refunds,
        _tries,
        _notices,
        _events,
        _messages,
        _reminders,
        _keys,
        _claims,
        _open_items,
        _free_courses,
        _sessions,
        _contacts,
        _progress,
        _clocks,
    ),
)
