"""Many learners claim one coupon at the same moment."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import app
from tests import builders, purchases
from tests.addresses import ClientAt
from tests.benchmarks.crowd import SOLD_OUT, Shop, Wrong, side_by_side
from tests.benchmarks.places import PackagedApi, Sample

LEARNERS, PIECES, PLACES = 500, 50, 16


def claim_at_once(shop: Shop, wrong: Wrong) -> list[Sample]:
    """A sample for each learner's claim."""
    offer = builders.an_offer(quantity=PIECES)
    with ThreadPoolExecutor(8) as pool:
        users = list(pool.map(lambda _: builders.a_user(), range(LEARNERS)))
    with shop.places("api_handler", PLACES) as api:
        gateway = PackagedApi(app, {"api_handler": api})
        claiming = [ClientAt(user, gateway=gateway) for user in users]
        # Every process has claimed before, and is warm.
        other = builders.an_offer(quantity=LEARNERS)
        side_by_side(
            PLACES, [partial(one.post, f"/coupons/{other.coupon_id}/claim") for one in claiming[: 4 * PLACES]]
        )
        gateway.taken()
        path = f"/coupons/{offer.coupon_id}/claim"
        purchases.at_once(*(partial(wrong.tried, partial(one.post, path)) for one in claiming))
        samples = gateway.taken()
    wrong.answers(samples)
    wrong.books(shop.alipay, users, [offer, other])
    given = Counter(one.answer for one in samples)
    expected = {"1000": PIECES, SOLD_OUT: LEARNERS - PIECES}
    wrong.unless(given == expected, f"{PIECES} pieces for {LEARNERS} learners were answered {dict(given)}")
    return samples
