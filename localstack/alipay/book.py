"""The life of a trade, kept in SQLite: each change and the notice that tells of it are one transaction.

Rules (Alipay's documents): page pay only shows a code; the trade comes into being when the buyer scans it; an
unpaid trade closes at its expiry, an unscanned code just dies; a closed number is never used again; the same
refund number is refunded once.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from localstack.alipay.bad_days import BAD_DAYS
from localstack.alipay.notices import Merchant, notice_fields
from localstack.alipay.trades import (
    BEIJING,
    TRADE_CLOSED,
    TRADE_SUCCESS,
    WAIT_BUYER_PAY,
    Movement,
    PaymentRequest,
    Refund,
    Refused,
    Trade,
)
from localstack.provider.book import Clock, NoSuchTrade, NoticeBook, number, values

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
"""


class Book(NoticeBook):
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
        super().__init__(path, _SCHEMA, BAD_DAYS, clock, retry_after, late_by)
        self.merchant = merchant

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
                    number(now),
                    number(expires_at),
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
            trade = self._set(out_trade_no, status=TRADE_SUCCESS, paid_at=number(now))
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
                (trade.out_trade_no, refund.out_request_no, amount, refund.total, reason, number(now)),
            )
            changes: dict[str, Any] = {"refunded": refund.total}
            if refund.total == trade.amount:
                changes |= {"status": TRADE_CLOSED, "closed_at": number(now)}
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
            return [Trade(**values(row)) for row in rows]

    def refunds(self, out_trade_no: str) -> list[Refund]:
        """The refunds of a trade, in the order in which they were made."""
        with self._lock:
            rows = self._database.execute(
                "SELECT * FROM refund WHERE out_trade_no=? ORDER BY rowid", (out_trade_no,)
            )
            return [Refund(**values(row)) for row in rows]

    def movements(self, start: datetime, end: datetime) -> list[Movement]:
        """The payments and refunds from one moment until before another, in the order in which they happened."""
        period = (number(start), number(end))
        with self._lock:
            paid = self._database.execute("SELECT * FROM trade WHERE paid_at>=? AND paid_at<?", period)
            payments = [Movement(Trade(**values(row))) for row in paid]
            refunded = self._database.execute(
                "SELECT * FROM refund WHERE refunded_at>=? AND refunded_at<? ORDER BY rowid", period
            )
            refunds = [Refund(**values(row)) for row in refunded]
            returned = [Movement(self._find(refund.out_trade_no), refund) for refund in refunds]
        return sorted(payments + returned, key=lambda movement: movement.at)

    # --- telling the merchant ------------------------------------------------------------------------------

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
                (WAIT_BUYER_PAY, number(now)),
            ).fetchall()
            for row in rows:
                self._known(row["out_trade_no"], now)

    def strike_bill(
        self, names: frozenset[str], out_trade_nos: Collection[str], method: str
    ) -> dict[str, str]:
        """Count those of these bad days that strike a bill about these orders; each with its order, "" for any."""
        with self._changing():
            return {
                name: switch.out_trade_no
                for name, switch in self._switches.found().items()
                if switch.out_trade_no in ("", *out_trade_nos)
                and self._switches.strike(names & {name}, switch.out_trade_no, method)
            }

    # --- inside a transaction ------------------------------------------------------------------------------

    def _find(self, out_trade_no: str) -> Trade:
        row = self._database.execute("SELECT * FROM trade WHERE out_trade_no=?", (out_trade_no,)).fetchone()
        if not row:
            raise NoSuchTrade(out_trade_no)
        return Trade(**values(row))

    def _known(self, out_trade_no: str, now: datetime) -> Trade | None:
        """The trade as it is at this moment; an overdue one is closed first."""
        try:
            trade = self._find(out_trade_no)
        except NoSuchTrade:
            return None
        if trade.status == WAIT_BUYER_PAY and trade.expires_at <= now:
            trade = self._set(out_trade_no, status=TRADE_CLOSED, closed_at=number(trade.expires_at))
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
            out_trade_no, status=WAIT_BUYER_PAY, trade_no=_trade_no(now), created_at=number(now)
        )
        self._tell(trade, None, now)
        return trade

    def _closed(self, trade: Trade, now: datetime) -> Trade:
        if trade.status != WAIT_BUYER_PAY:
            raise Refused("ACQ.TRADE_STATUS_ERROR")
        trade = self._set(trade.out_trade_no, status=TRADE_CLOSED, closed_at=number(now))
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
        return Refund(**values(row)) if row else None

    def _tell(self, trade: Trade, refund: Refund | None, now: datetime) -> None:
        if not trade.notify_url or not (refund or trade.status in self.merchant.notify_on):
            return
        notify_id = _notify_id(now)
        fields = notice_fields(trade, refund, notify_id, self.merchant)
        self._add(notify_id, trade.out_trade_no, trade.notify_url, fields, now)


def _digits(count: int) -> str:
    return "".join(secrets.choice("0123456789") for _ in range(count))


def _trade_no(now: datetime) -> str:
    """28 digits, beginning with the day in Beijing as Alipay's do."""
    return now.astimezone(BEIJING).strftime("%Y%m%d") + "22001" + _digits(15)


def _notify_id(now: datetime) -> str:
    return now.astimezone(BEIJING).strftime("%Y%m%d") + "00222" + _digits(21)
