"""Moving accounts to another team: what follows, and where they go."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.http import HttpRequest

from accounts import permissions
from accounts.asks import endings
from accounts.jobs.kinds import MOVE
from accounts.models import Account
from macros import moved
from portal.bulk import Bulk, Chosen, plain_lines
from portal.forms import MoveForm
from ui.confirm import ConfirmLine
from ui.name_visibility import NameVisibility
from users.models import User, person


def _lines(
    accounts: Sequence[Account], _by: User, names: NameVisibility, _now: datetime
) -> list[ConfirmLine]:
    return plain_lines(accounts, names)


def _form(request: HttpRequest, _chosen: Chosen) -> Callable[..., MoveForm]:
    """Return the form with the viewer's teams, and with the one that the address proposes."""
    return partial(MoveForm, viewer=person(request), initial={"team": request.GET.get("team")})


def _facts(chosen: Chosen) -> Mapping[str, Any]:
    return {
        "asks": endings.lines_for(chosen.whole).count(),
        "ends": moved.numbers(chosen.whole),
    }


def _choice(cleaned: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"subject_id": cleaned["team"].pk}


BULKS = (Bulk("team", MOVE, permissions.MOVE, _lines, "", form=_form, facts=_facts, choice=_choice),)
