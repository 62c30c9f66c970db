"""RSA signatures over SHA-256 (PKCS#1 v1.5), in base64."""

from __future__ import annotations

import base64
from functools import lru_cache

from Cryptodome.Hash import SHA256
from Cryptodome.PublicKey import RSA
from Cryptodome.PublicKey.RSA import RsaKey
from Cryptodome.Signature import pkcs1_15


@lru_cache(maxsize=8)
def read_key(key: str) -> RsaKey:
    """A key from the base64 of its DER: PKCS#1, PKCS#8 or X.509. Raises ValueError. A private one takes a tenth of a
    second, once a process.
    """
    try:
        return RSA.import_key(base64.b64decode(key))
    except (IndexError, TypeError) as error:
        raise ValueError("no RSA key") from error


def sign(key: RsaKey, text: str) -> str:
    """The signature of a text by a private key."""
    return base64.b64encode(pkcs1_15.new(key).sign(SHA256.new(text.encode()))).decode()


def is_signed(key: RsaKey, text: str, signature: object) -> bool:
    """Whether the signature of the text is by the holder of the key's private half."""
    if not isinstance(signature, str):
        return False
    try:
        pkcs1_15.new(key).verify(SHA256.new(text.encode()), base64.b64decode(signature, validate=True))
    except ValueError:
        return False
    return True
