"""The demo shop: the content of `localstack/demo/shop.json`, added to the stores once.

Every unit (a course with its page and contents, a user with ledger and coupon records) is put on absence, whole or not
at all, so that seeding again changes nothing and never touches other data. Units share transactions as long as none of
them is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, cast

from chalicelib.beijing_time import BEIJING
from chalicelib.errors import IdTaken, InvalidSetting, UserNameTaken, UserNotFound
from chalicelib.manage.catalog_file import reading
from chalicelib.manage.catalog_file.items import Maker
from chalicelib.manage.catalog_file.rows import Catalogue
from chalicelib.settings import is_for_trying_out, password_iterations, stage
from chalicelib.shop import audit, coupon, ledger, user
from chalicelib.shop.audit import AuditEntry
from chalicelib.shop.password import hash_password
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import (
    MAX_TRANSACTION_ITEMS,
    CatalogItem,
    Transaction,
    UserItem,
    find,
)

CONTENT = Path(__file__).parents[2] / "localstack" / "demo" / "shop.json"
SOURCE = "demo"
_ROLES = {name: role for role, name in user.ROLE_NAMES.items()}

Json = dict[str, Any]


@dataclass
class Report:
    """The result of a seeding. `added` and `present` count by kind; `refused` names data that are not the demo's own.

    `str()` of it is for the operator.
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
    """Items that are added together or not at all. `stored` reads whether they are there; `size` is the most writes
    that `put` adds to a transaction.
    """

    kind: str
    name: str
    size: int
    stored: Callable[[], CatalogItem | UserItem | None]
    put: Callable[[Transaction], None]


def read_content() -> Json:
    """The demo's users with their password, and under `catalog` a catalogue as its file has it."""
    return cast(Json, _document().value)


def read_catalogue(today: date) -> Catalogue:
    """The demo's catalogue; its dates are counted from `today`. Raises FaultyFile."""
    return reading.read_catalogue(_document(), ("catalog",), today)


def _document() -> reading.Document:
    return reading.read_json(CONTENT.read_bytes(), str(CONTENT))


def seed_demo(now: datetime, by: str = audit.UNNAMED) -> Report:
    """Add the missing parts of the demo shop; its dates are counted from the day of `now`.

    Categories come last: a seeding that was cut off leaves a shop that still reads as empty. The first unit added
    brings the entry in the operators' log. Raises InvalidSetting where people are served, because everybody knows the
    demo users' password.
    """
    if not is_for_trying_out(stage()):
        raise InvalidSetting(
            name="STAGE",
            expected="local, test or dev...: everybody knows the password of the demo's users",
        )
    content = read_content()
    report = Report()
    entry: AuditEntry | None = audit.entry(by, "seed-demo", "the demo shop", now)
    for units in _batches(_units(content, read_catalogue(now.astimezone(BEIJING).date()), now)):
        if _add_together(units, report, entry):
            entry = None
    report.users = describe_users(content)
    return report


def describe_users(content: Json) -> str:
    """The demo's users in the stores with their balances, and their password; empty when there are none."""
    lines = []
    for row in content["users"]:
        stored = _find_user(row["username"])
        if stored is not None and stored.source == SOURCE:
            who = "learner" if stored.role == user.STUDENT else "operator"
            lines.append(f"  {stored.username:<14}{who:<10}{stored.beli:>6}{len(row['coupons']):>9}")
    if not lines:
        return ""
    heads = f"  {'user':<14}{'is a':<10}{'beli':>6}{'coupons':>9}"
    return "\n".join(
        [f"Demo users, each with the password {content['password']} unless changed:", heads, *lines]
    )


def _batches(units: Iterator[_Unit]) -> Iterator[list[_Unit]]:
    """The units in their order, as many together as a transaction holds beside the log's entry.

    Users begin a batch, because they read the coupons that are stored before them, and categories another.
    """
    batch: list[_Unit] = []
    for unit in units:
        begins = unit.kind in ("users", "categories") and batch and batch[-1].kind != unit.kind
        if begins or sum(one.size for one in batch) + unit.size >= MAX_TRANSACTION_ITEMS:
            yield batch
            batch = []
        batch.append(unit)
    yield batch


def _add_together(units: Sequence[_Unit], report: Report, entry: AuditEntry | None) -> bool:
    """Add the units in one transaction if none of them is there, else each that is not -> whether one was added."""
    transaction = Transaction()
    for unit in units:
        unit.put(transaction)
    try:
        _commit(transaction, units[0], entry)
    except (IdTaken, UserNameTaken):
        added = False
        for unit in units:
            added = _add(unit, report, None if added else entry) or added
        return added
    for unit in units:
        report.added[unit.kind] = report.added.get(unit.kind, 0) + 1
    return True


def _commit(transaction: Transaction, unit: _Unit, entry: AuditEntry | None) -> None:
    """Write a transaction that `unit` is a part of, with the log's entry if it is not written yet."""
    if entry is not None:
        audit.commit(transaction, entry)
    else:
        transaction.commit(witness=lambda: unit.stored() is not None)


def _add(unit: _Unit, report: Report, entry: AuditEntry | None) -> bool:
    """Add a unit, if it is not there, with the log's entry -> whether it was added."""
    stored = unit.stored()
    if stored is None:
        transaction = Transaction()
        unit.put(transaction)
        try:
            _commit(transaction, unit, entry)
        except (IdTaken, UserNameTaken):
            stored = unit.stored()  # added by somebody else meanwhile, or a part of it is there
        else:
            report.added[unit.kind] = report.added.get(unit.kind, 0) + 1
            return True
    if stored is not None and stored.source == SOURCE:
        report.present[unit.kind] = report.present.get(unit.kind, 0) + 1
    else:
        report.refused.append(unit.name)
    return False


def _units(content: Json, catalogue: Catalogue, now: datetime) -> Iterator[_Unit]:
    """All units of the demo, in an order without dangling references."""
    make = Maker(catalogue, now, SOURCE)
    for teacher in catalogue.teachers:
        yield _items_unit("teachers", [make.teacher(teacher)])
    for course in catalogue.courses:
        yield _items_unit("courses", make.course(course))
    for offer in catalogue.coupons:
        yield _items_unit("coupons", [make.offer(offer)])
    for row in content["users"]:
        yield _user_unit(row, content["password"], now)
    for category in catalogue.categories:
        yield _items_unit("categories", [make.category(category)])


def _items_unit(kind: str, items: Sequence[CatalogItem]) -> _Unit:
    """A unit of the catalogue; the first item tells whether it is there."""
    first = items[0]

    def put(transaction: Transaction) -> None:
        for item in items:
            transaction.put_new(item, IdTaken(item=f"{item.course_key} {item.sort}"))

    name = first.course_key if first.sort == "COURSE" else first.sort
    return _Unit(kind, name, len(items), lambda: find(type(first), first.course_key, first.sort), put)


def _user_unit(row: Json, password: str, now: datetime) -> _Unit:
    """A user with the opening balance and coupon records of the demo's stored offers."""

    def put(transaction: Transaction) -> None:
        person = user.user_item(
            row["id"],
            username=row["username"],
            password=hash_password(password, password_iterations()),
            name=row["name"],
            head_img="",
            role=_ROLES[row["role"]] if "role" in row else user.STUDENT,
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

    size = 3 + len(row["coupons"])  # the user, the claim of the name, the opening balance
    return _Unit("users", f"user {row['username']}", size, lambda: _find_user(row["username"]), put)


def _find_user(username: str) -> User | None:
    try:
        return user.find_by_name(username)
    except UserNotFound:
        return None
