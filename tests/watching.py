"""A handler around a packaged function's own, beside the runtime client: it tells what files the function changes, and
which modules it loads after its start. Uses the standard library only.
"""

import importlib
import os
import sys

_CHANGES = {
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_is_started = False


def _watch(event, arguments):
    if event == "open":
        if arguments[2] & _WRITES and arguments[0] != os.devnull:
            _tell("changed", arguments[0])
    elif event in _CHANGES:
        _tell("changed", arguments[0])
    elif event == "import" and _is_started:
        _tell("loaded", arguments[0])


def _tell(what, name):
    os.write(1, f"{what}: {name}\n".encode())


def handler(event, context):
    global _is_started
    _is_started = True
    return _handler(event, context)


sys.addaudithook(_watch)
_module, _, _name = os.environ["_HANDLER"].rpartition(".")
_handler = getattr(importlib.import_module(_module), _name)
