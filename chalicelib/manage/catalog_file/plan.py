"""Plan the writes that make the stored catalogue equal to a file, and refuse the forbidden ones.

Orders and claimed coupons keep the data they rest on: a course that may have been sold is not removed, a page keeps its
id, a coupon's quantity covers its claims. Prices, rules and policies may change: orders and coupon records carry
copies.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from chalicelib.shop import catalog, coupon
from chalicelib.shop.catalog import Category, Chapter, Course, CourseDetail, Faq, Section, Teacher
from chalicelib.shop.coupon import CouponOffer
from chalicelib.shop.price_policy import PricePolicy
from chalicelib.storage.dynamodb import MAX_ITEM_BYTES, CatalogItem

from .difference import Change, difference
from .forms import short
from .items import Maker, catalogue_of
from .rows import Catalogue

KINDS = (Category, Teacher, Course, PricePolicy, CourseDetail, Chapter, Section, Faq, CouponOffer)

_CORE = (Course, PricePolicy, CourseDetail)
"""The items of a course that are listed, sold and shown: always written together."""
_ITEMS_TOGETHER = 90
"""Of the 100 of a transaction; one is the log's entry."""
_BYTES_TOGETHER = 1_500_000
"""Of the 4 MB of a transaction: a replaced item is sent too, as a condition."""

Fault = tuple[tuple[str | int, ...], str]
CatalogKey = tuple[str, str]


@dataclass(frozen=True)
class Stored:
    """The stored catalogue as it was read: its items by their keys."""

    items: dict[CatalogKey, CatalogItem]

    @cached_property
    def catalogue(self) -> Catalogue:
        """The same as rows."""
        return catalogue_of(self.items.values())

    @cached_property
    def fingerprint(self) -> str:
        """A digest of everything but the claims of coupons: equal for two readings if nothing else changed."""
        texts = sorted(_text(item) for item in self.items.values())
        return hashlib.sha256("\n".join(texts).encode()).hexdigest()


@dataclass(frozen=True)
class Write:
    """One item to replace, to add (no `old`) or to remove (no `new`)."""

    old: CatalogItem | None
    new: CatalogItem | None

    @property
    def size(self) -> int:
        """About how many bytes it sends."""
        return sum(len(_text(item).encode()) for item in (self.old, self.new) if item is not None)


@dataclass(frozen=True)
class Step:
    """The writes of one transaction: `subject` is the row they belong to, `details` the changes, in words."""

    subject: str
    details: str
    writes: tuple[Write, ...]


@dataclass
class Plan:
    """The work of an apply: `changes` in words, `steps` in an order without dangling references."""

    changes: list[Change] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


def read_stored() -> Stored:
    """Read the whole catalogue from the table."""
    return Stored({_key(item): item for item in catalog.scan_items(KINDS)})


def refusals(stored: Stored, wanted: Catalogue, now: datetime) -> list[Fault]:
    """The forbidden changes of the stored catalogue, with their places in the wanted one."""
    return [
        *_removed_courses(stored, wanted),
        *_pages(stored, wanted),
        *_coupons(stored, wanted),
        *_sizes(wanted, now),
    ]


def plan(stored: Stored, wanted: Catalogue, now: datetime) -> Plan:
    """Plan the writes. `wanted` was read and is not refused."""
    made = {_key(item): item for item in Maker(wanted, now).all()}
    videos = {
        item.video_id: item
        for item in stored.items.values()
        if isinstance(item, Section) and item.video_id and item.video_state
    }
    for key, item in made.items():
        _carry_over(stored.items.get(key), item, videos)
    writes = [
        Write(stored.items.get(key), item)
        for key, item in made.items()
        if not _is_same(stored.items.get(key), item)
    ]
    writes += [Write(item, None) for key, item in stored.items.items() if key not in made]
    changes = difference(stored.catalogue, wanted)
    changes += _unsaid(stored, writes, {change.subject for change in changes}, now)
    return Plan(changes, list(_steps(writes, changes)))


# What must not be done


def _removed_courses(stored: Stored, wanted: Catalogue) -> Iterator[Fault]:
    kept = {row.key for row in wanted.courses}
    for item in stored.items.values():
        if isinstance(item, Course) and item.key not in kept and not item.never_sold:
            yield (
                ("courses",),
                f"{item.key} {short(item.name)} is missing and may have been sold: it cannot be removed. "
                'Put it back with the status "offline" (下线): then it is neither listed nor sold',
            )


def _pages(stored: Stored, wanted: Catalogue) -> Iterator[Fault]:
    details = [item for item in stored.items.values() if isinstance(item, CourseDetail)]
    page_of = {item.course_key: item.detail_id for item in details}
    course_of = {item.detail_id: item.course_key for item in details}
    for position, row in enumerate(wanted.courses):
        place = ("courses", position, "detail")
        page = page_of.get(str(row.key))
        if row.detail is None:
            if page is not None:
                yield place, f"is missing: the page of {row.key} is detail {page}, and links lead to it"
            continue
        if page is not None and page != row.detail.id:
            yield (*place, "id"), f"the page of {row.key} is detail {page}, and links lead to it: it stays"
        other = course_of.get(row.detail.id, str(row.key))
        if other != str(row.key):
            yield (*place, "id"), f"detail {row.detail.id} is the page of {other}: choose another id"


def _coupons(stored: Stored, wanted: Catalogue) -> Iterator[Fault]:
    rows = {row.id: position for position, row in enumerate(wanted.coupons)}
    for item in stored.items.values():
        if not isinstance(item, CouponOffer):
            continue
        position = rows.get(item.coupon_id)
        if position is None:
            if item.claimed or item.in_flight:
                yield (
                    ("coupons",),
                    f"coupon {item.coupon_id} {short(item.name)} is missing, and {item.claimed} pieces are claimed: "
                    'it cannot be removed. Put it back with the status "offline": then nobody can claim it',
                )
        elif wanted.coupons[position].quantity < item.claimed:
            yield (
                ("coupons", position, "quantity"),
                f"{wanted.coupons[position].quantity} is less than the {item.claimed} that are claimed",
            )


def _sizes(wanted: Catalogue, now: datetime) -> Iterator[Fault]:
    maker = Maker(wanted, now)
    for position, row in enumerate(wanted.courses):
        for item in maker.course(row):
            size = len(_text(item).encode())
            if size > MAX_ITEM_BYTES:
                text = f"the texts of {item.sort} are {size} bytes together: {MAX_ITEM_BYTES} can be stored"
                yield ("courses", position), text


# What has to be written


def _key(item: CatalogItem) -> CatalogKey:
    return item.course_key, item.sort


def _text(item: CatalogItem) -> str:
    """The attributes of an item that a file decides, as text."""
    attributes = {
        name: value
        for name, value in item.serialize(null_check=False).items()
        if not (isinstance(item, CouponOffer) and name in coupon.COUNTED)
    }
    return json.dumps(attributes, ensure_ascii=False, sort_keys=True)


def _is_same(old: CatalogItem | None, new: CatalogItem) -> bool:
    return old is not None and _text(old) == _text(new)


def _carry_over(old: CatalogItem | None, new: CatalogItem, videos: Mapping[str, Section]) -> None:
    """Copy to a new version of an item the attributes that no file holds.

    `videos` are sections by their videos, of which something is known: a section that moves, or gets a known video,
    knows it, too.
    """
    if old is not None:
        new.source = old.source
    if isinstance(new, Course):
        was_never_sold = old is None or (isinstance(old, Course) and old.never_sold)
        new.never_sold = True if was_never_sold and not new.is_sold() else None
    if isinstance(new, CouponOffer) and isinstance(old, CouponOffer):
        new.created_at = old.created_at
    if isinstance(new, Section):
        same = old if isinstance(old, Section) and old.video_id == new.video_id else None
        known = same or videos.get(new.video_id or "")
        if known is not None:
            new.video_state, new.video_seconds = known.video_state, known.video_seconds
            new.video_version = known.video_version


def _unsaid(stored: Stored, writes: Iterable[Write], said: set[str], now: datetime) -> Iterator[Change]:
    """Name the writes that no changed row explains: outdated copies, and remains of removed courses."""
    known = {_key(item) for item in Maker(stored.catalogue, now).all()}
    by_subject: dict[str, list[Write]] = {}
    for write in writes:
        by_subject.setdefault(_subject(write), []).append(write)
    for subject, own in sorted(by_subject.items()):
        gone = [write.old for write in own if write.old is not None and write.new is None]
        remains = [item.sort for item in gone if _key(item) not in known]
        if remains:
            yield Change("-", subject, f"remains of what was removed: {', '.join(sorted(remains))}")
        elif subject not in said:
            yield Change("~", subject, "copies of names, teachers and prices are brought up to date")


def _subject(write: Write) -> str:
    """The row of the file that an item belongs to, as a change names it."""
    item = write.new or write.old
    match item:
        case Category():
            return f"category {item.category_id}"
        case Teacher():
            return f"teacher {item.teacher_id}"
        case CouponOffer():
            return f"coupon {item.coupon_id}"
    assert item is not None
    return item.course_key


def _steps(writes: Sequence[Write], changes: Sequence[Change]) -> Iterator[Step]:
    """The writes as transactions, in an order without dangling references."""
    words: dict[str, list[str]] = {}
    for change in changes:
        words.setdefault(change.subject, []).append(str(change))
    by_subject: dict[str, list[Write]] = {}
    for write in sorted(writes, key=_turn):
        by_subject.setdefault(f"{_stage(write)} {_subject(write)}", []).append(write)
    for own in by_subject.values():
        subject = _subject(own[0])
        chunks = list(_chunks(own))
        for number, chunk in enumerate(chunks, 1):
            part = f" (part {number} of {len(chunks)})" if len(chunks) > 1 else ""
            yield Step(subject + part, "; ".join(words[subject]), tuple(chunk))


def _stage(write: Write) -> int:
    is_referred_to = isinstance(write.new or write.old, Category | Teacher)
    if write.new is None and is_referred_to:
        return 3
    if isinstance(write.new or write.old, CouponOffer):
        return 2
    return 0 if is_referred_to else 1


def _turn(write: Write) -> tuple[int, CatalogKey, int, bool, str]:
    item = write.new or write.old
    assert item is not None
    core = 0 if isinstance(item, _CORE) else 1
    return _stage(write), (item.course_key, _subject(write)), core, write.new is None, item.sort


def _chunks(writes: Iterable[Write]) -> Iterator[list[Write]]:
    chunk: list[Write] = []
    size = 0
    for write in writes:
        if chunk and (len(chunk) == _ITEMS_TOGETHER or size + write.size > _BYTES_TOGETHER):
            yield chunk
            chunk, size = [], 0
        chunk.append(write)
        size += write.size
    if chunk:
        yield chunk
