"""The life of a trade, kept in SQLite: each change and the notice that tells of it are one transaction.

Rules (Alipay's documents): page pay only shows a code; the trade comes into being when the buyer scans it; an
unpaid trade closes at its expiry, an unscanned code just dies; a closed number is never used again; the same
refund number is refunded once.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from localstack.alipay.bad_days import Switch, Switches
from localstack.alipay.notices import Merchant, notice_fields
from localstack.alipay.trades import (
    BEIJING,
    TRADE_CLOSED,
    TRADE_SUCCESS,
    WAIT_BUYER_PAY,
    Delivery,
    NoSuchTrade,
    Notice,
    PaymentRequest,
    Refund,
    Refused,
    Trade,
)

Clock = Callable[[], datetime]

SHORTEST_EXPIRY = timedelta(minutes=1)
LONGEST_EXPIRY = timedelta(days=15)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS trade (
    out_trade_no TEXT PRIMARY KEY, token TEXT UNIQUE NOT NULL, trade_no TEXT UNIQUE, status TEXT,
    amount INTEGER NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL, passback_params TEXT NOT NULL,
    notify_url TEXT NOT NULL, return_url TEXT NOT NULL, request_from_url TEXT NOT NULL,
    asked_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
    created_at INTEGER, paid_at INTEGER, closed_at INTEGER, refunded INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS refund (
    out_trade_no TEXT NOT NULL, out_request_no TEXT NOT NULL, amount INTEGER NOT NULL, total INTEGER NOT NULL,
    reason TEXT NOT NULL, refunded_at INTEGER NOT NULL, PRIMARY KEY (out_trade_no, out_request_no));
CREATE TABLE IF NOT EXISTS notice (
    notify_id TEXT PRIMARY KEY, out_trade_no TEXT NOT NULL, url TEXT NOT NULL, fields TEXT NOT NULL,
    created_at INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, next_at INTEGER,
    accepted INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS notice_next ON notice (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS notice_of_trade ON notice (out_trade_no);
CREATE TABLE IF NOT EXISTS delivery (
    notify_id TEXT NOT NULL, sent_at INTEGER NOT NULL, status INTEGER, answer TEXT NOT NULL,
    accepted INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS delivery_of_notice ON delivery (notify_id);
CREATE TABLE IF NOT EXISTS held_back (notify_id TEXT PRIMARY KEY, out_trade_no TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS switch (name TEXT PRIMARY KEY, is_on INTEGER NOT NULL);
"""
_TIMES = {"asked_at", "expires_at", "created_at", "paid_at", "closed_at", "refunded_at", "next_at", "sent_at"}


@dataclass(frozen=True)
class Due:
    """A notice claimed for one delivery."""

    notify_id: str
    url: str
    fields: dict[str, str]


class Book:
    """All trades and notices of one merchant. Safe to use from many threads.

    ``path`` is a file that survives restarts, or ``:memory:``. ``retry_after`` are the pauses between the
    deliveries of one notice, ``late_by`` is how late the first one is on a bad day.
    """

    def __init__(
        self,
        path: str | Path,
        merchant: Merchant,
        clock: Clock,
        retry_after: tuple[timedelta, ...],
        late_by: timedelta,
    ) -> None:
        self.merchant = merchant
        self.now = clock
        self._retry_after = retry_after
        self._late_by = late_by
        self._lock = threading.Lock()
        self._database = sqlite3.connect(str(path), check_same_thread=False, isolation_level=None)
        self._database.row_factory = sqlite3.Row
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(_SCHEMA + Switches.SCHEMA)
        self._switches = Switches(self._database)

    def close_file(self) -> None:
        """Close the file; the book cannot be used any more."""
        with self._lock:
            self._database.close()

    # --- the buyer -----------------------------------------------------------------------------------------

    def ask(self, request: PaymentRequest) -> Trade:
        """Page pay: show the code for a payment. Repeating it with the same amount and subject is fine.

        Raises Refused: ACQ.TRADE_HAS_SUCCESS, ACQ.TRADE_HAS_CLOSE, ACQ.CONTEXT_INCONSISTENT, and
        ACQ.INVALID_PARAMETER when a new expiry is not 1 minute to 15 days ahead.
        """
        with self._changing() as now:
            trade = self._known(request.out_trade_no, now)
            if trade and trade.status == TRADE_SUCCESS:
                raise Refused("ACQ.TRADE_HAS_SUCCESS")
            if trade and trade.status == TRADE_CLOSED:
                raise Refused("ACQ.TRADE_HAS_CLOSE")
            alive = trade is not None and now < trade.expires_at
            if trade and alive and (trade.amount, trade.subject) != (request.amount, request.subject):
                raise Refused("ACQ.CONTEXT_INCONSISTENT")
            expires_at = request.expires_at
            if trade and alive and (trade.status == WAIT_BUYER_PAY or request.relative_expiry):
                expires_at = trade.expires_at
            repeated = trade is not None and trade.expires_at == expires_at
            if not (repeated or request.relative_expiry):
                if not SHORTEST_EXPIRY <= expires_at - now <= LONGEST_EXPIRY:
                    raise Refused("ACQ.INVALID_PARAMETER", "time_expire")
            self._database.execute(
                """INSERT INTO trade (out_trade_no, token, amount, subject, body, passback_params, notify_url,
                                      return_url, request_from_url, asked_at, expires_at)
                   VALUES (?,?,?,?,?,?,?,?,?,?,?)
                   ON CONFLICT (out_trade_no) DO UPDATE SET
                   amount=excluded.amount, subject=excluded.subject, body=excluded.body,
                   passback_params=excluded.passback_params, notify_url=excluded.notify_url,
                   return_url=excluded.return_url, request_from_url=excluded.request_from_url,
                   expires_at=excluded.expires_at""",
                (
                    request.out_trade_no,
                    secrets.token_urlsafe(18),
                    request.amount,
                    request.subject,
                    request.body,
                    request.passback_params,
                    request.notify_url,
                    request.return_url,
                    request.request_from_url,
                    _number(now),
                    _number(expires_at),
                ),
            )
            return self._find(request.out_trade_no)

    def scan(self, out_trade_no: str) -> Trade:
        """The buyer scans the code or logs in: the trade comes into being. Scanning again changes nothing.

        Raises NoSuchTrade, and Refused QR_CODE_EXPIRED.
        """
        with self._changing() as now:
            return self._scanned(out_trade_no, now)

    def pay(self, out_trade_no: str) -> Trade:
        """The buyer pays (having scanned, if they had not yet).

        Raises NoSuchTrade, and Refused: QR_CODE_EXPIRED, ACQ.TRADE_HAS_SUCCESS, ACQ.TRADE_HAS_CLOSE.
        """
        with self._changing() as now:
            trade = self._scanned(out_trade_no, now)
            if trade.status == TRADE_SUCCESS:
                raise Refused("ACQ.TRADE_HAS_SUCCESS")
            if trade.status == TRADE_CLOSED:
                raise Refused("ACQ.TRADE_HAS_CLOSE")
            trade = self._set(out_trade_no, status=TRADE_SUCCESS, paid_at=_number(now))
            self._tell(trade, None, now)
            return trade

    def close_by_buyer(self, out_trade_no: str) -> Trade:
        """The buyer gives the payment up (having scanned, if they had not yet): the trade is closed.

        Raises NoSuchTrade, and Refused: QR_CODE_EXPIRED, ACQ.TRADE_STATUS_ERROR.
        """
        with self._changing() as now:
            return self._closed(self._scanned(out_trade_no, now), now)

    # --- the merchant --------------------------------------------------------------------------------------

    def existing(self, out_trade_no: str, trade_no: str) -> Trade:
        """A trade by either number, ``trade_no`` wins. Raises Refused ACQ.TRADE_NOT_EXIST before the scan."""
        with self._changing() as now:
            return self._existing(out_trade_no, trade_no, now)

    def close(self, out_trade_no: str, trade_no: str) -> Trade:
        """alipay.trade.close. Raises Refused: ACQ.TRADE_NOT_EXIST, ACQ.TRADE_STATUS_ERROR."""
        with self._changing() as now:
            return self._closed(self._existing(out_trade_no, trade_no, now), now)

    def refund(
        self, out_trade_no: str, trade_no: str, amount: int, out_request_no: str = "", reason: str = ""
    ) -> tuple[Trade, Refund, bool]:
        """alipay.trade.refund: the trade afterwards, the refund, and whether money moved now.

        Without a request number only the whole amount can be refunded, under the trade's own number.
        Raises Refused: ACQ.TRADE_NOT_EXIST, ACQ.TRADE_STATUS_ERROR (unpaid), ACQ.DISCORDANT_REPEAT_REQUEST,
        ACQ.TRADE_HAS_CLOSE, ACQ.REFUND_AMT_NOT_EQUAL_TOTAL, ACQ.REASON_TRADE_REFUND_FEE_ERR.
        """
        with self._changing() as now:
            trade = self._existing(out_trade_no, trade_no, now)
            earlier = self._refund(trade.out_trade_no, out_request_no or trade.out_trade_no)
            if earlier:
                if earlier.amount != amount:
                    raise Refused("ACQ.DISCORDANT_REPEAT_REQUEST")
                return trade, earlier, False
            if trade.status == WAIT_BUYER_PAY:
                raise Refused("ACQ.TRADE_STATUS_ERROR")
            if trade.status == TRADE_CLOSED:
                raise Refused("ACQ.TRADE_HAS_CLOSE")
            if not out_request_no and amount != trade.amount:
                raise Refused("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL")
            if amount > trade.refundable:
                raise Refused("ACQ.REASON_TRADE_REFUND_FEE_ERR")
            refund = Refund(
                trade.out_trade_no,
                out_request_no or trade.out_trade_no,
                amount,
                trade.refunded + amount,
                reason,
                now,
            )
            self._database.execute(
                "INSERT INTO refund VALUES (?,?,?,?,?,?)",
                (trade.out_trade_no, refund.out_request_no, amount, refund.total, reason, _number(now)),
            )
            changes: dict[str, Any] = {"refunded": refund.total}
            if refund.total == trade.amount:
                changes |= {"status": TRADE_CLOSED, "closed_at": _number(now)}
            trade = self._set(trade.out_trade_no, **changes)
            self._tell(trade, refund, now)
            return trade, refund, True

    def refund_state(self, out_trade_no: str, trade_no: str, request_no: str) -> tuple[Trade, Refund | None]:
        """alipay.trade.fastpay.refund.query. Raises Refused ACQ.TRADE_NOT_EXIST."""
        with self._changing() as now:
            trade = self._existing(out_trade_no, trade_no, now)
            return trade, self._refund(trade.out_trade_no, request_no)

    # --- looking -------------------------------------------------------------------------------------------

    def trade(self, out_trade_no: str) -> Trade:
        """A payment asked for under a number, scanned or not. Raises NoSuchTrade."""
        with self._changing() as now:
            trade = self._known(out_trade_no, now)
        if not trade:
            raise NoSuchTrade(out_trade_no)
        return trade

    def trade_at(self, token: str) -> Trade:
        """The payment that a cashier page shows. Raises NoSuchTrade."""
        with self._lock:
            row = self._database.execute("SELECT out_trade_no FROM trade WHERE token=?", (token,)).fetchone()
        if not row:
            raise NoSuchTrade(token)
        return self.trade(row["out_trade_no"])

    def trades(self, limit: int = 100) -> list[Trade]:
        """The latest payments asked for, the newest first."""
        self.close_expired()
        with self._lock:
            rows = self._database.execute(
                "SELECT * FROM trade ORDER BY asked_at DESC, rowid DESC LIMIT ?", (limit,)
            )
            return [Trade(**_values(row)) for row in rows]

    def refunds(self, out_trade_no: str) -> list[Refund]:
        """The refunds of a trade, in the order in which they were made."""
        with self._lock:
            rows = self._database.execute(
                "SELECT * FROM refund WHERE out_trade_no=? ORDER BY rowid", (out_trade_no,)
            )
            return [Refund(**_values(row)) for row in rows]

    def notices(self, out_trade_no: str | None = None) -> list[Notice]:
        """The notices of one trade (or of all) with their deliveries, in the order of the events."""
        with self._lock:
            rows = self._database.execute(
                "SELECT * FROM notice WHERE out_trade_no=? OR ? IS NULL ORDER BY rowid",
                (out_trade_no, out_trade_no),
            ).fetchall()
            return [self._notice(row) for row in rows]

    # --- telling the merchant ------------------------------------------------------------------------------

    @property
    def notifications_on(self) -> bool:
        """Whether notices are sent. Those that fall due while they are off wait until they are on again."""
        with self._lock:
            row = self._database.execute("SELECT is_on FROM switch WHERE name='notifications'").fetchone()
        return bool(row["is_on"]) if row else True

    def switch_notifications(self, on: bool) -> None:
        """Send notices, or stop sending them."""
        with self._changing():
            self._database.execute("INSERT OR REPLACE INTO switch VALUES ('notifications', ?)", (int(on),))

    def claim_due(self, early: bool = False) -> list[Due]:
        """Take every notice that is due (``early``: every one still open) for one delivery.

        The next attempt goes on the timetable here, before sending: a delivery that is cut short is repeated.
        """
        if not self.notifications_on:
            return []
        with self._changing() as now:
            rows = self._database.execute(
                "SELECT * FROM notice WHERE next_at IS NOT NULL AND (? OR next_at<=?) ORDER BY next_at",
                (early, _number(now)),
            ).fetchall()
            for row in rows:
                attempts = row["attempts"] + 1
                more = attempts <= len(self._retry_after)
                self._database.execute(
                    "UPDATE notice SET attempts=?, next_at=? WHERE notify_id=?",
                    (
                        attempts,
                        _number(now + self._retry_after[attempts - 1]) if more else None,
                        row["notify_id"],
                    ),
                )
        return [Due(row["notify_id"], row["url"], json.loads(row["fields"])) for row in rows]

    def record(self, notify_id: str, delivery: Delivery) -> None:
        """Record how a delivery went; an accepted notice is not sent again."""
        with self._changing() as now:
            self._database.execute(
                "INSERT INTO delivery VALUES (?,?,?,?,?)",
                (
                    notify_id,
                    _number(delivery.sent_at),
                    delivery.status,
                    delivery.answer,
                    int(delivery.accepted),
                ),
            )
            if delivery.accepted:
                self._database.execute(
                    "UPDATE notice SET accepted=1, next_at=NULL WHERE notify_id=?", (notify_id,)
                )
            self._let_older_follow(notify_id, now)

    def resend(self, notify_id: str) -> Notice:
        """Make a notice due now, even one that was accepted or given up. Raises NoSuchTrade."""
        with self._changing() as now:
            self._database.execute("UPDATE notice SET next_at=? WHERE notify_id=?", (_number(now), notify_id))
            row = self._database.execute("SELECT * FROM notice WHERE notify_id=?", (notify_id,)).fetchone()
            if not row:
                raise NoSuchTrade(notify_id)
            return self._notice(row)

    def fields_now(self, out_trade_no: str) -> dict[str, str]:
        """The fields of a new notice about the trade as it is now, for tests that send notices of their own.

        Raises NoSuchTrade, and Refused ACQ.TRADE_NOT_EXIST before the scan.
        """
        self.trade(out_trade_no)
        trade = self.existing(out_trade_no, "")
        refunds = self.refunds(out_trade_no)
        notify_id = _notify_id(self.now())
        return notice_fields(trade, refunds[-1] if refunds else None, notify_id, self.merchant)

    def close_expired(self) -> None:
        """Close every trade that was not paid in time."""
        with self._changing() as now:
            rows = self._database.execute(
                "SELECT out_trade_no FROM trade WHERE status=? AND expires_at<=?",
                (WAIT_BUYER_PAY, _number(now)),
            ).fetchall()
            for row in rows:
                self._known(row["out_trade_no"], now)

    # --- bad days ------------------------------------------------------------------------------------------

    def bad_days(self) -> dict[str, Switch]:
        """All switches that are on or used up, by name."""
        with self._lock:
            return self._switches.found()

    def switch_on(self, switch: Switch) -> None:
        """Turn a bad day on. Raises ValueError for impossible settings."""
        with self._changing():
            self._switches.turn_on(switch)

    def switch_off(self, name: str | None = None) -> None:
        """Turn a bad day, or all, off."""
        with self._changing():
            self._switches.turn_off(name)

    def strike(self, names: frozenset[str], out_trade_no: str, method: str = "") -> frozenset[str]:
        """Count and return those of these bad days that strike here and now."""
        with self._changing():
            return self._switches.strike(names, out_trade_no, method)

    # --- inside a transaction ------------------------------------------------------------------------------

    @contextmanager
    def _changing(self) -> Iterator[datetime]:
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self.now()
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def _find(self, out_trade_no: str) -> Trade:
        row = self._database.execute("SELECT * FROM trade WHERE out_trade_no=?", (out_trade_no,)).fetchone()
        if not row:
            raise NoSuchTrade(out_trade_no)
        return Trade(**_values(row))

    def _known(self, out_trade_no: str, now: datetime) -> Trade | None:
        """The trade as it is at this moment; an overdue one is closed first."""
        try:
            trade = self._find(out_trade_no)
        except NoSuchTrade:
            return None
        if trade.status == WAIT_BUYER_PAY and trade.expires_at <= now:
            trade = self._set(out_trade_no, status=TRADE_CLOSED, closed_at=_number(trade.expires_at))
            self._tell(trade, None, now)
        return trade

    def _existing(self, out_trade_no: str, trade_no: str, now: datetime) -> Trade:
        if trade_no:
            row = self._database.execute(
                "SELECT out_trade_no FROM trade WHERE trade_no=?", (trade_no,)
            ).fetchone()
            out_trade_no = row["out_trade_no"] if row else ""
        trade = self._known(out_trade_no, now)
        if not trade or not trade.status:
            raise Refused("ACQ.TRADE_NOT_EXIST")
        return trade

    def _scanned(self, out_trade_no: str, now: datetime) -> Trade:
        trade = self._known(out_trade_no, now)
        if not trade:
            raise NoSuchTrade(out_trade_no)
        if trade.status:
            return trade
        if trade.expires_at <= now:
            raise Refused("QR_CODE_EXPIRED")
        trade = self._set(
            out_trade_no, status=WAIT_BUYER_PAY, trade_no=_trade_no(now), created_at=_number(now)
        )
        self._tell(trade, None, now)
        return trade

    def _closed(self, trade: Trade, now: datetime) -> Trade:
        if trade.status != WAIT_BUYER_PAY:
            raise Refused("ACQ.TRADE_STATUS_ERROR")
        trade = self._set(trade.out_trade_no, status=TRADE_CLOSED, closed_at=_number(now))
        self._tell(trade, None, now)
        return trade

    def _set(self, out_trade_no: str, **values: Any) -> Trade:
        assignments = ", ".join(f"{name}=?" for name in values)
        self._database.execute(
            f"UPDATE trade SET {assignments} WHERE out_trade_no=?", (*values.values(), out_trade_no)
        )
        return self._find(out_trade_no)

    def _refund(self, out_trade_no: str, out_request_no: str) -> Refund | None:
        row = self._database.execute(
            "SELECT * FROM refund WHERE out_trade_no=? AND out_request_no=?", (out_trade_no, out_request_no)
        ).fetchone()
        return Refund(**_values(row)) if row else None

    def _notice(self, row: sqlite3.Row) -> Notice:
        deliveries = self._database.execute(
            "SELECT sent_at, status, answer, accepted FROM delivery WHERE notify_id=? ORDER BY rowid",
            (row["notify_id"],),
        )
        values = _values(row) | {
            "fields": json.loads(row["fields"]),
            "deliveries": tuple(Delivery(**_values(delivery)) for delivery in deliveries),
        }
        return Notice(**values)

    def _tell(self, trade: Trade, refund: Refund | None, now: datetime) -> None:
        if not trade.notify_url or not (refund or trade.status in self.merchant.notify_on):
            return
        notify_id = _notify_id(now)
        fields = notice_fields(trade, refund, notify_id, self.merchant)
        self._database.execute(
            """INSERT INTO notice (notify_id, out_trade_no, url, fields, created_at, next_at)
               VALUES (?,?,?,?,?,?)""",
            (
                notify_id,
                trade.out_trade_no,
                trade.notify_url,
                json.dumps(fields, ensure_ascii=False),
                _number(now),
                _number(self._first_delivery(notify_id, trade.out_trade_no, now)),
            ),
        )

    def _first_delivery(self, notify_id: str, out_trade_no: str, now: datetime) -> datetime:
        """When a new notice leaves: at once, but for bad days."""
        if self._switches.strike(frozenset({"notice_late"}), out_trade_no):
            return now + self._late_by
        if self._held_back(out_trade_no):
            return now  # it is the one that the other waits for
        if self._switches.strike(frozenset({"notice_reordered"}), out_trade_no):
            self._database.execute("INSERT INTO held_back VALUES (?,?)", (notify_id, out_trade_no))
            return now + self._late_by
        return now

    def _held_back(self, out_trade_no: str) -> str:
        row = self._database.execute(
            "SELECT notify_id FROM held_back WHERE out_trade_no=?", (out_trade_no,)
        ).fetchone()
        return row["notify_id"] if row else ""

    def _let_older_follow(self, notify_id: str, now: datetime) -> None:
        """After a delivery, send the notices held back until the next one of their trade."""
        row = self._database.execute(
            "SELECT out_trade_no FROM notice WHERE notify_id=?", (notify_id,)
        ).fetchone()
        held_back = self._held_back(row["out_trade_no"])
        if held_back:
            self._database.execute("DELETE FROM held_back WHERE notify_id=?", (held_back,))
        if held_back and held_back != notify_id:
            self._database.execute(
                "UPDATE notice SET next_at=? WHERE notify_id=? AND next_at IS NOT NULL",
                (_number(now), held_back),
            )


def _number(moment: datetime) -> int:
    """A moment as whole milliseconds."""
    return round(moment.timestamp() * 1000)


def _values(row: sqlite3.Row) -> dict[str, Any]:
    values: dict[str, Any] = dict(row)
    for name in _TIMES & values.keys():
        if values[name] is not None:
            values[name] = datetime.fromtimestamp(values[name] / 1000, UTC)
    if "accepted" in values:
        values["accepted"] = bool(values["accepted"])
    return values


def _digits(count: int) -> str:
    return "".join(secrets.choice("0123456789") for _ in range(count))


def _trade_no(now: datetime) -> str:
    """28 digits, beginning with the day in Beijing as Alipay's do."""
    return now.astimezone(BEIJING).strftime("%Y%m%d") + "22001" + _digits(15)


def _notify_id(now: datetime) -> str:
    return now.astimezone(BEIJING).strftime("%Y%m%d") + "00222" + _digits(21)
