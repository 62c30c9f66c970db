"""Rate limits: how often somebody may try something, counted in Redis in fixed windows.

A limit is a protection, not a fact of the shop: while Redis is out of reach most limits let everybody through and log
it. A limit that is the only protection says `otherwise="refuse"`.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from msgspec import Struct

from chalicelib.errors import CartStoreRefused, CartStoreUnavailable, ShopError, TooManyAttempts
from chalicelib.settings import table_prefix
from chalicelib.storage.quick_store import Counter, quick_store

log = logging.getLogger(__name__)

WINDOW_SECONDS = 15 * 60


class Limit(Struct, frozen=True):
    """At most `most` attempts of a kind by one subject (a name with an address, an address, a user) in a window of
    `seconds`; `otherwise` is what happens while Redis is out of reach.
    """

    kind: str
    subject: str
    most: int
    seconds: int = WINDOW_SECONDS
    otherwise: Literal["allow", "refuse"] = "allow"

    @property
    def key(self) -> str:
        """The Redis key. The subject is hashed: it may be long, and it may be personal."""
        digest = hashlib.sha256(self.subject.encode()).hexdigest()[:32]
        # In cluster mode a script's keys must lie in one slot: that of what stands in braces.
        return f"{table_prefix()}{{limit}}:{self.kind}:{digest}"

    @property
    def counter(self) -> Counter:
        """What is counted for it."""
        return Counter(self.key, self.most, self.seconds)


def network_of(address: str) -> str:
    """The network of an address, whose holder easily has another one of it: of IPv4 the /24, of IPv6 the /48."""
    try:
        network = ipaddress.ip_network(address, strict=False)
    except ValueError:
        return address
    return str(network.supernet(new_prefix=min(24 if network.version == 4 else 48, network.prefixlen)))


def take_attempt(limits: Sequence[Limit]) -> None:
    """Count one attempt against all of these limits. One round trip.

    Raises TooManyAttempts (`seconds` to wait) when one is used up; then no counter changes. Raises CartStoreUnavailable
    while Redis is out of reach and one of them says so, CartStoreRefused always.
    """
    try:
        seconds = quick_store().take([limit.counter for limit in limits])
    except CartStoreRefused:
        raise
    except CartStoreUnavailable:
        if any(limit.otherwise == "refuse" for limit in limits):
            log.error("Redis is out of reach: attempts are refused")
            raise
        log.error("Redis is out of reach: attempts are not limited")
        return
    if seconds:
        raise TooManyAttempts(seconds=seconds)


@contextmanager
def only_failures_count(
    limits: Sequence[Limit], *failures: type[ShopError], besides: Sequence[Limit] = ()
) -> Iterator[None]:
    """Count the block as an attempt only if it ends with one of these failures; against the limits `besides` it always
    counts.

    Counts first and gives back afterwards, so that attempts at once cannot exceed the limit together. Raises as
    `take_attempt`. Two round trips, one for a failure.
    """
    take_attempt([*limits, *besides])
    try:
        yield
    except failures:
        raise
    except ShopError:
        _give_back_attempt(limits)
        raise
    _give_back_attempt(limits)


def _give_back_attempt(limits: Sequence[Limit]) -> None:
    try:
        quick_store().give_back([limit.counter for limit in limits])
    except CartStoreUnavailable:
        log.error("Redis is out of reach: an attempt was not given back")
