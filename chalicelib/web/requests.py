"""JSON and query fields -> the arguments of the flows. A wrong one raises the nearest refusal of its endpoint.

Keys of stores are built from these results only: whole numbers and checked text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from msgspec import Struct

from chalicelib.confidential import Confidential
from chalicelib.errors import (
    AuthorisationOver,
    ChannelNotSetUp,
    CodeRefused,
    CouponNotFound,
    CouponUnusable,
    CourseNotFound,
    CoursePageNotFound,
    InvalidContact,
    InvalidPage,
    InvalidProfile,
    InvalidRequest,
    InvalidUserName,
    OrderNotFound,
    OrderNotPayable,
    PricePolicyNotFound,
    ProviderNotOffered,
    RefundNotFound,
    SectionNotFound,
    SessionNotFound,
    TeacherNotFound,
    UserNotFound,
    WeakPassword,
    WrongPassword,
)
from chalicelib.flows.browse import PARTS
from chalicelib.flows.change_contact import NewContact
from chalicelib.flows.change_profile import ProfileChange
from chalicelib.flows.check_captcha import CaptchaAnswer
from chalicelib.flows.send_code import CodeRequest
from chalicelib.flows.show_marquee import Question
from chalicelib.money import Fen, NotMoney, from_yuan
from chalicelib.shop.account import ChosenPolicy
from chalicelib.shop.authorisation import Authorisation
from chalicelib.shop.catalog import LEVEL_NAMES, MOST_VIDEO_SECONDS
from chalicelib.shop.choice import MAX_LINES, Choice, ChosenLine
from chalicelib.shop.contact import CHANNELS, SMS, normal
from chalicelib.shop.course_key import COURSE, COURSE_TYPES, CourseKey
from chalicelib.shop.course_search import BY_ORDER, SORTS, Search
from chalicelib.shop.idempotency import IdempotencyKey
from chalicelib.shop.inbox import SHOWN_GROUPS
from chalicelib.shop.message import is_id
from chalicelib.shop.message_texts import CHANNEL_NAMES
from chalicelib.shop.one_time_code import Purpose, Subject
from chalicelib.shop.order import STATUS_NAMES, is_number
from chalicelib.shop.partition import PAGE_ROWS
from chalicelib.shop.payment_type import DEFAULT_PROVIDER, PROVIDERS, Way
from chalicelib.shop.progress import Span
from chalicelib.shop.study_place import Ticket, read_ticket
from chalicelib.shop.texts import MAX_HAND_IN, MAX_QUESTION, long_text, short_text
from chalicelib.shop.user_name import is_valid_name, is_valid_new_name
from chalicelib.web.reading import is_encodable, read_fields, read_flag, read_id

_MAX_PASSWORD_LENGTH = 1024
_MAX_CONTACT_LENGTH = 300
_MAX_CURSOR_LENGTH = 400
_MAX_CAPTCHA_LENGTH = 4096
_MAX_SEARCH_LENGTH = 100
_VIDEO_ID = re.compile(r"[0-9A-Za-z_-]{1,64}", re.ASCII)
_PLAYERS_NUMBER = re.compile(r"[0-9A-Za-z.]{1,64}", re.ASCII)
_FUNCTION = re.compile(r"[A-Za-z_$][0-9A-Za-z_$]{0,99}", re.ASCII)
"""A function's name and nothing more: an answer that calls it is run as a script."""
_SEARCH_ROWS = 20
_MAX_PAGE = 10_000


def _course_key(fields: Mapping[str, Any]) -> CourseKey:
    course_id = read_id(fields.get("course_id"))
    course_type = fields.get("course_type", COURSE)
    if course_id is None or course_type not in COURSE_TYPES:
        raise CourseNotFound(field="course_id")
    return CourseKey(course_type, course_id)


def _policy_id(value: object) -> int:
    policy_id = read_id(value)
    if policy_id is None:
        raise PricePolicyNotFound(field="price_policy_id")
    return policy_id


def _coupon_id(value: object) -> int:
    record_id = read_id(value)
    if record_id is None:
        raise CouponUnusable(reason="unknown")
    return record_id


def captcha_answer(body: object, version: int) -> CaptchaAnswer | None:
    """The captcha's fields of a body, by Geetest's version (3 or 4); None where one is absent or empty."""
    names = {
        3: ("geetest_challenge", "geetest_challenge", "geetest_validate", "geetest_seccode"),
        4: ("lot_number", "captcha_output", "pass_token", "gen_time"),
    }[version]
    fields = body if isinstance(body, dict) else {}
    values = [fields.get(name) for name in names]
    texts = [value for value in values if isinstance(value, str) and 0 < len(value) <= _MAX_CAPTCHA_LENGTH]
    if len(texts) < len(values) or not re.fullmatch(r"[0-9A-Za-z_-]{8,64}", texts[0]):
        return None
    if not all(is_encodable(text) for text in texts):
        return None
    key, first, second, third = texts
    return CaptchaAnswer(key, (first, second, third))


class RegisterRequest(Struct, frozen=True):
    """A possible user name, and a new password."""

    username: str
    password: str


def register_request(body: object) -> RegisterRequest:
    """Body of `POST /register`. Raises InvalidUserName, WeakPassword."""
    fields = body if isinstance(body, dict) else {}
    username = fields.get("username")
    if not isinstance(username, str) or not is_valid_new_name(username):
        raise InvalidUserName()
    return RegisterRequest(username, _new_password(fields.get("password")))


def _new_password(value: object) -> str:
    if not isinstance(value, str) or not is_encodable(value):
        raise WeakPassword(rule="length")
    return value


class PasswordRequest(Struct, frozen=True):
    """The old password and the new one."""

    old: str
    new: str


def password_request(body: object) -> PasswordRequest:
    """Body of `PUT /password`. Raises WrongPassword, WeakPassword."""
    fields = body if isinstance(body, dict) else {}
    return PasswordRequest(
        _old_password(fields.get("old_password")), _new_password(fields.get("new_password"))
    )


def _old_password(value: object) -> str:
    if not isinstance(value, str) or len(value) > _MAX_PASSWORD_LENGTH or not is_encodable(value):
        raise WrongPassword()
    return value


def code_request(body: object) -> CodeRequest:
    """Body of `POST /codes`. Raises InvalidRequest, ChannelNotSetUp, InvalidContact."""
    fields = read_fields(body)
    purpose = fields.get("purpose")
    if not isinstance(purpose, str) or purpose not in set(Purpose):
        raise InvalidRequest(field="purpose")
    channel = contact_channel(fields.get("channel"))
    if purpose == Purpose.SIGN_IN and channel != SMS:
        raise ChannelNotSetUp()
    return CodeRequest(Purpose(purpose), channel, _contact(channel, fields.get("to")))


def contact_channel(value: object) -> str:
    """A kind of contact. Raises ChannelNotSetUp for what is none."""
    if not isinstance(value, str) or value not in CHANNELS:
        raise ChannelNotSetUp()
    return value


def _contact(channel: str, value: object) -> str:
    to = normal(channel, value) if isinstance(value, str) and len(value) <= _MAX_CONTACT_LENGTH else None
    if to is None:
        raise InvalidContact()
    return to


def _code(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{6}", value, re.ASCII):
        raise CodeRefused()
    return value


def new_contact(channel: str, body: object) -> NewContact:
    """Channel in a path and body of `PUT /contacts/{channel}`. Raises ChannelNotSetUp, InvalidRequest, InvalidContact,
    CodeRefused.
    """
    channel, fields = contact_channel(channel), read_fields(body)
    password = fields.get("password")
    return NewContact(
        channel,
        _contact(channel, fields.get("to")),
        _code(fields.get("code")),
        None if password is None else _old_password(password),
    )


def contact_password(body: object) -> str:
    """Body of `DELETE /contacts/{channel}`. Raises WrongPassword."""
    fields = body if isinstance(body, dict) else {}
    return _old_password(fields.get("password"))


class CodeUse(Confidential, frozen=True):
    """A code and what it is said to be for; `password` is a new one, where it is for that."""

    subject: Subject
    code: str
    password: str = ""


def sign_in_by_code_request(body: object) -> CodeUse:
    """Body of `POST /login/code`. Raises InvalidRequest, ChannelNotSetUp, InvalidContact, CodeRefused."""
    fields = read_fields(body)
    if contact_channel(fields.get("channel")) != SMS:
        raise ChannelNotSetUp()
    return CodeUse(Subject(Purpose.SIGN_IN, SMS, _contact(SMS, fields.get("to"))), _code(fields.get("code")))


def forgotten_password_request(body: object) -> CodeUse:
    """Body of `PUT /password/forgotten`. Raises InvalidRequest, ChannelNotSetUp, InvalidContact, CodeRefused,
    WeakPassword.
    """
    fields = read_fields(body)
    channel = contact_channel(fields.get("channel"))
    subject = Subject(Purpose.PASSWORD, channel, _contact(channel, fields.get("to")))
    return CodeUse(subject, _code(fields.get("code")), _new_password(fields.get("password")))


MAX_SHOWN_NAME = 32


def profile_request(body: object) -> ProfileChange:
    """Body of `PUT /userinfo`. Raises InvalidRequest, InvalidProfile."""
    fields = read_fields(body)
    name, head_img = fields.get("name"), fields.get("head_img")
    if "name" in fields and not (
        isinstance(name, str) and len(name) <= MAX_SHOWN_NAME and is_valid_new_name(name)
    ):
        raise InvalidProfile(field="name")
    if "head_img" in fields and not (
        isinstance(head_img, str) and re.fullmatch(r"(images/heads/[a-z0-9-]{1,32}\.svg)?", head_img)
    ):
        raise InvalidProfile(field="head_img")
    return ProfileChange(name, head_img)


def session_id(text: str) -> str:
    """A session's id in a path. Raises SessionNotFound for an impossible one."""
    if not re.fullmatch(r"[0-9a-f]{32}", text):
        raise SessionNotFound()
    return text


def coupon_id(text: str) -> int:
    """A coupon's id in a path. Raises CouponNotFound for an impossible one."""
    number = read_id(text)
    if number is None:
        raise CouponNotFound()
    return number


def wants_coming(query: Mapping[str, str]) -> bool:
    """Whether a query of `GET /coupons/available` asks for coupons whose time is to come, too."""
    return query.get("coming") == "1"


class SearchRequest(Struct, frozen=True):
    """A search, and which rows of its result."""

    search: Search
    start: int
    limit: int


def search_request(query: Mapping[str, str]) -> SearchRequest:
    """Query of `GET /courses/search`. Raises InvalidPage for a page or a sort that does not exist."""
    limit = read_id(query.get("limit", str(_SEARCH_ROWS)))
    sort = query.get("sort") or BY_ORDER
    if limit is None or not 1 <= limit <= PAGE_ROWS or sort not in SORTS:
        raise InvalidPage(field="page")
    start = _search_start(query, limit)
    words = tuple(query.get("words", "")[:_MAX_SEARCH_LENGTH].split())
    free = {"true": True, "false": False}.get(query.get("free", ""))
    search = Search(words, _level(query), category_id(query), free, _course_type(query), sort)
    return SearchRequest(search, start, limit)


def _search_start(query: Mapping[str, str], limit: int) -> int:
    """The first row of the `page`, or of the `cursor` where no page is asked for. Raises InvalidPage."""
    if "page" in query:
        page = read_id(query["page"])
        if page is None or not 1 <= page <= _MAX_PAGE:
            raise InvalidPage(field="page")
        return (page - 1) * limit
    start = read_id(query.get("cursor", "0"))
    if start is None:
        raise InvalidPage(field="cursor")
    return start


def _course_type(query: Mapping[str, str]) -> str | None:
    """The type that a query names, None for all; courses where it names none."""
    name = query.get("course_type", COURSE)
    if name == "all":
        return None
    return name if name in COURSE_TYPES else COURSE


def _level(query: Mapping[str, str]) -> str | None:
    """The level that a query names; of one that does not exist, a text that is no course's."""
    name = query.get("level")
    return next((code for code, known in LEVEL_NAMES.items() if known == name), "") if name else None


class SignInRequest(Struct, frozen=True):
    """A user name and a password (empty when the one sent cannot be a password)."""

    username: str
    password: str


def sign_in_request(body: object) -> SignInRequest:
    """Body of `POST /login`. Raises UserNotFound for an impossible user name."""
    fields = body if isinstance(body, dict) else {}
    username, password = fields.get("username"), fields.get("password")
    if not isinstance(username, str) or not is_valid_name(username):
        raise UserNotFound()
    if not isinstance(password, str) or len(password) > _MAX_PASSWORD_LENGTH or not is_encodable(password):
        password = ""
    return SignInRequest(username, password)


def cart_add_request(body: object) -> ChosenPolicy:
    """Body of `POST /shoppingcar`. Raises InvalidRequest, CourseNotFound, PricePolicyNotFound."""
    return _chosen_policy(body)


def _chosen_policy(value: object) -> ChosenPolicy:
    fields = read_fields(value)
    return ChosenPolicy(_course_key(fields), _policy_id(fields.get("price_policy_id")))


def cart_preview_request(body: object) -> list[ChosenPolicy]:
    """Body of `POST /shoppingcar/preview`: one policy for each course, of several the last, as a cart keeps it.

    Raises InvalidRequest, CourseNotFound, PricePolicyNotFound.
    """
    chosen = map(_chosen_policy, _course_list(read_fields(body)))
    return list({line.course: line for line in chosen}.values())


def cart_remove_request(body: object) -> list[CourseKey]:
    """Body of `DELETE /shoppingcar`: a course, or a list of courses. Raises InvalidRequest, CourseNotFound."""
    fields = read_fields(body)
    if "course_list" not in fields:
        return [_course_key(fields)]
    return [_course_key(read_fields(entry, "course_list")) for entry in _course_list(fields)]


def _course_list(fields: Mapping[str, Any]) -> list[Any]:
    """`course_list` of a body, with as many entries as a cart has lines. Raises InvalidRequest."""
    entries = fields.get("course_list")
    if not isinstance(entries, list) or not 0 < len(entries) <= MAX_LINES:
        raise InvalidRequest(field="course_list")
    return entries


def account_request(body: object) -> list[ChosenPolicy]:
    """Body of `POST /account`: a bare list. Raises InvalidRequest, CourseNotFound, PricePolicyNotFound."""
    if not isinstance(body, list):
        raise InvalidRequest(field="body")
    chosen = [_chosen_policy(entry) for entry in body]
    if not 0 < len(set(chosen)) <= MAX_LINES:
        raise InvalidRequest(field="body")
    return chosen


class PriceRequest(Struct, frozen=True):
    """The coupons chosen for an account's courses, the general coupon, and whether to spend beli."""

    coupons: dict[CourseKey, int]
    general_coupon_record_id: int | None
    use_beli: bool


def price_request(body: object) -> PriceRequest:
    """Body of `PUT /account`. Raises InvalidRequest, CouponUnusable."""
    fields = read_fields(body)
    use_beli = read_flag(fields.get("is_beli"), "is_beli")
    chosen = read_fields(fields.get("choose_coupons") or {}, "choose_coupons")
    general: int | None = None
    coupons: dict[CourseKey, int] = {}
    for name, value in chosen.items():
        if value is None or value == "" or (type(value) is int and value == 0):
            continue
        if name == "global_coupon_id":
            general = _coupon_id(value)
            continue
        course = _course_of_map_key(name)
        if course in coupons:
            raise InvalidRequest(field="choose_coupons")
        coupons[course] = _coupon_id(value)
    return PriceRequest(coupons, general, use_beli)


def _course_of_map_key(name: str) -> CourseKey:
    course_type, mark, course_id = name.rpartition("#")
    if not mark:
        course_type = COURSE
    number = read_id(course_id)
    if number is None or course_type not in COURSE_TYPES:
        raise InvalidRequest(field="choose_coupons")
    return CourseKey(course_type, number)


@dataclass(frozen=True)
class PaymentRequest:
    """A choice to buy, the amount (fen) that the learner was shown: None when it is no amount of money; and the payment
    provider, None where the request names none. Its `repr` is what earlier versions kept of a purchase.
    """

    choice: Choice
    pay_money: Fen | None
    provider: str | None = field(default=None, repr=False)

    def is_provider_chosen(self) -> bool:
        """Whether another provider is named than the one that is taken where none is."""
        return self.provider not in (None, DEFAULT_PROVIDER)


def payment_request(body: object) -> PaymentRequest:
    """Body of `POST /payment`.

    Raises InvalidRequest, CourseNotFound, PricePolicyNotFound, CouponUnusable, ProviderNotOffered.
    """
    choice, fields = quote_request(body), read_fields(body)
    provider = _provider(fields) if "payment_type" in fields else None
    try:
        return PaymentRequest(choice, from_yuan(fields.get("pay_money")), provider)  # type: ignore[arg-type]
    except NotMoney:
        # Refused once it is known what is due, which the refusal tells.
        return PaymentRequest(choice, None, provider)


def provider_request(body: object) -> str:
    """Body of `POST /order/{order_number}/provider`. Raises InvalidRequest, ProviderNotOffered."""
    return _provider(read_fields(body))


def _provider(fields: Mapping[str, Any]) -> str:
    provider = fields.get("payment_type")
    if not isinstance(provider, str):
        raise InvalidRequest(field="payment_type")
    if provider not in PROVIDERS:
        raise ProviderNotOffered()
    return provider


class WayRequest(Struct, frozen=True):
    """A way to pay; for one within the provider's app what its authorisation came back with, if there was one."""

    way: Way
    authorisation: Authorisation | None


def way_request(body: object) -> WayRequest:
    """A body that begins a payment. Raises InvalidRequest, AuthorisationOver for what can be no code or state."""
    fields = read_fields(body)
    way, code, state = fields.get("way"), fields.get("code"), fields.get("state")
    if not isinstance(way, str) or way not in set(Way):
        raise InvalidRequest(field="way")
    if way != Way.JSAPI or (code is None and state is None):
        return WayRequest(Way(way), None)
    if not isinstance(code, str) or not isinstance(state, str):
        raise InvalidRequest(field="code")
    if not re.fullmatch(r"[!-~]{1,512}", code, re.ASCII) or not re.fullmatch(r"[0-9a-f]{1,128}", state):
        raise AuthorisationOver()
    return WayRequest(Way.JSAPI, Authorisation(code, state))


def quote_request(body: object) -> Choice:
    """Body of `POST /account/quote`: that of `POST /payment` without `pay_money`.

    Raises InvalidRequest, CourseNotFound, PricePolicyNotFound, CouponUnusable.
    """
    fields = read_fields(body)
    use_beli = read_flag(fields.get("is_beli"), "is_beli")
    entries = fields.get("course_list")
    if not isinstance(entries, list):
        raise InvalidRequest(field="course_list")
    lines = list(dict.fromkeys(_chosen_line(entry) for entry in entries))
    if not lines:
        raise CourseNotFound(field="course_list")
    policies: dict[CourseKey, int] = {}
    for line in lines:
        if policies.setdefault(line.course, line.policy_id) != line.policy_id:
            raise PricePolicyNotFound(course=str(line.course))
    if len(policies) < len(lines):
        raise CouponUnusable(reason="twice")
    if len(lines) > MAX_LINES:
        raise InvalidRequest(field="course_list")
    general = fields.get("global_coupon_id")
    general_id = None if general is None or general == "" else _coupon_id(general)
    return Choice(tuple(lines), general_id, use_beli)


def _chosen_line(value: object) -> ChosenLine:
    fields = read_fields(value, "course_list")
    course = _course_key(fields)
    policy_id = _policy_id(fields.get("default_price_policy_id"))
    record = fields.get("coupon_record_id")
    return ChosenLine(course, policy_id, None if record is None else _coupon_id(record))


def idempotency_key(header: str | None, asked: PaymentRequest) -> IdempotencyKey | None:
    """The `Idempotency-Key` header with what it is for. Raises InvalidRequest for one that is empty or
    overlong.
    """
    if header is None:
        return None
    if not re.fullmatch(r"[!-~]{1,255}", header):
        raise InvalidRequest(field="Idempotency-Key")
    # What earlier versions kept is of a request that could not choose.
    return IdempotencyKey(header, _content(asked), "" if asked.is_provider_chosen() else repr(asked))


def _content(asked: PaymentRequest) -> str:
    """The choice of a request, as text that is equal for equal requests: a field added later must not change it where
    the field is absent.
    """
    choice = asked.choice
    bought: dict[str, object] = {
        "lines": [[str(line.course), line.policy_id, line.coupon_record_id] for line in choice.lines],
        "general_coupon": choice.general_coupon_record_id,
        "beli": choice.use_beli,
        "pay_money": asked.pay_money,
    }
    if asked.is_provider_chosen():
        bought["provider"] = asked.provider
    return json.dumps(bought, sort_keys=True, separators=(",", ":"))


class RefundRequest(Struct, frozen=True):
    """The positions of an order's lines (None: all that are left) and the reason."""

    lines: tuple[int, ...] | None
    reason: str


def refund_request(body: object) -> RefundRequest:
    """Body of `POST /order/{order_number}/refund`. Raises InvalidRequest."""
    fields = read_fields(body)
    lines = fields.get("lines")
    if lines is None:
        return RefundRequest(None, _short_text(fields.get("reason")))
    if not isinstance(lines, list) or not 0 < len(lines) <= MAX_LINES:
        raise InvalidRequest(field="lines")
    positions = tuple(position for position in map(read_id, lines) if position is not None)
    if len(positions) < len(lines):
        raise InvalidRequest(field="lines")
    return RefundRequest(positions, _short_text(fields.get("reason")))


def chosen_lines(query: Mapping[str, str]) -> frozenset[int] | None:
    """`lines` of `GET /order/{order_number}` and its `/refund_preview`: positions with commas between them; None when
    absent. Raises InvalidRequest.
    """
    text = query.get("lines")
    if text is None:
        return None
    if not re.fullmatch(rf"[0-9]{{1,2}}(,[0-9]{{1,2}}){{0,{MAX_LINES - 1}}}", text, re.ASCII):
        raise InvalidRequest(field="lines")
    return frozenset(map(int, text.split(",")))


def answer_text(body: object) -> str:
    """The operator's answer in a body. Raises InvalidRequest."""
    return _short_text(read_fields(body).get("answer"))


def pay_again(body: object) -> bool:
    """Optional body of `POST /admin/refunds/{request_no}/approve`: its `pay_again`, false where it is absent. Raises
    InvalidRequest.
    """
    value = False if body is None else read_fields(body).get("pay_again", False)
    if not isinstance(value, bool):
        raise InvalidRequest(field="pay_again")
    return value


def _short_text(value: object) -> str:
    text = short_text(value) if isinstance(value, str) else None
    if text is None:
        raise InvalidRequest(field="text")
    return text


class AskRequest(Struct, frozen=True):
    """A question, and the id of the section that it is about, None where it is about the course."""

    text: str
    section_id: int | None


def ask_request(body: object) -> AskRequest:
    """Body of `POST /course/{course_id}/asked`. Raises InvalidRequest, SectionNotFound."""
    fields = read_fields(body)
    text, section = _long_text(fields.get("text"), MAX_QUESTION), fields.get("section_id")
    return AskRequest(text, None if section is None else section_id(section))


def hand_in_request(body: object) -> str:
    """Body of `PUT /course/{course_id}/sections/{section_id}/assignment`. Raises InvalidRequest."""
    return _long_text(read_fields(body).get("text"), MAX_HAND_IN)


def _long_text(value: object, longest: int) -> str:
    text = long_text(value, longest) if isinstance(value, str) else None
    if text is None:
        raise InvalidRequest(field="text")
    return text


def request_no(text: str) -> str:
    """A refund's request number in a path. Raises RefundNotFound for an impossible one."""
    if not is_number(text):
        raise RefundNotFound()
    return text


class PayAddressRequest(Struct, frozen=True):
    """An order's number and the amount (fen) its learner was shown."""

    order_number: str
    amount: Fen


def pay_address_request(query: Mapping[str, str]) -> PayAddressRequest:
    """Query of `GET /get_pay_url`. Raises OrderNotFound, OrderNotPayable."""
    number = order_number(query.get("order_number", ""))
    try:
        return PayAddressRequest(number, from_yuan(query.get("final_price", "")))
    except NotMoney as error:
        raise OrderNotPayable(order=number) from error


def order_number(text: str) -> str:
    """An order number of a path or query. Raises OrderNotFound for an impossible one."""
    if not is_number(text):
        raise OrderNotFound()
    return text


def detail_id(text: str) -> int:
    """The id of a course page in a path. Raises CoursePageNotFound for an impossible one."""
    number = read_id(text)
    if number is None:
        raise CoursePageNotFound()
    return number


def teacher_id(text: str) -> int:
    """The id of a teacher in a path. Raises TeacherNotFound for an impossible one."""
    number = read_id(text)
    if number is None:
        raise TeacherNotFound()
    return number


def page_parts(query: Mapping[str, str]) -> frozenset[str]:
    """`include` of `GET /coursedetail/{detail_id}`: what is no part of a page asks for nothing."""
    return PARTS & set(query.get("include", "").split(","))


def category_id(query: Mapping[str, str]) -> int | None:
    """`category_id` of `GET /courses`: None (all) when it is 0, absent or no number."""
    return read_id(query.get("category_id")) or None


def course_key_of(course_id: str, query: Mapping[str, str]) -> CourseKey:
    """The course of a path's id and the query's `course_type`. Raises CourseNotFound."""
    return _course_key({"course_id": course_id, "course_type": query.get("course_type", COURSE)})


def section_id(value: object) -> int:
    """The id of a section. Raises SectionNotFound for an impossible one."""
    number = read_id(value)
    if number is None:
        raise SectionNotFound()
    return number


def play_request(body: object) -> Ticket | None:
    """Body of `POST /course/{course_id}/sections/{section_id}/play`: the ticket of a player that goes on, None of a new
    one. Raises InvalidRequest, TicketOver.
    """
    fields = read_fields(body)
    return None if fields.get("ticket") is None else _ticket(fields)


def _ticket(fields: Mapping[str, Any]) -> Ticket:
    text = fields.get("ticket")
    if not isinstance(text, str):
        raise InvalidRequest(field="ticket")
    return read_ticket(text)


MAX_SPANS = 60


class StudyReport(Struct, frozen=True):
    """A player's ticket, the spans that it has played, and where it is, in whole seconds of its video."""

    ticket: Ticket
    spans: tuple[Span, ...]
    at: int


def study_report(body: object) -> StudyReport:
    """Body of `POST /study/report`. Raises InvalidRequest, TicketOver."""
    fields = read_fields(body)
    spans = fields.get("spans")
    if not isinstance(spans, list) or len(spans) > MAX_SPANS:
        raise InvalidRequest(field="spans")
    return StudyReport(_ticket(fields), tuple(map(_span, spans)), _second(fields.get("at"), "at"))


def _span(value: object) -> Span:
    if not isinstance(value, list) or len(value) != 2:
        raise InvalidRequest(field="spans")
    begin, until = (_second(part, "spans") for part in value)
    if begin > until:
        raise InvalidRequest(field="spans")
    return begin, until


def _second(value: object, field: str) -> int:
    """A second of a video; of a fraction the whole second before, so that spans that touch still do."""
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= MOST_VIDEO_SECONDS:  # type: ignore[operator]
        raise InvalidRequest(field=field)
    return int(value)  # type: ignore[call-overload,no-any-return]


def orders_request(query: Mapping[str, str]) -> tuple[PageRequest, str | None]:
    """`limit` and `cursor` of `GET /myorder`, and the status that it asks for; None (all) for any other text. Raises
    InvalidPage.
    """
    statuses = {name: status for status, name in STATUS_NAMES.items()}
    return page_request(query), statuses.get(query.get("status", ""))


class MarqueeRequest(Struct, frozen=True):
    """A player's question about the marquee; `function` is what the answer calls, None for plain JSON."""

    question: Question
    function: str | None


def marquee_request(query: Mapping[str, str]) -> MarqueeRequest:
    """`vid`, `t`, `code` and `callback` of a player. Raises InvalidRequest."""
    video_id, t, function = query.get("vid", ""), query.get("t", ""), query.get("callback")
    if not _VIDEO_ID.fullmatch(video_id) or not _PLAYERS_NUMBER.fullmatch(t):
        raise InvalidRequest(field="vid")
    if function is not None and not _FUNCTION.fullmatch(function):
        raise InvalidRequest(field="callback")
    return MarqueeRequest(Question(video_id, t, query.get("code", ""), function is not None), function)


class PageRequest(Struct, frozen=True):
    """How many rows of a list, and from where on."""

    limit: int
    cursor: str | None


def page_request(query: Mapping[str, str]) -> PageRequest:
    """`limit` (1 to 500, by default 500) and `cursor` of a list. Raises InvalidPage."""
    limit = read_id(query.get("limit", str(PAGE_ROWS)))
    cursor = query.get("cursor") or None
    if limit is None or not 1 <= limit <= PAGE_ROWS or (cursor and len(cursor) > _MAX_CURSOR_LENGTH):
        raise InvalidPage(field="limit")
    return PageRequest(limit, cursor)


def message_order(query: Mapping[str, str]) -> str | None:
    """`order_num` of `GET /messages`; None where it is missing. Raises InvalidPage for what is no number."""
    number = query.get("order_num")
    if number is not None and not is_number(number):
        raise InvalidPage(field="order_num")
    return number


def read_until(body: object) -> str | None:
    """Body of `PUT /messages/read`: the id of a message, None for all. Raises InvalidRequest."""
    until = read_fields(body).get("until")
    if until is not None and not (isinstance(until, str) and is_id(until)):
        raise InvalidRequest(field="until")
    return until


class PreferenceRequest(Struct, frozen=True):
    """Whether a group of messages is wanted by a channel."""

    group: str
    channel: str
    on: bool


def preference_request(body: object) -> PreferenceRequest:
    """Body of `PUT /preferences`. Raises InvalidRequest."""
    fields = read_fields(body)
    group = _one_of(SHOWN_GROUPS, fields.get("group"), "group")
    channel = _one_of(CHANNEL_NAMES, fields.get("channel"), "channel")
    return PreferenceRequest(group, channel, read_flag(fields.get("on"), "on"))


def _one_of(known: Container[str], value: object, field: str) -> str:
    if not isinstance(value, str) or value not in known:
        raise InvalidRequest(field=field)
    return value


def unsubscribe_token(query: Mapping[str, str]) -> str:
    """`token` of `/unsubscribe`, empty where it is missing."""
    return query.get("token", "")


def push_key(query: Mapping[str, str]) -> str:
    """`key` of `/sms/receipts` and `/sms/replies`, empty where it is missing."""
    return query.get("key", "")
