"""People, their sessions and their beli -> the documented JSON, one plain function per object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from chalicelib.beijing_time import beijing_text
from chalicelib.flows.check_captcha import StartedCaptcha
from chalicelib.flows.overview import Overview
from chalicelib.flows.send_code import channels
from chalicelib.flows.sign_in import Welcome
from chalicelib.gateways import Gateways
from chalicelib.settings import Settings
from chalicelib.shop.caller import SignedIn
from chalicelib.shop.contact import ShownContact
from chalicelib.shop.device import device_name
from chalicelib.shop.ledger import BookedEntry, EntryList
from chalicelib.shop.one_time_code import LIFE, WAIT_SECONDS
from chalicelib.shop.session import Session
from chalicelib.shop.user import ROLE_NAMES, User
from chalicelib.web.responses import Json, absolute_address, success


def head_image(user: User, shop_url: str) -> str:
    """The absolute address of a user's picture, never empty."""
    return absolute_address(user.head_img, shop_url, "images/head.svg")


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


def signed_in(welcome: Welcome, shop_url: str) -> Json:
    """`POST /login` and `POST /register`."""
    user = welcome.user
    return success(
        {
            "token": welcome.token,
            "expire_date": beijing_text(welcome.expires_at),
            "userinfo": {"username": user.username, "head_img": head_image(user, shop_url)},
        },
        "验证成功!",
    )


def user_info(shown: Overview, shop_url: str) -> Json:
    """`GET /userinfo` and `PUT /userinfo`."""
    user = shown.user
    return success(
        {
            "username": user.username,
            "name": user.name,
            "head_img": head_image(user, shop_url),
            "beli": user.beli,
            "role": ROLE_NAMES[user.role],
            "cart_count": shown.cart_count,
            "open_orders": shown.open_orders,
            "usable_coupons": shown.usable_coupons,
        }
    )


def sessions(stored: Iterable[Session], here: SignedIn, now: datetime) -> Json:
    """`GET /sessions`: where the user is signed in."""
    return success(
        [
            {
                "id": session.session_id,
                "device": session.device,
                "device_name": device_name(session.device),
                "date": beijing_text(session.created_at),
                "expire_date": beijing_text(session.expires_at),
                "current": session.session_id == here.session.session_id,
            }
            for session in stored
            if session.is_alive(here.user, now)
        ]
    )


def sent_code() -> Json:
    """`POST /codes`."""
    data = {"wait_seconds": WAIT_SECONDS, "expires_in": int(LIFE.total_seconds())}
    return success(data, "验证码已发送，如未收到，请检查号码或邮箱，或稍后重试")


def contacts(
    shown: Mapping[str, ShownContact | None], gateways: Gateways, settings: Settings, msg: str = ""
) -> Json:
    """`GET /contacts`, and what changes them."""
    data = {
        channel: None if one is None else {"masked": one.masked, "is_confirmed": one.is_confirmed}
        for channel, one in shown.items()
    }
    return success(data | {"channels": channels(gateways, settings)}, msg)


def ledger(found: EntryList, balance: int) -> Json:
    """`GET /beli`: the balance and its entries, newest first."""
    body = success({"beli": balance, "entries": [_booked(one) for one in found.entries]})
    if found.next_cursor:
        body["next"] = found.next_cursor
    return body


def _booked(booked: BookedEntry) -> Json:
    entry = booked.entry
    order_number, text = _about(entry.cause)
    return {
        "date": beijing_text(entry.at),
        "beli": entry.beli,
        "text": text,
        "order_number": order_number,
        "balance": booked.balance,
    }


_OF_AN_ORDER = {
    "placed": "支付",
    "closed": "关闭，退回",
    "refunded": "退费，退回",
    "reopened": "重新开通，支付",
}


def _about(cause: str) -> tuple[str | None, str]:
    """The order that caused an entry, if one did, and a learner's words for it."""
    kind, _, rest = cause.partition(" ")
    if kind == "order":
        number, _, why = rest.partition(" ")
        return number, f"订单{number}{_OF_AN_ORDER.get(why, why)}"
    return None, "期初余额" if cause == "opening balance" else "学校发放或调整"
