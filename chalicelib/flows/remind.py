"""Remind: an unpaid order that is about to expire, access that ends, a coupon that ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec import Struct, field

from chalicelib.errors import OrderNotFound
from chalicelib.gateways import Gateways
from chalicelib.shop import coupon, enrollment, reminder
from chalicelib.shop import order as orders
from chalicelib.shop.coupon import CouponRecord
from chalicelib.shop.enrollment import EnrollmentSlice
from chalicelib.shop.message import Event, Message, message_item
from chalicelib.shop.order import Order
from chalicelib.shop.quiet_hours import beijing_day
from chalicelib.shop.reminder import Reminder
from chalicelib.storage.dynamodb import Transaction, find

_BEFORE_EXPIRY = timedelta(minutes=10)
_ACCESS_DAYS = (1, 7)
_BEFORE_COUPON = timedelta(days=3)
_SHORT = timedelta(hours=12)
"""Of what began so shortly before, nobody needs to hear that it ends."""
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_LATE_MONEY = timedelta(days=3, hours=1)
"""For so long after its expiry an order may still be paid."""


class _Look(Struct):
    """What came of looking at something: messages that are due, of which ends they tell, when to look again."""

    messages: list[Message] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    again: list[datetime] = field(default_factory=list)


def first_look(order: Order) -> datetime:
    """When a placed order is looked at first: ten minutes before it expires, sooner where its whole time is short."""
    return order.expires_at - min(_BEFORE_EXPIRY, (order.expires_at - order.placed_at) / 3)


def remind_of_coupon(transaction: Transaction, record: CouponRecord) -> None:
    """Have a coupon that is got by a transaction looked at three days before its end; not one that ends so soon that
    its user knows.
    """
    at = record.valid_until - _BEFORE_COUPON
    if at > record.got_at + _SHORT:
        reminder.add(transaction, record.user_id, reminder.COUPON, str(record.record_id), at)


def process(due: Reminder, gateways: Gateways, now: datetime) -> None:
    """Look at what a reminder is about, tell its person what is due, and look again later or never.

    Two round trips for a coupon and a grant, four for an order. Raises LeaseTaken when somebody else has it by now.
    """
    look = {reminder.ORDER: _at_order, reminder.GRANT: _at_access, reminder.COUPON: _at_coupon}[due.what]
    seen = look(due, now)
    reminder.go_on(due, seen.messages, {*(due.told or ()), *seen.told}, min(seen.again, default=None))


def _at_order(due: Reminder, now: datetime) -> _Look:
    try:
        order = orders.find_by_number(due.about)
    except OrderNotFound:
        return _Look()
    if order.is_delivered():
        return _at_access(due, now)
    over = order.expires_at + _LATE_MONEY
    if order.is_closed():
        return _Look(again=[over] if now < over else [])
    look = _Look(again=[max(order.expires_at + orders.CLOSE_MARGIN, now + orders.CLOSE_MARGIN)])
    if order.can_be_sent_to_pay(now) and Event.ORDER_EXPIRING not in (due.told or ()):
        facts = {"number": order.number, "courses": order.title, "amount": order.amount}
        until = order.expires_at
        look.messages = [
            message_item(due.user_id, Event.ORDER_EXPIRING, order.number, now, until=until, **facts)
        ]
        look.told = {Event.ORDER_EXPIRING}
    return look


def _at_access(due: Reminder, now: datetime) -> _Look:
    look = _Look()
    for parts in enrollment.by_course(enrollment.list_slices(due.user_id)).values():
        mine = [part for part in parts if part.order_number == due.about and part.withdrawn_at is None]
        if mine:
            _add_course(look, due, parts, now)
    return look


def _add_course(look: _Look, due: Reminder, parts: list[EnrollmentSlice], now: datetime) -> None:
    """Add what is due of one course. Of several orders for it, the one that gave its last days tells."""
    course = enrollment.amount_to(parts)
    if course is None or course.ends_at is None or course.ends_at <= now:
        look.again += _may_end_later(parts, now)
        return
    ends_at = course.ends_at
    look.again.append(now + _DAY if course.is_paused(now) else min(ends_at, now + _WEEK))
    last = max(
        (part for part in parts if part.withdrawn_at is None),
        key=lambda part: (part.granted_at, part.order_number, part.line),
    )
    ahead = [days for days in _ACCESS_DAYS if ends_at - days * _DAY > last.granted_at + _SHORT]
    look.again += [at for days in ahead if (at := ends_at - days * _DAY) > now]
    due_now = [days for days in ahead if ends_at - days * _DAY <= now]
    known = list(_ends(course.course, ends_at, due_now))
    if not due_now or course.is_paused(now) or last.order_number != due.about:
        return
    if known[0] in (due.told or ()):
        return
    facts = {"course": course.course_name, "days": -(-(ends_at - now) // _DAY), "until": ends_at}
    look.messages.append(message_item(due.user_id, Event.ACCESS_ENDS, str(course.course), now, **facts))
    look.told |= set(known)


def _may_end_later(parts: list[EnrollmentSlice], now: datetime) -> Iterator[datetime]:
    """When to look again at a course that does not come to an end now: a refund may be decided that pauses it, and one
    of what never ends may leave the days of other orders.
    """
    if any(part.paused_at is not None for part in parts if part.withdrawn_at is None):
        yield now + _DAY
    rest = enrollment.amount_to(part for part in parts if not part.is_permanent())
    if rest is not None and rest.ends_at is not None and rest.ends_at > now:
        yield now + _WEEK


def _ends(course: object, ends_at: datetime, days: list[int]) -> Iterator[str]:
    return (f"{course} {beijing_day(ends_at)} {count}" for count in days)


def _at_coupon(due: Reminder, now: datetime) -> _Look:
    record = find(CouponRecord, *coupon.record_key(due.user_id, int(due.about))[1:])
    if record is None or record.valid_until <= now:
        return _Look()
    if not record.is_usable(now):
        # Its order may give it back.
        return _Look(again=[min(now + _DAY, record.valid_until)])
    facts = {"coupon": record.name, "until": record.valid_until}
    return _Look([message_item(due.user_id, Event.COUPON_ENDS, due.about, now, **facts)])
