"""Signing in and out over HTTP, and which tokens open the door."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from chalicelib.settings import settings
from chalicelib.shop import session
from chalicelib.shop.user import User, find_user
from chalicelib.storage.dynamodb import find
from localstack.api_gateway import GatewayServer
from tests import builders
from tests.client import Client
from tests.faults import Fault, internal_error
from tests.faults.routing import FaultyApp
from tests.purchases import Clock
from tests.shapes import check, check_refusal

pytestmark = pytest.mark.usefixtures("no_attempts_yet")

REFUSED, EXPIRED, GONE = "认证失败!", "JWT已过期!", "用户不存在!"


@pytest.fixture
def visitor(gateway_server: GatewayServer) -> Client:
    return Client(gateway_server.base_url)


@pytest.fixture
def learner(gateway_server: GatewayServer) -> Client:
    return Client(gateway_server.base_url, builders.a_user())


def sign_in(client: Client, username: object, password: object = builders.PASSWORD, **fields: object) -> Any:
    return client.post("/login", {"username": username, "password": password} | fields)


def check_unauthorized(client: Client, token: str | bytes | None, text: str) -> None:
    """The token is refused with 401 in the envelope."""
    headers = {} if token is None else {"Authorization": token}
    answer = client.request("GET", "/userinfo/", headers=headers)
    assert answer.status_code == 401, answer.text
    assert answer.json() == {"code": 401, "msg": text, "data": None}


def is_signed_in(client: Client, token: str) -> bool:
    return bool(client.request("GET", "/userinfo", headers={"Authorization": token}).status_code == 200)


def claims_of(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def signed(claims: object, key: str | None = None, algorithm: str = "HS256", **headers: object) -> str:
    """A token with the shop's own key, unless another is given."""
    assert isinstance(claims, dict)
    return jwt.encode(claims, key or settings().jwt_key, algorithm=algorithm, headers=headers)


def part(value: object) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


# Login


def test_a_learner_signs_in_with_name_and_password(visitor: Client) -> None:
    user = builders.a_user()
    answer = sign_in(visitor, user.username)
    check(
        answer,
        {
            "code": 1000,
            "msg": "验证成功!",
            "data": {
                "token": str,
                "expire_date": str,
                "userinfo": {"username": user.username, "head_img": str},
            },
        },
    )
    assert answer["data"]["userinfo"]["head_img"] == "http://shop.test/images/head.svg"
    assert is_signed_in(visitor, answer["data"]["token"])


def test_the_picture_of_a_user_is_an_absolute_address(visitor: Client) -> None:
    user = builders.a_user()
    user.update([User.head_img.set("media/me.png")])
    assert sign_in(visitor, user.username)["data"]["userinfo"]["head_img"] == "http://shop.test/media/me.png"
    user.update([User.head_img.set("https://img.test/me.png")])
    assert sign_in(visitor, user.username)["data"]["userinfo"]["head_img"] == "https://img.test/me.png"


def test_a_token_is_hs256_with_the_four_claims_and_lives_seven_days(visitor: Client) -> None:
    user = builders.a_user()
    before = int(datetime.now(UTC).timestamp())
    token = sign_in(visitor, user.username)["data"]["token"]
    assert jwt.get_unverified_header(token)["alg"] == "HS256"
    claims = claims_of(token)
    check(claims, {"uid": user.user_id, "jti": str, "iat": int, "exp": int})
    assert claims["exp"] - claims["iat"] == 7 * 24 * 3600
    assert before <= claims["iat"] <= datetime.now(UTC).timestamp()


def test_each_sign_in_is_recorded_as_a_session_of_its_own(visitor: Client) -> None:
    user = builders.a_user()
    one, other = (claims_of(sign_in(visitor, user.username)["data"]["token"]) for _ in range(2))
    assert one["jti"] != other["jti"]
    for claims in (one, other):
        _, owner, sort = session.session_key(user.user_id, claims["jti"])
        stored = find(session.Session, owner, sort)
        assert stored is not None
        assert stored.expires_at.timestamp() == claims["exp"]


def test_the_name_is_found_whatever_its_case_and_width(visitor: Client) -> None:
    name = builders.new_name("Learner")
    builders.a_user(username=name)
    wide = "".join(chr(ord(character) + 0xFEE0) for character in name)
    for spelled in (name.upper(), name.lower(), wide, wide.upper()):
        answer = sign_in(visitor, spelled)
        assert answer["code"] == 1000
        assert answer["data"]["userinfo"]["username"] == name


def test_a_name_nobody_has_is_1003(visitor: Client) -> None:
    check_refusal(sign_in(visitor, builders.new_name("nobody")), 1003)


@pytest.mark.parametrize(
    "username", [None, "", " ", 5, True, [], {}, "a\x00b", "\ud800", "x" * 65, "x" * 5000, "a\nb"], ids=ascii
)
def test_a_bad_user_name_is_1003(visitor: Client, username: object) -> None:
    check_refusal(sign_in(visitor, username), 1003)


@pytest.mark.parametrize("body", [None, 1, "x", [], {}, {"password": "x"}, [{"username": "x"}]])
def test_a_body_without_a_user_name_is_1003(visitor: Client, body: object) -> None:
    answer = visitor.request("POST", "/login", data=json.dumps(body))
    assert answer.status_code == 200
    check_refusal(answer.json(), 1003)


@pytest.mark.parametrize(
    "password",
    [
        None,
        "",
        " ",
        5,
        True,
        [],
        {},
        "learn",
        "learn and grow ",
        "LEARN AND GROW",
        "\ud800",
        "\x00",
        "x" * 50_000,
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_a_wrong_or_bad_password_is_1002(visitor: Client, password: object) -> None:
    user = builders.a_user()
    check_refusal(sign_in(visitor, user.username, password), 1002)


def test_a_missing_password_is_1002(visitor: Client) -> None:
    user = builders.a_user()
    check_refusal(visitor.post("/login", {"username": user.username}), 1002)


def test_the_user_is_checked_before_the_password(visitor: Client) -> None:
    check_refusal(sign_in(visitor, builders.new_name("nobody"), None), 1003)


def test_a_disabled_user_gets_1002_even_with_the_right_password(visitor: Client) -> None:
    user = builders.a_user()
    user.update([User.disabled.set(True)])
    check_refusal(sign_in(visitor, user.username), 1002)


def test_a_deleted_user_gets_1003(visitor: Client) -> None:
    user = builders.a_user()
    user.delete()
    check_refusal(sign_in(visitor, user.username), 1003)


@pytest.mark.parametrize(
    "value", ["", None, "x" * 1000, 5, [], {"a": 1}], ids=lambda value: ascii(value)[:20]
)
def test_captcha_keys_are_ignored_while_the_captcha_is_off(visitor: Client, value: object) -> None:
    user = builders.a_user()
    keys = dict.fromkeys(("geetest_challenge", "geetest_validate", "geetest_seccode"), value)
    assert sign_in(visitor, user.username, **keys)["code"] == 1000


def test_login_ignores_whatever_token_comes_along(visitor: Client) -> None:
    user = builders.a_user()
    body = {"username": user.username, "password": builders.PASSWORD}
    for token in ("", "garbage", "Bearer", "a.b.c"):
        assert visitor.post("/login", body, headers={"Authorization": token})["code"] == 1000


def django_hash(password: str, iterations: int) -> str:
    derived = hashlib.pbkdf2_hmac("sha256", password.encode(), b"seasalt", iterations)
    return f"pbkdf2_sha256${iterations}$seasalt${base64.b64encode(derived).decode()}"


def test_an_imported_hash_with_fewer_iterations_is_renewed_at_the_next_sign_in(visitor: Client) -> None:
    user = builders.a_user()
    user.update([User.password.set(django_hash("密码", 300))])
    check_refusal(sign_in(visitor, user.username, "wrong"), 1002)
    assert find_user(user.user_id).password == django_hash("密码", 300)
    assert sign_in(visitor, user.username, "密码")["code"] == 1000
    renewed = find_user(user.user_id).password
    assert renewed.startswith(f"pbkdf2_sha256${settings().password_iterations}$")
    assert sign_in(visitor, user.username, "密码")["code"] == 1000
    assert find_user(user.user_id).password == renewed


def test_an_imported_hash_with_more_iterations_is_kept(visitor: Client) -> None:
    user = builders.a_user()
    user.update([User.password.set(django_hash("密码", 5000))])
    assert sign_in(visitor, user.username, "密码")["code"] == 1000
    assert find_user(user.user_id).password == django_hash("密码", 5000)


@pytest.mark.parametrize(
    "stored", ["!", "", "plain", "pbkdf2_sha256$x$y$z", "pbkdf2_sha256$1$salt$密码", "bcrypt$$x"]
)
def test_a_hash_that_cannot_be_checked_opens_for_nobody(visitor: Client, stored: str) -> None:
    user = builders.a_user()
    user.update([User.password.set(stored or "-")])
    for password in (stored, "", builders.PASSWORD):
        check_refusal(sign_in(visitor, user.username, password), 1002)


def test_signing_in_while_the_database_is_down_is_503(faulty_app: FaultyApp) -> None:
    user = builders.a_user()
    client = Client(faulty_app.base_url)
    body = {"username": user.username, "password": builders.PASSWORD}
    with faulty_app.dynamodb.down():
        answer = client.request("POST", "/login", json=body)
    assert answer.status_code == 503
    check_refusal(answer.json(), 503)
    with faulty_app.dynamodb.faults(Fault.on("PutItem", action=internal_error())):
        assert client.request("POST", "/login", json=body).status_code == 503


# Logout


def test_signing_out_ends_this_session_at_once_and_no_other(visitor: Client) -> None:
    user = builders.a_user()
    one, other = (Client(visitor.base_url, user) for _ in range(2))
    assert one.request("DELETE", "/logout").json() == {"code": 1000, "msg": "", "data": None}
    assert one.token is not None
    check_unauthorized(visitor, one.token, REFUSED)
    assert other.get("/userinfo")["code"] == 1000


SIGNED_OUT = {"code": 1000, "msg": "", "data": None}


def test_signing_out_twice_is_done_twice(learner: Client) -> None:
    for _ in range(2):
        assert learner.request("DELETE", "/logout/").json() == SIGNED_OUT


def test_signing_out_with_a_dead_token_is_done(learner: Client, clock: Clock) -> None:
    assert learner.user is not None
    learner.user.update([User.disabled.set(True)])
    assert learner.request("DELETE", "/logout/").json() == SIGNED_OUT
    clock.advance(days=100)
    assert learner.request("DELETE", "/logout/").json() == SIGNED_OUT


@pytest.mark.parametrize("forged", ["", "x", "a.b.c", "Bearer", "signed by somebody else", "a part missing"])
def test_signing_out_with_what_is_no_token_of_ours_ends_nothing(learner: Client, forged: str) -> None:
    genuine = learner.token or ""
    if forged == "signed by somebody else":
        claims = jwt.decode(genuine, options={"verify_signature": False})
        forged = jwt.encode(claims, "another key, as long as it has to be", algorithm="HS256")
    if forged == "a part missing":
        forged = genuine.rpartition(".")[0]
    answer = learner.request("DELETE", "/logout", headers={"Authorization": forged})
    assert answer.status_code == 401
    assert answer.json() == {"code": 401, "msg": REFUSED, "data": None}
    assert learner.get("/userinfo")["code"] == 1000


@pytest.mark.parametrize("body", [None, b"", b"{", b"null", b"[" * 5000])
def test_signing_out_reads_no_body(learner: Client, body: bytes | None) -> None:
    assert learner.request("DELETE", "/logout", data=body).json()["code"] == 1000


def test_a_session_that_cannot_be_ended_is_503_and_goes_on(faulty_app: FaultyApp) -> None:
    learner = Client(faulty_app.base_url, builders.a_user())
    with faulty_app.dynamodb.faults(Fault.on("DeleteItem", action=internal_error())):
        assert learner.request("DELETE", "/logout").status_code == 503
    assert learner.get("/userinfo")["code"] == 1000


# Tokens


def test_a_token_may_stand_bare_or_after_bearer(learner: Client) -> None:
    assert learner.token is not None
    for spelled in (
        learner.token,
        f"Bearer {learner.token}",
        f"bearer {learner.token}",
        f"BEARER  {learner.token} ",
    ):
        assert is_signed_in(learner, spelled)


def test_no_token_is_refused(visitor: Client) -> None:
    check_unauthorized(visitor, None, REFUSED)


@pytest.mark.parametrize(
    "header",
    [
        "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "token", "null", "undefined", "a.b", "a.b.c", "a.b.c.d", "..",
        "....", "{}", "Bearer a.b.c", "Token x", "é".encode("latin-1"), b"\xff\xfe\xfa", "密码".encode(),
        b"\x80.\x80.\x80", b"=" * 1000, b"a" * 9000, b"." * 9000,
    ],
    ids=lambda header: repr(header[:12]),
)  # fmt: skip
def test_garbage_in_the_header_is_refused(visitor: Client, header: str | bytes) -> None:
    check_unauthorized(visitor, header, REFUSED)


@pytest.mark.parametrize(
    "header",
    [
        b"[" * 5000, b'{"a":' * 1000, b'{"alg":"HS256","x":' + b"1" * 5000 + b"}", b"null", b"5", b"[]", b'"HS256"',
        b"\xff", b"{}", b'{"alg":null}', b'{"alg":["HS256"]}', b'{"alg":{}}', b'{"alg":"HS256","kid":5}',
        b'{"alg":"hs256"}', b'{"alg":"HS256","b64":false}', b'{"alg":"HS256","crit":["x"],"x":1}',
        b'{"alg":"HS256","zip":"DEF"}', b'{"alg":"HS256","alg":"none"}', b'{"alg":"none"}',
        b'{"alg":"None"}', b'{"alg":""}',
    ],
    ids=lambda header: repr(header[:24]),
)  # fmt: skip
def test_a_token_with_a_strange_header_is_refused(learner: Client, header: bytes) -> None:
    assert learner.token is not None
    _, claims, signature = learner.token.split(".")
    for end in (signature, "", "AAAA"):
        check_unauthorized(learner, f"{part(header)}.{claims}.{end}", REFUSED)


def test_a_forged_token_is_refused(learner: Client) -> None:
    assert learner.token is not None
    header, claims, signature = learner.token.split(".")
    other = Client(learner.base_url, builders.a_user())
    assert other.token is not None
    forged = [
        signed(claims_of(learner.token), key="another key that is long enough for HS256"),
        f"{header}.{other.token.split('.')[1]}.{signature}",
        f"{header}.{part(claims_of(learner.token) | {'exp': 10**12})}.{signature}",
        f"{header}.{claims}.{signature[:-2]}",
        f"{header}.{claims}.{signature[::-1]}",
        f"{header}.{claims}.",
        f"{header}.{claims}",
    ]
    for token in forged:
        check_unauthorized(learner, token, REFUSED)
    assert is_signed_in(learner, learner.token)


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_token_of_another_algorithm_is_refused_even_with_the_right_key(learner: Client) -> None:
    assert learner.token is not None
    claims = claims_of(learner.token)
    assert is_signed_in(learner, signed(claims)), "the same claims with HS256 hold"
    private_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    unsigned = f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."
    for token in (
        unsigned,
        signed(claims, algorithm="HS384"),
        signed(claims, algorithm="HS512"),
        jwt.encode(claims, private_key, algorithm="RS256"),
        unsigned + learner.token.split(".")[2],
    ):
        check_unauthorized(learner, token, REFUSED)


@pytest.mark.parametrize("missing", ["uid", "jti", "iat", "exp"])
def test_a_token_without_one_of_its_claims_is_refused(learner: Client, missing: str) -> None:
    assert learner.token is not None
    claims = claims_of(learner.token)
    del claims[missing]
    check_unauthorized(learner, signed(claims), REFUSED)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("uid", "1"), ("uid", None), ("uid", True), ("uid", 1.0), ("uid", []),
        ("jti", 5), ("jti", None), ("jti", ""), ("jti", "x" * 32), ("jti", "SESSION#"), ("jti", "a" * 3000),
        ("jti", []),
        ("exp", "9999999999"), ("exp", None), ("exp", 9999999999.5), ("exp", True), ("exp", []),
        ("iat", "1"), ("iat", None), ("iat", 1.5), ("iat", {}),
    ],
    ids=lambda value: ascii(value)[:16],
)  # fmt: skip
def test_a_claim_of_another_type_is_refused(learner: Client, name: str, value: object) -> None:
    assert learner.token is not None
    claims = claims_of(learner.token) | {name: value}
    token = jwt.api_jws.encode(json.dumps(claims).encode(), settings().jwt_key, algorithm="HS256")
    check_unauthorized(learner, token, REFUSED)


@pytest.mark.parametrize("payload", [b"", b"null", b"[]", b"5", b"{", b"\xff", b"[" * 5000])
def test_a_genuine_token_without_an_object_of_claims_is_refused(visitor: Client, payload: bytes) -> None:
    token = jwt.api_jws.encode(payload, settings().jwt_key, algorithm="HS256")
    check_unauthorized(visitor, token, REFUSED)


def test_further_claims_do_not_matter(learner: Client) -> None:
    assert learner.token is not None
    further = {"sub": "learner", "aud": "shop", "iss": "shop", "nbf": 4102444800, "name": "张三"}
    assert is_signed_in(learner, signed(claims_of(learner.token) | further))


def test_a_token_issued_in_the_future_holds(learner: Client) -> None:
    assert learner.token is not None
    claims = claims_of(learner.token)
    assert is_signed_in(learner, signed(claims | {"iat": claims["iat"] + 86400}))


def test_a_token_expires_after_seven_days_and_ten_seconds_of_grace(learner: Client, clock: Clock) -> None:
    assert learner.token is not None
    expires_at = datetime.fromtimestamp(claims_of(learner.token)["exp"], UTC)
    for seconds in (-1, 0, 9, 9.9):
        clock.stand_at(expires_at + timedelta(seconds=seconds))
        assert is_signed_in(learner, learner.token), seconds
    for seconds in (10.0, 11, 10**8):
        clock.stand_at(expires_at + timedelta(seconds=seconds))
        check_unauthorized(learner, learner.token, EXPIRED)


def test_a_token_of_a_clock_that_runs_ahead_holds(learner: Client, clock: Clock) -> None:
    assert learner.token is not None
    clock.advance(days=-2)
    assert is_signed_in(learner, learner.token)


def test_an_ended_session_is_refused(learner: Client) -> None:
    assert learner.token is not None
    claims = claims_of(learner.token)
    check_unauthorized(learner, signed(claims | {"jti": uuid.uuid4().hex}), REFUSED)


def test_the_session_of_another_user_is_refused(gateway_server: GatewayServer) -> None:
    one, other = (Client(gateway_server.base_url, builders.a_user()) for _ in range(2))
    assert one.token is not None
    assert other.token is not None
    mixed = claims_of(one.token) | {"jti": claims_of(other.token)["jti"]}
    check_unauthorized(one, signed(mixed), REFUSED)


def test_a_disabled_users_tokens_stop_at_once_and_work_again_afterwards(learner: Client) -> None:
    assert learner.user is not None
    assert learner.token is not None
    learner.user.update([User.disabled.set(True)])
    check_unauthorized(learner, learner.token, GONE)
    learner.user.update([User.disabled.set(False)])
    assert is_signed_in(learner, learner.token)


def test_a_deleted_users_tokens_stop_at_once(learner: Client) -> None:
    assert learner.user is not None
    assert learner.token is not None
    learner.user.delete()
    check_unauthorized(learner, learner.token, GONE)


@pytest.mark.parametrize("user_id", [0, -1, 10**15, 10**30])
def test_a_token_of_nobody_is_refused_as_a_user_who_is_gone(learner: Client, user_id: int) -> None:
    assert learner.token is not None
    check_unauthorized(learner, signed(claims_of(learner.token) | {"uid": user_id}), GONE)


def test_signature_comes_before_expiry_before_the_user_before_the_session(learner: Client) -> None:
    assert learner.user is not None
    assert learner.token is not None
    claims = claims_of(learner.token)
    learner.user.update([User.disabled.set(True)])
    past = claims | {"exp": claims["iat"] - 100, "jti": uuid.uuid4().hex}
    check_unauthorized(learner, signed(past, key="another key that is long enough for HS256"), REFUSED)
    check_unauthorized(learner, signed(past | {"jti": "no session id"}), REFUSED)
    check_unauthorized(learner, signed(past), EXPIRED)
    check_unauthorized(learner, signed(past | {"exp": claims["exp"]}), GONE)
    learner.user.update([User.disabled.set(False)])
    check_unauthorized(learner, signed(past | {"exp": claims["exp"]}), REFUSED)


def test_a_database_that_is_down_is_503_and_not_a_refused_token(faulty_app: FaultyApp) -> None:
    learner = Client(faulty_app.base_url, builders.a_user())
    with faulty_app.dynamodb.down():
        answer = learner.request("GET", "/userinfo")
        refused = learner.request("GET", "/userinfo", headers={"Authorization": "a.b.c"})
    assert answer.status_code == 503
    check_refusal(answer.json(), 503)
    assert refused.status_code == 401, "what is wrong with a token itself is known without the database"
