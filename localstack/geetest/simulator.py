"""The simulator as one object: settings in, a running server, and a word for everything a test may want."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from types import TracebackType

from localstack.geetest.challenges import Challenge, Challenges, Clock
from localstack.geetest.server import MODES, Server


def _utc_now() -> datetime:
    return datetime.now(UTC)


class GeetestSimulator:
    """Geetest for one account, on 127.0.0.1, v3 and v4 at the same address.

    - ``geetest_id``: 32 hexadecimal digits as Geetest's, which v4 insists on; ``geetest_key``: any text.
    - ``port``: 0 takes a free one. ``start`` raises OSError when the port is taken.
    - ``clock``: a callable that returns an aware UTC datetime.
    """

    def __init__(self, *, geetest_id: str, geetest_key: str, port: int = 0, clock: Clock = _utc_now) -> None:
        if not geetest_id or not geetest_key:
            raise ValueError("Geetest's id and key are missing")
        self.now = clock
        self.challenges = Challenges(geetest_id, geetest_key, clock)
        self._port = port
        self._server: Server | None = None
        self._mode = "up"
        self._switched = threading.Condition()

    # --- running -------------------------------------------------------------------------------------------

    def start(self) -> GeetestSimulator:
        """Open the port and start working."""
        self._server = Server(self, self._port)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Close the port; who waits for a silent Geetest is let go without an answer."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        with self._switched:
            self._switched.notify_all()

    def __enter__(self) -> GeetestSimulator:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The page for people, and what a shop takes for Geetest's address."""
        assert self._server, "the simulator is not running"
        return f"http://127.0.0.1:{self._server.server_port}"

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
        """Returns when the mode is another one, the simulator stops, or this long has passed."""
        with self._switched:
            self._switched.wait_for(lambda: self._mode != "silent" or self._server is None, seconds)

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
