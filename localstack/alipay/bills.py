"""Bills of a day: the address that ``alipay.data.dataservice.bill.downloadurl.query`` gives, and what lies behind it.
Whatever a bad day does to a bill is done here.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode

from localstack.alipay import bill_files
from localstack.alipay.bad_days import BILL, BILL_CONTENT, OTHER_ORDER, OTHER_SELLER_ID, OTHER_TRADE_NO
from localstack.alipay.bill_files import FUND, TRADE, Line, Sheet, lines_of
from localstack.alipay.book import Book
from localstack.alipay.trades import BEIJING, Refused

DOWNLOAD = "/downloadBillFile.resource"
ADDRESS_LIVES = timedelta(seconds=30)
READY_AFTER = timedelta(hours=9)
"""How long after its day a bill is ready: at nine in the morning."""
ONE_DAY = timedelta(days=1)
ELSEWHERE = "http://bills.invalid"
DRAWING_NO = "20200101000030010001990000000000"
"""The number of money that was drawn to the merchant's bank."""

_NEVER = datetime(2000, 1, 1, tzinfo=UTC)
"""Before everything in the book."""

Spoils = dict[str, str]
"""The bad days that struck a bill, each with the order whose line it spoils, "" for the first line's."""


class Offer(NamedTuple):
    """A bill for which an address was given; None is an address that leads to a page."""

    bill: bytes | None
    until: datetime


@dataclass(frozen=True)
class _Day:
    """A day in Beijing."""

    day: date

    @property
    def start(self) -> datetime:
        return datetime.combine(self.day, time(), BEIJING)

    @property
    def end(self) -> datetime:
        return self.start + ONE_DAY


class Bills:
    """The bills of a book. ``origin`` tells where this site is. Safe to use from many threads."""

    def __init__(self, book: Book, origin: Callable[[], str]) -> None:
        self._book = book
        self._origin = origin
        self._lock = threading.Lock()
        self._offers: dict[str, Offer] = {}

    def offer(self, bill_type: str, bill_date: str) -> dict[str, str]:
        """The answer to the query for a day's bill. Raises Refused.

        isv.invalid_arguments for an unknown type, another form of date and a day that is not over;
        isp.bill_not_exist before nine the next morning; NO_BILL_DATA for a day without business.
        """
        day, now = _day(bill_date), self._book.now()
        if bill_type not in (TRADE, FUND):
            raise Refused("isv.invalid_arguments", "bill_type")
        if now < day.end:
            raise Refused("isv.invalid_arguments", "bill_date")
        if now < day.end + READY_AFTER:
            raise Refused("isp.bill_not_exist")
        numbers = {one.trade.out_trade_no for one in self._book.movements(day.start, day.end)}
        spoils = self._book.strike_bill(BILL_CONTENT, numbers, f"{BILL}/{bill_type}")
        if "bill_missing" in spoils:
            raise Refused("isp.bill_not_exist")
        if not numbers and "bill_line_added" not in spoils:
            raise Refused("NO_BILL_DATA")
        answer = {"bill_download_url": self._address(bill_type, day, spoils)}
        if "bill_empty" in spoils:
            answer["bill_file_code"] = "EMPTY_DATA_WITH_BILL_FILE"
        return answer

    def download(self, query: str) -> bytes | None:
        """What lies behind an address; None when it was never given, has died, or leads to a page."""
        token = parse_qs(query).get("token", [""])[0]
        with self._lock:
            offer = self._offers.get(token)
        return offer.bill if offer and self._book.now() < offer.until else None

    def _address(self, bill_type: str, day: _Day, spoils: Spoils) -> str:
        now, token = self._book.now(), secrets.token_hex(16)
        bill = None if "bill_page" in spoils else self._bill(bill_type, day, spoils)
        until = now if "bill_expired" in spoils else now + ADDRESS_LIVES
        with self._lock:
            self._offers = {name: offer for name, offer in self._offers.items() if now < offer.until}
            self._offers[token] = Offer(bill, until)
        account, name = self._account(spoils), f"{day.day:%Y%m%d}"
        fields = {
            "bizType": bill_type,
            "userId": account,
            "fileType": "csv.zip",
            "bizDates": name,
            "downloadFileName": f"{account}_{name}.csv.zip",
            "fileId": f"/{bill_type}/{account}/{name}.csv.zip",
            "timestamp": str(int(now.timestamp())),
            "token": token,
        }
        origin = ELSEWHERE if "bill_elsewhere" in spoils else self._origin()
        return f"{origin}{DOWNLOAD}?{urlencode(fields)}"

    def _account(self, spoils: Spoils) -> str:
        """The number of the merchant's account: its id and 0156."""
        seller = OTHER_SELLER_ID if "bill_of_another_seller" in spoils else self._book.merchant.seller_id
        return f"{seller}0156"

    def _bill(self, bill_type: str, day: _Day, spoils: Spoils) -> bytes:
        if "bill_bomb" in spoils:
            return bill_files.bomb()
        if "bill_of_another_day" in spoils:
            day = _Day(day.day - ONE_DAY)
        lines = lines_of(bill_type, self._book.movements(day.start, day.end))
        sheet = Sheet(
            bill_type=bill_type,
            account=self._account(spoils),
            day=day.day,
            lines=[] if "bill_empty" in spoils else _spoiled(lines, day, spoils),
            balance=sum(one.amount + one.fee for one in self._book.movements(_NEVER, day.start)),
            exported_at=day.end + READY_AFTER,
            totals_off=int("bill_totals_wrong" in spoils),
        )
        bill = bill_files.archive(sheet)
        if "bill_cut" in spoils:
            return bill[: len(bill) // 2]
        if "bill_garbled" in spoils:
            # Behind the first file's header and name: inside its lines.
            return bill[:200] + bytes(byte ^ 0x55 for byte in bill[200:240]) + bill[240:]
        return bill


def _day(bill_date: str) -> _Day:
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", bill_date):
            raise ValueError(bill_date)
        day = date.fromisoformat(bill_date)
    except ValueError:
        raise Refused("isv.invalid_arguments", "bill_date") from None
    # Alipay's first bill, and the last day that has a next one.
    if not date(2016, 1, 1) <= day < date.max:
        raise Refused("isv.invalid_arguments", "bill_date")
    return _Day(day)


def _spoiled(lines: list[Line], day: _Day, spoils: Spoils) -> list[Line]:
    """The lines after all that struck them."""
    if "bill_amount_off" in spoils and (at := _target(lines, spoils["bill_amount_off"])) is not None:
        lines = [*lines[:at], replace(lines[at], amount=lines[at].amount + 1), *lines[at + 1 :]]
    if "bill_line_missing" in spoils and (at := _target(lines, spoils["bill_line_missing"])) is not None:
        lines = lines[:at] + lines[at + 1 :]
    if "bill_line_added" in spoils:
        noon = day.start + ONE_DAY / 2
        number = spoils["bill_line_added"] or OTHER_ORDER
        lines = [*lines, Line("交易", OTHER_TRADE_NO, number, "", "课程", noon, noon, 1)]
    if "bill_money_drawn" in spoils:
        noon = day.start + ONE_DAY / 2
        lines = [*lines, Line("提现", DRAWING_NO, "", "", "提现", noon, noon, -1)]
    return lines


def _target(lines: list[Line], out_trade_no: str) -> int | None:
    """The place of the first payment or refund of this order, or of any."""
    return next(
        (
            at
            for at, line in enumerate(lines)
            if out_trade_no in ("", line.out_trade_no) and line.word in ("交易", "退款")
        ),
        None,
    )
