"""Rows of the old users and coupons -> items of the shop's. Reads and writes nothing; BadValue refuses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from chalicelib.manage.legacy import SOURCE
from chalicelib.manage.legacy.values import BadValue, Row
from chalicelib.shop import coupon, coupon_claim, ledger, user
from chalicelib.shop.coupon import CouponOffer, CouponRecord
from chalicelib.shop.coupon_claim import Claim
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.ledger import LedgerEntry
from chalicelib.shop.password import UNUSABLE_HASH, is_usable_hash
from chalicelib.shop.user import User
from chalicelib.shop.user_name import MAX_NAME_LENGTH, name_fault
from chalicelib.storage.dynamodb import MAX_ID

ROLES = {0: user.STUDENT, 1: user.ASSISTANT, 2: user.TEACHER, 3: user.ADMIN}
GENDERS = {0: user.UNDISCLOSED, 1: user.MALE, 2: user.FEMALE}
COUPON_TYPES = {0: coupon.IMMEDIATE, 1: coupon.FULL, 2: coupon.PERCENT}
OFFER_STATES = {0: coupon.ONLINE, 1: coupon.OFFLINE}

RECORD_STATES = {0: coupon.UNUSED, 1: coupon.USED, 2: coupon.EXPIRED}
_UNCLAIMED = 3

_MAX_VALID_DAYS = 100_000


def person(row: Row, now: datetime) -> User:
    """A user with the balance as it stands, and the password's hash as Django wrote it, if it can be checked."""
    username = row.name("username", MAX_NAME_LENGTH)
    fault = name_fault(username)
    if fault:
        raise BadValue(f"username is no user name: {fault}")
    password = row.text("password", 128)
    mobile = row.values["mobile"]
    return user.user_item(
        row.check_id(),
        username=username,
        password=password if is_usable_hash(password) else UNUSABLE_HASH,
        name=row.text("name", 32).strip() or username,
        head_img=row.text("head_img", 256),
        role=row.choice("role", ROLES),
        gender=row.choice("gender", GENDERS),
        email=row.optional_text("email", 255),
        mobile=str(row.whole("mobile", 0, MAX_ID))
        if isinstance(mobile, int)
        else row.optional_text("mobile", 32),
        disabled=not row.flag("is_active"),
        beli=row.whole("beli", 0, MAX_ID),
        created_at=row.moment("date_joined", latest=now),
        source=SOURCE,
    )


def opening_entry(owner: User, now: datetime) -> LedgerEntry | None:
    """The ledger's first entry, which makes the balance the sum of the entries. None for a balance of 0."""
    if owner.beli == 0:
        return None
    entry = ledger.entry(owner.user_id, owner.beli, "import", "opening balance", now)
    entry.source = SOURCE
    return entry


def offer(row: Row, bound_to: CourseKey | None, given_out: int) -> CouponOffer:
    """A coupon, some of whose pieces have owners already.

    Its days are Beijing days; without days to be valid for, it is valid from day to day.
    """
    coupon_type = row.choice("coupon_type", COUPON_TYPES)
    days = None if row.is_null("coupon_valid_days") else row.whole("coupon_valid_days", 0, _MAX_VALID_DAYS)
    valid_from = valid_until = None
    if not days:
        if row.is_null("valid_begin_date") or row.is_null("valid_end_date"):
            raise BadValue("it has neither days to be valid for nor a first and a last day")
        valid_from, valid_until = row.day_begin("valid_begin_date"), row.day_end("valid_end_date")
        if valid_until <= valid_from:
            raise BadValue("valid_end_date is before valid_begin_date")
    open_at, close_at = row.day_begin("open_date"), row.day_end("close_date")
    if close_at <= open_at:
        raise BadValue("close_date is before open_date")
    quantity = row.whole("quantity", 0, 10**9)
    return coupon.offer_item(
        row.check_id(),
        name=row.name("name", 64),
        brief=row.optional_text("brief") or "",
        coupon_type=coupon_type,
        value=row.fen("money_equivalent_value"),
        off_percent=row.whole("off_percent", 1, 100) if coupon_type == coupon.PERCENT else None,
        minimum=row.fen("minimum_consume"),
        bound_to=str(bound_to) if bound_to else None,
        quantity=quantity,
        remaining=max(0, quantity - given_out),
        open_at=open_at,
        close_at=close_at,
        valid_from=valid_from,
        valid_until=valid_until,
        valid_days=days or None,
        status=row.choice("status", OFFER_STATES),
        created_at=row.moment("date"),
        source=SOURCE,
    )


def is_claimed(record_row: Row) -> bool:
    """Whether a coupon record has an owner."""
    return not record_row.is_null("account_id") and record_row.values["status"] != _UNCLAIMED


def owner_of(row: Row) -> int:
    """The owner of a coupon record."""
    if not is_claimed(row):
        raise BadValue("nobody has claimed it")
    return row.reference("account_id")


def record(row: Row, of: CouponOffer, order_numbers: Mapping[int, str]) -> CouponRecord:
    """A user's record of a coupon, as it stands. `order_numbers` by the orders' old ids."""
    used = row.choice("status", RECORD_STATES) == coupon.USED
    order_id = row.values["order_id"]
    got_at = row.moment("date") if row.is_null("get_time") else row.moment("get_time")
    used_at = row.optional_moment("used_time")
    try:
        return coupon.record_item(
            of,
            owner_of(row),
            row.check_id(),
            got_at,
            status=row.choice("status", RECORD_STATES),
            order_number=order_numbers.get(order_id) if used and isinstance(order_id, int) else None,
            used_at=used_at if used else None,
            source=SOURCE,
        )
    except OverflowError as error:
        raise BadValue("its days to be valid for end after the last day of the calendar") from error


def claim(held: CouponRecord) -> Claim:
    """The marker that the owner of a record has claimed its coupon, so that nobody claims a second time here."""
    marker = coupon_claim.claim_item(held.user_id, held.coupon_id, held.record_id, held.got_at)
    marker.status, marker.source = coupon_claim.DONE, SOURCE
    return marker
