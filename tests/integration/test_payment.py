"""`POST /payment/` and `GET /get_pay_url/`: every code, everything computed anew, nothing left of a refusal."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
import requests

import app as application
from chalicelib.beijing_time import beijing_text
from chalicelib.flows.grant import grant_beli
from chalicelib.gateways import Gateways
from chalicelib.shop import catalog, coupon, order
from chalicelib.shop.course_key import DEGREE_COURSE
from chalicelib.shop.user import User
from chalicelib.storage.dynamodb import MAX_TRANSACTION_ITEMS, UserItem
from localstack.alipay import AlipaySimulator
from localstack.alipay.gateway import Fault as RefusedRequest
from localstack.api_gateway import GatewayServer
from tests import builders, purchases
from tests.client import Client
from tests.faults import DynamoDBCall, Fault, Gate, hold_before, internal_error, silent
from tests.faults.routing import FaultyApp
from tests.purchases import Clock


@pytest.fixture
def learner(gateway_server: GatewayServer) -> Client:
    return Client(gateway_server.base_url, builders.a_user())


@pytest.fixture(scope="module")
def asker(gateway_server: GatewayServer) -> Client:
    """A learner for the refusals, which leave nothing behind."""
    return Client(gateway_server.base_url, builders.a_user())


@pytest.fixture(scope="module")
def offered(gateway_server: GatewayServer) -> catalog.Course:
    """A course at 300 for the refusals."""
    return builders.a_course(prices=[30000])


def a_learner(base_url: str, **user: Any) -> Client:
    return Client(base_url, builders.a_user(**user))


def body(*courses: catalog.Course, due: object, **members: Any) -> dict[str, Any]:
    """A correct body for the first policy of each course; `members` replace what is in it."""
    lines = [
        {"course_id": course.course_id, "default_price_policy_id": builders.policy_id_of(course)}
        for course in courses
    ]
    return {"is_beli": False, "course_list": lines, "global_coupon_id": "", "pay_money": due} | members


def line(course: catalog.Course, **members: Any) -> dict[str, Any]:
    return {
        "course_id": course.course_id,
        "default_price_policy_id": builders.policy_id_of(course),
        "coupon_record_id": None,
    } | members


def refused(learner: Client, code: int, request: object) -> str:
    """The text of a refusal with this code, which must have left nothing behind."""
    assert learner.user is not None
    before = everything(learner.user)
    response = learner.request("POST", "/payment/", data=json.dumps(request))
    answer = response.json()
    assert response.status_code == 200
    assert set(answer) == {"code", "msg", "data"}
    assert answer["code"] == code, answer
    assert answer["data"] is None
    assert answer["msg"]
    assert everything(learner.user) == before
    return str(answer["msg"])


def everything(user: User) -> dict[str, str]:
    """All that lies in the user's partition."""
    items = UserItem.query(f"USER#{user.user_id}", consistent_read=True)
    return {item.sort: json.dumps(item.to_dynamodb_dict(), sort_keys=True) for item in items}


# The pay page's address


def test_the_answer_is_the_pay_pages_address_with_all_that_alipay_needs(
    learner: Client, alipay: AlipaySimulator, gateway_server: GatewayServer
) -> None:
    answer = learner.post("/payment/", body(builders.a_course(prices=[30050], name="Python"), due=300.5))
    number = alipay.open_cashier(answer["data"])  # checks signature and form, as Alipay does
    trade, placed = alipay.trade(number), purchases.stored(number)
    assert answer == {
        "code": 1000,
        "msg": "",
        "data": answer["data"],
        "order_number": number,
        "expire_date": beijing_text(placed.expires_at),
    }
    assert (trade.amount, trade.subject) == (30050, "Python")
    assert trade.notify_url == trade.return_url == f"{gateway_server.base_url}/trade/alipay/"
    assert trade.expires_at == placed.expires_at
    sent = purchases.parameters_of(answer["data"])
    assert sent["biz_content"] == {
        "out_trade_no": number,
        "total_amount": "300.50",
        "subject": "Python",
        "product_code": "FAST_INSTANT_TRADE_PAY",
        "time_expire": beijing_text(placed.expires_at),
        "request_from_url": f"http://shop.test/payment/result?order_num={number}",
    }


def test_who_leaves_the_cashier_without_paying_comes_back_to_the_order(
    learner: Client, alipay: AlipaySimulator
) -> None:
    answer = learner.post("/payment/", body(builders.a_course(prices=[30000]), due=300))
    page = requests.get(answer["data"], timeout=10)
    back = f"http://shop.test/payment/result?order_num={answer['order_number']}"
    assert f'href="{back}">返回商户' in page.text


def test_the_address_is_signed_over_everything_it_says(learner: Client, alipay: AlipaySimulator) -> None:
    address = learner.post("/payment/", body(builders.a_course(prices=[30000]), due=300))["data"]
    cheaper = address.replace("300.00", "0.01")
    assert cheaper != address
    with pytest.raises(RefusedRequest, match="invalid-signature"):
        alipay.open_cashier(cheaper)


def test_an_order_lives_thirty_minutes(learner: Client, clock: Clock) -> None:
    clock.stand_at(builders.now())
    number = purchases.place(learner, [builders.a_course()], 300)
    assert purchases.stored(number).expires_at == (clock() + timedelta(minutes=30)).replace(microsecond=0)


def test_an_order_number_is_beijing_time_and_random_characters(learner: Client, clock: Clock) -> None:
    clock.stand_at(builders.now())
    number = purchases.place(learner, [builders.a_course()], 300)
    assert re.fullmatch(r"[0-9]{17}[0-9A-Z]{10}", number)
    assert number.startswith(re.sub(r"\D", "", beijing_text(clock())))


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("C/C++ 从入门到精通", "C／C＋＋ 从入门到精通"),
        ("R&D=1&total_amount=0.01", "R＆D＝1＆total_amount＝0.01"),
        ("smile :-} {{name}}", "smile :-｝ ｛｛name｝｝"),
        ("表情 😀 课程", "表情 😀 课程"),
        ("长" * 300, "长" * 256),
        ('"引号" \\ <b> 100%', "＂引号＂ ＼ ＜b＞ 100％"),
    ],
)
def test_alipay_takes_every_courses_name_cleaned(
    learner: Client, alipay: AlipaySimulator, name: str, subject: str
) -> None:
    number = purchases.place(learner, [builders.a_course(name=name)], 300)
    purchases.pay(alipay, number)
    assert alipay.trade(number).subject == subject
    assert alipay.deliver_due_notices() >= 1
    assert purchases.status(number) == order.PAID


# What clients send


@pytest.mark.parametrize("due", [60, 60.0, "60", "60.0", "60.00"])
def test_amounts_are_compared_as_exact_decimals_however_they_are_written(
    learner: Client, due: object
) -> None:
    assert learner.post("/payment/", body(builders.a_course(prices=[6000]), due=due))["code"] == 1000


def test_the_contracts_sum_of_fractions_is_met_by_what_a_browser_computes(learner: Client) -> None:
    courses = [builders.a_course(prices=[9990]), builders.a_course(prices=[12345])]
    assert learner.post("/payment/", body(*courses, due=223.35))["code"] == 1000


@pytest.mark.parametrize(("is_beli", "spent"), [(True, 50), ("true", 50), (False, 0), ("false", 0)])
def test_is_beli_is_a_boolean_or_its_text(gateway_server: GatewayServer, is_beli: object, spent: int) -> None:
    learner = a_learner(gateway_server.base_url, beli=50)
    course = builders.a_course(prices=[10000])
    request = body(course, due=100 - spent / 10, is_beli=is_beli)
    assert learner.post("/payment/", request)["code"] == 1000
    assert learner.user is not None
    assert purchases.balance(learner.user) == 50 - spent


@pytest.mark.parametrize("absent", [None, "", ...])
def test_a_general_coupon_may_be_null_empty_or_absent(learner: Client, absent: object) -> None:
    request = body(builders.a_course(), due=300, global_coupon_id=absent)
    if absent is ...:
        del request["global_coupon_id"]
    assert learner.post("/payment/", request)["code"] == 1000


def test_a_courses_coupon_may_be_null_or_absent(learner: Client) -> None:
    course = builders.a_course()
    assert learner.post("/payment/", body(course, due=300, course_list=[line(course)]))["code"] == 1000
    assert learner.post("/payment/", body(course, due=300))["code"] == 1000


def test_ids_may_be_text(learner: Client) -> None:
    assert learner.user is not None
    course = builders.a_course()
    record = builders.a_coupon(learner.user, course=course.key, value=5000)
    entry = {
        "course_id": str(course.course_id),
        "default_price_policy_id": str(builders.policy_id_of(course)),
        "coupon_record_id": str(record.record_id),
    }
    assert learner.post("/payment/", body(course, due=250, course_list=[entry]))["code"] == 1000


def test_exact_duplicates_are_one_line(learner: Client) -> None:
    course = builders.a_course()
    entry = line(course)
    spelled = entry | {"course_id": str(course.course_id)}
    number = purchases.number_in(
        learner.post("/payment/", body(course, due=300, course_list=[entry, entry, spelled]))["data"]
    )
    assert len(purchases.stored(number).lines) == 1


def test_each_request_makes_an_order_of_its_own(learner: Client) -> None:
    request = body(builders.a_course(), due=300)
    numbers = {purchases.number_in(learner.post("/payment/", request)["data"]) for _ in range(2)}
    assert len(numbers) == 2
    assert learner.user is not None
    assert {placed.number for placed in purchases.orders(learner.user)} == numbers


def test_the_account_is_not_needed_and_nothing_is_taken_from_it(learner: Client) -> None:
    bought, other = builders.a_course(prices=[10000]), builders.a_course(prices=[99900])
    learner.post(
        "/account/", [{"course_id": other.course_id, "price_policy_id": builders.policy_id_of(other)}]
    )
    number = purchases.place(learner, [bought], 100)
    assert [part.course_id for part in purchases.stored(number).lines] == [bought.course_id]


# Refusals


@pytest.mark.parametrize("status", [catalog.OFFLINE, catalog.ANNOUNCED])
def test_a_course_that_is_not_on_sale_is_1301(asker: Client, status: str) -> None:
    refused(asker, 1301, body(builders.a_course(status=status), due=300))


@pytest.mark.parametrize("course_id", [None, "", "abc", -1, 1.5, True, [], {}, "１", "9" * 16, 404404])
def test_what_is_no_course_is_1301(asker: Client, offered: catalog.Course, course_id: object) -> None:
    refused(asker, 1301, body(due=300, course_list=[line(offered, course_id=course_id)]))


def test_an_empty_list_is_1301(asker: Client) -> None:
    refused(asker, 1301, body(due=0))


@pytest.mark.parametrize("course_type", ["book", "", None, 5, DEGREE_COURSE, ["course"]])
def test_another_type_of_course_is_another_course(
    asker: Client, offered: catalog.Course, course_type: object
) -> None:
    refused(asker, 1301, body(due=300, course_list=[line(offered, course_type=course_type)]))


@pytest.mark.parametrize("policy_id", [None, "", "abc", -1, 1.5, True, [], "9" * 16, 404404])
def test_what_is_no_policy_is_1302(asker: Client, offered: catalog.Course, policy_id: object) -> None:
    entry = line(offered, default_price_policy_id=policy_id)
    refused(asker, 1302, body(due=300, course_list=[entry]))


def test_another_courses_policy_is_1302(asker: Client, offered: catalog.Course) -> None:
    entry = line(offered, default_price_policy_id=builders.policy_id_of(builders.a_course(prices=[1])))
    refused(asker, 1302, body(due=0.01, course_list=[entry]))


def test_one_course_by_two_policies_is_1302(asker: Client) -> None:
    course = builders.a_course(prices=[30000, 50000])
    entries = [line(course, default_price_policy_id=builders.policy_id_of(course, i)) for i in (0, 1)]
    refused(asker, 1302, body(due=800, course_list=entries))


def test_a_missing_course_is_told_before_a_wrong_policy(asker: Client, offered: catalog.Course) -> None:
    entries = [line(offered, default_price_policy_id=404404), line(offered, course_id=404404)]
    refused(asker, 1301, body(due=300, course_list=entries))


def test_beli_taken_by_another_order_meanwhile_is_1305(faulty_app: FaultyApp) -> None:
    learner = a_learner(faulty_app.base_url, beli=100)
    assert learner.user is not None
    one, other = builders.a_course(prices=[10000]), builders.a_course(prices=[10000])
    record = builders.a_coupon(learner.user, course=one.key, value=1000)
    request = body(one, due=80, is_beli=True, course_list=[line(one, coupon_record_id=record.record_id)])
    gate = Gate()
    answers: list[Any] = []

    def meanwhile() -> None:
        gate.wait_for_a_call()
        answers.append(learner.pay([other], 90, is_beli=True))
        gate.open()

    with faulty_app.dynamodb.faults(Fault.on("TransactWriteItems", action=hold_before(gate), nth=1)):
        late, _ = purchases.at_once(lambda: learner.post("/payment/", request), meanwhile)
    assert answers[0]["code"] == 1000
    assert late["code"] == 1305
    assert len(purchases.orders(learner.user)) == 1
    purchases.assert_untouched(learner.user, beli=0, unused=[record])


def test_beli_granted_meanwhile_do_no_harm(faulty_app: FaultyApp) -> None:
    learner = a_learner(faulty_app.base_url, beli=100)
    assert learner.user is not None
    course, gate = builders.a_course(prices=[10000]), Gate()

    def meanwhile() -> None:
        gate.wait_for_a_call()
        assert learner.user is not None
        grant_beli(learner.user, 7, "meanwhile", builders.now())
        gate.open()

    with faulty_app.dynamodb.faults(Fault.on("TransactWriteItems", action=hold_before(gate), nth=1)):
        answer, _ = purchases.at_once(lambda: learner.pay([course], 90, is_beli=True), meanwhile)
    assert answer["code"] == 1000
    assert purchases.balance(learner.user) == 7


def test_a_coupon_taken_by_another_order_meanwhile_is_1306(faulty_app: FaultyApp) -> None:
    learner = a_learner(faulty_app.base_url, beli=100)
    assert learner.user is not None
    course, gate = builders.a_course(prices=[10000]), Gate()
    record = builders.a_coupon(learner.user, value=1000)
    answers: list[Any] = []

    def meanwhile() -> None:
        gate.wait_for_a_call()
        answers.append(learner.pay([course], 90, general=record))
        gate.open()

    with faulty_app.dynamodb.faults(Fault.on("TransactWriteItems", action=hold_before(gate), nth=1)):
        late, _ = purchases.at_once(
            lambda: learner.pay([course], 80, general=record, is_beli=True), meanwhile
        )
    assert answers[0]["code"] == 1000
    assert late["code"] == 1306
    assert record.name in late["msg"]
    assert purchases.balance(learner.user) == 100


@pytest.mark.parametrize("record_id", [0, "", "abc", -1, 1.5, True, [], "9" * 16, 404404])
def test_what_is_no_coupon_is_1306(asker: Client, offered: catalog.Course, record_id: object) -> None:
    refused(asker, 1306, body(due=300, course_list=[line(offered, coupon_record_id=record_id)]))


@pytest.mark.parametrize("record_id", [0, "abc", -1, True, [], 404404])
def test_what_is_no_general_coupon_is_1306(asker: Client, offered: catalog.Course, record_id: object) -> None:
    refused(asker, 1306, body(offered, due=300, global_coupon_id=record_id))


@pytest.mark.parametrize("status", [coupon.RESERVED, coupon.USED, coupon.EXPIRED])
def test_a_coupon_that_is_not_unused_is_1306_and_named(learner: Client, status: str) -> None:
    assert learner.user is not None
    course = builders.a_course()
    bound = builders.a_coupon(learner.user, course=course.key, value=5000, status=status)
    general = builders.a_coupon(learner.user, value=5000, status=status)
    entry = line(course, coupon_record_id=bound.record_id)
    reason = "不在有效期内" if status == coupon.EXPIRED else "已被使用"
    for record, request in [
        (bound, body(due=250, course_list=[entry])),
        (general, body(course, due=250, global_coupon_id=general.record_id)),
    ]:
        text = refused(learner, 1306, request)
        assert record.name in text
        assert reason in text


def test_a_coupon_is_good_from_its_first_moment_until_just_before_its_end(
    learner: Client, clock: Clock
) -> None:
    assert learner.user is not None
    course = builders.a_course()
    first = builders.now().replace(microsecond=0) + timedelta(hours=1)
    end = first + timedelta(days=1)

    def answer_at(moment: Any) -> int:
        assert learner.user is not None
        clock.stand_at(moment)
        record = builders.a_coupon(learner.user, value=5000, valid_from=first, valid_until=end)
        return int(learner.pay([course], 250, general=record)["code"])

    instant = timedelta(microseconds=1)
    assert [answer_at(at) for at in (first - instant, first, end - instant, end)] == [1306, 1000, 1000, 1306]


def test_a_courses_coupon_is_for_that_course_only(learner: Client) -> None:
    assert learner.user is not None
    one, other = builders.a_course(), builders.a_course()
    bound = builders.a_coupon(learner.user, course=other.key, value=5000)
    general = builders.a_coupon(learner.user, value=5000)
    refused(learner, 1306, body(due=250, course_list=[line(one, coupon_record_id=bound.record_id)]))
    refused(learner, 1306, body(due=250, course_list=[line(one, coupon_record_id=general.record_id)]))
    refused(learner, 1306, body(one, due=250, global_coupon_id=bound.record_id))


def test_another_users_coupon_is_1306(asker: Client, offered: catalog.Course) -> None:
    record = builders.a_coupon(builders.a_user(), value=5000)
    text = refused(asker, 1306, body(offered, due=250, global_coupon_id=record.record_id))
    assert record.name not in text


def test_one_coupon_used_twice_is_1306(learner: Client) -> None:
    assert learner.user is not None
    one, other = builders.a_course(), builders.a_course()
    record = builders.a_coupon(learner.user, course=one.key, value=5000)
    entries = [line(course, coupon_record_id=record.record_id) for course in (one, other)]
    refused(learner, 1306, body(due=500, course_list=entries))
    refused(learner, 1306, body(due=200, course_list=entries[:1], global_coupon_id=record.record_id))


def test_one_course_with_two_coupons_is_1306(learner: Client) -> None:
    assert learner.user is not None
    course = builders.a_course()
    records = [builders.a_coupon(learner.user, course=course.key, value=5000) for _ in range(2)]
    entries = [line(course, coupon_record_id=record.record_id) for record in records]
    refused(learner, 1306, body(due=200, course_list=entries))
    refused(learner, 1306, body(due=250, course_list=[entries[0], line(course)]))


def test_a_minimum_that_is_not_reached_is_1307_and_named(learner: Client) -> None:
    assert learner.user is not None
    course = builders.a_course(prices=[9999])
    rule: dict[str, Any] = {"coupon_type": coupon.FULL, "minimum": 10000, "value": 5000}
    bound = builders.a_coupon(learner.user, course=course.key, **rule)
    general = builders.a_coupon(learner.user, **rule)
    text = refused(
        learner, 1307, body(due=49.99, course_list=[line(course, coupon_record_id=bound.record_id)])
    )
    assert bound.name in text
    assert "100.0元" in text
    refused(learner, 1307, body(course, due=49.99, global_coupon_id=general.record_id))


def test_a_minimum_that_is_just_reached_will_do(learner: Client) -> None:
    assert learner.user is not None
    record = builders.a_coupon(learner.user, coupon_type=coupon.FULL, minimum=10000, value=5000)
    assert learner.pay([builders.a_course(prices=[10000])], 50, general=record)["code"] == 1000


@pytest.mark.parametrize(
    "due",
    [
        299.99,
        300.01,
        0,
        "300.001",
        300.001,
        -300,
        "abc",
        "",
        None,
        True,
        [],
        {},
        "NaN",
        "Infinity",
        "1e400",
        10**12,
        "３００",
    ],
)
def test_another_amount_than_what_is_due_is_1308(asker: Client, offered: catalog.Course, due: object) -> None:
    refused(asker, 1308, body(offered, due=due))


def test_an_amount_that_is_off_is_answered_with_what_is_due(asker: Client) -> None:
    assert "223.35" in refused(asker, 1308, body(builders.a_course(prices=[22335]), due=223.34))


@pytest.mark.parametrize("amount", [0.30000000000000004, "abc", -0.3, "0.301", None, True, [], {}, 10**12])
def test_what_is_no_amount_is_answered_with_what_is_due(asker: Client, amount: object) -> None:
    assert "应付金额为0.3元" in refused(asker, 1308, body(builders.a_course(prices=[30]), due=amount))


def test_no_amount_is_answered_with_what_is_due(asker: Client, offered: catalog.Course) -> None:
    request = body(offered, due=300)
    del request["pay_money"]
    assert "应付金额为300.0元" in refused(asker, 1308, request)


def test_a_price_that_rose_meanwhile_is_1308(asker: Client) -> None:
    course = builders.a_course(prices=[30000])
    request = body(course, due=300)
    page = catalog.find_course_contents(course.key)
    assert page is not None
    (policy,) = page.policies
    policy.price = 40000
    builders.put_course(course, [policy], page.detail)
    refused(asker, 1308, request)


@pytest.mark.parametrize("request_body", [[], "text", 5, None, True, {}])
def test_another_shape_of_body_is_5000(asker: Client, request_body: object) -> None:
    refused(asker, 5000, request_body)


@pytest.mark.parametrize("courses", [None, {}, "1", 5, [5], [None], ["1"], [[]]])
def test_another_shape_of_the_list_is_5000(asker: Client, courses: object) -> None:
    refused(asker, 5000, body(due=300, course_list=courses))


@pytest.mark.parametrize("is_beli", [None, "yes", "True", "", 0, 1, [], {}])
def test_another_shape_of_is_beli_is_5000(asker: Client, offered: catalog.Course, is_beli: object) -> None:
    refused(asker, 5000, body(offered, due=300, is_beli=is_beli))


def test_forty_one_lines_are_5000(asker: Client) -> None:
    entries = [
        {"course_id": number, "default_price_policy_id": number} for number in range(1_000_001, 1_000_042)
    ]
    refused(asker, 5000, body(due=1, course_list=entries))


@pytest.mark.parametrize("text", ["", "{", '{"pay_money": NaN}', "[" * 5000, "\x00"])
def test_what_is_no_json_is_400_in_the_envelope(learner: Client, text: str) -> None:
    response = learner.request("POST", "/payment/", data=text)
    assert response.status_code == 400
    assert response.json() == {"code": 400, "msg": response.json()["msg"], "data": None}


def test_nobody_pays_without_signing_in(gateway_server: GatewayServer) -> None:
    response = Client(gateway_server.base_url).request("POST", "/payment/", json=[])
    assert response.status_code == 401
    assert response.json()["code"] == 401


# What is sold


def test_everything_about_an_order_is_copied_when_it_is_placed(
    gateway_server: GatewayServer, alipay: AlipaySimulator
) -> None:
    learner = a_learner(gateway_server.base_url, beli=105)
    assert learner.user is not None
    one, two = builders.a_course(prices=[30000]), builders.a_course(prices=[20000])
    bound = builders.a_coupon(learner.user, course=one.key, value=20000)
    general = builders.a_coupon(learner.user, coupon_type=coupon.PERCENT, off_percent=80)
    # 300 - 200 + 200 = 300, of that 80 % = 240, less 10.5 in beli.
    number = purchases.place(learner, [one, two], 229.5, coupons={0: bound}, general=general, is_beli=True)
    shown = learner.order(number)
    expected = {
        "status": "待支付",
        "payment_type": "支付宝",
        "original_amount": 500,
        "course_coupon_amount": 200,
        "general_coupon_amount": 60,
        "beli": 105,
        "beli_amount": 10.5,
        "actual_amount": 229.5,
        "general_coupon": general.name,
        "can_pay": True,
        "can_cancel": True,
    }
    assert {name: shown[name] for name in expected} == expected
    lines = shown["orderdetail_list"]
    assert [(part["original_price"], part["price"], part["coupon"]) for part in lines] == [
        (300, 100, bound.name),
        (200, 200, ""),
    ]
    assert [part["general_coupon_share"] for part in lines] == [20, 40]
    assert [part["beli_share"] for part in lines] == [3.5, 7]
    assert [part["beli"] for part in lines] == [35, 70]
    assert [part["payable"] for part in lines] == [76.5, 153]
    assert purchases.record(learner.user, bound).status == coupon.RESERVED
    assert purchases.record(learner.user, general).order_number == number
    assert purchases.balance(learner.user) == 0


def test_a_degree_course_is_sold_paid_and_owned_like_any_other(
    learner: Client, alipay: AlipaySimulator
) -> None:
    assert learner.user is not None
    course = builders.a_course(course_type=DEGREE_COURSE, prices=[1299900])
    record = builders.a_coupon(learner.user, course=course.key, value=99900)
    number = purchases.place(learner, [course], 12000, coupons={0: record})
    purchases.pay(alipay, number)
    alipay.deliver_due_notices()
    assert purchases.status(number) == order.PAID
    (mine,) = learner.get("/mycourses")["data"]
    assert (mine["course_type"], mine["course_id"], mine["ended"]) == (
        DEGREE_COURSE,
        course.course_id,
        False,
    )


def test_a_course_and_a_degree_course_of_one_id_are_two_lines(learner: Client) -> None:
    course = builders.a_course(prices=[10000])
    degree = builders.a_course(course_type=DEGREE_COURSE, course_id=course.course_id, prices=[20000])
    number = purchases.place(learner, [course, degree], 300)
    assert [part.course_type for part in purchases.stored(number).lines] == ["course", DEGREE_COURSE]


def test_the_same_course_again_extends_it(learner: Client, alipay: AlipaySimulator) -> None:
    course = builders.a_course(prices=[10000])  # 7 days
    for _ in range(2):
        number = purchases.place(learner, [course], 100)
        purchases.pay(alipay, number)
        alipay.deliver_due_notices()
    assert learner.user is not None
    assert purchases.owns(learner.user, course, builders.now() + timedelta(days=13))
    assert not purchases.owns(learner.user, course, builders.now() + timedelta(days=14, minutes=1))
    assert len(learner.get("/mycourses")["data"]) == 1


def test_permanent_is_for_ever(learner: Client, alipay: AlipaySimulator) -> None:
    course = builders.a_course(prices=[1, 1, 1, 1, 1, 60000])
    entry = line(course, default_price_policy_id=builders.policy_id_of(course, 5))
    answer = learner.post("/payment/", body(due=600, course_list=[entry]))
    number = purchases.number_in(answer["data"])
    purchases.pay(alipay, number)
    alipay.deliver_due_notices()
    (mine,) = learner.get("/mycourses")["data"]
    assert mine["end_date"] == "永久"
    assert learner.newest_order()["orderdetail_list"][0]["valid_period_display"] == "永久"


def test_a_free_course_is_owned_at_once_and_the_answer_is_the_result_page(learner: Client) -> None:
    assert learner.user is not None
    course = builders.a_course(prices=[0])
    answer = learner.pay([course], 0)
    number = purchases.number_in(answer["data"])
    assert answer["data"] == f"http://shop.test/payment/result?order_num={number}"
    assert answer["order_number"] == number
    shown = learner.order(number)
    assert (shown["status"], shown["payment_type"]) == ("交易成功", "免费")
    assert (shown["can_pay"], shown["can_cancel"]) == (False, False)
    assert purchases.owns(learner.user, course)
    assert purchases.payments(number) == []


def test_a_fully_discounted_order_is_paid_at_once(gateway_server: GatewayServer) -> None:
    learner = a_learner(gateway_server.base_url)
    assert learner.user is not None
    course = builders.a_course(prices=[10000])
    record = builders.a_coupon(learner.user, course=course.key, value=20000)
    number = purchases.place(learner, [course], 0, coupons={0: record})
    assert learner.order(number)["payment_type"] == "优惠码"
    assert purchases.status(number) == order.PAID
    assert purchases.record(learner.user, record).status == coupon.USED
    assert purchases.owns(learner.user, course)


def test_an_order_paid_by_beli_alone_is_paid_at_once(gateway_server: GatewayServer) -> None:
    learner = a_learner(gateway_server.base_url, beli=1000)
    assert learner.user is not None
    number = purchases.place(learner, [builders.a_course(prices=[5005])], 0, is_beli=True)
    assert learner.order(number)["payment_type"] == "贝里"
    assert purchases.balance(learner.user) == 1000 - 501


def is_delivery(call: DynamoDBCall) -> bool:
    """Whether a transaction grants a course."""
    written = [item["Put"]["Item"] for item in call.request["TransactItems"] if "Put" in item]
    return any(item["kind"] == {"S": "ENROLLMENT"} for item in written)


def test_an_order_of_zero_that_was_cut_before_delivery_is_delivered_by_the_timer_and_never_cancelled(
    faulty_app: FaultyApp, clock: Clock
) -> None:
    learner, other = a_learner(faulty_app.base_url), a_learner(faulty_app.base_url)
    assert learner.user is not None
    assert other.user is not None
    course = builders.a_course(prices=[10000])
    record = builders.a_coupon(learner.user, course=course.key, value=20000)
    others = builders.a_coupon(other.user, course=course.key, value=20000)
    with faulty_app.dynamodb.faults(
        Fault.on("TransactWriteItems", action=internal_error(), where=is_delivery)
    ):
        answers = purchases.at_once(
            lambda: learner.pay([course], 0, coupons={0: record}),
            lambda: other.pay([course], 0, coupons={0: others}),
        )
    numbers = [purchases.number_in(answer["data"]) for answer in answers]
    for user, number in zip((learner.user, other.user), numbers, strict=True):
        assert purchases.status(number) == order.PLACED
        assert not purchases.owns(user, course, clock())

    assert purchases.cancel(other, numbers[1])["code"] == 1502
    assert purchases.owns(other.user, course, clock())

    purchases.run_timer()
    assert purchases.status(numbers[0]) == order.PLACED
    clock.advance(minutes=2)
    purchases.run_timer()
    assert purchases.status(numbers[0]) == order.PAID
    assert purchases.owns(learner.user, course, clock())
    assert purchases.record(learner.user, record).status == coupon.USED


def test_a_placed_order_takes_its_courses_out_of_the_cart_and_ends_the_account(learner: Client) -> None:
    bought, kept = builders.a_course(prices=[10000]), builders.a_course()
    for course in (bought, kept):
        chosen = {"course_id": course.course_id, "price_policy_id": builders.policy_id_of(course)}
        assert learner.post("/shoppingcar/", chosen)["code"] == 1000
    assert learner.post("/account/", [chosen])["code"] == 1000
    purchases.place(learner, [bought], 100)
    (shown,) = learner.get("/shoppingcar/")["data"]["shopping_car_list"]
    assert shown["id"] == kept.course_id
    assert learner.get("/account/")["code"] == 1101


def test_a_refused_payment_leaves_cart_and_account_alone(learner: Client) -> None:
    course = builders.a_course()
    chosen = {"course_id": course.course_id, "price_policy_id": builders.policy_id_of(course)}
    learner.post("/shoppingcar/", chosen)
    learner.post("/account/", [chosen])
    refused(learner, 1308, body(course, due=1))
    assert learner.get("/shoppingcar/")["data"]["total"] == 1
    assert learner.get("/account/")["code"] == 1000


def test_redis_down_does_not_fail_the_payment(faulty_app: FaultyApp) -> None:
    learner = a_learner(faulty_app.base_url)
    course = builders.a_course()
    with faulty_app.redis.down():
        assert learner.pay([course], 300)["code"] == 1000
    with faulty_app.redis.faults(Fault.on(action=silent())):
        assert learner.pay([course], 300)["code"] == 1000
    assert learner.user is not None
    assert len(purchases.orders(learner.user)) == 2


def sizes(calls: list[DynamoDBCall]) -> set[int]:
    """How many items the transactions have. A busy store is told of one again."""
    return {len(call.request["TransactItems"]) for call in calls if call.operation == "TransactWriteItems"}


def test_forty_courses_with_forty_coupons_a_general_one_and_beli_are_one_transaction_each_way(
    faulty_app: FaultyApp, alipay: AlipaySimulator
) -> None:
    learner = a_learner(faulty_app.base_url, beli=1005)
    user = learner.user
    assert user is not None
    courses = [builders.a_course(prices=[10000 + i]) for i in range(40)]
    coupons = {i: builders.a_coupon(user, course=course.key, value=1000) for i, course in enumerate(courses)}
    general = builders.a_coupon(user, coupon_type=coupon.PERCENT, off_percent=90)
    rebates = 40 * 9000 + sum(range(40))
    due = rebates * 90 // 100 - 10050
    chosen = {"coupons": coupons, "general": general, "is_beli": True}

    with faulty_app.dynamodb.recording() as calls:
        number = purchases.place(learner, courses, due / 100, **chosen)
    assert sizes(calls) == {48}
    batches = [
        sum(len(table["Keys"]) for table in call.request["RequestItems"].values())
        for call in calls
        if call.operation == "BatchGetItem"
    ]
    assert max(batches) <= 100
    assert sum(batches) >= 121
    assert purchases.balance(user) == 0
    placed = purchases.stored(number)
    assert sum(part.payable for part in placed.lines) == placed.amount == due
    assert sum(part.beli for part in placed.lines) == 1005

    assert purchases.cancel(learner, number)["code"] == 1000
    purchases.assert_untouched(user, beli=1005, unused=[*coupons.values(), general])

    number = purchases.place(learner, courses, due / 100, **chosen)
    purchases.pay(alipay, number)
    with faulty_app.dynamodb.recording() as calls:
        alipay.deliver_due_notices()
    assert sizes(calls) == {86}
    assert purchases.status(number) == order.PAID
    assert len(learner.get("/mycourses")["data"]) == 40

    alipay.refund(number)
    with faulty_app.dynamodb.recording() as calls:
        alipay.deliver_due_notices()
    assert sizes(calls) == {2, 87}
    assert max(sizes(calls)) <= MAX_TRANSACTION_ITEMS
    assert purchases.status(number) == order.REFUNDED
    assert not any(purchases.owns(user, course) for course in courses)
    purchases.assert_untouched(user, beli=1005, unused=[*coupons.values(), general])


def test_a_provider_that_has_no_pay_page_now_is_told_and_nothing_is_ordered(learner: Client) -> None:
    """None is set up at all."""
    course = builders.a_course(prices=[30000])
    number = purchases.place(learner, [course], 300)
    before = application.app.gateways
    application.app.process.gateways = Gateways(payments={}, geetest=before.geetest)
    try:
        assert learner.pay([course], 300)["code"] == 5000
        answer = learner.get("/get_pay_url/", params={"order_number": number, "final_price": 300})
        assert answer["code"] == 1402
    finally:
        application.app.process.gateways = before
    assert learner.user is not None
    assert [placed.number for placed in purchases.orders(learner.user)] == [number]


# GET /get_pay_url/


def pay_address(learner: Client, number: object, amount: object) -> Any:
    return learner.get("/get_pay_url/", params={"order_number": number, "final_price": amount})


def test_an_open_order_can_be_paid_later_with_the_same_subject_and_expiry(
    learner: Client, alipay: AlipaySimulator, clock: Clock
) -> None:
    course = builders.a_course(prices=[22330], name="C/C++")
    first = learner.pay([course], 223.3)["data"]
    clock.advance(minutes=10)
    number = purchases.number_in(first)
    for amount in ("223.3", "223.30", 223.3):
        again = pay_address(learner, number, amount)
        assert again == {
            "code": 1000,
            "msg": "",
            "data": again["data"],
            "order_number": number,
            "expire_date": beijing_text(purchases.stored(number).expires_at),
        }
        assert (
            purchases.parameters_of(again["data"])["biz_content"]
            == purchases.parameters_of(first)["biz_content"]
        )
        assert alipay.open_cashier(again["data"]) == number


def test_the_subject_stays_when_the_course_gets_another_name(learner: Client) -> None:
    course = builders.a_course(name="旧名")
    number = purchases.place(learner, [course], 300)
    course.name = "新名"
    course.save()
    address = pay_address(learner, number, 300)["data"]
    assert purchases.parameters_of(address)["biz_content"]["subject"] == "旧名"


def test_an_order_is_sent_to_pay_with_90_seconds_left_and_not_with_less(
    learner: Client, clock: Clock
) -> None:
    number = purchases.place(learner, [builders.a_course()], 300)
    last = purchases.stored(number).expires_at - timedelta(seconds=90)
    clock.stand_at(last)
    assert learner.order(number)["can_pay"] is True
    assert pay_address(learner, number, 300)["code"] == 1000
    clock.stand_at(last + timedelta(microseconds=1))
    assert learner.order(number)["can_pay"] is False
    assert pay_address(learner, number, 300)["code"] == 1402


@pytest.mark.parametrize(
    "amount", ["299.99", "300.001", "-300", "", "abc", "NaN", "Infinity", "1e9999", "３００", "300,0"]
)
def test_another_amount_is_1402(learner: Client, amount: str) -> None:
    number = purchases.place(learner, [builders.a_course()], 300)
    answer = pay_address(learner, number, amount)
    assert (answer["code"], answer["data"]) == (1402, None)


@pytest.mark.parametrize(
    "number", ["", "1", "20260301235959987ABCDEFGHIJ", "a b", "a/b", "订单", "x" * 500, "#"]
)
def test_an_order_that_does_not_exist_is_1402(learner: Client, number: str) -> None:
    assert pay_address(learner, number, 300)["code"] == 1402


def test_missing_parameters_are_1402(learner: Client) -> None:
    assert learner.get("/get_pay_url/")["code"] == 1402


def test_another_users_order_is_1402(learner: Client, gateway_server: GatewayServer) -> None:
    number = purchases.place(learner, [builders.a_course()], 300)
    stranger = a_learner(gateway_server.base_url)
    assert pay_address(stranger, number, 300)["code"] == 1402


def test_a_paid_order_is_1402(learner: Client, alipay: AlipaySimulator) -> None:
    number = purchases.place(learner, [builders.a_course()], 300)
    purchases.pay(alipay, number)
    alipay.deliver_due_notices()
    assert pay_address(learner, number, 300)["code"] == 1402


def test_a_closed_order_is_1402(learner: Client, alipay: AlipaySimulator) -> None:
    number = purchases.place(learner, [builders.a_course()], 300)
    assert purchases.cancel(learner, number)["code"] == 1000
    assert pay_address(learner, number, 300)["code"] == 1402


def test_an_order_of_zero_is_1402(learner: Client) -> None:
    number = purchases.place(learner, [builders.a_course(prices=[0])], 0)
    assert pay_address(learner, number, 0)["code"] == 1402


def test_nobody_gets_a_pay_address_without_signing_in(learner: Client, gateway_server: GatewayServer) -> None:
    number = purchases.place(learner, [builders.a_course()], 300)
    visitor = Client(gateway_server.base_url)
    path = f"/get_pay_url/?order_number={number}&final_price=300"
    assert visitor.request("GET", path).status_code == 401
