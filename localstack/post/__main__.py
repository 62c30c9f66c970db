"""Run the simulator of SMS and mail: ``python -m localstack.post --help``."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path

from localstack.post.simulator import PostSimulator
from localstack.simulator_site import SettingsParser, run


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGINT, SIGTERM or SIGHUP. Returns the exit status."""
    parser = SettingsParser(prog="python -m localstack.post", description=__doc__)
    setting = parser.setting
    setting(
        "--port", "POST_SIMULATOR_PORT", "8130", type=int, help="port of page and SMS on 127.0.0.1, 0 for any"
    )
    setting("--smtp-port", "SMTP_SIMULATOR_PORT", "8131", type=int, help="port of the mail server, 0 for any")
    setting(
        "--access-key-id", "SMS_ACCESS_KEY_ID", "LTAI5tSimulator", help="the account's key at Alibaba Cloud"
    )
    setting("--access-key-secret", "SMS_ACCESS_KEY_SECRET", "throwaway-secret", help="its secret")
    setting("--sign-name", "SMS_SIGN_NAME", "明日学堂", help="the registered signature")
    setting("--user", "POST_SIMULATOR_USER", "post", help="who may send mail")
    setting("--password", "POST_SIMULATOR_PASSWORD", "throwaway-password", help="the password for that")
    setting("--templates", "POST_SIMULATOR_TEMPLATES", help="JSON file: code of a template to its text")
    setting("--receipts-url", "POST_SIMULATOR_RECEIPTS_URL", help="where the shop takes receipts of SMS")
    setting("--replies-url", "POST_SIMULATOR_REPLIES_URL", help="where the shop takes replies to SMS")
    setting("--told-after", "POST_SIMULATOR_TOLD_AFTER", "3", type=float, help="seconds until a receipt")
    options = parser.parse_args(arguments)
    try:
        templates = (
            json.loads(Path(options.templates).read_text(encoding="utf-8")) if options.templates else {}
        )
        simulator = PostSimulator(
            access_key_id=options.access_key_id,
            access_key_secret=options.access_key_secret,
            sign_name=options.sign_name,
            user=options.user,
            password=options.password,
            templates=templates,
            port=options.port,
            smtp_port=options.smtp_port,
            told_after=timedelta(seconds=options.told_after),
            receipts_url=options.receipts_url,
            replies_url=options.replies_url,
        )
    except (OSError, ValueError) as error:
        parser.error(str(error))
    return run(
        simulator,
        "post simulator",
        lambda: f"SMS and mail simulator on {simulator.url}, mail on port {simulator.smtp_port}",
    )


if __name__ == "__main__":
    sys.exit(main())
