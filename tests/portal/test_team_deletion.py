"""Deleting a team: a page that says what becomes of what belongs to it, never of accounts, and nothing that was told is told again."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.api_keys import services as api_keys
from accounts.asks import links
from accounts.jobs import services
from accounts.models import Account, ApiKey, Ask
from macros.models import Macro, Notice
from macros.warnings import mails, revalidation
from macros.warnings import services as evaluation
from notifications.models import Message
from tests.macros.support import TODAY as DAY_OF_MACROS
from tests.macros.support import ending, make_macro, noon
from tests.portal.support import notices
from tests.support.factories import link, make_team, make_token, make_user
from users.invitations import services as invitations
from users.models import Invitation, Membership, Team, User
from users.people.models import Role
from users.people.services import give_role

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("boss")]


def page_of(team: Team) -> str:
    return reverse("admin:users_team_delete", args=[team.pk])


def press(client: Client, team: Team) -> Any:
    return client.post(page_of(team), {"typed": team.name})


def test_a_team_with_accounts_says_so_briefly_and_leads_to_the_action_that_moves_them(client: Client) -> None:
    team, log_in = make_team("Lumen"), make_token()
    Account.objects.bulk_create(
        Account(channel="facebook", native_id=str(n), name=f"Number {n}", team=team) for n in range(30)
    )
    link(Account.objects.filter(team=team)[0], log_in)

    page = client.get(page_of(team)).text
    refused = client.get(press(client, team)["Location"]).text
    way = re.findall(r'href="([^"]*/bulk/move/[^"]*)"', page)[0].replace("&amp;", "&")

    assert "30 accounts belong to this team. Move them to another team first" in page
    assert "Number 1" not in page
    assert 'type="submit">Delete the team' not in page
    assert "30 accounts belong to this team." in refused
    assert Team.objects.filter(pk=team.pk).exists()
    assert "Move 30 accounts" in client.get(way).text


def furnished(boss: User) -> tuple[Team, Team]:
    """Lumen with something of each kind, and Fern, which shares some of it."""
    team, other, now = make_team("Lumen"), make_team("Fern"), timezone.now()
    make_user("ada@example.com", name="Ada", team=team)
    ben = make_user("ben@example.com", name="Ben", team=team)
    Membership.objects.create(user=ben, team=other)
    make_macro(team=team)
    Macro.objects.filter(team=team).update(name="Warn Lumen")
    for name, teams in (("Only here", [team]), ("Wider", [team, other])):
        api_keys.issue_key(name=name, scopes=["accounts:read"], teams=teams, created_by=boss)
    links.make_link(email="c@example.com", name="", team=team, channels=["facebook"], made_by=boss, now=now)
    both = [
        invitations.create(email="new@example.com", team=one, invited_by=boss, now=now, mailed=False)
        for one in (team, other)
    ]
    invitations.mail_together(both, now=now)
    make_token(kind="system", team=team, native_user_name="Robot")
    return team, other


def test_an_empty_team_goes_at_one_press_and_what_others_share_stays(client: Client, boss: User) -> None:
    team, other = furnished(boss)
    mailed = Invitation.objects.get(team=team).make_link().partition("/invitation/")[2]

    page = client.get(page_of(team)).text
    api_keys.issue_key(name="Made meanwhile", scopes=["accounts:read"], teams=[team], created_by=boss)
    unsaid = client.post(page_of(team), {"typed": "Fern"}).text
    still = Team.objects.filter(pk=team.pk).exists()
    done = notices(press(client, team))

    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    for said in (
        "Warn Lumen",
        "People: 2",
        "People of no other team: 1 ada@example.com",
        "Only here",
        "go on for the other teams",
        "new@example.com",
        "Robot",
    ):
        assert said in text
    assert "This is not the name." in unsaid
    assert still
    assert "The team “Lumen” is deleted." in done
    assert not Team.objects.filter(pk=team.pk).exists()
    ended = ApiKey.objects.exclude(revoked_at=None).order_by("name").values_list("name", flat=True)
    assert list(ended) == ["Made meanwhile", "Only here"]
    assert list(ApiKey.objects.get(name="Wider").teams.all()) == [other]
    assert LogEntry.objects.filter(object_repr__startswith="Only here").exists()
    assert not Macro.objects.filter(name="Warn Lumen").exists()
    assert not Ask.objects.client_links().exists()
    with pytest.raises(invitations.LinkRefused):
        invitations.open_link(signed=mailed.rstrip("/"), now=timezone.now())


def test_what_was_told_stays_and_an_account_that_moved_is_not_told_again(client: Client) -> None:
    team, other = make_team("Lumen"), make_team("Fern")
    make_macro(days=[14], emails=["watcher@example.com"])
    account = ending(days=10, team=team)
    evaluation.evaluate(now=noon(DAY_OF_MACROS))
    told = set(Message.objects.filter(kind="macro", team=team).values_list("pk", flat=True))
    Account.objects.filter(pk=account.pk).update(team=other)

    waiting = client.get(page_of(team)).text
    Message.objects.update(state="sent")
    Notice.objects.update(outcome="mailed")
    press(client, team)
    evaluation.evaluate(now=noon(DAY_OF_MACROS + timedelta(days=1)))

    assert "have not been mailed yet: 2." in waiting
    assert not Team.objects.filter(pk=team.pk).exists()
    assert set(Notice.objects.values_list("team", flat=True)) == {None}
    assert set(Message.objects.filter(kind="macro").values_list("pk", flat=True)) == told


def test_a_warning_about_several_teams_that_waits_or_comes_back_still_says_it_once_one_of_them_is_gone(
    client: Client, boss: User
) -> None:
    team, other = make_team("Lumen"), make_team("Fern")
    make_macro(days=[14], emails=[boss.email, "outside@example.com"])
    moved = ending(days=10, team=team, name="Was of Lumen")
    ending(days=10, team=other, name="Of Fern")
    evaluation.evaluate(now=noon(DAY_OF_MACROS))
    waits = Message.objects.get(recipient=boss.email)
    left = Message.objects.exclude(pk=waits.pk)  # about one team each, by their address or their linker
    comes_back = left.get(recipient="outside@example.com", team=team)
    left.update(state="sent")
    Account.objects.filter(pk=moved.pk).update(team=other)

    press(client, team)
    made = []
    for message in (waits, comes_back):
        message.refresh_from_db()
        with time_machine.travel(noon(DAY_OF_MACROS), tick=False):
            made.append(mails.build_mail(message).text)
        message.state, message.sent_at = Message.State.SENT, noon(DAY_OF_MACROS)
        revalidation.record_end(message)

    assert not Team.objects.filter(pk=team.pk).exists()
    assert ["Was of Lumen" in text for text in made] == [True, True]
    assert ["Of Fern" in text for text in made] == [True, False]
    told = Notice.objects.filter(recipient__in=[boss.email, "outside@example.com"], outcome="mailed")
    assert sorted(told.values_list("recipient", "account__name")) == [
        (boss.email, "Of Fern"),
        (boss.email, "Was of Lumen"),
        ("outside@example.com", "Was of Lumen"),
    ]


def test_who_may_not_is_refused_the_default_team_stays_and_a_move_under_way_is_waited_for(
    client: Client, boss: User
) -> None:
    team, foreign = make_team("Lumen"), make_team("Fern")
    answers = []
    ids = Account.objects.values("pk")
    services.start_job(user=boss, kind="move", keys=ids, subject_id=team.pk, now=timezone.now())
    under_way = client.get(page_of(team)).text
    default = client.get(page_of(Team.default())).status_code
    for role in (Role.MANAGER, Role.AUDITOR):
        user = make_user(f"{role}@example.com", team=team)
        give_role(user, role)
        client.force_login(User.objects.get(pk=user.pk))
        answers += [client.get(page_of(team)).status_code, client.post(page_of(team)).status_code]
        shown = client.get(reverse("admin:users_team_change", args=[team.pk])).text
        assert page_of(team) not in shown
    narrow = make_user("narrow@example.com", is_staff=True, team=team)
    give_role(narrow, Role.MANAGER)
    client.force_login(User.objects.get(pk=narrow.pk))
    hidden = client.get(page_of(foreign)).status_code

    assert "A worker is just bringing accounts to this team" in under_way
    assert default == 403
    assert answers == [403] * 4
    assert hidden == 404
    assert Team.objects.filter(pk=team.pk).exists()
