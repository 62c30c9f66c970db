"""Throwaway keys of a local shop, made once and kept with its data: tokens and orders survive a restart."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from localstack.provider.keys import generate_keys, public_half


class Keys:
    """The files of keys in `directory`; private ones are readable by their owner only."""

    def __init__(self, directory: Path) -> None:
        """Make what does not exist yet."""
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._directory = directory
        self.jwt = directory / "jwt_key"
        self.contact = directory / "contact_key"
        self.app_private = directory / "app_private_key.pem"
        self.alipay_private = directory / "alipay_private_key.pem"
        self.alipay_public = directory / "alipay_public_key.pem"
        self.mch_private = directory / "mch_private_key.pem"
        self.wechat_private = directory / "wechat_private_key.pem"
        self.wechat_public = directory / "wechat_public_key.pem"
        self.wechat_api_v3 = directory / "wechat_api_v3_key"
        self.wechat_app_secret = directory / "wechat_app_secret"
        self.geetest_id = directory / "geetest_id"
        self.geetest_key = directory / "geetest_key"
        self.polyv = directory / "polyv_secret_key"
        self.sms_secret = directory / "sms_access_key_secret"
        self.mail_password = directory / "mail_password"
        for key in (self.jwt, self.contact):
            if not key.exists():
                write_private(key, secrets.token_urlsafe(48))
        words = [self.geetest_id, self.geetest_key, self.wechat_api_v3, self.wechat_app_secret, self.polyv]
        words += [self.sms_secret, self.mail_password]
        for word in words:
            if not word.exists():
                write_private(word, secrets.token_hex(16))
        for private in (self.app_private, self.alipay_private, self.mch_private, self.wechat_private):
            if not private.exists():
                write_private(private, generate_keys().private_pem)
        for public, private in (
            (self.alipay_public, self.alipay_private),
            (self.wechat_public, self.wechat_private),
        ):
            write_private(public, public_half(private.read_text()))

    def mail_url(self, place: str) -> Path:
        """A file with the address of the mail server at `place`, with the user and the password for it."""
        path = self._directory / "mail_url"
        write_private(path, f"smtp://post:{self.mail_password.read_text()}@{place}")
        return path

    def public_half_of(self, private_key: str, owner: str) -> Path:
        """A file with the public half of a key of `owner`, by which it is named. Raises ValueError when that is no
        RSA key.
        """
        path = self._directory / f"{owner}_public_key.pem"
        write_private(path, public_half(private_key))
        return path


def write_private(path: Path, text: str) -> None:
    """Write a file, whole or not at all, that only its owner may read."""
    draft = path.with_name(path.name + ".new")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)
