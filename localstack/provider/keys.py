"""RSA keys as PEM text, and RSASSA-PKCS1-v1_5 signatures over SHA-256 in base64, by which all providers sign."""

from __future__ import annotations

import base64
import binascii
import textwrap
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa


class KeyPair(NamedTuple):
    """An RSA key pair as PEM text: the private half in PKCS#8, the public half in SubjectPublicKeyInfo."""

    private_pem: str
    public_pem: str


def generate_keys(bits: int = 2048) -> KeyPair:
    """Make a throwaway key pair."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return KeyPair(private.decode(), public_pem(key.public_key()))


def make_keys(folder: Path, *owners: str) -> None:
    """Write a throwaway key pair for each owner, ``<owner>_private_key.pem`` and ``<owner>_public_key.pem``, into a
    folder, unless they exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for owner in owners:
        private, public = folder / f"{owner}_private_key.pem", folder / f"{owner}_public_key.pem"
        if private.exists() and public.exists():
            continue
        keys = generate_keys()
        private.touch(mode=0o600)
        private.write_text(keys.private_pem)
        public.write_text(keys.public_pem)


def public_half(private_key: str) -> str:
    """The public half, as PEM text, of a private key. Raises ValueError when it is none."""
    return public_pem(load_private_key(private_key).public_key())


@lru_cache(maxsize=8)  # reading one proves that it is one, which takes a tenth of a second
def load_private_key(text: str) -> rsa.RSAPrivateKey:
    """Read a PKCS#1 or PKCS#8 key, with or without its header lines. Raises ValueError when it is none."""
    for label in ("PRIVATE KEY", "RSA PRIVATE KEY"):
        try:
            key = serialization.load_pem_private_key(_pem(text, label), password=None)
        except (ValueError, TypeError):
            continue
        if isinstance(key, rsa.RSAPrivateKey):
            return key
    raise ValueError("not an unencrypted RSA private key in PEM form")


def load_public_key(text: str) -> rsa.RSAPublicKey:
    """Read a public key, with or without its header lines. Raises ValueError when it is none."""
    for label in ("PUBLIC KEY", "RSA PUBLIC KEY"):
        try:
            key = serialization.load_pem_public_key(_pem(text, label))
        except (ValueError, TypeError):
            continue
        if isinstance(key, rsa.RSAPublicKey):
            return key
    raise ValueError("not an RSA public key in PEM form")


def sign(text: str, key: rsa.RSAPrivateKey, charset: str = "utf-8") -> str:
    """The base64 signature of a text in this encoding."""
    signature = key.sign(text.encode(charset), padding.PKCS1v15(), hashes.SHA256())
    return base64.b64encode(signature).decode("ascii")


def is_signed(text: str, signature: str, key: rsa.RSAPublicKey) -> bool:
    """Whether ``signature`` is clean base64 of the key holder's signature of ``text``."""
    try:
        key.verify(
            base64.b64decode(signature, validate=True),
            text.encode("utf-8"),
            padding.PKCS1v15(),
            hashes.SHA256(),
        )
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def public_pem(key: rsa.RSAPublicKey) -> str:
    """A public key as PEM text."""
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def _pem(text: str, label: str) -> bytes:
    if "-----BEGIN" in text:
        return text.strip().encode()
    lines = "\n".join(textwrap.wrap("".join(text.split()), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n".encode()
