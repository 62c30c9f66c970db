"""How a stack is brought about: what CloudFormation is asked, by a client that notes it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.stacks import INLINE_BYTES, Deployer, Stack

REGIONAL = "https://s3.ap-southeast-1.amazonaws.com"


class CloudFormation:
    """Makes every stack that it is asked for at once, with nothing to say about it."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def create_change_set(self, **asked: Any) -> None:
        self.asked.append(asked)

    def describe_change_set(self, **_: Any) -> dict[str, Any]:
        return {"Status": "FAILED", "StatusReason": "The submitted information didn't contain changes."}

    def delete_change_set(self, **_: Any) -> None:
        pass

    def describe_stacks(self, **_: Any) -> dict[str, Any]:
        raise ClientError(
            {"Error": {"Code": "ValidationError", "Message": "does not exist"}}, "DescribeStacks"
        )


class Bucket:
    """Keeps what is put into it."""

    meta = SimpleNamespace(endpoint_url=REGIONAL)

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, **given: Any) -> None:
        self.objects[f"{given['Bucket']}/{given['Key']}"] = given["Body"]


@pytest.mark.parametrize("size", [100, INLINE_BYTES + 1])
def test_a_template_goes_along_or_lies_in_the_bucket_at_an_address_of_its_region(size: int) -> None:
    cloudformation, bucket = CloudFormation(), Bucket()
    text = json.dumps({"Description": "x" * size})
    Deployer(cloudformation, bucket, "code", say=lambda line: None).deploy(Stack("shop", text))
    [asked] = cloudformation.asked
    if size < INLINE_BYTES:
        assert (asked["TemplateBody"], bucket.objects) == (text, {})
        return
    # A signature of the old kind is refused for buckets of today, and the common address leads to new ones late.
    [(place, content)] = bucket.objects.items()
    assert asked["TemplateURL"] == f"{REGIONAL}/{place}"
    assert content.decode() == text
