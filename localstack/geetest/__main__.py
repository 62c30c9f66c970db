"""Run the Geetest simulator: ``python -m localstack.geetest --help``."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading

from localstack.geetest.server import MODES
from localstack.geetest.simulator import GeetestSimulator


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGINT, SIGTERM or SIGHUP. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m localstack.geetest", description=__doc__)

    def setting(flag: str, variable: str, default: str, **more: object) -> None:
        more["help"] = f"{more['help']} (or {variable})"
        parser.add_argument(flag, default=os.environ.get(variable, default), **more)  # type: ignore[arg-type]

    setting("--port", "GEETEST_SIMULATOR_PORT", "8110", type=int, help="port on 127.0.0.1, 0 for any")
    setting("--id", "GEETEST_ID", "0123456789abcdef0123456789abcdef", help="the shop's Geetest id")
    setting("--key", "GEETEST_KEY", "throwaway-key-of-the-simulator", help="the shop's Geetest key")
    setting("--mode", "GEETEST_SIMULATOR_MODE", "up", choices=MODES, help="how Geetest is at the beginning")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="geetest simulator: %(message)s")

    try:
        simulator = GeetestSimulator(geetest_id=options.id, geetest_key=options.key, port=options.port)
        simulator.switch(options.mode)
    except ValueError as error:
        parser.error(str(error))
    try:
        simulator.start()
    except OSError as error:
        print(f"geetest simulator: port {options.port} cannot be used: {error.strerror}", file=sys.stderr)
        return 1

    ended = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda *_: ended.set())
    print(f"Geetest simulator on {simulator.url} (id {options.id})", flush=True)
    ended.wait()
    simulator.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
