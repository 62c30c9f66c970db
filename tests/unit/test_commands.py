"""Several commands of the operators, one after another in one process."""

from __future__ import annotations

from pathlib import Path

import pytest

from localstack.commands import main


def test_only_what_the_last_command_says_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-settings", "sms-addresses"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("SmsReport: http")
    assert "settings" not in printed


def test_the_first_that_is_refused_ends_it_and_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    nowhere = f"catalog check '{tmp_path}/no such file'"
    assert main(["check-settings", nowhere, "check-settings"]) == 1
    printed = capsys.readouterr()
    assert not printed.out
    assert "error: " in printed.err
    assert f"`manage {nowhere}`" in printed.err
