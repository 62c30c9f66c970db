"""The commands and their arguments; each is a few lines that call a flow or a noun."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib import money
from chalicelib.beijing_time import beijing_text
from chalicelib.errors import (
    BeliInsufficient,
    CouponUnusable,
    InvalidRequest,
    InvalidSetting,
    OrderNotFound,
    OutcomeUnknown,
    ShopError,
    StoreUnavailable,
    UserNameTaken,
    UserNotFound,
)

if TYPE_CHECKING:
    from chalicelib.shop.user import User

_MOST_BELI = 10**12
_NO_TABLE = "ResourceNotFoundException"
_REPEAT_IMPORT = (
    "The import was cut off. What it had written is whole; give the command again, and it goes on from there."
)


class _Refused(Exception):
    """The command cannot be done; the text says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command -> the exit status: 0 done, 1 refused (the reason is printed to standard error)."""
    given = _parser().parse_args(arguments)
    try:
        given.run(given)
    except ShopError as error:
        return _fail(_reason(error, given))
    except _Refused as reason:
        return _fail(str(reason))
    except KeyboardInterrupt:
        return _fail("interrupted; what was reported as done is done, and the command can be given again")
    return 0


def _reason(error: ShopError, given: argparse.Namespace) -> str:
    """What stood in the way, in words that an operator can act on."""
    username = getattr(given, "username", None)
    match error:
        case InvalidSetting():
            return f"setting {error.facts['name']}: expected {error.facts['expected']}"
        case UserNotFound() if username is not None:
            return f"there is no user named {username!r}"
        case UserNameTaken():
            return f"the user name {username!r} is somebody's already; case and width make no difference"
        case InvalidRequest() if error.facts.get("field") == "username":
            return f"{username!r} is no user name: 1 to 64 visible characters, without blanks at the ends"
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
    print(f"error: {text}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="manage", description="The shop's command line. Amounts are in yuan, times in Beijing time."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, run: object, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        return added

    command(
        "check-settings",
        _check_settings,
        "read all settings and load the keys; names the first that is wrong",
    )
    command("create-tables", _create_tables, "create the tables that do not exist yet")

    added = command(
        "import-legacy", _import_legacy, "take over the old system's SQLite database; safe to repeat"
    )
    added.add_argument("file", type=Path, help="the SQLite file")

    added = command(
        "seed-demo", _seed_demo, "add a small demo shop (ids from 900001, user names demo...); safe to repeat"
    )
    added.add_argument("--if-empty", action="store_true", help="do nothing when there is a catalogue already")

    added = command("create-user", _create_user, "add a user; asks for the password unless it is piped in")
    added.add_argument("username")
    added.add_argument("--name", default="", help="the name shown (default: the user name)")

    added = command("set-password", _set_password, "set a user's password; asks for it unless it is piped in")
    added.add_argument("username")

    added = command("grant-beli", _grant_beli, "change a user's balance by a ledger entry")
    added.add_argument("username")
    added.add_argument("beli", type=_beli, help="how many to add; a negative number takes away")
    added.add_argument("--reason", required=True, help="kept with the entry")

    added = command("grant-coupon", _grant_coupon, "give a user a record of a coupon")
    added.add_argument("username")
    added.add_argument("coupon_id", type=int)

    added = command("list-orders", _list_orders, "list a user's orders, newest first")
    added.add_argument("username")

    added = command("show-order", _show_order, "show an order with its lines, payments, refunds and history")
    added.add_argument("number")
    return parser


def _now() -> datetime:
    return datetime.now(UTC)


def _beli(text: str) -> int:
    beli = int(text)
    if not 0 < abs(beli) <= _MOST_BELI:
        raise argparse.ArgumentTypeError(f"not a number of beli up to {_MOST_BELI}, other than 0: {text}")
    return beli


def _find_user(username: str) -> User:
    """The user with this name. Raises UserNotFound, also for what can be no name."""
    from chalicelib.shop.user import find_by_name, is_valid_name

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
    from chalicelib.settings import settings
    from chalicelib.web.shop_app import make_gateways

    make_gateways(settings()).alipay.check()
    print("all settings are there, and the keys can be loaded")


def _create_tables(given: argparse.Namespace) -> None:
    from chalicelib.storage.tables import create_tables

    print(f"tables: {', '.join(create_tables())}")


def _import_legacy(given: argparse.Namespace) -> None:
    from chalicelib.manage.legacy.file import UnreadableFile
    from chalicelib.manage.legacy_import import import_legacy

    try:
        print(import_legacy(given.file, _now()))
    except UnreadableFile as error:
        raise _Refused(str(error)) from error
    except OSError as error:
        raise _Refused(f"{given.file} cannot be read: {error.strerror}") from error
    except (StoreUnavailable, OutcomeUnknown) as error:
        if error.facts.get("reason") != _NO_TABLE:
            print(_REPEAT_IMPORT, file=sys.stderr)
        raise error


def _seed_demo(given: argparse.Namespace) -> None:
    from chalicelib.manage.demo import describe_users, read_content, seed_demo
    from chalicelib.shop.catalog import list_categories

    if given.if_empty and list_categories():
        print(describe_users(read_content()) or "the shop has a catalogue already: nothing was added")
        return
    print(seed_demo(_now()))


def _create_user(given: argparse.Namespace) -> None:
    from chalicelib.flows.register import register
    from chalicelib.settings import password_iterations

    user = register(given.username, _read_password(), password_iterations(), _now(), name=given.name)
    print(f"created user {user.username} with id {user.user_id}")


def _set_password(given: argparse.Namespace) -> None:
    from chalicelib.flows.change_password import set_password
    from chalicelib.settings import password_iterations

    user = _find_user(given.username)
    set_password(user, _read_password(), password_iterations())
    print(f"the password of {user.username} is set")


def _grant_beli(given: argparse.Namespace) -> None:
    from chalicelib.flows.grant import grant_beli
    from chalicelib.shop.user import find_user

    user = _find_user(given.username)
    grant_beli(user, given.beli, given.reason, _now())
    print(f"{user.username} got {given.beli:+d} beli and now has {find_user(user.user_id).beli}")


def _grant_coupon(given: argparse.Namespace) -> None:
    from chalicelib.flows.grant import grant_coupon

    record = grant_coupon(_find_user(given.username), given.coupon_id, _now())
    until = beijing_text(record.valid_until)
    print(f"{given.username} has coupon record {record.record_id}: {record.name}, until {until}")


def _list_orders(given: argparse.Namespace) -> None:
    from chalicelib.shop.order import PAGE_ROWS, STATUS_NAMES, list_orders

    user = _find_user(given.username)
    cursor: str | None = None
    while True:
        page = list_orders(user.user_id, PAGE_ROWS, cursor)
        for order in page.orders:
            names = "、".join(line.course_name for line in order.lines)
            amount = money.yuan_text(order.amount)
            print(
                f"{order.number}  {beijing_text(order.placed_at)}  {STATUS_NAMES[order.status]}  {amount:>10}  {names}"
            )
        cursor = page.next_cursor
        if cursor is None:
            return


def _show_order(given: argparse.Namespace) -> None:
    from chalicelib.shop import order as orders
    from chalicelib.shop import payment as payments
    from chalicelib.shop.user import find_user

    yuan = money.yuan_text
    if not orders.is_number(given.number):
        raise OrderNotFound(order=given.number)
    order = orders.find_by_number(given.number)
    user = find_user(order.user_id)
    print(f"order     {order.number}")
    print(f"user      {user.username} ({user.user_id})")
    print(f"status    {orders.STATUS_NAMES[order.status]}, {order.payment_type}")
    print(f"placed    {beijing_text(order.placed_at)}, expires {beijing_text(order.expires_at)}")
    print(f"amount    {yuan(order.amount)} after coupon {yuan(order.general_discount)} and {order.beli} beli")
    for line in order.lines:
        print(
            f"  line    {line.course} {line.course_name}, {line.valid_period_name}: {yuan(line.original_price)}"
            f" -> {yuan(line.price)}, due {yuan(line.payable)} and {line.beli} beli"
        )
    for payment in payments.list_payments(order):
        print(
            f"  payment {yuan(payment.amount)} by {payment.provider} trade {payment.trade_no}: {payment.use}"
        )
    for refund in payments.list_refunds(order):
        print(f"  refund  {yuan(refund.refunded)} in all, request {refund.request_no}")
    for event in orders.list_events(order):
        print(f"  event   {beijing_text(event.at)} {event.what}, by {event.cause}")


if __name__ == "__main__":
    sys.exit(main())
