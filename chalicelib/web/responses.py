"""Shop objects -> the documented JSON, one plain function per object. Spelling (`prcie`) is the document's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import Any

from chalicelib.beijing_time import beijing_text
from chalicelib.flows.check_captcha import StartedCaptcha
from chalicelib.flows.checkout import PlacedOrder
from chalicelib.flows.claim_coupon import OnOffer
from chalicelib.flows.fill_cart import COMING, GONE, POLICY_GONE, TERM_HAD, CartView, ShownLine
from chalicelib.flows.my_coupons import HeldCoupon
from chalicelib.flows.my_course import MyCourse
from chalicelib.flows.preview_refund import KEPT_LINES, OVER, RefundPreview
from chalicelib.flows.quote import Quote, QuotedCoupon, QuotedLine
from chalicelib.flows.settle import AccountView
from chalicelib.flows.show_order import OrderPage, ask_again_after
from chalicelib.gateways.payments import PayPage
from chalicelib.money import Fen, to_yuan, yuan_text
from chalicelib.settings import Settings
from chalicelib.shop.cart import CartLine
from chalicelib.shop.catalog import LEVEL_NAMES, Course
from chalicelib.shop.choice import Choice
from chalicelib.shop.coupon import COUPON_TYPE_NAMES, RESERVED, UNUSED, USED, CouponOffer, CouponRecord
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.enrollment import Enrollment
from chalicelib.shop.event import EVENT_TEXTS, What
from chalicelib.shop.order import CANCELLED, STATUS_NAMES, Order, OrderEvent, OrderList
from chalicelib.shop.partition import Page
from chalicelib.shop.payment_type import PAYMENT_NAMES
from chalicelib.shop.price_policy import PricePolicyCopy, period_name
from chalicelib.shop.refund import DONE, Refund, oldest_first
from chalicelib.shop.refund import STATUS_NAMES as REFUND_STATUS_NAMES
from chalicelib.shop.settlement import Settlement
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


# People


def captcha(started: StartedCaptcha) -> Json:
    """`GET /api/captcha_check`."""
    data = {
        "success": started.success,
        "gt": started.captcha_id,
        "challenge": started.challenge,
        "captcha": "off" if started.version is None else "on",
        "geetest_version": str(started.version or 3),
    }
    return {"error_no": 0, "data": data}


# Cart and account


def cart(view: CartView, now: datetime, shop_url: str) -> Json:
    """`GET /shoppingcar` and `POST /shoppingcar/preview`."""
    return success(
        {
            "shopping_car_list": [
                _cart_line(line, stored, view.owned.get(line.course_key), now, shop_url)
                for stored, line in view.lines
            ],
            "total": sum(line.sellable for _, line in view.lines),
            "total_price": to_yuan(view.total),
        }
    )


_OBSTACLES = {
    GONE: "课程已下架",
    COMING: "课程尚未开售，敬请期待",
    POLICY_GONE: "所选有效期已停售，请选择其他有效期",
    TERM_HAD: "课程的免费学习期限每人只能领取一次，您已领取过，请选择其他有效期",
}


def _cart_line(
    line: ShownLine, stored: CartLine | None, owned: Enrollment | None, now: datetime, shop_url: str
) -> Json:
    """A line as of today. `stored` is what the cart has kept of the day it was added."""
    shown = _line(line, stored, shop_url) | {
        "level": LEVEL_NAMES[line.course.level] if line.course else None,
        "owned_until": _owned_until(owned, now),
    }
    if line.obstacle is not None:
        shown["why_not"] = _OBSTACLES[line.obstacle]
    if stored is not None and line.policy is not None and stored.price != line.policy.price:
        shown["earlier_price"] = to_yuan(stored.price)
    return shown


def _owned_until(owned: Enrollment | None, now: datetime) -> str | None:
    """Until when a course is had that may be studied now."""
    return _end_text(owned.ends_at) if owned is not None and owned.is_active(now) else None


def _end_text(ends_at: datetime | None) -> str:
    return beijing_text(ends_at) if ends_at else "永久"


def _line(line: ShownLine, stored: CartLine | None, shop_url: str) -> Json:
    """A cart or account line as of today; name, image, price and period of its day, where they are kept, where the
    catalogue has them no longer.
    """
    course, policy = line.course, line.policy
    name, image = (course.name, course.course_img) if course else ("", "")
    if course is None and stored is not None:
        name, image = stored.name, stored.image
    priced = policy or stored
    shown: Json = {
        "id": line.course_key.course_id,
        "course_type": line.course_key.course_type,
        "name": name,
        "course_img": picture(image, shop_url),
        "coursedetail_id": _detail_id(course),
        "relate_price_policy": {
            str(offered.policy_id): _policy(offered, line) for offered in (course.policies if course else [])
        },
        "default_price": to_yuan(priced.price if priced else 0),
        "default_price_period": priced.valid_period if priced else 0,
        "default_price_policy_id": line.chosen.policy_id,
    }
    if not line.sellable:
        shown["sellable"] = False
    return shown


def _policy(policy: PricePolicyCopy, line: ShownLine) -> Json:
    shown: Json = {
        "prcie": to_yuan(policy.price),
        "valid_period": policy.valid_period,
        "valid_period_text": period_name(policy.valid_period),
        "default": policy.policy_id == line.chosen.policy_id,
    }
    if not line.is_open_to_user(policy):
        shown["sellable"] = False
    return shown


def account(view: AccountView, shop_url: str) -> Json:
    """`GET /account`."""
    coupons = view.usable_coupons
    return success(
        {
            "account_course_list": [
                _line(line, None, shop_url)
                | {
                    "rebate_price": to_yuan(line.policy.price if line.policy else 0),
                    "coupon_list": [_coupon(record) for record in coupons if record.is_for(line.course_key)],
                }
                for line in view.lines
            ],
            "total": sum(line.sellable for line in view.lines),
            "global_coupons": [_coupon(record) for record in coupons if record.bound_to is None],
            "total_price": yuan_text(view.total),
        }
    )


def _coupon(record: CouponRecord) -> Json:
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


def priced_account(settlement: Settlement) -> Json:
    """`PUT /account`: each course's price after its own coupon, and what is due in all."""
    prices: Json = {line.course.map_key: to_yuan(line.rebate_price) for line in settlement.lines}
    return success(prices | {"total_price": to_yuan(settlement.payable)})


# Coupons and quotes


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
        _dated_coupon(record)
        | _name_of(held.course)
        | {
            "brief": held.brief,
            "not_yet": record.status == UNUSED and now < record.valid_from,
            "order_number": record.order_number,
            "used_date": _date(record.used_at),
        }
    )


def _dated_coupon(record: CouponRecord) -> Json:
    return (
        _coupon(record)
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
            "begin_date": _date(offer.valid_from) if has_dates else None,
            "end_date": _date(offer.valid_until) if has_dates else None,
            "claimed": claimed,
        }
    )


def _name_of(course: Course | None) -> Json:
    """Name and page of the course that a coupon is for."""
    return {
        "course_name": course.name if course else None,
        "coursedetail_id": _detail_id(course),
    }


def _detail_id(course: Course | None) -> str | None:
    """The id of a course's page, if there is one."""
    return None if course is None or course.detail_id is None else str(course.detail_id)


def _date(at: datetime | None) -> str | None:
    return None if at is None else beijing_text(at)


def quote(quoted: Quote, settings: Settings, now: datetime) -> Json:
    """`POST /account/quote`: `best` has the form of the body of `POST /payment`."""
    settlement, best_settlement = quoted.priced.settlement, quoted.best_settlement
    original = sum(line.price for line in settlement.lines)
    shown = {
        "lines": [_quoted_line(line, settings.shop_url, now) for line in quoted.lines],
        "coupons": [_quoted_coupon(one) for one in quoted.coupons],
        "original_amount": to_yuan(original),
        "course_coupon_amount": to_yuan(original - sum(line.rebate_price for line in settlement.lines)),
        "general_coupon_amount": to_yuan(settlement.general_discount),
        "beli_balance": quoted.beli_balance,
        "beli": settlement.beli,
        "beli_amount": to_yuan(settlement.beli_discount),
        "total_price": to_yuan(settlement.payable),
        "best": _best(quoted.best, best_settlement),
        "best_beli": best_settlement.beli,
        "best_saves": to_yuan(settlement.payable - best_settlement.payable),
        "refund_days": settings.refund_window.days,
    }
    if quoted.same_order is not None:
        shown["same_order"] = _same_order(quoted.same_order)
    return success(shown)


def _quoted_line(line: QuotedLine, shop_url: str, now: datetime) -> Json:
    course, policy, amounts = line.priced.course, line.priced.policy, line.priced.amounts
    return {
        "course_id": course.course_id,
        "course_type": course.course_type,
        "name": course.name,
        "course_img": picture(course.course_img, shop_url),
        "coursedetail_id": _detail_id(course),
        "price_policy_id": policy.policy_id,
        "valid_period_display": period_name(policy.valid_period),
        "coupon": line.priced.coupon.name if line.priced.coupon else "",
        "original_price": to_yuan(amounts.price),
        "price": to_yuan(amounts.rebate_price),
        "general_coupon_share": to_yuan(amounts.general_share),
        "beli": amounts.beli,
        "beli_share": to_yuan(amounts.beli_share),
        "payable": to_yuan(amounts.payable),
        "owned_until": _owned_until(line.owned, now),
        "end_date_after": _end_text(line.after.ends_at),
    }


def _quoted_coupon(one: QuotedCoupon) -> Json:
    return _dated_coupon(one.record) | {
        "course_name": one.course.name if one.course else None,
        "usable": one.reason is None,
        "saves": to_yuan(one.saves),
        "saves_beside": to_yuan(one.saves_beside),
        "chosen": one.chosen,
        "reason": _COUPON_REASONS.get(one.reason or "", ""),
        "missing": to_yuan(one.missing),
    }


def _best(best: Choice, settlement: Settlement) -> Json:
    """A choice as `POST /payment` takes it."""
    lines: list[Json] = []
    for line in best.lines:
        shown = {
            "course_id": line.course.course_id,
            "course_type": line.course.course_type,
            "default_price_policy_id": line.policy_id,
        }
        if line.coupon_record_id is not None:
            shown["coupon_record_id"] = line.coupon_record_id
        lines.append(shown)
    general = best.general_coupon_record_id
    return {
        "is_beli": best.use_beli,
        "course_list": lines,
        "global_coupon_id": general if general is not None else "",
        "pay_money": to_yuan(settlement.payable),
    }


def _same_order(order: Order) -> Json:
    """Another order for the same."""
    return {"order_number": order.number, "status": STATUS_NAMES[order.status]}


_COUPON_REASONS = {
    "used": "已使用",
    "reserved": "已被未支付的订单占用",
    "date": "不在有效期内",
    "course": "不适用于所选课程",
    "minimum": "未达到最低消费",
}


# Orders


def orders(found: OrderList, courses: Mapping[CourseKey, Course], now: datetime, settings: Settings) -> Json:
    """`GET /myorder`; `courses` as they are in the catalogue today."""
    body = success(
        [
            _order_in_short(order, now, settings)
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


def _order_in_short(order: Order, now: datetime, settings: Settings) -> Json:
    """The amounts of an order, its times, and what can be done now."""
    lines, window = order.lines, settings.refund_window
    refund_until = order.refund_until(window)
    shown: Json = {
        "order_number": order.number,
        "date": beijing_text(order.placed_at),
        "status": STATUS_NAMES[order.status],
        "payment_type": PAYMENT_NAMES[order.payment_type],
        "original_amount": to_yuan(sum(line.original_price for line in lines)),
        "course_coupon_amount": to_yuan(sum(line.original_price - line.price for line in lines)),
        "general_coupon_amount": to_yuan(order.general_discount),
        "beli": order.beli,
        "beli_amount": to_yuan(order.beli_discount),
        "actual_amount": to_yuan(order.amount),
        "refunded_amount": to_yuan(order.refunded_amount),
        "expire_date": beijing_text(order.expires_at),
        "seconds_left": max(0, int((order.expires_at - now).total_seconds())) if order.is_open() else 0,
        "can_pay": order.can_be_sent_to_pay(now),
        "can_cancel": order.is_open(),
        "can_refund": order.can_be_refunded(window, now),
        "refund_until": beijing_text(refund_until) if refund_until else None,
    }
    if order.paid_at is not None:
        shown["pay_date"] = beijing_text(order.paid_at)
    return shown


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
        "coursedetail_id": _detail_id(courses.get(line.course)),
        "valid_period_display": line.valid_period_name,
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


def order(page: OrderPage, now: datetime, settings: Settings, chosen: Collection[int] | None = None) -> Json:
    """`GET /order/{order_number}`: amounts with their breakdown, what can be done now, refunds and history.

    `refundable_amount` is what a refund of the `chosen` lines, or (None) of all that are left, gives back in money.
    """
    found, refunds = page.order, oldest_first(page.about)
    can_refund = found.can_be_refunded(settings.refund_window, now)
    to_refund = found.open_lines() if chosen is None else chosen
    is_refundable = can_refund and set(to_refund) <= set(found.open_lines())
    ask_again = ask_again_after(found, refunds, now)
    shown = _order_in_short(found, now, settings) | {
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
        shown["same_order"] = _same_order(page.duplicate)
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
        "access_end_date": _owned_until(page.enrollments.get(line.course), now),
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


def refund_preview(previewed: RefundPreview, window: timedelta, now: datetime) -> Json:
    """`GET /order/{order_number}/refund_preview`."""
    order, asked = previewed.order, previewed.asked
    refund_until = order.refund_until(window)
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
                    "access_after": _owned_until(
                        previewed.enrollments.get(order.lines[position].course), now
                    ),
                }
                for position, amount in zip(asked.lines, previewed.amounts, strict=True)
            ],
        }
    )


_KEPT_COUPONS = {OVER: "已过有效期，退回后不能再使用", KEPT_LINES: "订单中还有未退费的课程，全部退费后退回"}


def withdrawn_refund(one: Refund) -> Json:
    """`DELETE /order/{order_number}/refund/{request_no}`."""
    return success(_own_refund(one), "退费申请已撤回，课程恢复学习")


def refunds(waiting: Page[Refund], usernames: Mapping[int, str]) -> Json:
    """`GET /admin/refunds`: applications that wait for a decision, of whom and for what. Names by the users' ids."""
    body = success(
        [
            _refund(one)
            | {
                "order_number": one.order_number,
                "username": usernames.get(one.user_id, ""),
                "courses": list(one.course_names),
            }
            for one in waiting.items
        ]
    )
    if waiting.next_cursor:
        body["next"] = waiting.next_cursor
    return body


def decided_refund(request_no: str, status: str) -> Json:
    """`POST /admin/refunds/{request_no}/approve` and `/refuse`."""
    return success({"request_no": request_no, "status": REFUND_STATUS_NAMES[status]})


def cancelled_order(number: str) -> Json:
    """`POST /order/{order_number}/cancel`."""
    return success({"order_number": number, "status": STATUS_NAMES[CANCELLED]}, "订单已取消")


# Enrollments


def my_course(mine: MyCourse, now: datetime) -> Json:
    """`GET /course/{course_id}/mine`."""
    owned = mine.enrollment
    is_active, is_paused = (owned.is_active(now), owned.is_paused(now)) if owned else (False, False)
    return success(
        {
            "enrolled": is_active,
            "end_date": _owned_until(owned, now),
            "paused": is_paused,
            "ended": owned is not None and not is_active and not is_paused,
            "in_cart": mine.is_in_cart,
            "cart_policy_id": mine.cart_policy_id,
            "free_term_had": mine.free_term_had,
            "open_order": mine.open_order,
            "coupons": [held_coupon(one, now) for one in mine.coupons],
        }
    )


def my_courses(
    enrollments: Sequence[Enrollment],
    courses: Mapping[CourseKey, Course],
    now: datetime,
    shop_url: str,
) -> Json:
    """`GET /mycourses`: what the user may study and until when; running ones first, then those that ended. `courses`
    as they are in the catalogue today.
    """
    rows = []
    for mine in sorted(enrollments, key=lambda mine: (not mine.is_active(now), mine.course)):
        course = courses.get(mine.course)
        rows.append(
            {
                "course_id": mine.course.course_id,
                "course_type": mine.course.course_type,
                "name": course.name if course else mine.course_name,
                "course_img": picture(course.course_img if course else "", shop_url),
                "coursedetail_id": _detail_id(course),
                "begin_date": beijing_text(mine.begins_at),
                "end_date": _end_text(mine.ends_at),
                "ended": not mine.is_active(now) and not mine.is_paused(now),
                "paused": mine.is_paused(now),
                "days_left": mine.days_left(now),
                "hours": (course.hours if course else None) or 0,
                "sellable": mine.ends_at is not None
                and course is not None
                and course.is_sold()
                and bool(course.policies),
                "orders": list(mine.order_numbers),
            }
        )
    return success(rows)
