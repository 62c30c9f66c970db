"""The change of keys as infra/README.md says it: what every key's has in common, and its course."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import requests

from tests.e2e.local_run import SECONDS
from tests.e2e.shop import Shop
from tests.localstack.cloud_run import API_FUNCTION, CloudRun


class Rotation:
    """The change of one key. `secret` is its name among the stage's values, `texts` are what it holds, old and new;
    `parameters` are those of the application that change with it.
    """

    secret: str
    texts: tuple[str, str]
    parameters: Mapping[str, str] = MappingProxyType({})

    def __init__(self, run: CloudRun, shop: Shop) -> None:
        self.run, self.shop = run, shop

    def before(self) -> None:
        """The first deployment is done."""

    def change(self) -> None:
        """What happens elsewhere, at the moment when the new text is put in, and what comes of it as long as the
        changes that stand after this one have not been made.
        """

    def between(self) -> None:
        """The functions have the key of before."""

    def after(self) -> None:
        """The second deployment is done."""

    def rolled_back(self) -> None:
        """The API is served by its version of before."""

    def forward_again(self) -> None:
        """The API is served by the newer version."""

    def end(self) -> None:
        """Leave things elsewhere as they were."""

    def ended(self) -> None:
        """The functions have what the secret held at first."""


def change_keys(run: CloudRun, shop: Shop, kinds: Sequence[type[Rotation]]) -> None:
    """Change these keys in one deployment, roll the API back, and go forward again; nothing may be lost."""
    rotations = [kind(run, shop) for kind in kinds]
    parameters = {name: text for each in rotations for name, text in each.parameters.items()}
    try:
        first = deployed_with(run, {each.secret: each.texts[0] for each in rotations}, {})
        for each in rotations:
            each.before()
        run.put_in({each.secret: each.texts[1] for each in rotations})
        for each in rotations:
            each.change()
        for each in rotations:
            each.between()
        second = deployed_with(run, {}, parameters)
        assert second != first
        for each in reversed(rotations):
            each.after()
        serve(run, first)
        for each in rotations:
            each.rolled_back()
        serve(run, second)
        for each in rotations:
            each.forward_again()
    finally:
        for each in rotations:
            each.end()
        deployed_with(run, run.keys(), {})
    for each in rotations:
        each.ended()


def deployed_with(run: CloudRun, texts: Mapping[str, str], parameters: Mapping[str, str]) -> str:
    """Put texts into secrets, and deploy with other parameters -> the version of the API that serves."""
    run.put_in(texts)
    wanted = run.wanted()
    run.cloud().deploy_app(dataclasses.replace(wanted, parameters={**wanted.parameters, **parameters}))
    return serving(run)


def serving(run: CloudRun) -> str:
    alias = run.cloud().client("lambda").get_alias(FunctionName=API_FUNCTION, Name="live")
    return str(alias["FunctionVersion"])


def serve(run: CloudRun, version: str) -> None:
    """Let the API be served by a version, as a roll-back does."""
    run.cloud().client("lambda").update_alias(FunctionName=API_FUNCTION, Name="live", FunctionVersion=version)


def get(address: str, headers: Mapping[str, str] | None = None) -> requests.Response:
    return requests.get(address, headers=headers, timeout=SECONDS)
