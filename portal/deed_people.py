"""What came of each person who was asked by a deed, as its page shows it."""

from typing import Any

from django.utils.translation import gettext

from accounts.deed_words import WORDS
from accounts.models import DeedRow
from portal.bulk_deeds import LOOKS, Line
from ui.phrases import phrase
from ui.text import join_names
from users.models import User
from users.visibility import names_for

Outcome = DeedRow.Outcome


def lines(rows: Any, viewer: User) -> list[Line]:
    """Return the rows of a page; a person whom the viewer may not know has no name."""
    some = list(rows)
    people = User.objects.in_bulk([row.key for row in some])
    names = names_for(viewer)
    return [
        _line(row, names.user(people.get(row.key)) or gettext("somebody who was deleted")) for row in some
    ]


def _line(row: DeedRow, name: str) -> Line:
    outcome = Outcome(row.outcome)
    icon, tone = LOOKS[outcome]
    facts = dict(row.facts)
    if outcome == Outcome.DONE:
        facts["accounts"] = join_names(facts["accounts"], facts["number"])
    why = phrase(WORDS, row.why, **facts)
    return Line(name=name, url="", about="", label=str(outcome.label), icon=icon, tone=tone, why=why)
