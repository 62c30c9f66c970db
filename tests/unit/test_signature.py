"""The signer of requests to AWS, against AWS's published examples and against botocore's signer."""

from __future__ import annotations

from string import ascii_letters, digits, printable

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.aws.signed_transport import Credentials, authorization

EXAMPLE = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None)
HEADERS = {"host": "example.amazonaws.com", "x-amz-date": "20150830T123600Z"}

PUBLISHED = [
    # AWS's Signature Version 4 test suite: the POST requests without a query.
    ("post-vanilla", {}, b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    (
        "post-x-www-form-urlencoded",
        {"content-type": "application/x-www-form-urlencoded"},
        b"Param1=value1",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
    (
        "post-header-key-sort",
        {"my-header1": "value1"},
        b"",
        "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
    ),
]


@pytest.mark.parametrize(("name", "more", "body", "signature"), PUBLISHED, ids=[row[0] for row in PUBLISHED])
def test_the_published_examples_are_signed_as_published(
    name: str, more: dict[str, str], body: bytes, signature: str
) -> None:
    signed = ";".join(sorted(HEADERS | more))
    assert authorization(EXAMPLE, "us-east-1", "service", "/", HEADERS | more, body) == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={signed}, Signature={signature}"
    )


word = st.text(ascii_letters + digits + "-", min_size=1, max_size=20)
secret = st.text(ascii_letters + digits + "/+=", min_size=1, max_size=60)


@given(
    credentials=st.builds(Credentials, word, secret, st.none() | secret),
    region=word,
    host=word.map(str.lower),
    path=st.sampled_from(["/", "/dynamodb", "/a/b"]),
    operation=word,
    body=st.binary(max_size=300) | st.text(printable + "课程", max_size=100).map(str.encode),
)
def test_a_request_is_signed_as_botocore_signs_it(
    credentials: Credentials, region: str, host: str, path: str, operation: str, body: bytes
) -> None:
    request = AWSRequest("POST", f"https://{host}{path}", data=body)
    request.headers["Content-Type"] = "application/x-amz-json-1.0"
    request.headers["X-Amz-Target"] = f"DynamoDB_20120810.{operation}"
    SigV4Auth(BotocoreCredentials(*credentials), "dynamodb", region).add_auth(request)

    signed = {name.lower(): value for name, value in request.headers.items()} | {"host": host}
    expected = signed.pop("authorization")
    assert authorization(credentials, region, "dynamodb", path, signed, body) == expected
