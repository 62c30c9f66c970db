"""Free terms beside paid ones: a learner has the free term of a course once.

A course may have a policy of price 0 to try it, beside policies that cost money. One item per user names the courses
whose free term they have ordered. The placing transaction adds a course on the condition that the item does not name
it. An order that closes unpaid gives it back; a delivered one never does, refunded or not. Cart, account and quote
read the item too, so that they offer nothing that the order refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pynamodb.attributes import UnicodeSetAttribute
from pynamodb.expressions.update import Action

from chalicelib.errors import ShopError
from chalicelib.shop.catalog import Course
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.order import Order
from chalicelib.shop.partition import partition
from chalicelib.storage.dynamodb import ItemKey, StoredItem, Transaction, UserItem

_SORT = "FREE_COURSES"


class FreeCourses(UserItem, discriminator="FREE_COURSES"):
    """The courses (`course#1`) whose free term the user has, or has in an open order."""

    courses = UnicodeSetAttribute(null=True)


def is_once(course: Course, price: int) -> bool:
    """Whether a policy of this price (fen) can be had once only: it is free, and another one of the course is not."""
    return price == 0 and any(policy.price > 0 for policy in course.policies)


def taken_key(user_id: int) -> ItemKey:
    """Where the free terms that a user has had are noted, for a batch read."""
    return FreeCourses, partition(user_id), _SORT


def has_taken(found: Mapping[ItemKey, StoredItem], user_id: int, course: CourseKey) -> bool:
    """Whether the user has had this course's free term, or has it in an open order, by what a batch read found."""
    stored = found.get(taken_key(user_id))
    return isinstance(stored, FreeCourses) and str(course) in (stored.courses or ())


def of_order(order: Order) -> list[CourseKey]:
    """The courses of an order by whose free term it was placed."""
    return [line.course for line in order.lines if line.is_free_once]


def take(transaction: Transaction, user_id: int, courses: Iterable[CourseKey], refusal: ShopError) -> None:
    """Record that the user has the free terms of these courses. Refused where they have one already."""
    names = {str(course) for course in courses}
    if not names:
        return
    taken = FreeCourses.courses
    unused = None
    for name in sorted(names):
        unused = ~taken.contains(name) if unused is None else unused & ~taken.contains(name)
    condition = taken.does_not_exist() | unused
    actions: list[Action] = [taken.add(names), FreeCourses.kind.set(FreeCourses)]
    transaction.update(_item(user_id), actions, condition, refusal)


def give_back(
    transaction: Transaction, user_id: int, courses: Iterable[CourseKey], refusal: ShopError
) -> None:
    """Release the free terms of these courses: the order with them closes."""
    names = {str(course) for course in courses}
    if names:
        actions: list[Action] = [FreeCourses.courses.delete(names)]
        transaction.update(_item(user_id), actions, FreeCourses.sort.exists(), refusal)


def _item(user_id: int) -> FreeCourses:
    return FreeCourses(partition(user_id), _SORT)
