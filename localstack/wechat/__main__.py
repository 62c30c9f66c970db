"""Run the WeChat Pay simulator: ``python -m localstack.wechat --help``."""

from __future__ import annotations

import sys
from pathlib import Path

from localstack.provider.keys import make_keys
from localstack.simulator_site import SettingsParser, run
from localstack.wechat.simulator import WechatSimulator


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGINT, SIGTERM or SIGHUP. Returns the exit status."""
    parser = SettingsParser(prog="python -m localstack.wechat", description=__doc__)
    setting = parser.setting
    setting("--port", "WECHAT_SIMULATOR_PORT", "8120", type=int, help="port on 127.0.0.1, 0 for any")
    setting("--state", "WECHAT_SIMULATOR_STATE", ":memory:", help="file that keeps trades and open notices")
    setting("--app-id", "WECHAT_APP_ID", "wx0000000000000001", help="the merchant's official account")
    setting("--merchant-id", "WECHAT_MCH_ID", "1900000001", help="the merchant")
    setting(
        "--merchant-serial", "WECHAT_MCH_SERIAL", "0" * 39 + "1", help="number of the merchant's certificate"
    )
    setting(
        "--public-key-id", "WECHAT_PUBLIC_KEY_ID", "PUB_KEY_ID_0" + "1" * 30, help="id of WeChat Pay's key"
    )
    setting("--api-v3-key", "WECHAT_API_V3_KEY", help="32 characters that encrypt notices")
    setting("--app-secret", "WECHAT_APP_SECRET", "", help="secret of the official account")
    setting("--merchant-public-key", "WECHAT_MCH_PUBLIC_KEY_FILE", help="PEM file: the merchant's public key")
    setting("--private-key", "WECHAT_PRIVATE_KEY_FILE", help="PEM file: WeChat Pay's private key")
    setting("--keys", "WECHAT_SIMULATOR_KEYS", help="folder of throwaway keys, made when missing")
    setting(
        "--retry-factor",
        "WECHAT_SIMULATOR_RETRY_FACTOR",
        "1",
        type=float,
        help="scales the pauses between deliveries of a notice (15s 15s 30s 3m 10m 20m 30m ... 6h)",
    )
    options = parser.parse_args(arguments)
    if options.keys:
        make_keys(Path(options.keys), "mch", "wechat")
        options.merchant_public_key = options.merchant_public_key or f"{options.keys}/mch_public_key.pem"
        options.private_key = options.private_key or f"{options.keys}/wechat_private_key.pem"
    if not (options.merchant_public_key and options.private_key):
        parser.error("give --keys, or both --merchant-public-key and --private-key")
    try:
        simulator = WechatSimulator(
            app_id=options.app_id,
            merchant_id=options.merchant_id,
            merchant_serial=options.merchant_serial,
            merchant_public_key=Path(options.merchant_public_key).read_text(),
            public_key_id=options.public_key_id,
            private_key=Path(options.private_key).read_text(),
            api_v3_key=options.api_v3_key,
            app_secret=options.app_secret,
            port=options.port,
            state=options.state,
            retry_factor=options.retry_factor,
        )
    except (OSError, ValueError) as error:
        parser.error(str(error))
    return run(simulator, "wechat simulator", lambda: f"WeChat Pay simulator on {simulator.url}")


if __name__ == "__main__":
    sys.exit(main())
