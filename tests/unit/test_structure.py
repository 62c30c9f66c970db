"""The rules of the house, read from the source: who may import what, and what stands where.

    app.py -> web -> flows -> shop     -> storage -> aws -> errors, deadline, money, settings, ...
                          \\-> gateways ----------->         errors, deadline, money, settings, ...

Settings may read secrets, so that `aws` stands below them and is told what they say.

Downwards only; skipping levels is fine. `manage`, the operators' command line, may use all of it but app.py.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("app", "chalicelib", "infra", "localstack", "tests")
GROUND = {"errors", "deadline", "money", "settings", "beijing_time", "request_log", "tls", "confidential"}
MAY_IMPORT = {
    "app": {"web", "flows", "shop", "gateways", "storage"} | GROUND,
    "manage": {"web", "flows", "shop", "gateways", "storage", "manage"} | GROUND,
    "web": {"web", "flows", "shop", "gateways", "storage"} | GROUND,
    "flows": {"flows", "shop", "gateways", "storage"} | GROUND,
    "shop": {"shop", "storage"} | GROUND,
    "gateways": {"gateways"} | GROUND,
    "storage": {"storage", "aws"} | GROUND,
    "aws": {"aws", "errors", "deadline", "tls", "confidential"},
} | dict.fromkeys(GROUND, GROUND)
MAY_IMPORT["settings"] = GROUND | {"aws"}
HTTP_CLIENTS = ("requests", "urllib3", "httpx", "aiohttp", "urllib.request", "http.client", "socket")
VAGUE = {"util", "helper", "common", "misc", "manager", "service"}
VIEW_STATEMENTS = 5
PROVIDER_WORDS = {
    "alipay": r"(?i:alipay)|ACQ\.|(?<!OUT_)TRADE_[A-Z]",
    "wechat": r"(?i:we_?chat)",
    "unionpay": r"(?i:union_?pay)",
}
"""Payment provider -> the words that only its own gateway, a file or a folder, may say."""
NAMES_PROVIDERS = (
    "chalicelib/settings.py",
    "chalicelib/gateways/__init__.py",
    "chalicelib/shop/payment_type.py",
    "chalicelib/flows/pay_wechat.py",  # its ways to pay are begun on a page of the shop's own
    "chalicelib/web/functions.py",  # a Lambda for each provider that calls
    "chalicelib/manage/legacy/orders.py",  # the old system's numbers of providers
)


@dataclass(frozen=True)
class Source:
    """A Python file: its path from the project's root, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of the tree: nine rules look at all of them."""
        return list(ast.walk(self.tree))

    @property
    def layer(self) -> str | None:
        """What part of the application the file belongs to; None outside of it."""
        parts = self.path.removesuffix(".py").split("/")
        return "app" if parts == ["app"] else parts[1] if parts[0] == "chalicelib" else None

    def imports(self) -> Iterator[tuple[int, str]]:
        """Every imported name, fully written, with its line: of `from a import b` both `a` and `a.b`."""
        package = self.path.split("/")[:-1]
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else []
                module = ".".join([*base, *([node.module] if node.module else [])])
                yield node.lineno, module
                yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)

    def is_in(self, *places: str) -> bool:
        return any(self.path == place or self.path.startswith(place + "/") for place in places)


def _dotted(node: ast.expr) -> str:
    """`a.b.c` of a name and its attributes; what stands before them, such as a call, is left out."""
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


Violations = Iterator[tuple[int, str]]
Rule = Callable[[Source], Violations]


def imports_go_downwards_only(source: Source) -> Violations:
    if source.layer is None or source.path == "chalicelib/__init__.py":
        return
    for line, name in source.imports():
        root, _, rest = name.partition(".")
        imported = rest.partition(".")[0] if root == "chalicelib" else root
        if root in OURS and imported and imported not in MAY_IMPORT.get(source.layer, set()):
            yield line, f"{source.layer} must not import {name}"


def only_some_places_import(places: tuple[str, ...], libraries: tuple[str, ...]) -> Rule:
    def rule(source: Source) -> Violations:
        if source.layer is not None and not source.is_in(*places):
            for line, name in source.imports():
                if any(name == library or name.startswith(library + ".") for library in libraries):
                    yield line, f"{name} is imported in {' and '.join(places)} only"

    return rule


def only_settings_reads_the_environment(source: Source) -> Violations:
    if source.layer is None or source.path == "chalicelib/settings.py":
        return
    environment = {"environ", "environb", "getenv", "putenv"}
    for node in source.nodes:
        if isinstance(node, ast.Attribute) and node.attr in environment and _dotted(node.value) == "os":
            yield node.lineno, "the environment is read in chalicelib/settings.py only"
    for line, name in source.imports():
        if name in {f"os.{what}" for what in environment}:
            yield line, "the environment is read in chalicelib/settings.py only"


def file_names_say_what_is_inside(source: Source) -> Violations:
    for part in source.path.removesuffix(".py").split("/"):
        vague = {word for word in part.split("_") if word.removesuffix("s") in VAGUE}
        if vague:
            yield 1, f"a file or directory named {' '.join(vague)} says nothing"


def fakes_are_handed_in_and_nothing_is_patched(source: Source) -> Violations:
    if not source.is_in("tests"):
        return
    for line, name in source.imports():
        if name.split(".")[0] in ("mock", "pytest_mock") or name.startswith("unittest.mock"):
            yield line, f"{name}: hand a fake in instead of patching"
    for node in source.nodes:
        if isinstance(node, ast.arg) and node.arg in ("mocker", "class_mocker", "session_mocker"):
            yield node.lineno, "hand a fake in instead of patching"
        if isinstance(node, ast.Call) and _dotted(node.func).endswith("monkeypatch.setattr"):
            yield node.lineno, "hand a fake in instead of patching"


def conditions_are_waited_for_without_sleep(source: Source) -> Violations:
    if source.is_in("tests"):
        for node in source.nodes:
            if isinstance(node, ast.Call) and _dotted(node.func) in ("time.sleep", "sleep"):
                yield node.lineno, "wait for a condition instead of sleeping"


def codes_stand_in_one_table(source: Source) -> Violations:
    """A number that may be a code stands elsewhere only to calculate with, or under a name of its own."""
    if source.layer is None or source.path == "chalicelib/web/codes.py":
        return
    other = set()
    for node in source.nodes:
        if isinstance(node, ast.BinOp):
            other |= {id(node.left), id(node.right)}
        if isinstance(node, ast.Assign) and all(_names_another_number(target) for target in node.targets):
            other |= {id(part) for part in ast.walk(node.value)}
    for node in source.nodes:
        if isinstance(node, ast.Constant) and type(node.value) is int and 1000 <= node.value <= 5999:
            if id(node) not in other:
                yield node.lineno, f"{node.value} looks like a code: those stand in chalicelib/web/codes.py"


def _names_another_number(target: ast.expr) -> bool:
    names = target.elts if isinstance(target, ast.Tuple) else [target]
    return all(isinstance(n, ast.Name) and n.id.isupper() and "CODE" not in n.id for n in names)


def what_is_public_is_documented(source: Source) -> Violations:
    if not source.is_in("chalicelib"):
        return
    bodies = [source.tree.body]
    bodies += [n.body for n in source.tree.body if isinstance(n, ast.ClassDef) and not n.name.startswith("_")]
    for body in bodies:
        for node in body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                # Meta, serialize, deserialize: pynamodb's own, documented there.
                exempt = node.name.startswith("_") or node.name in ("Meta", "serialize", "deserialize")
                setter = any(ast.unparse(d).endswith(".setter") for d in node.decorator_list)
                if not exempt and not setter and not ast.get_docstring(node):
                    yield node.lineno, f"{node.name} has no docstring"


def app_py_is_a_table_of_routes(source: Source) -> Violations:
    if source.path != "app.py":
        return
    for node in source.nodes:
        if isinstance(node, ast.Try):
            yield node.lineno, "no try in app.py: web/ maps refusals to answers"
        if isinstance(node, ast.FunctionDef) and len(node.body) > VIEW_STATEMENTS:
            yield node.lineno, f"{node.name} has more than {VIEW_STATEMENTS} statements: read, do, shape"


def nothing_is_caught_blindly(source: Source) -> Violations:
    # The notification edge answers `fail` whatever happens; gateways/in_time.py hands a thread's error on.
    if source.layer is None or source.is_in(
        "chalicelib/web/notification.py", "chalicelib/gateways/in_time.py"
    ):
        return
    for node in source.nodes:
        if isinstance(node, ast.ExceptHandler):
            caught = "everything" if node.type is None else ast.unparse(node.type)
            if caught in ("everything", "Exception", "BaseException"):
                yield node.lineno, f"catches {caught}: catch what is expected here"


def chance_comes_from_the_system(source: Source) -> Violations:
    """Lambda stores a process that is ready and starts many from it: a generator with a state would repeat itself."""
    if source.layer is None:
        return
    for node in source.nodes:
        if (
            isinstance(node, ast.Attribute)
            and _dotted(node.value) == "random"
            and node.attr != "SystemRandom"
        ):
            yield node.lineno, f"random.{node.attr} has a state that processes share: use SystemRandom"
    for line, name in source.imports():
        if name.startswith("random.") and name != "random.SystemRandom":
            yield line, f"{name} has a state that processes share: use SystemRandom"


def a_providers_words_stay_in_its_gateway(source: Source) -> Violations:
    if not source.is_in("chalicelib") or source.is_in(*NAMES_PROVIDERS):
        return
    for provider, words in PROVIDER_WORDS.items():
        home = f"chalicelib/gateways/{provider}"
        if source.is_in(f"{home}.py", home):
            continue
        for number, line in enumerate(source.text.splitlines(), 1):
            for word in re.findall(words, line):
                yield number, f"{word} is said in {home} only"


def values_are_structs(source: Source) -> Violations:
    """Python makes a dataclass by compiling its methods, at every start of a function and forty times as slowly."""
    if not source.is_in("chalicelib") or source.is_in("chalicelib/manage"):
        return
    for node in source.nodes:
        if isinstance(node, ast.ClassDef) and "dataclass" in map(_decorator, node.decorator_list):
            calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
            if not any(_dotted(each.func) == "field" for each in calls):
                yield node.lineno, f"{node.name} hides no field from `repr`: make it a Struct of msgspec"


def _decorator(node: ast.expr) -> str:
    return _dotted(node.func if isinstance(node, ast.Call) else node).rpartition(".")[2]


RULES: dict[str, Rule] = {
    "imports go downwards only": imports_go_downwards_only,
    "chalice is imported in app.py and web only": only_some_places_import(
        ("app.py", "chalicelib/web"), ("chalice",)
    ),
    "stores are imported in shop, storage and aws only": only_some_places_import(
        ("chalicelib/shop", "chalicelib/storage", "chalicelib/aws"),
        ("pynamodb", "redis", "boto3"),
    ),
    "botocore is imported where AWS is called only": only_some_places_import(
        ("chalicelib/shop", "chalicelib/storage", "chalicelib/aws", "chalicelib/gateways/ses.py"),
        ("botocore",),
    ),
    "HTTP clients are imported in gateways and aws only": only_some_places_import(
        ("chalicelib/gateways", "chalicelib/aws"), HTTP_CLIENTS
    ),
    "the environment is read by settings only": only_settings_reads_the_environment,
    "file names say what is inside": file_names_say_what_is_inside,
    "tests hand in fakes and patch nothing": fakes_are_handed_in_and_nothing_is_patched,
    "tests wait for conditions and never sleep": conditions_are_waited_for_without_sleep,
    "codes stand in one table": codes_stand_in_one_table,
    "what is public is documented": what_is_public_is_documented,
    "app.py is a table of routes": app_py_is_a_table_of_routes,
    "nothing is caught blindly": nothing_is_caught_blindly,
    "chance comes from the system": chance_comes_from_the_system,
    "a provider's words stay in its gateway": a_providers_words_stay_in_its_gateway,
    "values are structs": values_are_structs,
}


@cache
def sources() -> list[Source]:
    files = [ROOT / "app.py"]
    for directory in OURS[1:]:
        files += sorted((ROOT / directory).rglob("*.py"))
    return [
        Source(file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8"))
        for file in files
        if "node_modules" not in file.parts
    ]


def found(rule: Rule, *given: Source) -> list[str]:
    return [f"{source.path}:{line}: {text}" for source in given for line, text in sorted(set(rule(source)))]


@pytest.mark.parametrize("sentence", RULES)
def test_the_source_keeps_the_rule(sentence: str) -> None:
    violations = found(RULES[sentence], *sources())
    assert not violations, f"\n{sentence}:\n  " + "\n  ".join(violations)


def test_all_of_the_application_is_read() -> None:
    read = {source.layer for source in sources()} - {None, "__init__"}
    assert read == set(MAY_IMPORT)


BROKEN = [
    ("imports go downwards only", "chalicelib/web/x.py", "import app"),
    ("imports go downwards only", "chalicelib/flows/x.py", "from chalicelib.web import codes"),
    ("imports go downwards only", "chalicelib/flows/x.py", "from ..web.codes import OK"),
    ("imports go downwards only", "chalicelib/shop/x.py", "import chalicelib.flows.checkout"),
    ("imports go downwards only", "chalicelib/shop/x.py", "from chalicelib.gateways.alipay import Paid"),
    ("imports go downwards only", "chalicelib/shop/x.py", "def f():\n    from chalicelib import gateways"),
    ("imports go downwards only", "chalicelib/gateways/x.py", "from chalicelib.shop import order"),
    ("imports go downwards only", "chalicelib/gateways/x.py", "from chalicelib.storage import dynamodb"),
    ("imports go downwards only", "chalicelib/storage/x.py", "from chalicelib.shop.user import User"),
    ("imports go downwards only", "chalicelib/aws/x.py", "from chalicelib.settings import settings"),
    ("imports go downwards only", "chalicelib/money.py", "from chalicelib.aws import AwsSettings"),
    ("imports go downwards only", "chalicelib/money.py", "from chalicelib.storage import dynamodb"),
    ("imports go downwards only", "chalicelib/manage/x.py", "import app"),
    ("imports go downwards only", "chalicelib/web/x.py", "from chalicelib.manage import demo"),
    ("imports go downwards only", "chalicelib/flows/x.py", "from localstack.alipay import AlipaySimulator"),
    ("imports go downwards only", "chalicelib/newcomer.py", "from chalicelib.shop import order"),
    (
        "chalice is imported in app.py and web only",
        "chalicelib/flows/x.py",
        "from chalice.app import Response",
    ),
    ("chalice is imported in app.py and web only", "chalicelib/manage/x.py", "import chalice"),
    (
        "stores are imported in shop, storage and aws only",
        "chalicelib/flows/x.py",
        "from pynamodb import models",
    ),
    ("stores are imported in shop, storage and aws only", "chalicelib/gateways/x.py", "import redis"),
    ("stores are imported in shop, storage and aws only", "chalicelib/manage/x.py", "import boto3"),
    ("botocore is imported where AWS is called only", "app.py", "import botocore.session as s"),
    ("botocore is imported where AWS is called only", "chalicelib/gateways/smtp.py", "import botocore"),
    (
        "HTTP clients are imported in gateways and aws only",
        "chalicelib/flows/x.py",
        "import requests",
    ),
    (
        "HTTP clients are imported in gateways and aws only",
        "chalicelib/shop/x.py",
        "from urllib import request",
    ),
    (
        "HTTP clients are imported in gateways and aws only",
        "chalicelib/web/x.py",
        "from http.client import HTTPSConnection",
    ),
    (
        "HTTP clients are imported in gateways and aws only",
        "chalicelib/storage/x.py",
        "import urllib3",
    ),
    ("the environment is read by settings only", "chalicelib/shop/x.py", "import os\na = os.environ['A']"),
    ("the environment is read by settings only", "app.py", "import os\na = os.getenv('A')"),
    ("the environment is read by settings only", "chalicelib/web/x.py", "from os import environ"),
    ("file names say what is inside", "chalicelib/shop/order_utils.py", ""),
    ("file names say what is inside", "tests/helpers/x.py", ""),
    ("file names say what is inside", "localstack/common.py", ""),
    ("file names say what is inside", "chalicelib/flows/payment_service.py", ""),
    ("tests hand in fakes and patch nothing", "tests/unit/x.py", "from unittest import mock"),
    ("tests hand in fakes and patch nothing", "tests/unit/x.py", "import unittest.mock as m"),
    ("tests hand in fakes and patch nothing", "tests/unit/x.py", "def test(mocker): ..."),
    ("tests hand in fakes and patch nothing", "tests/unit/x.py", "monkeypatch.setattr('app.app', 1)"),
    ("tests wait for conditions and never sleep", "tests/unit/x.py", "import time\ntime.sleep(1)"),
    ("codes stand in one table", "app.py", "return_code = 1306"),
    ("codes stand in one table", "chalicelib/flows/x.py", "COUPON_CODE = 1306"),
    ("codes stand in one table", "chalicelib/web/x.py", "answer(1999)"),
    ("codes stand in one table", "chalicelib/web/x.py", "body = {'code': 1000}"),
    ("what is public is documented", "chalicelib/shop/x.py", "def f(): ..."),
    ("what is public is documented", "chalicelib/shop/x.py", "class A: ..."),
    ("what is public is documented", "chalicelib/shop/x.py", "class A:\n    '''.'''\n    def f(self): ..."),
    ("app.py is a table of routes", "app.py", "def f():\n    try:\n        g()\n    except E:\n        h()"),
    ("app.py is a table of routes", "app.py", "def f():\n" + "    g()\n" * 6),
    ("nothing is caught blindly", "chalicelib/flows/x.py", "try:\n    f()\nexcept Exception:\n    g()"),
    ("nothing is caught blindly", "chalicelib/web/x.py", "try:\n    f()\nexcept:\n    g()"),
    ("chance comes from the system", "chalicelib/shop/x.py", "import random\na = random.random()"),
    ("chance comes from the system", "chalicelib/web/x.py", "from random import choice"),
    ("chance comes from the system", "app.py", "import random\nf = random.Random(1)"),
    (
        "a provider's words stay in its gateway",
        "chalicelib/flows/x.py",
        "if found.payment_type == ALIPAY: ...",
    ),
    ("a provider's words stay in its gateway", "chalicelib/flows/x.py", "if told == 'TRADE_SUCCESS': ..."),
    ("a provider's words stay in its gateway", "chalicelib/shop/x.py", "# ACQ.SYSTEM_ERROR passes by itself"),
    ("a provider's words stay in its gateway", "chalicelib/web/x.py", "# Alipay calls here"),
    ("a provider's words stay in its gateway", "chalicelib/manage/x.py", "print('ask WeChat')"),
    ("a provider's words stay in its gateway", "chalicelib/gateways/alipay.py", "we_chat = unionpay"),
    ("a provider's words stay in its gateway", "chalicelib/gateways/wechat.py", "alipay = 1"),
    ("a provider's words stay in its gateway", "chalicelib/gateways/wechat/trades.py", "alipay = 1"),
    ("a provider's words stay in its gateway", "chalicelib/gateways/wechat_words.py", "wechat = 1"),
    ("values are structs", "chalicelib/shop/x.py", "@dataclass\nclass _A:\n    a: int"),
    (
        "values are structs",
        "chalicelib/web/x.py",
        "@dataclasses.dataclass(frozen=True)\nclass _A:\n    a: int",
    ),
]


@pytest.mark.parametrize(("sentence", "path", "text"), BROKEN)
def test_the_rule_is_seen_when_it_is_broken(sentence: str, path: str, text: str) -> None:
    assert found(RULES[sentence], Source(path, text))


def test_every_rule_is_broken_by_an_example() -> None:
    assert {sentence for sentence, _, _ in BROKEN} == set(RULES)


ALLOWED = [
    ("app.py", "from chalicelib.shop import catalog\nfrom chalice.app import Response"),
    ("chalicelib/web/x.py", "from chalicelib.web import requests\nfrom chalicelib.gateways import Gateways"),
    (
        "chalicelib/flows/x.py",
        "from . import grant\nfrom chalicelib.shop import order\nfrom chalicelib import money",
    ),
    ("chalicelib/shop/x.py", "import pynamodb.attributes\nfrom chalicelib.storage.dynamodb import find"),
    ("chalicelib/gateways/x.py", "import requests\nfrom chalicelib.errors import GatewayUnavailable"),
    ("chalicelib/storage/x.py", "from redis import Redis\nfrom chalicelib.settings import settings"),
    ("chalicelib/manage/x.py", "from chalicelib.flows import grant\nfrom . import demo"),
    ("chalicelib/settings.py", "import os\nvalue = os.environ['A']"),
    (
        "chalicelib/shop/y.py",
        "from urllib.parse import quote\nmilliseconds = seconds * 1000\nMAX_LENGTH = 1024",
    ),
    ("chalicelib/shop/z.py", "def f():\n    '''Does it.'''\ndef _g(): ..."),
    ("chalicelib/shop/u.py", "from random import SystemRandom\nimport random\na = random.SystemRandom()"),
    ("chalicelib/gateways/alipay.py", "alipay = 'ACQ.TRADE_CLOSED'"),
    ("chalicelib/shop/payment_type.py", "ALIPAY, WECHAT = 'alipay', 'wechat'"),
    (
        "chalicelib/shop/v.py",
        "@dataclass(frozen=True)\nclass _A:\n    a: str = field(repr=False)\nclass _B(Struct):\n    b: int",
    ),
    ("chalicelib/flows/y.py", "trade_no = found.trade_no  # the provider's"),
    ("tests/unit/x.py", "import app\nimport requests\nmonkeypatch.setenv('A', 'b')"),
]


@pytest.mark.parametrize(("path", "text"), ALLOWED)
def test_what_is_allowed_breaks_no_rule(path: str, text: str) -> None:
    assert [line for rule in RULES.values() for line in found(rule, Source(path, text))] == []
