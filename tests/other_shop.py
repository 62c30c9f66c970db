"""A shop of its own beside the worker's, for tests that act on everything in a shop."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.session

from chalicelib.manage.__main__ import main
from chalicelib.storage.dynamodb import StoredItem
from tests import builders
from tests.conftest import Stores
from tests.faults.routing import forget_connections


@dataclass(frozen=True)
class Done:
    """How a command ended and what it said."""

    returncode: int
    stdout: str
    stderr: str


class OtherShop:
    """Tables of its own, empty at first, and the operators' command line acting on them."""

    def __init__(self, stores: Stores) -> None:
        self.prefix = f"{stores.table_prefix}{builders.new_name('shop')}_"
        self.client = _client()

    @contextmanager
    def in_use(self, **settings: str) -> Iterator[None]:
        """Inside the block this process, its application included, acts on this shop's tables, with other `settings`.

        Nothing is patched: the environment names another prefix, and whatever was made of the old one is made
        anew, as in a process that has just started.
        """
        with ExitStack() as restore:
            restore.callback(_forget_tables)
            restore.callback(os.environ.update, dict(os.environ))
            os.environ.update(settings, TABLE_PREFIX=self.prefix)
            _forget_tables()
            self.does("create-tables")
            yield

    def manage(self, *arguments: str, typed: str | io.StringIO = "", **settings: str) -> Done:
        """Give a command -> how it ended and what it said."""
        said, complained = io.StringIO(), io.StringIO()
        with ExitStack() as restore:
            restore.callback(setattr, sys, "stdin", sys.stdin)
            restore.callback(os.environ.update, dict(os.environ))
            sys.stdin = io.StringIO(typed) if isinstance(typed, str) else typed
            os.environ.update(settings)
            restore.enter_context(redirect_stdout(said))
            restore.enter_context(redirect_stderr(complained))
            status = main(arguments)
        return Done(status, said.getvalue(), complained.getvalue())

    def does(self, *arguments: str, typed: str = "") -> str:
        """Give a command that must succeed -> what it said."""
        done = self.manage(*arguments, typed=typed)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout

    def refuses(self, *arguments: str, typed: str = "") -> str:
        """Give a command that must not succeed -> the reasons."""
        done = self.manage(*arguments, typed=typed)
        assert done.returncode == 1, done.stdout
        return done.stderr

    def items(self) -> list[Any]:
        """Everything in the tables but the operators' log, by key."""
        found = []
        for table in ("catalog", "users"):
            pages = self.client.get_paginator("scan").paginate(TableName=self.prefix + table)
            found += [item for page in pages for item in page["Items"]]
        kept = [item for item in found if item["kind"]["S"] != "AUDIT_ENTRY"]
        return sorted(
            kept, key=lambda item: (item.get("course_key", item.get("owner"))["S"], item["sort"]["S"])
        )

    def partition(self, course_key: str) -> list[Any]:
        """The items of a partition of the table `catalog`."""
        return [item for item in self.items() if item.get("course_key") == {"S": course_key}]

    def put(self, item: dict[str, Any]) -> None:
        """Write an item into the table `catalog`, past all rules."""
        self.client.put_item(TableName=f"{self.prefix}catalog", Item=item)

    def remove(self, item: dict[str, Any]) -> None:
        """Remove an item of the table `catalog`, past all rules."""
        key = {name: item[name] for name in ("course_key", "sort")}
        self.client.delete_item(TableName=f"{self.prefix}catalog", Key=key)


@cache
def _client() -> Any:
    """One for all, because reading what DynamoDB can do takes a tenth of a second."""
    return botocore.session.get_session().create_client("dynamodb")


def _forget_tables() -> None:
    forget_connections()
    for model in _models(StoredItem):
        model._connection = None  # it knows the table's name


def _models(base: type[StoredItem]) -> Iterator[type[StoredItem]]:
    yield base
    for model in base.__subclasses__():
        yield from _models(model)
