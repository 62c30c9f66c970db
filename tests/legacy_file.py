"""Databases of the old system, built for tests: its schema as Django made it, its rows as it wrote them.

Ids are given small, as the old system has them, and are stored above a base that is each file's own: many
files are imported into one set of tables. What has to be unique in the shop by its text carries the same
digits (`named`).
"""

from __future__ import annotations

import base64
import hashlib
import random
import sqlite3
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE "django_content_type" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "app_label" varchar(100) NOT NULL,
    "model" varchar(100) NOT NULL
);
CREATE TABLE "api_userinfo" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "last_login" datetime NULL,
    "is_superuser" bool NOT NULL, "first_name" varchar(30) NOT NULL, "last_name" varchar(150) NOT NULL,
    "username" varchar(64) NOT NULL UNIQUE, "email" varchar(255) NULL UNIQUE,
    "uid" varchar(64) NOT NULL UNIQUE, "mobile" bigint NULL UNIQUE, "qq" varchar(64) NULL,
    "weixin" varchar(128) NULL, "signature" varchar(255) NULL, "brief" text NULL,
    "openid" varchar(128) NULL, "alipay_card" varchar(128) NULL, "gender" smallint NOT NULL,
    "id_card" varchar(32) NULL, "password" varchar(128) NOT NULL, "is_active" bool NOT NULL,
    "is_staff" bool NOT NULL, "name" varchar(32) NOT NULL, "head_img" varchar(256) NOT NULL,
    "role" smallint NOT NULL, "memo" text NULL, "date_joined" datetime NOT NULL, "beli" integer NOT NULL
);
CREATE TABLE "api_coupon" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(64) NOT NULL, "brief" text NULL,
    "coupon_type" smallint NOT NULL, "money_equivalent_value" real NOT NULL,
    "off_percent" smallint unsigned NULL, "minimum_consume" integer unsigned NOT NULL,
    "object_id" integer unsigned NULL, "quantity" integer unsigned NOT NULL, "open_date" date NOT NULL,
    "close_date" date NOT NULL, "valid_begin_date" date NULL, "valid_end_date" date NULL,
    "coupon_valid_days" integer unsigned NULL, "status" smallint NOT NULL, "date" datetime NOT NULL,
    "content_type_id" integer NULL REFERENCES "django_content_type" ("id") DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE "api_coursecategory" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(64) NOT NULL UNIQUE
);
CREATE TABLE "api_coursechapter" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "chapter" smallint NOT NULL,
    "name" varchar(128) NOT NULL, "summary" text NULL, "pub_date" date NOT NULL,
    "course_id" integer NOT NULL REFERENCES "api_course" ("id") DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE "api_coursedetail" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "hours" integer NOT NULL,
    "course_slogan" varchar(125) NULL, "video_brief_link" varchar(255) NULL, "why_study" text NOT NULL,
    "what_to_study_brief" text NOT NULL, "career_improvement" text NOT NULL, "prerequisite" text NOT NULL,
    "course_id" integer NOT NULL UNIQUE REFERENCES "api_course" ("id") DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE "api_coursedetail_recommend_courses" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "coursedetail_id" integer NOT NULL REFERENCES "api_coursedetail" ("id") DEFERRABLE INITIALLY DEFERRED,
    "course_id" integer NOT NULL REFERENCES "api_course" ("id") DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE "api_coursesection" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(128) NOT NULL,
    "order" smallint unsigned NOT NULL, "section_type" smallint NOT NULL, "section_link" varchar(255) NULL,
    "video_time" varchar(32) NULL, "pub_date" datetime NOT NULL, "free_trail" bool NOT NULL,
    "is_flash" bool NOT NULL, "player" smallint NOT NULL,
    "chapter_id" integer NOT NULL REFERENCES "api_coursechapter" ("id") DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE "api_oftenaskedquestion" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "object_id" integer unsigned NOT NULL,
    "question" varchar(255) NOT NULL, "answer" text NOT NULL,
    "content_type_id" integer NOT NULL REFERENCES "django_content_type" ("id") DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE "api_order" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "payment_type" smallint NOT NULL,
    "payment_number" varchar(128) NULL, "order_number" varchar(128) NOT NULL UNIQUE,
    "actual_amount" real NOT NULL, "status" smallint NOT NULL, "date" datetime NOT NULL,
    "pay_time" datetime NULL, "cancel_time" datetime NULL,
    "account_id" integer NOT NULL REFERENCES "api_userinfo" ("id") DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE "api_orderdetail" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "object_id" integer unsigned NOT NULL,
    "original_price" real NOT NULL, "price" real NOT NULL, "content" varchar(255) NULL,
    "valid_period_display" varchar(32) NOT NULL, "valid_period" integer unsigned NOT NULL,
    "memo" varchar(255) NULL,
    "content_type_id" integer NOT NULL REFERENCES "django_content_type" ("id") DEFERRABLE INITIALLY DEFERRED,
    "order_id" integer NOT NULL REFERENCES "api_order" ("id") DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE "api_pricepolicy" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "object_id" integer unsigned NOT NULL,
    "valid_period" smallint NOT NULL, "price" real NOT NULL,
    "content_type_id" integer NOT NULL REFERENCES "django_content_type" ("id") DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE "api_teacher" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(32) NOT NULL, "role" smallint NOT NULL,
    "title" varchar(64) NOT NULL, "signature" varchar(255) NULL, "image" varchar(128) NOT NULL,
    "brief" text NOT NULL
);
CREATE TABLE "api_coursedetail_teachers" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "coursedetail_id" integer NOT NULL REFERENCES "api_coursedetail" ("id") DEFERRABLE INITIALLY DEFERRED,
    "teacher_id" integer NOT NULL REFERENCES "api_teacher" ("id") DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE "api_course" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(128) NOT NULL UNIQUE,
    "course_img" varchar(255) NOT NULL, "course_type" smallint NOT NULL, "brief" text NOT NULL,
    "level" smallint NOT NULL, "pub_date" date NULL, "period" integer unsigned NOT NULL,
    "order" integer NOT NULL, "attachment_path" varchar(128) NULL, "status" smallint NOT NULL,
    "course_category_id" integer NULL REFERENCES "api_coursecategory" ("id") DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE "api_couponrecord" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "status" smallint NOT NULL, "get_time" datetime NULL,
    "used_time" datetime NULL, "date" datetime NOT NULL,
    "account_id" integer NULL REFERENCES "api_userinfo" ("id") DEFERRABLE INITIALLY DEFERRED,
    "coupon_id" integer NOT NULL REFERENCES "api_coupon" ("id") DEFERRABLE INITIALLY DEFERRED,
    "order_id" integer NULL REFERENCES "api_order" ("id") DEFERRABLE INITIALLY DEFERRED
);
CREATE UNIQUE INDEX "django_content_type_app_label_model_76bd3d3b_uniq"
    ON "django_content_type" ("app_label", "model");
CREATE UNIQUE INDEX "api_coursedetail_recommend_courses_coursedetail_id_course_id_bc722a3e_uniq"
    ON "api_coursedetail_recommend_courses" ("coursedetail_id", "course_id");
CREATE UNIQUE INDEX "api_coursedetail_teachers_coursedetail_id_teacher_id_bf7346b1_uniq"
    ON "api_coursedetail_teachers" ("coursedetail_id", "teacher_id");
CREATE UNIQUE INDEX "api_pricepolicy_content_type_id_object_id_valid_period_2f10bba8_uniq"
    ON "api_pricepolicy" ("content_type_id", "object_id", "valid_period");
CREATE UNIQUE INDEX "api_orderdetail_order_id_content_type_id_object_id_2f7c9d4e_uniq"
    ON "api_orderdetail" ("order_id", "content_type_id", "object_id");
CREATE UNIQUE INDEX "api_oftenaskedquestion_content_type_id_object_id_question_90001235_uniq"
    ON "api_oftenaskedquestion" ("content_type_id", "object_id", "question");
CREATE UNIQUE INDEX "api_coursesection_chapter_id_section_link_1cf13821_uniq"
    ON "api_coursesection" ("chapter_id", "section_link");
CREATE UNIQUE INDEX "api_coursechapter_course_id_chapter_90b01a4e_uniq"
    ON "api_coursechapter" ("course_id", "chapter");
"""

COURSE, DEGREE_COURSE, COUPON, UNKNOWN_TYPE = 9, 19, 7, 77
"""Ids of content types in these files; the last is the id of none."""
CONTENT_TYPES = {6: "userinfo", COUPON: "coupon", 8: "couponrecord", COURSE: "course", 15: "order"}

PASSWORD = "old and known"
_REFERENCES = {
    *("id", "course_category_id", "coursedetail_id", "teacher_id", "course_id", "chapter_id"),
    *("account_id", "coupon_id", "order_id", "object_id"),
}
_BASE_STEP = 10**6

_DEFAULTS: dict[str, dict[str, Any]] = {
    "api_coursecategory": {},
    "api_teacher": {
        "name": "讲师",
        "role": 0,
        "title": "讲师",
        "signature": None,
        "image": "http://144.202.116.113/static/backend/logo@2x.png",
        "brief": "强！",
    },
    "api_course": {
        "course_img": "http://144.202.116.113/static/backend/3875778.jpeg",
        "course_type": 0,
        "brief": "简介",
        "level": 1,
        "pub_date": None,
        "period": 7,
        "order": 1,
        "attachment_path": None,
        "status": 0,
        "course_category_id": None,
    },
    "api_pricepolicy": {"valid_period": 30, "price": 100.0, "content_type_id": COURSE},
    "api_coursedetail": {
        "hours": 30,
        "course_slogan": "强",
        "video_brief_link": None,
        "why_study": "为什么",
        "what_to_study_brief": "什么",
        "career_improvement": "提升",
        "prerequisite": "先修",
    },
    "api_coursedetail_teachers": {},
    "api_coursedetail_recommend_courses": {},
    "api_coursechapter": {"chapter": 1, "name": "章", "summary": None, "pub_date": "2019-08-31"},
    "api_coursesection": {
        "name": "节",
        "order": 1,
        "section_type": 2,
        "section_link": None,
        "video_time": None,
        "pub_date": "2019-08-31 04:00:00",
        "free_trail": 0,
        "is_flash": 0,
        "player": 0,
    },
    "api_oftenaskedquestion": {"answer": "答", "content_type_id": COURSE},
    "api_coupon": {
        "name": "优惠券",
        "brief": None,
        "coupon_type": 0,
        "money_equivalent_value": 30.0,
        "off_percent": None,
        "minimum_consume": 0,
        "object_id": None,
        "quantity": 10,
        "open_date": "2019-06-17",
        "close_date": "2019-12-24",
        "valid_begin_date": "2019-06-10",
        "valid_end_date": "2019-12-18",
        "coupon_valid_days": None,
        "status": 0,
        "date": "2019-08-31 04:15:44.844213",
        "content_type_id": COURSE,
    },
    "api_userinfo": {
        "last_login": None,
        "is_superuser": 0,
        "first_name": "",
        "last_name": "",
        "email": None,
        "mobile": None,
        "gender": 0,
        "password": "pbkdf2_sha256$150000$BIqmflDPGkC0$SA6YQlrEIN+XhwI0oih4teAlfA8jBNdjyyBpc1OjwVI=",
        "is_active": 1,
        "is_staff": 0,
        "name": "用户",
        "head_img": "http://144.202.116.113/static/backend/logo@2x.png",
        "role": 0,
        "date_joined": "2019-08-31 04:03:45.902179",
        "beli": 0,
    },
    "api_couponrecord": {
        "status": 0,
        "get_time": None,
        "used_time": None,
        "date": "2019-08-31 04:19:05.797166",
        "order_id": None,
    },
    "api_order": {
        "payment_type": 1,
        "payment_number": None,
        "actual_amount": 0.0,
        "status": 1,
        "date": "2019-08-31 08:14:44.141163",
        "pay_time": None,
        "cancel_time": None,
    },
    "api_orderdetail": {
        "content": None,
        "valid_period_display": "1个月",
        "valid_period": 30,
        "memo": None,
        "content_type_id": COURSE,
    },
}
TABLES = tuple(_DEFAULTS)

Line = tuple[int, float, float] | tuple[int, float, float, int]
"""An order's line: course id, original price, price, and its days if they are not 30."""


def django_hash(password: str, iterations: int) -> str:
    """A password's hash, made by Django's recipe and not by the shop's code."""
    salt = "BIqmflDPGkC0"
    derived = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), iterations)
    return f"pbkdf2_sha256${iterations}${salt}${base64.b64encode(derived).decode()}"


def django_time(moment: datetime) -> str:
    """A time as Django writes it into SQLite: UTC, without saying so."""
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


class LegacyFile:
    """A database of the old system at `path`, filled row by row."""

    def __init__(self, path: Path, content_types: dict[int, str] | None = None) -> None:
        self.path = path
        self.tag = str(random.SystemRandom().randrange(10**7, 9 * 10**7))
        self._base = int(self.tag) * _BASE_STEP
        self._next_id = dict.fromkeys(TABLES, 1)
        self._database = sqlite3.connect(path)
        self._database.executescript(SCHEMA)
        for type_id, model in (CONTENT_TYPES if content_types is None else content_types).items():
            self.run("INSERT INTO django_content_type VALUES (?, 'api', ?)", type_id, model)

    def id(self, number: int) -> int:
        """The stored id for one of the file's small ids."""
        return self._base + number

    def named(self, text: str) -> str:
        """A text that no other file has."""
        return f"{text}_{self.tag}"

    def run(self, sql: str, *values: object) -> None:
        """Change the file in any way."""
        self._database.execute(sql, values)
        self._database.commit()

    def add(self, table: str, **columns: Any) -> int:
        """Add a row, valid but for what `columns` say -> its small id.

        Ids and references from 1 to 999999 are stored above the file's base, all others as they are.
        """
        number = columns.pop("id", None)
        if number is None:
            number = self._next_id[table]
        if 0 < number < _BASE_STEP:
            self._next_id[table] = max(self._next_id[table], number + 1)
        row = _DEFAULTS[table] | self._unique(table, number) | columns | {"id": number}
        stored = {
            column: self._base + value
            if column in _REFERENCES and isinstance(value, int) and 0 < value < _BASE_STEP
            else value
            for column, value in row.items()
        }
        names = ", ".join(f'"{column}"' for column in stored)
        self._database.execute(
            f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * len(stored))})', tuple(stored.values())
        )
        return int(number)

    def _unique(self, table: str, number: int) -> dict[str, Any]:
        if table in ("api_coursecategory", "api_course"):
            return {"name": self.named(f"{table}{number}")}
        if table == "api_userinfo":
            return {"username": self.named(f"learner{number}"), "uid": str(number)}
        if table == "api_order":
            return {"order_number": self.named(f"120198{number}")}
        if table == "api_oftenaskedquestion":
            return {"question": f"问{number}"}
        return {}

    def add_order(self, account_id: int, lines: list[Line], **columns: Any) -> int:
        """Add an order; it costs the sum of its lines if not told otherwise."""
        columns.setdefault("actual_amount", sum(line[2] for line in lines))
        order_id = self.add("api_order", account_id=account_id, **columns)
        for course_id, original, price, *days in lines:
            self.add(
                "api_orderdetail",
                order_id=order_id,
                object_id=course_id,
                original_price=original,
                price=price,
                **({"valid_period": days[0]} if days else {}),
            )
        return order_id

    def last_id(self, table: str) -> int:
        """The small id of the last row added."""
        return self._next_id[table] - 1

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return int(self._database.execute(f'SELECT COUNT(*) FROM "{table}"').fetchone()[0])

    def close(self) -> Path:
        """Finish the file."""
        self._database.commit()
        self._database.close()
        return self.path


def real_shape(path: Path) -> LegacyFile:
    """A small file with the rows of a real installation, in their real shape: a shop that was tried out once.

    One learner (`test`), eight courses of which two have pages and prices, five coupons and six records of
    them, and six orders, the fourth of which was paid.
    """
    legacy = LegacyFile(path)
    for name in ("python", "go", "linux", "java", "c++"):
        legacy.add("api_coursecategory", name=legacy.named(name))
    legacy.add("api_teacher", name="test-讲师1", brief="强" * 35 + "！")
    courses = [
        ("Python从入门到放弃", 0, 7, 1, 1),
        ("Linux运维", 0, 7, 2, 3),
        ("go入门", 0, 14, 3, 2),
        ("JAVA虚拟机详解", 0, 30, 4, 4),
        ("C++基础", 2, 7, 2, 5),
        ("Python进阶", 0, 7, 3, 1),
        ("Python网络编程", 0, 7, 4, 1),
        ("Django框架", 0, 7, 2, 1),
    ]
    for name, label, period, order, category in courses:
        legacy.add(
            "api_course",
            name=legacy.named(name),
            course_type=label,
            brief=name * 5,
            period=period,
            order=order,
            course_category_id=category,
        )
    for course, days, price in ((1, 7, 300.0), (1, 30, 500.0), (1, 360, 800.0), (2, 30, 200.0)):
        legacy.add("api_pricepolicy", object_id=course, valid_period=days, price=price)
    # Pages have ids of their own.
    legacy.add("api_coursedetail", id=501, course_id=1, hours=30, video_brief_link="python强强强")
    legacy.add("api_coursedetail", id=502, course_id=2, hours=60)
    for detail in (501, 502):
        legacy.add("api_coursedetail_teachers", coursedetail_id=detail, teacher_id=1)
    for detail, course in ((501, 8), (501, 6), (501, 7), (502, 4), (502, 5)):
        legacy.add("api_coursedetail_recommend_courses", coursedetail_id=detail, course_id=course)
    legacy.add("api_coupon", name="双11活动", money_equivalent_value=200.0, object_id=1, quantity=14)
    legacy.add(
        "api_coupon",
        name="国庆节活动",
        coupon_type=2,
        money_equivalent_value=0.0,
        off_percent=80,
        object_id=1,
    )
    legacy.add(
        "api_coupon",
        name="中秋节活动",
        coupon_type=1,
        money_equivalent_value=50.0,
        minimum_consume=100,
        object_id=1,
    )
    legacy.add("api_coupon", name="双12活动", money_equivalent_value=30.0, object_id=2)
    legacy.add("api_coupon", name="隐藏优惠券", money_equivalent_value=30.0, object_id=None, quantity=122)
    legacy.add(
        "api_userinfo",
        username=legacy.named("test"),
        name="测试用户",
        email="",
        mobile=66666666666,
        password=django_hash(PASSWORD, 150000),
    )
    for coupon in (1, 2, 3, 3, 4, 5):
        legacy.add("api_couponrecord", account_id=1, coupon_id=coupon)
    legacy.add_order(1, [(1, 300.0, 240.0, 7)], date="2019-08-31 08:14:44.141163")
    legacy.add_order(1, [(2, 200.0, 170.0)], actual_amount=140.0, date="2019-08-31 08:21:40.640253")
    legacy.add_order(1, [(1, 300.0, 240.0, 7)], date="2019-08-31 08:27:00.599267")
    legacy.add_order(
        1,
        [(1, 800.0, 800.0, 360)],
        status=0,
        payment_number="2019083122001432811000012930",
        date="2019-08-31 08:31:04.981895",
        pay_time="2019-08-31 08:31:19",
    )
    legacy.add_order(1, [(2, 200.0, 170.0)], actual_amount=130.0, date="2019-08-31 11:24:02.958707")
    legacy.add_order(
        1, [(2, 200.0, 170.0), (1, 500.0, 300.0)], actual_amount=440.0, date="2019-08-31 11:24:31.527758"
    )
    return legacy


@dataclass
class Expected:
    """What the report on a file must say: rows by table, and a part of the reason for each that is not taken."""

    read: dict[str, int] = field(default_factory=dict)
    refused: dict[str, dict[int, str]] = field(default_factory=dict)
    beli: dict[int, int] = field(default_factory=dict)
    """User id -> balance, of those who are taken."""
    amounts: dict[str, int] = field(default_factory=dict)
    """Order number -> amount in fen, of those that are taken."""

    def refusals(self, table: str) -> dict[int, str]:
        return self.refused.setdefault(table, {})


class _LargeFile:
    """Fills a file with good rows of every sort and with broken rows of every sort, and keeps count of both."""

    def __init__(self, path: Path, seed: int, now: datetime) -> None:
        self.file = LegacyFile(path, CONTENT_TYPES | {DEGREE_COURSE: "degreecourse"})
        self.random = random.Random(seed)
        self.now = now
        self.expected = Expected()
        self.good_courses: list[int] = []
        self.good_users: list[int] = []
        self.good_coupons: list[int] = []
        self.good_orders: list[int] = []

    def broken(self, table: str, reason: str, **columns: Any) -> int:
        """A row that must not be taken, for this reason."""
        number = self.file.add(table, **columns)
        stored = self.file.id(number) if 0 < number < _BASE_STEP else number
        self.expected.refusals(table)[stored] = reason
        return number

    def broken_order(self, reason: str, lines: list[Line], **columns: Any) -> None:
        """An order that must not be taken, nor any of its lines."""
        columns = {"account_id": self.good_users[0]} | columns
        number = self.file.add_order(lines=lines, **columns)
        self.expected.refusals("api_order")[self.file.id(number)] = reason
        last = self.file.last_id("api_orderdetail")
        for line in range(last - len(lines) + 1, last + 1):
            self.expected.refusals("api_orderdetail")[self.file.id(line)] = "was not taken"

    def moment(self, *, days: int = 900) -> datetime:
        return self.now - timedelta(days=2, seconds=self.random.randrange(days * 86400))

    def catalogue(self, courses: int) -> None:
        add, broken, pick = self.file.add, self.broken, self.random
        categories = [add("api_coursecategory") for _ in range(3)]
        blank = broken("api_coursecategory", "name is blank", name=" ")
        broken("api_coursecategory", "longer than 64", name="长" * 65)
        broken("api_coursecategory", "no id", id=10**15, name=self.file.named("far away"))
        teachers = [add("api_teacher", role=i % 2, signature="签名" if i else None) for i in range(4)]
        odd_teacher = broken("api_teacher", "role 5 means nothing", role=5)
        broken("api_teacher", "longer than 32", name="长" * 33)
        for i in range(courses):
            course = add(
                "api_course",
                course_type=i % 3,
                level=i % 3,
                status=i % 3,
                order=pick.randrange(-5, 50),
                course_category_id=pick.choice([*categories, None]),
            )
            self.good_courses.append(course)
            for days in pick.sample(
                [1, 3, 7, 14, 30, 60, 90, 120, 180, 360, 540, 720, 36000], k=0 if i == courses - 1 else i % 5
            ):
                price = pick.choice([0.0, 99.9, 0.285, 123.45, float(pick.randrange(1, 2000))])
                add("api_pricepolicy", object_id=course, valid_period=days, price=price)
        for course in self.good_courses[:-1]:
            detail = add("api_coursedetail", id=1000 + course, course_id=course)
            add("api_coursedetail_teachers", coursedetail_id=detail, teacher_id=pick.choice(teachers))
            other = pick.choice(self.good_courses)
            add("api_coursedetail_recommend_courses", coursedetail_id=detail, course_id=other)
            for number in range(1, pick.randrange(2, 5)):
                chapter = add("api_coursechapter", course_id=course, chapter=number, summary="概要")
                for order in range(pick.randrange(1, 5)):
                    add(
                        "api_coursesection",
                        chapter_id=chapter,
                        order=order,
                        section_type=order % 3,
                        player=order % 3,
                        section_link=f"video{order}",
                        free_trail=order % 2,
                        video_time="10:00" if order else None,
                    )
            add("api_oftenaskedquestion", object_id=course)
        last = self.good_courses[-1]
        orphan = broken(
            "api_course", f"api_coursecategory {self.file.id(blank)} was not", course_category_id=blank
        )
        broken("api_course", "does not exist", course_category_id=900)
        broken("api_course", "status 9 means nothing", status=9)
        broken("api_course", "level 7 means nothing", level=7)
        broken("api_course", "course_type 4 means nothing", course_type=4)
        broken("api_course", "name is blank", name="　")
        broken("api_pricepolicy", "was not taken", object_id=orphan)
        broken("api_pricepolicy", "api_course", object_id=901, valid_period=7)
        broken("api_pricepolicy", "unknown content type 77", object_id=last, content_type_id=UNKNOWN_TYPE)
        broken("api_pricepolicy", "api.degreecourse", object_id=last, content_type_id=DEGREE_COURSE)
        broken("api_pricepolicy", "none of the thirteen", object_id=last, valid_period=5)
        broken("api_pricepolicy", "below zero", object_id=last, valid_period=36000, price=-0.01)
        broken("api_pricepolicy", "no amount", object_id=last, valid_period=540, price=float("inf"))
        broken("api_pricepolicy", "absurdly large", object_id=last, valid_period=720, price=1e12)
        lost = broken("api_coursedetail", "does not exist", course_id=902)
        broken("api_coursedetail", "hours -1", course_id=last, hours=-1)
        broken("api_coursedetail_teachers", "does not exist", coursedetail_id=1001, teacher_id=903)
        broken("api_coursedetail_teachers", "was not taken", coursedetail_id=1001, teacher_id=odd_teacher)
        broken("api_coursedetail_teachers", "was not taken", coursedetail_id=lost, teacher_id=teachers[0])
        broken("api_coursedetail_recommend_courses", "was not taken", coursedetail_id=1001, course_id=orphan)
        broken("api_coursedetail_recommend_courses", "not exist", coursedetail_id=904, course_id=last)
        chapter = broken("api_coursechapter", "does not exist", course_id=905)
        broken("api_coursechapter", "chapter -1", course_id=last, chapter=-1)
        broken("api_coursechapter", "is no date", course_id=last, chapter=8, pub_date="2019-02-30")
        broken("api_coursesection", "was not taken", chapter_id=chapter)
        broken("api_coursesection", "section_type 8", chapter_id=1, section_type=8, section_link="a")
        broken("api_coursesection", "player 8", chapter_id=1, player=8, section_link="b")
        broken("api_oftenaskedquestion", "api.coupon", object_id=1, content_type_id=COUPON)
        broken("api_oftenaskedquestion", "does not exist", object_id=906)

    def people(self, users: int) -> None:
        add, broken, pick = self.file.add, self.broken, self.random
        for i in range(users):
            beli = pick.choice([0, 0, pick.randrange(1, 5000)])
            user = add(
                "api_userinfo",
                beli=beli,
                role=i % 4,
                gender=i % 3,
                is_active=i % 7 != 0,
                email=f"{i}@example.com" if i % 2 else None,
                mobile=13000000000 + i,
                date_joined=django_time(self.moment()),
            )
            self.good_users.append(user)
            self.expected.beli[self.file.id(user)] = beli
        unusable = add("api_userinfo", password="!no password was ever set")
        self.expected.beli[self.file.id(unusable)] = 0
        named = self.file.named
        broken("api_userinfo", "for case and width", username=named("LEARNER1"))
        broken("api_userinfo", "for case and width", username=named("ｌｅａｒｎｅｒ2"))
        broken("api_userinfo", "longer than 64", username=named("x" * 60))
        broken("api_userinfo", "no user name", username=named("tab") + " ")
        broken("api_userinfo", "name is longer than 32", name="长" * 33)
        broken("api_userinfo", "beli -1", beli=-1)
        broken("api_userinfo", "gender 9", gender=9)
        broken("api_userinfo", "role 4", role=4)
        broken("api_userinfo", "date_joined yesterday", date_joined="yesterday")
        broken("api_userinfo", "in the future", date_joined=django_time(self.now + timedelta(days=400)))
        broken("api_userinfo", "is_active 2", is_active=2)
        broken("api_userinfo", "no id", id=-4)
        not_utf8 = broken("api_userinfo", "username holds half of a character or is not UTF-8")
        self.file.run(
            "UPDATE api_userinfo SET username = CAST(X'ff' || username AS TEXT) WHERE id = ?",
            self.file.id(not_utf8),
        )

    def coupons(self) -> None:
        add, broken = self.file.add, self.broken
        course = self.good_courses[0]
        self.good_coupons = [
            add("api_coupon", money_equivalent_value=200.0, object_id=course),
            add("api_coupon", coupon_type=1, money_equivalent_value=50.0, minimum_consume=100),
            add("api_coupon", coupon_type=2, off_percent=80, object_id=None, content_type_id=COUPON),
            add("api_coupon", coupon_valid_days=30, valid_begin_date=None, valid_end_date=None),
            add("api_coupon", close_date="9999-12-31", valid_end_date="9999-12-31", status=1),
        ]
        broken("api_coupon", "coupon_type 3 means nothing", coupon_type=3)
        broken("api_coupon", "off_percent is no whole number", coupon_type=2)
        broken("api_coupon", "off_percent 0", coupon_type=2, off_percent=0)
        broken("api_coupon", "before valid_begin_date", valid_end_date="2019-06-01")
        broken("api_coupon", "before open_date", close_date="2019-06-01")
        broken("api_coupon", "neither days", valid_begin_date=None)
        broken("api_coupon", "neither days", coupon_valid_days=0, valid_end_date=None)
        broken("api_coupon", "is no date", valid_begin_date="2019-13-01")
        broken("api_coupon", "is no date from 1970-01-01 on", open_date="0001-01-01")
        broken("api_coupon", "below zero", money_equivalent_value=-30.0)
        broken("api_coupon", "does not exist", object_id=907)
        broken("api_coupon", "unknown content type None", object_id=course, content_type_id=None)

    def records(self, records: int) -> None:
        broken, pick = self.broken, self.random
        for i in range(records):
            used = i % 4 == 1
            self.file.add(
                "api_couponrecord",
                account_id=pick.choice(self.good_users),
                coupon_id=pick.choice(self.good_coupons),
                status=i % 3,
                get_time=django_time(self.moment()) if i % 2 else None,
                used_time=django_time(self.moment()) if used else None,
                order_id=pick.choice(self.good_orders) if used else None,
            )
        user, coupon = self.good_users[0], self.good_coupons[0]
        broken("api_couponrecord", "nobody has claimed", account_id=user, coupon_id=coupon, status=3)
        broken("api_couponrecord", "nobody has claimed", account_id=None, coupon_id=coupon)
        broken("api_couponrecord", "does not exist", account_id=908, coupon_id=coupon)
        broken("api_couponrecord", "does not exist", account_id=user, coupon_id=909)
        broken("api_couponrecord", "status 8", account_id=user, coupon_id=coupon, status=8)
        broken("api_couponrecord", "date never", account_id=user, coupon_id=coupon, date="never")

    def orders(self, orders: int) -> None:
        pick = self.random
        for i in range(orders):
            placed = self.moment()
            lines: list[Line] = []
            for course in pick.sample(self.good_courses, k=pick.choice([1, 1, 2, 3, 5])):
                original = pick.choice([300.0, 99.9, 19.99, 123.45, 1999.0])
                # 八折 as the old system computed it: in binary floats, unrounded.
                lines.append((course, original, pick.choice([original, original * 80 / 100, 0.0])))
            whole = sum(line[2] for line in lines)
            paid = pick.choice([whole, whole, max(0.0, whole - 30.0)])
            status = i % 6
            number = self.file.add_order(
                pick.choice(self.good_users),
                lines,
                actual_amount=paid,
                status=status,
                payment_type=i % 5,
                payment_number=f"20190831220014328110000{i:05d}" if status in (0, 2, 3) else None,
                date=django_time(placed),
                pay_time=django_time(placed + timedelta(minutes=1)) if status in (0, 2, 3) else None,
                cancel_time=django_time(placed + timedelta(minutes=9)) if status in (3, 4) else None,
            )
            self.good_orders.append(number)
            self.expected.amounts[self.file.named(f"120198{number}")] = _fen(paid)
        self.broken_orders()

    def broken_orders(self) -> None:
        course, named = self.good_courses[0], self.file.named
        line: list[Line] = [(course, 300.0, 240.0)]
        broken = self.broken_order
        broken("no lines", [], actual_amount=0.0)
        many: list[Line] = [(1000 + i, 1.0, 1.0) for i in range(41)]
        broken("41 lines", many)
        broken("does not exist", line, account_id=910)
        broken("order_number is none", line, order_number=named("2019-08"))
        broken("order_number is none", line, order_number=named("9" * 60))
        broken("status 6", line, status=6)
        broken("payment_type 5", line, payment_type=5)
        broken("more than its lines cost", line, actual_amount=240.01)
        broken("below zero", line, actual_amount=-240.0)
        broken("in the future", line, date=django_time(self.now + timedelta(days=30)))
        broken("date gone", line, date="gone")
        broken("pay_time soon", line, status=0, pay_time="soon")
        broken("price -1.0 is below zero", [(course, 300.0, -1.0)], actual_amount=0.0)
        broken("does not exist", [*line, (911, 20.0, 20.0)])
        broken("payment_number is no trade number", line, status=0, payment_number="20 19")
        broken("unknown content type 77", line)
        self.file.run(
            "UPDATE api_orderdetail SET content_type_id = ? WHERE id = (SELECT MAX(id) FROM api_orderdetail)",
            UNKNOWN_TYPE,
        )
        broken("valid_period 0", line)
        self.file.run(
            "UPDATE api_orderdetail SET valid_period = 0 WHERE id = (SELECT MAX(id) FROM api_orderdetail)"
        )
        self.broken(
            "api_orderdetail", "does not exist", order_id=912, object_id=course, original_price=1, price=1
        )

    def count(self) -> None:
        for table in TABLES:
            self.expected.read[table] = self.file.count(table)


def _fen(yuan: float) -> int:
    return int((Decimal(repr(yuan)) * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def larger_file(
    path: Path,
    now: datetime,
    *,
    courses: int = 12,
    users: int = 40,
    records: int = 60,
    orders: int = 90,
    seed: int = 7,
) -> tuple[LegacyFile, Expected]:
    """A file of some hundreds of rows, good and broken ones of every sort -> the file and what must come of it.

    The same numbers and seed give the same rows, but for the file's base.
    """
    large = _LargeFile(path, seed, now)
    large.catalogue(courses)
    large.people(users)
    large.coupons()
    large.orders(orders)
    large.records(records)
    large.count()
    return large.file, large.expected
