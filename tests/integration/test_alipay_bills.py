"""The simulator's bills of a day, as any merchant fetches them with an SDK that shares no code with it."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from alipay import AliPay

from localstack.alipay import AlipaySimulator
from localstack.alipay.bad_days import BILL, FUND_BILL, OTHER_ORDER, OTHER_SELLER_ID, TRADE_BILL
from localstack.alipay.bill_files import FUND, TRADE
from tests.alipay_merchant import SELLER_ID, client_of, control, new_simulator
from tests.standing_clock import Clock

pytestmark = pytest.mark.integration

DAY = "2026-11-22"


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
