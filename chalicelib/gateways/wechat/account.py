"""The keys of the merchant's account at WeChat Pay."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from Cryptodome.Cipher import AES
from Cryptodome.PublicKey.RSA import RsaKey

from chalicelib.errors import InvalidSetting
from chalicelib.gateways import rsa
from chalicelib.settings import WechatSettings

_LEAST_BITS = 2048


class Keys:
    """The keys of an account. Each is read at its first use, and raises InvalidSetting if it is wrong."""

    def __init__(self, account: WechatSettings) -> None:
        self._account = account

    @cached_property
    def signing(self) -> RsaKey:
        """The merchant's private key."""
        name = "WECHAT_MCH_PRIVATE_KEY"
        key = _read(self._account.merchant_private_key, name, "an RSA private key")
        if not key.has_private():
            raise InvalidSetting(name=name, expected="a private key, this is a public one")
        return key

    @cached_property
    def by_serial(self) -> Mapping[str, RsaKey]:
        """The keys with which WeChat Pay may sign, by what it calls them in `Wechatpay-Serial`."""
        account = self._account
        public = _read(account.public_key, "WECHAT_PUBLIC_KEY", "an RSA public key")
        if public.has_private():
            raise InvalidSetting(name="WECHAT_PUBLIC_KEY", expected="a public key, this is a private one")
        keys = {account.public_key_id: public}
        if account.platform_certificate:
            name, expected = "WECHAT_PLATFORM_CERTIFICATE", "an X.509 certificate with an RSA key"
            try:
                serial = rsa.certificate_serial(account.platform_certificate)
            except ValueError as error:
                raise InvalidSetting(name=name, expected=expected) from error
            keys[serial] = _read(account.platform_certificate, name, expected)
            if keys[serial].size_in_bits() < _LEAST_BITS:
                raise InvalidSetting(name=name, expected=f"a certificate with {_LEAST_BITS} bits at least")
        return keys

    @cached_property
    def secret(self) -> bytes:
        """The APIv3 key, by which notifications are encrypted."""
        return self._account.api_v3_key.encode()

    def check(self) -> None:
        """Load the keys that the account has. Raises InvalidSetting, which names the one that is wrong."""
        own = self.signing.n if self._account.has("merchant_private_key") else None
        if self._account.has("api_v3_key"):
            AES.new(
                self.secret, AES.MODE_GCM, nonce=bytes(12)
            )  # loads what the first notification would wait for
        for serial, key in self.by_serial.items():
            if key.n == own:
                is_public = serial == self._account.public_key_id
                name = "WECHAT_PUBLIC_KEY" if is_public else "WECHAT_PLATFORM_CERTIFICATE"
                raise InvalidSetting(name=name, expected="what WeChat Pay signs with, not the merchant's own")


def _read(text: str, name: str, expected: str) -> RsaKey:
    try:
        return rsa.read_key(text)
    except ValueError as error:
        raise InvalidSetting(name=name, expected=expected) from error
