"""What the video platform's player reads: its own form, not the shop's."""

from __future__ import annotations

import json
from collections.abc import Mapping

from chalice.app import Response


def marquee(members: Mapping[str, str], function: str | None) -> Response:
    """`GET /video/marquee`: an object, or a script that calls `function` with it."""
    text = json.dumps(
        {**members, "status": int(members["status"])}, ensure_ascii=False, separators=(",", ":")
    )
    if function is None:
        return Response(text, headers={"Content-Type": "application/json"})
    # What stands before it keeps the answer from being anything but a script.
    script = "".join(_IN_SCRIPTS.get(character, character) for character in text)
    return Response(
        f"/**/{function}({script})", headers={"Content-Type": "application/javascript; charset=utf-8"}
    )


_IN_SCRIPTS = {"<": "\\u003c", "\u2028": "\\u2028", "\u2029": "\\u2029"}
"""What is harmless in JSON and not in every script."""
