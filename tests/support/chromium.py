"""Where the browser tests find Chromium. `python -m tests.support.chromium` prints it."""

import os
import shutil
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NONE_FOUND = "BROWSER TESTS WERE SKIPPED: no Chromium here. Install one (apt-get install chromium) and run `make test` again."
# What a browser inside a test machine needs: no sandbox as root, and no calls home.
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
)  # fmt: skip


def find() -> str | None:
    """Return the program: the one ADTOKEN_CHROMIUM names, one on the PATH, or Playwright's own download."""
    named = os.environ.get("ADTOKEN_CHROMIUM")
    if named:
        return named if Path(named).exists() else None
    return next((path for name in NAMES if (path := shutil.which(name))), None) or _downloaded()


def _downloaded() -> str | None:
    folder = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    found = [
        *folder.glob("chromium*/chrome-linux*/chrome"),
        *folder.glob("chromium*/chrome-linux*/*headless*shell"),
    ]
    return str(max(found)) if found else None


if __name__ == "__main__":
    sys.exit(0 if sys.stdout.write(f"{find() or ''}\n") > 1 else 1)
