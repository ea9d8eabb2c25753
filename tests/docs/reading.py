"""Reading the texts of the repository, and what the code says that they must agree with."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = {".venv", "var", "staticfiles", ".git", ".pytest_cache", "node_modules"}
READERS = {
    "text",
    "flag",
    "whole",
    "choice",
    "names",
    "networks",
    "origins",
    "zone",
    "database",
    "redis",
    "mail",
    "mailbox",
    "options",
}  # of adtoken_project.env

_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"`([a-z_]+/[\w./-]*(?:\.(?:py|html|css|js|toml|txt|sh)|/))`")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def texts() -> list[Path]:
    """Return every Markdown file of the repository."""
    found = ROOT.rglob("*.md")
    return sorted(path for path in found if not LEFT_OUT & set(path.relative_to(ROOT).parts))


def prose(path: Path) -> str:
    """Return a text without its blocks of code."""
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def missing_files(path: Path) -> list[str]:
    """Return what a text names in backquotes as a file or folder of the repository, and what is not there.

    A name is looked for from the top, among the templates and beside the text; a folder that is not of the repository
    (`var/`) is none.
    """
    tops = {top.name for top in ROOT.iterdir() if top.is_dir()} - LEFT_OUT
    named = [name for name in _FILE.findall(prose(path)) if name.partition("/")[0] in tops]
    places = (ROOT, ROOT / "templates", path.parent)
    return [name for name in named if not any(_holds_something(place / name) for place in places)]


def _holds_something(path: Path) -> bool:
    """Return whether a file is there, or a folder with more in it than what Python compiled before it was moved away."""
    return path.is_file() or (path.is_dir() and any(one.name != "__pycache__" for one in path.iterdir()))


def broken_links(path: Path) -> list[str]:
    """Return the links of a text that lead to no file, or to no heading."""
    broken = []
    for link in _LINK.findall(prose(path)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    return broken


def anchors(path: Path) -> set[str]:
    """Return the anchors of a text's headings, as GitHub makes them."""
    heads = (head.replace("`", "").strip().lower() for head in _HEADING.findall(prose(path)))
    return {re.sub(r"[^\w\- ]", "", head).replace(" ", "-") for head in heads}


def variables() -> dict[str, str | None]:
    """Return the variables that settings, launcher and gunicorn's file read by name, with plain defaults. Channels declare theirs."""
    found: dict[str, str | None] = {}
    for name in ("adtoken_project/settings.py", "devtools/launcher.py", "deploy/gunicorn.conf.py"):
        tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                found |= _variable(node)
    return found


def _variable(call: ast.Call) -> dict[str, str | None]:
    match call:
        case ast.Call(
            func=ast.Attribute(value=ast.Name("env"), attr=attr), args=[ast.Constant(str(name)), *rest]
        ):
            if attr not in READERS:
                return {}
            default = next(
                (word.value for word in call.keywords if word.arg == "default"), rest[0] if rest else None
            )
            return {name: _plain(default)}
        case ast.Call(func=ast.Name("_port"), args=[_, ast.Constant(str(name)), default]):
            return {name: _plain(default)}
        case ast.Call(
            func=ast.Attribute(value=ast.Name("environ"), attr="get"), args=[ast.Constant(str(name)), *_]
        ):
            return {name: None}
    return {}


def _plain(default: ast.expr | None) -> str | None:
    if not isinstance(default, ast.Constant):
        return None
    return str(int(default.value)) if isinstance(default.value, bool) else str(default.value)


def example() -> dict[str, str]:
    """Return the variables of .env.example with the values given there, without their quotes."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    return dict(re.findall(r"^#?([A-Z][A-Z_]+)='?(.*?)'?$", text, re.MULTILINE))


def described_in_settings() -> set[str]:
    """Return the variables that docs/settings.md names: first cells of its tables, and the line on `make run`."""
    page = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| (`[^|]+) \|", page, re.MULTILINE)
    launcher = re.findall(r"^Of `make run` only:.*$", page, re.MULTILINE)
    return set(re.findall(r"`([A-Z][A-Z_]+)`", " ".join([*cells, *launcher])))


def make_targets(*, shown: bool = False) -> set[str]:
    """Return the Makefile's targets; with `shown`, only those that `make help` lists."""
    pattern = r"^([a-z-]+):.*## " if shown else r"^([a-z-]+):"
    return set(re.findall(pattern, (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def named_targets(path: Path) -> set[str]:
    """Return the targets that a text names as `make <target>`, with variables before or after `make`."""
    return set(re.findall(r"\bmake (?:PYTHON=\S+ )?([a-z][a-z-]*)`", path.read_text(encoding="utf-8")))
