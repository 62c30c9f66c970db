"""What the pages of all simulators of payment providers have in common. Chinese, without outside resources."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from html import escape
from pathlib import Path
from urllib.parse import quote

from localstack.provider.bad_days import BadDay, Switch
from localstack.provider.book import Notice

_STYLE = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
_BEIJING = timezone(timedelta(hours=8))

COUNTDOWN = """
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


def banner(bad_days: dict[str, Switch]) -> str:
    """The bad days that are on, and the way out; nothing on a good day."""
    on = [name for name, switch in bad_days.items() if switch.is_on]
    if not on:
        return ""
    listed = "、".join(f"<code>{escape(name)}</code>" for name in on)
    return f"""<div class="warning row" role="alert"><span>故障模拟已开启：{listed}</span>
{button("/bad-days", "全部关闭", "main")}</div>"""


def notices_switch(notifications_on: bool, more: str) -> str:
    """Whether notices are sent, the switch for that, and ``more`` buttons."""
    if notifications_on:
        said, switch = "异步通知：正常发送", button("/notifications", "暂停发送通知", fields={"on": "0"})
    else:
        said = '<strong class="tag bad">异步通知：已暂停</strong>'
        switch = button("/notifications", "恢复发送通知", "main", {"on": "1"})
    return f'<section class="card row"><span>{said}</span>{switch}{more}</section>'


def bad_day_switches(provider: str, possible: Mapping[str, BadDay], bad_days: dict[str, Switch]) -> str:
    """The switches of what ``provider`` may do wrong, notices and gateway apart."""
    groups = []
    for title, of_gateway in (("异步通知", False), ("网关应答", True)):
        rows = "".join(
            _bad_day(day, bad_days.get(day.name))
            for day in possible.values()
            if bool(day.methods) is of_gateway
        )
        groups.append(f"<section><h2>{title}</h2>{rows}</section>")
    is_open = " open" if bad_days else ""
    return f"""<details class="card" id="bad-days"{is_open}><summary>故障开关</summary>
<p class="small">让{provider}出错，看商城是否经得住。默认全部关闭；次数留空表示每次都发生。</p>
{"".join(groups)}</details>"""


def _bad_day(day: BadDay, switch: Switch | None) -> str:
    address = f"/bad-days/{day.name}"
    if switch and switch.is_on:
        times = "每次" if switch.times_left is None else f"还有 {switch.times_left} 次"
        where = [text for text in (switch.method, switch.out_trade_no) if text]
        said = escape(" · ".join(["已开启", times, *where, f"已发生 {switch.struck} 次"]))
        control = f"""<span class="tag bad">{said}</span> {button(address, "关闭", fields={"on": "0"})}"""
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


def listed_notice(notice: Notice, told: str) -> str:
    """A notice of an event, with its deliveries and a button to send it again."""
    deliveries = "".join(
        f"<li>{beijing_text(delivery.sent_at)} → {delivery.status or '无应答'} "
        f"<code>{escape(delivery.answer)}</code></li>"
        for delivery in notice.deliveries
    )
    resend = button(f"/notices/{quote(notice.notify_id)}/resend", "重发")
    return f"""<div class="trade"><div class="row"><span>{notice_state(notice, told)}</span>
{resend}</div><p class="small">{escape(notice.notify_id)}</p><ol>{deliveries}</ol></div>"""


def notice_state(notice: Notice, told: str) -> str:
    """The event of a notice, how often it was sent, and the last answer."""
    if notice.accepted:
        state = '<span class="tag good">已确认</span>'
    elif notice.next_at:
        state = f'<span class="tag wait">下次 {beijing_text(notice.next_at)}</span>'
    else:
        state = '<span class="tag bad">已放弃</span>'
    return f"{escape(told)}，已发送 {notice.attempts} 次 {state}"


def listed_facts(facts: list[tuple[str, str]]) -> str:
    """Names and texts, one below the other."""
    return "<dl>" + "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in facts) + "</dl>"


def button(action: str, text: str, kind: str = "", fields: dict[str, str] | None = None) -> str:
    """A button that posts these fields."""
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{value}">' for name, value in (fields or {}).items()
    )
    style = f' class="{kind}"' if kind else ""
    return f'<form method="post" action="{escape(action)}">{hidden}<button{style}>{text}</button></form>'


def beijing_text(moment: datetime) -> str:
    """A moment as people in Beijing read it."""
    return moment.astimezone(_BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def whole_page(site: str, title: str, content: str) -> str:
    """A page of a simulator by this name, complete in itself."""
    return f"""<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · {site}</title><link rel="icon" href="data:,"><style>{_STYLE}</style></head>
<body><header><div><b><a href="/">{site}</a></b><span>本地测试环境 · 没有真实资金</span></div></header>
{content}</body></html>
"""
