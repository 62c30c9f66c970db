"""Valid things of the shop, made in one place: each test states only what it is about.

Everything is new and random-numbered, so tests share one set of tables without meeting.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from chalicelib.flows.grant import grant_enrollment
from chalicelib.settings import settings
from chalicelib.shop import catalog, contact, coupon, ledger, session, token
from chalicelib.shop.caller import Caller
from chalicelib.shop.catalog import Course, Section
from chalicelib.shop.contact import SMS
from chalicelib.shop.coupon import CouponOffer, CouponRecord
from chalicelib.shop.course_key import COURSE, CourseKey
from chalicelib.shop.device import UNKNOWN
from chalicelib.shop.enrollment import EnrollmentSlice
from chalicelib.shop.password import hash_password
from chalicelib.shop.price_policy import PricePolicy, policy_sort
from chalicelib.shop.token import Claims
from chalicelib.shop.user import ADMIN, STUDENT, User, UserName, user_item
from chalicelib.shop.user_name import folded
from chalicelib.storage.dynamodb import CatalogItem, Transaction, UserItem, find, random_id

PASSWORD = "learn and grow"
_PERIODS = (7, 30, 90, 180, 360, 36000, 1, 3, 14, 60, 120, 540, 720)
_numbers = itertools.count(secrets.randbelow(10**9) * 1000)
_years = itertools.count(2030)


def now() -> datetime:
    return datetime.now(UTC)


def new_id() -> int:
    """An id that no other test of this run has."""
    return random_id()


def new_name(prefix: str = "learner") -> str:
    return f"{prefix}-{next(_numbers)}-{secrets.token_hex(3)}"


def a_number() -> str:
    """A mobile number that no other test of this run has, and nobody else: no carrier gives out such a one."""
    return f"190{secrets.randbelow(10**8):08}"


def a_day() -> date:
    """A day to come on which, and in the months before and after which, no other test of this process trades."""
    return date(next(_years), 7, 1)


def a_user(
    *, beli: int = 0, username: str | None = None, password: str = PASSWORD, role: str = STUDENT
) -> User:
    """A user with a balance, who came from where all tests come from: stored as registering and an operator's grant
    leave one behind, but in one call, for almost every test makes one.
    """
    at, name = now(), username or new_name()
    user = user_item(
        random_id(),
        username=name,
        password=hash_password(password, iterations=1000),
        name=name,
        head_img="",
        created_at=at,
        devices={UNKNOWN},
        beli=beli,
        role=role,
    )
    with UserItem.batch_write() as batch:
        batch.save(UserName(f"USERNAME#{folded(name)}", "USERNAME", user_id=user.user_id))
        batch.save(user)
        if beli:
            batch.save(ledger.entry(user.user_id, beli, "operator#test", "operator: test", at))
    return user


def a_contact(user: User, channel: str = SMS) -> str:
    """A confirmed contact of a user: a number, or an address, that no other test of this run has."""
    number = a_number()
    to = number if channel == SMS else f"{number}@school.test"
    transaction = Transaction()
    before = contact.find_contact(user.user_id, channel)
    contact.confirm(transaction, user.user_id, before, channel, to, settings().contact_keys, now())
    transaction.commit(witness=lambda: contact.find_contact(user.user_id, channel) is not None)
    return to


def an_admin() -> User:
    """A registered user who may work in the back office."""
    return a_user(username=new_name("operator"), role=ADMIN)


def a_token(user: User, at: datetime | None = None) -> str:
    """A token of a new session of the user."""
    from chalicelib.settings import settings

    return token.make_token(session.start(user, at or now()), settings().jwt_key)


def claims_of(user: User) -> Claims:
    """The claims of a new session of the user, which no clock of a test ends."""
    started = session.start(user, now() + timedelta(days=10_000))
    return Claims(user.user_id, started.session_id, int(started.expires_at.timestamp()))


def a_caller(user: User) -> Caller:
    """The user in a new session, as flows get to know who asks."""
    return Caller(claims_of(user), now())


Parts = tuple[Course, Sequence[PricePolicy], catalog.CourseDetail | None]
"""A course with its policies and its detail."""


def a_course(**attributes: Any) -> Course:
    """A stored course on sale; `attributes` as of `parts_of_course`."""
    parts = parts_of_course(**attributes)
    if "course_id" in attributes:
        put_course(*parts)
    else:
        _store([parts])
    return parts[0]


def some_courses(count: int, **attributes: Any) -> list[Course]:
    """So many stored courses on sale; `attributes` as of `parts_of_course`."""
    made = [parts_of_course(**attributes) for _ in range(count)]
    _store(made)
    return [course for course, _, _ in made]


def parts_of_course(
    *,
    prices: Sequence[int] = (30000,),
    course_type: str = COURSE,
    with_detail: bool = True,
    teachers: Sequence[dict[str, Any]] = (),
    recommended: Sequence[dict[str, Any]] = (),
    **attributes: Any,
) -> Parts:
    """A course on sale with a policy for each of `prices` (fen), of the periods 7, 30, 90 ... days; not stored."""
    key = CourseKey(course_type, attributes.pop("course_id", new_id()))
    detail_id = new_id() if with_detail else None
    given = {
        "name": new_name("课程"),
        "course_img": "https://img.test/course.png",
        "brief": "简介",
        "level": catalog.BEGINNER,
        "status": catalog.ONLINE,
        "order": 1,
        "period": 7,
        "category_id": 1,
        "detail_id": detail_id,
    } | attributes
    policies = [
        catalog.policy_item(key, new_id(), days, price, detail_id)
        for price, days in zip(prices, _PERIODS, strict=False)
    ]
    detail = None
    if detail_id is not None:
        detail = catalog.detail_item(
            key,
            detail_id,
            hours=30,
            why_study="为什么学",
            what_to_study_brief="学什么",
            career_improvement="职业提升",
            prerequisite="先修",
            teachers=[catalog.TeacherCopy(**teacher) for teacher in teachers],
            recommended=[catalog.RecommendedCourse(**other) for other in recommended],
        )
    return catalog.course_item(key, policies, detail, **given), policies, detail


def a_section(
    course: Course,
    *,
    chapter: int = 1,
    order: int = 1,
    task: str | None = None,
    until: datetime | None = None,
    **attributes: Any,
) -> Section:
    """A stored section of a course, with an assignment where there is a `task`; `attributes` as of `Section`."""
    given = {
        "name": new_name("小节"),
        "section_type": catalog.EXERCISE,
        "player": catalog.POLYV,
        "section_link": "https://docs.test/exercise",
        "video_time": "",
        "free_trial": False,
        "detail_id": course.detail_id,
        "assignment": None if task is None else catalog.Assignment(task=task, until=until),
    } | attributes
    section = catalog.section_item(course.key, new_id(), chapter, order, **given)
    section.save()
    return section


def may_study(user: User, course: Course, days: int = 30, at: datetime | None = None) -> EnrollmentSlice:
    """Give a user days of study of a course, as an operator does."""
    return grant_enrollment(user, course.key, days, "test", "test", at or now())


def policies_of(course: Course) -> list[PricePolicy]:
    """The stored policies of a course, in the order of its `prices`."""
    page = catalog.find_course_contents(course.key)
    assert page is not None
    return sorted(page.policies, key=lambda policy: _PERIODS.index(policy.valid_period))


def put_course(course: Course, policies: Sequence[PricePolicy], detail: catalog.CourseDetail | None) -> None:
    """Store a course with its policies and its detail; policies that the stored one had beside these go."""
    stored = find(Course, str(course.key), "COURSE")
    kept = {policy.policy_id for policy in policies}
    _store([(course, policies, detail)])
    for gone in stored.policies if stored is not None else []:
        if gone.policy_id not in kept:
            PricePolicy(str(course.key), policy_sort(gone.policy_id)).delete()


def _store(made: Iterable[Parts]) -> None:
    """In one call: a course is made in almost every test."""
    with CatalogItem.batch_write() as batch:
        for course, policies, detail in made:
            for item in (course, *policies, *([detail] if detail else [])):
                batch.save(item)


def policy_id_of(course: Course, position: int = 0) -> int:
    """The id of one of a course's policies, counted in the order of its `prices`. Asks no store."""
    copies = sorted(course.policies, key=lambda policy: _PERIODS.index(policy.valid_period))
    return int(copies[position].policy_id)


def an_offer(
    *,
    quantity: int = 10,
    course: CourseKey | None = None,
    coupon_type: str = coupon.IMMEDIATE,
    value: int = 1000,
    **attributes: Any,
) -> CouponOffer:
    """A stored coupon that can be claimed from yesterday to tomorrow, and is good for a week from the claim;
    `attributes` as of `CouponOffer`.
    """
    given = {
        "name": new_name("优惠券"),
        "coupon_type": coupon_type,
        "value": value,
        "bound_to": str(course) if course else None,
        "quantity": quantity,
        "open_at": now() - timedelta(days=1),
        "close_at": now() + timedelta(days=1),
        "valid_days": 7,
        "created_at": now(),
    } | attributes
    offer = coupon.offer_item(new_id(), **given)
    offer.save()
    return offer


def a_video_section(course: CourseKey, video_id: str | None = None, **attributes: Any) -> Section:
    """A stored trial section, the only one of its course, that shows a protected video of its own or this one."""
    chapter = catalog.chapter_item(course, new_id(), 1, name="第一章", summary="", pub_date="2024-01-01")
    section = catalog.section_item(
        course,
        new_id(),
        1,
        1,
        name="第一节",
        section_type=catalog.VIDEO,
        player=catalog.POLYV,
        section_link=video_id or new_video_id(),
        video_time="00:59",
        **{"free_trial": True} | attributes,
    )
    chapter.save()
    section.save()
    return section


def new_video_id() -> str:
    """The id of a video that nothing else shows, as the Polyv simulator of the tests has them."""
    return f"e2e84a7383{new_id():022d}_e"


def a_coupon(user: User, **terms: Any) -> CouponRecord:
    """A user's stored coupon record; `terms` as of `coupon_record`."""
    record = coupon_record(user, **terms)
    record.save()
    return record


def some_coupons(user: User, courses: Iterable[Course], **terms: Any) -> None:
    """A stored coupon record for each of these courses."""
    with UserItem.batch_write() as batch:
        for course in courses:
            batch.save(coupon_record(user, course=course.key, **terms))


def coupon_record(
    user: User,
    *,
    course: CourseKey | None = None,
    coupon_type: str = coupon.IMMEDIATE,
    value: int = 0,
    off_percent: int | None = None,
    minimum: int = 0,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    status: str = coupon.UNUSED,
) -> CouponRecord:
    """A user's coupon record, bound to `course` or general, and good now unless told otherwise; not stored."""
    offer = coupon.offer_item(
        new_id(),
        name=new_name("优惠券"),
        coupon_type=coupon_type,
        value=value,
        off_percent=off_percent,
        minimum=minimum,
        bound_to=str(course) if course else None,
        quantity=10,
        open_at=now() - timedelta(days=1),
        close_at=now() + timedelta(days=1),
        valid_from=valid_from or now() - timedelta(days=1),
        valid_until=valid_until or now() + timedelta(days=1),
        created_at=now(),
    )
    return coupon.record_item(offer, user.user_id, new_id(), now(), status=status)
