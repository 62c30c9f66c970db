"""Redis: one client per process, short time-outs, the shop's own error.

Imports redis on first use, so that functions without a cart do not pay for it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.deadline import LEAST_SECONDS, Deadline
from chalicelib.errors import CartStoreRefused, CartStoreUnavailable
from chalicelib.settings import aws_settings, settings
from chalicelib.tls import tls_context

if TYPE_CHECKING:
    from ssl import SSLContext, SSLSocket

    from redis import Redis, SSLConnection

log = logging.getLogger(__name__)

Found = TypeVar("Found")

_PASSING = ("BUSY", "LOADING", "MISCONF", "NOREPLICAS", "UNBLOCKED")
"""The beginnings of Redis's errors that time cures, beside those that have a class in the library."""


_IDLE_SECONDS = 300.0
"""AWS's network forgets a connection that has carried nothing for 350 seconds, and tells neither end. A Lambda that was
paused finds it silent: a call would wait for its time-out.
"""


class _Usage:
    """When the connections were last used; by the clock on the wall, as others stand still with a paused process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._last: float | None = None

    def begin(self, client: Redis) -> None:
        """Note a use. Drop the connections that were idle for too long before it."""
        now = self._clock()
        if self._last is not None and now - self._last > _IDLE_SECONDS:
            client.connection_pool.disconnect(inuse_connections=False)
        self._last = now


@lru_cache(maxsize=1)
def redis_client() -> Redis:
    """The process's one client. Gives up within half a second; repeats a call once when its connection broke."""
    from redis import Redis, SSLConnection
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError as RedisConnectionError
    from redis.retry import Retry

    client = Redis.from_url(
        settings().redis_url,
        decode_responses=True,
        socket_connect_timeout=0.3,
        socket_timeout=0.4,
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    )
    pool = client.connection_pool
    if pool.connection_class is SSLConnection:
        pool.connection_class = _over_tls(tls_context(aws_settings().ca_bundle))
    return client


def _over_tls(tls: SSLContext) -> type[SSLConnection]:
    """Connections by this context. The library's own read the authorities anew each time."""
    from redis import SSLConnection

    class OverTls(SSLConnection):
        def _wrap_socket_with_ssl(self, sock: Any) -> SSLSocket:
            return tls.wrap_socket(sock, server_hostname=self.host)

    return OverTls


_usage = _Usage()


def read_store(read: Callable[[Redis], Found]) -> Found:
    """What `read`, which changes nothing, finds; it runs once more when Redis does not answer in time. Raises as
    `cart_store`.
    """
    try:
        with cart_store() as redis:
            return read(redis)
    except CartStoreUnavailable as error:
        if error.facts["reason"] != "TimeoutError":
            raise
    with cart_store() as redis:
        return read(redis)


@contextmanager
def cart_store() -> Iterator[Redis]:
    """The client. Raises CartStoreUnavailable for failures that time cures, CartStoreRefused for all others."""
    from redis.exceptions import (
        ClusterDownError,
        OutOfMemoryError,
        ReadOnlyError,
        RedisError,
        ResponseError,
        TryAgainError,
    )

    if Deadline().remaining() < LEAST_SECONDS:
        raise CartStoreUnavailable(store="redis", reason="deadline")
    try:
        client = redis_client()
        _usage.begin(client)
        yield client
    except RedisError as error:
        passing = isinstance(error, ClusterDownError | OutOfMemoryError | ReadOnlyError | TryAgainError)
        if isinstance(error, ResponseError) and not passing and not str(error).startswith(_PASSING):
            log.error("Redis refuses a command: %s", type(error).__name__)
            raise CartStoreRefused(store="redis", reason=type(error).__name__) from error
        raise CartStoreUnavailable(store="redis", reason=type(error).__name__) from error
