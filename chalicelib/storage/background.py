"""Reads beside another read, so that a request waits once for both."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import lru_cache
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_THREADS = 16
"""Beyond so many, reads wait for each other. A Lambda has one request at a time, and that has four at most, but for the
list of waiting refunds: it has one for each.
"""


@lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, "read")


def in_background(
    read: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Callable[[], Result]:
    """Begin a read in another thread -> a function that waits for its result, or raises its error.

    For reads only: nobody waits for it when the request ends with a refusal.
    """
    context = copy_context()
    return _threads().submit(lambda: context.run(read, *args, **kwargs)).result
