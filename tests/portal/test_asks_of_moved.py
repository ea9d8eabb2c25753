"""Accounts that move to another team: what their former team asked for them ends, and whoever asked is told, once."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts import asks_of_moved, backup_invitations, client_links, tasks
from accounts.mails import asks_ended_mail, backup_invite_mail
from accounts.models import Account, AccountEvent, BackupInvitation, ClientLink
from notifications.kinds import NotWanted
from notifications.models import Message
from tests.support.factories import make_account, make_team, make_user
from users import invitations
from users.models import Invitation, Team, User

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/admin/accounts/account/"


@pytest.fixture
def red() -> Team:
    return make_team("Red")


@pytest.fixture
def rita(red: Team) -> User:
    return make_user("rita@example.com", name="Rita Red", team=red)


@pytest.fixture
def boss(client: Client, settings: Settings) -> User:
    settings.STAFF_SECOND_FACTOR = False  # its own tests are in tests/users
    boss = make_user("boss@example.com", name="Mira Boss", is_staff=True, is_superuser=True)
    client.force_login(boss)
    return boss


def ask(by: User, email: str, *accounts: Account, client: bool = False) -> None:
    backup_invitations.invite(
        accounts=accounts, email=email, by=by, now=timezone.now(), without_account=client
    )


def asked_by_form(by: User, team: Team, email: str, *accounts: Account) -> ClientLink:
    wanted = [{"channel": one.channel, "native_id": one.native_id, "name": ""} for one in accounts]
    return client_links.make(
        email=email,
        name="",
        team=team,
        channels=["facebook"],
        made_by=by,
        now=timezone.now(),
        asked_for=wanted,
    )


def page(client: Client, address: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", client.get(address).text)).split())


def test_what_was_asked_for_a_moved_account_alone_ends_and_the_rest_goes_on(
    client: Client, boss: User, rita: User, red: Team
) -> None:
    moves, stays = (make_account(name=name, team=red) for name in ("Lumen EU", "Lumen US"))
    before = invitations.create(email="member@example.com", team=red, invited_by=rita, now=timezone.now())
    ben = make_user("ben@example.com", team=red)
    for email in ("alone@example.com", "ben@example.com"):
        ask(rita, email, moves)
    ask(rita, "both@example.com", moves, stays)
    ask(rita, "member@example.com", moves)
    ask(rita, "client@example.com", moves, client=True)
    ask(boss, "of.boss@example.com", moves)
    of_form = asked_by_form(rita, red, "form@example.com", moves)
    partly = asked_by_form(rita, red, "partly@example.com", moves, stays)
    blue = make_team("Blue")
    address = reverse("admin:accounts_account_bulk_team") + f"?account={moves.pk}"

    shown = page(client, address)
    client.post(address, {"team": blue.pk, "seen": ""})
    again = page(client, address)
    told = Message.objects.get(kind="asks_ended")
    mail = asks_ended_mail.build(told)

    moves.refresh_from_db()
    assert moves.team == blue
    assert "8 end (client links, invitations and mails to link it); whoever asked is told" in shown
    assert "whoever asked is told" not in again
    still = Invitation.objects.filter(revoked_at=None).values_list("email", flat=True)
    assert set(still) == {"both@example.com", "member@example.com"}
    assert before.pk in Invitation.objects.filter(revoked_at=None).values_list("pk", flat=True)
    assert set(BackupInvitation.objects.values_list("email", "account")) == {("both@example.com", stays.pk)}
    for link in (of_form, partly):
        link.refresh_from_db()
    assert of_form.revoked_at is not None
    assert ClientLink.objects.get(email="client@example.com").revoked_at is not None
    assert (partly.revoked_at, partly.native_ids("facebook")) == (None, [stays.native_id])
    with pytest.raises(NotWanted):
        backup_invite_mail.build(Message.objects.get(kind="backup_invite", recipient=ben.email))
    assert told.recipient == rita.email  # who moved it has read it
    assert "Lumen EU" in mail.text
    assert "Lumen US" not in mail.text
    assert "Blue" not in mail.text


def test_many_that_are_moved_end_what_was_asked_for_them_and_an_asker_gets_one_mail(
    client: Client, boss: User, rita: User, red: Team
) -> None:
    accounts = [make_account(name=f"Lumen {number:03}", team=red) for number in range(120)]
    stays, blue = make_account(name="Stays", team=red), make_team("Blue")
    for one in accounts[::40]:
        ask(rita, "alone@example.com", one)
    ask(rita, "client@example.com", *accounts[:2], stays, client=True)
    ids = ",".join(str(one.pk) for one in accounts)
    address = f"{LIST}bulk/team/?ids={ids}"

    shown = page(client, address)
    client.post(address, {"team": blue.pk, "note": ""})
    tasks.run_jobs()

    assert "5 end (client links, invitations" in shown
    assert Account.objects.filter(team=blue).count() == 120
    assert not Invitation.objects.filter(revoked_at=None).exists()
    assert BackupInvitation.objects.get().account == stays
    assert ClientLink.objects.get().native_ids("facebook") == [stays.native_id]
    told = Message.objects.get(kind="asks_ended")
    assert asks_ended_mail.build(told).subject == "4 accounts moved to another team: your asks have ended"


def test_what_the_new_team_asks_goes_on_and_a_channel_without_accounts_is_asked_for_no_longer(
    boss: User, rita: User, red: Team
) -> None:
    blue, now = make_team("Blue"), timezone.now()
    bea = make_user("bea@example.com", team=blue)
    moved, on_x = make_account(team=red), make_account("x", team=red)
    ask(rita, "client@example.com", moved, on_x, client=True)
    moved.team = blue
    moved.save()
    facts = {"kind": "moved", "from_team": red, "to_team": blue, "source": "staff", "at": timezone.now()}
    AccountEvent.objects.create(account=moved, **facts)
    ask(bea, "new@example.com", moved)
    ask(bea, "new.client@example.com", moved, client=True)

    asks_of_moved.end(
        moved=Account.objects.filter(pk=moved.pk),
        since=now - timedelta(hours=1),
        actor=boss,
        now=timezone.now(),
    )

    assert set(BackupInvitation.objects.filter(account=moved).values_list("email", flat=True)) == {
        "new@example.com",
        "new.client@example.com",
    }
    left = ClientLink.objects.get(email="client@example.com")
    assert (left.channels, left.native_ids("x"), left.revoked_at) == (["x"], [on_x.native_id], None)
    assert ClientLink.objects.get(email="new.client@example.com").revoked_at is None
    assert Invitation.objects.get(email="new@example.com").revoked_at is None


def test_an_invitation_that_was_made_to_ask_ends_with_its_last_ask(boss: User, rita: User, red: Team) -> None:
    first, later, stays = (make_account(name=name, team=red) for name in ("First", "Later", "Stays"))
    by_hand = invitations.create(email="hand@example.com", team=red, invited_by=rita, now=timezone.now())
    Invitation.objects.filter(pk=by_hand.pk).update(created_at=timezone.now() - timedelta(days=2))
    for account in (first, later):
        ask(rita, "one@example.com", account)
        ask(rita, "hand@example.com", account)
        ask(rita, "more@example.com", account)
    ask(rita, "more@example.com", stays)
    blue, open_after = make_team("Blue"), []

    for account in (first, later):
        Account.objects.filter(pk=account.pk).update(team=blue)
        now = timezone.now()
        asks_of_moved.end(moved=Account.objects.filter(pk=account.pk), since=now, actor=boss, now=now)
        still = Invitation.objects.filter(revoked_at=None).order_by("email")
        open_after.append(list(still.values_list("email", flat=True)))

    everybody = ["hand@example.com", "more@example.com", "one@example.com"]
    assert open_after == [everybody, ["hand@example.com", "more@example.com"]]


def test_the_page_of_a_list_counts_links_that_were_made_by_the_form(
    client: Client, boss: User, rita: User, red: Team
) -> None:
    accounts = [make_account(name=name, team=red) for name in ("Lumen EU", "Lumen US")]
    asked_by_form(rita, red, "client@example.com", accounts[0])
    blue = make_team("Blue")
    foreign = asked_by_form(make_user("bea@example.com", team=blue), blue, "far@example.com", accounts[0])

    answer = client.get(f"{LIST}bulk/team/?ids={accounts[0].pk},{accounts[1].pk}")

    assert answer.status_code == 200
    assert answer.context["asks"] == 1
    client.post(
        reverse("admin:accounts_account_bulk_team") + f"?account={accounts[0].pk}",
        {"team": make_team("Green").pk},
    )
    foreign.refresh_from_db()
    assert foreign.revoked_at is None, "no team that had the account"
    assert ClientLink.objects.get(email="client@example.com").revoked_at is not None


def test_the_count_asks_as_often_for_many_accounts_as_for_few(rita: User, red: Team) -> None:
    def asked(number: int) -> int:
        for _ in range(number):
            account = make_account(team=red)
            ask(rita, f"a{account.pk}@example.com", account)
            asked_by_form(rita, red, f"b{account.pk}@example.com", account)
        with CaptureQueriesContext(connection) as queries:
            asks_of_moved.number_of(Account.objects.all(), timezone.now())
        return len(queries)

    assert asked(1) == asked(12) <= 4
