"""The parts of a payment provider: each one named in the constants has them all, and a newcomer is told which are
missing.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from chalicelib.gateways.alipay import Alipay
from chalicelib.gateways.payments import NotSetUp, PaymentProvider
from chalicelib.settings import Settings
from chalicelib.shop.payment_type import (
    DEFAULT_PROVIDER,
    FIRST_PROVIDER,
    OWN_PAGES,
    PAYMENT_NAMES,
    PROVIDERS,
)
from localstack.api_gateway import HTTP_FUNCTIONS
from tests.unit.test_structure import PROVIDER_WORDS

ROOT = Path(__file__).parents[2]


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def payment_types_described() -> list[str]:
    schemas = json.loads(text("openapi.json"))["components"]["schemas"]
    (described,) = {
        tuple(properties["payment_type"]["enum"])  # the same wherever it stands
        for schema in schemas.values()
        if "enum" in (properties := schema.get("properties", {})).get("payment_type", {})
    }
    return list(described)


def missing_of(provider: str) -> Iterator[str]:
    """What a provider of this name still lacks, in words."""
    if provider not in PAYMENT_NAMES:
        yield "PAYMENT_NAMES in shop/payment_type.py: the text that learners read"
    elif PAYMENT_NAMES[provider] not in payment_types_described():
        yield f"openapi.json: {PAYMENT_NAMES[provider]} among the texts of payment_type"
    if provider not in PROVIDER_WORDS:
        yield "PROVIDER_WORDS in tests/unit/test_structure.py: the words that stay in its gateway file"
    yield from missing_of_gateway(provider)
    if f"from chalicelib.gateways.{provider} import" not in text("chalicelib/gateways/__init__.py"):
        yield "open_gateways in gateways/__init__.py: it is opened"
    if provider not in Settings.__annotations__:
        yield f"Settings.{provider} in settings.py: the group of its settings"
    yield from missing_of_function(provider)
    if not (ROOT / f"localstack/{provider}/__main__.py").is_file():
        yield f"localstack/{provider}/: a simulator"


def missing_of_gateway(provider: str) -> Iterator[str]:
    path = f"chalicelib/gateways/{provider}"
    if not any((ROOT / file).is_file() for file in (f"{path}.py", f"{path}/__init__.py")):
        yield f"{path}: its gateway, a file or a folder"
        return
    module = import_module(f"chalicelib.gateways.{provider}")
    named = [one for one in vars(module).values() if getattr(one, "name", None) == provider]
    if len(named) != 1:
        yield f"{path}: one class whose name is {provider!r}"
    for gateway in named:
        yield from (f"{path}: {lack}" for lack in lacks_of(gateway))


def lacks_of(gateway: type) -> Iterator[str]:
    """What a class lacks to be a `PaymentProvider`."""
    for name in PaymentProvider.__annotations__:
        if not hasattr(gateway, name):
            yield name
    for name, wanted in vars(PaymentProvider).items():
        if name.startswith("_") or not inspect.isfunction(wanted):
            continue
        given = getattr(gateway, name, None)
        if given is None:
            yield name
        elif list(inspect.signature(given).parameters) != list(inspect.signature(wanted).parameters):
            yield f"{name}{inspect.signature(wanted)}"


def missing_of_function(provider: str) -> Iterator[str]:
    name, path = f"{provider}_notify", f"/trade/{provider}"
    resource = "".join(part.capitalize() for part in name.split("_"))
    if f'@functions.lambda_function(name="{name}")' not in text("chalicelib/web/functions.py"):
        yield f"web/functions.py: the Lambda {name}"
    functions = json.loads(text(".chalice/config.json"))["lambda_functions"]
    policy = functions.get(name, {}).get("iam_policy_file", f"policy-{name}.json")
    if name not in functions:
        yield f".chalice/config.json: {name}"
    if not (ROOT / ".chalice" / policy).is_file():
        yield f".chalice/{policy}: what {name} may do"
    resources: dict[str, Any] = json.loads(text("infra/functions.json"))["Resources"]
    paths = resources["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    if "post" not in paths.get(path, {}):
        yield f"infra/functions.json: POST {path}"
    if f"{resource}InvokePermission" not in resources:
        yield f"infra/functions.json: {resource}InvokePermission"
    if HTTP_FUNCTIONS.get(("POST", path)) != name:
        yield f"HTTP_FUNCTIONS in localstack/api_gateway.py: POST {path}"


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_a_provider_has_all_its_parts(provider: str) -> None:
    missing = list(missing_of(provider))
    assert not missing, f"\n{provider} lacks:\n  " + "\n  ".join(missing)


def test_a_newcomer_is_told_every_part() -> None:
    assert list(missing_of("nopay")) == [
        "PAYMENT_NAMES in shop/payment_type.py: the text that learners read",
        "PROVIDER_WORDS in tests/unit/test_structure.py: the words that stay in its gateway file",
        "chalicelib/gateways/nopay: its gateway, a file or a folder",
        "open_gateways in gateways/__init__.py: it is opened",
        "Settings.nopay in settings.py: the group of its settings",
        "web/functions.py: the Lambda nopay_notify",
        ".chalice/config.json: nopay_notify",
        ".chalice/policy-nopay_notify.json: what nopay_notify may do",
        "infra/functions.json: POST /trade/nopay",
        "infra/functions.json: NopayNotifyInvokePermission",
        "HTTP_FUNCTIONS in localstack/api_gateway.py: POST /trade/nopay",
        "localstack/nopay/: a simulator",
    ]


def test_a_gateway_is_told_what_it_lacks() -> None:
    class Half:
        name = "half"

        def check(self) -> None: ...

        def query(self, order_number: str) -> None: ...

    lacks = list(lacks_of(Half))
    assert "ask_refund_after" in lacks and "close" in lacks and "parse_notification" in lacks
    assert any(lack.startswith("query(self, number: 'str', amount") for lack in lacks)
    assert "check" not in lacks and "name" not in lacks
    assert len(lacks) == len(PaymentProvider.__annotations__) - 1 + 12 - 1
    assert not list(lacks_of(Alipay))


def test_what_is_not_set_up_answers_as_a_provider_does() -> None:
    assert list(lacks_of(NotSetUp)) == ["name"]  # each has its own


def test_a_file_without_a_gateway_is_none() -> None:
    assert list(missing_of_gateway("http")) == ["chalicelib/gateways/http: one class whose name is 'http'"]


def test_every_way_to_pay_is_described() -> None:
    assert set(payment_types_described()) == set(PAYMENT_NAMES.values())
    schemas = json.loads(text("openapi.json"))["components"]["schemas"]
    assert set(schemas["Provider"]["enum"]) == PROVIDERS
    for order in ("Order", "OrderRow"):
        assert set(schemas[order]["properties"]["payment_code"]["enum"]) == PAYMENT_NAMES.keys()


def test_the_constants_name_providers() -> None:
    assert {DEFAULT_PROVIDER, FIRST_PROVIDER} <= PROVIDERS <= PAYMENT_NAMES.keys()
    assert OWN_PAGES <= PROVIDERS
