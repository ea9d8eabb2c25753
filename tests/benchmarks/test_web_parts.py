"""The parts that start web servers of their own: what a process takes, and leases beside a silent channel."""

import json
from pathlib import Path

import pytest

from tests.benchmarks.test_benchmarks import find, run

pytestmark = pytest.mark.slow


def test_a_process_more_shares_its_memory_and_jobs_wait_while_leases_are_timed(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"

    done = run(
        "start", "silent", "--accounts", "60", "--seconds", "0.2", "--rounds", "1", "--json", str(file)
    )

    assert done.returncode == 0, done.stderr
    whole = json.loads(file.read_text(encoding="utf-8"))
    (start,) = find(whole, "Start and memory")["results"].values()
    assert (
        start["CPU seconds of a further process until it is ready"]["median"]
        < start["CPU seconds until it is ready"]["median"] / 2
    )
    assert (
        start["memory of its own, MiB a process (mean)"]["median"]
        < start["share of the memory, MiB, main process"]["median"] * 2
    )
    quiet, silent = find(whole, "Leases beside a silent channel")["results"].values()
    assert silent["reports under way at the end"]["median"] > 0
    assert silent["p99, ms"]["median"] < 5_000, "what a report waits for"
    assert quiet["requests/s"]["median"] > 0
