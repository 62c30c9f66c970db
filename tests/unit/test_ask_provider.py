"""How an order stands by what its providers say of its trades: the strongest answer counts, in whatever order."""

from __future__ import annotations

from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.deadline import Deadline
from chalicelib.flows import ask_provider
from chalicelib.flows.ask_provider import Standing
from chalicelib.gateways import Gateways
from chalicelib.gateways.payments import Closed, NotKnown, PaymentProvider, TradeState, Unclear, Unpaid
from chalicelib.shop import order as orders
from chalicelib.shop.payment_type import ALIPAY, WECHAT
from chalicelib.shop.trade import a_trade
from tests.unit.test_order import NOW, an_order

STATES: list[TradeState] = [Unclear("no answer"), Unpaid(), Closed(), NotKnown()]
STANDINGS = [Unclear("no answer"), Standing.WAITS, Standing.CLOSED, Standing.NOT_BEGUN]


class Scripted:
    """A provider that says of each trade what it was told to, and remembers the questions."""

    def __init__(self, states: dict[str, TradeState]) -> None:
        self.states = states
        self.asked: list[str] = []

    def query(self, number: str, amount: int, deadline: Deadline) -> TradeState:
        self.asked.append(number)
        return self.states[number]


def asked_about(states: list[TradeState], closed: set[int]) -> tuple[Standing | Unclear, list[str]]:
    """How a cancelled order with such trades stands, and which were queried."""
    provider = Scripted({f"N{position}": state for position, state in enumerate(states)})
    trades = [
        a_trade((ALIPAY, WECHAT)[position % 2], f"N{position}", is_closed=position in closed)
        for position in range(len(states))
    ]
    order = an_order(status=orders.CANCELLED, payment_type=WECHAT, trades=trades)
    both = dict.fromkeys((ALIPAY, WECHAT), cast(PaymentProvider, provider))
    return ask_provider.bring_up_to_date(order, Gateways(both, None), NOW), provider.asked


@given(st.lists(st.sampled_from(STATES), max_size=8), st.sets(st.integers(0, 7)))
def test_the_strongest_answer_counts_and_the_newest_trade_is_queried_first(
    states: list[TradeState], closed: set[int]
) -> None:
    standing, asked = asked_about(states, closed)
    queried = [position for position in range(len(states)) if position not in closed]
    assert asked == [f"N{position}" for position in reversed(queried)]
    strongest = min((STATES.index(states[position]) for position in queried), default=2)
    assert standing == STANDINGS[strongest]
