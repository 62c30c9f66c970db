"""How the programs of a shop on one computer end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("end", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_that_comes_before_anybody_waits_for_it_is_not_lost(end: str) -> None:
    program = f"""
import os, signal, threading
from localstack.processes import hold_end, wait_for_end
hold_end()
threading.Thread(target=threading.Event().wait, daemon=True).start()
os.kill(os.getpid(), signal.{end})
wait_for_end()
print("ended")
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "ended\n", "")
