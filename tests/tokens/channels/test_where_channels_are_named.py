"""Adding a channel touches its package, its stand-in, its docs, and one line: nothing else of the product names a channel."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tokens.channels import declarations

ROOT = Path(__file__).parents[3]
APPS = (
    "adtoken_project",
    "portal",
    "selfservice",
    "broker",
    "macros",
    "accounts",
    "tokens",
    "notifications",
    "users",
    "ui",
    "infra",
)
LEFT_OUT = {"migrations", "node_modules", "__pycache__"}
PACKAGES = {package: ROOT / package.replace(".", "/") for package in declarations.PACKAGES}
KEYS = declarations.channel_keys()
# The names as words of their own; of short ones (X) only the key as a whole string is looked for.
NAMES = re.compile(rf"(?i)(?<![a-z])({'|'.join(key for key in KEYS if len(key) > 3)})")
THE_LINE = "tokens/channels/declarations.py"
# What a package knows of the product: the seam, and helpers that hold no model.
SEAM = ("tokens.channels", "infra.scrub", "infra.database_clock")


def product() -> Iterator[Path]:
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            if not LEFT_OUT & set(path.parts) and not any(
                path.is_relative_to(own) for own in PACKAGES.values()
            ):
                yield path
    yield from (ROOT / "templates").rglob("*.html")
    yield from (ROOT / "ui").rglob("*.css")


def names_a_channel(path: Path) -> bool:
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return NAMES.search(text) is not None
    if not NAMES.search(text) and not any(f'"{key}"' in text for key in KEYS):
        return False  # spared the longer look
    tree = ast.parse(text)
    said = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    spoken = {
        ast.get_docstring(node, clean=False)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
    }
    said += [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    said += [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return any(one in KEYS or NAMES.search(one) for one in said if one not in spoken)


def test_nothing_but_the_one_line_names_a_channel() -> None:
    found = {str(path.relative_to(ROOT)) for path in product() if names_a_channel(path)}

    assert found == {THE_LINE}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_knows_the_seam_and_neither_a_model_nor_another_channel(package: str) -> None:
    others = tuple(f"{other}." for other in PACKAGES if other != package)
    ours = tuple(f"{app}." for app in APPS)

    for path in PACKAGES[package].glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not f"{node.module}.".startswith(ours):
                continue
            for name in node.names:
                whole = f"{node.module}.{name.name}"
                assert whole.startswith(SEAM), f"{path.name} imports {whole}"
                assert not f"{whole}.".startswith(others), f"{path.name} imports {whole}"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_declaration_is_pure_data(package: str) -> None:
    tree = ast.parse((PACKAGES[package] / "declaration.py").read_text(encoding="utf-8"))
    empty = ast.parse((PACKAGES[package] / "__init__.py").read_text(encoding="utf-8"))

    asked = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert asked <= {"datetime", "tokens.channels.kinds"}  # settings read it, before Django is set up
    assert not any(isinstance(node, ast.Import | ast.FunctionDef | ast.ClassDef) for node in ast.walk(tree))
    assert len(empty.body) == 1, "importing the declaration runs this file"
