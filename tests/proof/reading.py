"""Reading a whole partition of a DynamoDB Local, by HTTP and JSON alone.

A hundred thousand looks at everything that is stored would take hours through the client library; and this way they
owe nothing to the code that is to be proved.
"""

from __future__ import annotations

import json
import os
from functools import lru_cache
from typing import Any

import urllib3

_HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Target": "DynamoDB_20120810.Query",
    # DynamoDB Local wants to see a signature and does not look at it.
    "Authorization": (
        "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0"
    ),
}


@lru_cache(maxsize=1)
def _connections() -> urllib3.PoolManager:
    return urllib3.PoolManager(maxsize=4)


_RETRIES = urllib3.Retry(total=3, allowed_methods=None)
"""A connection that was cut, or lay idle too long, is made anew: reading twice does no harm."""


def read_partition(table: str, owner: str) -> list[bytes]:
    """DynamoDB's answers that hold all items with this `owner`, in order of `sort`, strongly consistent.

    Equal answers hold equal items. AssertionError when it does not answer.
    """
    query: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": "#owner = :owner",
        "ExpressionAttributeNames": {"#owner": "owner"},
        "ExpressionAttributeValues": {":owner": {"S": owner}},
        "ConsistentRead": True,
    }
    answers: list[bytes] = []
    while True:
        answer = _connections().request(
            "POST",
            os.environ["AWS_ENDPOINT_URL_DYNAMODB"],
            body=json.dumps(query),
            headers=_HEADERS,
            timeout=30,
            retries=_RETRIES,
        )
        assert answer.status == 200, answer.data
        answers.append(answer.data)
        if b'"LastEvaluatedKey"' not in answer.data:
            return answers
        query["ExclusiveStartKey"] = json.loads(answer.data)["LastEvaluatedKey"]


def items_in(answers: list[bytes]) -> list[dict[str, Any]]:
    """The items of these answers, each attribute with its type."""
    return [item for answer in answers for item in json.loads(answer)["Items"]]
