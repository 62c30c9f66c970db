"""Counts of the proofs: collected while they run, in whatever process, and shown at the end."""

from __future__ import annotations

from collections import Counter

NAMES = ("histories", "steps", "races", "cut points", "faults", "forgeries", "days of bills", "violations")
"""What is counted, in the order in which it is shown."""

counted: Counter[str] = Counter()
"""The counts of this process."""


def count(name: str, by: int = 1) -> None:
    """Count one more of `NAMES`."""
    assert name in NAMES, name
    counted[name] += by


def shown(counts: Counter[str]) -> list[str]:
    """The counts as lines."""
    return [f"{name}: {counts[name]}" for name in NAMES]
