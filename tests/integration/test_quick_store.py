"""The quick store, in Redis and in DynamoDB: the same tests on both, and a visit without any Redis."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from chalicelib.errors import CartStoreUnavailable
from chalicelib.storage.dynamodb_store import DynamoDBStore
from chalicelib.storage.quick_store import Counter, QuickStore, quick_store
from chalicelib.storage.redis_client import redis_client
from chalicelib.storage.redis_store import RedisStore
from localstack.alipay import AlipaySimulator
from localstack.api_gateway import GatewayServer
from tests import builders
from tests.addresses import ClientAt
from tests.client import Client
from tests.conftest import Stores
from tests.faults import Fault, reset_after
from tests.faults.routing import FaultyApp, forget_connections

AT_ONCE = 8
DAY = 24 * 3600


@dataclass
class Kind:
    """A kind of store, and how its time is let pass."""

    store: QuickStore
    let_pass: Callable[[str, int], None]
    """A key, and the seconds that pass for it."""


@dataclass
class _Clock:
    now: float = field(default=1_800_000_000.0)

    def __call__(self) -> float:
        return self.now

    def let_pass(self, key: str, seconds: int) -> None:
        self.now += seconds


def _expire_sooner(key: str, seconds: int) -> None:
    redis = redis_client()
    redis.expire(key, max(0, int(str(redis.ttl(key))) - seconds))


@pytest.fixture(params=["redis", "dynamodb"])
def kind(request: pytest.FixtureRequest, stores: Stores, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kind]:
    monkeypatch.setenv("STORE_PATIENCE", "20")  # many at once on a busy machine
    forget_connections()
    clock = _Clock()
    if request.param == "redis":
        yield Kind(RedisStore(), _expire_sooner)
    else:
        yield Kind(DynamoDBStore(clock), clock.let_pass)
    monkeypatch.undo()
    forget_connections()


@pytest.fixture
def store(kind: Kind) -> QuickStore:
    return kind.store


def a_key() -> str:
    return f"{os.environ['TABLE_PREFIX']}test:{builders.new_id()}"


def test_a_dictionary_is_made_changed_and_emptied(store: QuickStore) -> None:
    key = a_key()
    assert store.fields(key) == {}
    assert store.put_field(key, "a", "1", 2, DAY)
    assert store.put_field(key, "b", "课程", 2, DAY)
    assert store.put_field(key, "a", "3", 2, DAY)
    assert store.fields(key) == {"a": "3", "b": "课程"}
    assert (store.count_fields(key), store.field(key, "b"), store.field(key, "c")) == (2, "课程", None)
    assert store.drop_fields(key, ["a", "c"]) == 1
    assert store.drop_fields(key, ["a", "c"]) == 0
    assert store.drop_fields(a_key(), ["a"]) == 0
    assert store.fields(key) == {"b": "课程"}


def test_a_dictionary_that_is_full_takes_no_further_field(store: QuickStore) -> None:
    key = a_key()
    assert [store.put_field(key, name, name, 2, DAY) for name in "abc"] == [True, True, False]
    assert store.put_field(key, "a", "another", 2, DAY)
    assert store.fields(key) == {"a": "another", "b": "b"}


def test_fields_that_are_put_at_once_are_all_there_and_never_too_many(store: QuickStore) -> None:
    key = a_key()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        taken = list(pool.map(lambda n: store.put_field(key, str(n), "x", AT_ONCE - 2, DAY), range(AT_ONCE)))
    assert sum(taken) == store.count_fields(key) == AT_ONCE - 2


def test_a_dictionary_ends_after_its_last_put(kind: Kind) -> None:
    key, store = a_key(), kind.store
    store.put_field(key, "a", "1", 5, DAY)
    kind.let_pass(key, DAY - 100)
    store.put_field(key, "b", "2", 5, DAY)
    kind.let_pass(key, DAY - 100)
    store.drop_fields(key, ["a"])
    assert store.fields(key) == {"b": "2"}
    kind.let_pass(key, 101)
    assert store.fields(key) == {}
    assert store.put_field(key, "c", "3", 1, DAY)
    assert store.fields(key) == {"c": "3"}


def test_a_text_is_kept_for_its_time(kind: Kind) -> None:
    key, store = a_key(), kind.store
    assert store.get(key) is None
    store.put(key, "一", 100)
    store.put(key, "二", 100)
    kind.let_pass(key, 90)
    assert store.get(key) == "二"
    kind.let_pass(key, 10)
    assert store.get(key) is None
    store.put(key, "三", 100)
    store.drop(key)
    store.drop(key)
    assert store.get(key) is None


def test_a_cart_and_its_account_go_together(store: QuickStore) -> None:
    cart, account = a_key(), a_key()
    store.put_field(cart, "a", "1", 5, DAY)
    store.put_field(cart, "b", "2", 5, DAY)
    store.put(account, "x", DAY)
    store.drop_all(cart, ["a"], account)
    assert (store.fields(cart), store.get(account)) == ({"b": "2"}, None)


def counters(*most: int) -> list[Counter]:
    return [Counter(f"{a_key()}{{limit}}", one, 900) for one in most]


def test_an_attempt_counts_everywhere_or_nowhere(store: QuickStore) -> None:
    narrow, wide = counters(1, 2)
    assert store.take([narrow, wide]) == 0
    assert 1 <= store.take([narrow, wide]) <= 900
    assert store.take([wide]) == 0
    assert 1 <= store.take([wide]) <= 900


def test_attempts_at_once_do_not_slip_through_together(store: QuickStore) -> None:
    [limit] = counters(3)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: store.take([limit]), range(AT_ONCE)))
    assert sum(seconds == 0 for seconds in answers) == 3


def test_an_attempt_can_be_given_back_and_no_more_than_was_taken(store: QuickStore) -> None:
    first, second = counters(1, 1)
    store.take([first])
    store.give_back([first, second])
    store.give_back([first])
    assert store.take([first, second]) == 0
    assert store.take([first]) > 0


def test_a_counter_begins_anew_when_its_window_is_over(kind: Kind) -> None:
    [limit] = counters(1)
    assert kind.store.take([limit]) == 0
    seconds = kind.store.take([limit])
    assert seconds > 0
    kind.let_pass(limit.key, seconds)
    assert kind.store.take([limit]) == 0


def test_a_change_whose_answer_was_lost_has_happened_once(faulty_app: FaultyApp) -> None:
    store, key = DynamoDBStore(), a_key()
    with faulty_app.dynamodb.faults(Fault.on("PutItem", action=reset_after(), nth=1)):
        assert store.put_field(key, "a", "1", 1, DAY)
    with faulty_app.dynamodb.faults(Fault.on("PutItem", action=reset_after(), nth=1)):
        assert store.drop_fields(key, ["a"]) == 1
    assert store.fields(key) == {}


def test_a_table_that_is_down_is_told_as_the_store_of_carts(faulty_app: FaultyApp) -> None:
    store, [limit] = DynamoDBStore(), counters(1)
    calls: list[Callable[[], object]] = [
        lambda: store.fields("k"),
        lambda: store.put_field("k", "a", "1", 1, DAY),
        lambda: store.put("k", "x", DAY),
        lambda: store.drop("k"),
        lambda: store.take([limit]),
        lambda: store.give_back([limit]),
    ]
    with faulty_app.dynamodb.down():
        for call in calls:
            with pytest.raises(CartStoreUnavailable):
                call()


@pytest.fixture
def no_redis(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The shop keeps everything in DynamoDB."""
    monkeypatch.setenv("REDIS_URL", "dynamodb:")
    forget_connections()
    yield
    monkeypatch.undo()
    forget_connections()


@pytest.mark.usefixtures("no_redis")
def test_a_visit_needs_no_redis(gateway_server: GatewayServer, alipay: AlipaySimulator) -> None:
    assert isinstance(quick_store(), DynamoDBStore)
    courses = [builders.a_course(prices=[100]), builders.a_course(prices=[200])]
    learner = Client(gateway_server.base_url, builders.a_user())
    lines = [
        {"course_id": course.course_id, "price_policy_id": builders.policy_id_of(course)}
        for course in courses
    ]
    for line in lines:
        assert learner.post("/shoppingcar", line)["code"] == 1000
    assert learner.get("/userinfo")["data"]["cart_count"] == 2
    assert learner.delete("/shoppingcar", {"course_id": courses[1].course_id})["code"] == 1000
    assert learner.get("/shoppingcar")["code"] == 1000
    assert learner.post("/account", lines[:1])["code"] == 1000
    assert learner.get("/account")["code"] == 1000
    assert learner.pay(courses[:1], 1)["code"] == 1000
    assert learner.get("/userinfo")["data"]["cart_count"] == 0


@pytest.mark.usefixtures("no_redis")
def test_guesses_are_limited_without_redis(gateway_server: GatewayServer) -> None:
    user, stranger = builders.a_user(), ClientAt()
    guess = {"username": user.username, "password": "wrong"}
    # Ten in each window: the guesses may fall into two.
    answers = [stranger.request("POST", "/login", json=guess) for _ in range(21)]
    waits = [int(answer.headers["Retry-After"]) for answer in answers if "Retry-After" in answer.headers]
    assert 1 <= len(waits) <= 11
    assert all(1 <= seconds <= 900 for seconds in waits)
