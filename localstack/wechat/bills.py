"""The bills of a day: each field behind a backtick, and at the end a title and one line of sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from localstack.wechat.signing import Merchant
from localstack.wechat.trades import CLOSED, NATIVE, PROCESSING, SUCCESS, Refund, Trade, beijing, yuan

Move = tuple[datetime, Trade, Refund | None]
"""A payment, or a refund of it, and when."""

_RATE = Decimal("0.006")
_TRADE_TITLE = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注"
)
_TRADE_SUMS = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
_FUND_TITLE = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,"
    "备注,业务凭证号"
)
_FUND_SUMS = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"
_REFUND_STATES = {CLOSED: "FAIL", "ABNORMAL": "CHANGE"}


def spoiled(moves: Sequence[Move], struck: frozenset[str]) -> list[Move]:
    """The moves of a day as a bad day writes them down."""
    moves = list(moves)
    if "bill_line_missing" in struck:
        moves = moves[1:]
    first = next((i for i, (_, _, refund) in enumerate(moves) if refund is None), None)
    if "bill_one_fen" in struck and first is not None:
        at, trade, _ = moves[first]
        moves[first] = at, replace(trade, amount=trade.amount + 1), None
    if "bill_line_too_many" in struck and first is not None:
        at, trade, _ = moves[first]
        stranger = replace(
            trade,
            out_trade_no="20200101000000000SOMEBODYN",
            transaction_id="4299999999202001019999999999",
            trade_type=NATIVE,
        )
        moves.append((at, stranger, None))
    return moves


def trade_bill(moves: Sequence[Move], merchant: Merchant, made_at: datetime) -> str:
    """The bill of trades, with the state that each refund had when it was made."""
    rows: list[list[str]] = []
    paid = back = fees = 0
    for at, trade, refund in moves:
        fee = _fee(trade.amount) if refund is None else -_fee(refund.amount)
        fees += fee
        paid += trade.amount if refund is None else 0
        back += refund.amount if refund else 0
        rows.append(
            [
                beijing(at),
                merchant.app_id,
                merchant.merchant_id,
                "0",
                "",
                trade.transaction_id or "",
                trade.out_trade_no,
                trade.openid,
                trade.trade_type,
                "REFUND" if refund else SUCCESS,
                "OTHERS",
                "CNY",
                yuan(0 if refund else trade.amount),
                "0.00",
                refund.refund_id if refund else "0",
                refund.out_refund_no if refund else "0",
                yuan(refund.amount if refund else 0),
                "0.00",
                "ORIGINAL" if refund else "",
                _state(refund, made_at) if refund else "",
                trade.description,
                trade.attach,
                f"{yuan(fee)}000",
                "0.60%",
                yuan(0 if refund else trade.amount),
                yuan(refund.amount if refund else 0),
                "",
            ]
        )
    sums = [str(len(rows)), yuan(paid), yuan(back), "0.00", f"{yuan(fees)}000", yuan(paid), yuan(back)]
    return _table(_TRADE_TITLE, rows, _TRADE_SUMS, sums)


def fund_bill(moves: Sequence[Move], merchant: Merchant, balance: int, *, drawn: bool = False) -> str:
    """The bill of the account, which held ``balance`` fen before; at the end of the day ``drawn`` of all it holds."""
    rows: list[list[str]] = []
    into: list[int] = []
    out: list[int] = []
    for at, trade, refund in moves:
        steps = (
            [("交易", trade.amount), ("扣除交易手续费", -_fee(trade.amount))]
            if refund is None
            else [("退款", _fee(refund.amount) - refund.amount)]
        )
        for kind, amount in steps:
            if not amount:
                continue
            balance += amount
            (into if amount > 0 else out).append(abs(amount))
            flow_no = f"{trade.transaction_id or ''}{len(rows):04d}"
            rows.append(
                [
                    beijing(at),
                    refund.refund_id if refund else trade.transaction_id or "",
                    flow_no,
                    "退款" if refund else "交易",
                    kind,
                    "收入" if amount > 0 else "支出",
                    yuan(abs(amount)),
                    yuan(balance),
                    f"{merchant.merchant_id}API" if refund else "system",
                    f"退款总金额{yuan(refund.amount)}元;含手续费{yuan(_fee(refund.amount))}元"
                    if refund
                    else "",
                    refund.out_refund_no if refund else trade.out_trade_no,
                ]
            )
    if drawn and moves:
        out.append(balance)
        voucher = f"{merchant.merchant_id}{len(rows):04d}"
        fields = [voucher, voucher, "提现", "提现", "支出", yuan(balance), "0.00", "system", "", voucher]
        rows.append([beijing(moves[-1][0]), *fields])
    sums = [str(len(rows)), str(len(into)), yuan(sum(into)), str(len(out)), yuan(sum(out))]
    return _table(_FUND_TITLE, rows, _FUND_SUMS, sums)


def balance_after(moves: Sequence[Move]) -> int:
    """What the account holds after these moves, in fen."""
    held = 0
    for _, trade, refund in moves:
        if refund is None:
            held += trade.amount - _fee(trade.amount)
        else:
            held -= refund.amount - _fee(refund.amount)
    return held


def _state(refund: Refund, at: datetime) -> str:
    """A refund's state as it was at a time, in the words of a bill."""
    status = PROCESSING if refund.ended_at and refund.ended_at > at else refund.status
    return _REFUND_STATES.get(status, status)


def _fee(amount: int) -> int:
    return int((amount * _RATE).quantize(Decimal(1), ROUND_HALF_UP))


def _table(title: str, rows: list[list[str]], sums_title: str, sums: list[str]) -> str:
    lines = [title, *(_row(row) for row in rows), sums_title, _row(sums)]
    return "".join(f"{line}\r\n" for line in lines)


def _row(fields: list[str]) -> str:
    return ",".join(f"`{field}" for field in fields)
