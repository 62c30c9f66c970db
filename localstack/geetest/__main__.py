"""Run the Geetest simulator: ``python -m localstack.geetest --help``."""

from __future__ import annotations

import sys

from localstack.geetest.server import MODES
from localstack.geetest.simulator import GeetestSimulator
from localstack.simulator_site import SettingsParser, run


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGINT, SIGTERM or SIGHUP. Returns the exit status."""
    parser = SettingsParser(prog="python -m localstack.geetest", description=__doc__)
    setting = parser.setting
    setting("--port", "GEETEST_SIMULATOR_PORT", "8110", type=int, help="port on 127.0.0.1, 0 for any")
    setting("--id", "GEETEST_ID", "0123456789abcdef0123456789abcdef", help="the shop's Geetest id")
    setting("--key", "GEETEST_KEY", "throwaway-key-of-the-simulator", help="the shop's Geetest key")
    setting("--mode", "GEETEST_SIMULATOR_MODE", "up", choices=MODES, help="how Geetest is at the beginning")
    options = parser.parse_args(arguments)

    try:
        simulator = GeetestSimulator(geetest_id=options.id, geetest_key=options.key, port=options.port)
        simulator.switch(options.mode)
    except ValueError as error:
        parser.error(str(error))
    return run(
        simulator, "geetest simulator", lambda: f"Geetest simulator on {simulator.url} (id {options.id})"
    )


if __name__ == "__main__":
    sys.exit(main())
