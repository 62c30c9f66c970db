"""The API's handler, beside the runtime client: it keeps nothing of the catalogue between requests."""

from __future__ import annotations

from typing import Any

import app


def handler(event: dict[str, Any], context: object) -> Any:
    app.app.forget_fresh()
    return app.app(event, context)
