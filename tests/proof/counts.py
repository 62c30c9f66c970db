"""How much was proved: counted while the proofs run, shown at the end, whatever process they ran in."""

from __future__ import annotations

from collections import Counter

NAMES = ("histories", "steps", "races", "cut points", "faults", "forgeries", "violations")
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
