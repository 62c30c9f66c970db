"""The Lambdas that no learner calls: the notifications of the payment providers, and the clock.

They are a blueprint, whose functions Lambda calls in this file: so they start without the routes of app.py.
"""

from __future__ import annotations

from typing import Any

from chalice.app import Blueprint, CloudWatchEvent, Cron, Rate

import chalicelib.web.imports  # noqa: F401 - before all else
from chalicelib.flows import claim_coupon, work_off
from chalicelib.flows import send_messages as messages
from chalicelib.flows.hold_bills import HOLD_SECONDS, hold_last
from chalicelib.flows.tell_operators import tell_operators
from chalicelib.request_log import add_fields, request_line
from chalicelib.shop.payment_type import ALIPAY, WECHAT
from chalicelib.web.notification import answer_notification
from chalicelib.web.process import Process

process = Process()
functions = Blueprint(__name__)

TIMER_SECONDS = 100.0
"""How long one run of a timer works; its function's time-out in `.chalice/config.json` is longer."""


@functions.lambda_function(name="alipay_notify")
def alipay_notify(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Take a notification of Alipay, an event of API Gateway."""
    with process.in_time(context):
        return answer_notification(process.gateways.of(ALIPAY), event, process.now())


@functions.lambda_function(name="wechat_notify")
def wechat_notify(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Take a notification of WeChat Pay, of a payment or a refund, an event of API Gateway."""
    with process.in_time(context):
        return answer_notification(process.gateways.of(WECHAT), event, process.now())


@functions.schedule(Rate(1, unit=Rate.MINUTES), name="work_off_orders")
def work_off_orders(event: CloudWatchEvent) -> None:
    """Do what is due of orders and refunds, and count what needs a person."""
    with process.in_time(event.context), request_line("timer", "work_off_orders"):
        add_fields(done=work_off.run_due_work(process.gateways, process.now, TIMER_SECONDS))
        add_fields(**work_off.count_for_a_person())


@functions.schedule(Rate(1, unit=Rate.MINUTES), name="send_messages")
def send_messages(event: CloudWatchEvent) -> None:
    """Send messages by SMS and mail, and remind of what ends."""
    with process.in_time(event.context), request_line("timer", "send_messages"):
        add_fields(done=messages.run(process.gateways, process.settings, process.now, TIMER_SECONDS))
        add_fields(undelivered=messages.count_undelivered())
        tell_operators(process.settings.operators, process.now())


@functions.schedule(Rate(1, unit=Rate.MINUTES), name="sweep_coupon_claims")
def sweep_coupon_claims(event: CloudWatchEvent) -> None:
    """Settle claims of coupons that were begun and not ended."""
    with process.in_time(event.context), request_line("timer", "sweep_coupon_claims"):
        add_fields(cleared=claim_coupon.sweep_claims(process.now, TIMER_SECONDS))


@functions.schedule(Cron("10", "2,4,6,8,10,12", "*", "*", "?", "*"), name="hold_bills")
def hold_bills(event: CloudWatchEvent) -> None:
    """Hold the providers' bills of the last days against the journal."""
    with process.in_time(event.context), request_line("timer", "hold_bills"):
        add_fields(days=len(hold_last(process.gateways, process.now, HOLD_SECONDS)))
