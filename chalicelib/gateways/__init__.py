"""Third parties, one class each. A flow gets them as arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.gateways.alipay import Alipay
    from chalicelib.gateways.geetest import Geetest


@dataclass(frozen=True)
class Gateways:
    """All third parties of the shop; `geetest` is None where the captcha is off."""

    alipay: Alipay
    geetest: Geetest | None
