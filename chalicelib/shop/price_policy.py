"""Price policies: a course for a validity period at a price. The same code sells every type of course."""

from __future__ import annotations

from collections.abc import Mapping

from pynamodb.attributes import MapAttribute

from chalicelib.shop.course_key import CourseKey
from chalicelib.storage.dynamodb import CatalogItem, ItemKey, StoredItem, WholeNumber

PERMANENT_DAYS = 36000
VALID_PERIODS = {
    1: "1天",
    3: "3天",
    7: "1周",
    14: "2周",
    30: "1个月",
    60: "2个月",
    90: "3个月",
    120: "4个月",
    180: "6个月",
    360: "12个月",
    540: "18个月",
    720: "24个月",
    PERMANENT_DAYS: "永久",
}
"""The thirteen validity periods: days -> the name learners read (the old system's table)."""


def period_name(days: int) -> str:
    """The name of a validity period; other lengths than the thirteen read as their days."""
    return VALID_PERIODS.get(days, f"{days}天")


class PricePolicy(CatalogItem, discriminator="PRICE_POLICY"):
    """One option to buy a course; keyed by course type and course id (partition) and policy id (sort).

    `valid_period` in days, `price` in fen.
    """

    policy_id = WholeNumber()
    valid_period = WholeNumber()
    price = WholeNumber()
    detail_id = WholeNumber(null=True)


class PricePolicyCopy(MapAttribute[str, object]):
    """A policy as copied into its course's item by the transaction that writes both.

    Lists, carts and accounts show every policy of many courses: with the copies that is one batch read. A sale always
    reads the policy's own item.
    """

    policy_id = WholeNumber()
    valid_period = WholeNumber()
    price = WholeNumber()


def policy_sort(policy_id: int) -> str:
    """The sort key of a policy."""
    return f"PRICE_POLICY#{policy_id}"


def policy_key(course: CourseKey, policy_id: int) -> ItemKey:
    """The key of a course's policy, for a batch read."""
    return PricePolicy, str(course), policy_sort(policy_id)


def policy_in(found: Mapping[ItemKey, StoredItem], course: CourseKey, policy_id: int) -> PricePolicy | None:
    """A course's policy among what a batch read found."""
    policy = found.get(policy_key(course, policy_id))
    return policy if isinstance(policy, PricePolicy) else None
