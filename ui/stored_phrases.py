"""What is kept of what somebody did to be read later: a phrase and its facts, no text, so that each reader has it in their own language.

    keep("words/history.txt", "revoked", note="Lost")   ->  '{"phrase": ["words/history.txt", "revoked"], "facts": {"note": "Lost"}}'
    said(kept)                                           ->  "Revoked. Lost", "Widerrufen. Lost"

A fact is a text, a number (with `shown_NAME`, as the language writes it), a word of the catalogue (`word`), a `day` or a phrase of its own
(`part`), or what was kept before. What an earlier version kept is a text, and stays one.
"""

import json
from datetime import date
from typing import Any

from django.template import TemplateDoesNotExist
from django.utils.translation import gettext

from ui import dates
from ui.phrases import phrase
from ui.text import number

_PHRASE, _FACTS, _WORD, _DAY = "phrase", "facts", "word", "day"
_BEGIN = f'{{"{_PHRASE}": ["'


def keep(name: str, block: str, /, **facts: object) -> str:
    """Return a phrase of a file (ui/phrases.py) as it is kept in a row."""
    return json.dumps(part(name, block, **facts), ensure_ascii=False)


def part(name: str, block: str, /, **facts: object) -> dict[str, object]:
    """Return a phrase as a fact of another one."""
    return {_PHRASE: [name, block], _FACTS: facts}


def word(message: str) -> dict[str, object]:
    """Return a message of the catalogue, in English, as a fact: the name of a role, a state."""
    return {_WORD: message}


def day(when: date) -> dict[str, object]:
    """Return a day as a fact, which each reader has as their language writes it."""
    return {_DAY: when.isoformat()}


def both(*kept: str) -> str:
    """Return what was kept one after another as one thing that is kept."""
    return "\n".join(kept)


def cut(kept: str, most: int) -> str:
    """Return what was kept with `most` characters, for a column that holds no more: one that is longer becomes a text, and is cut."""
    return kept if len(kept) <= most else said(kept)[:most]


def said(kept: str) -> str:
    """Return what was kept in the language that is spoken. What is no phrase comes back as it is; never raises."""
    if not kept.startswith(_BEGIN):
        return kept
    try:
        return " ".join(_say(json.loads(one)) for one in kept.split("\n"))
    except ValueError:
        return kept


def _say(fact: Any) -> Any:
    if not isinstance(fact, dict):
        return said(fact) if isinstance(fact, str) else fact
    if _WORD in fact:
        return gettext(fact[_WORD])
    if _DAY in fact:
        return dates.day(date.fromisoformat(fact[_DAY]))
    facts = {name: _say(one) for name, one in fact[_FACTS].items()}
    shown = {f"shown_{name}": number(one) for name, one in facts.items() if type(one) is int}
    try:
        return phrase(*fact[_PHRASE], **facts, **shown)
    except (KeyError, TemplateDoesNotExist):  # of a version whose words are gone
        return " ".join(str(one) for one in facts.values() if one)
