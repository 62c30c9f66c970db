"""What LocalStack finds by the entry point, and loads when `LAMBDA_RUNTIME_EXECUTOR=process`."""

from typing import Any

from plux import Plugin  # type: ignore[import-not-found]  # of LocalStack's own environment


class ProcessExecutorPlugin(Plugin):
    """Names the executor without importing it: LocalStack asks for the names of all plug-ins at start."""

    namespace = "localstack.lambda.runtime_executor"
    name = "process"

    def load(self, *args: Any, **arguments: Any) -> type:
        """The class of the executor."""
        from .executor import ProcessExecutor

        return ProcessExecutor
