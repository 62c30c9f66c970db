"""The documents, held against what they speak of: files, anchors, words of the Makefile, operators' commands."""

from __future__ import annotations

import argparse
import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from pynamodb.attributes import DiscriminatorAttribute

import chalicelib.shop
import chalicelib.storage
from chalicelib.manage.__main__ import _parser
from chalicelib.storage.dynamodb import CatalogItem, StoredItem, UserItem
from chalicelib.web import codes
from tests.documents import (
    DATA,
    DECISIONS,
    DEPENDENCIES,
    DOCS,
    GENERATED,
    README,
    ROOT,
    SETTINGS,
    code_names,
    generated_part,
)

MOST_BYTES = 10_000
"""What somebody reads in two minutes."""

DOCUMENTS = [
    README,
    *sorted(DOCS.glob("*.md")),
    *(ROOT / place / "README.md" for place in ("localstack", "localstack/cloud", "infra", "spa")),
]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def name_of(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


def prose(document: Path) -> str:
    """The text without its code, in which nothing is a heading or a link."""
    text = document.read_text(encoding="utf-8")
    return re.sub(r"^(```.*?^```| {4}.*?)$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub gives the headings."""
    found: dict[str, int] = {}
    for heading in re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")
        found[anchor] = found.get(anchor, -1) + 1
    return {
        anchor if not again else f"{anchor}-{again}"
        for anchor, most in found.items()
        for again in range(most + 1)
    }


def dead_links(document: Path, text: str) -> Iterator[str]:
    for link in LINK.findall(text):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists():
            yield f"{link}: there is no such file"
        elif anchor and anchor not in anchors(target):
            yield f"{link}: there is no such heading"


def tree_paths(text: str) -> Iterator[str]:
    """The paths of the README's tree, whose depth is their indentation."""
    tree = text.split("## The tree")[1].split("\n\n")[1]
    above: list[str] = []
    for line in tree.splitlines():
        indentation, name = len(line) - len(line.lstrip()), line.split()[0]
        above = above[: (indentation - 4) // 2]
        yield "".join(above) + name
        above.append(name)


def unknown_words(text: str, words: set[str]) -> list[str]:
    """The words after `make` that the Makefile has not."""
    used = re.findall(r"(?:^ {4}|`|&& |\$ )(?:[A-Z_]+=\S+ )*make ([a-z][a-z0-9-]*)", text, re.MULTILINE)
    return [word for word in used if word not in words]


@cache
def makefile_words() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][a-z0-9-]*):", makefile, re.MULTILINE))


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


@cache
def operators_commands() -> set[str]:
    commands = subcommands(_parser())
    return set(commands) | {
        f"{name} {below}" for name, parser in commands.items() for below in subcommands(parser)
    }


def commands_named(text: str) -> list[str]:
    """What is called an operator's command: after `manage`, or in ARGS."""
    named = re.findall(r'(?<![A-Z_])ARGS="([a-z][a-z-]*(?: (?:export|check|apply))?)', text)
    return named + re.findall(
        r"`(?:manage )?((?:retry|settle|resolve|list|grant|approve|refuse)-[a-z]+)\b", text
    )


def test_the_readme_is_read_in_two_minutes() -> None:
    assert len(README.read_bytes()) <= MOST_BYTES


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_leads_somewhere(document: Path) -> None:
    assert not list(dead_links(document, prose(document)))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_by_name_is_defined(document: Path) -> None:
    text = prose(document)
    used = set(re.findall(r"\]\[([^\]]+)\]", text))
    defined = set(re.findall(r"^\[([^\]]+)\]: \S+$", text, re.MULTILINE))
    shortened = set(re.findall(r"\[([^\]]+)\](?![\[(:])", text)) & defined
    assert used <= defined
    assert defined == used | shortened


def test_every_path_of_the_tree_exists() -> None:
    paths = list(tree_paths(README.read_text(encoding="utf-8")))
    assert "chalicelib/web/" in paths and "localstack/" in paths
    assert not [path for path in paths if not (ROOT / path).exists()]


def test_the_tree_leaves_no_directory_out() -> None:
    named = set(tree_paths(README.read_text(encoding="utf-8")))
    there = {f"chalicelib/{path.parent.name}/" for path in (ROOT / "chalicelib").glob("*/__init__.py")}
    assert there <= named


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_word_of_make_is_in_the_makefile(document: Path) -> None:
    assert not unknown_words(document.read_text(encoding="utf-8"), makefile_words())


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_command_named_is_one_that_operators_have(document: Path) -> None:
    named = commands_named(document.read_text(encoding="utf-8"))
    assert not [command for command in named if command not in operators_commands()]


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached, ahead = {README}, [README]
    while ahead:
        document = ahead.pop()
        for link in LINK.findall(prose(document)):
            target = (document.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.exists() and target not in reached:
                reached.add(target)
                ahead.append(target)
    assert set(DOCUMENTS) <= reached


@pytest.mark.parametrize("document", GENERATED, ids=name_of)
def test_what_is_generated_is_up_to_date(document: Path) -> None:
    assert generated_part(document) == GENERATED[document](), "write it anew: python -m tests.documents"


def test_every_code_has_a_name_of_its_own_and_no_other_name_is_given() -> None:
    names = code_names()
    assert len(set(names.values())) == len(names), "give one of the equal ones a name in codes.NAMES"
    assert names.keys() >= codes.NAMES.keys()


def models(below: type[StoredItem]) -> Iterator[type[StoredItem]]:
    """Those that have a word by which their items are told apart."""
    for model in below.__subclasses__():
        kind = model.get_attributes()["kind"]
        if isinstance(kind, DiscriminatorAttribute) and kind.get_discriminator(model):
            yield model
        yield from models(model)


def test_every_kind_of_item_has_its_row() -> None:
    for package in (chalicelib.shop, chalicelib.storage):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    kinds = {(model.__name__, model.__module__) for base in (CatalogItem, UserItem) for model in models(base)}
    rows = re.findall(r"\[(\w+)\]\(\.\./(chalicelib/\w+/\w+)\.py\)", prose(DATA))
    assert {(name, path.replace("/", ".")) for name, path in rows} == kinds


def test_every_decision_says_why_what_it_costs_and_how_to_undo_it() -> None:
    before, *decisions = re.split(r"^## ", prose(DECISIONS), flags=re.MULTILINE)
    titles = [decision.partition("\n")[0] for decision in decisions]
    dates = [re.match(r"20\d\d-\d\d-\d\d ", title) for title in titles]
    assert all(dates) and len(set(titles)) == len(titles)
    assert [date.group() for date in dates if date] == sorted(date.group() for date in dates if date)
    assert "- **" not in before
    for decision in decisions:
        said = re.findall(r"^- \*\*(\w[\w ]*):?\*\*", decision, re.MULTILINE)
        assert [part for part in said if part != "Decision"] == ["Because", "Costs", "Shows in"], decision
        assert "**Undo:**" in decision, decision


def test_every_setting_has_its_row() -> None:
    source = ast.parse((ROOT / "chalicelib" / "settings.py").read_text(encoding="utf-8"))
    texts = {node.value for node in ast.walk(source) if isinstance(node, ast.Constant)}
    read = {
        text
        for text in texts
        if isinstance(text, str) and re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+|STAGE|CAPTCHA", text)
    }
    assert {"JWT_KEY", "STAGE", "ORDER_MINUTES"} <= read
    named = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", prose(SETTINGS)))
    assert not read - named


def private_attributes_of_others(sources: list[str]) -> set[str]:
    """Names with one underscore that are read, or overridden, and that none of the sources defines."""
    ours: set[str] = set()
    used: set[str] = set()
    for node in (node for source in sources for node in ast.walk(ast.parse(source))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            ours.add(node.name)
        elif isinstance(node, ast.alias):
            ours.add(node.asname or node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            ours.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            ours.add(node.attr)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "super()":
            used.add(f"super {node.attr}")
        elif isinstance(node, ast.Attribute):
            used.add(node.attr)
    private = {name.removeprefix("super ") for name in used if name.startswith("super ") or name not in ours}
    return {name for name in private if name.startswith("_") and not name.startswith("__")}


def test_every_private_attribute_of_a_library_is_named() -> None:
    files = [ROOT / "app.py", *(ROOT / "chalicelib").rglob("*.py")]
    used = private_attributes_of_others([file.read_text(encoding="utf-8") for file in files])
    table = prose(DEPENDENCIES).split("## Private attributes")[1].split("\n\n")
    named = {name for part in table if part.startswith("|") for name in re.findall(r"`(_\w+)`", part)}
    assert named == used


def test_a_private_attribute_is_seen() -> None:
    ours = "class A(B):\n    _a = 1\n    def _c(self): super()._c(self._a, b._d)"
    assert private_attributes_of_others([ours]) == {"_c", "_d"}


def test_what_is_wrong_is_seen() -> None:
    assert list(dead_links(README, "[a](docs/none.md)")) == ["docs/none.md: there is no such file"]
    assert list(dead_links(README, "[a](docs/proof.md#nothing)")) == [
        "docs/proof.md#nothing: there is no such heading"
    ]
    assert not list(
        dead_links(README, "[a](docs/proof.md#what-is-not-covered) [b](https://example.org/none)")
    )
    assert unknown_words("    make rum\n`make test` and `X=1 make soap`", {"test"}) == ["rum", "soap"]
    assert commands_named('make manage ARGS="catalog export x.json" and `retry-order`') == [
        "catalog export",
        "retry-order",
    ]
    assert list(tree_paths("## The tree\n\n    a/   text\n      b.py  text\n    c/\n\nmore")) == [
        "a/",
        "a/b.py",
        "c/",
    ]
