"""A shop of its own beside that of the worker, for what acts on everything that a shop has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import botocore.session

from tests import builders
from tests.conftest import Stores

ROOT = Path(__file__).parents[1]
SECONDS = 60


class OtherShop:
    """Tables of its own, empty at first, and the operators' command line acting on them."""

    def __init__(self, stores: Stores) -> None:
        self.prefix = f"{stores.table_prefix}{builders.new_name('shop')}_"
        self.client = botocore.session.get_session().create_client("dynamodb")
        self.does("create-tables")

    def manage(self, *arguments: str, typed: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
        """Give a command -> how it ended and what it said."""
        return subprocess.run(
            [sys.executable, "-m", "chalicelib.manage", *arguments],
            cwd=ROOT,
            env={**os.environ, "TABLE_PREFIX": self.prefix, **settings},
            input=typed,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

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
        assert "Traceback" not in done.stderr
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
