"""The executor of LocalStack's functions, under AWS's own runtime client: outcomes, warmth, logs, and what is seen."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from localstack.cloud.executor.process_executor.function_process import (
    Function,
    FunctionProcess,
    NotBegun,
    Outcome,
)
from localstack.cloud.executor.process_executor.runtime_api import Invocation
from tests.e2e.local_run import is_gone, until

CODE = """
import json, os, sys, time
print("loading")
count = 0

def warm(event, context):
    global count
    count += 1
    print("call", count, context.aws_request_id)
    return {"count": count, "pid": os.getpid(), "event": event, "left": context.get_remaining_time_in_millis()}

def fail(event, context):
    raise KeyError("no such course")

def leave(event, context):
    os._exit(3)

def kill(event, context):
    os.kill(os.getpid(), 9)

def endless(event, context):
    print("working")
    sys.stdout.flush()
    time.sleep(600)

def look(event, context):
    import from_layer
    seen = {}
    for name in ("pytest", "boto3", "requests"):
        try:
            __import__(name)
            seen[name] = True
        except ImportError:
            seen[name] = False
    return {"layer": from_layer.NAME, "seen": seen, "environment": dict(os.environ)}
"""


@pytest.fixture
def new_process(tmp_path: Path) -> Iterator[Callable[..., FunctionProcess]]:
    code, layer = tmp_path / "code", tmp_path / "layer"
    for folder in (code, layer / "python"):
        folder.mkdir(parents=True)
    (code / "app.py").write_text(CODE)
    (layer / "python" / "from_layer.py").write_text("NAME = 'layer'")
    client = tmp_path / "client"
    client.mkdir()
    for name in ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py"):
        found = importlib.util.find_spec(name)
        assert found
        assert found.origin
        origin = Path(found.origin)
        linked = origin.parent if origin.name == "__init__.py" else origin
        (client / linked.name).symlink_to(linked)
    processes = []

    def new_process(handler: str, seconds: float = 60, **environment: str) -> FunctionProcess:
        function = Function(f"app.{handler}", code, [layer], client, seconds, memory_mb=256)
        processes.append(FunctionProcess(function, environment))
        return processes[-1]

    yield new_process
    for process in processes:
        process.stop()


def invoke(process: FunctionProcess, event: Any = None, request_id: str = "r-1") -> Outcome:
    deadline = int(time.time() * 1000) + 60_000
    return process.invoke(
        Invocation(request_id, "arn:aws:lambda:x", "Root=1-2-3", deadline, json.dumps(event).encode())
    )


def test_a_function_is_loaded_once_and_kept_warm(new_process: Callable[..., FunctionProcess]) -> None:
    process = new_process("warm")
    process.start()
    first = json.loads(invoke(process, {"path": "/课程"}).payload)
    second = json.loads(invoke(process).payload)
    assert (first["count"], second["count"]) == (1, 2)
    assert first["pid"] == second["pid"] != os.getpid()
    assert first["event"] == {"path": "/课程"}
    assert 0 < second["left"] <= 60_000
    assert process.log().count("loading") == 1


def test_logs_are_those_of_one_invocation_between_lambdas_own_lines(
    new_process: Callable[..., FunctionProcess],
) -> None:
    process = new_process("warm")
    process.start()
    invoke(process, request_id="first")
    lines = invoke(process, request_id="second").logs.splitlines()
    assert lines[:3] == ["START RequestId: second", "call 2 second", "END RequestId: second"]
    assert lines[3].startswith("REPORT RequestId: second\tDuration: ")
    assert "Memory Size: 256 MB\tMax Memory Used: " in lines[3]
    assert len(lines) == 4


def test_an_exception_is_the_functions_error_and_the_process_goes_on(
    new_process: Callable[..., FunctionProcess],
) -> None:
    process = new_process("fail")
    process.start()
    for _ in range(2):
        outcome = invoke(process)
        assert outcome.is_error
        told = json.loads(outcome.payload)
        assert (told["errorType"], told["errorMessage"]) == ("KeyError", "'no such course'")
    assert process.log().count("loading") == 1


@pytest.mark.parametrize(("handler", "how"), [("leave", "exit status 3"), ("kill", "signal: killed")])
def test_a_process_that_ends_is_an_error_and_the_next_invocation_begins_anew(
    new_process: Callable[..., FunctionProcess], handler: str, how: str
) -> None:
    process = new_process(handler)
    process.start()
    for times in (1, 2):
        outcome = invoke(process)
        assert outcome.is_error
        assert json.loads(outcome.payload) == {
            "errorType": "Runtime.ExitError",
            "errorMessage": f"RequestId: r-1 Error: Runtime exited with error: {how}",
        }
        assert process.log().count("loading") == times


def test_a_function_that_takes_too_long_is_killed_with_what_it_has_logged(
    new_process: Callable[..., FunctionProcess],
) -> None:
    process = new_process("endless", seconds=0.2)
    process.start()
    outcome = invoke(process)
    assert outcome.is_error
    assert json.loads(outcome.payload)["errorType"] == "Sandbox.Timedout"
    assert json.loads(outcome.payload)["errorMessage"].endswith("Task timed out after 0.20 seconds")
    assert "working" in outcome.logs


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("import no_such_module", "Runtime.ImportModuleError"),
        ("raise ValueError('JWT_KEY')", "ValueError"),
        ("import os; os._exit(7)", "Runtime.ExitError"),
    ],
)
def test_a_function_that_cannot_be_loaded_says_why(
    new_process: Callable[..., FunctionProcess], tmp_path: Path, text: str, kind: str
) -> None:
    (tmp_path / "code" / "app.py").write_text(text)
    with pytest.raises(NotBegun) as failed:
        new_process("warm").start()
    assert json.loads(failed.value.payload)["errorType"] == kind


def test_a_function_sees_code_layers_client_and_its_own_environment_only(
    new_process: Callable[..., FunctionProcess],
) -> None:
    process = new_process("look", STAGE="dev")
    process.start()
    seen = json.loads(invoke(process).payload)
    assert seen["layer"] == "layer"
    assert seen["seen"] == {"pytest": False, "boto3": False, "requests": False}
    assert seen["environment"]["STAGE"] == "dev"
    assert "HOME" not in seen["environment"]
    assert not [name for name in seen["environment"] if name.startswith("PYTEST")]


def test_stopping_ends_the_process_and_its_folder_also_during_an_invocation(
    new_process: Callable[..., FunctionProcess],
) -> None:
    process = new_process("endless")
    process.start()
    outcomes: list[Outcome] = []
    invocation = threading.Thread(target=lambda: outcomes.append(invoke(process)))
    invocation.start()
    until(lambda: "working" in process.log(), "it was not invoked")
    process.stop()
    invocation.join(60)
    assert json.loads(outcomes[0].payload)["errorType"] == "Runtime.ExitError"


def test_a_killed_parent_leaves_no_process(
    tmp_path: Path, new_process: Callable[..., FunctionProcess]
) -> None:
    """The parent is a process of its own here; a thread of it that ends takes nothing along."""
    program = f"""
import json, sys, threading, time
from pathlib import Path
from localstack.cloud.executor.process_executor.function_process import Function, FunctionProcess
from tests.unit.test_process_executor import invoke
process = FunctionProcess(
    Function("app.warm", Path({str(tmp_path / "code")!r}), [], Path({str(tmp_path / "client")!r}), 60, 256), {{}}
)
starting = threading.Thread(target=process.start)
starting.start()
starting.join()
print(json.loads(invoke(process).payload)["pid"], flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        assert not is_gone(child)
        parent.send_signal(signal.SIGKILL)
    until(lambda: is_gone(child), "it outlived its parent")
