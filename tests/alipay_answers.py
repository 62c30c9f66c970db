"""Genuinely signed answers of Alipay's gateway with the content that a test wants."""

from __future__ import annotations

import json
from typing import Any

from localstack.alipay import AlipaySimulator
from tests.faults import Action, answer


def signed(alipay: AlipaySimulator, method: str, fields: dict[str, Any]) -> Action:
    """This very answer to a call of `method` (`alipay.trade.refund`), signed with Alipay's key."""
    member, text = f"{method.replace('.', '_')}_response", json.dumps(fields)
    signature = alipay.merchant.sign(text)
    return answer(200, f'{{"{member}":{text},"sign":"{signature}"}}'.encode())


def refused(alipay: AlipaySimulator, method: str, sub_code: str) -> Action:
    """A signed business refusal of a call of `method`."""
    fields = {"code": "40004", "msg": "Business Failed", "sub_code": sub_code, "sub_msg": sub_code}
    return signed(alipay, method, fields)
