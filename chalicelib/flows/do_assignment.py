"""Do a section's assignment: see the task, hand in a text, replace it until it is marked. Mark it, as an operator."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from msgspec import Struct

from chalicelib.errors import AssignmentNotFound, AssignmentOver, HandInMarked, NotEnrolled, StoreUnavailable
from chalicelib.shop import audit, hand_in
from chalicelib.shop.caller import Caller
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.front_page import section_page
from chalicelib.shop.hand_in import HandIn
from chalicelib.shop.message import Event, tell
from chalicelib.storage.background import in_background
from chalicelib.storage.dynamodb import Transaction

from .study import Fresh, contents_of

_TRIES = 4
"""How often a text is handed in that meets another one of its learner."""


class ShownAssignment(Struct, frozen=True):
    """An assignment as its learner sees it: `until` when it can be handed in (None: at any time), and what was."""

    task: str
    until: datetime | None
    is_over: bool
    hand_in: HandIn | None


def show(caller: Caller, key: CourseKey, section_id: int, fresh: Fresh, now: datetime) -> ShownAssignment:
    """The assignment of a section and what the caller handed in. Who handed something in sees it for good.

    Raises CourseNotFound, NotEnrolled, AssignmentNotFound. One round trip; one more when the contents are not kept.
    """
    found = in_background(hand_in.find_hand_in, caller.user_id, key, section_id)
    contents, mine = contents_of(key, caller, fresh, now), found()
    if not contents.enrolled and mine is None:
        raise NotEnrolled()
    section = contents.page.section(section_id)
    if section is not None and section.assignment is not None:
        task = section.assignment
        return ShownAssignment(task.task, task.until, task.is_over(now), mine)
    if mine is None:
        raise AssignmentNotFound()
    return ShownAssignment(mine.task, None, True, mine)


def put(
    caller: Caller, key: CourseKey, section_id: int, text: str, fresh: Fresh, now: datetime
) -> ShownAssignment:
    """Hand in a text, in place of an earlier one that is not marked. The same text once more changes nothing.

    Raises CourseNotFound, NotEnrolled, AssignmentNotFound, AssignmentOver, HandInMarked; StoreUnavailable also where
    the learner hands in without end. Two round trips; one more when the contents are not kept.
    """
    find = in_background(hand_in.find_hand_in, caller.user_id, key, section_id)
    contents = contents_of(key, caller, fresh, now)
    if not contents.enrolled:
        raise NotEnrolled()
    section = contents.page.section(section_id)
    if section is None or section.assignment is None:
        raise AssignmentNotFound()
    task = section.assignment
    for _ in range(_TRIES):
        before = find()
        if before is not None and before.text == text:
            return ShownAssignment(task.task, task.until, task.is_over(now), before)
        if before is not None and before.is_marked():
            raise HandInMarked()
        if task.is_over(now):
            raise AssignmentOver()
        new = hand_in.hand_in_item(
            caller.user_id,
            key,
            section_id,
            before,
            course_name=contents.page.course.name,
            section_name=section.name,
            task=task.task,
            text=text,
            now=now,
        )
        if _write(new, before):
            return ShownAssignment(task.task, task.until, False, new)
        find = partial(hand_in.find_hand_in, caller.user_id, key, section_id)
    raise StoreUnavailable(store="dynamodb", operation="hand in", reason="busy")


def _write(new: HandIn, before: HandIn | None) -> bool:
    """Write a hand-in -> False where another one or a mark came before it."""
    transaction = Transaction()
    hand_in.put(transaction, new, before)
    try:
        transaction.commit(lambda: hand_in.is_there(new))
    except HandInMarked:
        return False
    return True


def mark(number: str, given: int, comment: str | None, by: str, now: datetime) -> HandIn:
    """Mark the version of a hand-in that a number names (0 to 100), once: its learner is told.

    Raises HandInNotFound, HandInMarked, ChangedMeanwhile (it was replaced).
    """
    read = hand_in.find_by_number(number)
    transaction = audit.recorded(audit.entry(by, "mark-hand-in", number, now, details=f"{given}"))
    hand_in.mark(transaction, read, given, comment, by, now)
    tell(
        transaction,
        read.user_id,
        Event.ASSIGNMENT_MARKED,
        read.number,
        now,
        course=read.course_name,
        section=read.section_name,
        page=section_page(read.course, read.section_id),
    )
    transaction.commit()
    return read
