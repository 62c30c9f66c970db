"""A function's process: python -S bootstrap.py HANDLER PATHS PARENT

Imports come from PATHS alone (code, layers, runtime client; separated by colons) and the standard library, as on AWS:
what else the computer has installed is not seen. The process dies with PARENT, its id.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(handler: str, paths: str, parent: str) -> None:
    """Answer invocations until the process is ended."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):
        os._exit(1)
    sys.path[0:1] = paths.split(":")
    from awslambdaric import __main__ as runtime_client  # type: ignore[import-untyped]

    runtime_client.main([sys.argv[0], handler])


if __name__ == "__main__":
    main(*sys.argv[1:])
