"""Hand-ins (作业): the text that a learner handed in for a section's assignment, one a section, until it is marked.

Access pattern: a learner's hand-in of a section is one item of the user's partition; those that wait to be marked are
on the list of `attention`, longest first.
"""

from __future__ import annotations

import re
from datetime import datetime

from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.errors import ChangedMeanwhile, HandInMarked, HandInNotFound
from chalicelib.shop.attention import HAND_IN, LEAVE_ATTENTION, AttentionItem, list_attention
from chalicelib.shop.course_key import COURSE_TYPES, CourseKey
from chalicelib.shop.partition import Page, partition
from chalicelib.storage.dynamodb import ItemKey, Transaction, WholeNumber, find

MAX_MARK = 100

_NUMBER = re.compile(
    rf"([1-9][0-9]{{0,14}})-({'|'.join(COURSE_TYPES)})-([1-9][0-9]{{0,14}})-([1-9][0-9]{{0,14}})-([1-9][0-9]{{0,8}})"
)


class HandIn(AttentionItem, discriminator="HAND_IN"):
    """What a learner handed in: `text` for the `task` as it was then. A replacement is a new `version`, from 1 on.

    It waits on the list of `attention`, since it was first handed in, until it has a `mark` (0 to 100).
    """

    user_id = WholeNumber()
    course_type = UnicodeAttribute()
    course_id = WholeNumber()
    course_name = UnicodeAttribute()
    section_id = WholeNumber()
    section_name = UnicodeAttribute()
    task = UnicodeAttribute()
    text = UnicodeAttribute()
    version = WholeNumber()
    handed_in_at = UTCDateTimeAttribute()
    mark = WholeNumber(null=True)
    comment = UnicodeAttribute(null=True)
    marked_at = UTCDateTimeAttribute(null=True)
    marked_by = UnicodeAttribute(null=True)

    @property
    def course(self) -> CourseKey:
        """The course of its section."""
        return CourseKey(self.course_type, self.course_id)

    @property
    def number(self) -> str:
        """The name of this version among all, by which operators act on it."""
        return f"{self.user_id}-{self.course_type}-{self.course_id}-{self.section_id}-{self.version}"

    def is_marked(self) -> bool:
        """Whether it has its mark, after which it is not replaced."""
        return self.mark is not None


def hand_in_key(user_id: int, course: CourseKey, section_id: int) -> ItemKey:
    """Where a learner's hand-in of a section lies."""
    return HandIn, partition(user_id), f"HAND_IN#{course}#{section_id}"


def find_hand_in(user_id: int, course: CourseKey, section_id: int) -> HandIn | None:
    """A learner's hand-in of a section, strongly consistent, or None. One round trip."""
    _, owner, sort = hand_in_key(user_id, course, section_id)
    return find(HandIn, owner, sort)


def hand_in_item(
    user_id: int,
    course: CourseKey,
    section_id: int,
    before: HandIn | None,
    *,
    course_name: str,
    section_name: str,
    task: str,
    text: str,
    now: datetime,
) -> HandIn:
    """A hand-in, ready to be written; `before` is the one that it replaces."""
    _, owner, sort = hand_in_key(user_id, course, section_id)
    return HandIn(
        owner,
        sort,
        user_id=user_id,
        course_type=course.course_type,
        course_id=course.course_id,
        course_name=course_name,
        section_id=section_id,
        section_name=section_name,
        task=task,
        text=text,
        version=before.version + 1 if before else 1,
        handed_in_at=now,
        attention=HAND_IN,
        attention_at=before.attention_at if before else int(now.timestamp()),
    )


def put(transaction: Transaction, new: HandIn, before: HandIn | None) -> None:
    """Write a hand-in in place of the one before. Refusal: HandInMarked (also where it was replaced meanwhile)."""
    if before is None:
        transaction.put_new(new, HandInMarked())
    else:
        transaction.put(new, _is_same(before), HandInMarked())


def is_there(new: HandIn) -> bool:
    """Whether this version is what is stored. One round trip."""
    stored = find_hand_in(new.user_id, new.course, new.section_id)
    return stored is not None and (stored.version, stored.text) == (new.version, new.text)


def mark(
    transaction: Transaction, marked: HandIn, given: int, comment: str | None, by: str, now: datetime
) -> None:
    """Mark the version of a hand-in that was read, once. Refusal: ChangedMeanwhile."""
    actions: list[Action] = [
        HandIn.mark.set(given),
        HandIn.marked_at.set(now),
        HandIn.marked_by.set(by),
        *([HandIn.comment.set(comment)] if comment else []),
        *LEAVE_ATTENTION,
    ]
    transaction.update(marked, actions, _is_same(marked), ChangedMeanwhile(what=marked.number))


def _is_same(read: HandIn) -> Condition:
    is_same: Condition = (HandIn.version == read.version) & HandIn.mark.does_not_exist()
    return is_same


def list_waiting(limit: int, cursor: str | None = None) -> Page[HandIn]:
    """Everybody's hand-ins that wait to be marked, longest first, as of `list_attention`. Raises InvalidPage."""
    page = list_attention(HAND_IN, limit, cursor)
    return Page([item for item in page.items if isinstance(item, HandIn)], page.next_cursor)


def find_by_number(number: str) -> HandIn:
    """The version of a hand-in that a number names, strongly consistent. One round trip.

    Raises HandInNotFound, HandInMarked, ChangedMeanwhile (it was replaced by a newer version).
    """
    parts = _NUMBER.fullmatch(number)
    if parts is None:
        raise HandInNotFound()
    user_id, course_type, course_id, section_id, version = parts.groups()
    found = find_hand_in(int(user_id), CourseKey(course_type, int(course_id)), int(section_id))
    if found is None or int(version) > found.version:
        raise HandInNotFound()
    if found.is_marked():
        raise HandInMarked()
    if int(version) < found.version:
        raise ChangedMeanwhile(what=number)
    return found
