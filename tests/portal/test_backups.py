"""Backups that are at hand, in the portal: the card, one press, the list and its bulk action, the count on the start page."""

from datetime import timedelta
from html import unescape

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import tasks
from accounts.api_keys import services as api_keys
from accounts.backups import services as backing_up
from accounts.models import Account, AccountToken, ApiKey, AskLine
from notifications.models import Message
from tests.accounts.test_backups import add_backups, carried, log_in, reaches
from tests.portal.support import action_url, context_of, line_url, pool_url, rows_of, staff
from tests.support.factories import make_team, make_token, make_user
from tokens.models import Token
from users.invitations import services as invitations
from users.models import Invitation, Team

pytestmark = pytest.mark.django_db

LIST = "admin:accounts_account_changelist"
MAY = "accounts.add_backup"


def one_carried_alone(team: Team | None = None) -> tuple[Account, Token]:
    """An account that Ada carries alone, and the log-in of Emil, which reaches it."""
    account = carried(log_in("Ada", team=team), team=team or Team.default())
    emil = log_in("Emil", team=team)
    reaches(emil, account)
    return account, emil


def page(client: Client, account: Account) -> str:
    return page_at(client, pool_url(account))


def page_at(client: Client, address: str) -> str:
    return " ".join(unescape(client.get(address).content.decode()).split())


def said(response: object) -> str:
    return " ".join(str(one) for one in get_messages(response.wsgi_request))  # type: ignore[attr-defined]


def bulk(*accounts: Account) -> str:
    ids = ",".join(str(one.pk) for one in accounts)
    return f"{reverse('admin:accounts_account_bulk_backup')}?ids={ids}"


def seen(client: Client, address: str) -> str:
    return str(client.get(address).context["page"].seen)


def test_the_card_says_whose_log_in_reaches_the_account_and_who_may_not_add_it_has_no_button_and_is_refused(
    client: Client,
) -> None:
    account, _ = one_carried_alone()
    add = f"{reverse('admin:accounts_account_bulk_backup')}?account={account.pk}"
    staff(client, MAY)
    text = page(client, account)
    staff(client)

    without = page(client, account)

    for shown in (text, without):
        assert "<b>Emil</b>" in shown
        assert "Admin · can publish · read" in shown
    assert [add in text, add in without] == [True, False]
    refused = (client.get(add), client.post(add), client.get(bulk(account)))
    assert [one.status_code for one in refused] == [403] * 3


def test_an_account_of_another_team_is_not_found_and_its_people_are_not_named(client: Client) -> None:
    account, _ = one_carried_alone(team=make_team())
    staff(client, MAY, team=make_team())

    assert client.get(bulk(account)).status_code == 302
    assert account.pool.count() == 1


def test_a_viewer_from_outside_the_team_does_not_read_the_name(client: Client) -> None:
    """A person of staff sees an account of another team that carries an own log-in of theirs."""
    team = make_team()
    account, _ = one_carried_alone(team=team)
    viewer = staff(client, MAY, team=make_team())
    mine = log_in("Mine", person=viewer)
    AccountToken.objects.create(account=account, token=mine, access="lost")

    text = page(client, account)

    assert "Could be backed up at once" in text
    assert "Emil" not in text


def test_another_team_draws_nobody_in_and_leases_by_nobody_s_log_in_before_they_agreed(
    client: Client,
) -> None:
    lumen, fern = make_team("Lumen"), make_team("Fern")
    ma = log_in("Ma", team=lumen)
    carried(ma, team=lumen)
    account = carried(log_in("Fay", team=fern), team=fern)
    reaches(ma, account, serves=False)
    assert ma.consented_by
    staff(
        client, MAY, "accounts.switch_active_token", "users.invite_user", "users.view_invitation", team=fern
    )
    key = api_keys.issue_key(name="job", scopes=list(ApiKey.Scope.values), teams=[fern])[1]

    def presses_and_leases() -> object:
        client.post(bulk(account), {"note": "", "seen": ""})
        tasks.run_jobs()
        client.post(action_url("token_activate", account, ma), {"note": "", "seen": ""})
        job = Client(headers={"authorization": f"Bearer {key}"})
        answer = job.post(f"/api/v1/accounts/facebook/{account.native_id}/lease", {}, "application/json")
        return answer.json()["native_user"]

    client.post(reverse("admin:users_invitation_add"), {"email": "ma@example.com", "team": fern.pk})
    assert [fern.memberships.filter(user=ma.consented_by).exists(), presses_and_leases()] == [False, "Fay"]
    invitations.join(invitation=Invitation.objects.get(), user=ma.consented_by, now=timezone.now())
    accepted = [AskLine.objects.exists(), presses_and_leases(), AskLine.objects.get().token == ma]
    asked = [one.pk for one in AskLine.objects.all()]
    backing_up.answer_requests(person=ma.consented_by, line_ids=asked, agree=True, now=timezone.now())

    assert accepted == [False, "Fay", True]
    assert presses_and_leases() == "Ma"


@pytest.mark.django_db(transaction=True)
def test_from_its_page_one_account_gets_the_best_or_that_one_is_asked_first(client: Client) -> None:
    account, emil = one_carried_alone()
    Token.objects.update(due_at=timezone.now() + timedelta(days=1))
    strict, fay = make_team(ask_backups=True), log_in("Fay")
    asked = carried(log_in("Cleo"), team=strict)
    assert fay.consented_by
    strict.memberships.create(user=fay.consented_by)
    reaches(fay, asked)
    staff(client, MAY, team=account.team).memberships.create(team=strict)
    pages = [f"{reverse('admin:accounts_account_bulk_backup')}?account={one.pk}" for one in (account, asked)]

    answers = [client.post(one, {"note": "holidays", "seen": seen(client, one)}) for one in pages]
    again = client.post(pages[0], {"note": "", "seen": ""})

    assert f"Emil backs up {account.name} now." in unescape(said(answers[0]))
    assert said(answers[1]) == "Asked. A mail to Fay is on its way."
    assert "something has changed since" in said(again)
    assert answers[0].headers["Location"] == pool_url(account)
    account.refresh_from_db()
    assert (account.people_count, asked.pool.count()) == (2, 1)
    assert Token.objects.due(timezone.now()).get() == emil, "the list may be a week old"
    after = page(client, account)
    assert "Could be backed up at once" not in after
    assert "Emil was added as a backup" in page_at(client, line_url(account))


def test_the_list_is_filtered_by_what_is_at_hand_and_the_start_page_counts_it(client: Client) -> None:
    account, _ = one_carried_alone()
    alone, dark = carried(log_in("Ben"), name="Nobody else"), carried(name="Dark one")
    fay = log_in("Fay Fox")
    reaches(fay, dark)
    carried(make_token(consented_by=make_user(name="Lea"), state="dead"), name="Out of reach")
    staff(client, MAY)

    start = context_of(client, reverse("admin:index"))

    found = {one.pk for one in rows_of(client, f"{reverse(LIST)}?backup=1")}
    assert found == {account.pk, dark.pk}
    figures = {one.link: one.text for one in [*start["figures"], *start["sections"][0].rest]}
    assert figures[f"{reverse(LIST)}?alone=1"] == "2 with only one person"
    assert figures[f"{reverse(LIST)}?alone=1&backup=1"] == "1 of them could be backed up at once"
    assert figures[f"{reverse(LIST)}?state=deactivated&backup=1"] == "A colleague can bring 1 back at once"
    assert alone.pk not in found
    assert rows_of(client, f"{reverse(LIST)}?alone=1&backup=1") == [account]


def test_many_are_added_at_once_each_line_says_who_or_why_not_and_people_are_told_once(
    client: Client,
) -> None:
    ada, emil = log_in("Ada"), log_in("Emil")
    accounts = [carried(ada, name=f"Shop {number}") for number in range(3)]
    two = carried(ada, log_in("Ben"), name="Two people")
    nobody, strict = carried(ada, name="Nobody reaches"), make_team(ask_backups=True)
    asked, new = (carried(ada, name=name, team=strict) for name in ("Asked", "New"))
    for user in (staff(client, MAY, "users.invite_user"), emil.consented_by):
        assert user is not None
        strict.memberships.create(user=user)
    reaches(emil, *accounts, two, asked, new)
    add_backups({asked.pk: emil.pk}, make_user())
    address = bulk(*accounts, two, nobody, asked, new)

    asks = client.get(address)
    leads = client.post(address, {"note": "", "seen": asks.context["page"].seen})["Location"]
    tasks.run_jobs()
    answer = client.get(leads).content.decode()

    lines = {line.who: (line.what, line.but, line.skipped) for line in asks.context["page"].lines}
    assert lines == {
        **{f"Shop {number}": ("Emil", "", "") for number in range(3)},
        "New": ("Emil", "is asked first", ""),
        "Asked": ("Nobody", "", "a colleague was asked and has not answered yet"),
        "Two people": ("Nobody", "", "several people keep it connected already"),
        "Nobody reaches": ("Nobody", "", "no log-in of a colleague is known to reach it"),
    }
    assert f'href="/backups/invite/?account={asked.pk},{nobody.pk}&amp;next=' in asks.text
    assert "4 added or asked for, 3 skipped" in answer
    assert {one.pool.count() for one in accounts} == {2}
    assert new.ask_lines.get().stage == "waiting"
    assert Message.objects.filter(kind="ask_done").count() == 1
