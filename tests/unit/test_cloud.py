"""The shop on LocalStack without LocalStack: the overlay, the edge, and what `make localstack` refuses."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from infra import values
from localstack.api_gateway import Request
from localstack.cloud import overlay
from localstack.cloud.__main__ import deploy, down
from localstack.cloud.edge import Edge
from localstack.cloud.run import MARK, CloudShop
from localstack.processes import LOOPBACK, free_port
from localstack.run import CannotRun
from localstack.running import RunningShop

INFRA = Path(__file__).parents[2] / "infra"


def template(name: str) -> Any:
    return json.loads((INFRA / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("reader", [*overlay.STACKS[:-1], "functions"])
def test_every_value_that_a_stack_reads_is_written_by_one_before_it_or_the_overlay(reader: str) -> None:
    written = {
        f"/course-shop/{overlay.STAGE}/{name}"
        for name in overlay.values_of_edge("http://api", "http://shop", "arn")
    }
    for name in overlay.STACKS[:-1]:
        written |= values.written_by(template(name), overlay.STAGE)
    assert set(values.read_by(template(reader), overlay.STAGE).values()) <= written


def test_the_overlay_writes_what_the_edge_would() -> None:
    of_edge = values.written_by(template("edge"), overlay.STAGE)
    written = overlay.values_of_edge("http://api", "http://shop", "arn")
    assert {f"/course-shop/{overlay.STAGE}/{name}" for name in written} == of_edge


def test_every_parameter_of_the_overlay_is_one_of_its_template() -> None:
    assert set(overlay.PARAMETERS) == set(overlay.STACKS)
    for name, parameters in overlay.PARAMETERS.items():
        assert set(parameters) <= set(template("functions" if name == "app" else name)["Parameters"])


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        ("MissingAuthenticationTokenException", 404, "MISSING_AUTHENTICATION_TOKEN"),
        ("RequestTooLargeException", 413, "REQUEST_TOO_LARGE"),
        ("BadRequestException", 400, "DEFAULT_4XX"),
        ("InternalServerErrorException", 502, "DEFAULT_5XX"),
    ],
)
def test_an_error_of_the_gateway_is_one_of_its_response_types(error: str, status: int, kind: str) -> None:
    assert overlay.gateway_response_type(error, status) == kind


class Answering(BaseHTTPRequestHandler):
    """Tells what it was asked; below /nothing as LocalStack does for a path that does not exist."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        missing = self.path.endswith("/nothing")
        edge = f"{self.headers['X-Shop-Edge']} {self.headers['X-Shop-Viewer']}"
        told = f"{self.path} {self.headers['Content-Type']} {edge} {body}".encode()
        self.send_response(403 if missing else 200)
        if missing:
            self.send_header("x-amzn-ErrorType", "MissingAuthenticationTokenException")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def localstack_port() -> Iterator[int]:
    with ThreadingHTTPServer((LOOPBACK, 0), Answering) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_port
        server.shutdown()


def asked(target: str) -> Request:
    return Request(
        "POST", target, (("Content-Type", "text/plain"), ("X-Shop-Viewer", "1.2.3.4")), b"a=%2B", LOOPBACK
    )


def test_the_edge_passes_on_to_the_api_of_its_stage(localstack_port: int) -> None:
    answer = Edge(localstack_port, "abc/api", "k").answer(asked("/trade/alipay?x=1%2F2"))
    assert (answer.status, answer.body.decode()) == (
        200,
        "/_aws/execute-api/abc/api/trade/alipay?x=1%2F2 text/plain k 127.0.0.1 a=%2B",
    )


def test_the_edge_gives_the_gateways_own_answers_as_the_template_has_them(localstack_port: int) -> None:
    answer = Edge(localstack_port, "abc/api", "k", "https://shop.example").answer(asked("/nothing"))
    assert answer.status == 404
    assert json.loads(answer.body)["code"] == 404
    assert dict(answer.headers)["Access-Control-Allow-Origin"] == "https://shop.example"


def test_the_edge_says_so_when_localstack_is_gone() -> None:
    answer = Edge(free_port(), "abc/api", "k").answer(asked("/courses"))
    assert (answer.status, json.loads(answer.body)["code"]) == (503, 503)


def test_a_folder_with_something_else_in_it_is_neither_taken_nor_removed(tmp_path: Path) -> None:
    (tmp_path / "dynamodb").mkdir()
    with pytest.raises(CannotRun, match="holds something else"):
        CloudShop({"DATA_DIR": str(tmp_path)})
    assert down(tmp_path) == 0
    assert (tmp_path / "dynamodb").exists()


def test_a_running_make_run_is_not_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with RunningShop(tmp_path):  # this process: it would be ended
        assert down(tmp_path) == 0
    assert "There is none" in capsys.readouterr().out
    assert (tmp_path / "lock").exists()


def test_nothing_is_deployed_where_none_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with RunningShop(tmp_path):  # a `make run`, which is no place to deploy to
        assert deploy(tmp_path) == 1
    assert "`make localstack` starts one" in capsys.readouterr().out


def test_what_a_killed_one_has_left_is_taken_and_removed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "localstack").mkdir(parents=True)
    (data / MARK).touch()
    assert CloudShop({"DATA_DIR": str(data)}).data == data
    assert down(data) == 0
    assert not data.exists()


def test_a_localstack_that_is_given_is_one_of_this_computer(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="LOCALSTACK_URL should be one like"):
        CloudShop({"LOCALSTACK_URL": "https://elsewhere.example", "DATA_DIR": str(tmp_path / "data")})


def test_tables_elsewhere_are_refused() -> None:
    with pytest.raises(CannotRun, match="AWS_ENDPOINT_URL_DYNAMODB"):
        CloudShop({"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000", "DATA_DIR": "/nowhere"})
