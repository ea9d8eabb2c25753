"""`python -m tests.tools.pseudo`: find what people read that did not come through gettext, by making it a language of its own.

Every message comes back as ⟦message⟧. All pages and mails of a snapshot (tests/tools/snapshot.py) are made, and what stands outside the
brackets and is no name, id, date or number of the world is told, with a page where it is seen. It also finds two translated halves that are
glued together in code, because the glue stands outside. tests/project/pseudo-debt.txt counts the texts; the number may fall.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from tests.tools.words import ROOT

LANGUAGE = "SNAPSHOT_PSEUDO"  # in the environment of the test run: speak the language of brackets
DATA = "data-words"  # the file with the words of the world's own data
DEBT = ROOT / "tests/project/pseudo-debt.txt"
TEXTS = "texts"
# No words of a language: names, units, codes, and what the browser's part of the theme has.
KNOWN = {
    "adtoken",
    "utc",
    "cet",
    "cest",
    "gmt",
    "http",
    "https",
    "json",
    "csv",
    "esc",
    "html",
    "port",
    "uuid",
    "hex",
    "key",
    "signed",
    "token",
    "lnk",
}


def main() -> int:
    """Make the snapshot and tell what it holds outside the brackets; with --write, write the debt. Returns the exit status."""
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, "-m", "tests.tools.snapshot", name]
        made = subprocess.run(command, cwd=ROOT, env={**os.environ, LANGUAGE: "1"}, check=False)
        if made.returncode:
            return made.returncode
        found = outside(Path(name))
    before = int(DEBT.read_text(encoding="utf-8").split()[-1])
    for text, pages in sorted(found.items(), key=lambda one: (-len(one[1]), one[0])):
        sys.stdout.write(f"{len(pages):4} {text[:160]}   [{min(pages)}]\n")
    sys.stdout.write(f"{len(found)} texts come by no catalogue, {before} before.\n")
    if "--write" in sys.argv:
        head = "# Texts that come by no catalogue. Written by: .venv/bin/python -m tests.tools.pseudo --write"
        DEBT.write_text(f"{head}\n{TEXTS} {len(found)}\n", encoding="utf-8")
        return 0
    return 1 if len(found) > before else 0


def outside(folder: Path) -> dict[str, set[str]]:
    """Return each text that stands outside the brackets -> its pages. Pages of one pattern count as one."""
    data = set((folder / f"{DATA}.txt").read_text(encoding="utf-8").split()) | KNOWN
    found: dict[str, set[str]] = defaultdict(set)
    for file in sorted(folder.rglob("*.txt")):
        text = file.read_text(encoding="utf-8")
        page = re.sub(r"(@|~|\?).*$", "", file.relative_to(folder).with_suffix("").as_posix()).rstrip("/")
        if re.match(r"\d+ text/html\n", text) or "/mails/" in page:
            for line in without_brackets(text).splitlines()[1:]:
                if left := rest(line, data):
                    found[left].add(page)
    return found


def without_brackets(text: str) -> str:
    """Return a text without what came through gettext, also where that was broken into lines."""
    while text != (text := re.sub(r"⟦[^⟦⟧]*⟧", " ", text)):
        pass
    return text


def rest(line: str, data: set[str]) -> str:
    """Return what of a line is in no bracket and no word of the data; "" where that is nothing to read."""
    bare = re.sub(r"\[[\w-]+: ([^\]]*)\]", r" \1 ", without_brackets(line))
    bare = re.sub(
        r"\S+@\S+|https?://\S+|/\S+/|\b[A-Z]{2}(?=[A-Z][a-z])", " ", bare
    )  # the last: initials in a circle
    words = [word for word in re.findall(r"[^\W\d_]{2,}", bare) if word.casefold() not in data]
    return " ".join(bare.split()) if words else ""


if __name__ == "__main__":
    sys.exit(main())
