"""What goes wrong on the way of an SMS or a mail, each under a name, to be switched on. Nothing is on by default."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class BadDay:
    """One thing that can go wrong; ``channel``: ``sms``, ``receipt`` (what became of an SMS) or ``mail``."""

    name: str
    channel: str
    explanation: str


BAD_DAYS = {
    day.name: day
    for day in (
        BadDay("sms_lost", "sms", "短信没有发出，连接中断，没有应答"),
        BadDay("sms_answer_lost", "sms", "短信已经发出，但应答丢失"),
        BadDay("sms_silent", "sms", "接口无应答，短信没有发出（最长一分钟，关闭后立即断开）"),
        BadDay("sms_slow", "sms", "短信已经发出，应答迟迟不来（最长一分钟，关闭后立即应答）"),
        BadDay("sms_system_error", "sms", "应答 isp.SYSTEM_ERROR，短信没有发出"),
        BadDay("sms_unreadable", "sms", "应答不是 JSON（502），短信没有发出"),
        BadDay("sms_flow_control", "sms", "拒绝：isv.BUSINESS_LIMIT_CONTROL，触发流控"),
        BadDay("sms_no_money", "sms", "拒绝：isv.AMOUNT_NOT_ENOUGH，余额不足"),
        BadDay("sms_bad_number", "sms", "拒绝：isv.MOBILE_NUMBER_ILLEGAL，号码有误"),
        BadDay("receipt_failed", "receipt", "运营商没有送达：MOBILE_NOT_ON_SERVICE"),
        BadDay("receipt_never", "receipt", "一直没有回执"),
        BadDay("query_lost", "receipt", "查询发送详情时连接中断"),
        BadDay("query_late", "receipt", "查询发送详情时还查不到"),
        BadDay("push_lost", "receipt", "回执不推送给商城（查询仍可查到）"),
        BadDay("mail_lost", "mail", "连接在正文之前中断，邮件没有发出"),
        BadDay("mail_answer_lost", "mail", "邮件已经收下，但应答丢失"),
        BadDay("mail_silent", "mail", "收件人之后无应答，邮件没有发出（最长一分钟，关闭后立即断开）"),
        BadDay("mail_slow", "mail", "邮件已经收下，应答迟迟不来（最长一分钟，关闭后立即应答）"),
        BadDay("mail_no_such_user", "mail", "拒绝：550 5.1.1，没有这个收件人"),
        BadDay("mail_busy", "mail", "暂时拒绝：451 4.3.0，请稍后再试"),
        BadDay("mail_policy", "mail", "拒绝：550 5.7.1，不允许代发"),
        BadDay("mail_content_refused", "mail", "正文被拒：554 5.6.0"),
    )
}


@dataclass(frozen=True)
class Switch:
    """A bad day as it is set: for whom ("" is everybody), how often still (None is always), how often it has struck."""

    name: str
    to: str = ""
    times_left: int | None = None
    struck: int = 0

    @property
    def is_on(self) -> bool:
        """Whether it strikes the next time it can."""
        return self.times_left != 0


class Switches:
    """The bad days that were switched on and not off again. Threads may share them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._switches: dict[str, Switch] = {}

    def turn_on(self, name: str, to: str, times: int | None) -> None:
        """Set one anew. Raises ValueError for impossible settings."""
        if name not in BAD_DAYS:
            raise ValueError(f"there is no bad day {name!r}")
        if times is not None and not 1 <= times <= 1_000_000:
            raise ValueError("times: from 1 to 1000000, or none for always")
        with self._lock:
            self._switches[name] = Switch(name, to, times)

    def turn_off(self, name: str | None) -> None:
        """Switch one off, or all."""
        with self._lock:
            for one in list(self._switches) if name is None else [name]:
                self._switches.pop(one, None)

    def found(self) -> dict[str, Switch]:
        """All that are on or used up, by name."""
        with self._lock:
            return dict(self._switches)

    def strike(self, to: str, *names: str) -> str:
        """The first of these that strikes this time, for this receiver, and is counted; "" for none."""
        with self._lock:
            for name in names:
                switch = self._switches.get(name)
                if switch and switch.is_on and switch.to in ("", to):
                    left = None if switch.times_left is None else switch.times_left - 1
                    self._switches[name] = replace(switch, times_left=left, struck=switch.struck + 1)
                    return name
        return ""
