"""Write `libraries.lock` and `packaging.lock` anew: each package of the functions and of Chalice, with its hashes.

    make lock

Run it after a change of requirements.txt or of localstack/requirements.txt. It chooses nothing: the versions are those
that the two files pin, and a test compares them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from infra.package import INFRA, PROJECT, PYTHON
from localstack import venvs

LOCKS = {"libraries.lock": "requirements.txt", "packaging.lock": "infra/packaging.txt"}
"""A lock -> what it is made from."""


def main() -> int:
    uv = venvs.make("lock", Path(sys.executable), [INFRA / "lock.txt"]).with_name("uv")
    for lock, source in LOCKS.items():
        options = ["--quiet", "--universal", "--python-version", PYTHON, "--no-header", "--no-annotate"]
        options += ["--generate-hashes", "--constraint", "localstack/requirements.txt"]
        command = [str(uv), "pip", "compile", *options, source, "--output-file", f"infra/{lock}"]
        done = subprocess.run(command, cwd=PROJECT, check=False)
        if done.returncode != 0:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
