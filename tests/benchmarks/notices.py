"""Payment notices while the API is flooded: the functions are apart, as on AWS, and share DynamoDB."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import app
from chalicelib.shop.catalog import Course
from tests.benchmarks.crowd import PLACES, Learner, Shop, Wrong, side_by_side, tell
from tests.benchmarks.flood import Flood, Flooded
from tests.benchmarks.places import PackagedApi, Places
from tests.packaged_functions import environment_of

NOTICES, TURNS = 25, 6
"""So many notices in each of so many turns."""
ALONE, IN_FLOOD, BESIDE_FLOOD = "alone", "in a flood", "in a flood on one processor"


@dataclass
class Told:
    """Notices: milliseconds of each; the function's processor time and its waiting for a processor, in seconds; and
    the floods meanwhile.
    """

    ran: list[float] = field(default_factory=list)
    cpu_seconds: float = 0
    queued_seconds: float = 0
    floods: list[Flooded] = field(default_factory=list)


class Recording(PackagedApi):
    """Keeps the events of what it is asked."""

    def __init__(self, application: Any, places: dict[str, Places]) -> None:
        super().__init__(application, places)
        self.events: list[dict[str, Any]] = []

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """As of `PackagedApi`."""
        self.events.append(event)
        return super().invoke(function, event)


def tell_in_a_flood(shop: Shop, wrong: Wrong) -> dict[str, Told]:
    """Notices one after the other, in turns alone and while the API gets all the requests that it can answer."""
    buyers: list[Learner] = []
    numbers: list[str] = []

    def buy(course: Course) -> None:
        """A paid order, of which nobody has told the shop."""
        buyers.append(buyer := Learner(gateway))
        numbers.append(buyer.pay(course, shop.alipay))

    with shop.places("api_handler") as api:
        events = events_of_learners(shop, api)
        gateway = PackagedApi(app, {"api_handler": api})
        wares = itertools.islice(itertools.cycle(shop.courses), 3 * NOTICES * TURNS)
        side_by_side(PLACES, [partial(buy, course) for course in wares])
    flood = partial(Flood, PLACES, shop.unpacked, environment_of("api_handler"), events)
    told = {ALONE: Told(), IN_FLOOD: Told(), BESIDE_FLOOD: Told()}
    with shop.places("alipay_notify", 1) as notify, flood() as strong, flood(one_processor=True) as confined:
        gateway = PackagedApi(app, {"alipay_notify": notify})
        ahead = iter(numbers)
        for _ in range(TURNS):
            for sums, flooding in zip(told.values(), (None, strong, confined), strict=True):
                if flooding:
                    flooding.begin()
                tell_some(shop, itertools.islice(ahead, NOTICES), gateway, sums, wrong)
                if flooding:
                    sums.floods.append(flooding.end())
    paid = sum(placed.is_delivered() for placed in wrong.books(shop.alipay, [buyer.user for buyer in buyers]))
    wrong.unless(paid == len(numbers), f"{len(numbers)} notices, and {paid} orders are paid")
    for name, sums in told.items():
        refused = sum(one.wrong for one in sums.floods)
        wrong.unless(refused == 0, f"{name}: {refused} requests were not answered as they should be")
    return told


def events_of_learners(shop: Shop, api: Places) -> list[dict[str, Any]]:
    """What the API's function gets when learners browse, fill their carts and settle."""
    gateway = Recording(app, {"api_handler": api})
    for learner, course in zip([Learner(gateway) for _ in range(PLACES)], shop.courses, strict=False):
        learner.browse(course)
        learner.fill_cart(course)
        learner.settle(course)
    return gateway.events


def tell_some(shop: Shop, numbers: Iterator[str], gateway: PackagedApi, told: Told, wrong: Wrong) -> None:
    """Tell of these orders, and add what it takes."""
    places = gateway.places["alipay_notify"]
    cpu, queued = places.cpu_seconds(), places.queued_seconds()
    for number in numbers:
        wrong.tried(partial(tell, shop.alipay, number, gateway))
    told.cpu_seconds += places.cpu_seconds() - cpu
    told.queued_seconds += places.queued_seconds() - queued
    samples = gateway.taken()
    wrong.answers(samples)
    told.ran += [one.ran for one in samples]
