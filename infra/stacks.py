"""Stacks of CloudFormation: files go up by their hash, changes are shown before they are made, and waited for in words.

Used against AWS and LocalStack alike; whoever uses it brings boto3's clients.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.changes import Change, changes, refused

INLINE_BYTES = 51_200
"""The largest template that CloudFormation takes without a bucket (AWS, CloudFormation's quotas)."""

_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_NO_CHANGE = ("didn't contain changes", "No updates are to be performed", "no changes")


class NotDeployed(Exception):
    """Nothing, or not everything, was deployed; the text says what and what to do."""


@dataclass(frozen=True)
class Stack:
    """One stack as it shall be. `template` is the text of a template; `parameters` and `tags` map names to values."""

    name: str
    template: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


class Deployer:
    """Brings stacks about. `say` gets each line of progress; `confirm` the changes, and says whether to go on.

    `allowed_losses` are logical names of precious resources that may be replaced or removed (`infra/changes.py`).
    `seconds` is the pause between two looks at a stack.
    """

    def __init__(
        self,
        cloudformation: Any,
        s3: Any,
        bucket: str,
        say: Callable[[str], None],
        confirm: Callable[[str, Sequence[Change]], bool] = lambda stack, found: True,
        allowed_losses: Sequence[str] = (),
        seconds: float = 3,
    ) -> None:
        self._cloudformation, self._s3, self._bucket = cloudformation, s3, bucket
        self._say, self._confirm, self._allowed, self._seconds = say, confirm, allowed_losses, seconds

    def upload(self, path: Path) -> str:
        """Put a file into the bucket, unless it is there -> its key, which is made of its contents' SHA-256."""
        content = path.read_bytes()
        key = f"{hashlib.sha256(content).hexdigest()[:32]}/{path.name}"
        if not self._is_there(key):
            self._say(f"uploading {path.name}, {len(content) / 1e6:.1f} MB")
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=content)
        return key

    def upload_package(self, directory: Path) -> str:
        """Upload the zips of a packaged application -> its template, which names them by their place in the bucket.

        Raises NotDeployed where the template names a file that is not there.
        """
        template = (directory / "sam.json").read_text(encoding="utf-8")
        for path in sorted(directory.glob("*.zip")):
            template = template.replace(f'"./{path.name}"', f'"s3://{self._bucket}/{self.upload(path)}"')
        if '"./' in template:
            raise NotDeployed(f"{directory}/sam.json names a file that was not packaged.")
        return template

    def deploy(self, stack: Stack) -> dict[str, str]:
        """Create or update a stack, and wait -> its outputs, which are told at once: an operator who makes DNS records
        by hand needs them before the next stack can be used.

        Raises NotDeployed where the operator or a rule refuses the changes, and where CloudFormation fails; then
        it has rolled the stack back to what it was.
        """
        kind = self._kind_of_change(stack.name)
        # A name of its own each time: one left behind by a run that was cut off is in nobody's way.
        name = f"deploy-{time.time_ns():x}"
        self._cloudformation.create_change_set(
            StackName=stack.name,
            ChangeSetName=name,
            ChangeSetType=kind,
            Capabilities=_CAPABILITIES,
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in stack.parameters.items()
            ],
            Tags=[{"Key": key, "Value": value} for key, value in stack.tags.items()],
            **self._template(stack),
        )
        found = self._described(stack.name, name)
        if not found:
            self._cloudformation.delete_change_set(StackName=stack.name, ChangeSetName=name)
            self._say(f"{stack.name}: nothing changes")
            return self._told_outputs(stack.name)
        self._say(f"{stack.name}: " + ("a new stack" if kind == "CREATE" else f"{len(found)} changes"))
        for change in found:
            self._say(f"    {change}")
        problems = refused(found, self._allowed)
        if problems or not self._confirm(stack.name, found):
            self._cloudformation.delete_change_set(StackName=stack.name, ChangeSetName=name)
            raise NotDeployed("\n".join(problems) or f"{stack.name}: not wanted, nothing was changed")
        began = self._newest_event(stack.name)
        # What is made and rolled back goes, though its template keeps it: a second try finds its names free.
        self._cloudformation.execute_change_set(
            StackName=stack.name, ChangeSetName=name, RetainExceptOnCreate=True
        )
        self._wait(stack.name, began)
        return self._told_outputs(stack.name)

    def delete(self, name: str) -> None:
        """Delete a stack, and wait. Raises NotDeployed where something of it cannot be deleted."""
        described = self._describe(name)
        if described is None:
            return
        began = self._newest_event(name)
        self._cloudformation.delete_stack(StackName=name)
        # By its id: a stack that is gone has no name any more.
        self._wait(described["StackId"], began)

    def wait_for_others(self, name: str) -> None:
        """Return when nothing changes a stack any more: what a run that was cut off has begun goes on by itself."""
        described = self._describe(name)
        status = described["StackStatus"] if described else ""
        if not described or not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
            return
        self._say(f"{name}: {status}, begun by another run: waiting for its end")
        try:
            self._wait(described["StackId"], self._newest_event(name))
        except NotDeployed as failed:
            self._say(str(failed))

    def status(self, name: str) -> str | None:
        """CloudFormation's word for the state of a stack; None where there is none."""
        described = self._describe(name)
        return described["StackStatus"] if described else None

    def outputs(self, name: str) -> dict[str, str]:
        """The outputs of a stack, none where there is no stack."""
        described = self._describe(name) or {}
        return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}

    def _told_outputs(self, name: str) -> dict[str, str]:
        outputs = self.outputs(name)
        for key, value in sorted(outputs.items()):
            self._say(f"    {key}: {value}")
        return outputs

    def _kind_of_change(self, name: str) -> str:
        self.wait_for_others(name)
        status = self.status(name)
        if status == "ROLLBACK_COMPLETE":
            # A first creation that failed leaves an empty stack, which cannot be updated.
            self._say(f"{name}: removing what a failed creation left")
            self.delete(name)
            return "CREATE"
        if status is None or status == "REVIEW_IN_PROGRESS":
            return "CREATE"
        if not status.endswith("_COMPLETE"):
            raise NotDeployed(f"{name} is in the state {status}: see to it in CloudFormation's console first")
        return "UPDATE"

    def _template(self, stack: Stack) -> dict[str, str]:
        content = stack.template.encode()
        if len(content) <= INLINE_BYTES:
            return {"TemplateBody": stack.template}
        key = f"{hashlib.sha256(content).hexdigest()[:32]}/{stack.name}.json"
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=content)
        # Not signed: CloudFormation fetches it with the caller's own permission, at the address of the bucket's region.
        return {"TemplateURL": f"{self._s3.meta.endpoint_url}/{self._bucket}/{key}"}

    def _described(self, stack: str, name: str) -> list[Change]:
        while True:
            described = self._cloudformation.describe_change_set(StackName=stack, ChangeSetName=name)
            if described["Status"] == "FAILED":
                reason = described.get("StatusReason", "")
                if any(text in reason for text in _NO_CHANGE):
                    return []
                raise NotDeployed(f"{stack}: {reason}")
            if described["Status"] == "CREATE_COMPLETE":
                return changes(self._pages_of_changes(stack, name, described))
            time.sleep(self._seconds)

    def _pages_of_changes(self, stack: str, name: str, page: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield from page["Changes"]
        while token := page.get("NextToken"):
            page = self._cloudformation.describe_change_set(
                StackName=stack, ChangeSetName=name, NextToken=token
            )
            yield from page["Changes"]

    def _wait(self, name: str, after: str | None) -> None:
        began, failures = time.monotonic(), []
        while True:
            # Before the events: once it is final, they are all there.
            status = self.status(name)
            if status is None or status == "DELETE_COMPLETE":
                return
            for event in self._events(name, after):
                after, became = event["EventId"], event["ResourceStatus"]
                reason = event.get("ResourceStatusReason", "")
                if became.endswith("_FAILED") and "cancelled" not in reason:
                    failures.append(f"{event['LogicalResourceId']}: {reason}")
                self._say(
                    f"    {time.monotonic() - began:4.0f} s  {event['LogicalResourceId']}  {became}  {reason}".rstrip()
                )
            if not status.endswith("_IN_PROGRESS"):
                if failures or "ROLLBACK" in status or status.endswith("_FAILED"):
                    raise NotDeployed(
                        f"{name}: {status}\n" + "\n".join(f"    {failure}" for failure in failures)
                    )
                return
            time.sleep(self._seconds)

    def _events(self, name: str, after: str | None) -> list[dict[str, Any]]:
        """The events since one, oldest first."""
        found: list[dict[str, Any]] = []
        for page in self._cloudformation.get_paginator("describe_stack_events").paginate(StackName=name):
            for event in page["StackEvents"]:
                if event["EventId"] == after:
                    return found[::-1]
                found.append(event)
        return found[::-1]

    def _newest_event(self, name: str) -> str | None:
        page = self._cloudformation.describe_stack_events(StackName=name)
        return page["StackEvents"][0]["EventId"] if page["StackEvents"] else None

    def _describe(self, name: str) -> dict[str, Any] | None:
        try:
            described: dict[str, Any] = self._cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return described

    def _is_there(self, key: str) -> bool:
        try:
            self._s3.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
                return False
            raise
        return True
