"""Where the tests find Node, and clients that `deploy/bootstrap/node.sh` installs; without it they are skipped."""

import filecmp
import shutil
import subprocess
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "conformance" / "node"
OLDEST = (20, 6)  # the first in which `--import` and the clients run


@cache
def missing(folder: Path = FOLDER) -> str:
    """Return why what is in a folder cannot be run here, in words for whoever runs the tests; "" where they can."""
    program = shutil.which("node")
    if program is None:
        return "no Node here: install one of version 20 or newer, and npm"
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if tuple(int(part) for part in said.removeprefix("v").split(".")[:2]) < OLDEST:
        return f"Node {said} is too old: version 20 or newer is needed"
    stamp = folder / "node_modules" / "installed.json"
    if not stamp.exists() or not filecmp.cmp(stamp, folder / "package-lock.json", shallow=False):
        return f"the packages of {folder} are not installed: run deploy/bootstrap/node.sh (it needs npm)"
    return ""
