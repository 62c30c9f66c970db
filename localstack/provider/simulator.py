"""The simulator of a payment provider as one object: what tests need of its notices and its bad days."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from localstack.provider.bad_days import HeldAnswers, Switch
from localstack.provider.book import Notice, NoticeBook
from localstack.provider.courier import Courier
from localstack.simulator_site import Simulator, Site, SiteHandler


class PaymentSimulator(Simulator):
    """A payment provider for one merchant, on 127.0.0.1.

    ``background``: False sends notices only when ``deliver_due_notices`` is called. ``hold_limit``: for how many
    seconds slow answers are held at most.
    """

    def __init__(
        self,
        site: Site,
        handler: type[SiteHandler],
        port: int,
        book: NoticeBook,
        courier: Courier,
        background: bool,
        hold_limit: float,
    ) -> None:
        self.now = book.now
        self.held_answers = HeldAnswers(hold_limit)
        self.courier = courier
        self._book = book
        self._background = background
        super().__init__(site, handler, port)

    # --- running -------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Open the port and start working. Raises OSError when the port is taken."""
        super().start()
        self.courier.start(self._background)
        return self

    def stop(self) -> None:
        """Close the port, stop sending notices, let go of slow answers and of the state file."""
        self.held_answers.stop()
        super().stop()
        self.courier.stop()
        self._book.close_file()

    def notices(self, out_trade_no: str | None = None) -> list[Notice]:
        """The notices of one trade, or of all, with their deliveries."""
        return self._book.notices(out_trade_no)

    @property
    def notifications_on(self) -> bool:
        """Whether notices are sent."""
        return self._book.notifications_on

    def switch_notifications(self, on: bool) -> None:
        """Stop sending notices, or send them again, beginning with those that waited."""
        self._book.switch_notifications(on)
        self.courier.hurry()

    def deliver_due_notices(self, early: bool = False) -> int:
        """Send all due notices (``early``: all not accepted yet) and wait for the answers."""
        return self.courier.deliver_due(early)

    def resend(self, notify_id: str) -> Notice:
        """Send a notice once more, in the background. Raises NoSuchTrade."""
        notice = self._book.resend(notify_id)
        self.courier.hurry()
        return notice

    # --- bad days ------------------------------------------------------------------------------------------

    @contextmanager
    def bad_day(
        self, name: str, *, times: int | None = None, method: str = "", out_trade_no: str = ""
    ) -> Iterator[None]:
        """Inside the block something goes wrong: one of ``bad_days.BAD_DAYS``, see ``switch_on``."""
        self.switch_on(name, times=times, method=method, out_trade_no=out_trade_no)
        try:
            yield
        finally:
            self.switch_off(name)

    def switch_on(
        self, name: str, *, times: int | None = None, method: str = "", out_trade_no: str = ""
    ) -> None:
        """Let something go wrong the next ``times`` times (None: always), at one method and for one order
        only or ("") at all. One switch for each name: the last setting holds. Raises ValueError.
        """
        self._book.switch_on(Switch(name, method, out_trade_no, times))

    def switch_off(self, name: str | None = None) -> None:
        """Let one thing, or all, go right again; slow answers held because of it leave at once."""
        self._book.switch_off(name)
        if name in ("answer_slow", None):
            self.held_answers.release()

    def bad_days(self) -> dict[str, Switch]:
        """What was switched on and not off again, by name; also what has used up its times."""
        return self._book.bad_days()

    def struck(self, name: str) -> int:
        """How often something has gone wrong since it was switched on; 0 when it is off."""
        switch = self.bad_days().get(name)
        return switch.struck if switch else 0
