"""An API client as the document describes one: paths with slashes, a bare token, JSON bodies.

Every answer it gets is held to the API's description.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import requests

from chalicelib.shop.catalog import Course
from chalicelib.shop.coupon import CouponRecord
from chalicelib.shop.user import User
from tests import openapi
from tests.builders import a_token, policy_id_of

SECONDS = 30
_IDLE_SECONDS = 2.0
"""How long a connection is kept idle: less than any server here keeps one."""


class _Kept(threading.local):
    """A thread's connections."""

    session: requests.Session | None = None
    asked = 0.0


_kept = _Kept()


def open_session() -> requests.Session:
    """This thread's way to local servers: connections stay open between requests, and no setting of the computer is
    asked about proxies and passwords.
    """
    now = time.monotonic()
    if _kept.session is None or now > _kept.asked + _IDLE_SECONDS:
        if _kept.session:
            _kept.session.close()
        _kept.session = requests.Session()
        _kept.session.trust_env = False
    _kept.asked = now
    return _kept.session


class Client:
    """One learner's (or, without a user, a visitor's) way to the API."""

    def __init__(self, base_url: str, user: User | None = None) -> None:
        self.base_url = base_url
        self.user = user
        self.token = a_token(user) if user else None

    def request(self, method: str, path: str, **arguments: Any) -> requests.Response:
        headers = dict(arguments.pop("headers", {}))
        if self.token and "Authorization" not in headers:
            headers["Authorization"] = self.token
        response = open_session().request(
            method, self.base_url + path, headers=headers, timeout=SECONDS, allow_redirects=False, **arguments
        )
        openapi.check_response(response)
        return response

    def get(self, path: str, **arguments: Any) -> Any:
        return self.request("GET", path, **arguments).json()

    def post(self, path: str, body: object = None, **arguments: Any) -> Any:
        return self.request("POST", path, json=body, **arguments).json()

    def put(self, path: str, body: object = None) -> Any:
        return self.request("PUT", path, json=body).json()

    def delete(self, path: str, body: object = None) -> Any:
        return self.request("DELETE", path, json=body).json()

    def pay(
        self,
        courses: list[Course],
        pay_money: object,
        *,
        coupons: dict[int, CouponRecord] | None = None,
        general: CouponRecord | None = None,
        is_beli: object = False,
        **headers: str,
    ) -> Any:
        """`POST /payment/` for the first policy of each course; `coupons` by position in `courses`."""
        chosen = coupons or {}
        body = {
            "is_beli": is_beli,
            "course_list": [
                {
                    "course_id": course.course_id,
                    "course_type": course.course_type,
                    "default_price_policy_id": policy_id_of(course),
                    "coupon_record_id": chosen[i].record_id if i in chosen else None,
                }
                for i, course in enumerate(courses)
            ],
            "global_coupon_id": general.record_id if general else "",
            "pay_money": pay_money,
        }
        return self.post("/payment/", body, headers=headers)

    def newest_order(self) -> Any:
        return self.get("/myorder/")["data"][0]

    def order(self, number: str) -> Any:
        return self.get(f"/order/{number}")["data"]
