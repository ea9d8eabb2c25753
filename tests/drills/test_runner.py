"""`make drills` itself: what does not come to its end counts as failed, and leaves nothing running."""

import tempfile
from pathlib import Path

import pytest

from drills import __main__ as runner
from drills.registry import DRILLS, Drill
from tests.launcher.traces import processes_in

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _logs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runner, "LOGS", tmp_path)
    for name in ("DATABASE_URL", "REDIS_URL"):  # those of the tests: a drill starts its own
        monkeypatch.delenv(name, raising=False)


def test_a_drill_that_overruns_is_ended_with_its_servers_and_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tmp_path.chmod(0o711)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    outcome = runner.run(Drill("refresh_kills", seconds=3), seconds=60)

    assert outcome.failure == "OVERRAN"
    assert not outcome.good
    assert processes_in(tmp_path) == {}
    assert not list(tmp_path.glob("adtoken-drills-*"))


def test_a_drill_that_counts_nothing_fails_and_one_without_time_is_named() -> None:
    [silent, late] = [runner.run_all([Drill("registry", 60)], seconds=seconds)[0] for seconds in (60, 0)]

    assert (silent.failure, silent.good) == ("ENDED WITH 0", False)
    assert (late.failure, late.good) == ("NO TIME LEFT", False)
    assert "NO TIME LEFT" in runner.table([silent, late]).splitlines()[-1]


def test_each_drill_of_the_registry_is_a_module_with_a_main() -> None:
    folder = Path(runner.__file__).parent

    assert all("def main(" in (folder / f"{drill.name}.py").read_text() for drill in DRILLS)
