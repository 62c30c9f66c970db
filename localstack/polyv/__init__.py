"""A simulator of Polyv VOD: play tokens, the state of videos, callbacks, and a player that plays one clip for them all.

``python -m localstack.polyv`` runs it on its own; tests start it in their own process::

    with PolyvSimulator(user_id="e2e84a7383", secret_key="7UagtQOq2A") as polyv:
        polyv.url                        # what the shop takes for Polyv
        polyv.set_video(vid, "waiting")  # what Polyv answers about it; nobody is told
        polyv.tell(vid, "encode")        # a callback to the shop
        polyv.switch("down")             # and "up", "slow"

It shares no code with the shop, so each of them checks the other.
"""

from localstack.polyv.account import MODES, STATUSES, Refusal
from localstack.polyv.simulator import PolyvSimulator

__all__ = ["MODES", "STATUSES", "PolyvSimulator", "Refusal"]
