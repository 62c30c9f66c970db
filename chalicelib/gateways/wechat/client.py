"""Signed calls of WeChat Pay, and their verified answers."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlencode

from msgspec import Struct

from chalicelib.deadline import Deadline
from chalicelib.errors import GatewayUnavailable
from chalicelib.gateways.http import Answer, download, exchange
from chalicelib.gateways.payments import Unclear
from chalicelib.gateways.wechat import signing
from chalicelib.gateways.wechat.account import Keys
from chalicelib.money import MAX_FEN, Fen, NotMoney
from chalicelib.settings import WechatSettings

log = logging.getLogger(__name__)

NAME = "wechat"
CALL_SECONDS = 4.0
"""The most that one call may take of a deadline it shares."""
AGENT = "course-shop"

_Value = TypeVar("_Value")


class Reply(Struct, frozen=True):
    """An answer of WeChat Pay: its status and the members of its body, none where it has no body."""

    status: int
    members: Mapping[str, Any]

    @property
    def code(self) -> str:
        """WeChat Pay's word for what is wrong; empty for an answer that says yes."""
        return "" if self.status < 300 else str(self.members.get("code", ""))[:64]

    @property
    def reason(self) -> str:
        """Status and word, for people."""
        return f"{self.status} {self.code}".strip()


class Client:
    """Calls WeChat Pay for one merchant. `clock` tells aware UTC times."""

    def __init__(self, account: WechatSettings, keys: Keys, clock: Callable[[], datetime]) -> None:
        self._account = account
        self._keys = keys
        self._clock = clock

    def get(self, path: str, deadline: Deadline, **query: str) -> Reply:
        """As `post`, without a body; a query's values are encoded here."""
        return self._call("GET", f"{path}?{urlencode(query)}" if query else path, None, deadline)

    def post(self, path: str, content: Mapping[str, Any], deadline: Deadline) -> Reply:
        """Make one call -> its answer, of any status.

        Raises GatewayUnavailable: no answer in time, one of an unexpected form, a wrong or stale signature, or a yes
        without one. An answer that says no may be unsigned: WeChat Pay does not sign those to requests that it does not
        take for the merchant's, and no such answer moves money.
        """
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        return self._call("POST", path, body, deadline)

    def download(
        self, path: str, into: BinaryIO, most_bytes: int, at_most: float, deadline: Deadline
    ) -> None:
        """Write what a path answers into a file, as of `http.download`. The answer is not signed. Raises
        GatewayUnavailable.
        """
        url, headers = self._account.gateway_url + path, self.headers("GET", path)
        download(NAME, url, deadline, at_most, into, most_bytes, headers=headers)

    def headers(self, method: str, path: str, body: str = "") -> dict[str, str]:
        """The headers of a request that is made now."""
        account = self._account
        return {
            "Accept": "application/json",
            "Authorization": signing.authorization(
                account, self._keys, method, path, body, self._clock(), signing.new_nonce()
            ),
            "User-Agent": AGENT,
            # Without it an answer may be signed with the platform certificate's key.
            "Wechatpay-Serial": account.public_key_id,
        }

    def _call(self, method: str, path: str, body: str | None, deadline: Deadline) -> Reply:
        headers = self.headers(method, path, body or "")
        if body is not None:
            headers["Content-Type"] = "application/json"
        answer = self._exchange(method, path, headers, None if body is None else body.encode(), deadline)
        says_yes = 200 <= answer.status < 300
        if says_yes or signing.is_signed(answer.headers):
            try:
                signing.verify(self._keys, answer.headers, answer.body, self._clock())
            except signing.NotVerified as error:
                raise GatewayUnavailable(gateway=NAME, reason=f"unverified answer: {error.check}") from error
        if not says_yes and not 400 <= answer.status < 600:
            raise GatewayUnavailable(gateway=NAME, reason=f"status {answer.status}")
        try:
            members = json.loads(answer.body) if answer.body else {}
        except (ValueError, RecursionError) as error:
            raise GatewayUnavailable(gateway=NAME, reason=f"status {answer.status}, unreadable") from error
        if not isinstance(members, dict):
            raise GatewayUnavailable(gateway=NAME, reason=f"status {answer.status}, no object")
        return Reply(answer.status, members)

    def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, deadline: Deadline
    ) -> Answer:
        url = self._account.gateway_url + path
        return exchange(NAME, method, url, deadline, CALL_SECONDS, headers=headers, body=body)


def known(call: Callable[[], _Value]) -> _Value | Unclear:
    """What a call finds out; Unclear for an answer that does not come, or not in the form that it must have."""
    try:
        return call()
    except (GatewayUnavailable, NotMoney, KeyError, ValueError, TypeError, AttributeError) as trouble:
        # An answer of unexpected form may also be an error of ours: the trace tells where.
        surprise = None if isinstance(trouble, GatewayUnavailable) else trouble
        log.warning("WeChat Pay's answer is unknown: %s", type(trouble).__name__, exc_info=surprise)
        return Unclear(type(trouble).__name__)


def fen(value: object) -> Fen:
    """An amount in fen, as WeChat Pay writes it. Raises NotMoney."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_FEN:
        raise NotMoney(type(value).__name__)
    return value


def moment(text: str | None) -> datetime | None:
    """The aware time of an RFC 3339 text. Raises ValueError for another one."""
    if not text:
        return None
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at
