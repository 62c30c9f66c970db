"""WeChat Pay's bills of one day: a table of texts, each field behind a backtick, closed by a title and sums.

The answer with the file is not signed; the answer that names it is, and says the file's hash.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from io import BytesIO
from typing import BinaryIO, Protocol, TypeVar, cast
from urllib.parse import urlsplit

from chalicelib.beijing_time import day_end, from_beijing_text
from chalicelib.deadline import Deadline
from chalicelib.gateways.bills import (
    BILL_SECONDS,
    MAX_BILL_BYTES,
    Bill,
    BillLine,
    BillPending,
    FundLine,
    NoBill,
    WrongBill,
    checked,
)
from chalicelib.gateways.payments import BillState, Unclear
from chalicelib.gateways.wechat.client import Client, Reply, known
from chalicelib.money import Fen
from chalicelib.settings import WechatSettings

_IN_MEMORY = 4 * 1024 * 1024
"""A bill of more bytes is kept in a file."""
_MARK = "`"
_NOT_MADE = "FAIL"
"""The state of a refund that was given up: it stands in the bill and its sums, and no money has moved."""
_OF_TRADES = ("交易", "扣除交易手续费", "退款")
"""What moves the account by a trade. Other movements have a voucher's number where these have the trade's."""
_TIME = 19

_Line = TypeVar("_Line")
_Counted = TypeVar("_Counted", contravariant=True)
_Row = Mapping[str, str]


def trade_bill(
    account: WechatSettings, client: Client, day: date, now: datetime, deadline: Deadline
) -> BillState[BillLine]:
    """The bill of trades; as `Wechat.trade_bill`."""
    ask = partial(client.get, "/v3/bill/tradebill", deadline, bill_date=day.isoformat(), bill_type="ALL")
    return known(lambda: _bill(account, client, ask, read_trade_bill, day, now, deadline))


def fund_bill(
    account: WechatSettings, client: Client, day: date, now: datetime, deadline: Deadline
) -> BillState[FundLine]:
    """The bill of the account; as `Wechat.fund_bill`."""
    ask = partial(
        client.get, "/v3/bill/fundflowbill", deadline, bill_date=day.isoformat(), account_type="BASIC"
    )
    return known(lambda: _bill(account, client, ask, read_fund_bill, day, now, deadline))


def read_trade_bill(file: BinaryIO) -> Bill[BillLine]:
    """A bill of trades, once it was read to its end. Raises WrongBill: a line cannot be read, its sums do not hold."""
    return checked(lambda: _lines(file, _trade_line, _TradeSums()), file.close)


def read_fund_bill(file: BinaryIO) -> Bill[FundLine]:
    """A bill of the account; as `read_trade_bill`."""
    return checked(lambda: _lines(file, _fund_line, _FundSums()), file.close)


class _Sums(Protocol[_Counted]):
    """What the last line of a bill says, counted again."""

    begin: str
    """The first word of their title."""

    def add(self, line: _Counted) -> None: ...

    def are(self, row: _Row) -> bool: ...


class _TradeSums:
    begin = "总交易单数"

    def __init__(self) -> None:
        self._lines = self._paid = self._back = 0

    def add(self, line: BillLine) -> None:
        self._lines += 1
        if line.request_no is None:
            self._paid += line.amount
        else:
            self._back += line.amount

    def are(self, row: _Row) -> bool:
        said = _count(row[self.begin]), _fen(row["订单总金额"]), _fen(row["申请退款总金额"])
        return said == (self._lines, self._paid, self._back)


class _FundSums:
    begin = "资金流水总笔数"

    def __init__(self) -> None:
        self._times = {True: 0, False: 0}
        self._amount = {True: 0, False: 0}

    def add(self, line: FundLine) -> None:
        self._times[line.amount >= 0] += 1
        self._amount[line.amount >= 0] += abs(line.amount)

    def are(self, row: _Row) -> bool:
        income = _count(row["收入笔数"]), _fen(row["收入金额"])
        expense = _count(row["支出笔数"]), _fen(row["支出金额"])
        return (_count(row[self.begin]), income, expense) == (
            sum(self._times.values()),
            (self._times[True], self._amount[True]),
            (self._times[False], self._amount[False]),
        )


def _bill(
    account: WechatSettings,
    client: Client,
    ask: Callable[[], Reply],
    read: Callable[[BinaryIO], Bill[_Line]],
    day: date,
    now: datetime,
    deadline: Deadline,
) -> BillState[_Line]:
    if now < day_end(day):
        return BillPending()
    reply = ask()
    if reply.code == "STATEMENT_CREATING":
        return BillPending()
    if reply.code == "NO_STATEMENT_EXIST":
        return NoBill(nothing_happened=True)
    if reply.status != 200:
        return Unclear(reply.reason)
    try:
        return read(_fetch(account, client, reply, deadline))
    except WrongBill as trouble:
        return Unclear(f"the bill cannot be read: {trouble}", needs_person=not trouble.is_damaged)


def _fetch(account: WechatSettings, client: Client, reply: Reply, deadline: Deadline) -> BinaryIO:
    if reply.members.get("hash_type") != "SHA1":
        raise WrongBill("hash_type")
    # Whatever host it names: only the gateway is given our signature.
    place = urlsplit(str(reply.members.get("download_url", "")))
    where = f"{place.path}?{place.query}" if place.query else place.path
    if not where.startswith("/"):
        raise WrongBill("download_url")
    with ExitStack() as stack:
        file = cast(BinaryIO, stack.enter_context(tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)))
        client.download(where, file, MAX_BILL_BYTES, BILL_SECONDS, deadline)
        file.seek(0)
        if (
            hashlib.file_digest(cast(BytesIO, file), "sha1").hexdigest()
            != str(reply.members.get("hash_value", "")).lower()
        ):
            raise WrongBill("hash_value", is_damaged=True)
        stack.pop_all()  # whoever closes the bill closes it
        return file


def _lines(file: BinaryIO, read: Callable[[_Row], _Line], sums: _Sums[_Line]) -> Iterator[_Line]:
    file.seek(0)
    rows = (text for raw in file if (text := raw.decode("utf-8-sig").rstrip("\r\n")))
    try:
        names = next(rows, "").split(",")
        for row in rows:
            if row.startswith(sums.begin):
                if sums.are(_fields(row.split(","), next(rows, ""))) and not any(rows):
                    return
                raise WrongBill("sums")
            fields = _fields(names, row)
            line = read(fields)
            sums.add(line)
            if fields.get("退款状态") != _NOT_MADE:
                yield line
    except (KeyError, ValueError, InvalidOperation) as error:
        raise WrongBill("line") from error
    raise WrongBill("no sums")


def _fields(names: Sequence[str], row: str) -> _Row:
    if not row.startswith(_MARK):
        raise ValueError("no mark")
    values = [value.strip() for value in row[1:].split(f",{_MARK}")]
    return dict(zip(names, values, strict=True))


def _trade_line(row: _Row) -> BillLine:
    state = row["交易状态"]
    if state not in ("SUCCESS", "REFUND") or row["货币种类"] != "CNY":
        raise ValueError(state)
    is_refund = state == "REFUND"
    number, request_no, fee = row["商户订单号"], row["商户退款单号"], _signed_fen(row["手续费"])
    received = -_fen(row["退款金额"]) if is_refund else _fen(row["应结订单金额"])
    return BillLine(
        at=_time(row["交易时间"]),
        number=number,
        trade_no=row["微信订单号"],
        request_no=request_no if is_refund else None,
        amount=_fen(row["申请退款金额"] if is_refund else row["订单金额"]),
        fee=fee,
        is_final=not is_refund or row["退款状态"] == "SUCCESS",
        reference=request_no if is_refund else number,
        moves=received - fee,
    )


def _fund_line(row: _Row) -> FundLine:
    sign = {"收入": 1, "支出": -1}[row["收支类型"]]
    names = {name.translate(str.maketrans("（）", "()")): value for name, value in row.items()}
    return FundLine(
        at=_time(row["记账时间"]),
        flow_no=row["资金流水单号"],
        kind=row["业务类型"],
        amount=sign * _fen(names["收支金额(元)"]),
        balance=_signed_fen(names["账户结余(元)"]),
        provider_no=row["微信支付业务单号"],
        reference=row["业务凭证号"] if row["业务类型"] in _OF_TRADES else "",
    )


def _time(text: str) -> datetime:
    return from_beijing_text(text[:_TIME])


def _fen(text: str) -> Fen:
    amount = _signed_fen(text)
    if amount < 0:
        raise ValueError("below 0")
    return amount


def _signed_fen(text: str) -> Fen:
    """An amount of yuan; those of fees have five decimals, the last three 0."""
    amount = Decimal(text) * 100
    if not amount.is_finite() or amount != int(amount):
        raise ValueError("finer than a fen")
    return int(amount)


def _count(text: str) -> int:
    """A number of rows: some bills write `20.0`."""
    number = Decimal(text)
    if number != int(number):
        raise ValueError("no whole number")
    return int(number)
