"""Two people who have one form open at once: nobody takes back what the other one saved meanwhile."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from accounts import saved_views
from macros.models import Macro
from portal.lists import OwnList
from tests.macros.conftest import _no_default_macro  # noqa: F401  # for every test here
from tests.macros.support import make_macro
from tests.support.factories import NOW, make_account, make_app, make_team, make_user
from tests.tools import visible
from tokens.models import ChannelApp, UnknownAnswer
from ui.side_by_side import SideBySide
from users.models import Membership, RetentionPeriod, Team, User

pytestmark = pytest.mark.django_db
SAYS = "since you opened the page. Save again to put yours in its place."


@pytest.fixture
def boss(client: Client, settings: Settings) -> User:
    settings.STAFF_SECOND_FACTOR = False
    boss = make_user("boss@example.com", name="Mira Boss", is_staff=True, is_superuser=True)
    client.force_login(boss, backend="django.contrib.auth.backends.ModelBackend")
    return boss


def opened(client: Client, address: str, has: str) -> dict[str, list[str]]:
    """What a browser sends of the form with this field, left alone."""
    return next(one for one in visible.forms(client.get(address).text) if has in one.fields).fields


def saved(client: Client, address: str, form: dict[str, Any]) -> str:
    """Send a form; of a macro once more, with what changes looked at. Returns the page that is shown then."""
    shown = client.post(address, form, follow=True).text
    mark = re.search(r'name="seen" value="(\w+)"', shown)
    if mark and SAYS not in shown:
        return client.post(address, form | {"seen": mark[1]}, follow=True).text
    return shown


def test_of_a_macro_what_each_changed_is_saved(client: Client, boss: User) -> None:
    first, second, third = (make_account(name=name) for name in ("First", "Second", "Third"))
    macro = make_macro(
        emails=["a@example.com", "b@example.com"], days=[30, 7], accounts=[first, second]
    ).macro
    address = reverse("admin:macros_macro_change", args=[macro.pk])
    of_ada, of_ben = opened(client, address, "days"), opened(client, address, "days")

    ada = of_ada | {"emails": ["a@example.com, b@example.com, c@example.com"], "description": ["By Ada"]}
    ada |= {"accounts": [str(one.pk) for one in (first, second, third)], "at_once": ["restricted"]}
    saved(client, address, {name: value for name, value in ada.items() if name != "enabled"})
    ben = of_ben | {"emails": ["b@example.com"], "days": ["14, 7"], "accounts": [str(second.pk)]}
    wrong = client.post(address, ben | {"days": ["soon"], "at_once": ["deactivated"]})
    again = next(one for one in visible.forms(wrong.text) if "days" in one.fields).fields
    saved(client, address, again | {"days": ["14, 7"]})

    macro.refresh_from_db()
    warning = macro.actions.get(kind="pre_deactivation")
    assert (macro.enabled, macro.description) == (False, "By Ada")
    assert warning.emails == ["b@example.com", "c@example.com"]
    assert warning.days == [14, 7]
    assert set(macro.accounts.all()) == {second, third}
    assert set(macro.actions.exclude(pk=warning.pk).values_list("kind", flat=True)) == {
        "restricted",
        "deactivated",
    }


def test_what_both_changed_is_said_once_and_saved_then(client: Client, boss: User) -> None:
    macro = make_macro().macro
    address = reverse("admin:macros_macro_change", args=[macro.pk])
    form = opened(client, address, "days")
    Macro.objects.filter(pk=macro.pk).update(name="By Ada", description="Hers")

    with CaptureQueriesContext(connection) as asked:
        said = saved(client, address, form | {"name": ["By Ben"]})
    locked = [one["sql"] for one in asked if "FOR NO KEY UPDATE" in one["sql"]]
    between = Macro.objects.get()
    again = next(one for one in visible.forms(said) if "days" in one.fields).fields
    saved(client, address, again)

    assert f"Somebody changed this to “By Ada” {SAYS}" in said
    assert between.name == "By Ada"
    assert any('"macros_macro"' in sql for sql in locked), "whoever saves at the same moment waits"
    macro.refresh_from_db()
    assert (macro.name, macro.description) == ("By Ben", "Hers")


def test_of_teams_apps_groups_and_periods_what_was_left_alone_stays(client: Client, boss: User) -> None:
    team, app = make_team("Lumen"), make_app()
    ada = Membership.objects.create(team=team, user=make_user("ada@example.com"))
    group = Group.objects.create(name="Desk")
    look, ask = Permission.objects.filter(codename__in=["view_account", "view_macro"]).order_by("codename")
    period = RetentionPeriod.objects.first()
    assert period is not None
    rows = (team, app, group, period)
    names = ["users_team", "tokens_channelapp", "auth_group", "users_retentionperiod"]
    addresses = [
        reverse(f"admin:{name}_change", args=[row.pk]) for name, row in zip(names, rows, strict=True)
    ]
    fields = ["name", "label", "name", "days"]
    forms = [opened(client, url, field) for url, field in zip(addresses, fields, strict=True)]

    Team.objects.filter(pk=team.pk).update(ask_backups=True)
    Membership.objects.filter(pk=ada.pk).update(role=Membership.Role.TEAM_LEAD)
    ChannelApp.objects.filter(pk=app.pk).update(state="retiring", is_default=False)
    group.permissions.set([look])
    RetentionPeriod.objects.filter(pk=period.pk).update(days=400)
    changed = [
        {"name": ["Lumen EU"]},
        {"label": ["Second"]},
        {"permissions": [str(ask.pk)]},
        {"days": ["500"]},
    ]
    answers = [client.post(url, one | new) for url, one, new in zip(addresses, forms, changed, strict=True)]

    for row in (*rows, ada):
        row.refresh_from_db()
    assert (team.name, team.ask_backups, ada.role) == ("Lumen EU", True, Membership.Role.TEAM_LEAD)
    assert (app.label, app.state, app.is_default) == ("Second", "retiring", False)
    assert set(group.permissions.all()) == {look, ask}
    assert period.days == 400
    assert [answer.status_code for answer in answers] == [302, 302, 302, 200]
    assert f"Somebody changed this to “400” {SAYS}" in answers[3].text


def test_who_is_made_staff_beside_a_wrong_field_is_still_once_it_is_right(client: Client, boss: User) -> None:
    lea = make_user("lea@example.com", name="Lea", is_staff=True)
    address = reverse("admin:users_user_change", args=[lea.pk])
    staff = str(Group.objects.get(name="Staff").pk)

    wrong = client.post(address, opened(client, address, "email") | {"email": ["no"], "groups": [staff]})
    again = next(one for one in visible.forms(wrong.text) if "email" in one.fields).fields
    client.post(address, again | {"email": ["lea@example.com"]})

    assert [one.name for one in lea.groups.all()] == ["Staff"]


def test_of_a_saved_view_and_of_what_an_answer_means_what_was_left_alone_stays(
    client: Client, boss: User
) -> None:
    view = saved_views.save(owner=boss, name="Soon", query="days=7", team=None, now=NOW)
    app, team = make_app(), make_team("Lumen")
    Membership.objects.create(team=team, user=boss)
    said = UnknownAnswer.objects.create(
        app=app, call="api", status=400, fingerprint="f", sample={}, verdict="transient", note="Ada knows",
        first_seen_at=NOW, last_seen_at=NOW,
    )  # fmt: skip
    of_view = reverse("admin:accounts_account_view_change", args=[view.pk])
    of_answer = reverse("admin:tokens_unknownanswer_say", args=[said.pk])
    shared, named = opened(client, of_view, "team"), opened(client, of_view, "team")
    noted, meant = opened(client, of_answer, "verdict"), opened(client, of_answer, "verdict")

    client.post(of_view, shared | {"team": [str(team.pk)]})
    client.post(of_view, named | {"name": ["Within a week"]})
    client.post(of_answer, meant | {"verdict": ["account_restricted"]})
    client.post(of_answer, noted | {"note": ["Ben knows, too"]})

    for row in (view, said):
        row.refresh_from_db()
    assert (view.name, view.team) == ("Within a week", team)
    assert (said.verdict, said.note) == ("account_restricted", "Ben knows, too")


def test_every_form_of_the_lists_of_the_portal_that_changes_a_row_keeps_what_others_changed(
    boss: User,
) -> None:
    request = RequestFactory().get("/")
    request.user = boss
    pages = [page for page in admin.site._registry.values() if isinstance(page, OwnList)]
    changing = [page for page in pages if page.has_change_permission(request)]

    bare = [page for page in changing if not issubclass(page.form, SideBySide)]

    assert len(changing) > 5
    assert bare == []
