"""The messages of `make run` while it works: that it goes on, that the disk is full, and that a port is taken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from localstack.processes import claim_port, free_port
from localstack.run import FULL_DISK_MB, DiskWatch, step

MB = 1024**2


def test_a_full_disk_is_said_once_and_so_is_room_on_it() -> None:
    free = [900 * MB]
    watch = DiskWatch(lambda: free[0], Path(".data"))
    assert watch.news() == ""
    free[0] = FULL_DISK_MB * MB - 1
    assert "The disk of .data is full, with 49 MB free" in watch.news()
    free[0] = 0
    assert watch.news() == ""
    free[0] = 900 * MB
    assert "The disk of .data has room again: 900 MB" in watch.news()
    assert watch.news() == ""


def test_a_step_that_takes_long_shows_that_it_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    shown = ""
    with step("Seeding", sign_of_life=0.01):
        while shown.count(" s ...") < 2:
            shown += capsys.readouterr().out
    shown += capsys.readouterr().out
    assert shown.startswith("  Seeding ... 0 s ... 0 s ...")
    assert shown.endswith(" s\n")


def test_a_step_that_fails_ends_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OSError, match="no"), step("Seeding"):
        raise OSError("no")
    assert capsys.readouterr().out == "  Seeding ...\n"


def test_a_port_is_claimed_by_one_shop_until_it_ends() -> None:
    port = free_port()
    program = f"from localstack.processes import claim_port; print(claim_port({port}) is not None)"

    def another_shop_gets_it() -> str:
        return subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout.strip()

    claim = claim_port(port)
    assert claim is not None
    assert claim_port(port) is None
    assert another_shop_gets_it() == "False"
    claim.close()
    assert another_shop_gets_it() == "True"
    again = claim_port(port)
    assert again is not None
    again.close()
