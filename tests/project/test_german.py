"""German is complete: every message of the catalogue is translated, with the same facts in it, and what is compiled is what is written."""

import gettext
import re
from collections.abc import Iterator
from typing import Any

import polib
import pytest
from django.contrib.admin import site
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Field, Model
from django.utils import translation
from django.utils.functional import Promise

from adtoken_project.ops import lateness
from adtoken_project.workers import lanes
from portal.lists import OwnList
from tests.tools import words
from tokens.channels.facebook import reading
from tokens.vault import queries as key_usage
from ui import text

FOLDER = words.ROOT / "locale/de/LC_MESSAGES"
FACTS = re.compile(r"%\(\w+\)[sd]|%%|</?[a-z]+[^>]*>")


@pytest.fixture(scope="module")
def german() -> polib.POFile:
    return polib.pofile(str(FOLDER / "django.po"))


def pairs(entry: polib.POEntry) -> Iterator[tuple[str, str]]:
    """Give each form of a message beside its translation."""
    if entry.msgid_plural:
        yield entry.msgid, entry.msgstr_plural.get(0, "")
        yield entry.msgid_plural, entry.msgstr_plural.get(1, "")
    else:
        yield entry.msgid, entry.msgstr


def test_nothing_is_untranslated(german: polib.POFile) -> None:
    untranslated = [one.msgid for one in german if not one.translated() or one.fuzzy]

    assert untranslated == []  # that it holds every message shows tests/project/test_words.py


def test_what_a_list_counts_is_a_dative_behind_so_many_of_so_many() -> None:
    with translation.override("de"):
        lists = [page for page in site._registry.values() if isinstance(page, OwnList)]
        counted = [str(page.nouns % {"number": 2, "shown": "2"}) for page in lists]

    assert "2 Aussetzungen" in counted
    assert [words for words in counted if not re.fullmatch(r"2( \w+n)* [\w-]+[ns]", words)] == []


def test_a_translation_names_the_facts_that_the_message_names(german: polib.POFile) -> None:
    wrong = [
        (english, said)
        for entry in german
        for english, said in pairs(entry)
        if sorted(FACTS.findall(english)) != sorted(FACTS.findall(said))
        and not (entry.msgid_plural and _may_leave_the_number(entry, said))
    ]

    assert wrong == []


def _may_leave_the_number(entry: polib.POEntry, said: str) -> bool:
    """Whether it is a singular, which may say its number in a word: whatever it names, the plural names, too."""
    return said == entry.msgstr_plural.get(0) and set(FACTS.findall(said)) <= set(
        FACTS.findall(entry.msgid_plural)
    )


def test_german_has_its_own_quotation_marks(german: polib.POFile) -> None:
    odd = [
        said
        for entry in german
        for _, said in pairs(entry)
        if "”" in said or said.count("„") != said.count("“")
    ]

    assert [said for said in odd if said not in {"“, „"}] == []


def test_what_is_compiled_is_what_is_written(german: polib.POFile) -> None:
    with (FOLDER / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    stale = []
    for entry in german:
        context = entry.msgctxt
        if entry.msgid_plural:
            forms = (
                [compiled.npgettext(context, entry.msgid, entry.msgid_plural, n) for n in (1, 2)]
                if context
                else [compiled.ngettext(entry.msgid, entry.msgid_plural, n) for n in (1, 2)]
            )
        else:
            forms = [compiled.pgettext(context, entry.msgid) if context else compiled.gettext(entry.msgid)]
        if forms != [said for _, said in pairs(entry)]:
            stale.append(entry.msgid)

    assert stale == [], "run `make words`"


def test_a_restriction_is_kept_in_english_and_said_in_the_reader_s_language() -> None:
    kept = reading.restriction(2, 3)
    with translation.override("de"):
        again, said = reading.restriction(2, 3), text.restriction_said(f"{kept}, “Your card”")

    assert kept == again == "disabled for an unpaid bill or a risky payment"
    assert said == "gesperrt wegen einer offenen Rechnung oder einer riskanten Zahlung, “Your card”"


def test_columns_and_filters_of_the_portal_have_names_that_are_translated() -> None:
    """A field without a verbose name shows its English name, which no catalogue holds."""
    nameless = set()
    for model, portal in site._registry.items():
        titles = getattr(portal, "titles", {})  # of chips, where the field's own name is not fit for people
        chips = [one for one in portal.list_filter or () if one not in titles]
        shown = [one for one in [*portal.list_display, *chips] if isinstance(one, str)]
        for name in (one for one in shown if not hasattr(portal, one)):
            field = _field(model, name)
            if field is not None and not isinstance(field.verbose_name, Promise):
                nameless.add(f"{model.__name__}.{name}")

    assert nameless == set()


def _field(model: type[Model], name: str) -> Field[Any, Any] | None:
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    return field if isinstance(field, Field) else None


def test_what_code_says_of_keys_lanes_and_macros_is_in_the_reader_s_language() -> None:
    with translation.override("de"):
        use = key_usage.KeyInUse("k", {"log-ins": 1200, "second factors": 1}, in_ring=True, newest=True)
        said = [use.said, key_usage.say("missing", key="k", where=use.said)]
        said += [lateness.say(f"lane_{name}") for name in lanes.LANES]

    assert said[0] == "1.200 Zugänge, 1 zweiter Faktor"
    assert said[1].endswith("wird gebraucht für Zeilen von: 1.200 Zugänge, 1 zweiter Faktor.")
    assert [lateness.say(f"lane_{lane.name}") for lane in lanes.LANES.values()] == [
        lane.does for lane in lanes.LANES.values()
    ]
    assert all(one not in {lane.does for lane in lanes.LANES.values()} for one in said)


def test_no_month_or_weekday_is_written_by_strftime() -> None:
    """It writes English ones in every language; `ui.dates` has what pages and mails say."""
    # a row’s name for developers
    unread = {"accounts/fresh_event_models.py", "macros/news_models.py"}
    quoted = {"tokens/channels/tiktok/reading.py"}  # within a channel's own words
    english = re.compile(r"[:\" ]%-?d? ?%?[aAbB]\b|%[aAbB] ")
    found = {
        path.relative_to(words.ROOT).as_posix()
        for path in words.python_files()
        if english.search(path.read_text(encoding="utf-8"))
    }

    assert found - unread - quoted == set()
