"""Take what a player reports: how much of it counts, for the section, the course and the day.

Place and progress change in one transaction, on the condition that both are as they were read: of reports at once each
part of the clock is used by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from chalicelib.errors import PlaceChanged, StoreUnavailable
from chalicelib.shop import enrollment, progress, study_place
from chalicelib.shop.caller import Caller
from chalicelib.shop.progress import BLOCK_SECONDS, SectionProgress, Span
from chalicelib.shop.study_place import StudyPlace, Ticket
from chalicelib.storage.background import in_background
from chalicelib.storage.dynamodb import Transaction

from .play_section import TRIES

REPORT_SECONDS = 10
"""How often a player reports. At twice the speed 20 seconds are played in between, and less than a block more is not
counted yet: closing the page loses less than 30.
"""


class Reported(Struct, frozen=True):
    """What a section has come to: the seconds that count, and their share in percent, None where its length is not
    known.
    """

    counted_seconds: int
    share: int | None
    is_done: bool


def report(caller: Caller, ticket: Ticket, spans: Sequence[Span], at: int, now: datetime) -> Reported:
    """Count what was played of the ticket's section: `spans` of its seconds, and where the player is (`at`).

    One round trip and a transaction, none where a report brings nothing new. Raises NotEnrolled, AccessPaused,
    AccessEnded, PlaceTaken, TicketOver.
    """
    user_id = caller.user_id
    keys = [
        study_place.place_key(user_id),
        progress.section_key(user_id, ticket.course, ticket.section_id),
    ]
    for _ in range(TRIES):
        owned = in_background(enrollment.find_enrollment, user_id, ticket.course)
        found = caller.find(keys)
        enrollment.active(owned(), now)
        place = study_place.held(study_place.place_in(found, user_id), ticket, now)
        before = progress.section_in(found, user_id, ticket.course, ticket.section_id)
        try:
            return _count(place, before, spans, at, now)
        except PlaceChanged:
            continue
    raise StoreUnavailable(store="dynamodb", operation="report", reason="busy")


def _count(
    place: StudyPlace, before: SectionProgress | None, spans: Sequence[Span], at: int, now: datetime
) -> Reported:
    studied = place.studied
    watched = progress.watch(
        before.seen if before else 0, spans, studied.seconds, place.counted_until, place.studied_until, now
    )
    resume_at = at if studied.seconds is None else min(at, studied.seconds)
    if before is not None and not watched.new and not watched.studied and resume_at == before.resume_at:
        return _reported(before)
    transaction = Transaction()
    version = study_place.advance(transaction, place, watched, PlaceChanged())
    after = progress.record(transaction, studied, before, watched, resume_at, now, PlaceChanged())
    transaction.commit(lambda: study_place.is_of_version(place, version))
    return _reported(after)


def _reported(after: SectionProgress) -> Reported:
    return Reported(
        counted_seconds=min(
            after.seen.bit_count() * BLOCK_SECONDS, after.seconds or after.seen.bit_length() * BLOCK_SECONDS
        ),
        share=progress.percent(after.counted, progress.blocks_in(after.seconds)),
        is_done=after.done_at is not None,
    )
