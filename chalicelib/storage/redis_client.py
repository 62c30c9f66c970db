"""Redis: one client per process, short time-outs, the shop's own error.

Imports redis on first use, so that functions without a cart do not pay for it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from chalicelib.deadline import LEAST_SECONDS, Deadline
from chalicelib.errors import CartStoreRefused, CartStoreUnavailable
from chalicelib.settings import settings, table_prefix

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger(__name__)

_PASSING = ("BUSY", "LOADING", "MISCONF", "NOREPLICAS", "UNBLOCKED")
"""The beginnings of Redis's errors that time cures, beside those that have a class in the library."""


@lru_cache(maxsize=1)
def redis_client() -> Redis:
    """The process's one client. Gives up within half a second; repeats a call once when its connection broke."""
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError as RedisConnectionError
    from redis.retry import Retry

    return Redis.from_url(
        settings().redis_url,
        decode_responses=True,
        socket_connect_timeout=0.3,
        socket_timeout=0.4,
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    )


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
        yield redis_client()
    except RedisError as error:
        passing = isinstance(error, ClusterDownError | OutOfMemoryError | ReadOnlyError | TryAgainError)
        if isinstance(error, ResponseError) and not passing and not str(error).startswith(_PASSING):
            log.error("Redis refuses a command: %s", type(error).__name__)
            raise CartStoreRefused(store="redis", reason=type(error).__name__) from error
        raise CartStoreUnavailable(store="redis", reason=type(error).__name__) from error


def key(kind: str, user_id: int) -> str:
    """The Redis key of a user's value. The tables' prefix keeps shops on one Redis apart."""
    return f"{table_prefix()}{kind}:{user_id}"
