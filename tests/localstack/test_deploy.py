"""infra/deploy.py as a whole: from an empty account to a running shop, and back to an empty one.

The operator's account is another one than that of `make localstack` beside it, whose package is deployed once more.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from localstack.api_gateway import GatewayServer
from localstack.cloud import overlay
from localstack.cloud.edge import Edge
from tests.e2e.local_run import ROOT, SECONDS
from tests.localstack.cloud_run import API_FUNCTION, CloudRun, changed_package
from tests.localstack.operator import Operator
from tests.localstack.test_localstack import LATER

pytestmark = pytest.mark.timeout(900)

NOTHING: dict[str, list[str]] = {
    kind: [] for kind in ("stacks", "tables", "secrets", "functions", "layers", "values", "logs", "buckets")
}
OF_THE_ACCOUNT = "course-shop-account"
"""The stack that belongs to no stage."""


@pytest.fixture(scope="module")
def package(run: CloudRun) -> Path:
    return run.wanted().package


@pytest.fixture(scope="module")
def operator(run: CloudRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    localstack = run.run_env()["AWS_ENDPOINT_URL_DYNAMODB"]
    operator = Operator(
        tmp_path_factory.mktemp("operator"), localstack, overlay.ARCHITECTURE, region="us-east-1"
    )
    assert operator.has() == NOTHING
    yield operator
    try:
        assert "Nothing is left of dev." in operator.says("destroy", "--yes")
        assert operator.has() == NOTHING | {"stacks": [OF_THE_ACCOUNT]}
        assert "Nothing is left of dev." in operator.says("destroy", "--yes")
    finally:
        operator.close()


@pytest.fixture(scope="module")
def without_keys(operator: Operator, package: Path) -> str:
    """What the first run says."""
    return operator.says("--yes", "--package", str(package), status=1)


@dataclass(frozen=True)
class Deployed:
    said: str
    shop: Operator

    def version(self) -> str | None:
        answer = requests.get(f"{self.shop.api_url}/courses", timeout=SECONDS)
        assert answer.status_code == 200
        return answer.headers.get("X-Version")


@pytest.fixture(scope="module")
def deployed(run: CloudRun, operator: Operator, package: Path, without_keys: str) -> Iterator[Deployed]:
    """The shop after the keys were put in as the first run has said."""
    files = {}
    for name in ("AlipayAppPrivateKey", "AlipayPublicKey"):
        files[name] = operator.folder / f"{name}.pem"
        files[name].write_text(run.wanted().secrets[name], encoding="utf-8")
    operator.runs_printed(without_keys, files)
    arn = operator.client("ssm").get_parameter(Name="/course-shop/dev/edge-key-arn")["Parameter"]["Value"]
    key = operator.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
    port = int(run.environment["LOCALSTACK_PORT"])
    edge = Edge(port, f"{overlay.api_id(operator.api_url)}/api", key)
    with GatewayServer(edge, operator.api_port, [operator.api_url]):
        yield Deployed(operator.says("--yes", "--package", str(package)), operator)


def test_the_first_run_stops_before_the_application_and_says_how_keys_are_put_in(without_keys: str) -> None:
    assert "course-shop-dev-stores: a new stack" in without_keys
    assert "add UsersTable (DynamoDB::Table)" in without_keys
    assert "course-shop-dev-edge  CREATE_COMPLETE" in without_keys
    assert "These secrets hold nothing yet" in without_keys
    assert "GeetestKey" not in without_keys.partition("These secrets")[2]  # its captcha is off
    assert "course-shop-dev-app" not in without_keys


def test_the_second_run_ends_with_a_shop_that_answers(deployed: Deployed) -> None:
    assert "course-shop-dev-stores: nothing changes" in deployed.said
    assert "course-shop-dev-app: a new stack" in deployed.said
    assert "course-shop-dev-app  CREATE_COMPLETE" in deployed.said
    assert f"asking {deployed.shop.api_url} whether it works" in deployed.said
    assert f"ApiId: {overlay.api_id(deployed.shop.api_url)}" in deployed.said
    forged = requests.post(
        f"{deployed.shop.api_url}/trade/alipay", data={"sign": "AAAA", "sign_type": "RSA2"}, timeout=SECONDS
    )
    assert (forged.status_code, forged.text) == (200, "fail")
    assert deployed.version() is None


def test_another_run_changes_nothing(deployed: Deployed, package: Path) -> None:
    said = deployed.shop.says("--yes", "--package", str(package))
    stacks = deployed.shop.has()["stacks"]
    assert len(stacks) == 7
    assert all(f"{name}: nothing changes" in said for name in stacks)
    assert "IN_PROGRESS" not in said
    assert "version" not in said


def test_changed_code_serves_is_rolled_back_and_deployed_again(
    deployed: Deployed, package: Path, tmp_path: Path
) -> None:
    shop = deployed.shop
    later = changed_package(package, tmp_path / "later", LATER)
    said = shop.says("--yes", "--package", str(later))
    assert "change APIHandler (Lambda::Function)" in said
    assert deployed.version() == "later"
    assert "rolled back" not in shop.says("status")

    assert f"{API_FUNCTION}: version" in shop.says("rollback")
    assert deployed.version() is None
    status = shop.says("status")
    assert f"{API_FUNCTION}: version" in status
    assert "rolled back from" in status
    assert "course-shop-dev-app: UPDATE_COMPLETE" in status

    said = shop.says("--yes", "--package", str(later))
    assert "course-shop-dev-app: nothing changes" in said
    assert deployed.version() == "later"
    shop.says("--yes", "--package", str(package))
    assert deployed.version() is None


def test_a_table_or_an_api_that_would_be_gone_is_refused(
    deployed: Deployed, package: Path, tmp_path: Path
) -> None:
    """LocalStack tells what is removed, and not that a changed name or key makes a new table."""
    shop, before = deployed.shop, deployed.shop.has()
    for part in ("infra", "localstack", ".chalice", "chalicelib"):
        ignored = shutil.ignore_patterns("node_modules", "__pycache__")
        shutil.copytree(ROOT / part, tmp_path / part, ignore=ignored)
    (tmp_path / "build").symlink_to(ROOT / "build")
    stores = tmp_path / "infra" / "stores.json"
    template = json.loads(stores.read_text(encoding="utf-8"))
    del template["Resources"]["CatalogTable"]
    stores.write_text(json.dumps(template), encoding="utf-8")
    said = shop.says("--yes", "--package", str(package), status=1, cwd=tmp_path)
    assert "REMOVE CatalogTable (DynamoDB::Table)" in said
    assert "CatalogTable would be removed, and with it the shop's data" in said
    assert "--allow-loss CatalogTable" in said

    changed = tmp_path / "package"
    shutil.copytree(package, changed)
    sam = changed / "sam.json"
    sam.write_text(sam.read_text(encoding="utf-8").replace("RestAPI", "AnotherAPI"), encoding="utf-8")
    said = shop.says("--yes", "--package", str(changed), status=1)
    assert "RestAPI would be removed, and with it the API's address" in said
    assert shop.has() == before
    assert deployed.version() is None


@pytest.fixture
def small(run: CloudRun, tmp_path: Path) -> Iterator[Operator]:
    """Somebody with tables and host names only, in another region."""
    localstack = run.run_env()["AWS_ENDPOINT_URL_DYNAMODB"]
    operator = Operator(tmp_path, localstack, overlay.ARCHITECTURE, "eu-west-1", ("stores", "edge"))
    assert operator.has() == NOTHING
    yield operator
    try:
        operator.says("destroy", "--yes")
        assert operator.has() == NOTHING
    finally:
        operator.close()


def test_a_run_that_was_cut_off_is_gone_on_with(small: Operator) -> None:
    cut_off = small.starts("--yes")
    assert cut_off.stdout
    assert next(line for line in cut_off.stdout if "CatalogTable  CREATE_IN_PROGRESS" in line)
    cut_off.send_signal(signal.SIGINT)
    said, _ = cut_off.communicate(timeout=SECONDS)
    assert cut_off.returncode == 130, said
    assert "Cut off." in said
    assert "Traceback" not in said
    assert "course-shop-dev-edge  CREATE_COMPLETE" in small.says("--yes")
    assert sorted(small.has()["stacks"]) == ["course-shop-dev-edge", "course-shop-dev-stores"]


def test_of_two_at_once_the_second_is_told_of_the_first(small: Operator) -> None:
    first = small.starts("--yes")
    assert first.stdout
    assert next(line for line in first.stdout if "course-shop-dev-stores: " in line)
    first.send_signal(signal.SIGSTOP)
    said = small.says("--yes", status=1)
    assert "Another run of this program is under way for dev: begun " in said
    assert "Another run" in small.says("destroy", "--yes", status=1)
    first.send_signal(signal.SIGCONT)
    rest, _ = first.communicate(timeout=SECONDS)
    assert first.returncode == 0, rest

    lost = small.starts("--yes")
    assert lost.stdout
    assert next(line for line in lost.stdout if "course-shop-dev-stores: " in line)
    lost.kill()
    lost.communicate(timeout=SECONDS)
    assert "--take-over" in small.says("--yes", status=1)
    assert "course-shop-dev-edge: nothing changes" in small.says("--yes", "--take-over")


@pytest.mark.parametrize("act", ["deploy", "status", "rollback", "destroy"])
def test_credentials_of_another_account_do_nothing(operator: Operator, act: str) -> None:
    stranger = operator.environment | {"AWS_ACCESS_KEY_ID": "222222222222"}
    said = operator.says(act, "--yes", status=1, env=stranger)
    assert "These credentials are of account 222222222222, and dev is in 111111111111" in said


def test_the_code_of_now_is_deployed_into_the_running_shop(
    run: CloudRun, package: Path, tmp_path: Path
) -> None:
    """`make localstack-deploy`."""

    def version() -> str | None:
        return requests.get(f"{run.shop().api}/courses", timeout=SECONDS).headers.get("X-Version")

    run.cloud().deploy_app(run.wanted(package=changed_package(package, tmp_path / "later", LATER)))
    assert version() == "later"
    done = subprocess.run(
        [sys.executable, "-m", "localstack.cloud", "--deploy"],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(run.data)},
        capture_output=True,
        text=True,
        timeout=3 * SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"It serves at {run.shop().api}." in done.stdout
    assert version() is None
