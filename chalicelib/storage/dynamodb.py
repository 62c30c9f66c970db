"""DynamoDB: the two tables, one client, one transaction helper, one batch read.

All models of `shop/` inherit from `CatalogItem` or `UserItem`. Every call goes through one connection, which turns
the errors of DynamoDB into `StoreUnavailable`, here and nowhere else; failed conditions stay what they are.

Every function of the shop that reads or writes may raise `StoreUnavailable`, every commit `OutcomeUnknown`;
docstrings name what else.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from random import SystemRandom
from typing import Any, TypeVar, cast

from msgspec import Struct
from pynamodb.attributes import (
    Attribute,
    DiscriminatorAttribute,
    ListAttribute,
    MapAttribute,
    UnicodeAttribute,
)
from pynamodb.connection import Connection
from pynamodb.connection.table import TableConnection
from pynamodb.constants import NUMBER, STRING
from pynamodb.exceptions import PynamoDBException, VerboseClientError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path, Value
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection
from pynamodb.models import Model

from chalicelib.aws import AwsSettings
from chalicelib.aws.signed_transport import NoClearAnswer, SignedTransport
from chalicelib.deadline import Deadline
from chalicelib.errors import OutcomeUnknown, ShopError, StoreUnavailable
from chalicelib.settings import aws_settings, store_patience, table_prefix

log = logging.getLogger(__name__)

MAX_TRANSACTION_ITEMS = 100
MAX_BATCH_KEYS = 100
MAX_ID = 10**15 - 1
"""Ids are texts of at most 15 digits in requests, so a longer one could never be asked for."""
MAX_ITEM_BYTES = 380_000
"""The most bytes of an item as JSON. DynamoDB takes items of 400 kB; the rest is for how this counts."""
WORK_SHARDS = 8
"""Partitions of the work index for orders and refunds."""

chance = SystemRandom()
"""Python's own generator would go on alike in every copy of a process that was stored and is started many times."""

_ATTEMPTS = 3
_THROTTLED_SLOWLY = 10
"""How much longer a throttled call waits: DynamoDB counts load by the second."""
_TRANSACT = "TransactWriteItems"
_IN_PROGRESS = "TransactionInProgressException"
_THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
        "LimitExceededException",
    }
)
_BUSY = _THROTTLED | {"TransactionConflictException", _IN_PROGRESS}
_OURS = frozenset({"ConditionalCheckFailedException", "TransactionCanceledException"})
_BUSY_REASONS = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})


class Patience(Struct, frozen=True):
    """How long a call waits for DynamoDB, in seconds."""

    connect: float = 1.0
    read: float = 3.0
    give_up_after: float = 4.0
    """How long a transaction or a batch read is repeated."""

    def pauses(self) -> Iterator[float]:
        """The pause before each attempt: none, then full jitter, doubling from an eightieth of the time to a fifth.

        There are two attempts at least, however long the first one takes.
        """
        end = Deadline(self.give_up_after)
        longest = self.give_up_after / 80
        yield 0.0
        yield chance.uniform(0, longest)
        while end.remaining():
            longest = min(longest * 2, self.give_up_after / 5)
            yield chance.uniform(0, longest)


def _sleep(seconds: float) -> None:
    """Sleep, not beyond the request's deadline, and not for 0 seconds: even that gives the processor away."""
    seconds = min(seconds, Deadline().remaining())
    if seconds:
        time.sleep(seconds)


class _Busy(StoreUnavailable):
    """DynamoDB refused a call for load or conflict: it had no effect."""


class StoreConnection(Connection):
    """pynamodb's connection on the signed transport, with the shop's patience and errors."""

    def __init__(self, aws: AwsSettings, patience: Patience) -> None:
        super().__init__()
        self.patience = patience
        self._transport = SignedTransport(aws, connect=patience.connect, read=patience.read)

    @property
    def client(self) -> Any:
        """The transport by which pynamodb sends its calls."""
        return self._transport

    def prepare(self) -> None:
        """Make what all calls share. Opens no connection."""
        self._transport.prepare()

    def dispatch(self, operation_name: str, operation_kwargs: dict[str, Any]) -> dict[str, Any]:
        """Make a call, three times at most: repeats one that is refused for load or conflict, or not answered."""
        trouble: StoreUnavailable
        attempts = zip(range(_ATTEMPTS), self.patience.pauses(), strict=False)
        slowly = 1
        for _, pause in attempts:
            _sleep(pause * slowly)
            try:
                return self.send(operation_name, operation_kwargs)
            except (_Busy, NoClearAnswer) as error:
                trouble = error
                slowly = _THROTTLED_SLOWLY if error.facts["reason"] in _THROTTLED else 1
        raise trouble

    def send(self, operation_name: str, operation_kwargs: dict[str, Any]) -> dict[str, Any]:
        """Make a call once. Raises pynamodb's VerboseClientError for a failed condition."""
        try:
            return cast(dict[str, Any], super()._make_api_call(operation_name, operation_kwargs))
        except VerboseClientError as error:
            code = error.response["Error"]["Code"]
            if code in _OURS:
                raise
            trouble = _Busy if code in _BUSY else StoreUnavailable
            raise trouble(store="dynamodb", operation=operation_name, reason=code) from error


@lru_cache(maxsize=1)
def connection() -> StoreConnection:
    """The process's one connection, whatever the number of models and tables."""
    return StoreConnection(aws_settings(), Patience(give_up_after=store_patience()))


_registering = threading.Lock()


class StoredItem(Model):
    """A pynamodb model on the shared connection. Items of one table are told apart by `kind`."""

    kind = DiscriminatorAttribute()

    @classmethod
    def _get_connection(cls) -> TableConnection:
        table = super()._get_connection()
        shared = connection()
        if table.connection is not shared:
            with _registering:
                if table.table_name not in shared._tables:
                    shared.add_meta_table(table.get_meta_table())
                table.connection = shared
        return table


class TableName:
    """A table's name, with the prefix of the setting as of the first use, not of the import."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type) -> str:
        return table_prefix() + self.name


class WholeNumber(Attribute[int]):
    """A whole number (fen, days, ids, epoch seconds). Refuses to store floats."""

    attr_type = NUMBER

    def serialize(self, value: Any) -> str:
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"{self.attr_name} takes whole numbers only")
        return str(value)

    def deserialize(self, value: str) -> int:
        return int(value)


class CodedText(Attribute[str]):
    """A code out of a table of codes and the texts that people read for them.

    Older items hold the text: it is read as its code, and the condition `attribute == code` holds for both.
    """

    attr_type = STRING

    def __init__(self, names: Mapping[str, str], **options: Any) -> None:
        super().__init__(**options)
        self.names = names
        self._codes = {name: code for code, name in names.items()}

    def serialize(self, value: Any) -> str:
        if value not in self.names:
            raise ValueError(f"{self.attr_name} takes {', '.join(self.names)}")
        return str(value)

    def deserialize(self, value: str) -> str:
        return self._codes.get(value, value)

    def __eq__(self, other: object) -> Condition:  # type: ignore[override]
        code = str(other)
        return Path(self).is_in(Value(code), Value(self.names.get(code, code)))

    __hash__ = Attribute.__hash__


AMap = TypeVar("AMap", bound=MapAttribute[str, object])


class MapList(ListAttribute[AMap]):
    """A list of maps of one class. pynamodb's own copies all attributes of that class for each list it reads."""

    def deserialize(self, values: list[dict[str, Any]]) -> list[AMap]:
        assert self.element_type is not None
        element = self.element_type()
        return [element.deserialize(value["M"]) for value in values]


class DetailIndex(GlobalSecondaryIndex["CatalogItem"]):
    """All items of a course by the id of its detail page."""

    class Meta:
        index_name = "by_detail"
        projection = AllProjection()

    detail_id = WholeNumber(hash_key=True)
    sort = UnicodeAttribute(range_key=True)


class ListingIndex(GlobalSecondaryIndex["CatalogItem"]):
    """Courses on show by course type, in catalogue order. Sparse: a course that is offline is not in it."""

    class Meta:
        index_name = "by_listing"
        projection = AllProjection()

    listing = UnicodeAttribute(hash_key=True)
    listing_order = UnicodeAttribute(range_key=True)


class CategoryIndex(GlobalSecondaryIndex["CatalogItem"]):
    """Courses on show by course type and category, in catalogue order. Sparse like `ListingIndex`."""

    class Meta:
        index_name = "by_category"
        projection = AllProjection()

    listing_category = UnicodeAttribute(hash_key=True)
    listing_order = UnicodeAttribute(range_key=True)


class VideoIndex(GlobalSecondaryIndex["CatalogItem"]):
    """Sections by the id of their video. Sparse: a section without one is not in it. It tells which they are and no
    more: what becomes of a video changes nothing here.
    """

    class Meta:
        index_name = "by_video"
        projection = IncludeProjection(["kind"])

    video_id = UnicodeAttribute(hash_key=True)
    sort = UnicodeAttribute(range_key=True)


class CatalogItem(StoredItem):
    """An item of the table `catalog`: everything on offer.

    `source` names the tool that wrote the item (`legacy`, `demo`), where a later run of it has to know its own.
    """

    class Meta:
        table_name = TableName("catalog")

    course_key = UnicodeAttribute(hash_key=True)
    sort = UnicodeAttribute(range_key=True)
    source = UnicodeAttribute(null=True)

    detail_index = DetailIndex()
    listing_index = ListingIndex()
    category_index = CategoryIndex()
    video_index = VideoIndex()


class WorkIndex(GlobalSecondaryIndex["UserItem"]):
    """Items on the work list by when they are due (epoch seconds). Sparse: a finished item is not in it. It holds what
    `list_due` reads and no more: a write that leaves that as it is costs nothing here.
    """

    class Meta:
        index_name = "by_work"
        projection = IncludeProjection(["kind"])

    work_shard = WholeNumber(hash_key=True)
    due_at = WholeNumber(range_key=True, attr_name="next_look_at")


class AttentionIndex(GlobalSecondaryIndex["UserItem"]):
    """Items flagged for a person, by kind and time (epoch seconds). Sparse: a resolved item is not in it."""

    class Meta:
        index_name = "by_attention"
        projection = AllProjection()

    attention = UnicodeAttribute(hash_key=True)
    attention_at = WholeNumber(range_key=True)


class UserItem(StoredItem):
    """An item of the table `users`: a person, and everything of theirs, in one partition (`USER#<id>`).

    Two further partitions lead there: `USERNAME#<folded name>` and `ORDER#<number>`.
    """

    class Meta:
        table_name = TableName("users")

    owner = UnicodeAttribute(hash_key=True)
    sort = UnicodeAttribute(range_key=True)
    source = UnicodeAttribute(null=True)

    work_index = WorkIndex()
    attention_index = AttentionIndex()


AnItem = TypeVar("AnItem", bound=StoredItem)
ItemKey = tuple[type[StoredItem], str, str]


def find(model: type[AnItem], hash_key: str, range_key: str) -> AnItem | None:
    """One item, strongly consistent, or None. One round trip."""
    try:
        return model.get(hash_key, range_key, consistent_read=True)
    except model.DoesNotExist:
        return None


def find_together(keys: Sequence[ItemKey]) -> dict[ItemKey, StoredItem]:
    """Read the items of these keys, of any table, strongly consistent. One round trip for each 100 keys.

    The answer lacks keys that have no item. Keys that DynamoDB leaves unprocessed are asked for again.
    """
    unique = list(dict.fromkeys(keys))
    found: dict[ItemKey, StoredItem] = {}
    for start in range(0, len(unique), MAX_BATCH_KEYS):
        found |= _find_batch(unique[start : start + MAX_BATCH_KEYS])
    return found


def _find_batch(keys: Sequence[ItemKey]) -> dict[ItemKey, StoredItem]:
    wanted: dict[str, dict[str, Any]] = {}
    by_text: dict[tuple[str, str, str], ItemKey] = {}
    for key in keys:
        model, hash_key, range_key = key
        table = model.Meta.table_name
        hash_name, range_name = _key_names(model)
        request = wanted.setdefault(table, {"Keys": [], "ConsistentRead": True})
        request["Keys"].append({hash_name: {"S": hash_key}, range_name: {"S": range_key}})
        by_text[table, hash_key, range_key] = key
    found: dict[ItemKey, StoredItem] = {}
    for pause in connection().patience.pauses():
        _sleep(pause)
        answer = connection().dispatch("BatchGetItem", {"RequestItems": wanted})
        for table, items in answer["Responses"].items():
            for item in items:
                key = _item_key(table, item, by_text)
                found[key] = key[0].from_raw_data(item)
        wanted = answer.get("UnprocessedKeys") or {}
        if not wanted:
            return found
    raise StoreUnavailable(store="dynamodb", operation="BatchGetItem", reason="busy")


def _key_names(model: type[StoredItem]) -> tuple[str, str]:
    return str(model._hash_keyname), str(model._range_keyname)


def _item_key(table: str, item: dict[str, Any], by_text: dict[tuple[str, str, str], ItemKey]) -> ItemKey:
    hash_value = item.get("course_key") or item["owner"]
    return by_text[table, hash_value["S"], item["sort"]["S"]]


def is_as_read(item: StoredItem, *but: str) -> Condition:
    """The condition that the stored item has not changed since `item` was read. Attributes in `but` may differ."""
    condition: Condition = Path("sort").exists()
    for name, attribute in type(item).get_attributes().items():
        is_key = attribute.is_hash_key or attribute.is_range_key
        if is_key or name in but or isinstance(attribute, DiscriminatorAttribute):
            continue
        value = getattr(item, name)
        condition &= attribute.does_not_exist() if value is None else attribute == value
    return condition


def readable(asked: Iterator[Model]) -> list[Model]:
    """Return the items that can be read. Log the others: a person must look at them."""
    found: list[Model] = []
    while True:
        try:
            found.append(next(asked))
        except StopIteration:
            return found
        except (TypeError, ValueError, KeyError):
            log.error("an item cannot be read, a person must look at it", exc_info=True)


@contextmanager
def refusing(refusal: ShopError) -> Iterator[None]:
    """Raise `refusal` when the conditional write inside finds its condition false.

    The connection repeats a call whose answer was lost, and the repetition may be refused because of what the first
    attempt wrote. Use it only where that does no harm; money goes through `Transaction`.
    """
    try:
        yield
    except PynamoDBException as error:
        if error.cause_response_code == "ConditionalCheckFailedException":
            raise refusal from error
        raise


class Transaction:
    """Up to 100 conditional writes that happen together or not at all.

    A noun adds its writes (`put`, `update`, `delete`), each with the refusal to raise when its
    condition does not hold. `commit` tries conflicts and throttling again, with full jitter, within a few
    seconds. It sends one client token, so that DynamoDB recognises its own repetition after a lost answer;
    where that is not enough, its own item (`put_own`) is read: it is there if and only if all of it is.
    """

    def __init__(self) -> None:
        self._items: list[dict[str, Any]] = []
        self._refusals: list[ShopError | None] = []
        self._own: StoredItem | None = None

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: StoredItem, condition: Condition | None, refusal: ShopError | None) -> None:
        """Write a whole item."""
        self._add("Put", item.get_save_kwargs_from_instance(condition=condition), refusal)

    def put_new(self, item: StoredItem, refusal: ShopError | None) -> None:
        """Write a whole item under a key that has none."""
        self.put(item, Path("sort").does_not_exist(), refusal)

    def put_own(self, item: StoredItem, refusal: ShopError | None) -> None:
        """Write a whole item under a random key. Nobody else can write it: it proves that this transaction took
        effect.
        """
        self.put_new(item, refusal)
        self._own = item

    def update(
        self, item: StoredItem, actions: list[Action], condition: Condition | None, refusal: ShopError | None
    ) -> None:
        """Change attributes of the item with the key of `item` (which need not be loaded)."""
        self._add(
            "Update", item.get_update_kwargs_from_instance(actions=actions, condition=condition), refusal
        )

    def delete(self, item: StoredItem, condition: Condition | None, refusal: ShopError | None) -> None:
        """Remove the item with the key of `item`."""
        self._add("Delete", item.get_delete_kwargs_from_instance(condition=condition), refusal)

    def _add(self, operation: str, arguments: dict[str, Any], refusal: ShopError | None) -> None:
        if len(self._items) == MAX_TRANSACTION_ITEMS:
            raise ValueError(f"a transaction holds {MAX_TRANSACTION_ITEMS} items")
        self._items.append({operation: arguments})
        self._refusals.append(refusal)

    def commit(self, witness: Callable[[], bool] | None = None) -> None:
        """Write everything, once.

        When an answer is lost on the way, it reads the transaction's own item. A transaction without one needs a
        `witness`, which reads, strongly consistent, whether it took effect. Raises the refusal of the first write whose
        condition fails, `StoreUnavailable` when nothing was written, `OutcomeUnknown` when that cannot be found out.
        """
        if witness is None and self._own is None:
            raise ValueError("a transaction without an item of its own needs a witness")
        token = str(uuid.uuid4())
        trouble: StoreUnavailable | None = None
        is_lost = False
        for pause in connection().patience.pauses():
            _sleep(pause)
            try:
                trouble = self._send(token)
            except ShopError:
                # A repetition may be refused because of what its own first try has written.
                if is_lost and self._happened(witness):
                    return
                raise
            if trouble is None:
                return
            is_lost = is_lost or isinstance(trouble, NoClearAnswer)
            if not isinstance(trouble, NoClearAnswer | _Busy):
                break
        assert trouble is not None
        if not is_lost:
            raise trouble
        if not self._happened(witness):
            # What was sent and not answered may still be on its way.
            raise OutcomeUnknown(store="dynamodb") from trouble

    def _send(self, token: str) -> StoreUnavailable | None:
        """Send once -> None when it is done, else the failure. Raises the refusal of a condition."""
        try:
            connection().send(_TRANSACT, {"TransactItems": self._items, "ClientRequestToken": token})
        except StoreUnavailable as trouble:
            if trouble.facts["reason"] == _IN_PROGRESS:  # what was sent before with this token
                return NoClearAnswer(**trouble.facts)
            return trouble
        except VerboseClientError as error:
            if self._is_busy(error):
                return _Busy(store="dynamodb", operation=_TRANSACT, reason="TransactionCanceledException")
            raise self._refusal(error) from error
        return None

    def _happened(self, witness: Callable[[], bool] | None) -> bool:
        try:
            return witness() if witness else self._has_own()
        except StoreUnavailable as error:
            raise OutcomeUnknown(store="dynamodb") from error

    def _has_own(self) -> bool:
        own = self._own
        assert own is not None
        hash_name, range_name = _key_names(type(own))
        return find(type(own), getattr(own, hash_name), getattr(own, range_name)) is not None

    def _reasons(self, error: VerboseClientError) -> list[str]:
        return [reason.code if reason else "None" for reason in error.cancellation_reasons]

    def _is_busy(self, error: VerboseClientError) -> bool:
        """Whether load or conflict stood in the way. A failed condition beside it may come from another transaction
        that is still being applied: the refusal is known when that is over.
        """
        return bool(_BUSY_REASONS & set(self._reasons(error)))

    def _refusal(self, error: VerboseClientError) -> ShopError:
        for code, refusal in zip(self._reasons(error), self._refusals, strict=False):
            if code == "ConditionalCheckFailed" and refusal is not None:
                return refusal
        raise AssertionError(
            f"a transaction was refused for no known reason: {self._reasons(error)}"
        ) from error


def random_id() -> int:
    """A new id for a stored item: random, positive, of 15 digits at most.

    That is below 2^52, so exact in JavaScript, and short enough for the text form of ids in requests. Write it
    conditionally: chance makes a repetition unlikely, the condition makes it harmless.
    """
    return chance.randrange(10**12, MAX_ID + 1)
