"""Names in sentences: a person's first name, and what is said in place of a name that the reader may not know."""

from types import SimpleNamespace

import pytest

from tests.tools.marked import in_brackets
from ui.name_visibility import NameVisibility
from ui.templatetags import ui as tags
from ui.text import first_name

BENS = SimpleNamespace(consented_by_id=7, team_id=None, person_name="Ben Lindqvist")
ACCOUNT = SimpleNamespace(team_id=1)


@pytest.mark.parametrize(
    ("name", "called"), [("Ben Lindqvist", "Ben"), ("ben@example.com", "ben"), ("Ben", "Ben"), ("", "")]
)
def test_a_sentence_calls_a_person_by_the_first_name(name: str, called: str) -> None:
    assert first_name(name) == called


def test_what_stands_for_a_hidden_name_is_never_cut_in_any_language() -> None:
    stranger = NameVisibility(sees_all=False, viewer_id=1)

    english = stranger.first(BENS, ACCOUNT)
    with in_brackets():
        other = [
            stranger.first(BENS, ACCOUNT),
            first_name(stranger.within(BENS, ACCOUNT)),
            tags.first_name(stranger.within(BENS, ACCOUNT)),
        ]

    assert english == "Someone in another team"
    assert other == ["⟦Someone in another team⟧", *["⟦someone in another team⟧"] * 2]


def test_a_known_name_that_reads_like_the_stand_in_is_a_name() -> None:
    colleague = NameVisibility(sees_all=False, viewer_id=1, colleagues=frozenset({7}))
    hers = SimpleNamespace(consented_by_id=7, team_id=None, person_name="Someone in another team")

    assert colleague.first(hers, ACCOUNT) == "Someone"
