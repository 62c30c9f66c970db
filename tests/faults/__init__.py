"""Proxies between the application and its real stores: they count network round trips and inject faults.

Point the application at a proxy's address instead of the store's. ``with proxy.recording() as calls``
collects what passes; ``with proxy.faults(Fault.on(...))`` makes chosen calls fail the way networks, DynamoDB,
Redis and Alipay's gateway fail. The stores behind stay real: a call whose answer is lost has really happened.

Own code, because the published proxy closest to it (microburst) starts every fault sequence with the first
call, cannot fall dead at the nth call together with another store, and reports neither round trips nor
capacity units.
"""

from tests.faults.actions import (
    Gate,
    cut_answer,
    die_after,
    die_before,
    drip,
    hold_after,
    hold_before,
    reset_after,
    reset_before,
    silent,
)
from tests.faults.dynamodb_proxy import (
    DynamoDBCall,
    DynamoDBProxy,
    cancelled,
    internal_error,
    refused,
    throttle,
    transaction_conflict,
    units,
)
from tests.faults.http_proxy import HttpCall, HttpProxy, answer
from tests.faults.proxy import Action, Call, ConnectionLost, Exchange, Fault, Proxy
from tests.faults.redis_proxy import RedisCall, RedisProxy, redis_error

__all__ = [
    "Action",
    "Call",
    "ConnectionLost",
    "DynamoDBCall",
    "DynamoDBProxy",
    "Exchange",
    "Fault",
    "Gate",
    "HttpCall",
    "HttpProxy",
    "Proxy",
    "RedisCall",
    "RedisProxy",
    "answer",
    "cancelled",
    "cut_answer",
    "die_after",
    "die_before",
    "drip",
    "hold_after",
    "hold_before",
    "internal_error",
    "redis_error",
    "refused",
    "reset_after",
    "reset_before",
    "silent",
    "throttle",
    "transaction_conflict",
    "units",
]
