"""Changing the provider of an order through the API: only a clear answer changes anything, and a learner who pays is
charged once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from io import StringIO
from threading import Event
from typing import Any

import pytest

from chalicelib.request_log import JsonLines
from chalicelib.shop import order, refund
from chalicelib.shop.payment_type import ALIPAY, WECHAT
from localstack.alipay import AlipaySimulator
from localstack.alipay import bad_days as at_alipay
from localstack.api_gateway import GatewayServer
from localstack.wechat import WechatSimulator
from localstack.wechat import bad_days as at_wechat
from tests import purchases
from tests.faults import Fault, Gate, die_before, hold_before
from tests.faults.routing import FaultyApp
from tests.purchases import Buyer, Clock


@pytest.fixture
def buyer(gateway_server: GatewayServer, alipay: AlipaySimulator, wechat: WechatSimulator) -> Buyer:
    return Buyer(gateway_server.base_url)


def change(buyer: Buyer, number: str, to: str) -> Any:
    return buyer.post(f"/order/{number}/provider/", {"payment_type": to})


def changed(buyer: Buyer, number: str, to: str) -> str:
    """Change the provider -> the pay page's address."""
    answer = change(buyer, number, to)
    assert (answer["code"], answer["order_number"]) == (1000, number), answer
    assert buyer.order(number)["payment_code"] == to
    return str(answer["data"])


def scan(buyer: Buyer, wechat: WechatSimulator, number: str) -> str:
    """Begin to pay by WeChat Pay with a QR code, and scan it -> the trade's number."""
    answer = buyer.post(f"/order/{number}/wechat/", {"way": "native"})
    assert answer["code"] == 1000, answer
    return wechat.scan(answer["data"]["text"]).out_trade_no


def look(buyer: Buyer, clock: Clock, number: str) -> str:
    """The learner looks at the order, some time later -> its status."""
    clock.advance(minutes=2)
    return str(buyer.order(number)["status"])


def listed(number: str) -> dict[str, bool]:
    """The trades that were begun, and whether each is closed."""
    return {one.number: one.is_closed for one in purchases.stored(number).begun()}


def assert_charged_once(buyer: Buyer, number: str, provider: str, clock: Clock | None = None) -> None:
    assert (purchases.status(number), purchases.stored(number).payment_type) == (order.PAID, provider)
    assert purchases.payments(number) == ["applied"]
    assert refund.list_refunds(purchases.stored(number)) == []
    buyer.assert_owns_the_course(clock)


def test_there_and_back_and_paid_it_is_charged_once(
    buyer: Buyer, alipay: AlipaySimulator, wechat: WechatSimulator, common_clock: Clock
) -> None:
    number = buyer.place()
    purchases.scan(alipay, number)
    assert changed(buyer, number, WECHAT) == f"http://shop.test/payment/wechat?order_num={number}"
    assert alipay.trade(number).status == "TRADE_CLOSED"
    trade = scan(buyer, wechat, number)
    page = changed(buyer, number, ALIPAY)
    assert wechat.trade(trade).state == "CLOSED"
    assert purchases.number_in(page) == f"{number}A"
    assert buyer.get(f"/get_pay_url/?order_number={number}&final_price=240")["code"] == 1000
    assert listed(number) == {number: True, trade: True, f"{number}A": False}
    alipay.pay(alipay.open_cashier(page))
    assert look(buyer, common_clock, number) == "交易成功"
    assert_charged_once(buyer, number, ALIPAY, common_clock)
    assert buyer.order(f"{number}A")["order_number"] == number
    assert purchases.happened(number).count("provider changed") == 2


def test_nobody_has_begun_anything_and_nothing_has_to_be_closed(
    buyer: Buyer, alipay: AlipaySimulator, wechat: WechatSimulator, common_clock: Clock
) -> None:
    number = buyer.place()
    changed(buyer, number, WECHAT)
    page = changed(buyer, number, ALIPAY)
    assert purchases.number_in(page) == number
    changed(buyer, number, WECHAT)
    assert listed(number) == {number: False}
    wechat.pay(scan(buyer, wechat, number))
    assert look(buyer, common_clock, number) == "交易成功"
    assert_charged_once(buyer, number, WECHAT, common_clock)


def test_naming_the_provider_that_it_has_changes_nothing(buyer: Buyer, alipay: AlipaySimulator) -> None:
    number = buyer.place()
    purchases.scan(alipay, number)
    before = purchases.happened(number)
    assert purchases.number_in(changed(buyer, number, ALIPAY)) == number
    assert purchases.stored(number).trades is None
    assert alipay.trade(number).status == "WAIT_BUYER_PAY"
    assert purchases.happened(number) == before


def test_what_was_paid_meanwhile_is_delivered_and_nothing_changed(
    buyer: Buyer, alipay: AlipaySimulator, wechat: WechatSimulator
) -> None:
    number = buyer.place()
    purchases.pay(alipay, number)
    assert change(buyer, number, WECHAT)["code"] == 1502
    assert_charged_once(buyer, number, ALIPAY)
    other = Buyer(buyer.base_url)
    number = other.place()
    changed(other, number, WECHAT)
    wechat.pay(scan(other, wechat, number))
    assert change(other, number, ALIPAY)["code"] == 1502
    assert_charged_once(other, number, WECHAT)


def test_what_is_paid_between_query_and_closing_is_delivered(
    buyer: Buyer, alipay: AlipaySimulator, wechat: WechatSimulator
) -> None:
    number = buyer.place()
    purchases.scan(alipay, number)
    with alipay.bad_day("paid_before_close", out_trade_no=number):
        assert change(buyer, number, WECHAT)["code"] == 1502
    assert_charged_once(buyer, number, ALIPAY)
    other = Buyer(buyer.base_url)
    number = other.place()
    changed(other, number, WECHAT)
    trade = scan(other, wechat, number)
    with wechat.bad_day("paid_before_close", out_trade_no=trade):
        assert change(other, number, ALIPAY)["code"] == 1502
    assert_charged_once(other, number, WECHAT)


def test_an_unclear_answer_changes_nothing_and_the_next_try_does(
    buyer: Buyer, alipay: AlipaySimulator, wechat: WechatSimulator, common_clock: Clock
) -> None:
    number = buyer.place()
    purchases.scan(alipay, number)
    for method in (at_alipay.QUERY, at_alipay.CLOSE):
        with alipay.bad_day("answer_system_error", method=method):
            assert change(buyer, number, WECHAT)["code"] == 1504
        assert purchases.stored(number).payment_type == ALIPAY
        assert alipay.trade(number).status == "WAIT_BUYER_PAY"
    changed(buyer, number, WECHAT)
    trade = scan(buyer, wechat, number)
    for method in (at_wechat.QUERY, at_wechat.CLOSE):
        for name in ("answer_system_error", "answer_unsigned"):
            if (name, method) == ("answer_unsigned", at_wechat.CLOSE):
                continue  # that closes it
            with wechat.bad_day(name, method=method):
                assert change(buyer, number, ALIPAY)["code"] == 1504
            assert purchases.stored(number).payment_type == WECHAT
            assert listed(number) == {number: True, trade: False}
    wechat.pay(trade)
    assert change(buyer, number, ALIPAY)["code"] == 1502
    assert_charged_once(buyer, number, WECHAT, common_clock)


def test_a_trade_that_is_closed_though_the_answer_was_lost_is_not_used_again(
    buyer: Buyer, alipay: AlipaySimulator, wechat: WechatSimulator, common_clock: Clock
) -> None:
    number = buyer.place()
    changed(buyer, number, WECHAT)
    trade = scan(buyer, wechat, number)
    with wechat.bad_day("answer_unsigned", method=at_wechat.CLOSE):
        assert change(buyer, number, ALIPAY)["code"] == 1504
    assert (wechat.trade(trade).state, listed(number)[trade]) == ("CLOSED", False)
    # The learner stays with WeChat Pay after all: the old code is dead, and there is another.
    again = scan(buyer, wechat, number)
    assert (again, listed(number)) == (f"{number}N2", {number: False, trade: True, again: False})
    wechat.pay(again)
    assert look(buyer, common_clock, number) == "交易成功"
    assert_charged_once(buyer, number, WECHAT, common_clock)


def test_a_provider_that_is_down_keeps_its_order(
    faulty_app: FaultyApp, alipay: AlipaySimulator, wechat: WechatSimulator
) -> None:
    buyer = Buyer(faulty_app.base_url)
    number = buyer.place()
    with faulty_app.alipay.faults(Fault.on(action=die_before())):
        assert change(buyer, number, WECHAT)["code"] == 1504
    changed(buyer, number, WECHAT)
    trade = scan(buyer, wechat, number)
    with faulty_app.wechat.faults(Fault.on(action=die_before())):
        assert change(buyer, number, ALIPAY)["code"] == 1504
        assert buyer.post(f"/order/{number}/wechat/", {"way": "h5"})["code"] == 1509
    assert purchases.stored(number).payment_type == WECHAT
    assert listed(number) == {number: False, trade: False, f"{number}H": False}


def test_money_that_comes_twice_goes_back_once(
    buyer: Buyer, alipay: AlipaySimulator, wechat: WechatSimulator, common_clock: Clock
) -> None:
    """Alipay's page was open before anybody had scanned it, and is paid after the change: nothing can close it."""
    number = buyer.place()
    page = purchases.pay_url(number)
    changed(buyer, number, WECHAT)
    trade = scan(buyer, wechat, number)
    alipay.pay(alipay.open_cashier(page))
    wechat.pay(trade)
    assert look(buyer, common_clock, number) == "交易成功"
    for _ in range(3):
        common_clock.advance(minutes=20)
        purchases.run_timer()
    assert sorted(purchases.payments(number)) == ["applied", "surplus"]
    (back,) = refund.list_refunds(purchases.stored(number))
    assert (back.status, back.amount) == (refund.DONE, 24000)
    buyer.assert_owns_the_course(common_clock)


def test_two_changes_at_once_are_one(buyer: Buyer, alipay: AlipaySimulator, wechat: WechatSimulator) -> None:
    number = buyer.place()
    purchases.scan(alipay, number)
    answers = purchases.at_once(*[lambda: change(buyer, number, WECHAT)] * 4)
    assert {answer["code"] for answer in answers} <= {1000, 1504}
    assert 1000 in {answer["code"] for answer in answers} or change(buyer, number, WECHAT)["code"] == 1000
    assert purchases.happened(number).count("provider changed") == 1
    assert listed(number) == {number: True}


def test_a_payment_that_is_begun_while_the_provider_changes_is_not_lost(
    faulty_app: FaultyApp, alipay: AlipaySimulator, wechat: WechatSimulator
) -> None:
    """The change has closed what it knew of, and is about to write; then a phone begins one more."""
    buyer, gate = Buyer(faulty_app.base_url), Gate()
    number = buyer.place()
    changed(buyer, number, WECHAT)
    trade = scan(buyer, wechat, number)

    def begin_meanwhile() -> Any:
        gate.wait_for_a_call()
        answer = buyer.post(f"/order/{number}/wechat/", {"way": "h5"})
        gate.open()
        return answer

    held = Fault.on("TransactWriteItems", action=hold_before(gate), nth=1)
    with faulty_app.dynamodb.faults(held):
        late, begun = purchases.at_once(lambda: change(buyer, number, ALIPAY), begin_meanwhile)
    assert (late["code"], begun["code"]) == (1504, 1000)
    assert purchases.stored(number).payment_type == WECHAT
    assert listed(number) == {number: False, trade: True, f"{number}H": False}
    changed(buyer, number, ALIPAY)
    assert listed(number) == {number: False, trade: True, f"{number}H": True}


def test_a_payment_that_is_begun_after_the_change_was_not_seen_is_refused(
    faulty_app: FaultyApp, alipay: AlipaySimulator, wechat: WechatSimulator
) -> None:
    """A page was read before the change, and writes after it."""
    buyer, gate = Buyer(faulty_app.base_url), Gate()
    number = buyer.place()
    changed(buyer, number, WECHAT)

    def change_meanwhile() -> Any:
        gate.wait_for_a_call()
        answer = change(buyer, number, ALIPAY)
        gate.open()
        return answer

    held = Fault.on("TransactWriteItems", action=hold_before(gate), nth=1)
    with faulty_app.dynamodb.faults(held):
        late, _ = purchases.at_once(
            lambda: buyer.post(f"/order/{number}/wechat/", {"way": "native"}), change_meanwhile
        )
    assert late["code"] == 1511
    assert listed(number) == {number: False}
    assert [one.out_trade_no for one in wechat.trades() if one.out_trade_no.startswith(number)] == []


@pytest.mark.parametrize(
    ("meanwhile", "body", "code"),
    [("provider", {"payment_type": ALIPAY}, 1511), ("cancel", {}, 1503)],
)
def test_a_payment_of_which_wechat_hears_only_after_the_change_is_closed_again(
    faulty_app: FaultyApp,
    alipay: AlipaySimulator,
    wechat: WechatSimulator,
    meanwhile: str,
    body: object,
    code: int,
) -> None:
    """The change found nothing at WeChat Pay that it could have closed."""
    buyer, gate = Buyer(faulty_app.base_url), Gate()
    number = buyer.place()
    changed(buyer, number, WECHAT)

    def act_meanwhile() -> Any:
        gate.wait_for_a_call()
        answer = buyer.post(f"/order/{number}/{meanwhile}/", body)
        gate.open()
        return answer

    with faulty_app.wechat.faults(Fault.on("POST", action=hold_before(gate), nth=1)):
        late, done = purchases.at_once(
            lambda: buyer.post(f"/order/{number}/wechat/", {"way": "native"}), act_meanwhile
        )
    assert (late["code"], done["code"]) == (code, 1000)
    assert wechat.trade(f"{number}N").state == "CLOSED"


def test_a_payment_that_wechat_hears_of_between_query_and_change_is_closed_by_the_change(
    faulty_app: FaultyApp, alipay: AlipaySimulator, wechat: WechatSimulator
) -> None:
    """Neither found anything: the change asked too early, and the page looked at the order too early. What is begun at
    the new provider meanwhile goes on.
    """
    buyer, beginning, changing, asking, begun = Buyer(faulty_app.base_url), Gate(), Gate(), Gate(), Event()
    number = buyer.place()
    changed(buyer, number, WECHAT)

    def begin() -> Any:
        answer = buyer.post(f"/order/{number}/wechat/", {"way": "native"})
        begun.set()
        return answer

    def change_meanwhile() -> Any:
        beginning.wait_for_a_call()
        return change(buyer, number, ALIPAY)

    def let_them_pass_each_other() -> None:
        changing.wait_for_a_call()
        beginning.open()
        assert begun.wait(30)
        changing.open()
        asking.wait_for_a_call()
        purchases.scan(alipay, number)
        asking.open()

    with (
        faulty_app.wechat.faults(
            Fault.on("POST", action=hold_before(beginning), nth=1),
            Fault.on("GET", action=hold_before(asking), nth=2),
        ),
        faulty_app.dynamodb.faults(Fault.on("TransactWriteItems", action=hold_before(changing), nth=2)),
    ):
        early, late, _ = purchases.at_once(begin, change_meanwhile, let_them_pass_each_other)
    assert (early["code"], late["code"]) == (1000, 1000)
    assert purchases.stored(number).payment_type == ALIPAY
    assert wechat.trade(f"{number}N").state == "CLOSED"
    assert alipay.trade(number).status == "WAIT_BUYER_PAY"
    assert listed(number) == {number: False, f"{number}N": True}


@pytest.fixture
def logged() -> Iterator[StringIO]:
    """What the application logs, as it is written."""
    written, root = StringIO(), logging.getLogger()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    root.addHandler(handler)
    yield written
    root.removeHandler(handler)


def test_no_code_openid_or_state_is_logged(buyer: Buyer, wechat: WechatSimulator, logged: StringIO) -> None:
    number = buyer.place()
    changed(buyer, number, WECHAT)
    path = f"/order/{number}/wechat/"
    state = buyer.post(path, {"way": "jsapi"})["data"]["text"].partition("&state=")[2].partition("#")[0]
    code = wechat.new_code()
    answers = [buyer.post(path, {"way": "jsapi", "code": code, "state": state}) for _ in range(2)]
    assert [answer["code"] for answer in answers] == [1000, 1510]
    with wechat.bad_day("answer_cut", method=at_wechat.ORDER):
        late = buyer.post(path, {"way": "jsapi", "code": wechat.new_code(), "state": state})
    assert late["code"] == 1509
    written = logged.getvalue()
    assert number in written
    members = answers[0]["data"]["members"]
    for secret in (state, code, wechat.openid_of(wechat.new_code()), members["paySign"], members["package"]):
        assert secret and secret not in written
