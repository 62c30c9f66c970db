"""Values that hold what may stand in no log."""

from __future__ import annotations

from msgspec import Struct


class Confidential(Struct, frozen=True):
    """Its `repr` says of which kind it is, and nothing else."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"
