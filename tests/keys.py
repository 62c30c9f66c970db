"""The key pairs of this test run, made once for all its workers: those that its settings name."""

from __future__ import annotations

from localstack.provider.keys import KeyPair
from tests.conftest import run


def _pair(owner: str) -> KeyPair:
    return KeyPair(run[f"{owner}_private_key"], run[f"{owner}_public_key"])


APP, ALIPAY, MERCHANT, WECHAT = (_pair(owner) for owner in ("app", "alipay", "mch", "wechat"))
