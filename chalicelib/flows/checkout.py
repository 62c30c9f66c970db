"""Checkout: a choice becomes an order, and the learner is sent to pay it."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from urllib.parse import quote

from chalicelib.errors import (
    AmountMismatch,
    BeliTaken,
    CartStoreUnavailable,
    IdTaken,
    OrderNotPayable,
    OutcomeUnknown,
    StoreUnavailable,
)
from chalicelib.gateways import Gateways
from chalicelib.money import Fen
from chalicelib.settings import Settings
from chalicelib.shop import cart, coupon, ledger, order
from chalicelib.shop.choice import Choice
from chalicelib.shop.order import Order, OrderLine
from chalicelib.shop.price_policy import period_name
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import Transaction, find

from . import confirm_payment
from .settle import PricedChoice, price_choice

log = logging.getLogger(__name__)

_FREE_ORDER_LOOK = timedelta(minutes=1)
"""When the timer looks after an order that costs nothing and yet was not delivered at once."""


def place_order(
    user: User, choice: Choice, pay_money: Fen, gateways: Gateways, settings: Settings, now: datetime
) -> tuple[Order, str]:
    """Place an order of a choice -> the order and the address to send the browser to.

    One transaction: the order, its coupon records reserved, its beli taken. An order of 0 is paid at once.
    Three round trips before the address is known, one more to empty the cart. Raises CourseNotFound,
    PricePolicyNotFound, CouponUnusable, BelowMinimum, AmountMismatch (in this order), BeliTaken,
    StoreUnavailable, OutcomeUnknown.
    """
    priced = price_choice(user, choice, now)
    if priced.settlement.payable != pay_money:
        raise AmountMismatch(due=priced.settlement.payable)
    while True:
        placed = _new_order(user, priced, settings, now)
        try:
            _place(placed, priced, user, now)
        except IdTaken:
            continue
        break
    if placed.amount == 0:
        address = _pay_nothing(placed, settings, now)
    else:
        address = pay_address(placed, gateways, settings)
    try:
        cart.forget_ordered(user.user_id, [line.course for line in choice.lines])
    except CartStoreUnavailable:
        log.warning("the cart of a placed order could not be emptied: order=%s", placed.number)
    return placed, address


def find_payable(user_id: int, number: str, amount: Fen, now: datetime) -> Order:
    """The user's order that may be sent to pay now, for this amount (fen). Two round trips.

    Raises OrderNotFound, OrderNotPayable.
    """
    found = order.find_own(user_id, number)
    if found.amount != amount or not found.can_be_sent_to_pay(now):
        raise OrderNotPayable(order=number)
    return found


def pay_address(placed: Order, gateways: Gateways, settings: Settings) -> str:
    """The address of Alipay's pay page for an order: subject and expiry are the stored ones, each time."""
    return gateways.alipay.pay_url(
        order_number=placed.number,
        amount=placed.amount,
        subject=placed.subject,
        expires_at=placed.expires_at,
        notify_url=f"{settings.api_url}/trade/alipay/",
        return_url=f"{settings.api_url}/trade/alipay/",
    )


def result_address(settings: Settings, order_number: str | None) -> str:
    """The shop's result page, for an order or, without a number, for none."""
    page = f"{settings.shop_url}/payment/result"
    return f"{page}?order_num={quote(order_number, safe='')}" if order_number else page


def _pay_nothing(placed: Order, settings: Settings, now: datetime) -> str:
    try:
        confirm_payment.confirm_free(placed, "nothing to pay", now)
    except (StoreUnavailable, OutcomeUnknown):
        # The order stands; the result page and the timer deliver it.
        log.warning("an order of 0 was placed and not yet delivered: order=%s", placed.number)
    return result_address(settings, placed.number)


def _place(placed: Order, priced: PricedChoice, user: User, now: datetime) -> None:
    transaction = Transaction()
    due = placed.expires_at if placed.amount else now + _FREE_ORDER_LOOK
    order.place(transaction, placed, next_look_at=due)
    for record in (*priced.coupons, priced.general_coupon):
        if record is not None:
            coupon.reserve(transaction, record, placed.number)
    if placed.beli:
        taken = ledger.entry(
            user.user_id, -placed.beli, f"{placed.number}#placed", f"order {placed.number} placed", now
        )
        ledger.change(transaction, taken, BeliTaken())
    transaction.commit(witness=lambda: find(Order, placed.owner, placed.sort) is not None)


def _new_order(user: User, priced: PricedChoice, settings: Settings, now: datetime) -> Order:
    amounts = priced.settlement
    lines = [
        OrderLine(  # type: ignore[no-untyped-call]
            course_type=course.course_type,
            course_id=course.course_id,
            course_name=course.name,
            course_img=course.course_img,
            policy_id=policy.policy_id,
            valid_period=policy.valid_period,
            valid_period_name=period_name(policy.valid_period),
            original_price=line.price,
            price=line.rebate_price,
            coupon_record_id=record.record_id if record else None,
            coupon_name=record.name if record else None,
            general_share=line.general_share,
            beli_share=line.beli_share,
            beli=line.beli,
            payable=line.payable,
        )
        for course, policy, record, line in zip(
            priced.courses, priced.policies, priced.coupons, amounts.lines, strict=True
        )
    ]
    general = priced.general_coupon
    return order.order_item(
        order.new_number(now),
        user.user_id,
        now,
        payment_type=_payment_type(priced),
        amount=amounts.payable,
        lines=lines,
        general_coupon_record_id=general.record_id if general else None,
        general_coupon_name=general.name if general else None,
        general_discount=amounts.general_discount,
        beli=amounts.beli,
        beli_discount=amounts.beli_discount,
        subject=order.subject([line.course_name for line in lines]),
        expires_at=(now + timedelta(minutes=settings.order_minutes)).replace(microsecond=0),
    )


def _payment_type(priced: PricedChoice) -> str:
    if priced.settlement.payable:
        return order.ALIPAY
    if priced.settlement.beli:
        return order.BELI
    return order.COUPON if priced.general_coupon or any(priced.coupons) else order.FREE
