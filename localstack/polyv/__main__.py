"""Run the Polyv simulator: ``python -m localstack.polyv --help``."""

from __future__ import annotations

import sys

from localstack.polyv.account import MODES
from localstack.polyv.simulator import PolyvSimulator
from localstack.simulator_site import SettingsParser, run


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGINT, SIGTERM or SIGHUP. Returns the exit status."""
    parser = SettingsParser(prog="python -m localstack.polyv", description=__doc__)
    setting = parser.setting
    setting("--port", "POLYV_SIMULATOR_PORT", "8140", type=int, help="port on 127.0.0.1, 0 for any")
    setting("--user-id", "POLYV_USER_ID", "e2e84a7383", help="the account's id at Polyv")
    setting("--secret-key", "POLYV_SECRET_KEY", "throwawaykey", help="the account's secretkey")
    setting("--shop", "API_URL", "", help="the shop's API, which is called back and asked for the marquee")
    setting("--mode", "POLYV_SIMULATOR_MODE", "up", choices=MODES, help="how Polyv is at the beginning")
    options = parser.parse_args(arguments)

    try:
        simulator = PolyvSimulator(
            user_id=options.user_id, secret_key=options.secret_key, shop_url=options.shop, port=options.port
        )
        simulator.switch(options.mode)
    except ValueError as error:
        parser.error(str(error))
    return run(
        simulator,
        "polyv simulator",
        lambda: f"Polyv simulator on {simulator.url} (account {options.user_id})",
    )


if __name__ == "__main__":
    sys.exit(main())
