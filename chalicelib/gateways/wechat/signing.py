"""What is signed and encrypted at WeChat Pay, and how.

Requests: WECHATPAY2-SHA256-RSA2048 over method, path with query, time, nonce and body, each closed by a line feed.
Answers and notifications: over time, nonce and raw body. What notifications tell is encrypted (AEAD_AES_256_GCM).
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from Cryptodome.Cipher import AES

from chalicelib.gateways import rsa
from chalicelib.gateways.wechat.account import Keys
from chalicelib.settings import WechatSettings

SCHEME = "WECHATPAY2-SHA256-RSA2048"
LONGEST_SKEW = timedelta(minutes=5)
"""A signature this far from now, in either direction, or farther is not believed."""
_TAG_BYTES = 16
_NONCE_BYTES = 12


class NotVerified(Exception):
    """A signature or an encryption does not hold; `check` says which part of it."""

    def __init__(self, check: str) -> None:
        super().__init__(check)
        self.check = check


def lines(*parts: str) -> str:
    """The text of which a signature is made: each part closed by a line feed."""
    return "".join(f"{part}\n" for part in parts)


def new_nonce() -> str:
    """32 random characters of [0-9A-F]."""
    return secrets.token_hex(16).upper()


def authorization(
    account: WechatSettings, keys: Keys, method: str, path: str, body: str, at: datetime, nonce: str
) -> str:
    """The header `Authorization` of a request; `path` with its query, `body` as it is sent, empty for none."""
    timestamp = str(int(at.timestamp()))
    signature = rsa.sign(keys.signing, lines(method, path, timestamp, nonce, body))
    fields = {
        "mchid": account.merchant_id,
        "nonce_str": nonce,
        "signature": signature,
        "timestamp": timestamp,
        "serial_no": account.merchant_serial,
    }
    return f"{SCHEME} " + ",".join(f'{name}="{value}"' for name, value in fields.items())


def page_signature(keys: Keys, app_id: str, timestamp: str, nonce: str, package: str) -> str:
    """The signature with which a page within WeChat asks for the payment (`paySign`)."""
    return rsa.sign(keys.signing, lines(app_id, timestamp, nonce, package))


def is_signed(headers: Mapping[str, str]) -> bool:
    """Whether somebody claims to have signed."""
    return "wechatpay-signature" in headers


def verify(keys: Keys, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Check that WeChat Pay has signed this body within the last or next five minutes; names of headers are in lower
    case. Raises NotVerified.

    The serial is compared before all else: whoever names an unknown key causes no work.
    """
    key = keys.by_serial.get(headers.get("wechatpay-serial", ""))
    if key is None:
        raise NotVerified("serial")
    if headers.get("wechatpay-signature-type", SCHEME) != SCHEME:
        raise NotVerified("sign_type")
    timestamp, nonce = headers.get("wechatpay-timestamp", ""), headers.get("wechatpay-nonce", "")
    if not re.fullmatch(r"[0-9]{1,12}", timestamp, re.ASCII):
        raise NotVerified("timestamp")
    if abs(int(timestamp) - now.timestamp()) >= LONGEST_SKEW.total_seconds():
        raise NotVerified("timestamp")
    # A line feed in it would make the begin of the body a part of the nonce, in a text that is signed all the same.
    if not re.fullmatch(r"[0-9A-Za-z_-]{1,64}", nonce, re.ASCII):
        raise NotVerified("nonce")
    try:
        text = lines(timestamp, nonce, body.decode("utf-8"))
        genuine = rsa.is_signed(key, text, headers.get("wechatpay-signature"))
    except UnicodeError as error:
        raise NotVerified("encoding") from error
    if not genuine:
        raise NotVerified("sign")


def decrypt(secret: bytes, nonce: str, associated_data: str, ciphertext: str) -> bytes:
    """The plain text of an encrypted resource, its tag checked. Raises NotVerified."""
    try:
        sealed = base64.b64decode(ciphertext, validate=True)
        iv = nonce.encode()
        if len(sealed) < _TAG_BYTES or len(iv) != _NONCE_BYTES:
            raise NotVerified("resource")
        cipher = AES.new(secret, AES.MODE_GCM, nonce=iv, mac_len=_TAG_BYTES)
        cipher.update(associated_data.encode())
        return cipher.decrypt_and_verify(sealed[:-_TAG_BYTES], sealed[-_TAG_BYTES:])
    except ValueError as error:
        raise NotVerified("resource") from error
