"""Accounts that move to another team: what their former team asked for them ends."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.asks import inviting, links, mails
from accounts.asks import services as endings
from accounts.models import Account, Ask, AskLine
from notifications.models import Message
from notifications.outbox import NotWanted
from tests.support.factories import make_account, make_team, make_user
from users.invitations import services as invitations
from users.models import Invitation, Team, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def red() -> Team:
    return make_team("Red")


@pytest.fixture
def rita(red: Team) -> User:
    return make_user("rita@example.com", name="Rita Red", team=red)


@pytest.fixture
def boss(client: Client, settings: Any) -> User:
    settings.STAFF_SECOND_FACTOR = False  # its own tests are in tests/users
    boss = make_user("boss@example.com", name="Mira Boss", is_staff=True, is_superuser=True)
    client.force_login(boss)
    return boss


def ask(by: User, email: str, *accounts: Account, client: bool = False) -> None:
    inviting.invite_to_link(accounts=accounts, email=email, by=by, now=timezone.now(), without_account=client)


def asked_by_form(by: User, team: Team, email: str, *accounts: Account) -> Ask:
    facts: dict[str, Any] = {"email": email, "name": "", "team": team, "channels": ["facebook"]}
    wanted = [(one.channel, one.native_id) for one in accounts]
    return links.make_link(**facts, made_by=by, now=timezone.now(), asked_for=wanted)


def move(account: Account, team: Team, by: User) -> None:
    Account.objects.filter(pk=account.pk).update(team=team)
    endings.end_what_moved(moved=Account.objects.filter(pk=account.pk), actor=by, now=timezone.now())


def of(email: str) -> Ask:
    """What was asked of an address, as the database has it now."""
    return Ask.objects.get(email=email)


@pytest.mark.django_db(transaction=True)
def test_what_was_asked_for_a_moved_account_alone_ends_and_the_rest_goes_on(
    client: Client, boss: User, rita: User, red: Team
) -> None:
    moves, stays = (make_account(name=name, team=red) for name in ("Lumen EU", "Lumen US"))
    invitations.create(email="member@example.com", team=red, invited_by=rita, now=timezone.now())
    ben = make_user("ben@example.com", team=red)
    for email in ("alone@example.com", "ben@example.com", "member@example.com"):
        ask(rita, email, moves)
    ask(rita, "both@example.com", moves, stays)
    ask(rita, "client@example.com", moves, client=True)
    asked_by_form(rita, red, "form@example.com", moves)
    asked_by_form(rita, red, "partly@example.com", moves, stays)
    blue = make_team("Blue")
    address = reverse("admin:accounts_account_bulk_move") + f"?account={moves.pk}"

    shown = client.get(address).text
    client.post(address, {"team": blue.pk, "seen": ""})

    moves.refresh_from_db()
    assert moves.team == blue
    assert "Open asks</dt> <dd> 7 end </dd>" in " ".join(shown.split())
    still = Invitation.objects.filter(revoked_at=None).values_list("email", flat=True)
    assert set(still) == {"both@example.com", "member@example.com"}
    left = AskLine.objects.values_list("ask__email", "account")
    assert set(left) == {("both@example.com", stays.pk), ("partly@example.com", stays.pk)}
    assert {of(name).ending for name in ("form@example.com", "client@example.com")} == {"stopped"}
    assert Client().get(of("client@example.com").link_path).status_code == 410
    assert (of("partly@example.com").ending, of("partly@example.com").native_ids("facebook")) == (
        "",
        [stays.native_id],
    )
    with pytest.raises(NotWanted):
        mails.build_ask_mail(Message.objects.get(kind="ask", recipient=ben.email))


def test_what_the_new_team_asks_goes_on_and_a_channel_without_accounts_is_asked_for_no_longer(
    boss: User, rita: User, red: Team
) -> None:
    blue = make_team("Blue")
    bea = make_user("bea@example.com", team=blue)
    moved, on_x = make_account(team=red), make_account("x", team=red)
    ask(rita, "client@example.com", moved, on_x, client=True)
    Account.objects.filter(pk=moved.pk).update(team=blue)
    moved.refresh_from_db()
    ask(bea, "new@example.com", moved)
    ask(bea, "new.client@example.com", moved, client=True)

    move(moved, blue, boss)

    asked = AskLine.objects.filter(account=moved).values_list("ask__email", flat=True)
    assert set(asked) == {"new@example.com", "new.client@example.com"}
    left = of("client@example.com")
    assert (left.channels, left.native_ids("x"), left.ended_at) == (["x"], [on_x.native_id], None)
    assert Invitation.objects.get(email="new@example.com").revoked_at is None


def test_an_invitation_that_was_made_to_ask_ends_with_its_last_ask(boss: User, rita: User, red: Team) -> None:
    first, later, stays = (make_account(name=name, team=red) for name in ("First", "Later", "Stays"))
    invitations.create(email="hand@example.com", team=red, invited_by=rita, now=timezone.now())
    for account in (first, later):
        for name in ("one", "hand", "more"):
            ask(rita, f"{name}@example.com", account)
    ask(rita, "more@example.com", stays)
    blue, open_after = make_team("Blue"), []

    for account in (first, later):
        move(account, blue, boss)
        still = Invitation.objects.filter(revoked_at=None).order_by("email")
        open_after.append(list(still.values_list("email", flat=True)))

    everybody = ["hand@example.com", "more@example.com", "one@example.com"]
    assert open_after == [everybody, ["hand@example.com", "more@example.com"]]
