"""Paying by WeChat Pay through the API: each way to pay, who may begin, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace

import app as application
from chalicelib.deadline import Deadline
from chalicelib.gateways import Gateways
from chalicelib.gateways.payments import PayPage, TooLate
from chalicelib.gateways.wechat import Wechat, WechatLogin
from chalicelib.shop import authorisation, order
from chalicelib.shop.payment_type import ALIPAY, UNIONPAY, WECHAT
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from localstack.wechat import WechatSimulator
from localstack.wechat.bad_days import ORDER
from localstack.wechat.trades import NOTPAY
from tests import builders, purchases
from tests.addresses import ClientAt
from tests.client import Client
from tests.purchases import Clock

DUE = 300


@pytest.fixture
def learner(gateway_server: GatewayServer, wechat: WechatSimulator, alipay: AlipaySimulator) -> Client:
    return Client(gateway_server.base_url, builders.a_user())


@pytest.fixture
def gateways(gateway_server: GatewayServer) -> Iterator[Gateways]:
    """The application's third parties, for a test to replace."""
    before = application.app.gateways
    yield before
    application.app.process.gateways = before


@pytest.fixture
def alipay_only(gateways: Gateways) -> None:
    """A shop without an account at WeChat Pay."""
    application.app.process.gateways = Gateways({ALIPAY: gateways.of(ALIPAY)}, gateways.geetest)


class AnotherBuyer(WechatLogin, frozen=True):
    """WeChat's authorisation of somebody else, whatever the code."""

    def openid(self, code: str, deadline: Deadline) -> str | None:
        return "oAnotherBuyer00000000000000"


def purchase(**members: object) -> dict[str, Any]:
    course = builders.a_course(prices=[DUE * 100])
    line = {"course_id": course.course_id, "default_price_policy_id": builders.policy_id_of(course)}
    body = {"is_beli": False, "course_list": [line], "global_coupon_id": None, "pay_money": DUE}
    return body | members


def place(learner: Client, provider: str = WECHAT) -> str:
    answer = learner.post("/payment/", purchase(payment_type=provider))
    assert answer["code"] == 1000, answer
    return str(answer["order_number"])


def begin(learner: Client, number: str, way: str = "native", **members: str) -> Any:
    return learner.post(f"/order/{number}/wechat/", {"way": way, **members})


def change(learner: Client, number: str, to: object) -> Any:
    return learner.post(f"/order/{number}/provider/", {"payment_type": to})


def trades(number: str) -> list[tuple[str, str, bool]]:
    return [(one.provider, one.number, one.is_closed) for one in purchases.stored(number).begun()]


def authorise(learner: Client, number: str) -> str:
    """The state with which WeChat sends the browser back."""
    answer = begin(learner, number, "jsapi")
    assert (answer["code"], answer["data"]["kind"]) == (1000, "redirect"), answer
    query = parse_qs(urlsplit(answer["data"]["text"]).query)
    assert query["redirect_uri"] == [f"http://shop.test/payment/wechat?order_num={number}"]
    return query["state"][0]


# Placing


def test_an_order_to_be_paid_by_wechat_leads_to_the_shops_own_page_and_begins_nothing(
    learner: Client, wechat: WechatSimulator
) -> None:
    answer = learner.post("/payment/", purchase(payment_type="wechat"))
    number = answer["order_number"]
    page = f"http://shop.test/payment/wechat?order_num={number}"
    assert (answer["code"], answer["data"]) == (1000, page)
    assert trades(number) == []
    shown = learner.order(number)
    assert (shown["payment_type"], shown["payment_code"], shown["can_pay"]) == ("微信", "wechat", True)
    assert shown["providers"] == ["alipay", "wechat"]
    assert learner.newest_order()["payment_code"] == "wechat"
    again = learner.get("/get_pay_url/", params={"order_number": number, "final_price": DUE})
    assert (again["code"], again["data"]) == (1000, page)
    assert trades(number) == []


def test_who_names_no_provider_pays_by_alipay(learner: Client) -> None:
    for members in ({}, {"payment_type": "alipay"}):
        answer = learner.post("/payment/", purchase(**members))
        shown = learner.order(answer["order_number"])
        assert (shown["payment_type"], shown["payment_code"]) == ("支付宝", "alipay")
        assert purchases.number_in(answer["data"]) == answer["order_number"]


@pytest.mark.parametrize("provider", ["unionpay", "beli", "", "WECHAT", None, 5, ["wechat"]])
def test_another_provider_is_refused_and_nothing_is_ordered(learner: Client, provider: object) -> None:
    number = place(learner)
    before = len(learner.get("/myorder/")["data"])
    assert learner.post("/payment/", purchase(payment_type=provider))["code"] == 5000
    assert len(learner.get("/myorder/")["data"]) == before
    assert change(learner, number, provider)["code"] == 5000


def test_the_same_purchase_by_another_provider_is_another_purchase(learner: Client) -> None:
    body = purchase()

    def send(key: str, **members: str) -> Any:
        return learner.post("/payment/", body | members, headers={"Idempotency-Key": key})

    first = send("a-plain-key")
    assert send("a-plain-key") == send("a-plain-key", payment_type="alipay") == first
    assert send("a-plain-key", payment_type="wechat")["code"] == 1309
    by_wechat = send("another-key", payment_type="wechat")
    again = send("another-key", payment_type="wechat")
    assert (again["data"], again["order_number"]) == (by_wechat["data"], by_wechat["order_number"])
    assert send("another-key")["code"] == 1309
    assert by_wechat["order_number"] != first["order_number"]


def test_a_shop_with_alipay_only_offers_and_takes_nothing_else(learner: Client, alipay_only: None) -> None:
    assert learner.post("/payment/", purchase(payment_type="wechat"))["code"] == 5000
    number = place(learner, ALIPAY)
    assert learner.order(number)["providers"] == ["alipay"]
    quoted = learner.post("/account/quote", purchase())
    assert quoted["data"]["providers"] == ["alipay"]
    assert change(learner, number, "wechat")["code"] == 5000
    assert begin(learner, number)["code"] == 5000
    assert purchases.stored(number).payment_type == ALIPAY


def test_a_shop_that_gave_up_its_account_at_wechat_lets_its_orders_change_where_nothing_was_begun(
    learner: Client, gateways: Gateways
) -> None:
    untouched, begun = place(learner), place(learner)
    assert begin(learner, begun)["code"] == 1000
    application.app.process.gateways = Gateways({ALIPAY: gateways.of(ALIPAY)}, gateways.geetest)
    for number in (untouched, begun):
        assert learner.order(number)["can_pay"] is False
        address = {"order_number": number, "final_price": DUE}
        assert learner.get("/get_pay_url/", params=address)["code"] == 1402
        assert begin(learner, number)["code"] == 5000
    assert change(learner, untouched, "alipay")["code"] == 1000
    assert change(learner, begun, "alipay")["code"] == 1504
    assert purchases.stored(begun).payment_type == WECHAT


def test_an_order_of_the_old_system_whose_provider_cannot_be_asked_is_not_sent_to_pay(
    learner: Client,
) -> None:
    number = place(learner, ALIPAY)
    purchases.stored(number).update([order.Order.payment_type.set(UNIONPAY)])
    shown = learner.order(number)
    assert (shown["can_pay"], shown["payment_code"]) == (False, "unionpay")
    address = {"order_number": number, "final_price": DUE}
    assert learner.get("/get_pay_url/", params=address)["code"] == 1402
    assert begin(learner, number)["code"] == 1511
    assert change(learner, number, "wechat")["code"] == 1504
    assert purchases.stored(number).payment_type == UNIONPAY


# Each way to pay


def test_a_qr_code_is_scanned_and_paid(learner: Client, wechat: WechatSimulator) -> None:
    number = place(learner)
    answer = begin(learner, number)
    assert (answer["code"], answer["data"]["kind"], answer["data"]["members"]) == (1000, "qr", None)
    assert 1700 < answer["data"]["seconds_left"] <= 1800
    assert trades(number) == [(WECHAT, f"{number}N", False)]
    trade = wechat.scan(answer["data"]["text"])
    assert (trade.out_trade_no, trade.amount) == (f"{number}N", DUE * 100)
    wechat.pay(trade.out_trade_no)
    shown = learner.order(number)
    assert (shown["status"], shown["payment_code"]) == ("交易成功", "wechat")


def test_beginning_again_is_the_same_payment_and_another_way_one_more(
    learner: Client, wechat: WechatSimulator
) -> None:
    number = place(learner)
    first = begin(learner, number)["data"]["text"]
    assert begin(learner, number)["data"]["text"] == first
    answers = purchases.at_once(*[lambda: begin(learner, number, "h5")] * 4)
    assert {answer["code"] for answer in answers} == {1000}
    assert {answer["data"]["kind"] for answer in answers} == {"redirect"}
    assert trades(number) == [(WECHAT, f"{number}N", False), (WECHAT, f"{number}H", False)]
    assert wechat.prepaid(parse_qs(urlsplit(answers[0]["data"]["text"]).query)["prepay_id"][0])


def test_within_wechat_it_is_paid_after_an_authorisation(learner: Client, wechat: WechatSimulator) -> None:
    number = place(learner)
    state = authorise(learner, number)
    assert trades(number) == []
    answer = begin(learner, number, "jsapi", code=wechat.new_code(), state=state)
    assert (answer["code"], answer["data"]["kind"], answer["data"]["text"]) == (1000, "bridge", None)
    trade = wechat.bridged(answer["data"]["members"])
    assert trade.out_trade_no == f"{number}J"
    wechat.pay(trade.out_trade_no)
    assert learner.order(number)["status"] == "交易成功"


def test_a_code_is_good_once_and_a_new_one_is_the_same_payment(
    learner: Client, wechat: WechatSimulator
) -> None:
    number = place(learner)
    state, code = authorise(learner, number), wechat.new_code()
    assert begin(learner, number, "jsapi", code=code, state=state)["code"] == 1000
    assert begin(learner, number, "jsapi", code=code, state=state)["code"] == 1510
    assert begin(learner, number, "jsapi", code=wechat.new_code(), state=state)["code"] == 1000
    assert trades(number) == [(WECHAT, f"{number}J", False)]


def test_a_state_is_good_for_its_learner_its_order_and_ten_minutes(
    learner: Client, wechat: WechatSimulator, clock: Clock
) -> None:
    number, other = place(learner), place(learner)
    state, code = authorise(learner, number), wechat.new_code()
    stranger = Client(learner.base_url, builders.a_user())
    strangers = authorise(stranger, place(stranger))
    forged = authorisation.make_state(learner.user.user_id, number, "x" * 40, clock())  # type: ignore[union-attr]
    for wrong in (
        authorise(learner, other),
        strangers,
        forged,
        state[:-1],
        state + "0",
        "0" * 72,
        "X" * 72,
        "",
    ):
        assert begin(learner, number, "jsapi", code=code, state=wrong)["code"] == 1510, wrong
    clock.advance(minutes=9)
    assert begin(learner, number, "jsapi", code="#" * 20, state=state)["code"] == 1510
    assert begin(learner, number, "jsapi", code=code, state=state)["code"] == 1000
    clock.advance(minutes=1)
    late = wechat.new_code()
    assert begin(learner, number, "jsapi", code=late, state=state)["code"] == 1510
    # None of these refusals has used the code up.
    assert begin(learner, number, "jsapi", code=late, state=authorise(learner, number))["code"] == 1000


def test_an_order_that_another_wechat_user_goes_on_to_pay_gets_another_trade(
    learner: Client, wechat: WechatSimulator, gateways: Gateways
) -> None:
    number = place(learner)

    def authorised() -> Any:
        return begin(learner, number, "jsapi", code=wechat.new_code(), state=authorise(learner, number))

    assert authorised()["code"] == 1000
    login = gateways.wechat_login
    assert login is not None
    application.app.process.gateways = replace(
        gateways, wechat_login=AnotherBuyer(login.app_id, login.secret)
    )
    answer = authorised()
    assert answer["code"] == 1000
    assert wechat.bridged(answer["data"]["members"]).out_trade_no == f"{number}J2"
    assert trades(number) == [(WECHAT, f"{number}J", True), (WECHAT, f"{number}J2", False)]


class Listening(Wechat):
    """WeChat Pay's gateway, which remembers who is to pay on which phone."""

    def __init__(self, gateway: Wechat) -> None:
        vars(self).update(vars(gateway))
        self.addresses: list[str] = []

    def start_h5(self, *given: Any) -> PayPage | TooLate:
        self.addresses.append(given[4])
        return super().start_h5(*given)


def test_wechat_is_told_the_address_that_the_gateway_saw(learner: Client, gateways: Gateways) -> None:
    assert gateways.wechat is not None
    listening = Listening(gateways.wechat)
    application.app.process.gateways = replace(gateways, wechat=listening)
    number = place(learner)
    for address in ("203.0.113.9", "2001:db8::7"):
        phone = ClientAt(learner.user, address)
        answer = phone.post(
            f"/order/{number}/wechat", {"way": "h5"}, headers={"X-Forwarded-For": "198.51.100.1"}
        )
        assert answer["code"] == 1000, answer
    assert listening.addresses == ["203.0.113.9", "2001:db8::7"]


def test_without_a_secret_of_the_official_account_nobody_pays_within_wechat(
    learner: Client, gateways: Gateways, wechat: WechatSimulator
) -> None:
    number = place(learner)
    state = authorise(learner, number)
    application.app.process.gateways = replace(gateways, wechat_login=None)
    assert begin(learner, number, "jsapi")["code"] == 5000
    assert begin(learner, number, "jsapi", code=wechat.new_code(), state=state)["code"] == 5000
    assert begin(learner, number, "native")["code"] == 1000


# Refusals


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"way": "NATIVE"},
        {"way": 1},
        {"way": ["h5"]},
        {"way": "jsapi", "code": "x"},
        {"way": "jsapi", "state": "0"},
        {"way": "jsapi", "code": 1, "state": "0"},
    ],
)
def test_what_is_no_way_to_pay_is_5000(learner: Client, body: object) -> None:
    number = place(learner)
    assert learner.post(f"/order/{number}/wechat/", body)["code"] == 5000
    assert trades(number) == []


def test_nobody_elses_order_is_paid_or_changed(learner: Client) -> None:
    number = place(learner)
    stranger = Client(learner.base_url, builders.a_user())
    for unknown in (number, "N1", "x" * 65, "%20"):
        assert begin(stranger, unknown)["code"] == 1501
        assert change(stranger, unknown, "alipay")["code"] == 1501
    assert purchases.stored(number).payment_type == WECHAT


def test_an_order_of_alipay_is_not_begun_at_wechat(learner: Client) -> None:
    number = place(learner, ALIPAY)
    assert begin(learner, number)["code"] == 1511
    assert trades(number) == [(ALIPAY, number, False)]


def test_what_is_closed_or_nearly_over_is_not_begun(
    learner: Client, wechat: WechatSimulator, clock: Clock
) -> None:
    cancelled, waiting = place(learner), place(learner)
    assert purchases.cancel(learner, cancelled)["code"] == 1000
    clock.advance(minutes=28, seconds=40)
    for number in (cancelled, waiting):
        assert begin(learner, number)["code"] == 1503
        assert change(learner, number, "alipay")["code"] == 1503
        assert trades(number) == []
    assert purchases.status(waiting) == order.PLACED


def test_what_was_paid_meanwhile_is_delivered_and_not_begun_again(
    learner: Client, wechat: WechatSimulator
) -> None:
    number = place(learner)
    wechat.pay(wechat.scan(begin(learner, number)["data"]["text"]).out_trade_no)
    assert begin(learner, number)["code"] == 1502
    assert purchases.status(number) == order.PAID
    for answer in (begin(learner, number), begin(learner, number, "h5"), change(learner, number, "alipay")):
        assert answer["code"] == 1502
    assert purchases.payments(number) == ["applied"]


def test_a_trade_that_wechat_has_closed_is_followed_by_another(
    learner: Client, wechat: WechatSimulator
) -> None:
    number = place(learner)
    begin(learner, number)
    wechat.book.close(f"{number}N")
    answer = begin(learner, number)
    assert wechat.scan(answer["data"]["text"]).out_trade_no == f"{number}N2"
    assert trades(number) == [(WECHAT, f"{number}N", True), (WECHAT, f"{number}N2", False)]


def test_an_order_is_begun_eight_times_at_the_most(learner: Client, wechat: WechatSimulator) -> None:
    number = place(learner)
    for _ in range(4):
        for way in ("native", "h5"):
            assert begin(learner, number, way)["code"] == 1000
            wechat.book.close(purchases.stored(number).begun()[-1].number)
    answer = begin(learner, number)
    assert (answer["code"], "次数过多" in answer["msg"]) == (1503, True)
    assert len(trades(number)) == 8


def test_while_wechat_is_out_of_reach_the_payment_can_be_begun_again(
    learner: Client, wechat: WechatSimulator
) -> None:
    number = place(learner)
    for name in ("answer_system_error", "answer_busy", "answer_cut", "answer_unsigned"):
        with wechat.bad_day(name, method=ORDER):
            assert begin(learner, number)["code"] == 1509
        assert trades(number) == [(WECHAT, f"{number}N", False)]
    answer = begin(learner, number)
    assert wechat.scan(answer["data"]["text"]).state == NOTPAY


def test_paying_is_begun_and_changed_sixty_times_in_a_while(learner: Client) -> None:
    number = place(learner)
    for _ in range(60):
        assert change(learner, number, "wechat")["code"] == 1000
    answer = learner.request("POST", f"/order/{number}/wechat/", json={"way": "native"})
    assert answer.json()["code"] == 1004
    assert 0 < int(answer.headers["Retry-After"]) <= timedelta(minutes=15).total_seconds()
