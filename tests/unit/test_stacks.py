"""How a stack is brought about: what CloudFormation is asked, by a client that notes it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.stacks import INLINE_BYTES, Deployer, NotDeployed, Stack

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


class Standing(CloudFormation):
    """A stack that is there, and has an output."""

    def describe_stacks(self, **_: Any) -> dict[str, Any]:
        output = {"OutputKey": "ApiRecord", "OutputValue": "d-1.execute-api.example"}
        return {"Stacks": [{"StackName": "shop", "StackStatus": "CREATE_COMPLETE", "Outputs": [output]}]}


def test_what_a_stack_puts_out_is_told_before_the_next_one_is_begun() -> None:
    told: list[str] = []
    found = Deployer(Standing(), Bucket(), "code", say=told.append).deploy(Stack("shop", "{}"))
    assert found == {"ApiRecord": "d-1.execute-api.example"}
    assert told == ["shop: nothing changes", "    ApiRecord: d-1.execute-api.example"]


class UnderWay(CloudFormation):
    """A stack that a run which was cut off has left while it was made; `ends` is how it ends."""

    def __init__(self, ends: str) -> None:
        super().__init__()
        self.looks, self.ends = 0, ends

    def describe_stacks(self, **_: Any) -> dict[str, Any]:
        self.looks += 1
        status = "CREATE_IN_PROGRESS" if self.looks < 4 else self.ends
        return {"Stacks": [{"StackName": "shop", "StackId": "arn:shop", "StackStatus": status}]}

    def describe_stack_events(self, **_: Any) -> dict[str, Any]:
        return {"StackEvents": []}

    def get_paginator(self, _: str) -> SimpleNamespace:
        return SimpleNamespace(paginate=lambda **_: [{"StackEvents": []}])


def test_what_a_run_that_was_cut_off_has_begun_is_waited_for() -> None:
    cloudformation, told = UnderWay("CREATE_COMPLETE"), list[str]()
    Deployer(cloudformation, None, "bucket", told.append, seconds=0).deploy(Stack("shop", "{}"))
    assert told == [
        "shop: CREATE_IN_PROGRESS, begun by another run: waiting for its end",
        "shop: nothing changes",
    ]
    assert cloudformation.asked[0]["ChangeSetType"] == "UPDATE"


def test_what_cannot_be_gone_on_with_is_told() -> None:
    cloudformation = UnderWay("UPDATE_ROLLBACK_FAILED")
    with pytest.raises(NotDeployed, match="UPDATE_ROLLBACK_FAILED: see to it"):
        Deployer(cloudformation, None, "bucket", lambda _: None, seconds=0).deploy(Stack("shop", "{}"))
