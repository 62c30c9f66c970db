"""python -m localstack.cloud          `make localstack`
python -m localstack.cloud --deploy `make localstack-deploy`: the code of now into the one with its data in DATA_DIR
python -m localstack.cloud --down   `make localstack-down`: end the one with its data in DATA_DIR, and remove them
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from localstack.cloud.run import MARK, CloudShop, remove
from localstack.run import CannotRun, run, say, step
from localstack.running import environment_of_running_shop, process_of, wait_for_end


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


def deploy(data: Path) -> int:
    """Deploy the sources as they are now into the shop on LocalStack whose data are there."""
    running = environment_of_running_shop(data) if (data / MARK).exists() else None
    if running is None:
        say(f"There is none with its data in {data}: `make localstack` starts one.")
        return 1
    url = running.pop("AWS_ENDPOINT_URL_DYNAMODB")
    try:
        shop = CloudShop({**running, "DATA_DIR": str(data)})
        shop.redeploy(url)
    except CannotRun as failed:
        say(str(failed))
        return 1
    say(f"It serves at {running['API_URL']}.")
    return 0


if __name__ == "__main__":
    data = Path(os.environ.get("DATA_DIR") or CloudShop.usual_data).expanduser()
    if sys.argv[1:] == ["--down"]:
        sys.exit(down(data))
    if sys.argv[1:] == ["--deploy"]:
        sys.exit(deploy(data))
    sys.exit(run(CloudShop))
