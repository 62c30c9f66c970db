"""Sends what waits for a user as if it were day in Beijing, in the stores that the environment names.

In the quiet hours of the night the shop itself would send it in the morning.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from chalicelib.beijing_time import BEIJING
from chalicelib.errors import LeaseTaken, UserNotFound
from chalicelib.flows.send_messages import process
from chalicelib.gateways import open_gateways
from chalicelib.settings import settings
from chalicelib.shop import work
from chalicelib.shop.message import WAITING, Message, list_messages
from chalicelib.shop.user import find_by_name
from tests.e2e.local_run import until


def send_messages(username: str) -> bool:
    """Whether there is such a user. Raises AssertionError when something waits in the end."""
    try:
        user_id = find_by_name(username).user_id
    except UserNotFound:
        return False
    day = datetime.now(UTC).astimezone(BEIJING).replace(hour=10, minute=0, second=0, microsecond=0)
    now, gateways = (day + timedelta(days=1)).astimezone(UTC), open_gateways(settings())

    def is_sent() -> bool:
        waiting = [one for one in list_messages(user_id, 100, None).items if _waits(one)]
        for message in waiting:
            with suppress(LeaseTaken):  # the shop is about it
                work.take_lease(message, now)
                process(message, gateways, now, settings=settings())
        return not waiting

    until(is_sent, "all messages to be sent")
    return True


def _waits(message: Message) -> bool:
    return message.deliveries is None or any(one.status == WAITING for one in message.deliveries)
