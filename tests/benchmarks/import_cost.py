"""How long each library takes to import, beside Chalice alone. Not a test: times depend on the machine.

    .venv/bin/python tests/benchmarks/import_cost.py [ROUNDS]

Prints a Markdown table of medians, each measured in fresh interpreters whose modules are compiled already.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHALICE = "chalice"
STATEMENTS = {
    CHALICE: "from chalice.app import Chalice",
    "botocore": "import botocore.session, botocore.client",
    "pynamodb": "import pynamodb.models",
    "redis": "import redis",
    "PyJWT": "import jwt",
    "pycryptodomex": "import Cryptodome.Hash.SHA256, Cryptodome.PublicKey.RSA, Cryptodome.Signature.pkcs1_15",
    "cachetools": "import cachetools",
    "msgspec": "import msgspec",
    "all of them": "import chalice.app, pynamodb.models, redis, jwt, Cryptodome.PublicKey.RSA, cachetools, msgspec",
    "app.py": "import app",
}
PROGRAM = """
import sys, time
sys.modules.update(OpenSSL=None, cryptography=None)  # the tests' own: other libraries import them where they are
began = time.perf_counter()
{statement}
print(time.perf_counter() - began)
"""


def milliseconds(statement: str) -> float:
    """One import in a fresh interpreter."""
    command = [sys.executable, "-c", PROGRAM.format(statement=statement)]
    return float(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout) * 1000


def medians(rounds: int) -> dict[str, float]:
    """The median time of each import. The rounds go round all of them, so that a slow moment hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for statement in STATEMENTS.values():
        milliseconds(statement)  # compiles the modules, warms the disk's cache
    for _ in range(rounds):
        for name, statement in STATEMENTS.items():
            times[name].append(milliseconds(statement))
    return {name: statistics.median(measured) for name, measured in times.items()}


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    measured = medians(rounds)
    print(f"Python {sys.version.split()[0]}, medians of {rounds}\n")
    print("| Import | ms | × Chalice alone |")
    print("| --- | ---: | ---: |")
    for name, median in measured.items():
        print(f"| {name} | {median:.0f} | {median / measured[CHALICE]:.1f} |")


if __name__ == "__main__":
    main()
