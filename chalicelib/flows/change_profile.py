"""Change the name and the picture that are shown of a learner."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from chalicelib.shop import user as users
from chalicelib.shop.caller import Caller

from .overview import Overview, overview


class ProfileChange(Struct, frozen=True):
    """A new name, and a new picture (empty for the usual one); None for what stays as it is."""

    name: str | None
    head_img: str | None


def change_profile(caller: Caller, change: ProfileChange, now: datetime) -> Overview:
    """Change name and picture in one write, none where nothing changes -> what the head of a page shows then.

    One write more than `overview`. Raises UserGone when the user was disabled meanwhile.
    """
    shown = overview(caller, now)
    users.change_profile(shown.user, name=change.name, head_img=change.head_img)
    return shown
