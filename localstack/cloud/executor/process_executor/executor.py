"""LocalStack's side: an execution environment of its Lambda provider becomes a process."""

from __future__ import annotations

import platform
import sys
import time
from pathlib import Path
from typing import Any

from localstack.services.lambda_.invocation.executor_endpoint import (  # type: ignore[import-not-found]
    StatusErrorException,
)
from localstack.services.lambda_.invocation.lambda_models import (  # type: ignore[import-not-found]
    FunctionVersion,
    InvocationResult,
)
from localstack.services.lambda_.invocation.runtime_executor import (  # type: ignore[import-not-found]
    LambdaRuntimeException,
    RuntimeExecutor,
)

from .function_process import Function, FunctionProcess, NotBegun
from .runtime_api import Invocation

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
CLIENT = Path(sys.prefix) / "runtime-client"
"""Where awslambdaric and what it needs lie, apart from the packages of LocalStack."""


class ProcessExecutor(RuntimeExecutor):
    """One execution environment of one version of a function."""

    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id, function_version)
        self._process: FunctionProcess | None = None

    def start(self, env_vars: dict[str, Any]) -> None:
        """Load the function. Raises StatusErrorException, which LocalStack answers to the caller."""
        self.prepare_version(self.function_version)
        config = self.function_version.config
        function = Function(
            handler=config.handler,
            code=config.code.get_unzipped_code_location(),
            layers=[layer.code.get_unzipped_code_location() for layer in config.layers],
            client=CLIENT,
            seconds=config.timeout,
            memory_mb=config.memory_size,
        )
        self._process = FunctionProcess(function, {name: str(value) for name, value in env_vars.items()})
        try:
            self._process.start()
        except NotBegun as failed:
            raise StatusErrorException(
                f"not begun: {self._process.log()}", payload=failed.payload
            ) from failed

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.stop()

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Run the function with LocalStack's invocation -> its outcome."""
        assert self._process is not None
        seconds = self.function_version.config.timeout
        invocation = Invocation(
            request_id=payload["invoke-id"],
            arn=payload["invoked-function-arn"],
            trace=payload["trace-id"],
            deadline_ms=int((time.time() + seconds) * 1000),
            payload=payload["payload"].encode(),
        )
        outcome = self._process.invoke(invocation)
        return InvocationResult(
            invocation.request_id, outcome.payload, is_error=outcome.is_error, logs=outcome.logs
        )

    def get_logs(self) -> str:
        """All that the function has logged."""
        return self._process.log() if self._process else ""

    def get_address(self) -> str:
        """Where the function is."""
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        """Where the function finds LocalStack."""
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        """Where Docker's executor would be called back; this one is not."""
        return ""

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unpack code and layers. Raises LambdaRuntimeException for what cannot run on this computer."""
        config = function_version.config
        if config.runtime != RUNTIME or list(config.architectures) != [ARCHITECTURE]:
            wanted = f"{config.runtime} on {', '.join(config.architectures)}"
            raise LambdaRuntimeException(
                f"{wanted} is wanted, and this computer has {RUNTIME} on {ARCHITECTURE}"
            )
        for code in (config.code, *(layer.code for layer in config.layers)):
            code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Nothing: versions share the unpacked code, and it goes with LocalStack's folder."""
