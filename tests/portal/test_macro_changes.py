"""What an edit of a macro changes, shown before it is saved: each field of the form has its line; and the mail of each kind."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from macros.models import Macro, MacroAction
from portal.macro_forms import MacroForm
from tests.macros.conftest import _no_default_macro  # noqa: F401  # for every test here
from tests.macros.support import WATCHER, die, ending, make_macro
from tests.portal.test_macros import (
    _at_noon,  # noqa: F401  # for every test here
    browser,
    change,
    mira,  # noqa: F401  # a fixture
    staff,
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
    few = {"people": "2", "within": "14"}
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
        "notify_consenters": ({"linkers": "on"}, "People who linked told from now on"),
        "only at once": ({"days": "", "at_once": ["shifted"]}, "Days in advance nothing ahead, before: 7"),
        "days": ({"days": "7, 1"}, "Days in advance 7, 1, before: 7"),
        "watch": (
            {"watch": "token"},
            "Warn when any token is about to stop, before: the account is about to stop",
        ),
        "at_once": (
            {"at_once": ["restricted"]},
            "Told at once from now on, when the channel restricts an account",
        ),
        "people": ({"people": "2"}, "Too few people fewer than 2 people now, before: –"),
        "within": (few, "Too few people fewer than 2 people within 14 days, before: –"),
        "escalate_to": (
            nothing_happened,
            "Escalated to boss@example.com, 3 days after the first warning, before: –",
        ),
        "after": (
            nothing_happened,
            "Escalated to boss@example.com, 3 days after the first warning, before: –",
        ),
    }

    shown = {name: changes_shown(mira, macro, stored | typed) for name, (typed, _) in lines.items()}

    assert set(lines) == set(MacroForm.base_fields) - {"kind"} | {"only at once"}
    assert {name for name, (_, line) in lines.items() if line not in shown[name]} == set()
    assert "Due, next 30 days 0 mails, before: 1" in shown["enabled"]
    assert "Then watched by no macro 1 account See them" in shown["enabled"]
    assert "Accounts removed" not in shown["scope"]
    assert "Due, next 30 days" not in shown["name"]  # it tells nobody anything else
    assert changes_shown(mira, macro, stored) == ""


def test_a_macro_that_only_tells_at_once_shows_the_mail_of_each_kind_and_each_whole(mira: Client) -> None:  # noqa: F811  # the fixture
    ending(40, name="Lives")
    die(ending(3, name="Dark"))
    macro = Macro.objects.create(name="At once", scope="all")
    for kind in ("deactivated", "restricted", "few_people"):
        MacroAction.objects.create(
            macro=macro,
            kind=kind,
            emails=[WATCHER],
            notify_consenters=False,
            people=2 if kind == "few_people" else None,
        )
    whole = reverse("admin:macros_macro_mail", args=[macro.pk])

    page = mira.get(change(macro)).content.decode()
    mails = {kind: mira.get(f"{whole}?kind={kind}") for kind in ("deactivated", "restricted", "few_people")}
    first = mira.get(whole)

    assert "The mails" in page
    subjects = {
        "deactivated": "Dark is deactivated",
        "restricted": "Facebook has restricted Lives",
        "few_people": "Only one person can carry Lives",
    }
    for kind, subject in subjects.items():
        assert subject in page
        assert f"{whole}?kind={kind}" in page
        assert subject in mails[kind].content.decode()
        assert mails[kind]["Content-Security-Policy"].startswith("sandbox")
    assert "Dark is deactivated" in first.content.decode()
    assert "This is a test" not in first.content.decode()
    assert mira.get(f"{whole}?kind=shifted").status_code == 404


def test_the_mail_of_a_kind_is_about_an_account_that_the_viewer_sees() -> None:
    team = make_team("Lumen")
    die(ending(3, name="Foreign", team=make_team("Fern")))
    macro = Macro.objects.create(name="At once", scope="all")
    MacroAction.objects.create(macro=macro, kind="deactivated", emails=[WATCHER])
    viewer = browser(staff("macros.view_macro", "macros.change_macro", team=team))
    whole = f"{reverse('admin:macros_macro_mail', args=[macro.pk])}?kind=deactivated"

    none = viewer.get(whole)
    die(ending(3, name="Ours", team=team))

    assert none.status_code == 404
    assert "Ours is deactivated" in viewer.get(whole).content.decode()
    assert Account.objects.count() == 2
