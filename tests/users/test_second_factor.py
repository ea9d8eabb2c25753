"""Staff show a second factor before they reach the admin portal."""

from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from tests.support.factories import NOW, make_user
from tests.users.steps import code_of, enrol, is_logged_in, log_in, secret_of
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)  # allauth tells of an enrolment when it is committed


PAGE = reverse("admin:jsi18n")  # of the portal, and costs little


@pytest.fixture
def enrolled(staff: User) -> str:
    """Staff with an authenticator app, who have logged out; returns the app's secret."""
    with time_machine.travel(NOW, tick=False):
        browser = Client()
        log_in(browser, staff.email)
        enrol(browser)
    return secret_of(staff)


def test_staff_without_a_second_factor_are_sent_to_enrol(client: Client, staff: User) -> None:
    log_in(client, staff.email)

    response = client.get(reverse("admin:index"))

    assert response["Location"] == reverse("mfa_index")
    assert "admin portal needs a second factor" in client.get(response["Location"]).text


def test_enrolling_opens_the_portal_without_another_prompt_and_switching_the_factor_off_closes_it(
    client: Client, staff: User
) -> None:
    log_in(client, staff.email)

    enrol(client)
    opened = client.get(PAGE).status_code
    recovers = Authenticator.objects.filter(user=staff, type="recovery_codes").exists()
    client.post(reverse("mfa_deactivate_totp"))

    assert (opened, recovers) == (200, True)
    assert client.get(reverse("admin:index"))["Location"] == reverse("mfa_index")


@time_machine.travel(NOW + timedelta(hours=1), tick=False)
def test_the_password_opens_nothing_alone_and_the_portal_with_a_code_that_works_once(
    client: Client, staff: User, enrolled: str
) -> None:
    thief = Client()
    asked = log_in(client, staff.email, next=reverse("admin:index"))
    by_password = (is_logged_in(client), client.get(reverse("admin:index")).status_code)

    response = client.post(reverse("mfa_authenticate"), {"code": code_of(enrolled)})
    log_in(thief, staff.email)
    thief.post(reverse("mfa_authenticate"), {"code": code_of(enrolled)})

    assert asked["Location"] == reverse("mfa_authenticate")
    assert by_password == (False, 302)
    assert response["Location"] == reverse("admin:index")
    assert client.get(PAGE).status_code == 200
    assert not is_logged_in(thief)


@time_machine.travel(NOW + timedelta(hours=1), tick=False)
def test_a_session_that_skipped_the_log_in_stages_passes_once_it_has_shown_a_code(
    client: Client, staff: User, enrolled: str
) -> None:
    client.force_login(staff)

    prompt = client.get(f"{reverse('admin:index')}?a=b")["Location"]
    client.post(prompt, {"code": code_of(enrolled)})

    assert prompt == f"{reverse('mfa_reauthenticate')}?next=%2Fadmin%2F%3Fa%3Db"
    assert client.get(PAGE).status_code == 200


def test_recovery_codes_alone_are_no_second_factor(client: Client, staff: User, enrolled: str) -> None:
    Authenticator.objects.filter(user=staff, type="totp").delete()
    client.force_login(staff)

    assert client.get(reverse("admin:index"))["Location"] == reverse("mfa_index")


def test_the_secret_is_stored_encrypted(staff: User, enrolled: str) -> None:
    stored = str(Authenticator.objects.filter(user=staff).values_list("data", flat=True))

    assert enrolled not in stored
    assert "gAAAA" in stored


def test_the_admin_s_own_log_in_page_leads_to_ours(client: Client, staff: User) -> None:
    response = client.get(reverse("admin:index"), follow=True)

    assert response.redirect_chain[-1][0].startswith(reverse("account_login"))


def test_marketers_need_no_second_factor(client: Client) -> None:
    make_user("ada@example.com")

    log_in(client, "ada@example.com")

    assert client.get(reverse("profile")).status_code == 200
    assert client.get(reverse("admin:index")).status_code != 200


def test_a_demo_may_switch_it_off(client: Client, staff: User, settings: Settings) -> None:
    settings.DEMO, settings.STAFF_SECOND_FACTOR = True, False
    log_in(client, staff.email)

    assert client.get(PAGE).status_code == 200


def test_beyond_that_the_switch_is_refused_at_start(settings: Settings) -> None:
    settings.DEMO = settings.STAFF_SECOND_FACTOR = False

    with pytest.raises(ImproperlyConfigured, match="STAFF_SECOND_FACTOR"):
        apps.get_app_config("users").ready()
