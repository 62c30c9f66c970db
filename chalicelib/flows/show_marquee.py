"""Answer a player that asks what runs over its picture, and whether it may play at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from chalicelib.errors import NotificationRefused
from chalicelib.shop import marquee

if TYPE_CHECKING:
    from chalicelib.gateways.polyv import Polyv

_LOOK = {
    "msg": "",
    "fontSize": "18",
    "fontColor": "0xFFFFFF",
    "speed": "200",
    "filter": "on",
    "setting": "2",
    "alpha": "0.5",
    "filterAlpha": "1",
    "filterColor": "0x000000",
    "blurX": "2",
    "blurY": "2",
    "interval": "5",
    "lifeTime": "3",
    "tweenTime": "1",
    "strength": "4",
    "show": "on",
}
"""Small and half transparent, for three seconds of every five: seen in a recording, and no hindrance."""
_OVER = "播放授权已失效，请刷新页面"
_PLAY, _REFUSE = "1", "2"


class Question(Struct, frozen=True):
    """What a player asks: its video, its own number `t`, the code from its page. It `reads_script` when the answer is a
    call of a function: then the look is not signed.
    """

    video_id: str
    t: str
    code: str
    reads_script: bool


def answer(asked: Question, polyv: Polyv | None, keys: Sequence[str], now: datetime) -> dict[str, str]:
    """The members of the answer, signed: a mark for a code that holds, else a refusal. Raises NotificationRefused in a
    shop without the video platform.
    """
    if polyv is None:
        raise NotificationRefused(check="account")
    viewer = marquee.viewer_in(asked.code, asked.video_id, now, keys)
    told = {
        "vid": asked.video_id,
        "code": asked.code,
        "username": viewer.mark if viewer else "",
        "status": _PLAY if viewer else _REFUSE,
    }
    look = _LOOK if viewer else _LOOK | {"msg": _OVER, "show": "off"}
    sign = polyv.marquee_sign(told if asked.reads_script else told | look, asked.t)
    return {"status": told["status"], "username": told["username"], "sign": sign} | look
