"""The demo shop: the content of `localstack/demo/shop.json`, added to the stores once.

Every unit (a course with all that belongs to it, a user with ledger and coupon records) is one transaction of
puts on absence, so that seeding again changes nothing and never touches what somebody else has written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from chalicelib import money
from chalicelib.beijing_time import BEIJING, day_end, day_start
from chalicelib.errors import IdTaken, InvalidSetting, UserNameTaken, UserNotFound
from chalicelib.settings import password_iterations, stage
from chalicelib.shop import catalog, coupon, ledger, user
from chalicelib.shop.coupon import CouponOffer
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import CatalogItem, Transaction, UserItem, find

CONTENT = Path(__file__).parents[2] / "localstack" / "demo" / "shop.json"
SOURCE = "demo"
_PLAYER = "POLYV"

Json = dict[str, Any]


@dataclass
class Report:
    """What a seeding did. `added` and `present` count by kind; `refused` names what is not the demo's own.

    `str()` of it is what the operator reads.
    """

    added: dict[str, int] = field(default_factory=dict)
    present: dict[str, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    users: str = ""

    def __str__(self) -> str:
        lines = []
        for words, counts in (("added", self.added), ("already there", self.present)):
            if counts:
                lines.append(f"Demo shop, {words}: {', '.join(f'{n} {kind}' for kind, n in counts.items())}.")
        if self.refused:
            lines.append(f"Not added, because it is there and not the demo's: {', '.join(self.refused)}.")
        return "\n".join([*lines, self.users])


@dataclass(frozen=True)
class _Unit:
    """Something that is added whole or not at all. `stored` reads what tells that it is there."""

    kind: str
    name: str
    stored: Callable[[], CatalogItem | UserItem | None]
    put: Callable[[Transaction], None]


def read_content() -> Json:
    """The demo shop's content as its file has it: money in yuan, days counted from the day of seeding."""
    content: Json = json.loads(CONTENT.read_text(encoding="utf-8"))
    return content


def seed_demo(now: datetime) -> Report:
    """Add what is missing of the demo shop; coupons are good from the day of `now`.

    Categories come last: a seeding that was cut off leaves a shop that still reads as empty. Raises
    InvalidSetting in a production stage, because everybody knows the demo users' password.
    """
    if stage().lower().startswith("prod"):
        raise InvalidSetting(
            name="STAGE",
            expected="a stage that is not production: everybody knows the password of the demo's users",
        )
    content = read_content()
    report = Report()
    for unit in _units(content, now):
        _add(unit, report)
    report.users = describe_users(content)
    return report


def describe_users(content: Json) -> str:
    """The demo's users in the stores with their balances, and their password; empty when there are none."""
    lines = []
    for row in content["users"]:
        stored = _find_user(row["username"])
        if stored is not None and stored.source == SOURCE:
            lines.append(f"  {stored.username:<8}{stored.beli:>6} beli  {len(row['coupons'])} coupons given")
    if not lines:
        return ""
    return "\n".join([f"Demo users, each with the password {content['password']} unless changed:", *lines])


def _add(unit: _Unit, report: Report) -> None:
    stored = unit.stored()
    if stored is None:
        transaction = Transaction()
        unit.put(transaction)
        try:
            transaction.commit(witness=lambda: unit.stored() is not None)
        except (IdTaken, UserNameTaken):
            stored = unit.stored()  # added by somebody else meanwhile, or a part of it is there
        else:
            report.added[unit.kind] = report.added.get(unit.kind, 0) + 1
            return
    if stored is not None and stored.source == SOURCE:
        report.present[unit.kind] = report.present.get(unit.kind, 0) + 1
    else:
        report.refused.append(unit.name)


def _units(content: Json, now: datetime) -> Iterator[_Unit]:
    """Everything of the demo in an order in which nothing refers to what does not exist yet."""
    today = now.astimezone(BEIJING).date()
    teachers = {row["id"]: row for row in content["teachers"]}
    courses = {(row["course_type"], row["id"]): row for row in content["courses"]}
    for row in content["teachers"]:
        yield _items_unit("teachers", [_teacher(row)])
    for row in content["courses"]:
        yield _items_unit("courses", _course(row, teachers, courses, today, now))
    for row in content["coupons"]:
        yield _items_unit("coupons", [_offer(row, today, now)])
    for row in content["users"]:
        yield _user_unit(row, content["password"], now)
    for row in content["categories"]:
        yield _items_unit("categories", [catalog.category_item(row["id"], row["name"], SOURCE)])


def _items_unit(kind: str, items: list[CatalogItem]) -> _Unit:
    """A unit of the catalogue; the first item tells whether it is there."""
    first = items[0]

    def put(transaction: Transaction) -> None:
        for item in items:
            transaction.put_new(item, IdTaken(item=f"{item.course_key} {item.sort}"))

    name = first.course_key if first.sort == "COURSE" else first.sort
    return _Unit(kind, name, lambda: find(type(first), first.course_key, first.sort), put)


def _teacher(row: Json) -> catalog.Teacher:
    attributes = {name: value for name, value in row.items() if name != "id"}
    return catalog.teacher_item(row["id"], source=SOURCE, **attributes)


def _course(
    row: Json,
    teachers: dict[int, Json],
    courses: dict[tuple[str, int], Json],
    today: date,
    now: datetime,
) -> list[CatalogItem]:
    """The items of a course: itself, its policies, its detail, its chapters, sections and questions."""
    key, detail_id = CourseKey(row["course_type"], row["id"]), row["detail_id"]
    policies = [
        catalog.policy_item(
            key, policy["id"], policy["valid_period"], money.from_yuan(policy["price"]), detail_id, SOURCE
        )
        for policy in row["policies"]
    ]
    course = catalog.course_item(
        key,
        policies,
        **{name: row[name] for name in _COURSE_ATTRIBUTES},
        detail_id=detail_id,
        source=SOURCE,
    )
    detail = catalog.detail_item(
        key,
        detail_id,
        **{name: row.get(name) for name in _DETAIL_ATTRIBUTES},
        teachers=[
            catalog.TeacherCopy(  # type: ignore[no-untyped-call]
                teacher_id=teacher_id,
                **{name: teachers[teacher_id][name] for name in _TEACHER_COPY_ATTRIBUTES},
            )
            for teacher_id in row["teachers"]
        ],
        recommended=[
            catalog.RecommendedCourse(course_id=other, course_name=courses["course", other]["name"])  # type: ignore[no-untyped-call]
            for other in row["recommended"]
        ],
        source=SOURCE,
    )
    belonging = {"detail_id": detail_id, "source": SOURCE}
    contents: list[CatalogItem] = []
    for number, chapter in enumerate(row["chapters"], 1):
        contents.append(
            catalog.chapter_item(
                key,
                chapter["id"],
                number,
                name=chapter["name"],
                summary=chapter["summary"],
                pub_date=today.isoformat(),
                **belonging,
            )
        )
        contents += [
            catalog.section_item(
                key,
                section["id"],
                number,
                order,
                **{name: section[name] for name in _SECTION_ATTRIBUTES},
                player=_PLAYER,
                pub_date=now,
                **belonging,
            )
            for order, section in enumerate(chapter["sections"], 1)
        ]
    faqs = [
        catalog.faq_item(key, faq["id"], question=faq["question"], answer=faq["answer"], **belonging)
        for faq in row["faqs"]
    ]
    return [course, *policies, detail, *contents, *faqs]


_COURSE_ATTRIBUTES = ("name", "course_img", "brief", "level", "status", "order", "period", "category_id")
_DETAIL_ATTRIBUTES = (
    *("hours", "course_slogan", "video_brief_link", "why_study", "what_to_study_brief"),
    *("career_improvement", "prerequisite"),
)
_TEACHER_COPY_ATTRIBUTES = ("name", "title", "signature", "image", "brief")
_SECTION_ATTRIBUTES = ("name", "section_type", "section_link", "video_time", "free_trial")


def _offer(row: Json, today: date, now: datetime) -> CouponOffer:
    open_at, close_at = _span(row["claim_days"], today)
    valid_from, valid_until = _span(row.get("valid_between_days"), today)
    return coupon.offer_item(
        row["id"],
        name=row["name"],
        brief=row["brief"],
        coupon_type=row["coupon_type"],
        value=money.from_yuan(row.get("value", "0")),
        off_percent=row.get("off_percent"),
        minimum=money.from_yuan(row.get("minimum", "0")),
        bound_to=row.get("bound_to"),
        quantity=row["quantity"],
        open_at=open_at,
        close_at=close_at,
        valid_from=valid_from,
        valid_until=valid_until,
        valid_days=row.get("valid_days"),
        created_at=now,
        source=SOURCE,
    )


def _span(days: list[int] | None, today: date) -> tuple[datetime | None, datetime | None]:
    """The moments at which the first of two days (counted from today) begins and the last is over."""
    if days is None:
        return None, None
    first, last = days
    return day_start(today + timedelta(days=first)), day_end(today + timedelta(days=last))


def _user_unit(row: Json, password: str, now: datetime) -> _Unit:
    """A user with the opening balance and coupon records of the demo's stored offers."""

    def put(transaction: Transaction) -> None:
        person = user.user_item(
            row["id"],
            username=row["username"],
            password=user.hash_password(password, password_iterations()),
            name=row["name"],
            head_img="",
            beli=row["beli"],
            created_at=now,
            source=SOURCE,
        )
        user.register(transaction, person)
        taken = IdTaken(user_id=row["id"])
        if row["beli"]:
            opening = ledger.entry(row["id"], row["beli"], "opening", "opening balance", now)
            opening.source = SOURCE
            transaction.put_new(opening, taken)
        for given in row["coupons"]:
            offer = coupon.find_offer(given["coupon_id"])
            if offer is not None and offer.source == SOURCE:
                transaction.put_new(
                    coupon.record_item(offer, row["id"], given["id"], now, source=SOURCE), taken
                )

    return _Unit("users", f"user {row['username']}", lambda: _find_user(row["username"]), put)


def _find_user(username: str) -> User | None:
    try:
        return user.find_by_name(username)
    except UserNotFound:
        return None
