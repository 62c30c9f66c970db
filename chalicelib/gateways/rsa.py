"""RSA signatures over SHA-256 (PKCS#1 v1.5), in base64."""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Any

from Cryptodome.Hash import SHA256
from Cryptodome.PublicKey import RSA
from Cryptodome.PublicKey.RSA import RsaKey
from Cryptodome.Signature import pkcs1_15
from Cryptodome.Util.asn1 import DerBitString, DerOctetString, DerSequence

_PUBLIC, _PRIVATE = 2, 9
_RSA = bytes.fromhex("06092a864886f70d010101")
"""The DER of `rsaEncryption`, an identifier of algorithms (RFC 8017, A.1)."""


@lru_cache(maxsize=8)
def read_key(key: str) -> RsaKey:
    """A key from the base64 of its DER: PKCS#1, PKCS#8 or X.509. Raises ValueError.

    A private one is not tested for primes, which takes a tenth of a second. It signs once instead: pycryptodomex holds
    what it has signed against the public half, so that no key whose parts do not belong together gets through.
    """
    try:
        der = base64.b64decode(key)
        parts = _numbers(der)
        if len(parts) == _PUBLIC:
            return RSA.construct((parts[0], parts[1]))
        if len(parts) != _PRIVATE:
            return RSA.import_key(der)
        n, e, d, p, q = parts[1:6]
        private = RSA.construct((n, e, d, p, q), consistency_check=False)
        sign(private, "")
        return private
    except (IndexError, TypeError, ZeroDivisionError) as error:
        raise ValueError("no RSA key") from error


def _numbers(der: bytes) -> list[Any]:
    """The numbers of a private key, the modulus second, or of a public one, the modulus first (RFC 8017, A.1; within
    PKCS#8: RFC 5208, 5; within X.509: RFC 5280, 4.1). Other than `_PRIVATE` or `_PUBLIC` of them: it is neither. Raises
    ValueError for what is no DER. The library's own reader loads the ciphers of encrypted keys.
    """
    outer = list(_sequence(der))
    if len(outer) == 3 and outer[0] == 0 and isinstance(outer[2], bytes):
        outer = list(_sequence(DerOctetString().decode(outer[2]).payload))
    elif (
        len(outer) == 2 and all(isinstance(part, bytes) for part in outer) and _sequence(outer[0])[0] == _RSA
    ):
        outer = list(_sequence(DerBitString().decode(outer[1]).value))
    return outer if all(isinstance(part, int) for part in outer) else []


def _sequence(der: bytes) -> Any:
    return DerSequence().decode(der)


def certificate_serial(certificate: str) -> str:
    """The serial number of an X.509 certificate, the base64 of its DER, in upper-case hexadecimal digits. Raises
    ValueError.
    """
    try:
        body = _sequence(_sequence(base64.b64decode(certificate))[0])
        # The version stands before it, if it is not the first (RFC 5280, 4.1).
        number = next(part for part in list(body)[:2] if isinstance(part, int))
    except (IndexError, TypeError, StopIteration) as error:
        raise ValueError("no certificate") from error
    return f"{number:X}"


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
