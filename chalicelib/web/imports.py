"""How a process loads its modules. Imported before all others.

Python's search for garbage rests until the process has started: nearly all that a start makes stays as long as the
process, so that a search costs time and finds nothing.

The large libraries are loaded here, from a shallow stack. Python keeps its frames in pieces of memory, and asks the
system for a new piece at each call that does not fit into the last, and gives it back when the call returns. Twenty
files deep in imports that were a thousand pieces a start, most of them while urllib3 compiled its regular expressions,
which took four times as long.
"""

from __future__ import annotations

import gc
import importlib

_LIBRARIES = ("urllib3", "pynamodb.models")


def done() -> None:
    """Search again from now on, and never among what is there already."""
    gc.freeze()
    gc.enable()


gc.disable()
for library in _LIBRARIES:
    importlib.import_module(library)
