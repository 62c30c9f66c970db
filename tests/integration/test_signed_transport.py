"""The signed transport on a real DynamoDB Local: answers as botocore's client gives them, every failure by its name."""

from __future__ import annotations

import dataclasses
import json
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec.structs import replace
from pynamodb.exceptions import PutError, VerboseClientError

from chalicelib.aws import AwsSettings
from chalicelib.aws.signed_transport import NoClearAnswer, SignedTransport
from chalicelib.deadline import Deadline, ending_with
from chalicelib.errors import StoreUnavailable
from chalicelib.settings import aws_settings
from chalicelib.storage.dynamodb import CatalogItem, Patience, StoreConnection, random_id
from tests import builders, purchases
from tests.conftest import Stores
from tests.faults import (
    Action,
    DynamoDBProxy,
    Exchange,
    Fault,
    Gate,
    answer,
    cut_answer,
    hold_before,
    internal_error,
    refused,
    reset_after,
    reset_before,
    silent,
    throttle,
    transaction_conflict,
)
from tests.faults.routing import Proxies
from tests.standing_clock import Clock

SHORT = Patience(read=0.2, give_up_after=3)


@pytest.fixture
def proxy(proxies: Proxies) -> DynamoDBProxy:
    return proxies.dynamodb


@pytest.fixture
def aws(proxy: DynamoDBProxy) -> AwsSettings:
    """The tests' settings, through the proxy."""
    return replace(aws_settings(), endpoint_url=proxy.url)


@pytest.fixture
def table(stores: Stores) -> str:
    return f"{stores.table_prefix}catalog"


@pytest.fixture
def store(aws: AwsSettings) -> StoreConnection:
    return StoreConnection(aws, Patience())


def key(sort: str = "COURSE") -> dict[str, Any]:
    return {"course_key": {"S": f"transport#{random_id()}"}, "sort": {"S": sort}}


def an_update(table: str) -> dict[str, Any]:
    return {
        "TableName": table,
        "Key": key(),
        "UpdateExpression": "SET #a = :a",
        "ExpressionAttributeNames": {"#a": "a"},
        "ExpressionAttributeValues": {":a": {"N": "1"}},
    }


# Answers


def test_items_come_back_as_they_were_put_and_as_botocore_reads_them(
    store: StoreConnection, table: str
) -> None:
    value: dict[str, Any] = {
        "text": {"S": '课程 "one"\n\u2028 \U0001f600'},
        "empty": {"S": ""},
        "number": {"N": "-12.5"},
        "truth": {"BOOL": True},
        "nothing": {"NULL": True},
        "list": {"L": [{"S": "a"}, {"N": "1"}, {"M": {"B": {"B": b"\x00\xff"}}}]},
        "map": {"M": {"BS": {"S": "an attribute of this name"}, "B": {"M": {"B": {"S": "text"}}}}},
        "B": {"B": bytes(range(256))},
        "BS": {"BS": [b"a", b"b"]},
        "numbers": {"NS": ["1", "2"]},
    }
    item = key() | value
    store.dispatch("PutItem", {"TableName": table, "Item": item})
    asked = {"TableName": table, "Key": {name: item[name] for name in ("course_key", "sort")}}
    found = store.dispatch("GetItem", asked)["Item"]
    for several in ("BS", "NS"):
        for attribute in found.values():
            attribute.get(several, []).sort()
    assert found == item
    assert client().get_item(**asked)["Item"] == item


def client() -> Any:
    return botocore.session.get_session().create_client("dynamodb")


@pytest.mark.parametrize("operation", ["GetItem", "Query", "Scan", "BatchGetItem", "TransactGetItems"])
def test_a_read_is_answered_as_botocore_answers_it(
    operation: str, store: StoreConnection, table: str
) -> None:
    course = builders.a_course(prices=[100, 200])
    place = {"course_key": {"S": str(course.key)}, "sort": {"S": "COURSE"}}
    requests: dict[str, dict[str, Any]] = {
        "GetItem": {"TableName": table, "Key": place, "ConsistentRead": True},
        "Query": {
            "TableName": table,
            "KeyConditionExpression": "course_key = :key",
            "ExpressionAttributeValues": {":key": place["course_key"]},
            "Limit": 2,
        },
        "Scan": {"TableName": table, "Limit": 3},
        "BatchGetItem": {"RequestItems": {table: {"Keys": [place, key()], "ConsistentRead": True}}},
        "TransactGetItems": {"TransactItems": [{"Get": {"TableName": table, "Key": place}}]},
    }
    asked = requests[operation]
    expected = client()._make_api_call(operation, asked)
    del expected["ResponseMetadata"]
    given = store.dispatch(operation, asked)
    given.pop("ConsumedCapacity")  # the proxy asked for it
    assert given == expected


def test_a_failed_condition_is_pynamodbs_error_with_dynamodbs_code(stores: Stores) -> None:
    course = builders.a_course()
    with pytest.raises(PutError) as caught:
        course.save(CatalogItem.sort.does_not_exist())
    assert caught.value.cause_response_code == "ConditionalCheckFailedException"
    assert caught.value.cause_response_message == "The conditional request failed"


def test_a_cancelled_transaction_tells_its_reasons_in_their_order(store: StoreConnection, table: str) -> None:
    missing = {"TableName": table, "Key": key(), "ConditionExpression": "attribute_exists(sort)"}
    putting = {"TableName": table, "Item": key()}
    with pytest.raises(VerboseClientError) as caught:
        store.dispatch(
            "TransactWriteItems", {"TransactItems": [{"Put": putting}, {"ConditionCheck": missing}]}
        )
    error = caught.value
    assert error.response["Error"]["Code"] == "TransactionCanceledException"
    first, second = error.cancellation_reasons
    assert (first, second and second.code) == (None, "ConditionalCheckFailed")


def test_every_thread_gets_its_own_answer(store: StoreConnection, table: str) -> None:
    items = [key() | {"number": {"N": str(number)}} for number in range(16)]
    for item in items:
        store.dispatch("PutItem", {"TableName": table, "Item": item})

    def read(item: dict[str, Any]) -> list[dict[str, Any]]:
        place = {name: item[name] for name in ("course_key", "sort")}
        return [store.dispatch("GetItem", {"TableName": table, "Key": place})["Item"] for _ in range(10)]

    answers = purchases.at_once(*(lambda item=item: read(item) for item in items))
    assert answers == [[item] * 10 for item in items]


# Troubles


def moved(exchange: Exchange) -> bytes:
    return answer(302, b"", {"Location": "http://elsewhere.test/"})(exchange)


TROUBLES: dict[str, tuple[Callable[[], Action], str, str]] = {
    "throttled": (throttle, "_Busy", "ProvisionedThroughputExceededException"),
    "throttled account": (lambda: throttle("ThrottlingException"), "_Busy", "ThrottlingException"),
    "conflict": (transaction_conflict, "_Busy", "TransactionConflictException"),
    "500": (internal_error, "NoClearAnswer", "InternalServerError"),
    "503 of a balancer": (lambda: answer(503, b"<html>"), "NoClearAnswer", "HTTP 503, no JSON"),
    "reset before": (reset_before, "NoClearAnswer", "ProtocolError"),
    "reset after": (reset_after, "NoClearAnswer", "ProtocolError"),
    "half an answer": (cut_answer, "NoClearAnswer", "ProtocolError"),
    "silence": (silent, "NoClearAnswer", "ReadTimeoutError"),
    "a page": (lambda: answer(200, b"<html>"), "NoClearAnswer", "HTTP 200, no JSON"),
    "no object": (lambda: answer(200, b"[1]"), "NoClearAnswer", "HTTP 200, no answer of dynamodb"),
    "no text": (lambda: answer(200, b"\xff\xfe{"), "NoClearAnswer", "HTTP 200, no JSON"),
    "elsewhere": (lambda: moved, "NoClearAnswer", "HTTP 302, no JSON"),
    "a refusal of another": (lambda: answer(403, b"{}"), "NoClearAnswer", "HTTP 403, no answer of dynamodb"),
    "wrong checksum": (lambda: answer(200, b"{}", {"x-amz-crc32": "1"}), "NoClearAnswer", "wrong checksum"),
    "no permission": (
        lambda: refused("AccessDeniedException", "You are not", namespace="com.amazon.coral.service"),
        "StoreUnavailable",
        "AccessDeniedException",
    ),
    "expired": (
        lambda: refused("ExpiredTokenException", "Expired"),
        "StoreUnavailable",
        "ExpiredTokenException",
    ),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_trouble_is_raised_by_its_name_and_only_what_passes_is_repeated(
    trouble: str, aws: AwsSettings, proxy: DynamoDBProxy, table: str
) -> None:
    # Only silence is waited out: on a busy machine the real store may take longer than the short time-out.
    store = StoreConnection(aws, SHORT if trouble == "silence" else Patience())
    action, kind, reason = TROUBLES[trouble]
    with proxy.recording() as calls, proxy.faults(Fault.on("UpdateItem", action=action())):
        with pytest.raises(StoreUnavailable) as caught:
            store.dispatch("UpdateItem", an_update(table))
    assert type(caught.value).__name__ == kind
    assert caught.value.facts == {"store": "dynamodb", "operation": "UpdateItem", "reason": reason}
    assert len(calls) == (1 if kind == "StoreUnavailable" else 3)


@pytest.mark.parametrize("trouble", [name for name, row in TROUBLES.items() if row[1] != "StoreUnavailable"])
def test_after_two_troubles_the_third_attempt_counts(
    trouble: str, aws: AwsSettings, proxy: DynamoDBProxy, table: str
) -> None:
    store = StoreConnection(aws, Patience(read=1))
    fault = Fault.on("UpdateItem", action=TROUBLES[trouble][0](), nth=range(1, 3))
    with proxy.faults(fault):
        assert store.dispatch("UpdateItem", an_update(table)) is not None
    assert fault.fired == 2


@pytest.mark.parametrize(
    ("request_", "reason"),
    [({"TableName": "no_such_table"}, "ResourceNotFoundException"), ({"Limit": 0}, "ValidationException")],
)
def test_what_dynamodb_itself_refuses_is_told_at_once(
    request_: dict[str, Any], reason: str, store: StoreConnection, proxy: DynamoDBProxy, table: str
) -> None:
    with proxy.recording() as calls, pytest.raises(StoreUnavailable) as caught:
        store.dispatch("Scan", {"TableName": table} | request_)
    assert caught.value.facts["reason"] == reason
    assert len(calls) == 1


def test_a_store_that_is_down_is_found_again(
    store: StoreConnection, proxy: DynamoDBProxy, table: str
) -> None:
    with proxy.down(), pytest.raises(NoClearAnswer) as caught:
        store.dispatch("UpdateItem", an_update(table))
    assert caught.value.facts["reason"] == "NewConnectionError"
    store.send("UpdateItem", an_update(table))


def test_a_call_that_is_not_answered_ends_with_its_request(aws: AwsSettings, proxy: DynamoDBProxy) -> None:
    store = StoreConnection(aws, Patience(read=600, give_up_after=600))
    with proxy.faults(Fault.on(action=silent())), proxy.recording() as calls:
        with ending_with(Deadline(1)), pytest.raises(StoreUnavailable) as caught:
            store.dispatch("ListTables", {})
    assert caught.value.facts["reason"] == "deadline"
    assert len(calls) == 1


def test_kept_connections_that_were_closed_meanwhile_are_noticed_before_anything_is_sent(
    store: StoreConnection, proxy: DynamoDBProxy, table: str
) -> None:
    """As after a pause of the container: one attempt must do, however many connections had been open."""
    gate = Gate()
    with proxy.faults(Fault.on("UpdateItem", action=hold_before(gate), nth=range(1, 5))):
        sending = [
            threading.Thread(target=store.send, args=("UpdateItem", an_update(table))) for _ in range(4)
        ]
        for thread in sending:
            thread.start()
        for _ in sending:
            gate.wait_for_a_call()
        gate.open()
        for thread in sending:
            thread.join()
    with proxy.down():
        pass
    with proxy.recording() as calls:
        for _ in range(5):
            store.send("UpdateItem", an_update(table))
    assert len(calls) == 5


def test_nothing_of_a_call_but_its_name_stands_in_its_trouble(aws: AwsSettings, proxy: DynamoDBProxy) -> None:
    store = StoreConnection(aws, SHORT)
    with proxy.faults(Fault.on(action=internal_error())), pytest.raises(StoreUnavailable) as caught:
        store.dispatch("PutItem", {"TableName": "t", "Item": {"mobile": {"S": "13800000000"}}})
    assert "13800000000" not in f"{caught.value} {caught.value.__cause__}"


# Who asks, and when


def credential(headers: list[tuple[str, str]]) -> str:
    (found,) = (value for name, value in headers if name.lower() == "authorization")
    return found.split("Credential=")[1].split("/")[0]


def test_a_session_token_is_sent_and_signed(aws: AwsSettings, proxy: DynamoDBProxy) -> None:
    mine = replace(aws, access_key_id="AKIDFROMENV", session_token="the token")
    with proxy.recording() as calls:
        StoreConnection(mine, Patience()).send("ListTables", {})
    headers = {name.lower(): value for name, value in calls[0].headers}
    assert credential(calls[0].headers) == "AKIDFROMENV"
    assert headers["x-amz-security-token"] == "the token"
    assert "x-amz-security-token" in headers["authorization"].split("SignedHeaders=")[1].split(",")[0]


def without_keys(aws: AwsSettings) -> AwsSettings:
    return replace(aws, access_key_id=None, secret_access_key=None)


@pytest.fixture
def empty_chain(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment in which botocore finds no credentials and no region, and asks no network."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


def test_credentials_of_botocores_chain_are_renewed_when_they_run_out(
    aws: AwsSettings, proxy: DynamoDBProxy, empty_chain: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A program that botocore runs gives keys that are about to run out, other ones each time."""
    program = tmp_path / "keys.py"
    program.write_text(
        "import json, pathlib, sys\n"
        "from datetime import UTC, datetime, timedelta\n"
        "given = pathlib.Path(sys.argv[0]).with_name('given')\n"
        "given.open('a').write('x')\n"
        "soon = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()\n"
        "print(json.dumps({'Version': 1, 'AccessKeyId': f'AKID{len(given.read_text())}', 'SecretAccessKey': 's',\n"
        "                  'SessionToken': 't', 'Expiration': soon}))\n"
    )
    config = tmp_path / "config"
    config.write_text(f"[default]\nregion = eu-west-1\ncredential_process = {sys.executable} {program}\n")
    empty_chain.setenv("AWS_CONFIG_FILE", str(config))
    store = StoreConnection(replace(without_keys(aws), region=None), Patience())
    with proxy.recording() as calls:
        for _ in range(3):
            store.send("ListTables", {})
    given = [credential(call.headers) for call in calls]
    assert len(set(given)) == 3, given
    assert all("/eu-west-1/dynamodb/" in dict(call.headers)["authorization"] for call in calls)


@pytest.mark.parametrize(
    ("missing", "reason"), [("credentials", "NoCredentialsError"), ("region", "NoRegionError")]
)
def test_without_credentials_or_region_nothing_is_sent(
    missing: str, reason: str, aws: AwsSettings, proxy: DynamoDBProxy, empty_chain: pytest.MonkeyPatch
) -> None:
    given = without_keys(aws) if missing == "credentials" else replace(aws, region=None)
    with proxy.recording() as calls, pytest.raises(StoreUnavailable) as caught:
        StoreConnection(given, Patience()).dispatch("ListTables", {})
    assert caught.value.facts["reason"] == reason
    assert not calls


def signature_refused(at: datetime) -> Action:
    body = {"__type": "com.amazon.coral.service#InvalidSignatureException", "message": "Signature expired"}
    return answer(400, json.dumps(body).encode(), {"Date": format_datetime(at, usegmt=True)})


def test_a_clock_that_goes_wrong_is_corrected_by_that_of_aws(aws: AwsSettings, proxy: DynamoDBProxy) -> None:
    clock = Clock()
    there = clock() + timedelta(minutes=20)
    transport = SignedTransport(aws, connect=1, read=3, clock=clock)
    with proxy.recording() as calls, proxy.faults(Fault.on(action=signature_refused(there), nth=1)):
        transport._make_api_call("ListTables", {})
        clock.forward(seconds=5)
        transport._make_api_call("ListTables", {})
    dates = [dict(call.headers)["x-amz-date"] for call in calls]
    moments = (clock() - timedelta(seconds=5), there, there + timedelta(seconds=5))
    assert dates == [moment.strftime("%Y%m%dT%H%M%SZ") for moment in moments]


def test_a_signature_that_is_refused_though_the_clock_is_right_is_not_repeated(
    aws: AwsSettings, proxy: DynamoDBProxy
) -> None:
    fault = Fault.on(action=signature_refused(datetime.now(UTC) + timedelta(minutes=2)))
    with proxy.faults(fault), pytest.raises(StoreUnavailable) as caught:
        StoreConnection(aws, Patience()).dispatch("ListTables", {})
    assert caught.value.facts["reason"] == "InvalidSignatureException"
    assert fault.fired == 1


# TLS


@dataclasses.dataclass
class TlsServer:
    """Answers every POST with {} over TLS, by a certificate for localhost that it signed itself."""

    url: str
    certificate: str
    asked: list[str]


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    directory = tmp_path_factory.mktemp("tls")
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    (directory / "certificate").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "key").write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.headers["x-amz-target"])
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "certificate", directory / "key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield TlsServer(f"https://localhost:{server.server_port}", str(directory / "certificate"), asked)
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_server_with_the_certificate_of_a_trusted_authority_is_asked(
    aws: AwsSettings, tls_server: TlsServer
) -> None:
    trusting = replace(aws, endpoint_url=tls_server.url, ca_bundle=tls_server.certificate)
    assert StoreConnection(trusting, Patience()).send("ListTables", {}) == {}
    assert tls_server.asked.pop() == "DynamoDB_20120810.ListTables"


@pytest.mark.parametrize("doubt", ["authority", "name"])
def test_a_server_that_cannot_be_verified_is_told_nothing(
    doubt: str, aws: AwsSettings, tls_server: TlsServer
) -> None:
    url = tls_server.url.replace("localhost", "127.0.0.1") if doubt == "name" else tls_server.url
    bundle = tls_server.certificate if doubt == "name" else None
    store = StoreConnection(replace(aws, endpoint_url=url, ca_bundle=bundle), SHORT)
    with pytest.raises(StoreUnavailable) as caught:
        store.dispatch("ListTables", {})
    assert caught.value.facts["reason"] == "SSLError"
    assert not tls_server.asked
