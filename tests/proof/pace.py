"""Quick or long: how much of each proof runs, and until when.

`SOAK_MINUTES` in the environment (as `make soak` sets it) chooses the long setting.
"""

from __future__ import annotations

import os
import time

MINUTES = float(os.environ.get("SOAK_MINUTES") or 0)
"""How long a long run takes."""
SOAK = MINUTES > 0
"""Whether this is the long setting."""

_BEGIN = "PROOF_BEGAN_AT"
os.environ.setdefault(_BEGIN, str(time.time()))  # of the run's first process, which its workers inherit
END = float(os.environ[_BEGIN]) + 60 * MINUTES
"""When a long run ends (epoch seconds)."""

_WIND_UP = 60.0


def is_time_left(share: float = 1.0) -> bool:
    """Whether a long run's time, or this share of it, is not used up yet (less a minute to wind up)."""
    begin = float(os.environ[_BEGIN])
    return time.time() < begin + share * (END - begin) - _WIND_UP


WHOLE_MINUTES, WHOLE_STEPS = 40, 100_000
"""A whole long run: how long it takes, and how many steps it makes at least."""


def is_whole() -> bool:
    """Whether this is a whole long run."""
    return MINUTES >= WHOLE_MINUTES


def parts(at_least: int) -> int:
    """Into how many tests a machine that runs to the end is cut, so that the workers share them."""
    return max(at_least, 3 + round(3 * MINUTES / PART_MINUTES)) if SOAK else at_least


PART_MINUTES = 3.0


def rounds(quick: int, long: int) -> int:
    """So many in the setting of this run."""
    return long if SOAK else quick
