"""The simulator's HTML: the cashier for buyers, the list of trades for people.

Chinese, each page complete in itself: no outside resources.
"""

from __future__ import annotations

from datetime import datetime
from html import escape
from pathlib import Path
from urllib.parse import quote

from localstack.alipay.bad_days import BAD_DAYS, BadDay, Switch
from localstack.alipay.trades import (
    TRADE_CLOSED,
    TRADE_SUCCESS,
    WAIT_BUYER_PAY,
    Notice,
    Refund,
    Trade,
    beijing,
    yuan,
)

_STYLE = Path(__file__).with_name("style.css").read_text(encoding="utf-8")

_COUNTDOWN = """
const left = document.getElementById("left");
if (left) {
  const end = Date.now() + Number(left.dataset.seconds) * 1000;
  const show = () => {
    const rest = Math.max(0, Math.ceil((end - Date.now()) / 1000));
    const two = (n) => String(n).padStart(2, "0");
    const days = Math.floor(rest / 86400), hours = Math.floor(rest % 86400 / 3600);
    left.textContent = (days ? days + " 天 " : "") + (days || hours ? two(hours) + ":" : "")
      + two(Math.floor(rest % 3600 / 60)) + ":" + two(rest % 60);
    if (rest === 0) setTimeout(() => location.reload(), 1000); else setTimeout(show, 250);
  };
  show();
}
"""

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
        buttons.append(_button(f"{address}/pay", "确认付款", "main"))
        if trade.status is None:
            buttons.append(_button(f"{address}/scan", "只扫码登录，先不付款"))
        close = _button(f"{address}/close", "关闭交易")
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
{_facts(facts)}
<div class="buttons">{"".join(buttons)}</div>
</section></main><script>{_COUNTDOWN}</script>""",
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
    switch = (
        _button("/notifications", "暂停发送通知", fields={"on": "0"})
        if notifications_on
        else _button("/notifications", "恢复发送通知", "main", {"on": "1"})
    )
    said = "异步通知：正常发送" if notifications_on else '<strong class="tag bad">异步通知：已暂停</strong>'
    rows = (
        "".join(_summary(trade, notices, now) for trade, notices in trades)
        or '<p class="small">还没有交易。</p>'
    )
    return _page(
        "交易列表",
        f"""<main>{_banner(bad_days)}
<section class="card row"><span>{said}</span>{switch}<a class="button" href="/">刷新</a></section>
<section class="card"><h1>交易列表</h1>{rows}</section>{_bad_days(bad_days)}</main>""",
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
        f"""<section class="card"><h1>{escape(trade.out_trade_no)} {_tag(trade, now)}</h1>{_facts(facts)}
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
    told = "".join(_notice(notice) for notice in notices) or '<p class="small">没有通知。</p>'
    parts.append(f'<section class="card"><h2>异步通知</h2>{told}</section>')
    content = f'<main>{_banner(bad_days)}<p><a href="/">← 交易列表</a></p>{"".join(parts)}</main>'
    return _page(f"交易 {trade.out_trade_no}", content)


def _summary(trade: Trade, notices: list[Notice], now: datetime) -> str:
    number = trade.out_trade_no
    return f"""<div class="trade"><p><a href="/trades/{quote(number)}">{escape(number)}</a>
{_tag(trade, now)} <b>¥{yuan(trade.amount)}</b></p>
<p class="small">{escape(trade.subject)} · {beijing(trade.asked_at)}</p>
{"".join(f'<p class="small">通知 {_state(notice)}</p>' for notice in notices)}{_actions(trade, now)}</div>"""


def _banner(bad_days: dict[str, Switch]) -> str:
    """The bad days that are on, and the way out; nothing on a good day."""
    on = [name for name, switch in bad_days.items() if switch.is_on]
    if not on:
        return ""
    listed = "、".join(f"<code>{escape(name)}</code>" for name in on)
    return f"""<div class="warning row" role="alert"><span>故障模拟已开启：{listed}</span>
{_button("/bad-days", "全部关闭", "main")}</div>"""


def _bad_days(bad_days: dict[str, Switch]) -> str:
    """The switches, notices and gateway apart."""
    groups = []
    for title, of_gateway in (("异步通知", False), ("网关应答", True)):
        rows = "".join(
            _bad_day(day, bad_days.get(day.name))
            for day in BAD_DAYS.values()
            if bool(day.methods) is of_gateway
        )
        groups.append(f"<section><h2>{title}</h2>{rows}</section>")
    is_open = " open" if bad_days else ""
    return f"""<details class="card" id="bad-days"{is_open}><summary>故障开关</summary>
<p class="small">让支付宝出错，看商城是否经得住。默认全部关闭；次数留空表示每次都发生。</p>
{"".join(groups)}</details>"""


def _bad_day(day: BadDay, switch: Switch | None) -> str:
    address = f"/bad-days/{day.name}"
    if switch and switch.is_on:
        times = "每次" if switch.times_left is None else f"还有 {switch.times_left} 次"
        where = [text for text in (switch.method, switch.out_trade_no) if text]
        said = escape(" · ".join(["已开启", times, *where, f"已发生 {switch.struck} 次"]))
        control = f"""<span class="tag bad">{said}</span> {_button(address, "关闭", fields={"on": "0"})}"""
    else:
        used_up = f'<span class="tag">已发生 {switch.struck} 次，用完</span> ' if switch else ""
        methods = ""
        if len(day.methods) > 1:
            options = "".join(f'<option value="{name}">{name}</option>' for name in day.methods)
            methods = f'<select name="method" aria-label="接口"><option value="">所有接口</option>{options}</select>'
        control = f"""{used_up}<form class="row" method="post" action="{address}">
<input type="hidden" name="on" value="1">{methods}<input class="times" name="times" type="number" min="1"
max="1000000" placeholder="每次" aria-label="次数"><button>开启</button></form>"""
    return f"""<div class="trade bad-day"><p>{escape(day.explanation)}<br>
<code>{day.name}</code></p><div>{control}</div></div>"""


def _notice(notice: Notice) -> str:
    deliveries = "".join(
        f"<li>{beijing(delivery.sent_at)} → {delivery.status or '无应答'} "
        f"<code>{escape(delivery.answer)}</code></li>"
        for delivery in notice.deliveries
    )
    resend = _button(f"/notices/{quote(notice.notify_id)}/resend", "重发")
    return f"""<div class="trade"><div class="row"><span>{_state(notice)}</span>
{resend}</div><p class="small">{escape(notice.notify_id)}</p><ol>{deliveries}</ol></div>"""


def _state(notice: Notice) -> str:
    """The event of a notice, how often it was sent, and the last answer."""
    if notice.accepted:
        state = '<span class="tag good">已确认</span>'
    elif notice.next_at:
        state = f'<span class="tag wait">下次 {beijing(notice.next_at)}</span>'
    else:
        state = '<span class="tag bad">已放弃</span>'
    refund = f"，累计退款 ¥{escape(notice.fields['refund_fee'])}" if "refund_fee" in notice.fields else ""
    return f"{escape(notice.fields['trade_status'])}{refund}，已发送 {notice.attempts} 次 {state}"


def _actions(trade: Trade, now: datetime) -> str:
    if trade.status not in (None, WAIT_BUYER_PAY) or trade.expires_at <= now:
        return ""
    address = f"/trades/{quote(trade.out_trade_no)}"
    return " ".join(
        [
            f'<a class="button" href="/cashier/{quote(trade.token)}">收银台</a>',
            _button(f"{address}/pay", "付款", "main"),
            _button(f"{address}/close", "关闭"),
        ]
    )


def _tag(trade: Trade, now: datetime) -> str:
    text, kind = _STATES[trade.status]
    if trade.status is None and trade.expires_at <= now:
        text = "二维码已过期"
    if trade.refunded:
        text = "已全额退款" if trade.status == TRADE_CLOSED else "部分退款"
    return f'<span class="tag {kind}">{text}</span>'


def _facts(facts: list[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in facts) + "</dl>"


def _link(address: str) -> str:
    return f'<a class="button" href="{escape(address)}">返回商户</a>'


def _button(action: str, text: str, kind: str = "", fields: dict[str, str] | None = None) -> str:
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{value}">' for name, value in (fields or {}).items()
    )
    style = f' class="{kind}"' if kind else ""
    return f'<form method="post" action="{escape(action)}">{hidden}<button{style}>{text}</button></form>'


def _page(title: str, content: str) -> str:
    return f"""<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · 支付宝模拟器</title><link rel="icon" href="data:,"><style>{_STYLE}</style></head>
<body><header><div><b><a href="/">支付宝模拟器</a></b><span>本地测试环境 · 没有真实资金</span></div></header>
{content}</body></html>
"""
