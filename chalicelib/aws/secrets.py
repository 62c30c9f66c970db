"""Secrets Manager: the text of a secret, by its ARN."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from chalicelib.aws import AwsSettings
from chalicelib.errors import StoreUnavailable

if TYPE_CHECKING:
    from chalicelib.aws.signed_transport import SignedTransport

_ARN = re.compile(
    r"(?P<arn>arn:aws[a-z-]*:secretsmanager:(?P<region>[a-z0-9-]+):[0-9]{12}:secret:[^:\s]+)"
    r"(::(?P<stage>[^:\s]*):(?P<version>[^:\s]*))?"
)
_ATTEMPTS = 3
_OPERATION = "GetSecretValue"
_PASSING = ("ThrottlingException", "TooManyRequestsException")


class Secrets:
    """Reads secrets over one kept connection, which `close` ends: a process that is stored when it is ready must not
    wake up with it.
    """

    def __init__(self, aws: AwsSettings) -> None:
        self._aws = aws
        self._transports: dict[str, SignedTransport] = {}

    def __enter__(self) -> Secrets:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        for transport in self._transports.values():
            transport.close()

    def read(self, arn: str) -> str:
        """The text of a secret; of one version of it with `ARN::STAGE:VERSION`, as ECS writes it.

        One call; three at most, when it is not answered or refused for load. Raises StoreUnavailable, whose `reason`
        is the name of the trouble.
        """
        parts = _ARN.fullmatch(arn)
        if parts is None:
            raise self._trouble("no ARN of a secret")
        asked = {"SecretId": parts["arn"], "VersionStage": parts["stage"], "VersionId": parts["version"]}
        answer = self._ask(parts["region"], {name: text for name, text in asked.items() if text})
        text = answer.get("SecretString")
        if not isinstance(text, str):
            raise self._trouble("no text in it")
        return text

    def _ask(self, region: str, asked: dict[str, str]) -> dict[str, Any]:
        # Here, because a shop without such secrets does without botocore, too.
        from botocore.exceptions import ClientError

        from chalicelib.aws.signed_transport import NoClearAnswer

        trouble = self._trouble("busy")
        for _ in range(_ATTEMPTS):
            try:
                return self._transport(region)._make_api_call(_OPERATION, asked)
            except NoClearAnswer as error:
                trouble = error
            except ClientError as error:
                trouble = self._trouble(error.response["Error"]["Code"])
                if trouble.facts["reason"] not in _PASSING:
                    break
        raise trouble

    def _transport(self, region: str) -> SignedTransport:
        from chalicelib.aws.signed_transport import SECRETS_MANAGER, SignedTransport

        if region not in self._transports:
            aws = replace(self._aws, region=region)
            self._transports[region] = SignedTransport(aws, SECRETS_MANAGER, connect=1.0, read=2.0)
        return self._transports[region]

    @staticmethod
    def _trouble(reason: str) -> StoreUnavailable:
        return StoreUnavailable(store="secretsmanager", operation=_OPERATION, reason=reason)
