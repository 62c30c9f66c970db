"""The application of this very process, with every store and gateway behind a proxy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.faults.dynamodb_proxy import DynamoDBProxy
from tests.faults.http_proxy import HttpProxy
from tests.faults.redis_proxy import RedisProxy


@dataclass(frozen=True)
class Proxies:
    """One proxy for each thing the application talks to."""

    dynamodb: DynamoDBProxy
    redis: RedisProxy
    alipay: HttpProxy
    wechat: HttpProxy
    polyv: HttpProxy


@dataclass(frozen=True)
class FaultyApp:
    """The application at `base_url`, and the proxies through which it reaches what it needs."""

    base_url: str
    dynamodb: DynamoDBProxy
    redis: RedisProxy
    alipay: HttpProxy
    wechat: HttpProxy
    polyv: HttpProxy


@contextmanager
def started_proxies() -> Iterator[Proxies]:
    """Proxies in front of what the environment names now."""
    redis = urlsplit(os.environ["REDIS_URL"])
    alipay = urlsplit(os.environ["ALIPAY_GATEWAY_URL"])
    assert redis.hostname and redis.port
    with (
        DynamoDBProxy(os.environ["AWS_ENDPOINT_URL_DYNAMODB"]) as dynamodb_proxy,
        RedisProxy(redis.hostname, redis.port) as redis_proxy,
        HttpProxy(f"{alipay.scheme}://{alipay.netloc}") as alipay_proxy,
        HttpProxy(os.environ["WECHAT_GATEWAY_URL"]) as wechat_proxy,
        HttpProxy(os.environ["POLYV_API_URL"]) as polyv_proxy,
    ):
        yield Proxies(dynamodb_proxy, redis_proxy, alipay_proxy, wechat_proxy, polyv_proxy)


@contextmanager
def routed_through(proxies: Proxies) -> Iterator[None]:
    """Inside the block this process reaches its stores, Alipay, WeChat Pay and Polyv through the proxies only.

    Nothing is patched: the environment names other addresses, and whatever was made of the old ones is made
    anew, as in a process that has just started.
    """
    database = int(urlsplit(os.environ["REDIS_URL"]).path.strip("/") or 0)
    alipay_path = urlsplit(os.environ["ALIPAY_GATEWAY_URL"]).path
    with ExitStack() as restore:
        restore.callback(forget_connections)
        restore.callback(os.environ.update, dict(os.environ))
        os.environ.update(
            AWS_ENDPOINT_URL_DYNAMODB=proxies.dynamodb.url,
            REDIS_URL=proxies.redis.url(database),
            ALIPAY_GATEWAY_URL=proxies.alipay.url + alipay_path,
            WECHAT_GATEWAY_URL=proxies.wechat.url,
            WECHAT_LOGIN_URL=proxies.wechat.url,
            POLYV_API_URL=proxies.polyv.url,
        )
        forget_connections()
        _connect_to_redis()
        yield


def _connect_to_redis() -> None:
    """Before anything fails: on a busy machine the shop may give up connecting, and a fault would miss its call. Raises
    RedisError when Redis does not answer for seconds.
    """
    from redis.exceptions import RedisError

    from chalicelib.storage.redis_client import redis_client

    for _ in range(20):
        with suppress(RedisError):
            redis_client().ping()
            return
    redis_client().ping()


def forget_connections() -> None:
    """Make anew, when it is next needed, whatever was made of the environment as it was."""
    import app
    from chalicelib.gateways import open_gateways
    from chalicelib.settings import settings
    from chalicelib.storage.dynamodb import connection
    from chalicelib.storage.quick_store import quick_store
    from chalicelib.storage.redis_client import redis_client

    settings.cache_clear()
    connection.cache_clear()
    redis_client.cache_clear()
    quick_store.cache_clear()
    app.app.process.gateways = open_gateways(settings())
    app.app.forget_fresh()
