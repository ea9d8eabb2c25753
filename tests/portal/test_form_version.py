"""Two people who have one form open at once: the second one reads so, loses nothing that was typed, and takes nothing back unread."""

from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from macros.models import Macro
from portal.lists import OwnList
from tests.macros.conftest import _no_default_macro  # noqa: F401  # for every test here
from tests.macros.support import make_macro
from tests.support.factories import make_app, make_team, make_user
from tests.tools import visible
from tokens.models import ChannelApp
from ui.form_version import Versioned
from users.models import Membership, User

pytestmark = pytest.mark.django_db
SAYS = "Somebody was faster: this was changed since you opened the page."


@pytest.fixture
def boss(client: Client) -> User:
    boss = make_user("boss@example.com", name="Mira Boss", is_staff=True, is_superuser=True)
    client.force_login(boss, backend="django.contrib.auth.backends.ModelBackend")
    return boss


def form_of(page: str, has: str) -> dict[str, list[str]]:
    """What a browser sends of the form with this field, left alone."""
    return next(one for one in visible.forms(page) if has in one.fields).fields


def opened(client: Client, address: str, has: str) -> dict[str, list[str]]:
    return form_of(client.get(address).text, has)


def test_of_a_macro_the_second_looks_again_with_what_was_typed_and_then_saves(
    client: Client, boss: User
) -> None:
    macro = make_macro().macro
    address = reverse("admin:macros_macro_change", args=[macro.pk])
    form = opened(client, address, "days") | {"name": ["By Ben"]}
    Macro.objects.filter(pk=macro.pk).update(enabled=False)

    with CaptureQueriesContext(connection) as asked:
        said = client.post(address, form).text
    locked = [one["sql"] for one in asked if "FOR NO KEY UPDATE" in one["sql"]]
    between = Macro.objects.get().name
    again = form_of(said, "days")
    client.post(address, again)

    assert SAYS in said
    assert between != "By Ben"
    assert again["name"] == ["By Ben"]
    assert any('"macros_macro"' in sql for sql in locked), "whoever saves at the same moment waits"
    assert Macro.objects.get().name == "By Ben"


def test_forms_of_rows_and_of_what_stands_beside_them_refuse_the_second(client: Client, boss: User) -> None:
    team, app, lea = make_team("Lumen"), make_app(), make_user("lea@example.com")
    ada = Membership.objects.create(team=team, user=make_user("ada@example.com"))
    pages: list[tuple[str, Any, str, dict[str, list[str]]]] = [
        ("users_team_change", team, "name", {"name": ["Lumen EU"]}),
        ("tokens_channelapp_change", app, "label", {"label": ["Second"]}),
        ("users_user_change", lea, "email", {"name": ["Lea Lindt"]}),
    ]
    forms = [(reverse(f"admin:{name}", args=[row.pk]), has, changed) for name, row, has, changed in pages]
    sent = [(url, opened(client, url, has) | changed) for url, has, changed in forms]
    Membership.objects.filter(pk=ada.pk).update(role=Membership.Role.TEAM_LEAD)
    ChannelApp.objects.filter(pk=app.pk).update(state="retiring", is_default=False)
    User.objects.filter(pk=lea.pk).update(is_active=False)

    answers = [client.post(url, form) for url, form in sent]

    for row in (team, app, lea, ada):
        row.refresh_from_db()
    assert [answer.status_code for answer in answers] == [200] * len(pages)
    assert all(SAYS in answer.text for answer in answers)
    assert (team.name, ada.role, app.state, lea.is_active) == (
        "Lumen", Membership.Role.TEAM_LEAD, "retiring", False,
    )  # fmt: skip


def test_every_form_of_the_lists_of_the_portal_that_changes_a_row_carries_a_version(boss: User) -> None:
    request = RequestFactory().get("/")
    request.user = boss
    pages = [page for page in admin.site._registry.values() if isinstance(page, OwnList)]
    changing = [page for page in pages if page.has_change_permission(request)]

    bare = [page for page in changing if not issubclass(page.form, Versioned)]

    assert len(changing) >= 4
    assert bare == []
