"""The one place at which a learner watches: a new player takes it over, and the one before is told so.

A ticket names its section, and holds only while it is that of the place. With the place are kept the clocks that bound
what its player may report, so that they go on however often it is taken over.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct
from pynamodb.attributes import UnicodeAttribute, UTCDateTimeAttribute

from chalicelib.errors import PlaceChanged, PlaceTaken, ShopError, TicketOver
from chalicelib.shop.course_key import COURSE_TYPES, CourseKey
from chalicelib.shop.partition import partition
from chalicelib.shop.progress import Studied, Watched
from chalicelib.storage.dynamodb import (
    ItemKey,
    StoredItem,
    Transaction,
    UserItem,
    WholeNumber,
    find,
    refusing,
)

TICKET_LIFE = timedelta(hours=24)

_SORT = "PLACE"
_TICKET = re.compile(rf"({'|'.join(COURSE_TYPES)})-([0-9]{{1,15}})-([0-9]{{1,15}})-[0-9a-f]{{32}}", re.ASCII)


class StudyPlace(UserItem, discriminator="STUDY_PLACE"):
    """Where a learner watches now, since `began_at`; anywhere at all since `first_at`. Each write gives it a new
    `version`.

    `seconds`, `blocks` and `sections` are the lengths of the section and of its course, as of `Studied`.
    `counted_until` and `studied_until`: until when the clock is used up.
    """

    user_id = WholeNumber()
    ticket = UnicodeAttribute()
    version = UnicodeAttribute()
    course_type = UnicodeAttribute()
    course_id = WholeNumber()
    course_name = UnicodeAttribute()
    section_id = WholeNumber()
    section_name = UnicodeAttribute()
    seconds = WholeNumber(null=True)
    blocks = WholeNumber()
    sections = WholeNumber()
    first_at = UTCDateTimeAttribute()
    began_at = UTCDateTimeAttribute()
    counted_until = UTCDateTimeAttribute()
    studied_until = UTCDateTimeAttribute()

    @property
    def studied(self) -> Studied:
        """What is being played there."""
        return Studied(
            self.user_id,
            CourseKey(self.course_type, self.course_id),
            self.course_name,
            self.section_id,
            self.section_name,
            self.seconds,
            self.blocks,
            self.sections,
        )


class Ticket(Struct, frozen=True):
    """What a player proves with that the place is its, and the section that it was given for."""

    text: str
    course: CourseKey
    section_id: int


def read_ticket(text: str) -> Ticket:
    """The ticket of a text. Raises TicketOver for one that was never given out."""
    match = _TICKET.fullmatch(text)
    if match is None:
        raise TicketOver()
    course_type, course_id, section_id = match.groups()
    return Ticket(text, CourseKey(course_type, int(course_id)), int(section_id))


def place_key(user_id: int) -> ItemKey:
    """Where a learner's place lies, for a batch read."""
    return StudyPlace, partition(user_id), _SORT


def place_in(found: Mapping[ItemKey, StoredItem], user_id: int) -> StudyPlace | None:
    """A learner's place among what a batch read found."""
    stored = found.get(place_key(user_id))
    return stored if isinstance(stored, StudyPlace) else None


def held(place: StudyPlace | None, ticket: Ticket, now: datetime) -> StudyPlace:
    """The place, where a ticket holds it. Raises PlaceTaken (another one does), TicketOver (none, or for too long)."""
    if place is None:
        raise TicketOver()
    if place.ticket != ticket.text:
        raise PlaceTaken()
    if now >= place.began_at + TICKET_LIFE:
        raise TicketOver()
    return place


def take(before: StudyPlace | None, studied: Studied, now: datetime) -> str:
    """Take the place for a new player -> its ticket. One write. Raises PlaceChanged when it is not as it was read."""
    course = studied.course
    ticket = f"{course.course_type}-{course.course_id}-{studied.section_id}-{secrets.token_hex(16)}"
    place = StudyPlace(
        partition(studied.user_id),
        _SORT,
        user_id=studied.user_id,
        ticket=ticket,
        version=secrets.token_hex(8),
        course_type=course.course_type,
        course_id=course.course_id,
        course_name=studied.course_name,
        section_id=studied.section_id,
        section_name=studied.section_name,
        seconds=studied.seconds,
        blocks=studied.blocks,
        sections=studied.sections,
        first_at=before.first_at if before else now,
        began_at=now,
        counted_until=max(before.counted_until, now) if before else now,
        studied_until=max(before.studied_until, now) if before else now,
    )
    unchanged = StudyPlace.version == before.version if before else StudyPlace.sort.does_not_exist()
    with refusing(PlaceChanged()):
        place.save(condition=unchanged)
    return ticket


def advance(transaction: Transaction, place: StudyPlace, watched: Watched, refusal: ShopError) -> str:
    """Use up the clocks of a place for what was watched -> its new version. Refused when it is not as it was read."""
    version = secrets.token_hex(8)
    transaction.update(
        place,
        [
            StudyPlace.version.set(version),
            StudyPlace.counted_until.set(watched.counted_until),
            StudyPlace.studied_until.set(watched.studied_until),
        ],
        StudyPlace.version == place.version,
        refusal,
    )
    return version


def is_of_version(place: StudyPlace, version: str) -> bool:
    """Whether the stored place is of this version. One round trip."""
    stored = find(StudyPlace, place.owner, place.sort)
    return stored is not None and stored.version == version
