"""The marquee over a video: a mark by which a recording leads back to whoever made it.

The player asks the shop for it with a `code`, which is given out with the play token and signed, so that nothing is
read for it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from chalicelib.shop.user import User

LIFE = timedelta(minutes=10)
"""How long a code is good: a player asks once when it begins, and again when its page changes the video."""

_SIGNATURE_BYTES = 16
_MOST_CHARACTERS = 400
"""Longer than any code that is given out."""
_CODE = re.compile(r"[0-9A-Za-z_-]+", re.ASCII)


class Viewer(Struct, frozen=True):
    """Who watches: `viewer_id` as the video platform is told it, `mark` as is shown over the picture."""

    viewer_id: str
    mark: str


VISITOR = Viewer("visitor", "试看访客")
"""Whoever watches a trial section without having signed in."""


def viewer_of(user: User) -> Viewer:
    """A signed-in viewer. The mark names the account's number, and of its name the ends only."""
    return Viewer(str(user.user_id), f"{_masked(user.username)} {user.user_id}")


def _masked(name: str) -> str:
    return f"{name[:1]}***{name[-1:] if len(name) > 2 else ''}"


def code_for(viewer: Viewer, video_id: str, now: datetime, key: str) -> str:
    """A code in base64url, signed with `key`: good for this viewer, this video and `LIFE`."""
    expires_at = int((now + LIFE).timestamp())
    told = f"{expires_at}\n{viewer.viewer_id}\n{viewer.mark}\n{video_id}".encode()
    return base64.urlsafe_b64encode(_signature(told, key) + told).rstrip(b"=").decode()


def viewer_in(code: str, video_id: str, now: datetime, keys: Sequence[str]) -> Viewer | None:
    """The viewer of a code that one of the keys has signed for this video and whose time is not over; else None."""
    if len(code) > _MOST_CHARACTERS or not _CODE.fullmatch(code):
        return None
    try:
        decoded = base64.urlsafe_b64decode(code + "=" * (-len(code) % 4))
    except ValueError:
        return None
    signature, told = decoded[:_SIGNATURE_BYTES], decoded[_SIGNATURE_BYTES:]
    if not any(hmac.compare_digest(signature, _signature(told, key)) for key in keys):
        return None
    # Signed by the shop, so that it has these parts.
    expires_at, viewer_id, mark, for_video = told.decode().split("\n", 3)
    if for_video != video_id or now.timestamp() >= int(expires_at):
        return None
    return Viewer(viewer_id, mark)


def _signature(told: bytes, key: str) -> bytes:
    # The key signs tokens, too: what stands before keeps the two apart.
    return hmac.new(key.encode(), b"marquee code " + told, hashlib.sha256).digest()[:_SIGNATURE_BYTES]
