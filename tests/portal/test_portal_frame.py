"""What every page of the staff portal has, the theme's own too: a way past the menu, names that can be read out, one form of dates."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
import unfold
from django.conf import settings as project
from django.test import Client

from accounts.models import Account
from tests.support.factories import make_account, make_team, make_user
from users.models import Invitation, Membership, User

pytestmark = pytest.mark.django_db
STOCK_LIST, STOCK_FORM = "/admin/users/user/", "/admin/users/invitation/add/"
OWN_LIST, OWN_PAGE = "/admin/accounts/account/", "/admin/macros/macro/add/"


@pytest.fixture
def boss(client: Client) -> User:
    """A superuser, logged in, whose last log-in is known."""
    user = make_user(
        "boss@example.com", name="Mira Ode", is_staff=True, is_superuser=True, time_zone="Europe/Berlin"
    )
    client.force_login(user)
    User.objects.filter(pk=user.pk).update(last_login=datetime(2026, 11, 25, 15, 12, tzinfo=UTC))
    return user


def blocks(template: Path) -> set[str]:
    return set(re.findall(r"{% block ([\w-]+) %}", template.read_text()))


def test_the_frame_has_each_block_that_the_themes_has() -> None:
    themes = Path(unfold.__file__).parent / "templates" / "admin" / "base.html"
    ours = project.BASE_DIR / "templates" / "admin" / "base.html"

    missing = blocks(themes) - blocks(ours)

    assert missing == {"object-tools"}, (
        "the theme's frame changed: take it over into ours"
    )  # it is in "content"


def test_the_themes_pages_speak_plainly_show_our_own_dates_and_delete_nothing_by_the_dozen(
    client: Client, boss: User
) -> None:
    make_user("off@example.com", is_active=False)
    team, summer = make_team("Northwind"), datetime(2026, 7, 1, 6, 5, tzinfo=UTC)
    Membership.objects.create(user=boss, team=team)
    Invitation.objects.create(email="new@example.com", team=team, created_at=summer, expires_at=summer)

    listed, person, invitations, teams, members = (
        " ".join(client.get(f"/admin/users/{path}").text.split())
        for path in ("user/", f"user/{boss.pk}/change/", "invitation/", "team/", f"team/{team.pk}/change/")
    )

    assert re.search(r"<title> ?People \| AdToken ?</title>", listed)
    assert "Last log-in" in listed
    assert "</svg>Yes</span>" in listed
    assert '<span class="at-quiet">No</span>' in listed
    assert "check_small" not in listed
    assert "close_small" not in listed
    assert "Designates that" not in person
    assert "Administrators may do everything." in person
    for page in (listed, person):
        assert "Wed 25 Nov 2026, 16:12 CET" in page
    assert "Wed 1 Jul 2026, 08:05 CEST" in invitations
    assert "addlink" in invitations
    for never in ("p.m.", "Select record", "delete_selected"):  # many are never deleted at once
        assert never not in listed + person + invitations + teams
    for page in (person, members):
        assert 'aria-label="Role: Mira Ode in Northwind"' in page
        assert 'aria-label="Role: new row"' in page  # of the row that "Add another" copies


def test_a_form_that_was_refused_says_which_field_needs_a_change(client: Client, boss: User) -> None:
    page = client.post(STOCK_FORM, {"email": "", "name": "", "team": ""}).text

    assert "needs a change" in page or "need a change" in page
    assert 'href="#id_email"' in page
    assert "Please correct" not in page


def test_the_picker_of_accounts_tells_those_of_one_name_apart(client: Client, boss: User) -> None:
    make_account(name="Birch Bank", channel="facebook", native_id="402118001")
    make_account(name="Birch Bank", channel="tiktok", native_id="7000118001")

    def found(term: str) -> set[str]:
        asked = {"app_label": "macros", "model_name": "macro", "field_name": "accounts", "term": term}
        return {row["text"] for row in client.get("/admin/autocomplete/", asked).json()["results"]}

    assert found("Birch") == {"Birch Bank (Facebook 402118001)", "Birch Bank (TikTok 7000118001)"}
    assert found("402118001") == {"Birch Bank (Facebook 402118001)"}


def test_accounts_that_a_macro_was_given_are_named_as_in_the_picker(client: Client, boss: User) -> None:
    account: Account = make_account(name="Birch Bank", channel="facebook", native_id="402118001")

    page = client.post(OWN_PAGE, {"name": "", "scope": "chosen", "accounts": [account.pk]}).text

    assert "Birch Bank (Facebook 402118001)</option>" in page


def test_pages_that_marketers_share_keep_the_portals_frame_for_staff(client: Client, boss: User) -> None:
    account = make_account(name="Lumen", state="connected")
    back = {
        "/link/": ("at-crumbs", OWN_LIST),
        "/client-links/": ("at-tabs", STOCK_LIST),
        f"/backups/invite/?account={account.pk}": ("at-crumbs", f"{OWN_LIST}{account.pk}/"),
    }

    framed = {path: client.get(path) for path in back}
    client.force_login(make_user("ada@example.com"))
    own = [client.get(path) for path in back]

    for path, (part, way) in back.items():
        page = framed[path].text
        assert 'id="nav-sidebar"' in page
        assert page.count("<h1") == 1
        assert f'href="{way}"' in page.split(f'class="{part}"')[1].split("</nav>")[0]
    policy = "Content-Security-Policy"
    assert all("unsafe-inline" in page.headers[policy] for page in framed.values())
    assert not any("nav-sidebar" in page.text or "unsafe-inline" in page.headers[policy] for page in own)
