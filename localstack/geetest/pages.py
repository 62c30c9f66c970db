"""The simulator's HTML: the slider to try, the switch, what became of each challenge.

Chinese, each page complete in itself but for the simulator's own scripts.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from html import escape
from pathlib import Path

from localstack.geetest.challenges import LIFETIME, Challenge, Event

_STYLE = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
_TRIAL = Path(__file__).parent.joinpath("browser", "trial.js").read_text(encoding="utf-8")
_BEIJING = timezone(timedelta(hours=8))

_MODES = {
    "up": ("正常", "登记、滑动、二次验证都可用"),
    "down": ("宕机", "所有接口回答 503"),
    "silent": ("无应答", "连接得上，但什么也不回答"),
    "bypass": ("宣告故障", "接口可用，但状态查询回答 fail"),
}
_EVENTS = {
    "issued": "已领取",
    "shown": "已出图",
    "missed": "没对准",
    "passed": "滑动通过",
    "accepted": "二次验证通过",
    "refused": "二次验证拒绝",
}
_REASONS = {
    "illegal seccode": "答案不符",
    "used seccode": "重复使用",
    "old challenge": "已过期",
    "sign_token error": "签名不符",
    "pass_token error": "答案不符",
    "pass_token expire": "重复使用",
}
_TOLD = {"user_id": "用户", "ip_address": "地址", "client_type": "终端", "sdk": "SDK", "referer": "来自"}


def overview(geetest_id: str, mode: str, challenges: Iterable[Challenge], now: datetime) -> str:
    """The one page. Its list renews itself."""
    switches = "".join(
        f'<form method="post" action="/mode"><input type="hidden" name="mode" value="{word}">'
        f'<button aria-pressed="{"true" if word == mode else "false"}"><b>{label}</b>'
        f"<small>{explained}</small></button></form>"
        for word, (label, explained) in _MODES.items()
    )
    rows = "".join(_challenge(challenge, now) for challenge in challenges)
    return _page(
        "滑块验证",
        f"""<main>
<section class="card"><h1>极验的状态</h1>
<p class="small">切换后立即生效。宕机时，商店应当转为离线验证或拒绝登录。</p>
<div class="modes">{switches}</div></section>
<section class="card"><h2>试一试</h2>
<p class="small">与真实网页一样调用 <code>gt.js</code> 和 <code>gt4.js</code>；通过后由服务器做二次验证。</p>
<div class="trials">{_trial("v3", "第三代", "popup float embed bind")}
{_trial("v4", "第四代", "float popup bind")}</div></section>
<section class="card" id="challenges"><h2>最近的验证</h2>
<p class="small">自动刷新；每次验证 {LIFETIME.seconds // 60} 分钟内有效。</p>
{rows or '<p class="small">还没有。</p>'}</section>
</main><script src="/static/gt.js"></script><script src="/static/gt4.js"></script>
<script>const GEETEST_ID = "{escape(geetest_id)}";\n{_TRIAL}</script>""",
    )


def missing() -> str:
    """404."""
    return _page(
        "没有这一页", '<main><section class="card"><h1>没有这一页</h1><a href="/">返回</a></section></main>'
    )


def _trial(version: str, name: str, products: str) -> str:
    options = "".join(f"<option>{product}</option>" for product in products.split())
    return f"""<div id="{version}"><h3>{name}（{version}）</h3><div class="slot"></div>
<p class="said" role="status"></p><div class="tools"><label>样式 <select>{options}</select></label>
<button type="button" class="verify" hidden>登录（bind）</button>
<button type="button" class="again">重新开始</button></div></div>"""


def _challenge(challenge: Challenge, now: datetime) -> str:
    last = challenge.events[-1]
    kind = {"accepted": "good", "refused": "bad", "missed": "bad", "passed": "wait"}.get(last.what, "")
    state = _event(last)
    if last.what not in ("accepted", "refused") and now >= challenge.issued_at + LIFETIME:
        kind, state = "", "已过期"
    path = " → ".join(_event(event) for event in challenge.events[-12:])
    told = "，".join(f"{_TOLD[name]} {escape(value)}" for name, value in challenge.told.items())
    at = challenge.issued_at.astimezone(_BEIJING)
    return f"""<div class="challenge"><p class="head"><time>{at:%H:%M:%S}</time><b>v{challenge.version}</b>
<code>{escape(challenge.name[:32])}</code><span class="tag {kind}">{state}</span></p>
<p class="path">{path}{f"（{told}）" if told else ""}</p></div>"""


def _event(event: Event) -> str:
    reason = _REASONS.get(event.reason, event.reason)
    return _EVENTS[event.what] + (f"：{escape(reason)}" if reason else "")


def _page(title: str, content: str) -> str:
    return f"""<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · 极验模拟器</title><link rel="icon" href="data:,"><style>{_STYLE}</style></head>
<body><header><div><b><a href="/">极验模拟器</a></b><span>本地测试环境 · 与极验公司无关</span></div></header>
{content}</body></html>
"""
