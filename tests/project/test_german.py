"""German is complete: every message of the catalogue is translated, with the same facts in it, and what is compiled is what is written."""

import gettext
import re
from collections.abc import Iterator

import polib
import pytest
from django.utils import translation

from tests.tools import words
from tokens.channels.facebook import policy
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
    held = {
        words.Message(one.msgctxt or "", one.msgid, one.msgid_plural) for one in german if not one.obsolete
    }

    assert untranslated == []
    assert words.messages() - held == set()


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
    kept = policy.restriction(2, 3)
    with translation.override("de"):
        again, said = policy.restriction(2, 3), text.restriction_said(f"{kept}, “Your card”")

    assert kept == again == "disabled for an unpaid bill or a risky payment"
    assert said == "gesperrt wegen einer offenen Rechnung oder einer riskanten Zahlung, “Your card”"
