"""Ending authorisations from our side, at the stand-in channels: what a sweep may clear away, and what it may not."""

from datetime import UTC, datetime, timedelta
from importlib import import_module
from threading import Thread

import pytest
from django.db import connection
from django.test import Client

from accounts import deeds, removal
from accounts.models import Account, AccountEvent, PendingLink
from tests.support import native
from tests.support.factories import link, make_account, make_token, make_user
from tests.support.sandbox import Sandbox
from tokens import vault
from tokens.models import Token

pytestmark = pytest.mark.django_db(transaction=True)

DAY_AFTER = timedelta(hours=25)


@pytest.fixture(autouse=True)
def world(channels_world: Sandbox) -> Sandbox:
    native.set_up_apps(channels_world)
    return channels_world


def browser(name: str) -> Client:
    client = Client()
    client.force_login(make_user(f"{name}@example.com", name=name.title()))
    return client


def revocations(world: Sandbox) -> list[str]:
    """Who lost AdToken at Facebook, in that order."""
    return [call["native_user"] for call in world.calls(path="me/permissions", method="DELETE")]


def test_a_log_in_that_never_was_linked_is_revoked_and_deleted_after_a_day(world: Sandbox) -> None:
    native.consent(browser("ada"), "facebook", "ada")
    PendingLink.objects.all().delete()

    assert removal.sweep_orphans(now=datetime.now(UTC) + timedelta(hours=23)) == 0
    assert removal.sweep_orphans(now=datetime.now(UTC) + DAY_AFTER) == 1
    assert not Token.objects.exists()
    assert revocations(world) == ["ada"]


def test_a_log_in_that_lost_its_last_account_stays_with_its_history(world: Sandbox) -> None:
    native.link(browser("ada"), "facebook", "ada")
    token, staff = Token.objects.get(), make_user()
    deeds.unlink(account=Account.objects.get(), token=token, actor=staff, note="", now=datetime.now(UTC))

    cleared = removal.sweep_orphans(now=datetime.now(UTC) + timedelta(days=30))

    assert (cleared, revocations(world)) == (0, [])
    assert token.events.exists()


def test_a_person_who_comes_back_while_the_sweep_runs_keeps_the_new_consent(world: Sandbox) -> None:
    """Facebook ends what a person gave an app, not one token: a call for the old consent would take the new one along."""
    ben = browser("ben")
    native.consent(browser("ada"), "facebook", "ada")
    native.consent(ben, "facebook", "ben")
    PendingLink.objects.all().delete()
    world.add_fault(
        "facebook", path="me/permissions", user="ada", status=200, body={"success": True}, delay=1
    )
    Token.objects.update(linked_at=datetime.now(UTC) - DAY_AFTER)

    def sweep() -> None:
        removal.sweep_orphans(now=datetime.now(UTC))
        connection.close()

    thread = Thread(target=sweep)
    thread.start()
    while not revocations(world):  # it has chosen both, and is held up by the call for the first one
        pass
    native.link(ben, "facebook", "ben")
    thread.join()

    assert "ben" not in revocations(world)
    assert Token.objects.get().native_user_name == "Ben Lindqvist"
    assert Account.objects.get().state == "connected"


def test_an_orphan_that_is_being_checked_is_left_for_the_next_sweep(world: Sandbox) -> None:
    native.consent(browser("ada"), "facebook", "ada")
    now = datetime.now(UTC) + DAY_AFTER
    Token.objects.update(claimed_until=now + timedelta(minutes=1))

    assert (removal.sweep_orphans(now=now), revocations(world)) == (0, [])
    assert removal.sweep_orphans(now=now + timedelta(minutes=2)) == 1


def test_an_orphan_that_does_not_open_is_deleted_and_does_not_stop_the_others() -> None:
    ada = browser("ada")
    native.consent(ada, "facebook", "ada")
    native.consent(ada, "x", "ada")
    PendingLink.objects.all().delete()
    Token.objects.filter(app__channel="facebook").update(credentials=vault.seal("another row", {}))

    assert removal.sweep_orphans(now=datetime.now(UTC) + DAY_AFTER) == 2


def test_tokens_of_an_old_database_count_as_linked_unless_they_surely_never_were() -> None:
    fill = import_module("accounts.migrations.0007_fill_first_linked_at").FILL
    now = datetime.now(UTC)
    in_a_pool, unlinked, without_trace, fresh = (
        make_token(created_at=now - age) for age in [DAY_AFTER] * 3 + [timedelta(0)]
    )
    link(make_account(), in_a_pool, added_at=now - timedelta(days=3))
    AccountEvent.objects.create(
        account=make_account(), token=unlinked, kind="unlinked", at=now - timedelta(days=2)
    )

    with connection.cursor() as cursor:
        cursor.execute(fill)

    found = dict(Token.objects.values_list("pk", "first_linked_at"))
    assert found == {
        in_a_pool.pk: now - timedelta(days=3),
        unlinked.pk: now - timedelta(days=2),
        without_trace.pk: without_trace.created_at,
        fresh.pk: None,
    }
