"""Every bad day of the Alipay simulator: an SDK or plain HTTP sees exactly that, and the shop bears it."""

from __future__ import annotations

import http.client
import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests
from alipay import AliPay
from alipay.exceptions import AliPayException, AliPayValidationError
from alipay.utils import AliPayConfig

from chalicelib.deadline import Deadline
from chalicelib.gateways.alipay import Alipay
from chalicelib.gateways.payments import (
    Closed,
    NotKnown,
    Paid,
    RefundDone,
    RefundPending,
    TooLate,
    Unclear,
    Unpaid,
)
from chalicelib.shop import order
from localstack.alipay import AlipaySimulator, signing
from localstack.alipay.bad_days import (
    BAD_DAYS,
    CLOSE,
    EVERY_METHOD,
    EVERYWHERE,
    OTHER_APP_ID,
    OTHER_ORDER,
    OTHER_SELLER_ID,
    QUERY,
    REFUND,
    REFUND_QUERY,
)
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.alipay_adapter import a_refund, an_adapter
from tests.alipay_merchant import (
    Merchant,
    alipay_keys,
    client_of,
    control,
    fields_of,
    is_genuine,
    new_simulator,
)
from tests.purchases import Buyer
from tests.standing_clock import NOON, Clock

AMOUNT = 8880

NOTICES = [name for name, day in BAD_DAYS.items() if not day.methods]


# A merchant that is not the shop, with an Alipay of its own


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def merchant() -> Iterator[Merchant]:
    merchant = Merchant()
    yield merchant
    merchant.stop()


@pytest.fixture
def simulator(clock: Clock) -> Iterator[AlipaySimulator]:
    with new_simulator(clock) as simulator:
        yield simulator


@pytest.fixture
def client(simulator: AlipaySimulator) -> AliPay:
    return client_of(simulator.gateway_url)


def asked(simulator: AlipaySimulator, client: AliPay, number: str = "order_1", notify_url: str = "") -> str:
    query = client.api_alipay_trade_page_pay(
        "课程 😀",
        number,
        "88.80",
        return_url="http://shop.example/back",
        notify_url=notify_url or None,
    )
    return simulator.open_cashier(f"{client._gateway}?{query}")


def paid(simulator: AlipaySimulator, client: AliPay, number: str = "order_1", notify_url: str = "") -> str:
    asked(simulator, client, number, notify_url)
    simulator.pay(number)
    return number


SDK_CALLS: dict[str, Callable[[AliPay], dict[str, str]]] = {
    QUERY: lambda client: client.api_alipay_trade_query("order_1"),
    CLOSE: lambda client: client.api_alipay_trade_close("order_1"),
    REFUND: lambda client: client.api_alipay_trade_refund("10.00", "order_1", out_request_no="r1"),
    REFUND_QUERY: lambda client: client.api_alipay_trade_fastpay_refund_query("r1", out_trade_no="order_1"),
}


def ready_for(method: str, simulator: AlipaySimulator, client: AliPay) -> None:
    """A trade of which the SDK's call of this method succeeds."""
    asked(simulator, client)
    if method == CLOSE:
        simulator.scan("order_1")
    else:
        simulator.pay("order_1")
    if method == REFUND_QUERY:
        simulator.refund("order_1", 1000, "r1")


# Notices, as they arrive


def told(
    name: str, simulator: AlipaySimulator, client: AliPay, merchant: Merchant, **where: Any
) -> list[bytes]:
    """The bodies that arrive of one payment on such a day."""
    with simulator.bad_day(name, **where):
        paid(simulator, client, notify_url=merchant.notify_url)
        simulator.deliver_due_notices()
        assert simulator.struck(name) == 1
    return merchant.bodies()


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("notice_wrong_amount", {"total_amount": "0.01"}),
        ("notice_wrong_app", {"app_id": OTHER_APP_ID, "auth_app_id": OTHER_APP_ID}),
        ("notice_wrong_seller", {"seller_id": OTHER_SELLER_ID, "seller_email": "other@sandbox.example"}),
    ],
)
def test_a_wrong_notice_is_genuinely_signed_and_otherwise_right(
    name: str, changed: dict[str, str], simulator: AlipaySimulator, client: AliPay, merchant: Merchant
) -> None:
    (body,) = told(name, simulator, client, merchant)
    fields = fields_of(body)
    assert is_genuine(client, fields)
    (notice,) = simulator.notices("order_1")
    assert all(notice.fields[field] != text for field, text in changed.items())
    del fields["sign"], fields["sign_type"], fields["notify_time"]
    assert fields == notice.fields | changed


def test_a_wrong_amount_is_wrong_even_for_the_smallest_payment(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant
) -> None:
    query = client.api_alipay_trade_page_pay("课程", "cent", "0.01", notify_url=merchant.notify_url)
    simulator.open_cashier(f"{client._gateway}?{query}")
    with simulator.bad_day("notice_wrong_amount"):
        simulator.pay("cent")
        simulator.deliver_due_notices()
    assert [fields["total_amount"] for fields in merchant.notices()] == ["0.02"]


def test_a_forged_notice_differs_in_its_signature_alone(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant
) -> None:
    (body,) = told("notice_wrong_signature", simulator, client, merchant)
    forged = fields_of(body)
    assert not is_genuine(client, forged)
    simulator.resend(forged["notify_id"])
    simulator.deliver_due_notices()
    (genuine,) = merchant.notices()
    assert is_genuine(client, genuine)
    assert forged == genuine | {"sign": forged["sign"]}
    assert len(forged["sign"]) == len(genuine["sign"])


def test_a_notice_in_gbk_is_signed_over_the_bytes_of_that_encoding(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant
) -> None:
    (body,) = told("notice_wrong_charset", simulator, client, merchant)
    fields = fields_of(body, "gb18030")
    assert (fields["charset"], fields["subject"]) == ("GBK", "课程 😀")
    with pytest.raises(UnicodeDecodeError):
        parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict")
    key = signing.load_private_key(alipay_keys().private_pem)
    assert fields["sign"] == signing.sign(signing.notice_text(fields), key, "gb18030")
    assert fields["sign"] != signing.sign(signing.notice_text(fields), key)


def test_a_field_that_comes_twice_has_the_signed_value_first(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant
) -> None:
    (body,) = told("notice_duplicate_field", simulator, client, merchant)
    pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True)
    assert [text for name, text in pairs if name == "total_amount"] == ["88.80", "0.01"]
    assert is_genuine(client, dict(reversed(pairs)))


def test_a_repeated_notice_comes_three_times_the_same_although_it_was_accepted(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant
) -> None:
    bodies = told("notice_repeated", simulator, client, merchant)
    assert len(bodies) == 3
    assert len(set(bodies)) == 1
    assert is_genuine(client, fields_of(bodies[0]))
    (notice,) = simulator.notices("order_1")
    assert [delivery.accepted for delivery in notice.deliveries] == [True, True, True]


def test_a_lost_notice_comes_with_the_next_repetition(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant, clock: Clock
) -> None:
    assert told("notice_lost", simulator, client, merchant, times=1) == []
    (notice,) = simulator.notices("order_1")
    assert (notice.attempts, notice.accepted, notice.deliveries[0].status) == (1, False, None)
    clock.forward(minutes=4, seconds=-1)
    assert simulator.deliver_due_notices() == 0
    clock.forward(seconds=1)
    assert simulator.deliver_due_notices() == 1
    assert [fields["notify_id"] for fields in merchant.notices()] == [notice.notify_id]


def test_notices_that_are_all_lost_never_arrive(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant, clock: Clock
) -> None:
    with simulator.bad_day("notice_lost"):
        paid(simulator, client, notify_url=merchant.notify_url)
        for _ in range(8):
            assert simulator.deliver_due_notices() == 1
            clock.forward(hours=15)
        assert simulator.deliver_due_notices() == 0
        assert simulator.struck("notice_lost") == 8
    assert merchant.bodies() == []


def test_a_late_notice_leaves_ten_minutes_after_the_payment_with_all_its_repetitions_left(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant, clock: Clock
) -> None:
    assert told("notice_late", simulator, client, merchant) == []
    assert simulator.notices("order_1")[0].attempts == 0
    clock.forward(minutes=10, seconds=-1)
    assert simulator.deliver_due_notices() == 0
    clock.forward(seconds=1)
    assert simulator.deliver_due_notices() == 1
    (fields,) = merchant.notices()
    assert is_genuine(client, fields)
    assert (fields["gmt_payment"], fields["notify_time"]) == ("2026-11-22 12:00:00", "2026-11-22 12:10:00")


def test_reordered_notices_arrive_the_later_one_first(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant
) -> None:
    with simulator.bad_day("notice_reordered"):
        paid(simulator, client, notify_url=merchant.notify_url)
        assert simulator.deliver_due_notices() == 0
        simulator.refund("order_1", 1000, "r1")
        assert [simulator.deliver_due_notices() for _ in range(3)] == [1, 1, 0]
        assert simulator.struck("notice_reordered") == 1
    first, second = merchant.notices()
    assert (first["refund_fee"], "refund_fee" in second) == ("10.00", False)
    assert is_genuine(client, first)
    assert is_genuine(client, second)


def test_a_reordered_notice_that_no_other_follows_arrives_ten_minutes_late(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant, clock: Clock
) -> None:
    assert told("notice_reordered", simulator, client, merchant) == []
    paid(simulator, client, "order_2", merchant.notify_url)
    assert simulator.deliver_due_notices() == 1  # one about another trade does not count
    assert simulator.deliver_due_notices() == 0
    clock.forward(minutes=10)
    assert simulator.deliver_due_notices() == 1
    assert [fields["out_trade_no"] for fields in merchant.notices()] == ["order_2", "order_1"]
    # It was let go: the next notice is held back anew and waits for one of its own.
    with simulator.bad_day("notice_reordered", out_trade_no="order_1"):
        simulator.refund("order_1", 1000, "r1")
        assert simulator.deliver_due_notices() == 0


def test_bad_days_of_notices_add_up(simulator: AlipaySimulator, client: AliPay, merchant: Merchant) -> None:
    with simulator.bad_day("notice_wrong_app"), simulator.bad_day("notice_repeated"):
        bodies = told("notice_wrong_amount", simulator, client, merchant)
    assert len(bodies) == 3
    fields = fields_of(bodies[0])
    assert (fields["total_amount"], fields["app_id"]) == ("0.01", OTHER_APP_ID)
    assert is_genuine(client, fields)


def test_what_a_test_signs_itself_is_never_spoiled(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant
) -> None:
    paid(simulator, client)
    with simulator.bad_day("notice_wrong_amount"), simulator.bad_day("notice_lost"):
        assert simulator.send_notice(merchant.notify_url, simulator.notice_fields("order_1")).accepted
    (fields,) = merchant.notices()
    assert (is_genuine(client, fields), fields["total_amount"]) == (True, "88.80")


# Answers, as the SDK and plain HTTP see them


@pytest.mark.parametrize(
    ("name", "exception"),
    [
        ("answer_cut", http.client.IncompleteRead),
        ("answer_unsigned", AliPayException),
        ("answer_wrongly_signed", AliPayValidationError),
    ],
)
@pytest.mark.parametrize("method", EVERY_METHOD)
def test_an_answer_that_cannot_be_trusted_is_refused_by_the_sdk_though_the_work_is_done(
    name: str, exception: type[Exception], method: str, simulator: AlipaySimulator, client: AliPay
) -> None:
    ready_for(method, simulator, client)
    with simulator.bad_day(name, times=1):
        with pytest.raises(exception):
            SDK_CALLS[method](client)
        assert simulator.struck(name) == 1
        trade = simulator.trade("order_1")
        assert (trade.status == "TRADE_CLOSED") == (method == CLOSE)
        assert (trade.refunded == 1000) == (method in (REFUND, REFUND_QUERY))
        if method != CLOSE:
            assert SDK_CALLS[method](client)["code"] == "10000"


def test_an_unsigned_answer_lacks_nothing_but_its_signature(
    simulator: AlipaySimulator, client: AliPay
) -> None:
    paid(simulator, client)
    url = f"{client._gateway}?{client.client_api(QUERY, {'out_trade_no': 'order_1'})}"
    with simulator.bad_day("answer_unsigned"):
        unsigned = requests.get(url, timeout=10).json()
    whole = requests.get(url, timeout=10).json()
    del whole["sign"]
    assert unsigned == whole


def test_a_cut_answer_is_half_of_what_its_length_says(simulator: AlipaySimulator, client: AliPay) -> None:
    paid(simulator, client)
    url = f"{client._gateway}?{client.client_api(QUERY, {'out_trade_no': 'order_1'})}"
    whole = requests.get(url, timeout=10).content
    with simulator.bad_day("answer_cut"):
        with requests.get(url, timeout=10, stream=True) as cut:
            assert int(cut.headers["Content-Length"]) == len(whole)
            assert cut.raw.read(decode_content=False, amt=len(whole) // 2) == whole[: len(whole) // 2]
            with pytest.raises(requests.exceptions.ChunkedEncodingError):
                list(cut.iter_content(10))


@pytest.mark.parametrize("method", EVERY_METHOD)
def test_an_answer_for_another_order_is_genuine_and_otherwise_right(
    method: str, simulator: AlipaySimulator, client: AliPay
) -> None:
    ready_for(method, simulator, client)
    with simulator.bad_day("answer_for_another_order"):
        answer = SDK_CALLS[method](client)
    assert (answer["code"], answer["out_trade_no"]) == ("10000", OTHER_ORDER)
    assert answer["trade_no"] != simulator.trade("order_1").trade_no


@pytest.mark.parametrize("method", EVERY_METHOD)
def test_a_system_error_leaves_everything_undone(
    method: str, simulator: AlipaySimulator, client: AliPay
) -> None:
    ready_for(method, simulator, client)
    before = simulator.trade("order_1")
    with simulator.bad_day("answer_system_error"):
        answer = SDK_CALLS[method](client)
    assert (answer["code"], answer["sub_code"]) == ("40004", "ACQ.SYSTEM_ERROR")
    assert simulator.trade("order_1") == before


@pytest.mark.parametrize("method", [QUERY, CLOSE])
def test_a_scanned_trade_may_not_exist_yet_but_a_paid_one_does(
    method: str, simulator: AlipaySimulator, client: AliPay
) -> None:
    asked(simulator, client)
    simulator.scan("order_1")
    with simulator.bad_day("answer_trade_not_exist"):
        assert SDK_CALLS[method](client)["sub_code"] == "ACQ.TRADE_NOT_EXIST"
        assert simulator.trade("order_1").status == "WAIT_BUYER_PAY"
        simulator.pay("order_1")
        assert SDK_CALLS[method](client).get("sub_code") != "ACQ.TRADE_NOT_EXIST"
        assert simulator.struck("answer_trade_not_exist") == 1


@pytest.mark.parametrize("scanned", [True, False])
def test_the_buyer_pays_between_query_and_close(
    scanned: bool, simulator: AlipaySimulator, client: AliPay, merchant: Merchant
) -> None:
    asked(simulator, client, notify_url=merchant.notify_url)
    if scanned:
        simulator.scan("order_1")
    with simulator.bad_day("paid_before_close"):
        before = client.api_alipay_trade_query("order_1")
        assert before.get("trade_status") == ("WAIT_BUYER_PAY" if scanned else None)
        assert client.api_alipay_trade_close("order_1")["sub_code"] == "ACQ.TRADE_STATUS_ERROR"
        assert client.api_alipay_trade_close("order_1")["sub_code"] == "ACQ.TRADE_STATUS_ERROR"
        assert simulator.struck("paid_before_close") == 1
    assert client.api_alipay_trade_query("order_1")["trade_status"] == "TRADE_SUCCESS"
    simulator.deliver_due_notices()
    assert [fields["trade_status"] for fields in merchant.notices()] == ["TRADE_SUCCESS"]


def test_nobody_pays_a_trade_that_is_over(simulator: AlipaySimulator, client: AliPay, clock: Clock) -> None:
    asked(simulator, client)
    clock.forward(days=15)
    with simulator.bad_day("paid_before_close"):
        assert client.api_alipay_trade_close("order_1")["sub_code"] == "ACQ.TRADE_NOT_EXIST"
        assert simulator.struck("paid_before_close") == 0


def test_a_refund_may_be_made_without_saying_so(simulator: AlipaySimulator, client: AliPay) -> None:
    paid(simulator, client)
    with simulator.bad_day("refund_without_fund_change"):
        answer = SDK_CALLS[REFUND](client)
    assert (answer["code"], answer["refund_fee"]) == ("10000", "10.00")
    assert "fund_change" not in answer
    assert SDK_CALLS[REFUND_QUERY](client)["refund_status"] == "REFUND_SUCCESS"


def test_a_refund_may_be_left_undone_without_saying_so(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant
) -> None:
    paid(simulator, client, notify_url=merchant.notify_url)
    with simulator.bad_day("refund_left_undone"):
        answer = SDK_CALLS[REFUND](client)
    assert (answer["code"], answer["refund_fee"]) == ("10000", "0.00")
    assert "fund_change" not in answer
    assert SDK_CALLS[REFUND_QUERY](client) == {"code": "10000", "msg": "Success"}
    assert len(simulator.notices("order_1")) == 1
    assert SDK_CALLS[REFUND](client)["fund_change"] == "Y"


def test_a_refund_query_may_come_too_early(simulator: AlipaySimulator, client: AliPay) -> None:
    ready_for(REFUND_QUERY, simulator, client)
    with simulator.bad_day("refund_query_too_early"):
        assert SDK_CALLS[REFUND_QUERY](client) == {"code": "10000", "msg": "Success"}
    assert SDK_CALLS[REFUND_QUERY](client)["refund_status"] == "REFUND_SUCCESS"


def test_a_slow_answer_outlasts_the_sdks_patience_though_the_work_is_done(
    simulator: AlipaySimulator, client: AliPay
) -> None:
    ready_for(CLOSE, simulator, client)
    client._config = AliPayConfig(timeout=0.2)
    with simulator.bad_day("answer_slow"):
        with pytest.raises(TimeoutError):
            SDK_CALLS[CLOSE](client)
        assert simulator.held_answers.any_waits(5)
        assert simulator.trade("order_1").status == "TRADE_CLOSED"


def switched_off(simulator: AlipaySimulator) -> None:
    simulator.switch_off("answer_slow")


def switched_off_with_all(simulator: AlipaySimulator) -> None:
    assert control(simulator, "bad-days", {"on": False}).status_code == 200


@pytest.mark.parametrize("release", [switched_off, switched_off_with_all])
def test_a_slow_answer_is_let_go_when_it_is_switched_off(
    release: Callable[[AlipaySimulator], None], simulator: AlipaySimulator, client: AliPay
) -> None:
    paid(simulator, client)
    simulator.switch_on("answer_slow", times=1)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(SDK_CALLS[QUERY], client)
        assert simulator.held_answers.any_waits(10)
        assert not answer.done()
        assert client.api_alipay_trade_query("order_1")["code"] == "10000"  # others are not held up
        release(simulator)
        assert answer.result(10)["trade_status"] == "TRADE_SUCCESS"


def test_a_slow_answer_is_let_go_by_the_simulators_end(clock: Clock) -> None:
    with ThreadPoolExecutor(1) as pool:
        with new_simulator(clock, hold_limit=600) as simulator:
            client = client_of(simulator.gateway_url)
            paid(simulator, client)
            simulator.switch_on("answer_slow")
            answer = pool.submit(SDK_CALLS[QUERY], client)
            assert simulator.held_answers.any_waits(10)
        assert answer.result(10)["trade_status"] == "TRADE_SUCCESS"


def test_a_slow_answer_is_held_for_a_limited_time(clock: Clock) -> None:
    with new_simulator(clock, hold_limit=0.05) as simulator:
        client = client_of(simulator.gateway_url)
        paid(simulator, client)
        simulator.switch_on("answer_slow")
        assert SDK_CALLS[QUERY](client)["trade_status"] == "TRADE_SUCCESS"


def test_a_release_that_comes_before_the_answer_waits_is_not_missed(simulator: AlipaySimulator) -> None:
    turn = simulator.held_answers.turn
    simulator.held_answers.release()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(simulator.held_answers.wait, turn).result(5)


# Where and how often


def test_a_bad_day_strikes_the_next_n_times(simulator: AlipaySimulator, client: AliPay) -> None:
    paid(simulator, client)
    with simulator.bad_day("answer_system_error", times=2):
        codes = [SDK_CALLS[QUERY](client)["code"] for _ in range(4)]
    assert codes == ["40004", "40004", "10000", "10000"]


def test_a_bad_day_strikes_one_method_or_one_order_only(simulator: AlipaySimulator, client: AliPay) -> None:
    paid(simulator, client)
    paid(simulator, client, "order_2")
    with simulator.bad_day("answer_system_error", method=REFUND, out_trade_no="order_2"):
        assert SDK_CALLS[QUERY](client)["code"] == "10000"
        assert SDK_CALLS[REFUND](client)["code"] == "10000"
        assert client.api_alipay_trade_query("order_2")["code"] == "10000"
        refund = client.api_alipay_trade_refund("10.00", "order_2", out_request_no="r1")
        assert refund["sub_code"] == "ACQ.SYSTEM_ERROR"
    with simulator.bad_day("notice_late", out_trade_no="order_4"):
        for number in ("order_3", "order_4"):
            paid(simulator, client, number, "http://127.0.0.1:9/closed")
        assert simulator.deliver_due_notices() == 1
        assert simulator.notices("order_4")[0].next_at == NOON + timedelta(minutes=10)


def test_twenty_calls_at_once_use_up_exactly_the_times(simulator: AlipaySimulator, client: AliPay) -> None:
    paid(simulator, client)
    simulator.switch_on("answer_system_error", times=7)
    calls: list[Callable[[], str]] = [lambda: SDK_CALLS[QUERY](client)["code"]] * 20
    assert sorted(purchases.at_once(*calls)) == ["10000"] * 13 + ["40004"] * 7


def test_a_request_that_alipay_would_not_look_into_is_refused_as_ever(
    simulator: AlipaySimulator, client: AliPay
) -> None:
    with simulator.bad_day("answer_unsigned"):
        answer = requests.get(f"{simulator.gateway_url}?method={QUERY}", timeout=10).json()
        assert answer["error_response"]["sub_code"] == "isv.missing-app-id"
        assert answer["sign"]
        assert simulator.struck("answer_unsigned") == 0


@pytest.mark.parametrize(
    "setting",
    [
        {"name": "answer_late"},
        {"name": "notice_late", "method": QUERY},
        {"name": "paid_before_close", "method": QUERY},
        {"name": "answer_slow", "times": 0},
        {"name": "answer_slow", "times": -1},
    ],
)
def test_what_cannot_be_set_is_refused(setting: dict[str, Any], simulator: AlipaySimulator) -> None:
    with pytest.raises(ValueError):
        simulator.switch_on(**setting)
    assert simulator.bad_days() == {}


# Switches: by API, on the page, kept


def test_the_control_api_lists_and_switches_bad_days(simulator: AlipaySimulator, client: AliPay) -> None:
    listed = control(simulator, "bad-days").json()["bad_days"]
    assert [day["name"] for day in listed] == list(BAD_DAYS)
    assert not any(day["on"] for day in listed)
    paid(simulator, client)
    wanted = {"on": True, "times": 2, "method": QUERY, "out_trade_no": "order_1"}
    day = control(simulator, "bad-days/answer_system_error", wanted).json()
    assert day == {
        "name": "answer_system_error",
        "explanation": BAD_DAYS["answer_system_error"].explanation,
        "methods": list(EVERYWHERE),
        "on": True,
        "method": QUERY,
        "out_trade_no": "order_1",
        "times_left": 2,
        "struck": 0,
    }
    assert control(simulator, "state").json()["bad_days"] == ["answer_system_error"]
    for _ in range(2):
        assert SDK_CALLS[QUERY](client)["sub_code"] == "ACQ.SYSTEM_ERROR"
    (day,) = [day for day in control(simulator, "bad-days").json()["bad_days"] if day["struck"]]
    assert (day["on"], day["times_left"], day["struck"]) == (False, 0, 2)
    assert control(simulator, "state").json()["bad_days"] == []
    control(simulator, "bad-days/notice_late", {"on": True})
    assert control(simulator, "bad-days/notice_late", {"on": False}).json()["on"] is False


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("bad-days/nothing", {"on": True}, 404),
        ("bad-days/notice_late", {}, 400),
        ("bad-days/notice_late", {"on": "yes"}, 400),
        ("bad-days/notice_late", {"on": True, "times": 0}, 400),
        ("bad-days/notice_late", {"on": True, "times": True}, 400),
        ("bad-days/notice_late", {"on": True, "times": "x"}, 400),
        ("bad-days/notice_late", {"on": True, "times": 1.5}, 400),
        ("bad-days/notice_late", {"on": True, "times": 10**30}, 400),
        ("bad-days/notice_late", {"on": True, "method": QUERY}, 400),
        ("bad-days/answer_cut", {"on": True, "method": 5}, 400),
        ("bad-days/answer_cut", {"on": True, "out_trade_no": "\ud800"}, 400),
        ("bad-days", {"on": True}, 400),
        ("bad-days", {}, 400),
    ],
)
def test_the_control_api_refuses_what_cannot_be_set(
    path: str, body: dict[str, Any], status: int, simulator: AlipaySimulator
) -> None:
    assert control(simulator, path, body).status_code == status
    assert simulator.bad_days() == {}


def test_the_page_switches_bad_days_and_warns_while_one_is_on(
    simulator: AlipaySimulator, client: AliPay
) -> None:
    paid(simulator, client)
    addresses = [simulator.url, f"{simulator.url}/trades/order_1"]
    for address in addresses:
        assert "故障模拟已开启" not in requests.get(address, timeout=10).text
    listed = requests.get(simulator.url, timeout=10).text
    for day in BAD_DAYS.values():
        assert day.explanation in listed
        assert f'action="/bad-days/{day.name}"' in listed
    form = {"on": "1", "times": "3", "method": REFUND}
    page = requests.post(f"{simulator.url}/bad-days/answer_cut", data=form, timeout=10)
    assert page.status_code == 200
    assert "已开启 · 还有 3 次 · alipay.trade.refund · 已发生 0 次" in page.text
    requests.post(f"{simulator.url}/bad-days/notice_late", data={"on": "1", "times": ""}, timeout=10)
    for address in addresses:
        text = requests.get(address, timeout=10).text
        assert "故障模拟已开启：<code>answer_cut</code>、<code>notice_late</code>" in text
        assert "全部关闭" in text
    requests.post(f"{simulator.url}/bad-days/answer_cut", data={"on": "0"}, timeout=10)
    assert list(simulator.bad_days()) == ["notice_late"]
    assert "故障模拟已开启" not in requests.post(f"{simulator.url}/bad-days", timeout=10).text
    assert simulator.bad_days() == {}


def test_switches_and_held_back_notices_survive_a_restart(
    clock: Clock, merchant: Merchant, tmp_path: Path
) -> None:
    state = tmp_path / "alipay.sqlite"
    with new_simulator(clock, state=state) as first:
        first.switch_on("answer_system_error", times=3, method=QUERY)
        first.switch_on("notice_reordered")
        client = client_of(first.gateway_url)
        paid(first, client, notify_url=merchant.notify_url)
        assert SDK_CALLS[QUERY](client)["code"] == "40004"
        before = first.bad_days()
    with new_simulator(clock, state=state) as second:
        client = client_of(second.gateway_url)
        assert second.bad_days() == before
        codes = [SDK_CALLS[QUERY](client)["code"] for _ in range(3)]
        assert codes == ["40004", "40004", "10000"]
        second.refund("order_1", 1000, "r1")
        assert [second.deliver_due_notices() for _ in range(3)] == [1, 1, 0]
    assert ["refund_fee" in fields for fields in merchant.notices()] == [True, False]


def test_a_bad_day_is_over_after_its_block_even_when_that_fails(simulator: AlipaySimulator) -> None:
    with suppress(LookupError), simulator.bad_day("notice_late"):
        assert simulator.bad_days()["notice_late"].is_on
        raise LookupError
    assert simulator.bad_days() == {}


# The shop's adapter


AdapterCall = Callable[[Alipay, str, Deadline], Any]

ADAPTER_CALLS: dict[str, AdapterCall] = {
    QUERY: lambda gateway, number, deadline: gateway.query(number, AMOUNT, deadline),
    CLOSE: lambda gateway, number, deadline: gateway.close(number, deadline),
    REFUND: lambda gateway, number, deadline: gateway.refund(a_refund(number, 1000, "r1"), deadline),
    REFUND_QUERY: lambda gateway, number, deadline: gateway.refund_state(
        a_refund(number, request_no="r1"), deadline
    ),
}
UNKNOWN_EVERYWHERE = sorted(
    name for name, day in BAD_DAYS.items() if {*EVERY_METHOD} <= {*day.methods} and name != "answer_slow"
)


@pytest.fixture
def gateway(alipay: AlipaySimulator) -> Alipay:
    """The adapter with the shop's own settings."""
    return an_adapter(gateway_url=os.environ["ALIPAY_GATEWAY_URL"])


@pytest.fixture
def number(gateway: Alipay, alipay: AlipaySimulator) -> str:
    """A payment that was asked for and not scanned yet."""
    new = order.new_number(builders.now())
    page = gateway.pay_page(new, AMOUNT, "课程", builders.now() + timedelta(minutes=30), soon())
    return alipay.open_cashier(page.text)


def soon() -> Deadline:
    return Deadline(8)


def test_only_slowness_and_what_these_tests_name_can_spoil_every_answer() -> None:
    assert UNKNOWN_EVERYWHERE == [
        "answer_cut",
        "answer_for_another_order",
        "answer_system_error",
        "answer_unsigned",
        "answer_wrongly_signed",
    ]


@pytest.mark.parametrize("name", UNKNOWN_EVERYWHERE)
@pytest.mark.parametrize("method", EVERY_METHOD)
def test_an_answer_that_says_nothing_is_unknown_to_the_shop(
    name: str, method: str, gateway: Alipay, number: str, alipay: AlipaySimulator
) -> None:
    if method == CLOSE:
        alipay.scan(number)
    else:
        alipay.pay(number)
    with alipay.bad_day(name, method=method, out_trade_no=number):
        assert isinstance(ADAPTER_CALLS[method](gateway, number, soon()), Unclear)
        assert alipay.struck(name) == 1


@pytest.mark.parametrize("method", [QUERY, REFUND])
def test_a_refusal_for_another_order_is_unknown_to_the_shop(
    method: str, gateway: Alipay, number: str, alipay: AlipaySimulator
) -> None:
    """Both would be final otherwise: a trade that does not exist, a refund that cannot be made."""
    with alipay.bad_day("answer_for_another_order", out_trade_no=number):
        assert isinstance(ADAPTER_CALLS[method](gateway, number, soon()), Unclear)


@pytest.mark.parametrize("method", EVERY_METHOD)
def test_a_slow_answer_is_unknown_to_the_shop_when_its_time_is_over(
    method: str, gateway: Alipay, number: str, alipay: AlipaySimulator
) -> None:
    alipay.pay(number)
    with alipay.bad_day("answer_slow", method=method, out_trade_no=number):
        assert isinstance(ADAPTER_CALLS[method](gateway, number, Deadline(0.2)), Unclear)
        assert alipay.held_answers.any_waits(5)
    assert isinstance(gateway.query(number, AMOUNT, soon()), Paid)


def test_a_trade_that_does_not_exist_yet_is_told_apart_from_an_unpaid_one(
    gateway: Alipay, number: str, alipay: AlipaySimulator
) -> None:
    alipay.scan(number)
    with alipay.bad_day("answer_trade_not_exist", out_trade_no=number):
        assert gateway.query(number, AMOUNT, soon()) == NotKnown()
        assert gateway.close(number, soon()) == NotKnown()
    assert gateway.query(number, AMOUNT, soon()) == Unpaid()
    assert gateway.close(number, soon()) == Closed()


def test_a_close_that_comes_after_the_payment_is_refused_and_the_payment_found(
    gateway: Alipay, number: str, alipay: AlipaySimulator
) -> None:
    alipay.scan(number)
    with alipay.bad_day("paid_before_close", out_trade_no=number):
        assert gateway.query(number, AMOUNT, soon()) == Unpaid()
        assert gateway.close(number, soon()) == TooLate()
        assert isinstance(gateway.query(number, AMOUNT, soon()), Paid)


@pytest.mark.parametrize(
    ("name", "afterwards"),
    [("refund_without_fund_change", RefundDone), ("refund_left_undone", RefundPending)],
)
def test_a_refund_of_which_nothing_is_said_is_pending_until_it_is_asked_about(
    name: str, afterwards: type, gateway: Alipay, number: str, alipay: AlipaySimulator
) -> None:
    alipay.pay(number)
    with alipay.bad_day(name, out_trade_no=number):
        assert gateway.refund(a_refund(number, 1000, "r1"), soon()) == RefundPending()
    assert gateway.refund_state(a_refund(number, request_no="r1"), soon()) == afterwards()
    gateway.refund(a_refund(number, 1000, "r1"), soon())
    assert gateway.refund_state(a_refund(number, request_no="r1"), soon()) == RefundDone()
    assert alipay.trade(number).refunded == 1000


def test_a_refund_asked_about_too_early_is_pending(
    gateway: Alipay, number: str, alipay: AlipaySimulator
) -> None:
    alipay.pay(number)
    assert gateway.refund(a_refund(number, 1000, "r1"), soon()) == RefundDone()
    with alipay.bad_day("refund_query_too_early", out_trade_no=number):
        assert gateway.refund_state(a_refund(number, request_no="r1"), soon()) == RefundPending()
    assert gateway.refund_state(a_refund(number, request_no="r1"), soon()) == RefundDone()


# The shop behind its notification address


REFUSED_BY = {
    "notice_wrong_amount": "amount",
    "notice_wrong_signature": "sign",
    "notice_wrong_app": "app_id",
    "notice_wrong_seller": "seller_id",
    "notice_wrong_charset": "form",
    "notice_duplicate_field": "duplicate",
}


def test_every_bad_day_of_notices_is_one_of_content_or_of_the_way() -> None:
    on_the_way = {"notice_late", "notice_repeated", "notice_lost", "notice_reordered"}
    assert set(NOTICES) == set(REFUSED_BY) | on_the_way


@pytest.fixture
def buyer(gateway_server: GatewayServer, alipay: AlipaySimulator) -> Buyer:
    return Buyer(gateway_server.base_url)


@pytest.fixture
def standing_time(alipay: AlipaySimulator) -> Iterator[None]:
    """It stays the same time for Alipay: no notice of another test's order comes due meanwhile."""
    before, now = (alipay.now, alipay.book.now), alipay.now()
    alipay.now = alipay.book.now = lambda: now
    yield
    alipay.now, alipay.book.now = before


@pytest.mark.usefixtures("standing_time")
@pytest.mark.parametrize("name", REFUSED_BY)
def test_the_shop_refuses_a_wrong_notice_and_takes_the_right_one_that_follows(
    name: str, buyer: Buyer, alipay: AlipaySimulator, caplog: pytest.LogCaptureFixture
) -> None:
    while alipay.deliver_due_notices():  # what other tests left undelivered
        caplog.clear()
    number = buyer.place()
    with alipay.bad_day(name, out_trade_no=number), caplog.at_level(logging.WARNING):
        purchases.pay(alipay, number)
        alipay.deliver_due_notices()
    (notice,) = alipay.notices(number)
    assert [(told.status, told.answer) for told in notice.deliveries] == [(200, "fail")]
    said = [entry.getMessage() for entry in caplog.records if entry.name == "chalicelib.web.notification"]
    assert [text.rpartition(": ")[2] for text in said] == [REFUSED_BY[name]]
    buyer.assert_order_waits(number)
    assert purchases.payments(number) == []
    deliver_all(alipay, number)
    buyer.assert_owns_the_course()


@pytest.mark.parametrize("name", ["notice_late", "notice_lost", "notice_reordered"])
def test_a_notice_that_does_not_come_changes_nothing_and_delivers_when_it_comes(
    name: str, buyer: Buyer, alipay: AlipaySimulator
) -> None:
    number = buyer.place()
    with alipay.bad_day(name, out_trade_no=number):
        purchases.pay(alipay, number)
        alipay.deliver_due_notices()
        assert alipay.struck(name) == 1
    buyer.assert_order_waits(number)
    deliver_all(alipay, number)
    buyer.assert_owns_the_course()


def test_a_repeated_notice_delivers_once_and_is_always_thanked_for(
    buyer: Buyer, alipay: AlipaySimulator
) -> None:
    number = buyer.place()
    with alipay.bad_day("notice_repeated", out_trade_no=number):
        purchases.pay(alipay, number)
        alipay.deliver_due_notices()
    (notice,) = alipay.notices(number)
    assert [told.answer for told in notice.deliveries] == ["success"] * 3
    assert len(purchases.payments(number)) == 1
    buyer.assert_owns_the_course()


def test_a_refund_told_before_its_payment_leaves_nobody_with_money_or_course_too_many(
    buyer: Buyer, alipay: AlipaySimulator
) -> None:
    number = buyer.place()
    with alipay.bad_day("notice_reordered", out_trade_no=number):
        purchases.pay(alipay, number)
        alipay.refund(number)
        alipay.deliver_due_notices()
        alipay.deliver_due_notices()
    first, second = sorted(alipay.notices(number), key=lambda notice: notice.deliveries[0].sent_at)
    assert ("refund_fee" in first.fields, "refund_fee" in second.fields) == (True, False)
    assert not purchases.owns(buyer.person, buyer.course)
    assert len(purchases.payments(number)) == 1


def deliver_all(alipay: AlipaySimulator, number: str) -> None:
    """Every notice about this order arrives now."""
    for notice in alipay.notices(number):
        alipay.resend(notice.notify_id)
    alipay.deliver_due_notices()
