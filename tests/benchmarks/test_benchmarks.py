"""What the benchmark plans, how it measures, and how it shows that."""

import os
import subprocess
import sys

import pytest

from benchmarks.__main__ import arguments, plan
from benchmarks.measure import Section, interleave, tree_cpu
from benchmarks.parts import PARTS


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
