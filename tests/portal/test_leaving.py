"""Offboarding a person and revoking a log-in, as staff: what the one page says, who may, and that nothing goes past it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import tasks
from accounts.api_keys import services as api_keys
from accounts.asks import services as asks
from accounts.jobs import services as jobs
from accounts.models import Account, Ask, Job
from macros.models import Macro
from portal.sidebar import navigation
from tests.accounts.leaving.support import (
    carried,
    lead,
    log_in,
    mails,
    person,
    reaches,
    settle,
    states,
)
from tests.portal.support import notices, staff
from tests.support import native
from tests.support.factories import link, make_account, make_team, make_user
from tokens.channels import declarations
from tokens.models import Token
from users.invitations import services as invitations
from users.models import Membership, Team, User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("world")]

OFFBOARD, REVOKE = "users.offboard_user", "tokens.revoke_token"


@pytest.fixture
def boss(client: Client) -> User:
    """A superuser, logged in."""
    user = person("Mira", is_staff=True, is_superuser=True)
    client.force_login(user)
    return user


def page_of(about: User | Token) -> str:
    name = "users_user_offboard" if isinstance(about, User) else "tokens_token_revoke"
    return reverse(f"admin:{name}", args=[about.pk])


def seen_of(page: str) -> str:
    found = re.search(r'name="seen" value="([^"]*)"', page)
    assert found, page
    return found[1]


def send(client: Client, about: User | Token, **form: Any) -> Any:
    """Open the page, leave its ticks as they are, type the name and press the button."""
    shown = client.get(page_of(about)).text
    ticked = {name: "on" for name in ("backups", "asks") if f'name="{name}"' in shown}
    return client.post(page_of(about), {"seen": seen_of(shown), "typed": str(about), **ticked, **form})


def said(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def ask_of(who: User) -> Ask:
    facts: dict[str, Any] = {"note": "", "once": "", "now": timezone.now()}
    ends = timezone.now() + timedelta(days=9)
    return asks.start_ask(user=who, name="Spring", token_ids=[], ends_at=ends, **facts)


# --- the whole of it --------------------------------------------------------------------------------------------------


def test_the_page_names_all_accounts_of_six_log_ins_and_one_press_lets_them_go(
    client: Client, boss: User
) -> None:
    teams = [make_team(f"Team {letter}") for letter in "ABCD"]
    mara, emil, cleo = person("Mara"), person("Emil"), person("Cleo")
    for team in teams:
        lead(f"Lead {team.name[-1]}", team)
        for one in (mara, emil, cleo):
            Membership.objects.create(user=one, team=team)
    own = [log_in(mara, channel) for channel in declarations.channel_keys()]
    accounts = []
    for token in own:
        other, stopped = log_in(emil, token.app.channel), log_in(cleo, token.app.channel, state="dead")
        for number in range(10):
            account = make_account(
                token.app.channel, team=teams[number % 4], name=f"{token.app.channel} {number:02}"
            )
            for used in [token, other][: 1 + (number % 3 == 0)]:
                link(account, used)
            if number == 1:
                reaches(other, account)
            if number == 2:
                link(account, stopped)
            accounts.append(account)
    settle(*accounts)
    client.force_login(boss)

    page = client.get(page_of(mara)).text
    leads = send(client, mara, note="Left us.")["Location"]
    going = client.get(leads).text
    tasks.run_jobs()
    tasks.run_asks()
    done = client.get(leads)

    mara.refresh_from_db()
    text = said(page)
    assert all(f'<th scope="row">{one.name}' in page for one in accounts), "none is behind a number"
    assert "36 accounts: nobody else keeps them connected" in text
    assert "Keep one person 24 accounts" in text
    assert text.count("Goes on through Emil") == 24
    assert text.count("Emil, whose log-in reaches it") == 6
    assert text.count("Cleo, whose log-in there stopped") == 6
    assert "Add everybody who could back them up at once" in text
    nobody = [str(one.pk) for one in accounts if one.name[-2:] not in {"01", "02"}]
    invites = re.findall(r'href="/backups/invite/\?account=([\d,]+)&amp;next=([^"]+)"', page)
    assert invites == [(",".join(nobody), page_of(mara))]
    assert "Type “Mara” to go on" in text
    assert "Mara is locked out." in said(going)
    assert "Mara is offboarded" in done.text
    assert not mara.is_active
    assert states(*own) == {("dead", "removed")}
    assert Account.objects.filter(state="deactivated", reason="removed").count() == 30
    assert {kind for kind, _ in mails()} == {"left", "login_changed", "ask", "ask_done"}
    standing = [
        item["title"] for group in navigation(done.wsgi_request) for item in group["items"] if item["active"]
    ]
    assert standing == ["People"], "the page's address is below that of channel apps"


def test_the_page_names_what_else_is_in_the_persons_name_and_what_becomes_of_it(
    client: Client, boss: User
) -> None:
    team = make_team("Lumen")
    lea = lead("Lea", team)
    ask_of(lea)
    Macro.objects.create(name="Lumen warns", owner=lea, team=team)
    api_keys.issue_key(name="Publisher", scopes=["accounts:read"], teams=[team], created_by=lea)
    invitations.create(email="private@example.com", team=team, invited_by=lea, now=timezone.now())
    jobs.start_job(keys=Account.objects.values("pk"), user=lea, kind="pause", now=timezone.now())

    text = said(client.get(page_of(lea)).text)
    assert "Spring: go on in your name" in text
    assert "Yours from then on Lumen warns, Pause" in text
    assert "Invitations 1 is revoked" in text
    assert "Publisher: go on until somebody revokes them or takes them over" in text
    assert "Nobody else leads Lumen" in text
    assert "There is no log-in at a channel to revoke." in text


def test_of_two_staff_at_once_one_does_it(client: Client, boss: User) -> None:
    mara = person("Mara")
    carried(log_in(mara))
    other = Client()
    other.force_login(person("Other", is_staff=True, is_superuser=True))
    seen = seen_of(other.get(page_of(mara)).text)

    send(client, mara)
    late = notices(other.post(page_of(mara), {"seen": seen, "typed": "Mara"}))
    tasks.run_jobs()
    over = client.get(page_of(mara)).text

    assert "something has changed since" in late
    assert "switched off, and no log-in of theirs is left" in over
    assert Job.objects.count() == 1
    assert mails()["login_changed", mara.email] == 1


def test_revoking_shows_what_goes_on_and_leads_back_to_the_account_where_it_leaves_its_traces(
    client: Client,
) -> None:
    account = native.linked_before("facebook", person("Ada"), person("Ben"))
    mira = staff(client, REVOKE)
    ada = Token.objects.get(native_user_name__startswith="Ada")
    pool = reverse("admin:accounts_account_change", args=[account.pk])

    before = client.get(pool).text
    shown = client.get(f"{page_of(ada)}?next={pool}").text
    form = {"seen": seen_of(shown), "note": "left us"}
    done = client.post(f"{page_of(ada)}?next={pool}", form, follow=True)
    again = notices(client.post(f"{page_of(ada)}?next={pool}", form))

    assert "Revoke at Facebook" in before
    assert "Goes on through Ben" in shown
    assert "Type “" not in shown
    assert 'name="backups"' not in shown, "what is in the wrong hands waits for nobody"
    assert done.redirect_chain[0][0] == pool
    assert "nothing is served by it" in done.text
    assert f"Removed on purpose by {mira}" in done.text
    assert "“left us”" in client.get(reverse("admin:accounts_account_line", args=[account.pk])).text
    assert "Somebody was faster" in again
    ada.refresh_from_db()
    assert (ada.state, ada.reason) == ("dead", "removed")


def test_where_an_account_stops_the_name_is_typed_first(client: Client, boss: User) -> None:
    mara = person("Mara")
    token = log_in(mara, native_user_name="Mara L")
    carried(token)

    pages = [page_of(mara), page_of(token)]
    shown = [client.get(page).text for page in pages]
    for page, before in zip(pages, shown, strict=True):
        assert client.post(page, {"seen": seen_of(before), "typed": "Lumen"}).status_code == 200
    untouched = (User.objects.get(pk=mara.pk).is_active, states(token))
    send(client, token, typed="Mara L")

    assert "1 account stops: nobody else is linked." in shown[1]
    assert untouched == (True, {("valid", "")})
    assert states(token) == {("dead", "removed")}


# --- who may ----------------------------------------------------------------------------------------------------------


def test_nobody_offboards_themselves_and_each_has_a_permission_of_its_own(client: Client) -> None:
    team = make_team()
    ada = make_user("ada@example.com", team=team)
    token = log_in(ada)
    carried(token, team=team)
    clerk = staff(client, "users.view_user", "accounts.unlink_token", team=team)
    without = [client.get(page_of(one)).status_code for one in (ada, token)]
    for codename in ("offboard_user", "revoke_token"):
        clerk.user_permissions.add(Permission.objects.get(codename=codename))

    may = [client.get(page_of(one)).status_code for one in (ada, token, clerk)]

    assert (without, may) == ([403, 403], [200, 200, 403])


def test_a_manager_lets_go_people_of_their_own_teams_who_are_no_staff_and_carry_nothing_else(
    client: Client,
) -> None:
    ours, theirs = make_team(), make_team()
    ada, boss = make_user(team=ours), make_user(team=ours, is_staff=True)
    both, foreign = make_user(team=ours), make_user(team=theirs)
    Membership.objects.create(user=both, team=theirs)
    token = log_in(ada)
    carried(token, team=theirs)
    link(make_account(team=ours), token)
    staff(client, "users.view_user", OFFBOARD, REVOKE, team=ours)

    pages = [client.get(page_of(one)).text for one in (ada, token)]
    refused = [client.get(page_of(one)).status_code for one in (boss, both)]
    not_found = client.get(page_of(foreign)).status_code
    for about in (ada, token):
        client.post(page_of(about), {"seen": "", "typed": str(ada)})

    ada.refresh_from_db()
    assert refused == [403, 403]
    assert not_found in {403, 404}
    assert all("also serve accounts of other teams" in page for page in pages)
    assert (ada.is_active, states(token)) == (True, {("valid", "")})


# --- nothing goes past it ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("depends", "said"),
    [
        ("serves", "Mara has 1 log-in that still serves accounts"),
        ("stopped", "Something still depends on Mara"),
        ("key", "Something still depends on Mara"),
        ("ask", "Something still depends on Mara"),
    ],
)
def test_the_tick_and_the_page_that_deletes_lead_here_whatever_depends_on_the_person(
    client: Client, boss: User, depends: str, said: str
) -> None:
    mara = person("Mara")
    if depends in {"serves", "stopped"}:
        carried(log_in(mara, state="dead" if depends == "stopped" else "valid"))
    if depends == "key":
        api_keys.issue_key(name="key", scopes=["accounts:read"], teams=[Team.default()], created_by=mara)
    if depends == "ask":
        ask_of(mara)
    change = reverse("admin:users_user_change", args=[mara.pk])
    form = {"email": mara.email, "theme": "auto"}
    form |= {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}

    pages = [
        client.post(change, form).text,
        client.get(reverse("admin:users_user_delete", args=[mara.pk])).text,
    ]
    client.post(reverse("admin:users_user_delete", args=[mara.pk]))

    mara.refresh_from_db()
    assert all(said in page for page in pages)
    assert all(page_of(mara) in page for page in pages)
    assert mara.is_active


def test_whoever_was_switched_off_past_it_is_shown_and_the_rest_is_done(client: Client, boss: User) -> None:
    mara = person("Mara")
    token = log_in(mara)
    carried(token)
    User.objects.filter(pk=mara.pk).update(is_active=False)

    start = client.get(reverse("admin:index")).text
    page = client.get(reverse("admin:users_user_change", args=[mara.pk])).text
    send(client, mara)
    tasks.run_jobs()

    assert page_of(mara) in start
    assert "Switched off, but 1 log-in still serves accounts." in page
    assert states(token) == {("dead", "removed")}
    assert "still serve accounts" not in client.get(reverse("admin:index")).text
