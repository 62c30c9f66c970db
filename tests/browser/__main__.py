"""Opens a shop for a browser, runs a program of `spa/` against it, and ends both.

    python -m tests.browser                               npx playwright test
    python -m tests.browser npx playwright test --ui      any other command, run in spa/ (or in --directory)
    python -m tests.browser --localstack                  the same on LocalStack, packaged and deployed
    python -m tests.browser --serve                       only the shop, until Ctrl-C; it prints its addresses

The exit status is the command's. See `shop.py` for what the command finds in its environment.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from localstack.run import Ended, on_end, say, step
from tests.browser.chromium import BrowserMissing, chromium
from tests.browser.shop import SPA, BrowserShop
from tests.e2e.local_run import Run
from tests.localstack.cloud_run import CloudRun


def main() -> int:
    """Returns the exit status of the command, or 1 when there is no browser."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser", description=__doc__)
    parser.add_argument("--serve", action="store_true", help="run nothing: wait for Ctrl-C")
    parser.add_argument("--localstack", action="store_true", help="the shop on LocalStack")
    parser.add_argument("--directory", type=Path, default=SPA, help="where the command is run")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()

    def end(reason: str) -> None:
        raise Ended(reason)

    on_end(end)
    try:
        browser = {} if options.serve else {"CHROME_PATH": chromium()}
        with tempfile.TemporaryDirectory(prefix="browser-shop-") as data:
            run = (CloudRun if options.localstack else Run)(Path(data) / "shop", {})
            with step("Opening a shop for the browser"):
                shop = BrowserShop(Path(data), run).start()
            try:
                if options.serve:
                    say("\n".join(f"export {name}={value}" for name, value in shop.addresses().items()))
                    threading.Event().wait()
                command = options.command or ["npx", "playwright", "test"]
                environment = os.environ | shop.addresses() | browser
                return subprocess.run(command, cwd=options.directory, env=environment, check=False).returncode
            finally:
                shop.stop()
    except BrowserMissing as missing:
        say(str(missing))
    except Ended:
        pass
    return 1


if __name__ == "__main__":
    sys.exit(main())
