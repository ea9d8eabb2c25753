"""Phrases come from text templates: by block, in one line or several, overridden by the file that is nearer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.utils import translation
from django.utils.translation import trans_real

from ui import phrases
from ui.phrases import lines, phrase

ALL = """{# what is said of every channel #}{% load i18n %}
{% block changed_what %}{% blocktranslate %}{{ person }} changed the {{ channel }} password.{% endblocktranslate %}{% endblock %}
{% say accounts count counter=count %}
  {{ counter }} account
{% plural %}
  {{ counter }} accounts
{% endsay %}
{% say reconnect %}Press
  Re-authenticate.{% endsay %}
{% block steps %}

  {% translate "Log in." %}
{% block_of "reconnect" %}
{% endblock %}
"""
ONE = """{% extends "channels/words.txt" %}{% load i18n %}
{% block reconnect %}{% translate "Press Re-authenticate and log in at Facebook." %}
{% translate "Keep every ad account ticked." %}{% endblock %}
{% block steps %}{% translate "Open www.facebook.com." %}
{{ block.super }}{% endblock %}
{% block own %}{% if days %}{{ days }} days{% else %}for ever{% endif %}{% endblock %}
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Words for all channels in one folder, those of one channel in its package's."""
    monkeypatch.setattr(phrases, "_FOLDERS", {})
    for prefix, text in (("channels", ALL), ("channels/facebook", ONE)):
        folder = tmp_path / prefix
        folder.mkdir()
        (folder / "words.txt").write_text(text, encoding="utf-8")
        phrases.add_folder(prefix, folder)
    yield
    phrases.forget()


def test_a_phrase_is_the_text_of_its_block_on_one_line_and_nothing_is_escaped() -> None:
    said = phrase("channels/words.txt", "changed_what", person="O'Brien & Co", channel="Facebook")

    assert said == "O'Brien & Co changed the Facebook password."


def test_a_space_that_may_not_break_a_line_stays() -> None:
    said = phrase("channels/words.txt", "changed_what", person="Ada\u00a0Okafor", channel="X")

    assert said.startswith("Ada\u00a0Okafor changed")


def test_lines_are_the_lines_of_the_block_without_empty_ones() -> None:
    assert lines("channels/words.txt", "steps") == ("Log in.", "Press Re-authenticate.")


def test_a_block_in_stages_gives_each_by_its_name_and_all_of_them_as_lines(tmp_path: Path) -> None:
    (tmp_path / "channels" / "staged.txt").write_text(
        '{% block back %}Log in.{% stage "there" %}{% block reconnect %}Press Allow.\nTick all.{% endblock %}\n'
        '{% stage "later" %}\nAsk.{% endblock %}',
        encoding="utf-8",
    )

    staged = phrases.stages("channels/staged.txt", "back")

    assert staged == {"": ("Log in.",), "there": ("Press Allow.", "Tick all."), "later": ("Ask.",)}
    assert lines("channels/staged.txt", "back") == ("Log in.", "Press Allow.", "Tick all.", "Ask.")


def test_a_file_overrides_what_differs_and_inherits_the_rest() -> None:
    facebook = "channels/facebook/words.txt"

    assert (
        phrase(facebook, "changed_what", person="Ada", channel="Facebook")
        == "Ada changed the Facebook password."
    )
    assert lines(facebook, "steps") == (
        "Open www.facebook.com.",
        "Log in.",
        "Press Re-authenticate and log in at Facebook.",
        "Keep every ad account ticked.",
    )
    assert phrases.blocks(facebook) == phrases.blocks("channels/words.txt") | {"own"}


@pytest.mark.parametrize(("count", "said"), [(1, "1 account"), (2, "2 accounts"), (0, "0 accounts")])
def test_plurals_are_gettext_s(count: int, said: str) -> None:
    assert phrase("channels/words.txt", "accounts", count=count) == said


def test_the_same_phrase_is_made_once_and_other_facts_make_another() -> None:
    facebook = "channels/facebook/words.txt"

    said = [phrase(facebook, "own", days=days) for days in (3, 3, 0)]

    assert said == ["3 days", "3 days", "for ever"]
    assert phrases._remembered.cache_info().hits == 1


def test_a_process_remembers_no_name() -> None:
    people = [f"Person {number}" for number in range(50)]

    said = [phrase("channels/words.txt", "changed_what", person=name, channel="X") for name in people]

    assert said == [f"{name} changed the X password." for name in people]
    assert phrases._remembered.cache_info().currsize == 0


def test_a_phrase_of_another_language_is_not_remembered_for_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    english = lines("channels/words.txt", "reconnect")
    catalogue: Any = trans_real.translation("de")
    monkeypatch.setitem(catalogue._catalog._catalogs[0], "Press Re-authenticate.", "Drücken.")

    with translation.override("de"):
        german = lines("channels/words.txt", "reconnect")

    assert (english, german) == (("Press Re-authenticate.",), ("Drücken.",))
    assert lines("channels/words.txt", "reconnect") == english


def test_what_is_not_there_is_an_error_and_no_empty_text() -> None:
    with pytest.raises(KeyError, match=r"channels/words\.txt has no block 'nothing'"):
        phrase("channels/words.txt", "nothing")
    with pytest.raises(TemplateDoesNotExist):
        phrase("channels/nowhere/words.txt", "steps")
    with pytest.raises(TemplateDoesNotExist):
        phrase("words/nothing-like-that.txt", "steps")


def test_a_file_that_is_no_template_says_so(tmp_path: Path) -> None:
    (tmp_path / "channels" / "broken.txt").write_text("{% block one %}", encoding="utf-8")

    with pytest.raises(TemplateSyntaxError):
        phrase("channels/broken.txt", "one")


def test_what_no_prefix_names_lies_in_the_project_s_templates(settings: object) -> None:
    origin = next(iter(phrases.Folders(phrases.engine()).get_template_sources("words/actions.txt")))

    assert origin.name.endswith("templates/words/actions.txt")
