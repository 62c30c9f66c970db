"""The simulator's HTML: the switch, the videos and their callbacks, what happened last."""

from __future__ import annotations

from datetime import timedelta, timezone
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from localstack.polyv.account import CLIP_SECONDS, Event

if TYPE_CHECKING:
    from localstack.polyv.simulator import PolyvSimulator

_STYLE = Path(__file__).parents[1].joinpath("provider", "style.css").read_text(encoding="utf-8")
_BEIJING = timezone(timedelta(hours=8))
_MODES = {
    "up": ("正常", "凭证、查询、播放都可用"),
    "down": ("宕机", "除播放器脚本外一律回答 503"),
    "slow": ("迟缓", "二十秒后才回答，商店不会等这么久"),
}
_STATUSES = {
    "ready": ("已发布", "good"),
    "waiting": ("转码中", "wait"),
    "refused": ("审核不通过", "bad"),
    "gone": ("已删除", ""),
}
_ACTIONS = {
    "waiting": ("重新转码（不通知）", "waiting"),
    "upload": ("上传完成", "waiting"),
    "encode": ("转码完成", "ready"),
    "TranscodeComplete": ("全部转码完成", "ready"),
    "pass": ("审核通过", "ready"),
    "nopass": ("审核不通过", "refused"),
    "DeleteMediaComplete": ("删除", "gone"),
}
"""What a button of the page says and what the video is then."""
_WHAT = {"token": "播放凭证", "video": "查询视频", "callback": "回调", "marquee": "跑马灯"}


def status_after(action: str) -> str:
    """What a video is after an action of the page. Raises ValueError for no action."""
    if action not in _ACTIONS:
        raise ValueError(f"the actions are {', '.join(_ACTIONS)}")
    return _ACTIONS[action][1]


def overview(simulator: PolyvSimulator) -> str:
    """The one page."""
    account = simulator.account
    switches = " ".join(
        f'<form method="post" action="/mode"><input type="hidden" name="mode" value="{word}">'
        f'<button aria-pressed="{"true" if word == simulator.mode else "false"}"'
        f"{' class=main' if word == simulator.mode else ''}>{label}</button></form>"
        for word, (label, _) in _MODES.items()
    )
    options = "".join(f'<option value="{kind}">{label}</option>' for kind, (label, _) in _ACTIONS.items())
    videos = "".join(
        f'<div class="trade"><p><code>{escape(vid)}</code> '
        f'<span class="tag {_STATUSES[video.status][1]}">{_STATUSES[video.status][0]}</span> '
        f'<span class="small">{video.seconds} 秒</span></p></div>'
        for vid, video in account.videos().items()
    )
    events = "".join(map(_event, reversed(list(account.events)[-60:])))
    return _page(
        "视频",
        f"""<main>
<section class="card"><h1>保利威的状态</h1><p class="small">{_MODES[simulator.mode][1]}</p>
<div class="row">{switches}</div></section>
<section class="card"><h2>视频与回调</h2>
<p class="small">以账号 <code>{escape(account.user_id)}</code> 开头的视频都已发布，长 {CLIP_SECONDS} 秒；
在此改变其中一个，并通知商店。</p>
<form method="post" action="/videos"><p class="row"><input class="wide" name="vid" required aria-label="视频 ID"
 placeholder="{escape(account.user_id)}…_e" pattern="[0-9a-z]{{10}}[0-9a-f]{{22}}_[0-9a-z]">
<select name="type" aria-label="发生了什么">{options}</select>
<button class="main">执行</button></p></form>{videos}</section>
<section class="card"><h2>最近发生的事</h2>{events or '<p class="small">还没有。</p>'}</section>
</main>""",
    )


def missing() -> str:
    """404."""
    return _page(
        "没有这一页", '<main><section class="card"><h1>没有这一页</h1><a href="/">返回</a></section></main>'
    )


def _event(event: Event) -> str:
    good = event.outcome in ("success", "200", "60")
    return (
        f'<div class="trade"><p><span class="small">{event.at.astimezone(_BEIJING):%H:%M:%S}</span> '
        f"{_WHAT[event.what]} <code>{escape(event.about[:120])}</code> "
        f'<span class="tag {"good" if good else "wait"}">{escape(event.outcome[:80])}</span></p></div>'
    )


def _page(title: str, content: str) -> str:
    return f"""<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · 保利威模拟器</title><link rel="icon" href="data:,"><style>{_STYLE}</style></head>
<body><header><div><b><a href="/">保利威模拟器</a></b><span>本地测试环境 · 与保利威公司无关</span></div></header>
{content}</body></html>
"""
