"""Several of the operators' commands in one process, for each start of Python reads all libraries again.

python -m localstack.commands check-settings create-tables "seed-demo --if-empty"
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO

from chalicelib.manage.__main__ import main as manage


def main(commands: Sequence[str]) -> int:
    """Run the commands one after another, up to the first that fails -> its exit status.

    What the last one says is printed, of the others only what goes to standard error.
    """
    for number, command in enumerate(commands, start=1):
        is_last = number == len(commands)
        with redirect_stdout(sys.stdout if is_last else StringIO()):
            status = manage(shlex.split(command))
        if status:
            print(f"This was `manage {command}`.", file=sys.stderr)
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
