"""What API Gateway answers by itself, as `infra/gateway-responses.json` says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parents[1] / "infra" / "gateway-responses.json"
_HEADER = "gatewayresponse.header."


@dataclass(frozen=True)
class GatewayResponse:
    """One answer; `headers` without Content-Type, which is JSON's, and `body` as text."""

    status: int
    headers: Mapping[str, str]
    body: str


def gateway_responses(allowed_origins: str) -> dict[str, GatewayResponse]:
    """The answers by their `ResponseType`, for a shop with this setting ALLOWED_ORIGINS."""
    templates = json.loads(FILE.read_text(encoding="utf-8"))["Resources"].values()
    found = {}
    for properties in (template["Properties"] for template in templates):
        headers = {}
        for parameter, value in properties["ResponseParameters"].items():
            text = value if isinstance(value, str) else value["Fn::Sub"]
            text = text.replace("${AllowedOrigins}", allowed_origins)
            headers[parameter.removeprefix(_HEADER)] = text.strip("'")
        found[properties["ResponseType"]] = GatewayResponse(
            int(properties["StatusCode"]), headers, properties["ResponseTemplates"]["application/json"]
        )
    return found
