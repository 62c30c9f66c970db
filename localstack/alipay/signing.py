"""RSA2 as Alipay uses it: what exactly is signed. (RSASSA-PKCS1-v1_5, SHA-256, base64.)"""

from __future__ import annotations

from collections.abc import Mapping

from localstack.provider.keys import (
    KeyPair,
    generate_keys,
    is_signed,
    load_private_key,
    load_public_key,
    public_half,
    public_pem,
    sign,
)

__all__ = [
    "KeyPair",
    "generate_keys",
    "is_signed",
    "load_private_key",
    "load_public_key",
    "notice_text",
    "public_half",
    "public_pem",
    "request_text",
    "sign",
]


def request_text(parameters: Mapping[str, str]) -> str:
    """The text that a merchant signs in a request: all fields but ``sign``, without blanks, ``sign_type`` included."""
    return _joined({name: value for name, value in parameters.items() if name != "sign" and value != ""})


def notice_text(fields: Mapping[str, str]) -> str:
    """The text that Alipay signs in a notice or a return: all fields but ``sign`` and ``sign_type``, with blanks."""
    return _joined({name: value for name, value in fields.items() if name not in ("sign", "sign_type")})


def _joined(fields: Mapping[str, str]) -> str:
    return "&".join(f"{name}={fields[name]}" for name in sorted(fields))
