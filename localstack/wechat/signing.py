"""What the merchant and WeChat Pay sign and encrypt: requests, answers, notices, the page within WeChat."""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from localstack.provider.keys import is_signed, sign

SCHEME = "WECHATPAY2-SHA256-RSA2048"
LONGEST_SKEW = 300
"""Seconds by which the time of a request may differ from ours."""
_FIELDS = {"mchid", "nonce_str", "signature", "timestamp", "serial_no"}


@dataclass
class Merchant:
    """The merchant as registered at WeChat Pay, and WeChat Pay's own keys.

    With ``signs_with_platform_key`` answers and notices are signed as to a merchant who has not changed over to the
    public key: by the platform's key, whose certificate has the number ``platform_serial``.
    """

    app_id: str
    merchant_id: str
    merchant_serial: str
    merchant_public_key: RSAPublicKey
    public_key_id: str
    private_key: RSAPrivateKey
    api_v3_key: bytes
    app_secret: str
    platform_serial: str = ""
    platform_key: RSAPrivateKey | None = None
    signs_with_platform_key: bool = False

    def signed(self, body: str, now: datetime, key: RSAPrivateKey | None = None) -> dict[str, str]:
        """The headers that sign a body; ``key`` is another's than WeChat Pay's."""
        timestamp, nonce = str(int(now.timestamp())), secrets.token_hex(16)
        serial, own = self.public_key_id, self.private_key
        if self.signs_with_platform_key and self.platform_key is not None:
            serial, own = self.platform_serial, self.platform_key
        return {
            "Wechatpay-Timestamp": timestamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": serial,
            "Wechatpay-Signature": sign(f"{timestamp}\n{nonce}\n{body}\n", key or own),
            "Wechatpay-Signature-Type": SCHEME,
        }

    def sealed(self, plain: str, associated_data: str) -> dict[str, str]:
        """The encrypted resource of a notice."""
        nonce = secrets.token_hex(6)
        sealed = AESGCM(self.api_v3_key).encrypt(nonce.encode(), plain.encode(), associated_data.encode())
        return {
            "original_type": associated_data,
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": base64.b64encode(sealed).decode(),
            "associated_data": associated_data,
            "nonce": nonce,
        }

    def request_fault(
        self, authorization: str, method: str, path: str, body: str, now: datetime
    ) -> str | None:
        """What is wrong with the header of a request, None when it is right."""
        scheme, _, rest = authorization.partition(" ")
        pairs = re.findall(r'([a-z_]+)="([^"]*)"', rest)
        if scheme != SCHEME or ",".join(f'{name}="{value}"' for name, value in pairs) != rest:
            return "Authorization 格式错误"
        fields = dict(pairs)
        if fields.keys() != _FIELDS or len(pairs) != len(_FIELDS):
            return "Authorization 字段错误"
        if fields["mchid"] != self.merchant_id:
            return "商户号错误"
        if fields["serial_no"] != self.merchant_serial:
            return "商户证书序列号错误"
        timestamp, nonce = fields["timestamp"], fields["nonce_str"]
        if not re.fullmatch(r"[0-9]{1,12}", timestamp, re.ASCII):
            return "时间戳错误"
        if abs(int(timestamp) - now.timestamp()) > LONGEST_SKEW:
            return "时间戳过期"
        if not re.fullmatch(r"[0-9A-Za-z]{1,32}", nonce, re.ASCII):
            return "随机串错误"
        text = f"{method}\n{path}\n{timestamp}\n{nonce}\n{body}\n"
        return None if is_signed(text, fields["signature"], self.merchant_public_key) else "签名错误"

    def is_page_signature(self, members: dict[str, str]) -> bool:
        """Whether the merchant has signed what a page hands to ``WeixinJSBridge``."""
        text = "".join(f"{members.get(name, '')}\n" for name in ("appId", "timeStamp", "nonceStr", "package"))
        return members.get("signType") == "RSA" and is_signed(
            text, members.get("paySign", ""), self.merchant_public_key
        )
