"""`make size`: how much there is in the files that git knows. Bytes, because lines can be made long."""

import ast
import io
import subprocess
import sys
import tokenize
from collections.abc import Iterable
from pathlib import Path

from tests.tools.words import APPS, ROOT

TESTS = ("tests", "drills")


def files() -> list[Path]:
    """Return the files of the tree that git knows, as paths below the root."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def said(source: str) -> int:
    """Return how many characters of a module are docstrings and comments."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    documented = [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = sum(len(token.string) for token in tokens if token.type == tokenize.COMMENT)
    return comments + sum(len(ast.get_docstring(node, clean=False) or "") for node in documented)


def row(name: str, found: Iterable[Path]) -> str:
    """Return a line of the table: bytes, lines and files."""
    texts = [(ROOT / path).read_bytes() for path in found]
    lines = sum(text.count(b"\n") for text in texts)
    return f"{name:<20} {sum(map(len, texts)):>12,} bytes {lines:>9,} lines {len(texts):>6,} files"


def table() -> list[str]:
    """Return the lines of the table."""
    there = files()
    python = [path for path in there if path.suffix == ".py" and "migrations" not in path.parts]
    product = [path for path in python if path.parts[0] in (*APPS, "devtools")]
    others = ("sandbox", *TESTS)
    templates = [path for path in there if "templates" in path.parts and path.parts[0] not in others]
    pages = [path for path in there if path.suffix == ".md"]
    clients = [path for path in there if path.parts[0] == "clients" and path.name != "package-lock.json"]
    sources = [(ROOT / path).read_text(encoding="utf-8") for path in product]
    share = sum(map(said, sources)) / sum(map(len, sources))
    longest = max(len(line) for path in templates for line in _lines(path))
    words = sum(len(line.split()) for path in pages for line in _lines(path))
    return [
        row("product's Python", product),
        f"{'':<20} {share:>12.1%} of it docstrings and comments",
        row("templates", templates),
        f"{'':<20} {longest:>12,} characters in the longest line",
        row("clients", clients),
        row("tests and drills", [path for path in python if path.parts[0] in TESTS]),
        row("documents", pages),
        f"{'':<20} {words:>12,} words",
    ]


def _lines(path: Path) -> list[str]:
    return (ROOT / path).read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    sys.stdout.write("\n".join([*table(), ""]))
