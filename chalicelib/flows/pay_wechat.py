"""Begin to pay an order by WeChat Pay: by a QR code, from a phone's browser, or within WeChat."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.deadline import PROVIDER_SECONDS, Deadline
from chalicelib.errors import (
    AuthorisationOver,
    GatewayUnavailable,
    OrderClosed,
    ProviderChanged,
    ProviderNotOffered,
)
from chalicelib.gateways import Gateways
from chalicelib.gateways.payments import BridgeCall, PageKind, PayPage, TooLate
from chalicelib.settings import Settings
from chalicelib.shop import authorisation
from chalicelib.shop import order as orders
from chalicelib.shop.authorisation import Authorisation
from chalicelib.shop.order import Order
from chalicelib.shop.payment_type import WECHAT, Way
from chalicelib.shop.trade import Trade

from . import ask_provider, close_order, payable

if TYPE_CHECKING:
    from chalicelib.gateways.wechat import Wechat


def start(
    order: Order,
    way: Way,
    authorised: Authorisation | None,
    address: str,
    gateways: Gateways,
    settings: Settings,
    now: datetime,
) -> PayPage | BridgeCall:
    """Begin to pay a learner's own open order that is to be paid by WeChat Pay -> its QR code, the address that opens
    the app on the phone at `address`, or what a page within WeChat hands to it. Within WeChat, without an
    authorisation, the address where WeChat gives one.

    The trade is recorded first, and used again for the same way. Up to two calls; where its trade cannot be used any
    more, up to four for each trade. Who changes the provider, or cancels, before WeChat Pay has heard of the trade
    finds nothing there to close: so the order is read again afterwards, and the trade closed where it is not to be paid
    by WeChat Pay any more. Raises ProviderNotOffered, ProviderChanged, AuthorisationOver, TooManyTrades,
    GatewayUnavailable, OrderAlreadyPaid (also when WeChat Pay says so: the order is delivered), PaymentUnknown, and as
    `payable.paying`.
    """
    with payable.paying(order, now):
        if gateways.wechat is None:
            raise ProviderNotOffered()
        if order.payment_type != WECHAT:
            raise ProviderChanged(order=order.number)
        openid = ""
        if way is Way.JSAPI:
            if authorised is None:
                return _authorisation_page(order, gateways, settings, now)
            openid = _openid(order, authorised, gateways, settings, now)
        for _ in range(2):
            trade = orders.begin_trade(order, WECHAT, way, now)
            started = _started(gateways.wechat, order, trade, address, openid)
            if not isinstance(started, TooLate):
                _close_where_changed(order, trade, gateways.wechat)
                return started
            order = orders.reload(order)
            close_order.raise_unless_closed(order, ask_provider.close_trades(order, gateways, now))
        raise GatewayUnavailable(gateway=WECHAT, reason="neither trade can be begun")


def _started(
    wechat: Wechat, order: Order, trade: Trade, address: str, openid: str
) -> PayPage | BridgeCall | TooLate:
    number, amount, title, until = trade.number, order.amount, order.title, order.expires_at
    deadline = Deadline(PROVIDER_SECONDS)
    match trade.way:
        case Way.NATIVE:
            return wechat.start_native(number, amount, title, until, deadline)
        case Way.H5:
            return wechat.start_h5(number, amount, title, until, address, deadline)
        case _:
            return wechat.start_jsapi(number, amount, title, until, openid, deadline)


def _close_where_changed(order: Order, trade: Trade, wechat: Wechat) -> None:
    """Raises ProviderChanged, OrderClosed, when another request was faster. One read; one call of WeChat Pay then,
    whatever comes of it: should the trade be paid after all, one of two payments goes back by itself.
    """
    current = orders.reload(order)
    if current.is_open() and current.payment_type == WECHAT:
        return
    wechat.close(trade.number, Deadline(PROVIDER_SECONDS))
    raise (ProviderChanged if current.is_open() else OrderClosed)(order=order.number)


def _authorisation_page(order: Order, gateways: Gateways, settings: Settings, now: datetime) -> PayPage:
    if gateways.wechat_login is None:
        raise ProviderNotOffered()
    state = authorisation.make_state(order.user_id, order.number, settings.jwt_key, now)
    page = settings.pay_address(WECHAT, order.number)
    return PayPage(PageKind.REDIRECT, gateways.wechat_login.address(page, state))


def _openid(
    order: Order, authorised: Authorisation, gateways: Gateways, settings: Settings, now: datetime
) -> str:
    """Who pays, once the state shows that it was this learner, for this order, whom the shop has sent to WeChat."""
    if gateways.wechat_login is None:
        raise ProviderNotOffered()
    keys = settings.jwt_keys
    if not authorisation.is_genuine(authorised.state, order.user_id, order.number, keys, now):
        raise AuthorisationOver()
    openid = gateways.wechat_login.openid(authorised.code, Deadline(PROVIDER_SECONDS))
    if openid is None:
        raise AuthorisationOver()
    return openid
