"""Coupons: the offer, and each user's records (pieces) of it.

A record copies the rules of its offer, so that settling reads records only, and a later change of the offer
changes no coupon that somebody holds. An offer taken offline can no longer be claimed; records of it stay good.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute, UTCDateTimeAttribute
from pynamodb.expressions.update import Action

from chalicelib.errors import BelowMinimum, CouponUnusable, ShopError
from chalicelib.money import Fen, percent
from chalicelib.shop.course_key import CourseKey
from chalicelib.shop.partition import list_partition, partition
from chalicelib.storage.dynamodb import (
    CatalogItem,
    CodedText,
    ItemKey,
    StoredItem,
    Transaction,
    UserItem,
    WholeNumber,
    find_together,
    is_as_read,
)

IMMEDIATE, FULL, PERCENT = "immediate", "full", "percent"
COUPON_TYPE_NAMES = {IMMEDIATE: "立减券", FULL: "满减券", PERCENT: "折扣券"}

ONLINE, OFFLINE = "online", "offline"

UNUSED, RESERVED, USED, EXPIRED = "unused", "reserved", "used", "expired"

OFFERS = "COUPONS"
_PREFIX = "COUPON_RECORD#"


class CouponOffer(CatalogItem, discriminator="COUPON"):
    """What a coupon is. Partition `COUPONS` of the table `catalog`.

    `value` (fen) is what 立减券 and 满减券 take off, `off_percent` (1 to 100) what 折扣券 leaves, `minimum` (fen) the
    least price it is good for. `bound_to` is the text of a course key, absent for a general coupon.
    `quantity` is how many there are to claim between `open_at` and `close_at`, `remaining` how many are left,
    `in_flight` holds the tokens of unfinished claims that took a piece. Good from `valid_from` until
    `valid_until`, or for `valid_days` days from the moment of the claim.
    """

    coupon_id = WholeNumber()
    name = UnicodeAttribute()
    brief = UnicodeAttribute(default="")
    coupon_type = CodedText(COUPON_TYPE_NAMES)
    value = WholeNumber(default=0)
    off_percent = WholeNumber(null=True)
    minimum = WholeNumber(default=0)
    bound_to = UnicodeAttribute(null=True)
    quantity = WholeNumber()
    remaining = WholeNumber()
    in_flight = UnicodeSetAttribute(null=True)
    open_at = UTCDateTimeAttribute()
    close_at = UTCDateTimeAttribute()
    valid_from = UTCDateTimeAttribute(null=True)
    valid_until = UTCDateTimeAttribute(null=True)
    valid_days = WholeNumber(null=True)
    status = UnicodeAttribute(default=ONLINE)
    created_at = UTCDateTimeAttribute()

    @property
    def claimed(self) -> int:
        """How many pieces were claimed."""
        return max(0, int(self.quantity) - int(self.remaining))

    def is_open(self, now: datetime) -> bool:
        """Whether this moment is within the claim window, and what is claimed now would be good for anything."""
        return bool(self.open_at <= now < self.close_at) and not self._is_worthless(now)

    def is_coming(self, now: datetime, within: timedelta) -> bool:
        """Whether its claim window opens after this moment, and within that time."""
        return bool(now < self.open_at <= now + within and self.open_at < self.close_at) and (
            not self._is_worthless(self.open_at)
        )

    def _is_worthless(self, at: datetime) -> bool:
        return self.valid_until is not None and bool(self.valid_until <= at)


class CouponRecord(UserItem, discriminator="COUPON_RECORD"):
    """One user's piece of a coupon, with the offer's rules as they were when it was got.

    `status` is unused, reserved (by the unpaid order `order_number`), used (by that order) or expired. An
    unused record is good from `valid_from` until `valid_until`; a reserved one stays good for its order.
    """

    record_id = WholeNumber()
    user_id = WholeNumber()
    coupon_id = WholeNumber()
    name = UnicodeAttribute()
    coupon_type = CodedText(COUPON_TYPE_NAMES)
    value = WholeNumber(default=0)
    off_percent = WholeNumber(null=True)
    minimum = WholeNumber(default=0)
    bound_to = UnicodeAttribute(null=True)
    valid_from = UTCDateTimeAttribute()
    valid_until = UTCDateTimeAttribute()
    status = UnicodeAttribute(default=UNUSED)
    order_number = UnicodeAttribute(null=True)
    got_at = UTCDateTimeAttribute()
    used_at = UTCDateTimeAttribute(null=True)

    def is_usable(self, now: datetime) -> bool:
        """Whether the record may be chosen for a new order at this moment."""
        return self.status == UNUSED and self.valid_from <= now < self.valid_until

    def is_for(self, course: CourseKey) -> bool:
        """Whether the record is bound to this course."""
        return self.bound_to == str(course)

    def price_after(self, price: Fen) -> Fen:
        """What is left of a price (fen) after this coupon. Raises BelowMinimum for 满减券 on too low a price."""
        if self.coupon_type == PERCENT:
            return percent(price, self.off_percent or 100)
        if self.coupon_type == FULL and price < self.minimum:
            raise BelowMinimum(coupon=self.name, minimum=self.minimum)
        return max(0, price - self.value)


def offer_item(coupon_id: int, **attributes: Any) -> CouponOffer:
    """An offer, ready to be written; `attributes` as of `CouponOffer`, all pieces remaining unless told
    otherwise.
    """
    attributes.setdefault("remaining", attributes["quantity"])
    return CouponOffer(OFFERS, f"COUPON#{coupon_id}", coupon_id=coupon_id, **attributes)


COUNTED = ("remaining", "in_flight")
"""Attributes of an offer that claims change at any moment."""

RULES = (
    *("name", "brief", "coupon_type", "value", "off_percent", "minimum", "bound_to", "quantity", "status"),
    *("open_at", "close_at", "valid_from", "valid_until", "valid_days"),
)
"""Attributes of an offer that its operators decide."""


def change_offer(
    transaction: Transaction, stored: CouponOffer, wanted: CouponOffer, refusal: ShopError
) -> None:
    """Give a stored offer the rules and the quantity of another one, and take no claim back.

    The remaining pieces change by as much as the quantity does. Refused when the offer was changed otherwise since it
    was read, or when less than no piece would remain.
    """
    more = wanted.quantity - stored.quantity
    condition = is_as_read(stored, *COUNTED)
    actions: list[Action] = []
    for name, attribute in CouponOffer.get_attributes().items():
        if name in RULES:
            value = getattr(wanted, name)
            actions.append(attribute.remove() if value is None else attribute.set(value))
    if more:
        actions.append(CouponOffer.remaining.add(more))
    if more < 0:
        condition &= CouponOffer.remaining >= -more
    transaction.update(stored, actions, condition, refusal)


def remove_offer(transaction: Transaction, stored: CouponOffer, refusal: ShopError) -> None:
    """Remove an offer. Refused when a piece of it was claimed, or when it was changed since it was read."""
    unclaimed = (CouponOffer.remaining >= stored.quantity) & CouponOffer.in_flight.does_not_exist()
    transaction.delete(stored, is_as_read(stored, *COUNTED) & unclaimed, refusal)


def validity(offer: CouponOffer, got_at: datetime) -> tuple[datetime, datetime]:
    """From when until when a record of an offer is good, if it is got at `got_at`."""
    if offer.valid_days is not None:
        return got_at, got_at + timedelta(days=offer.valid_days)
    assert offer.valid_from is not None and offer.valid_until is not None
    return offer.valid_from, offer.valid_until


def record_item(
    offer: CouponOffer,
    user_id: int,
    record_id: int,
    got_at: datetime,
    *,
    status: str = UNUSED,
    order_number: str | None = None,
    used_at: datetime | None = None,
    source: str | None = None,
) -> CouponRecord:
    """A user's record of an offer, ready to be written."""
    valid_from, valid_until = validity(offer, got_at)
    return CouponRecord(
        partition(user_id),
        f"{_PREFIX}{record_id}",
        record_id=record_id,
        user_id=user_id,
        coupon_id=offer.coupon_id,
        name=offer.name,
        coupon_type=offer.coupon_type,
        value=offer.value,
        off_percent=offer.off_percent,
        minimum=offer.minimum,
        bound_to=offer.bound_to,
        valid_from=valid_from,
        valid_until=valid_until,
        status=status,
        order_number=order_number,
        got_at=got_at,
        used_at=used_at,
        source=source,
    )


def offer_key(coupon_id: int) -> ItemKey:
    """The key of an offer, for a batch read."""
    return CouponOffer, OFFERS, f"COUPON#{coupon_id}"


def offer_in(found: Mapping[ItemKey, StoredItem], coupon_id: int) -> CouponOffer | None:
    """An offer among what a batch read found."""
    offer = found.get(offer_key(coupon_id))
    return offer if isinstance(offer, CouponOffer) else None


def find_offer(coupon_id: int) -> CouponOffer | None:
    """The offer with this id, or None. One round trip."""
    return offer_in(find_together([offer_key(coupon_id)]), coupon_id)


def list_offers() -> list[CouponOffer]:
    """All offers, strongly consistent. One Query."""
    return list(CouponOffer.query(OFFERS, consistent_read=True))


def record_key(user_id: int, record_id: int) -> ItemKey:
    """The key of a user's record, for a batch read. It never finds another user's record."""
    return CouponRecord, partition(user_id), f"{_PREFIX}{record_id}"


def record_in(found: Mapping[ItemKey, StoredItem], user_id: int, record_id: int) -> CouponRecord | None:
    """A user's record among what a batch read found."""
    record = found.get(record_key(user_id, record_id))
    return record if isinstance(record, CouponRecord) else None


def list_records(user_id: int) -> list[CouponRecord]:
    """All of a user's records, those that end first first, strongly consistent. One Query."""
    records = cast(list[CouponRecord], list_partition(user_id, _PREFIX))
    return sorted(records, key=lambda record: (record.valid_until, record.record_id))


def _record(user_id: int, record_id: int) -> CouponRecord:
    return CouponRecord(partition(user_id), f"{_PREFIX}{record_id}")


def reserve(transaction: Transaction, record: CouponRecord, order_number: str) -> None:
    """Bind an unused record to an order that is being placed. Refusal: CouponUnusable."""
    transaction.update(
        record,
        [CouponRecord.status.set(RESERVED), CouponRecord.order_number.set(order_number)],
        CouponRecord.status == UNUSED,
        CouponUnusable(coupon=record.name, reason="used"),
    )


def redeem(
    transaction: Transaction,
    user_id: int,
    record_id: int,
    order_number: str,
    now: datetime,
    refusal: ShopError,
) -> None:
    """Use up a record that this order reserved."""
    transaction.update(
        _record(user_id, record_id),
        [CouponRecord.status.set(USED), CouponRecord.used_at.set(now)],
        (CouponRecord.status == RESERVED) & (CouponRecord.order_number == order_number),
        refusal,
    )


def redeem_again(
    transaction: Transaction, user_id: int, record_id: int, order_number: str, now: datetime
) -> None:
    """Use up a record that was given back, for an order whose money came late. Refusal: CouponUnusable."""
    actions: list[Action] = [
        CouponRecord.status.set(USED),
        CouponRecord.order_number.set(order_number),
        CouponRecord.used_at.set(now),
    ]
    unused = CouponRecord.status == UNUSED
    transaction.update(_record(user_id, record_id), actions, unused, CouponUnusable(reason="used"))


def release(
    transaction: Transaction, user_id: int, record_id: int, order_number: str, refusal: ShopError
) -> None:
    """Give back a record that this order reserved or used. After its end date it reads as expired."""
    transaction.update(
        _record(user_id, record_id),
        [
            CouponRecord.status.set(UNUSED),
            CouponRecord.order_number.remove(),
            CouponRecord.used_at.remove(),
        ],
        CouponRecord.status.is_in(RESERVED, USED) & (CouponRecord.order_number == order_number),
        refusal,
    )
