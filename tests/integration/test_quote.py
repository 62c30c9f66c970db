"""`POST /account/quote`: the price of a choice, the effect of each coupon, the best combination."""

from __future__ import annotations

import itertools
import json
import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.beijing_time import beijing_text
from chalicelib.settings import settings
from chalicelib.shop import cart, coupon, enrollment
from chalicelib.shop.catalog import Course
from chalicelib.shop.choice import MAX_LINES
from chalicelib.shop.coupon import CouponRecord
from chalicelib.shop.course_key import DEGREE_COURSE
from chalicelib.shop.price_policy import PERMANENT_DAYS
from localstack.alipay import AlipaySimulator
from tests import builders
from tests.addresses import ClientAt
from tests.builders import policy_id_of
from tests.faults import Fault, internal_error
from tests.faults.routing import FaultyApp
from tests.purchases import Clock, balance, cancel, deliver, notice, number_in, orders, pay, record, stored
from tests.shapes import Maybe, Number, check, check_refusal

pytestmark = pytest.mark.usefixtures("gateway_server")

COUPON = {
    "pk": int,
    "name": str,
    "coupon_type": str,
    "money_equivalent_value": Number,
    "off_percent": (int, type(None)),
    "minimum_consume": Number,
    "begin_date": str,
    "end_date": str,
    "usable": bool,
    "saves": Number,
    "reason": str,
    "course_name": Maybe(str),
    "missing": Number,
    "saves_beside": Number,
    "chosen": bool,
}
LINE = {
    "course_id": int,
    "course_type": str,
    "name": str,
    "valid_period_display": str,
    "coupon": str,
    "original_price": Number,
    "price": Number,
    "general_coupon_share": Number,
    "beli": int,
    "beli_share": Number,
    "payable": Number,
    "price_policy_id": int,
    "course_img": str,
    "coursedetail_id": Maybe(str),
    "owned_until": Maybe(str),
    "end_date_after": str,
}


@pytest.fixture
def learner() -> ClientAt:
    return ClientAt(builders.a_user())


def choice(
    courses: list[Course],
    *,
    coupons: dict[int, CouponRecord] | None = None,
    general: CouponRecord | None = None,
    is_beli: object = False,
) -> dict[str, Any]:
    """A body of `POST /payment/` without `pay_money`; `coupons` by position in `courses`."""
    chosen = coupons or {}
    return {
        "is_beli": is_beli,
        "course_list": [
            {
                "course_id": course.course_id,
                "course_type": course.course_type,
                "default_price_policy_id": policy_id_of(course),
                "coupon_record_id": chosen[i].record_id if i in chosen else None,
            }
            for i, course in enumerate(courses)
        ],
        "global_coupon_id": general.record_id if general else None,
    }


def quote(client: ClientAt, courses: list[Course], **chosen: Any) -> Any:
    answer = client.post("/account/quote/", choice(courses, **chosen))
    assert answer["code"] == 1000, answer
    return answer["data"]


def of(quoted: Any, wanted: CouponRecord) -> Any:
    """What a quote says of one coupon."""
    [row] = [row for row in quoted["coupons"] if row["pk"] == wanted.record_id]
    return row


def said(quoted: Any, wanted: CouponRecord) -> tuple[bool, float, str]:
    row = of(quoted, wanted)
    return row["usable"], row["saves"], row["reason"]


def a_learner(beli: int = 0) -> tuple[ClientAt, Any]:
    user = builders.a_user(beli=beli)
    return ClientAt(user), user


# Its form


def test_a_quote_has_exactly_its_fields(learner: ClientAt) -> None:
    assert learner.user is not None
    course = builders.a_course(prices=[30000])
    mine = builders.a_coupon(learner.user, course=course.key, value=5000)
    builders.a_coupon(learner.user, value=1000)
    answer = learner.post("/account/quote", choice([course], coupons={0: mine}))
    for row in answer["data"]["coupons"]:
        check(row, COUPON | ({"course_id": int, "course_type": str} if row["pk"] == mine.record_id else {}))
    check(
        answer,
        {
            "code": 1000,
            "msg": "",
            "data": {
                "lines": [LINE],
                "coupons": list,
                "providers": list,
                "beli_balance": 0,
                "beli": 0,
                "beli_amount": Number,
                "total_price": Number,
                "best": {
                    "is_beli": bool,
                    "course_list": list,
                    "global_coupon_id": int,
                    "pay_money": Number,
                },
                "best_beli": 0,
                "best_saves": Number,
                "original_amount": Number,
                "course_coupon_amount": Number,
                "general_coupon_amount": Number,
                "refund_days": settings().refund_days,
            },
        },
    )


def test_a_quote_tells_the_amounts_to_the_fen() -> None:
    learner, user = a_learner(beli=105)
    one, two = builders.a_course(prices=[30000]), builders.a_course(prices=[9990])
    mine = builders.a_coupon(user, course=one.key, value=20000)
    general = builders.a_coupon(user, coupon_type=coupon.PERCENT, off_percent=80)
    quoted = quote(learner, [one, two], coupons={0: mine}, general=general, is_beli=True)
    # 100 + 99.9, of which 80 % are 159.92, less 10.5 of 105 beli.
    assert quoted["total_price"] == 149.42
    assert (quoted["beli_balance"], quoted["beli"], quoted["beli_amount"]) == (105, 105, 10.5)
    breakdown = [quoted[f"{name}_amount"] for name in ("original", "course_coupon", "general_coupon")]
    assert breakdown == [399.9, 200.0, 39.98]
    first, second = quoted["lines"]
    assert (first["original_price"], first["price"], first["coupon"]) == (300.0, 100.0, mine.name)
    assert (second["original_price"], second["price"], second["coupon"]) == (99.9, 99.9, "")
    shares = [Decimal(str(line["general_coupon_share"])) for line in quoted["lines"]]
    payable = [Decimal(str(line["payable"])) for line in quoted["lines"]]
    assert sum(shares) == Decimal("39.98")
    assert sum(payable) == Decimal("149.42")
    assert sum(line["beli"] for line in quoted["lines"]) == 105


def test_a_quote_changes_nothing() -> None:
    learner, user = a_learner(beli=50)
    course = builders.a_course(prices=[30000])
    mine = builders.a_coupon(user, value=1000)
    cart_line = {"course_id": course.course_id, "price_policy_id": policy_id_of(course)}
    assert learner.post("/shoppingcar/", cart_line)["code"] == 1000
    for _ in range(2):
        quote(learner, [course], general=mine, is_beli=True)
    assert record(user, mine).status == coupon.UNUSED
    assert balance(user) == 50
    assert not orders(user)
    assert len(cart.list_lines(user.user_id)) == 1


def test_what_is_quoted_is_what_payment_asks_for() -> None:
    learner, user = a_learner(beli=33)
    courses = [builders.a_course(prices=[price]) for price in (9990, 1999, 12345)]
    general = builders.a_coupon(user, coupon_type=coupon.PERCENT, off_percent=80)
    quoted = quote(learner, courses, general=general, is_beli=True)
    assert quoted["total_price"] == 191.37
    body = choice(courses, general=general, is_beli=True)
    paid = learner.post("/payment/", body | {"pay_money": quoted["total_price"]})
    assert paid["code"] == 1000
    shown = learner.order(number_in(paid["data"]))
    assert [line["payable"] for line in shown["orderdetail_list"]] == [
        line["payable"] for line in quoted["lines"]
    ]


# Coupons


@pytest.mark.parametrize(
    ("rule", "saves"),
    [
        ({"value": 20000}, 200.0),
        ({"value": 99999}, 300.0),
        ({"coupon_type": coupon.FULL, "value": 5000, "minimum": 10000}, 50.0),
        ({"coupon_type": coupon.FULL, "value": 5000, "minimum": 30000}, 50.0),
        ({"coupon_type": coupon.PERCENT, "off_percent": 80}, 60.0),
        ({"coupon_type": coupon.PERCENT, "off_percent": 100}, 0.0),
    ],
)
def test_each_coupon_is_quoted_with_what_it_would_save(
    learner: ClientAt, rule: dict[str, Any], saves: float
) -> None:
    assert learner.user is not None
    course = builders.a_course(prices=[30000])
    general = builders.a_coupon(learner.user, **rule)
    mine = builders.a_coupon(learner.user, course=course.key, **rule)
    quoted = quote(learner, [course])
    assert said(quoted, general) == (True, saves, "")
    assert said(quoted, mine) == (True, saves, "")


def test_a_general_coupon_is_quoted_on_what_the_chosen_course_coupons_leave(learner: ClientAt) -> None:
    assert learner.user is not None
    course = builders.a_course(prices=[30000])
    mine = builders.a_coupon(learner.user, course=course.key, value=20000)
    percent = builders.a_coupon(learner.user, coupon_type=coupon.PERCENT, off_percent=80)
    full = builders.a_coupon(learner.user, coupon_type=coupon.FULL, value=5000, minimum=20000)
    assert said(quote(learner, [course]), percent) == (True, 60.0, "")
    assert said(quote(learner, [course]), full) == (True, 50.0, "")
    quoted = quote(learner, [course], coupons={0: mine})
    assert said(quoted, percent) == (True, 20.0, "")
    assert said(quoted, full) == (False, 0.0, "未达到最低消费")
    assert said(quoted, mine) == (True, 200.0, ""), "what it saves does not change by being chosen"


def test_a_coupon_that_cannot_be_used_says_why(learner: ClientAt) -> None:
    assert learner.user is not None
    course, other = builders.a_course(prices=[30000]), builders.a_course()
    past, soon = builders.now() - timedelta(seconds=1), builders.now() + timedelta(days=1)
    reasons = {
        "已使用": builders.a_coupon(learner.user, value=1, status=coupon.USED),
        "已被未支付的订单占用": builders.a_coupon(learner.user, value=1, status=coupon.RESERVED),
        "不适用于所选课程": builders.a_coupon(learner.user, value=1, course=other.key),
        "未达到最低消费": builders.a_coupon(
            learner.user, value=1, minimum=30001, coupon_type=coupon.FULL, course=course.key
        ),
    }
    dates = [
        builders.a_coupon(learner.user, value=1, valid_until=past),
        builders.a_coupon(learner.user, value=1, valid_from=soon, valid_until=soon + timedelta(days=1)),
        builders.a_coupon(learner.user, value=1, status=coupon.EXPIRED),
    ]
    quoted = quote(learner, [course])
    for reason, mine in reasons.items():
        assert said(quoted, mine) == (False, 0.0, reason)
    for mine in dates:
        assert said(quoted, mine) == (False, 0.0, "不在有效期内")
    assert len(quoted["coupons"]) == len(reasons) + len(dates)
    assert quoted["best"]["global_coupon_id"] == ""
    assert quoted["best"]["pay_money"] == 300.0


def test_what_a_price_lacks_of_a_minimum_is_told(learner: ClientAt) -> None:
    assert learner.user is not None
    courses = [builders.a_course(prices=[price]) for price in (10000, 5050)]
    full: dict[str, Any] = {"coupon_type": coupon.FULL, "value": 100}
    bound = builders.a_coupon(learner.user, course=courses[0].key, minimum=10001, **full)
    general = builders.a_coupon(learner.user, minimum=20000, **full)
    good = builders.a_coupon(learner.user, minimum=15050, **full)
    quoted = quote(learner, courses)
    assert [of(quoted, one)["missing"] for one in (bound, general, good)] == [0.01, 49.5, 0.0]
    assert of(quoted, general)["saves_beside"] == 0.0


def test_a_quoted_coupon_names_its_course_chosen_or_not(learner: ClientAt, faulty_app: FaultyApp) -> None:
    assert learner.user is not None
    course, other, gone = (builders.a_course() for _ in range(3))
    mine = [builders.a_coupon(learner.user, course=one.key, value=1) for one in (course, other, gone)]
    general = builders.a_coupon(learner.user, value=1)
    gone.delete()
    with faulty_app.dynamodb.recording() as calls:
        quoted = quote(learner, [course], coupons={0: mine[0]})
    assert [of(quoted, one)["course_name"] for one in mine] == [course.name, other.name, None]
    assert of(quoted, general)["course_name"] is None
    assert [of(quoted, one)["chosen"] for one in (*mine, general)] == [True, False, False, False]
    assert len([call for call in calls if call.operation == "BatchGetItem"]) == 2


def test_a_coupon_saves_beside_the_others_what_it_takes_off_what_is_due() -> None:
    learner, user = a_learner(beli=100)
    one, two = builders.a_course(prices=[30000]), builders.a_course(prices=[10000])
    poor = builders.a_coupon(user, course=one.key, value=1000)
    better = builders.a_coupon(user, course=one.key, value=25000)
    percent = builders.a_coupon(user, coupon_type=coupon.PERCENT, off_percent=50)
    full = builders.a_coupon(user, coupon_type=coupon.FULL, value=5000, minimum=39000)
    quoted = quote(learner, [one, two], coupons={0: poor}, general=percent, is_beli=True)
    assert quoted["total_price"] == 185.0
    assert [of(quoted, each)["saves_beside"] for each in (poor, better, percent, full)] == [
        *(5.0, 125.0, 195.0, 50.0)
    ]
    quoted = quote(learner, [one, two], coupons={0: poor}, general=full)
    assert of(quoted, better) | {"usable": True, "saves_beside": 0.0} == of(quoted, better)
    learner, user = a_learner(beli=10_000)
    mine = builders.a_coupon(user, course=one.key, value=1000)
    quoted = quote(learner, [one], is_beli=True)
    assert (of(quoted, mine)["saves"], of(quoted, mine)["saves_beside"]) == (10.0, 0.0), "beli pay it all"


def due_of(client: ClientAt, courses: list[Course], **chosen: Any) -> Decimal | None:
    """What is due for a choice; None when a minimum is not reached."""
    answer = client.post("/account/quote/", choice(courses, **chosen))
    if answer["code"] == 1307:
        return None
    return Decimal(str(answer["data"]["total_price"]))


@pytest.mark.parametrize("seed", range(200, 206))
def test_what_a_coupon_saves_beside_the_others_is_the_difference_of_two_quotes(seed: int) -> None:
    learner, _, courses, records = random_cart(seed)
    dice = random.Random(seed)
    bound = {
        i: dice.choice(mine)
        for i, course in enumerate(courses)
        if (mine := [one for one in records if one.is_for(course.key)])
    }
    general = next((one for one in records if one.bound_to is None), None)
    if due_of(learner, courses, coupons=bound, general=general) is None:
        general = None
    if due_of(learner, courses, coupons=bound) is None:
        bound = {}
    is_beli = seed % 2 == 0
    quoted = quote(learner, courses, coupons=bound, general=general, is_beli=is_beli)
    for one in records:
        if one.bound_to is None:
            empty: dict[str, Any] = {"coupons": bound, "general": None}
            used: dict[str, Any] = empty | {"general": one}
        else:
            [at] = [i for i, course in enumerate(courses) if one.is_for(course.key)]
            empty = {"coupons": {i: r for i, r in bound.items() if i != at}, "general": general}
            used = empty | {"coupons": empty["coupons"] | {at: one}}
        without = due_of(learner, courses, is_beli=is_beli, **empty)
        beside = due_of(learner, courses, is_beli=is_beli, **used)
        assert without is not None
        saves = without - beside if beside is not None else Decimal(0)
        assert Decimal(str(of(quoted, one)["saves_beside"])) == saves


# Until when


def test_a_line_says_until_when_the_course_is_had_and_would_be(clock: Clock) -> None:
    learner, user = a_learner()
    now = builders.now().replace(microsecond=0)
    clock.stand_at(now)
    running, over, paused, for_ever, never = (builders.a_course(prices=[0]) for _ in range(5))
    for course, days, ago in (
        (running, 30, 10),
        (over, 3, 9),
        (paused, 90, 2),
        (for_ever, PERMANENT_DAYS, 1),
    ):
        had = enrollment.slice_item(
            user.user_id, course.key, course.name, "grant-1", 0, days, now - timedelta(days=ago)
        )
        had.paused_at = now - timedelta(days=1) if course is paused else None
        had.save()
    courses = [running, over, paused, for_ever, never]
    lines = quote(learner, courses)["lines"]
    assert [line["owned_until"] for line in lines] == [
        *(beijing_text(now + timedelta(days=20)), None, None, "永久", None)
    ]
    assert learner.pay(courses, 0)["code"] == 1000
    owned = {one.course: one.ends_at for one in enrollment.list_enrollments(user.user_id)}
    ends = [owned[course.key] for course in courses]
    assert [line["end_date_after"] for line in lines] == [
        beijing_text(end) if end else "永久" for end in ends
    ]


def test_two_policies_of_a_course_lead_to_two_ends(clock: Clock) -> None:
    learner, _ = a_learner()
    now = builders.now().replace(microsecond=0)
    clock.stand_at(now)
    course = builders.a_course(prices=[100, 200])
    ends = []
    for position in (0, 1):
        body = choice([course])
        body["course_list"][0]["default_price_policy_id"] = policy_id_of(course, position)
        [line] = learner.post("/account/quote", body)["data"]["lines"]
        assert line["price_policy_id"] == policy_id_of(course, position)
        ends.append(line["end_date_after"])
    assert ends == [beijing_text(now + timedelta(days=days)) for days in (7, 30)]


# An order for the same


def test_an_order_for_the_same_that_is_unpaid_or_just_paid_is_named(
    clock: Clock, alipay: AlipaySimulator
) -> None:
    learner, _ = a_learner()
    course, other = builders.a_course(prices=[10000]), builders.a_course(prices=[10000])
    assert "same_order" not in quote(learner, [course])
    number = number_in(learner.pay([course], 100)["data"])
    assert quote(learner, [course])["same_order"] == {"order_number": number, "status": "待支付"}
    assert "same_order" not in quote(learner, [other])
    assert "same_order" not in quote(learner, [course, other])
    pay(alipay, number)
    assert deliver(notice(alipay, number)) == "success"
    assert quote(learner, [course])["same_order"] == {"order_number": number, "status": "交易成功"}
    clock.advance(minutes=31)
    assert "same_order" not in quote(learner, [course])


def test_a_cancelled_order_is_no_order_for_the_same() -> None:
    learner, _ = a_learner()
    course = builders.a_course(prices=[10000])
    cancel(learner, number_in(learner.pay([course], 100)["data"]))
    assert "same_order" not in quote(learner, [course])


def test_only_one_s_own_coupons_are_quoted(learner: ClientAt) -> None:
    builders.a_coupon(builders.a_user(), value=5000)
    assert quote(learner, [builders.a_course()])["coupons"] == []


def test_a_coupon_of_a_course_is_not_for_the_degree_course_of_the_same_number(learner: ClientAt) -> None:
    assert learner.user is not None
    course = builders.a_course(prices=[30000])
    degree = builders.a_course(prices=[50000], course_type=DEGREE_COURSE, course_id=course.course_id)
    mine = builders.a_coupon(learner.user, course=degree.key, value=10000)
    assert said(quote(learner, [course]), mine)[2] == "不适用于所选课程"
    quoted = quote(learner, [course, degree])
    assert said(quoted, mine) == (True, 100.0, "")
    assert [line.get("coupon_record_id") for line in quoted["best"]["course_list"]] == [
        None,
        mine.record_id,
    ]


# Beli


def test_beli_are_told_and_spent_only_when_asked_for() -> None:
    learner, _ = a_learner(beli=1000)
    course = builders.a_course(prices=[8005])
    without = quote(learner, [course])
    assert (without["beli_balance"], without["beli"], without["total_price"]) == (1000, 0, 80.05)
    assert (without["best"]["is_beli"], without["best_beli"]) == (False, 0)
    wanted = quote(learner, [course], is_beli="true")
    assert (wanted["beli"], wanted["beli_amount"], wanted["total_price"]) == (801, 80.05, 0.0)
    assert (wanted["best"]["is_beli"], wanted["best"]["pay_money"], wanted["best_beli"]) == (True, 0.0, 801)


# The best combination


def test_the_best_combination_can_be_sent_to_payment_as_it_is() -> None:
    learner, user = a_learner(beli=20)
    one, two = builders.a_course(prices=[30000]), builders.a_course(prices=[10000])
    mine = builders.a_coupon(user, course=one.key, value=20000)
    builders.a_coupon(user, course=one.key, coupon_type=coupon.PERCENT, off_percent=90)
    general = builders.a_coupon(user, coupon_type=coupon.FULL, value=5000, minimum=20000)
    quoted = quote(learner, [one, two], is_beli=True)
    assert quoted["best"] == {
        "is_beli": True,
        "course_list": [
            {
                "course_id": one.course_id,
                "course_type": "course",
                "default_price_policy_id": policy_id_of(one),
                "coupon_record_id": mine.record_id,
            },
            {
                "course_id": two.course_id,
                "course_type": "course",
                "default_price_policy_id": policy_id_of(two),
            },
        ],
        "global_coupon_id": general.record_id,
        "pay_money": 148.0,
    }
    assert (quoted["total_price"], quoted["best_saves"], quoted["best_beli"]) == (398.0, 250.0, 20)
    assert learner.post("/payment/", quoted["best"])["code"] == 1000
    assert record(user, mine).status == coupon.RESERVED
    assert record(user, general).status == coupon.RESERVED


def test_a_course_coupon_that_would_break_a_better_minimum_is_left_out(learner: ClientAt) -> None:
    assert learner.user is not None
    course = builders.a_course(prices=[10000])
    builders.a_coupon(learner.user, course=course.key, value=1000)
    general = builders.a_coupon(learner.user, coupon_type=coupon.FULL, value=5000, minimum=10000)
    best = quote(learner, [course])["best"]
    assert best["pay_money"] == 50.0
    assert best["global_coupon_id"] == general.record_id
    assert "coupon_record_id" not in best["course_list"][0]


def test_what_was_chosen_does_not_narrow_the_best(learner: ClientAt) -> None:
    assert learner.user is not None
    course = builders.a_course(prices=[10000])
    poor = builders.a_coupon(learner.user, course=course.key, value=100)
    builders.a_coupon(learner.user, course=course.key, value=5000)
    quoted = quote(learner, [course], coupons={0: poor})
    assert (quoted["total_price"], quoted["best"]["pay_money"], quoted["best_saves"]) == (99.0, 50.0, 49.0)


def random_rule(dice: random.Random, price: int) -> dict[str, Any]:
    kind = dice.choice(list(coupon.COUPON_TYPE_NAMES))
    if kind == coupon.PERCENT:
        return {"coupon_type": kind, "off_percent": dice.randint(1, 100)}
    minimum = dice.randint(0, price + 1000) if kind == coupon.FULL else 0
    return {"coupon_type": kind, "value": dice.randint(0, price), "minimum": minimum}


def random_cart(seed: int) -> tuple[ClientAt, Any, list[Course], list[CouponRecord]]:
    dice = random.Random(seed)
    learner, user = a_learner(beli=dice.choice([0, 7, 333, 100_000]))
    prices = [dice.choice([0, 1, 9990, 12345, 30000]) for _ in range(dice.randint(1, 3))]
    courses = [builders.a_course(prices=[price]) for price in prices]
    records = []
    for course, price in zip(courses, prices, strict=True):
        for _ in range(dice.randint(0, 2)):
            records.append(builders.a_coupon(user, course=course.key, **random_rule(dice, price)))
    for _ in range(dice.randint(0, 2)):
        records.append(builders.a_coupon(user, **random_rule(dice, sum(prices))))
    return learner, user, courses, records


@pytest.mark.parametrize("seed", range(14))
def test_whatever_the_cart_the_best_is_taken_by_payment_for_exactly_its_amount(seed: int) -> None:
    learner, _, courses, _ = random_cart(seed)
    quoted = quote(learner, courses, is_beli=seed % 2 == 0)
    assert quoted["best"]["pay_money"] <= quoted["total_price"]
    paid = learner.post("/payment/", quoted["best"])
    assert paid["code"] == 1000, paid
    placed = stored(number_in(paid["data"]))
    assert Decimal(placed.amount) / 100 == Decimal(str(quoted["best"]["pay_money"]))
    assert placed.beli == quoted["best_beli"]


@pytest.mark.parametrize("seed", [100, 101, 102])
def test_no_combination_that_payment_would_take_is_cheaper(seed: int) -> None:
    learner, _, courses, records = random_cart(seed)
    mine = [[None, *(r for r in records if r.is_for(course.key))] for course in courses]
    general = [None, *(r for r in records if r.bound_to is None)]
    amounts = []
    for *chosen, whole in itertools.product(*mine, general):
        coupons = {i: r for i, r in enumerate(chosen) if r is not None}
        answer = learner.post("/account/quote/", choice(courses, coupons=coupons, general=whole))
        if answer["code"] == 1000:
            amounts.append(answer["data"]["total_price"])
        else:
            assert answer["code"] == 1307, "below a minimum"
    assert quote(learner, courses)["best"]["pay_money"] == min(amounts)


# Refusals


def bad_choices(learner: ClientAt) -> list[tuple[int, Any]]:
    """Bodies that cannot be quoted, with the codes of `POST /payment/`."""
    user = learner.user
    assert user is not None
    course, other = builders.a_course(prices=[30000, 50000]), builders.a_course(prices=[20000])
    offline = builders.a_course(status="offline")
    good = choice([course])
    line = good["course_list"][0]
    mine = builders.a_coupon(user, course=course.key, value=100)
    general = builders.a_coupon(user, value=100)
    used = builders.a_coupon(user, value=100, status=coupon.USED)
    over = builders.a_coupon(user, value=100, valid_until=builders.now() - timedelta(seconds=1))
    full = builders.a_coupon(user, coupon_type=coupon.FULL, value=100, minimum=30001)
    stranger = builders.a_coupon(builders.a_user(), value=100)

    def with_line(**changed: object) -> Any:
        return good | {"course_list": [line | changed]}

    def with_general(record_id: object) -> Any:
        return good | {"global_coupon_id": record_id}

    return [
        (5000, None),
        (5000, []),
        (5000, {}),
        (5000, good | {"is_beli": None}),
        (5000, good | {"is_beli": 1}),
        (5000, good | {"course_list": {}}),
        (5000, good | {"course_list": [1]}),
        (5000, choice([builders.a_course(with_detail=False) for _ in range(MAX_LINES + 1)])),
        (1301, good | {"course_list": []}),
        (1301, with_line(course_id=None)),
        (1301, with_line(course_id=True)),
        (1301, with_line(course_id=builders.new_id())),
        (1301, with_line(course_type="lesson")),
        (1301, choice([offline])),
        (1302, with_line(default_price_policy_id=None)),
        (1302, with_line(default_price_policy_id=builders.new_id())),
        (1302, with_line(default_price_policy_id=policy_id_of(other))),
        (1302, good | {"course_list": [line, line | {"default_price_policy_id": policy_id_of(course, 1)}]}),
        (1306, with_line(coupon_record_id="x")),
        (1306, with_line(coupon_record_id=general.record_id)),
        (1306, with_line(coupon_record_id=builders.new_id())),
        (1306, with_general(mine.record_id)),
        (1306, with_general(used.record_id)),
        (1306, with_general(over.record_id)),
        (1306, with_general(stranger.record_id)),
        (1306, with_general(False)),
        (1306, with_line(coupon_record_id=general.record_id) | {"global_coupon_id": general.record_id}),
        (1307, with_general(full.record_id)),
    ]


def test_what_payment_refuses_the_quote_refuses_with_the_same_code_and_words(learner: ClientAt) -> None:
    for code, body in bad_choices(learner):
        answer = learner.request("POST", "/account/quote", data=json.dumps(body)).json()
        check_refusal(answer, code)
        if isinstance(body, dict):
            paid = learner.post("/payment", body | {"pay_money": 1})
            assert paid == answer, body


def test_a_quote_needs_a_token_and_readable_json(learner: ClientAt) -> None:
    assert ClientAt().request("POST", "/account/quote", json={}).status_code == 401
    for body in (b"", b"{", b"[" * 5000, b'{"is_beli": NaN}'):
        assert learner.request("POST", "/account/quote", data=body).status_code == 400


def test_an_exact_repetition_is_one_line(learner: ClientAt) -> None:
    body = choice([builders.a_course(prices=[30000])])
    answer = learner.post("/account/quote", body | {"course_list": body["course_list"] * 3})
    assert (len(answer["data"]["lines"]), answer["data"]["total_price"]) == (1, 300.0)


def test_forty_lines_are_quoted(learner: ClientAt) -> None:
    assert learner.user is not None
    courses = [builders.a_course(prices=[1000 + i], with_detail=False) for i in range(MAX_LINES)]
    mine = {i: builders.a_coupon(learner.user, course=courses[i].key, value=i) for i in range(0, 40, 5)}
    quoted = quote(learner, courses, coupons=mine)
    assert len(quoted["lines"]) == MAX_LINES
    assert quoted["total_price"] == quoted["best"]["pay_money"] == 406.4


# Stores


def test_a_quote_is_four_reads_at_once_and_needs_no_redis(faulty_app: FaultyApp) -> None:
    learner = ClientAt(builders.a_user())
    course = builders.a_course()
    body = choice([course])
    with faulty_app.redis.down(), faulty_app.dynamodb.recording() as calls:
        assert learner.post("/account/quote", body)["code"] == 1000
    assert sorted(call.operation for call in calls) == ["BatchGetItem", *["Query"] * 3]


def test_a_database_in_trouble_is_5000(faulty_app: FaultyApp) -> None:
    learner = ClientAt(builders.a_user())
    body = choice([builders.a_course()])
    with faulty_app.dynamodb.faults(Fault.on("Query", action=internal_error())):
        check_refusal(learner.post("/account/quote", body), 5000)
