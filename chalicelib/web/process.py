"""What a process keeps between events: its clock, its third parties, and how long an event may take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from chalicelib import deadline, request_log
from chalicelib import settings as shop_settings
from chalicelib.deadline import Deadline
from chalicelib.gateways import Gateways, open_gateways
from chalicelib.settings import Settings
from chalicelib.web import cold_start, imports


class Process:
    """The state of a process. `clock`, `pause`, `deadline` and `gateways` can be given, as tests do.

    Making it prepares a Lambda function for its first event. Raises InvalidSetting.
    """

    def __init__(self) -> None:
        request_log.configure()
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.pause: Callable[[float], None] = time.sleep
        self.deadline: Callable[[object], Deadline | None] = deadline.of_request
        self._gateways: Gateways | None = cold_start.prepare()
        imports.done()

    @property
    def settings(self) -> Settings:
        """The settings of this process."""
        return shop_settings.settings()

    @property
    def gateways(self) -> Gateways:
        """The third parties, made from the settings at first use."""
        if self._gateways is None:
            self._gateways = open_gateways(self.settings)
        return self._gateways

    @gateways.setter
    def gateways(self, gateways: Gateways) -> None:
        self._gateways = gateways

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        return self.clock()

    @contextmanager
    def in_time(self, context: object) -> Iterator[None]:
        """Let no call of a store or a third party begin, and none go on, when Lambda's time for the block is over."""
        with deadline.ending_with(self.deadline(context)):
            yield
