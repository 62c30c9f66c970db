"""Preview a refund: what applying for it would give back and take, by the rules of the real one. Changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from chalicelib.money import Fen, split
from chalicelib.shop import coupon, enrollment, progress
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.enrollment import Enrollment, SliceKey
from chalicelib.shop.order import Order
from chalicelib.shop.progress import CourseProgress
from chalicelib.shop.refund import Refund
from chalicelib.storage.background import in_background
from chalicelib.storage.dynamodb import find_together

from . import apply_for_refund

OVER, KEPT_LINES = "over", "kept lines"


class PreviewedCoupon(Struct, frozen=True):
    """A coupon of the refunded lines or of the whole order; `reason` why it does not come back (OVER: its time is;
    KEPT_LINES: the order keeps lines that it is good for), None when it does.
    """

    name: str
    reason: str | None


class RefundPreview(Struct, frozen=True):
    """What a refund would do, if it were carried out now. `amounts` (fen) split its money over its lines;
    `enrollments` are the learner's courses afterwards, `studied` what they have watched of those that were begun.
    """

    order: Order
    asked: Refund
    is_reviewed: bool
    amounts: tuple[Fen, ...]
    coupons: tuple[PreviewedCoupon, ...]
    enrollments: Mapping[CourseKey, Enrollment]
    studied: Mapping[CourseKey, CourseProgress]


def preview(
    order: Order,
    lines: Collection[int] | None,
    window: timedelta,
    providers: Container[str],
    now: datetime,
) -> RefundPreview:
    """Preview the refund of some lines of a learner's own order, or (None) of all that are left. One round trip.

    Raises RefundNotAllowed, as `apply_for_refund.prepare`.
    """
    asked = apply_for_refund.prepare(order, lines, "", window, providers, now)
    slices = in_background(enrollment.list_slices, order.user_id)
    studied = in_background(progress.list_courses, order.user_id)
    coupons = _coupons(order, asked, now)
    chosen = [order.lines[position] for position in asked.lines]
    gone = [
        SliceKey(order.user_id, line.course, order.number, position)
        for position, line in zip(asked.lines, chosen, strict=True)
    ]
    left = enrollment.enrollments_of(enrollment.without(slices(), gone, now))
    weights = [line.payable for line in chosen]
    return RefundPreview(
        order,
        asked,
        apply_for_refund.is_reviewed(order, asked),
        tuple(split(asked.amount, weights if any(weights) else [line.price for line in chosen])),
        coupons,
        {one.course: one for one in left},
        studied(),
    )


def _coupons(order: Order, asked: Refund, now: datetime) -> tuple[PreviewedCoupon, ...]:
    """The coupons of the refunded lines, the general one last. One round trip, none without coupons."""
    named = {
        line.coupon_record_id: str(line.coupon_name)
        for line in (order.lines[position] for position in asked.lines)
        if line.coupon_record_id is not None
    }
    if order.general_coupon_record_id is not None:
        named[order.general_coupon_record_id] = str(order.general_coupon_name)
    found = find_together([coupon.record_key(order.user_id, record_id) for record_id in named])
    freed = order.coupons_freed_by(asked.lines)

    def reason(record_id: int) -> str | None:
        record = coupon.record_in(found, order.user_id, record_id)
        if record_id not in freed:
            return KEPT_LINES
        return OVER if record is None or now >= record.valid_until else None

    return tuple(PreviewedCoupon(name, reason(record_id)) for record_id, name in named.items())
