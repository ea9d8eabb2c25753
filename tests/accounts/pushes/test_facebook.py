"""Facebook tells us: from the stand-in over real HTTP into the pool."""

import hashlib
import hmac
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from django.db import connection
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from accounts.checks import services as sweeps
from accounts.models import Account, AccountEvent, AccountToken
from accounts.pool import services as pool
from tests.accounts.pushes.conftest import Queue
from tests.support import native, news
from tests.support.ends import hours_pass
from tests.support.sandbox import Sandbox
from tests.support.signing import deauthorise, signed_request
from tokens.channel_apps import models
from tokens.models import ChannelApp, Token, TokenEvent
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)

DEAUTHORISE = "/push/facebook/deauthorise/"
WEBHOOK = "/push/facebook/webhook/"


@pytest.fixture
def linked(world: Sandbox, live_server: LiveServer) -> Account:
    """Lumen Shoes EU, linked by Ada (active) and Ben."""
    world.put_app("facebook", deauthorise_url=f"{live_server.url}{DEAUTHORISE}", settings={})
    return native.linked("facebook", "ada", "ben")


def token_of(name: str) -> Token:
    return Token.objects.get(native_user_name__startswith=name)


def set_up_webhook(world: Sandbox, live_server: LiveServer) -> None:
    app = ChannelApp.objects.get(channel="facebook")
    word = app.push_words(models.VERIFY_TOKEN)[0]
    world.put_webhook("facebook", f"{live_server.url}{WEBHOOK}", verify_token=word)


def webhook(client: Client, content: dict[str, Any]) -> Any:
    body = json.dumps(content).encode()
    made = hmac.new(Sandbox.FACEBOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": f"sha256={made}"}
    return client.post(WEBHOOK, body, content_type="application/json", headers=headers)


def test_a_person_who_removes_the_app_is_out_and_the_account_goes_on_at_once(
    world: Sandbox, linked: Account
) -> None:
    world.clear_calls()

    world.cancel_authorisation("facebook", "ada")  # returns once Facebook has our answer

    ada, event = token_of("Ada"), AccountEvent.objects.filter(kind="shifted").get()
    linked.refresh_from_db()
    assert (ada.state, ada.reason) == ("dead", "authorisation_cancelled")
    assert (linked.state, linked.active_token_id) == ("connected", token_of("Ben").pk)
    assert (event.cause, event.source) == ("authorisation_cancelled", "push")
    assert TokenEvent.objects.get(kind="died").source == "push"
    assert news.ends().get().recipient == "ada@example.com"
    assert world.calls() == []  # nothing was asked: it is the channel's own statement


def test_the_same_push_twice_changes_nothing_the_second_time(
    world: Sandbox, linked: Account, client: Client
) -> None:
    signed = deauthorise(token_of("Ada").native_user_id)
    first = client.post(DEAUTHORISE, {"signed_request": signed})
    before = Token.objects.values().get(pk=token_of("Ada").pk), AccountEvent.objects.count()

    second = client.post(DEAUTHORISE, {"signed_request": signed})

    after = Token.objects.values().get(pk=token_of("Ada").pk), AccountEvent.objects.count()
    assert (first.status_code, second.status_code) == (200, 200)
    assert after == before
    assert news.ends().count() == 1


def test_a_push_replayed_after_the_person_came_back_does_not_kill_the_new_consent(
    world: Sandbox, linked: Account, client: Client
) -> None:
    ada = token_of("Ada")
    signed = deauthorise(ada.native_user_id)
    client.post(DEAUTHORISE, {"signed_request": signed})
    later = int(time.time()) + 600
    world.set_clock(now=later)  # ten minutes pass at Facebook
    native.keep(User.objects.get(name="Ada"), "ada")

    client.post(DEAUTHORISE, {"signed_request": signed})

    assert token_of("Ada").state == "valid"


def test_pushes_of_strangers_from_before_the_newest_consent_and_of_nobody_change_nothing(
    world: Sandbox, linked: Account, live_server: LiveServer, client: Client, queue: Queue
) -> None:
    old = int((datetime.now(UTC) - timedelta(minutes=10)).timestamp())
    before = list(Token.objects.order_by("id").values())
    signed = [
        deauthorise("999999999"),
        deauthorise(token_of("Ada").native_user_id, at=old),
        signed_request({"algorithm": "HMAC-SHA256", "issued_at": 1}),
        signed_request(b"\xff"),
    ]

    answers = [client.post(DEAUTHORISE, {"signed_request": one}) for one in signed]
    bare = httpx2.post(
        f"{live_server.url}{DEAUTHORISE}", data={"signed_request": "x.y"}, trust_env=False, verify=False
    )
    with pytest.raises(RuntimeError, match="403"):
        world.put_webhook("facebook", f"{live_server.url}{WEBHOOK}", verify_token="guessed")

    assert [answer.status_code for answer in answers] == [200, 200, 400, 400]
    assert answers[0].content == b"Thank you."
    assert list(Token.objects.order_by("id").values()) == before
    assert queue.asked() == []
    assert (bare.status_code, bare.text) == (403, "None of our apps made this signature.")
    assert "set-cookie" not in bare.headers
    assert "no-store" in bare.headers["cache-control"]


def test_where_the_order_is_not_certain_or_something_speaks_against_it_the_channel_is_asked(
    linked: Account, client: Client, queue: Queue
) -> None:
    ada, now = token_of("Ada"), datetime.now(UTC)
    at, long_ago = int(now.timestamp()), now - timedelta(hours=3)
    asked = []
    for moment in (None, at - 120, at + 3600, at - 3600):
        if moment == at - 3600:  # the channel has said since that the token works
            Token.objects.filter(pk=ada.pk).update(issued_at=long_ago, linked_at=long_ago, proven_at=now)
        client.post(DEAUTHORISE, {"signed_request": deauthorise(ada.native_user_id, at=moment)})
        asked += queue.asked()
        queue.work()

    assert asked == [("accounts.pushes.check_token", [ada.pk])] * 4
    assert token_of("Ada").state == "valid"  # Facebook says that it works


def test_every_secret_of_every_receiving_app_is_tried_and_no_other_apps_people_are_touched(
    world: Sandbox, linked: Account, client: Client
) -> None:
    ada = token_of("Ada")
    second = ChannelApp(channel="facebook", client_id="2", is_default=False, state=ChannelApp.State.RETIRING)
    second.set_secrets(["new", "old"])
    second.save()
    theirs = Token.objects.create(app=second, native_user_id="77", native_user_name="Theirs")

    taken = client.post(DEAUTHORISE, {"signed_request": deauthorise("77", secret="old")})
    client.post(DEAUTHORISE, {"signed_request": deauthorise(ada.native_user_id, secret="new")})
    ChannelApp.objects.filter(pk=second.pk).update(state=ChannelApp.State.NOT_SET_UP)
    refused = client.post(DEAUTHORISE, {"signed_request": deauthorise("77", secret="new")})

    theirs.refresh_from_db()
    assert (taken.status_code, theirs.state) == (200, "dead")
    assert token_of("Ada").state == "valid"
    assert refused.status_code == 403


def test_an_app_whose_secrets_do_not_open_asks_the_channel_to_come_again(
    world: Sandbox, linked: Account, client: Client
) -> None:
    other = ChannelApp(channel="facebook", client_id="2", is_default=False, state=ChannelApp.State.LIVE)
    other.set_secrets(["new"])
    other.client_id = "3"  # sealed for another row
    other.save()

    known = client.post(DEAUTHORISE, {"signed_request": deauthorise(token_of("Ada").native_user_id)})
    unknown = client.post(DEAUTHORISE, {"signed_request": deauthorise("77", secret="new")})

    assert known.status_code == 200
    assert (unknown.status_code, b"checked" in unknown.content) == (503, True)


def test_a_removed_permission_is_asked_about_and_only_the_answer_is_written(
    world: Sandbox, linked: Account, live_server: LiveServer, queue: Queue
) -> None:
    set_up_webhook(world, live_server)

    world.set_consent("ada", scopes=["ads_read", "business_management"])
    asked = queue.asked()
    due = token_of("Ada").due_at
    queue.work()

    linked.refresh_from_db()
    entry = AccountToken.objects.get(token=token_of("Ada"))
    assert asked == [("accounts.pushes.check_token", [token_of("Ada").pk])]
    assert due is not None
    assert due <= datetime.now(UTC)
    assert (token_of("Ada").state, entry.can_publish) == ("valid", "no")
    assert linked.active_token_id == token_of("Ben").pk
    assert AccountEvent.objects.filter(kind="shifted").get().source == "push"


def test_an_answer_that_was_on_its_way_before_the_news_is_not_enough(
    world: Sandbox, linked: Account, live_server: LiveServer, queue: Queue
) -> None:
    set_up_webhook(world, live_server)
    world.set_consent("ada", scopes=["ads_read", "business_management"])
    later = datetime.now(UTC) + timedelta(hours=4)
    Token.objects.filter(pk=token_of("Ada").pk).update(claimed_until=later, due_at=later)

    def end_the_other_check() -> None:  # it asked before the permission was taken, so it writes nothing new
        Token.objects.filter(pk=token_of("Ada").pk).update(claimed_until=None)
        connection.close()

    other = threading.Timer(0.5, end_the_other_check)
    other.start()
    queue.work()
    other.join()

    assert AccountToken.objects.get(token=token_of("Ada")).can_publish == "no"


def test_many_copies_of_a_push_at_the_same_moment_kill_once(
    world: Sandbox, linked: Account, live_server: LiveServer
) -> None:
    signed = {"signed_request": deauthorise(token_of("Ada").native_user_id)}
    url = f"{live_server.url}{DEAUTHORISE}"

    with ThreadPoolExecutor(8) as senders:
        answers = list(
            senders.map(
                lambda _: httpx2.post(url, data=signed, trust_env=False, verify=False, timeout=20), range(16)
            )
        )

    assert {answer.status_code for answer in answers} == {200}
    assert TokenEvent.objects.filter(kind="died").count() == 1
    assert AccountEvent.objects.filter(kind="shifted").count() == 1
    assert news.ends().count() == 1
    assert pool.differences() == []


def test_without_a_broker_the_sweep_finds_what_a_hint_was_about(
    world: Sandbox, linked: Account, live_server: LiveServer, queue: Queue
) -> None:
    set_up_webhook(world, live_server)
    world.set_consent("ada", scopes=["ads_read", "business_management"])
    queue.client.delete("pushes")  # the kick is lost

    sweeps.check_due_tokens(now=datetime.now(UTC))
    hours_pass()

    assert AccountToken.objects.get(token=token_of("Ada")).can_publish == "no"


def test_the_webhook_alone_is_enough_when_the_app_is_removed(
    world: Sandbox, linked: Account, live_server: LiveServer, queue: Queue
) -> None:
    world.put_app("facebook", deauthorise_url="")
    set_up_webhook(world, live_server)

    world.cancel_authorisation("facebook", "ada")
    before = token_of("Ada").state
    queue.work()

    linked.refresh_from_db()
    assert (before, token_of("Ada").state) == ("valid", "dead")
    assert token_of("Ada").reason == "authorisation_cancelled"
    assert TokenEvent.objects.get(kind="died").source == "push"
    assert linked.active_token_id == token_of("Ben").pk


def test_a_webhook_that_comes_late_does_not_kill_the_consent_that_came_since(
    world: Sandbox, linked: Account, client: Client, queue: Queue
) -> None:
    # Meta's `time` is when it was sent, and what was not taken is sent for 36 hours more.
    entry = {"uid": token_of("Ada").native_user_id, "time": int(time.time()) + 60}
    entry["changes"] = [{"field": "connected", "verb": "revoked"}]

    answer = webhook(client, {"object": "permissions", "entry": [entry]})
    queue.work()

    assert (answer.status_code, token_of("Ada").state) == (200, "valid")


def test_a_permission_taken_from_one_ad_account_takes_only_that_one(
    world: Sandbox, linked: Account, live_server: LiveServer, queue: Queue
) -> None:
    native.keep(User.objects.get(name="Ada"), "ada", ["Lumen Shoes EU", "Marlo Optics"])
    set_up_webhook(world, live_server)

    world.set_consent("ada", accounts=["Marlo Optics"])  # told with `target_ids`
    queue.work()

    active = dict(Account.objects.values_list("name", "active_token_id"))
    assert token_of("Ada").state == "valid"
    assert active == {"Lumen Shoes EU": token_of("Ben").pk, "Marlo Optics": token_of("Ada").pk}
