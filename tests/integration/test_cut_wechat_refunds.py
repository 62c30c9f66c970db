"""What WeChat Pay tells of refunds, and an operator's try under a new number, cut off at every call: nothing is half
done, and the end is reached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from chalicelib.errors import OutcomeUnknown, StoreUnavailable
from chalicelib.flows import take_notification
from chalicelib.shop import attention, refund
from localstack.alipay import AlipaySimulator
from localstack.wechat.bad_days import REFUND
from tests.faults.routing import FaultyApp
from tests.proof.cut_offs import cut_everywhere
from tests.two_providers import Shop, opened
from tests.wechat_refunds import Bought, assert_all_taken_back, buy, console, given_up

HALF = 15000


@pytest.fixture
def faulty_shop(faulty_app: FaultyApp, alipay: AlipaySimulator) -> Iterator[Shop]:
    yield from opened(faulty_app.base_url, alipay)


def cut_off(
    shop: Shop, app: FaultyApp, begin: Callable[[Bought], str], act: Callable[[Bought, str], object]
) -> Iterator[tuple[Bought, str]]:
    """Cut an act off at every call that leaves something behind; nothing is half done. Yields what is left of each run:
    what was bought, and the number of its refund.
    """
    runs: list[tuple[Bought, str]] = []

    def begun() -> Callable[[], object]:
        shop.wechat.deliver_due_notices(early=True)
        shop.merchant.bodies()  # what is left of the run before is told, and lost
        bought = buy(shop)
        runs.append((bought, begin(bought)))

        def acting() -> object:
            with suppress(StoreUnavailable, OutcomeUnknown):
                return act(*runs[-1])
            return None

        return acting

    cuts = 0
    for _ in cut_everywhere(app, begun, lambda cut: runs[-1][0].check(), every=False):
        yield runs[-1]
        cuts += 1
    assert cuts, "it was never cut off"


def asked(bought: Bought) -> str:
    """A refund of a line, under way; nothing is told of it."""
    with bought.shop.wechat.bad_day("refund_stays"):
        return bought.apply(1)


def notice(status: str) -> Callable[[Bought, str], object]:
    def act(bought: Bought, number: str) -> object:
        told = bought.notice(number, status=status)
        return take_notification.take_notification(told, bought.shop.clock())

    return act


def test_the_notice_that_a_refund_was_made(faulty_shop: Shop, faulty_app: FaultyApp) -> None:
    def begin(bought: Bought) -> str:
        request_no = asked(bought)
        bought.shop.wechat.end_refund(request_no, "SUCCESS")
        return request_no

    for bought, request_no in cut_off(faulty_shop, faulty_app, begin, notice("SUCCESS")):
        bought.assert_refunded_once(request_no)  # it is told once more


def test_the_notice_that_a_refund_is_stuck(faulty_shop: Shop, faulty_app: FaultyApp) -> None:
    for bought, request_no in cut_off(faulty_shop, faulty_app, asked, notice("ABNORMAL")):
        bought.shop.wechat.end_refund(request_no, "ABNORMAL")
        bought.hear()
        found = bought.refund(request_no)
        assert (found.status, found.attention) == (refund.APPROVED, attention.PROBLEM)
        bought.check()
        bought.shop.wechat.end_refund(request_no, "SUCCESS")
        bought.assert_refunded_once(request_no)


def test_the_notice_that_a_refund_was_given_up(faulty_shop: Shop, faulty_app: FaultyApp) -> None:
    for bought, request_no in cut_off(faulty_shop, faulty_app, asked, notice("CLOSED")):
        bought.shop.wechat.end_refund(request_no, "CLOSED")
        bought.hear()
        assert bought.refund(request_no).status == refund.STUCK
        bought.try_again(request_no)
        assert bought.ask(request_no) == refund.DONE
        bought.assert_refunded_once(request_no, f"{request_no}-2")


def test_the_notice_of_the_half_that_takes_the_order_back(faulty_shop: Shop, faulty_app: FaultyApp) -> None:
    def begin(bought: Bought) -> str:
        first, second = console(bought, HALF), console(bought, HALF)
        bought.hear_nothing()
        assert bought.told(first) is None
        return second

    for bought, number in cut_off(faulty_shop, faulty_app, begin, notice("SUCCESS")):
        assert bought.told(number) is None
        assert_all_taken_back(bought)


def test_another_try_under_a_new_number(faulty_shop: Shop, faulty_app: FaultyApp) -> None:
    def try_again(bought: Bought, request_no: str) -> object:
        return bought.try_again(request_no)

    for bought, request_no in cut_off(faulty_shop, faulty_app, given_up, try_again):
        if bought.refund(request_no).status == refund.STUCK:
            bought.try_again(request_no)
        assert bought.ask(request_no) in (refund.DONE, refund.APPROVED)
        bought.ask(request_no)
        bought.assert_refunded_once(request_no, f"{request_no}-2")
        assert bought.made() == [(request_no, "CLOSED"), (f"{request_no}-2", "SUCCESS")]


def test_a_new_number_of_which_the_answer_is_lost_is_made_once(faulty_shop: Shop) -> None:
    bought = buy(faulty_shop)
    request_no = given_up(bought)
    with faulty_shop.wechat.bad_day("answer_unsigned", method=REFUND):
        assert bought.try_again(request_no) == refund.APPROVED
    for _ in range(2):
        bought.ask(request_no)
    bought.assert_refunded_once(request_no, f"{request_no}-2")
    assert bought.made() == [(request_no, "CLOSED"), (f"{request_no}-2", "SUCCESS")]
