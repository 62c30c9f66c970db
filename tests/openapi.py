"""The API's description, `openapi.json`, as the tests hold the application to it.

The description is open for clients: answers may gain fields. Here it is closed: what is not described is
wrong, and amounts have two decimals at most.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs
import requests

ROOT = Path(__file__).parents[1]
DESCRIPTION = ROOT / "openapi.json"
GATEWAY_RESPONSES = ROOT / "infra" / "gateway-responses.json"

METHODS = ("get", "post", "put", "delete", "patch", "head", "options", "trace")
_URI = "urn:shop"
_MOST_FINDINGS = 5


@dataclass(frozen=True)
class Operation:
    """One method of one path. `pointer` is where it stands in the description."""

    method: str
    path: str
    pointer: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def described(self) -> Any:
        """What the description says of it, references at its top resolved by `resolved`."""
        return _at(self.pointer)


@cache
def description() -> Any:
    """The description as it lies in the repository."""
    return json.loads(DESCRIPTION.read_text(encoding="utf-8"))


@cache
def strict_description() -> Any:
    """The description, closed: objects have the described fields and no others."""
    closed = copy.deepcopy(description())
    _close(closed["paths"])
    _close(closed["components"])
    closed["components"]["schemas"]["Yuan"]["multipleOf"] = 0.01
    return closed


def _close(node: Any) -> None:
    if isinstance(node, dict):
        if node.get("type") == "object" and "properties" in node:
            node.setdefault("additionalProperties", False)
        for name, child in node.items():
            if name not in ("example", "examples"):
                _close(child)
    elif isinstance(node, list):
        for child in node:
            _close(child)


@cache
def operations() -> Sequence[Operation]:
    """Every operation described, in the description's order."""
    return tuple(
        Operation(method.upper(), path, f"/paths/{_escaped(path)}/{method}")
        for path, item in description()["paths"].items()
        for method in item
        if method in METHODS
    )


def find_operation(method: str, url: str) -> Operation | None:
    """The operation that serves a request, as the gateway finds it; None when there is none."""
    path = urlsplit(url).path
    parts = (path[:-1] if path != "/" and path.endswith("/") else path).split("/")
    fitting = [op for op in operations() if op.method == method and _fits(op.path.split("/"), parts)]
    # Literal parts win over parameters.
    return min(fitting, key=lambda op: op.path.count("{"), default=None)


def _fits(names: list[str], parts: list[str]) -> bool:
    return len(names) == len(parts) and all(
        name == part or (name.startswith("{") and part != "") for name, part in zip(names, parts, strict=True)
    )


def resolved(node: Any) -> Any:
    """What a reference stands for; anything else stands for itself."""
    while isinstance(node, dict) and "$ref" in node:
        node = _at(node["$ref"].removeprefix("#"))
    return node


def pointer_of(node: Any, pointer: str) -> str:
    """Where what stands at `pointer` is really described."""
    return node["$ref"].removeprefix("#") if isinstance(node, dict) and "$ref" in node else pointer


def _at(pointer: str) -> Any:
    node = description()
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        node = node[int(name)] if isinstance(node, list) else node[name]
    return node


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


@cache
def _registry() -> jsonschema_rs.Registry:
    return jsonschema_rs.Registry([(_URI, strict_description())], draft=jsonschema_rs.Draft202012)


@cache
def _validator(pointer: str) -> jsonschema_rs.Draft202012Validator:
    # Braces of path templates have no place in a URI.
    fragment = pointer.replace("{", "%7B").replace("}", "%7D")
    return jsonschema_rs.Draft202012Validator({"$ref": f"{_URI}#{fragment}"}, registry=_registry())


def findings(pointer: str, value: Any) -> Iterator[str]:
    """What is wrong with a value by the schema at `pointer`, each with its place; nothing when it conforms."""
    schema = resolved(_at(pointer))
    for position, branch in enumerate(schema.get("oneOf", ())):
        # Success or refusal: what does not fit is said of the one that it wants to be.
        if isinstance(value, dict) and value.get("code") in _codes(branch):
            yield from findings(f"{pointer_of(_at(pointer), pointer)}/oneOf/{position}", value)
            return
    for error in _validator(pointer).iter_errors(value):
        yield f"{'.'.join(map(str, error.instance_path)) or 'the whole'}: {error.message[:300]}"


def _codes(schema: Any) -> list[int]:
    code = schema.get("properties", {}).get("code", {})
    return [code["const"]] if "const" in code else code.get("enum", [])


def refusal_codes(operation: Operation) -> set[int]:
    """The codes with which an operation is described to refuse."""
    content = operation.described["responses"].get("200", {}).get("content", {}).get("application/json")
    if content is None or "oneOf" not in content["schema"]:
        return set()
    _, refusal = content["schema"]["oneOf"]
    return set(_codes(refusal))


def check_response(response: requests.Response) -> None:
    """AssertionError, in words, unless the description says that this request can be answered like that."""
    method, url = response.request.method or "", response.request.url or ""
    if method not in ("HEAD", "OPTIONS"):
        check_answer(method, url, response.status_code, response.headers, response.text)


def check_answer(method: str, url: str, status: int, headers: Mapping[str, str], text: str) -> None:
    """As `check_response`, for an answer by its parts."""
    operation = find_operation(method, url)
    if _is_gateways_own(status, text):
        return
    assert operation is not None, (
        f"{method} {urlsplit(url).path} is not described, and answered: {text[:300]}"
    )
    wrong = list(_wrong(operation, status, headers, text))[:_MOST_FINDINGS]
    assert not wrong, "\n".join(
        [
            f"{operation} answered {status} as openapi.json does not describe it:",
            *(f"  {finding}" for finding in wrong),
            f"  in {text[:600]}",
        ]
    )


def _wrong(operation: Operation, status: int, headers: Mapping[str, str], text: str) -> Iterator[str]:
    responses = operation.described["responses"]
    if str(status) not in responses:
        yield f"the status; described are {', '.join(responses)}"
        return
    place = pointer_of(responses[str(status)], f"{operation.pointer}/responses/{status}")
    described = _at(place)
    for name, header in described.get("headers", {}).items():
        if name in headers:
            yield from findings(f"{pointer_of(header, f'{place}/headers/{name}')}/schema", headers[name])
        elif resolved(header).get("required"):
            yield f"there is no header {name}"
    if "content" not in described:
        return
    media_type = headers.get("Content-Type", "").partition(";")[0].strip()
    if media_type not in described["content"]:
        yield f"the content type {media_type!r}; described are {', '.join(described['content'])}"
        return
    value = text
    if media_type == "application/json":
        try:
            value = json.loads(text)
        except ValueError:
            yield "the body, which is no JSON"
            return
    yield from findings(f"{place}/content/{_escaped(media_type)}/schema", value)


def _is_gateways_own(status: int, text: str) -> bool:
    """Whether the gateway refused the request by itself, before the application saw it."""
    return 400 <= status < 500 and (status, text) in _gateway_refusals()


@cache
def _gateway_refusals() -> frozenset[tuple[int, str]]:
    resources = json.loads(GATEWAY_RESPONSES.read_text(encoding="utf-8"))["Resources"].values()
    return frozenset(
        (
            int(resource["Properties"]["StatusCode"]),
            resource["Properties"]["ResponseTemplates"]["application/json"],
        )
        for resource in resources
    )


@dataclass(frozen=True)
class Example:
    """A value that the description shows, and where its schema stands."""

    name: str
    value: Any
    schema: str


def examples() -> Iterator[Example]:
    """Every example of every parameter, request body, answer and header."""
    for operation in operations():
        described = operation.described
        for position, parameter in enumerate(described.get("parameters", [])):
            place = pointer_of(parameter, f"{operation.pointer}/parameters/{position}")
            yield from _parameter_example(f"{operation} {_at(place)['name']}", place)
        if "requestBody" in described:
            yield from _content_examples(f"{operation} request", f"{operation.pointer}/requestBody")
        for status, response in described["responses"].items():
            place = pointer_of(response, f"{operation.pointer}/responses/{status}")
            yield from _content_examples(f"{operation} {status}", place)
            for name, header in _at(place).get("headers", {}).items():
                header_place = pointer_of(header, f"{place}/headers/{name}")
                example = _at(header_place)["example"]
                yield Example(f"{operation} {status} {name}", example, f"{header_place}/schema")


def _parameter_example(name: str, place: str) -> Iterator[Example]:
    parameter = _at(place)
    if "example" in parameter:
        yield Example(name, parameter["example"], f"{place}/schema")


def _content_examples(name: str, place: str) -> Iterator[Example]:
    for media_type, content in _at(place).get("content", {}).items():
        for key, example in content["examples"].items():
            schema = f"{place}/content/{_escaped(media_type)}/schema"
            yield Example(f"{name} {key}", example["value"], schema)


def filled_path(operation: Operation) -> str:
    """The operation's path and query with its examples in place of parameters."""
    path, query = operation.path, []
    for position, parameter in enumerate(operation.described.get("parameters", [])):
        described = _at(pointer_of(parameter, f"{operation.pointer}/parameters/{position}"))
        if described["in"] == "path":
            path = path.replace("{" + described["name"] + "}", str(described["example"]))
        elif described["required"]:
            query.append(f"{described['name']}={described['example']}")
    return path + ("?" + "&".join(query) if query else "")


def table_rows(text: str) -> dict[int, str]:
    """The refusals that a description's Markdown table lists: code -> `msg`."""
    return {int(code): msg for code, msg in re.findall(r"^\| (\d{4}) \| (.*?) \|", text, re.MULTILINE)}
