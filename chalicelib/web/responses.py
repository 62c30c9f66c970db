"""Orders and what is owned -> the documented JSON, one plain function per object; and what all answers share."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from chalicelib.beijing_time import beijing_text
from chalicelib.flows.checkout import PlacedOrder, can_pay
from chalicelib.flows.preview_refund import KEPT_LINES, OVER, RefundPreview
from chalicelib.flows.show_order import OrderPage, ask_again_after
from chalicelib.flows.waiting_refunds import WaitingRefunds
from chalicelib.gateways import Gateways
from chalicelib.gateways.payments import BridgeCall, PayPage
from chalicelib.money import to_yuan
from chalicelib.settings import Settings
from chalicelib.shop.catalog import Course
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.enrollment import Enrollment
from chalicelib.shop.event import EVENT_TEXTS, What
from chalicelib.shop.order import CANCELLED, STATUS_NAMES, Order, OrderEvent, OrderList
from chalicelib.shop.payment_type import PAYMENT_NAMES
from chalicelib.shop.progress import CourseProgress, studied_share
from chalicelib.shop.refund import DONE, Refund, oldest_first
from chalicelib.shop.refund import STATUS_NAMES as REFUND_STATUS_NAMES
from chalicelib.shop.refund_notice import RefundNotice
from chalicelib.web.codes import OK
from chalicelib.web.shop_app import envelope

Json = dict[str, Any]


def success(data: object = None, msg: str = "") -> Json:
    """The envelope of a success."""
    return envelope(OK, msg, data)


def absolute_address(address: str, shop_url: str, default: str) -> str:
    """A picture's absolute address; relative ones are the shop front's."""
    if address.startswith(("http://", "https://")):
        return address
    return f"{shop_url}/{(address or default).lstrip('/')}"


def picture(address: str, shop_url: str) -> str:
    """The absolute address of a course's or teacher's picture."""
    return absolute_address(address, shop_url, "images/course.svg")


def detail_id(course: Course | None) -> str | None:
    """The id of a course's page, if there is one."""
    return None if course is None or course.detail_id is None else str(course.detail_id)


def date_text(at: datetime | None) -> str | None:
    """A time as it is shown, if there is one."""
    return None if at is None else beijing_text(at)


def owned_until(owned: Enrollment | None, now: datetime) -> str | None:
    """Until when a course is had that may be studied now."""
    return end_text(owned.ends_at) if owned is not None and owned.is_active(now) else None


def end_text(ends_at: datetime | None) -> str:
    """The end of an enrollment as it is shown (None: for ever)."""
    return beijing_text(ends_at) if ends_at else "永久"


def same_order(order: Order) -> Json:
    """Another order for the same."""
    return {"order_number": order.number, "status": STATUS_NAMES[order.status]}


# Orders


def orders(
    found: OrderList,
    courses: Mapping[CourseKey, Course],
    gateways: Gateways,
    now: datetime,
    settings: Settings,
) -> Json:
    """`GET /myorder`; `courses` as they are in the catalogue today."""
    body = success(
        [
            _order_in_short(order, gateways, now, settings)
            | {
                "orderdetail_list": [
                    _order_line(order, position, courses, settings.shop_url)
                    for position in range(len(order.lines))
                ]
            }
            for order in found.orders
        ]
    )
    if found.next_cursor:
        body["next"] = found.next_cursor
    return body


def _order_in_short(order: Order, gateways: Gateways, now: datetime, settings: Settings) -> Json:
    """The amounts of an order, its times, and what can be done now."""
    lines, window = order.lines, settings.refund_window
    refund_until = order.refund_until(window, gateways.payments)
    shown: Json = {
        "order_number": order.number,
        "date": beijing_text(order.placed_at),
        "status": STATUS_NAMES[order.status],
        "payment_type": PAYMENT_NAMES[order.payment_type],
        "payment_code": order.payment_type,
        "providers": gateways.offered(),
        "original_amount": to_yuan(sum(line.original_price for line in lines)),
        "course_coupon_amount": to_yuan(sum(line.original_price - line.price for line in lines)),
        "general_coupon_amount": to_yuan(order.general_discount),
        "beli": order.beli,
        "beli_amount": to_yuan(order.beli_discount),
        "actual_amount": to_yuan(order.amount),
        "refunded_amount": to_yuan(order.refunded_amount),
        "expire_date": beijing_text(order.expires_at),
        "seconds_left": _seconds_left(order, now),
        "can_pay": can_pay(order, gateways, now),
        "can_cancel": order.is_open(),
        "can_refund": order.can_be_refunded(window, gateways.payments, now),
        "refund_until": beijing_text(refund_until) if refund_until else None,
    }
    if order.paid_at is not None:
        shown["pay_date"] = beijing_text(order.paid_at)
    return shown


def _seconds_left(order: Order, now: datetime) -> int:
    return max(0, int((order.expires_at - now).total_seconds())) if order.is_open() else 0


def _order_line(order: Order, position: int, courses: Mapping[CourseKey, Course], shop_url: str) -> Json:
    line = order.lines[position]
    state = "refunded" if position in order.refunded_lines else ""
    if position in order.requested_lines:
        state = "requested"
    return {
        "line": position,
        "course_id": line.course_id,
        "course_type": line.course_type,
        "course_name": line.course_name,
        "course_img": picture(line.course_img, shop_url),
        "coursedetail_id": detail_id(courses.get(line.course)),
        "valid_period_display": line.valid_period_name,
        "price_policy_id": line.policy_id,
        "original_price": to_yuan(line.original_price),
        "price": to_yuan(line.price),
        "payable": to_yuan(line.payable),
        "refund_status": {"refunded": "已退费", "requested": "退费申请中", "": ""}[state],
    }


def placed_order(placed: PlacedOrder) -> Json:
    """`POST /payment`: `data` is the address to send the browser to; `msg` warns of a duplicate."""
    return pay_address(placed.order, placed.page, placed.duplicate)


def _duplicate_text(duplicate: Order | None) -> str:
    if duplicate is None:
        return ""
    state = "未支付" if duplicate.is_open() else "刚刚支付"
    return f"您有一个相同的{state}订单{duplicate.number}，请确认是否重复购买"


def pay_address(order: Order, page: PayPage, duplicate: Order | None) -> Json:
    """`GET /get_pay_url`: as `placed_order`."""
    return success(page.text, _duplicate_text(duplicate)) | {
        "order_number": order.number,
        "expire_date": beijing_text(order.expires_at),
    }


def started_payment(order: Order, started: PayPage | BridgeCall, now: datetime) -> Json:
    """A payment that was begun by a way to pay."""
    if isinstance(started, PayPage):
        what: Json = {"kind": started.kind, "text": started.text, "members": None}
    else:
        what = {"kind": "bridge", "text": None, "members": dict(started.members)}
    return success(what | {"seconds_left": _seconds_left(order, now)})


def order(
    page: OrderPage,
    gateways: Gateways,
    now: datetime,
    settings: Settings,
    chosen: Collection[int] | None = None,
) -> Json:
    """`GET /order/{order_number}`: amounts with their breakdown, what can be done now, refunds and history.

    `refundable_amount` is what a refund of the `chosen` lines, or (None) of all that are left, gives back in money.
    """
    found, refunds = page.order, oldest_first(page.about)
    can_refund = found.can_be_refunded(settings.refund_window, gateways.payments, now)
    to_refund = found.open_lines() if chosen is None else chosen
    is_refundable = can_refund and set(to_refund) <= set(found.open_lines())
    ask_again = ask_again_after(found, refunds, now)
    shown = _order_in_short(found, gateways, now, settings) | {
        "refundable_amount": to_yuan(found.refundable(to_refund) if is_refundable else 0),
        "orderdetail_list": [
            _order_line(found, position, page.courses, settings.shop_url)
            | _order_line_in_full(page, position, can_refund, now)
            for position in range(len(found.lines))
        ],
        "refunds": [_own_refund(one) for one in refunds],
        "history": [
            {"date": beijing_text(event.at), "text": EVENT_TEXTS[What(event.what)]}
            for event in page.about
            if isinstance(event, OrderEvent)
        ],
        "ask_again_seconds": None if ask_again is None else max(1, ceil(ask_again.total_seconds())),
    }
    if page.duplicate is not None:
        shown["same_order"] = same_order(page.duplicate)
    if found.general_coupon_name:
        shown["general_coupon"] = found.general_coupon_name
    if found.closed_at is not None:
        shown["close_date"] = beijing_text(found.closed_at)
    return success(shown)


def _order_line_in_full(page: OrderPage, position: int, can_refund: bool, now: datetime) -> Json:
    found, line = page.order, page.order.lines[position]
    is_refundable = can_refund and position in found.open_lines()
    return {
        "coupon": line.coupon_name or "",
        "general_coupon_share": to_yuan(line.general_share),
        "beli": line.beli,
        "beli_share": to_yuan(line.beli_share),
        "refundable": to_yuan(found.refundable([position]) if is_refundable else 0),
        "access_end_date": owned_until(page.enrollments.get(line.course), now),
    }


def _refund(one: Refund) -> Json:
    return {
        "request_no": one.request_no,
        "date": beijing_text(one.requested_at),
        "status": REFUND_STATUS_NAMES[one.status],
        "lines": list(one.lines),
        "amount": to_yuan(one.amount),
        "beli": one.beli,
        "reason": one.reason,
        "answer": one.answer,
    }


def _own_refund(one: Refund) -> Json:
    return _refund(one) | {"can_withdraw": one.is_undecided()}


def refund(one: Refund) -> Json:
    """`POST /order/{order_number}/refund`."""
    is_done = one.status == DONE
    return success(_own_refund(one), "退费已完成，课程已关闭" if is_done else "退费申请已提交，等待审核")


def refund_preview(
    previewed: RefundPreview, window: timedelta, providers: Container[str], now: datetime
) -> Json:
    """`GET /order/{order_number}/refund_preview`."""
    order, asked = previewed.order, previewed.asked
    refund_until = order.refund_until(window, providers)
    return success(
        {
            "lines": list(asked.lines),
            "amount": to_yuan(asked.amount),
            "beli": asked.beli,
            "coupons": [
                {
                    "name": one.name,
                    "returned": one.reason is None,
                    "reason": _KEPT_COUPONS.get(one.reason or "", ""),
                }
                for one in previewed.coupons
            ],
            "refund_until": beijing_text(refund_until) if refund_until else None,
            "reviewed": previewed.is_reviewed,
            "courses": [
                {
                    "line": position,
                    "course_name": order.lines[position].course_name,
                    "amount": to_yuan(amount),
                    "studied": studied_share(previewed.studied.get(order.lines[position].course)),
                    "access_after": owned_until(previewed.enrollments.get(order.lines[position].course), now),
                }
                for position, amount in zip(asked.lines, previewed.amounts, strict=True)
            ],
        }
    )


_KEPT_COUPONS = {OVER: "已过有效期，退回后不能再使用", KEPT_LINES: "订单中还有未退费的课程，全部退费后退回"}


def withdrawn_refund(one: Refund) -> Json:
    """`DELETE /order/{order_number}/refund/{request_no}`."""
    return success(_own_refund(one), "退费申请已撤回，课程恢复学习")


def refunds(waiting: WaitingRefunds) -> Json:
    """`GET /admin/refunds`: applications that wait for a decision, of whom and for what, how much of it was studied,
    and what of their orders was refunded at the provider.
    """
    body = success(
        [
            _refund(one)
            | {
                "order_number": one.order_number,
                "username": waiting.usernames.get(one.user_id, ""),
                "courses": list(one.course_names),
                "studied": waiting.studied(one),
                "refunded_at_provider": [_told(notice) for notice in waiting.told.get(one.request_no, [])],
            }
            for one in waiting.page.items
        ]
    )
    if waiting.page.next_cursor:
        body["next"] = waiting.page.next_cursor
    return body


def _told(notice: RefundNotice) -> Json:
    return {
        "amount": to_yuan(notice.refunded),
        "in_all": notice.is_total is not False,
        "date": beijing_text(notice.recorded_at),
    }


def decided_refund(request_no: str, status: str) -> Json:
    """`POST /admin/refunds/{request_no}/approve` and `/refuse`."""
    return success({"request_no": request_no, "status": REFUND_STATUS_NAMES[status]})


def cancelled_order(number: str) -> Json:
    """`POST /order/{order_number}/cancel`."""
    return success({"order_number": number, "status": STATUS_NAMES[CANCELLED]}, "订单已取消")


# Enrollments


def my_courses(
    enrollments: Sequence[Enrollment],
    courses: Mapping[CourseKey, Course],
    studied: Mapping[CourseKey, CourseProgress],
    now: datetime,
    shop_url: str,
) -> Json:
    """`GET /mycourses`: what the user may study and until when; running ones first, then those that ended. `courses`
    as they are in the catalogue today, `studied` what was watched of those that were begun.
    """
    rows = []
    for mine in sorted(enrollments, key=lambda mine: (not mine.is_active(now), mine.course)):
        course, watched = courses.get(mine.course), studied.get(mine.course)
        rows.append(
            {
                "course_id": mine.course.course_id,
                "course_type": mine.course.course_type,
                "name": course.name if course else mine.course_name,
                "course_img": picture(course.course_img if course else "", shop_url),
                "coursedetail_id": detail_id(course),
                "begin_date": beijing_text(mine.begins_at),
                "end_date": end_text(mine.ends_at),
                "ended": not mine.is_active(now) and not mine.is_paused(now),
                "paused": mine.is_paused(now),
                "days_left": mine.days_left(now),
                "hours": (course.hours if course else None) or 0,
                "sellable": mine.ends_at is not None
                and course is not None
                and course.is_sold()
                and bool(course.policies),
                "orders": list(mine.order_numbers),
                "share": studied_share(watched),
                "done": watched is not None and watched.is_done(),
                "last_section_id": watched.last_section_id if watched else None,
            }
        )
    return success(rows)
