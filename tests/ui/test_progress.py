from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.test import RequestFactory

from accounts.checks.queries import CheckResult
from ui import progress
from ui.progress import Progress, ResultLine

ROOT = Path(__file__).parents[2]
ICONS = (ROOT / "ui" / "static" / "adtoken" / "icons.svg").read_text()
NOW = datetime(2026, 11, 25, 9, 42, tzinfo=UTC)


def test_every_result_of_a_check_has_a_colour_and_a_drawn_icon() -> None:
    assert set(progress.LOOKS) == set(CheckResult)
    assert {icon for _, icon in progress.LOOKS.values() if f'symbol id="{icon}"' not in ICONS} == set()


@pytest.mark.parametrize("result", CheckResult)
def test_every_result_of_a_check_has_a_sentence_of_its_own(result: CheckResult) -> None:
    facts = {"line": ResultLine("Ada", result), "label": "Facebook"}

    text = " ".join(render_to_string("ui/_progress_line.html", facts).split())

    assert text.startswith("Ada: ")
    assert (text == "Ada: checked, fine.") == (result == CheckResult.FINE)


def test_the_address_says_what_was_asked_for_and_when(rf: RequestFactory) -> None:
    address = progress.address("/account/", [3, 5], NOW)

    asked = progress.asked(rf.get(address))

    assert asked == progress.Asked(NOW, frozenset({"3", "5"}))


@pytest.mark.parametrize(
    "given", ["", "?checking=", "?checking=soon", "?checking=²", "?checking=999999999999"]
)
def test_an_address_that_asks_for_nothing_shows_no_progress(rf: RequestFactory, given: str) -> None:
    assert progress.asked(rf.get(f"/account/{given}")) is None


def test_the_worst_result_comes_first_and_gives_the_colour() -> None:
    lines = [
        ResultLine("Ben", "fine"),
        ResultLine("Chiara", "access_lost"),
        ResultLine("Ada", "access_lost"),
        ResultLine("Emil", "dead"),
    ]

    shown = Progress(NOW, "", late=False, lines=lines)

    assert [line.name for line in shown.worst_first] == ["Emil", "Ada", "Chiara", "Ben"]
    assert shown.first is not None
    assert shown.first.tone == "bad"


@pytest.mark.parametrize(
    ("shown", "again"),
    [
        (None, False),
        (Progress(NOW, "Ada", late=False, lines=[]), True),
        (Progress(NOW, "Ada", late=True, lines=[]), False),
        (Progress(NOW, "", late=False, lines=[ResultLine("Ada", "fine")]), False),
    ],
)
def test_the_page_looks_again_while_something_is_waited_for(shown: Progress | None, again: bool) -> None:
    answer = progress.look_again(HttpResponse(), shown)

    assert answer.has_header("Refresh") is again
