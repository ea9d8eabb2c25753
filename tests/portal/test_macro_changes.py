"""What an edit of a macro changes, shown before it is saved: each field of the form has its line; and the mail of each kind."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from macros.models import Macro
from macros.rules.forms import MacroForm
from tests.macros.conftest import _no_default_macro  # noqa: F401  # for every test here
from tests.macros.support import ending, make_macro
from tests.portal.test_macros import (
    _at_noon,  # noqa: F401  # for every test here
    mira,  # noqa: F401  # a fixture
)
from tests.support.factories import make_team

pytestmark = pytest.mark.django_db


def words(page: str) -> str:
    return " ".join(re.sub("<[^>]+>", " ", page).split())


def changes_shown(client: Client, macro: Macro, form: dict[str, Any]) -> str:
    """What the column beside the form says that a form changes; "" for nothing."""
    page = client.post(f"{reverse('admin:macros_macro_preview')}?macro={macro.pk}", form).content.decode()
    return words(page.partition("What changes")[2].partition("What this macro would do")[0])


def test_each_field_of_the_form_has_a_line_of_what_it_changes(mira: Client) -> None:  # noqa: F811  # the fixture
    near, far = ending(5, name="Near"), ending(60, name="Far")
    team = make_team("Lumen")
    macro = make_macro(emails=["old@example.com"], days=[7], accounts=[near], description="Warns.").macro
    stored = {
        "name": macro.name,
        "description": "Warns.",
        "enabled": "on",
        "scope": "chosen",
        "accounts": [near.pk],
        "kind": "pre_deactivation",
        "emails": "old@example.com",
        "days": "7",
        "watch": "account",
        "team": "",
    }
    few = {"people": "3", "within": "14"}
    asks = {"at_once": ["few_people"]}
    nothing_happened = {"escalate_to": "boss@example.com", "after": "3"}
    # Field -> what is typed, and the line.
    lines: dict[str, tuple[dict[str, Any], str]] = {
        "name": ({"name": "New name"}, f"Macro name New name, before: {macro.name}"),
        "description": ({"description": ""}, "Description –, before: Warns."),
        "enabled": ({"enabled": ""}, "State switched off: it tells nobody anything"),
        "scope": (
            {"scope": "all"},
            "Which accounts All accounts, also those added later, before: Chosen accounts",
        ),
        "channels": ({"scope": "channels", "channels": ["facebook"]}, "Channels Facebook, before: –"),
        "team": ({"team": team.pk, "scope": "all"}, "Team Lumen, before: All teams"),
        "accounts": ({"accounts": [far.pk]}, "Accounts added 1 Accounts removed 1"),
        "excluded": ({"excluded": [far.pk]}, "Left out from now on 1"),
        "emails": (
            {"emails": "new@example.com"},
            "Told from now on new@example.com No longer told old@example.com",
        ),
        "notify_consenters": ({"notify_consenters": "on"}, "People who linked told from now on"),
        "only at once": ({"days": "", "at_once": ["shifted"]}, "Days in advance none, before: 7"),
        "days": ({"days": "7, 1"}, "Days in advance 7, 1, before: 7"),
        "watch": (
            {"watch": "token"},
            "Warn when any token is about to stop, before: the account is about to stop",
        ),
        "at_once": (
            {"at_once": ["restricted"]},
            "Told at once from now on, when the channel restricts an account",
        ),
        "few": (asks, "Too few people fewer than 2 people now, before: –"),
        "people": (few | asks, "Too few people fewer than 3 people within 14 days, before: –"),
        "within": (few | asks, "Too few people fewer than 3 people within 14 days, before: –"),
        "escalate_to": (
            nothing_happened,
            "Escalated to boss@example.com, 3 days after the first warning, before: –",
        ),
        "after": (
            nothing_happened,
            "Escalated to boss@example.com, 3 days after the first warning, before: –",
        ),
    }

    alone = (
        "name",
        "enabled",
        "scope",
        "channels",
        "team",
        "accounts",
        "only at once",
        "few",
        "people",
        "within",
    )
    together: dict[str, Any] = {}
    for name in lines.keys() - set(alone):
        together |= lines[name][0]
    shown = dict.fromkeys(lines, changes_shown(mira, macro, stored | together))
    shown |= {name: changes_shown(mira, macro, stored | lines[name][0]) for name in alone}

    assert set(lines) == set(MacroForm.base_fields) - {"kind"} | {"only at once", "few"}
    assert {name for name, (_, line) in lines.items() if line not in shown[name]} == set()
    assert "Due, next 30 days 0, before: 1" in shown["enabled"]
    assert "Accounts removed" not in shown["scope"]
    assert "Due, next 30 days" not in shown["name"]  # it tells nobody anything else
    assert changes_shown(mira, macro, stored) == ""
