"""The Alipay simulator speaks Alipay's protocol: checked with an SDK that shares no code with it."""

from __future__ import annotations

import json
import logging
import logging.handlers
import os
import queue
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from alipay import AliPay
from alipay.exceptions import AliPayException, AliPayValidationError

from localstack.alipay import AlipaySimulator, Refused, generate_keys
from tests.alipay_merchant import (
    APP_ID,
    SELLER_ID,
    Merchant,
    client_of,
    control,
    fields_of,
    is_genuine,
    new_simulator,
)
from tests.standing_clock import NOON, Clock

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


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


@pytest.fixture(scope="module")
def refusing() -> Iterator[AlipaySimulator]:
    """One simulator for all requests that must leave no trace in it."""
    with new_simulator(Clock()) as simulator:
        yield simulator


@pytest.fixture
def client(simulator: AlipaySimulator) -> AliPay:
    return client_of(simulator.gateway_url)


def pay_url(client: AliPay, number: str = "order_1", amount: str = "88.80", **more: Any) -> str:
    more = {"return_url": "http://shop.example/back", "subject": "Python 入门 100% + 进阶"} | more
    query = client.api_alipay_trade_page_pay(out_trade_no=number, total_amount=amount, **more)
    return f"{client._gateway}?{query}"


def open_in_browser(url: str) -> requests.Response:
    return requests.get(url, timeout=10)


def press(cashier: requests.Response, button: str) -> requests.Response:
    return requests.post(f"{cashier.url}/{button}", allow_redirects=False, timeout=10)


def paid(simulator: AlipaySimulator, client: AliPay, number: str = "order_1", **more: Any) -> None:
    assert open_in_browser(pay_url(client, number, **more)).status_code == 200
    simulator.pay(number)


# --- before the scan ---------------------------------------------------------------------------------------


def test_showing_the_code_makes_no_trade_yet(client: AliPay) -> None:
    page = open_in_browser(pay_url(client))
    assert "/cashier/" in page.url
    assert "88.80" in page.text
    assert "模拟收银台" in page.text
    query, close = client.api_alipay_trade_query("order_1"), client.api_alipay_trade_close("order_1")
    assert (query["code"], query["sub_code"]) == ("40004", "ACQ.TRADE_NOT_EXIST")
    assert (query["out_trade_no"], query["receipt_amount"]) == ("order_1", "0.00")
    assert (close["code"], close["sub_code"]) == ("40004", "ACQ.TRADE_NOT_EXIST")


def test_scanning_makes_a_trade_that_waits_for_the_buyer(client: AliPay) -> None:
    page = open_in_browser(pay_url(client))
    assert press(page, "scan").status_code == 303
    answer = client.api_alipay_trade_query("order_1")
    assert (answer["code"], answer["trade_status"]) == ("10000", "WAIT_BUYER_PAY")
    assert (answer["total_amount"], answer["receipt_amount"]) == ("88.80", "0.00")
    assert re.fullmatch(r"20261122[0-9]{20}", answer["trade_no"])
    assert "send_pay_date" not in answer


# --- paying ------------------------------------------------------------------------------------------------


def test_paying_sends_the_browser_back_with_a_signed_return(client: AliPay) -> None:
    answer = press(open_in_browser(pay_url(client)), "pay")
    assert answer.status_code == 303
    address = urlsplit(answer.headers["Location"])
    assert address._replace(query="").geturl() == "http://shop.example/back"
    fields = dict(parse_qsl(address.query, strict_parsing=True))
    assert is_genuine(client, fields)
    trade_no = client.api_alipay_trade_query("order_1")["trade_no"]
    del fields["sign"]
    assert fields == {
        "charset": "utf-8",
        "out_trade_no": "order_1",
        "method": "alipay.trade.page.pay.return",
        "total_amount": "88.80",
        "trade_no": trade_no,
        "auth_app_id": APP_ID,
        "version": "1.0",
        "app_id": APP_ID,
        "sign_type": "RSA2",
        "seller_id": SELLER_ID,
        "timestamp": "2026-11-22 12:00:00",
    }


def test_a_paid_trade_is_found_by_either_number(simulator: AlipaySimulator, client: AliPay) -> None:
    paid(simulator, client)
    by_order = client.api_alipay_trade_query("order_1")
    assert (by_order["trade_status"], by_order["receipt_amount"]) == ("TRADE_SUCCESS", "88.80")
    assert by_order["send_pay_date"] == "2026-11-22 12:00:00"
    assert client.api_alipay_trade_query(out_trade_no="other", trade_no=by_order["trade_no"]) == by_order


def test_nested_answers_verify_to_the_character(simulator: AlipaySimulator, client: AliPay) -> None:
    paid(simulator, client)
    business = {"out_trade_no": "order_1", "query_options": ["fund_bill_list"]}
    answer = client.server_api("alipay.trade.query", business)
    assert answer["fund_bill_list"] == [{"amount": "88.80", "fund_channel": "ALIPAYACCOUNT"}]


def test_the_notice_is_a_genuine_form_with_blank_fields(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant
) -> None:
    paid(simulator, client, notify_url=merchant.notify_url, passback_params="a%26b=1&c")
    assert simulator.deliver_due_notices() == 1
    body, path, headers = merchant.received.get(timeout=10)
    fields = fields_of(body)
    assert path == "/notify"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded; text/html; charset=utf-8"
    assert headers["User-Agent"] == "Mozilla/4.0"
    assert is_genuine(client, fields)
    assert not is_genuine(client, fields | {"total_amount": "88.81"})
    assert not is_genuine(client, {name: text for name, text in fields.items() if text != ""})
    assert fields["body"] == ""
    assert fields["passback_params"] == "a%26b=1&c"
    assert fields["subject"] == "Python 入门 100% + 进阶"
    assert (fields["notify_type"], fields["trade_status"]) == ("trade_status_sync", "TRADE_SUCCESS")
    assert (fields["app_id"], fields["seller_id"]) == (APP_ID, SELLER_ID)
    assert (fields["version"], fields["charset"], fields["sign_type"]) == ("1.0", "utf-8", "RSA2")
    assert (fields["total_amount"], fields["buyer_pay_amount"]) == ("88.80", "88.80")
    assert fields["gmt_payment"] == fields["notify_time"] == "2026-11-22 12:00:00"
    assert json.loads(fields["fund_bill_list"]) == [{"amount": "88.80", "fundChannel": "ALIPAYACCOUNT"}]
    assert not {"refund_fee", "gmt_close"} & fields.keys()


def test_the_notice_leaves_by_itself_at_once(clock: Clock, merchant: Merchant) -> None:
    with new_simulator(clock, background=True) as simulator:
        client = client_of(simulator.gateway_url)
        press(open_in_browser(pay_url(client, notify_url=merchant.notify_url)), "pay")
        assert merchant.next_notice()["trade_status"] == "TRADE_SUCCESS"


def test_twenty_presses_at_once_pay_once(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant
) -> None:
    page = open_in_browser(pay_url(client, notify_url=merchant.notify_url))
    together, answers = threading.Barrier(20), []

    def pay() -> None:
        together.wait()
        answers.append(press(page, "pay").headers["Location"])

    threads = [threading.Thread(target=pay) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 20
    assert all(answer.startswith("http://shop.example/back?") for answer in answers)
    assert len(simulator.notices("order_1")) == 1


# --- notices again and again -------------------------------------------------------------------------------


def test_a_notice_is_repeated_on_alipays_timetable_and_then_given_up(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant, clock: Clock
) -> None:
    merchant.answers = [(200, "fail"), (200, "success\n"), (200, "SUCCESS"), (302, "success")]
    merchant.answers += [(201, "success"), (500, "success"), (200, ""), (200, '"success"')]
    paid(simulator, client, notify_url=merchant.notify_url)
    assert simulator.deliver_due_notices() == 1
    notices = [merchant.next_notice()]
    for pause in (4, 10, 10, 60, 120, 360, 900):
        clock.forward(minutes=pause, seconds=-1)
        assert simulator.deliver_due_notices() == 0
        clock.forward(seconds=1)
        assert simulator.deliver_due_notices() == 1
        notices.append(merchant.next_notice())
    clock.forward(days=30)
    assert simulator.deliver_due_notices(early=True) == 0
    assert len({notice["notify_id"] for notice in notices}) == 1
    assert len({notice["notify_time"] for notice in notices}) == 8
    assert all(is_genuine(client, notice) for notice in notices)
    assert merchant.received.empty()
    (notice,) = simulator.notices("order_1")
    assert (notice.attempts, notice.next_at, notice.accepted) == (8, None, False)


def test_success_ends_the_repetition(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant, clock: Clock
) -> None:
    merchant.answers = [(200, "fail")]
    paid(simulator, client, notify_url=merchant.notify_url)
    simulator.deliver_due_notices()
    clock.forward(minutes=4)
    assert simulator.deliver_due_notices() == 1
    clock.forward(days=30)
    assert simulator.deliver_due_notices(early=True) == 0
    (notice,) = simulator.notices("order_1")
    assert [(delivery.answer, delivery.accepted) for delivery in notice.deliveries] == [
        ("fail", False),
        ("success", True),
    ]


def test_a_merchant_that_cannot_be_reached_is_tried_again(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant, clock: Clock
) -> None:
    merchant.stop()
    paid(simulator, client, notify_url=merchant.notify_url)
    assert simulator.deliver_due_notices() == 1
    (notice,) = simulator.notices("order_1")
    assert notice.deliveries[0].status is None
    assert notice.next_at == NOON + timedelta(minutes=4)


def test_retries_can_be_made_faster(clock: Clock) -> None:
    with new_simulator(clock, retry_factor=0.01) as simulator:
        client = client_of(simulator.gateway_url)
        paid(simulator, client, notify_url="http://127.0.0.1:9/closed")
        simulator.deliver_due_notices()
        assert simulator.notices("order_1")[0].next_at == NOON + timedelta(seconds=2.4)


def test_switched_off_notices_wait_until_switched_on(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant
) -> None:
    assert control(simulator, "notifications", {"on": False}).json() == {"notifications_on": False}
    paid(simulator, client, notify_url=merchant.notify_url)
    assert control(simulator, "notices/deliver", {"early": True}).json() == {"sent": 0}
    assert client.api_alipay_trade_query("order_1")["trade_status"] == "TRADE_SUCCESS"
    control(simulator, "notifications", {"on": True})
    assert control(simulator, "notices/deliver", {}).json() == {"sent": 1}
    assert merchant.next_notice()["out_trade_no"] == "order_1"


def test_an_accepted_notice_can_be_sent_once_more(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant
) -> None:
    paid(simulator, client, notify_url=merchant.notify_url)
    simulator.deliver_due_notices()
    notify_id = merchant.next_notice()["notify_id"]
    control(simulator, f"notices/{notify_id}/resend", {})
    assert simulator.deliver_due_notices() == 1
    assert merchant.next_notice()["notify_id"] == notify_id


def test_a_test_can_have_any_fields_signed_and_sent(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant
) -> None:
    paid(simulator, client, notify_url=merchant.notify_url)
    simulator.deliver_due_notices()
    merchant.bodies()
    merchant.answers = [(200, "fail")]
    wanted = {
        "out_trade_no": "order_1",
        "fields": {"total_amount": "0.01", "body": None},
        "url": merchant.notify_url,
    }
    answer = control(simulator, "notices/sign", wanted).json()
    assert (answer["delivery"]["answer"], answer["delivery"]["accepted"]) == ("fail", False)
    fields = merchant.next_notice()
    assert fields == answer["fields"] == dict(parse_qsl(answer["form"], keep_blank_values=True))
    assert is_genuine(client, fields)
    assert (fields["total_amount"], fields["out_trade_no"]) == ("0.01", "order_1")
    assert "body" not in fields
    bare = control(simulator, "notices/sign", {"fields": {"a": "", "b": "1"}}).json()["fields"]
    assert is_genuine(client, bare)
    assert bare.keys() == {"a", "b", "sign", "sign_type"}


@pytest.mark.parametrize("number", ["order_1", None, "order_2"])
def test_a_signed_notice_goes_to_the_trades_own_address_only(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant, number: str | None
) -> None:
    paid(simulator, client, notify_url=merchant.notify_url)
    simulator.deliver_due_notices()
    merchant.bodies()
    url = merchant.notify_url + ("x" if number == "order_1" else "")
    answer = control(simulator, "notices/sign", {"out_trade_no": number, "fields": {}, "url": url})
    assert answer.status_code == (404 if number == "order_2" else 400)
    assert merchant.bodies() == []


# --- other keys --------------------------------------------------------------------------------------------


def test_the_console_takes_another_key_of_the_app_and_forgets_the_one_before(
    simulator: AlipaySimulator, client: AliPay
) -> None:
    keys = generate_keys()
    later = client_of(simulator.gateway_url, keys.private_pem)
    assert "isv.invalid-signature" in open_in_browser(pay_url(later)).text
    assert control(simulator, "keys", {"app_public_key": keys.public_pem}).json()["app_public_key"] == (
        keys.public_pem
    )
    assert "/cashier/" in open_in_browser(pay_url(later)).url
    assert "isv.invalid-signature" in open_in_browser(pay_url(client)).text


def test_alipay_signs_all_that_it_sends_by_another_key_of_its_own(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant
) -> None:
    keys = generate_keys()
    told = control(simulator, "keys", {"alipay_private_key": keys.private_pem}).json()
    assert told["alipay_public_key"] == keys.public_pem
    paid(simulator, client, notify_url=merchant.notify_url)
    simulator.deliver_due_notices()
    fields = merchant.next_notice()
    later = client_of(simulator.gateway_url, alipay_public_key=keys.public_pem)
    assert not is_genuine(client, fields)
    assert is_genuine(later, fields)
    with pytest.raises(AliPayValidationError):
        client.api_alipay_trade_query("order_1")
    assert later.api_alipay_trade_query("order_1")["trade_status"] == "TRADE_SUCCESS"


@pytest.mark.parametrize("keys", [{"app_public_key": "none"}, {"app_public_key": 1}, {"other": "key"}])
def test_what_is_no_key_changes_nothing(refusing: AlipaySimulator, keys: dict[str, object]) -> None:
    before = control(refusing, "keys", {}).json()
    assert control(refusing, "keys", keys).status_code == 400
    assert control(refusing, "keys", {}).json() == before


# --- restart -----------------------------------------------------------------------------------------------


def test_trades_and_open_notices_survive_a_restart(clock: Clock, merchant: Merchant, tmp_path: Path) -> None:
    merchant.answers = [(500, "")]
    state = tmp_path / "alipay.sqlite"
    with new_simulator(clock, state=state) as first:
        client = client_of(first.gateway_url)
        paid(first, client, notify_url=merchant.notify_url)
        page = open_in_browser(pay_url(client, "order_2"))
        first.deliver_due_notices()
        refused = merchant.next_notice()
    clock.forward(minutes=4)
    with new_simulator(clock, state=state) as second:
        client = client_of(second.gateway_url)
        assert client.api_alipay_trade_query("order_1")["trade_no"] == refused["trade_no"]
        assert second.deliver_due_notices() == 1
        assert merchant.next_notice()["notify_id"] == refused["notify_id"]
        answer = open_in_browser(second.url + urlsplit(page.url).path)
        assert "order_2" in answer.text


# --- expiry and closing ------------------------------------------------------------------------------------


def test_an_unscanned_code_dies_with_its_expiry(
    simulator: AlipaySimulator, client: AliPay, clock: Clock
) -> None:
    page = open_in_browser(pay_url(client, time_expire="2026-11-22 12:01:00"))
    clock.forward(minutes=1)
    assert "已过期" in open_in_browser(page.url).text
    press(page, "pay")
    with pytest.raises(Refused, match="QR_CODE_EXPIRED"):
        simulator.pay("order_1")
    assert client.api_alipay_trade_query("order_1")["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def test_an_unpaid_trade_closes_at_its_expiry_and_says_so(
    simulator: AlipaySimulator, client: AliPay, clock: Clock, merchant: Merchant
) -> None:
    url = pay_url(client, time_expire="2026-11-22 12:30:00", notify_url=merchant.notify_url)
    press(open_in_browser(url), "scan")
    clock.forward(minutes=30)
    answer = client.api_alipay_trade_query("order_1")
    assert answer["trade_status"] == "TRADE_CLOSED"
    assert "send_pay_date" not in answer
    simulator.deliver_due_notices()
    notice = merchant.next_notice()
    assert (notice["trade_status"], notice["gmt_close"]) == ("TRADE_CLOSED", "2026-11-22 12:30:00")
    assert not {"refund_fee", "gmt_payment"} & notice.keys()
    with pytest.raises(Refused, match="TRADE_HAS_CLOSE"):
        simulator.pay("order_1")
    assert "ACQ.TRADE_HAS_CLOSE" in open_in_browser(url).text


@pytest.mark.parametrize(
    "expiry", ["2026-11-22 12:00:59", "2026-11-21 12:30:00", "2026-12-07 12:00:01", "soon"]
)
def test_an_expiry_is_one_minute_to_fifteen_days_ahead(client: AliPay, expiry: str) -> None:
    assert "ACQ.INVALID_PARAMETER" in open_in_browser(pay_url(client, time_expire=expiry)).text


def test_a_relative_timeout_counts_from_the_first_request(client: AliPay, clock: Clock) -> None:
    url = pay_url(client, timeout_express="30m")
    open_in_browser(url)
    clock.forward(minutes=20)
    page = open_in_browser(url)
    assert "2026-11-22 12:30:00" in page.text
    clock.forward(minutes=10)
    press(page, "pay")
    assert client.api_alipay_trade_query("order_1")["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def test_a_waiting_trade_can_be_closed_once(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant
) -> None:
    page = open_in_browser(pay_url(client, notify_url=merchant.notify_url))
    press(page, "scan")
    answer = client.api_alipay_trade_close("order_1")
    assert (answer["code"], answer["out_trade_no"]) == ("10000", "order_1")
    assert client.api_alipay_trade_close("order_1")["sub_code"] == "ACQ.TRADE_STATUS_ERROR"
    press(page, "pay")
    assert client.api_alipay_trade_query("order_1")["trade_status"] == "TRADE_CLOSED"
    simulator.deliver_due_notices()
    assert merchant.next_notice()["trade_status"] == "TRADE_CLOSED"


def test_a_paid_trade_cannot_be_closed(simulator: AlipaySimulator, client: AliPay) -> None:
    paid(simulator, client)
    assert client.api_alipay_trade_close("order_1")["sub_code"] == "ACQ.TRADE_STATUS_ERROR"
    assert client.api_alipay_trade_query("order_1")["trade_status"] == "TRADE_SUCCESS"


def test_the_buyer_can_close_on_the_page_and_go_back_unpaid(client: AliPay) -> None:
    page = open_in_browser(pay_url(client))
    assert 'href="http://shop.example/back"' in page.text
    press(page, "close")
    assert client.api_alipay_trade_query("order_1")["trade_status"] == "TRADE_CLOSED"
    assert "交易已关闭" in open_in_browser(page.url).text


def test_the_buyer_goes_back_unpaid_to_where_the_request_came_from(client: AliPay) -> None:
    left = "http://shop.example/left?order=1"
    page = open_in_browser(pay_url(client, request_from_url=left))
    assert f'href="{left}"' in page.text
    assert 'href="http://shop.example/back"' not in page.text
    assert press(page, "pay").headers["Location"].startswith("http://shop.example/back?")


# --- page pay repeated -------------------------------------------------------------------------------------


def test_the_same_payment_can_be_asked_for_again(client: AliPay) -> None:
    first = open_in_browser(pay_url(client))
    press(first, "scan")
    again = open_in_browser(pay_url(client, return_url="http://shop.example/other"))
    assert again.url == first.url
    assert press(again, "pay").headers["Location"].startswith("http://shop.example/other?")


@pytest.mark.parametrize("scanned", [False, True])
@pytest.mark.parametrize("change", [{"amount": "88.81"}, {"subject": "别的课程"}])
def test_other_content_under_the_same_number_is_refused(
    client: AliPay, scanned: bool, change: dict[str, str]
) -> None:
    page = open_in_browser(pay_url(client))
    if scanned:
        press(page, "scan")
    assert "ACQ.CONTEXT_INCONSISTENT" in open_in_browser(pay_url(client, **change)).text


def test_a_number_whose_code_died_unscanned_can_be_asked_for_anew(client: AliPay, clock: Clock) -> None:
    open_in_browser(pay_url(client, timeout_express="30m"))
    clock.forward(minutes=30)
    page = open_in_browser(pay_url(client, amount="66.00", timeout_express="30m"))
    press(page, "pay")
    answer = client.api_alipay_trade_query("order_1")
    assert (answer["trade_status"], answer["total_amount"]) == ("TRADE_SUCCESS", "66.00")


def test_asking_again_moves_the_expiry_of_a_code_but_not_of_a_trade(client: AliPay) -> None:
    def expiry(time_expire: str) -> requests.Response:
        return open_in_browser(pay_url(client, time_expire=time_expire))

    expiry("2026-11-22 12:30:00")
    page = expiry("2026-11-22 12:40:00")
    assert "2026-11-22 12:40:00" in page.text
    press(page, "scan")
    assert "2026-11-22 12:40:00" in expiry("2026-11-22 12:50:00").text


def test_a_paid_number_is_not_paid_again(simulator: AlipaySimulator, client: AliPay) -> None:
    paid(simulator, client)
    assert "ACQ.TRADE_HAS_SUCCESS" in open_in_browser(pay_url(client)).text


# --- refunds -----------------------------------------------------------------------------------------------


def test_partial_refunds_add_up_to_a_closed_trade(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant, clock: Clock
) -> None:
    paid(simulator, client, notify_url=merchant.notify_url)
    simulator.deliver_due_notices()
    bought = merchant.next_notice()
    clock.forward(minutes=1, milliseconds=250)
    first = client.api_alipay_trade_refund("30.00", "order_1", out_request_no="r1", refund_reason="不想学了")
    assert (first["code"], first["fund_change"], first["refund_fee"]) == ("10000", "Y", "30.00")
    assert client.api_alipay_trade_query("order_1")["trade_status"] == "TRADE_SUCCESS"
    simulator.deliver_due_notices()
    told = merchant.next_notice()
    assert is_genuine(client, told)
    assert (told["trade_status"], told["refund_fee"], told["out_biz_no"]) == ("TRADE_SUCCESS", "30.00", "r1")
    assert (told["gmt_refund"], told["total_amount"]) == ("2026-11-22 12:01:00.250", "88.80")
    assert told["notify_id"] != bought["notify_id"]
    last = client.api_alipay_trade_refund("58.80", "order_1", out_request_no="r2")
    assert (last["fund_change"], last["refund_fee"]) == ("Y", "88.80")
    simulator.deliver_due_notices()
    told = merchant.next_notice()
    assert (told["trade_status"], told["refund_fee"], told["out_biz_no"]) == ("TRADE_CLOSED", "88.80", "r2")
    query = client.api_alipay_trade_query("order_1")
    assert (query["trade_status"], query["send_pay_date"]) == ("TRADE_CLOSED", "2026-11-22 12:00:00")
    assert client.api_alipay_trade_refund("0.01", "order_1", out_request_no="r3")["sub_code"] == (
        "ACQ.TRADE_HAS_CLOSE"
    )


def test_the_same_refund_number_is_refunded_once(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant
) -> None:
    paid(simulator, client, notify_url=merchant.notify_url)
    client.api_alipay_trade_refund("30.00", "order_1", out_request_no="r1")
    again = client.api_alipay_trade_refund("30.00", "order_1", out_request_no="r1")
    assert (again["code"], again["fund_change"], again["refund_fee"]) == ("10000", "N", "30.00")
    other = client.api_alipay_trade_refund("20.00", "order_1", out_request_no="r1")
    assert other["sub_code"] == "ACQ.DISCORDANT_REPEAT_REQUEST"
    assert len(simulator.notices("order_1")) == 2


def test_refunds_that_cannot_be_are_refused(simulator: AlipaySimulator, client: AliPay) -> None:
    def refusal(amount: str, **more: str) -> str:
        return str(client.api_alipay_trade_refund(amount, "order_1", **more)["sub_code"])

    assert refusal("1.00") == "ACQ.TRADE_NOT_EXIST"
    open_in_browser(pay_url(client))
    simulator.scan("order_1")
    assert refusal("88.80") == "ACQ.TRADE_STATUS_ERROR"
    simulator.pay("order_1")
    assert refusal("88.81", out_request_no="r1") == "ACQ.REASON_TRADE_REFUND_FEE_ERR"
    assert refusal("1.00") == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    assert refusal("0.00", out_request_no="r1") == "ACQ.INVALID_PARAMETER"
    assert simulator.trade("order_1").refunded == 0


def test_a_refund_can_be_asked_about(simulator: AlipaySimulator, client: AliPay) -> None:
    paid(simulator, client)
    unknown = client.api_alipay_trade_fastpay_refund_query("r1", out_trade_no="order_1")
    assert unknown == {"code": "10000", "msg": "Success"}
    client.api_alipay_trade_refund("30.00", "order_1", out_request_no="r1")
    known = client.api_alipay_trade_fastpay_refund_query("r1", out_trade_no="order_1")
    assert (known["refund_status"], known["refund_amount"]) == ("REFUND_SUCCESS", "30.00")
    assert "gmt_refund_pay" not in known
    missing = client.api_alipay_trade_fastpay_refund_query("r1", out_trade_no="order_2")
    assert missing["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def test_the_merchants_console_refunds_from_the_page_and_by_the_api(
    simulator: AlipaySimulator, client: AliPay, merchant: Merchant
) -> None:
    paid(simulator, client, notify_url=merchant.notify_url)
    form = {"amount": "8.80", "reason": "<b>课程下架</b>"}
    page = requests.post(f"{simulator.url}/trades/order_1/refund", data=form, timeout=10)
    assert "部分退款" in page.text
    assert "累计退款 ¥8.80" in open_in_browser(simulator.url).text
    assert "&lt;b&gt;课程下架" in page.text
    answer = control(simulator, "trades/order_1/refund", {}).json()
    assert (answer["status"], answer["refund_fee"]) == ("TRADE_CLOSED", "88.80")
    assert [refund["amount"] for refund in answer["refunds"]] == ["8.80", "80.00"]
    refused = control(simulator, "trades/order_1/refund", {"amount": "1"})
    assert (refused.status_code, refused.json()["sub_code"]) == (409, "ACQ.TRADE_HAS_CLOSE")
    assert len(simulator.notices("order_1")) == 3


# --- what is refused ---------------------------------------------------------------------------------------


def refusal_of(url: str) -> tuple[str, str]:
    answer = open_in_browser(url).json()["error_response"]
    return answer["code"], answer["sub_code"]


def test_a_foreign_signature_is_refused(simulator: AlipaySimulator, client: AliPay) -> None:
    stranger = client_of(simulator.gateway_url, app_private_key=generate_keys().private_pem)
    with pytest.raises(AliPayException, match=r"isv\.invalid-signature"):
        stranger.api_alipay_trade_query("order_1")
    assert "isv.invalid-signature" in open_in_browser(pay_url(stranger)).text
    assert simulator.trades() == []


def test_refusals_are_signed_too(simulator: AlipaySimulator, client: AliPay) -> None:
    text = open_in_browser(f"{simulator.gateway_url}?app_id=1").text
    signed = client._get_string_to_be_signed(text, "error_response")
    assert client._verify(signed, json.loads(text)["sign"])


def test_a_changed_request_is_refused(client: AliPay) -> None:
    url = pay_url(client)
    assert "isv.invalid-signature" in open_in_browser(url.replace("88.80", "00.01")).text
    query = f"{client._gateway}?{client.client_api('alipay.trade.query', {'out_trade_no': 'order_1'})}"
    assert refusal_of(query.replace("order_1", "order_2")) == ("40002", "isv.invalid-signature")
    assert refusal_of(query.replace("sign_type=RSA2", "sign_type=RSA")) == (
        "40002",
        "isv.invalid-signature-type",
    )
    assert refusal_of(query.replace(APP_ID, "2021000000000000")) == ("40002", "isv.invalid-app-id")
    assert refusal_of(query + "&app_id=1") == ("40002", "isv.invalid-parameter")
    assert refusal_of(re.sub("&sign=.*", "", query)) == ("40001", "isv.missing-signature")
    assert refusal_of(query.replace("timestamp=", "time=")) == ("40001", "isv.missing-timestamp")
    assert refusal_of(query.replace("method=", "verb=")) == ("40001", "isv.missing-method")


def test_sign_type_is_signed_and_blank_parameters_are_not(client: AliPay) -> None:
    blank = client.client_api("alipay.trade.query", {"out_trade_no": "order_1"}, app_auth_token="")
    assert refusal_of(f"{client._gateway}?{blank}") == ("40002", "isv.invalid-signature")
    added = client.client_api("alipay.trade.query", {"out_trade_no": "order_1"}) + "&app_auth_token="
    answer = open_in_browser(f"{client._gateway}?{added}").json()
    assert answer["alipay_trade_query_response"]["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def test_an_unknown_method_is_refused(client: AliPay) -> None:
    with pytest.raises(AliPayException, match=r"isv\.invalid-method"):
        client.server_api("alipay.trade.precreate", {"out_trade_no": "order_1"})


def test_the_answers_are_alipays_own(simulator: AlipaySimulator, client: AliPay) -> None:
    paid(simulator, client)
    fooled = client_of(simulator.gateway_url, alipay_public_key=generate_keys().public_pem)
    with pytest.raises(AliPayValidationError):
        fooled.api_alipay_trade_query("order_1")


@pytest.mark.parametrize(
    "fields",
    [
        {"number": "order-1"},
        {"number": "x" * 65},
        {"number": ""},
        {"amount": "0.00"},
        {"amount": "1.001"},
        {"amount": "-1.00"},
        {"amount": "1e2"},
        {"amount": "100000000.01"},
        {"amount": "NaN"},
        {"amount": {"yuan": 1}},
        {"subject": ""},
        {"subject": "C/C++"},
        {"subject": "R&D"},
        {"subject": "a=b"},
        {"subject": "课" * 257},
        {"subject": "\ud800"},
        {"product_code": "QUICK_WAP_PAY"},
        {"timeout_express": "1.5h"},
        {"timeout_express": "16d"},
        {"return_url": "javascript:alert(1)"},
        {"notify_url": "http://shop.example/\r\nX: 1"},
        {"notify_url": "http://[broken"},
        {"notify_url": "http://shop.example:99999/"},
    ],
    ids=str,
)
def test_a_malformed_payment_is_refused(refusing: AlipaySimulator, fields: dict[str, Any]) -> None:
    page = open_in_browser(pay_url(client_of(refusing.gateway_url), **fields))
    assert page.status_code == 200
    assert "ACQ.INVALID_PARAMETER" in page.text
    assert refusing.trades() == []


@pytest.mark.parametrize(
    "business", ["", "[]", "{", "null", "[" * 20000, '{"out_trade_no": NaN}', "9" * 5000]
)
def test_unreadable_business_content_is_refused(client: AliPay, business: str) -> None:
    url = f"{client._gateway}?{client.client_api('alipay.trade.query', biz_content=business or ' ')}"
    answer = requests.post(client._gateway, data=dict(parse_qsl(urlsplit(url).query)), timeout=10)
    assert answer.json()["error_response"]["sub_code"] == "isv.invalid-parameter"


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "path",
    [
        "/gateway.do?%ff=%ff",
        "/gateway.do?" + "a=1&" * 500,
        "/cashier/unknown",
        "/cashier/unknown/pay",
        "/trades/%00",
        "/trades/%ff%fe/pay",
        "/trades/a/b/c",
        "/notices/x/resend",
        "/control",
        "/control/trades/none/pay",
        "/control/notices/x/resend",
        "/control/notices/sign",
        "/control/notifications",
        "/control/bad-days",
        "/control/bad-days/notice_late",
        "/bad-days",
        "/bad-days/notice_late",
        "/bad-days/%00",
        "//",
    ],
)
def test_nonsense_never_breaks_the_simulator(refusing: AlipaySimulator, method: str, path: str) -> None:
    for body in (b"", b"\xff\x00=&;", b'{"on": 3, "fields": [1], "out_trade_no": "none"}', b"[" * 20000):
        for media_type in ("application/x-www-form-urlencoded", "application/json; charset=utf-8"):
            headers = {"Content-Type": media_type}
            answer = requests.request(method, refusing.url + path, data=body, headers=headers, timeout=10)
            assert answer.status_code < 500


def test_text_from_the_shop_is_shown_as_text(client: AliPay, simulator: AlipaySimulator) -> None:
    page = open_in_browser(pay_url(client, subject="<script>alert(1)<\\script>", body='"><img src=x>'))
    for text in (page.text, open_in_browser(simulator.url).text):
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text


# --- on its own --------------------------------------------------------------------------------------------


@contextmanager
def running(folder: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "localstack.alipay", "--port", "0", "--keys", str(folder)]
    command += ["--app-id", APP_ID, "--seller-id", SELLER_ID, "--state", str(folder / "state.sqlite"), *more]
    with subprocess.Popen(
        command, cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        found = re.search(r"gateway (\S+)\)", process.stdout.readline())
        assert found
        try:
            yield process, found[1]
        finally:
            process.kill()


def test_it_runs_on_its_own_with_keys_it_makes_and_keeps(tmp_path: Path) -> None:
    with running(tmp_path) as (process, gateway):
        keys = [(tmp_path / f"{name}_key.pem").read_text() for name in ("app_private", "alipay_public")]
        client = client_of(gateway, *keys)
        press(open_in_browser(pay_url(client)), "scan")
        assert client.api_alipay_trade_query("order_1")["trade_status"] == "WAIT_BUYER_PAY"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    with running(tmp_path) as (process, gateway):
        client._gateway = gateway
        assert client.api_alipay_trade_query("order_1")["trade_status"] == "WAIT_BUYER_PAY"


def test_a_taken_port_is_named(merchant: Merchant, tmp_path: Path) -> None:
    port = str(merchant.server.server_port)
    command = [sys.executable, "-m", "localstack.alipay", "--port", port, "--keys", str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert f"port {port}" in ended.stderr


def test_a_browser_that_goes_away_is_no_error(simulator: AlipaySimulator) -> None:
    heard: queue.Queue[logging.LogRecord] = queue.Queue()
    listener, site_log = logging.handlers.QueueHandler(heard), logging.getLogger("localstack.simulator_site")
    level = site_log.level
    site_log.addHandler(listener)
    site_log.setLevel(logging.DEBUG)
    try:
        where = urlsplit(simulator.url)
        with socket.create_connection((where.hostname, where.port), timeout=10) as browser:
            browser.sendall(b"GET /half a requ")
            browser.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )  # reset, not closed
        told = heard.get(timeout=30)
    finally:
        site_log.removeHandler(listener)
        site_log.setLevel(level)
    assert (told.levelno, told.getMessage()) == (logging.DEBUG, "a browser went away before its answer")
