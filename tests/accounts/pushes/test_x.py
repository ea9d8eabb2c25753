"""X tells us: the challenge, and the event that a person removed the app, from the stand-in over real HTTP."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from accounts.models import Account
from tests.accounts.pushes.conftest import Queue
from tests.support import native
from tests.support.sandbox import Sandbox
from tests.support.signing import of_x
from tokens.models import ChannelApp, Token, TokenEvent

pytestmark = pytest.mark.django_db(transaction=True)

WEBHOOK = "/push/x/webhook/"


@pytest.fixture
def linked(world: Sandbox) -> Account:
    """Lumen Shoes EU, linked by Ada (active) and Ben."""
    world.put_app("x", settings={})
    return native.linked("x", "ada", "ben")


def token_of(name: str) -> Token:
    return Token.objects.get(native_user_name__startswith=name)


def revoked(user_id: str, at: datetime | None) -> bytes:
    payload = {"user_id": user_id, "app_id": "29820954"}
    if at is not None:
        payload["date_time"] = at.isoformat()
    return json.dumps({"data": {"event_type": "oauth.revoke", "filter": {}, "payload": payload}}).encode()


def post(client: Client, body: bytes, signature: str) -> Any:
    headers = {"x-twitter-webhooks-signature": signature}
    return client.post(WEBHOOK, body, content_type="application/json", headers=headers)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_person_who_removes_the_app_is_out_and_the_account_goes_on_within_seconds(
    legacy: bool, world: Sandbox, linked: Account, live_server: LiveServer, queue: Queue
) -> None:
    world.put_webhook("x", f"{live_server.url}{WEBHOOK}")
    settings = next(app for app in world.state()["apps"] if app["channel"] == "x")["settings"]
    world.put_app("x", settings={**settings, "legacy_events": legacy})

    world.cancel_authorisation("x", "ada")
    asked = queue.asked()
    queue.work()

    linked.refresh_from_db()
    assert asked == [("accounts.pushes.check_token", [token_of("Ada").pk])]
    assert (token_of("Ada").state, token_of("Ada").reason) == ("dead", "authorisation_cancelled")
    assert (linked.state, linked.active_token_id) == ("connected", token_of("Ben").pk)
    assert TokenEvent.objects.get(kind="died").source == "push"


def test_an_event_that_x_does_not_confirm_kills_nothing_and_is_looked_into_once_more(
    linked: Account, client: Client, queue: Queue
) -> None:
    body = revoked(token_of("Ada").native_user_id, datetime.now(UTC))

    answer = post(client, body, of_x(body))
    queue.work()

    due_at = token_of("Ada").due_at
    assert (answer.status_code, token_of("Ada").state) == (200, "valid")
    assert due_at is not None
    assert due_at - datetime.now(UTC) < timedelta(minutes=1)


def test_an_event_from_before_the_newest_consent_or_an_old_one_that_is_sent_again_costs_no_call(
    linked: Account, client: Client, queue: Queue
) -> None:
    user_id, now, long_ago = (
        token_of("Ada").native_user_id,
        datetime.now(UTC),
        datetime.now(UTC) - timedelta(days=9),
    )
    before = list(Token.objects.order_by("id").values())
    answers = [post(client, body := revoked(user_id, now - timedelta(minutes=10)), of_x(body))]
    unchanged = list(Token.objects.order_by("id").values()) == before
    Token.objects.update(issued_at=long_ago, linked_at=long_ago)
    answers += [post(client, body := revoked(user_id, now - timedelta(days=2)), of_x(body))]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert unchanged
    assert queue.asked() == []


def test_the_challenge_is_answered_for_the_default_app_and_for_each_app_at_its_own_address(
    world: Sandbox, live_server: LiveServer
) -> None:
    second = ChannelApp(channel="x", client_id="second", is_default=False, state=ChannelApp.State.LIVE)
    second.set_secrets(["second-secret"])
    second.save()
    world.put_app("x", client_id="second", secret="second-secret")

    world.put_webhook("x", f"{live_server.url}{WEBHOOK}")
    world.put_webhook("x", f"{live_server.url}{WEBHOOK}{second.pk}/", client_id="second")
    with pytest.raises(RuntimeError, match="CRC check failed"):
        world.put_webhook("x", f"{live_server.url}{WEBHOOK}", client_id="second")


def test_the_challenge_of_an_app_that_is_not_ours_is_refused(world: Sandbox, client: Client) -> None:
    facebook = ChannelApp.objects.get(channel="facebook")

    assert client.get(f"{WEBHOOK}{facebook.pk}/", {"crc_token": "abc"}).status_code == 403
    assert client.get(f"{WEBHOOK}999999999999999999999/", {"crc_token": "abc"}).status_code == 403
    assert client.get(WEBHOOK).status_code == 400
    assert client.get(WEBHOOK, {"crc_token": "a" * 500}).status_code == 400


def test_an_event_that_may_be_older_by_a_slow_clock_is_asked_about(
    world: Sandbox, linked: Account, client: Client, queue: Queue
) -> None:
    body = revoked(token_of("Ada").native_user_id, datetime.now(UTC) - timedelta(minutes=2))
    world.cancel_authorisation("x", "ada")

    post(client, body, of_x(body))
    before = token_of("Ada").state
    queue.work()

    assert (before, token_of("Ada").state) == ("valid", "dead")


def test_an_event_that_is_signed_by_nobody_or_changed_on_the_way_is_refused(
    linked: Account, client: Client
) -> None:
    body = revoked(token_of("Ada").native_user_id, datetime.now(UTC))

    answers = [
        post(client, body, ""),
        post(client, body, of_x(body, "other")),
        post(client, body + b" ", of_x(body)),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert token_of("Ada").state == "valid"
