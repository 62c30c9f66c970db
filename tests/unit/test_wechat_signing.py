"""Signatures and encryption of WeChat Pay: against the examples that its own SDKs publish, and against an independent
implementation.
"""

from __future__ import annotations

import base64
import functools
import re
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric import rsa as independent
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.errors import InvalidSetting
from chalicelib.gateways import rsa
from chalicelib.gateways.wechat import signing
from chalicelib.gateways.wechat.account import Keys
from chalicelib.settings import WechatSettings
from localstack.provider.keys import load_private_key
from tests.keys import ALIPAY, WECHAT
from tests.wechat_merchant import NEITHER_CERTIFICATE_NOR_LOGIN

# github.com/wechatpay-apiv3/wechatpay-go: utils/sign_test.go, core/auth/verifiers/sha256withrsa_verifier_test.go.
# The key says of itself that it is one for tests.
PUBLISHED_KEY = """
MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQDZUJN33V+dSfvd
fL0Mu+39XrZNXFFMQSy1V15FpncHeV47SmV0TzTqZc7hHB0ddqAdDi8Z5k3TKqb7
6sOwYr5TcAfuR6PIPaleyE0/0KrljBum2Isa2Nyq7Dgc3ElBQ6YN4l/a+DpvKaz1
FSKmKrhLNskqokWVSlu4g8OlKlbPXQ9ibII14MZRQrrkTmHYHzfi7GXXM0thAKuR
0HNvyhTHBh4/lrYM3GaMvmWwkwvsMavnOex6+eioZHBOb1/EIZ/LzC6zuHArPpyW
3daGaZ1rtQB1vVzTyERAVVFsXXgBHvfFud3w3ShsJYk8JvMwK2RpJ5/gV0QSARcm
LDRUAlPzAgMBAAECggEBAMc7rDeUaXiWv6bMGbZ3BTXpg1FhdddnWUnYE8HfX/km
OFI7XtBHXcgYFpcjYz4D5787pcsk7ezPidAj58zqenuclmjKnUmT3pfbI5eCA2v4
C9HnbYDrmUPK1ZcADtka4D6ScDccpNYNa1g2TFHzkIrEa6H+q7S3O2fqxY/DRVtN
0JIXalBb8daaqL5QVzSmM2BMVnHy+YITJWIkP2a3pKs9C0W65JGDsnG0wVrHinHF
+cnhFZIbaPEI//DAFMc9NkrWOKVRTEgcCUxCFaHOZVNxDWZD7A2ZfJB2rK6eg//y
gEiFDR2h6mTaDowMB4YF2n2dsIO4/dCG8vPHI20jn4ECgYEA/ZGu6lEMlO0XZnam
AZGtiNgLcCfM/C2ZERZE7QTRPZH1WdK92Al9ndldsswFw4baJrJLCmghjF/iG4zi
hhBvLnOLksnZUfjdumxoHDWXo2QBWbI5QsWIE7AuTiWgWj1I7X4fCXSQf6i+M/y2
6TogQ7d0ANpZFyOkTNMn/tiJvLECgYEA22XqlamG/yfAGWery5KNH2DGlTIyd6xJ
WtJ9j3jU99lZ0bCQ5xhiBbU9ImxCi3zgTsoqLWgA/p00HhNFNoUcTl9ofc0G3zwT
D1y0ZzcnVKxGJdZ6ohW52V0hJStAigtjYAsUgjm7//FH7PiQDBDP1Wa6xSRkDQU/
aSbQxvEE8+MCgYEA3bb8krW7opyM0XL9RHH0oqsFlVO30Oit5lrqebS0oHl3Zsr2
ZGgoBlWBsEzk3UqUhTFwm/DhJLTSJ/TQPRkxnhQ5/mewNhS9C7yua7wQkzVmWN+V
YeUGTvDGDF6qDz12/vJAgSwDDRym8x4NcXD5tTw7mmNRcwIfL22SkysThIECgYAV
BgccoEoXWS/HP2/u6fQr9ZIR6eV8Ij5FPbZacTG3LlS1Cz5XZra95UgebFFUHHtC
EY1JHJY7z8SWvTH8r3Su7eWNaIAoFBGffzqqSVazfm6aYZsOvRY6BfqPHT3p/H1h
Tq6AbBffxrcltgvXnCTORjHPglU0CjSxVs7awW3AEQKBgB5WtaC8VLROM7rkfVIq
+RXqE5vtJfa3e3N7W3RqxKp4zHFAPfr82FK5CX2bppEaxY7SEZVvVInKDc5gKdG/
jWNRBmvvftZhY59PILHO2X5vO4FXh7suEjy6VIh0gsnK36mmRboYIBGsNuDHjXLe
BDa+8mDLkWu5nHEhOxy2JJZl
"""
PUBLISHED_CERTIFICATE = """
MIIDVzCCAj+gAwIBAgIJAPV2V1YAL913MA0GCSqGSIb3DQEBCwUAMEIxCzAJBgNV
BAYTAlhYMRUwEwYDVQQHDAxEZWZhdWx0IENpdHkxHDAaBgNVBAoME0RlZmF1bHQg
Q29tcGFueSBMdGQwHhcNMjEwNDI3MDg0MDMyWhcNMzEwNDI1MDg0MDMyWjBCMQsw
CQYDVQQGEwJYWDEVMBMGA1UEBwwMRGVmYXVsdCBDaXR5MRwwGgYDVQQKDBNEZWZh
dWx0IENvbXBhbnkgTHRkMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA
2VCTd91fnUn73Xy9DLvt/V62TVxRTEEstVdeRaZ3B3leO0pldE806mXO4RwdHXag
HQ4vGeZN0yqm++rDsGK+U3AH7kejyD2pXshNP9Cq5YwbptiLGtjcquw4HNxJQUOm
DeJf2vg6byms9RUipiq4SzbJKqJFlUpbuIPDpSpWz10PYmyCNeDGUUK65E5h2B83
4uxl1zNLYQCrkdBzb8oUxwYeP5a2DNxmjL5lsJML7DGr5znsevnoqGRwTm9fxCGf
y8wus7hwKz6clt3Whmmda7UAdb1c08hEQFVRbF14AR73xbnd8N0obCWJPCbzMCtk
aSef4FdEEgEXJiw0VAJT8wIDAQABo1AwTjAdBgNVHQ4EFgQUT1c7nd/SUO76HSoZ
umNUJv1R5PwwHwYDVR0jBBgwFoAUT1c7nd/SUO76HSoZumNUJv1R5PwwDAYDVR0T
BAUwAwEB/zANBgkqhkiG9w0BAQsFAAOCAQEAM+tslqBxYwqL9fdvGG6hfy69sjfX
UhBtBLWYugKKQCOWWLeq5dDWm3i5Cx2Rgiy9uc7RfmJNxQfIKlcoCNP85BjDoG1B
YnVc6znlcrT9uHgseha3987WwZsFAQbcy8TLUYHzVB8gmDgq8O08xdIe0eczatI8
t3Rg8WXO6Gs66JJ4JR+rD01o3FiSOQCRWhn19NSyDydsgPlOR2t9B9L+MkJwlsMG
Krn85TnwL3qcInzRnU8X86faXXJrI0IJi44tECKw8ftngCl6vyNwNNKPDwdkcuuV
8y3iBixO5IuKxEKEp2wGPV/4W1AXO73Z3Gb7z/1oxdgeO0hVqz1hBasTCQ==
"""
PUBLISHED_SERIAL = "F5765756002FDD77"
PUBLISHED_SIGNATURE = (
    "BKyAfU4iMCuvXMXS0Wzam3V/cnxZ+JaqigPM5OhljS2iOT95OO6Fsuml2JkFANJU9K6q9bLlDhPXuoVz+pp4hAm6pHU4ld815U4jsKu1RkyaII+1"
    "CYBUYC8TK0XtJ8FwUXXz8vZHh58rrAVN1XwNyvD1vfpxrMT4SL536GLwvpUHlCqIMzoZUguLli/K8V29QiOhuH6IEqLNJn8e9b3nwNcQ7be3CzYG"
    "pDAKBfDGPCqCv8Rw5zndhlffk2FEA70G4hvMwe51qMN/RAJbknXG23bSlObuTCN7Ndj1aJGH6/L+hdwfLpUtJm4QYVazzW7DFD27EpSQEqA8bX9+"
    "8m1rLg=="
)
NOW = datetime(2026, 11, 28, 6, 0, tzinfo=UTC)
PUBLIC_KEY_ID = "PUB_KEY_ID_0114232134912410000000000000"


def bare(pem: str) -> str:
    return "".join(line for line in pem.splitlines() if "-----" not in line)


def vendor_key() -> independent.RSAPrivateKey:
    return load_private_key(WECHAT.private_pem)


def public_text(key: independent.RSAPrivateKey) -> str:
    return base64.b64encode(
        key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    ).decode()


def an_account(**other: str) -> WechatSettings:
    """An account whose merchant signs with the published key; the vendor's key is that of `vendor_key`."""
    fields = {
        "app_id": "wxd678efh567hg6787",
        "merchant_id": "1900009191",
        "merchant_serial": "1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C",
        "merchant_private_key": bare(PUBLISHED_KEY),
        "public_key_id": PUBLIC_KEY_ID,
        "public_key": public_text(vendor_key()),
        "api_v3_key": "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb",
        "gateway_url": "https://pay.test",
        **NEITHER_CERTIFICATE_NOR_LOGIN,
    }
    return WechatSettings(**fields | other)


def signed(
    body: bytes,
    at: datetime = NOW,
    serial: str = PUBLIC_KEY_ID,
    key: independent.RSAPrivateKey | None = None,
    **other: str,
) -> dict[str, str]:
    """The headers with which WeChat Pay signs a body."""
    timestamp, nonce = str(int(at.timestamp())), "c5ac7061fccab6bf3e254dcf98995b8c"
    text = f"{timestamp}\n{nonce}\n".encode() + body + b"\n"
    signature = (key or vendor_key()).sign(text, padding.PKCS1v15(), hashes.SHA256())
    return {
        "wechatpay-timestamp": timestamp,
        "wechatpay-nonce": nonce,
        "wechatpay-serial": serial,
        "wechatpay-signature": base64.b64encode(signature).decode(),
    } | {f"wechatpay-{name}": value for name, value in other.items()}


# What WeChat Pay publishes


def test_the_published_example_is_signed_as_published() -> None:
    assert rsa.sign(rsa.read_key(bare(PUBLISHED_KEY)), "source") == PUBLISHED_SIGNATURE


def test_the_published_certificate_verifies_it_and_tells_its_serial() -> None:
    certificate = bare(PUBLISHED_CERTIFICATE)
    assert rsa.certificate_serial(certificate) == PUBLISHED_SERIAL
    key = rsa.read_key(certificate)
    assert rsa.is_signed(key, "source", PUBLISHED_SIGNATURE)
    assert not rsa.is_signed(key, "wrong source", PUBLISHED_SIGNATURE)


@pytest.mark.parametrize(
    ("key", "nonce", "associated_data", "ciphertext", "plain"),
    [
        # wechatpay-java: core/cipher/AeadAesCipherTest.java; wechatpay-go: utils/aes_test.go.
        (
            "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb",
            "uluk4a9R25RW",
            "associatedData",
            "ulwSiIajGClcvcOYvOQ7+l+0PAbzzwI=",
            b"message",
        ),
        (
            "testAPIv3Key0000",
            "wCq51qZv4Yfg",
            "Dl56FrqWQJF1t9LtC3vEUsniZKvbqdR8",
            "FsdXzxryWfKwvLJKf8LG/ToRPTRh8RN9wROC",
            b"Hello World",
        ),
    ],
)
def test_the_published_examples_are_decrypted(
    key: str, nonce: str, associated_data: str, ciphertext: str, plain: bytes
) -> None:
    assert signing.decrypt(key.encode(), nonce, associated_data, ciphertext) == plain
    with pytest.raises(signing.NotVerified, match="resource"):
        signing.decrypt(key.encode(), nonce, associated_data + "x", ciphertext)


def test_the_published_text_of_a_request_is_what_is_signed() -> None:
    """https://wechatpay-api.gitbook.io/wechatpay-api-v3/qian-ming-zhi-nan-1/qian-ming-sheng-cheng"""
    at = datetime.fromtimestamp(1554208460, UTC)
    account = an_account()
    header = signing.authorization(
        account, Keys(account), "GET", "/v3/certificates", "", at, "593BEC0C930BF1AFEB40B4A08C8FB242"
    )
    parts = re.fullmatch(
        r'WECHATPAY2-SHA256-RSA2048 mchid="1900009191",nonce_str="593BEC0C930BF1AFEB40B4A08C8FB242",'
        r'signature="([A-Za-z0-9+/=]+)",timestamp="1554208460",'
        r'serial_no="1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C"',
        header,
    )
    assert parts
    text = b"GET\n/v3/certificates\n1554208460\n593BEC0C930BF1AFEB40B4A08C8FB242\n\n"
    merchant_key().verify(base64.b64decode(parts[1]), text, padding.PKCS1v15(), hashes.SHA256())


def test_the_published_text_of_a_page_is_what_is_signed() -> None:
    signature = signing.page_signature(
        Keys(an_account()),
        "wx2421b1c4370ec43b",
        "1554208460",
        "593BEC0C930BF1AFEB40B4A08C8FB242",
        "prepay_id=wx201410272009395522657a690389285100",
    )
    text = (
        b"wx2421b1c4370ec43b\n1554208460\n593BEC0C930BF1AFEB40B4A08C8FB242\n"
        b"prepay_id=wx201410272009395522657a690389285100\n"
    )
    merchant_key().verify(base64.b64decode(signature), text, padding.PKCS1v15(), hashes.SHA256())


def merchant_key() -> independent.RSAPublicKey:
    return merchant_key_pair().public_key()


def merchant_key_pair() -> independent.RSAPrivateKey:
    key = serialization.load_der_private_key(base64.b64decode(bare(PUBLISHED_KEY)), None)
    assert isinstance(key, independent.RSAPrivateKey)
    return key


# An independent implementation


@settings(deadline=None)
@given(
    plain=st.binary(max_size=300),
    nonce=st.text("0123456789abcdefABCDEF", min_size=12, max_size=12),
    associated_data=st.text(max_size=15),
)
def test_what_another_library_encrypts_is_decrypted(plain: bytes, nonce: str, associated_data: str) -> None:
    key = b"a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb"
    try:
        data = associated_data.encode()
    except UnicodeEncodeError:
        return
    sealed = base64.b64encode(AESGCM(key).encrypt(nonce.encode(), plain, data)).decode()
    assert signing.decrypt(key, nonce, associated_data, sealed) == plain


@pytest.mark.parametrize("ciphertext", ["", "?", "AAAA", "SGVsbG8gV29ybGQK", "中文"])
def test_what_is_not_encrypted_by_the_key_is_refused(ciphertext: str) -> None:
    with pytest.raises(signing.NotVerified, match="resource"):
        signing.decrypt(b"k" * 32, "n" * 12, "", ciphertext)


@pytest.mark.parametrize("nonce", ["", "short", "n" * 13, "中" * 12])
def test_a_nonce_has_twelve_bytes(nonce: str) -> None:
    with pytest.raises(signing.NotVerified, match="resource"):
        signing.decrypt(b"k" * 32, nonce, "", "A" * 40)


@settings(deadline=None, max_examples=30)
@given(body=st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_what_another_library_signs_is_verified(body: bytes) -> None:
    signing.verify(Keys(an_account()), signed(body), body, NOW)


def test_a_body_is_verified_as_it_was_sent() -> None:
    keys, body = Keys(an_account()), b'{"a": 1}'
    for other in (b'{"a":1}', b"", body + b"\n"):
        with pytest.raises(signing.NotVerified, match="sign"):
            signing.verify(keys, signed(body), other, NOW)


@pytest.mark.parametrize(
    ("skew", "is_believed"),
    [(0, True), (299, True), (-299, True), (300, False), (-300, False), (7440, False)],
)
def test_a_signature_holds_for_five_minutes_in_both_directions(skew: int, is_believed: bool) -> None:
    keys, headers = Keys(an_account()), signed(b"x", NOW + timedelta(seconds=skew))
    if is_believed:
        signing.verify(keys, headers, b"x", NOW)
    else:
        with pytest.raises(signing.NotVerified, match="timestamp"):
            signing.verify(keys, headers, b"x", NOW)


@pytest.mark.parametrize("timestamp", ["", "abc", "-1", "1.5", "１５５４２０８４６０", "9" * 30])
def test_a_time_that_is_none_is_refused(timestamp: str) -> None:
    with pytest.raises(signing.NotVerified, match="timestamp"):
        signing.verify(Keys(an_account()), signed(b"x", timestamp=timestamp), b"x", NOW)


@pytest.mark.parametrize("serial", ["", "PUB_KEY_ID_0", "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"])
def test_an_unknown_serial_is_refused_before_all_else(serial: str) -> None:
    with pytest.raises(signing.NotVerified, match="serial"):
        signing.verify(Keys(an_account()), {"wechatpay-serial": serial}, b"x", NOW)


@pytest.mark.parametrize("signature", ["", "WECHATPAY/SIGNTEST/AAAA", "?", "AAAA"])
def test_a_signature_that_is_sent_to_try_us_is_refused(signature: str) -> None:
    with pytest.raises(signing.NotVerified, match="sign"):
        signing.verify(Keys(an_account()), signed(b"x", signature=signature), b"x", NOW)


def test_another_scheme_is_refused_and_a_missing_one_is_not() -> None:
    keys = Keys(an_account())
    signing.verify(keys, signed(b"x") | {"wechatpay-signature-type": signing.SCHEME}, b"x", NOW)
    with pytest.raises(signing.NotVerified, match="sign_type"):
        signing.verify(
            keys, signed(b"x") | {"wechatpay-signature-type": "WECHATPAY2-SM2-WITH-SM3"}, b"x", NOW
        )


# Keys


@functools.cache
def platform_certificate() -> str:
    """The base64 of a certificate of `platform_key`."""
    return certificate(platform_key())


def certificate(
    key: independent.RSAPrivateKey, serial: int = 0x5157F09EFDC096DE15EBE81A47057A7232F1B8E1
) -> str:
    """The base64 of a certificate of a key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tenpay.com Root CA")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return base64.b64encode(made.public_bytes(serialization.Encoding.DER)).decode()


def platform_key() -> independent.RSAPrivateKey:
    return load_private_key(ALIPAY.private_pem)


def test_the_platforms_certificate_is_accepted_beside_the_public_key() -> None:
    keys = Keys(an_account(platform_certificate=platform_certificate()))
    serial = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
    signing.verify(keys, signed(b"x", serial=serial, key=platform_key()), b"x", NOW)
    signing.verify(keys, signed(b"x"), b"x", NOW)
    with pytest.raises(signing.NotVerified, match="sign"):
        signing.verify(keys, signed(b"x", serial=serial), b"x", NOW)
    with pytest.raises(signing.NotVerified, match="sign"):
        signing.verify(keys, signed(b"x", key=platform_key()), b"x", NOW)


def test_all_keys_of_a_right_account_load() -> None:
    Keys(an_account(platform_certificate=platform_certificate())).check()


@pytest.mark.parametrize(
    ("other", "name"),
    [
        ({"merchant_private_key": "AAAA"}, "WECHAT_MCH_PRIVATE_KEY"),
        ({"merchant_private_key": "public"}, "WECHAT_MCH_PRIVATE_KEY"),
        ({"public_key": "AAAA"}, "WECHAT_PUBLIC_KEY"),
        ({"public_key": "private"}, "WECHAT_PUBLIC_KEY"),
        ({"public_key": "own"}, "WECHAT_PUBLIC_KEY"),
        ({"platform_certificate": "AAAA"}, "WECHAT_PLATFORM_CERTIFICATE"),
        ({"platform_certificate": "public"}, "WECHAT_PLATFORM_CERTIFICATE"),
        ({"platform_certificate": "short"}, "WECHAT_PLATFORM_CERTIFICATE"),
        ({"platform_certificate": "merchant's"}, "WECHAT_PLATFORM_CERTIFICATE"),
    ],
)
def test_a_wrong_key_is_named(other: dict[str, str], name: str) -> None:
    own = merchant_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    texts = {
        "public": public_text(vendor_key()),
        "private": bare(PUBLISHED_KEY),
        "own": base64.b64encode(own).decode(),
        "short": certificate(independent.generate_private_key(public_exponent=65537, key_size=1024)),
        "merchant's": certificate(merchant_key_pair()),
    }
    with pytest.raises(InvalidSetting) as refused:
        Keys(an_account(**{field: texts.get(text, text) for field, text in other.items()})).check()
    assert refused.value.facts["name"] == name


def test_no_key_shows_in_what_is_logged() -> None:
    shown = repr(an_account(platform_certificate=platform_certificate()))
    assert bare(PUBLISHED_KEY) not in shown and "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb" not in shown
