"""The signature of Alibaba Cloud's APIs, version 3, of requests whose parameters all stand in the query.

https://help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import quote

_ALGORITHM = "ACS3-HMAC-SHA256"
_NOTHING = sha256(b"").hexdigest()


def query_text(query: Mapping[str, str]) -> str:
    """A query as it is signed and sent: by name, all but letters, digits and `-_.~` percent-encoded."""
    return "&".join(f"{quote(name, safe='~')}={quote(query[name], safe='~')}" for name in sorted(query))


def signed_headers(
    access_key_id: str,
    access_key_secret: str,
    *,
    method: str,
    host: str,
    query: Mapping[str, str],
    action: str,
    version: str,
    date: str,
    nonce: str,
) -> dict[str, str]:
    """All headers of a request to `/` without a body. `date` is `YYYY-MM-DDTHH:MM:SSZ`, right within 15 minutes; each
    `nonce` is taken once.
    """
    headers = {
        "host": host,
        "x-acs-action": action,
        "x-acs-content-sha256": _NOTHING,
        "x-acs-date": date,
        "x-acs-signature-nonce": nonce,
        "x-acs-version": version,
    }
    names = ";".join(sorted(headers))
    lines = [f"{name}:{headers[name]}" for name in sorted(headers)]
    canonical = "\n".join([method, "/", query_text(query), *lines, "", names, _NOTHING])
    text = f"{_ALGORITHM}\n{sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(access_key_secret.encode(), text.encode(), sha256).hexdigest()
    credential = f"{_ALGORITHM} Credential={access_key_id},SignedHeaders={names},Signature={signature}"
    return headers | {"Authorization": credential}
