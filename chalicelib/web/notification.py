"""The edge at which Alipay calls (a raw form event -> `success` or `fail`) and sends the browser back.

The one place that catches everything: whatever goes wrong, the answer is `fail` and Alipay sends the notice
again.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib import request_log
from chalicelib.errors import NotificationRefused
from chalicelib.flows.take_notification import take_notice
from chalicelib.gateways import Gateways
from chalicelib.web import requests

log = logging.getLogger(__name__)

_AFTER_THE_SIGNATURE = ("fields", "order", "channel", "amount", "trade_status")
"""Checks that only a genuine notice of our own merchant can fail: there may be money that no order knows of."""


def answer_alipay(event: dict[str, Any], gateways: Gateways, now: datetime) -> dict[str, Any]:
    """Take a notification event of API Gateway (body as text, base64 or null) -> the answer to send."""
    context = event.get("requestContext") if isinstance(event, dict) else None
    request_id = context.get("requestId", "") if isinstance(context, dict) else ""
    with request_log.request_line("notification", str(request_id)):
        text = _take(event, gateways, now)
        request_log.note(outcome=text)
    return _plain(text)


def _take(event: dict[str, Any], gateways: Gateways, now: datetime) -> str:
    try:
        notice = gateways.alipay.parse_notice(_body(event))
        request_log.note(trade_status=notice.trade_status, notify_id=notice.notify_id)
        take_notice(notice, now)
    except NotificationRefused as refusal:
        check = refusal.facts.get("check")
        level = logging.ERROR if check in _AFTER_THE_SIGNATURE else logging.WARNING
        log.log(level, "a notification was refused: %s", check)
        return "fail"
    except Exception as trouble:
        log.error("a notification was not taken: %s", type(trouble).__name__, exc_info=True)
        return "fail"
    return "success"


def returned_order(query: Mapping[str, list[str]], gateways: Gateways) -> str | None:
    """The number of the order whose buyer comes back with this query; None when Alipay did not sign it."""
    try:
        return gateways.alipay.parse_return(requests.single_fields(query))
    except NotificationRefused:
        return None


def _body(event: dict[str, Any]) -> bytes:
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        try:
            return base64.b64decode(body, validate=True)
        except ValueError as error:
            raise NotificationRefused(check="encoding") from error
    try:
        return body if isinstance(body, bytes) else str(body).encode()
    except UnicodeEncodeError as error:
        raise NotificationRefused(check="encoding") from error


def _plain(text: str) -> dict[str, Any]:
    return {
        "statusCode": 200,
        "headers": {"Content-Type": "text/plain"},
        "body": text,
        "isBase64Encoded": False,
    }
