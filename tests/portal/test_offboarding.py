"""Offboarding: what the page says, who may, and that everything is done once, told once, and gone on with after a worker died."""

import re
from collections import Counter
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts import (
    api_keys,
    backup_invitations,
    client_links,
    handing_over,
    leaving,
    leaving_steps,
    pool,
    removal,
    saved_views,
    tasks,
)
from accounts.campaigns import running
from accounts.errors import ActionRefused
from accounts.jobs import services
from accounts.jobs.kinds import KINDS
from accounts.leaving import Then
from accounts.linking import consent
from accounts.mails import client_link_mail, handed_over_mail, leaver_mail
from accounts.models import Account, BackupInvitation, Campaign, ClientLink, Job, PendingLink, ReachedAccount
from macros.models import Macro
from notifications.kinds import NotWanted
from notifications.models import Message
from portal import jobs, offboarding_invites
from portal.offboarding import first_said
from portal.people import UserAdmin
from portal.sidebar import navigation
from tests.notifications.support import make_message
from tests.portal.support import staff
from tests.support import native
from tests.support.connections import another
from tests.support.factories import link, make_account, make_app, make_team, make_token, make_user
from tests.support.sandbox import Sandbox
from tokens.channels import declarations
from tokens.models import Token
from users import invitations, liveness
from users.models import Invitation, Membership, Session, Team, User

pytestmark = pytest.mark.django_db(transaction=True)

OFFBOARD = "users.offboard_user"


@pytest.fixture(autouse=True)
def world(channels_world: Sandbox, settings: Settings) -> Sandbox:
    settings.STAFF_SECOND_FACTOR = False  # its own tests are in tests/users
    native.set_up_apps(channels_world)
    return channels_world


@pytest.fixture
def boss(client: Client) -> User:
    """A superuser, logged in."""
    user = make_user("boss@example.com", name="Mira Boss", is_staff=True, is_superuser=True)
    client.force_login(user)
    return user


def settle(*accounts: Account) -> None:
    with transaction.atomic():
        pool.settle(account_ids=[one.pk for one in accounts], cause="linked", now=timezone.now())
    for account in accounts:
        account.refresh_from_db()


def log_in(person: User | None, channel: str = "facebook", **fields: Any) -> Token:
    fields.setdefault("first_linked_at", timezone.now())
    return make_token(make_app(channel), consented_by=person, **fields)


def carried(*tokens: Token, **fields: Any) -> Account:
    account = make_account(tokens[0].app.channel, **fields)
    for token in tokens:
        link(account, token)
    settle(account)
    return account


def reaches(token: Token, *accounts: Account) -> None:
    ReachedAccount.objects.bulk_create(
        ReachedAccount(
            token=token, native_id=one.native_id, can_publish="yes", role="Admin", seen_at=timezone.now()
        )
        for one in accounts
    )


def page_of(person: User) -> str:
    return reverse("admin:users_user_offboard", args=[person.pk])


def send(client: Client, person: User, **form: Any) -> Any:
    """Open the page, leave its ticks as they are, type the name and press the button."""
    shown = client.get(page_of(person)).text
    found = re.search(r'name="seen" value="(\w+)"', shown)
    assert found, shown
    ticked = {name: "on" for name in ("backups", "asks") if f'name="{name}"' in shown}
    return client.post(page_of(person), {"seen": found[1], "typed": str(person), **ticked, **form})


def mails() -> Counter[tuple[str, str]]:
    return Counter(Message.objects.values_list("kind", "recipient"))


def states(*tokens: Token) -> set[tuple[str, str]]:
    return set(Token.objects.filter(pk__in=[one.pk for one in tokens]).values_list("state", "reason"))


# --- the whole of it --------------------------------------------------------------------------------------------------


def agency() -> tuple[User, list[Token], list[Account], list[Team]]:
    """Mara with 120 accounts in 6 log-ins at all channels and 4 teams, each with a lead; a colleague backs up every third account."""
    teams = [make_team(f"Team {letter}") for letter in "ABCD"]
    mara, emil = make_user("mara@example.com", name="Mara Lindt"), make_user("emil@example.com", name="Emil")
    for team in teams:
        lead = make_user(f"lead.{team.name[-1].lower()}@example.com", team=team)
        Membership.objects.filter(user=lead).update(role=Membership.Role.TEAM_LEAD)
        for one in (mara, emil):
            Membership.objects.create(user=one, team=team)
    own = [log_in(mara, channel) for channel in declarations.channel_keys()]
    accounts = []
    for token in own:
        other = log_in(emil, token.app.channel)
        for number in range(20):
            pool_of = [token, other] if number % 3 == 0 else [token]
            accounts.append(
                make_account(
                    token.app.channel, team=teams[number % 4], name=f"{token.app.channel} {number:02}"
                )
            )
            for used in pool_of:
                link(accounts[-1], used)
    settle(*accounts)
    return mara, own, accounts, teams


def test_120_accounts_in_six_log_ins_are_let_go_by_one_page_and_each_person_gets_one_mail(
    client: Client, boss: User
) -> None:
    mara, own, accounts, _ = agency()
    browser = Client()
    browser.force_login(mara)

    shown = client.get(page_of(mara)).text
    leads = send(client, mara, note="Left us.")["Location"]
    locked_out = browser.get(reverse("my_accounts")).status_code
    tasks.run_jobs()
    page = client.get(leads).text

    mara.refresh_from_db()
    text = " ".join(re.sub(r"<[^>]+>", " ", shown).split())
    assert "78 accounts: nobody else carries them" in text
    shown_accounts = {one.name for one in accounts if f'<th scope="row">{one.name}' in shown}
    assert len(shown_accounts) == 120, "with who could carry each, and none behind a number"
    assert (mara.is_active, Session.objects.filter(user=mara).exists(), locked_out) == (False, False, 302)
    assert states(*own) == {("dead", "removed")}
    stopped = Account.objects.filter(state="deactivated", reason="removed").count()
    assert (stopped, Account.objects.filter(state="connected").count()) == (78, len(accounts) - 78)
    assert "Mara Lindt is offboarded" in page
    assert mails() == {
        ("left", "lead.a@example.com"): 1,
        ("left", "lead.b@example.com"): 1,
        ("left", "lead.c@example.com"): 1,
        ("left", "lead.d@example.com"): 1,
        ("login_changed", "mara@example.com"): 1,
    }
    told = Message.objects.get(recipient="lead.a@example.com")
    mail = leaver_mail.build(told)
    assert mail.subject.startswith("Mara Lindt left: ")
    of_team_a = Account.objects.filter(state="deactivated", team__name="Team A").count()
    assert f"{of_team_a} accounts" in mail.subject
    assert LogEntry.objects.filter(object_id=str(mara.pk), change_message__contains="offboarded").exists()
    assert pool.differences() == []


def test_what_is_at_hand_is_added_first_so_that_those_accounts_go_on(client: Client, boss: User) -> None:
    mara, emil = make_user("mara@example.com", name="Mara"), make_user("emil@example.com", name="Emil")
    alone, other = carried(log_in(mara)), carried(log_in(mara))
    backup = log_in(emil)
    carried(backup)
    reaches(backup, alone)

    shown = client.get(page_of(mara)).text
    send(client, mara)
    tasks.run_jobs()

    for account in (alone, other):
        account.refresh_from_db()
    assert "Add the backup that is at hand to 1 account" in shown
    assert (alone.state, alone.active_token, other.state) == ("connected", backup, "deactivated")
    assert mails()["backup", "emil@example.com"] == 1


def test_the_ticks_are_taken_at_their_word(client: Client, boss: User) -> None:
    mara, emil = make_user("mara@example.com", name="Mara"), make_user("emil@example.com", name="Emil")
    alone = carried(log_in(mara))
    reaches(log_in(emil), alone)

    answer = send(client, mara, backups="")
    tasks.run_jobs()

    alone.refresh_from_db()
    assert answer.status_code == 302
    assert alone.state == "deactivated"
    assert not alone.pool.filter(token__consented_by=emil).exists()


def test_where_the_team_wants_it_the_colleague_is_asked_first(client: Client, boss: User) -> None:
    team = make_team(ask_backups=True)
    mara = make_user("mara@example.com", name="Mara", team=team)
    emil = make_user("emil@example.com", name="Emil", team=team)
    alone = carried(log_in(mara), team=team)
    reaches(log_in(emil), alone)

    shown = client.get(page_of(mara)).text
    send(client, mara)
    tasks.run_jobs()

    alone.refresh_from_db()
    assert "Emil is asked first" in shown
    assert alone.state == "deactivated"
    assert mails()["backup_ask", "emil@example.com"] == 1


def test_colleagues_whose_log_in_stopped_there_are_asked_by_one_mail_each(client: Client, boss: User) -> None:
    mara, cleo = make_user("mara@example.com", name="Mara"), make_user("cleo@example.com", name="Cleo")
    gone = make_user("gone@example.com", is_active=False)
    mine, stopped = log_in(mara), log_in(cleo, state="dead")
    for _ in range(3):
        carried(mine, stopped, log_in(gone, state="dead"))

    shown = client.get(page_of(mara)).text
    send(client, mara)
    tasks.run_jobs()

    assert "Cleo, asked to re-authenticate" in " ".join(shown.split())
    asks = Message.objects.filter(kind="ask")
    assert [(one.recipient, len(one.payload["accounts"])) for one in asks] == [("cleo@example.com", 3)]


def test_keys_are_revoked_one_by_one_and_the_others_go_on(client: Client, boss: User) -> None:
    mara = make_user("mara@example.com", name="Mara")
    kept, ended, taken = (
        api_keys.issue(name=name, scopes=["accounts:read"], teams=[Team.default()], created_by=mara)[0]
        for name in ("kept", "ended", "taken")
    )

    send(client, mara, keys=[ended.pk], taken=[taken.pk, ended.pk])

    for key in (kept, ended, taken):
        key.refresh_from_db()
    assert [key.created_by for key in (kept, ended, taken)] == [mara, mara, boss]
    assert kept.revoked_at is None
    assert ended.revoked_at is not None


def test_invitations_that_the_person_sent_open_nothing_afterwards_unless_they_are_to_stay(
    client: Client, boss: User, settings: Settings
) -> None:
    team, away = make_team("Lumen"), make_team("Away")
    mara, petra = (
        make_user(f"{name}@example.com", name=name.title(), team=team) for name in ("mara", "petra")
    )
    Membership.objects.create(user=mara, team=away)
    for person, email, of in (
        *((mara, "private@example.com", team), (mara, "answered@example.com", team)),
        *((mara, "other@example.com", away), (petra, "kept@example.com", team)),
    ):
        invitations.create(email=email, team=of, invited_by=person, now=timezone.now())
    Invitation.objects.filter(email="answered@example.com").update(accepted_at=timezone.now())
    Membership.objects.filter(user=mara, team=away).delete()
    sent = Invitation.objects.get(email="private@example.com")
    lead = staff(Client(), OFFBOARD, "users.view_user", team=team)

    first = first_said(mara)
    shown = [client.get(page_of(one)).text for one in (mara, petra)]
    client.force_login(lead)
    seen_by_lead = client.get(page_of(mara)).text
    client.force_login(boss)
    send(client, mara, invitations="on")
    send(client, petra)
    visitor = Client().get(invitations.link(sent).split("testserver")[-1])

    assert "3 invitations" not in first
    assert "2 invitations sent" in first
    assert "Revoke the 2 invitations that this person sent" in shown[0]
    assert "private@example.com and other@example.com" in shown[0]
    assert "Revoke the invitation that this person sent" in shown[1]
    assert "private@example.com" in seen_by_lead
    assert "other@example.com" not in seen_by_lead
    still = Invitation.objects.filter(revoked_at=None, accepted_at=None).values_list("email", flat=True)
    assert list(still) == ["kept@example.com"]
    assert visitor.status_code == 410
    revoked = LogEntry.objects.filter(object_id=sent.pk, content_type__model="invitation").latest("pk")
    assert revoked.user == boss


def test_whoever_is_locked_out_without_a_page_leaves_no_invitation_open(boss: User) -> None:
    mara = make_user("mara@example.com", team=make_team("Lumen"))
    invitations.create(
        email="private@example.com", team=mara.teams.get(), invited_by=mara, now=timezone.now()
    )

    leaving_steps.lock_out(person=mara, actor=boss, now=timezone.now(), by_key=True)

    assert not invitations.sent_by(mara, timezone.now()).exists()


def test_a_person_without_log_ins_is_switched_off_all_the_same(client: Client, boss: User) -> None:
    mara = make_user("mara@example.com", name="Mara")

    shown = client.get(page_of(mara)).text
    leads = send(client, mara)["Location"]
    tasks.run_jobs()

    mara.refresh_from_db()
    assert "There is no log-in at a channel to revoke." in shown
    assert not mara.is_active
    assert "is offboarded" in client.get(leads).text
    assert mails() == {("login_changed", "mara@example.com"): 1}


# --- what happens meanwhile -------------------------------------------------------------------------------------------


class Dies(BaseException):
    """The worker is gone, and writes nothing more."""


def test_a_worker_that_dies_is_followed_by_one_that_does_nothing_twice(
    client: Client, boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    mara, own, _, _ = agency()
    send(client, mara)
    monkeypatch.setattr(liveness, "may_take_over", lambda: True)
    end, calls = removal.end_at_channel, list[int]()

    def dies(**which: Any) -> Any:
        calls.append(which["token_id"])
        if len(calls) == 3:
            raise Dies
        return end(**which)

    monkeypatch.setattr(removal, "end_at_channel", dies)
    with pytest.raises(Dies):
        tasks.run_jobs()
    in_between = Counter(Token.objects.filter(consented_by=mara).values_list("reason", flat=True))
    told_before = Message.objects.filter(kind="left").count()
    later = timezone.now() + liveness.CLAIM + timedelta(seconds=1)
    services.do_next(kinds=KINDS, clock=lambda: later, goes_on=lambda: True)
    told_channels, left_open = Counter(calls), Token.objects.to_revoke().filter(pk=calls[2]).exists()
    removal.sweep_removed(now=later)

    assert (in_between, told_before) == ({"removed": 3, "": 3}, 0)
    assert told_channels == {token.pk: 1 for token in own}
    assert left_open  # the one whose channel was to be told when the worker died: the sweep does
    assert calls.count(calls[2]) == 2
    assert states(*own) == {("dead", "removed")}
    assert Message.objects.filter(kind="left").count() == 4
    assert Counter(Token.objects.get(pk=own[0].pk).events.values_list("kind", flat=True))["removed"] == 1


def test_a_log_in_that_was_renewed_or_consented_to_meanwhile_ends_too_and_a_colleagues_does_not(
    client: Client, boss: User
) -> None:
    mara, emil = make_user("mara@example.com", name="Mara"), make_user("emil@example.com", name="Emil")
    renewed, taken_over = log_in(mara), log_in(mara)
    carried(renewed)
    carried(taken_over)
    send(client, mara)
    Token.objects.filter(pk=renewed.pk).update(generation=7)
    Token.objects.filter(pk=taken_over.pk).update(consented_by=emil)
    late = log_in(mara)

    tasks.run_jobs()

    assert states(renewed, late) == {("dead", "removed")}
    taken_over.refresh_from_db()
    assert taken_over.state == "valid"


def test_the_channel_is_told_and_what_was_held_is_purged(client: Client, boss: User, world: Sandbox) -> None:
    native.linked("facebook", "ada")
    ada = User.objects.get(email="ada@example.com")
    world.clear_calls()

    leads = send(client, ada)["Location"]
    none_yet = world.calls(path="me/permissions", method="DELETE")
    tasks.run_jobs()

    assert none_yet == []
    assert len(world.calls(path="me/permissions", method="DELETE")) == 1
    assert Token.objects.get(consented_by=ada).credentials is None
    assert "not answered yet" not in client.get(leads).text


def test_a_channel_that_is_silent_holds_nothing_up_and_the_page_says_so(
    client: Client, boss: User, world: Sandbox
) -> None:
    account = native.linked("facebook", "ada")
    ada = User.objects.get(email="ada@example.com")
    world.add_fault("facebook", path="me/permissions", status=500)

    leads = send(client, ada)["Location"]
    tasks.run_jobs()
    page = client.get(leads).text

    account.refresh_from_db()
    token = Token.objects.get(consented_by=ada)
    assert (account.state, token.reason) == ("deactivated", "removed")
    assert token.credentials is not None
    assert "the channel has not answered yet" in page


def test_of_two_staff_at_once_one_does_it(client: Client, boss: User) -> None:
    mara = make_user("mara@example.com", name="Mara")
    carried(log_in(mara))
    other = Client()
    other.force_login(make_user("other@example.com", is_staff=True, is_superuser=True))
    seen = re.search(r'name="seen" value="(\w+)"', other.get(page_of(mara)).text)
    assert seen

    send(client, mara)
    page = other.post(page_of(mara), {"seen": seen[1], "typed": "Mara"}, follow=True).text
    again = send(other, mara)
    tasks.run_jobs()

    assert "somebody else is at it" in page
    assert again["Location"] == reverse("admin:users_user_change", args=[mara.pk])
    assert Job.objects.count() == 1
    assert mails()["login_changed", "mara@example.com"] == 1


def test_of_two_superusers_who_see_each_other_off_one_stays(boss: User) -> None:
    other = make_user("other@example.com", is_staff=True, is_superuser=True)
    leaving_steps.lock_out(person=other, actor=boss, now=timezone.now())

    with pytest.raises(ActionRefused, match="can no longer log in"):
        leaving_steps.lock_out(person=boss, actor=other, now=timezone.now())

    boss.refresh_from_db()
    assert boss.is_active


def test_whoever_is_switched_on_again_meanwhile_keeps_what_is_left_and_leads_hear_of_what_is_not(
    client: Client, boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = make_team()
    lead = make_user("lead@example.com", team=team)
    Membership.objects.filter(user=lead).update(role=Membership.Role.TEAM_LEAD)
    mara = make_user("mara@example.com", name="Mara")
    ended, dark, kept = log_in(mara), log_in(mara, state="dead"), log_in(mara)
    carried(dark, team=team, name="Dark for months")  # not by this: the mail does not count it
    link(carried(ended, team=team, name="Stopped"), dark)
    carried(kept)
    leads = send(client, mara)["Location"]
    end = removal.end_at_channel

    def then_switched_on(**which: Any) -> Any:
        User.objects.filter(pk=mara.pk).update(is_active=which["token_id"] == dark.pk)
        return end(**which)

    monkeypatch.setattr(removal, "end_at_channel", then_switched_on)
    tasks.run_jobs()
    on = " ".join(client.get(leads).text.split())
    User.objects.filter(pk=mara.pk).update(is_active=False)
    off = " ".join(client.get(leads).text.split())

    assert (states(ended, dark), states(kept)) == ({("dead", "removed")}, {("valid", "")})
    assert Job.objects.get().state == Job.State.FAILED
    assert "Mara was switched on again." in on
    assert "2 of 4 steps were done before" in on
    assert "Mara is locked out, but 1 log-in still serves accounts." in off
    assert "is offboarded" not in on + off
    mail = leaver_mail.build(Message.objects.get(kind="left"))
    assert "Stopped" in mail.text
    assert "Dark for months" not in mail.text


def test_a_consent_under_way_is_not_kept_for_whoever_was_locked_out(
    client: Client, boss: User, monkeypatch: pytest.MonkeyPatch, world: Sandbox
) -> None:
    native.linked("facebook", "ada")
    ada = User.objects.get(email="ada@example.com")
    listing, before = consent.ask_for_list, Token.objects.get(consented_by=ada)

    def then_locked_out(*args: Any) -> Any:
        found = listing(*args)
        leaving_steps.lock_out(person=ada, actor=boss, now=timezone.now())
        return found

    monkeypatch.setattr(consent, "ask_for_list", then_locked_out)
    browser = Client()
    browser.force_login(ada)
    answer = native.back(browser, native.decide(native.leave(browser, "facebook"), "ada"))

    assert answer.status_code == 400  # their session went meanwhile
    assert Token.objects.get(consented_by=ada).linked_at == before.linked_at
    assert not PendingLink.objects.exists()


# --- who may ----------------------------------------------------------------------------------------------------------


def test_nobody_offboards_themselves_and_it_has_a_permission_of_its_own(client: Client) -> None:
    team = make_team()
    ada = make_user("ada@example.com", team=team)
    without = staff(client, "users.view_user", team=team)
    by_clerk = client.get(page_of(ada)).status_code
    without.user_permissions.add(Permission.objects.get(codename="offboard_user"))

    by_manager = client.get(page_of(ada)).status_code
    itself = client.get(page_of(without)).status_code

    assert (by_clerk, by_manager, itself) == (403, 200, 403)


def test_a_manager_offboards_people_of_their_own_teams_who_are_no_staff_and_carry_nothing_else(
    client: Client,
) -> None:
    ours, theirs = make_team(), make_team()
    ada, boss = make_user(team=ours), make_user(team=ours, is_staff=True)
    both, foreign = make_user(team=ours), make_user(team=theirs)
    Membership.objects.create(user=both, team=theirs)
    carried(log_in(ada), team=theirs)
    staff(client, "users.view_user", OFFBOARD, team=ours)

    statuses = [client.get(page_of(one)).status_code for one in (ada, boss, both)]
    not_found = client.get(page_of(foreign)).status_code
    page = client.get(page_of(ada)).text
    client.post(page_of(ada), {"seen": "", "typed": str(ada)})

    ada.refresh_from_db()
    assert statuses == [200, 403, 403]
    assert not_found in {403, 404}
    assert "also carry accounts of other teams" in page
    assert ada.is_active


# --- nothing goes past it ---------------------------------------------------------------------------------------------


def test_the_tick_and_the_page_that_deletes_lead_here_while_log_ins_serve_accounts(
    client: Client, boss: User
) -> None:
    mara = make_user("mara@example.com", name="Mara")
    carried(log_in(mara))
    change = reverse("admin:users_user_change", args=[mara.pk])
    delete = reverse("admin:users_user_delete", args=[mara.pk])
    form = {
        "email": mara.email,
        "theme": "auto",
        "memberships-TOTAL_FORMS": "0",
        "memberships-INITIAL_FORMS": "0",
    }

    ticked = client.post(change, form).text
    asked = client.get(delete).text
    client.post(delete)

    mara.refresh_from_db()
    for page in (ticked, asked):
        assert "1 log-in that still serves accounts" in page
    assert page_of(mara) in client.get(change).text
    assert mara.is_active


def test_whoever_was_switched_off_past_it_is_shown_and_the_rest_is_done(client: Client, boss: User) -> None:
    mara = make_user("mara@example.com", name="Mara")
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


# --- the person's page and the list -----------------------------------------------------------------------------------


def test_the_persons_page_and_the_list_say_what_depends_on_them(client: Client, boss: User) -> None:
    mara, emil = make_user("mara@example.com", name="Mara"), make_user("emil@example.com", name="Emil")
    mine = log_in(mara)
    alone = carried(mine, name="Alone GmbH")
    shared = carried(mine, log_in(emil))

    page = client.get(reverse("admin:users_user_change", args=[mara.pk])).text
    rows = client.get(reverse("admin:users_user_changelist")).text
    numbers = leaving.carried_by_each(person_ids=[mara.pk, emil.pk], among=Account.objects.all())

    narrowed = client.get(reverse("admin:accounts_account_changelist"), {"person": mara.pk, "alone": 1})
    assert [line.pk for line in narrowed.context["lines"]] == [alone.pk]
    assert f"?person={mara.pk}&amp;alone=1" in page
    assert "1 account depends on this person alone:" in page
    assert "Alone GmbH" in page
    assert "1 would keep one person without them." in page
    assert numbers == {mara.pk: (2, 1), emil.pk: (1, 0)}
    assert "Alone" in rows
    assert dict(leaving.accounts_of(mara).values_list("pk", "then")) == {
        alone.pk: Then.STOPS,
        shared.pk: Then.ONE_LEFT,
    }


def test_the_persons_page_leads_to_their_mails_log_ins_and_keys_and_to_nobody_elses(
    client: Client, boss: User
) -> None:
    mara, other = make_user("mara@example.com", name="Mara"), make_user("xmara@example.com", name="Other")
    mine, theirs = log_in(mara, native_user_name="of Mara"), log_in(other, native_user_name="of the other")
    carried(mine, theirs)
    alone = carried(mine, name="Alone")
    carried(log_in(mara, state="dead"), log_in(other), name="Another's alone")
    scopes = ["accounts:read", "tokens:lease"]
    key = api_keys.issue(name="Publisher", scopes=scopes, teams=[Team.default()], created_by=mara)[0]
    told = [make_message(one.email, subject=f"To {one.name}") for one in (mara, other)]

    page = client.get(reverse("admin:users_user_change", args=[mara.pk])).text
    found = re.findall(r'href="(/admin/[^"]+)">([^<]+)</a>', page)
    by_name = {name: unescape(url) for url, name in found}
    mails = client.get(by_name["Mails to this person"]).context["cl"].result_list
    log_ins = client.get(by_name["All log-ins"]).context["cl"].result_list
    hang = client.get(by_name["See in the list"]).context["cl"].result_list
    keys = client.get(by_name["Publisher"]).context["cl"].result_list

    assert [line.pk for line in mails] == [told[0].pk]
    assert [one.pk for one in hang] == [alone.pk]
    assert {line.consented_by_id for line in log_ins} == {mara.pk}
    assert [line.pk for line in keys] == [key.pk]
    assert "Read accounts, Lease, sign and report tokens" in page


def in_order(client: Client, column: str, descending: str = "-") -> list[str]:
    """The people of the list that one gets by pressing the head of a column."""
    place = f"{descending}{UserAdmin.list_display.index(column)}"
    page = client.get(reverse("admin:users_user_changelist"), {"o": place})
    return [line.label for line in page.context["lines"]]


def test_the_list_is_sorted_by_the_accounts_that_people_carry_and_by_those_that_nobody_else_could(
    client: Client, boss: User
) -> None:
    ours, theirs = make_team("Ours"), make_team("Theirs")
    mara, emil, zoe = (
        make_user(f"{name.lower()}@example.com", team=ours, name=name) for name in ("Mara", "Emil", "Zoe")
    )
    many, single, other = log_in(mara), log_in(emil), log_in(zoe)
    for _ in range(3):
        carried(many, other, team=theirs)
    carried(many, team=theirs)
    carried(single, team=ours)
    carried(single, log_in(emil), log_in(zoe, state="cooling"), team=ours)  # hers cannot be used now

    orders = [in_order(client, "carries"), in_order(client, "alone"), in_order(client, "alone", "")]
    staff(client, "users.view_user", "accounts.view_account", team=ours)
    behind_a_wall = in_order(client, "carries")

    assert orders == [
        ["Mara", "Zoe", "Emil", "Mira Boss"],  # 4, 4, 2, 0
        ["Emil", "Mara", "Mira Boss", "Zoe"],  # 2, 1, 0, 0: then by e-mail
        ["Mira Boss", "Zoe", "Mara", "Emil"],
    ]
    assert behind_a_wall[0] == "Emil"


def test_accounts_of_teams_that_the_viewer_does_not_see_are_not_told(client: Client) -> None:
    ours, theirs = make_team(), make_team()
    mara = make_user("mara@example.com", team=ours)
    carried(log_in(mara), team=ours, name="Ours")
    carried(log_in(mara), team=theirs, name="Secret")
    staff(client, "users.view_user", team=ours)

    page = client.get(reverse("admin:users_user_change", args=[mara.pk])).text

    assert "Ours" in page
    assert "Secret" not in page
    assert "1 account depends on this person alone:" in page


def test_pages_ask_the_database_as_often_for_many_accounts_as_for_few(client: Client, boss: User) -> None:
    mara, emil = make_user("mara@example.com", name="Mara"), make_user("emil@example.com", name="Emil")
    pages = [
        page_of(mara),
        reverse("admin:users_user_change", args=[mara.pk]),
        reverse("admin:users_user_changelist"),
    ]
    counts = []
    for number in (2, 30):
        mine, stopped, backup = log_in(mara), log_in(emil, state="dead"), log_in(emil)
        for _ in range(number):
            reaches(backup, carried(mine))
            carried(mine, stopped)
        for address in pages:
            client.get(address)
        with CaptureQueriesContext(connection) as asked:
            for address in pages:
                assert client.get(address).status_code == 200
        counts.append(len(asked))

    assert counts[0] == counts[1]
    assert sum('AS "then"' in query["sql"] for query in asked) < 8  # the theme asks for a card five times


# --- the mail ---------------------------------------------------------------------------------------------------------


def test_the_mail_is_not_sent_where_somebody_carries_the_accounts_by_then(client: Client, boss: User) -> None:
    mara = make_user("mara@example.com", name="Mara")
    lead = make_user("lead@example.com")
    Membership.objects.filter(user=lead).update(role=Membership.Role.TEAM_LEAD)
    account = carried(log_in(mara))
    send(client, mara)
    tasks.run_jobs()
    message = Message.objects.get(kind="left")
    text = leaver_mail.build(message).text
    link(account, log_in(lead))
    settle(account)

    assert "Mara left" in text
    assert account.name in text
    with pytest.raises(NotWanted, match="Somebody linked the accounts"):
        leaver_mail.build(message)


def test_a_second_job_tells_what_one_had_removed_that_ended_before_its_mails(boss: User) -> None:
    mara, lead = make_user("mara@example.com"), make_user("lead@example.com")
    Membership.objects.filter(user=lead).update(role=Membership.Role.TEAM_LEAD)
    token = log_in(mara)
    carried(token)
    now: datetime = timezone.now()
    leaving_steps.lock_out(person=mara, actor=boss, now=now)
    first = Job(user=boss, kind="offboard", subject_id=mara.pk, total=1, note="")
    with transaction.atomic():
        leaving_steps.act(first, token.pk * 10 + leaving_steps.Step.LOG_IN, now)
    nobody_yet = Message.objects.filter(kind="left").exists()

    again = Job.objects.create(user=boss, kind="offboard", subject_id=mara.pk, total=1, note="")
    with transaction.atomic():
        leaving_steps.act(again, int(leaving_steps.Step.LAST), now)

    third = Job.objects.create(user=boss, kind="offboard", subject_id=mara.pk, total=2, state="failed")
    leaving_steps.finish(third, now + timedelta(hours=1))

    assert not nobody_yet
    assert mails()["left", "lead@example.com"] == 1, "told once, however often it is begun again"


# --- what else depends on them ---------------------------------------------------------------------------------------


def campaign_of(person: User, *tokens: Token) -> Campaign:
    now = timezone.now()
    facts: dict[str, Any] = {"note": "", "ends_at": now + timedelta(days=9), "once": "", "now": now}
    return running.start(user=person, name="Spring", token_ids=[one.pk for one in tokens], **facts)[0]


def lead_with_everything() -> tuple[User, Team, Campaign, ClientLink, Macro]:
    """Lea, who alone leads a team, runs a campaign, has made a client link and looks after a macro."""
    team = make_team("Lumen")
    lea = make_user("lea@example.com", name="Lea Lead", team=team, is_staff=True)
    Membership.objects.filter(user=lea).update(role=Membership.Role.TEAM_LEAD)
    campaign = campaign_of(lea, log_in(make_user("emil@example.com", team=team)))
    made: dict[str, Any] = {"email": "ada@client.example", "name": "Ada", "channels": ["facebook"]}
    link_made = client_links.make(team=team, made_by=lea, now=timezone.now(), **made)
    macro = Macro.objects.create(name="Lumen warns", owner=lea, team=team)
    return lea, team, campaign, link_made, macro


def test_what_runs_in_a_leavers_name_is_named_and_taken_over(client: Client, boss: User) -> None:
    lea, team, campaign, link_made, macro = lead_with_everything()
    for name, shared in (("Lumen soon", team), ("Hers", None)):
        saved_views.save(owner=lea, name=name, query="days=7", team=shared, now=timezone.now())

    shown = " ".join(re.sub(r"<[^>]+>", " ", client.get(page_of(lea)).text).split())
    send(client, lea)
    for one in (campaign, macro):
        one.refresh_from_db()
    with transaction.atomic():
        used_by: dict[str, Any] = {"log_in": log_in(None), "now": timezone.now()}
        client_links.note_used(link=link_made, channel="facebook", accounts=[], **used_by)

    assert "It goes on in your name: Spring" in shown
    assert "1 is open and stays so." in shown
    assert "You take it over: Lumen warns" in shown
    assert "to rename or delete it: Lumen soon (Lumen)" in shown
    assert "Hers" not in shown
    assert "Nobody else leads Lumen" in shown
    assert (campaign.made_by, campaign.ended_at, macro.owner) == (boss, None, boss)
    link_made.refresh_from_db()
    assert link_made.asker == "Lumen"
    used = Message.objects.get(kind="client_link_used")
    assert used.recipient == boss.email  # nobody leads the team now, so an operator
    assert "Lea Lead, who has left, sent ada@client.example a link." in client_link_mail.build_used(used).text
    assert not Message.objects.filter(kind="handed_over").exists()  # whoever pressed has read it


def test_what_a_worker_does_for_a_leaver_goes_on_in_the_name_of_whoever_saw_them_off(
    client: Client, boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MANY", 1)
    lea = make_user("lea@example.com", name="Lea Lead", is_staff=True, is_superuser=True)
    for number in range(3):
        make_account(name=f"Shop {number}")
    ids = Account.objects.order_by("pk").values("pk")
    job, _ = services.start(keys=ids, user=lea, kind="pause", once="7", now=timezone.now())
    ticked = first_said(lea)
    shown = client.get(page_of(lea)).text
    turns = iter([True, True, False])
    services.do_next(kinds=KINDS, clock=timezone.now, goes_on=lambda: next(turns))
    in_between = Account.objects.exclude(paused_at=None).count()
    page = send(client, lea)["Location"]
    tasks.run_jobs()
    after = client.get(page).text

    job.refresh_from_db()
    assert "1 job under way" in ticked
    assert "Pause 3 accounts" in shown
    assert in_between == 1
    assert (job.user, job.state, job.acted) == (boss, Job.State.READY, 3)
    paused_by = Account.objects.order_by("pk").values_list("paused_by", flat=True)
    assert list(paused_by) == [lea.pk, boss.pk, boss.pk]
    assert f'href="{reverse("admin:accounts_account_job", args=[job.pk])}"' in after
    assert client.get(reverse("admin:accounts_account_job", args=[job.pk])).status_code == 200


@pytest.mark.parametrize("as_client", [False, True])
def test_whom_a_leavers_job_was_asking_gets_the_mail_about_all_of_it(
    boss: User, monkeypatch: pytest.MonkeyPatch, as_client: bool
) -> None:
    monkeypatch.setattr(services, "MANY", 1)
    team = make_team("Lumen")
    lea = make_user("lea@example.com", is_staff=True, is_superuser=True, team=team)
    by_hand = invitations.create(email="zoe@example.com", team=team, invited_by=lea, now=timezone.now())
    for number in range(3):
        make_account(name=f"Shop {number}", team=team)
    ids = Account.objects.order_by("pk").values("pk")
    options = {"email": "new@example.com", "client": as_client}
    job, _ = services.start(keys=ids, user=lea, kind="invite", options=options, now=timezone.now())
    turns = iter([True, True, False])
    services.do_next(kinds=KINDS, clock=timezone.now, goes_on=lambda: next(turns))
    written = BackupInvitation.objects.count()

    named = handing_over.hanging(lea, timezone.now()).invitations
    leaving_steps.lock_out(person=lea, actor=boss, now=timezone.now())
    tasks.run_jobs()

    job.refresh_from_db()
    by_hand.refresh_from_db()
    assert (written, named) == (1, 1)
    assert by_hand.revoked_at is not None
    assert (job.state, job.acted) == (Job.State.READY, 3)
    asked = BackupInvitation.objects.filter(email="new@example.com")
    assert {(one.invited_by, backup_invitations.answer(one, timezone.now())) for one in asked} == {
        (boss, "asked")
    }
    assert len({(one.invitation_id, one.client_link_id) for one in asked}) == 1
    assert Message.objects.filter(recipient="new@example.com").count() == 1


def test_whoever_sees_somebody_off_does_not_wait_for_long_for_a_part_of_their_job(
    boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing_over, "HOLD_MS", 100)
    lea = make_user("lea@example.com", is_staff=True, is_superuser=True)
    make_account()
    ids = Account.objects.values("pk")
    job, _ = services.start(keys=ids, user=lea, kind="pause", now=timezone.now())
    with another() as worker, worker.transaction():
        worker.execute("update accounts_job set done = done where id = %s", [job.pk])
        with pytest.raises(ActionRefused, match="Try again"):
            leaving_steps.lock_out(person=lea, actor=boss, now=timezone.now())

    lea.refresh_from_db()
    assert lea.is_active
    assert leaving_steps.lock_out(person=lea, actor=boss, now=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("show lock_timeout")
        assert cursor.fetchone() == ("0",)


def test_whoever_sees_no_page_is_told_and_a_campaign_that_nobody_takes_ends_at_once(client: Client) -> None:
    lea, team, campaign, _, _ = lead_with_everything()
    other = make_user("other@example.com", team=team)
    Membership.objects.filter(user=other).update(role=Membership.Role.TEAM_LEAD)
    boss = make_user("boss@example.com", is_staff=True, is_superuser=True)
    clerk = make_user("clerk@example.com", is_staff=True, team=team)

    leaving_steps.lock_out(person=lea, actor=clerk, now=timezone.now())
    campaign.refresh_from_db()
    told = Message.objects.get(kind="handed_over")
    mail = handed_over_mail.build(told)
    User.objects.filter(pk=lea.pk).update(is_active=True)
    again = campaign_of(lea)
    leaving_steps.lock_out(person=lea, actor=boss, by_key=True, now=timezone.now())
    again.refresh_from_db()
    by_key = handed_over_mail.build(Message.objects.get(kind="handed_over", recipient=boss.email))

    Membership.objects.filter(user=lea).delete()
    User.objects.filter(pk=lea.pk).update(is_active=True)
    alone = campaign_of(lea)
    leaving_steps.lock_out(person=lea, actor=clerk, now=timezone.now())
    of_no_team = Message.objects.filter(kind="handed_over", recipient=boss.email).latest("pk")

    assert f"[{alone.pk}, 'Spring']" in str(of_no_team.payload["ended"])  # operators, where no lead can be
    assert (campaign.ending, told.recipient) == ("maker_left", other.email)
    assert "Spring: nobody is reminded any longer." in mail.text
    assert (again.made_by, again.ended_at) == (boss, None)
    assert "Spring" in by_key.text
    assert "Lumen warns" in by_key.text


def test_a_campaign_whose_maker_can_no_longer_log_in_ends_within_a_minute(boss: User) -> None:
    lea, _, campaign, _, _ = lead_with_everything()
    User.objects.filter(pk=lea.pk).update(is_active=False)

    running.end_due(now=timezone.now())

    campaign.refresh_from_db()
    assert campaign.ending == "maker_left"


@pytest.mark.parametrize("what", ["log-in that serves no account", "API key", "running campaign"])
def test_the_tick_leads_here_whatever_depends_on_the_person(client: Client, boss: User, what: str) -> None:
    mara = make_user("mara@example.com", name="Mara")
    if what.startswith("log-in"):
        carried(log_in(mara, state="dead"))
    elif what == "API key":
        api_keys.issue(name="key", scopes=["accounts:read"], teams=[Team.default()], created_by=mara)
    else:
        campaign_of(mara)
    form = {"email": mara.email, "theme": "auto"}
    form |= {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}

    ticked = client.post(reverse("admin:users_user_change", args=[mara.pk]), form).text
    client.post(reverse("admin:users_user_delete", args=[mara.pk]))

    mara.refresh_from_db()
    assert f"Mara still has: 1 {what}." in ticked
    assert mara.is_active


def test_beyond_what_the_page_looks_at_a_worker_finds_who_carries_on(
    client: Client, boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "MOST", 2)
    mara, emil = make_user("mara@example.com", name="Mara"), make_user("emil@example.com", name="Emil")
    cleo, mine = make_user("cleo@example.com", name="Cleo"), log_in(mara)
    accounts = [carried(mine, name=f"Lumen {number}") for number in range(6)]
    asked = carried(mine, log_in(cleo, state="dead"), name="Lumen 8")
    oak = make_team("Oak")
    alone = [carried(mine, name=f"<b>A {number}</b>", team=oak) for number in range(3)]
    beyond = carried(mine, name="Zebra", team=make_team("Elm"))
    backup = log_in(emil)
    carried(backup)
    reaches(backup, *accounts)

    shown = client.get(page_of(mara)).text
    send(client, mara, **{f"invite_{oak.pk}": "Zoe@example.com", "invite_others": "ina@example.com"})
    tasks.run_jobs()
    seen_off = client.get(reverse("admin:accounts_account_job", args=[Job.objects.get(kind="offboard").pk]))
    invitation = Job.objects.get(kind="invite", options__email="zoe@example.com")
    Job.objects.filter(pk=invitation.pk).update(acted=2, failed=1)
    with_a_failure = client.get(seen_off.wsgi_request.path).text

    assert f'href="{reverse("admin:accounts_account_changelist")}?person={mara.pk}&amp;alone=1"' in shown
    assert f'?person={mara.pk}">and 9 more' in shown
    assert "Invite for all accounts of all other teams that nobody could carry: e-mail" in shown
    assert BackupInvitation.objects.get(email="ina@example.com").account == beyond
    assert "This page looks for somebody else in the first 2 accounts." in shown
    assert "Invite for all accounts of Oak that nobody could carry: e-mail" in shown
    assert "&lt;b&gt;A 0" in shown
    assert "<b>A 0" not in shown, "also not in the help beside the address"
    invited = BackupInvitation.objects.filter(email="zoe@example.com").values_list("account", flat=True)
    assert set(invited) == {one.pk for one in alone}
    assert "Invite zoe@example.com for 3 accounts</a>: 3 accounts asked for, in one mail." in seen_off.text
    assert "at-notice-good" in seen_off.text
    standing = [
        item["title"]
        for group in navigation(seen_off.wsgi_request)
        for item in group["items"]
        if item["active"]
    ]
    assert standing == ["Users and teams"], "the page's address is below that of channel apps"
    assert (
        "Invite zoe@example.com for 3 accounts</a>: 2 accounts asked for, in one mail, 1 failed."
        in with_a_failure
    )
    assert "at-notice-good" not in with_a_failure
    assert "2 accounts asked for, in one mail" in client.get(jobs.address(invitation)).text
    assert set(Account.objects.filter(team=oak).values_list("state", flat=True)) == {"deactivated"}
    others = Account.objects.exclude(pk__in=[asked.pk, beyond.pk]).exclude(team=oak)
    assert set(others.values_list("state", flat=True)) == {"connected"}
    assert mails()["backup", "emil@example.com"] == 1
    assert Message.objects.get(kind="ask").recipient == cleo.email


def test_somebody_is_invited_from_here_for_the_accounts_that_nobody_could_carry(
    client: Client, boss: User
) -> None:
    lumen, fern, oak = make_team("Lumen"), make_team("Fern"), make_team("Oak")
    mara, zoe = make_user("mara@example.com", name="Mara"), make_user("zoe@example.com", team=fern)
    one, two = carried(log_in(mara), team=lumen), carried(log_in(mara, "x"), team=lumen)
    known = [carried(log_in(mara), team=team) for team in (fern, oak)]

    shown = client.get(page_of(mara)).text
    fields = {f"invite_{team.pk}": " Zoe@example.com " for team in (fern, oak)}
    send(client, mara, **fields, **{f"invite_{lumen.pk}": "new@example.com"}, note="For the spring")

    assert "Invite for 2 accounts of Lumen: e-mail" in shown
    assert f"{reverse('invite_backup')}?account=" in shown
    asked = BackupInvitation.objects.filter(email="new@example.com")
    assert set(asked.values_list("account", flat=True)) == {one.pk, two.pk}
    assert {row.invitation.team for row in asked if row.invitation} == {lumen}
    told = BackupInvitation.objects.filter(email=zoe.email)
    assert set(told.values_list("account", flat=True)) == {account.pk for account in known}
    assert mails()["invite", "new@example.com"] == 1
    assert mails()["backup_invite", zoe.email] == 1


def test_teams_beyond_those_that_have_a_field_have_one_together(
    client: Client, boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offboarding_invites, "TEAMS", 1)
    fern, lumen, oak = make_team("Fern"), make_team("Lumen"), make_team("Oak")
    mara = make_user("mara@example.com", name="Mara")
    mine = log_in(mara)
    _, *others = [carried(mine, team=team, name=f"Shop {team}") for team in (fern, lumen, oak)]

    shown = client.get(page_of(mara)).text
    send(client, mara, **{f"invite_{fern.pk}": "zoe@example.com", "invite_others": "ina@example.com"})

    assert "Invite for 2 accounts of all other teams: e-mail" in shown
    assert "Lumen and Oak" in shown
    told = BackupInvitation.objects.filter(email="ina@example.com").values_list("account", flat=True)
    assert set(told) == {one.pk for one in others}
    assert mails()["invite", "ina@example.com"] == 1
