"""Inviting people: the mail, the link, and who ends up where."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from notifications.mails import build_invitation
from notifications.models import Message
from notifications.outbox import NotWanted
from tests.support.factories import PASSWORD, make_team, make_user
from tests.users.steps import is_logged_in, log_in
from ui import stored_phrases as kept
from users.invitations import services as invitations
from users.invitations.services import InvitationError, InvitationRefusal, LinkRefused
from users.models import Invitation, User
from users.people.models import Role

pytestmark = pytest.mark.django_db

ANSWER = {"name": "Emil Novak", "password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture
def boss() -> User:
    return make_user("boss@example.com", name="Mira Boss", is_staff=True, is_superuser=True)


@pytest.fixture
def invited(boss: User) -> Invitation:
    return invitations.create(
        email="Emil@Example.com", name="Emil", team=make_team("Lumen"), invited_by=boss, now=timezone.now()
    )


def link_of(invitation: Invitation) -> str:
    """The path of the link as it is in the mail."""
    message = Message.objects.get(dedupe_key=f"invite:{invitation.pk}:{invitation.number}")
    found = re.search(r"http\S+(/invitation/\S+)", build_invitation(message).text)
    assert found
    return found[1]


def test_the_mail_holds_the_link_and_what_is_kept_does_not(invited: Invitation) -> None:
    mail = build_invitation(Message.objects.get())

    path = re.search(r"/invitation/\S+", mail.text)
    assert path
    assert path[0] in mail.html
    assert mail.stored_text
    assert mail.stored_html
    for text in (mail.stored_text, mail.stored_html, mail.subject, str(Message.objects.values())):
        assert "/invitation/" not in text
        assert invited.key not in text
    assert mail.subject == "Mira Boss asks you to help keep ad accounts connected"


def test_opening_the_link_changes_nothing_and_shows_who_invites(client: Client, invited: Invitation) -> None:
    path = link_of(invited)

    pages = [client.get(path), client.head(path), client.get(path)]

    assert [page.status_code for page in pages] == [200, 200, 200]
    assert "Mira Boss invites you to AdToken" in pages[0].text
    assert not User.objects.filter(email="emil@example.com").exists()
    invited.refresh_from_db()
    assert invited.accepted_at is None


def test_the_page_names_no_other_site_and_may_not_be_cached(client: Client, invited: Invitation) -> None:
    page = client.get(link_of(invited))

    assert not re.findall(r'(?:href|src|action)="(?:https?:)?//', page.text)
    assert page["Referrer-Policy"] == "same-origin"
    assert "no-store" in page["Cache-Control"]


def test_answering_makes_the_person_the_membership_and_the_e_mail_row_and_logs_in(
    client: Client, invited: Invitation
) -> None:
    response = client.post(link_of(invited), ANSWER)

    user = User.objects.get(email="emil@example.com")
    assert response["Location"] == f"{reverse('my_accounts')}?welcome=1"
    assert is_logged_in(client)
    assert (user.name, user.is_staff, user.is_superuser) == ("Emil Novak", False, False)
    assert [str(team) for team in user.teams.all()] == ["Lumen"]
    assert list(EmailAddress.objects.filter(user=user).values_list("email", "verified")) == [
        ("emil@example.com", True)
    ]
    invited.refresh_from_db()
    assert invited.user == user
    assert invited.accepted_at
    assert log_in(Client(), "emil@example.com")["Location"] == reverse("my_accounts")


def test_a_wrong_answer_makes_nobody_and_keeps_the_invitation(client: Client, invited: Invitation) -> None:
    for name, password1, password2 in (
        ("", PASSWORD, PASSWORD),
        ("Emil", PASSWORD, PASSWORD + "x"),
        ("Emil", "short", "short"),
        ("Emil", "emil@example.com", "emil@example.com"),
    ):
        answer = {"name": name, "password1": password1, "password2": password2}
        page = client.post(link_of(invited), answer)

        assert page.status_code == 200, answer
        assert "needs a change" in page.text, answer
        assert not User.objects.filter(email="emil@example.com").exists()
    assert client.post(link_of(invited), ANSWER).status_code == 302


def test_a_link_works_once(client: Client, invited: Invitation) -> None:
    path = link_of(invited)
    client.post(path, ANSWER)
    other = Client()

    page = other.post(path, {**ANSWER, "name": "Eve"})

    assert page.status_code == 410
    assert "This invitation was already used" in page.text
    assert "Ask Mira Boss for a new one" in page.text
    assert not is_logged_in(other)
    assert User.objects.get(email="emil@example.com").name == "Emil Novak"


def test_a_link_ends_after_its_days(client: Client, invited: Invitation) -> None:
    path = link_of(invited)

    with time_machine.travel(timezone.now() + timedelta(days=7, minutes=1), tick=False):
        page = client.post(path, ANSWER)

    assert page.status_code == 410
    assert "This invitation has ended" in page.text
    assert not User.objects.filter(email="emil@example.com").exists()


def test_a_revoked_link_opens_nothing(client: Client, invited: Invitation, boss: User) -> None:
    path = link_of(invited)
    invitations.revoke(invitation=invited, by=boss, now=timezone.now())

    page = client.post(path, ANSWER)

    assert page.status_code == 410
    assert "This invitation has ended" in page.text
    assert not User.objects.filter(email="emil@example.com").exists()


def test_a_cut_or_changed_link_opens_nothing_and_says_what_to_do(client: Client, invited: Invitation) -> None:
    path = link_of(invited)

    for broken in (path[:-9] + "/", path.replace("/invitation/", "/invitation/x"), "/invitation/abc/"):
        page = client.post(broken, ANSWER)
        assert page.status_code == 404
        assert "This link is not complete" in page.text
    assert not User.objects.filter(email="emil@example.com").exists()


def test_the_row_alone_opens_nothing(client: Client, invited: Invitation) -> None:
    page = client.post(f"/invitation/{invited.key}/", ANSWER)

    assert page.status_code == 404


def test_sending_again_raises_the_number_and_starts_the_days_anew(
    client: Client, invited: Invitation, boss: User
) -> None:
    later = timezone.now() + timedelta(days=30)

    row = invitations.send_again(invitation=invited, by=boss, now=later)

    assert (row.number, row.expires_at) == (2, later + timedelta(days=7))
    assert set(Message.objects.values_list("dedupe_key", flat=True)) == {
        f"invite:{invited.pk}:1", f"invite:{invited.pk}:2",
    }  # fmt: skip
    with pytest.raises(NotWanted, match="sent again"):
        build_invitation(Message.objects.get(dedupe_key=f"invite:{invited.pk}:1"))
    with time_machine.travel(later, tick=False):
        assert client.post(link_of(row), ANSWER).status_code == 302


def test_the_mail_is_dropped_when_the_invitation_is_answered_or_revoked(
    invited: Invitation, boss: User
) -> None:
    invitations.revoke(invitation=invited, by=boss, now=timezone.now())

    with pytest.raises(NotWanted, match="revoked"):
        build_invitation(Message.objects.get())


def test_nothing_is_sent_when_inviting_fails(invited: Invitation, boss: User) -> None:
    with pytest.raises(InvitationError, match="was invited to Lumen already"):
        invitations.create(email="emil@EXAMPLE.com", team=invited.team, invited_by=boss, now=timezone.now())

    assert Message.objects.count() == 1


def test_who_is_in_the_team_or_switched_off_cannot_be_invited(boss: User) -> None:
    team = make_team("Lumen")
    make_user("in@example.com", team=team, name="Ina")
    make_user("off@example.com", is_active=False, name="Otto")

    for email, reason in (("in@example.com", "Ina is in Lumen already"), ("off@example.com", "switched off")):
        with pytest.raises(InvitationError, match=reason):
            invitations.create(email=email, team=team, invited_by=boss, now=timezone.now())


def test_only_superusers_invite_staff() -> None:
    clerk = make_user(is_staff=True)

    with pytest.raises(InvitationError, match="Only a superuser"):
        invitations.create(
            email="x@example.com",
            team=clerk.teams.get(),
            invited_by=clerk,
            role=Role.MANAGER,
            now=timezone.now(),
        )


@pytest.mark.django_db(transaction=True)
def test_invited_staff_get_the_staff_group_and_enrol_without_typing_the_password_again(
    client: Client, settings: Settings
) -> None:
    from adtoken_project.setup.groups import ensure_groups

    settings.STAFF_SECOND_FACTOR = True
    ensure_groups()
    boss = make_user(is_superuser=True, team=make_team())
    invited = invitations.create(
        email="emil@example.com", team=make_team(), invited_by=boss, role=Role.MANAGER, now=timezone.now()
    )
    client.post(link_of(invited), ANSWER)

    assert client.get(reverse("admin:index"))["Location"] == reverse("mfa_index")
    assert client.get(reverse("mfa_activate_totp")).status_code == 200
    user = User.objects.get(email="emil@example.com")
    assert user.is_staff
    assert not user.is_superuser
    assert user.has_perm("users.invite_user")


def test_a_person_with_a_log_in_joins_by_pressing_accept_after_logging_in(client: Client, boss: User) -> None:
    user, team, now = make_user("emil@example.com"), make_team("Lumen"), timezone.now()
    path = link_of(invitations.create(email=user.email, team=team, invited_by=boss, now=now))

    stranger = client.get(path)
    assert "You have a log-in already" in stranger.text
    assert client.post(path, ANSWER).status_code == 200  # a stranger's answer sets no password
    assert client.login(email=user.email, password=PASSWORD)
    assert "Join Lumen" in client.get(path).text
    assert not user.teams.filter(name="Lumen").exists()
    client.post(path)

    assert user.teams.filter(name="Lumen").exists()
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def test_somebody_else_cannot_take_the_link_and_is_told_whose_it_is(
    client: Client, invited: Invitation
) -> None:
    eve = make_user("eve@example.com")
    client.force_login(eve)

    page = client.post(link_of(invited), ANSWER)

    assert page.status_code == 403
    assert "This link is for Emil" in page.text
    assert not eve.teams.filter(name="Lumen").exists()
    path = link_of(invited)
    assert client.post(f"{reverse('account_logout')}?next={path}")["Location"] == path


def test_accepting_never_takes_over_a_person_who_exists(invited: Invitation) -> None:
    user = make_user("emil@example.com", name="First")

    with pytest.raises(LinkRefused) as refused:
        invitations.accept(invitation=invited, name="Second", password="another phrase", now=timezone.now())

    assert refused.value.reason == InvitationRefusal.USED
    user.refresh_from_db()
    assert user.name == "First"
    assert user.check_password(PASSWORD)


@pytest.mark.django_db(transaction=True)
def test_of_two_answers_at_once_one_wins_and_the_other_is_told() -> None:
    boss = make_user(team=make_team(), is_superuser=True)
    invited = invitations.create(
        email="emil@example.com", team=make_team(), invited_by=boss, now=timezone.now()
    )
    start = Barrier(2)

    def answer(name: str) -> str:
        start.wait(timeout=60)
        try:
            invitations.accept(invitation=invited, name=name, password=PASSWORD, now=timezone.now())
        except LinkRefused as refused:
            return refused.reason
        else:
            return "accepted"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(answer, ["One", "Two"]))

    assert answers == ["accepted", "used"]
    assert User.objects.filter(email="emil@example.com").count() == 1


def test_a_log_entry_tells_every_action_and_who_did_it(
    client: Client, invited: Invitation, boss: User
) -> None:
    invitations.send_again(invitation=invited, by=boss, now=timezone.now())
    invited.refresh_from_db()
    client.post(link_of(invited), ANSWER)

    told = LogEntry.objects.order_by("pk").values_list("user__email", "change_message")

    assert [(who, kept.said(text)) for who, text in told] == [
        ("boss@example.com", "Invited emil@example.com to Lumen."),
        ("boss@example.com", "Sent the invitation again (number 2)."),
        ("emil@example.com", "Accepted the invitation."),
    ]
