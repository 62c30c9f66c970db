"""The catalogue: categories, teachers, courses with details, chapters, sections and questions.

Access patterns: the courses on show (all, or of a category) are one Query of a sparse index; a course page is
one Query by the page's id; what a cart or a checkout needs is one batch read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar, cast

from msgspec import Struct
from pynamodb.attributes import (
    BooleanAttribute,
    MapAttribute,
    UnicodeAttribute,
    UTCDateTimeAttribute,
)
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex

from chalicelib.errors import CoursePageNotFound, ShopError
from chalicelib.money import Fen
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.partition import decode_cursor, encode_cursor
from chalicelib.shop.price_policy import PricePolicy, PricePolicyCopy, policy_sort
from chalicelib.storage.dynamodb import (
    CatalogItem,
    CodedText,
    ItemKey,
    MapList,
    StoredItem,
    Transaction,
    WholeNumber,
    find_together,
    refusing,
)

ONLINE, ANNOUNCED, OFFLINE = "online", "announced", "offline"
"""上线: listed and sold. 预上线: listed, opens, not sold. 下线: neither listed nor sold."""
STATUS_NAMES = {ONLINE: "上线", ANNOUNCED: "预上线", OFFLINE: "下线"}

BEGINNER, INTERMEDIATE, ADVANCED = "beginner", "intermediate", "advanced"
LEVEL_NAMES = {BEGINNER: "初级", INTERMEDIATE: "中级", ADVANCED: "高级"}

LECTURER, ASSISTANT = "lecturer", "assistant"
TEACHER_ROLE_NAMES = {LECTURER: "讲师", ASSISTANT: "助教"}

DOCUMENT, EXERCISE, VIDEO = "document", "exercise", "video"
SECTION_TYPE_NAMES = {DOCUMENT: "文档", EXERCISE: "练习", VIDEO: "视频"}

PLAYERS = CC, POLYV, ALI = "CC", "POLYV", "ALI"
"""Video platforms; learners and operators read the codes themselves."""

MAX_LISTED = 100
"""The most teachers, and the most recommended courses, of a page."""

VIDEO_READY, VIDEO_WAITING, VIDEO_REFUSED, VIDEO_GONE = "ready", "waiting", "refused", "gone"
"""What became of a section's video at its platform: it can be played; it is being transcoded or reviewed; it did not
pass the review; it was deleted, or never was.
"""

_CATEGORIES = "CATEGORIES"
_TEACHERS = "TEACHERS"


class Category(CatalogItem, discriminator="CATEGORY"):
    """A category of courses. Partition `CATEGORIES`."""

    category_id = WholeNumber()
    name = UnicodeAttribute()


class Teacher(CatalogItem, discriminator="TEACHER"):
    """A teacher. Partition `TEACHERS`. `image` is a picture's address."""

    teacher_id = WholeNumber()
    name = UnicodeAttribute()
    role = CodedText(TEACHER_ROLE_NAMES)
    title = UnicodeAttribute()
    signature = UnicodeAttribute(null=True)
    image = UnicodeAttribute()
    brief = UnicodeAttribute()


class TeacherName(MapAttribute[str, object]):
    """A teacher of a course, as lists of courses name them."""

    teacher_id = WholeNumber()
    name = UnicodeAttribute()


class Course(CatalogItem, discriminator="COURSE"):
    """A course of any type. `period` is the recommended days of study, `pub_date` (`YYYY-MM-DD`) when it came out.

    `featured` courses stand on the home page. `policies` are copies of its price policies, cheapest first; `hours`,
    `slogan` and `taught_by` copies of its page, absent without one and in items written before lists showed them.
    `listing`, `listing_category` and `listing_order` put it into the list indexes; an offline course has none.
    `never_sold` is set while nobody can have bought or been given the course: only such a course may be removed.
    """

    course_type = UnicodeAttribute()
    course_id = WholeNumber()
    name = UnicodeAttribute()
    course_img = UnicodeAttribute()
    brief = UnicodeAttribute()
    level = CodedText(LEVEL_NAMES)
    status = UnicodeAttribute()
    order = WholeNumber()
    period = WholeNumber()
    pub_date = UnicodeAttribute(null=True)
    category_id = WholeNumber(null=True)
    detail_id = WholeNumber(null=True)
    featured = BooleanAttribute(null=True)
    policies = MapList(of=PricePolicyCopy)
    hours = WholeNumber(null=True)
    slogan = UnicodeAttribute(null=True)
    taught_by = MapList(of=TeacherName, null=True)
    never_sold = BooleanAttribute(null=True)
    listing = UnicodeAttribute(null=True)
    listing_category = UnicodeAttribute(null=True)
    listing_order = UnicodeAttribute(null=True)

    @property
    def key(self) -> CourseKey:
        """The course's key."""
        return CourseKey(self.course_type, self.course_id)

    def is_sold(self) -> bool:
        """Whether the course can be bought now: it is 上线 (and has the policy somebody asks for)."""
        return self.status == ONLINE

    @property
    def prices(self) -> tuple[Fen, ...]:
        """The prices of its policies, cheapest first."""
        return tuple(int(policy.price) for policy in self.policies)

    @property
    def teachers(self) -> tuple[TeacherName, ...]:
        """Who teaches it, in the page's order."""
        return tuple(self.taught_by or ())

    def policy(self, policy_id: int) -> PricePolicyCopy | None:
        """The copy of one of its policies."""
        return next((policy for policy in self.policies if policy.policy_id == policy_id), None)


class TeacherCopy(MapAttribute[str, object]):
    """A teacher as copied into a course's detail, so that a course page is one Query."""

    teacher_id = WholeNumber()
    name = UnicodeAttribute()
    title = UnicodeAttribute()
    signature = UnicodeAttribute(null=True)
    image = UnicodeAttribute()
    brief = UnicodeAttribute()


class RecommendedCourse(MapAttribute[str, object]):
    """A recommended course as copied into a detail: its id and name."""

    course_id = WholeNumber()
    course_name = UnicodeAttribute()


class CourseDetail(CatalogItem, discriminator="DETAIL"):
    """The texts of a course's page. `hours` of lessons; `detail_id` is what the page is asked for by."""

    detail_id = WholeNumber()
    hours = WholeNumber()
    course_slogan = UnicodeAttribute(null=True)
    video_brief_link = UnicodeAttribute(null=True)
    why_study = UnicodeAttribute()
    what_to_study_brief = UnicodeAttribute()
    career_improvement = UnicodeAttribute()
    prerequisite = UnicodeAttribute()
    teachers = MapList(of=TeacherCopy)
    recommended = MapList(of=RecommendedCourse)


class Chapter(CatalogItem, discriminator="CHAPTER"):
    """A chapter of a course; `chapter` is its number."""

    chapter_id = WholeNumber()
    chapter = WholeNumber()
    name = UnicodeAttribute()
    summary = UnicodeAttribute()
    pub_date = UnicodeAttribute()
    detail_id = WholeNumber(null=True)


class Assignment(MapAttribute[str, object]):
    """What the learners of a section are to hand in: the text of the task, and until when (None: at any time)."""

    task = UnicodeAttribute()
    until = UTCDateTimeAttribute(null=True)

    def is_over(self, now: datetime) -> bool:
        """Whether the time to hand in has passed."""
        return self.until is not None and now >= self.until


class Section(CatalogItem, discriminator="SECTION"):
    """A section of a chapter. `player` is one of `PLAYERS`.

    `section_link` (an address, a video's id) is shown for trial sections (`free_trial`) and to the enrolled only, that
    of a protected video to nobody. `online` is False while nobody may open the section, else absent.

    `video_id` is the link of a protected video, by which `by_video` finds its sections. `video_state` and
    `video_seconds`, its length, are what its platform answered when it was asked, absent before. `video_version`
    changes with every answer that is kept.
    """

    section_id = WholeNumber()
    chapter = WholeNumber()
    order = WholeNumber()
    name = UnicodeAttribute()
    section_type = CodedText(SECTION_TYPE_NAMES)
    player = UnicodeAttribute()
    section_link = UnicodeAttribute(null=True)
    video_time = UnicodeAttribute()
    free_trial = BooleanAttribute()
    pub_date = UTCDateTimeAttribute(null=True)
    assignment = Assignment(null=True)  # type: ignore[no-untyped-call]
    detail_id = WholeNumber(null=True)
    online = BooleanAttribute(null=True)
    video_id = UnicodeAttribute(null=True)
    video_state = UnicodeAttribute(null=True)
    video_seconds = WholeNumber(null=True)
    video_version = WholeNumber(null=True)

    def is_online(self) -> bool:
        """Whether it may be opened by whoever has a right to it."""
        return self.online is not False

    def is_ready(self) -> bool:
        """Whether its video can be played, as far as its platform was asked."""
        return self.video_state in (None, VIDEO_READY)

    def has_come_out(self, now: datetime) -> bool:
        """Whether there is something to show, and its time has come."""
        is_time = self.pub_date is None or self.pub_date <= now
        return self.is_online() and self.section_link is not None and is_time

    def is_protected(self) -> bool:
        """Whether it is a video that plays by a token only, whose id is for nobody to have."""
        return bool(self.section_type == VIDEO and self.player == POLYV)

    @property
    def seconds(self) -> int | None:
        """The length of a protected video: as its platform says, else by `video_time` (`12:30`, `1:02:30`).

        None where neither tells it, and of other sections: how much of these is watched cannot be known.
        """
        if not self.is_protected():
            return None
        length = self.video_seconds or _seconds(self.video_time)
        return length if 0 < length <= MOST_VIDEO_SECONDS else None


MOST_VIDEO_SECONDS = 24 * 3600
_VIDEO_TIME = re.compile(r"(?:([0-9]{1,2}):)?([0-9]{1,3}):([0-5][0-9])", re.ASCII)


def _seconds(text: str) -> int:
    match = _VIDEO_TIME.fullmatch(text)
    hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    return (hours * 60 + minutes) * 60 + seconds


class Faq(CatalogItem, discriminator="FAQ"):
    """A frequently asked question about a course, with its answer."""

    faq_id = WholeNumber()
    question = UnicodeAttribute()
    answer = UnicodeAttribute()
    detail_id = WholeNumber(null=True)


def category_item(category_id: int, name: str, source: str | None = None) -> Category:
    """A category, ready to be written."""
    return Category(_CATEGORIES, f"CATEGORY#{category_id}", category_id=category_id, name=name, source=source)


def teacher_sort(teacher_id: int) -> str:
    """The sort key of a teacher."""
    return f"TEACHER#{teacher_id}"


def teacher_key(teacher_id: int) -> ItemKey:
    """Where a teacher's item lies, for a batch read."""
    return Teacher, _TEACHERS, teacher_sort(teacher_id)


def teacher_item(teacher_id: int, **attributes: Any) -> Teacher:
    """A teacher, ready to be written; `attributes` as of `Teacher`."""
    return Teacher(_TEACHERS, teacher_sort(teacher_id), teacher_id=teacher_id, **attributes)


def course_item(
    key: CourseKey, policies: Iterable[PricePolicy], detail: CourseDetail | None = None, **attributes: Any
) -> Course:
    """A course with the copies of its policies and page, and its place in the lists; `attributes` as of `Course`."""
    course = Course(
        str(key),
        "COURSE",
        course_type=key.course_type,
        course_id=key.course_id,
        policies=_copies(policies),
        **(_page_copies(detail) | attributes),
    )
    if course.status != OFFLINE:
        course.listing = course.course_type
        course.listing_order = _listing_order(course.order, course.course_id)
        if course.category_id is not None:
            course.listing_category = f"{course.course_type}#{course.category_id}"
    return course


def _copies(policies: Iterable[PricePolicy | PricePolicyCopy]) -> list[PricePolicyCopy]:
    cheapest_first = sorted(
        policies, key=lambda policy: (policy.price, policy.valid_period, policy.policy_id)
    )
    return [
        PricePolicyCopy(policy_id=policy.policy_id, valid_period=policy.valid_period, price=policy.price)  # type: ignore[no-untyped-call]
        for policy in cheapest_first
    ]


def _page_copies(detail: CourseDetail | None) -> dict[str, Any]:
    """What a course has of its page."""
    if detail is None:
        return {}
    return {
        "detail_id": detail.detail_id,
        "hours": detail.hours,
        "slogan": detail.course_slogan,
        "taught_by": [
            TeacherName(teacher_id=teacher.teacher_id, name=teacher.name)  # type: ignore[no-untyped-call]
            for teacher in detail.teachers
        ],
    }


def _listing_order(order: int, course_id: int) -> str:
    # Orders may be negative; shifted and padded, their texts sort as the numbers do.
    return f"{order + 10**10:011d}#{course_id:016d}"


def policy_item(
    course: CourseKey,
    policy_id: int,
    valid_period: int,
    price: int,
    detail_id: int | None = None,
    source: str | None = None,
) -> PricePolicy:
    """A price policy, ready to be written: `valid_period` in days, `price` in fen."""
    return PricePolicy(
        str(course),
        policy_sort(policy_id),
        policy_id=policy_id,
        valid_period=valid_period,
        price=price,
        detail_id=detail_id,
        source=source,
    )


def add_policies(
    transaction: Transaction, course: Course, policies: Sequence[PricePolicy], refusal: ShopError
) -> None:
    """Add new policies to a stored course, with their copies. `course` is as it was read.

    Refused when its policies have changed since, or when one of the new ones exists already.
    """
    transaction.update(
        course,
        [Course.policies.set(_copies([*course.policies, *policies]))],
        Course.policies == course.policies,
        refusal,
    )
    for policy in policies:
        transaction.put_new(policy, refusal)


def mark_given_out(transaction: Transaction, course: Course, refusal: ShopError) -> None:
    """Record that somebody gets a course, which must not be removed from now on. Refused when it is gone."""
    if course.never_sold:
        transaction.update(course, [Course.never_sold.remove()], Course.sort.exists(), refusal)


def detail_item(course: CourseKey, detail_id: int, **attributes: Any) -> CourseDetail:
    """A course's detail, ready to be written; `attributes` as of `CourseDetail`."""
    return CourseDetail(str(course), "DETAIL", detail_id=detail_id, **attributes)


def chapter_item(course: CourseKey, chapter_id: int, chapter: int, **attributes: Any) -> Chapter:
    """A chapter, ready to be written; `attributes` as of `Chapter`."""
    return Chapter(
        str(course), f"CHAPTER#{chapter:05d}", chapter_id=chapter_id, chapter=chapter, **attributes
    )


def section_item(course: CourseKey, section_id: int, chapter: int, order: int, **attributes: Any) -> Section:
    """A section, ready to be written; sorted by chapter, order and id. `attributes` as of `Section`, without those of a
    protected video.
    """
    return Section(
        str(course),
        f"SECTION#{chapter:05d}#{order:05d}#{section_id}",
        section_id=section_id,
        chapter=chapter,
        order=order,
        video_id=_video_id(**attributes),
        **attributes,
    )


def _video_id(section_type: str, player: str, section_link: str | None = None, **others: Any) -> str | None:
    is_protected = section_type == VIDEO and player == POLYV
    return section_link or None if is_protected else None


def faq_item(course: CourseKey, faq_id: int, **attributes: Any) -> Faq:
    """A question, ready to be written; `attributes` as of `Faq`."""
    return Faq(str(course), f"FAQ#{faq_id:016d}", faq_id=faq_id, **attributes)


def list_categories() -> list[Category]:
    """All categories by id. One Query."""
    categories = cast(list[Category], list(Category.query(_CATEGORIES)))
    return sorted(categories, key=lambda category: category.category_id)


def list_teachers() -> list[Teacher]:
    """All teachers. One Query."""
    return cast(list[Teacher], list(Teacher.query(_TEACHERS)))


class CoursePage(Struct, frozen=True):
    """One course with everything its page shows."""

    course: Course
    detail: CourseDetail | None
    policies: tuple[PricePolicy, ...]
    chapters: tuple[Chapter, ...]
    sections: tuple[Section, ...]
    faqs: tuple[Faq, ...]

    def section(self, section_id: int) -> Section | None:
        """The section with this id. Its key holds chapter and order too, so it cannot be read by id alone."""
        return next((section for section in self.sections if section.section_id == section_id), None)


def find_page(detail_id: int) -> CoursePage:
    """The page with this id. One Query of an index. Raises CoursePageNotFound."""
    page = _assemble(CatalogItem.detail_index.query(detail_id))
    if page is None or page.detail is None:
        raise CoursePageNotFound(detail_id=detail_id)
    return page


def find_course_contents(key: CourseKey) -> CoursePage | None:
    """Everything of a course by its key, with or without a detail, or None. One Query."""
    return _assemble(CatalogItem.query(str(key)))


def _assemble(items: Iterable[CatalogItem]) -> CoursePage | None:
    stored = list(items)
    courses = of_model(stored, Course)
    if not courses:
        return None
    details = of_model(stored, CourseDetail)
    policies = sorted(
        of_model(stored, PricePolicy), key=lambda policy: (policy.valid_period, policy.policy_id)
    )
    return CoursePage(
        courses[0],
        details[0] if details else None,
        tuple(policies),
        tuple(of_model(stored, Chapter)),
        tuple(of_model(stored, Section)),
        tuple(of_model(stored, Faq)),
    )


AnItem = TypeVar("AnItem", bound=CatalogItem)


def of_model(items: Iterable[CatalogItem], model: type[AnItem]) -> list[AnItem]:
    """The items of one model."""
    return [item for item in items if isinstance(item, model)]


class CourseList(Struct, frozen=True):
    """Some courses in catalogue order, and the cursor of what follows, if anything does."""

    courses: tuple[Course, ...]
    next_cursor: str | None


def list_courses(course_type: str, category_id: int | None, limit: int, cursor: str | None) -> CourseList:
    """Courses on show of a type, of one category or of all, in catalogue order: `order`, then id.

    One Query of an index for up to `limit` (1 to 500) rows. Raises InvalidPage for a cursor that is none.
    """
    start = decode_cursor(cursor, r"[0-9]{11}#[0-9]{16}") if cursor else None
    index: GlobalSecondaryIndex[CatalogItem]
    if category_id is None:
        index, shown, name = CatalogItem.listing_index, course_type, "listing"
    else:
        shown = f"{course_type}#{category_id}"
        index, name = CatalogItem.category_index, "listing_category"
    start_key = None
    if start is not None:
        course_id = int(start.rpartition("#")[2])
        start_key = {
            "course_key": {"S": str(CourseKey(course_type, course_id))},
            "sort": {"S": "COURSE"},
            name: {"S": shown},
            "listing_order": {"S": start},
        }
    # One row more than asked for tells whether anything follows.
    found = index.query(shown, limit=limit + 1, last_evaluated_key=start_key)
    courses = cast(list[Course], list(found))
    last = courses[limit - 1].listing_order if len(courses) > limit else None
    return CourseList(tuple(courses[:limit]), encode_cursor(last) if last else None)


def find_sections_of(video_id: str) -> list[Section]:
    """The sections with this protected video, each as it is now. One Query of an index, and one batch read if there are
    any.
    """
    keys = [(Section, item.course_key, item.sort) for item in CatalogItem.video_index.query(video_id)]
    found = find_together(keys) if keys else {}
    return [item for item in found.values() if isinstance(item, Section) and item.video_id == video_id]


def keep_video_state(section: Section, state: str, seconds: int | None, refusal: ShopError) -> None:
    """Keep what became of the section's video. One write. Refused when another answer was kept, or the video became
    another one, since the section was read.
    """
    version = section.video_version
    unchanged = Section.video_version == version if version else Section.video_version.does_not_exist()
    actions: list[Action] = [
        Section.video_state.set(state),
        Section.video_version.set((version or 0) + 1),
        Section.video_seconds.set(seconds) if seconds else Section.video_seconds.remove(),
    ]
    with refusing(refusal):
        section.update(actions, condition=unchanged & (Section.video_id == section.video_id))


def find_courses(keys: Iterable[CourseKey]) -> dict[CourseKey, Course]:
    """The existing courses of these keys, with the copies of their policies. One batch read."""
    found = find_together([course_item_key(key) for key in keys])
    return {course.key: course for course in found.values() if isinstance(course, Course)}


def scan_items(kinds: Sequence[type[CatalogItem]]) -> list[CatalogItem]:
    """All items of these kinds in the whole table, strongly consistent. A Scan: for operators only."""
    return list(CatalogItem.scan(CatalogItem.kind.is_in(*kinds), consistent_read=True))


def course_item_key(key: CourseKey) -> ItemKey:
    """The key of a course's item, for a batch read."""
    return Course, str(key), "COURSE"


def course_in(found: Mapping[ItemKey, StoredItem], key: CourseKey) -> Course | None:
    """A course among what a batch read found."""
    course = found.get(course_item_key(key))
    return course if isinstance(course, Course) else None
