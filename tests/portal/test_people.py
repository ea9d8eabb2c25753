"""People in the admin portal: who may invite whom, and that nobody raises their own rights."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from notifications.models import Message
from tests.portal.support import notices, rows_of
from tests.support.factories import make_team, make_token, make_user
from ui import stored_phrases as kept
from users.invitations import services as invitations
from users.models import Invitation, LoginRecord, Membership, User
from users.people.models import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk(client: Client) -> User:
    """Staff with every permission of users, but no superuser, logged in."""
    user = make_user("clerk@example.com", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label__in=["users", "auth"]))
    client.force_login(user)
    return user


def change_url(row: User | Invitation) -> str:
    return reverse(f"admin:users_{row._meta.model_name}_change", args=[row.pk])


def post_person(client: Client, user: User, **data: str) -> None:
    no_inlines = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    client.post(
        change_url(user), {"email": user.email, "theme": "auto", "is_active": "on", **no_inlines, **data}
    )


def test_allauth_s_pages_that_show_secrets_are_not_registered() -> None:
    registered = {model._meta.label for model in admin.site._registry}

    assert not registered & {
        "socialaccount.SocialApp", "socialaccount.SocialToken", "socialaccount.SocialAccount",
        "account.EmailAddress", "mfa.Authenticator", "usersessions.UserSession",
    }  # fmt: skip


def test_who_leads_a_team_is_chosen_on_its_page_and_named_in_the_list(client: Client, boss: User) -> None:
    led = make_team("Led")
    make_team("Alone")
    Membership.objects.create(team=led, user=make_user(name="Lea"), role=Membership.Role.TEAM_LEAD)

    form = client.get(reverse("admin:users_team_change", args=[led.pk])).content.decode()
    teams = " ".join(client.get(reverse("admin:users_team_changelist")).content.decode().split())

    assert re.search(r'<option value="manager"\s+selected>\s*Team lead', form)
    assert re.search(r">\s*Lea\s*<", teams)
    assert "Nobody: operators are told" in teams


def test_no_page_shows_a_password_hash_or_an_invitation_s_key(client: Client, boss: User) -> None:
    invited = invitations.create(
        email="emil@example.com", team=make_team(), invited_by=boss, now=timezone.now()
    )

    pages = client.get(change_url(boss)).text + client.get(change_url(invited)).text

    assert boss.password.split("$")[-1] not in pages
    assert "md5$" not in pages
    assert "pbkdf2" not in pages
    assert invited.key not in pages


@pytest.mark.parametrize(
    ("role", "staff", "superuser", "groups"),
    [
        ("marketer", False, False, []),
        ("manager", True, False, ["Staff"]),
        ("administrator", True, False, ["Administrators"]),
        ("superuser", True, True, []),
    ],
)
def test_a_superuser_gives_a_role_and_takes_the_one_before(
    client: Client, boss: User, role: str, staff: bool, superuser: bool, groups: list[str]
) -> None:
    other = make_user(is_staff=True)
    other.groups.set(Group.objects.filter(name="Auditors"))

    post_person(client, other, role=role)
    found = rows_of(client, f"{reverse('admin:users_user_changelist')}?role={role}")

    other.refresh_from_db()
    assert (other.is_staff, other.is_superuser) == (staff, superuser)
    assert list(other.groups.values_list("name", flat=True)) == groups
    assert other in found


def test_a_clerk_cannot_make_anybody_staff_or_superuser(client: Client, clerk: User) -> None:
    other = make_user(name="Old")

    post_person(client, other, name="New", role="superuser", is_staff="on", is_superuser="on")

    other.refresh_from_db()
    assert (other.name, other.is_staff, other.is_superuser) == ("New", False, False)
    assert not other.groups.exists()


def test_a_clerk_cannot_change_superusers_staff_or_own_rights(client: Client, clerk: User) -> None:
    root = make_user("root@example.com", is_staff=True, is_superuser=True)

    post_person(client, root, email="clerk2@example.com")
    post_person(client, clerk, role="superuser")

    root.refresh_from_db()
    clerk.refresh_from_db()
    assert root.email == "root@example.com"
    assert not clerk.is_superuser


def test_nobody_makes_people_without_an_invitation_and_the_hash_is_no_filter(
    client: Client, boss: User
) -> None:
    people = reverse("admin:users_user_changelist")

    assert client.get(f"{people}add/").status_code in {302, 403, 404}
    assert client.get(f"{people}?password__startswith=a").status_code in {302, 400}
    assert User.objects.count() == 1


def test_inviting_by_the_form_mails_once_and_logs_once(client: Client, boss: User) -> None:
    team = make_team("Lumen")

    response = client.post(
        reverse("admin:users_invitation_add"), {"email": "Emil@example.com", "name": "Emil", "team": team.pk}
    )

    invited = Invitation.objects.get()
    assert response.status_code == 302
    assert (invited.email, invited.invited_by, invited.role) == ("emil@example.com", boss, Role.MARKETER)
    assert Message.objects.get().dedupe_key == f"invite:{invited.pk}:1"
    assert LogEntry.objects.count() == 1


def test_staff_open_the_portal_to_nobody_and_the_form_does_not_offer_it(client: Client, clerk: User) -> None:
    team = clerk.teams.get()
    address = reverse("admin:users_invitation_add")

    page = client.get(address).text
    client.post(address, {"email": "e@example.com", "team": team.pk, "role": "manager"})

    assert 'name="role"' not in page
    assert Invitation.objects.get().gives == Role.MARKETER


def test_the_form_says_why_it_does_not_invite(client: Client, clerk: User) -> None:
    team = clerk.teams.get()

    page = client.post(reverse("admin:users_invitation_add"), {"email": clerk.email, "team": team.pk})

    assert "is in General already." in page.text
    assert not Invitation.objects.exists()


def test_staff_without_the_permission_cannot_invite(client: Client) -> None:
    staff = make_user(is_staff=True)
    client.force_login(staff)

    response = client.post(
        reverse("admin:users_invitation_add"), {"email": "e@example.com", "team": staff.teams.get().pk}
    )

    assert response.status_code == 403
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("action", ["send_again", "revoke"])
def test_a_action_shows_by_get_and_acts_by_post(client: Client, boss: User, action: str) -> None:
    invited = invitations.create(
        email="emil@example.com", team=make_team(), invited_by=boss, now=timezone.now()
    )
    url = reverse(f"admin:users_invitation_{action}", args=[invited.pk])

    page = client.get(url)
    before = Invitation.objects.values("number", "revoked_at").get()
    client.post(url)
    after = Invitation.objects.get()

    assert "the invitation of emil@example.com" in page.text
    assert before == {"number": 1, "revoked_at": None}
    assert (after.number == 2) if action == "send_again" else after.revoked_at
    assert LogEntry.objects.count() == 2


def test_a_action_on_a_revoked_invitation_says_so_and_one_on_none_is_not_found(
    client: Client, boss: User
) -> None:
    invited = invitations.create(
        email="emil@example.com", team=make_team(), invited_by=boss, now=timezone.now()
    )
    invitations.revoke(invitation=invited, by=boss, now=timezone.now())

    answer = client.post(reverse("admin:users_invitation_send_again", args=[invited.pk]))

    assert "was revoked already" in notices(answer)
    assert client.get(reverse("admin:users_invitation_revoke", args=[0])).status_code == 404


def test_a_clerk_cannot_send_a_staff_invitation_again(client: Client, clerk: User) -> None:
    root = make_user(is_staff=True, is_superuser=True)
    invited = invitations.create(
        email="emil@example.com",
        team=clerk.teams.get(),
        invited_by=root,
        role=Role.MANAGER,
        now=timezone.now(),
    )

    response = client.post(reverse("admin:users_invitation_send_again", args=[invited.pk]))

    assert response.status_code == 403
    assert Message.objects.count() == 1


def test_superusers_reset_a_lost_second_factor_after_a_confirm_page(client: Client, boss: User) -> None:
    other = make_user(name="Ada")
    Authenticator.objects.create(user=other, type="totp", data={"secret": "sealed"})
    url = reverse("admin:users_user_reset_second_factor", args=[other.pk])

    page = client.get(url)
    still = Authenticator.objects.count()
    client.post(url)

    assert "Reset the second factor of Ada?" in page.text
    assert still == 1
    assert not Authenticator.objects.exists()
    assert kept.said(LogEntry.objects.get().change_message) == "Reset the second factor."


def test_clerks_reset_no_second_factor(client: Client, clerk: User) -> None:
    other = make_user()
    Authenticator.objects.create(user=other, type="totp", data={"secret": "sealed"})

    response = client.post(reverse("admin:users_user_reset_second_factor", args=[other.pk]))

    assert response.status_code == 403
    assert Authenticator.objects.exists()


def test_the_page_that_deletes_a_person_says_what_goes_and_what_stays_and_that_is_what_happens(
    client: Client, boss: User
) -> None:
    ada = make_user("ada@example.com", team=make_team())
    token = make_token(consented_by=ada)
    record = LoginRecord.objects.create(
        at=timezone.now(), kind="log_in", succeeded=True, user=ada, email=ada.email
    )
    own = Client()
    own.force_login(ada)
    url = reverse("admin:users_user_delete", args=[ada.pk])

    page = client.get(url).text
    there = User.objects.filter(pk=ada.pk).exists()
    answer = client.post(url)

    assert there
    for words in ("with second factor, sessions", "their log-ins at channels", "switch them off instead"):
        assert words in page
    assert "ada@example.com" in page
    assert "is deleted." in notices(answer)
    assert not User.objects.filter(pk=ada.pk).exists()
    assert own.get(reverse("my_accounts")).status_code == 302
    token.refresh_from_db()
    assert (token.state, token.consented_by_id) == ("valid", None)
    assert LoginRecord.objects.get(pk=record.pk).email == "ada@example.com"
    assert LogEntry.objects.get().action_flag == DELETION


def test_nobody_deletes_themselves_and_clerks_delete_nobody(client: Client, boss: User) -> None:
    itself = client.post(reverse("admin:users_user_delete", args=[boss.pk])).status_code
    client.force_login(make_user("clerk@example.com", is_staff=True))

    by_clerk = client.post(reverse("admin:users_user_delete", args=[boss.pk])).status_code

    assert (itself, by_clerk, User.objects.filter(pk=boss.pk).exists()) == (403, 403, True)
