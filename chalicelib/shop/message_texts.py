"""What messages say: for each event its group, the facts it needs, and its words for each channel.

A message in the list of the shop front has title and text, a mail the same with a greeting and a link, an SMS a text of
its own, which is registered with its provider as a template whose variables are the facts.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from chalicelib.beijing_time import BEIJING
from chalicelib.money import to_yuan

SITE, SMS, MAIL = "site", "sms", "mail"
CHANNEL_NAMES = {SITE: "站内消息", SMS: "短信", MAIL: "邮件"}

ORDERS, SECURITY, STUDY, REMINDERS, OPERATION = "orders", "security", "study", "reminders", "operation"
GROUP_NAMES = {
    ORDERS: "订单与退费",
    SECURITY: "账号安全",
    STUDY: "学习互动",
    REMINDERS: "到期提醒",
    OPERATION: "学校运营",
}
FIXED_GROUPS = (ORDERS, SECURITY, OPERATION)
"""Nobody switches off what concerns money and security."""


class Event(StrEnum):
    """What a message tells of, as it is stored."""

    ORDER_PAID = "order-paid"
    ORDER_EXPIRING = "order-expiring"
    REFUND_APPROVED = "refund-approved"
    REFUND_REFUSED = "refund-refused"
    REFUND_DONE = "refund-done"
    ACCESS_ENDS = "access-ends"
    COUPON_ENDS = "coupon-ends"
    QUESTION_ANSWERED = "question-answered"
    ASSIGNMENT_MARKED = "assignment-marked"
    NEW_DEVICE = "new-device"
    PASSWORD_CHANGED = "password-changed"
    NEEDS_PERSON = "needs-person"
    BILLS_DIFFER = "bills-differ"
    DIGEST = "digest"


class Fact(Struct, frozen=True):
    """A kind of variable: the type that `tell` takes, how it is stored, and how that is shown."""

    name: str
    type: type
    stored: Callable[..., str]
    shown: Callable[[str], str]


_MOST_TEXT = 200
_MOST_SMS_TEXT = 20


def _short(text: str, most: int = _MOST_TEXT) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(BEIJING):%m月%d日 %H:%M}"


TEXT = Fact("text", str, _short, str)
YUAN = Fact("yuan", int, str, lambda fen: str(to_yuan(int(fen))))
"""An amount of money, in fen."""
MOMENT = Fact("moment", datetime, datetime.isoformat, _moment)
COUNT = Fact("count", int, str, str)
PAGE = Fact("page", str, str, str)
"""A path in the shop front, which begins with `/`."""


class Template(Struct, frozen=True):
    """The words for an event; `{name}` stands for a fact. Without `sms` none is sent. `is_urgent`: at any hour."""

    group: str
    facts: Mapping[str, Fact]
    title: str
    text: str
    link: str
    sms: str | None = None
    has_mail: bool = True
    is_urgent: bool = False

    def channels(self) -> tuple[str, ...]:
        """The channels beside the list in the shop front."""
        return tuple(channel for channel, has in ((SMS, self.sms is not None), (MAIL, self.has_mail)) if has)


_ORDER: dict[str, Fact] = {"number": TEXT, "courses": TEXT, "amount": YUAN}
_ORDER_PAGE = "/orders/{number}"

TEMPLATES: Mapping[str, Template] = {
    Event.ORDER_PAID: Template(
        ORDERS,
        _ORDER,
        "支付成功，课程已开通",
        "您购买的“{courses}”已开通，实付 {amount} 元。祝您学习愉快。",
        _ORDER_PAGE,
        "您购买的“{courses}”已开通，实付{amount}元，请登录学校网站学习。",
    ),
    Event.ORDER_EXPIRING: Template(
        REMINDERS,
        _ORDER | {"until": MOMENT},
        "订单即将关闭",
        "您的订单（“{courses}”，{amount} 元）将于 {until} 关闭。如需购买，请在此之前完成支付。",
        _ORDER_PAGE,
        "您的订单“{courses}”将于{until}关闭，如需购买请及时支付。",
    ),
    Event.REFUND_APPROVED: Template(
        ORDERS,
        _ORDER,
        "退费申请已通过",
        "您对订单 {number}（“{courses}”）的退费申请已通过，正在退款。",
        _ORDER_PAGE,
        "您对“{courses}”的退费申请已通过，正在退款。",
    ),
    Event.REFUND_REFUSED: Template(
        ORDERS,
        _ORDER,
        "退费申请未通过",
        "您对订单 {number}（“{courses}”）的退费申请未通过，课程已恢复学习。原因请见订单详情。",
        _ORDER_PAGE,
        "您对“{courses}”的退费申请未通过，课程已恢复学习，原因请见订单详情。",
    ),
    Event.REFUND_DONE: Template(
        ORDERS,
        _ORDER,
        "退款已完成",
        "订单 {number}（“{courses}”）的退款已完成，款项按原支付方式退回，到账时间以支付平台为准。",
        _ORDER_PAGE,
        "您的订单“{courses}”退款已完成，款项按原支付方式退回。",
    ),
    Event.ACCESS_ENDS: Template(
        REMINDERS,
        {"course": TEXT, "days": COUNT, "until": MOMENT},
        "课程即将到期",
        "您的课程“{course}”还有 {days} 天到期（{until}）。",
        "/my/courses",
        "您的课程“{course}”还有{days}天到期，请合理安排学习。",
    ),
    Event.COUPON_ENDS: Template(
        REMINDERS,
        {"coupon": TEXT, "until": MOMENT},
        "优惠券即将过期",
        "您的优惠券“{coupon}”将于 {until} 过期。",
        "/my/coupons",
    ),
    Event.QUESTION_ANSWERED: Template(
        STUDY,
        {"course": TEXT, "page": PAGE},
        "您的提问有了回复",
        "您在课程“{course}”中的提问已得到回复。",
        "{page}",
        "您在课程“{course}”中的提问已得到回复，请登录学校网站查看。",
    ),
    Event.ASSIGNMENT_MARKED: Template(
        STUDY,
        {"course": TEXT, "section": TEXT, "page": PAGE},
        "您的作业已批改",
        "您在课程“{course}”中提交的作业“{section}”已批改。",
        "{page}",
        "您在课程“{course}”中提交的作业已批改，请登录学校网站查看。",
    ),
    Event.NEW_DEVICE: Template(
        SECURITY,
        {"device": TEXT, "at": MOMENT},
        "新设备登录",
        "您的账号于 {at} 在新设备（{device}）上登录。如非本人操作，请立即修改密码。",
        "/my/account",
        "您的账号于{at}在新设备上登录，如非本人操作请立即修改密码。",
        is_urgent=True,
    ),
    Event.PASSWORD_CHANGED: Template(
        SECURITY,
        {"at": MOMENT},
        "密码已修改",
        "您的账号密码于 {at} 修改。如非本人操作，请立即找回密码并联系学校。",
        "/password/forgotten",
        "您的账号密码于{at}修改，如非本人操作请立即找回密码。",
        is_urgent=True,
    ),
    Event.NEEDS_PERSON: Template(
        OPERATION,
        {"decisions": COUNT, "problems": COUNT},
        "有事项等待处理",
        "待审核的退费申请 {decisions} 件，需人工处理的问题 {problems} 件。",
        "/",
    ),
    Event.BILLS_DIFFER: Template(
        OPERATION,
        {},
        "对账有差异",
        "支付平台账单与账目之间出现新的差异，请尽快核对。",
        "/",
    ),
    Event.DIGEST: Template(
        OPERATION,
        {"paid": COUNT, "amount": YUAN, "refunds": COUNT, "refunded": YUAN, "decisions": COUNT, "problems": COUNT},
        "昨日概况",
        "昨日支付 {paid} 笔，共 {amount} 元；退款 {refunds} 笔，共 {refunded} 元。"
        "待审核的退费申请 {decisions} 件，需人工处理的问题 {problems} 件。",
        "/",
    ),
}  # fmt: skip
"""Every event's words."""


def stored_facts(event: Event, facts: Mapping[str, object]) -> dict[str, str]:
    """The facts of an event as they are stored. Raises TypeError unless they are those of its template."""
    wanted = TEMPLATES[event].facts
    if facts.keys() != wanted.keys():
        raise TypeError(f"{event} takes {', '.join(wanted)}")
    for name, fact in wanted.items():
        if not isinstance(facts[name], fact.type) or isinstance(facts[name], bool):
            raise TypeError(f"{name} of {event} is a {fact.type.__name__}")
    return {name: wanted[name].stored(value) for name, value in facts.items()}


def is_over(event: str, facts: Mapping[str, str], now: datetime) -> bool:
    """Whether what a message warns of has come: its fact `until`, if it has one."""
    return "until" in TEMPLATES[event].facts and datetime.fromisoformat(facts["until"]) <= now


_EXAMPLES: Mapping[str, object] = {
    TEXT.name: "Python 入门",
    YUAN.name: 19900,
    MOMENT.name: datetime.fromisoformat("2026-12-01T04:30:00+00:00"),
    COUNT.name: 7,
    PAGE.name: "/my/courses",
}


def example_facts(event: Event) -> dict[str, str]:
    """Examples of an event's facts, as they are stored."""
    return stored_facts(event, {name: _EXAMPLES[fact.name] for name, fact in TEMPLATES[event].facts.items()})


class Words(Struct, frozen=True):
    """What a message says, and the path in the shop front where one sees more."""

    title: str
    text: str
    link: str


def words(event: str, facts: Mapping[str, str]) -> Words:
    """What a message with these stored facts says."""
    template = TEMPLATES[event]
    shown = {name: fact.shown(facts[name]) for name, fact in template.facts.items()}
    return Words(template.title, template.text.format_map(shown), template.link.format_map(shown))


def sms_parameters(event: str, facts: Mapping[str, str]) -> dict[str, str]:
    """The variables of an event's SMS, short enough for its provider."""
    template = TEMPLATES[event]
    names = re.findall(r"\{(\w+)\}", template.sms or "")
    return {name: _short(template.facts[name].shown(facts[name]), _MOST_SMS_TEXT) for name in names}


def sms_text(event: str, facts: Mapping[str, str]) -> str:
    """What an event's SMS says, after the school's signature."""
    return (TEMPLATES[event].sms or "").format_map(sms_parameters(event, facts))


def sms_template(event: str) -> str:
    """The text of an event's SMS as it is registered with the provider: `${name}` stands for a variable."""
    return re.sub(r"\{(\w+)\}", r"${\1}", TEMPLATES[event].sms or "")


def mail_bodies(said: Words, page: str, leave: str | None) -> tuple[str, str]:
    """A mail in plain text and in HTML; `page` is where one sees more, `leave` where such mail is switched off."""
    last = "如不想再收到此类邮件，请前往：" if leave else ""
    text = (
        "\n\n".join(filter(None, ["您好：", said.text, f"查看详情：{page}", last + leave if leave else ""]))
        + "\n"
    )
    shown, link = html.escape(said.text), html.escape(page)
    rows = ["<p>您好：</p>", f"<p>{shown}</p>", f'<p><a href="{link}">查看详情</a></p>']
    if leave:
        rows.append(f'<p><small><a href="{html.escape(leave)}">不再接收此类邮件</a></small></p>')
    head = '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"></head><body>'
    return text, f"{head}{''.join(rows)}</body></html>\n"
