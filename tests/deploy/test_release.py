"""`make release` refuses what would not be the release that its number says."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from adtoken_project.version import VERSION

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("deploy/bootstrap/release.sh", "adtoken_project/version.py", "pyproject.toml", "CHANGELOG.md")
GIT = shutil.which("git") or ""
pytestmark = pytest.mark.skipif(not GIT, reason="there is no git")


def git(*words: str, at: Path) -> None:
    who = ("-c", "user.name=Mira", "-c", "user.email=mira@example.com")
    subprocess.run([GIT, *who, *words], cwd=at, check=True, capture_output=True)


@pytest.fixture
def committed(tmp_path: Path) -> Path:
    """What the check reads, committed."""
    for name in NEEDED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".gitignore").write_text(".venv\n__pycache__\n")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    git("init", "--quiet", at=tmp_path)
    git("add", "--all", at=tmp_path)
    git("commit", "--quiet", "--message", "All", at=tmp_path)
    return tmp_path


def check(at: Path) -> str:
    """Return why it is refused; "" where it is not."""
    done = subprocess.run(
        ["deploy/bootstrap/release.sh", "--check"], cwd=at, capture_output=True, text=True, check=False
    )
    assert (done.returncode == 0) == (done.stderr == ""), done.stderr
    return done.stderr


def test_what_is_committed_and_numbered_is_released(committed: Path) -> None:
    assert check(committed) == ""

    (committed / "SECURITY.md").touch()
    assert "commit or put away" in check(committed)


def test_a_number_is_given_once(committed: Path) -> None:
    git("tag", f"v{VERSION}", at=committed)

    assert f"v{VERSION} is there" in check(committed)


@pytest.mark.parametrize("name", ["pyproject.toml", "CHANGELOG.md"])
def test_every_place_says_the_same_number(committed: Path, name: str) -> None:
    text = (committed / name).read_text(encoding="utf-8")
    (committed / name).write_text(text.replace(VERSION, "0.0.1"), encoding="utf-8")
    git("commit", "--quiet", "--all", "--message", "Older", at=committed)

    assert name in check(committed)
