"""The edge at which payment providers call (a raw event -> the provider's own yes or no) and send the browser back.

It alone catches everything: whatever goes wrong, the answer is no and the provider sends the notification again.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from chalicelib import request_log
from chalicelib.errors import NotificationRefused
from chalicelib.flows.take_notification import take_notification
from chalicelib.gateways.payments import MAX_NOTIFICATION_BYTES, Notification, PaymentProvider, Receipt

log = logging.getLogger(__name__)

_GENUINE = "fields"
"""The one check of a gateway's that only a genuine notification can fail."""


def answer_notification(provider: PaymentProvider, event: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Take a provider's notification, an event of API Gateway (body as text, base64 or null) -> the answer to send."""
    given = event if isinstance(event, dict) else {}
    context = given.get("requestContext")
    request_id = context.get("requestId", "") if isinstance(context, dict) else ""
    with request_log.request_line("notification", str(request_id)):
        is_taken = _take(lambda: provider.parse_notification(_headers(given), _body(given)), now)
        request_log.add_fields(provider=provider.name, outcome="success" if is_taken else "fail")
    return _answer(provider.receipt(is_taken))


def _take(parse: Callable[[], Notification], now: datetime) -> bool:
    try:
        notification = parse()
        request_log.add_fields(told=notification.told, notify_id=notification.notify_id)
        failed = take_notification(notification, now)
    except NotificationRefused as refusal:
        level = logging.ERROR if refusal.check == _GENUINE else logging.WARNING
        log.log(level, "a notification was refused: %s", refusal.check)
        return False
    except Exception as error:
        log.error("a notification was not taken: %s", type(error).__name__, exc_info=True)
        return False
    if failed is not None:
        # It is genuine: there may be money that no order knows of.
        log.error("a notification was refused: %s", failed)
    return failed is None


def _single_fields(query: Mapping[str, list[str]]) -> dict[str, str]:
    """The fields of a query in which each occurs once. Raises NotificationRefused."""
    if any(len(values) != 1 for values in query.values()):
        raise NotificationRefused(check="duplicate")
    return {name: values[0] for name, values in query.items()}


def returned_order(provider: PaymentProvider, query: Mapping[str, list[str]]) -> str | None:
    """The number of the order of a returning buyer's query; None when the provider did not sign it."""
    try:
        return provider.parse_return(_single_fields(query))
    except NotificationRefused:
        return None


def _headers(event: dict[str, Any]) -> dict[str, str]:
    given = event.get("headers")
    headers = given.items() if isinstance(given, dict) else ()
    return {str(name).lower(): str(text) for name, text in headers if text is not None}


def _body(event: dict[str, Any]) -> bytes:
    body = event.get("body") or ""
    if len(body) > 4 * MAX_NOTIFICATION_BYTES // 3 + 4:  # in base64, too, that is more than is taken
        raise NotificationRefused(check="size")
    if event.get("isBase64Encoded"):
        try:
            return base64.b64decode(body, validate=True)
        except ValueError as error:
            raise NotificationRefused(check="encoding") from error
    try:
        return body if isinstance(body, bytes) else str(body).encode()
    except UnicodeEncodeError as error:
        raise NotificationRefused(check="encoding") from error


def _answer(receipt: Receipt) -> dict[str, Any]:
    return {
        "statusCode": receipt.status,
        "headers": {"Content-Type": receipt.media_type, "X-Content-Type-Options": "nosniff"},
        "body": receipt.body,
        "isBase64Encoded": False,
    }
