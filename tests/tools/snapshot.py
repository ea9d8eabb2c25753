"""`python -m tests.tools.snapshot FOLDER`: write down what people read on every page and in every mail, under a frozen clock.

Two snapshots of the same code are equal; of two versions, `diff -ru` tells which sentence went, came or changed, which page answers with
another status, and in the files queries-*.txt which page asks the database more often. Two minutes; no part of the test suite. What it
visits is in tests/tools/visits.py.
"""

import os
import subprocess
import sys
from pathlib import Path

FOLDER = "SNAPSHOT_FOLDER"  # in the environment of the test run that makes it


def main() -> int:
    """Make a snapshot; return the exit status."""
    if len(sys.argv) != 2:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    visits = Path(__file__).with_name("visits.py")
    options = (
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "--durations=0",
        "--durations-min=1",
        "-o",
        "faulthandler_timeout=0",
    )
    still = str(visits.with_name("still"))
    folder = str(Path(sys.argv[1]).resolve())
    env = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": still, FOLDER: folder}
    command = [sys.executable, "-m", "pytest", *options, str(visits)]
    return subprocess.run(command, env=env, cwd=visits.parents[2], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
