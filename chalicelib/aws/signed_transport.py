"""The wire protocol of DynamoDB and its kin: JSON over HTTP, signed with SigV4, on kept connections.

Stands in for botocore's client under pynamodb, and reads secrets. botocore builds each request and reads each answer
through a model of the service, which costs three to four times the processor time.
"""

from __future__ import annotations

import base64
import hmac
import json
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import urllib3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from chalicelib.aws import AwsSettings
from chalicelib.deadline import LEAST_SECONDS, Deadline
from chalicelib.errors import StoreUnavailable
from chalicelib.tls import tls_context

_CONNECTIONS = 32
_CLOCK_ERRORS = frozenset(
    {"InvalidSignatureException", "RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"}
)
_SKEW_TAKEN = timedelta(minutes=4)
"""AWS accepts a signature of five minutes ago or ahead: a clock this near is not at fault."""


class Service(NamedTuple):
    """A service of AWS: its name in addresses and signatures, what stands before an operation's name, its version of
    JSON.
    """

    name: str
    target: str
    json: str


DYNAMODB = Service("dynamodb", "DynamoDB_20120810", "1.0")
SECRETS_MANAGER = Service("secretsmanager", "secretsmanager", "1.1")


class NoClearAnswer(StoreUnavailable):
    """No answer came, or one that does not say whether the call took effect."""


class Credentials(NamedTuple):
    """Keys that sign requests to AWS; `token` belongs to those that expire."""

    access_key: str
    secret_key: str
    token: str | None


def authorization(
    credentials: Credentials, region: str, service: str, path: str, headers: dict[str, str], body: bytes
) -> str:
    """The Authorization header of a POST, by Signature Version 4.

    Signs all of `headers`: names in lower case and `x-amz-date` (`20261128T010000Z`) among them.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    moment = headers["x-amz-date"]
    names = sorted(headers)
    signed = ";".join(names)
    lines = [f"{name}:{headers[name]}" for name in names]
    canonical = "\n".join(("POST", path, "", *lines, "", signed, sha256(body).hexdigest()))
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    signature = _hmac(_signing_key(credentials.secret_key, moment[:8], region, service), text).hex()
    return (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, "
        f"SignedHeaders={signed}, Signature={signature}"
    )


@lru_cache(maxsize=8)
def _signing_key(secret_key: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for part in (day, region, service, "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SignedTransport:
    """Sends a service's operations, each once and within the request's deadline. Threads may share it.

    `connect` and `read` are seconds, at most. Credentials come from the environment, else from botocore's chain, which
    renews them in time.
    """

    def __init__(
        self,
        aws: AwsSettings,
        service: Service = DYNAMODB,
        *,
        connect: float,
        read: float,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.listeners: list[Callable[[str, bytes], None]] = []
        """Called with operation and body before each sending. An error of theirs stops it."""
        self._aws = aws
        self._service = service
        self._connect, self._read = connect, read
        self._clock = clock
        self._skew = timedelta(0)
        self._lock = threading.Lock()
        self._botocore: Any = None
        self._connected: _Endpoint | None = None

    def _make_api_call(self, operation_name: str, operation_kwargs: dict[str, Any]) -> dict[str, Any]:
        """Send an operation and return its answer. pynamodb calls botocore's client by this name.

        Raises ClientError when AWS refuses, NoClearAnswer when the effect is not known, StoreUnavailable when the
        call cannot be signed.
        """
        body = json.dumps(operation_kwargs, separators=(",", ":"), default=_base64).encode()
        answer = self._send(operation_name, body)
        if _refused_for_time(answer) and self._corrects_clock(answer):
            answer = self._send(operation_name, body)
        if answer.refusal is not None:
            raise ClientError(answer.refusal, operation_name)
        return answer.content

    def _send(self, operation: str, body: bytes) -> _Answer:
        left = Deadline().remaining()
        if left < LEAST_SECONDS:
            raise _trouble(StoreUnavailable, self._service, operation, "deadline")
        try:
            endpoint = self._endpoint()
            credentials = self._credentials()
        except BotoCoreError as error:
            raise _trouble(StoreUnavailable, self._service, operation, type(error).__name__) from error
        headers = {
            "content-type": f"application/x-amz-json-{self._service.json}",
            "host": endpoint.host,
            "x-amz-date": (self._clock() + self._skew).strftime("%Y%m%dT%H%M%SZ"),
            "x-amz-target": f"{self._service.target}.{operation}",
        }
        if credentials.token:
            headers["x-amz-security-token"] = credentials.token
        headers["authorization"] = authorization(
            credentials, endpoint.region, self._service.name, endpoint.path, headers, body
        )
        headers["accept-encoding"] = "identity"  # x-amz-crc32 is the checksum of the bytes as sent
        for listener in self.listeners:
            listener(operation, body)
        try:
            answer = endpoint.pool.urlopen(
                "POST",
                endpoint.path,
                body,
                headers,
                retries=False,
                redirect=False,
                timeout=urllib3.Timeout(connect=min(self._connect, left), read=min(self._read, left)),
            )
        except urllib3.exceptions.HTTPError as error:
            # After a pause of the container the other kept connections have died as well.
            self._connected = None
            raise _trouble(NoClearAnswer, self._service, operation, type(error).__name__) from error
        return _read(self._service, operation, answer)

    def prepare(self) -> None:
        """Make what all calls share: authorities, the finder of credentials. Opens no connection."""
        with suppress(NoRegionError):  # a call will say so
            self._endpoint()
        if not self._aws.access_key_id:
            self._session()

    def close(self) -> None:
        """Close the kept connections. The next call opens others."""
        endpoint, self._connected = self._connected, None
        if endpoint is not None:
            endpoint.pool.close()

    def _endpoint(self) -> _Endpoint:
        endpoint = self._connected
        if endpoint is None:
            region = self._aws.region or self._session().get_config_variable("region")
            if not region:
                raise NoRegionError
            self._connected = endpoint = _open_endpoint(self._aws, self._service, region)
        return endpoint

    def _credentials(self) -> Credentials:
        aws = self._aws
        if aws.access_key_id and aws.secret_access_key:
            return Credentials(aws.access_key_id, aws.secret_access_key, aws.session_token)
        with self._lock:  # botocore's session is not for several threads, its credentials are
            found = self._session().get_credentials()
        if found is None:
            raise NoCredentialsError
        frozen = found.get_frozen_credentials()
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    def _session(self) -> Any:
        if self._botocore is None:
            import botocore.session

            self._botocore = botocore.session.get_session()
        return self._botocore

    def _corrects_clock(self, answer: _Answer) -> bool:
        """Whether AWS's clock differs so much that signatures are refused; from now on the transport follows it."""
        if answer.sent_at is None:
            return False
        now = self._clock()
        if abs(answer.sent_at - now - self._skew) < _SKEW_TAKEN:
            return False
        self._skew = answer.sent_at - now
        return True


class _Endpoint(NamedTuple):
    pool: urllib3.HTTPConnectionPool
    host: str
    path: str
    region: str


def _open_endpoint(aws: AwsSettings, service: Service, region: str) -> _Endpoint:
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    parts = urlsplit(aws.endpoint_url or f"https://{service.name}.{region}.{domain}")
    assert parts.hostname
    keeping: dict[str, Any] = {"port": parts.port, "maxsize": _CONNECTIONS}
    pool = (
        urllib3.HTTPSConnectionPool(parts.hostname, ssl_context=tls_context(aws.ca_bundle), **keeping)
        if parts.scheme == "https"
        else urllib3.HTTPConnectionPool(parts.hostname, **keeping)
    )
    return _Endpoint(pool, parts.netloc, parts.path or "/", region)


class _Answer(NamedTuple):
    content: dict[str, Any]
    refusal: dict[str, Any] | None
    """The arguments of ClientError, as botocore makes them."""
    sent_at: datetime | None


def _read(service: Service, operation: str, answer: urllib3.BaseHTTPResponse) -> _Answer:
    if answer.headers.get("x-amz-crc32") not in (None, str(zlib.crc32(answer.data))):
        raise _trouble(NoClearAnswer, service, operation, "wrong checksum")
    try:
        binary = b'"B"' in answer.data or b'"BS"' in answer.data
        content = json.loads(answer.data, object_hook=_from_base64 if binary else None)
    except ValueError as error:
        raise _trouble(NoClearAnswer, service, operation, f"HTTP {answer.status}, no JSON") from error
    if answer.status == 200 and isinstance(content, dict):
        return _Answer(content, None, None)
    kind = content.get("__type") if isinstance(content, dict) else None
    if not isinstance(kind, str):
        raise _trouble(
            NoClearAnswer, service, operation, f"HTTP {answer.status}, no answer of {service.name}"
        )
    code = kind.split(":")[0].rpartition("#")[2]
    if answer.status >= 500:
        raise _trouble(NoClearAnswer, service, operation, code)
    refusal = {
        "Error": {"Code": code, "Message": content.get("message", content.get("Message", ""))},
        "CancellationReasons": content.get("CancellationReasons", []),
        "ResponseMetadata": {
            "HTTPStatusCode": answer.status,
            "HTTPHeaders": {name.lower(): value for name, value in answer.headers.items()},
        },
    }
    return _Answer(content, refusal, _moment(answer.headers.get("date", "")))


def _refused_for_time(answer: _Answer) -> bool:
    return answer.refusal is not None and answer.refusal["Error"]["Code"] in _CLOCK_ERRORS


def _moment(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None


def _trouble(kind: type[StoreUnavailable], service: Service, operation: str, reason: str) -> StoreUnavailable:
    return kind(store=service.name, operation=operation, reason=reason)


def _base64(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"DynamoDB's JSON has no {type(value).__name__}")


def _from_base64(value: dict[str, Any]) -> dict[str, Any]:
    """Decode a binary value or set: {"B": text} or {"BS": [text]}. An attribute of that name holds an object."""
    if len(value) == 1:
        if isinstance(coded := value.get("B"), str):
            return {"B": base64.b64decode(coded)}
        if isinstance(several := value.get("BS"), list):
            return {"BS": [base64.b64decode(coded) for coded in several]}
    return value
