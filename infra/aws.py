"""The cloud as the deploying program needs it: the templates of the stacks, and what they cannot say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

INFRA = Path(__file__).resolve().parent


class Aws:
    """AWS. For what is like it, but not quite, a subclass says all that differs."""

    seconds = 3.0
    """The pause between two looks at a stack that changes."""

    def text(self, stack: str) -> str:
        """The template of a stack that is not packaged."""
        return self.adapted(stack, (INFRA / f"{stack}.json").read_text(encoding="utf-8"))

    def adapted(self, stack: str, text: str) -> str:
        """A template, read or packaged, as this cloud takes it."""
        return text

    def transformed(self, stack: str, text: str, parameters: Mapping[str, str]) -> str:
        """The template as it goes up, when its parameters are known."""
        return text

    def set_stack_policy(self, cloudformation: Any, stack: str, policy: str) -> None:
        """Say what no update of a stack may do. `cloudformation` is boto3's client."""
        cloudformation.set_stack_policy(StackName=stack, StackPolicyBody=policy)
