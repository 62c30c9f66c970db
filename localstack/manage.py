"""`make manage ARGS="..."`: the operators' command line, acting on the stores of the running `make run`.

When none runs, it acts on whatever stores the environment points at.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from localstack.running import environment_of_running_shop


def main(arguments: list[str]) -> int:
    """Become `python -m chalicelib.manage` with the right environment."""
    data = Path(os.environ.get("DATA_DIR") or ".data").expanduser()
    running = environment_of_running_shop(data)
    if running is None and not os.environ.get("AWS_ENDPOINT_URL_DYNAMODB"):
        print(
            f"No shop is running with its data in {data}: start one with `make run` in another terminal.\n"
            "(Or set AWS_ENDPOINT_URL_DYNAMODB and the other settings to act on other stores.)",
            file=sys.stderr,
        )
        return 1
    environment = {**os.environ, **(running or {})}
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", "chalicelib.manage", *arguments], environment)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
