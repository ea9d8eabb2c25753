"""Names and numbers as people see and type them, alone and in sentences."""

import unicodedata
from collections.abc import Sequence
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import QuerySet
from django.utils.translation import get_language, gettext

# Names come from channels and from people, who put into them what no browser shows as it is.
# Letters for Unicode, and nothing to the eye: fillers of Korean syllables, and the Braille pattern without dots.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_JOINERS = (
    "\u200c\u200d"  # emoji of several parts, and words in Persian and Indian scripts, are spelt with them
)
_UNSEEN = frozenset(
    {"Cc", "Cf", "Cs"}
)  # controls, marks of format (which turn the rest of a line), halves of characters
_MARKS = frozenset({"Mn", "Me"})


def plain(text: str) -> str:
    """Return a name in one line, each gap one blank, without what cannot be seen; "" where nothing is left to see."""
    if text.isascii() and text.isprintable() and text == text.strip() and "  " not in text:
        return text  # as most are: nothing is looked at letter by letter
    words = ("".join(filter(_stays, word)).strip(_JOINERS) for word in text.split())
    name = " ".join(filter(None, words))
    return name if any(map(_shows, name)) else ""


def _stays(letter: str) -> bool:
    return letter in _JOINERS or unicodedata.category(letter) not in _UNSEEN


def _shows(letter: str) -> bool:
    hidden = letter in _BLANK or letter in _JOINERS or letter.isspace()
    return not hidden and unicodedata.category(letter) not in _MARKS


LIMIT = 1_000  # rows that pages count; of more they say "1,000+"


def number(found: int) -> str:
    """Return a number as the reader's language writes it: "1,234", in German "1.234"."""
    return str(intcomma(found))


def counted(rows: QuerySet[Any, Any], *, limit: int = LIMIT) -> int:
    """Return the number of rows, and for more than `limit` of them one more than `limit`. The database stops reading there."""
    return rows.order_by().values("pk")[: limit + 1].count()


def short_count(rows: QuerySet[Any], *, limit: int = LIMIT, zero: str = "0") -> str:
    """Return the number of rows as text, "99+" above `limit`."""
    return shown(counted(rows, limit=limit), limit=limit, zero=zero)


def shown(found: int, *, limit: int = LIMIT, zero: str = "0") -> str:
    """Return a number of rows that was counted as far as `limit` rows and one more as text, "99+" above it."""
    if found > limit:
        return f"{number(limit)}+"
    return number(found) if found else zero


class HiddenName(str):
    """What is shown in place of a name that the reader may not know. A type of its own: its words differ by language and place."""

    __slots__ = ()


def hidden_name() -> HiddenName:
    """Return what is said in the middle of a sentence in place of a name that the reader may not know."""
    return HiddenName(gettext("someone in another team"))


def initials(name: str) -> str:
    """Return two letters for an avatar: first and last word, or the first two letters of an e-mail or single word."""
    words = [
        word for word in name.split("@")[0].replace(".", " ").replace("_", " ").split() if word[0].isalnum()
    ]
    if not words:
        return "?"
    if len(words) == 1:
        return words[0][:2].upper()
    return (words[0][0] + words[-1][0]).upper()


def join_names(names: Sequence[str], number: int | None = None) -> str:
    """Return "Ben", "Ben and Chiara", or "Ben, Chiara and 3 more". Of a `number` of names the first three are enough."""
    number = len(names) if number is None else number
    if number <= 3:
        return join_all(names)
    facts = {"first": names[0], "second": names[1], "number": number - 2}
    return gettext("%(first)s, %(second)s and %(number)s more") % facts


def join_all(names: Sequence[str]) -> str:
    """Return "Ben", "Ben and Chiara", or "Ben, Chiara and Emil", however many they are."""
    if len(names) <= 1:
        return "".join(names)
    return gettext("%(first)s and %(last)s") % {"first": ", ".join(names[:-1]), "last": names[-1]}


def before_more(names: Sequence[str], *, unseen: int) -> str:
    """Return names that "and 5 more" follows: with commas alone; else, with none `unseen`, as `join_all` does."""
    return ", ".join(names) if unseen else join_all(names)


def first_names(names: Sequence[str], number: int | None = None, *, most: int = 10) -> dict[str, Any]:
    """Return the first names as a card of a mail has them, and how many more there are. Of a `number` of names the first are enough."""
    unseen = max(0, (len(names) if number is None else number) - most)
    return {"names": before_more(names[:most], unseen=unseen), "unseen": unseen}


def mid(text: str) -> str:
    """Return the text for the middle of a sentence: its first letter small, and names in it with their capitals.

    In English alone: a German text may begin with a noun.
    """
    return text[:1].lower() + text[1:] if (get_language() or "en").startswith("en") else text


def restriction_said(kept: str) -> str:
    """Return why a channel restricts an ad account in the reader's language: it is kept in the words of the catalogue, parts by commas.

    What is no message there, a channel's own words, stays as it is.
    """
    return ", ".join(gettext(part) if part else "" for part in kept.split(", "))


def quoted(text: str) -> str:
    """Return the text between the quotation marks of the language."""
    return gettext("“%(text)s”") % {"text": text}


def join_or(names: Sequence[str]) -> str:
    """Return "Ben", "Ben or Chiara", or "Ben, Chiara or Emil"."""
    if len(names) <= 1:
        return "".join(names)
    return gettext("%(first)s or %(last)s") % {"first": ", ".join(names[:-1]), "last": names[-1]}


def first_name(name: str) -> str:
    """Return how a sentence calls a person: the first word of the name, or the e-mail's first part."""
    if isinstance(name, HiddenName):
        return name
    return name.split("@")[0].split(" ")[0]
