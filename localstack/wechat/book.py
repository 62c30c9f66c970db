"""The life of a trade, kept in SQLite: each change and the notice that tells of it are one transaction.

Rules (WeChat Pay's documents): an order is a trade at once; one number is for one way to pay; an expired trade cannot
be paid and stays unpaid until the merchant closes it; the same refund number is refunded once; a refund is under way
first, and comes to its end by itself.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from localstack.provider.book import Clock, NoSuchTrade, NoticeBook, number, values
from localstack.wechat.bad_days import BAD_DAYS
from localstack.wechat.notices import payment_event, refund_event
from localstack.wechat.signing import Merchant
from localstack.wechat.trades import (
    ABNORMAL,
    BEIJING,
    CLOSED,
    NOTPAY,
    PROCESSING,
    REFUND,
    SUCCESS,
    OrderRequest,
    Refund,
    Refused,
    Trade,
    rfc3339,
)

MOST_REFUNDS = 50
REFUNDABLE_FOR = timedelta(days=365)
OPENID = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
"""The one WeChat user of the simulator."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS trade (
    out_trade_no TEXT PRIMARY KEY, token TEXT UNIQUE NOT NULL, trade_type TEXT NOT NULL, amount INTEGER NOT NULL,
    description TEXT NOT NULL, attach TEXT NOT NULL, notify_url TEXT NOT NULL, openid TEXT NOT NULL,
    asked_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, state TEXT NOT NULL, transaction_id TEXT UNIQUE,
    paid_at INTEGER, closed_at INTEGER, refunded INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS refund (
    out_trade_no TEXT NOT NULL, out_refund_no TEXT PRIMARY KEY, refund_id TEXT UNIQUE NOT NULL,
    amount INTEGER NOT NULL, reason TEXT NOT NULL, notify_url TEXT NOT NULL, created_at INTEGER NOT NULL,
    status TEXT NOT NULL, ended_at INTEGER);
CREATE TABLE IF NOT EXISTS refund_end (out_refund_no TEXT PRIMARY KEY, status TEXT NOT NULL, due_at INTEGER NOT NULL);
"""


class Book(NoticeBook):
    """All trades and notices of one merchant. Safe to use from many threads.

    ``refund_takes``: how long a refund is under way. The rest is as of `NoticeBook`.
    """

    def __init__(
        self,
        path: str | Path,
        merchant: Merchant,
        clock: Clock,
        retry_after: tuple[timedelta, ...],
        late_by: timedelta,
        refund_takes: timedelta,
    ) -> None:
        super().__init__(path, _SCHEMA, BAD_DAYS, clock, retry_after, late_by)
        self.merchant = merchant
        self.refund_takes = refund_takes

    # --- the buyer -----------------------------------------------------------------------------------------

    def pay(self, out_trade_no: str, openid: str = OPENID) -> Trade:
        """The buyer pays. Raises NoSuchTrade, and Refused: ORDERPAID, ORDER_CLOSED, INVALID_REQUEST (expired)."""
        with self._changing() as now:
            trade = self._find(out_trade_no)
            if trade.state == CLOSED:
                raise Refused("ORDER_CLOSED")
            if trade.state != NOTPAY:
                raise Refused("ORDERPAID")
            if now >= trade.expires_at:
                raise Refused("INVALID_REQUEST", "订单已过期")
            trade = self._set(
                out_trade_no,
                state=SUCCESS,
                transaction_id=_transaction_id(now),
                openid=trade.openid or openid,
                paid_at=number(now),
            )
            self._tell(trade, trade.notify_url, payment_event(trade, self.merchant), now)
            return trade

    # --- the merchant --------------------------------------------------------------------------------------

    def order(self, request: OrderRequest) -> Trade:
        """Order a payment; repeating it with the same content is fine. Raises Refused: ORDERPAID, ORDER_CLOSED,
        OUT_TRADE_NO_USED (by another way to pay), INVALID_REQUEST (other content).
        """
        with self._changing() as now:
            try:
                trade = self._find(request.out_trade_no)
            except NoSuchTrade:
                self._database.execute(
                    """INSERT INTO trade (out_trade_no, token, trade_type, amount, description, attach, notify_url,
                                          openid, asked_at, expires_at, state) VALUES (?,?,?,?,?,?,?,?,?,?,?)""",
                    (
                        request.out_trade_no,
                        secrets.token_urlsafe(12),
                        request.trade_type,
                        request.amount,
                        request.description,
                        request.attach,
                        request.notify_url,
                        request.openid,
                        number(now),
                        number(request.expires_at),
                        NOTPAY,
                    ),
                )
                return self._find(request.out_trade_no)
            if trade.state == CLOSED:
                raise Refused("ORDER_CLOSED")
            if trade.state != NOTPAY:
                raise Refused("ORDERPAID")
            if trade.trade_type != request.trade_type:
                raise Refused("OUT_TRADE_NO_USED")
            same = ("amount", "description", "attach", "notify_url", "openid")
            if any(getattr(trade, name) != getattr(request, name) for name in same):
                raise Refused("INVALID_REQUEST", "请求重入时，参数与首次请求时不一致")
            return trade

    def existing(self, out_trade_no: str) -> Trade:
        """A trade by the merchant's number. Raises Refused ORDER_NOT_EXIST."""
        try:
            return self.trade(out_trade_no)
        except NoSuchTrade:
            raise Refused("ORDER_NOT_EXIST") from None

    def close(self, out_trade_no: str) -> None:
        """Close an unpaid trade; closing it again is fine. Raises Refused: ORDER_NOT_EXIST, ORDERPAID."""
        with self._changing() as now:
            try:
                trade = self._find(out_trade_no)
            except NoSuchTrade:
                raise Refused("ORDER_NOT_EXIST") from None
            if trade.state in (SUCCESS, REFUND):
                raise Refused("ORDERPAID")
            if trade.state == NOTPAY:
                self._set(out_trade_no, state=CLOSED, closed_at=number(now))

    def refund(
        self,
        by: tuple[str, str],
        amount: int,
        total: int,
        out_refund_no: str,
        reason: str,
        notify_url: str,
        end: str | None = SUCCESS,
    ) -> tuple[Trade, Refund]:
        """Refund a trade, found ``by`` a column (``out_trade_no`` or ``transaction_id``) and its value.

        It is PROCESSING, and becomes ``end`` in a while; None leaves it so. Without ``notify_url`` it is told to the
        trade's own. Raises Refused: RESOURCE_NOT_EXISTS, INVALID_REQUEST.
        """
        with self._changing() as now:
            column, value = by
            assert column in ("out_trade_no", "transaction_id")
            row = self._database.execute(f"SELECT * FROM trade WHERE {column}=?", (value,)).fetchone()
            if not row:
                raise Refused("RESOURCE_NOT_EXISTS", "订单不存在")
            trade = Trade(**values(row))
            earlier = self._refund(out_refund_no)
            if earlier:
                if (earlier.out_trade_no, earlier.amount) != (trade.out_trade_no, amount):
                    raise Refused("INVALID_REQUEST", "商户退款单号重复，参数与原请求不一致")
                return trade, earlier
            if trade.state not in (SUCCESS, REFUND) or trade.paid_at is None:
                raise Refused("INVALID_REQUEST", "订单未支付")
            if total != trade.amount:
                raise Refused("INVALID_REQUEST", "订单金额不一致")
            if now > trade.paid_at + REFUNDABLE_FOR:
                raise Refused("INVALID_REQUEST", "订单已超过可退款期限")
            if amount > trade.refundable:
                raise Refused("INVALID_REQUEST", "退款金额超过可退金额")
            made = self._database.execute(
                "SELECT COUNT(*) FROM refund WHERE out_trade_no=?", (trade.out_trade_no,)
            ).fetchone()[0]
            if made >= MOST_REFUNDS:
                raise Refused("INVALID_REQUEST", "部分退款超过50次")
            self._database.execute(
                "INSERT INTO refund VALUES (?,?,?,?,?,?,?,?,NULL)",
                (
                    trade.out_trade_no,
                    out_refund_no,
                    _refund_id(now),
                    amount,
                    reason,
                    notify_url or trade.notify_url,
                    number(now),
                    PROCESSING,
                ),
            )
            if end is not None:
                self._database.execute(
                    "INSERT INTO refund_end VALUES (?,?,?)",
                    (out_refund_no, end, number(now + self.refund_takes)),
                )
            trade = self._set(trade.out_trade_no, state=REFUND, refunded=trade.refunded + amount)
            found = self._refund(out_refund_no)
            assert found
            return trade, found

    def end_refund(self, out_refund_no: str, status: str) -> Refund:
        """A refund comes to this end now: SUCCESS, CLOSED or ABNORMAL; an abnormal one may still come to another.
        Raises NoSuchTrade, and Refused INVALID_REQUEST when it is over.
        """
        with self._changing() as now:
            return self._ended(out_refund_no, status, now)

    def refund_state(self, out_refund_no: str) -> tuple[Trade, Refund]:
        """A refund and its trade. Raises Refused RESOURCE_NOT_EXISTS."""
        self.close_expired()
        with self._lock:
            refund = self._refund(out_refund_no)
            if refund is None:
                raise Refused("RESOURCE_NOT_EXISTS")
            return self._find(refund.out_trade_no), refund

    # --- looking -------------------------------------------------------------------------------------------

    def trade(self, out_trade_no: str) -> Trade:
        """A trade by the merchant's number. Raises NoSuchTrade."""
        with self._lock:
            return self._find(out_trade_no)

    def trade_at(self, token: str) -> Trade:
        """The trade that a code or page shows. Raises NoSuchTrade."""
        with self._lock:
            row = self._database.execute("SELECT * FROM trade WHERE token=?", (token,)).fetchone()
        if not row:
            raise NoSuchTrade(token)
        return Trade(**values(row))

    def trades(self, limit: int = 100) -> list[Trade]:
        """The latest trades, the newest first."""
        with self._lock:
            rows = self._database.execute(
                "SELECT * FROM trade ORDER BY asked_at DESC, rowid DESC LIMIT ?", (limit,)
            )
            return [Trade(**values(row)) for row in rows]

    def refunds(self, out_trade_no: str) -> list[Refund]:
        """The refunds of a trade, in the order in which they were asked for."""
        self.close_expired()
        with self._lock:
            rows = self._database.execute(
                "SELECT * FROM refund WHERE out_trade_no=? ORDER BY rowid", (out_trade_no,)
            )
            return [Refund(**values(row)) for row in rows]

    def moves(
        self, begin: datetime, end: datetime, *, made: bool = False
    ) -> list[tuple[datetime, Trade, Refund | None]]:
        """The payments made, and the refunds asked for, from ``begin`` to before ``end``, in their order. ``made``: the
        refunds that were made then, whenever they were asked for.
        """
        when = "ended_at" if made else "created_at"
        span = number(begin), number(end)
        self.close_expired()
        with self._lock:
            paid = [
                Trade(**values(row))
                for row in self._database.execute("SELECT * FROM trade WHERE paid_at>=? AND paid_at<?", span)
            ]
            back = [
                Refund(**values(row))
                for row in self._database.execute(
                    f"SELECT * FROM refund WHERE {when}>=? AND {when}<?",
                    span,
                )
            ]
            moves: list[tuple[datetime, Trade, Refund | None]] = [
                (trade.paid_at, trade, None) for trade in paid if trade.paid_at
            ]
            for refund in back:
                at = refund.ended_at if made else refund.created_at
                if at and (not made or refund.status == SUCCESS):
                    moves.append((at, self._find(refund.out_trade_no), refund))
        return sorted(moves, key=lambda move: move[0])

    def close_expired(self) -> None:
        """Bring every refund to its end whose time has come. No trade is closed by time."""
        with self._changing() as now:
            rows = self._database.execute(
                "SELECT * FROM refund_end WHERE due_at<=? ORDER BY due_at", (number(now),)
            ).fetchall()
            for row in rows:
                self._ended(row["out_refund_no"], row["status"], values(row)["due_at"])

    # --- inside a transaction ------------------------------------------------------------------------------

    def _ended(self, out_refund_no: str, status: str, now: datetime) -> Refund:
        refund = self._refund(out_refund_no)
        if refund is None:
            raise NoSuchTrade(out_refund_no)
        if refund.status not in (PROCESSING, ABNORMAL):
            raise Refused("INVALID_REQUEST", "退款已结束")
        self._database.execute("DELETE FROM refund_end WHERE out_refund_no=?", (out_refund_no,))
        self._database.execute(
            "UPDATE refund SET status=?, ended_at=? WHERE out_refund_no=?",
            (status, number(now), out_refund_no),
        )
        trade = self._find(refund.out_trade_no)
        if status == CLOSED:
            trade = self._set(trade.out_trade_no, refunded=trade.refunded - refund.amount)
        refund = self._refund(out_refund_no)
        assert refund
        self._tell(trade, refund.notify_url, refund_event(trade, refund, self.merchant), now)
        return refund

    def _tell(self, trade: Trade, url: str, event: dict[str, Any], now: datetime) -> None:
        self._add(_notify_id(), trade.out_trade_no, url, event | {"create_time": rfc3339(now)}, now)

    def _find(self, out_trade_no: str) -> Trade:
        row = self._database.execute("SELECT * FROM trade WHERE out_trade_no=?", (out_trade_no,)).fetchone()
        if not row:
            raise NoSuchTrade(out_trade_no)
        return Trade(**values(row))

    def _set(self, out_trade_no: str, **changed: Any) -> Trade:
        assignments = ", ".join(f"{name}=?" for name in changed)
        self._database.execute(
            f"UPDATE trade SET {assignments} WHERE out_trade_no=?", (*changed.values(), out_trade_no)
        )
        return self._find(out_trade_no)

    def _refund(self, out_refund_no: str) -> Refund | None:
        row = self._database.execute(
            "SELECT * FROM refund WHERE out_refund_no=?", (out_refund_no,)
        ).fetchone()
        return Refund(**values(row)) if row else None


def _digits(count: int) -> str:
    return "".join(secrets.choice("0123456789") for _ in range(count))


def _transaction_id(now: datetime) -> str:
    """28 digits, with the day in Beijing as WeChat Pay's have."""
    return "4200" + _digits(6) + now.astimezone(BEIJING).strftime("%Y%m%d") + _digits(10)


def _refund_id(now: datetime) -> str:
    return "5030" + _digits(7) + now.astimezone(BEIJING).strftime("%Y%m%d") + _digits(10)


def _notify_id() -> str:
    return str(uuid.uuid4())
