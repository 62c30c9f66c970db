"""What a Lambda function does before its first request: read its settings, parse its keys, load what it always needs.

A deployment with a wrong setting so fails before it gets traffic, and the first request waits for less. Nothing made
here may be shared by copies of the process, as Lambda may store the process now and start many from it: no connection
is open, nothing is drawn by chance, no time is noted.

Of the libraries that only some requests need, the process loads all while nobody waits for it. Where somebody does, it
loads each with the first request that needs it: whoever looks at courses does not wait for the library of carts.
"""

from __future__ import annotations

import importlib
import logging

from chalicelib import settings as shop_settings
from chalicelib.errors import InvalidSetting
from chalicelib.gateways import Gateways, open_gateways
from chalicelib.storage.dynamodb import connection
from chalicelib.storage.quick_store import quick_store

log = logging.getLogger(__name__)

_PYTHONS_OWN = ("encodings.idna", "_strptime")
"""What Python loads when it first asks for a host's address, and when it first reads a time."""


def prepare() -> Gateways | None:
    """Prepare the function that this process is -> its third parties; None outside of Lambda.

    Raises InvalidSetting, after it has logged which setting is wrong and what it should be.
    """
    try:
        function = shop_settings.function()
        return None if function is None else _prepare(function)
    except InvalidSetting as error:
        log.critical("the setting %s should be %s", error.facts["name"], error.facts["expected"])
        raise


def _prepare(function: str) -> Gateways:
    settings = shop_settings.settings()
    gateways = open_gateways(settings)
    for provider in gateways.payments.values():
        provider.check()
    connection().prepare()
    libraries = [*_PYTHONS_OWN]
    if "REDIS_URL" in shop_settings.FUNCTIONS[function]:  # it answers people
        libraries.append("cachetools")
        if not shop_settings.is_start_awaited():
            libraries.append("jwt")
            quick_store().prepare()
    for library in libraries:
        importlib.import_module(library)
    return gateways
