"""The shop's gateway of WeChat Pay against the simulator, on good days and bad ones."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import requests
from msgspec.structs import replace

from chalicelib.deadline import Deadline
from chalicelib.errors import GatewayUnavailable, NotificationRefused
from chalicelib.gateways.bills import Bill, BillPending, NoBill
from chalicelib.gateways.http import download
from chalicelib.gateways.payments import (
    BillState,
    BridgeCall,
    Closed,
    Notification,
    NotKnown,
    PageKind,
    Paid,
    RefundClosed,
    RefundDone,
    RefundPending,
    RefundRefused,
    RefundRequest,
    RefundStuck,
    Told,
    TooLate,
    Unclear,
    Unpaid,
)
from chalicelib.gateways.wechat import Wechat
from chalicelib.gateways.wechat.login import WechatLogin
from localstack.provider.keys import KeyPair, generate_keys
from localstack.wechat import WechatSimulator
from localstack.wechat.bad_days import BAD_DAYS, CLOSE, QUERY, REFUND
from tests.alipay_merchant import Merchant, Received
from tests.standing_clock import NOON, Clock
from tests.wechat_merchant import APP_ID, APP_SECRET, ORDER, a_gateway, bare, new_simulator

pytestmark = pytest.mark.integration

AMOUNT = 9990
TRADE = f"{ORDER}N"
EXPIRES_AT = NOON + timedelta(minutes=30)


@functools.cache
def another() -> KeyPair:
    return generate_keys()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def merchant() -> Iterator[Merchant]:
    merchant = Merchant()
    yield merchant
    merchant.stop()


@pytest.fixture
def simulator(clock: Clock) -> Iterator[WechatSimulator]:
    with new_simulator(clock) as simulator:
        yield simulator


@pytest.fixture
def gateway(simulator: WechatSimulator, merchant: Merchant) -> Wechat:
    return a_gateway(simulator, merchant.notify_url)


def start(gateway: Wechat, amount: int = AMOUNT, number: str = TRADE) -> str:
    page = gateway.start_native(number, amount, "Python基础", EXPIRES_AT, Deadline(8))
    assert not isinstance(page, TooLate) and page.kind == PageKind.QR
    return page.text


def paid(simulator: WechatSimulator, gateway: Wechat) -> str:
    """WeChat Pay's number of an order's trade that was paid."""
    start(gateway)
    trade_no = simulator.pay(TRADE).transaction_id
    assert trade_no
    return trade_no


def query(gateway: Wechat, amount: int = AMOUNT, number: str = TRADE) -> object:
    return gateway.query(number, amount, Deadline(8))


def a_refund(amount: int = AMOUNT, request_no: str = "R1", trade_no: str | None = None) -> RefundRequest:
    return RefundRequest(TRADE, trade_no, request_no, amount, AMOUNT, "退费")


def told(gateway: Wechat, received: Received) -> Notification:
    headers = {name.lower(): value for name, value in received.headers.items()}
    return gateway.parse_notification(headers, received.body)


# Ways to pay


def test_a_code_is_scanned_and_paid(simulator: WechatSimulator, gateway: Wechat, clock: Clock) -> None:
    code = start(gateway)
    trade = simulator.scan(code)
    assert (trade.out_trade_no, trade.amount, trade.expires_at) == (TRADE, AMOUNT, EXPIRES_AT)
    assert query(gateway) == Unpaid()
    page = requests.get(f"{simulator.url}/scan", {"code": code}, timeout=10)
    assert "立即支付" in page.text and "99.90" in page.text
    requests.post(f"{page.url}/pay", timeout=10)
    trade_no = simulator.trade(TRADE).transaction_id
    assert trade_no and query(gateway) == Paid("wechat", TRADE, trade_no, AMOUNT, clock())


def test_repeating_an_order_gives_the_same_trade(gateway: Wechat) -> None:
    assert start(gateway) == start(gateway)


def test_a_phones_browser_is_led_back(simulator: WechatSimulator, gateway: Wechat) -> None:
    page = gateway.start_h5(f"{ORDER}H", AMOUNT, "课程", EXPIRES_AT, "2001:db8::1", Deadline(8))
    assert not isinstance(page, TooLate) and page.kind == PageKind.REDIRECT
    back = f"{simulator.url}/?back"
    shown = requests.get(page.text, {"redirect_url": back}, timeout=10)
    assert f'href="{back}"' in shown.text
    token = simulator.trade(f"{ORDER}H").token
    answer = requests.post(
        f"{simulator.url}/cashier/{token}/pay", {"back": back}, timeout=10, allow_redirects=False
    )
    assert answer.headers["Location"] == back
    assert isinstance(query(gateway, number=f"{ORDER}H"), Paid)


def test_a_page_within_wechat_pays_as_the_user_whom_wechat_authorised(
    simulator: WechatSimulator, gateway: Wechat
) -> None:
    login = WechatLogin(APP_ID, APP_SECRET, simulator.url, simulator.url)
    asked = requests.get(login.address(simulator.url, "s1"), timeout=10, allow_redirects=False)
    code = asked.headers["Location"].partition("code=")[2].partition("&")[0]
    assert asked.headers["Location"].endswith("&state=s1")
    openid = login.openid(code, Deadline(8))
    assert openid and login.openid(code, Deadline(8)) is None
    call = gateway.start_jsapi(f"{ORDER}J", AMOUNT, "课程", EXPIRES_AT, openid, Deadline(8))
    assert isinstance(call, BridgeCall)
    assert requests.post(f"{simulator.url}/bridge/check", call.members, timeout=10).json() == {
        "description": "课程",
        "amount": "99.90",
    }
    forged = {**call.members, "timeStamp": "1"}
    assert "error" in requests.post(f"{simulator.url}/bridge/pay", forged, timeout=10).json()
    requests.post(f"{simulator.url}/bridge/pay", call.members, timeout=10)
    assert isinstance(query(gateway, number=f"{ORDER}J"), Paid)


def test_a_wrong_secret_is_no_authorisation(simulator: WechatSimulator) -> None:
    login = WechatLogin(APP_ID, "wrong", simulator.url, simulator.url)
    with pytest.raises(GatewayUnavailable):
        login.openid(simulator.new_code(), Deadline(8))


def test_what_is_over_is_not_started_again(simulator: WechatSimulator, gateway: Wechat) -> None:
    paid(simulator, gateway)
    assert gateway.start_native(TRADE, AMOUNT, "Python基础", EXPIRES_AT, Deadline(8)) == TooLate()
    other = TRADE.replace("A", "B")
    start(gateway, number=other)
    assert gateway.close(other, Deadline(8)) == Closed()
    assert gateway.start_native(other, AMOUNT, "Python基础", EXPIRES_AT, Deadline(8)) == TooLate()


def test_an_order_of_other_content_is_not_started_by_that_number(gateway: Wechat) -> None:
    start(gateway)
    assert gateway.start_native(TRADE, AMOUNT + 1, "Python基础", EXPIRES_AT, Deadline(8)) == TooLate()
    assert gateway.start_h5(TRADE, AMOUNT, "Python基础", EXPIRES_AT, "10.0.0.1", Deadline(8)) == TooLate()
    assert query(gateway) == Unpaid()


# Queries and closing


def test_nobody_knows_what_was_never_ordered(gateway: Wechat) -> None:
    assert query(gateway) == NotKnown()
    assert gateway.close(TRADE, Deadline(8)) == NotKnown()


def test_an_unpaid_trade_is_closed_and_cannot_be_paid(simulator: WechatSimulator, gateway: Wechat) -> None:
    start(gateway)
    assert gateway.close(TRADE, Deadline(8)) == Closed()
    assert gateway.close(TRADE, Deadline(8)) == Closed()
    assert query(gateway) == Closed()


def test_its_expiry_does_not_close_a_trade(gateway: Wechat, clock: Clock) -> None:
    start(gateway)
    clock.forward(hours=1)
    assert query(gateway) == Unpaid()


def test_a_paid_trade_is_not_closed(simulator: WechatSimulator, gateway: Wechat) -> None:
    paid(simulator, gateway)
    assert gateway.close(TRADE, Deadline(8)) == TooLate()


def test_another_amount_needs_a_person(simulator: WechatSimulator, gateway: Wechat) -> None:
    paid(simulator, gateway)
    state = query(gateway, AMOUNT - 1)
    assert isinstance(state, Unclear) and state.needs_person


# Refunds

UNDER_WAY = RefundPending(is_known=True)
SHORT = "403 NOT_ENOUGH: the merchant's account is short of money, pay into it"


def test_a_refund_is_under_way_and_then_done(
    simulator: WechatSimulator, gateway: Wechat, clock: Clock
) -> None:
    trade_no = paid(simulator, gateway)
    request = a_refund(1000, trade_no=trade_no)
    assert gateway.refund_state(request, Deadline(8)) == RefundPending()
    assert gateway.refund(request, Deadline(8)) == UNDER_WAY
    assert gateway.refund(request, Deadline(8)) == UNDER_WAY
    clock.forward(seconds=10)
    assert gateway.refund_state(request, Deadline(8)) == RefundDone()
    assert gateway.refund(request, Deadline(8)) == RefundDone()
    assert [refund.amount for refund in simulator.book.refunds(TRADE)] == [1000]
    assert query(gateway) == Paid("wechat", TRADE, trade_no, AMOUNT, NOON)


@pytest.mark.parametrize(("reason", "told"), [("", ""), ("课" * 30, "课" * 26), ("\ud800x", "?x")])
def test_a_reason_is_cut_to_what_is_taken(
    simulator: WechatSimulator, gateway: Wechat, reason: str, told: str
) -> None:
    paid(simulator, gateway)
    request = replace(a_refund(), reason=reason)
    assert gateway.refund(request, Deadline(8)) == UNDER_WAY
    assert [refund.reason for refund in simulator.book.refunds(TRADE)] == [told]


def test_a_refund_by_the_number_of_the_order_alone(simulator: WechatSimulator, gateway: Wechat) -> None:
    paid(simulator, gateway)
    assert gateway.refund(a_refund(), Deadline(8)) == UNDER_WAY


@pytest.mark.parametrize(
    ("bad_day", "expected"),
    [
        ("refund_abnormal", RefundStuck()),
        ("refund_closed", RefundClosed()),
        ("refund_stays", UNDER_WAY),
    ],
)
def test_a_refund_that_does_not_succeed(
    simulator: WechatSimulator, gateway: Wechat, clock: Clock, bad_day: str, expected: object
) -> None:
    paid(simulator, gateway)
    with simulator.bad_day(bad_day):
        assert gateway.refund(a_refund(), Deadline(8)) == UNDER_WAY
    clock.forward(minutes=5)
    assert gateway.refund_state(a_refund(), Deadline(8)) == expected


def test_an_abnormal_refund_may_still_come_to_its_end(
    simulator: WechatSimulator, gateway: Wechat, clock: Clock
) -> None:
    paid(simulator, gateway)
    with simulator.bad_day("refund_abnormal"):
        gateway.refund(a_refund(), Deadline(8))
    clock.forward(minutes=5)
    assert gateway.refund_state(a_refund(), Deadline(8)) == RefundStuck()
    simulator.end_refund("R1", "SUCCESS")
    assert gateway.refund_state(a_refund(), Deadline(8)) == RefundDone()


def test_more_than_was_paid_is_not_refunded(simulator: WechatSimulator, gateway: Wechat) -> None:
    paid(simulator, gateway)
    assert gateway.refund(a_refund(AMOUNT - 1), Deadline(8)) == UNDER_WAY
    assert gateway.refund(a_refund(2, "R2"), Deadline(8)) == RefundRefused("400 INVALID_REQUEST")
    assert gateway.refund(a_refund(1, "R3"), Deadline(8)) == UNDER_WAY


def test_an_empty_account_refuses_until_it_is_filled(simulator: WechatSimulator, gateway: Wechat) -> None:
    paid(simulator, gateway)
    with simulator.bad_day("refund_not_enough"):
        assert gateway.refund(a_refund(), Deadline(8)) == RefundRefused(SHORT)
    assert gateway.refund(a_refund(), Deadline(8)) == UNDER_WAY


# Bad days of answers


@pytest.mark.parametrize("bad_day", sorted(name for name in BAD_DAYS if name.startswith("answer_")))
def test_a_bad_answer_says_nothing(
    simulator: WechatSimulator, gateway: Wechat, clock: Clock, bad_day: str
) -> None:
    start(gateway)
    day = BAD_DAYS[bad_day]
    pending = RefundPending() if bad_day == "answer_busy" else None
    if QUERY in day.methods and not day.while_unpaid:
        with simulator.bad_day(bad_day, times=1):
            assert isinstance(gateway.query(TRADE, AMOUNT, Deadline(0.5)), Unclear), "query"
            assert simulator.struck(bad_day) == 1
    if bad_day == "answer_order_not_exist":
        with simulator.bad_day(bad_day):
            assert query(gateway) == NotKnown()
            assert gateway.close(TRADE, Deadline(8)) == NotKnown()
        return
    simulator.pay(TRADE)
    if REFUND in day.methods:
        with simulator.bad_day(bad_day, times=1):
            state = gateway.refund(a_refund(1000), Deadline(0.5))
            assert state == pending or isinstance(state, Unclear), "refund"
    gateway.refund(a_refund(1000), Deadline(8))
    clock.forward(seconds=10)
    with simulator.bad_day(bad_day, times=1):
        assert isinstance(gateway.refund_state(a_refund(1000), Deadline(0.5)), Unclear), "refund query"
    assert gateway.refund_state(a_refund(1000), Deadline(8)) == RefundDone()


@pytest.mark.parametrize(
    "bad_day",
    ["answer_unsigned", "answer_wrongly_signed", "answer_stale", "answer_cut", "answer_system_error"],
)
def test_a_bad_answer_closes_and_starts_nothing(
    simulator: WechatSimulator, gateway: Wechat, bad_day: str
) -> None:
    with simulator.bad_day(bad_day, times=1), pytest.raises(GatewayUnavailable):
        start(gateway)
    start(gateway)
    if bad_day != "answer_cut":  # there is nothing to cut
        with simulator.bad_day(bad_day, method=CLOSE):
            assert isinstance(gateway.close(TRADE, Deadline(8)), Unclear)


def test_a_payment_between_query_and_closing_is_seen(simulator: WechatSimulator, gateway: Wechat) -> None:
    start(gateway)
    assert query(gateway) == Unpaid()
    with simulator.bad_day("paid_before_close"):
        assert gateway.close(TRADE, Deadline(8)) == TooLate()
    assert isinstance(query(gateway), Paid)


def test_a_gateway_that_is_away_is_unclear(simulator: WechatSimulator, gateway: Wechat) -> None:
    start(gateway)
    simulator.stop()
    assert isinstance(query(gateway), Unclear)


@pytest.mark.parametrize(
    "other",
    [
        {"merchant_serial": "0" * 40},
        {"merchant_id": "1900009192"},
        {"merchant_private_key": "another private"},
        {"public_key_id": "PUB_KEY_ID_WRONG"},
        {"public_key": "another public"},
    ],
)
def test_a_wrong_account_learns_nothing(
    simulator: WechatSimulator, merchant: Merchant, other: dict[str, str]
) -> None:
    keys = {
        "another private": bare(another().private_pem),
        "another public": bare(another().public_pem),
    }
    texts = {name: keys.get(text, text) for name, text in other.items()}
    wrong = a_gateway(simulator, merchant.notify_url, **texts)
    assert isinstance(query(wrong), Unclear)


# Notifications


def test_a_payment_is_told(
    simulator: WechatSimulator, gateway: Wechat, merchant: Merchant, clock: Clock
) -> None:
    trade_no = paid(simulator, gateway)
    assert simulator.deliver_due_notices() == 1
    found = told(gateway, merchant.received.get(timeout=10))
    assert (found.told, found.number, found.trade_no) == (Told.RECEIVED, TRADE, trade_no)
    assert (found.amount, found.paid_at) == (AMOUNT, clock())
    assert simulator.deliver_due_notices(early=True) == 0


def test_a_refund_is_told_at_its_own_address(
    simulator: WechatSimulator, gateway: Wechat, merchant: Merchant, clock: Clock
) -> None:
    paid(simulator, gateway)
    gateway.refund(a_refund(1000), Deadline(8))
    clock.forward(seconds=10)
    simulator.book.close_expired()
    simulator.deliver_due_notices()
    _, back = sorted((merchant.received.get(timeout=10) for _ in range(2)), key=lambda one: one.path)
    assert back.path == "/notify/refund"
    found = told(gateway, back)
    assert (found.told, found.refunded, found.request_no) == (Told.REFUNDED_IN_PART, 1000, "R1")


def test_a_refund_from_the_console_is_told_too(
    simulator: WechatSimulator, gateway: Wechat, merchant: Merchant, clock: Clock
) -> None:
    paid(simulator, gateway)
    simulator.deliver_due_notices()
    merchant.bodies()
    simulator.refund(TRADE)
    clock.forward(seconds=10)
    simulator.book.close_expired()
    simulator.deliver_due_notices()
    found = told(gateway, merchant.received.get(timeout=10))
    assert (found.told, found.number) == (Told.REFUNDED_WHOLE, TRADE)


def test_a_notice_is_repeated_on_the_timetable_and_signed_anew(
    simulator: WechatSimulator, gateway: Wechat, merchant: Merchant, clock: Clock
) -> None:
    paid(simulator, gateway)
    merchant.answers = [(500, '{"code":"FAIL"}')] * 16
    times = []
    for _ in range(16):
        assert simulator.deliver_due_notices() == 1
        found = told(gateway, merchant.received.get(timeout=10))
        times.append((found.notify_id, (clock() - NOON).total_seconds()))
        (notice,) = simulator.notices(TRADE)
        if notice.next_at:
            clock.now = notice.next_at
    assert notice.next_at is None and not notice.accepted
    assert len({notify_id for notify_id, _ in times}) == 1
    assert [at for _, at in times][:4] == [0, 15, 30, 60]
    assert times[-1][1] == 24 * 3600 + 4 * 60


@pytest.mark.parametrize(
    ("bad_day", "check"),
    [
        ("notice_wrong_signature", "sign"),
        ("notice_signtest", "sign"),
        ("notice_wrong_serial", "serial"),
        ("notice_stale", "timestamp"),
        ("notice_wrong_app", "appid"),
        ("notice_wrong_merchant", "mchid"),
        ("notice_wrong_currency", "currency"),
        ("notice_wrong_key", "resource"),
    ],
)
def test_a_bad_notice_is_refused(
    simulator: WechatSimulator, gateway: Wechat, merchant: Merchant, bad_day: str, check: str
) -> None:
    paid(simulator, gateway)
    with simulator.bad_day(bad_day):
        simulator.deliver_due_notices()
    with pytest.raises(NotificationRefused) as refused:
        told(gateway, merchant.received.get(timeout=10))
    assert refused.value.check == check


def test_a_wrong_amount_is_told_for_the_caller_to_check(
    simulator: WechatSimulator, gateway: Wechat, merchant: Merchant
) -> None:
    paid(simulator, gateway)
    with simulator.bad_day("notice_wrong_amount"):
        simulator.deliver_due_notices()
    assert told(gateway, merchant.received.get(timeout=10)).amount == AMOUNT + 1


# Bills


def lines_of(state: BillState[Any]) -> list[Any]:
    assert isinstance(state, Bill), state
    with state:
        return list(state.lines())


def a_day(simulator: WechatSimulator, gateway: Wechat, clock: Clock) -> date:
    """A payment and a refund of a part of it, on a day whose bill is there."""
    paid(simulator, gateway)
    gateway.refund(a_refund(1000), Deadline(8))
    clock.forward(seconds=10)
    day = clock().date()
    clock.forward(days=1)
    return day


def test_the_bill_of_trades_says_what_happened(
    simulator: WechatSimulator, gateway: Wechat, clock: Clock
) -> None:
    day = a_day(simulator, gateway, clock)
    payment, back = lines_of(gateway.trade_bill(day, clock(), Deadline(8)))
    assert (payment.number, payment.request_no, payment.amount, payment.at) == (TRADE, None, AMOUNT, NOON)
    assert (back.number, back.request_no, back.amount, back.is_final) == (TRADE, "R1", 1000, True)
    assert (payment.fee, back.fee) == (60, -6)


def test_the_bill_of_the_account_says_what_it_held(
    simulator: WechatSimulator, gateway: Wechat, clock: Clock
) -> None:
    day = a_day(simulator, gateway, clock)
    lines = lines_of(gateway.fund_bill(day, clock(), Deadline(8)))
    moves = [(line.amount, line.balance, line.reference) for line in lines]
    assert moves == [(9990, 9990, TRADE), (-60, 9930, TRADE), (-994, 8936, "R1")]


def test_a_day_without_trades_has_no_bill(gateway: Wechat, clock: Clock) -> None:
    day = clock().date() - timedelta(days=1)
    assert gateway.trade_bill(day, clock(), Deadline(8)) == NoBill(nothing_happened=True)


def test_a_bill_is_not_there_before_ten(simulator: WechatSimulator, gateway: Wechat, clock: Clock) -> None:
    day = a_day(simulator, gateway, clock)
    for hours in (11, 21):
        clock.now = NOON + timedelta(hours=hours)
        assert gateway.trade_bill(day, clock(), Deadline(8)) == BillPending()


def test_a_bill_whose_hash_is_wrong_says_nothing(
    simulator: WechatSimulator, gateway: Wechat, clock: Clock
) -> None:
    day = a_day(simulator, gateway, clock)
    with simulator.bad_day("bill_wrong_hash"):
        state = gateway.trade_bill(day, clock(), Deadline(8))
    assert state == Unclear("the bill cannot be read: hash_value")


@pytest.mark.parametrize(
    ("bad_day", "amounts"),
    [
        ("bill_one_fen", [AMOUNT + 1, 1000]),
        ("bill_line_missing", [1000]),
        ("bill_line_too_many", [AMOUNT, 1000, AMOUNT]),
    ],
)
def test_a_planted_difference_holds_in_itself(
    simulator: WechatSimulator, gateway: Wechat, clock: Clock, bad_day: str, amounts: list[int]
) -> None:
    day = a_day(simulator, gateway, clock)
    with simulator.bad_day(bad_day):
        lines = lines_of(gateway.trade_bill(day, clock(), Deadline(8)))
    assert [line.amount for line in lines] == amounts


def test_a_file_is_downloaded_within_its_bounds(simulator: WechatSimulator) -> None:
    into = io.BytesIO()
    download("wechat", f"{simulator.url}/bridge.js", Deadline(8), 4.0, into, 10_000)
    assert b"WeixinJSBridge" in into.getvalue()
    for path, most_bytes, reason in (("bridge.js", 10, "size"), ("nowhere", 10_000, "status 404")):
        with pytest.raises(GatewayUnavailable) as refused:
            download("wechat", f"{simulator.url}/{path}", Deadline(8), 4.0, io.BytesIO(), most_bytes)
        assert refused.value.facts["reason"] == reason
    with pytest.raises(GatewayUnavailable):
        download("wechat", f"{simulator.url}/bridge.js", Deadline(0), 4.0, into, 10_000)
