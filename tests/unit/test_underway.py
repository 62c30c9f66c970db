"""Of two that deploy a stage at once, one is told who the other is."""

from __future__ import annotations

import io
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.stacks import NotDeployed
from infra.stage import read_stage
from infra.underway import alone

STAGE = read_stage("example")


class Bucket:
    """S3 with one object, and STS."""

    def __init__(self) -> None:
        self.held: bytes | None = None

    def __call__(self, _: str) -> Bucket:
        return self

    def get_caller_identity(self) -> dict[str, str]:
        return {"Arn": "arn:aws:iam::000000000000:user/operator"}

    def put_object(self, Body: bytes, IfNoneMatch: str | None = None, **_: Any) -> None:  # noqa: N803
        if IfNoneMatch and self.held is not None:
            raise ClientError({"Error": {"Code": "PreconditionFailed", "Message": ""}}, "PutObject")
        self.held = Body

    def get_object(self, **_: Any) -> dict[str, Any]:
        if self.held is None:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": ""}}, "GetObject")
        return {"Body": io.BytesIO(self.held)}

    def delete_object(self, **_: Any) -> None:
        self.held = None


def test_the_second_is_refused_until_the_first_has_ended() -> None:
    bucket = Bucket()
    with alone(STAGE, bucket):
        with pytest.raises(NotDeployed, match=r"under way for example: begun .* by arn.*operator on ."):
            with alone(STAGE, bucket):
                pytest.fail("both are in")
        assert bucket.held
    assert bucket.held is None


def test_what_is_cut_off_lets_go() -> None:
    bucket = Bucket()
    with pytest.raises(KeyboardInterrupt), alone(STAGE, bucket):
        raise KeyboardInterrupt
    assert bucket.held is None


def test_who_was_taken_over_from_lets_go_of_nothing_any_more() -> None:
    bucket = Bucket()
    with alone(STAGE, bucket, take_over=True):
        with alone(STAGE, bucket, take_over=True):
            held = bucket.held
            assert held
        bucket.held = held
    assert bucket.held == held
