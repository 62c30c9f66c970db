"""The text of a mail, which is the same whoever carries it: smtp.py or ses.py.

Nothing that is handed in can begin a header: what stands in one is checked for what ends it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from chalicelib.gateways.post import MailSender
from chalicelib.settings import MAIL_ADDRESS, MailSettings

_MESSAGE_ID = re.compile(r"[0-9A-Za-z._-]{1,64}", re.ASCII)
_LINK = re.compile(r"https?://[!-;=?-~]{1,800}", re.ASCII)
_MOST_SUBJECT = 200


def open_mail(account: MailSettings) -> MailSender:
    """Whoever carries mail, by the scheme of `MAIL_URL`. Opens no connection."""
    if account.url == "ses:":
        from chalicelib.gateways.ses import SesMail

        return SesMail(account)
    from chalicelib.gateways.smtp import SmtpMail

    return SmtpMail(account)


def address_of(sender: str) -> str:
    """The address alone of `name <address>` or an address."""
    return sender.rpartition("<")[2].rstrip(">")


def compose(
    sender: str,
    to: str,
    subject: str,
    text: str,
    html: str,
    message_id: str,
    unsubscribe_url: str | None,
    now: datetime,
) -> bytes:
    """A mail as it is sent: ASCII, lines that end with CR LF. `sender` is a valid MAIL_FROM. Raises ValueError for
    what may not stand in its header.
    """
    if not re.fullmatch(MAIL_ADDRESS, to, re.ASCII) or len(to) > 254:
        raise ValueError("to")
    if not 0 < len(subject) <= _MOST_SUBJECT or not subject.isprintable():
        raise ValueError("subject")
    if not _MESSAGE_ID.fullmatch(message_id):
        raise ValueError("message_id")
    if unsubscribe_url is not None and not _LINK.fullmatch(unsubscribe_url):
        raise ValueError("unsubscribe_url")
    # The library of the standard, some milliseconds long, is for whoever sends.
    from email.headerregistry import Address
    from email.message import EmailMessage
    from email.policy import SMTP
    from email.utils import format_datetime

    message = EmailMessage(SMTP)
    own = address_of(sender)
    message["From"] = Address(sender.rpartition("<")[0].strip(), addr_spec=own)
    message["To"] = Address(addr_spec=to)
    message["Subject"] = subject
    message["Date"] = format_datetime(now.astimezone(UTC))
    message.set_content(_clean(text), cte="base64")
    message.add_alternative(_clean(html), subtype="html", cte="base64")
    # The library folds long words of a header, which then are no addresses any more.
    lines = [f"Message-ID: <{message_id}@{own.partition('@')[2]}>", "Auto-Submitted: auto-generated"]
    if unsubscribe_url is not None:
        lines += [
            f"List-Unsubscribe: <{unsubscribe_url}>",
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        ]
    return "".join(f"{line}\r\n" for line in lines).encode("ascii") + message.as_bytes()


def _clean(text: str) -> str:
    """The text without halves of characters, which no encoding has."""
    return text.encode("utf-8", "ignore").decode()
