"""Redis as a deployed shop has it: over TLS, by a user with a password, and silent after a pause."""

from __future__ import annotations

import json
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError

from chalicelib.errors import CartStoreUnavailable
from chalicelib.shop import account, cart
from chalicelib.shop.account import ChosenPolicy
from chalicelib.storage.quick_store import Counter
from chalicelib.storage.redis_client import _IDLE_SECONDS, _Usage, cart_store, redis_client
from chalicelib.storage.redis_store import RedisStore
from tests import builders
from tests.conftest import Stores
from tests.faults import Fault, silent
from tests.faults.routing import FaultyApp, forget_connections
from tests.integration.test_signed_transport import TlsServer, tls_server

__all__ = ["tls_server"]

PASSWORD = "of/the user"
NETWORK = Path(__file__).parents[2] / "infra" / "network.json"


class TlsRedis:
    """Takes TLS off and passes everything on to the tests' Redis."""

    def __init__(self, certificate: str, target: tuple[str, int]) -> None:
        self._target = target
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, certificate.replace("certificate", "key"))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.greeted = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=[self._listening.accept()[0]], daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with suppress(OSError), plain, self._context.wrap_socket(plain, server_side=True) as client:
            self.greeted += 1
            with socket.create_connection(self._target) as store:
                threading.Thread(target=self._pass, args=[store, client], daemon=True).start()
                self._pass(client, store)

    @staticmethod
    def _pass(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while part := source.recv(65536):
                sink.sendall(part)


@pytest.fixture
def tls_redis(stores: Stores, tls_server: TlsServer) -> Iterator[TlsRedis]:
    place = urlsplit(stores.redis_url)
    assert place.hostname and place.port
    with closing(TlsRedis(tls_server.certificate, (place.hostname, place.port))) as server:
        yield server


@pytest.fixture
def url(stores: Stores, tls_redis: TlsRedis) -> Iterator[str]:
    """The address of Redis over TLS, for a user who may do as much as that of `infra/network.json`: and so in the first
    database only, which a deployed shop has. Other workers' tests have users of their own there.
    """
    user = json.loads(NETWORK.read_text(encoding="utf-8"))["Resources"]["RedisUser"]["Properties"]
    assert user["UserName"] == "shop"
    owner, name = Redis.from_url(stores.redis_url), f"shop{builders.new_id()}"
    owner.execute_command("ACL SETUSER", name, f">{PASSWORD}", *user["AccessString"].split())
    yield f"rediss://{name}:of%2Fthe%20user@localhost:{tls_redis.port}"
    owner.execute_command("ACL DELUSER", name)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    yield monkeypatch
    monkeypatch.undo()
    forget_connections()


def test_redis_is_reached_over_tls_by_a_user_with_a_password(
    url: str, tls_redis: TlsRedis, tls_server: TlsServer, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("REDIS_URL", url)
    environment.setenv("AWS_CA_BUNDLE", tls_server.certificate)
    forget_connections()
    user, course = builders.new_id(), builders.a_course(prices=[100])
    account.open_account(user, [ChosenPolicy(course.key, 1)])
    assert account.find_account(user) == [ChosenPolicy(course.key, 1)]
    assert tls_redis.greeted == 1


def test_the_user_may_do_all_that_the_shop_does_and_may_not_look_around(
    url: str, tls_server: TlsServer, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("REDIS_URL", url)
    environment.setenv("AWS_CA_BUNDLE", tls_server.certificate)
    forget_connections()
    store, key = RedisStore(), str(builders.new_id())
    counters = [Counter(f"{key}-{number}", most=1, seconds=60) for number in range(2)]
    assert store.put_field(f"{key}-fields", "name", "text", most=2, seconds=60)
    assert store.fields(f"{key}-fields") == {"name": "text"}
    assert (store.count_fields(f"{key}-fields"), store.field(f"{key}-fields", "name")) == (1, "text")
    assert store.drop_fields(f"{key}-fields", ["name"]) == 1
    store.put(key, "text", seconds=60)
    assert store.get(key) == "text"
    store.drop(key)
    store.drop_all(f"{key}-fields", ["name"], key)
    assert store.take(counters) == 0
    assert store.take(counters) > 0
    store.give_back(counters)
    with pytest.raises(NoPermissionError):
        redis_client().keys()


def test_a_redis_that_cannot_be_verified_is_told_nothing(
    url: str, tls_redis: TlsRedis, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("REDIS_URL", url)
    forget_connections()
    with pytest.raises(CartStoreUnavailable):
        account.find_account(builders.new_id())
    assert tls_redis.greeted == 0


def test_a_read_that_is_not_answered_is_made_once_more(faulty_app: FaultyApp) -> None:
    user = builders.new_id()
    for command in ("HGETALL", "HLEN"):
        with faulty_app.redis.faults(Fault.on(command, action=silent(), nth=1)):
            assert not (cart.list_lines(user) if command == "HGETALL" else cart.count_lines(user))
    with faulty_app.redis.faults(Fault.on("HLEN", action=silent(), nth=range(1, 3))):
        with pytest.raises(CartStoreUnavailable):
            cart.count_lines(user)


def test_a_write_that_is_not_answered_is_not_repeated(faulty_app: FaultyApp) -> None:
    with (
        faulty_app.redis.faults(Fault.on("DEL", action=silent(), nth=1)),
        faulty_app.redis.recording() as calls,
    ):
        with pytest.raises(CartStoreUnavailable):
            account.discard_account(builders.new_id())
    assert len([call for call in calls if "DEL" in str(call)]) == 1


def test_a_connection_that_was_idle_for_long_is_not_used_again(stores: Stores) -> None:
    forget_connections()
    now, client = [1000.0], redis_client()
    usage = _Usage(lambda: now[0])

    def connection() -> object:
        usage.begin(client)
        return client.client_id()

    first = connection()
    now[0] += _IDLE_SECONDS
    assert connection() == first
    now[0] += _IDLE_SECONDS + 1
    assert connection() != first


def test_all_calls_note_the_use(stores: Stores) -> None:
    with cart_store() as redis:
        assert redis is redis_client()
    assert os.environ["REDIS_URL"] == stores.redis_url
