"""How Alipay posts a notice: a form, to be answered by ``success``."""

from __future__ import annotations

from datetime import datetime

from localstack.alipay.bad_days import NOTICE_CONTENT, spoiled_notice
from localstack.alipay.notices import Merchant
from localstack.alipay.trades import beijing
from localstack.provider.book import Due
from localstack.provider.courier import Letter

_HEADERS = {
    # Malformed, and exactly what Alipay sends.
    "Content-Type": "application/x-www-form-urlencoded; text/html; charset=utf-8",
    "User-Agent": "Mozilla/4.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
}


class FormWriter:
    """Writes notices of a merchant's trades."""

    spoiled_by = NOTICE_CONTENT

    def __init__(self, merchant: Merchant) -> None:
        self._merchant = merchant

    def write(self, due: Due, now: datetime, struck: frozenset[str]) -> Letter:
        """A notice signed now, with all that struck it."""
        return as_letter(spoiled_notice({"notify_time": beijing(now), **due.fields}, self._merchant, struck))

    def is_taken(self, status: int, answer: bytes) -> bool:
        """Whether the merchant has taken the notice."""
        return status == 200 and answer == b"success"


def as_letter(form: str) -> Letter:
    """A signed form as it is posted."""
    return Letter(form.encode("ascii"), _HEADERS)
