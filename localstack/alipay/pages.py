"""The simulator's HTML: the cashier for buyers, the list of trades for people.

Chinese, each page complete in itself: no outside resources.
"""

from __future__ import annotations

from datetime import datetime
from html import escape
from urllib.parse import quote

from localstack.alipay.bad_days import BAD_DAYS
from localstack.alipay.trades import TRADE_CLOSED, TRADE_SUCCESS, WAIT_BUYER_PAY, Refund, Trade, beijing, yuan
from localstack.provider.bad_days import Switch
from localstack.provider.book import Notice
from localstack.provider.pages import (
    COUNTDOWN,
    bad_day_switches,
    banner,
    button,
    listed_facts,
    listed_notice,
    notice_state,
    notices_switch,
    whole_page,
)

_STATES = {
    None: ("未扫码", ""),
    WAIT_BUYER_PAY: ("等待付款", "wait"),
    TRADE_SUCCESS: ("支付成功", "good"),
    TRADE_CLOSED: ("交易关闭", ""),
}


def cashier(trade: Trade, now: datetime, back: str) -> str:
    """The buyer's page. ``back`` is where they go without paying; "" shows no such button."""
    expired = trade.expires_at <= now
    paid = trade.paid_at is not None
    open_to_pay = not paid and trade.status in (None, WAIT_BUYER_PAY) and not expired
    if open_to_pay:
        left = int((trade.expires_at - now).total_seconds())
        state = (
            f'剩余付款时间 <strong id="left" data-seconds="{left}">{left // 60:02d}:{left % 60:02d}</strong>'
        )
    elif trade.status == TRADE_SUCCESS:
        state = "支付成功" + (f"，已退款 ¥{yuan(trade.refunded)}" if trade.refunded else "")
    elif paid:
        state = "已全额退款，交易关闭"
    elif trade.status == TRADE_CLOSED:
        state = "交易已关闭，无法付款"
    else:
        state = "二维码已过期，请返回商户重新下单"

    buttons = []
    if open_to_pay:
        address = f"/cashier/{quote(trade.token)}"
        buttons.append(button(f"{address}/pay", "确认付款", "main"))
        if trade.status is None:
            buttons.append(button(f"{address}/scan", "只扫码登录，先不付款"))
        close = button(f"{address}/close", "关闭交易")
        buttons.append(f'<div class="pair">{close}{_link(back)}</div>' if back else close)
    elif back:
        buttons.append(_link(back))

    facts = [
        ("商品", trade.subject),
        ("商户订单号", trade.out_trade_no),
        ("支付宝交易号", trade.trade_no or "扫码登录后生成"),
        ("失效时间", f"{beijing(trade.expires_at)}（北京时间）"),
    ]
    return _page(
        "模拟收银台",
        f"""<main class="narrow">
<p class="warning">这是本地的支付宝<strong>模拟收银台</strong>，不会产生任何真实付款。</p>
<section class="card">
<h1 class="label">付款金额</h1>
<p class="amount"><small>¥</small>{yuan(trade.amount)}</p>
<p class="state" role="status">{state}</p>
{listed_facts(facts)}
<div class="buttons">{"".join(buttons)}</div>
</section></main><script>{COUNTDOWN}</script>""",
    )


def refusal(code: str, message: str) -> str:
    """The page that Alipay shows a buyer instead of the cashier."""
    return _page(
        "模拟收银台",
        f"""<main class="narrow"><section class="card"><h1>无法继续</h1>
<p>{escape(message)}</p><p class="small">错误码 <code>{escape(code)}</code></p></section></main>""",
    )


def overview(
    trades: list[tuple[Trade, list[Notice]]],
    now: datetime,
    notifications_on: bool,
    bad_days: dict[str, Switch],
) -> str:
    """All trades with the state of their notices, the switch for notices, and those of bad days."""
    rows = (
        "".join(_summary(trade, notices, now) for trade, notices in trades)
        or '<p class="small">还没有交易。</p>'
    )
    return _page(
        "交易列表",
        f"""<main>{banner(bad_days)}
{notices_switch(notifications_on, '<a class="button" href="/">刷新</a>')}
<section class="card"><h1>交易列表</h1>{rows}</section>{bad_day_switches("支付宝", BAD_DAYS, bad_days)}</main>""",
    )


def trade(
    trade: Trade, refunds: list[Refund], notices: list[Notice], now: datetime, bad_days: dict[str, Switch]
) -> str:
    """One trade: what a merchant's console and the log of notices would show."""
    facts = [
        ("商品", trade.subject),
        ("金额", f"¥{yuan(trade.amount)}"),
        ("支付宝交易号", trade.trade_no or "—"),
        ("创建", beijing(trade.created_at) if trade.created_at else "—"),
        ("付款", beijing(trade.paid_at) if trade.paid_at else "—"),
        ("关闭", beijing(trade.closed_at) if trade.closed_at else "—"),
        ("失效", beijing(trade.expires_at)),
        ("已退款", f"¥{yuan(trade.refunded)}"),
        ("通知地址", trade.notify_url or "—"),
        ("返回地址", trade.return_url or "—"),
    ]
    parts = [
        f"""<section class="card"><h1>{escape(trade.out_trade_no)} {_tag(trade, now)}</h1>{listed_facts(facts)}
<div class="row"><span></span>{_actions(trade, now)}</div></section>"""
    ]
    if trade.refundable or refunds:
        done = "".join(
            f"<li>{beijing(refund.refunded_at)} 退款 ¥{yuan(refund.amount)}，"
            f"请求号 {escape(refund.out_request_no)} {escape(refund.reason)}</li>"
            for refund in refunds
        )
        form = f"""<form class="refund" method="post" action="/trades/{quote(trade.out_trade_no)}/refund">
<label>金额（元）<input name="amount" inputmode="decimal" value="{yuan(trade.refundable)}"></label>
<label>原因<input class="wide" name="reason" maxlength="256"></label><button>退款</button></form>"""
        parts.append(
            f'<section class="card"><h2>商户后台退款</h2><ol>{done}</ol>'
            f"{form if trade.refundable else ''}</section>"
        )
    told = (
        "".join(listed_notice(notice, _told(notice)) for notice in notices)
        or '<p class="small">没有通知。</p>'
    )
    parts.append(f'<section class="card"><h2>异步通知</h2>{told}</section>')
    content = f'<main>{banner(bad_days)}<p><a href="/">← 交易列表</a></p>{"".join(parts)}</main>'
    return _page(f"交易 {trade.out_trade_no}", content)


def _summary(trade: Trade, notices: list[Notice], now: datetime) -> str:
    number = trade.out_trade_no
    return f"""<div class="trade"><p><a href="/trades/{quote(number)}">{escape(number)}</a>
{_tag(trade, now)} <b>¥{yuan(trade.amount)}</b></p>
<p class="small">{escape(trade.subject)} · {beijing(trade.asked_at)}</p>
{"".join(f'<p class="small">通知 {notice_state(notice, _told(notice))}</p>' for notice in notices)}
{_actions(trade, now)}</div>"""


def _told(notice: Notice) -> str:
    """The event of a notice."""
    fields = notice.fields
    refund = f"，累计退款 ¥{fields['refund_fee']}" if "refund_fee" in fields else ""
    return f"{fields['trade_status']}{refund}"


def _actions(trade: Trade, now: datetime) -> str:
    if trade.status not in (None, WAIT_BUYER_PAY) or trade.expires_at <= now:
        return ""
    address = f"/trades/{quote(trade.out_trade_no)}"
    return " ".join(
        [
            f'<a class="button" href="/cashier/{quote(trade.token)}">收银台</a>',
            button(f"{address}/pay", "付款", "main"),
            button(f"{address}/close", "关闭"),
        ]
    )


def _tag(trade: Trade, now: datetime) -> str:
    text, kind = _STATES[trade.status]
    if trade.status is None and trade.expires_at <= now:
        text = "二维码已过期"
    if trade.refunded:
        text = "已全额退款" if trade.status == TRADE_CLOSED else "部分退款"
    return f'<span class="tag {kind}">{text}</span>'


def _link(address: str) -> str:
    return f'<a class="button" href="{escape(address)}">返回商户</a>'


def _page(title: str, content: str) -> str:
    return whole_page("支付宝模拟器", title, content)
