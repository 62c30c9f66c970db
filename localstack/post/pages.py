"""The simulator's HTML: all that would have left, and what goes wrong. Chinese, complete in itself."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from localstack.post.bad_days import BAD_DAYS, BadDay, Switch
from localstack.post.letters import DELIVERED, FAILED, Mail, NotFound, Sms
from localstack.provider.pages import beijing_text, button, listed_facts

if TYPE_CHECKING:
    from localstack.post.simulator import PostSimulator

_STYLE = "".join(
    path.read_text(encoding="utf-8")
    for path in (Path(__file__).parents[1] / "provider" / "style.css", Path(__file__).with_name("style.css"))
)
_SHOWN = 100
_CHANNELS = {"sms": "发送短信", "receipt": "短信回执", "mail": "发送邮件"}
_STATES = {DELIVERED: ("good", "已送达"), FAILED: ("bad", "未送达")}
_RENEW = """
setInterval(async () => {
  if (document.hidden || document.activeElement.matches("input")) return;
  const page = await fetch("/").then((answer) => answer.text()).catch(() => "");
  const fresh = new DOMParser().parseFromString(page, "text/html").querySelector("#left");
  const shown = document.querySelector("#left");
  if (fresh && fresh.innerHTML !== shown.innerHTML) shown.innerHTML = fresh.innerHTML;
}, 2000);
"""


def overview(simulator: PostSimulator) -> str:
    """The one page: SMS and mails, the newest first. Its list renews itself."""
    bad_days = simulator.bad_days()
    letters: list[Sms | Mail] = [*simulator.sms(), *simulator.mails()]
    letters.sort(key=lambda letter: letter.sent_at, reverse=True)
    rows = "".join(
        _sms(simulator, letter) if isinstance(letter, Sms) else _mail(simulator, letter)
        for letter in letters[:_SHOWN]
    )
    replies = "".join(
        f"<li>{escape(str(push.row['phone_number']))}：{escape(str(push.row['content']))}"
        f" <span class='tag'>{'商城已接收' if push.is_taken else '等待接收'}</span></li>"
        for push in reversed(simulator.letters.replies()[-20:])
    )
    return _page(
        "短信与邮件",
        f"""<main>{_banner(bad_days)}
<section class="card" id="left"><div class="row"><h1>已发出的短信和邮件</h1>{button("/forget", "清空")}</div>
<p class="small">这里显示本该发给学员的每一条短信和每一封邮件；最新的在最上面，自动刷新。</p>
{rows or '<p class="small">还没有。</p>'}
{f"<h2>收到的回复</h2><ul>{replies}</ul>" if replies else ""}</section>
<section class="card"><h2>学员回复短信</h2><form class="row" method="post" action="/replies">
<input name="to" inputmode="numeric" placeholder="手机号" aria-label="手机号" required>
<input name="text" value="拒收" aria-label="回复内容" required><button>回复</button></form></section>
{_switches(bad_days)}</main><script>{_RENEW}</script>""",
    )


def mail(letter: Mail) -> str:
    """One mail: its header, its HTML as a mail program would show it, its plain text, and all of it."""
    message = letter.message
    facts = [(name, str(message[name] or "")) for name in ("From", "To", "Subject", "Date", "Message-ID")]
    facts += [
        (name, str(message[name])) for name in ("List-Unsubscribe", "List-Unsubscribe-Post") if message[name]
    ]
    return _page(
        "邮件",
        f"""<main><section class="card"><h1>{escape(str(message["Subject"]))}</h1>{listed_facts(facts)}
<iframe sandbox title="邮件正文" srcdoc="{escape(letter.part("html"))}"></iframe></section>
<section class="card"><h2>纯文本</h2><pre>{escape(letter.part("plain"))}</pre></section>
<details class="card"><summary>原文</summary><pre>{escape(letter.raw.decode("utf-8", "replace"))}</pre></details>
</main>""",
    )


def missing() -> str:
    """404."""
    return _page(
        "没有这一页", '<main><section class="card"><h1>没有这一页</h1><a href="/">返回</a></section></main>'
    )


def _sms(simulator: PostSimulator, sms: Sms) -> str:
    kind, said = _STATES.get(sms.state(simulator.letters.now()), ("wait", "等待回执"))
    pushed = f"，推送 {len(sms.push.answers)} 次" if sms.push and sms.push.answers else ""
    end = f"/sms/{quote(sms.biz_id)}/end"
    buttons = button(end, "改为未送达", fields={"arrived": "0"}) + button(
        end, "改为送达", fields={"arrived": "1"}
    )
    return f"""<article class="letter" data-channel="sms"><p class="row"><span><time>{beijing_text(sms.sent_at)}</time>
<b>短信</b> → {escape(sms.number)}</span><span class="tag {kind}">{said}{pushed}</span></p>
<p class="text">{escape(sms.text)}</p>{_code(simulator, sms.number, sms.sent_at)}
<p class="row small"><span>{escape(sms.template)} · {escape(sms.out_id)}</span>{buttons}</p></article>"""


def _mail(simulator: PostSimulator, letter: Mail) -> str:
    message = letter.message
    plain = letter.part("plain").strip()
    return f"""<article class="letter" data-channel="mail"><p><time>{beijing_text(letter.sent_at)}</time>
<b>邮件</b> → {escape(letter.to)}</p>
<p class="text"><a href="/mails/{letter.id}">{escape(str(message["Subject"]))}</a></p>
{_code(simulator, letter.to, letter.sent_at)}
<p class="small text">{escape(plain)}</p></article>"""


def _code(simulator: PostSimulator, to: str, sent_at: object) -> str:
    """The code of a letter, if it carries the newest one to its receiver."""
    try:
        code, at = simulator.letters.newest_code(to)
    except NotFound:
        return ""
    return f'<p>验证码 <code class="code">{code}</code></p>' if at == sent_at else ""


def _banner(bad_days: dict[str, Switch]) -> str:
    on = [BAD_DAYS[name].explanation for name, switch in bad_days.items() if switch.is_on]
    if not on:
        return ""
    return f"""<div class="warning row" role="alert"><span>故障模拟已开启：{"；".join(map(escape, on))}</span>
{button("/bad-days", "全部关闭", "main")}</div>"""


def _switches(bad_days: dict[str, Switch]) -> str:
    groups = "".join(
        f"<section><h2>{title}</h2>"
        + "".join(_switch(day, bad_days.get(day.name)) for day in BAD_DAYS.values() if day.channel == channel)
        + "</section>"
        for channel, title in _CHANNELS.items()
    )
    return f"""<details class="card" id="bad-days"{" open" if bad_days else ""}><summary>故障开关</summary>
<p class="small">让短信和邮件的服务商出错，看商城是否经得住。默认全部关闭；次数留空表示每次都发生。</p>
{groups}</details>"""


def _switch(day: BadDay, switch: Switch | None) -> str:
    address = f"/bad-days/{day.name}"
    if switch and switch.is_on:
        times = "每次" if switch.times_left is None else f"还有 {switch.times_left} 次"
        said = " · ".join(
            ["已开启", times, *([switch.to] if switch.to else []), f"已发生 {switch.struck} 次"]
        )
        control = f'<span class="tag bad">{escape(said)}</span> {button(address, "关闭", fields={"on": "0"})}'
    else:
        used_up = f'<span class="tag">已发生 {switch.struck} 次，用完</span> ' if switch else ""
        control = f"""{used_up}<form class="row" method="post" action="{address}">
<input type="hidden" name="on" value="1"><input class="times" name="times" type="number" min="1" max="1000000"
placeholder="每次" aria-label="次数"><button>开启</button></form>"""
    return f"""<div class="trade bad-day"><p>{escape(day.explanation)}<br>
<code>{day.name}</code></p><div>{control}</div></div>"""


def _page(title: str, content: str) -> str:
    return f"""<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · 短信与邮件模拟器</title><link rel="icon" href="data:,"><style>{_STYLE}</style></head>
<body><header><div><b><a href="/">短信与邮件模拟器</a></b><span>本地测试环境 · 什么也没有真正发出</span></div></header>
{content}</body></html>
"""
