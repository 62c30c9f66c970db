"""What a mail says that carries a one-time code. An SMS has the same words, registered with its provider as templates
whose only variable is `code`.
"""

from __future__ import annotations

from msgspec import Struct

from chalicelib.shop.one_time_code import LIFE, Purpose

_ASKED = {
    Purpose.CONFIRM: "您正在确认联系方式",
    Purpose.SIGN_IN: "您正在登录学校网站",
    Purpose.PASSWORD: "您正在重新设置密码",
}
_MINUTES = int(LIFE.total_seconds()) // 60


class CodeMail(Struct, frozen=True):
    """Subject, plain text and HTML of a mail."""

    subject: str
    text: str
    html: str


def sms_text(purpose: Purpose) -> str:
    """The text of the SMS as it is registered: `${code}` stands for the digits."""
    return f"验证码${{code}}，{_ASKED[purpose]}，{_MINUTES}分钟内有效。请勿告诉他人；如非本人操作，请忽略。"


def mail(purpose: Purpose, code: str) -> CodeMail:
    """The mail that carries a code."""
    asked = f"{_ASKED[purpose]}，验证码为："
    rest = f"{_MINUTES} 分钟内有效。请勿告诉他人；如非本人操作，请忽略这封邮件。"
    return CodeMail(
        subject=f"验证码：{_ASKED[purpose]}",
        text=f"您好，\n\n{asked}\n\n{code}\n\n{rest}\n",
        html=f'<p>您好，</p><p>{asked}</p><p style="font-size:24px;letter-spacing:4px"><b>{code}</b></p><p>{rest}</p>',
    )
