"""TikTok's news of ad accounts: a hint that makes us read the account, and only what we read is written."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from accounts.models import Account, AccountEvent
from infra import asking_workers
from tests.accounts.pushes.conftest import Queue
from tests.support import native
from tests.support.sandbox import Sandbox
from tokens.channel_apps import models
from tokens.channels.tiktok import pushes
from tokens.models import ChannelApp, Token, UnknownAnswer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def linked(world: Sandbox) -> Account:
    """Lumen Shoes EU, linked by Ada."""
    world.put_app("tiktok", settings={})
    return native.linked("tiktok", "ada")


def address() -> str:
    app = ChannelApp.objects.get(channel="tiktok")
    return f"/push/tiktok/webhook/{app.push_words(models.ADDRESS_KEY)[0]}/"


def subscribe(account: Account, url: str) -> None:
    token = Token.objects.select_related("app").get()
    pushes.subscribe(token.app.keys(), token.unseal(), callback_url=url, native_ids=[account.native_id])


def post(client: Client, account: Account, **said: Any) -> Any:
    body = {
        "advertiser_id": account.native_id,
        "status": "STATUS_LIMIT",
        "suspension_reason": "Fraud",
        **said,
    }
    return client.post(address(), json.dumps(body), content_type="application/json")


def wait_for(queue: Queue) -> None:
    """The stand-in pushes after it has answered the control call."""
    assert queue.wait_until_asked() == ["accounts.pushes.read_account"]


def test_a_suspension_is_read_by_ourselves_within_seconds_and_its_end_too(
    world: Sandbox, linked: Account, live_server: LiveServer, queue: Queue
) -> None:
    subscribe(linked, f"{live_server.url}{address()}")
    world.put_account(
        "tiktok", linked.name, status="STATUS_LIMIT", details={"rejection_reason": "Odd payments"}
    )
    wait_for(queue)
    queue.work()
    limited = Account.objects.get()
    world.put_account("tiktok", linked.name, status="STATUS_ENABLE")
    wait_for(queue)
    queue.work()

    freed = Account.objects.get()
    assert (limited.native_status, "Odd payments" in limited.restriction) == ("STATUS_LIMIT", True)
    assert (freed.native_status, freed.restriction) == ("STATUS_ENABLE", "")
    assert [
        event.source for event in AccountEvent.objects.filter(kind__in=["restricted", "unrestricted"])
    ] == ["push"] * 2
    assert Token.objects.get().state == "valid"


def test_a_push_that_tells_a_lie_changes_nothing(
    world: Sandbox, linked: Account, client: Client, queue: Queue
) -> None:
    answer = post(client, linked)
    queue.work()

    account = Account.objects.get()
    assert answer.status_code == 200
    assert (account.restriction, account.state) == ("", "connected")
    assert not AccountEvent.objects.filter(kind="restricted").exists()


def test_an_unknown_answer_and_a_refusal_of_our_app_are_kept_as_of_any_other_question(
    world: Sandbox, linked: Account, client: Client, queue: Queue
) -> None:
    for code in (49999, 40113):
        world.add_fault(
            "tiktok", path="advertiser/info", status=200, body={"code": code, "message": "?"}, count=1
        )
        post(client, linked)
    queue.work()

    assert UnknownAnswer.objects.get().sample["body"]["code"] == 49999
    assert ChannelApp.objects.get(channel="tiktok").fault_since is not None
    assert Token.objects.get().state == "valid"


def test_the_same_news_twice_is_told_once(
    world: Sandbox, linked: Account, client: Client, queue: Queue
) -> None:
    world.put_account("tiktok", linked.name, status="STATUS_LIMIT")
    post(client, linked)
    post(client, linked)

    queue.work()

    assert AccountEvent.objects.filter(kind="restricted").count() == 1


def test_news_that_comes_again_and_again_asks_a_few_times_a_minute(
    linked: Account, client: Client, queue: Queue
) -> None:
    statuses = {post(client, linked).status_code for _ in range(asking_workers.MOST + 5)}

    assert statuses == {200}
    assert len(queue.asked()) == asking_workers.MOST
    assert Token.objects.due(datetime.now(UTC)).exists()  # the sweep does the rest


def test_news_of_others_of_other_things_of_long_ago_and_without_the_key_in_the_address_is_passed_over(
    linked: Account, client: Client, queue: Queue
) -> None:
    odd: list[dict[str, Any]] = [{"advertiser_id": "1"}, {"advertiser_id": None}, {"status": "STATUS_ODD"}]
    for said in (*odd, {"status_change_time": "2020-01-01 00:00:00"}):
        assert post(client, linked, **said).status_code == 200
    body = json.dumps({"advertiser_id": linked.native_id, "status": "STATUS_LIMIT"})

    *parts, key, end = address().split("/")
    answer = client.post("/".join([*parts, key[::-1], end]), body, content_type="application/json")

    assert answer.status_code == 403
    assert queue.asked() == []


def test_the_command_subscribes_each_account_through_its_active_token(
    world: Sandbox, linked: Account, queue: Queue
) -> None:
    said = io.StringIO()
    call_command("subscribe_pushes", "tiktok", dry_run=True, stdout=said)
    before = world.calls(path="subscription")
    call_command("subscribe_pushes", "tiktok", stdout=said)

    world.put_account("tiktok", linked.name, status="STATUS_LIMIT")

    token = Token.objects.get()
    assert before == []
    assert said.getvalue().startswith(f"Would subscribe 1 ad account through token {token.pk}.\nSubscribed 1")
    assert queue.wait_until_asked() == ["accounts.pushes.read_account"]


def test_the_command_says_which_subscriptions_failed(world: Sandbox, linked: Account) -> None:
    world.add_fault("tiktok", path="subscription", status=500, body="down")
    errors = io.StringIO()

    with pytest.raises(CommandError, match="Subscriptions that failed: 1"):
        call_command("subscribe_pushes", "tiktok", stderr=errors)

    assert "Not subscribed, 1 ad account" in errors.getvalue()
