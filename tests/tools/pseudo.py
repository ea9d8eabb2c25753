"""`python -m tests.tools.pseudo`: find what people read that did not come through gettext, by making it a language of its own.

Every message comes back as ⟦message⟧. All pages and mails of a snapshot (tests/tools/snapshot.py) are made, and what stands outside the
brackets and is no name, id, date or number of the world is told, with a page where it is seen. It also finds two translated halves that are
glued together in code, because the glue stands outside.
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
    "english",
    "deutsch",
}


def main() -> int:
    """Make the snapshot and tell what it holds outside the brackets. Returns the exit status."""
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, "-m", "tests.tools.snapshot", name]
        made = subprocess.run(command, cwd=ROOT, env={**os.environ, LANGUAGE: "1"}, check=False)
        if made.returncode:
            return made.returncode
        found = outside(Path(name))
    for text, pages in sorted(found.items(), key=lambda one: (-len(one[1]), one[0])):
        sys.stdout.write(f"{len(pages):4} {text[:160]}   [{min(pages)}]\n")
    sys.stdout.write(f"{len(found)} texts come by no catalogue.\n")
    return 0


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
        r"\S+@\S+|https?://\S+|/\S+/|adt_\w+|\b(?=[a-f]*\d)[0-9a-f]{8,}\b|\b[A-Z]{2}(?=[A-Z][a-z])", " ", bare
    )
    if re.fullmatch(r"[A-Z]{2}", bare.strip()):  # initials in a circle
        return ""
    words = [word for word in re.findall(r"[^\W\d_]{2,}", bare) if not _is_data(word, data)]
    return " ".join(bare.split()) if words else ""


def _is_data(word: str, data: set[str]) -> bool:
    """Return whether a word is data, also behind the letter of a channel's mark or of two that have no space: FLumen, OkaforFacebook."""
    found = word.casefold()
    if found in data or found[1:] in data or word == word[:1] * 2:
        return True
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", word)
    return all(len(part) < 2 or part.casefold() in data for part in parts)


if __name__ == "__main__":
    sys.exit(main())
