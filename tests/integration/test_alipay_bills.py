"""The simulator's bills of a day: as any merchant fetches them, with an SDK that shares no code with it, and as the
shop's adapter reads them.
"""

from __future__ import annotations

import io
import itertools
import json
import tempfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from alipay import AliPay
from msgspec.structs import astuple

from chalicelib.deadline import Deadline
from chalicelib.gateways.alipay import Alipay
from chalicelib.gateways.alipay.bill import is_address, read_trade_bill
from chalicelib.gateways.bills import Bill, BillLine, BillPending, FundLine, NoBill
from chalicelib.gateways.payments import BillState, Unclear
from localstack.alipay import AlipaySimulator
from localstack.alipay.bad_days import (
    BILL,
    FUND_BILL,
    OTHER_ORDER,
    OTHER_SELLER_ID,
    OTHER_TRADE_NO,
    TRADE_BILL,
)
from localstack.alipay.bill_files import FUND, TRADE
from tests import alipay_bill_text
from tests.alipay_adapter import an_adapter
from tests.alipay_answers import refused, signed
from tests.alipay_bill_text import TRADES
from tests.alipay_merchant import (
    APP_ID,
    SELLER_ID,
    alipay_keys,
    app_keys,
    client_of,
    control,
    new_simulator,
)
from tests.faults import Action, Fault, HttpCall, HttpProxy
from tests.standing_clock import Clock

pytestmark = pytest.mark.integration

DAY = "2026-11-22"
A_DAY = date.fromisoformat(DAY)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def simulator(clock: Clock) -> Iterator[AlipaySimulator]:
    with new_simulator(clock) as simulator:
        yield simulator


@pytest.fixture
def client(simulator: AlipaySimulator) -> AliPay:
    return client_of(simulator.gateway_url)


def paid(simulator: AlipaySimulator, client: AliPay, number: str, amount: str) -> None:
    query = client.api_alipay_trade_page_pay(
        "课程, 进阶", number, amount, return_url="http://shop.example/back"
    )
    simulator.open_cashier(f"{client._gateway}?{query}")
    simulator.pay(number)


@pytest.fixture
def busy_day(simulator: AlipaySimulator, client: AliPay, clock: Clock) -> None:
    """Two payments and three refunds on the day, one more payment in its last second; it is ten the next morning."""
    paid(simulator, client, "order_1", "88.80")
    paid(simulator, client, "order_2", "0.10")
    clock.forward(hours=1)
    simulator.refund("order_1", 1000, "r1")  # from the console
    client.api_alipay_trade_refund("1.23", "order_1", out_request_no="r2")
    with simulator.bad_day("refund_without_fund_change"):
        client.api_alipay_trade_refund("0.10", "order_2", out_request_no="r3")
    clock.forward(hours=10, minutes=59, seconds=59)
    paid(simulator, client, "order_3", "1.00")
    clock.forward(seconds=1)
    paid(simulator, client, "order_4", "2.00")
    clock.forward(hours=10)


def asked(client: AliPay, bill_type: str = TRADE, bill_date: str = DAY) -> dict[str, str]:
    answer: dict[str, str] = client.server_api(BILL, {"bill_type": bill_type, "bill_date": bill_date})
    return answer


def fetched(client: AliPay, bill_type: str = TRADE, bill_date: str = DAY) -> bytes:
    return requests.get(asked(client, bill_type, bill_date)["bill_download_url"], timeout=10).content


def files_of(packed: bytes) -> dict[str, list[str]]:
    """The lines of each file of a ZIP, by its name."""
    with zipfile.ZipFile(io.BytesIO(packed), metadata_encoding="gbk") as archive:
        return {name: archive.read(name).decode("gbk").split("\r\n")[:-1] for name in archive.namelist()}


def rows_of(packed: bytes, *columns: str) -> list[tuple[str, ...]]:
    """Some columns of the first file; the title has one comma."""
    lines = next(iter(files_of(packed).values()))
    head, *rows = [line.split(",") for line in lines if not line.startswith("#")]
    assert {len(row) for row in rows} <= {len(head) + 1}
    places = {name: place + (place > head.index("商品名称")) for place, name in enumerate(head)}
    return [tuple(row[places[name]].removesuffix("\t") for name in columns) for row in rows]


@pytest.mark.usefixtures("busy_day")
def test_a_trade_bill_has_the_days_payments_and_refunds_with_fees(client: AliPay) -> None:
    packed = fetched(client)
    columns = ("商户订单号", "业务类型", "完成时间", "订单金额（元）", "退款批次号/请求号", "服务费（元）")
    assert rows_of(packed, *columns) == [
        ("order_1", "交易", "2026-11-22 12:00:00", "88.80", "", "-0.53"),
        ("order_2", "交易", "2026-11-22 12:00:00", "0.10", "", "0.00"),
        ("order_1", "退款", "2026-11-22 13:00:00", "-10.00", "r1", "0.06"),
        ("order_1", "退款", "2026-11-22 13:00:00", "-1.23", "r2", "0.00"),
        ("order_2", "退款", "2026-11-22 13:00:00", "-0.10", "r3", "0.00"),
        ("order_3", "交易", "2026-11-22 23:59:59", "1.00", "", "-0.01"),
    ]
    name = f"{SELLER_ID}0156_20261122_业务明细"
    files = files_of(packed)
    assert list(files) == [f"{name}.csv", f"{name}(汇总).csv"]
    lines = files[f"{name}.csv"]
    assert lines[:3] == [
        "#支付宝业务明细查询",
        f"#账号：[{SELLER_ID}0156]",
        "#起始日期：[2026年11月22日 00:00:00]   终止日期：[2026年11月23日 00:00:00]",
    ]
    assert lines[-3:-1] == [
        "#交易合计：3笔，商家实收共89.90元，商家优惠共0.00元",
        "#退款合计：3笔，商家实收退款共-11.33元，商家优惠退款共0.00元",
    ]


@pytest.mark.usefixtures("busy_day")
def test_a_fund_bill_has_what_moved_the_balance(client: AliPay, simulator: AlipaySimulator) -> None:
    columns = ("业务类型", "收入金额（+元）", "支出金额（-元）", "账户余额（元）")
    assert rows_of(fetched(client, FUND), *columns) == [
        ("在线支付", "88.80", "0.00", "88.80"),
        ("收费", "0.00", "-0.53", "88.27"),
        ("在线支付", "0.10", "0.00", "88.37"),
        ("交易退款", "0.00", "-10.00", "78.37"),
        ("退费", "0.06", "0.00", "78.43"),
        ("交易退款", "0.00", "-1.23", "77.20"),
        ("交易退款", "0.00", "-0.10", "77.10"),
        ("在线支付", "1.00", "0.00", "78.10"),
        ("收费", "0.00", "-0.01", "78.09"),
    ]
    numbers = rows_of(fetched(client, FUND), "账务流水号", "业务流水号", "商户订单号")
    assert numbers == rows_of(fetched(client, FUND), "账务流水号", "业务流水号", "商户订单号")
    assert len({entry for entry, _, _ in numbers}) == len(numbers)
    assert numbers[0][1:] == (simulator.trade("order_1").trade_no, "order_1")


@pytest.mark.usefixtures("busy_day")
def test_the_next_bill_goes_on_where_the_first_ended(client: AliPay, clock: Clock) -> None:
    clock.forward(days=1)
    columns = ("商户订单号", "收入金额（+元）", "支出金额（-元）", "账户余额（元）")
    assert rows_of(fetched(client, FUND, "2026-11-23"), *columns) == [
        ("order_4", "2.00", "0.00", "80.09"),
        ("order_4", "0.00", "-0.01", "80.08"),
    ]


def test_fees_of_refunds_add_up_to_what_was_kept(
    simulator: AlipaySimulator, client: AliPay, clock: Clock
) -> None:
    paid(simulator, client, "order_1", "88.80")
    for _ in range(10):
        simulator.refund("order_1", 888)
    clock.forward(days=1)
    fees = [fee for (fee,) in rows_of(fetched(client), "服务费（元）")]
    assert fees[0] == "-0.53" and not any(fee.startswith("-") for fee in fees[1:])
    assert sum(int(fee.replace(".", "")) for fee in fees) == 0


@pytest.mark.parametrize(
    ("bill_type", "bill_date", "sub_code"),
    [
        ("merchant_act", DAY, "isv.invalid_arguments"),
        ("", DAY, "isv.invalid_arguments"),
        (TRADE, "20261122", "isv.invalid_arguments"),
        (TRADE, "2026-11", "isv.invalid_arguments"),
        (TRADE, "2026-11-31", "isv.invalid_arguments"),
        (TRADE, "9999-12-31", "isv.invalid_arguments"),
        (TRADE, "2015-12-31", "isv.invalid_arguments"),
        (TRADE, "", "isv.invalid_arguments"),
        (TRADE, "2026-11-23", "isv.invalid_arguments"),
        (TRADE, "2026-11-21", "NO_BILL_DATA"),
        (FUND, "2026-11-21", "NO_BILL_DATA"),
    ],
)
@pytest.mark.usefixtures("busy_day")
def test_there_is_no_bill(client: AliPay, bill_type: str, bill_date: str, sub_code: str) -> None:
    answer = asked(client, bill_type, bill_date)
    assert (answer["code"], answer["sub_code"]) == ("40004", sub_code)
    assert "bill_download_url" not in answer


def test_a_bill_is_there_at_nine_the_next_morning(
    simulator: AlipaySimulator, client: AliPay, clock: Clock
) -> None:
    paid(simulator, client, "order_1", "1.00")
    clock.forward(hours=12, seconds=-1)
    assert asked(client)["sub_code"] == "isv.invalid_arguments"
    clock.forward(seconds=1)
    assert asked(client)["sub_code"] == "isp.bill_not_exist"
    clock.forward(hours=9)
    assert asked(client)["code"] == "10000"


@pytest.mark.usefixtures("busy_day")
def test_an_address_dies_after_thirty_seconds(client: AliPay, clock: Clock) -> None:
    address = asked(client)["bill_download_url"]
    clock.forward(seconds=29)
    assert requests.get(address, timeout=10).content.startswith(b"PK")
    clock.forward(seconds=1)
    dead = requests.get(address, timeout=10)
    assert dead.status_code == 200 and "已失效" in dead.text
    unknown = requests.get(address.replace("token=", "token=0"), timeout=10)
    assert "已失效" in unknown.text


# Falsified


def spoiled(simulator: AlipaySimulator, name: str, **setting: Any) -> None:
    answer = control(simulator, f"bad-days/{name}", {"on": True, **setting})
    assert answer.status_code == 200, answer.text


@pytest.mark.usefixtures("busy_day")
def test_a_line_is_a_fen_off_in_one_bill_only(client: AliPay, simulator: AlipaySimulator) -> None:
    honest = {kind: fetched(client, kind) for kind in (TRADE, FUND)}
    spoiled(simulator, "bill_amount_off", method=FUND_BILL, out_trade_no="order_3")
    assert files_of(fetched(client, TRADE)) == files_of(honest[TRADE])
    came = [amount for (amount,) in rows_of(fetched(client, FUND), "收入金额（+元）")]
    assert came == [
        amount if amount != "1.00" else "1.01" for (amount,) in rows_of(honest[FUND], "收入金额（+元）")
    ]
    assert "#收入合计：4笔，共89.97元" in next(iter(files_of(fetched(client, FUND)).values()))
    assert simulator.struck("bill_amount_off") == 2


@pytest.mark.usefixtures("busy_day")
def test_a_line_is_missing_or_too_many(client: AliPay, simulator: AlipaySimulator) -> None:
    honest = rows_of(fetched(client), "商户订单号", "订单金额（元）")
    with simulator.bad_day("bill_line_missing", method=TRADE_BILL, out_trade_no="order_2"):
        assert rows_of(fetched(client), "商户订单号", "订单金额（元）") == [honest[0], *honest[2:]]
    with simulator.bad_day("bill_line_added"):
        file = next(iter(files_of(fetched(client)).values()))
        assert [line for line in file if OTHER_ORDER in line]
        assert "#交易合计：4笔，商家实收共89.91元，商家优惠共0.00元" in file
    with simulator.bad_day("bill_line_missing", out_trade_no="nobody"):
        assert rows_of(fetched(client), "商户订单号", "订单金额（元）") == honest
        assert simulator.struck("bill_line_missing") == 0


@pytest.mark.usefixtures("busy_day")
def test_a_bill_says_what_is_not_so(client: AliPay, simulator: AlipaySimulator) -> None:
    with simulator.bad_day("bill_totals_wrong"):
        file = next(iter(files_of(fetched(client)).values()))
        assert "#交易合计：3笔，商家实收共89.91元，商家优惠共0.00元" in file
    with simulator.bad_day("bill_of_another_day"):
        assert "[2026年11月21日 00:00:00]" in next(iter(files_of(fetched(client)).values()))[2]
    with simulator.bad_day("bill_of_another_seller"):
        assert f"#账号：[{OTHER_SELLER_ID}0156]" in next(iter(files_of(fetched(client)).values()))
    with simulator.bad_day("bill_empty"):
        assert asked(client)["bill_file_code"] == "EMPTY_DATA_WITH_BILL_FILE"
        assert rows_of(fetched(client), "商户订单号") == []
    with simulator.bad_day("bill_missing"):
        assert asked(client)["sub_code"] == "isp.bill_not_exist"
    with simulator.bad_day("bill_elsewhere"):
        assert asked(client)["bill_download_url"].startswith("http://bills.invalid/")


@pytest.mark.usefixtures("busy_day")
def test_a_bill_cannot_be_read(client: AliPay, simulator: AlipaySimulator) -> None:
    for name in ("bill_cut", "bill_garbled"):
        with simulator.bad_day(name), pytest.raises((zipfile.BadZipFile, zlib.error)):
            files_of(fetched(client))
    for name in ("bill_page", "bill_expired"):
        with simulator.bad_day(name):
            assert b"<html" in fetched(client)[:200]
    with simulator.bad_day("bill_bomb"):
        packed = fetched(client)
        (bomb,) = zipfile.ZipFile(io.BytesIO(packed)).infolist()
        assert bomb.file_size > 100 * len(packed)


# The shop's adapter


@pytest.fixture
def gateway(simulator: AlipaySimulator) -> Alipay:
    """The adapter with the merchant's account at the simulator."""
    return an_adapter(
        app_id=APP_ID,
        seller_id=SELLER_ID,
        app_private_key=bare(app_keys().private_pem),
        public_key=bare(alipay_keys().public_pem),
        gateway_url=simulator.gateway_url,
    )


def bare(pem: str) -> str:
    """A key as settings hold it."""
    return "".join(pem.splitlines()[1:-1])


Asked = Callable[..., BillState[Any]]


@pytest.fixture
def trades(gateway: Alipay, clock: Clock) -> Asked:
    """Ask for a bill of trades at the simulator's time."""
    return lambda day=A_DAY: gateway.trade_bill(day, clock(), Deadline(30))


@pytest.fixture
def funds(gateway: Alipay, clock: Clock) -> Asked:
    """Ask for a bill of funds at the simulator's time."""
    return lambda day=A_DAY: gateway.fund_bill(day, clock(), Deadline(30))


def lines_of(state: BillState[Any]) -> list[Any]:
    assert isinstance(state, Bill), state
    with state:
        return list(state.lines())


@pytest.mark.usefixtures("busy_day")
def test_the_adapter_reads_a_bill_of_trades(trades: Asked, simulator: AlipaySimulator) -> None:
    lines: list[BillLine] = lines_of(trades())
    assert [(line.number, line.request_no, line.amount, line.fee) for line in lines] == [
        ("order_1", None, 8880, 53),
        ("order_2", None, 10, 0),
        ("order_1", "r1", 1000, -6),
        ("order_1", "r2", 123, 0),
        ("order_2", "r3", 10, 0),
        ("order_3", None, 100, 1),
    ]
    assert all(line.is_final for line in lines)
    trade = simulator.trade("order_3")
    assert (lines[-1].trade_no, lines[-1].at) == (trade.trade_no, trade.paid_at)


@pytest.mark.usefixtures("busy_day")
def test_the_adapter_reads_a_bill_of_funds(trades: Asked, funds: Asked) -> None:
    lines: list[FundLine] = lines_of(funds())
    assert [(line.kind, line.reference, line.amount, line.balance) for line in lines] == [
        ("在线支付", "order_1", 8880, 8880),
        ("收费", "order_1", -53, 8827),
        ("在线支付", "order_2", 10, 8837),
        ("交易退款", "order_1", -1000, 7837),
        ("退费", "order_1", 6, 7843),
        ("交易退款", "order_1", -123, 7720),
        ("交易退款", "order_2", -10, 7710),
        ("在线支付", "order_3", 100, 7810),
        ("收费", "order_3", -1, 7809),
    ]
    moved: list[BillLine] = lines_of(trades())
    assert {line.provider_no for line in lines} == {line.trade_no for line in moved}
    told = sum((line.amount if line.request_no is None else -line.amount) - line.fee for line in moved)
    assert sum(line.amount for line in lines) == told


def test_a_bill_that_is_not_there_yet_is_asked_for_again(
    trades: Asked, simulator: AlipaySimulator, client: AliPay, clock: Clock
) -> None:
    paid(simulator, client, "order_1", "1.00")
    clock.forward(hours=12, seconds=-1)
    assert trades() == BillPending()
    clock.forward(seconds=1)
    assert trades() == BillPending()
    clock.forward(hours=9)
    assert len(lines_of(trades())) == 1
    with simulator.bad_day("bill_missing"):
        assert trades() == BillPending()
        clock.forward(hours=1)
        assert trades() == NoBill(nothing_happened=False)


@pytest.mark.usefixtures("busy_day")
def test_a_day_without_business_has_no_bill_or_an_empty_one(
    trades: Asked, funds: Asked, simulator: AlipaySimulator
) -> None:
    for asked in (trades, funds):
        assert asked(A_DAY - timedelta(days=1)) == NoBill(nothing_happened=True)
        with simulator.bad_day("bill_empty"):
            assert lines_of(asked()) == []


@pytest.mark.parametrize(
    ("name", "reason", "needs_person"),
    [
        ("bill_totals_wrong", "its lines do not add up to its total", True),
        ("bill_of_another_day", "it is of another day", True),
        ("bill_of_another_seller", "it is of another seller", True),
        ("bill_elsewhere", "the address of the bill is not Alipay's", True),
        ("bill_bomb", "too large", True),
        ("bill_cut", "the archive is damaged", False),
        ("bill_garbled", "the archive is damaged", False),
        ("bill_page", "the archive is damaged", False),
        ("bill_expired", "the archive is damaged", False),
        ("answer_cut", "GatewayUnavailable", False),
        ("answer_unsigned", "GatewayUnavailable", False),
        ("answer_wrongly_signed", "GatewayUnavailable", False),
        ("answer_system_error", "40004 UNKNOWN_ERROR", False),
    ],
)
@pytest.mark.usefixtures("busy_day")
def test_a_bill_that_cannot_be_trusted_is_unclear(
    trades: Asked,
    funds: Asked,
    simulator: AlipaySimulator,
    name: str,
    reason: str,
    needs_person: bool,
) -> None:
    for asked in (trades, funds):
        with simulator.bad_day(name):
            state = asked()
            assert isinstance(state, Unclear), state
            assert reason in state.reason and state.needs_person is needs_person
            assert simulator.struck(name) == 1
        assert lines_of(asked())


@pytest.mark.usefixtures("busy_day")
def test_a_planted_difference_is_in_the_lines(
    trades: Asked, funds: Asked, simulator: AlipaySimulator
) -> None:
    for asked, place in ((trades, TRADE_BILL), (funds, FUND_BILL)):
        honest = lines_of(asked())
        at = next(at for at, line in enumerate(honest) if "order_2" in astuple(line))
        with simulator.bad_day("bill_amount_off", method=place, out_trade_no="order_2"):
            changed = lines_of(asked())
            assert [line.amount for line in changed] == [
                line.amount + (place == at) for place, line in enumerate(honest)
            ]
        with simulator.bad_day("bill_line_missing", method=place, out_trade_no="order_2"):
            assert [line.at for line in lines_of(asked())] == [
                line.at for line in honest[:at] + honest[at + 1 :]
            ]
        with simulator.bad_day("bill_line_added", method=place, out_trade_no="order_2"):
            *same, more = lines_of(asked())
            assert same == honest
            assert "order_2" in astuple(more) and OTHER_TRADE_NO in astuple(more)
            assert more.amount == 1


def answers(simulator: AlipaySimulator, **fields: str) -> Action:
    return signed(simulator, BILL, {"code": "10000", "msg": "Success"} | fields)


@pytest.fixture
def proxy(simulator: AlipaySimulator) -> Iterator[HttpProxy]:
    with HttpProxy(simulator.url) as proxy:
        yield proxy


@pytest.fixture
def proxied(gateway: Alipay, proxy: HttpProxy) -> Alipay:
    """The adapter; its calls, but not its downloads, go through the proxy."""
    account = gateway._account.changed(gateway_url=f"{proxy.url}/gateway.do")
    return Alipay(account, lambda: "", lambda number: "")


@pytest.mark.parametrize(
    ("sub_code", "state"),
    [
        ("BILL_NOT_EXIST", NoBill(nothing_happened=False)),
        ("isp.bill_not_exist", NoBill(nothing_happened=False)),
        ("isv.bill-not-exist", NoBill(nothing_happened=False)),
        ("NO_BILL_DATA", NoBill(nothing_happened=True)),
        ("UNKNOWN_ERROR", Unclear("40004 UNKNOWN_ERROR")),
        ("SYSTEM_RATE_LIMIT", Unclear("40004 SYSTEM_RATE_LIMIT")),
        ("USER_RATE_LIMIT", Unclear("40004 USER_RATE_LIMIT")),
        ("INVAILID_ARGUMENTS", Unclear("40004 INVAILID_ARGUMENTS", needs_person=True)),
        ("isv.invalid_arguments", Unclear("40004 isv.invalid_arguments", needs_person=True)),
        ("TYPE_NOT_SUPPORTED", Unclear("40004 TYPE_NOT_SUPPORTED", needs_person=True)),
        ("BILL_DATE_BEFORE_REGISTRATION", Unclear("40004 BILL_DATE_BEFORE_REGISTRATION", needs_person=True)),
        ("", Unclear("40004", needs_person=True)),
    ],
)
def test_every_documented_refusal_is_understood(
    proxied: Alipay, proxy: HttpProxy, simulator: AlipaySimulator, sub_code: str, state: BillState
) -> None:
    now = simulator.now() + timedelta(days=1)
    with proxy.faults(Fault.on("GET", action=refused(simulator, BILL, sub_code))):
        assert proxied.trade_bill(A_DAY, now, Deadline(8)) == state


@pytest.mark.parametrize(
    "address",
    [
        "http://bills.invalid/downloadBillFile.resource",
        "http://127.0.0.1.evil.example/x",
        "http://127.0.0.1@evil.example/x",
        "http://127.0.0.1:80@evil.example/x",
        "http://127.0.0.1\\@evil.example/x",
        "https://127.0.0.1/x",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "//127.0.0.1/x",
        "http://127.0.0.1/a b",
        "",
    ],
)
def test_no_other_address_is_followed(
    proxied: Alipay, proxy: HttpProxy, simulator: AlipaySimulator, address: str
) -> None:
    now = simulator.now() + timedelta(days=1)
    with proxy.faults(Fault.on("GET", action=answers(simulator, bill_download_url=address))):
        state = proxied.trade_bill(A_DAY, now, Deadline(8))
    assert state == Unclear("the address of the bill is not Alipay's", needs_person=True)


@pytest.mark.parametrize(
    ("address", "is_followed"),
    [
        ("https://dwbillcenter.alipay.com/downloadBillFile.resource?bizType=trade&fileId=%2Ftrade", True),
        ("http://dwbillcenter.alipay.com/downloadBillFile.resource", False),
        ("https://dwbillcenter.alipay.com:8443/x", False),
        ("https://dwbillcenter.alipay.com.evil.example/x", False),
        ("https://dwbillcenter.alipay.com@evil.example/x", False),
        ("https://dwbillcenterXalipay.com/x", False),
        ("https://openapi.alipay.com/x", False),
        ("https://127.0.0.1/x", False),
        ("http://openapi.alipay.com/x", False),
    ],
)
def test_the_real_gateway_sends_to_its_one_host_by_tls_only(address: str, is_followed: bool) -> None:
    assert is_address(address, "https://openapi.alipay.com/gateway.do") is is_followed


def test_what_is_asked_for_is_a_safe_address_of_one_day(
    proxied: Alipay, proxy: HttpProxy, simulator: AlipaySimulator
) -> None:
    asked_for: list[dict[str, str]] = []

    def note(call: HttpCall) -> bool:
        asked_for.append(json.loads(dict(parse_qsl(urlsplit(call.path).query))["biz_content"]))
        return True

    now = simulator.now() + timedelta(days=1)
    for ask in (proxied.trade_bill, proxied.fund_bill):
        with proxy.faults(Fault.on("GET", action=refused(simulator, BILL, "NO_BILL_DATA"), where=note)):
            ask(A_DAY, now, Deadline(8))
    assert asked_for == [
        {"bill_type": bill_type, "bill_date": DAY, "secure": "true"} for bill_type in (TRADE, FUND)
    ]


@pytest.mark.parametrize("fields", [{}, {"bill_download_url": 5}, {"bill_download_url": None}])
def test_an_answer_without_address_is_unclear(
    proxied: Alipay, proxy: HttpProxy, simulator: AlipaySimulator, fields: dict[str, Any]
) -> None:
    now = simulator.now() + timedelta(days=1)
    with proxy.faults(Fault.on("GET", action=answers(simulator, **fields))):
        assert isinstance(proxied.trade_bill(A_DAY, now, Deadline(8)), Unclear)


def test_a_day_of_a_hundred_thousand_lines_needs_little_memory() -> None:
    count = 100_000
    text = TRADES.splitlines()
    number = "2019091622001458860515315453"
    assert text[5].startswith(number)
    with tempfile.TemporaryFile() as file:
        with (
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open("bill.csv", "w") as written,
        ):
            written.writelines(f"{line}\n".encode("gbk") for line in text[:5])
            for place in range(count):
                line = text[5].replace(number, f"{number[:-6]}{place:06d}")
                written.write(f"{line}\n".encode("gbk"))
            written.write(f"{text[8]}\n#交易合计：{count}笔，商家实收共9800000.00元\n".encode("gbk"))
            written.write("#退款合计：0笔，商家实收退款共0.00元\n".encode("gbk"))
        file.seek(0)
        with read_trade_bill(file, alipay_bill_text.DAY, alipay_bill_text.SELLER_ID) as bill:
            lines = bill.lines()
            assert next(lines).amount == 9800
            tracemalloc.start()
            try:
                assert len({line.trade_no for line in itertools.islice(lines, 10)}) == 10
                for _ in itertools.islice(lines, 10_000):  # two megabytes of text
                    pass
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
    assert peak < 512 * 1024
