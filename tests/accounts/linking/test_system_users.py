"""Meta's system users: pasted by staff or by a configuration of Login for Business; looked at before they are kept."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.checks import services as sweeps
from accounts.models import Account, PendingLink
from tests.portal.support import staff
from tests.support import native, news
from tests.support.factories import make_team, make_user
from tests.support.sandbox import Sandbox
from tokens.models import ChannelApp, Token
from users.models import Team

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
PAGE = "admin:tokens_token_system_user"


@pytest.fixture(autouse=True)
def world(channels_world: Sandbox) -> Sandbox:
    native.set_up_apps(channels_world)
    channels_world.put_user("facebook", "bot", name="Ads bot")
    channels_world.give_role("facebook", "Lumen Shoes EU", "bot", "advertiser")
    return channels_world


@pytest.fixture
def team() -> Team:
    return make_team("Brand team")


def issued(world: Sandbox, **fields: object) -> str:
    return str(world.issue_token("facebook", "bot", system=True, **fields)["access_token"])


def paste(client: Client, access_token: str, team: Team) -> object:
    app = ChannelApp.objects.get(channel="facebook")
    return client.post(reverse(PAGE), {"app": app.pk, "team": team.pk, "access_token": access_token})


def add(client: Client, access_token: str, team: Team) -> Account:
    """Paste the token and choose the account, as staff do."""
    response = paste(client, access_token, team)
    assert response.status_code == 302, response.content.decode()  # type: ignore[attr-defined]
    offered = PendingLink.objects.get().offered
    client.post(response["Location"], {"native_id": [one["native_id"] for one in offered]})  # type: ignore[index]
    return Account.objects.get(name="Lumen Shoes EU")


def test_a_pasted_token_is_looked_at_kept_sealed_and_owned_by_the_team(
    client: Client, world: Sandbox, team: Team
) -> None:
    staff(client, "tokens.add_system_user", team=team)
    text = issued(world)
    world.clear_calls()

    account = add(client, text, team)

    paths = [call["path"].rpartition("/")[2] for call in world.calls(channel="facebook")]
    assert "assigned_ad_accounts" in paths
    assert "adaccounts" not in paths
    token = Token.objects.get()
    assert (token.kind, token.team, token.consented_by) == ("system", team, None)
    assert (token.deadline_kind, token.native_user_name) == ("never", "Ads bot")
    assert (account.team, account.active_token, account.state) == (team, token, "connected")
    with connection.cursor() as cursor:
        cursor.execute("select t::text from tokens_token t")
        assert text not in cursor.fetchone()[0]


def test_of_a_list_that_the_channel_did_not_show_the_token_is_pasted_again(
    client: Client, world: Sandbox, team: Team
) -> None:
    staff(client, "tokens.add_system_user", team=team)
    world.add_fault("facebook", path="assigned_ad_accounts", status=500, body={"error": {"code": 2}}, count=1)

    choose = paste(client, issued(world), team)["Location"]  # type: ignore[index]
    page = client.get(choose).content.decode()

    assert "Facebook did not show us the whole list." in page
    assert f'href="{reverse(PAGE)}"' in page.split("<main", 1)[1]
    assert 'action="/link/facebook/"' not in page


def test_a_persons_token_a_foreign_apps_token_and_nonsense_are_refused_and_nothing_is_kept(
    client: Client, world: Sandbox, team: Team
) -> None:
    staff(client, "tokens.add_system_user", team=team)
    world.put_app("facebook", client_id="200000000000002", secret="another")
    of_a_person = world.issue_token("facebook", "ada")["access_token"]
    of_another_app = issued(world, client_id="200000000000002")

    said = {}
    for name, text in {"person": of_a_person, "app": of_another_app, "nonsense": "EAAnonsense"}.items():
        response = paste(client, text, team)
        assert response.status_code == 200  # type: ignore[attr-defined]
        said[name] = response.content.decode()  # type: ignore[attr-defined]
        assert text not in said[name]

    assert "not a system user" in said["person"]
    assert "refuses this token" in said["app"]
    assert "refuses this token" in said["nonsense"]
    assert not Token.objects.exists()
    assert not PendingLink.objects.exists()


def test_only_those_with_the_permission_may_add_one(client: Client, world: Sandbox, team: Team) -> None:
    staff(client, "tokens.probe_token", "tokens.view_token", team=team)

    assert client.get(reverse(PAGE)).status_code == 403
    assert paste(client, issued(world), team).status_code == 403  # type: ignore[attr-defined]
    assert not Token.objects.exists()


def test_staff_choose_among_their_own_teams(client: Client, world: Sandbox, team: Team) -> None:
    staff(client, "tokens.add_system_user", team=make_team())

    response = paste(client, issued(world), team)

    assert response.status_code == 200  # type: ignore[attr-defined]
    assert not Token.objects.exists()


def test_it_is_the_first_in_the_automatic_rank(client: Client, world: Sandbox, team: Team) -> None:
    ada, ben = make_user("ada@example.com"), make_user("ben@example.com")
    native.keep(ada, "ada")
    native.keep(ben, "ben")
    staff(client, "tokens.add_system_user", team=team)
    account = add(client, issued(world, expires_at=int((datetime.now(UTC) + 20 * DAY).timestamp())), team)
    world.change_password("facebook", "ada")

    for _ in range(3):
        sweeps.check_due_tokens(now=max(at for at in Token.objects.values_list("due_at", flat=True) if at))

    account.refresh_from_db()
    assert account.active_token is not None
    assert account.active_token.kind == "system"  # although Ben's token lives longer
    order = [entry.token.native_user_name for entry in account.pool_in_order()]
    assert order == ["Ads bot", "Ben Lindqvist", "Ada Okafor"]


def test_its_60_days_are_renewed_without_anybody(client: Client, world: Sandbox, team: Team) -> None:
    staff(client, "tokens.add_system_user", team=team)
    soon = datetime.now(UTC) + 30 * DAY
    account = add(client, issued(world, expires_at=int(soon.timestamp())), team)
    assert account.deadline == soon.replace(microsecond=0)

    sweeps.check_due_tokens(
        now=datetime.now(UTC) + timedelta(hours=25)
    )  # within its first day, with others that came then

    account.refresh_from_db()
    assert account.deadline is not None
    assert account.deadline > datetime.now(UTC) + 55 * DAY


def test_when_it_dies_its_team_is_told_and_nobody_else(client: Client, world: Sandbox, team: Team) -> None:
    member = make_user("member@example.com", team=team)
    make_user("stranger@example.com", team=make_team())
    actor = staff(client, "tokens.add_system_user", team=team)
    account = add(client, issued(world), team)
    world.cancel_authorisation("facebook", "bot")

    for hours in (5, 9):
        sweeps.check_due_tokens(now=datetime.now(UTC) + timedelta(hours=hours))

    account.refresh_from_db()
    assert account.state == "deactivated"
    told = news.ends().values_list("recipient", flat=True)
    assert set(told) == {member.email, actor.email}


def test_a_configuration_of_login_for_business_brings_a_system_user(
    client: Client, world: Sandbox, team: Team
) -> None:
    world.put_app(
        "facebook",
        settings={
            "configurations": {"777": {"scopes": ["ads_management", "ads_read"], "system_user": "bot"}}
        },
    )
    ChannelApp.objects.filter(channel="facebook").update(config_id="777")
    ada = make_user("ada@example.com", team=team)
    client.force_login(ada)

    address = native.leave(client, "facebook")
    assert "config_id=777" in address
    assert "scope=" not in address
    choose = native.come_back(client, native.decide(address, "ada"))
    client.post(choose, {"native_id": ["203847561029384"]})

    token = Token.objects.get()
    account = Account.objects.get()
    assert (token.kind, token.native_user_name, token.consented_by) == ("system", "Ads bot", None)
    assert (token.team, account.active_token) == (team, token)
