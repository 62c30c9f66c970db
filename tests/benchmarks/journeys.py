"""Journeys of a stated mix through packaged functions, beside the bare function of cold_start.py."""

from __future__ import annotations

import itertools
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import app
from chalicelib.shop.catalog import Course
from tests import purchases
from tests.benchmarks.crowd import PLACES, Learner, Shop, Wrong, side_by_side, tell
from tests.benchmarks.places import PackagedApi, Places, Sample
from tests.packaged_functions import api_event, cpu_seconds

MIX = ("browse", "browse", "browse", "browse", "cart", "cart", "settle", "buy", "buy", "buy")
"""After what ten journeys end."""
ROUNDS = 5
BARE_REQUESTS = 600
"""In each round."""


@dataclass
class Round:
    """What a part of the journeys and the bare requests came to."""

    samples: list[Sample]
    seconds: float
    bare: list[float]
    """Milliseconds of each bare request."""
    bare_seconds: float
    cpu_seconds: Counter[str]
    """Processor time of the journeys, by who needed it."""

    @property
    def rate(self) -> float:
        """Requests of the journeys a second."""
        return len(self.samples) / self.seconds

    @property
    def bare_rate(self) -> float:
        """Bare requests a second."""
        return len(self.bare) / self.bare_seconds


@dataclass(frozen=True)
class Journey:
    """A learner's way to a course, and where it ends."""

    learner: Learner
    course: Course
    end: str

    def make(self, shop: Shop) -> None:
        """Go it."""
        self.learner.browse(self.course)
        if self.end == "browse":
            return
        self.learner.fill_cart(self.course)
        if self.end == "settle":
            self.learner.settle(self.course)
        elif self.end == "buy":
            tell(shop.alipay, self.learner.pay(self.course, shop.alipay), self.learner.gateway)


def make_journeys(shop: Shop, number: int, wrong: Wrong) -> list[Round]:
    """So many journeys, two of each learner at about the same time, in turns with the bare function."""
    with (
        shop.places("api_handler") as api,
        shop.places("alipay_notify") as notify,
        shop.bare_places() as bare,
    ):
        gateway = PackagedApi(app, {"api_handler": api, "alipay_notify": notify})
        ends = list(itertools.islice(itertools.cycle(MIX), number))
        random.Random(1).shuffle(ends)
        learners = [Learner(gateway) for _ in range(-(-number // 2))]
        twice = itertools.chain.from_iterable(zip(learners, learners, strict=True))
        journeys = [Journey(*way) for way in zip(twice, itertools.cycle(shop.courses), ends, strict=False)]
        warm(shop, gateway, bare)
        size = -(-number // ROUNDS)
        rounds = [
            make_round(shop, gateway, bare, journeys[start : start + size], wrong)
            for start in range(0, number, size)
        ]
    orders = wrong.books(shop.alipay, [learner.user for learner in learners])
    bought, paid = ends.count("buy"), sum(placed.is_delivered() for placed in orders)
    wrong.unless(len(orders) == paid == bought, f"{bought} bought, {paid} of {len(orders)} orders are paid")
    return rounds


def warm(shop: Shop, gateway: PackagedApi, bare: Places) -> None:
    """Requests for every process, which are not counted."""
    buying = [Journey(Learner(gateway), shop.courses[0], "buy") for _ in range(2 * PLACES)]
    purchases.at_once(*(partial(journey.make, shop) for journey in buying))
    side_by_side(PLACES, [partial(bare.invoke, api_event("GET", "/courses"))] * 2 * PLACES)
    gateway.taken()


def make_round(
    shop: Shop, gateway: PackagedApi, bare: Places, journeys: Sequence[Journey], wrong: Wrong
) -> Round:
    """These journeys, then the bare requests, each as many side by side as there are places."""
    before = processor_time(shop, gateway)
    seconds = side_by_side(PLACES, [partial(wrong.tried, partial(one.make, shop)) for one in journeys])
    cpu = processor_time(shop, gateway)
    cpu.subtract(before)
    samples = gateway.taken()
    wrong.answers(samples)
    taken: list[float] = []
    event = api_event("GET", "/courses")
    bare_seconds = side_by_side(PLACES, [lambda: taken.append(bare.invoke(event)[2])] * BARE_REQUESTS)
    return Round(samples, seconds, taken, bare_seconds, cpu)


def processor_time(shop: Shop, gateway: PackagedApi) -> Counter[str]:
    """Seconds so far, by who needed them. This process is all but the functions and the stores."""
    spent: dict[str, float] = {name: cpu_seconds(pid) for name, pid in shop.stores.items()}
    spent["functions"] = sum(places.cpu_seconds() for places in gateway.places.values())
    spent["clients, API Gateway and Alipay"] = time.process_time()
    return Counter(spent)
