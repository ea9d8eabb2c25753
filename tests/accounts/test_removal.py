"""Ending authorisations from our side, at the stand-in channels: what a sweep may clear away, and what it may not."""

from datetime import UTC, datetime, timedelta
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client

import broker
from accounts.api_keys import services as api_keys
from accounts.checks import services as sweeps
from accounts.models import Account, PendingLink
from accounts.pool import actions
from accounts.pool import services as pool
from accounts.pushes import services as receiving
from broker.leases import callers
from infra import liveness
from tests.support import native, news
from tests.support.factories import make_token, make_user
from tests.support.sandbox import Sandbox
from tokens import lifecycle
from tokens.channels.pushes import News, Push
from tokens.checks import removal
from tokens.checks import views as renewing
from tokens.checks.removal import Ended
from tokens.models import Token
from tokens.vault import services as vault
from users.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]

DAY_AFTER = timedelta(hours=25)


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
    native.linked("facebook", "ada")
    token, staff = Token.objects.get(), make_user()
    actions.unlink_token(
        account=Account.objects.get(), token=token, actor=staff, note="", now=datetime.now(UTC)
    )

    cleared = removal.sweep_orphans(now=datetime.now(UTC) + timedelta(days=30))

    assert (cleared, revocations(world)) == (0, [])
    assert token.events.exists()


@pytest.mark.django_db(transaction=True)
def test_a_person_who_comes_back_while_the_sweep_runs_keeps_the_new_consent(world: Sandbox) -> None:
    """Facebook ends what a person gave an app, not one token: a call for the old consent would take the new one along."""
    ben = browser("ben")
    native.consent(browser("ada"), "facebook", "ada")
    native.consent(ben, "facebook", "ben")
    PendingLink.objects.all().delete()
    world.add_fault(
        "facebook", path="me/permissions", user="ada", status=200, body={"success": True}, delay=60
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
    world.clear_faults()
    thread.join()

    assert "ben" not in revocations(world)
    assert Token.objects.get().native_user_name == "Ben Lindqvist"
    assert Account.objects.get().state == "connected"


@pytest.mark.django_db(transaction=True)
def test_a_log_in_that_is_linked_while_the_call_for_it_is_under_way_is_kept(world: Sandbox) -> None:
    """The call cannot be taken back, and may have ended the new consent too: the channel is asked at once."""
    ada = browser("ada")
    native.consent(ada, "facebook", "ada")
    PendingLink.objects.all().delete()
    world.add_fault(
        "facebook", path="me/permissions", user="ada", status=200, body={"success": True}, delay=60
    )
    Token.objects.update(linked_at=datetime.now(UTC) - DAY_AFTER)

    def sweep() -> None:
        removal.sweep_orphans(now=datetime.now(UTC))
        connection.close()

    thread = Thread(target=sweep)
    thread.start()
    while not revocations(world):
        pass
    native.link(ada, "facebook", "ada")
    world.clear_faults()
    thread.join()

    token = Token.objects.get()
    assert Account.objects.get().active_token == token
    assert token.due_at is not None
    assert token.due_at <= datetime.now(UTC)


def test_an_orphan_that_is_being_checked_is_left_for_the_next_sweep(world: Sandbox) -> None:
    native.consent(browser("ada"), "facebook", "ada")
    now = datetime.now(UTC) + DAY_AFTER
    Token.objects.update(claimed_until=now + timedelta(minutes=1))

    assert (removal.sweep_orphans(now=now), revocations(world)) == (0, [])
    assert removal.sweep_orphans(now=now + timedelta(minutes=2)) == 1


def test_each_claim_of_a_sweep_counts_from_its_own_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls before it may have taken longer than a claim lasts."""
    now = datetime.now(UTC)
    orphans = [make_token(linked_at=now - DAY_AFTER) for _ in range(2)]
    gone: dict[str, Any] = {
        "state": "dead",
        "reason": Token.REMOVED,
        "removed_at": now,
        "first_linked_at": now,
    }
    removed = [make_token(**gone) for _ in range(2)]
    passed, left = [0.0], []
    monkeypatch.setattr("infra.io_steps.time", SimpleNamespace(monotonic=lambda: passed[0]))

    def slow_call(token: Token) -> tuple[bool, bool]:
        until = Token.objects.get(pk=token.pk).claimed_until
        left.append(until and until - now - timedelta(seconds=passed[0]))
        passed[0] += 120
        return True, True

    monkeypatch.setattr(removal, "tell_channel", slow_call)

    cleared = removal.sweep_orphans(now=now)
    ended = removal.sweep_removed(now=now + timedelta(seconds=passed[0]))

    assert (cleared, ended) == (len(orphans), len(removed))
    assert left == [liveness.CLAIM] * 4


def test_an_orphan_that_does_not_open_is_deleted_and_does_not_stop_the_others() -> None:
    ada = browser("ada")
    native.consent(ada, "facebook", "ada")
    native.consent(ada, "x", "ada")
    PendingLink.objects.all().delete()
    Token.objects.filter(app__channel="facebook").update(credentials=vault.seal("another row", {}))

    assert removal.sweep_orphans(now=datetime.now(UTC) + DAY_AFTER) == 2


def linked_by(*people: str, channel: str = "facebook") -> Account:
    """Lumen Shoes EU, the first of these people active."""
    return native.linked(channel, *people)


def token_of(name: str) -> Token:
    return Token.objects.select_related("app").get(native_user_name__startswith=name)


def remove(name: str = "Ada") -> Ended:
    staff = User.objects.filter(email="mira@example.com").first() or make_user(
        "mira@example.com", name="Mira"
    )
    token, now = token_of(name), datetime.now(UTC)
    lifecycle.remove(token_id=token.pk, generation=token.generation, actor=staff, note="left us", now=now)
    return removal.end_at_channel(token_id=token.pk, now=now, actor=staff)


class TestRemoving:
    def test_the_account_shifts_the_channel_is_told_and_the_history_stays(self, world: Sandbox) -> None:
        account = linked_by("ada", "ben")

        ended = remove()

        account.refresh_from_db()
        ada = token_of("Ada")
        assert (ended, revocations(world)) == (Ended.TAKEN, ["ada"])
        assert (account.state, account.active_token) == ("connected", token_of("Ben"))
        assert (ada.state, ada.reason, ada.credentials) == ("dead", "removed", None)
        assert set(ada.events.values_list("kind", flat=True)) == {"linked", "removed", "revoked"}
        assert account.pool.filter(token=ada).exists()
        assert pool.differences() == []

    def test_nobody_is_told_that_the_person_cancelled_when_the_channel_pushes_the_end(
        self, world: Sandbox
    ) -> None:
        linked_by("ada")
        remove()
        ada = token_of("Ada")

        receiving.take_pushes(
            ada.app,
            [
                Push(
                    News.CANCELLED,
                    native_user_id=ada.native_user_id,
                    at=datetime.now(UTC),
                    row="deauthorised",
                )
            ],
            now=datetime.now(UTC),
        )

        assert token_of("Ada").reason == "removed"
        assert not news.ends().exists()

    def test_a_lease_from_before_is_answered_with_another_log_in_and_later_ones_too(
        self, world: Sandbox
    ) -> None:
        account = linked_by("ada", "ben")
        _, secret = api_keys.issue_key(
            name="jobs", scopes=["accounts:read", "tokens:lease"], teams=[account.team]
        )
        caller = callers.authenticate(secret, now=datetime.now(UTC))
        assert caller is not None
        wanted = {"caller": caller, "channel": "facebook", "native_id": account.native_id}
        before = broker.lease(**wanted, now=datetime.now(UTC))  # type: ignore[arg-type]  # passed on

        remove()

        told = broker.report(
            caller=caller,
            lease_id=before.lease_id,
            status=400,
            body={"error": {"code": 190, "message": "x"}},
            now=datetime.now(UTC),
        )
        assert told.lease is not None
        assert told.lease.native_user == "Ben Lindqvist"
        remove("Ben")
        with pytest.raises(broker.NotAvailable) as held:
            broker.lease(**wanted, now=datetime.now(UTC))  # type: ignore[arg-type]  # passed on
        assert held.value.reason == "removed"

    @pytest.mark.django_db(transaction=True)
    def test_a_renewal_in_flight_brings_nothing_back_and_what_it_gave_is_revoked(
        self, world: Sandbox
    ) -> None:
        linked_by("ada", channel="snapchat")
        world.add_fault("snapchat", path="access_token", delay=60, count=1)
        world.clear_calls()
        old = token_of("Ada").unseal().access_token

        def renew() -> None:
            renewing.renew(token=token_of("Ada"), actor=User.objects.get(), now=datetime.now(UTC))
            connection.close()

        thread = Thread(target=renew)
        thread.start()
        while not world.calls(channel="snapchat", path="access_token"):
            pass
        ended = remove()
        world.clear_faults()
        thread.join()
        kept = token_of("Ada").unseal().access_token
        done = removal.sweep_removed(now=datetime.now(UTC) + timedelta(minutes=5))

        ada = token_of("Ada")
        assert (ended, done) == (Ended.LATER, 1)
        assert kept != old
        assert (ada.state, ada.reason, ada.credentials) == ("dead", "removed", None)
        assert world.calls(channel="snapchat", path="revoke")

    def test_a_consent_after_the_removal_takes_it_back(self, world: Sandbox) -> None:
        """The process died before the call, or the sweep comes late: the new consent must not be ended."""
        account = linked_by("ada")
        lifecycle.remove(
            token_id=token_of("Ada").pk,
            generation=token_of("Ada").generation,
            actor=make_user(),
            note="",
            now=datetime.now(UTC),
        )
        ada = Client()
        ada.force_login(User.objects.get(email="ada@example.com"))

        native.consent(ada, "facebook", "ada")
        done = removal.sweep_removed(now=datetime.now(UTC))

        account.refresh_from_db()
        assert (done, revocations(world)) == (0, [])
        assert (token_of("Ada").state, account.state) == ("valid", "connected")

    @pytest.mark.django_db(transaction=True)
    def test_a_consent_that_the_call_takes_along_is_found_at_once_and_blamed_on_nobody(
        self, world: Sandbox
    ) -> None:
        linked_by("ada")
        world.add_fault("facebook", path="me/permissions", delay=60, count=1)
        ada = Client()
        ada.force_login(User.objects.get(email="ada@example.com"))

        def end() -> None:
            remove()
            connection.close()

        thread = Thread(target=end)
        thread.start()
        while not revocations(world):
            pass
        native.consent(ada, "facebook", "ada")
        meanwhile = token_of("Ada").state
        world.clear_faults()
        thread.join()
        now = datetime.now(UTC)
        sweeps.check_due_tokens(now=now + timedelta(seconds=1))

        assert meanwhile == "valid"
        assert (token_of("Ada").state, token_of("Ada").reason) == ("dead", "removed")

    def test_a_process_that_died_between_the_call_and_its_record_leaves_work_for_the_sweep(
        self, world: Sandbox
    ) -> None:
        linked_by("ada")
        ada, now = token_of("Ada"), datetime.now(UTC)
        lifecycle.remove(token_id=ada.pk, generation=ada.generation, actor=make_user(), note="", now=now)
        claimed = lifecycle.claim_removed(token_id=ada.pk, now=now)
        assert claimed is not None
        removal.tell_channel(claimed[0])

        busy = removal.sweep_removed(now=now)
        done = removal.sweep_removed(now=now + timedelta(minutes=5))

        assert (busy, done) == (0, 1)
        assert token_of("Ada").credentials is None

    def test_a_channel_that_does_not_answer_is_asked_for_a_day(self, world: Sandbox) -> None:
        linked_by("ada")
        world.add_fault("facebook", path="me/permissions", status=503, body="<html>")

        ended = remove()
        next_day = removal.sweep_removed(now=datetime.now(UTC) + timedelta(hours=25))

        assert (ended, next_day) == (Ended.LATER, 1)
        assert token_of("Ada").credentials is None
        assert not token_of("Ada").events.get(kind="revoked").detail["taken"]

    def test_check_now_does_not_bring_it_back(self, world: Sandbox) -> None:
        linked_by("ada")
        world.add_fault("facebook", path="me/permissions", status=503, body="<html>")
        remove()
        Token.objects.make_due(datetime.now(UTC))

        checked = sweeps.check_due_tokens(now=datetime.now(UTC) + timedelta(minutes=5))
        sweeps.check_now(token_of("Ada"), now=datetime.now(UTC) + timedelta(minutes=5))

        assert (checked, token_of("Ada").reason) == (0, "removed")

    @pytest.mark.parametrize("channel", ["x", "pinterest"])
    def test_a_channel_ends_it_or_says_that_it_cannot(self, world: Sandbox, channel: str) -> None:
        linked_by("ada", channel=channel)

        ended = remove()

        assert ended in {Ended.TAKEN, Ended.NO_CALL}
        assert Token.objects.get().credentials is None
