"""The files of a day's bill: a ZIP of two GBK texts, the lines and their summary, as Alipay writes them.

``trade`` lists payments and refunds, each with Alipay's fee. ``signcustomer`` lists what moved the merchant's balance,
each fee as a line of its own.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256

from localstack.alipay.trades import BEIJING, Movement, beijing, yuan

TRADE, FUND = "trade", "signcustomer"
BOMB_BYTES = 300 * 1024 * 1024

_BUYER = "*家(185****2233)"
_TRADE_COLUMNS = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,"
    "订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,"
    "券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)
_FUND_COLUMNS = (
    "账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,账户余额（元）,"
    "交易渠道,业务类型,备注"
)
_FUND_WORDS = {"交易": "在线支付", "退款": "交易退款", "收费": "收费", "退费": "退费", "提现": "提现"}


@dataclass(frozen=True)
class Line:
    """One line. ``amount`` and ``fee`` in fen are what the merchant received; what it gave is negative."""

    word: str
    trade_no: str
    out_trade_no: str
    request_no: str
    subject: str
    created_at: datetime
    at: datetime
    amount: int
    fee: int = 0


@dataclass(frozen=True)
class Sheet:
    """All that a bill says. ``balance``: the merchant's before the day. ``totals_off``: by how many fen totals err."""

    bill_type: str
    account: str
    day: date
    lines: list[Line]
    balance: int
    exported_at: datetime
    totals_off: int = 0


def lines_of(bill_type: str, movements: Iterable[Movement]) -> list[Line]:
    """The lines of one type of bill for these movements."""
    lines = []
    for movement in movements:
        trade, refund = movement.trade, movement.refund
        assert trade.trade_no and trade.created_at
        line = Line(
            word="退款" if refund else "交易",
            trade_no=trade.trade_no,
            out_trade_no=trade.out_trade_no,
            request_no=refund.out_request_no if refund else "",
            subject=trade.subject,
            created_at=trade.created_at,
            at=movement.at,
            amount=movement.amount,
            fee=movement.fee,
        )
        lines.append(line)
        if bill_type == FUND and movement.fee:
            lines.append(_fee_line(line))
    return lines


def archive(sheet: Sheet) -> bytes:
    """The ZIP of a bill."""
    title = "业务" if sheet.bill_type == TRADE else "账务"
    name = f"{sheet.account}_{sheet.day:%Y%m%d}_{title}明细"
    detail, summary = _trade_texts(sheet) if sheet.bill_type == TRADE else _fund_texts(sheet)
    return _zip(
        {
            f"{name}.csv": _file(sheet, f"{title}明细", detail),
            f"{name}(汇总).csv": _file(sheet, f"{title}汇总", summary),
        }
    )


def bomb() -> bytes:
    """A ZIP of comment lines that is a thousand times larger when it is unpacked."""
    packed = io.BytesIO()
    part = b"#\r\n" * (1024 * 1024 // 3)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("bomb.csv", "w") as file:
            for _ in range(BOMB_BYTES // len(part) + 1):
                file.write(part)
    return packed.getvalue()


def _fee_line(line: Line) -> Line:
    return replace(line, word="收费" if line.fee < 0 else "退费", amount=line.fee, fee=0)


def _trade_texts(sheet: Sheet) -> tuple[Iterator[str], Iterator[str]]:
    paid = [line.amount for line in sheet.lines if line.amount > 0]
    returned = [line.amount for line in sheet.lines if line.amount < 0]

    def detail() -> Iterator[str]:
        yield _TRADE_COLUMNS
        for line in sheet.lines:
            amount = signed_yuan(line.amount)
            yield (
                f"{line.trade_no}\t,{line.out_trade_no}\t,{line.word}\t,{line.subject},{beijing(line.created_at)},"
                f"{beijing(line.at)},\t,\t,\t,\t,{_BUYER}\t,{amount},{amount},0.00,0.00,0.00,0.00,0.00,,0.00\t,0.00,"
                f"{line.request_no}\t,{signed_yuan(line.fee)},0.00,"
            )
        yield from _rule("业务明细列表结束")
        received = signed_yuan(sum(paid) + sheet.totals_off)
        yield f"#交易合计：{len(paid)}笔，商家实收共{received}元，商家优惠共0.00元"
        yield f"#退款合计：{len(returned)}笔，商家实收退款共{signed_yuan(sum(returned))}元，商家优惠退款共0.00元"

    def summary() -> Iterator[str]:
        yield "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,服务费（元）"
        total, fees = sum(paid) + sum(returned), sum(line.fee for line in sheet.lines)
        yield f"合计\t,\t,{len(paid)},{len(returned)},{signed_yuan(total)},{signed_yuan(total)},{signed_yuan(fees)}"

    return detail(), summary()


def _fund_texts(sheet: Sheet) -> tuple[Iterator[str], Iterator[str]]:
    came = [line.amount for line in sheet.lines if line.amount > 0]
    went = [line.amount for line in sheet.lines if line.amount < 0]

    def detail() -> Iterator[str]:
        balance = sheet.balance
        yield _FUND_COLUMNS
        for line in sheet.lines:
            balance += line.amount
            yield (
                f"{_entry_no(line)}\t,{line.trade_no}\t,{line.out_trade_no}\t,{line.subject}\t,{beijing(line.at)},"
                f"{_BUYER}\t,{signed_yuan(max(line.amount, 0))},{signed_yuan(min(line.amount, 0))},"
                f"{signed_yuan(balance)},支付宝,{_FUND_WORDS[line.word]},"
            )
        yield from _rule("账务明细列表结束")
        yield f"#支出合计：{len(went)}笔，共{signed_yuan(sum(went))}元"
        yield f"#收入合计：{len(came)}笔，共{signed_yuan(sum(came) + sheet.totals_off)}元"

    def summary() -> Iterator[str]:
        yield "类型,收入笔数,收入金额（+元）,支出笔数,支出金额（-元）,总金额（元）"
        total = signed_yuan(sum(came) + sum(went))
        yield f"合计,{len(came)},{signed_yuan(sum(came))},{len(went)},{signed_yuan(sum(went))},{total}"

    return detail(), summary()


def _file(sheet: Sheet, title: str, lines: Iterator[str]) -> bytes:
    start, end = (f"{day:%Y年%m月%d日} 00:00:00" for day in (sheet.day, sheet.day + timedelta(days=1)))
    exported = sheet.exported_at.astimezone(BEIJING)
    text = [
        f"#支付宝{title}查询",
        f"#账号：[{sheet.account}]",
        f"#起始日期：[{start}]   终止日期：[{end}]",
        *_rule(f"{title}列表"),
        *lines,
        f"#导出时间：[{exported:%Y年%m月%d日 %H:%M:%S}]",
    ]
    return "".join(f"{line}\r\n" for line in text).encode("gbk", "replace")


def _rule(words: str) -> list[str]:
    return [f"#{'-' * 41}{words}{'-' * 40}"]


def _entry_no(line: Line) -> str:
    """The entry's own number: the same each time a bill is formed."""
    digest = sha256(f"{line.word} {line.trade_no} {line.request_no}".encode()).digest()
    return f"{line.at.astimezone(BEIJING):%Y%m%d}{int.from_bytes(digest[:6], 'big'):015d}"


def signed_yuan(fen: int) -> str:
    """Fen, also negative, as yuan text with two decimals."""
    return f"-{yuan(-fen)}" if fen < 0 else yuan(fen)


def _zip(files: dict[str, bytes]) -> bytes:
    """A ZIP whose names are GBK, as Alipay's are, without the mark that says UTF-8.

    The library writes such names as UTF-8 only. So each is written under plain letters first, as many as it has bytes.
    """
    packed = io.BytesIO()
    names = {}
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (name, content) in enumerate(files.items()):
            plain = chr(ord("A") + number) * len(name.encode("gbk"))
            names[plain.encode()] = name.encode("gbk")
            archive.writestr(plain, content)
    whole = packed.getvalue()
    for plain_name, gbk_name in names.items():
        whole = whole.replace(plain_name, gbk_name)
    return whole
