"""Staff of one team invite, see and change people of their own team only; administrators those of all."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from notifications.models import Message
from tests.support.factories import make_team, make_user
from users.invitations import services as invitations
from users.invitations.services import InvitationError
from users.models import Invitation, Membership, Team, User
from users.people.models import ADMINISTRATORS_GROUP

pytestmark = pytest.mark.django_db


@pytest.fixture
def lumen() -> Team:
    return make_team("Lumen")


@pytest.fixture
def fern() -> Team:
    return make_team("Fern")


@pytest.fixture
def clerk(client: Client, lumen: Team) -> User:
    """Staff of Lumen with every permission on people, logged in."""
    user = make_user("clerk@example.com", team=lumen, is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label__in=["users", "auth"]).exclude(
            codename="see_all_teams"
        )
    )
    client.force_login(user)
    return user


@pytest.fixture
def foreign(fern: Team) -> Invitation:
    """An invitation into the other team, by its own superuser."""
    boss = make_user("boss@example.com", is_staff=True, is_superuser=True)
    return invitations.create(email="emil@example.com", team=fern, invited_by=boss, now=timezone.now())


def invite(client: Client, team: Team, email: str = "eve@example.com") -> Any:
    return client.post(reverse("admin:users_invitation_add"), {"email": email, "team": team.pk}, follow=True)


def person_form(user: User, **data: Any) -> dict[str, Any]:
    inlines = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    return {"email": user.email, "theme": "auto", "is_active": "on", **inlines, **data}


def test_staff_cannot_invite_themselves_into_another_team(client: Client, clerk: User, fern: Team) -> None:
    page = invite(client, fern, "clerk2@example.com")

    assert "Select a valid choice" in page.text
    assert not Invitation.objects.exists()
    assert not Message.objects.exists()


def test_the_form_offers_own_teams_only_and_chooses_the_only_one(
    client: Client, clerk: User, lumen: Team, fern: Team
) -> None:
    page = client.get(reverse("admin:users_invitation_add"))

    field = page.context["adminform"].form["team"]
    assert list(field.field.queryset) == [lumen]
    assert field.value() == lumen.pk
    assert "Fern" not in page.text


def test_inviting_says_that_a_mail_goes_out_and_not_whether_the_address_has_a_log_in(
    client: Client, clerk: User, lumen: Team, fern: Team
) -> None:
    make_user("eve@example.com", name="Eve Adams", team=fern)

    page = invite(client, lumen)

    assert "The invitation goes to eve@example.com by mail." in page.text
    assert "Eve Adams" not in page.text


@pytest.mark.parametrize("action", ["send_again", "revoke"])
def test_an_invitation_of_another_team_is_neither_seen_nor_touched(
    client: Client, clerk: User, foreign: Invitation, action: str
) -> None:
    answer = client.post(reverse(f"admin:users_invitation_{action}", args=[foreign.pk]))

    foreign.refresh_from_db()
    assert answer.status_code == 404
    assert (foreign.number, foreign.revoked_at) == (1, None)
    assert "emil@example.com" not in client.get(reverse("admin:users_invitation_changelist")).text
    assert client.get(reverse("admin:users_invitation_change", args=[foreign.pk])).status_code == 302


def test_the_services_refuse_it_too(clerk: User, fern: Team, foreign: Invitation) -> None:
    now = timezone.now()

    with pytest.raises(InvitationError, match="your own teams"):
        invitations.create(email="eve@example.com", team=fern, invited_by=clerk, now=now)
    with pytest.raises(InvitationError, match="your own teams"):
        invitations.send_again(invitation=foreign, by=clerk, now=now)
    with pytest.raises(InvitationError, match="your own teams"):
        invitations.revoke(invitation=foreign, by=clerk, now=now)


def test_an_administrator_invites_into_any_team(client: Client, clerk: User, fern: Team) -> None:
    clerk.groups.add(Group.objects.get_or_create(name=ADMINISTRATORS_GROUP)[0])

    invite(client, fern)

    assert Invitation.objects.get().team == fern


def test_people_and_teams_of_others_are_not_seen(client: Client, clerk: User, fern: Team) -> None:
    other = make_user("otto@example.com", team=fern)

    people = client.get(reverse("admin:users_user_changelist")).text
    teams = client.get(reverse("admin:users_team_changelist")).text

    assert "clerk@example.com" in people
    assert "otto@example.com" not in people
    assert "Fern" not in people + teams
    assert client.get(reverse("admin:users_user_change", args=[other.pk])).status_code == 302
    assert client.get(reverse("admin:users_team_change", args=[fern.pk])).status_code == 302
    assert (
        "Fern"
        not in client.get(
            "/admin/autocomplete/?app_label=users&model_name=membership&field_name=team&term=F"
        ).text
    )


def test_a_colleague_s_membership_of_another_team_is_neither_shown_nor_changed(
    client: Client, clerk: User, lumen: Team, fern: Team
) -> None:
    both = make_user("both@example.com", team=lumen)
    hidden = Membership.objects.create(user=both, team=fern)
    url = reverse("admin:users_user_change", args=[both.pk])
    take_out = {
        "memberships-TOTAL_FORMS": "1", "memberships-INITIAL_FORMS": "1", "memberships-0-id": hidden.pk,
        "memberships-0-user": both.pk, "memberships-0-team": fern.pk, "memberships-0-role": "member",
        "memberships-0-DELETE": "on",
    }  # fmt: skip

    page = client.get(url)
    client.post(url, person_form(both, email="mine@example.com", **take_out))

    both.refresh_from_db()
    assert "Fern" not in page.text
    assert both.email == "both@example.com"  # a changed e-mail would open Fern, too
    assert Membership.objects.filter(pk=hidden.pk).exists()


def test_staff_cannot_put_a_colleague_into_another_team(
    client: Client, clerk: User, lumen: Team, fern: Team
) -> None:
    mate = make_user("mate@example.com", team=lumen)
    add = {
        "memberships-TOTAL_FORMS": "1", "memberships-INITIAL_FORMS": "0", "memberships-0-user": mate.pk,
        "memberships-0-team": fern.pk, "memberships-0-role": "member",
    }  # fmt: skip

    client.post(reverse("admin:users_user_change", args=[mate.pk]), person_form(mate, **add))

    assert not fern.memberships.exists()


def test_an_invitation_s_key_cannot_be_guessed_by_filters(client: Client, clerk: User, lumen: Team) -> None:
    invitations.create(email="emil@example.com", team=lumen, invited_by=clerk, now=timezone.now())
    begin = Invitation.objects.get().key[:1]

    answer = client.get(reverse("admin:users_invitation_changelist") + f"?key__startswith={begin}")

    assert answer.status_code in {302, 400}  # Django leads to the list without it, or refuses
    assert "emil@example.com" not in answer.text
