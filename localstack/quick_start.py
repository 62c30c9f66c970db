"""DynamoDB Local as Java starts it soonest: its classes are read, checked and linked once, after an installation.

    python -m localstack.quick_start    makes that of the installed version, where it is not there yet

Java keeps them in a file (JEP 483 and 514, "ahead-of-time cache"), for which all of the program has to be in jars that
name no folder. Amazon's names one in its manifest, and our classes lie in one: all go into a jar of their own. Java
itself passes over a file that another Java has made, or one of another program.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from localstack import stores
from localstack.processes import ChildFailed

ROOT = Path(__file__).parents[1]
_MANIFEST = "META-INF/MANIFEST.MF"


def prepare() -> None:
    """Make what is not there yet. Raises ChildFailed, ProgramMissing, OSError."""
    quick = stores.quick_start()
    if quick.is_there() or not stores.has_own_java():
        return
    quick.jar.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=quick.jar.parent) as folder:
        jar, cache = Path(folder) / quick.jar.name, Path(folder) / quick.cache.name
        _write_jar(stores.dynamodb_directory() / "DynamoDBLocal.jar", jar)
        jar.replace(quick.jar)
        with stores.DynamoDBLocal(learning=cache) as dynamodb:
            _seed(dynamodb.url)
        cache.replace(quick.cache)


def _write_jar(amazons: Path, jar: Path) -> None:
    with zipfile.ZipFile(amazons) as source, zipfile.ZipFile(jar, "w") as target:
        for entry in source.infolist():
            if entry.filename != _MANIFEST and not entry.is_dir():
                target.writestr(entry.filename, source.read(entry))
        for ours in sorted(stores.JAVA.glob("*.class")):
            target.write(ours, ours.name)


def _seed(dynamodb_url: str) -> None:
    """Use the program as a new shop does: what that needs of it is what Java keeps."""
    environment = {
        "PATH": os.environ["PATH"],
        "STAGE": "local",
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb_url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "*",
    }
    for command in ("create-tables", "seed-demo"):
        done = subprocess.run(
            [sys.executable, "-m", "chalicelib.manage", command],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ChildFailed(f"manage {command} has failed: {done.stderr.strip()}")


if __name__ == "__main__":
    try:
        prepare()
    except (ChildFailed, stores.ProgramMissing, OSError) as error:
        print(f"DynamoDB Local will start a second later than it could: {error}", file=sys.stderr)
