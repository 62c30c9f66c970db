"""The simulator as one object: settings in, a running server, and a method for every need of a test."""

from __future__ import annotations

import threading

from localstack.geetest.challenges import Challenge, Challenges, Clock
from localstack.geetest.server import MODES, Handler, Site
from localstack.simulator_site import Simulator, utc_now


class GeetestSimulator(Simulator):
    """Geetest for one account, on 127.0.0.1, v3 and v4 at the same address.

    - ``geetest_id``: 32 hexadecimal digits as Geetest's, which v4 insists on; ``geetest_key``: any text.
    - ``port``: 0 takes a free one. ``start`` raises OSError when the port is taken.
    - ``clock``: a callable that returns an aware UTC datetime.
    """

    def __init__(self, *, geetest_id: str, geetest_key: str, port: int = 0, clock: Clock = utc_now) -> None:
        if not geetest_id or not geetest_key:
            raise ValueError("Geetest's id and key are missing")
        self.now = clock
        self.challenges = Challenges(geetest_id, geetest_key, clock)
        self._mode = "up"
        self._switched = threading.Condition()
        super().__init__(Site(self), Handler, port)

    def stop(self) -> None:
        """Close the port; who waits for a silent Geetest is let go without an answer."""
        super().stop()
        with self._switched:
            self._switched.notify_all()

    # --- Geetest down --------------------------------------------------------------------------------------

    @property
    def mode(self) -> str:
        """One of MODES; see `switch`."""
        return self._mode

    def switch(self, mode: str) -> None:
        """``up``; ``down``: everything answers 503; ``silent``: nothing answers; ``bypass``: everything works,
        but Geetest's word on itself is "fail". The browser's scripts are always served: a shop keeps them
        itself. Raises ValueError for any other word."""
        if mode not in MODES:
            raise ValueError(f"the modes are {', '.join(MODES)}")
        with self._switched:
            self._mode = mode
            self._switched.notify_all()

    def wait_while_silent(self, seconds: float) -> None:
        """Wait until the mode changes, the simulator stops, or this long has passed."""
        with self._switched:
            self._switched.wait_for(lambda: self._mode != "silent" or not self.is_running, seconds)

    # --- the visitor ---------------------------------------------------------------------------------------

    def solve(self, challenge: str) -> dict[str, str]:
        """The three ``geetest_`` fields that a right slide gives. ``challenge`` is the one that the shop
        handed on. Raises Refusal."""
        return self.challenges.solve(challenge).triple()

    def solve_v4(self) -> dict[str, str]:
        """What v4's ``getValidate()`` returns after a right slide, under a new lot number."""
        return self.challenges.solve("").v4(self.challenges.geetest_id)

    # --- looking -------------------------------------------------------------------------------------------

    def latest(self) -> list[Challenge]:
        """The latest fifty challenges, the newest first."""
        return self.challenges.latest()
