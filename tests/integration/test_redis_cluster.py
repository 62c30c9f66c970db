"""All of the shop's commands to Redis, on a server in cluster mode, as ElastiCache Serverless is one, by the user that
`infra/network.json` makes there.

Such a server refuses a script or command with keys of several slots, which a single server would accept.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError

from chalicelib.errors import (
    AccountNotFound,
    CartLineNotFound,
    CartStoreRefused,
    TooManyAttempts,
    UserNotFound,
)
from chalicelib.shop import account, cart
from chalicelib.shop.account import ChosenPolicy
from chalicelib.shop.cart import CartLine
from chalicelib.shop.course_key import COURSE, DEGREE_COURSE, CourseKey
from chalicelib.shop.rate_limit import Limit, only_failures_count, take_attempt
from chalicelib.storage.redis_client import cart_store, redis_client
from localstack.stores import RedisServer
from tests import builders
from tests.addresses import ClientAt
from tests.conftest import Stores
from tests.faults.routing import forget_connections
from tests.shapes import check_refusal

SLOTS = range(16384)
NETWORK = Path(__file__).parents[2] / "infra" / "network.json"
PASSWORD = "of-the-user-shop"


class ClusterOfOne(RedisServer):
    """A redis-server in cluster mode that has all slots."""

    def _command(self) -> list[str | os.PathLike[str]]:
        return [*super()._command(), "--cluster-enabled", "yes"]


@pytest.fixture(scope="module", autouse=True)
def cluster(stores: Stores) -> Iterator[None]:
    """Inside, this process finds its Redis in cluster mode, and has the permissions of the template's user there."""
    user = json.loads(NETWORK.read_text(encoding="utf-8"))["Resources"]["RedisUser"]["Properties"]
    with ClusterOfOne() as server, pytest.MonkeyPatch.context() as environment:
        owner = Redis.from_url(server.url)
        owner.execute_command("CLUSTER ADDSLOTS", *SLOTS)
        server.running_child().wait_until(
            lambda: owner.execute_command("CLUSTER INFO")["cluster_state"] == "ok"
        )
        owner.execute_command("ACL SETUSER", user["UserName"], f">{PASSWORD}", *user["AccessString"].split())
        owner.close()
        address = server.url.replace("redis://", f"redis://{user['UserName']}:{PASSWORD}@")
        environment.setenv("REDIS_URL", address)
        forget_connections()
        yield
    forget_connections()


@pytest.mark.parametrize(
    "command", ["FLUSHALL", "KEYS *", "CONFIG GET maxmemory", "ACL LIST", "INFO", "SHUTDOWN"]
)
def test_the_user_may_neither_administer_the_server_nor_list_what_is_there(command: str) -> None:
    with pytest.raises(NoPermissionError):
        redis_client().execute_command(*command.split(maxsplit=1))


def test_the_server_refuses_keys_of_several_slots() -> None:
    with pytest.raises(CartStoreRefused), cart_store() as redis:
        redis.eval("return 0", 2, "one", "two")


def test_several_limits_are_counted_together() -> None:
    first, second = Limit("first", builders.new_name(), 2), Limit("second", builders.new_name(), 5)
    take_attempt([first, second])
    take_attempt([first, second])
    with pytest.raises(TooManyAttempts):
        take_attempt([second, first])
    assert [redis_client().get(limit.key) for limit in (first, second)] == ["2", "2"]


def test_an_attempt_is_given_back() -> None:
    first, second = Limit("first", builders.new_name(), 2), Limit("second", builders.new_name(), 5)
    with only_failures_count([first, second], UserNotFound):
        pass
    assert [redis_client().get(limit.key) for limit in (first, second)] == ["0", "0"]


def test_guesses_are_limited() -> None:
    client, user = ClientAt(), builders.a_user()
    body = {"username": user.username, "password": "wrong"}
    for _ in range(10):
        check_refusal(client.post("/login", body), 1002)
    check_refusal(client.post("/login", body), 1004)


def test_a_cart_is_filled_shown_and_emptied() -> None:
    user_id, line = builders.new_id(), CartLine(1, "name", "image", 100, 30, 1)
    one, two = CourseKey(COURSE, 1), CourseKey(DEGREE_COURSE, 2)
    for course in (one, two):
        cart.put_line(user_id, course, line)
    assert cart.list_lines(user_id) == {one: line, two: line}
    cart.remove_lines(user_id, [one])
    with pytest.raises(CartLineNotFound):
        cart.remove_lines(user_id, [one])
    account.open_account(user_id, [ChosenPolicy(two, 1)])
    cart.forget_ordered(user_id, [one, two])
    assert cart.list_lines(user_id) == {}
    with pytest.raises(AccountNotFound):
        account.find_account(user_id)


def test_an_account_is_opened_read_and_discarded() -> None:
    user_id, chosen = builders.new_id(), [ChosenPolicy(CourseKey(COURSE, 1), 2)]
    account.open_account(user_id, chosen)
    assert account.find_account(user_id) == chosen
    account.discard_account(user_id)
    with pytest.raises(AccountNotFound):
        account.find_account(user_id)
