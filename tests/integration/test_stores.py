"""The stores that everything else stands on: really ready, really local, really kept, really gone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import requests
from redis import Redis

from localstack.processes import Child, ChildFailed, free_port, port_is_free
from localstack.stores import DynamoDBLocal, RedisServer, Store


def dynamodb_client(url: str) -> Any:
    return botocore.session.get_session().create_client("dynamodb", endpoint_url=url)


def create_table(url: str, name: str = "kept") -> None:
    dynamodb_client(url).create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )


def put_item(url: str) -> None:
    create_table(url)
    dynamodb_client(url).put_item(TableName="kept", Item={"id": {"S": "one"}})


def has_item(url: str, name: str = "kept") -> bool:
    return "Item" in dynamodb_client(url).get_item(TableName=name, Key={"id": {"S": "one"}})


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Waits for a condition, at most ten seconds."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, "it did not happen within ten seconds"
            threading.Event().wait(0.02)

    return wait


@pytest.fixture(params=[DynamoDBLocal, RedisServer], ids=["dynamodb", "redis"])
def kind(request: pytest.FixtureRequest) -> type[Store]:
    store: type[Store] = request.param
    return store


def test_dynamodb_keeps_its_data_in_a_directory(tmp_path: Path) -> None:
    with DynamoDBLocal(data=tmp_path / "data") as dynamodb:
        put_item(dynamodb.url)
    with DynamoDBLocal(data=tmp_path / "data") as dynamodb:
        assert has_item(dynamodb.url)


def test_of_two_tables_alike_only_the_changed_one_is_another(
    until: Callable[[Callable[[], bool]], None],
) -> None:
    """DynamoDB Local reads what both are but once. One of its own: it makes indexes in one of ten threads, which ten
    tables with an expiry keep for themselves.
    """
    with DynamoDBLocal() as dynamodb:
        client = dynamodb_client(dynamodb.url)
        for name in ("one", "other"):
            create_table(dynamodb.url, name)
        assert indexes(client, "one") == indexes(client, "other") == []
        by_colour = {
            "IndexName": "by_colour",
            "KeySchema": [{"AttributeName": "colour", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
        client.update_table(
            TableName="one",
            AttributeDefinitions=[{"AttributeName": "colour", "AttributeType": "S"}],
            GlobalSecondaryIndexUpdates=[{"Create": by_colour}],
        )
        until(lambda: indexes(client, "one") == [("by_colour", "ACTIVE")])
        assert has_red(client, "one")
        assert indexes(client, "other") == []
        with pytest.raises(client.exceptions.ClientError, match="by_colour"):
            has_red(client, "other")
        client.delete_table(TableName="one")
        create_table(dynamodb.url, "one")
        assert has_item(dynamodb.url, "one") is False
        assert indexes(client, "one") == []


def indexes(client: Any, name: str) -> list[tuple[str, str]]:
    """A table's, with their states."""
    table = client.describe_table(TableName=name)["Table"]
    return [(each["IndexName"], each["IndexStatus"]) for each in table.get("GlobalSecondaryIndexes", [])]


def has_red(client: Any, name: str) -> bool:
    """Whether a red item that is put into a table is found by its colour."""
    client.put_item(TableName=name, Item={"id": {"S": "one"}, "colour": {"S": "red"}})
    found = client.query(
        TableName=name,
        IndexName="by_colour",
        KeyConditionExpression="colour = :colour",
        ExpressionAttributeValues={":colour": {"S": "red"}},
    )
    return bool(found["Items"])


def test_redis_keeps_its_data_in_a_directory(tmp_path: Path) -> None:
    with RedisServer(data=tmp_path / "data") as redis:
        Redis.from_url(redis.url).set("kept", "one")
    with RedisServer(data=tmp_path / "data") as redis:
        assert Redis.from_url(redis.url).get("kept") == b"one"


def test_redis_keeps_what_it_answered_even_when_killed(tmp_path: Path) -> None:
    with RedisServer(data=tmp_path / "data") as redis:
        Redis.from_url(redis.url).set("kept", "one")
        redis.running_child().process.kill()
    with RedisServer(data=tmp_path / "data") as redis:
        assert Redis.from_url(redis.url).get("kept") == b"one"


def test_dynamodb_keeps_what_it_answered_even_when_killed(tmp_path: Path) -> None:
    with DynamoDBLocal(data=tmp_path / "data") as dynamodb:
        put_item(dynamodb.url)
        dynamodb.running_child().process.kill()
    with DynamoDBLocal(data=tmp_path / "data") as dynamodb:
        assert has_item(dynamodb.url)


def test_a_store_is_reachable_from_this_computer_only(kind: type[Store]) -> None:
    with kind() as store:
        listening = subprocess.run(
            [sys.executable, "-c", LISTENERS, str(store.port)], capture_output=True, text=True, check=True
        ).stdout.split()
    assert listening
    assert set(listening) <= {
        "0100007F",
        "0000000000000000FFFF00000100007F",
    }  # 127.0.0.1, also as IPv6 writes it


def test_dynamodb_answers_no_page_from_elsewhere() -> None:
    with DynamoDBLocal() as dynamodb:
        own = dynamodb_client(dynamodb.url)
        assert own.list_tables()["TableNames"] == []
        for headers, status in (
            ({"Host": "evil.example"}, 421),
            ({"Host": f"evil.example:{dynamodb.port}"}, 421),
            ({"Host": "127.0.0.1:1"}, 421),
            ({"Origin": "http://evil.example"}, 403),
            ({"Origin": "null"}, 403),
            (
                {"Origin": "http://localhost:8080"},
                400,
            ),  # a page of this computer, and no request of DynamoDB's
            ({"Host": f"LOCALHOST:{dynamodb.port}"}, 400),
        ):
            assert requests.post(dynamodb.url, data="{}", headers=headers, timeout=10).status_code == status


LISTENERS = """
import sys
port = f"{int(sys.argv[1]):04X}"
for table in ("/proc/net/tcp", "/proc/net/tcp6"):
    for line in open(table).readlines()[1:]:
        address, state = line.split()[1], line.split()[3]
        if state == "0A" and address.endswith(":" + port):
            print(address.split(":")[0])
"""


def test_a_store_in_memory_leaves_nothing_behind(kind: type[Store]) -> None:
    with kind() as store:
        pid = store.running_child().process.pid
        place = Path(os.readlink(f"/proc/{pid}/cwd"))
    assert not place.exists()
    assert is_gone(pid)
    assert port_is_free(store.port)


def test_a_store_on_a_taken_port_says_what_happened(kind: type[Store], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        store = kind(port=taken.getsockname()[1], logs=tmp_path)
        with pytest.raises(ChildFailed, match=r"(?i)address already in use") as failure:
            store.start()
    assert kind.name in str(failure.value)
    assert str(tmp_path) in str(failure.value)


def test_a_child_that_never_gets_ready_is_ended() -> None:
    child = Child("sleeper", [sys.executable, "-c", "import time; print('zzz', flush=True); time.sleep(600)"])
    with pytest.raises(ChildFailed, match=r"sleeper was not ready after"):
        child.wait_until(lambda: False, seconds=0.5)
    assert not child.running()


def test_a_child_that_ends_early_is_quoted() -> None:
    child = Child("quitter", [sys.executable, "-c", "print('no way'); raise SystemExit(3)"])
    with pytest.raises(ChildFailed, match=r"Quitter ended with exit code 3.*\n.*no way"):
        child.wait_until(lambda: False)


def test_stores_die_with_a_parent_that_is_killed(
    kind: type[Store], until: Callable[[Callable[[], bool]], None]
) -> None:
    program = f"""
        import time
        from localstack.stores import {kind.__name__}
        store = {kind.__name__}().start()
        print(store.running_child().process.pid, store.port, flush=True)
        time.sleep(600)
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout
    pid, port = map(int, parent.stdout.readline().split())
    assert not port_is_free(port)

    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()

    until(lambda: is_gone(pid))
    until(lambda: port_is_free(port))


def test_free_ports_are_free() -> None:
    assert port_is_free(free_port())
