"""Every endpoint with a typical request: what is made before it, and the request itself.

The example: two courses with two policies each, one coupon for each, some beli. Round trips and CPU are measured
with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import app as application
from chalicelib.flows.unsubscribe import unsubscribe_address
from chalicelib.gateways.sms_pushes import callback_key
from chalicelib.settings import settings
from chalicelib.shop import coupon, marquee, order, session
from chalicelib.shop.catalog import Course, Section, category_item
from chalicelib.shop.user import User
from localstack.alipay import AlipaySimulator
from localstack.polyv import PolyvSimulator
from localstack.wechat import WechatSimulator
from localstack.wechat.notices import NoticeWriter
from tests import builders, purchases, study
from tests.client import Client
from tests.postbox import postbox

Json = dict[str, Any]
NewClient = Callable[[User | None], Client]
"""Makes a client of the application, signed in as the user, or a visitor's."""


def unsubscribe_path(user: User, group: str = "study") -> str:
    """What a mail to this user carries, as a path of the API."""
    return unsubscribe_address(user.user_id, group, settings()).removeprefix(settings().api_url)


NO_MESSAGE = "1#20261128T120500123456Z#order-paid#N1#00000000"


def push_path(what: str) -> str:
    """Where the provider of SMS pushes."""
    sms = settings().sms
    assert sms is not None
    return f"/sms/{what}?key={callback_key(sms.access_key_secret)}"


def a_push(**members: object) -> Json:
    """A row of what it pushes."""
    return {"phone_number": "13800000000", "send_time": "2026-11-28 12:00:00", **members}


@dataclass
class Example:
    """A learner with beli, coupons and nothing bought, and the courses on offer."""

    user: User
    courses: list[Course]
    alipay: AlipaySimulator
    wechat: WechatSimulator
    polyv: PolyvSimulator
    learner: Client
    visitor: Client
    new_client: NewClient

    @cached_property
    def operator(self) -> Client:
        return self.new_client(builders.an_admin())

    @property
    def lines(self) -> list[Json]:
        """The courses as cart and account take them."""
        return [
            {"course_id": course.course_id, "price_policy_id": builders.policy_id_of(course)}
            for course in self.courses
        ]

    @property
    def coupon_ids(self) -> list[int]:
        """The records of the coupons, by their courses. One Query."""
        records = coupon.list_records(self.user.user_id)
        return [
            next(record.record_id for record in records if record.is_for(course.key))
            for course in self.courses
        ]

    @property
    def purchase(self) -> Json:
        """The body of a payment with a coupon for each course and beli: 100 yuan a course, 10 off, 10 in beli."""
        return {
            "is_beli": True,
            "course_list": [
                {
                    "course_id": line["course_id"],
                    "default_price_policy_id": line["price_policy_id"],
                    "coupon_record_id": record_id,
                }
                for line, record_id in zip(self.lines, self.coupon_ids, strict=True)
            ],
            "global_coupon_id": None,
            "pay_money": 90 * len(self.courses) - 10,
        }


class Simulators(NamedTuple):
    """The third parties of an example: where it is paid, and what keeps its videos."""

    alipay: AlipaySimulator
    wechat: WechatSimulator
    polyv: PolyvSimulator


def an_example(providers: Simulators, new_client: NewClient, courses: int = 2) -> Example:
    """A new learner and new courses, in a category of their own."""
    user = builders.a_user(beli=100)
    category_id = builders.new_id()
    category_item(category_id, builders.new_name("分类")).save()
    made = builders.some_courses(courses, prices=[10000, 20000], category_id=category_id)
    builders.some_coupons(user, made, value=1000)
    return Example(user, made, *providers, new_client(user), new_client(None), new_client)


@dataclass(frozen=True)
class Endpoint:
    """A row of the table: `call` gets what `prepare` has made, and answers what the client got."""

    name: str
    prepare: Callable[[Example], Any]
    call: Callable[[Example, Any], Any]


def succeeded(answer: Any) -> bool:
    """Whether an answer of `call` is a success."""
    return answer in ("success", "") or answer.get("code", answer.get("error_no", 0)) in (0, 1000)


def nothing(example: Example) -> None:
    """For endpoints that need nothing but the example."""


def a_recommending_course(example: Example) -> int:
    other = example.courses[0]
    recommended = [{"course_id": other.course_id, "course_name": other.name}]
    builders.an_offer(value=100, course=other.key)
    return int(builders.a_course(recommended=recommended, category_id=other.category_id).course_id)


def a_full_cart(example: Example) -> None:
    for line in example.lines:
        assert succeeded(example.learner.post("/shoppingcar/", line))


def an_account(example: Example) -> None:
    assert succeeded(example.learner.post("/account/", example.lines))


def a_choice_of_coupons(example: Example) -> Json:
    """The body of `PUT /account`, for an open account."""
    an_account(example)
    names = [str(course.course_id) for course in example.courses]
    return {"is_beli": "true", "choose_coupons": dict(zip(names, example.coupon_ids, strict=True))}


def a_purchase(example: Example) -> Json:
    """The body of `POST /payment`, with its courses in the cart and in the account."""
    a_full_cart(example)
    an_account(example)
    return example.purchase


def a_quote(example: Example) -> Json:
    lines = [
        {"course_id": line["course_id"], "default_price_policy_id": line["price_policy_id"]}
        for line in example.lines
    ]
    return {"is_beli": True, "course_list": lines}


def an_order(example: Example) -> str:
    """The number of an unpaid order without coupons and beli."""
    return purchases.place(example.learner, example.courses, 100 * len(example.courses))


def a_wechat_order(example: Example) -> str:
    """The same, to be paid by WeChat Pay."""
    body = a_quote(example) | {"is_beli": False, "pay_money": 100 * len(example.courses)}
    return str(example.learner.post("/payment/", body | {"payment_type": "wechat"})["order_number"])


def a_notice(example: Example) -> dict[str, str]:
    """The notice of an order that was just paid at Alipay, not yet delivered."""
    answer = example.learner.post("/payment/", a_purchase(example))
    number = purchases.number_in(answer["data"])
    purchases.pay(example.alipay, number)
    return purchases.notice(example.alipay, number)


def a_wechat_notice(example: Example) -> Json:
    """The same of WeChat Pay: headers and body."""
    order_number = a_wechat_order(example)
    assert succeeded(example.learner.post(f"/order/{order_number}/wechat", {"way": "native"}))
    number = order.find_by_number(order_number).begun()[0].number
    example.wechat.pay(number)
    letter = NoticeWriter(example.wechat.merchant).letter(
        "EV-1", example.wechat.event(number), example.wechat.now()
    )
    return {"headers": letter.headers, "data": letter.body}


def a_paid_order(example: Example) -> str:
    notice = a_notice(example)
    assert purchases.deliver(notice) == "success"
    return notice["out_trade_no"]


def a_question(example: Example) -> int:
    """A section of a course that the learner may study, where a question about the course waits."""
    course = example.courses[0]
    builders.may_study(example.user, course)
    section = int(builders.a_section(course, task="写一段程序").section_id)
    asked = example.learner.post(f"/course/{course.course_id}/asked", {"text": "怎么开始？"})
    assert succeeded(asked)
    return section


def an_assignment(example: Example) -> str:
    """The path of an assignment that the learner may do."""
    course = example.courses[0]
    builders.may_study(example.user, course)
    section = builders.a_section(course, task="写一段程序")
    return f"/course/{course.course_id}/sections/{section.section_id}/assignment"


REASON = {"reason": "不想学了"}


def an_application(example: Example) -> str:
    """The request number of a refund that was applied for."""
    answer = example.learner.post(f"/order/{a_paid_order(example)}/refund", REASON)
    example.operator  # noqa: B018 (signed in beforehand)
    return str(answer["data"]["request_no"])


def a_new_name(example: Example) -> Json:
    return {"username": builders.new_name(), "password": f"{builders.PASSWORD} 2026"}


def another_session(example: Example) -> str:
    return str(session.start(example.user, builders.now()).session_id)


def a_number(example: Example) -> str:
    """The learner's confirmed number."""
    return builders.a_contact(example.user)


def a_code(client: Client, purpose: str, to: str) -> str:
    """The code that a client had sent to a number."""
    with postbox() as box:
        assert succeeded(client.post("/codes", {"purpose": purpose, "channel": "sms", "to": to}))
    return box.code(to)


def send_code(client: Client, purpose: str, to: str) -> Any:
    with postbox():
        return client.post("/codes", {"purpose": purpose, "channel": "sms", "to": to})


def a_code_use(purpose: str) -> Callable[[Example], Json]:
    """Makes the body of what a visitor may do by the code for a purpose."""

    def prepare(example: Example) -> Json:
        to = a_number(example)
        return {"channel": "sms", "to": to, "code": a_code(example.visitor, purpose, to)}

    return prepare


def a_new_number(example: Example) -> Json:
    to = builders.a_number()
    return {"to": to, "code": a_code(example.learner, "confirm", to)}


def an_offer(example: Example) -> int:
    return int(builders.an_offer(value=100).coupon_id)


def an_offer_for_a_course(example: Example) -> None:
    builders.an_offer(value=100, course=example.courses[0].key)


@dataclass(frozen=True)
class Player:
    """A section that is being played, and the ticket of who does."""

    section: Section
    ticket: str


def a_section_of_mine(example: Example) -> Section:
    """A section of a course that the learner owns, for everybody to try."""
    course = study.a_video_course(["10:00"])
    study.enroll(example.user, course)
    return study.sections_of(course)[0]


def play(client: Client, section: Section, body: Json | None = None) -> Any:
    with study.playing_by(study.PolyvHere(), application.app.process):
        path = f"/course/{course_id_of(section)}/sections/{section.section_id}/play"
        return client.post(path, body or {})


def course_id_of(section: Section) -> str:
    return str(section.course_key).partition("#")[2]


def a_player(example: Example) -> Player:
    section = a_section_of_mine(example)
    return Player(section, str(play(example.learner, section)["data"]["ticket"]))


def report(client: Client, player: Player) -> Any:
    with study.time_ahead(application.app.process, seconds=10):
        return client.post("/study/report", {"ticket": player.ticket, "spans": [[0, 10]], "at": 10})


VIDEO = "e2e84a73830000000000000000900001_e"


def a_callback(example: Example, kind: str = "encode") -> tuple[str, bytes]:
    """Query and body of a genuine callback about a video that one section shows."""
    section = builders.a_video_section(example.courses[0].key)
    return example.polyv.callback(str(section.video_id), kind)


ENDPOINTS = [
    # People
    Endpoint(
        "`GET /api/captcha_check`, captcha off", nothing, lambda e, _: e.visitor.get("/api/captcha_check")
    ),
    Endpoint("`POST /register`, captcha off", a_new_name, lambda e, body: e.visitor.post("/register", body)),
    Endpoint(
        "`POST /login`, captcha off",
        nothing,
        lambda e, _: e.visitor.post("/login", {"username": e.user.username, "password": builders.PASSWORD}),
    ),
    Endpoint("`DELETE /logout`", nothing, lambda e, _: e.learner.delete("/logout")),
    Endpoint(
        "`PUT /password`",
        nothing,
        lambda e, _: e.learner.put(
            "/password", {"old_password": builders.PASSWORD, "new_password": f"{builders.PASSWORD} 2026"}
        ),
    ),
    Endpoint(
        "`POST /codes`, to sign in, captcha off",
        a_number,
        lambda e, to: send_code(e.visitor, "sign-in", to),
    ),
    Endpoint(
        "`POST /login/code`", a_code_use("sign-in"), lambda e, body: e.visitor.post("/login/code", body)
    ),
    Endpoint(
        "`PUT /password/forgotten`",
        a_code_use("password"),
        lambda e, body: e.visitor.put(
            "/password/forgotten", body | {"password": f"{builders.PASSWORD} 2026"}
        ),
    ),
    Endpoint("`GET /contacts`", nothing, lambda e, _: e.learner.get("/contacts")),
    Endpoint("`PUT /contacts/{channel}`", a_new_number, lambda e, body: e.learner.put("/contacts/sms", body)),
    Endpoint(
        "`DELETE /contacts/{channel}`",
        a_number,
        lambda e, _: e.learner.delete("/contacts/sms", {"password": builders.PASSWORD}),
    ),
    Endpoint("`GET /sessions`", nothing, lambda e, _: e.learner.get("/sessions")),
    Endpoint(
        "`DELETE /sessions/{session_id}`",
        another_session,
        lambda e, session_id: e.learner.delete(f"/sessions/{session_id}"),
    ),
    Endpoint("`DELETE /sessions`", another_session, lambda e, _: e.learner.delete("/sessions")),
    Endpoint("`GET /userinfo`", nothing, lambda e, _: e.learner.get("/userinfo")),
    Endpoint("`PUT /userinfo`", nothing, lambda e, _: e.learner.put("/userinfo", {"name": "小李"})),
    # Catalogue
    Endpoint("`GET /course/category`", nothing, lambda e, _: e.visitor.get("/course/category")),
    Endpoint(
        "`GET /courses`, of a category",
        nothing,
        lambda e, _: e.visitor.get(f"/courses/?category_id={e.courses[0].category_id}"),
    ),
    Endpoint(
        "`GET /coursedetail/{id}`",
        nothing,
        lambda e, _: e.visitor.get(f"/coursedetail/{e.courses[0].detail_id}/"),
    ),
    Endpoint(
        "`GET /course/{id}`, with a recommended course, and a coupon for a course",
        a_recommending_course,
        lambda e, course_id: e.visitor.get(f"/course/{course_id}"),
    ),
    Endpoint(
        "`GET /course/{id}/chapters`, visitor",
        nothing,
        lambda e, _: e.visitor.get(f"/course/{e.courses[0].course_id}/chapters"),
    ),
    Endpoint(
        "`GET /course/{id}/chapters`, signed in",
        nothing,
        lambda e, _: e.learner.get(f"/course/{e.courses[0].course_id}/chapters"),
    ),
    Endpoint(
        "`GET /course/{id}/questions`",
        nothing,
        lambda e, _: e.visitor.get(f"/course/{e.courses[0].course_id}/questions"),
    ),
    Endpoint(
        "`GET /course/{id}/mine`",
        nothing,
        lambda e, _: e.learner.get(f"/course/{e.courses[0].course_id}/mine"),
    ),
    # Studying
    Endpoint(
        "`POST /course/{id}/sections/{section_id}/play`, enrolled, a new player",
        a_section_of_mine,
        lambda e, section: play(e.learner, section),
    ),
    Endpoint(
        "`POST /course/{id}/sections/{section_id}/play`, enrolled, going on",
        a_player,
        lambda e, player: play(e.learner, player.section, {"ticket": player.ticket}),
    ),
    Endpoint(
        "`POST /course/{id}/sections/{section_id}/play`, visitor",
        a_section_of_mine,
        lambda e, section: play(e.visitor, section),
    ),
    Endpoint(
        "`POST /study/report`",
        a_player,
        lambda e, player: report(e.learner, player),
    ),
    Endpoint("`GET /study`", a_player, lambda e, _: e.learner.get("/study")),
    Endpoint(
        "`GET /course/{id}/progress`",
        a_player,
        lambda e, player: e.learner.get(f"/course/{course_id_of(player.section)}/progress"),
    ),
    # Questions and assignments
    Endpoint(
        "`GET /course/{id}/asked`",
        a_question,
        lambda e, _: e.learner.get(f"/course/{e.courses[0].course_id}/asked"),
    ),
    Endpoint(
        "`POST /course/{id}/asked`, while one waits",
        a_question,
        lambda e, section: e.learner.post(
            f"/course/{e.courses[0].course_id}/asked", {"text": "还有呢？", "section_id": section}
        ),
    ),
    Endpoint(
        "`GET /course/{id}/sections/{section_id}/assignment`",
        an_assignment,
        lambda e, path: e.learner.get(path),
    ),
    Endpoint(
        "`PUT /course/{id}/sections/{section_id}/assignment`",
        an_assignment,
        lambda e, path: e.learner.put(path, {"text": "写好了"}),
    ),
    # Cart and settlement
    Endpoint("`POST /shoppingcar`", nothing, lambda e, _: e.learner.post("/shoppingcar/", e.lines[0])),
    Endpoint(
        "`POST /shoppingcar/preview`",
        nothing,
        lambda e, _: e.visitor.post("/shoppingcar/preview", {"course_list": e.lines}),
    ),
    Endpoint("`GET /shoppingcar`", a_full_cart, lambda e, _: e.learner.get("/shoppingcar/")),
    Endpoint(
        "`DELETE /shoppingcar`",
        a_full_cart,
        lambda e, _: e.learner.delete("/shoppingcar/", {"course_id": e.courses[0].course_id}),
    ),
    Endpoint("`POST /account`", nothing, lambda e, _: e.learner.post("/account/", e.lines)),
    Endpoint("`GET /account`", an_account, lambda e, _: e.learner.get("/account/")),
    Endpoint("`PUT /account`", a_choice_of_coupons, lambda e, body: e.learner.put("/account/", body)),
    Endpoint("`POST /account/quote`", a_quote, lambda e, body: e.learner.post("/account/quote", body)),
    # Coupons
    Endpoint("`GET /coupons`", nothing, lambda e, _: e.learner.get("/coupons")),
    Endpoint(
        "`GET /coupons/available`, visitor",
        an_offer_for_a_course,
        lambda e, _: e.visitor.get("/coupons/available"),
    ),
    Endpoint(
        "`GET /coupons/available`, signed in",
        an_offer_for_a_course,
        lambda e, _: e.learner.get("/coupons/available"),
    ),
    Endpoint(
        "`POST /coupons/{coupon_id}/claim`, captcha off",
        an_offer,
        lambda e, coupon_id: e.learner.post(f"/coupons/{coupon_id}/claim"),
    ),
    # Orders
    Endpoint("`POST /payment`", a_purchase, lambda e, body: e.learner.post("/payment/", body)),
    Endpoint(
        "`GET /get_pay_url`",
        an_order,
        lambda e, number: e.learner.get(
            f"/get_pay_url/?order_number={number}&final_price={100 * len(e.courses)}"
        ),
    ),
    Endpoint("`GET /myorder`", an_order, lambda e, _: e.learner.get("/myorder/")),
    Endpoint(
        "`GET /order/{order_number}`, unpaid", an_order, lambda e, number: e.learner.get(f"/order/{number}")
    ),
    Endpoint(
        "`POST /order/{order_number}/cancel`",
        an_order,
        lambda e, number: e.learner.post(f"/order/{number}/cancel"),
    ),
    Endpoint(
        "`POST /order/{order_number}/wechat`, a QR code",
        a_wechat_order,
        lambda e, number: e.learner.post(f"/order/{number}/wechat", {"way": "native"}),
    ),
    Endpoint(
        "`POST /order/{order_number}/provider`",
        an_order,
        lambda e, number: e.learner.post(f"/order/{number}/provider", {"payment_type": "wechat"}),
    ),
    Endpoint(
        "`POST /order/{order_number}/refund`",
        a_paid_order,
        lambda e, number: e.learner.post(f"/order/{number}/refund", REASON),
    ),
    Endpoint(
        "`GET /order/{order_number}/refund_preview`",
        a_paid_order,
        lambda e, number: e.learner.get(f"/order/{number}/refund_preview"),
    ),
    Endpoint(
        "`DELETE /order/{order_number}/refund/{request_no}`",
        an_application,
        lambda e, request_no: e.learner.delete(f"/order/{request_no.rpartition('_')[0]}/refund/{request_no}"),
    ),
    Endpoint("`GET /messages`", a_paid_order, lambda e, _: e.learner.get("/messages")),
    Endpoint("`GET /messages/unread`", a_paid_order, lambda e, _: e.learner.get("/messages/unread")),
    Endpoint(
        "`PUT /messages/read`", a_paid_order, lambda e, _: e.learner.put("/messages/read", {"until": None})
    ),
    Endpoint("`GET /preferences`", nothing, lambda e, _: e.learner.get("/preferences")),
    Endpoint(
        "`PUT /preferences`",
        nothing,
        lambda e, _: e.learner.put("/preferences", {"group": "study", "channel": "sms", "on": False}),
    ),
    Endpoint("`GET /unsubscribe`", nothing, lambda e, _: e.visitor.get(unsubscribe_path(e.user))),
    Endpoint("`POST /unsubscribe`", nothing, lambda e, _: e.visitor.post(unsubscribe_path(e.user))),
    Endpoint("`GET /sms/receipts`", nothing, lambda e, _: e.visitor.get(push_path("receipts"))),
    Endpoint(
        "`POST /sms/receipts`",
        nothing,
        lambda e, _: e.visitor.post(push_path("receipts"), [a_push(success=True, out_id=NO_MESSAGE)]),
    ),
    Endpoint("`GET /sms/replies`", nothing, lambda e, _: e.visitor.get(push_path("replies"))),
    Endpoint(
        "`POST /sms/replies`",
        nothing,
        lambda e, _: e.visitor.post(push_path("replies"), [a_push(content="T")]),
    ),
    Endpoint("`GET /beli`", nothing, lambda e, _: e.learner.get("/beli")),
    Endpoint("`GET /mycourses`", a_paid_order, lambda e, _: e.learner.get("/mycourses")),
    # Back office (with nothing to decide, listing refunds would read no orders)
    Endpoint(
        "`GET /admin/refunds`",
        an_application,
        lambda e, _: e.operator.get("/admin/refunds", params={"limit": 1}),
    ),
    Endpoint(
        "`POST /admin/refunds/{request_no}/approve`",
        an_application,
        lambda e, request_no: e.operator.post(f"/admin/refunds/{request_no}/approve"),
    ),
    Endpoint(
        "`POST /admin/refunds/{request_no}/refuse`",
        an_application,
        lambda e, request_no: e.operator.post(f"/admin/refunds/{request_no}/refuse", {"answer": "已学完"}),
    ),
    # Payment providers
    Endpoint(
        "`POST /trade/alipay` (notification)",
        a_notice,
        lambda e, notice: e.visitor.request("POST", "/trade/alipay", data=notice).text,
    ),
    Endpoint(
        "`POST /trade/wechat` (notification)",
        a_wechat_notice,
        lambda e, notice: e.visitor.request("POST", "/trade/wechat", **notice).text,
    ),
    # Videos
    Endpoint(
        "`GET /video/polyv`, of a video that one section shows",
        a_callback,
        lambda e, callback: e.visitor.get(f"/video/polyv?{callback[0]}"),
    ),
    Endpoint(
        "`POST /video/polyv`, likewise",
        lambda e: a_callback(e, "TranscodeComplete"),
        lambda e, callback: e.visitor.post(f"/video/polyv?{callback[0]}", json.loads(callback[1])),
    ),
    Endpoint(
        "`GET /video/marquee`",
        lambda e: marquee.code_for(marquee.viewer_of(e.user), VIDEO, builders.now(), settings().jwt_key),
        lambda e, code: e.visitor.get(f"/video/marquee?vid={VIDEO}&t=5&code={code}"),
    ),
]
