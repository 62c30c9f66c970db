"""Print docs/settings.md, made of the table of settings.

python infra/settings_page.py > docs/settings.md
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from chalicelib.settings import FUNCTIONS, GROUPS, SETTINGS, Setting

HEAD = """\
# Settings

Environment variables. `NAME_FILE` may name a file that holds the value of `NAME`; `NAME_ARN` may name, for what is
secret, the secret in Secrets Manager that holds it: its ARN, with `::STAGE:VERSION` behind it for another than the
current version. A secret is read once, at start. A missing or malformed setting is named at start, with what it should
be. The captcha's group is wanted whole with `CAPTCHA=on`, another third party's where any of it is given; there must
be one payment provider at least. What the variables of AWS leave open is asked of AWS's configuration files and
botocore's chain; no HTTP proxy is used on the way to AWS.

This page is made of [chalicelib/settings.py](../chalicelib/settings.py) by
`.venv/bin/python infra/settings_page.py > docs/settings.md`.
"""

FUNCTIONS_HEAD = """\
## What each function reads

A Lambda function reads, at start, what stands in its row and the variables of AWS; by Lambda's `_HANDLER` it knows
which function it is, and by `AWS_LAMBDA_INITIALIZATION_TYPE` whether a request waits for its start. What it reads it
gets, and no more: who takes notifications has no private key. A test runs each function with nothing else.
"""


def page() -> str:
    """The page's text."""
    parts = [HEAD]
    for group, settings in GROUPS.items():
        rows = ["| Name | Meaning | Default |", "| --- | --- | --- |", *map(_row, settings)]
        parts.append(f"## {group}\n\n" + "\n".join(rows) + "\n")
    parts.append(_functions())
    return "\n".join(parts)


def _functions() -> str:
    rows = ["| Function | Secrets | Others |", "| --- | --- | --- |"]
    for function, names in FUNCTIONS.items():
        in_order = [setting for setting in SETTINGS.values() if setting.name in names]
        secret = ", ".join(f"`{setting.name}`" for setting in in_order if setting.is_secret)
        other = ", ".join(f"`{setting.name}`" for setting in in_order if not setting.is_secret)
        rows.append(f"| `{function}` | {secret or 'none'} | {other} |")
    return f"{FUNCTIONS_HEAD}\n" + "\n".join(rows) + "\n"


def _row(setting: Setting) -> str:
    default = (
        "must be set" if setting.default is None else f"`{setting.default}`" if setting.default else "none"
    )
    secret = " (secret)" if setting.is_secret else ""
    return f"| `{setting.name}` | {setting.meaning}{secret} | {default} |"


if __name__ == "__main__":
    sys.stdout.write(page())
