"""Whom the shop trusts when it calls others over TLS."""

from __future__ import annotations

import ssl
from functools import lru_cache

import certifi


@lru_cache(maxsize=2)
def tls_context(ca_bundle: str | None) -> ssl.SSLContext:
    """Verifies certificates and host names, by the authorities of a file, or the usual ones. Reads them, some 30
    milliseconds long, once a process.
    """
    return ssl.create_default_context(cafile=ca_bundle or certifi.where())
