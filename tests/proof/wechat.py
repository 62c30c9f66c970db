"""WeChat Pay without a network: the shop's own gateway, in front of the simulator's in this process.

Every request is signed and every answer verified as ever; only the HTTP call between them is left out. What can happen
on the way is a mood, used up by one call.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import date, datetime
from typing import BinaryIO

from chalicelib.deadline import Deadline
from chalicelib.errors import GatewayUnavailable
from chalicelib.gateways.bills import Bill, BillLine
from chalicelib.gateways.http import Answer
from chalicelib.gateways.payments import BillState
from chalicelib.gateways.wechat import Wechat
from chalicelib.gateways.wechat.client import Client
from localstack.wechat import WechatSimulator
from localstack.wechat.gateway import BILLS_KEPT, Gateway
from tests.proof.provider import EARLY, LOST, OTHER_AMOUNT, PENDING, REFUSING, SILENT, TROUBLE, UNDONE
from tests.wechat_merchant import an_account

ABNORMAL, CLOSED = WECHAT_MOODS = "abnormal", "closed"
"""A refund becomes abnormal, or is closed."""
_BAD_DAYS = {
    TROUBLE: "answer_system_error",
    UNDONE: "answer_busy",
    REFUSING: "refund_not_enough",
    EARLY: "answer_order_not_exist",
    OTHER_AMOUNT: "answer_for_another_order",
    PENDING: "refund_stays",
    ABNORMAL: "refund_abnormal",
    CLOSED: "refund_closed",
}
"""The bad days of the simulator that Alipay's moods are like, where the call is one that they strike."""


class DirectWechat(Wechat):
    """The gateway that tests hand to flows. `moods` are used up call by call, then WeChat Pay is well."""

    bills_kept = BILLS_KEPT

    def __init__(self, simulator: WechatSimulator, shop_url: str) -> None:
        account = an_account("http://wechat.test")
        super().__init__(
            account,
            trade_url=lambda: "http://127.0.0.1/trade/wechat",
            refund_url=lambda: "http://127.0.0.1/trade/wechat/refund",
            page_url=lambda number: f"{shop_url}/payment/wechat?order_num={number}",
            clock=simulator.now,
        )
        self._gateway = Gateway(simulator.book, lambda: account.gateway_url)
        self.moods: deque[str] = deque()
        self.billed: dict[date, list[BillLine]] = {}
        """What each day's bill of trades said when it was fetched last."""
        client = _DirectClient(account, self._keys, simulator.now)
        client.answer = lambda *asked: self._answer(simulator, *asked)
        self._client = client

    def trade_bill(self, day: date, now: datetime, deadline: Deadline) -> BillState[BillLine]:
        """As of the gateway, and noted."""
        state = super().trade_bill(day, now, deadline)
        self.billed[day] = list(state.lines()) if isinstance(state, Bill) else []
        return state

    def _answer(
        self, simulator: WechatSimulator, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        mood = self.moods.popleft() if self.moods else ""
        if mood == SILENT:
            raise GatewayUnavailable(gateway=self.name, reason="ReadTimeout")
        bad_day = _BAD_DAYS.get(mood)
        where, _, query = path.partition("?")
        asked = {name.lower(): value for name, value in headers.items()}
        with simulator.bad_day(bad_day, times=1) if bad_day else nullcontext():
            reply = self._gateway.answer(method, where, query, body.decode(), asked)
        if mood == LOST:
            raise GatewayUnavailable(gateway=self.name, reason="ConnectionError")
        told = {name.lower(): value for name, value in reply.headers.items()}
        return Answer(reply.status, told, reply.body.encode())


class _DirectClient(Client):
    answer: Callable[[str, str, Mapping[str, str], bytes], Answer]

    def download(
        self, path: str, into: BinaryIO, most_bytes: int, at_most: float, deadline: Deadline
    ) -> None:
        into.write(self.answer("GET", path, self.headers("GET", path), b"").body)

    def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, deadline: Deadline
    ) -> Answer:
        return self.answer(method, path, headers, body or b"")
