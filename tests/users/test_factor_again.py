"""Keys, channel apps and people ask for the second factor again; a code works once, and for its own person alone."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.serializers import JSONSerializer
from django.core import signing
from django.test import Client
from django.urls import reverse

from tests.support.factories import NOW, make_app
from tests.users.steps import begin_to_enrol, code_of, enrol, is_logged_in, log_in, secret_of
from users.models import Session, User

pytestmark = pytest.mark.django_db(transaction=True)  # allauth tells of an enrolment when it is committed

KEYS = "/admin/accounts/apikey/add/"


def test_guarded_pages_ask_for_the_factor_again_after_15_minutes_and_lists_do_not(
    client: Client, staff: User
) -> None:
    app = make_app()
    guarded = [
        KEYS,
        f"/admin/tokens/channelapp/{app.pk}/change/",
        f"/admin/users/user/{staff.pk}/change/",
        "/admin/users/invitation/add/",
        "/admin/users/team/add/",
    ]
    free = ["/admin/", "/admin/users/user/"]
    with time_machine.travel(NOW, tick=False) as clock:
        log_in(client, staff.email)
        enrol(client)
        at_once = client.get(KEYS).status_code
        clock.shift(timedelta(minutes=16))

        later = [client.get(path) for path in guarded]
        lists = [client.get(path).status_code for path in free]
        client.post(later[0]["Location"], {"code": code_of(secret_of(staff))})
        again = client.get(KEYS).status_code

    assert (at_once, again) == (200, 200)
    assert {answer["Location"].split("?")[0] for answer in later} == {reverse("mfa_reauthenticate")}
    assert lists == [200] * 2


def test_a_action_without_the_factor_does_nothing_and_a_form_that_was_opened_in_time_may_be_sent(
    client: Client, staff: User
) -> None:
    form = {"email": "new@example.com", "name": "New", "team": staff.teams.get().pk}
    with time_machine.travel(NOW, tick=False) as clock:
        log_in(client, staff.email)
        enrol(client)
        clock.shift(timedelta(minutes=29))
        client.post("/admin/users/invitation/add/", form)
        sent = staff.teams.get().invitations.count()
        clock.shift(timedelta(minutes=2))

        answer = client.post("/admin/users/invitation/add/", {**form, "email": "late@example.com"})

    assert sent == 1
    assert (
        answer["Location"] == f"{reverse('mfa_reauthenticate')}?next=%2Fadmin%2Fusers%2Finvitation%2Fadd%2F"
    )
    assert staff.teams.get().invitations.count() == 1


def test_the_code_of_the_enrolment_opens_no_log_in(client: Client, staff: User) -> None:
    thief = Client()
    with time_machine.travel(NOW, tick=False):
        log_in(client, staff.email)
        enrol(client)
        log_in(thief, staff.email)

        thief.post(reverse("mfa_authenticate"), {"code": code_of(secret_of(staff))})

        assert not is_logged_in(thief)


def test_the_seed_of_an_app_that_is_being_set_up_stands_in_no_table_in_clear(
    client: Client, staff: User
) -> None:
    log_in(client, staff.email)
    seed = begin_to_enrol(client)
    session = Session.objects.get()
    rows = signing.loads(
        session.session_data, salt=f"users.sessions.services.{session.pk}", serializer=JSONSerializer
    )

    client.post(reverse("mfa_activate_totp"), {"code": code_of(seed)})

    assert "mfa.totp.secret" in rows
    assert seed not in str(rows)
    assert secret_of(staff) == seed
    assert "mfa.totp.secret" not in Session.objects.get().get_decoded()
