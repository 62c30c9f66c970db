"""One at a time: who deploys a stage, or takes it away, holds an object of its bucket for as long."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from infra.stacks import NotDeployed
from infra.stage import Stage

KEY = "under-way.json"
_TAKEN = ("PreconditionFailed", "ConditionalRequestConflict")


@contextmanager
def alone(stage: Stage, client: Callable[..., Any], take_over: bool = False) -> Iterator[None]:
    """Hold the stage. Raises NotDeployed, which says who holds it, unless it is to be taken over from a run that
    ended without letting go, as by a power cut. The stage's bucket must be there; when it is gone, it is let go.
    """
    s3, place = client("s3"), {"Bucket": stage.code_bucket, "Key": KEY}
    mine = {
        "by": client("sts").get_caller_identity()["Arn"],
        "on": socket.gethostname(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
        "token": secrets.token_hex(8),
    }
    only_if_free = {} if take_over else {"IfNoneMatch": "*"}
    try:
        s3.put_object(**place, Body=json.dumps(mine).encode(), **only_if_free)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _TAKEN:
            raise
        holder = _holder(s3, place)
        raise NotDeployed(
            f"Another run of this program is under way for {stage.name}: begun {holder.get('since')} by "
            f"{holder.get('by')} on {holder.get('on')}. Wait for its end.\n"
            "If it ended without letting go, as by a power cut: --take-over"
        ) from error
    try:
        yield
    finally:
        if _holder(s3, place).get("token") == mine["token"]:
            s3.delete_object(**place)


def _holder(s3: Any, place: dict[str, str]) -> dict[str, str]:
    """What the object says; nothing where it is gone by now."""
    with suppress(ClientError):
        found: dict[str, str] = json.loads(s3.get_object(**place)["Body"].read())
        return found
    return {}
