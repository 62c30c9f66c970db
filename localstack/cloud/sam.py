"""Applies the SAM transform to a template, as CloudFormation does. LocalStack's Python runs it: it has the translator.

Reads `{"template": ..., "parameters": ...}` and writes the template.
"""

import json
import sys
from typing import Any

from samtranslator.translator.transform import transform  # type: ignore[import-not-found]


class NoManagedPolicies:
    """The shop's functions have policies of their own."""

    def load(self) -> dict[str, str]:
        """No names of managed policies."""
        return {}


def main() -> None:
    """From standard input to standard output."""
    given: dict[str, Any] = json.load(sys.stdin)
    json.dump(transform(given["template"], given["parameters"], NoManagedPolicies()), sys.stdout)


if __name__ == "__main__":
    main()
