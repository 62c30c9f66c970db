"""The commands and their arguments; each is a few lines that call a flow or a noun."""

from __future__ import annotations

import argparse
import getpass
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib import money
from chalicelib.beijing_time import beijing_text, read_day
from chalicelib.errors import (
    AlreadyGiven,
    BeliInsufficient,
    ChangedMeanwhile,
    CouponUnusable,
    CourseNotFound,
    EnrollmentNotFound,
    HandInMarked,
    HandInNotFound,
    InvalidPage,
    InvalidRequest,
    InvalidSetting,
    NothingToResolve,
    OrderAlreadyPaid,
    OrderClosed,
    OrderNotFound,
    OutcomeUnknown,
    OwnRefund,
    PaymentUnknown,
    QuestionAnswered,
    QuestionNotFound,
    QuestionPublished,
    QuestionUnanswered,
    RefundedAtProvider,
    RefundFinished,
    RefundNotFound,
    ShopError,
    StoreUnavailable,
    UserNameTaken,
    UserNotFound,
    WeakPassword,
)
from chalicelib.manage import message_commands
from chalicelib.manage.terminal import complain, escape_what_cannot_be_encoded, say
from chalicelib.shop.message_texts import Event
from chalicelib.shop.payment_type import PROVIDERS
from chalicelib.shop.texts import (
    MAX_ANSWER,
    MAX_COMMENT,
    MAX_FAQ_QUESTION,
    MAX_REASON,
    long_text,
    short_text,
)

if TYPE_CHECKING:
    from chalicelib.gateways import Gateways
    from chalicelib.manage.catalog_file.plan import Plan, Stored
    from chalicelib.shop.bill import BillDay, BillDifference
    from chalicelib.shop.course_key import CourseKey
    from chalicelib.shop.refund import Refund
    from chalicelib.shop.refund_notice import RefundNotice
    from chalicelib.shop.user import User

_MOST_BELI = 10**12
_MAX_WHO, _MAX_SHOWN_NAME, _MAX_WORD = 64, 32, 60
_FOR_EVER = 36_000
"""Days that mean 永久."""
_FROM_INPUT = "`-` reads it from standard input"
_NO_TABLE = "ResourceNotFoundException"
_REPEAT_IMPORT = (
    "The import was cut off. What it had written is whole; give the command again, and it goes on from there."
)


_WEAK = {
    "length": "it has to have 8 to 128 characters",
    "digits": "it consists of digits only",
    "name": "it contains the user name",
    "common": "it is one of the commonest",
}
"""The rule that a weak password breaks -> words."""


class _Refused(Exception):
    """The command is refused; the text says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command -> the exit status: 0 done, 1 refused (the reason is printed to standard error)."""
    escape_what_cannot_be_encoded(sys.stdout, sys.stderr)
    given = _parser().parse_args(arguments)
    try:
        given.run(given)
    except ShopError as error:
        return _fail(_reason(error, given))
    except _Refused as reason:
        return _fail(str(reason))
    except KeyboardInterrupt:
        return _fail(
            "interrupted; what was reported as done is done, and the command can be given again (a gift without --once"
            " only if `audit` does not show it)"
        )
    return 0


def _reason(error: ShopError, given: argparse.Namespace) -> str:
    """The reason of a refusal, in words that an operator can act on."""
    from chalicelib.shop.user_name import name_fault

    username = getattr(given, "username", None)
    match error:
        case InvalidSetting():
            return f"setting {error.facts['name']}: expected {error.facts['expected']}"
        case UserNotFound() if username is not None:
            return f"there is no user named {username!r}"
        case UserNameTaken():
            return f"the user name {username!r} is somebody's already; case and width make no difference"
        case InvalidRequest() if error.facts.get("field") == "username":
            return f"{username!r} is no user name: {name_fault(str(username))}"
        case WeakPassword():
            return f"the password is too weak: {_WEAK[str(error.facts['rule'])]}"
        case CourseNotFound():
            return f"there is no course {error.facts['course']}"
        case EnrollmentNotFound():
            return (
                f"{username} has no days of study from {given.number!r} that could be taken back; "
                "list-enrollments shows what there is"
            )
        case ChangedMeanwhile():
            return (
                f"{error.facts['what']} was changed by somebody else at this moment: look again, then repeat"
            )
        case RefundNotFound():
            return f"there is no refund with the request number {given.request_no!r}"
        case RefundFinished():
            return "the refund is not in a state for this any more: look at it with show-order"
        case InvalidPage():
            return "this is no CURSOR that a list has named"
        case OwnRefund():
            return "it is a refund of your own: another operator has to decide on it"
        case QuestionNotFound():
            return f"there is no question with the number {given.question!r}"
        case QuestionAnswered():
            return "the question is answered already"
        case QuestionUnanswered():
            return "the question has no answer yet: answer-question comes first"
        case QuestionPublished():
            return "the question was published already; change it with `catalog`"
        case InvalidRequest() if error.facts.get("field") == "question":
            return (
                f"the question is longer than {MAX_FAQ_QUESTION} characters: say it in fewer with --question"
            )
        case HandInNotFound():
            return f"nothing with the number {given.hand_in!r} was handed in"
        case HandInMarked():
            return "it is marked already, and stays as it is"
        case NothingToResolve():
            return "nothing of this waits for a person (any more): look at `problems`, or `messages`"
        case PaymentUnknown() if hasattr(given, "number"):
            return (
                f"the provider gives no clear answer ({error.reason}), and nothing was changed: there may be"
                " money that is not dealt with; try again later"
            )
        case OrderAlreadyPaid():
            return "the order was not closed: it was paid after all, and is delivered; look at it with show-order"
        case PaymentUnknown():
            return (
                "the provider gives no clear answer whether the money went back, and nothing was changed: try again, or"
                " when you know that it did, resolve-refund"
            )
        case OrderClosed():
            return (
                "the order was not changed: it changed at this moment, or it still cannot be closed because what"
                " it holds is not as it says; look at it with show-order, then try again"
            )
        case OrderNotFound() if not hasattr(given, "number"):
            return f"there is no refund with the request number {given.request_no!r}"
        case OrderNotFound():
            return f"there is no order with the number {given.number!r}"
        case CouponUnusable() if error.facts.get("reason") == "unknown":
            return f"there is no coupon with the id {given.coupon_id}"
        case BeliInsufficient():
            return f"the balance of {username} is too low: a balance never falls below zero"
        case StoreUnavailable() if error.facts.get("reason") == _NO_TABLE:
            return "the tables do not exist: run create-tables (or is TABLE_PREFIX another one?)"
        case StoreUnavailable():
            return (
                "the store does not do what it was asked; are AWS_ENDPOINT_URL_DYNAMODB, the region and the "
                f"credentials right? ({error})"
            )
        case OutcomeUnknown():
            return "the store fell silent in the middle of a write: look whether it was done, then try again"
    return f"{type(error).__name__}: {(type(error).__doc__ or '').splitlines()[0]} {error}"


def _fail(text: str) -> int:
    complain(f"error: {text}")
    return 1


@cache
def _parser() -> argparse.ArgumentParser:
    """Made once: it takes 15 ms, and a process may run many commands."""
    parser = argparse.ArgumentParser(
        prog="manage", description="The shop's command line. Amounts are in yuan, times in Beijing time."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, run: object, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        return added

    def act(name: str, run: object, text: str) -> argparse.ArgumentParser:
        """A command that the operators' log records."""
        added = command(name, run, text)
        _add_by(added)
        return added

    command(
        "check-settings",
        _check_settings,
        "read all settings and load the keys; names the first that is wrong",
    )
    command(
        "sms-addresses", _sms_addresses, "print where receipts of SMS and replies to them are to be pushed"
    )
    command("create-tables", _create_tables, "create the tables that do not exist yet")

    added = act("import-legacy", _import_legacy, "take over the old system's SQLite database; safe to repeat")
    added.add_argument("file", type=Path, help="the SQLite file")

    added = command("catalog", _catalog_help, "keep the whole catalogue in one file: export, check, apply")
    added.set_defaults(parser=added)
    _add_catalog_commands(added)

    added = act(
        "seed-demo", _seed_demo, "add a small demo shop (ids from 900001, user names demo...); safe to repeat"
    )
    added.add_argument("--if-empty", action="store_true", help="do nothing when there is a catalogue already")

    added = act("create-user", _create_user, "add a user; asks for the password unless it is piped in")
    added.add_argument("username")
    added.add_argument("--name", type=_shown_name, default="", help="the name shown (default: the user name)")

    added = act("set-password", _set_password, "set a user's password; asks for it unless it is piped in")
    added.add_argument("username")

    added = command(
        "show-user", _show_user, "show a user: role, where they can be reached (masked), sessions"
    )
    added.add_argument("username")

    added = act(
        "release-contact", _release_contact, "take a number or address from a user, for its holder of now"
    )
    added.add_argument("username")
    added.add_argument("channel", choices=["sms", "mail"])
    added.add_argument("--reason", type=_reason_text, required=True, help="kept in the log")

    act(
        "move-contacts",
        _move_contacts,
        "claim every confirmed number and address under the first CONTACT_KEY; safe to repeat",
    )

    added = act("grant-beli", _grant_beli, "change a user's balance by a ledger entry")
    added.add_argument("username")
    added.add_argument("beli", type=_beli, help="how many to add; a negative number takes away")
    added.add_argument("--reason", type=_reason_text, required=True, help="kept with the entry")
    _add_once(added)

    added = act("grant-coupon", _grant_coupon, "give a user a record of a coupon")
    added.add_argument("username")
    added.add_argument("coupon_id", type=int)
    _add_once(added)

    added = act("disable-user", _disable_user, "let a user in no more; all sessions end at once")
    added.add_argument("username")
    added.add_argument("--reason", type=_reason_text, help="kept in the log")

    added = act("enable-user", _enable_user, "let a disabled user sign in again")
    added.add_argument("username")
    added.add_argument("--reason", type=_reason_text, help="kept in the log")

    added = act("set-role", _set_role, "give a user another role")
    added.add_argument("username")
    added.add_argument("role", choices=("学员", "助教", "讲师", "管理员"))
    added.add_argument("--reason", type=_reason_text, help="kept in the log")

    added = act("grant-enrollment", _grant_enrollment, "give a user days of study of a course")
    added.add_argument("username")
    added.add_argument("course", type=_course_key, help="course#1 or 1; degree_course#3 for a degree course")
    added.add_argument("days", type=_days, help="how many from now, or from the end of what runs; or 永久")
    added.add_argument("--reason", type=_reason_text, required=True, help="kept in the log")
    _add_once(added)

    added = act(
        "withdraw-enrollment",
        _withdraw_enrollment,
        "take back the days of study that an order or a grant gave; refunds nothing, the order stays as it is",
    )
    added.add_argument("username")
    added.add_argument("number", help="the order's number, or grant-... as list-enrollments shows it")
    added.add_argument("--course", type=_course_key, help="of this course of the order only")
    added.add_argument("--reason", type=_reason_text, required=True, help="kept in the log")

    added = command("list-enrollments", _list_enrollments, "list what a user may study, and what gave it")
    added.add_argument("username")

    added = command("audit", _audit, "show the operators' log: who did what when, and why")
    added.add_argument("--month", type=_month, help="YYYY-MM in Beijing (default: this month)")

    added = command("journal", _journal, "show a day's facts of money: what came, went back, was free")
    added.add_argument("--day", type=_day, help="YYYY-MM-DD in Beijing (default: today)")

    act("fill-journal", _fill_journal, "write what the journal lacks, after an import; safe to repeat")

    added = command("bills", _bills, "show how the providers' bills agree with the journal, day by day")
    added.add_argument(
        "--days", type=int, choices=range(1, 91), default=14, help="how many days back", metavar="N"
    )

    added = act(
        "hold-bills",
        _hold_bills,
        "fetch a day's bills again, compare them with the journal",
    )
    added.add_argument("day", type=_day, help="YYYY-MM-DD in Beijing")

    added = act(
        "resolve-difference", _resolve_difference, "say that a listed difference of a bill is dealt with"
    )
    added.add_argument("provider", choices=sorted(PROVIDERS))
    added.add_argument("day", type=_day)
    added.add_argument("trade_no")
    added.add_argument("--reason", type=_reason_text, required=True, help="kept in the log")

    act(
        "check-videos",
        _check_videos,
        "ask the video platform what became of every video of a section; safe to repeat",
    )
    added = command(
        "messages", message_commands.messages, "list the messages that were not delivered, and why"
    )
    _add_page(added)
    added = act("resolve-message", _resolve_message, "say that an undelivered message was dealt with")
    added.add_argument("id", help="as messages shows it")
    added.add_argument("--reason", type=_reason_text, required=True, help="what was done, kept in the log")
    added = command(
        "message-preview", message_commands.preview, "show what an event's message says by each channel"
    )
    added.add_argument("event", choices=[str(event) for event in Event], help="the event")

    added = command("list-orders", _list_orders, "list a user's orders, newest first")
    added.add_argument("username")

    added = command("show-order", _show_order, "show an order with its lines, payments, refunds and history")
    added.add_argument("number")

    added = command("list-refunds", _list_refunds, "list the refund applications that wait for a decision")
    _add_page(added)

    added = act("approve-refund", _approve_refund, "approve an application; the provider is asked at once")
    added.add_argument("request_no")
    _add_pay_again(added)

    added = act(
        "refuse-refund", _refuse_refund, "refuse an application, or a stuck refund of one; access runs again"
    )
    added.add_argument("request_no")
    added.add_argument("--answer", type=_reason_text, required=True, help="shown to the learner")

    added = command("problems", _problems, "list what needs a person, why, and what can be done")
    _add_page(added)

    added = act("retry-refund", _retry_refund, "have a stuck refund tried again; safe, money goes back once")
    added.add_argument("request_no")
    _add_pay_again(added)

    added = act(
        "resolve-refund",
        _resolve_refund,
        "say that the money of a listed refund, or of an application, went back another way",
    )
    added.add_argument("request_no")
    added.add_argument("--reason", type=_reason_text, required=True, help="how it went back, kept in the log")

    added = act("retry-order", _retry_order, "have the provider asked about an order at once; safe to repeat")
    added.add_argument("number", help="the order's number")

    added = act(
        "resolve-order",
        _resolve_order,
        "say that a listed order has been dealt with; an open one is closed, unless the provider says it is paid",
    )
    added.add_argument("number", help="the order's number")
    added.add_argument("--reason", type=_reason_text, required=True, help="what was done, kept in the log")

    added = act(
        "retry-stray", _retry_stray, "take a notification that fitted no order once more; safe to repeat"
    )
    added.add_argument("number", help="the order number that the notification names")
    added.add_argument("trade_no")

    added = act(
        "resolve-stray", _resolve_stray, "say that a notification that fits no order has been dealt with"
    )
    added.add_argument("number", help="the order number that the notification names")
    added.add_argument("trade_no")
    added.add_argument("--reason", type=_reason_text, required=True, help="what was done, kept in the log")

    added = act("resolve-notice", _resolve_notice, "say that a reported partial refund has been dealt with")
    added.add_argument("number", help="the order's number")
    added.add_argument("request_no")
    added.add_argument("--reason", type=_reason_text, required=True, help="what was done, kept in the log")

    added = command("questions", _questions, "list the learners' questions that wait for an answer")
    _add_page(added)

    added = act("answer-question", _answer_question, "answer a learner's question, once; the learner is told")
    added.add_argument("question", help="its number, as questions shows it")
    added.add_argument(
        "--answer", type=_text_of(MAX_ANSWER), required=True, help=f"shown to the learner; {_FROM_INPUT}"
    )

    added = act(
        "publish-question",
        _publish_question,
        "put an answered question among those of its course that are often asked; names no learner",
    )
    added.add_argument("question", help="its number")
    added.add_argument(
        "--question", dest="asked_as", type=_faq_question, help="in these words (default: the learner's)"
    )
    added.add_argument(
        "--answer",
        dest="answered_as",
        type=_text_of(MAX_ANSWER),
        help=f"in these words (default: the answer that was given); {_FROM_INPUT}",
    )

    added = command(
        "hand-ins", _hand_ins, "list what learners handed in and nobody has marked, with the tasks"
    )
    _add_page(added)

    added = act(
        "mark-hand-in",
        _mark_hand_in,
        "mark what a learner handed in, once; the learner is told, and keeps it as it is",
    )
    added.add_argument("hand_in", help="its number, as hand-ins shows it")
    added.add_argument("mark", type=_mark, help="0 to 100")
    added.add_argument("--comment", type=_text_of(MAX_COMMENT), help=f"shown to the learner; {_FROM_INPUT}")
    return parser


def _add_catalog_commands(catalog: argparse.ArgumentParser) -> None:
    commands = catalog.add_subparsers(metavar="COMMAND")

    def command(name: str, run: object, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        added.add_argument("file", type=Path, help="a JSON file; export writes an example of it")
        return added

    added = command("export", _export_catalog, "write categories, teachers, courses and coupons to a file")
    added.add_argument("--overwrite", action="store_true", help="even if the file is there already")
    command("check", _check_catalog, "name every fault of a file, and show what applying it would change")
    added = command(
        "apply",
        _apply_catalog,
        "make the catalogue what a file says: shows the changes, asks, and writes them; safe to repeat",
    )
    added.add_argument("--yes", action="store_true", help="do not ask")
    _add_by(added)


def _add_pay_again(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--pay-again",
        action="store_true",
        help="also where the provider told of refunds of the order that the shop did not make",
    )


def _add_page(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--limit", type=_page_size, default=100, help="how many to list (default: 100, at most 500)"
    )
    command.add_argument(
        "--after", metavar="CURSOR", help="go on after an earlier list, which says with what"
    )


def _page_size(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:4]) <= 500:
        raise argparse.ArgumentTypeError(f"not a number from 1 to 500: {text!r}")
    return int(text)


def _add_by(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--by",
        type=_by,
        metavar="NAME",
        help="who you are, for the log (default: your name on this computer)",
    )


def _add_once(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--once",
        type=_word,
        metavar="WORD",
        help="give it only if this user was given nothing under this word: safe to repeat",
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _by(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > _MAX_WHO:
        raise argparse.ArgumentTypeError(f"not a name of 1 to {_MAX_WHO} visible characters: {text!r}")
    return text.strip()


def _who(given: argparse.Namespace) -> str:
    """The name that the log shows."""
    if given.by is not None:
        return str(given.by)
    try:
        return _by(getpass.getuser())
    except (OSError, KeyError, ImportError, argparse.ArgumentTypeError):
        raise _Refused("this computer does not know your name: say who you are with --by NAME") from None


def _user_id(who: str) -> int | None:
    """The id of the user who has the operator's name, if one has."""
    from chalicelib.shop.user import find_by_name

    try:
        return find_by_name(who).user_id
    except UserNotFound:
        return None


def _reason_text(text: str) -> str:
    return _short_text(text, MAX_REASON)


def _word(text: str) -> str:
    return _short_text(text, _MAX_WORD)


def _text_of(longest: int) -> Callable[[str], str]:
    """Reads an argument as a text of several lines, or (`-`) standard input."""

    def read(text: str) -> str:
        try:
            found = long_text(sys.stdin.read() if text == "-" else text, longest)
        except UnicodeError:
            found = None
        if found is None:
            raise argparse.ArgumentTypeError(f"not a text of 1 to {longest} visible characters")
        return found

    return read


def _faq_question(text: str) -> str:
    return _short_text(text, MAX_FAQ_QUESTION)


def _mark(text: str) -> int:
    from chalicelib.shop.hand_in import MAX_MARK

    if not text.isascii() or not text.isdecimal() or int(text[:4]) > MAX_MARK:
        raise argparse.ArgumentTypeError(f"not a whole number from 0 to {MAX_MARK}: {text!r}")
    return int(text)


def _shown_name(text: str) -> str:
    return _short_text(text, _MAX_SHOWN_NAME) if text else ""


def _short_text(text: str, longest: int) -> str:
    found = short_text(text, longest)
    if found is None:
        raise argparse.ArgumentTypeError(f"not a text of 1 to {longest} visible characters")
    return found


def _course_key(text: str) -> CourseKey:
    from chalicelib.shop.course_key import COURSE, COURSE_TYPES, CourseKey

    course_type, separator, number = text.rpartition("#")
    if (course_type if separator else COURSE) not in COURSE_TYPES or not re.fullmatch(
        r"[1-9][0-9]{0,14}", number
    ):
        raise argparse.ArgumentTypeError(f"not a course such as course#1, 1 or degree_course#3: {text!r}")
    return CourseKey(course_type or COURSE, int(number))


def _days(text: str) -> int:
    if text == "永久":
        return _FOR_EVER
    if not re.fullmatch(r"[1-9][0-9]{0,4}", text) or int(text) > _FOR_EVER:
        raise argparse.ArgumentTypeError(f"not a number of days from 1 to {_FOR_EVER}, nor 永久: {text!r}")
    return int(text)


def _month(text: str) -> str:
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text):
        raise argparse.ArgumentTypeError(f"not a month such as 2026-07: {text!r}")
    return text


def _day(text: str) -> date:
    try:
        return read_day(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not a day such as 2026-07-01: {text!r}") from error


def _beli(text: str) -> int:
    beli = int(text)
    if not 0 < abs(beli) <= _MOST_BELI:
        raise argparse.ArgumentTypeError(f"not a number of beli up to {_MOST_BELI}, other than 0: {text}")
    return beli


def _find_user(username: str) -> User:
    """The user with this name. Raises UserNotFound, also for what can be no name."""
    from chalicelib.shop.user import find_by_name
    from chalicelib.shop.user_name import is_valid_name

    if not is_valid_name(username):
        raise UserNotFound()
    return find_by_name(username)


def _read_password() -> str:
    if not sys.stdin.isatty():
        try:
            password = sys.stdin.readline().rstrip("\r\n")
            password.encode()
        except UnicodeError:
            raise _Refused("the password is not UTF-8 text") from None
    else:
        password = getpass.getpass("New password: ")
        if getpass.getpass("Again: ") != password:
            raise _Refused("the two passwords differ")
    if not password:
        raise _Refused("the password is empty")
    return password


def _check_settings(given: argparse.Namespace) -> None:
    from chalicelib.gateways import open_gateways
    from chalicelib.settings import settings

    for provider in open_gateways(settings()).payments.values():
        provider.check()
    say("all settings are there, and the keys can be loaded")


def _sms_addresses(given: argparse.Namespace) -> None:
    from chalicelib.gateways.sms_pushes import push_addresses
    from chalicelib.settings import settings

    account = settings().sms
    if account is None:
        raise InvalidSetting(name="SMS_ACCESS_KEY_ID", expected="a value: the shop sends no SMS")
    receipts, replies = push_addresses(settings().api_url, account.access_key_secret)
    say(f"SmsReport: {receipts}")
    say(f"SmsUp: {replies}")


def _create_tables(given: argparse.Namespace) -> None:
    from chalicelib.storage.tables import create_tables

    say(f"tables: {', '.join(create_tables())}")


def _import_legacy(given: argparse.Namespace) -> None:
    from chalicelib.manage.legacy.file import UnreadableFile
    from chalicelib.manage.legacy_import import import_legacy

    try:
        report = import_legacy(given.file, _now(), by=_who(given))
        for line in str(report).split("\n"):
            say(line)
    except UnreadableFile as error:
        raise _Refused(str(error)) from error
    except OSError as error:
        raise _Refused(f"{given.file} cannot be read: {error.strerror}") from error
    except (StoreUnavailable, OutcomeUnknown) as error:
        if error.facts.get("reason") != _NO_TABLE:
            complain(_REPEAT_IMPORT)
        raise error


def _catalog_help(given: argparse.Namespace) -> None:
    given.parser.print_help()


def _export_catalog(given: argparse.Namespace) -> None:
    from chalicelib.manage.catalog_file.plan import read_stored
    from chalicelib.manage.catalog_file.writing import write_file

    catalogue = read_stored().catalogue
    try:
        write_file(catalogue, given.file, overwrite=given.overwrite)
    except FileExistsError as error:
        raise _Refused(f"{given.file} is there already: name another file, or add --overwrite") from error
    except OSError as error:
        raise _Refused(f"{given.file} cannot be written: {error.strerror}") from error
    say(f"{given.file}: {catalogue.counts()}")


def _check_catalog(given: argparse.Namespace) -> None:
    _planned(given)


def _apply_catalog(given: argparse.Namespace) -> None:
    from chalicelib.manage.catalog_file.apply import raise_if_changed, write

    who = _who(given)
    stored, planned = _planned(given)
    if not planned.steps:
        return
    if not given.yes and not _is_confirmed("Apply this? [y/N] "):
        raise _Refused("not confirmed: nothing was written (--yes confirms beforehand)")
    raise_if_changed(stored)
    for number, step in enumerate(planned.steps, 1):
        write(step, who, _now())
        say(f"[{number}/{len(planned.steps)}] {step.subject}")
    say("applied; learners see all of it within 10 seconds")


def _planned(given: argparse.Namespace) -> tuple[Stored, Plan]:
    """Read the stored catalogue, and plan and show the changes that make it equal to the file."""
    from chalicelib.manage.catalog_file.difference import summary
    from chalicelib.manage.catalog_file.plan import plan, read_stored, refusals
    from chalicelib.manage.catalog_file.reading import FaultyFile, read_file

    try:
        wanted, document = read_file(given.file)
        stored, now = read_stored(), _now()
        refused = refusals(stored, wanted, now)
        if refused:
            raise FaultyFile([document.at(*fault) for fault in refused])
    except FaultyFile as error:
        for fault in error.faults:
            complain(fault)
        count = len(error.faults)
        raise _Refused(
            f"{given.file}: {count} {'fault' if count == 1 else 'faults'}, nothing was written"
        ) from error
    except OSError as error:
        raise _Refused(f"{given.file} cannot be read: {error.strerror}") from error
    planned = plan(stored, wanted, now)
    for change in planned.changes:
        say(change)
    say(f"{given.file}: {wanted.counts()}; {summary(planned.changes)}")
    return stored, planned


def _is_confirmed(question: str) -> bool:
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _seed_demo(given: argparse.Namespace) -> None:
    from chalicelib.manage.demo import describe_users, read_content, seed_demo
    from chalicelib.shop.catalog import list_categories

    if given.if_empty and list_categories():
        said = describe_users(read_content()) or "the shop has a catalogue already: nothing was added"
    else:
        said = str(seed_demo(_now(), _who(given)))
    for line in said.split("\n"):
        say(line)


def _create_user(given: argparse.Namespace) -> None:
    from chalicelib.flows.register import register
    from chalicelib.settings import password_iterations

    user = register(
        given.username, _read_password(), password_iterations(), _now(), name=given.name, by=_who(given)
    )
    say(f"created user {user.username} with id {user.user_id}")


def _set_password(given: argparse.Namespace) -> None:
    from chalicelib.flows.change_password import set_password
    from chalicelib.settings import password_iterations

    user = _find_user(given.username)
    set_password(user, _read_password(), password_iterations(), _who(given), _now())
    say(f"the password of {user.username} is set")


def _show_user(given: argparse.Namespace) -> None:
    from chalicelib.shop import contact, session
    from chalicelib.shop.user import ROLE_NAMES
    from chalicelib.storage.dynamodb import find_together

    user = _find_user(given.username)
    say(f"{user.username} ({user.user_id}), {ROLE_NAMES[user.role]}, since {beijing_text(user.created_at)}")
    if user.disabled:
        say("disabled")
    for channel, shown in contact.shown(user, find_together(contact.contact_keys(user.user_id))).items():
        is_confirmed = "confirmed" if shown and shown.is_confirmed else "not confirmed"
        say(f"{channel}: {f'{shown.masked}, {is_confirmed}' if shown else 'none'}")
    alive = [one for one in session.list_sessions(user.user_id) if one.is_alive(user, _now())]
    say(f"signed in {len(alive)} times")


def _release_contact(given: argparse.Namespace) -> None:
    from chalicelib.flows.change_contact import release_contact
    from chalicelib.settings import settings

    user = _find_user(given.username)
    if not release_contact(user, given.channel, _who(given), given.reason, settings(), _now()):
        raise _Refused(f"{user.username} has confirmed none")
    say(f"{user.username} is not reached there any more; whoever has it now may confirm it")


def _move_contacts(given: argparse.Namespace) -> None:
    from chalicelib.flows.move_contacts import Moved, move_all
    from chalicelib.settings import settings
    from chalicelib.shop import audit

    every = 100

    def report(done: Moved) -> None:
        if done.read % every == 0:
            complain(f"{done.read} contacts read, {done.moved} moved")

    audit.write(audit.entry(_who(given), "move-contacts", "contacts", _now()))
    done = move_all(settings().contact_keys, report)
    for user_id in done.taken:
        say(f"user {user_id}: a contact is another user's by now; it was left as it is")
    say(f"{done.read} contacts read, {done.moved} moved to the first key")


def _grant_beli(given: argparse.Namespace) -> None:
    from chalicelib.flows.grant import grant_beli
    from chalicelib.shop.user import find_user

    user = _find_user(given.username)
    with _told_if_given(user, given.once):
        grant_beli(user, given.beli, given.reason, _now(), _who(given), given.once)
        say(f"{user.username} got {given.beli:+d} beli and now has {find_user(user.user_id).beli}")


def _grant_coupon(given: argparse.Namespace) -> None:
    from chalicelib.flows.grant import grant_coupon

    user = _find_user(given.username)
    with _told_if_given(user, given.once):
        record = grant_coupon(user, given.coupon_id, _now(), _who(given), given.once)
        until = beijing_text(record.valid_until)
        say(f"{given.username} has coupon record {record.record_id}: {record.name}, until {until}")


@contextmanager
def _told_if_given(user: User, word: str) -> Iterator[None]:
    """Say what the user was given under the word, if that is why the block gives nothing. One read then."""
    from chalicelib.shop.gift import find_gift

    try:
        yield
    except AlreadyGiven:
        found = find_gift(user.user_id, word)
        assert found is not None
        say(
            f"{user.username} was given this under {word!r} before, at {beijing_text(found.at)}: {found.what}"
        )
        say("nothing was given now")


def _disable_user(given: argparse.Namespace) -> None:
    from chalicelib.flows.change_user import disable_user

    user = _find_user(given.username)
    if disable_user(user, _who(given), given.reason or "", _now()):
        say(f"{user.username} is disabled: every token has stopped, and signing in is refused")
    else:
        say(f"{user.username} is disabled already: nothing was changed")


def _enable_user(given: argparse.Namespace) -> None:
    from chalicelib.flows.change_user import enable_user

    user = _find_user(given.username)
    if enable_user(user, _who(given), given.reason or "", _now()):
        say(f"{user.username} may sign in again; earlier sessions stay ended")
    else:
        say(f"{user.username} is not disabled: nothing was changed")


def _set_role(given: argparse.Namespace) -> None:
    from chalicelib.flows.change_user import set_role
    from chalicelib.shop.user import ROLE_NAMES

    user = _find_user(given.username)
    (role,) = (code for code, name in ROLE_NAMES.items() if name == given.role)
    changed = set_role(user, role, _who(given), given.reason or "", _now())
    say(f"{user.username} is {given.role}{' now' if changed else ' already: nothing was changed'}")


def _grant_enrollment(given: argparse.Namespace) -> None:
    from chalicelib.flows.grant import grant_enrollment
    from chalicelib.shop.enrollment import find_enrollment

    user = _find_user(given.username)
    with _told_if_given(user, given.once):
        granted = grant_enrollment(
            user, given.course, given.days, given.reason, _who(given), _now(), given.once
        )
        mine = find_enrollment(user.user_id, given.course)
        until = beijing_text(mine.ends_at) if mine is not None and mine.ends_at else "永久"
        say(f"{user.username} may study {given.course} {granted.course_name} until {until}")
        say(f"to take it back: withdraw-enrollment {user.username} {granted.order_number} --reason ...")


def _withdraw_enrollment(given: argparse.Namespace) -> None:
    from chalicelib.flows.grant import withdraw_enrollment
    from chalicelib.shop.order import is_number

    user = _find_user(given.username)
    taken = withdraw_enrollment(user, given.number, given.course, given.reason, _who(given), _now())
    for part in taken:
        say(f"taken back: {part.course} {part.course_name}, {_period(part.days)} of {part.order_number}")
    if is_number(given.number):
        say(f"order {given.number} itself is unchanged: nothing was refunded")


def _list_enrollments(given: argparse.Namespace) -> None:
    from chalicelib.shop.enrollment import amount_to, list_slices

    user, now = _find_user(given.username), _now()
    slices = list_slices(user.user_id)
    for course in dict.fromkeys(part.course for part in slices):
        parts = [part for part in slices if part.course == course]
        mine = amount_to(parts)
        if mine is None:
            access = "taken back"
        else:
            until = beijing_text(mine.ends_at) if mine.ends_at else "永久"
            access = f"{'until' if mine.is_active(now) else 'ended'} {until}"
        say(f"{course}  {parts[-1].course_name}  {access}")
        for part in sorted(parts, key=lambda part: (part.granted_at, part.order_number)):
            back = f", taken back {beijing_text(part.withdrawn_at)}" if part.withdrawn_at else ""
            say(f"  {part.order_number}  {beijing_text(part.granted_at)}  {_period(part.days)}{back}")


def _period(days: int) -> str:
    from chalicelib.shop.price_policy import period_name

    return period_name(days)


def _audit(given: argparse.Namespace) -> None:
    from chalicelib.shop.audit import list_entries, month_of

    month = given.month or month_of(_now())
    entries = list_entries(month)
    for entry in entries:
        parts = (entry.subject, entry.details, f"because: {entry.reason}" if entry.reason else "")
        said = "; ".join(part for part in parts if part)
        say(f"{beijing_text(entry.at)}  {entry.who}  {entry.act}  {said}")
    if not entries:
        say(f"nothing is recorded in {month}")


def _journal(given: argparse.Namespace) -> None:
    from chalicelib.shop import journal
    from chalicelib.shop.payment_type import PAYMENT_NAMES

    day = given.day or journal.day_of(_now())
    entries = journal.list_day(day)
    for entry in entries:
        names = "、".join(line.course_name for line in entry.lines)
        trade = entry.request_no or entry.trade_no or "-"
        say(
            f"{beijing_text(entry.at)}  {journal.FACT_NAMES[entry.fact]}  {money.to_yuan(entry.amount):>10.2f}"
            f"  {PAYMENT_NAMES[entry.provider]}  {entry.order_number}  {trade}  {names or entry.use}"
        )
    for provider in sorted({entry.provider for entry in entries}):
        own = [entry for entry in entries if entry.provider == provider]
        sums = {fact: f"{money.to_yuan(journal.moved(own, fact)):.2f}" for fact in journal.FACT_NAMES}
        say(
            f"{PAYMENT_NAMES[provider]}: {sums[journal.PAID]} came, {sums[journal.REFUNDED]} went back by it,"
            f" {sums[journal.ELSEWHERE]} another way"
        )
    if not entries:
        say(f"no money moved on {day}")


def _fill_journal(given: argparse.Namespace) -> None:
    from chalicelib.flows.fill_journal import fill
    from chalicelib.shop import audit

    every = 100

    def report(read: int, written: int) -> None:
        if read % every == 0:
            complain(f"{read} orders read, {written} entries written")

    audit.write(audit.entry(_who(given), "fill-journal", "journal", _now()))
    read, written = fill(report)
    say(f"{read} orders read, {written} entries were missing and are written")


_BILL_STATES = {
    "agrees": "agrees to the fen",
    "differs": "differs",
    "missing": "lacks a bill",
    "unreadable": "has a bill that cannot be read",
}


def _bill_line(held: BillDay) -> str:
    def yuan(fen: int) -> str:
        return f"{money.to_yuan(fen):.2f}"

    sums = (
        f"provider {yuan(held.theirs_paid)} came and {yuan(held.theirs_refunded)} went,"
        f" journal {yuan(held.ours_paid)} and {yuan(held.ours_refunded)}, fees {yuan(held.fees)},"
        f" account {yuan(held.moved)}"
    )
    sums += "".join(f", {other.kind} {yuan(other.amount)}" for other in held.others)
    more = held.reason or (f"{held.differences} differences: see problems" if held.differences else "")
    return f"{held.day}  {held.provider}  {_BILL_STATES[held.state]}: {sums}{f'; {more}' if more else ''}"


def _bills(given: argparse.Namespace) -> None:
    from chalicelib.shop import bill, journal

    today = journal.day_of(_now())
    first = today - timedelta(days=given.days)
    found = [held for provider in sorted(PROVIDERS) for held in bill.list_days(provider, first, today)]
    for held in sorted(found, key=lambda one: (one.day, one.provider)):
        say(_bill_line(held))
    if not found:
        say(f"no bill of the last {given.days} days was held against the journal")


def _hold_bills(given: argparse.Namespace) -> None:
    from chalicelib.flows.hold_bills import hold_again

    held = hold_again(_gateways(), given.day, _who(given), _now())
    if not held:
        raise _Refused(f"the bills of {given.day} are there from ten o'clock the next morning on")
    for one in held:
        say(_bill_line(one))


def _resolve_difference(given: argparse.Namespace) -> None:
    from chalicelib.flows.hold_bills import resolve

    resolve(given.provider, given.day, given.trade_no, _who(given), given.reason, _now())
    say(f"{given.trade_no} of {given.day} is resolved")


def _check_videos(given: argparse.Namespace) -> None:
    from chalicelib.flows.know_video import check_all

    polyv = _gateways().polyv
    if polyv is None:
        raise _Refused("the shop has no account at the video platform: POLYV_USER_ID is not set")
    states = check_all(polyv, _who(given), _now())
    words = {video_id: state.status.value if state else "not told" for video_id, state in states.items()}
    for video_id, word in words.items():
        if word != "ready":
            say(f"{video_id}  {word}")
    say(f"{len(words)} videos, {list(words.values()).count('ready')} of them ready")


def _list_orders(given: argparse.Namespace) -> None:
    from chalicelib.shop.order import STATUS_NAMES, list_orders
    from chalicelib.shop.partition import PAGE_ROWS

    user = _find_user(given.username)
    cursor: str | None = None
    while True:
        page = list_orders(user.user_id, PAGE_ROWS, cursor)
        for order in page.orders:
            names = "、".join(line.course_name for line in order.lines)
            amount = money.yuan_text(order.amount)
            say(
                f"{order.number}  {beijing_text(order.placed_at)}  {STATUS_NAMES[order.status]}  {amount:>10}  {names}"
            )
        cursor = page.next_cursor
        if cursor is None:
            return


def _show_order(given: argparse.Namespace) -> None:
    from chalicelib.shop import order as orders
    from chalicelib.shop import payment as payments
    from chalicelib.shop import refund as refunds
    from chalicelib.shop import refund_notice as refund_notices
    from chalicelib.shop.payment_type import PAYMENT_NAMES
    from chalicelib.shop.user import find_user

    yuan = money.yuan_text
    if not orders.is_number(given.number):
        raise OrderNotFound(order=given.number)
    order = orders.find_by_number(given.number)
    user = find_user(order.user_id)
    say(f"order     {order.number}")
    say(f"user      {user.username} ({user.user_id})")
    say(f"status    {orders.STATUS_NAMES[order.status]}, {PAYMENT_NAMES[order.payment_type]}")
    say(f"placed    {beijing_text(order.placed_at)}, expires {beijing_text(order.expires_at)}")
    if order.problem:
        say(f"problem   {order.problem}: see problems")
    say(f"amount    {yuan(order.amount)} after coupon {yuan(order.general_discount)} and {order.beli} beli")
    for position, line in enumerate(order.lines):
        say(
            f"  line {position}  {line.course} {line.course_name}, {line.valid_period_name}:"
            f" {yuan(line.original_price)} -> {yuan(line.price)}, due {yuan(line.payable)} and {line.beli} beli"
        )
    for trade in order.trades or ():
        way, closed = f" by {trade.way}" if trade.way else "", ", closed" if trade.is_closed else ""
        say(f"  trade   {trade.number} of {trade.provider}{way}{closed}")
    for payment in payments.list_payments(order):
        ours = f" ({payment.number})" if payment.number else ""
        say(
            f"  payment {yuan(payment.amount)} by {payment.provider} trade {payment.trade_no}{ours}:"
            f" {payment.use}"
        )
    for refund in refunds.list_refunds(order):
        say(f"  refund  {_refund_line(refund)}")
    for notice in refund_notices.list_all(order):
        waits = ", waits for a person" if notice.attention else ", dealt with" if notice.resolved_at else ""
        say(f"  notice  {_told(notice)}, request {notice.request_no}{waits}")
    for event in orders.list_events(order):
        say(f"  event   {beijing_text(event.at)} {event.what}, by {event.cause}")


def _refund_line(refund: Refund) -> str:
    from chalicelib.shop.refund import DONE

    has_problem = refund.problem and (refund.is_open() or refund.attention)
    problem = f", problem: {refund.problem}" if has_problem else ""
    lines = f", lines {', '.join(map(str, refund.lines))}" if refund.lines else ""
    number = refund.number_made() if refund.status == DONE else refund.number()
    if number != refund.request_no:
        lines += f", to its provider {number}"
    return (
        f"{refund.request_no}  {beijing_text(refund.requested_at)}  {refund.why}: {refund.status},"
        f" {money.yuan_text(refund.amount)} and {refund.beli} beli{lines}{problem}"
        f"{f', reason: {refund.reason}' if refund.reason else ''}"
    )


def _told(notice: RefundNotice) -> str:
    """How much a provider says went back: in all, or by this one refund."""
    return f"{money.yuan_text(notice.refunded)} refunded{' in all' if notice.is_total is not False else ''}"


def _told_of(notices: Sequence[RefundNotice]) -> str:
    """What a provider told, and when."""
    return ", ".join(f"{_told(notice)} ({beijing_text(notice.recorded_at)})" for notice in notices)


def _list_refunds(given: argparse.Namespace) -> None:
    from chalicelib.flows.waiting_refunds import list_refunds

    waiting = list_refunds(given.limit, given.after)
    page, names = waiting.page, waiting.usernames
    for refund in page.items:
        courses = "、".join(
            f"{name} ({'studied: not known' if share is None else f'{share} % studied'})"
            for name, share in zip(refund.course_names, waiting.studied(refund), strict=True)
        )
        say(f"order {refund.order_number} of {names.get(refund.user_id, refund.user_id)}: {courses}")
        say(f"  {_refund_line(refund)}")
        if told := waiting.told.get(refund.request_no):
            say(f"  the provider told of refunds that the shop did not make: {_told_of(told)}")
    if page.next_cursor:
        say(f"more applications wait: list-refunds --after {page.next_cursor}")
    elif not page.items:
        say("no application waits for a decision")


@contextmanager
def _refusing_to_pay_again(request_no: str, command: str) -> Iterator[None]:
    """Say what the provider told, and what to do, where a command would maybe pay lines again."""
    from chalicelib.shop.refund import find_refund
    from chalicelib.shop.refund_notice import told_beyond

    try:
        yield
    except RefundedAtProvider as refused:
        told = told_beyond(find_refund(request_no)[1])
        raise _Refused(
            f"the provider told of refunds of this order that the shop did not make: {_told_of(told)}. This would"
            " pay these lines again, if that money was for them: then resolve-refund"
            f" {request_no} --reason ... (or refuse-refund {request_no} --answer ...). If it was for"
            f" something else: {command} {request_no} --pay-again"
        ) from refused


def _approve_refund(given: argparse.Namespace) -> None:
    from chalicelib.flows.decide_refund import approve
    from chalicelib.shop.refund import DONE, STUCK

    who = _who(given)
    with _refusing_to_pay_again(given.request_no, "approve-refund"):
        status = approve(
            given.request_no,
            who,
            _gateways(),
            _now(),
            operator_id=_user_id(who),
            pay_again=given.pay_again,
        )
    ends = {
        DONE: "the money is refunded, and access has ended",
        STUCK: "the provider refuses: see `problems`",
    }
    say(
        f"{given.request_no}: {ends.get(status, 'approved; the provider has not confirmed yet and is asked again')}"
    )


def _refuse_refund(given: argparse.Namespace) -> None:
    from chalicelib.flows.decide_refund import refuse

    who = _who(given)
    refuse(given.request_no, who, given.answer, _gateways(), _now(), operator_id=_user_id(who))
    say(f"{given.request_no}: refused, the learner may go on studying")


def _resolve_message(given: argparse.Namespace) -> None:
    message_commands.resolve_message(given.id, given.reason, _who(given), _now())


def _problems(given: argparse.Namespace) -> None:
    from chalicelib.shop.attention import PROBLEM, list_attention
    from chalicelib.shop.bill import BillDay, BillDifference
    from chalicelib.shop.order import STATUS_NAMES, Order
    from chalicelib.shop.refund import APPLICATION, DONE, STUCK, TWICE, Refund
    from chalicelib.shop.refund_notice import RefundNotice
    from chalicelib.shop.stray_notification import StrayNotification

    page = list_attention(PROBLEM, given.limit, given.after)
    for item in page.items:
        if isinstance(item, Refund) and item.status == DONE:
            times = "was made twice" if (item.problem or "").endswith(TWICE) else "may be made twice"
            say(f"order {item.order_number}: a refund {times}. {_refund_line(item)}")
            say(f"  when it is dealt with: resolve-refund {item.request_no} --reason ...")
        elif isinstance(item, Refund):
            state = "is stuck" if item.status == STUCK else "is not confirmed by its provider"
            say(f"order {item.order_number}: a refund {state}. {_refund_line(item)}")
            say(f"  when its cause is mended: retry-refund {item.request_no}")
            if item.status == STUCK and item.why == APPLICATION:
                say(f"  when it shall not be refunded: refuse-refund {item.request_no} --answer ...")
            say(f"  when the money went back another way: resolve-refund {item.request_no} --reason ...")
        elif isinstance(item, RefundNotice):
            say(
                f"order {item.order_number}: the provider told of a partial refund that the shop did not make,"
                f" {_told(item)}; it names no line"
            )
            say(f"  when it is dealt with: resolve-notice {item.order_number} {item.request_no} --reason ...")
        elif isinstance(item, Order):
            say(f"order {item.number} ({STATUS_NAMES[item.status]}): {item.problem}")
            say(f"  to have the provider asked again at once: retry-order {item.number}")
            closing = ", which closes it" if item.is_open() else ""
            say(f"  when it is dealt with{closing}: resolve-order {item.number} --reason ...")
        elif isinstance(item, BillDifference):
            say(
                f"order {item.order_number}: {_SIDES.get(item.what, 'bill and journal')} of {item.day} differ."
                f" {_difference_line(item)}"
            )
            say(_difference_meaning(item))
            say(f"  to compare again: hold-bills {item.day}")
            say(
                f"  when it is dealt with: resolve-difference {item.provider} {item.day} {item.trade_no} --reason ..."
            )
        elif isinstance(item, BillDay):
            say(f"{item.day} of {item.provider} {_BILL_STATES[item.state]}: {item.reason}")
            say(f"  to fetch it again: hold-bills {item.day}")
        elif isinstance(item, StrayNotification):
            say(
                f"order {item.order_number}: a genuine notification of {item.provider} does not fit,"
                f" {_STRAYS[item.check]}; {item.word} of {money.yuan_text(item.amount)},"
                f" trade {item.trade_no}"
            )
            say(f"  when its cause is mended: retry-stray {item.order_number} {item.trade_no}")
            say(f"  when it is dealt with: resolve-stray {item.order_number} {item.trade_no} --reason ...")
    if page.next_cursor:
        say(f"there are more: problems --after {page.next_cursor}")
    elif not page.items:
        say("nothing needs a person")


def _difference_line(item: BillDifference) -> str:
    def yuan(fen: int | None) -> str:
        return "nothing" if fen is None else f"{money.to_yuan(fen):.2f}"

    what = "payment" if item.request_no is None else f"refund {item.request_no}"
    if item.what == "funds":
        what = "money" if item.request_no is None else what
        return (
            f"{what} of trade {item.trade_no}: account {yuan(item.theirs)}, bill of trades {yuan(item.ours)}"
        )
    return f"{what} of trade {item.trade_no}: {item.provider} {yuan(item.theirs)}, journal {yuan(item.ours)}"


_SIDES = {"funds": "the bills of trades and of the account"}
"""Between which there is a difference, where it is not between bill and journal."""


def _difference_meaning(item: BillDifference) -> str:
    """What a difference means, and what to do first."""
    number = item.order_number
    match item.what, item.request_no:
        case "unknown", None:
            return (
                f"  money came of which nothing is known here: retry-order {number} asks about it. What stays listed is"
                " a second trade: refund it at the provider"
            )
        case "unknown", request_no:
            return (
                "  money went back of which nothing is known here: if it is a refund of the shop's,"
                f" retry-refund {request_no}; if all went back at the provider's console, retry-order {number};"
                " if a part, withdraw-enrollment for what it was for"
            )
        case "missing", _:
            return f"  the journal has what the provider does not: show-order {number}, ask the provider's support"
        case "amount", _:
            return f"  both have it, and the amounts differ: show-order {number}, look at the provider's page"
        case "twice", _:
            return f"  the provider counts it twice: show-order {number}, ask the provider's support"
        case _:
            return (
                "  what the bill of trades says should have moved is not what moved the account:"
                f" show-order {number}, ask the provider's support"
            )


_STRAYS = {
    "order": "there is no such order here",
    "channel": "no such trade of its order was begun at this provider",
    "amount": "the order's amount is another one",
    "trade_status": "its status is none that is known",
    "refund": "a refund that the shop did not make waits for a person at the provider, or was given up there",
}
"""The check that a stray notification failed, in words."""


def _retry_order(given: argparse.Namespace) -> None:
    from chalicelib.flows.resolve_problem import retry_order
    from chalicelib.shop.order import STATUS_NAMES

    order, unclear = retry_order(given.number, _who(given), _gateways(), _now())
    say(f"{order.number}: {STATUS_NAMES[order.status]}{f'; {order.problem}' if order.problem else ''}")
    if unclear is not None and unclear.reason not in (order.problem or ""):
        say(f"  the provider gives no clear answer: {unclear.reason}")


def _resolve_order(given: argparse.Namespace) -> None:
    from chalicelib.flows.resolve_problem import resolve_order

    resolve_order(given.number, _who(given), given.reason, _gateways(), _now())
    say(f"{given.number} is resolved")


def _retry_stray(given: argparse.Namespace) -> None:
    from chalicelib.flows.resolve_problem import retry_stray

    still_wrong = retry_stray(given.number, given.trade_no, _who(given), _gateways(), _now())
    for check in still_wrong:
        say(f"trade {given.trade_no} still does not fit: {_STRAYS[check]}")
    if not still_wrong:
        say(f"trade {given.trade_no} fits now, and was acted upon: see show-order {given.number}")


def _resolve_stray(given: argparse.Namespace) -> None:
    from chalicelib.flows.resolve_problem import resolve_stray

    resolve_stray(given.number, given.trade_no, _who(given), given.reason, _now())
    say(f"trade {given.trade_no} is resolved")


def _retry_refund(given: argparse.Namespace) -> None:
    from chalicelib.flows.decide_refund import try_again

    with _refusing_to_pay_again(given.request_no, "retry-refund"):
        status = try_again(given.request_no, _who(given), _gateways(), _now(), pay_again=given.pay_again)
    say(f"{given.request_no}: {status}")


def _resolve_refund(given: argparse.Namespace) -> None:
    from chalicelib.flows.decide_refund import resolve_elsewhere

    who = _who(given)
    is_providers = resolve_elsewhere(
        given.request_no, who, given.reason, _gateways(), _now(), operator_id=_user_id(who)
    )
    if is_providers:
        say(
            f"{given.request_no}: the provider has carried it out itself, and so it is recorded; if you sent the money"
            " another way as well, it went twice"
        )
    else:
        say(f"{given.request_no}: resolved, access and discounts too")


def _resolve_notice(given: argparse.Namespace) -> None:
    from chalicelib.flows.resolve_problem import resolve_notice

    resolve_notice(given.number, given.request_no, _who(given), given.reason, _now())
    say(f"{given.request_no} of order {given.number} is resolved")


def _questions(given: argparse.Namespace) -> None:
    from chalicelib.shop.question import list_waiting
    from chalicelib.shop.user import usernames

    page = list_waiting(given.limit, given.after)
    names = usernames(one.user_id for one in page.items)
    for one in page.items:
        about = f"{one.course} {one.course_name}"
        section = f", section {one.section_id} {one.section_name}" if one.section_id is not None else ""
        who = names.get(one.user_id, one.user_id)
        say(f"{one.number}  {beijing_text(one.asked_at)}  {who} about {about}{section}")
        _say_text(one.text)
    if page.next_cursor:
        say(f"more questions wait: questions --after {page.next_cursor}")
    elif not page.items:
        say("no question waits for an answer")
    else:
        say("to answer one: answer-question NUMBER --answer ...")


def _say_text(text: str) -> None:
    for line in text.split("\n"):
        say(f"    {line}")


def _answer_question(given: argparse.Namespace) -> None:
    from chalicelib.flows.answer_question import answer

    answer(given.question, given.answer, _who(given), _now())
    say(f"{given.question} is answered; if others ask it, too: publish-question {given.question}")


def _publish_question(given: argparse.Namespace) -> None:
    from chalicelib.flows.answer_question import publish

    faq = publish(given.question, given.asked_as, given.answered_as, _who(given), _now())
    say(f"{given.question} is question {faq.faq_id} of {faq.course_key} now")


def _hand_ins(given: argparse.Namespace) -> None:
    from chalicelib.shop.hand_in import list_waiting
    from chalicelib.shop.user import usernames

    page = list_waiting(given.limit, given.after)
    names = usernames(one.user_id for one in page.items)
    for one in page.items:
        who = names.get(one.user_id, one.user_id)
        say(
            f"{one.number}  {beijing_text(one.handed_in_at)}  {who} for {one.course} {one.course_name},"
            f" section {one.section_id} {one.section_name}"
        )
        say("  the task:")
        _say_text(one.task)
        say("  handed in:")
        _say_text(one.text)
    if page.next_cursor:
        say(f"more wait: hand-ins --after {page.next_cursor}")
    elif not page.items:
        say("nothing waits to be marked")
    else:
        say("to mark one: mark-hand-in NUMBER MARK --comment ...")


def _mark_hand_in(given: argparse.Namespace) -> None:
    from chalicelib.flows.do_assignment import mark

    mark(given.hand_in, given.mark, given.comment, _who(given), _now())
    say(f"{given.hand_in} is marked: {given.mark}")


def _gateways() -> Gateways:
    from chalicelib.gateways import open_gateways
    from chalicelib.settings import settings

    return open_gateways(settings())


if __name__ == "__main__":
    sys.exit(main())
