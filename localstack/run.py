"""`make run`: the whole shop on this computer, until Ctrl-C.

Builds the shop front if its sources have changed, and starts DynamoDB Local, Redis, the simulators of Alipay, WeChat
Pay, Geetest, Polyv, SMS and mail, the API and the shop front as child processes, all on 127.0.0.1, with data in
`DATA_DIR`. A setting given from outside wins, and what is given is not started: with `REDIS_URL` no Redis, with
`AWS_ENDPOINT_URL_DYNAMODB` no DynamoDB Local, with `ALIPAY_GATEWAY_URL`, `WECHAT_GATEWAY_URL`, `GEETEST_API_URL` or
`POLYV_API_URL` no such simulator, with both `SMS_API_URL` and `MAIL_URL` none of these, with `CAPTCHA=off` no Geetest
at all.

Ctrl-C, SIGTERM and losing the terminal end everything in order. Even kill -9 leaves nothing running.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import cast
from urllib.parse import urlsplit

from chalicelib.gateways.sms_pushes import push_addresses
from chalicelib.settings import SETTINGS
from chalicelib.shop.code_texts import sms_text
from chalicelib.shop.message_texts import TEMPLATES, Event, sms_template
from chalicelib.shop.one_time_code import Purpose
from localstack import front
from localstack.front import FrontNotBuilt
from localstack.keys import Keys
from localstack.processes import (
    LOOPBACK,
    Child,
    ChildFailed,
    answers_http,
    claim_port,
    free_port,
    port_is_free,
)
from localstack.running import AlreadyRuns, RunningShop
from localstack.static_site import API_DOCS, DEMO, POLYV_PLAYER, geetest_script
from localstack.stores import DynamoDBLocal, ProgramMissing, RedisServer

ROOT = Path(__file__).parents[1]

ALIPAY, WECHAT, GEETEST = "Alipay simulator", "WeChat Pay simulator", "Geetest simulator"
POLYV = "Polyv simulator"
POST, SMTP = "SMS and mail simulator", "mail server"
SIMULATOR_PORTS = {
    ALIPAY: ("ALIPAY_SIMULATOR_PORT", 8100),
    WECHAT: ("WECHAT_SIMULATOR_PORT", 8120),
    GEETEST: ("GEETEST_SIMULATOR_PORT", 8110),
    POLYV: ("POLYV_SIMULATOR_PORT", 8140),
    POST: ("POST_SIMULATOR_PORT", 8130),
    SMTP: ("SMTP_SIMULATOR_PORT", 8131),  # the same program's
}
"""Where the simulators go if these ports are free; the settings name others."""
SEEDING = "seed-demo --if-empty"
FULL_DISK_MB = 50
"""With less than this, stores and logs may fail at any write."""
SIGN_OF_LIFE_SECONDS = 5
SECONDS_BETWEEN_LOOKS_AT_THE_DISK = 5


class CannotRun(Exception):
    """The shop cannot start; the text tells the person at the terminal what to change."""


class Ended(Exception):
    """Somebody wants the shop to end: Ctrl-C, SIGTERM, or the terminal is gone."""


class LocalShop:
    """Everything that `make run` starts, in this order. `environment` is what `make run` was given.

    A subclass has the tables and the application elsewhere: `start_stores`, `fill_stores`, `start_api`.
    """

    word = "make run"
    usual_data = ".data"
    fate_of_data = "its data stays"
    ports: Mapping[str, int] = {"API_PORT": 8000, "SPA_PORT": 8080}
    """The settings of the ports that must be free, with the usual ones."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._ports = {name: self._port(name, usual) for name, usual in self.ports.items()}
        self.api_port, self.spa_port = self._ports["API_PORT"], self._ports["SPA_PORT"]
        self.data = Path(self._text("DATA_DIR") or self.usual_data).expanduser()
        self._logs = self.data / "logs"
        self._memory = self.data / "demo.txt"
        self._children: list[Child] = []
        self._starting: list[tuple[Child, int]] = []
        self._claims: list[socket.socket] = []
        self._disk = DiskWatch(lambda: shutil.disk_usage(self.data).free, self.data)
        self._demo = ""
        self._post_port = 0

    def start(self) -> None:
        """Start all of it. Raises CannotRun, ChildFailed, ProgramMissing, FrontNotBuilt."""
        started = time.monotonic()
        self._keep_last_logs()
        self._default("CAPTCHA", "on")
        ports = self._check_ports()
        keys = Keys(self.data / "keys")
        self._set_defaults(keys)
        if ALIPAY in ports:
            self._choose_own_alipay(keys, ports[ALIPAY])
        if WECHAT in ports:
            self._choose_own_wechat(keys, ports[WECHAT])
        if GEETEST in ports:
            self._choose_own_geetest(keys, ports[GEETEST])
        if POLYV in ports:
            self._choose_own_polyv(keys, ports[POLYV])
        if POST in ports:
            self._choose_own_post(keys, ports[POST], ports[SMTP])
        if not front.is_built():
            with step(f"Building the shop front, because {front.why_unbuilt()}"):
                front.build()
        self.start_stores()
        self._start_simulators(keys, ports)  # they come up while the stores are filled
        seeding = self.fill_stores()
        self._until_answered("the simulators")
        if POLYV in ports and self._has_new_videos(seeding):
            self._manage("check-videos")
        self._demo = self._remembered(seeding)
        self.start_api()
        self._start_program("shop front", "shop-front.log", self._site(), self.spa_port)
        self._until_answered("the API and the shop front")
        say(f"Started in {time.monotonic() - started:.1f} seconds.")

    def settings(self) -> dict[str, str]:
        """The environment of the running shop: what another program needs to act on the same stores."""
        return {
            name: value
            for name, value in self._environment.items()
            if value and (name.removesuffix("_FILE") in SETTINGS or name.startswith("AWS_"))
        }

    def describe(self) -> str:
        """The text for the person at the terminal."""
        simulated = {child.name for child in self._children}
        alipay, geetest = self._text("ALIPAY_GATEWAY_URL"), self._text("GEETEST_API_URL")
        wechat = self._text("WECHAT_GATEWAY_URL")
        if ALIPAY in simulated:
            alipay = f"{alipay.removesuffix('/gateway.do')}  (simulator: trades, notices, bad days)"
        if WECHAT in simulated:
            wechat += "  (simulator: scan and pay, notices, bad days)"
        captcha = f"{geetest}  (simulator: try the slider, switch Geetest down)"
        if self._text("CAPTCHA") == "off":
            captcha = "off"
        elif GEETEST not in simulated:
            captcha = geetest
        videos = self._text("POLYV_API_URL")
        if POLYV in simulated:
            videos += "  (simulator: what became of videos, callbacks, switch Polyv down)"
        post = f"{self._text('SMS_API_URL')} and {self._text('MAIL_FROM')}"
        if POST in simulated:
            post = f"http://{LOOPBACK}:{self._post_port}  (simulator: every SMS and mail, replies, bad days)"
        rows = [
            ("Shop", f"{self._text('SHOP_URL')}  <-- open this"),
            ("API page", f"http://{LOOPBACK}:{self.spa_port}{API_DOCS}  (every request, to try it)"),
            ("API", self._text("API_URL")),
            ("Alipay", alipay),
            ("WeChat Pay", wechat),
            ("Captcha", captcha),
            ("Videos", videos),
            ("SMS, mail", post),
            *self.further_rows(),
            ("Operators", f'{self._of_these_data()}make manage ARGS="--help"'),
            ("Data", str(self.data)),
            ("Logs", str(self._logs)),
        ]
        lines = ["", f"The shop is open. Ctrl-C closes it; {self.fate_of_data}.", ""]
        lines += [f"  {name:<12}{value}" for name, value in rows]
        if self._demo:
            lines += ["", *(f"  {line}" for line in self._demo.splitlines())]
        if GEETEST in simulated:
            lines += ["", *(f"  {line}" for line in self._sign_in_from_a_terminal())]
        return "\n".join([*lines, ""])

    def _of_these_data(self) -> str:
        """What stands before a command that is to act on this shop and not on the one with its data in `.data`."""
        return "" if str(self.data) == LocalShop.usual_data else f"DATA_DIR={shlex.quote(str(self.data))} "

    def _sign_in_from_a_terminal(self) -> list[str]:
        """Shell lines: the simulator solves a captcha, and somebody signs in with it."""
        geetest, api = self._text("GEETEST_API_URL"), self._text("API_URL")
        name, password = "NAME", "PASSWORD"
        if self._demo:
            name, password = "demo", json.loads(DEMO.read_text(encoding="utf-8"))["password"]
        if self._text("GEETEST_VERSION") == "4":
            solving = [f"SOLVED=$(curl -s {geetest}/control/solve_v4 --json '{{}}')"]
        else:
            challenge = r"""sed -E 's/.*"challenge": ?"([^"]*).*/\1/'"""
            solving = [
                f"CHALLENGE=$(curl -s {api}/api/captcha_check/ | {challenge})",
                f"""SOLVED=$(curl -s {geetest}/control/solve --json '{{"challenge": "'$CHALLENGE'"}}')""",
            ]
        body = f"""'{{"username": "{name}", "password": "{password}", '"${{SOLVED#?}}\""""
        return [
            "To sign in from a terminal, let the simulator solve a captcha (or start with CAPTCHA=off make run):",
            *(f"  {line}" for line in [*solving, f"curl -s {api}/login --json {body}"]),
        ]

    def watch(self) -> None:
        """Never returns; raises ChildFailed when a child has ended. Says so when the disk gets full."""
        next_look = 0.0
        while True:
            for child in self._children:
                if not child.running():
                    raise ChildFailed(child.obituary())
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + SECONDS_BETWEEN_LOOKS_AT_THE_DISK
                if news := self._disk.news():
                    say(news)
            time.sleep(0.3)

    @property
    def has_parts(self) -> bool:
        """Whether anything was started that is to be ended."""
        return bool(self._children)

    def close(self) -> str:
        """Do what is left to do when all has ended as somebody wanted -> the text to say."""
        return "Closed. Its data is kept."

    def stop(self) -> None:
        """End all children, last first: the API lets its requests finish, the stores keep their data."""
        while self._children:
            self._children.pop().stop()
        while self._claims:
            self._claims.pop().close()

    # --- what differs where the application runs elsewhere ---------------------------------------------------

    def start_stores(self) -> None:
        """Start DynamoDB and Redis, or take those that are given."""
        if not self._text("AWS_ENDPOINT_URL_DYNAMODB"):
            with step("Starting DynamoDB Local"):
                dynamodb = DynamoDBLocal(data=self.data / "dynamodb", logs=self._logs).start()
                self._children.append(dynamodb.running_child())
            self._choose_own_dynamodb(dynamodb.url)
        self._start_redis(self.data / "redis")

    def fill_stores(self) -> str:
        """Create the tables that are missing, and seed the demo shop if they are empty -> what the seeding said."""
        with step("Checking settings, creating tables, seeding the demo shop if they are empty"):
            return self._manage("check-settings", "create-tables", SEEDING)

    def start_api(self) -> None:
        """Begin to start the application behind its API Gateway, at `api_port`."""
        api = ["localstack.api_gateway", "--port", str(self.api_port)]
        self._start_program("API", "api.log", api, self.api_port)

    def further_rows(self) -> list[tuple[str, str]]:
        """Names and places of what else the person at the terminal may want."""
        return []

    # --- the parts -----------------------------------------------------------------------------------------

    def _start_redis(self, data: Path | None) -> None:
        if not self._text("REDIS_URL"):
            with step("Starting Redis"):
                redis = RedisServer(data=data, logs=self._logs).start()
                self._children.append(redis.running_child())
            self._environment["REDIS_URL"] = redis.url

    def _start_simulators(self, keys: Keys, ports: Mapping[str, int]) -> None:
        """Begin to start those that have a port."""
        if ALIPAY in ports:
            self._start_alipay(keys, ports[ALIPAY])
        if WECHAT in ports:
            self._start_wechat(keys, ports[WECHAT])
        if GEETEST in ports:
            self._start_geetest(ports[GEETEST])
        if POLYV in ports:
            self._start_polyv(ports[POLYV])
        if POST in ports:
            self._start_post(keys, ports[POST], ports[SMTP])

    def _start_alipay(self, keys: Keys, port: int) -> None:
        app_public_key = self._public_half(keys, "ALIPAY_APP_PRIVATE_KEY", "app")
        program = [
            *(
                "localstack.alipay",
                "--port",
                str(port),
                "--state",
                str(self.data.resolve() / "alipay.sqlite"),
            ),
            *("--app-id", self._text("ALIPAY_APP_ID"), "--seller-id", self._text("ALIPAY_SELLER_ID")),
            *("--app-public-key", str(app_public_key), "--alipay-private-key", str(keys.alipay_private)),
        ]
        self._start_program(ALIPAY, "alipay.log", program, port)

    def _start_wechat(self, keys: Keys, port: int) -> None:
        """Its ids, which are no secrets, it reads where the shop does."""
        secret = {name: self._text(name) for name in ("WECHAT_API_V3_KEY", "WECHAT_APP_SECRET")}
        merchant_public_key = self._public_half(keys, "WECHAT_MCH_PRIVATE_KEY", "mch")
        program = [
            *("localstack.wechat", "--port", str(port)),
            *("--state", str(self.data.resolve() / "wechat.sqlite")),
            *("--merchant-public-key", str(merchant_public_key)),
            *("--private-key", str(keys.wechat_private)),
        ]
        self._start_program(WECHAT, "wechat.log", program, port, secret)

    def _public_half(self, keys: Keys, name: str, owner: str) -> Path:
        """A file with the public half of the setting `name`."""
        try:
            return keys.public_half_of(self._text(name), owner)
        except ValueError as error:
            raise CannotRun(f"{name} should be an RSA private key as PEM or base64.") from error

    def _start_geetest(self, port: int) -> None:
        account = {name: self._text(name) for name in ("GEETEST_ID", "GEETEST_KEY")}
        program = ["localstack.geetest", "--port", str(port)]
        self._start_program(GEETEST, "geetest.log", program, port, account)

    def _start_polyv(self, port: int) -> None:
        key = {"POLYV_SECRET_KEY": self._text("POLYV_SECRET_KEY")}
        self._start_program(POLYV, "polyv.log", ["localstack.polyv", "--port", str(port)], port, key)

    def _start_post(self, keys: Keys, port: int, smtp_port: int) -> None:
        """Its account, whose key id and signature are no secrets, it reads where the shop does."""
        secret = self._text("SMS_ACCESS_KEY_SECRET")
        receipts, replies = push_addresses(f"http://{LOOPBACK}:{self.api_port}", secret)
        further = {
            "SMS_ACCESS_KEY_SECRET": secret,
            "POST_SIMULATOR_PASSWORD": keys.mail_password.read_text(),
            "POST_SIMULATOR_RECEIPTS_URL": receipts,
            "POST_SIMULATOR_REPLIES_URL": replies,
        }
        program = [
            *("localstack.post", "--port", str(port), "--smtp-port", str(smtp_port)),
            *("--templates", str(self._written_templates())),
        ]
        self._post_port = port
        self._start_program(POST, "post.log", program, port, further)

    def _written_templates(self) -> Path:
        """A file of the texts that are registered with the provider, by their templates."""
        read = SETTINGS["SMS_CODE_TEMPLATES"].read
        assert read
        templates = cast(Mapping[str, str], read(self._text("SMS_CODE_TEMPLATES")))
        texts = {template: sms_text(Purpose(purpose)) for purpose, template in templates.items()}
        read_told = SETTINGS["SMS_MESSAGE_TEMPLATES"].read
        assert read_told is not None
        told = cast(Mapping[str, str], read_told(self._text("SMS_MESSAGE_TEMPLATES")))
        texts |= {template: sms_template(event) for event, template in told.items()}
        path = self.data / "sms_templates.json"
        path.write_text(json.dumps(texts, ensure_ascii=False), encoding="utf-8")
        return path

    def _start_program(
        self, name: str, log: str, module: list[str], port: int, further: Mapping[str, str] | None = None
    ) -> None:
        """Begin to start a module as a child with the shop's environment and `further` settings."""
        child = Child(
            name,
            [sys.executable, "-m", *module],
            directory=ROOT,
            environment=self._environment | dict(further or {}),
            log=self._logs / log,
        )
        self._children.append(child)
        self._starting.append((child, port))

    def _until_answered(self, names: str) -> None:
        """Return when all that is starting answers at its port. Raises ChildFailed."""
        if self._starting:
            with step(f"Starting {names}"):
                for child, port in self._starting:
                    child.wait_until(partial(answers_http, port))
            self._starting.clear()

    def _site(self) -> list[str]:
        """The module that serves the shop front, with its arguments."""
        site = ["localstack.static_site", "--port", str(self.spa_port), "--api-port", str(self.api_port)]
        site += ["--api-url", self._text("API_URL"), "--shop-url", self._text("SHOP_URL")]
        site += ["--captcha-script", self._captcha_script()]
        site += ["--captcha-version", self._text("GEETEST_VERSION") or "3"]
        site += ["--wechat-bridge", self._wechat_bridge()]
        site += ["--video-player", self._text("POLYV_PLAYER_URL") or POLYV_PLAYER]
        return site + (["--demo"] if self._demo else [])

    def _wechat_bridge(self) -> str:
        """The address of the simulator's bridge for browsers that are not WeChat's; empty beside WeChat's own."""
        wechat = self._text("WECHAT_GATEWAY_URL").rstrip("/")
        return f"{wechat}/bridge.js" if urlsplit(wechat).hostname in (LOOPBACK, "localhost") else ""

    def _captcha_script(self) -> str:
        """The address of Geetest's library for browsers; empty where the captcha is off."""
        if self._text("CAPTCHA") == "off":
            return ""
        version = self._text("GEETEST_VERSION")
        geetest = self._text("GEETEST_API_URL").rstrip("/")
        if urlsplit(geetest).hostname in (LOOPBACK, "localhost"):  # a simulator serves it itself
            return f"{geetest}/static/{'gt4.js' if version == '4' else 'gt.js'}"
        return geetest_script(version)

    def _manage(self, *commands: str) -> str:
        """Run these commands of the operators one after another -> what the last one said. Raises ChildFailed."""
        command = [sys.executable, "-m", "localstack.commands", *commands]
        return Child("manage", command, directory=ROOT, environment=self._environment).finish()

    def _has_new_videos(self, seeding: str) -> bool:
        """Whether the videos of the demo, as long as the simulator's clip, are not known yet: it was seeded now, or by
        a start that did not come to its end.
        """
        return "demo" in seeding and ("added" in seeding or not self._memory.exists())

    def _remembered(self, seeding: str) -> str:
        """What the seeding said about the demo users: today, or on the day that it made them."""
        if "demo" in seeding:
            self._memory.write_text(seeding, encoding="utf-8")
        return self._memory.read_text(encoding="utf-8") if self._memory.exists() else ""

    # --- settings ------------------------------------------------------------------------------------------

    def _set_defaults(self, keys: Keys) -> None:
        self._default("STAGE", "local")
        self._default("API_URL", f"http://{LOOPBACK}:{self.api_port}")
        self._default("SHOP_URL", f"http://{LOOPBACK}:{self.spa_port}")
        self._default_file("JWT_KEY", keys.jwt)
        self._default_file("CONTACT_KEY", keys.contact)
        self._default("SMS_CODE_TEMPLATES", "confirm=SMS_101, sign-in=SMS_102, password=SMS_103")
        told = (f"{event}=SMS_{number}" for number, event in enumerate(Event, 201) if TEMPLATES[event].sms)
        self._default("SMS_MESSAGE_TEMPLATES", ", ".join(told))
        # Our own addresses are never behind a proxy.
        for name in ("NO_PROXY", "no_proxy"):
            known = self._environment.get(name, "")
            self._environment[name] = ",".join(filter(None, [known, LOOPBACK, "localhost"]))
        self._environment["PYTHONUNBUFFERED"] = "1"

    def _refuse_key_of_another(self, public_key: str, gateway_url: str, simulator: str) -> None:
        if self._text(public_key):
            raise CannotRun(
                f"{public_key} is set, but the {simulator} signs with a key of its own."
                f" Set {gateway_url} too, or leave both."
            )

    def _choose_own_alipay(self, keys: Keys, port: int) -> None:
        self._refuse_key_of_another("ALIPAY_PUBLIC_KEY", "ALIPAY_GATEWAY_URL", ALIPAY)
        self._default("ALIPAY_APP_ID", "2021000000000001")
        self._default("ALIPAY_SELLER_ID", "2088000000000001")
        self._default_file("ALIPAY_APP_PRIVATE_KEY", keys.app_private)
        self._default_file("ALIPAY_PUBLIC_KEY", keys.alipay_public)
        self._environment["ALIPAY_GATEWAY_URL"] = f"http://{LOOPBACK}:{port}/gateway.do"

    def _choose_own_wechat(self, keys: Keys, port: int) -> None:
        self._refuse_key_of_another("WECHAT_PUBLIC_KEY", "WECHAT_GATEWAY_URL", WECHAT)
        self._default("WECHAT_APP_ID", "wx0000000000000001")
        self._default("WECHAT_MCH_ID", "1900000001")
        self._default("WECHAT_MCH_SERIAL", "0" * 39 + "1")
        self._default("WECHAT_PUBLIC_KEY_ID", "PUB_KEY_ID_0119000000010001")
        self._default_file("WECHAT_MCH_PRIVATE_KEY", keys.mch_private)
        self._default_file("WECHAT_PUBLIC_KEY", keys.wechat_public)
        self._default_file("WECHAT_API_V3_KEY", keys.wechat_api_v3)
        self._default_file("WECHAT_APP_SECRET", keys.wechat_app_secret)
        for name in ("WECHAT_GATEWAY_URL", "WECHAT_OPEN_URL", "WECHAT_LOGIN_URL"):
            self._environment[name] = f"http://{LOOPBACK}:{port}"

    def _choose_own_geetest(self, keys: Keys, port: int) -> None:
        self._default_file("GEETEST_ID", keys.geetest_id)
        self._default_file("GEETEST_KEY", keys.geetest_key)
        self._environment["GEETEST_API_URL"] = f"http://{LOOPBACK}:{port}"

    def _choose_own_polyv(self, keys: Keys, port: int) -> None:
        self._default("POLYV_USER_ID", "e2e84a7383")
        self._default_file("POLYV_SECRET_KEY", keys.polyv)
        self._environment["POLYV_API_URL"] = f"http://{LOOPBACK}:{port}"
        self._environment["POLYV_PLAYER_URL"] = f"http://{LOOPBACK}:{port}/player.js"

    def _choose_own_post(self, keys: Keys, port: int, smtp_port: int) -> None:
        self._default("SMS_ACCESS_KEY_ID", "LTAI5tSimulator")
        self._default_file("SMS_ACCESS_KEY_SECRET", keys.sms_secret)
        self._default("SMS_SIGN_NAME", "明日学堂")
        self._default("SMS_API_URL", f"http://{LOOPBACK}:{port}")
        self._default_file("MAIL_URL", keys.mail_url(f"{LOOPBACK}:{smtp_port}"))
        self._default("MAIL_FROM", "明日学堂 <no-reply@school.example>")

    def _choose_own_dynamodb(self, url: str) -> None:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
            self._environment.pop(name, None)
        self._environment.update(
            AWS_ENDPOINT_URL_DYNAMODB=url,
            AWS_ACCESS_KEY_ID="local",
            AWS_SECRET_ACCESS_KEY="local",
            AWS_DEFAULT_REGION=self._text("AWS_DEFAULT_REGION") or "us-east-1",
        )

    def _text(self, name: str) -> str:
        """The setting `name`, or the content of the file `name_FILE`; empty when neither is given."""
        value = self._environment.get(name, "").strip()
        path = self._environment.get(f"{name}_FILE", "").strip()
        if not value and path:
            try:
                value = Path(path).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise CannotRun(
                    f"{name}_FILE should be the path of a readable file, not {path!r}."
                ) from error
        return value

    def _default(self, name: str, value: str) -> None:
        if not self._text(name):
            self._environment.pop(f"{name}_FILE", None)
            self._environment[name] = value

    def _default_file(self, name: str, path: Path) -> None:
        if not self._text(name):
            self._environment.pop(name, None)
            self._environment[f"{name}_FILE"] = str(path.resolve())

    def _port(self, name: str, default: int) -> int:
        text = self._text(name) or str(default)
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
            raise CannotRun(f"{name} should be a port, a number from 1 to 65535, not {text!r}.")
        return int(text)

    def _own_simulators(self) -> set[str]:
        """Those that are started, because no other address is given."""
        post = self._text("SMS_API_URL") and self._text("MAIL_URL")
        given = {
            ALIPAY: self._text("ALIPAY_GATEWAY_URL"),
            WECHAT: self._text("WECHAT_GATEWAY_URL"),
            GEETEST: self._text("GEETEST_API_URL") or self._text("CAPTCHA") != "on",
            POLYV: self._text("POLYV_API_URL"),
            POST: post,
            SMTP: post,
        }
        return {simulator for simulator, elsewhere in given.items() if not elsewhere}

    def _check_ports(self) -> dict[str, int]:
        """Refuse ports that are taken; return that of each simulator that is started."""
        simulators = {one: self._port(*SIMULATOR_PORTS[one]) for one in SIMULATOR_PORTS}
        own = self._own_simulators()
        wanted = dict(self._ports)
        for simulator, (name, _) in SIMULATOR_PORTS.items():
            if simulator in own and self._text(name):
                wanted[name] = simulators[simulator]
        for name, port in wanted.items():
            try:
                free = port_is_free(port)
            except PermissionError:
                raise CannotRun(
                    f"Port {port} may only be used by root: set {name} to one above 1023."
                ) from None
            if not free:
                raise CannotRun(
                    f"Port {port} is taken by another program. End that program, or choose another port:"
                    f" {name}={port + 10} {self.word}"
                )
            if list(wanted.values()).count(port) > 1:
                same = " and ".join(other for other, value in wanted.items() if value == port)
                raise CannotRun(f"{same} are both {port}: choose two ports.")
        for name, port in wanted.items():
            if not self._claim(port):
                raise CannotRun(
                    f"Port {port} is taken by another `{self.word}` that is just starting. End that one, or choose"
                    f" other data and ports: DATA_DIR=.data2 {name}={port + 10} {self.word}"
                )
        return {
            simulator: port
            if SIMULATOR_PORTS[simulator][0] in wanted or self._is_mine(port, wanted.values())
            else free_port()
            for simulator, port in simulators.items()
            if simulator in own
        }

    def _claim(self, port: int) -> bool:
        """Keep a port from other shops as long as this one lives -> whether none of them has it."""
        claim = claim_port(port)
        if claim is not None:
            self._claims.append(claim)
        return claim is not None

    def _is_mine(self, port: int, wanted: Iterable[int]) -> bool:
        return port not in wanted and port_is_free(port) and self._claim(port)

    def _keep_last_logs(self) -> None:
        self._logs.mkdir(parents=True, exist_ok=True)
        for log in self._logs.glob("*.log"):
            log.replace(log.with_suffix(".log.old"))


class DiskWatch:
    """Notices that a disk is full, and that it no longer is. `free` tells the free bytes."""

    def __init__(self, free: Callable[[], int], data: Path) -> None:
        self._free, self._data = free, data
        self._is_full = False

    def news(self) -> str:
        """The news to show now: that the disk became full or was emptied since the last look, or none."""
        free = self._free() // 1024**2
        was_full = self._is_full
        self._is_full = free < FULL_DISK_MB
        if self._is_full and not was_full:
            return (
                f"The disk of {self._data} is full, with {free} MB free: the stores cannot keep what is written."
                " Make room."
            )
        if was_full and not self._is_full:
            return f"The disk of {self._data} has room again: {free} MB. Ctrl-C and `make run` if the shop still fails."
        return ""


def say(text: str = "") -> None:
    """Print at once; when the terminal is gone nobody listens, and that is no reason to fail."""
    with suppress(OSError, ValueError):
        print(text, flush=True)


@contextmanager
def step(what: str, sign_of_life: float = SIGN_OF_LIFE_SECONDS) -> Iterator[None]:
    """Show that something is being done, that it goes on, and how long it took."""
    started = time.monotonic()
    over = threading.Event()

    def show_life() -> None:
        while not over.wait(sign_of_life):
            _put(f" {time.monotonic() - started:.0f} s ...")

    _put(f"  {what} ...")
    life = threading.Thread(target=show_life, daemon=True)
    life.start()
    try:
        yield
    except BaseException:
        say()
        raise
    finally:
        over.set()
        life.join()
    say(f" {time.monotonic() - started:.1f} s")


def _put(text: str) -> None:
    with suppress(OSError, ValueError):
        print(text, end="", flush=True)


def on_end(callback: Callable[[str], None]) -> None:
    """Call back, in the main thread, when the shop is to end: Ctrl-C, SIGTERM, or the terminal is gone."""

    def handle(number: int, frame: FrameType | None) -> None:
        callback(signal.Signals(number).name)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # nohup asks us to outlive the terminal.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handle)


def stop(shop: LocalShop) -> None:
    """End what is running of a shop. May be repeated."""
    if shop.has_parts:
        say("\nClosing the shop ...")
    shop.stop()


def run(kind: type[LocalShop]) -> int:
    """Run a shop until it is to end. The exit code is 1 when it could not start or lost a part."""
    ending = threading.Event()

    def end(reason: str) -> None:
        if not ending.is_set():  # once: ending itself is not interrupted
            ending.set()
            raise Ended(reason)

    try:
        shop = kind(os.environ)
        on_end(end)
        with RunningShop(shop.data, shop.word) as running:
            try:
                shop.start()
                running.publish(shop.settings())
                say(shop.describe())
                say(f"Ready: http://{LOOPBACK}:{shop.spa_port}")
                shop.watch()
            except Ended:
                stop(shop)
                say(shop.close())
                return 0
            finally:
                ending.set()
                stop(shop)
    except Ended:  # before anything began
        return 0
    except (CannotRun, ChildFailed, ProgramMissing, FrontNotBuilt, AlreadyRuns) as error:
        say(f"\n{error}")
    except OSError as error:  # the data directory cannot be written
        say(f"\nThe data directory cannot be used: {error}")
    return 1


if __name__ == "__main__":
    sys.exit(run(LocalShop))
