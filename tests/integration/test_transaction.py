"""The transaction helper and the batch read, with the failures of AWS injected that DynamoDB Local lacks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.errors import BeliInsufficient, CouponUnusable, IdTaken, OutcomeUnknown, StoreUnavailable
from chalicelib.shop import audit, ledger
from chalicelib.shop.audit import AuditEntry
from chalicelib.shop.ledger import LedgerEntry
from chalicelib.shop.user import User, find_user, user_key
from chalicelib.storage.dynamodb import (
    MAX_TRANSACTION_ITEMS,
    Transaction,
    connection,
    find,
    find_together,
    random_id,
)
from tests import builders, purchases
from tests.faults import (
    Action,
    DynamoDBCall,
    DynamoDBProxy,
    Exchange,
    Fault,
    answer,
    cancelled,
    cut_answer,
    internal_error,
    refused,
    reset_after,
    reset_before,
    throttle,
    transaction_conflict,
)
from tests.faults.routing import FaultyApp

CONDITION_FAILED = ("ConditionalCheckFailed", "The conditional request failed")


@pytest.fixture
def dynamodb(faulty_app: FaultyApp) -> DynamoDBProxy:
    return faulty_app.dynamodb


@pytest.fixture
def user(dynamodb: DynamoDBProxy) -> User:
    return builders.a_user(beli=100)


class Spending:
    """A transaction that takes beli from a user; its witness looks for the entry and counts being asked."""

    def __init__(self, user: User, beli: int = 30) -> None:
        self.user = user
        self.entry = ledger.entry(user.user_id, -beli, f"test#{random_id()}", "test", builders.now())
        self.transaction = Transaction()
        ledger.change(self.transaction, self.entry, BeliInsufficient(beli=beli))
        self.asked = 0

    def commit(self) -> None:
        self.transaction.commit(self.witness)

    def witness(self) -> bool:
        self.asked += 1
        return find(LedgerEntry, self.entry.owner, self.entry.sort) is not None

    def is_by(self, call: DynamoDBCall) -> bool:
        """Whether a call is about this user."""
        return self.entry.owner in json.dumps(call.request)


def test_everything_is_written_together(user: User) -> None:
    Spending(user).commit()
    assert purchases.balance(user) == 70


def test_nothing_is_written_where_one_condition_does_not_hold_and_its_refusal_is_raised(user: User) -> None:
    spending = Spending(user, 30)
    ledger.change(
        spending.transaction,
        ledger.entry(builders.a_user().user_id, -1, "other", "test", builders.now()),
        CouponUnusable(coupon="", reason="used"),
    )
    with pytest.raises(CouponUnusable):
        spending.commit()
    assert purchases.balance(user) == 100
    assert spending.asked == 0


def test_of_several_refusals_the_first_in_the_order_of_writing_is_raised(user: User) -> None:
    spending = Spending(user, 101)
    entry = ledger.entry(user.user_id, 1, "again", "test", builders.now())
    entry.save()
    spending.transaction.put_new(entry, IdTaken())
    with pytest.raises(BeliInsufficient):
        spending.commit()


def test_a_transaction_holds_a_hundred_items(user: User) -> None:
    transaction = Transaction()
    entries = [
        ledger.entry(user.user_id, 0, f"{i}", "test", builders.now()) for i in range(MAX_TRANSACTION_ITEMS)
    ]
    for entry in entries:
        transaction.put_new(entry, None)
    with pytest.raises(ValueError, match="100"):
        transaction.put_new(entries[0], None)
    assert len(transaction) == 100
    transaction.commit(lambda: False)
    assert len(ledger.list_entries(user.user_id)) == 1 + 100


BUSY: dict[str, Callable[[], Action]] = {
    "conflict": transaction_conflict,
    "conflicts": lambda: transaction_conflict([0, 1]),
    "throttled table": throttle,
    "throttled account": lambda: throttle("ThrottlingException"),
    "in progress": lambda: refused("TransactionInProgressException", "The transaction is in progress"),
    "throttled item": lambda: cancelled({1: ("ThrottlingError", "Throughput exceeds the capacity")}),
    "throttled index": lambda: cancelled({0: ("ProvisionedThroughputExceeded", "Throughput exceeded")}),
    "500": internal_error,
    "reset": reset_before,
}


@pytest.mark.parametrize("busy", BUSY.values(), ids=BUSY.keys())
def test_load_and_conflicts_are_tried_again_with_the_same_token(
    busy: Callable[[], Action], user: User, dynamodb: DynamoDBProxy
) -> None:
    spending = Spending(user)
    fault = Fault.on("TransactWriteItems", action=busy(), nth=range(1, 4), where=spending.is_by)
    with dynamodb.recording() as calls, dynamodb.faults(fault):
        spending.commit()
    tokens = [call.request["ClientRequestToken"] for call in calls if call.operation == "TransactWriteItems"]
    assert len(tokens) == 4
    assert len(set(tokens)) == 1
    assert purchases.balance(user) == 70


@pytest.mark.parametrize("reason", ["TransactionConflict", "ThrottlingError"])
def test_a_failed_condition_beside_a_conflict_is_asked_again_until_it_stands_alone(
    reason: str, user: User, dynamodb: DynamoDBProxy
) -> None:
    """It may be the doing of a transaction that is still being applied, which will explain it better."""
    spending = Spending(user)
    mixed = Fault.on(
        "TransactWriteItems", action=cancelled({0: (reason, ""), 1: CONDITION_FAILED}), nth=range(1, 3)
    )
    alone = Fault.on("TransactWriteItems", action=cancelled({1: CONDITION_FAILED}), nth=3)
    with dynamodb.faults(mixed, alone):
        with pytest.raises(BeliInsufficient):
            spending.commit()
    assert purchases.balance(user) == 100
    assert (mixed.fired, alone.fired) == (2, 1)


@pytest.mark.parametrize("lost", [reset_after, cut_answer])
def test_a_lost_answer_doubles_nothing_and_is_success(
    lost: Callable[[], Action], user: User, dynamodb: DynamoDBProxy
) -> None:
    spending = Spending(user)
    with dynamodb.faults(Fault.on("TransactWriteItems", action=lost(), nth=1)):
        spending.commit()
    assert purchases.balance(user) == 70


@pytest.mark.parametrize("lost", [reset_after, cut_answer])
def test_a_repetition_refused_by_its_own_first_try_is_success(
    lost: Callable[[], Action], user: User, dynamodb: DynamoDBProxy
) -> None:
    """As after ten minutes, when DynamoDB has forgotten the token."""
    spending = Spending(user)
    with dynamodb.faults(
        Fault.on("TransactWriteItems", action=lost(), nth=1),
        Fault.on("TransactWriteItems", action=cancelled({0: CONDITION_FAILED})),
    ):
        spending.commit()
    assert spending.asked == 1
    assert purchases.balance(user) == 70


def test_a_repetition_refused_by_somebody_else_is_a_refusal(user: User, dynamodb: DynamoDBProxy) -> None:
    spending = Spending(user)
    with dynamodb.faults(
        Fault.on("TransactWriteItems", action=reset_before(), nth=1),
        Fault.on("TransactWriteItems", action=cancelled({0: CONDITION_FAILED})),
    ):
        with pytest.raises(BeliInsufficient):
            spending.commit()
    assert spending.asked == 1
    assert purchases.balance(user) == 100


BUSY_AFTERWARDS = [name for name in BUSY if name.startswith("throttled") or name == "in progress"]


@pytest.mark.parametrize("busy", BUSY_AFTERWARDS)
def test_what_was_written_is_known_though_after_its_lost_answer_the_store_is_only_busy(
    busy: str, user: User, dynamodb: DynamoDBProxy
) -> None:
    spending = Spending(user)
    with dynamodb.faults(
        Fault.on("TransactWriteItems", action=reset_after(), nth=1),
        Fault.on("TransactWriteItems", action=BUSY[busy]()),
    ):
        spending.commit()
    assert spending.asked == 1
    assert purchases.balance(user) == 70


def test_what_was_only_refused_for_load_was_not_written(user: User, dynamodb: DynamoDBProxy) -> None:
    """Though the client library repeats it by itself."""
    spending = Spending(user)
    with dynamodb.faults(Fault.on("TransactWriteItems", action=throttle())):
        with pytest.raises(StoreUnavailable):
            spending.commit()
    assert spending.asked == 0
    assert purchases.balance(user) == 100


def test_what_is_in_progress_to_the_end_may_have_been_written(user: User, dynamodb: DynamoDBProxy) -> None:
    """DynamoDB says so of what came before with the same token: somebody on the way has sent it twice."""
    spending = Spending(user)
    with dynamodb.faults(Fault.on("TransactWriteItems", action=BUSY["in progress"]())):
        with pytest.raises(OutcomeUnknown):
            spending.commit()
    assert spending.asked == 1


def denied() -> Action:
    return refused("AccessDeniedException", "No", namespace="com.amazon.coral.service")


def test_what_the_store_will_not_take_later_either_is_told_at_once(
    user: User, dynamodb: DynamoDBProxy
) -> None:
    spending = Spending(user)
    fault = Fault.on("TransactWriteItems", action=denied())
    with dynamodb.faults(fault), pytest.raises(StoreUnavailable) as caught:
        spending.commit()
    assert caught.value.facts["reason"] == "AccessDeniedException"
    assert (fault.fired, spending.asked) == (1, 0)


@pytest.mark.parametrize(("lost", "left"), [(reset_after, 70), (reset_before, 100)])
def test_after_a_lost_answer_the_witness_knows_though_the_store_takes_nothing_more(
    lost: Callable[[], Action], left: int, user: User, dynamodb: DynamoDBProxy
) -> None:
    spending = Spending(user)
    with dynamodb.faults(
        Fault.on("TransactWriteItems", action=lost(), nth=1), Fault.on("TransactWriteItems", action=denied())
    ):
        if left == 70:
            spending.commit()
        else:
            with pytest.raises(OutcomeUnknown):
                spending.commit()
    assert spending.asked == 1
    assert purchases.balance(user) == left


@pytest.fixture
def real_patience(dynamodb: DynamoDBProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The patience of a shop that sets none, not the short one of the tests."""
    monkeypatch.delenv("STORE_PATIENCE", raising=False)
    connection.cache_clear()


def test_after_four_seconds_it_is_told_what_is_known(real_patience: None, dynamodb: DynamoDBProxy) -> None:
    """Four transactions at once, as each takes as long as the helper tries."""
    users = [builders.a_user(beli=100) for _ in range(4)]
    jammed, away, deaf, dumb = (Spending(user) for user in users)
    faults = [
        # Refused again and again: nothing was written.
        Fault.on("TransactWriteItems", action=transaction_conflict(), where=jammed.is_by),
        # Not reached, and nothing was written: but for what the witness knows it may still be under way.
        Fault.on("TransactWriteItems", action=reset_before(), where=away.is_by),
        # Written, though no answer ever came: the witness finds it.
        Fault.on("TransactWriteItems", action=reset_after(), where=deaf.is_by),
        # Written, no answer, and no witness to be heard.
        Fault.on("TransactWriteItems", action=reset_after(), where=dumb.is_by),
        Fault.on("GetItem", action=internal_error(), where=dumb.is_by),
    ]

    def outcome(spending: Spending) -> type[Exception] | None:
        try:
            spending.commit()
        except OutcomeUnknown:
            return OutcomeUnknown
        except StoreUnavailable:
            return StoreUnavailable
        return None

    started = time.monotonic()
    with dynamodb.faults(*faults):
        outcomes = purchases.at_once(
            *(lambda mine=mine: outcome(mine) for mine in (jammed, away, deaf, dumb))
        )
    assert 4 <= time.monotonic() - started < 15
    assert outcomes == [StoreUnavailable, OutcomeUnknown, None, OutcomeUnknown]
    assert [purchases.balance(user) for user in users] == [100, 100, 70, 70]
    assert [spending.asked for spending in (jammed, away, deaf, dumb)] == [0, 1, 1, 1]


def test_the_own_item_tells_after_a_lost_answer_whether_it_was_this_transaction(
    dynamodb: DynamoDBProxy,
) -> None:
    """Both are refused when they are repeated; one of them was written at first."""
    user = builders.a_user(beli=100)
    mine, other = (audit.entry("op", "test", f"user {user.user_id}", builders.now()) for _ in range(2))

    def spend(entry: AuditEntry, beli: int) -> None:
        transaction = Transaction()
        taken = ledger.entry(user.user_id, -beli, f"test#{random_id()}", "test", builders.now())
        ledger.change(transaction, taken, BeliInsufficient(beli=beli))
        transaction.put_own(entry, IdTaken())
        transaction.commit()

    # The answer is lost, and DynamoDB has forgotten the token when the transaction is repeated.
    forgets = cancelled({0: CONDITION_FAILED})
    for entry, is_written in ((mine, True), (other, False)):
        faults = [
            Fault.on("TransactWriteItems", action=reset_after() if is_written else reset_before(), nth=1),
            Fault.on("TransactWriteItems", action=forgets, nth=2),
        ]
        with dynamodb.faults(*faults):
            if is_written:
                spend(entry, 60)
            else:
                with pytest.raises(BeliInsufficient):
                    spend(entry, 60)
    assert purchases.balance(user) == 40
    assert find(AuditEntry, mine.owner, mine.sort) is not None
    assert find(AuditEntry, other.owner, other.sort) is None


def test_a_transaction_that_nothing_can_prove_is_not_sent(user: User) -> None:
    transaction = Transaction()
    entry = ledger.entry(user.user_id, -1, "test", "test", builders.now())
    ledger.change(transaction, entry, BeliInsufficient(beli=1))
    with pytest.raises(ValueError, match="witness"):
        transaction.commit()
    assert purchases.balance(user) == 100


# Reading together


def unprocessed(count: int) -> Action:
    """DynamoDB does all but the first `count` keys of the last table, and names those it left."""

    def act(exchange: Exchange) -> bytes:
        asked: dict[str, Any] = exchange.call.request["RequestItems"]
        left = {table: keys | {"Keys": keys["Keys"][:count]} for table, keys in asked.items()}
        body = {"Responses": {table: [] for table in asked}, "UnprocessedKeys": left}
        return answer(200, json.dumps(body).encode(), {"Content-Type": "application/x-amz-json-1.0"})(
            exchange
        )

    return act


def test_keys_that_were_left_unprocessed_are_asked_for_again(user: User, dynamodb: DynamoDBProxy) -> None:
    other = builders.a_user()
    keys = [user_key(user.user_id), user_key(other.user_id)]
    with (
        dynamodb.recording() as calls,
        dynamodb.faults(Fault.on("BatchGetItem", action=unprocessed(2), nth=range(1, 3))),
    ):
        found = find_together(keys)
    assert set(found) == set(keys)
    assert len(calls) == 3


def test_more_than_a_hundred_keys_are_read_a_hundred_at_a_time(dynamodb: DynamoDBProxy) -> None:
    users = [builders.a_user() for _ in range(3)]
    keys = [user_key(user.user_id) for user in users]
    absent = [user_key(number) for number in range(250)]
    with dynamodb.recording() as calls:
        found = find_together([*absent[:120], *keys, *absent, *keys])
    assert set(found) == set(keys)
    sizes = [sum(len(table["Keys"]) for table in call.request["RequestItems"].values()) for call in calls]
    assert sizes == [100, 100, 53]
    assert all(table["ConsistentRead"] for call in calls for table in call.request["RequestItems"].values())


def test_no_keys_are_no_round_trip(dynamodb: DynamoDBProxy) -> None:
    with dynamodb.recording() as calls:
        assert find_together([]) == {}
    assert calls == []


@pytest.mark.parametrize("busy", [throttle, internal_error, reset_before, reset_after, cut_answer])
def test_a_read_survives_load_and_broken_connections(
    busy: Callable[[], Action], user: User, dynamodb: DynamoDBProxy
) -> None:
    for operation, read in {
        "GetItem": lambda: find_user(user.user_id).beli,
        "BatchGetItem": lambda: next(iter(find_together([user_key(user.user_id)]).values())).beli,  # type: ignore[attr-defined]
        "Query": lambda: sum(entry.beli for entry in ledger.list_entries(user.user_id)),
    }.items():
        with dynamodb.faults(Fault.on(operation, action=busy(), nth=1)):
            assert read() == 100


def test_a_store_that_is_down_is_told_as_such(user: User, dynamodb: DynamoDBProxy) -> None:
    with dynamodb.down():
        with pytest.raises(StoreUnavailable):
            find_user(user.user_id)
        with pytest.raises(StoreUnavailable):
            find_together([user_key(user.user_id)])
        with pytest.raises(StoreUnavailable):
            ledger.list_entries(user.user_id)
    assert find_user(user.user_id).beli == 100
