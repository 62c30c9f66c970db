"""The simulator's HTML: the scanner and the cashier for buyers, the list of trades for people."""

from __future__ import annotations

from datetime import datetime
from html import escape
from urllib.parse import quote

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
from localstack.wechat.bad_days import BAD_DAYS
from localstack.wechat.trades import (
    ABNORMAL,
    CLOSED,
    H5,
    JSAPI,
    NATIVE,
    NOTPAY,
    PROCESSING,
    REFUND,
    SUCCESS,
    Refund,
    Trade,
    beijing,
    yuan,
)

_STATES = {
    NOTPAY: ("待支付", "wait"),
    SUCCESS: ("支付成功", "good"),
    REFUND: ("转入退款", "good"),
    CLOSED: ("已关闭", ""),
}
_REFUND_STATES = {PROCESSING: "处理中", SUCCESS: "成功", ABNORMAL: "异常", CLOSED: "关闭"}
_WAYS = {NATIVE: "扫码 Native", H5: "手机网页 H5", JSAPI: "微信内 JSAPI"}

BRIDGE = """
(() => {
  const site = new URL(document.currentScript.src).origin;
  const post = (path, members) =>
    fetch(site + path, { method: "POST", body: new URLSearchParams(members) }).then((answer) => answer.json());
  window.WeixinJSBridge = {
    invoke(name, members, done) {
      const end = (word) => done({ err_msg: name + ":" + word });
      if (name !== "getBrandWCPayRequest") return end("function_not_exist");
      post("/bridge/check", members)
        .then((trade) => {
          if (trade.error) return end("fail");
          if (!window.confirm(`微信支付（模拟）\\n${trade.description}\\n￥${trade.amount}`)) return end("cancel");
          return post("/bridge/pay", members).then((paid) => end(paid.error ? "fail" : "ok"));
        })
        .catch(() => end("fail"));
    },
  };
  document.dispatchEvent(new Event("WeixinJSBridgeReady"));
})();
"""
"""What WeChat's own browser gives a page, for a browser that is not WeChat's."""


def scanner(trades: list[Trade], now: datetime) -> str:
    """Where a QR code is "scanned": its text is put in, or one of the open codes is chosen."""
    rows = "".join(
        f'<p><a class="button" href="/cashier/{quote(trade.token)}">¥{yuan(trade.amount)} '
        f"{escape(trade.description)}</a></p>"
        for trade in trades
        if trade.trade_type == NATIVE and trade.is_payable(now)
    )
    return _page(
        "扫一扫",
        f"""<main class="narrow"><section class="card"><h1>扫一扫</h1>
<form method="get" action="/scan"><label>二维码内容<input class="wide" name="code" required maxlength="300"
placeholder="weixin://wxpay/bizpayurl?pr=…"></label><button class="main">识别</button></form></section>
<section class="card"><h2>未付款的二维码</h2>{rows or '<p class="small">没有。</p>'}</section></main>""",
    )


def cashier(trade: Trade, now: datetime, back: str) -> str:
    """The buyer's page. ``back`` is where they go afterwards; "" shows no such button."""
    if trade.is_payable(now):
        left = int((trade.expires_at - now).total_seconds())
        state = (
            f'剩余付款时间 <strong id="left" data-seconds="{left}">{left // 60:02d}:{left % 60:02d}</strong>'
        )
        fields = {"back": back} if back else None
        buttons = button(f"/cashier/{quote(trade.token)}/pay", "立即支付", "main", fields)
    else:
        state = {SUCCESS: "支付成功", REFUND: "已支付，转入退款", CLOSED: "订单已关闭，无法付款"}.get(
            trade.state, "订单已过期，请返回商户重新下单"
        )
        buttons = ""
    if back:
        buttons += f'<a class="button" href="{escape(back)}">返回商户</a>'
    facts = [("商品", trade.description), ("商户单号", trade.out_trade_no), ("方式", _WAYS[trade.trade_type])]
    return _page(
        "模拟微信支付",
        f"""<main class="narrow">
<p class="warning">这是本地的<strong>模拟微信支付</strong>，不会产生任何真实付款。</p>
<section class="card"><h1 class="label">付款金额</h1><p class="amount"><small>¥</small>{yuan(trade.amount)}</p>
<p class="state" role="status">{state}</p>{listed_facts(facts)}<div class="buttons">{buttons}</div>
</section></main><script>{COUNTDOWN}</script>""",
    )


def refusal(code: str, message: str) -> str:
    """A page that says why it does not go on."""
    return _page(
        "模拟微信支付",
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
    rows = "".join(_summary(trade, notices, now) for trade, notices in trades)
    return _page(
        "交易列表",
        f"""<main>{banner(bad_days)}
{notices_switch(notifications_on, '<a class="button" href="/scan">扫一扫</a>')}
<section class="card"><h1>交易列表</h1>{rows or '<p class="small">还没有交易。</p>'}</section>
{bad_day_switches("微信支付", BAD_DAYS, bad_days)}</main>""",
    )


def trade(
    trade: Trade, refunds: list[Refund], notices: list[Notice], now: datetime, bad_days: dict[str, Switch]
) -> str:
    """One trade: what a merchant's console and the log of notices would show."""
    facts = [
        ("商品", trade.description),
        ("金额", f"¥{yuan(trade.amount)}"),
        ("方式", _WAYS[trade.trade_type]),
        ("微信支付单号", trade.transaction_id or "—"),
        ("下单", beijing(trade.asked_at)),
        ("付款", beijing(trade.paid_at) if trade.paid_at else "—"),
        ("关闭", beijing(trade.closed_at) if trade.closed_at else "—"),
        ("失效", beijing(trade.expires_at)),
        ("通知地址", trade.notify_url),
    ]
    parts = [
        f"""<section class="card"><h1>{escape(trade.out_trade_no)} {_tag(trade)}</h1>{listed_facts(facts)}
<div class="row"><span></span>{_actions(trade, now)}</div></section>"""
    ]
    if trade.refundable or refunds:
        listed = "".join(_refund(refund) for refund in refunds)
        form = f"""<form class="refund" method="post" action="/trades/{quote(trade.out_trade_no)}/refund">
<label>金额（元）<input name="amount" inputmode="decimal" value="{yuan(trade.refundable)}"></label>
<label>原因<input class="wide" name="reason" maxlength="80"></label><button>退款</button></form>"""
        parts.append(
            f'<section class="card"><h2>商户平台退款</h2>{listed}{form if trade.refundable else ""}</section>'
        )
    told = "".join(listed_notice(notice, _told(notice)) for notice in notices)
    parts.append(f'<section class="card"><h2>回调通知</h2>{told or "<p>没有通知。</p>"}</section>')
    content = f'<main>{banner(bad_days)}<p><a href="/">← 交易列表</a></p>{"".join(parts)}</main>'
    return _page(f"交易 {trade.out_trade_no}", content)


def _refund(refund: Refund) -> str:
    ends = ""
    if refund.status in (PROCESSING, ABNORMAL):
        address = f"/refunds/{quote(refund.out_refund_no)}/end"
        ends = " ".join(
            button(address, text, fields={"status": status})
            for status, text in _REFUND_STATES.items()
            if status not in (PROCESSING, refund.status)
        )
    return f"""<div class="trade"><p>{beijing(refund.created_at)} 退款 ¥{yuan(refund.amount)}
<span class="tag">{_REFUND_STATES[refund.status]}</span></p><p class="small">{escape(refund.out_refund_no)}
{escape(refund.reason)}</p>{ends}</div>"""


def _summary(trade: Trade, notices: list[Notice], now: datetime) -> str:
    number = trade.out_trade_no
    told = "".join(f'<p class="small">通知 {notice_state(notice, _told(notice))}</p>' for notice in notices)
    return f"""<div class="trade"><p><a href="/trades/{quote(number)}">{escape(number)}</a>
{_tag(trade)} <b>¥{yuan(trade.amount)}</b></p>
<p class="small">{escape(trade.description)} · {beijing(trade.asked_at)}</p>{told}{_actions(trade, now)}</div>"""


def _actions(trade: Trade, now: datetime) -> str:
    if not trade.is_payable(now):
        return ""
    pay = button(f"/trades/{quote(trade.out_trade_no)}/pay", "付款", "main")
    return f'<a class="button" href="/cashier/{quote(trade.token)}">收银台</a> {pay}'


def _told(notice: Notice) -> str:
    return str(notice.fields["event_type"])


def _tag(trade: Trade) -> str:
    text, kind = _STATES[trade.state]
    return f'<span class="tag {kind}">{text}</span>'


def _page(title: str, content: str) -> str:
    return whole_page("微信支付模拟器", title, content)
