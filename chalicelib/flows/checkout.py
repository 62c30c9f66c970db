"""Checkout: a choice becomes an order, and the learner is sent to pay it."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from msgspec import Struct

from chalicelib.deadline import PROVIDER_SECONDS, Deadline
from chalicelib.errors import (
    AmountMismatch,
    BeliTaken,
    CartStoreUnavailable,
    CouponUnusable,
    FreeTermTaken,
    IdempotencyKeyTaken,
    IdTaken,
    OrderClosed,
    OrderNotPayable,
    OutcomeUnknown,
    ProviderNotOffered,
    StoreUnavailable,
    TooManyOpenOrders,
)
from chalicelib.gateways import Gateways
from chalicelib.gateways.payments import PageKind, PayPage
from chalicelib.money import Fen
from chalicelib.settings import Settings
from chalicelib.shop import cart, coupon, free_course, idempotency, ledger, open_items, reminder
from chalicelib.shop import order as orders
from chalicelib.shop.caller import Caller
from chalicelib.shop.choice import Choice
from chalicelib.shop.event import By, Cause
from chalicelib.shop.idempotency import FirstAnswer, IdempotencyKey
from chalicelib.shop.order import Order, OrderLine
from chalicelib.shop.payment_type import BELI, COUPON, FREE, OWN_PAGES
from chalicelib.shop.price_policy import period_name
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import Transaction, UserItem

from . import confirm_payment
from .remind import first_look
from .same_order import bought_by, find_same, list_recent
from .settle import PricedChoice, choice_keys, price_choice

log = logging.getLogger(__name__)


class PlacedOrder(Struct, frozen=True):
    """A placed order with its pay page, and a duplicate that is unpaid or was just paid."""

    order: Order
    page: PayPage
    duplicate: Order | None


def place_order(
    caller: Caller,
    choice: Choice,
    pay_money: Fen | None,
    key: IdempotencyKey | None,
    gateways: Gateways,
    settings: Settings,
    now: datetime,
    provider: str | None = None,
) -> PlacedOrder:
    """Place an order of a choice, once for an idempotency key, and find the page where it is paid: that of the
    `provider`, of the first one that is offered where none is named.

    One transaction writes the order, reserves its coupon records, takes its beli and keeps the key's first answer. An
    order of 0 is paid at once. Two round trips before the page is known; then one to empty the cart and one to find a
    duplicate; two or three more when the count of open orders is full. Without a key each call makes an order of its
    own.

    Raises ProviderNotOffered, IdempotencyKeyUsed, CourseNotFound, PricePolicyNotFound or FreeTermTaken, CouponUnusable,
    BelowMinimum, AmountMismatch (in this order; with the amount due, whatever `pay_money` is), TooManyOpenOrders,
    BeliTaken.
    FreeTermTaken comes last where another order takes the term at the same moment.
    """
    offered = gateways.offered()
    chosen = provider or next(iter(offered), None)
    if chosen not in offered:
        raise ProviderNotOffered()
    first_key = [idempotency.answer_key(caller.user_id, key)] if key else []
    found = caller.find([*first_key, *choice_keys(caller.user_id, choice)])
    user = caller.user()
    if key and (first := idempotency.first_answer(user.user_id, key, found)):
        return _answer_again(first, now)
    try:
        priced = price_choice(user, choice, found, now)
        if priced.settlement.payable != pay_money:
            raise AmountMismatch(due=priced.settlement.payable)
    except (AmountMismatch, CouponUnusable, FreeTermTaken):
        # The same request at the same moment may have taken coupon, beli or free term, after the key was read.
        if key and (first := idempotency.find_first_answer(user.user_id, key)):
            return _answer_again(first, now)
        raise
    while True:
        order = _new_order(user, priced, chosen, settings, now)
        page = _page(order, order.number, gateways) if order.amount else _result_page(settings, order)
        try:
            _place(order, priced, user, key, page, settings.max_open_orders, now)
        except IdTaken:
            continue
        except TooManyOpenOrders:
            if not open_items.make_room(order.owner, open_items.ORDERS, settings.max_open_orders, _is_open):
                raise
            continue
        except IdempotencyKeyTaken:
            # The same request at the same moment was faster: its answer is ours.
            first = idempotency.find_first_answer(user.user_id, key) if key else None
            assert first is not None
            return _answer_again(first, now)
        break
    if order.amount == 0:
        _deliver_free(order, now)
    try:
        cart.forget_ordered(user.user_id, [line.course for line in choice.lines])
    except CartStoreUnavailable:
        log.warning("the cart of a placed order could not be emptied: order=%s", order.number)
    return PlacedOrder(order, page, find_duplicate(order, now))


def _answer_again(first: FirstAnswer, now: datetime) -> PlacedOrder:
    """Give the first answer of an idempotency key again, and make sure that an order of 0 is delivered."""
    order = orders.find_by_number(first.order_number)
    if order.amount == 0 and order.is_open():
        _deliver_free(order, now)
    page = PayPage(PageKind(first.page_kind), first.address)
    return PlacedOrder(order, page, find_duplicate(order, now))


def find_duplicate(order: Order, now: datetime) -> Order | None:
    """Another order of the same user for the same courses by the same policies that is unpaid or was paid within the
    last half hour, so that nobody pays twice by mistake. One Query; None when the store fails.
    """
    others = (other for other in list_recent(order.user_id) if other.number != order.number)
    return find_same(others, bought_by(order), now)


def find_payable(caller: Caller, number: str, amount: Fen, gateways: Gateways, now: datetime) -> Order:
    """The caller's order that may be sent to pay now, for this amount (fen). Two round trips.

    Raises OrderNotFound, OrderNotPayable.
    """
    order = orders.find_own(caller, number)
    if order.amount != amount or not can_pay(order, gateways, now):
        raise OrderNotPayable(order=number)
    return order


def can_pay(order: Order, gateways: Gateways, now: datetime) -> bool:
    """Whether the page where an order is paid may be opened now: its provider is offered. An open order of the old
    system may wait for another.
    """
    return gateways.has(order.payment_type) and order.can_be_sent_to_pay(now)


def pay_page(order: Order, gateways: Gateways, now: datetime) -> PayPage:
    """The page where an order is paid; its title and expiry are the stored ones, each time.

    One round trip where its trade was closed, as by changing the provider and back: another one is begun. Raises
    GatewayUnavailable where the provider must be asked for the page, and as `orders.begin_trade`.
    """
    number = order.number
    if order.payment_type not in OWN_PAGES:  # such a page begins a trade by the way to pay
        number = orders.begin_trade(order, order.payment_type, None, now).number
    return _page(order, number, gateways)


def _page(order: Order, number: str, gateways: Gateways) -> PayPage:
    return gateways.of(order.payment_type).pay_page(
        number, order.amount, order.title, order.expires_at, Deadline(PROVIDER_SECONDS)
    )


def _result_page(settings: Settings, order: Order) -> PayPage:
    return PayPage(PageKind.REDIRECT, settings.result_address(order.number))


def _deliver_free(order: Order, now: datetime) -> None:
    try:
        confirm_payment.deliver_free(order, Cause(By.SHOP, "nothing to pay"), now)
    except (OrderClosed, StoreUnavailable, OutcomeUnknown):
        # The order stands; its page and the timer deliver it.
        log.warning("an order of 0 was placed and not yet delivered: order=%s", order.number)


def _is_open(item: UserItem) -> bool:
    return isinstance(item, Order) and item.is_open()


def _place(
    order: Order,
    priced: PricedChoice,
    user: User,
    key: IdempotencyKey | None,
    page: PayPage,
    most_open: int,
    now: datetime,
) -> None:
    transaction = Transaction()
    orders.place(transaction, order, order.next_query_at(now) or order.expires_at)
    reminder.add(transaction, user.user_id, reminder.ORDER, order.number, first_look(order))
    if key is not None:
        idempotency.keep(transaction, user.user_id, key, order.number, page.text, page.kind, now)
    open_items.add(transaction, order, open_items.ORDERS, most_open, TooManyOpenOrders(most=most_open))
    free_course.take(transaction, user.user_id, free_course.of_order(order), FreeTermTaken())
    for record in priced.coupons():
        coupon.reserve(transaction, record, order.number)
    if order.beli:
        cause = f"order {order.number} placed"
        taken = ledger.entry(user.user_id, -order.beli, f"{order.number}#placed", cause, now)
        ledger.change(transaction, taken, BeliTaken())
    transaction.commit()


def _new_order(user: User, priced: PricedChoice, provider: str, settings: Settings, now: datetime) -> Order:
    amounts = priced.settlement
    lines = [
        OrderLine(  # type: ignore[no-untyped-call]
            course_type=line.course.course_type,
            course_id=line.course.course_id,
            course_name=line.course.name,
            course_img=line.course.course_img,
            policy_id=line.policy.policy_id,
            valid_period=line.policy.valid_period,
            valid_period_name=period_name(line.policy.valid_period),
            original_price=line.amounts.price,
            price=line.amounts.rebate_price,
            coupon_record_id=line.coupon.record_id if line.coupon else None,
            coupon_name=line.coupon.name if line.coupon else None,
            general_share=line.amounts.general_share,
            beli_share=line.amounts.beli_share,
            beli=line.amounts.beli,
            payable=line.amounts.payable,
            is_free_once=free_course.is_once(line.course, line.policy.price) or None,
        )
        for line in priced.lines
    ]
    general = priced.general_coupon
    payment_type = _payment_type(priced, provider)
    return orders.order_item(
        orders.new_number(now),
        user.user_id,
        now,
        payment_type=payment_type,
        trades=[] if payment_type in OWN_PAGES else None,
        amount=amounts.payable,
        lines=lines,
        general_coupon_record_id=general.record_id if general else None,
        general_coupon_name=general.name if general else None,
        general_discount=amounts.general_discount,
        general_minimum=general.minimum if general and general.coupon_type == coupon.FULL else None,
        beli=amounts.beli,
        beli_discount=amounts.beli_discount,
        title=orders.title([line.course_name for line in lines]),
        expires_at=(now + timedelta(minutes=settings.order_minutes)).replace(microsecond=0),
    )


def _payment_type(priced: PricedChoice, provider: str) -> str:
    if priced.settlement.payable:
        return provider
    if priced.settlement.beli:
        return BELI
    return COUPON if priced.coupons() else FREE
