"""The benchmark runs at a tiny size on servers of its own, and counts what a lease costs in SQL."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import arguments, plan
from benchmarks.measure import Section, interleave, tree_cpu
from benchmarks.parts import PARTS
from tests.support.servers import FOREIGN

OF_ITS_OWN = "pages"  # see test_pages
PROJECT = Path(__file__).parents[2]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run it as a person does: without what the test session has set."""
    ours = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "FERNET_KEYS", "DJANGO_SETTINGS_MODULE", *FOREIGN}
    env = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *words],
        cwd=PROJECT,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """What one small run of nearly everything printed, and its JSON."""
    file = tmp_path_factory.mktemp("bench") / "bench.json"
    parts = [part.name for part in PARTS if part.name != OF_ITS_OWN]
    done = run(*parts, "--accounts", "60", "--seconds", "0.1", "--rounds", "1", "--json", str(file))
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(file.read_text(encoding="utf-8"))


def find(whole: dict[str, Any], title: str) -> dict[str, Any]:
    section: dict[str, Any] = next(part for part in whole["sections"] if part["title"].startswith(title))
    return section


@pytest.mark.slow
def test_a_lease_whose_key_is_known_makes_one_read_and_one_row_of_the_record(
    whole: tuple[str, dict[str, Any]],
) -> None:
    request = find(whole[1], "Lease inside one process")["results"]["whole request"]

    assert request["SQL statements, key facts known"]["median"] == 2


@pytest.mark.slow
def test_leases_reports_and_signatures_stand_beside_a_bare_service(whole: tuple[str, dict[str, Any]]) -> None:
    results = find(whole[1], "Lease, 60 accounts")["results"]

    assert {
        "bare ASGI: key, read, decryption",
        "bare ASGI with the row of the record",
        "lease",
        "report of a good answer",
        "signature",
    } <= set(results)
    assert all(found["requests/s"]["median"] > 0 for found in results.values())


@pytest.mark.slow
def test_the_evaluation_and_its_floor_write_the_same_rows(whole: tuple[str, dict[str, Any]]) -> None:
    results = find(whole[1], "Evaluation")["results"]

    first = results["first day (nobody was told anything yet)"]
    floor = results["  floor: read the tables once, insert the same (first)"]
    again = results["the same day again (nothing new)"]
    assert first["notices written"]["median"] > 0
    assert floor["notices written"] == first["notices written"]
    assert floor["mails written"] == first["mails written"]
    assert again["notices written"]["median"] == 0


@pytest.mark.slow
def test_a_death_in_every_pool_shifts_every_account(whole: tuple[str, dict[str, Any]]) -> None:
    results = find(whole[1], "Settle")["results"]

    assert results["one token dies, 60 accounts shift, with events"]["rows written"]["rounds"] == [60]


@pytest.mark.slow
def test_a_warning_mail_stands_beside_what_it_cannot_do_without(whole: tuple[str, dict[str, Any]]) -> None:
    results = find(whole[1], "Warning mail")["results"]

    cpu = {name: found["CPU, milliseconds"]["median"] for name, found in results.items()}
    assert len(cpu) == 5
    assert 0 < cpu["  floor: the frame, without a card"] < cpu["a mail of one account"] < 1_000


@pytest.mark.slow
def test_a_sweep_checks_and_renews_log_ins_at_a_channel_that_answers(
    whole: tuple[str, dict[str, Any]],
) -> None:
    results = find(whole[1], "Sweeps")["results"]

    for contender, call in (
        ("probe, nothing changed", "ad account"),
        ("probe, the first after an import", "ad account"),
        ("refresh", "access_token"),
    ):
        assert results[contender]["tokens a minute"]["median"] > 0
        assert results[contender][f"calls a token, {call}"]["median"] >= 1
        assert results[contender]["SQL statements a token"]["median"] > 0


@pytest.mark.slow
def test_all_log_ins_of_an_import_have_their_dates_in_the_end(whole: tuple[str, dict[str, Any]]) -> None:
    found = find(whole[1], "First checks of")["results"]["one worker process"]

    assert found["log-ins with their dates"]["rounds"] == [40]
    assert found["minutes"]["median"] > 0


@pytest.mark.slow
def test_the_table_shows_each_part_beside_its_limit(whole: tuple[str, dict[str, Any]]) -> None:
    for words in (
        "Lease, 60 accounts",
        "bare ASGI: key, read, decryption",
        "loop: one indexed read",
        "x the rate of bare ASGI",
        "floor: plain UPDATE",
        "load average",
        "cores",
    ):
        assert words in whole[0]


def test_a_part_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SystemExit):
        arguments(["leases"])


def planned(*words: str) -> dict[int, list[str]]:
    return {size: [part.name for part in parts] for size, parts in plan(arguments(list(words))).items()}


def test_without_a_number_each_part_has_its_own_sizes() -> None:
    found = planned()

    assert {size: set(names) for size, names in found.items()} == {
        size: {part.name for part in PARTS if size in part.sizes} for size in found
    }
    assert {"settle", "evaluation"} <= set(found[10_000]) & set(found[100_000]) & set(found[1_000_000])


def test_several_numbers_of_accounts_are_measured_smallest_first() -> None:
    found = planned("evaluation", "--accounts", "1000000,10000")

    assert list(found.items()) == [(10_000, ["evaluation"]), (1_000_000, ["evaluation"])]


def test_every_part_has_a_module_that_measures() -> None:
    assert all(callable(part.load()) for part in PARTS)


def test_rounds_alternate_between_the_contenders() -> None:
    order: list[str] = []

    def contender(name: str) -> dict[str, float]:
        order.append(name)
        return {"seconds": len(order)}

    results = interleave({"a": lambda: contender("a"), "b": lambda: contender("b")}, rounds=2)

    assert order == ["a", "b", "a", "b"]
    assert results == {"a": {"seconds": [1, 3]}, "b": {"seconds": [2, 4]}}


def test_a_section_shows_the_median_and_the_range() -> None:
    section = Section("Title", {"a": {"seconds": [1.0, 2.5, 2.0]}})

    assert "2   [1 – 2.50]" in section.as_text()


def test_the_cpu_time_of_ended_children_counts() -> None:
    before = tree_cpu(os.getpid())

    burns = "import time\nwhile time.process_time() < 0.1: pass"
    subprocess.run([sys.executable, "-c", burns], check=True)

    assert tree_cpu(os.getpid()) - before >= 0.05


@pytest.mark.slow
def test_mails_leave_faster_by_more_connections_and_stand_beside_their_limit(
    whole: tuple[str, dict[str, Any]],
) -> None:
    results = find(whole[1], "Mails, 60 accounts")["results"]

    assert results["5 ms an answer, 8 connections"]["mails/s"]["median"] > 0
    assert results["200 ms an answer, 8 connections, pipelining"][
        "limit: connections / (answers waited for x delay)"
    ]["rounds"] == [20]
    assert results["a mail about 60 accounts"]["HTML, KiB"]["median"] > 1


@pytest.mark.slow
def test_a_process_more_shares_its_memory_and_jobs_wait_while_leases_are_timed(
    whole: tuple[str, dict[str, Any]],
) -> None:
    (start,) = find(whole[1], "Start and memory")["results"].values()
    quiet, silent = find(whole[1], "Leases beside a silent channel")["results"].values()

    assert (
        start["CPU seconds of a further process until it is ready"]["median"]
        < start["CPU seconds until it is ready"]["median"] / 2
    )
    assert (
        start["memory of its own, MiB a process (mean)"]["median"]
        < start["share of the memory, MiB, main process"]["median"] * 2
    )
    assert silent["reports under way at the end"]["median"] > 0
    assert silent["p99, ms"]["median"] < 5_000, "what a report waits for"
    assert quiet["requests/s"]["median"] > 0
