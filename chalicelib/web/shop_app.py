"""ShopApp: Chalice plus the shop's conventions.

Every route is wrapped once: a refusal becomes its documented code, every answer is JSON in UTF-8 with CORS
headers. `caller()`, `json()`, `query()`, `now()` read the request.
"""

from __future__ import annotations

import functools
import hmac
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from decimal import Decimal
from threading import Lock, local
from typing import Any, TypeVar
from urllib.parse import unquote

from chalice.app import Chalice, CORSConfig, Request, Response

from chalicelib import request_log
from chalicelib import settings as shop_settings
from chalicelib.errors import (
    CartStoreUnavailable,
    ShopError,
    StoreUnavailable,
    TokenExpired,
    TokenRefused,
    TooManyAttempts,
    Unreadable,
)
from chalicelib.flows import check_captcha, sign_in
from chalicelib.gateways import Gateways
from chalicelib.settings import Settings
from chalicelib.shop.caller import Caller, SignedIn
from chalicelib.shop.texts import is_shown
from chalicelib.shop.user import User
from chalicelib.web import caching, codes, reading, requests
from chalicelib.web.caching import Kept
from chalicelib.web.codes import Codes
from chalicelib.web.process import Process

log = logging.getLogger(__name__)

FRESH_SECONDS = 5
"""How long a public catalogue answer is given again. The contract allows 10 seconds, the reading itself and the
`MAX_AGE` of caches on the way included.
"""
_FRESH_ROWS = 20_000
"""How many courses (or other rows) are kept in all, whatever number of answers they belong to."""

_PREFLIGHT_SECONDS = 2 * 3600

_SAFETY = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Headers of every answer that has not its own: most are personal."""

Loaded = TypeVar("Loaded")


def _rows(value: object) -> int:
    """The weight of a kept answer: its courses, or 1."""
    rows = getattr(value, "courses", value)
    return max(1, len(rows)) if isinstance(rows, list | tuple) else 1


class ShopCors(CORSConfig):
    """CORS with the origin of the setting, read at first use."""

    def __init__(self) -> None:
        super().__init__(
            allow_headers=["Idempotency-Key", "If-None-Match"],
            expose_headers=["ETag", "Retry-After", "x-amzn-RequestId"],
            max_age=_PREFLIGHT_SECONDS,
        )

    def get_access_control_headers(self) -> dict[str, str]:
        """The headers of answers and preflights."""
        origin = shop_settings.allowed_origins()
        headers = super().get_access_control_headers() | {"Access-Control-Allow-Origin": origin}
        return headers if origin == "*" else headers | {"Vary": "Origin"}


def _as_json(value: object) -> object:
    # The one place where money becomes a JSON number: at most two decimals, so the text is exact.
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(type(value).__name__)


def json_response(body: object, status: int = 200) -> Response:
    """An answer in JSON."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=_as_json)
    return Response(body=text, status_code=status, headers={"Content-Type": "application/json"})


def envelope(code: int, msg: str, data: object = None) -> dict[str, object]:
    """The document's envelope."""
    return {"code": code, "msg": msg, "data": data}


class ShopApp(Chalice):
    """The shop's API."""

    def __init__(self, app_name: str, process: Process) -> None:
        super().__init__(app_name, configure_logs=False)
        self.process = process
        self.refusals: dict[tuple[str, str], Codes] = {}
        self._fresh: Any = None
        self._fresh_lock = Lock()
        self._asking = local()

    def route(
        self, path: str, codes: Codes = codes.NONE, kept: Kept = Kept.NOBODYS, **kwargs: Any
    ) -> Callable[..., Any]:
        """Declare a route, without a trailing slash; `codes` is the table of its refusals, `kept` what others may
        keep of it.
        """
        declare = super().route(path, cors=ShopCors(), **kwargs)
        self.refusals |= {(method, path): codes for method in kwargs.get("methods", ["GET"])}

        def register(view: Callable[..., object]) -> Callable[..., Any]:
            @functools.wraps(view)
            def answer(**path_parts: str) -> Response:
                self._asking.caller = None
                try:
                    body = view(**{name: unquote(text) for name, text in path_parts.items()})
                    self._confirm_caller()
                except ShopError as error:
                    response = self._refuse(self._first_refusal(error), codes)
                else:
                    response = body if isinstance(body, Response) else json_response(body)
                return self._for_caches(response, kept)

            declare(answer)
            return view

        return register

    def _for_caches(self, response: Response, kept: Kept) -> Response:
        """The answer with what caches need to know of it; 304 for whoever has it already."""
        if kept is Kept.NOBODYS or response.status_code != 200:
            return response
        varying = ["Accept-Encoding"]
        if kept is Kept.VISITORS:
            varying.append("Authorization")
        if shop_settings.allowed_origins() != "*":
            varying.append("Origin")
        response.headers["Vary"] = ", ".join(varying)
        if kept is Kept.VISITORS and self.authorization() is not None:
            return response
        tag = caching.etag(response.body)
        response.headers |= {"Cache-Control": f"public, max-age={caching.MAX_AGE}", "ETag": tag}
        if caching.has_it(self.header("if-none-match"), tag):
            return Response(body="", status_code=304, headers=response.headers)
        return response

    def _confirm_caller(self) -> None:
        """Confirm the caller before the answer. No round trip for one who is confirmed."""
        caller: Caller | None = self._asking.caller
        if caller is not None:
            caller.signed_in()

    def _first_refusal(self, error: ShopError) -> ShopError:
        """The refusal to answer: not being signed in comes before everything else."""
        if isinstance(error, StoreUnavailable) and not isinstance(error, CartStoreUnavailable):
            return error  # who asks cannot be read either
        try:
            self._confirm_caller()
        except ShopError as first:
            return first
        return error

    def _refuse(self, error: ShopError, table: Codes) -> Response:
        answer = codes.find_answer(table, error)
        if answer is None:
            log.error("a refusal has no code at this endpoint: %s", type(error).__name__)
            return json_response(envelope(500, "服务器内部错误"), 500)
        if answer.status >= 500:
            log.warning("answered with %d: %s %s", answer.status, type(error).__name__, error)
        request_log.add_fields(code=answer.code, refusal=type(error).__name__)
        response = json_response(envelope(answer.code, answer.message(error)), answer.status)
        if isinstance(error, TooManyAttempts):
            response.headers["Retry-After"] = str(error.facts["seconds"])
        return response

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Answer an event of API Gateway.

        Chalice's own answers, outside any route, get the envelope and the CORS headers here.
        """
        # Bodies are read as JSON whatever they are called; Chalice would refuse other names with 415.
        headers = {name: text for name, text in (event.get("headers") or {}).items() if text is not None}
        event = event | {
            "headers": {name: text for name, text in headers.items() if name.lower() != "content-type"},
        }
        context_of_request = event.get("requestContext") or {}
        with request_log.request_line(
            "request",
            str(context_of_request.get("requestId", "")),
            method=context_of_request.get("httpMethod"),
            path=context_of_request.get("resourcePath"),
        ):
            with self.process.in_time(context):
                answer = self._answer(event, context)
            request_log.add_fields(status=answer["statusCode"])
        return answer

    def _answer(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        if reading.head_is_too_large(event):
            answer = self._refuse(Unreadable(), codes.NONE).to_dict()
        else:
            answer = super().__call__(event, context)
        status, given = answer["statusCode"], {name.lower() for name in answer["headers"]}
        is_outside = "access-control-allow-origin" not in given
        if is_outside:
            answer["headers"] |= ShopCors().get_access_control_headers()
        # A view that crashed has its headers, and a body of Chalice's own.
        if status == 500 or (is_outside and status >= 400):
            text = "服务器内部错误" if status >= 500 else "请求的地址或方法不存在"
            answer["body"] = json.dumps(envelope(status, text), ensure_ascii=False)
            answer["headers"]["Content-Type"] = "application/json"
        answer["headers"] = _SAFETY | answer["headers"]
        return answer

    @property
    def settings(self) -> Settings:
        """The settings of this process."""
        return self.process.settings

    @property
    def gateways(self) -> Gateways:
        """The third parties of this process."""
        return self.process.gateways

    def now(self) -> datetime:
        """The time of this request, aware, in UTC."""
        return self.process.now()

    def _request(self) -> Request:
        request = self.current_request
        assert request is not None, "outside a request"
        return request

    def json(self) -> Any:
        """The body's JSON with decimals for numbers. Raises Unreadable."""
        return reading.read_json(self.body())

    def optional_json(self) -> Any:
        """As `json`, but None for a request without a body."""
        body = self.body()
        return reading.read_json(body) if body else None

    def body(self) -> bytes:
        """The body as it came. Raises Unreadable for a larger one than any request has."""
        return reading.body_bytes(self._request().to_original_event())

    def header(self, name: str) -> str | None:
        """A header of the request, by its name in lower case."""
        value = self._request().headers.get(name)
        return None if value is None else str(value)

    def query(self) -> Mapping[str, str]:
        """The query's fields; of one that occurs twice, the last."""
        return self._request().query_params or {}

    def query_lists(self) -> dict[str, list[str]]:
        """The query's fields with all their values."""
        query = self._request().query_params
        return {name: query.getlist(name) for name in query} if query else {}

    def caller(self) -> Caller:
        """The caller, as their token claims. Raises TokenRefused, TokenExpired. No round trip.

        Whatever the view does, a caller who turns out not to be signed in gets that refusal: flows confirm the caller
        before they write or call a third party, and the answer waits for it.
        """
        self._asking.caller = caller = sign_in.claimed_caller(self.authorization(), self.settings, self.now())
        return caller

    def signed_in(self) -> SignedIn:
        """The caller and their session, where nothing else is read. Raises TokenRefused, TokenExpired, UserGone. One
        round trip.
        """
        return self.caller().signed_in()

    def user(self) -> User:
        """The caller, where nothing else is read. Raises TokenRefused, TokenExpired, UserGone. One round trip."""
        return self.caller().user()

    def visitor(self) -> Caller | None:
        """The caller of a page that everybody may see, yet to be confirmed: None without a genuine token."""
        try:
            return sign_in.claimed_caller(self.authorization(), self.settings, self.now())
        except (TokenRefused, TokenExpired):
            return None

    def authorization(self) -> str | None:
        """The header in which a token comes."""
        return self.header("authorization")

    def address(self) -> str:
        """The client's address as limits count it."""
        return reading.client_address(self.payer_address())

    def payer_address(self) -> str:
        """The client's address: as the gateway saw it, or as the CDN did that proves itself. No header of the client's
        can change it.
        """
        identity = self._request().context.get("identity") or {}
        seen, told = str(identity.get("sourceIp") or ""), self.header("x-shop-viewer")
        proof = self.header("x-shop-edge")
        is_edge = proof is not None and any(
            hmac.compare_digest(proof.encode(errors="replace"), key.encode())
            for key in self.settings.edge_keys
        )
        return told if told and is_edge else seen

    def device(self) -> str:
        """The browser's name for itself, up to 300 printable characters: chat programs say who they are late in it."""
        name = self._request().headers.get("user-agent") or ""
        return "".join(filter(is_shown, name[:600]))[:300]

    @contextmanager
    def captcha(self, action: str, body: object) -> Iterator[None]:
        """Run the block only for a body with a solved captcha, and use it up when the block succeeds.

        Raises CaptchaFailed, TooManyAttempts.
        """
        geetest = self.gateways.geetest
        answer = requests.captcha_answer(body, geetest.version) if geetest else None
        with check_captcha.solved_captcha(action, answer, self.address(), geetest, self.settings, self.now()):
            yield

    def fresh(self, key: tuple[object, ...], load: Callable[[], Loaded]) -> Loaded:
        """A public value that may be a few seconds old. Never for a user's own data."""
        with self._fresh_lock:
            if self._fresh is None:
                from cachetools import TTLCache

                self._fresh = TTLCache(_FRESH_ROWS, FRESH_SECONDS, getsizeof=_rows)
            # Asking first whether it is there would let it run out before it is taken.
            with suppress(KeyError):
                kept: Loaded = self._fresh[key]
                return kept
        value = load()
        with self._fresh_lock:
            self._fresh[key] = value
        return value

    def forget_fresh(self) -> None:
        """Drop all values that `fresh` keeps."""
        with self._fresh_lock:
            if self._fresh is not None:
                self._fresh.clear()
