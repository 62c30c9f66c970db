"""Alipay without a network: the shop's own adapter, in front of the simulator's gateway in this process.

Every request is signed and every answer verified as ever; only the HTTP call between them is left out, so
that a history of fifty steps takes no second. What can happen on the way is a mood, used up by one call.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import IO, Any
from urllib.parse import urlsplit

from chalicelib.deadline import Deadline
from chalicelib.errors import GatewayUnavailable
from chalicelib.gateways.alipay import Alipay
from chalicelib.gateways.bills import Bill, BillLine
from chalicelib.gateways.payments import BillState
from chalicelib.money import Fen, from_yuan
from chalicelib.settings import Settings
from localstack.alipay import AlipaySimulator
from localstack.alipay.bills import Bills
from localstack.alipay.gateway import Gateway
from tests.alipay_adapter import merchant

SILENT, LOST, TROUBLE, PENDING, UNDONE, REFUSING, EARLY, OTHER_AMOUNT = MOODS = (
    *("silent", "lost", "trouble", "pending", "undone", "refusing", "early", "other amount"),
)
"""silent: the call never arrives. lost: it is done, its answer is lost. trouble: `ACQ.SYSTEM_ERROR`. pending: a
refund is carried out, and not confirmed. undone: it is not carried out, and answered alike. refusing: it is refused for
want of money. early: a question about a refund is answered with nothing. other amount: a question about an order is
answered with another amount.
"""


@dataclass
class SecondTrade:
    """Money for an order by a trade that the simulator, which has one trade a number, knows nothing of."""

    number: str
    amount: Fen
    refunded: dict[str, Fen] = field(default_factory=dict)


class DirectAlipay(Alipay):
    """The adapter that tests hand to flows. `moods` are used up call by call, then Alipay is well."""

    bills_kept = timedelta.max
    """Its simulator has the bill of any day."""

    def __init__(self, simulator: AlipaySimulator, settings: Settings) -> None:
        super().__init__(**merchant(settings))
        # Its bills lie at no address of a running server: they are fetched in this process.
        self._bills = Bills(simulator.book, lambda: f"http://{urlsplit(self._account.gateway_url).hostname}")
        self._gateway = Gateway(simulator.book, self._bills)
        self.moods: deque[str] = deque()
        self.second_trades: dict[str, SecondTrade] = {}
        self.billed: dict[date, list[BillLine]] = {}
        """What each day's bill of trades said when it was fetched last."""

    def trade_bill(self, day: date, now: datetime, deadline: Deadline) -> BillState[BillLine]:
        """As of the adapter, and noted."""
        state = super().trade_bill(day, now, deadline)
        self.billed[day] = list(state.lines()) if isinstance(state, Bill) else []
        return state

    def _download(self, address: str, file: IO[bytes], deadline: Deadline) -> None:
        packed = self._bills.download(urlsplit(address).query)
        assert packed is not None, address
        file.write(packed)

    def _call(self, method: str, content: dict[str, str], deadline: Deadline) -> dict[str, Any]:
        mood = self.moods.popleft() if self.moods else ""
        is_refund = method == "alipay.trade.refund"
        if mood == SILENT:
            raise GatewayUnavailable(gateway="alipay", reason="ReadTimeout")
        if mood == TROUBLE:
            return {"code": "40004", "sub_code": "ACQ.SYSTEM_ERROR"}
        if (mood == UNDONE and is_refund) or (mood == EARLY and method.endswith("refund.query")):
            return {"code": "10000", "out_trade_no": content["out_trade_no"]}
        if mood == REFUSING and is_refund:
            return {"code": "40004", "sub_code": "ACQ.SELLER_BALANCE_NOT_ENOUGH"}
        answer = self._of_second_trade(content, is_refund)
        if answer is None:
            raw = self._gateway.answer(self._signed(method, content), "").text.encode()
            answer = self._verified_answer(raw, method.replace(".", "_") + "_response")
        if mood == LOST:
            raise GatewayUnavailable(gateway="alipay", reason="ConnectionError")
        if mood == OTHER_AMOUNT and "total_amount" in answer:
            answer = answer | {"total_amount": "0.07"}
        if mood == PENDING and is_refund:
            answer = {name: value for name, value in answer.items() if name != "fund_change"}
        return answer

    def _of_second_trade(self, content: dict[str, str], is_refund: bool) -> dict[str, Any] | None:
        trade = self.second_trades.get(content.get("trade_no", ""))
        if trade is None:
            return None
        number, known = content["out_request_no"], {"code": "10000", "out_trade_no": content["out_trade_no"]}
        if not is_refund:
            return known | ({"refund_status": "REFUND_SUCCESS"} if number in trade.refunded else {})
        amount, moved = from_yuan(content["refund_amount"]), number not in trade.refunded
        if moved and amount + sum(trade.refunded.values()) > trade.amount:
            return {"code": "40004", "sub_code": "ACQ.REASON_TRADE_REFUND_FEE_ERR"}
        trade.refunded[number] = amount
        # A repetition is answered as the first time; that no money moved now is told by `fund_change`.
        return known | {"fund_change": "Y" if moved else "N"}
