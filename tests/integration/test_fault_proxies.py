"""The proxies do what they say, as real clients see it, before real DynamoDB Local and Redis."""

from __future__ import annotations

import http.server
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import pytest
import redis
import redis.backoff
import redis.retry
import requests
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from tests.faults import (
    Action,
    DynamoDBProxy,
    Fault,
    Gate,
    HttpProxy,
    RedisProxy,
    answer,
    cancelled,
    cut_answer,
    die_after,
    die_before,
    drip,
    hold_after,
    hold_before,
    internal_error,
    redis_error,
    reset_after,
    reset_before,
    silent,
    throttle,
    transaction_conflict,
    units,
)


def dynamodb_client(url: str, *, read_timeout: float = 10) -> Any:
    """A client that does not repeat calls by itself."""
    return botocore.session.Session().create_client(
        "dynamodb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=read_timeout, connect_timeout=5),
    )


def redis_client(proxy: RedisProxy, *, timeout: float = 10) -> redis.Redis:
    """A client that does not repeat commands by itself."""
    once = redis.retry.Retry(redis.backoff.NoBackoff(), 0)
    return redis.Redis.from_url(proxy.url(), socket_timeout=timeout, retry=once)


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[DynamoDBProxy]:
    with DynamoDBProxy(os.environ["AWS_ENDPOINT_URL_DYNAMODB"]) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def client(dynamodb: DynamoDBProxy) -> Any:
    return dynamodb_client(dynamodb.url)


@pytest.fixture(scope="module")
def table(client: Any) -> Iterator[str]:
    name = f"faults-{uuid.uuid4().hex}"
    client.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield name
    client.delete_table(TableName=name)


@pytest.fixture
def key() -> dict[str, dict[str, str]]:
    """The key of an item no other test knows."""
    return {"pk": {"S": uuid.uuid4().hex}}


@pytest.fixture
def redis_proxy() -> Iterator[RedisProxy]:
    upstream = urlsplit(os.environ["REDIS_URL"])
    with RedisProxy(upstream.hostname or "127.0.0.1", upstream.port or 6379) as proxy:
        yield proxy


@pytest.fixture
def name() -> str:
    """A Redis key no other test knows."""
    return f"faults-{uuid.uuid4().hex}"


def add_one(client: Any, table: str, key: dict[str, Any]) -> None:
    client.update_item(
        TableName=table,
        Key=key,
        UpdateExpression="ADD n :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )


def times_added(client: Any, table: str, key: dict[str, Any]) -> int:
    item = client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
    return int(item.get("n", {"N": "0"})["N"])


def put_two(client: Any, table: str, key: dict[str, Any]) -> None:
    other = {"pk": {"S": key["pk"]["S"] + "-other"}}
    client.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": table, "Item": key}},
            {"Put": {"TableName": table, "Item": other}},
        ]
    )


# DynamoDB: counting


def test_an_update_is_one_call_of_one_write_unit(
    dynamodb: DynamoDBProxy, client: Any, table: str, key: Any
) -> None:
    with dynamodb.recording() as calls:
        add_one(client, table, key)

    assert [(call.operation, call.tables, call.status) for call in calls] == [("UpdateItem", (table,), 200)]
    assert calls[0].request["Key"] == key
    assert calls[0].forwarded and calls[0].answered
    assert units(calls) == (0, 1)


def test_a_query_is_one_call_of_half_a_read_unit(
    dynamodb: DynamoDBProxy, client: Any, table: str, key: Any
) -> None:
    add_one(client, table, key)
    query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": key["pk"]}}

    with dynamodb.recording() as eventual:
        client.query(TableName=table, **query)
    with dynamodb.recording() as consistent:
        client.query(TableName=table, ConsistentRead=True, **query)

    assert [call.operation for call in eventual] == ["Query"]
    assert eventual[0].response["Items"] == [{**key, "n": {"N": "1"}}]
    assert units(eventual) == (0.5, 0)
    assert units(consistent) == (1, 0)


def test_a_batch_is_one_call_that_pays_for_each_item(
    dynamodb: DynamoDBProxy, client: Any, table: str, key: Any
) -> None:
    put_two(client, table, key)
    other = {"pk": {"S": key["pk"]["S"] + "-other"}}

    with dynamodb.recording() as calls:
        found = client.batch_get_item(RequestItems={table: {"Keys": [key, other], "ConsistentRead": True}})

    assert len(found["Responses"][table]) == 2
    assert [(call.operation, call.tables) for call in calls] == [("BatchGetItem", (table,))]
    assert units(calls) == (2, 0)


def test_a_transaction_is_one_call_of_two_units_for_each_item(
    dynamodb: DynamoDBProxy, client: Any, table: str, key: Any
) -> None:
    with dynamodb.recording() as writes:
        put_two(client, table, key)
    with dynamodb.recording() as reads:
        client.transact_get_items(TransactItems=[{"Get": {"TableName": table, "Key": key}}])

    assert [(call.operation, call.tables) for call in writes] == [("TransactWriteItems", (table,))]
    assert units(writes) == (0, 4)
    assert units(reads) == (2, 0)


def test_a_refused_transaction_reports_no_units(
    dynamodb: DynamoDBProxy, client: Any, table: str, key: Any
) -> None:
    put = {"Put": {"TableName": table, "Item": key, "ConditionExpression": "attribute_exists(pk)"}}
    with dynamodb.recording() as calls, pytest.raises(ClientError):
        client.transact_write_items(TransactItems=[put])

    assert [(call.status, call.forwarded, call.answered) for call in calls] == [(400, True, True)]
    assert units(calls) == (0, 0)


def test_a_client_that_asks_for_capacity_itself_gets_what_it_asked_for(
    dynamodb: DynamoDBProxy, client: Any, table: str, key: Any
) -> None:
    with dynamodb.recording() as calls:
        response = client.put_item(TableName=table, Item=key, ReturnConsumedCapacity="INDEXES")

    assert response["ConsumedCapacity"]["Table"]["CapacityUnits"] == 1
    assert units(calls) == (0, 1)


def test_calls_outside_a_recording_are_not_in_it(
    dynamodb: DynamoDBProxy, client: Any, table: str, key: Any
) -> None:
    with dynamodb.recording() as calls:
        pass
    add_one(client, table, key)

    assert calls == []


# DynamoDB: refusals in AWS's words


@pytest.mark.parametrize(
    ("action", "code", "status"),
    [
        (throttle(), "ProvisionedThroughputExceededException", 400),
        (throttle("ThrottlingException"), "ThrottlingException", 400),
        (transaction_conflict(), "TransactionConflictException", 400),
        (internal_error(), "InternalServerError", 500),
    ],
)
def test_a_refused_write_did_not_happen(
    dynamodb: DynamoDBProxy, client: Any, table: str, key: Any, action: Action, code: str, status: int
) -> None:
    with dynamodb.recording() as calls, dynamodb.faults(Fault.on("UpdateItem", action=action)):
        with pytest.raises(ClientError) as refusal:
            add_one(client, table, key)

    assert refusal.value.response["Error"]["Code"] == code
    assert refusal.value.response["Error"]["Message"]
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert [(call.forwarded, call.answered) for call in calls] == [(False, True)]
    assert times_added(client, table, key) == 0


def test_the_refusals_are_the_classes_botocore_models(
    dynamodb: DynamoDBProxy, client: Any, table: str, key: Any
) -> None:
    with dynamodb.faults(Fault.on("UpdateItem", action=throttle())):
        with pytest.raises(client.exceptions.ProvisionedThroughputExceededException):
            add_one(client, table, key)


def test_a_conflicting_transaction_names_the_position(
    dynamodb: DynamoDBProxy, client: Any, table: str, key: Any
) -> None:
    with dynamodb.faults(Fault.on("TransactWriteItems", action=transaction_conflict(at=[1]))):
        with pytest.raises(client.exceptions.TransactionCanceledException) as cancellation:
            put_two(client, table, key)

    response = cancellation.value.response
    assert response["CancellationReasons"] == [
        {"Code": "None"},
        {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"},
    ]
    assert response["Error"]["Message"].endswith("[None, TransactionConflict]")
    assert "Item" not in client.get_item(TableName=table, Key=key)


def test_a_made_up_cancellation_has_the_form_of_a_real_one(
    dynamodb: DynamoDBProxy, client: Any, table: str, key: Any
) -> None:
    put_two(client, table, key)
    again = [
        {"Put": {"TableName": table, "Item": {"pk": {"S": uuid.uuid4().hex}}}},
        {"Put": {"TableName": table, "Item": key, "ConditionExpression": "attribute_not_exists(pk)"}},
    ]
    with pytest.raises(ClientError) as real:
        client.transact_write_items(TransactItems=again)

    failed = cancelled({1: ("ConditionalCheckFailed", "The conditional request failed")})
    with dynamodb.faults(Fault.on("TransactWriteItems", action=failed)):
        with pytest.raises(ClientError) as made_up:
            client.transact_write_items(TransactItems=again)

    for part in ("Error", "CancellationReasons"):
        assert made_up.value.response[part] == real.value.response[part]


# DynamoDB: which calls


def test_only_the_nth_fitting_call_fails(dynamodb: DynamoDBProxy, client: Any, table: str, key: Any) -> None:
    with dynamodb.faults(Fault.on("UpdateItem", nth=2, action=throttle())):
        add_one(client, table, key)
        times_added(client, table, key)
        with pytest.raises(ClientError):
            add_one(client, table, key)
        add_one(client, table, key)

    assert times_added(client, table, key) == 2


def test_a_range_of_calls_fails(dynamodb: DynamoDBProxy, client: Any, table: str, key: Any) -> None:
    with dynamodb.faults(Fault.on("UpdateItem", nth=range(1, 3), action=throttle())):
        for _ in range(2):
            with pytest.raises(ClientError):
                add_one(client, table, key)
        add_one(client, table, key)

    assert times_added(client, table, key) == 1


def test_a_predicate_chooses_by_the_request(
    dynamodb: DynamoDBProxy, client: Any, table: str, key: Any
) -> None:
    other = {"pk": {"S": uuid.uuid4().hex}}
    with dynamodb.faults(Fault.on(where=lambda call: call.request.get("Key") == key, action=throttle())):
        add_one(client, table, other)
        with pytest.raises(ClientError):
            add_one(client, table, key)


def test_of_many_calls_at_once_exactly_one_is_the_nth(
    dynamodb: DynamoDBProxy, client: Any, table: str, key: Any
) -> None:
    def attempt(_: int) -> bool:
        try:
            add_one(client, table, key)
        except ClientError:
            return False
        return True

    with dynamodb.recording() as calls, dynamodb.faults(Fault.on("UpdateItem", nth=7, action=throttle())):
        with ThreadPoolExecutor(8) as threads:
            outcomes = list(threads.map(attempt, range(20)))

    assert outcomes.count(False) == 1
    assert len(calls) == 20
    assert times_added(client, table, key) == 19


def test_a_fault_that_never_came_to_its_turn_fails_the_test(dynamodb: DynamoDBProxy) -> None:
    with pytest.raises(AssertionError, match="turn never came"):
        with dynamodb.faults(Fault.on("UpdateItem", action=throttle())):
            pass

    with dynamodb.faults(Fault.on("UpdateItem", action=throttle(), must_fire=False)):
        pass


def test_an_action_that_cannot_work_fails_the_test(
    dynamodb: DynamoDBProxy, client: Any, table: str, key: Any
) -> None:
    plan = dynamodb.faults(Fault.on("TransactWriteItems", action=transaction_conflict(at=[2])))
    with pytest.raises(AssertionError, match="an action broke"), plan, suppress(ConnectionClosedError):
        put_two(client, table, key)


# DynamoDB: the network


@pytest.mark.parametrize(("action", "happened"), [(reset_before(), 0), (reset_after(), 1), (cut_answer(), 1)])
def test_a_reset_leaves_it_open_whether_the_call_happened(
    dynamodb: DynamoDBProxy, client: Any, table: str, key: Any, action: Action, happened: int
) -> None:
    with dynamodb.recording() as calls, dynamodb.faults(Fault.on("UpdateItem", action=action)):
        with pytest.raises((ConnectionClosedError, botocore.exceptions.ResponseStreamingError)):
            add_one(client, table, key)

    assert [(call.forwarded, call.answered) for call in calls] == [(bool(happened), False)]
    assert units(calls).write == happened
    assert times_added(client, table, key) == happened


def test_a_silent_store_ends_with_the_clients_own_timeout(
    dynamodb: DynamoDBProxy, table: str, key: Any
) -> None:
    impatient = dynamodb_client(dynamodb.url, read_timeout=0.2)
    with dynamodb.faults(Fault.on("UpdateItem", action=silent())):
        with pytest.raises(ReadTimeoutError):
            add_one(impatient, table, key)

    assert times_added(impatient, table, key) == 0


def test_a_slow_call_happens_when_its_gate_opens(
    dynamodb: DynamoDBProxy, client: Any, table: str, key: Any
) -> None:
    gate = Gate()
    with (
        dynamodb.faults(Fault.on("UpdateItem", action=hold_before(gate))),
        ThreadPoolExecutor(1) as background,
    ):
        update = background.submit(add_one, client, table, key)
        gate.wait_for_a_call()
        assert times_added(client, table, key) == 0
        gate.open()
        update.result(timeout=10)

    assert times_added(client, table, key) == 1


def test_a_slow_answer_belongs_to_a_call_that_has_happened(
    dynamodb: DynamoDBProxy, client: Any, table: str, key: Any
) -> None:
    gate = Gate()
    with (
        dynamodb.faults(Fault.on("UpdateItem", action=hold_after(gate))),
        ThreadPoolExecutor(1) as background,
    ):
        update = background.submit(add_one, client, table, key)
        gate.wait_for_a_call()
        assert times_added(client, table, key) == 1
        assert not update.done()
        gate.open()
        update.result(timeout=10)


def test_a_held_call_is_dropped_at_the_end_of_the_block(
    dynamodb: DynamoDBProxy, client: Any, table: str, key: Any
) -> None:
    gate = Gate()
    with ThreadPoolExecutor(1) as background:
        with dynamodb.faults(Fault.on("UpdateItem", action=hold_before(gate))):
            update = background.submit(add_one, client, table, key)
            gate.wait_for_a_call()
        with pytest.raises(ConnectionClosedError):
            update.result(timeout=10)

    assert times_added(client, table, key) == 0


# A proxy of its own for whoever goes down: the other tests share theirs.


@pytest.fixture
def mortal(dynamodb: DynamoDBProxy) -> Iterator[DynamoDBProxy]:
    with DynamoDBProxy(os.environ["AWS_ENDPOINT_URL_DYNAMODB"]) as proxy:
        yield proxy


def test_a_store_that_is_down_refuses_connections_and_comes_back(
    mortal: DynamoDBProxy, table: str, key: Any
) -> None:
    client = dynamodb_client(mortal.url)
    add_one(client, table, key)
    with mortal.down():
        for _ in range(3):
            with pytest.raises(EndpointConnectionError):
                add_one(client, table, key)
    add_one(client, table, key)

    assert times_added(client, table, key) == 2


@pytest.mark.parametrize(("action", "happened"), [(die_before(), 2), (die_after(), 3)])
def test_after_the_death_of_the_process_nothing_gets_through(
    mortal: DynamoDBProxy, table: str, key: Any, action: Action, happened: int
) -> None:
    client = dynamodb_client(mortal.url)
    with mortal.faults(Fault.on("UpdateItem", nth=3, action=action)):
        for _ in range(2):
            add_one(client, table, key)
        for _ in range(4):
            with pytest.raises((ConnectionClosedError, EndpointConnectionError)):
                add_one(client, table, key)

    assert times_added(client, table, key) == happened


def test_a_dead_process_reaches_neither_store(
    mortal: DynamoDBProxy, redis_proxy: RedisProxy, table: str, key: Any, name: str
) -> None:
    client, cache = dynamodb_client(mortal.url), redis_client(redis_proxy)
    cache.set(name, "before")
    with mortal.faults(Fault.on("UpdateItem", action=die_after(redis_proxy))):
        with pytest.raises((ConnectionClosedError, EndpointConnectionError)):
            add_one(client, table, key)
        with pytest.raises(redis.ConnectionError):
            cache.set(name, "after")

    assert times_added(client, table, key) == 1
    assert cache.getdel(name) == b"before"


def test_stopping_ends_held_and_silent_calls(mortal: DynamoDBProxy, table: str, key: Any) -> None:
    proxy = DynamoDBProxy(mortal.url).start()
    gate = Gate()
    plan = proxy.faults(
        Fault.on("UpdateItem", action=hold_before(gate)),
        Fault.on("GetItem", action=silent(), must_fire=False),
    )
    client = dynamodb_client(proxy.url)
    with plan, ThreadPoolExecutor(2) as background:
        waiting: list[Future[Any]] = [
            background.submit(add_one, client, table, key),
            background.submit(times_added, client, table, key),
        ]
        gate.wait_for_a_call()
        proxy.stop()
        for call in waiting:
            with pytest.raises((ConnectionClosedError, EndpointConnectionError)):
                call.result(timeout=10)

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((proxy.host, proxy.port), timeout=5)


# Redis


def application_trips(proxy: RedisProxy, work: Any) -> list[tuple[str, ...]]:
    with proxy.recording() as calls:
        work()
    return [call.commands for call in calls if not call.setup]


def test_each_redis_command_is_a_round_trip(redis_proxy: RedisProxy, name: str) -> None:
    cache = redis_client(redis_proxy)

    def set_and_get() -> None:
        cache.set(name, "x", ex=60)
        assert cache.get(name) == b"x"

    assert application_trips(redis_proxy, set_and_get) == [("SET",), ("GET",)]


@pytest.mark.parametrize("transaction", [False, True])
def test_a_redis_pipeline_is_one_round_trip(redis_proxy: RedisProxy, name: str, transaction: bool) -> None:
    cache = redis_client(redis_proxy)

    def pipeline() -> None:
        with cache.pipeline(transaction=transaction) as pipe:
            pipe.hset(name, mapping={"a": "1", "b": "2"})
            pipe.expire(name, 60)
            pipe.hgetall(name)
            assert pipe.execute()[-1] == {b"a": b"1", b"b": b"2"}

    framed = ("MULTI", "HSET", "EXPIRE", "HGETALL", "EXEC") if transaction else ("HSET", "EXPIRE", "HGETALL")
    assert application_trips(redis_proxy, pipeline) == [framed]


def test_a_large_value_and_a_missing_one_pass_unharmed(redis_proxy: RedisProxy, name: str) -> None:
    cache = redis_client(redis_proxy)
    large = os.urandom(500_000)
    cache.set(name, large, ex=60)

    def get_both() -> None:
        assert cache.mget(name, name + "-missing") == [large, None]
        assert cache.get(name + "-missing") is None

    assert application_trips(redis_proxy, get_both) == [("MGET",), ("GET",)]


def test_the_older_protocol_passes_as_well(redis_proxy: RedisProxy, name: str) -> None:
    cache = redis.Redis.from_url(redis_proxy.url(), protocol=2)

    def set_and_get() -> None:
        cache.set(name, "", ex=60)
        assert cache.get(name) == b""
        assert cache.lrange(name + "-missing", 0, -1) == []

    assert application_trips(redis_proxy, set_and_get) == [("SET",), ("GET",), ("LRANGE",)]


def test_redis_that_is_down_refuses_connections_and_comes_back(redis_proxy: RedisProxy, name: str) -> None:
    cache = redis_client(redis_proxy)
    cache.set(name, "x", ex=60)
    with redis_proxy.down():
        for _ in range(2):
            with pytest.raises(redis.ConnectionError):
                cache.get(name)
    assert cache.get(name) == b"x"


@pytest.mark.parametrize(
    ("action", "happened"), [(reset_before(), None), (reset_after(), b"1"), (cut_answer(), b"1")]
)
def test_a_reset_redis_command_may_have_happened(
    redis_proxy: RedisProxy, name: str, action: Action, happened: bytes | None
) -> None:
    cache = redis_client(redis_proxy)
    with redis_proxy.faults(Fault.on("INCRBY", action=action)):
        with pytest.raises(redis.ConnectionError):
            cache.incrby(name)

    assert cache.getdel(name) == happened


def test_a_silent_redis_ends_with_the_clients_own_timeout(redis_proxy: RedisProxy, name: str) -> None:
    cache = redis_client(redis_proxy, timeout=0.2)
    with redis_proxy.faults(Fault.on(action=silent())):
        with pytest.raises(redis.TimeoutError):
            cache.get(name)
    assert cache.get(name) is None


def test_redis_dies_after_some_round_trips(redis_proxy: RedisProxy, name: str) -> None:
    cache = redis_client(redis_proxy)
    with redis_proxy.faults(Fault.on("INCRBY", nth=3, action=die_before())):
        assert [cache.incrby(name), cache.incrby(name)] == [1, 2]
        for _ in range(3):
            with pytest.raises(redis.ConnectionError):
                cache.incrby(name)

    assert cache.getdel(name) == b"2"


def test_redis_refuses_in_its_own_words(redis_proxy: RedisProxy, name: str) -> None:
    cache = redis_client(redis_proxy)
    full = redis_error("OOM command not allowed when used memory > 'maxmemory'.")
    with redis_proxy.faults(Fault.on("SET", action=full)):
        with pytest.raises(redis.OutOfMemoryError):
            cache.set(name, "x")
    assert cache.get(name) is None


# Alipay's gateway, or any other HTTP


class CountingHandler(http.server.BaseHTTPRequestHandler):
    """Answers with what was posted, and counts."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(body)  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Type", "text/plain;charset=gbk")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


class CountingServer(http.server.ThreadingHTTPServer):
    """The third party."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), CountingHandler)
        self.bodies: list[bytes] = []


@pytest.fixture
def third_party() -> Iterator[CountingServer]:
    with CountingServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def gateway(third_party: CountingServer) -> Iterator[HttpProxy]:
    with HttpProxy(f"http://127.0.0.1:{third_party.server_address[1]}") as proxy:
        yield proxy


def test_requests_and_answers_pass_unchanged(gateway: HttpProxy, third_party: CountingServer) -> None:
    with gateway.recording() as calls, requests.Session() as session:
        answers = [
            session.post(f"{gateway.url}/gateway.do?charset=utf-8", data=body) for body in (b"one", b"two")
        ]

    assert [response.content for response in answers] == [b"one", b"two"] == third_party.bodies
    assert answers[0].headers["Content-Type"] == "text/plain;charset=gbk"
    recorded = [(call.operation, call.path, call.body, call.status) for call in calls]
    assert recorded == [("POST", "/gateway.do?charset=utf-8", body, 200) for body in (b"one", b"two")]


def test_a_request_whose_answer_is_lost_has_reached_the_third_party(
    gateway: HttpProxy, third_party: CountingServer
) -> None:
    with gateway.faults(Fault.on("POST", where=lambda call: b"pay" in call.body, action=reset_after())):
        assert requests.post(gateway.url, data=b"query", timeout=10).content == b"query"
        with pytest.raises(requests.ConnectionError):
            requests.post(gateway.url, data=b"pay", timeout=10)

    assert third_party.bodies == [b"query", b"pay"]


def test_a_silent_third_party_ends_with_the_clients_own_timeout(
    gateway: HttpProxy, third_party: CountingServer
) -> None:
    with gateway.faults(Fault.on(action=silent())), pytest.raises(requests.ReadTimeout):
        requests.post(gateway.url, data=b"pay", timeout=0.2)

    assert third_party.bodies == []


def test_a_dripping_answer_outlives_every_read_timeout(gateway: HttpProxy) -> None:
    with gateway.faults(Fault.on(action=drip(seconds_between_bytes=0.01))):
        response = requests.post(gateway.url, data=b"pay", timeout=0.5)

    assert response.content == b"pay"
    assert response.elapsed.total_seconds() > 0.5


def test_a_dripping_answer_ends_when_the_client_leaves(gateway: HttpProxy) -> None:
    with gateway.faults(Fault.on(action=drip(seconds_between_bytes=0.01))) as _:
        with socket.create_connection((gateway.host, gateway.port), timeout=5) as impatient:
            impatient.sendall(b"POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000)
            assert impatient.recv(1)
    # The fixture's stop() asserts that no thread is left.


def test_a_foreign_answer_takes_the_place_of_the_real_one(
    gateway: HttpProxy, third_party: CountingServer
) -> None:
    page = answer(502, "<html>坏网关</html>".encode(), {"Content-Type": "text/html"})
    with gateway.faults(Fault.on(action=page)):
        response = requests.post(gateway.url, data=b"pay", timeout=10)

    assert (response.status_code, response.headers["Content-Type"]) == (502, "text/html")
    assert response.content.decode() == "<html>坏网关</html>"
    assert third_party.bodies == []
