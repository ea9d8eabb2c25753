"""Offboarding by a key: within its teams, in its maker's name, once however often it is asked for, and done by a worker."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.api_keys import services as api_keys
from accounts.jobs import services
from accounts.models import Account, ApiKey, Job, ReachedAccount
from accounts.pool import services as pool
from notifications.models import Message
from tests.support.factories import link, make_account, make_app, make_team, make_token, make_user
from tests.support.jobs import system
from tokens.models import Token
from ui import stored_phrases as kept
from users.models import Membership, Team, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("channels_world")]

PATH = "/api/v1/people/offboard"


def leave(client: Client, email: str = "mara@example.com", **more: Any) -> Any:
    return client.post(PATH, {"email": email, **more}, content_type="application/json")


def carried(person: User, team: Team, name: str) -> tuple[Account, Token]:
    token = make_token(make_app(), consented_by=person, first_linked_at=timezone.now())
    account = make_account(name=name, team=team)
    link(account, token)
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="linked", now=timezone.now())
    return account, token


def work() -> None:
    while services.do_next_job(clock=timezone.now, goes_on=lambda: True):
        pass


def test_a_leaver_is_locked_out_at_once_and_a_worker_does_the_rest_once(
    boss: User, team: Team, mara: User
) -> None:
    account, token = carried(mara, team, "Lumen EU")
    stops, other = carried(mara, team, "Lumen US")
    lead = make_user("lead@example.com", team=team)
    Membership.objects.filter(user=lead).update(role="manager")
    colleague = make_token(make_app(), consented_by=lead, first_linked_at=timezone.now())
    link(make_account(team=team), colleague)
    ReachedAccount.objects.create(
        token=colleague, native_id=account.native_id, can_publish="yes", role="Admin", seen_at=timezone.now()
    )
    client = system(boss, team)

    first = leave(client, "  Mara@Example.com ", note="Leaves on 30 November")
    again = leave(client)
    mara.refresh_from_db()
    locked = not mara.is_active
    going = client.get(first.json()["url"]).json()
    work()
    done = client.get(first.json()["url"]).json()
    last = leave(client).json()
    for one in (account, stops, token, other):
        one.refresh_from_db()

    assert (first.status_code, again.status_code, locked) == (202, 202, True)
    assert first["Location"] == first.json()["url"]
    assert again.json()["id"] == done["id"] == last["id"]
    assert (going["state"], going["log_ins_left"]) == ("waiting", 2)
    assert (done["state"], done["log_ins_left"], done["failures"]) == ("done", 0, [])
    assert (account.state, account.active_token_id) == ("connected", colleague.pk)
    assert (stops.state, token.reason, other.reason) == ("deactivated", "removed", "removed")
    assert Job.objects.filter(kind="offboard").count() == 1
    assert Message.objects.filter(kind="left", recipient=lead.email).count() == 1
    said = LogEntry.objects.get(object_id=str(mara.pk))
    assert (said.user, kept.said(said.change_message)) == (
        boss,
        "Offboarded by API key Portal. Leaves on 30 November",
    )


def test_whoever_was_switched_on_again_meanwhile_is_locked_out_again(
    boss: User, team: Team, mara: User
) -> None:
    client = system(boss, team)
    first = leave(client).json()
    User.objects.filter(pk=mara.pk).update(is_active=True)

    again = leave(client).json()
    mara.refresh_from_db()

    assert (mara.is_active, again["id"]) == (False, first["id"])


def test_the_walls_of_key_and_maker_hold(boss: User, team: Team, mara: User) -> None:
    fern = make_team("Fern")
    make_user("petra@example.com", team=fern)
    both = make_user("both@example.com", team=team)
    Membership.objects.create(user=both, team=fern)
    carries = make_user("carries@example.com", team=team)
    carried(carries, fern, "Fern Gardens")
    carried(mara, team, "Lumen EU")
    left = make_user("left@example.com", is_staff=True, is_superuser=True, is_active=False)
    plain = make_user("plain@example.com", is_staff=True, team=team)
    client = system(boss, team)
    started = leave(system(boss, fern), "petra@example.com").json()

    found = {
        "other team": leave(client, "petra@example.com"),
        "nobody": leave(client, "nobody@example.com"),
        "two teams": leave(client, "both@example.com"),
        "carries for others": leave(client, "carries@example.com"),
        "maker": leave(system(boss, Team.default()), boss.email),
        "another channel": leave(system(boss, team, channels=["x"])),
        "maker left": leave(system(left, team)),
        "maker may not": leave(system(plain, team)),
        "no maker": leave(system(None, team)),
        "no scope": leave(system(boss, team, scopes=list(api_keys.FOR_JOBS))),
        "unknown field": leave(client, revoke_keys=[1]),
        "others' progress": client.get(started["url"]),
    }

    assert {name: answer.status_code for name, answer in found.items()} == {
        "other team": 404, "nobody": 404, "two teams": 409, "carries for others": 409, "maker": 409, "another channel": 409,
        "maker left": 409, "maker may not": 409, "no maker": 409, "no scope": 403, "unknown field": 422, "others' progress": 404,
    }  # fmt: skip
    assert found["other team"].json() == found["nobody"].json()
    assert {one["Content-Type"] for one in found.values()} == {"application/problem+json"}
    assert set(User.objects.filter(is_active=False).values_list("email", flat=True)) == {
        left.email,
        "petra@example.com",
    }


@pytest.mark.parametrize("odd", ["a\0b", "a\ud800b"], ids=["nul", "half a character"])
def test_what_no_text_holds_is_refused_by_its_field(boss: User, team: Team, mara: User, odd: str) -> None:
    client, email = system(boss, team), f"{odd}@example.com"
    bodies: dict[str, dict[str, Any]] = {
        "email": {"email": email},
        "note": {"email": mara.email, "note": odd},
    }

    for field, body in bodies.items():
        answer = client.post(PATH, body, content_type="application/json")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), answer.content


def test_an_offboarding_is_told_of_for_a_day(boss: User, team: Team, mara: User) -> None:
    client = system(boss, team)
    url = leave(client).json()["url"]
    work()
    Job.objects.update(
        created_at=timezone.now() - timedelta(days=2), ended_at=timezone.now() - timedelta(days=2)
    )

    services.sweep_jobs(now=timezone.now())

    assert client.get(url).status_code == 404
    assert leave(client).status_code == 202


def test_a_key_whose_maker_left_works_again_once_somebody_takes_it_over(
    boss: User, team: Team, mara: User
) -> None:
    browser = Client()
    left = make_user("left@example.com", name="Lea", is_staff=True, is_superuser=True)
    client = system(left, team)
    key = ApiKey.objects.get()
    secret = key.sha256
    User.objects.filter(pk=left.pk).update(is_active=False)
    clerk = make_user("clerk@example.com", is_staff=True, team=team)
    url = f"/admin/accounts/apikey/{key.pk}/take-over/"

    before = leave(client).status_code
    browser.force_login(clerk)
    refused = browser.post(url, {"seen": ""}).status_code
    browser.force_login(boss)
    asked = browser.get(url).status_code
    browser.post(url, {"seen": ""})
    key.refresh_from_db()
    after = leave(client).status_code

    assert (before, refused, asked, after) == (409, 403, 200, 202)
    assert (key.created_by, key.sha256, key.maker_left) == (boss, secret, False)
    assert kept.said(LogEntry.objects.get(object_id=str(key.pk)).change_message) == "Taken over."
