"""Mail by Amazon SES, version 2 of its API: one signed request. The region and the credentials are the function's."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError

from chalicelib.deadline import Deadline
from chalicelib.errors import GatewayUnavailable
from chalicelib.gateways.http import Answer, exchange
from chalicelib.gateways.mail import address_of, compose
from chalicelib.gateways.post import Refused, SendState, Sent, Unclear
from chalicelib.gateways.sms import utc_now
from chalicelib.settings import MailSettings, aws_settings

_CALL_SECONDS = 5.0
_PASSING = ("TooManyRequests", "Throttling", "LimitExceeded")
"""What begins like this passes by itself."""
_OF_THIS_MAIL = ("MessageRejected", "BadRequest")


class SesMail:
    """Sends as the function's role, by `ses:SendEmail` and `ses:SendRawEmail`. `clock` tells aware times."""

    def __init__(self, account: MailSettings, clock: Callable[[], datetime] = utc_now) -> None:
        self._account = account
        self._clock = clock
        self._session: Any = None

    def send(
        self,
        to: str,
        subject: str,
        text: str,
        html: str,
        message_id: str,
        unsubscribe_url: str | None,
        deadline: Deadline,
    ) -> SendState:
        """As `MailSender.send`; what is sent is known there by a number of SES."""
        sender = self._account.sender
        content = compose(sender, to, subject, text, html, message_id, unsubscribe_url, self._clock())
        asked = {
            "FromEmailAddress": address_of(sender),
            "Destination": {"ToAddresses": [to]},
            "Content": {"Raw": {"Data": b64encode(content).decode()}},
        }
        try:
            request = self._signed(json.dumps(asked).encode())
        except BotoCoreError as error:
            return Refused(type(error).__name__, is_final=False, needs_person=True)
        try:
            answer = exchange(
                "mail",
                "POST",
                request.url,
                deadline,
                _CALL_SECONDS,
                headers=dict(request.headers.items()),
                body=request.body,
            )
        except GatewayUnavailable as trouble:
            return Unclear(str(trouble.facts["reason"]))
        return _state(answer)

    def _signed(self, body: bytes) -> Any:
        """The request, signed with SigV4. Raises BotoCoreError without a region or credentials."""
        aws = aws_settings(address="AWS_ENDPOINT_URL_SESV2")
        region = aws.region or self._botocore().get_config_variable("region")
        credentials = (
            Credentials(aws.access_key_id, aws.secret_access_key, aws.session_token)
            if aws.access_key_id
            else self._botocore().get_credentials()
        )
        if not region or credentials is None:
            raise BotoCoreError
        domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        base = aws.endpoint_url or f"https://email.{region}.{domain}"
        request = AWSRequest(
            "POST",
            f"{base}/v2/email/outbound-emails",
            headers={"Content-Type": "application/json"},
            data=body,
        )
        SigV4Auth(credentials, "ses", region).add_auth(request)
        return request.prepare()

    def _botocore(self) -> Any:
        if self._session is None:
            import botocore.session

            self._session = botocore.session.get_session()
        return self._session


def _state(answer: Answer) -> SendState:
    try:
        members = json.loads(answer.body or b"{}")
    except (ValueError, RecursionError):
        members = None
    if answer.status == 200:
        known = members.get("MessageId") if isinstance(members, dict) else None
        return Sent(known) if isinstance(known, str) and known else Unclear("no MessageId")
    code = re.match(r"[A-Za-z]{1,64}", answer.headers.get("x-amzn-errortype", ""))
    if not code or not 400 <= answer.status < 500:
        return Unclear(str(answer.status))
    word = code[0]
    is_final = word.startswith(_OF_THIS_MAIL)
    return Refused(word, is_final, needs_person=not is_final and not word.startswith(_PASSING))
