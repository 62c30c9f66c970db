"""The whole life of orders as a state machine: hypothesis chooses the next step, and after every step everything stored
is held to the invariants.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chalicelib.shop import order
from chalicelib.shop.payment_type import ALIPAY, WECHAT, Way
from localstack.alipay.bad_days import BILLS
from tests.proof import pace
from tests.proof.counts import count
from tests.proof.provider import MOODS
from tests.proof.wechat import WECHAT_MOODS
from tests.proof.world import World

some = st.integers(min_value=0, max_value=30)
"""Which of several there are: counted from the newest, more often a new one."""
providers = st.sampled_from([ALIPAY, WECHAT])
seconds = st.integers(0, 200) | st.just(86400)
spans = st.lists(st.tuples(seconds, seconds), max_size=4)
"""What a player says that it has played, the wrong way round, too."""
positions = st.lists(st.integers(min_value=0, max_value=7), max_size=3)
WRONG: tuple[dict[str, str], ...] = (
    *({"total_amount": "0.03"}, {"total_amount": "99999.99"}, {"app_id": "2021000000000000"}),
    *(
        {"seller_id": "2088000000000000"},
        {"out_trade_no": "NOBODYKNOWS"},
        {"trade_status": "TRADE_UNHEARD_OF"},
    ),
)
"""What makes a genuine notice one that does not fit."""
MINUTES = (0.1, 1, 5, 29, 31, 60, 24 * 60, 3 * 24 * 60)


PLANTED = (
    *(("", ""), ("", ""), ("", "")),
    *((name, bill) for name in ("bill_amount_off", "bill_line_missing", "bill_line_added") for bill in BILLS),
)
"""What is wrong with the bills by which a history is held in the end, and in which of them; mostly nothing."""


class ShopLife(RuleBasedStateMachine):
    """Any history of two learners, their orders, both payment providers, operators and the clock."""

    new_world: Callable[[], World]
    opening: Callable[[World], None]
    """Where a history begins, and what happens first; a test hands both in."""
    world: World
    days: int
    """How long its end is."""

    def __init__(self) -> None:
        super().__init__()
        self.is_open = False

    def _number(self, which: int, *statuses: str) -> str | None:
        """One of all orders, mostly in one of these states, newest first."""
        placed = self.world.all_orders()[::-1]
        wanted = [each for each in placed if each.status in statuses] if which % 5 else placed
        chosen = wanted or placed
        return chosen[which // 5 % len(chosen)].number if chosen else None

    @initialize(chance=st.integers(0, 1000))
    def open(self, chance: int) -> None:
        """What happens first. Hypothesis begins with the simplest history, one rule over and over, which shows
        nothing: it is passed over.
        """
        assume(chance)
        self.world = type(self).new_world()
        # After a day even what was closed for weeks has been asked about once more. Further ones cost many empty runs
        # of the timer: of a long run every eighth history is seen through to the last.
        self.days = 4 if not pace.SOAK or chance % 8 == 1 else 1
        self.planted = PLANTED[chance % len(PLANTED)]
        self.is_open = True
        count("histories")
        type(self).opening(self.world)

    @invariant()
    def everything_holds(self) -> None:
        """After every step."""
        self.world.check()

    # Learners

    @rule(
        who=st.integers(0, 1),
        courses=st.lists(st.integers(0, 4), min_size=1, max_size=3),
        records=positions,
        use_beli=st.booleans(),
        with_key=st.booleans(),
        provider=providers,
    )
    def place(
        self, who: int, courses: list[int], records: list[int], use_beli: bool, with_key: bool, provider: str
    ) -> None:
        """A learner places an order."""
        self.world.place(who, courses, records, use_beli=use_beli, with_key=with_key, provider=provider)

    @rule(
        who=st.integers(0, 1),
        courses=st.lists(st.integers(1, 4), min_size=1, max_size=3),
        records=positions,
        use_beli=st.booleans(),
        mood=st.sampled_from(["tell", "ask", "late"]),
        provider=providers,
    )
    def buy(
        self, who: int, courses: list[int], records: list[int], use_beli: bool, mood: str, provider: str
    ) -> None:
        """A learner buys: places, pays, and the shop learns it in one way or the other, or later."""
        number = self.world.place(who, courses, records, use_beli=use_beli, with_key=False, provider=provider)
        if number is None:
            return
        self.world.check()
        self.world.pay(number)
        self.world.check()
        if mood == "tell" and provider == WECHAT:
            self.world.notify_by_wechat(0)
        elif mood == "tell":
            self.world.collect_notices()
            self.world.notify(len(self.world.notices) - 1 if self.world.notices else 0)
        elif mood == "ask":
            self.world.look(number)

    @rule(who=st.integers(0, 1), which=some)
    def repeat_key(self, who: int, which: int) -> None:
        """A learner's client repeats a request."""
        self.world.repeat_key(who, which)

    @rule(which=some)
    def cancel(self, which: int) -> None:
        """A learner cancels."""
        if number := self._number(which, order.PLACED):
            self.world.cancel(number)

    @rule(which=some)
    def look(self, which: int) -> None:
        """A learner looks at an order's page."""
        if number := self._number(which, order.PLACED):
            self.world.look(number)

    @rule(which=some, to=st.sampled_from([ALIPAY, WECHAT]))
    def change_provider(self, which: int, to: str) -> None:
        """A learner has an order paid by another provider."""
        if number := self._number(which, order.PLACED):
            self.world.change_provider(number, to)

    @rule(which=some, way=st.sampled_from([Way.NATIVE, Way.H5]))
    def open_wechat_page(self, which: int, way: Way) -> None:
        """A learner opens WeChat's page of an order."""
        if number := self._number(which, order.PLACED):
            self.world.open_wechat_page(number, way)

    @rule(who=st.integers(0, 1), which=some)
    def read(self, who: int, which: int) -> None:
        """A learner reads their pages."""
        self.world.read(who, which)

    @rule(who=st.integers(0, 1), offer=st.integers(0, 1))
    def claim(self, who: int, offer: int) -> None:
        """A learner claims a coupon."""
        self.world.claim(who, offer)

    @rule(who=st.integers(0, 1), offer=st.integers(0, 1))
    def leave_claim(self, who: int, offer: int) -> None:
        """A claim is cut off."""
        self.world.leave_claim(who, offer)

    @rule(which=some, lines=st.none() | st.lists(st.integers(0, 2), min_size=1, max_size=2))
    def apply(self, which: int, lines: list[int] | None) -> None:
        """A learner applies for a refund."""
        if number := self._number(which, order.PAID):
            self.world.apply(number, lines)

    @rule(position=some)
    def withdraw(self, position: int) -> None:
        """A learner withdraws an application."""
        self.world.withdraw(position)

    @rule(who=st.integers(0, 1), course=st.integers(0, 4), section=st.integers(0, 1))
    def play(self, who: int, course: int, section: int) -> None:
        """A learner begins to play a section."""
        self.world.play(who, course, section)

    @rule(
        who=st.integers(0, 1), course=st.integers(0, 4), section=st.integers(0, 1), reports=st.integers(1, 4)
    )
    def study(self, who: int, course: int, section: int, reports: int) -> None:
        """A learner is given a course, and watches."""
        self.world.grant_course(who, course)
        self.world.check()
        self.world.play(who, course, section)
        self.world.check()
        self.world.watch(0, reports)

    @precondition(lambda self: self.world.studying.players)
    @rule(which=some, reports=st.integers(1, 6))
    def watch(self, which: int, reports: int) -> None:
        """A player plays, and reports every ten seconds."""
        self.world.watch(which // 5, reports)

    @precondition(lambda self: self.world.studying.players)
    @rule(which=some, spans=spans, times=st.integers(1, 3))
    def say(self, which: int, spans: list[tuple[int, int]], times: int) -> None:
        """A player reports whatever it likes, more than once."""
        self.world.say(which // 5, spans, times)

    @precondition(lambda self: self.world.studying.players)
    @rule(which=some)
    def renew(self, which: int) -> None:
        """A player asks for its token anew."""
        self.world.renew(which // 5)

    # The providers

    @rule(which=some)
    def scan(self, which: int) -> None:
        """The buyer scans."""
        if number := self._number(which, order.PLACED):
            self.world.scan(number)

    @rule(which=some, nth=st.integers(0, 3))
    def pay(self, which: int, nth: int) -> None:
        """The buyer pays one of an order's trades."""
        if number := self._number(which, order.PLACED, order.CANCELLED, order.EXPIRED):
            self.world.pay(number, nth)

    @rule(which=some)
    def give_up(self, which: int) -> None:
        """The buyer closes the trade."""
        if number := self._number(which, order.PLACED):
            self.world.give_up(number)

    @rule(which=some)
    def pay_twice(self, which: int) -> None:
        """A second trade pays an order."""
        if number := self._number(which, order.PAID, order.CANCELLED, order.REFUNDED):
            self.world.pay_twice(number)

    @rule(which=some, amount=st.none() | st.integers(0, 40000))
    def refund_at_console(self, which: int, amount: int | None) -> None:
        """The merchant's console refunds."""
        if number := self._number(which, order.PAID, order.REFUNDING):
            self.world.refund_at_console(number, amount)

    @rule(position=some)
    def refund_second_trade_at_console(self, position: int) -> None:
        """The merchant's console refunds a second trade."""
        self.world.refund_second_trade_at_console(position)

    @rule(position=some, change=st.sampled_from(WRONG))
    def notify_wrongly(self, position: int, change: dict[str, str]) -> None:
        """A genuine notice arrives that is not for this shop, or fits no order."""
        self.world.notify_wrongly(position, change)

    @precondition(lambda self: self.world.all_orders())
    @rule(position=st.integers(0, 200))
    def notify(self, position: int) -> None:
        """A notice arrives: any that was ever made."""
        self.world.notify(position)

    @rule()
    def notify_newest(self) -> None:
        """The newest notice arrives, if it has not yet."""
        self.world.collect_notices()
        if self.world.notices and self.world.notices[-1]["notify_id"] not in self.world.told:
            self.world.notify(len(self.world.notices) - 1)

    @rule(moods=st.lists(st.sampled_from(MOODS), min_size=1, max_size=2))
    def alipay_has_a_bad_moment(self, moods: list[str]) -> None:
        """The next calls of Alipay go wrong."""
        self.world.provider.moods.extend(moods)

    @precondition(lambda self: self.world.all_orders())
    @rule(position=st.integers(0, 50))
    def notify_by_wechat(self, position: int) -> None:
        """A notice of WeChat Pay arrives: any that was ever made."""
        self.world.notify_by_wechat(position)

    @rule(position=some, status=st.sampled_from(["SUCCESS", "ABNORMAL", "CLOSED"]))
    def end_wechat_refund(self, position: int, status: str) -> None:
        """A refund at WeChat Pay comes to an end, or to a stop."""
        self.world.end_wechat_refund(position, status)

    @rule(moods=st.lists(st.sampled_from(MOODS + WECHAT_MOODS), min_size=1, max_size=2))
    def wechat_has_a_bad_moment(self, moods: list[str]) -> None:
        """The next calls of WeChat Pay go wrong."""
        self.world.wechat_provider.moods.extend(moods)

    # Operators and the clock

    @rule(position=some)
    def approve(self, position: int) -> None:
        """An operator approves."""
        self.world.approve(position)

    @rule(position=some)
    def refuse(self, position: int) -> None:
        """An operator refuses."""
        self.world.refuse(position)

    @rule(position=some)
    def try_again(self, position: int) -> None:
        """An operator has a stuck refund tried again."""
        self.world.try_again(position)

    @rule(which=some)
    def retry_order(self, which: int) -> None:
        """An operator has the providers asked about an order."""
        if number := self._number(which, order.PAID, order.REFUNDING, order.CANCELLED):
            self.world.retry_order(number)

    @rule(who=st.integers(0, 1), beli=st.integers(-300, 300).filter(bool))
    def grant(self, who: int, beli: int) -> None:
        """An operator gives or takes beli."""
        self.world.grant(who, beli)

    @rule(who=st.integers(0, 1), course=st.integers(0, 4))
    def grant_course(self, who: int, course: int) -> None:
        """An operator gives days of study."""
        self.world.grant_course(who, course)

    @rule(minutes=st.sampled_from(MINUTES))
    def time_passes(self, minutes: float) -> None:
        """Time passes, and nothing runs."""
        self.world.clock.advance(timedelta(minutes=minutes))

    @rule(minutes=st.sampled_from(MINUTES[:6]))
    def timer(self, minutes: float) -> None:
        """The timers run, some time later."""
        self.world.clock.advance(timedelta(minutes=minutes))
        self.world.run_timer()

    def teardown(self) -> None:
        """In the end whoever paid has the course or the money."""
        if not self.is_open:
            return
        try:
            self.world.check()
            self.world.quiesce(self.days)
            self.world.hold_bills(*self.planted)
        finally:
            self.world.forget()


def live(
    new_world: Callable[[], World], opening: Callable[[World], None], chosen: settings, name: str
) -> None:
    """Let histories run that each begin in a new world with this opening; where they are not random, the name
    chooses them.

    Raises what went wrong, with the history that led there.
    """
    begin = {"new_world": staticmethod(new_world), "opening": staticmethod(opening)}
    machine = type(name, (ShopLife,), {**begin, "__qualname__": name})
    run_state_machine_as_test(machine, settings=chosen)
