"""Where the documents lie that tests hold against the code."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
ROUND_TRIPS = DOCS / "round-trips.md"
