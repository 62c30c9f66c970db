"""A simulator of Geetest, v3 and v4: the servers' protocol, the browser's library, and a slider to slide.

``python -m localstack.geetest`` runs it on its own; tests start it in their own process::

    with GeetestSimulator(geetest_id="0123456789abcdef0123456789abcdef", geetest_key="any text") as geetest:
        geetest.url                  # what the shop takes for Geetest
        geetest.solve(challenge)     # the fields that a right slide gives
        geetest.switch("down")       # and "up", "silent", "bypass"

It shares no code with the shop, so each of them checks the other.
"""

from localstack.geetest.challenges import Challenge, Event, Proof, Refusal
from localstack.geetest.server import MODES
from localstack.geetest.simulator import GeetestSimulator

__all__ = ["MODES", "Challenge", "Event", "GeetestSimulator", "Proof", "Refusal"]
