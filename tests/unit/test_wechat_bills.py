"""The bills of WeChat Pay: their lines, and the sums at their end."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO

import pytest

from chalicelib.gateways.bills import BillLine, FundLine, WrongBill
from chalicelib.gateways.wechat.bills import read_fund_bill, read_trade_bill

TRADES = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注\r\n"
    "`2026-11-27 00:00:00,`wxd678efh567hg6787,`1900009191,`0,`,`4200001,`20261126N,`oUpF,`NATIVE,`SUCCESS,`OTHERS,`CNY,"
    "`60.00,`0.00,`0,`0,`0.00,`0.00,`,`,`Python, 从零开始,`,`0.32000,`0.54%,`60.00,`0.00,`\r\n"
    "`2026-11-27 16:47:58,`wxd678efh567hg6787,`1900009191,`0,`,`4200002,`20261120N,`oUpF,`JSAPI,`REFUND,`OTHERS,`CNY,"
    "`0.00,`0.00,`50302,`20261120R1,`50.00,`0.00,`ORIGINAL,`SUCCESS,`课程,`,`-0.27000,`0.54%,`0.00,`50.00,`\r\n"
    "`2026-11-27 23:59:59,`wxd678efh567hg6787,`1900009191,`0,`,`4200003,`20261121N,`oUpF,`JSAPI,`REFUND,`OTHERS,`CNY,"
    "`0.00,`0.00,`50303,`20261121R1,`0.01,`0.00,`ORIGINAL,`PROCESSING,`课程,`,`0.00000,`0.54%,`0.00,`0.01,`\r\n"
)
TRADE_SUMS = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\r\n"
    "`3,`60.00,`50.01,`0.00,`0.05000,`60.00,`50.01\r\n"
)
FUNDS = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),"
    "资金变更提交申请人,备注,业务凭证号\n"
    "`2026-11-27 13:54:01,`4200001,`4200000920202101197964319284,`交易,`交易,`收入,`60.00,`160.00,`system,"
    "`,`20261126N\n"
    "`2026-11-27 13:54:01,`4200001,`4200000920202101197964319285,`扣除交易手续费,`扣除交易手续费,"
    "`支出,`0.32,`159.68,`system,`,`20261126N\n"
    "`2026-11-27 14:00:45,`50302,`4200000846202101197461830397,`退款,`退款,`支出,`49.73,`109.95,`1900009191API,"
    "`退款总金额50.00元;含手续费0.27元,`20261120R1\n"
)
FUND_SUMS = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额\n`3.0,`1.0,`60.00,`2.0,`50.05\n"


def trades(text: str) -> list[BillLine]:
    with read_trade_bill(BytesIO(text.encode())) as bill:
        lines = list(bill.lines())
        assert list(bill.lines()) == lines
        return lines


def funds(text: str) -> list[FundLine]:
    with read_fund_bill(BytesIO(text.encode())) as bill:
        return list(bill.lines())


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_bill_of_trades_tells_payments_and_refunds(mark: str) -> None:
    paid, back, under_way = trades(mark + TRADES + TRADE_SUMS)
    assert paid == BillLine(
        at=datetime(2026, 11, 26, 16, 0, tzinfo=UTC),
        number="20261126N",
        trade_no="4200001",
        request_no=None,
        amount=6000,
        fee=32,
        is_final=True,
        reference="20261126N",
        moves=5968,
    )
    assert (back.number, back.request_no, back.amount, back.fee) == ("20261120N", "20261120R1", 5000, -27)
    assert (back.reference, back.moves) == ("20261120R1", -4973)
    assert back.is_final and not under_way.is_final and under_way.amount == 1


def test_a_refund_that_was_given_up_is_counted_and_not_told() -> None:
    given_up = TRADES.replace("`PROCESSING,", "`FAIL,")
    assert [line.request_no for line in trades(given_up + TRADE_SUMS)] == [None, "20261120R1"]


def test_a_bill_of_the_account_tells_what_came_and_went() -> None:
    into, fee, back = funds(FUNDS + FUND_SUMS)
    assert (into.amount, into.balance, into.reference, into.kind) == (6000, 16000, "20261126N", "交易")
    assert (fee.amount, fee.balance) == (-32, 15968)
    assert (back.amount, back.provider_no, back.reference) == (-4973, "50302", "20261120R1")


def test_full_width_brackets_in_a_title_are_read_too() -> None:
    assert funds((FUNDS + FUND_SUMS).replace("(元)", "（元）")) == funds(FUNDS + FUND_SUMS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        TRADES,
        TRADES + TRADE_SUMS.splitlines(keepends=True)[0],
        TRADES + TRADE_SUMS.replace("`3,", "`2,"),
        TRADES + TRADE_SUMS.replace("`60.00,`50.01\r\n", "`60.01,`50.01\r\n"),
        TRADES + TRADE_SUMS.replace("`60.00,`50.01\r\n", "`60.00,`50.00\r\n"),
        TRADES + TRADE_SUMS + TRADES.splitlines(keepends=True)[1],
        TRADES.replace("`60.00,`0.00,`\r\n", "`60.001,`0.00,`\r\n") + TRADE_SUMS,
        TRADES.replace("`60.00,`0.00,`\r\n", "`NaN,`0.00,`\r\n") + TRADE_SUMS,
        TRADES.replace("`SUCCESS,`OTHERS", "`REVOKED,`OTHERS") + TRADE_SUMS,
        TRADES.replace("`CNY", "`USD", 1) + TRADE_SUMS,
        TRADES.replace("`2026-11-27 00", "2026-11-27 00") + TRADE_SUMS,
        TRADES.replace(",`0.54%,`60.00", ",`60.00") + TRADE_SUMS,
        TRADES.replace("商户订单号", "订单号") + TRADE_SUMS,
        TRADES.replace("2026-11-27 00:00:00", "2026/11/27") + TRADE_SUMS,
    ],
)
def test_a_bill_of_trades_that_does_not_hold_is_wrong(text: str) -> None:
    with pytest.raises(WrongBill):
        trades(text)


@pytest.mark.parametrize(
    "text",
    [
        FUNDS,
        FUNDS + FUND_SUMS.replace("`3.0", "`4.0"),
        FUNDS + FUND_SUMS.replace("`60.00", "`60.01"),
        FUNDS + FUND_SUMS.replace("`50.05", "`50.04"),
        FUNDS.replace("`收入", "`转入") + FUND_SUMS,
        FUNDS.replace("`60.00,`160.00", "`-60.00,`160.00") + FUND_SUMS,
    ],
)
def test_a_bill_of_the_account_that_does_not_hold_is_wrong(text: str) -> None:
    with pytest.raises(WrongBill):
        funds(text)


def test_a_bill_in_another_encoding_is_wrong() -> None:
    with pytest.raises(WrongBill):
        read_trade_bill(BytesIO((TRADES + TRADE_SUMS).encode("gbk")))
