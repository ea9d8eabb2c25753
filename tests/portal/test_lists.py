"""Every list of the portal is our own kind: chips, lines that are cards on phones, dates and pills of one kind."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.api_keys import services as api_keys
from accounts.models import Account
from macros.models import Macro
from notifications.models import Message
from tests.macros.support import make_macro
from tests.portal.support import rows_of
from tests.support.factories import make_account, make_app, make_team, make_user
from tests.tools import visible
from tokens.models import UnknownAnswer
from users.models import Invitation, LoginRecord, Team, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows(boss: User) -> None:
    """At least one row in lists that start empty, and are not filled in their own tests."""
    now = timezone.now()
    app = make_app("facebook")
    UnknownAnswer.objects.create(
        app=app, fingerprint="f" * 32, call="read", status=418, first_seen_at=now, last_seen_at=now
    )
    Message.objects.create(kind="died", recipient="ada@example.com", dedupe_key="1", created_at=now)
    Invitation.objects.create(
        email="gwen@example.com",
        team=Team.default(),
        invited_by=boss,
        created_at=now,
        expires_at=now + timedelta(days=7),
    )
    LoginRecord.objects.create(email="ada@example.com", kind="log_in", succeeded=False, at=now)
    Group.objects.get_or_create(name="Staff")
    api_keys.issue_key(name="Publishing", scopes=["tokens:lease"], teams=[Team.default()])


def address(model: type) -> str:
    options = model._meta  # type: ignore[attr-defined]  # of a model
    return reverse(f"admin:{options.app_label}_{options.model_name}_changelist")


@pytest.mark.parametrize("model", [Account, Message], ids=lambda model: model.__name__)
def test_where_a_search_finds_nothing_the_list_says_so_and_leads_back(
    model: type, client: Client, rows: None
) -> None:
    page = client.get(address(model), {"q": "no such thing"}).content.decode()

    assert "Clear all filters" in page
    assert '<tr role="row">' not in page


def test_a_chip_says_what_is_chosen_and_leads_back(client: Client, boss: User) -> None:
    make_user(email="gone@example.com", is_active=False)

    page = client.get("/admin/users/user/", {"is_active__exact": "0"}).content.decode()

    assert "gone@example.com" in page
    assert "mira@example.com</a>" not in page
    assert "Active: No" in page
    assert "Remove the filter Active" in page


def test_chips_name_no_team_of_others_and_find_nothing_by_it(
    client: Client, rows: None, settings: Settings
) -> None:
    north, south, foreign = make_team(name="North"), make_team(name="South"), make_team(name="Foreign")
    staff = make_user(email="staff@example.com", is_staff=True, team=north)
    make_account(team=foreign)
    make_user(team=foreign)
    staff.teams.add(south)
    staff.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(staff)

    for path in ("accounts/account", "macros/macro", "notifications/message", "users/user"):
        page = client.get(f"/admin/{path}/").text

        assert "North" in page, path
        assert "South" in page, path
        assert "Foreign" not in page, path
        assert rows_of(client, f"/admin/{path}/?team={foreign.pk}") == [], path


def test_a_search_stays_within_the_filters(client: Client, boss: User) -> None:
    both = "/admin/users/user/?role=manager&is_active__exact=1&p=1"

    page = visible.dense(client.get(both).text)

    search = page.split('class="at-search"')[1].split("</form>")[0]
    kept = re.findall(r'type="hidden" name="(\w+)" value="(\w+)"', search)
    assert kept == [("role", "manager"), ("is_active__exact", "1")]


def test_the_lists_of_people_lead_to_each_other(client: Client, boss: User) -> None:
    page = visible.dense(client.get("/admin/users/team/").text)

    assert '<a href="/admin/users/user/">People</a>' in page
    assert '<a href="/admin/users/team/" aria-current="page">Teams</a>' in page


@pytest.mark.parametrize("model", [User, Team, Message, Macro], ids=lambda model: model.__name__)
def test_a_list_costs_as_many_queries_for_many_rows_as_for_few(
    model: type, client: Client, boss: User
) -> None:
    def add(number: int) -> None:
        for index in range(number):
            make_user(email=f"{number}-{index}@example.com")
            team = make_team(f"Team {number}-{index}")
            make_macro(team=team)
            Message.objects.create(
                kind="died", recipient="a@example.com", team=team, dedupe_key=f"{number}-{index}"
            )

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address(model)).status_code == 200
        return len(queries)

    add(1)
    asked()  # what a process asks once
    few = asked()
    add(12)

    assert asked() == few
