"""Reading Alipay's bill of a day: a ZIP with a GBK text of comments, column heads, lines and totals.

The text is read line by line, so that its size costs time only. Columns are found by their heads.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import IO, Generic, TypeVar
from urllib.parse import urlsplit

from msgspec import Struct

from chalicelib.beijing_time import BEIJING
from chalicelib.gateways.bills import MAX_BILL_BYTES, Bill, BillLine, FundLine, WrongBill, checked
from chalicelib.money import Fen

MAX_ARCHIVE_BYTES = 32 * 1024 * 1024
"""The largest archive. A line of some 200 bytes takes 30 in it."""
_LINE_BYTES = 16 * 1024
_PART_BYTES = 64 * 1024
_MAX_FILES = 16
_DIRECTORY_BYTES = 64 * 1024
_DIRECTORY_END_BYTES = 22 + 65535
"""What the end of an archive takes at most: it says where the list of its files is, and may have a comment."""
_ENCRYPTED = 0x1

_TITLE, _REMARK = "商品名称", "备注"
"""The columns of free text. Nobody says that their commas are quoted, so they may stand as they are."""
_NARROW = str.maketrans("（）：", "():")
_ACCOUNT = re.compile(r"#账号:\[([0-9A-Za-z]+)\]")
_PERIOD = re.compile(
    r"#起始日期:\[([0-9]{4})年([0-9]{2})月([0-9]{2})日 00:00:00\]\s*"
    r"终止日期:\[([0-9]{4})年([0-9]{2})月([0-9]{2})日 00:00:00\]"
)
_AMOUNT = re.compile(r"(-?)([0-9]{1,13})(?:\.([0-9]{1,2}))?")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_NUMBER = re.compile(r"[!-~]{0,64}")


_Line = TypeVar("_Line", BillLine, FundLine)
_Counted = tuple[_Line, str, Fen]
"""A line, the name of the total to which it belongs, and what it adds to that."""


class _Form(Struct, Generic[_Line], frozen=True):
    """What one type of bill looks like: its first line, the columns that are wanted, what a line and the totals say."""

    title: str
    columns: tuple[str, ...]
    line: Callable[[Mapping[str, str]], _Counted[_Line]]
    totals: Mapping[str, re.Pattern[str]]


def read_trade_bill(file: IO[bytes], day: date, seller_id: str) -> Bill[BillLine]:
    """The bill `trade` in a file, once it was read to its end. Raises WrongBill for one that is damaged, is too large,
    is of another day or seller, has lines or columns of another form, or does not add up.
    """
    return _read(file, _TRADES, day, seller_id)


def read_fund_bill(file: IO[bytes], day: date, seller_id: str) -> Bill[FundLine]:
    """The bill `signcustomer` in a file; as `read_trade_bill`."""
    return _read(file, _FUNDS, day, seller_id)


def is_address(address: str, gateway_url: str) -> bool:
    """Whether an address leads to Alipay's bills. A trial gateway without TLS has its bills on its own host."""
    gateway = urlsplit(gateway_url)
    host = rf"http://{re.escape(gateway.hostname or '')}(:[0-9]+)?"
    if gateway.scheme == "https":
        host = r"https://dwbillcenter\.alipay\.com"
    return bool(re.fullmatch(host + r"/[!-\[\]-~]*", address))


def _read(file: IO[bytes], form: _Form[_Line], day: date, seller_id: str) -> Bill[_Line]:
    _check_directory(file)
    try:
        archive = zipfile.ZipFile(file)
        found = [entry for entry in _entries(archive) if _first_line(archive, entry) == form.title]
        for entry in found:
            _check_whole(archive, entry)
    except _DAMAGE as error:
        raise _damaged(error) from error
    if len(found) != 1:
        raise WrongBill(f"{len(found)} files of the archive begin with {form.title}")
    return checked(lambda: _lines(archive, found[0], form, day, seller_id), file.close)


def _check_directory(file: IO[bytes]) -> None:
    """Refuse an archive with more files than a bill has: the library would read the whole list into memory."""
    file.seek(max(0, file.seek(0, io.SEEK_END) - _DIRECTORY_END_BYTES))
    tail = file.read()
    for end in re.finditer(rb"PK\x05\x06", tail):
        at = end.start()
        is_zip64 = tail[max(0, at - 20) : max(0, at - 16)] == b"PK\x06\x07"
        if is_zip64 or int.from_bytes(tail[at + 12 : at + 16], "little") > _DIRECTORY_BYTES:
            raise WrongBill("too large")


def _entries(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files of an archive. The library reads no more of one than the size it claims to have."""
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > _MAX_FILES or sum(entry.file_size for entry in entries) > MAX_BILL_BYTES:
        raise WrongBill("too large")
    for entry in entries:
        # Only these two are unpacked in small parts.
        if (
            entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
            or entry.flag_bits & _ENCRYPTED
        ):
            raise WrongBill("the archive is of another kind")
    return entries


def _check_whole(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """Unpack a file to its end, where its checksum is: what is damaged shall not look like a bill that is wrong."""
    with archive.open(entry) as file:
        while file.read(_PART_BYTES):
            pass


def _first_line(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> str:
    with archive.open(entry) as packed:
        return _text(packed.readline(_LINE_BYTES)).rstrip(",")


def _texts(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[tuple[int, str]]:
    """The lines of a file with their numbers, blank ones left out. Raises WrongBill."""
    try:
        with archive.open(entry) as file:
            number = 0
            while raw := file.readline(_LINE_BYTES):
                number += 1
                if len(raw) >= _LINE_BYTES:
                    raise WrongBill(f"line {number} is too long")
                if text := _text(raw):
                    yield number, text
    except _DAMAGE as error:
        raise _damaged(error) from error


def _text(raw: bytes) -> str:
    # A character that is cut or foreign may stand in a title only: numbers, times and amounts are checked.
    return raw.decode("gb18030", "replace").strip()


def _lines(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, form: _Form[_Line], day: date, seller_id: str
) -> Iterator[_Line]:
    """The lines of a bill, then the check of its totals. Raises WrongBill."""
    texts = _texts(archive, entry)
    heads = _heads(texts, day, seller_id)
    row_of = _row_reader(heads, form.columns)
    counts: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    end: list[str] = []
    for number, text in texts:
        if text.startswith("#"):
            end.append(text.translate(_NARROW))
            continue
        if end:
            raise WrongBill(f"line {number} comes after the end")
        try:
            line, total, adds = form.line(row_of(text))
            if abs((line.at.astimezone(BEIJING).date() - day).days) > 1:
                raise ValueError("it is of another day")
        except ValueError as error:
            raise WrongBill(f"line {number}: {error}") from error
        counts[total] += 1
        sums[total] += adds
        yield line
    if not end or "列表结束" not in end[0]:
        raise WrongBill("the end is missing")
    for total, pattern in form.totals.items():
        said = [found for text in end if (found := pattern.match(text))]
        if len(said) != 1:
            raise WrongBill(f"the total {total} is missing")
        if (int(said[0][1]), abs(_fen(said[0][2]))) != (counts[total], sums[total]):
            raise WrongBill(f"its lines do not add up to its total ({said[0][0]})")


def _heads(texts: Iterator[tuple[int, str]], day: date, seller_id: str) -> list[str]:
    """The column heads, which end the comments that say whose bill of which day this is. Raises WrongBill."""
    account = period = None
    for _, text in texts:
        told = text.translate(_NARROW)
        if not told.startswith("#"):
            break
        account = account or _ACCOUNT.match(told)
        period = period or _PERIOD.match(told)
    else:
        raise WrongBill("the columns have no heads")
    # An account's number is its owner's id and four digits of its own.
    if not account or not re.fullmatch(rf"{re.escape(seller_id)}([0-9]{{4}})?", account[1]):
        raise WrongBill("it is of another seller")
    if not period or "".join(period.groups()) != f"{day:%Y%m%d}{day + timedelta(days=1):%Y%m%d}":
        raise WrongBill("it is of another day")
    return [_head(cell) for cell in text.split(",")]


def _row_reader(heads: list[str], columns: Sequence[str]) -> Callable[[str], dict[str, str]]:
    """What finds columns in a line, and raises ValueError. Raises WrongBill for heads without one of them."""
    for column in columns:
        if heads.count(_head(column)) != 1:
            raise WrongBill(f"there is no column {column}, or more than one")
    places = {column: heads.index(_head(column)) for column in columns}
    times = [place for place, head in enumerate(heads) if head.endswith("时间")]
    title = heads.index(_TITLE) if _TITLE in heads else len(heads)
    remark = heads.index(_REMARK) if _REMARK in heads else len(heads)
    is_before_remark = max(places.values()) < remark

    def row(text: str) -> dict[str, str]:
        cells = [cell.strip() for cell in text.split(",")]
        surplus = len(cells) - len(heads)
        if surplus < 0:
            raise ValueError("columns are missing")
        # Commas of the title push to the right what follows it, those of the remark nothing that is wanted.
        for pushed in range(surplus, -1 if is_before_remark else surplus - 1, -1):
            shifted = [cells[place + pushed if place > title else place] for place in range(len(heads))]
            if all(_TIME.fullmatch(shifted[place]) for place in times):
                return {column: shifted[place] for column, place in places.items()}
        raise ValueError("it has no times in the columns of times")

    return row


def _head(text: str) -> str:
    return text.strip().translate(_NARROW)


# Lines


def _trade_line(row: Mapping[str, str]) -> _Counted[BillLine]:
    word = row["业务类型"]
    if word not in (_PAYMENT, _REFUND):
        raise ValueError("业务类型 is unknown")
    sign = 1 if word == _PAYMENT else -1
    amount, received = sign * _fen(row["订单金额（元）"]), sign * _fen(row["商家实收（元）"])
    if amount < 0 or received < 0:
        raise ValueError(f"{word} has the wrong sign")
    number, fee = _number(row["商户订单号"]), -_fen(row["服务费（元）"])
    line = BillLine(
        at=_moment(row["完成时间"]),
        number=number,
        trade_no=_number(row["支付宝交易号"], is_needed=True),
        request_no=_number(row["退款批次号/请求号"]) if word == _REFUND else None,
        amount=amount,
        fee=fee,
        is_final=True,
        reference=number,
        moves=sign * received - fee,
    )
    return line, word, received


def _fund_line(row: Mapping[str, str]) -> _Counted[FundLine]:
    came, went = _fen(row["收入金额（+元）"] or "0"), abs(_fen(row["支出金额（-元）"] or "0"))
    if came < 0 or (came and went):
        raise ValueError("money came and went")
    line = FundLine(
        at=_moment(row["发生时间"]),
        flow_no=_number(row["账务流水号"], is_needed=True),
        kind=row["业务类型"],
        amount=came - went,
        balance=_fen(row["账户余额（元）"]),
        provider_no=_number(row["业务流水号"]),
        reference=_number(row["商户订单号"]),
    )
    return line, _INCOME if came else _EXPENSE if went else "", came + went


def _fen(text: str) -> Fen:
    """Yuan, also negative, as fen. Not `from_yuan`: a day's total may be larger than any payment."""
    found = _AMOUNT.fullmatch(text)
    if not found:
        raise ValueError("an amount cannot be read")
    fen = int(found[2]) * 100 + int((found[3] or "").ljust(2, "0"))
    return -fen if found[1] else fen


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BEIJING).astimezone(UTC)


def _number(text: str, is_needed: bool = False) -> str:
    if not _NUMBER.fullmatch(text) or (is_needed and not text):
        raise ValueError("a number cannot be read")
    return text


def _damaged(error: Exception) -> WrongBill:
    return WrongBill(f"the archive is damaged ({type(error).__name__})", is_damaged=True)


_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, NotImplementedError)
_PAYMENT, _REFUND, _INCOME, _EXPENSE = "交易", "退款", "收入", "支出"
_TRADES = _Form(
    title="#支付宝业务明细查询",
    columns=(
        "支付宝交易号",
        "商户订单号",
        "业务类型",
        "完成时间",
        "订单金额（元）",
        "商家实收（元）",
        "退款批次号/请求号",
        "服务费（元）",
    ),
    line=_trade_line,
    totals={
        _PAYMENT: re.compile(r"#交易合计:([0-9]+)笔，商家实收共(-?[0-9.]+)元"),
        _REFUND: re.compile(r"#退款合计:([0-9]+)笔，商家实收退款共(-?[0-9.]+)元"),
    },
)
_FUNDS = _Form(
    title="#支付宝账务明细查询",
    columns=(
        "账务流水号",
        "业务流水号",
        "商户订单号",
        "发生时间",
        "收入金额（+元）",
        "支出金额（-元）",
        "账户余额（元）",
        "业务类型",
    ),
    line=_fund_line,
    totals={
        _EXPENSE: re.compile(r"#支出合计:([0-9]+)笔，共(-?[0-9.]+)元"),
        _INCOME: re.compile(r"#收入合计:([0-9]+)笔，共(-?[0-9.]+)元"),
    },
)
