"""Passwords: the rules for a new one, and hashes in Django's form."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
from base64 import b64encode

from chalicelib.errors import WeakPassword
from chalicelib.settings import MAX_PASSWORD_ITERATIONS
from chalicelib.shop.user_name import folded

MIN_PASSWORD_LENGTH, MAX_PASSWORD_LENGTH = 8, 128
_TELLING_NAME_LENGTH = 3
"""A shorter name occurs in many a password by chance: a user named `a` may use that letter."""

_COMMON_PASSWORDS = frozenset(
    """
    password password1 password12 password123 passw0rd p@ssw0rd iloveyou sunshine princess football baseball
    superman trustno1 welcome1 qwertyui qwerty123 qwertyuiop qwer1234 1qaz2wsx 1q2w3e4r 1q2w3e4r5t asdfghjk
    asdfghjkl zxcvbnm1 abc12345 abcd1234 abcdefgh a1234567 a12345678 a123456789 aa123456 aa12345678 woaini1314
    woaini520 5201314a 123456789a 12345678a q1w2e3r4 admin123 root1234 letmein1 changeme test1234
    """.split()  # noqa: SIM905
)
"""The commonest passwords that pass the other rules, folded."""

_ALGORITHM = "pbkdf2_sha256"
_HASH = re.compile(
    rf"{_ALGORITHM}\$(?P<iterations>[1-9][0-9]{{0,8}})\$(?P<salt>[^$]+)\$(?P<derived>[A-Za-z0-9+/]{{43}}=)"
)
UNUSABLE_HASH = "!"
"""Stored where there is no usable hash; Django marks one alike."""
_SALT_CHARACTERS = string.ascii_letters + string.digits


def raise_if_weak(password: str, username: str) -> None:
    """Raise WeakPassword, with the `rule` that a new password breaks: length, digits, name or common."""
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        raise WeakPassword(rule="length")
    if password.isdigit():
        raise WeakPassword(rule="digits")
    name = folded(username)
    if name == folded(password) or (len(name) >= _TELLING_NAME_LENGTH and name in folded(password)):
        raise WeakPassword(rule="name")
    if folded(password) in _COMMON_PASSWORDS or len(set(password)) < 4:
        raise WeakPassword(rule="common")


def hash_password(password: str, iterations: int) -> str:
    """A new hash in Django's form `pbkdf2_sha256$<iterations>$<salt>$<base64 hash>`."""
    salt = "".join(secrets.choice(_SALT_CHARACTERS) for _ in range(22))
    return f"{_ALGORITHM}${iterations}${salt}${_derive(password, salt, iterations)}"


def is_usable_hash(encoded: str) -> bool:
    """Whether a stored text is a hash that a password can be checked against here."""
    return _parse(encoded) is not None


def password_matches(password: str, encoded: str) -> bool:
    """Whether `encoded` is the hash of `password`. An unusable hash matches nothing."""
    stored = _parse(encoded)
    if stored is None:
        return False
    derived = _derive(password, stored["salt"], int(stored["iterations"]))
    return hmac.compare_digest(derived.encode(), stored["derived"].encode())


def needs_new_hash(encoded: str, iterations: int) -> bool:
    """Whether a usable hash has fewer iterations than are asked for today."""
    stored = _parse(encoded)
    return stored is not None and int(stored["iterations"]) < iterations


def _parse(encoded: str) -> re.Match[str] | None:
    stored = _HASH.fullmatch(encoded)
    return stored if stored and int(stored["iterations"]) <= MAX_PASSWORD_ITERATIONS else None


def _derive(password: str, salt: str, iterations: int) -> str:
    return b64encode(hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), iterations)).decode()
