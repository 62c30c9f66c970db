"""python -m localstack.cloud          `make localstack`
python -m localstack.cloud --down   `make localstack-down`: end the one with its data in DATA_DIR, and remove them
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from localstack.cloud.run import MARK, CloudShop, remove
from localstack.run import run, say, step
from localstack.running import process_of, wait_for_end


def down(data: Path) -> int:
    """End the shop on LocalStack whose data are there, and remove the folder."""
    if not (data / MARK).exists():
        say(f"There is none with its data in {data}.")
        return 0
    process = process_of(data)
    if process is not None:
        with step(f"Ending process {process}"), suppress(ProcessLookupError):
            os.kill(process, signal.SIGTERM)
            wait_for_end(data)
    remove(data)
    say("Nothing is left of it.")
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--down"]:
        sys.exit(down(Path(os.environ.get("DATA_DIR") or CloudShop.usual_data).expanduser()))
    sys.exit(run(CloudShop))
