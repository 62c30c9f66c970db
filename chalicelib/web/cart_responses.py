"""Cart, account and quote -> the documented JSON, one plain function per object; `prcie` is the document's spelling."""

from __future__ import annotations

from datetime import datetime

from chalicelib.flows.fill_cart import COMING, GONE, POLICY_GONE, TERM_HAD, CartView, ShownLine
from chalicelib.flows.quote import Quote, QuotedCoupon, QuotedLine
from chalicelib.flows.settle import AccountView
from chalicelib.gateways import Gateways
from chalicelib.money import to_yuan, yuan_text
from chalicelib.settings import Settings
from chalicelib.shop.cart import CartLine
from chalicelib.shop.catalog import LEVEL_NAMES
from chalicelib.shop.choice import Choice
from chalicelib.shop.enrollment import Enrollment
from chalicelib.shop.price_policy import PricePolicyCopy, period_name
from chalicelib.shop.settlement import Settlement
from chalicelib.web.coupon_responses import coupon, dated_coupon
from chalicelib.web.responses import Json, detail_id, end_text, owned_until, picture, same_order, success


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
        "owned_until": owned_until(owned, now),
    }
    if line.obstacle is not None:
        shown["why_not"] = _OBSTACLES[line.obstacle]
    if stored is not None and line.policy is not None and stored.price != line.policy.price:
        shown["earlier_price"] = to_yuan(stored.price)
    return shown


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
        "coursedetail_id": detail_id(course),
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
                    "coupon_list": [coupon(record) for record in coupons if record.is_for(line.course_key)],
                }
                for line in view.lines
            ],
            "total": sum(line.sellable for line in view.lines),
            "global_coupons": [coupon(record) for record in coupons if record.bound_to is None],
            "total_price": yuan_text(view.total),
        }
    )


def priced_account(settlement: Settlement) -> Json:
    """`PUT /account`: each course's price after its own coupon, and what is due in all."""
    prices: Json = {line.course.map_key: to_yuan(line.rebate_price) for line in settlement.lines}
    return success(prices | {"total_price": to_yuan(settlement.payable)})


def quote(quoted: Quote, gateways: Gateways, settings: Settings, now: datetime) -> Json:
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
        "providers": gateways.offered(),
    }
    if quoted.same_order is not None:
        shown["same_order"] = same_order(quoted.same_order)
    return success(shown)


def _quoted_line(line: QuotedLine, shop_url: str, now: datetime) -> Json:
    course, policy, amounts = line.priced.course, line.priced.policy, line.priced.amounts
    return {
        "course_id": course.course_id,
        "course_type": course.course_type,
        "name": course.name,
        "course_img": picture(course.course_img, shop_url),
        "coursedetail_id": detail_id(course),
        "price_policy_id": policy.policy_id,
        "valid_period_display": period_name(policy.valid_period),
        "coupon": line.priced.coupon.name if line.priced.coupon else "",
        "original_price": to_yuan(amounts.price),
        "price": to_yuan(amounts.rebate_price),
        "general_coupon_share": to_yuan(amounts.general_share),
        "beli": amounts.beli,
        "beli_share": to_yuan(amounts.beli_share),
        "payable": to_yuan(amounts.payable),
        "owned_until": owned_until(line.owned, now),
        "end_date_after": end_text(line.after.ends_at),
    }


def _quoted_coupon(one: QuotedCoupon) -> Json:
    return dated_coupon(one.record) | {
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


_COUPON_REASONS = {
    "used": "已使用",
    "reserved": "已被未支付的订单占用",
    "date": "不在有效期内",
    "course": "不适用于所选课程",
    "minimum": "未达到最低消费",
}
