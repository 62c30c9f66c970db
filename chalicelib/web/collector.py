"""Python's search for garbage: it rests from the import of this file until the process has started.

Nearly all that a start makes stays as long as the process, so that a search costs time and finds nothing.
"""

from __future__ import annotations

import gc

gc.disable()


def resume() -> None:
    """Search again from now on, and never among what is there already."""
    gc.freeze()
    gc.enable()
