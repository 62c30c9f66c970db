"""Cutting flows off: the process dies before its nth call of a store or a provider, or that call is done and its
answer lost; or what is called goes down, before the call or after it, and the process lives to handle that; or the
request's time is over after the call, so that no other one begins.

Calls are counted as they pass on the network, whoever makes them: a new call is a new cut point.

A lost answer to a read leaves nothing behind: only those to calls that may have changed something are lost. And a dead
process leaves behind what it had written: so it is enough to die before the first call after each of these.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import app as application
from chalicelib.deadline import Deadline, ending_with
from chalicelib.errors import OutcomeUnknown, StoreUnavailable
from chalicelib.storage.dynamodb import connection
from tests.faults import Action, Call, Exchange, Fault, Proxy, die_after, die_before, reset_after
from tests.faults.routing import FaultyApp

DIES, LOST = "dies", "answer lost"
WAYS = (DIES, LOST)
DOWN_BEFORE, DOWN_AFTER = "down before", "down after"
OUTAGES = (DOWN_BEFORE, DOWN_AFTER)
OVER, OVER_LOST = "its time is over", "its time is over, answer lost"
OVERTIME = (OVER, OVER_LOST)


class Died(BaseException):
    """The process is dead: nothing of it runs any more, not even what handles errors."""


class Hourglass(Deadline):
    """The deadline of a request that has all the time in the world, and then none."""

    def __init__(self) -> None:
        super().__init__()
        self.is_over = False

    def remaining(self) -> float:
        """Everything or nothing."""
        return 0.0 if self.is_over else math.inf


class Cut:
    """The plan of one cut: at which call, in which way; afterwards, whether it was reached.

    Where it dies, the nth of every call, or only of those whose cuts leave different things behind.
    """

    def __init__(self, nth: int, way: str, every: bool = True) -> None:
        self.nth = nth
        self.way = way
        self.every = every
        self.turns: Counter[str] = Counter()
        """How often each way had its turn until the cut, or until the end."""
        self.reached = False
        self.dead = False
        self.time = Hourglass()
        self._changed = True
        self._lock = threading.Lock()

    def is_turn(self, call: Call) -> bool:
        """Count a call, wherever it goes, and tell whether it is the one."""
        if call.setup:
            return False
        with self._lock:
            changed_before, self._changed = self._changed, not call.only_reads
            changed, before = self._changed, self.turns[self.way]
            self.turns += Counter(
                {
                    LOST: changed,
                    OVER_LOST: changed,
                    OVER: self.every or changed,
                    DIES: self.every or changed_before,
                    DOWN_BEFORE: True,
                    DOWN_AFTER: True,
                }
            )
            is_turn = before < self.turns[self.way] == self.nth
            self.reached |= is_turn
            return is_turn

    def action(self, others: list[Proxy[Any]]) -> Action:
        """What happens to the call whose turn it is."""
        if self.way == LOST:
            return reset_after()
        if self.way in OUTAGES:
            return die_before() if self.way == DOWN_BEFORE else die_after()
        if self.way in OVERTIME:
            return self._in_overtime(reset_after() if self.way == OVER_LOST else Exchange.forward)
        die = die_before(*others)

        def act(exchange: Exchange) -> bytes:
            self.dead = True
            return die(exchange)

        return act

    def _in_overtime(self, action: Action) -> Action:
        def act(exchange: Exchange) -> bytes:
            self.time.is_over = True
            return action(exchange)

        return act

    def die_if_dead(self, operation: str, body: bytes) -> None:
        """A dead process tries nothing again."""
        if self.dead:
            raise Died


@contextmanager
def cutting(shop: FaultyApp, cut: Cut) -> Iterator[None]:
    """Inside the block the cut is made when its turn comes; at the end everything works again.

    The block ends early, and quietly, where the process dies; also with the trouble that an outage is told as.
    """
    proxies: list[Proxy[Any]] = [shop.dynamodb, shop.redis, shop.alipay, shop.wechat]
    listeners = connection().client.listeners
    with ExitStack() as healed:
        for proxy in proxies:
            others = [other for other in proxies if other is not proxy]
            fault = Fault.on(action=cut.action(others), where=cut.is_turn, must_fire=False)
            healed.enter_context(proxy.faults(fault))
        healed.enter_context(in_time(cut.time))
        listeners.insert(0, cut.die_if_dead)
        healed.callback(listeners.remove, cut.die_if_dead)
        try:
            yield
        except Died:
            assert cut.dead
        except (StoreUnavailable, OutcomeUnknown):
            assert cut.way in (*OUTAGES, *OVERTIME)


@contextmanager
def in_time(time: Deadline) -> Iterator[None]:
    """This is the deadline of every request, and of what the test calls itself."""
    process = application.app.process
    before, process.deadline = process.deadline, lambda context: time
    try:
        with ending_with(time):
            yield
    finally:
        process.deadline = before


def cut_at(
    shop: FaultyApp,
    begin: Callable[[], Callable[[], object]],
    after: Callable[[Cut], None],
    cut: Cut,
) -> Cut:
    """Cut a flow off once. `begin` prepares a new situation and returns what is to be cut; `after` looks at what was
    left.
    """
    act = begin()
    try:
        with cutting(shop, cut):
            act()
    except Exception as wrong:
        wrong.add_note(f"call {cut.nth}: {cut.way}")
        raise
    after(cut)
    return cut


def cut_everywhere(
    shop: FaultyApp,
    begin: Callable[[], Callable[[], object]],
    after: Callable[[Cut], None],
    every: bool,
    ways: Sequence[str] = WAYS,
) -> Iterator[Cut]:
    """Cut a flow at its first call, its second, ... in each way, until it runs through uncut; yield each cut.

    It dies at every call, or at those only whose cuts leave different things behind. It runs through once, in the
    first way.
    """
    turns: Mapping[str, float] = dict.fromkeys(ways, math.inf)
    for way in ways:
        for nth in itertools.count(1):
            if nth > turns[way]:
                break
            cut = cut_at(shop, begin, after, Cut(nth, way, every))
            if not cut.reached:
                # It ran to its end: now it is known how often every way has its turn.
                turns = cut.turns
                break
            yield cut
