"""Reading RSA keys, against two independent readers: `cryptography`, which makes them, and pycryptodomex' own."""

from __future__ import annotations

import base64

import pytest
from Cryptodome.PublicKey import RSA
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.gateways import rsa
from tests.keys import ALIPAY

X509, PKCS1 = PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1


def its_own() -> RSAPrivateKey:
    key = serialization.load_pem_private_key(ALIPAY.private_pem.encode(), None)
    assert isinstance(key, RSAPrivateKey)
    return key


def public_der(form: PublicFormat) -> bytes:
    public = its_own().public_key()
    assert isinstance(public, RSAPublicKey)
    return public.public_bytes(Encoding.DER, form)


def private_der(form: PrivateFormat) -> bytes:
    return its_own().private_bytes(Encoding.DER, form, serialization.NoEncryption())


def read(der: bytes) -> tuple[int, int, bool] | None:
    """Modulus, exponent, and whether it is private; None for what is refused."""
    try:
        key = rsa.read_key(base64.b64encode(der).decode())
    except ValueError:
        return None
    return int(key.n), int(key.e), key.has_private()


@pytest.mark.parametrize("form", [X509, PKCS1])
def test_a_public_key_is_read_in_either_form(form: PublicFormat) -> None:
    numbers = its_own().public_key().public_numbers()
    assert read(public_der(form)) == (numbers.n, numbers.e, False)


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_a_private_key_is_read_in_either_form(form: PrivateFormat) -> None:
    numbers = its_own().public_key().public_numbers()
    assert read(private_der(form)) == (numbers.n, numbers.e, True)


def test_a_key_of_another_algorithm_is_refused() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    assert read(other.public_key().public_bytes(Encoding.DER, X509)) is None
    assert read(other.private_bytes(Encoding.DER, PrivateFormat.PKCS8, serialization.NoEncryption())) is None


@given(
    st.sampled_from([public_der(X509), public_der(PKCS1)]),
    st.integers(0, 60),
    st.binary(max_size=3),
    st.integers(0, 3),
)
def test_a_damaged_public_key_is_read_as_the_library_reads_it_or_refused(
    der: bytes, at: int, put: bytes, cut: int
) -> None:
    damaged = der[:at] + put + der[at + cut :]
    try:
        key = RSA.import_key(damaged)
        expected = (int(key.n), int(key.e), False)
    except (ValueError, IndexError, TypeError):
        expected = None
    assert read(damaged) in (expected, None)


@pytest.mark.parametrize(
    "text", ["", "AA==", "MAA=", "MAQwADAA", "no base64", base64.b64encode(b"0" * 300).decode()]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        rsa.read_key(text)
