"""German with marks: what gettext says to a German reader stands between ⟦ and ⟧, so that whatever came another way is seen.

Three kinds of text stay outside: what came by no catalogue; what was said in English, because it was made for somebody else or kept in a
row; and what a catalogue leaves in English. A name that staff typed stays outside, too, and is taken away as a whole (`left_of`).
"""

import json
import re
import zoneinfo
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import pytest
from django.apps import apps
from django.utils import translation
from django.utils.translation import trans_real

from ui import phrases
from users.models import User

OPEN, CLOSE = "⟦", "⟧"
# Columns with what people, channels and mail servers said or named, which is read in the language in which it was said.
DATA = {
    "name", "email", "emails", "recipient", "label", "client_id", "prefix", "currency", "native_id", "native_name", "native_user_id",
    "native_user_name", "note", "pause_note", "description", "reason", "said", "code", "version", "role", "browser", "address",
    "detail", "sample", "subject", "user_agent", "fault", "fingerprint", "scopes", "offered", "asked_for", "object_repr", "failures",
    "query", "data",
}  # fmt: skip
# No words of a language: names, units, codes, and what the browser's part of the theme has.
KNOWN = {
    "adtoken", "utc", "cet", "cest", "gmt", "http", "https", "json", "csv", "esc", "html", "port", "uuid", "hex", "key", "signed", "token",
    "lnk", "english", "deutsch",
}  # fmt: skip
ZONES = {zone.replace("_", " ") for zone in zoneinfo.available_timezones()}
SHORTEST = 8  # letters of a name that was cut
# In German dates have a point behind the day, and thousands have one where English has a comma.
ENGLISH_NUMBER = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_MONTHS = (
    "Jan(?:uar|uary)?|Feb(?:ruar|ruary)?|Mar(?:ch)?|Mär|März|Apr(?:il)?|May|Mai|June?|Juni|July?|Juli|Aug(?:ust)?|Sep(?:tember)?"
    "|O[ck]t(?:ober)?|Nov(?:ember)?|De[cz](?:ember)?"
)
_WEEKDAYS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
ENGLISH_DATE = re.compile(rf"\b\d{{1,2}} (?:{_MONTHS})\b|\b(?:{_WEEKDAYS})\b|\b\d ?[ap]\.m\.")


@contextmanager
def german() -> Iterator[None]:
    """Mark what is said in German, while it is spoken; English is said as it is."""
    translation.gettext("")  # it chooses its functions at the first call
    functions: Any = translation._trans  # type: ignore[attr-defined]  # what all of gettext goes through
    phrases.forget()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("gettext", "pgettext", "ngettext", "npgettext"):
            patch.setattr(functions, name, _marking(getattr(functions, name), contexts=name.count("p")))
        try:
            yield
        finally:
            phrases.forget()


def _marking(say: Callable[..., str], *, contexts: int) -> Callable[..., str]:
    def marked(*asked: Any) -> str:
        said = str(say(*asked))
        if not (translation.get_language() or "").startswith("de") or not said.strip():
            return said
        context, message = (f"{asked[0]}\x04" if contexts else ""), asked[contexts]
        return f"{OPEN}{said}{CLOSE}" if said != message or _is_held(f"{context}{message}") else said

    return marked


@lru_cache(4096)
def _is_held(key: str) -> bool:
    """Return whether a German catalogue holds the message, though it says the same: "Team"."""
    held: Any = trans_real.translation("de")._catalog  # type: ignore[attr-defined]  # of Django and all packages
    return key in held or (key, 0) in held or (key, 1) in held


def data() -> frozenset[str]:
    """Return what the rows of DATA hold, each value whole, with the first words of people's names."""
    found: set[str] = set()
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if field.name in DATA:
                for value in model._base_manager.values_list(field.name, flat=True):
                    found |= set(_texts(value))
    found |= {address.rpartition("@")[2] for address in found if "@" in address}
    found |= {name.split()[0] for name in User.objects.exclude(name="").values_list("name", flat=True)}
    return frozenset(text for text in found if re.search(r"[^\W\d_]{2,}", text))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield json.dumps(value, ensure_ascii=False)  # as a mail shows a channel's answer
        yield from (text for one in value.values() for text in _texts(one))
    elif isinstance(value, list | tuple):
        yield from (text for one in value for text in _texts(one))
    elif value:
        yield " ".join(without_brackets(str(value)).split())


class Reader:
    """Finds what is outside the marks and no name of the world."""

    def __init__(self, names: Iterable[str], words: frozenset[str]) -> None:
        self._names = sorted({*names, *ZONES}, key=len, reverse=True)
        self._words = {*words, *KNOWN}
        self._known: dict[str, str] = {}

    def left_of(self, text: str) -> set[str]:
        """Return the lines of a text that hold something to read which came by no German catalogue."""
        bare = re.sub(r"⟦[^\n⟧]*$", " ", without_brackets(text), flags=re.MULTILINE)  # one that was cut
        return {left for line in bare.splitlines() if (left := self._left(line))}

    def wrong_of(self, text: str) -> set[str]:
        """Return English numbers and dates, also within the marks."""
        found = set()
        for line in text.replace(OPEN, "").replace(CLOSE, "").splitlines():
            if any(form.search(line) for form in (ENGLISH_NUMBER, ENGLISH_DATE)):
                bare = self._without_data(line)
                found |= {one[0] for form in (ENGLISH_NUMBER, ENGLISH_DATE) for one in form.finditer(bare)}
        return found

    def _left(self, line: str) -> str:
        if line not in self._known:
            self._known[line] = self._read(line)
        return self._known[line]

    def _read(self, line: str) -> str:
        line = " ".join(line.split())
        if not rest(line, self._words):
            return ""
        return rest(self._without_data(line), self._words)

    def _without_data(self, line: str) -> str:
        line = self._without_names(line)
        return self._without_names(re.sub(r"[^…]+…", self._without_cut_name, line)) if "…" in line else line

    def _without_names(self, line: str) -> str:
        for name in self._names:
            if name in line:
                # “Elif Wagner” is not whole in “Elif Wagner-Schöneborn”.
                line = re.sub(rf"(?<!\w){re.escape(name)}(?!-?\w)", " ", line)
        return line

    def _without_cut_name(self, found: "re.Match[str]") -> str:
        """Take the name away whose beginning stands before an ellipsis."""
        text = found[0][:-1].rstrip()
        for start in range(len(text) - SHORTEST + 1):
            if any(name.startswith(text[start:]) for name in self._names):
                return text[:start]
        return found[0]


def without_brackets(text: str) -> str:
    """Return a text without what came through gettext, also where that was broken into lines."""
    while text != (text := re.sub(r"⟦[^⟦⟧]*⟧", " ", text)):
        pass
    return text


def rest(line: str, data: set[str]) -> str:
    """Return what of a line is in no bracket and no word of the data; "" where that is nothing to read."""
    bare = re.sub(r"\[[\w-]+: ([^\]]*)\]", r" \1 ", without_brackets(line))
    bare = re.sub(
        r"\S+@\S+|https?://\S+|/\S+/|adt_\w+|\b[a-z]+:[a-z]+\b|\b(?=[a-f]*\d)[0-9a-f]{8,}\b|\b[A-Z]{2}(?=[A-Z][a-z])",
        " ",
        bare,
    )
    if re.fullmatch(r"[A-Z]{2}", bare.strip()):  # initials in a circle
        return ""
    words = [word for word in re.findall(r"[^\W\d_]{2,}", bare) if not _is_data(word, data)]
    return " ".join(bare.split()) if words else ""


def _is_data(word: str, data: set[str]) -> bool:
    """Return whether a word is data, also behind the letter of a channel's mark or of two that have no space: FLumen, OkaforFacebook."""
    found = word.casefold()
    if found in data or found[1:] in data or word == word[:1] * 2:
        return True
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", word)
    return all(len(part) < 2 or part.casefold() in data for part in parts)


@contextmanager
def in_brackets() -> Iterator[None]:
    """Give every message back as ⟦message⟧, whoever asks for it."""
    translation.gettext("")  # it chooses its functions at the first call
    phrases.forget()  # what was said in English
    with pytest.MonkeyPatch.context() as patch:
        functions: Any = translation._trans  # type: ignore[attr-defined]  # what all of gettext goes through
        patch.setattr(functions, "gettext", lambda message: f"⟦{message}⟧")
        patch.setattr(functions, "pgettext", lambda _context, message: f"⟦{message}⟧")
        patch.setattr(functions, "ngettext", lambda one, many, number: f"⟦{one if number == 1 else many}⟧")
        patch.setattr(
            functions, "npgettext", lambda _, one, many, number: f"⟦{one if number == 1 else many}⟧"
        )
        try:
            yield
        finally:
            phrases.forget()
