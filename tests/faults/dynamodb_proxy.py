"""A proxy for DynamoDB that knows its operations, counts capacity units and answers AWS's own errors.

DynamoDB Local never throttles and never reports a conflict of transactions; AWS does both. It does not check
signatures either, which is why a proxy may add to a signed request.
"""

from __future__ import annotations

import json
import uuid
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.faults.http_proxy import HttpCall, HttpProxyOf, made_up
from tests.faults.proxy import Action, Exchange

_READS = {"GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems"}
_WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}
_SERVICE = "com.amazonaws.dynamodb.v20120810"


@dataclass
class DynamoDBCall(HttpCall):
    """One call of DynamoDB. `operation` is its name, such as ``TransactWriteItems``."""

    tables: tuple[str, ...] = ()
    """Names of the tables it is about, each once, in the order of the request."""
    request: dict[str, Any] = field(default_factory=dict)
    response: dict[str, Any] = field(default_factory=dict)
    """The store's answer, also when the client never saw it; empty if the store was not asked."""
    read_units: float = 0.0
    write_units: float = 0.0
    """As the answer reports them, indexes included. A refused call reports none, though AWS charges it.

    For a transaction DynamoDB Local reports only one item of each table, so it counts at least the two units
    AWS charges for each of its items, condition checks included. That is exact for items up to one kilobyte
    whose indexes are not concerned; otherwise AWS charges more.
    """

    @property
    def only_reads(self) -> bool:
        """Certain to change nothing."""
        return self.operation in _READS


class Units(NamedTuple):
    """Capacity units."""

    read: float
    write: float


def units(calls: Iterable[DynamoDBCall]) -> Units:
    """What these calls consumed together."""
    recorded = list(calls)
    return Units(sum(call.read_units for call in recorded), sum(call.write_units for call in recorded))


class DynamoDBProxy(HttpProxyOf[DynamoDBCall]):
    """Between a DynamoDB client and DynamoDB Local at `upstream_url`."""

    def understand(self, call: HttpCall) -> DynamoDBCall:
        """Operation, tables and request; asks for the consumed capacity where the client did not."""
        headers = {name.lower(): value for name, value in call.headers}
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        request = json.loads(call.body or b"{}")
        body = call.body
        if operation in _READS | _WRITES and request.get("ReturnConsumedCapacity", "NONE") == "NONE":
            body = json.dumps({**request, "ReturnConsumedCapacity": "TOTAL"}).encode()
        # The answer's body is read here, so it must not be compressed.
        plain = [(name, value) for name, value in call.headers if name.lower() != "accept-encoding"]
        plain.append(("Accept-Encoding", "identity"))
        return DynamoDBCall(
            operation=operation,
            method=call.method,
            path=call.path,
            headers=plain,
            body=body,
            tables=_tables(request),
            request=request,
        )

    def learn(self, call: DynamoDBCall, answer: bytes) -> None:
        """Capacity units are in a dictionary, or in a list of them where several tables may be concerned."""
        call.response = json.loads(answer or b"{}")
        consumed = call.response.get("ConsumedCapacity") or []
        tables: list[dict[str, Any]] = [consumed] if isinstance(consumed, dict) else consumed
        reported = sum(float(table["CapacityUnits"]) for table in tables)
        if tables:
            reported = max(reported, 2.0 * len(call.request.get("TransactItems", [])))
        if call.only_reads:
            call.read_units = reported
        else:
            call.write_units = reported


def _tables(request: dict[str, Any]) -> tuple[str, ...]:
    names = [request["TableName"]] if "TableName" in request else []
    names += request.get("RequestItems", {})
    names += [part["TableName"] for item in request.get("TransactItems", []) for part in item.values()]
    return tuple(dict.fromkeys(names))


def refused(
    code: str, message: str, *, status: int = 400, namespace: str = _SERVICE, **members: Any
) -> Action:
    """DynamoDB refuses the call with this exception: it did not happen."""

    def act(exchange: Exchange) -> bytes:
        return _error(code, message, status=status, namespace=namespace, **members)

    return act


def throttle(code: str = "ProvisionedThroughputExceededException") -> Action:
    """Too fast: ``ProvisionedThroughputExceededException`` (a hot key, say) or ``ThrottlingException``."""
    if code == "ThrottlingException":
        message = (
            "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically "
            "scaling your table or index so please try again shortly."
        )
        return refused(code, message, namespace="com.amazon.coral.availability")
    message = (
        "The level of configured provisioned throughput for the table was exceeded. Consider increasing your "
        "provisioning level with the UpdateTable API."
    )
    return refused(code, message)


def internal_error() -> Action:
    """Status 500, and the call did not happen. On AWS a 500 leaves that open: test with `reset_after` too."""
    return refused("InternalServerError", "Internal server error", status=500)


def transaction_conflict(at: Sequence[int] = (0,)) -> Action:
    """Another transaction is at work on the same item.

    A transaction is cancelled with TransactionConflict at these positions (from 0) and None at the others; a
    plain write is refused with TransactionConflictException, whatever the positions.
    """
    message = "Transaction is ongoing for the item"
    cancel = cancelled(dict.fromkeys(at, ("TransactionConflict", message)))

    def act(exchange: Exchange) -> bytes:
        if "TransactItems" in exchange.call.request:
            return cancel(exchange)
        return _error("TransactionConflictException", message)

    return act


def cancelled(reasons: dict[int, tuple[str, str]]) -> Action:
    """The transaction is cancelled for these reasons: position from 0 -> (code, message)."""

    def act(exchange: Exchange) -> bytes:
        count = len(exchange.call.request["TransactItems"])
        assert all(0 <= position < count for position in reasons), f"{reasons} in a transaction of {count}"
        listed = [
            {"Code": reasons[position][0], "Message": reasons[position][1]}
            if position in reasons
            else {"Code": "None"}
            for position in range(count)
        ]
        codes = ", ".join(reason["Code"] for reason in listed)
        message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
        return _error("TransactionCanceledException", message, CancellationReasons=listed)

    return act


def _error(code: str, message: str, *, status: int = 400, namespace: str = _SERVICE, **members: Any) -> bytes:
    body = json.dumps({"__type": f"{namespace}#{code}", **members, "Message": message}).encode()
    headers = {
        "x-amzn-RequestId": str(uuid.uuid4()),
        "Content-Type": "application/x-amz-json-1.0",
        "x-amz-crc32": str(zlib.crc32(body)),
    }
    return made_up(status, body, headers)
