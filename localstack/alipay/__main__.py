"""Run the Alipay simulator: ``python -m localstack.alipay --help``."""

from __future__ import annotations

import sys
from pathlib import Path

from localstack.alipay.simulator import AlipaySimulator
from localstack.alipay.trades import TRADE_CLOSED, TRADE_SUCCESS, WAIT_BUYER_PAY
from localstack.provider.keys import make_keys
from localstack.simulator_site import SettingsParser, run


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGINT, SIGTERM or SIGHUP. Returns the exit status."""
    parser = SettingsParser(prog="python -m localstack.alipay", description=__doc__)
    setting = parser.setting
    setting("--port", "ALIPAY_SIMULATOR_PORT", "8100", type=int, help="port on 127.0.0.1, 0 for any")
    setting("--state", "ALIPAY_SIMULATOR_STATE", ":memory:", help="file that keeps trades and open notices")
    setting("--app-id", "ALIPAY_APP_ID", "2021000000000001", help="the merchant's application")
    setting("--seller-id", "ALIPAY_SELLER_ID", "2088000000000001", help="the merchant")
    setting("--app-public-key", "ALIPAY_APP_PUBLIC_KEY_FILE", help="PEM file: the application's public key")
    setting("--alipay-private-key", "ALIPAY_PRIVATE_KEY_FILE", help="PEM file: Alipay's private key")
    setting("--keys", "ALIPAY_SIMULATOR_KEYS", help="folder of throwaway keys, made when missing")
    setting(
        "--retry-factor",
        "ALIPAY_SIMULATOR_RETRY_FACTOR",
        "1",
        type=float,
        help="scales the pauses between deliveries of a notice (4m 10m 10m 1h 2h 6h 15h)",
    )
    setting(
        "--notify-on",
        "ALIPAY_SIMULATOR_NOTIFY_ON",
        f"{TRADE_SUCCESS},{TRADE_CLOSED}",
        help=f"states that are told, of {WAIT_BUYER_PAY}, {TRADE_SUCCESS}, {TRADE_CLOSED}; refunds always",
    )
    options = parser.parse_args(arguments)

    if options.keys:
        make_keys(Path(options.keys), "app", "alipay")
        options.app_public_key = options.app_public_key or str(Path(options.keys, "app_public_key.pem"))
        options.alipay_private_key = options.alipay_private_key or str(
            Path(options.keys, "alipay_private_key.pem")
        )
    if not (options.app_public_key and options.alipay_private_key):
        parser.error("give --keys, or both --app-public-key and --alipay-private-key")
    try:
        simulator = AlipaySimulator(
            app_id=options.app_id,
            seller_id=options.seller_id,
            app_public_key=Path(options.app_public_key).read_text(),
            alipay_private_key=Path(options.alipay_private_key).read_text(),
            port=options.port,
            state=options.state,
            retry_factor=options.retry_factor,
            notify_on=[state.strip() for state in options.notify_on.split(",") if state.strip()],
        )
    except (OSError, ValueError) as error:
        parser.error(str(error))
    return run(
        simulator,
        "alipay simulator",
        lambda: f"Alipay simulator on {simulator.url} (gateway {simulator.gateway_url})",
    )


if __name__ == "__main__":
    sys.exit(main())
