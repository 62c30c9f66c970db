"""Coupons, to claim and one's own -> the documented JSON, one plain function per object."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from chalicelib.beijing_time import beijing_text
from chalicelib.flows.claim_coupon import OnOffer
from chalicelib.flows.my_coupons import HeldCoupon
from chalicelib.money import Fen, to_yuan
from chalicelib.shop.catalog import Course
from chalicelib.shop.coupon import COUPON_TYPE_NAMES, RESERVED, UNUSED, USED, CouponOffer, CouponRecord
from chalicelib.shop.course_key import CourseKey
from chalicelib.web.responses import Json, date_text, detail_id, success


def my_coupons(held: Iterable[HeldCoupon], now: datetime) -> Json:
    """`GET /coupons`: the user's coupons, sorted by whether they can be used."""
    groups: dict[str, list[Json]] = {"usable": [], "reserved": [], "used": [], "expired": []}
    for one in held:
        groups[_coupon_group(one.record, now)].append(held_coupon(one, now))
    return success(groups)


def _coupon_group(record: CouponRecord, now: datetime) -> str:
    if record.status in (RESERVED, USED):
        return str(record.status)
    return "usable" if record.status == UNUSED and now < record.valid_until else "expired"


def held_coupon(held: HeldCoupon, now: datetime) -> Json:
    """One coupon of a user's, wherever it is shown."""
    record = held.record
    return (
        dated_coupon(record)
        | _name_of(held.course)
        | {
            "brief": held.brief,
            "not_yet": record.status == UNUSED and now < record.valid_from,
            "order_number": record.order_number,
            "used_date": date_text(record.used_at),
        }
    )


def dated_coupon(record: CouponRecord) -> Json:
    """A record with its rules, its course and its dates."""
    return (
        coupon(record)
        | _bound_to(record.bound_to)
        | {
            "begin_date": beijing_text(record.valid_from),
            "end_date": beijing_text(record.valid_until),
        }
    )


def _bound_to(bound_to: str | None) -> Json:
    if bound_to is None:
        return {}
    course = CourseKey.parse(bound_to)
    return {"course_id": course.course_id, "course_type": course.course_type}


def claimed_coupon(held: HeldCoupon, now: datetime) -> Json:
    """`POST /coupons/{coupon_id}/claim`."""
    return success(held_coupon(held, now), "领取成功")


def claimable_coupons(offers: Iterable[tuple[OnOffer, bool]]) -> Json:
    """`GET /coupons/available`: the offers on show, and whether the visitor has claimed them."""
    return success([offer_row(one.offer, claimed, one.course) for one, claimed in offers])


def offer_row(offer: CouponOffer, claimed: bool, course: Course | None) -> Json:
    """One offer, wherever offers are shown. `course` is the one it is for, None where there is none (any more)."""
    has_dates = offer.valid_days is None
    return (
        _coupon_rules(offer)
        | _bound_to(offer.bound_to)
        | _name_of(course)
        | {
            "id": offer.coupon_id,
            "brief": offer.brief,
            "quantity": offer.quantity,
            "remaining": max(0, offer.remaining),
            "open_date": beijing_text(offer.open_at),
            "close_date": beijing_text(offer.close_at),
            "valid_days": offer.valid_days,
            "begin_date": date_text(offer.valid_from) if has_dates else None,
            "end_date": date_text(offer.valid_until) if has_dates else None,
            "claimed": claimed,
        }
    )


def _name_of(course: Course | None) -> Json:
    """Name and page of the course that a coupon is for."""
    return {
        "course_name": course.name if course else None,
        "coursedetail_id": detail_id(course),
    }


def coupon(record: CouponRecord) -> Json:
    """A record with its rules."""
    return {"pk": record.record_id} | _coupon_rules(record)


def _coupon_rules(coupon: CouponRecord | CouponOffer) -> Json:
    return {
        "name": coupon.name,
        "coupon_type": COUPON_TYPE_NAMES[coupon.coupon_type],
        "money_equivalent_value": to_yuan(coupon.value),
        "off_percent": coupon.off_percent,
        "minimum_consume": _whole_yuan(coupon.minimum),
    }


def _whole_yuan(fen: Fen) -> int | Decimal:
    # The document shows minimums without decimals.
    return fen // 100 if fen % 100 == 0 else to_yuan(fen)
