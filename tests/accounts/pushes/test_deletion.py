"""A person asks Facebook to have their data deleted: the request, the work, the page that says how far it is."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from accounts.models import Account, AccountEvent, PendingLink
from accounts.pool import services as pool
from accounts.pushes import deletion, tasks
from macros.warnings import services as evaluation
from notifications.models import Message
from tests.accounts.pushes.conftest import Queue
from tests.macros.support import make_macro
from tests.support import native, news
from tests.support.factories import make_account, make_app
from tests.support.sandbox import Sandbox
from tests.support.signing import deauthorise
from tokens.models import DeletionRequest, Token, UnknownAnswer
from ui import stored_phrases as kept
from ui.dates import local_day
from users.models import User

WHY_BLANK = "A person whom this mail names asked to have their data deleted, so its text is no longer kept."

pytestmark = pytest.mark.django_db(transaction=True)

DELETE = "/push/facebook/delete/"


@pytest.fixture
def linked(world: Sandbox, live_server: LiveServer) -> Account:
    """Lumen Shoes EU, linked by Ada (active) and Ben."""
    world.put_app("facebook", deauthorise_url="", settings={"deletion_url": f"{live_server.url}{DELETE}"})
    return native.linked("facebook", "ada", "ben")


def token_of(name: str) -> Token:
    return Token.objects.get(native_user_name__startswith=name)


def ask(client: Client, user_id: str, **more: Any) -> Any:
    return client.post(DELETE, {"signed_request": deauthorise(user_id, **more)})


def test_a_request_is_answered_at_once_and_carried_out_by_a_worker(
    world: Sandbox, linked: Account, client: Client, queue: Queue
) -> None:
    ada = token_of("Ada")

    answer = world.request_deletion("ada")
    waiting = client.get(urlsplit(answer["url"]).path).content.decode()
    asked = queue.asked()
    world.clear_calls()
    queue.work()

    linked.refresh_from_db()
    calls = [(call["method"], call["native_user"]) for call in world.calls(path="me/permissions")]
    request = DeletionRequest.objects.get()
    done = client.get(f"/push/facebook/deletion/{request.code}/").content.decode()
    assert answer["confirmation_code"] == request.code
    assert answer["url"].endswith(f"/push/facebook/deletion/{request.code}/")
    assert asked == [("accounts.pushes.delete_requested", [])]
    assert calls == [("DELETE", "ada")]  # at Facebook, too
    assert "Your data is being deleted" in waiting
    assert "Your data is deleted" in done
    assert not Token.objects.filter(pk=ada.pk).exists()
    assert (linked.state, linked.active_token_id) == ("connected", token_of("Ben").pk)
    assert (request.state, request.native_user_id) == ("done", "")
    assert pool.differences() == []


def test_nothing_that_names_the_person_at_facebook_is_left(
    world: Sandbox, linked: Account, queue: Queue, client: Client
) -> None:
    ada = token_of("Ada")
    Token.objects.filter(pk=ada.pk).update(native_user_name="Ada O'Kafor")
    Message.objects.create(
        kind="died", recipient="boss@example.com", dedupe_key="a", subject="Ada O'Kafor stopped",
        text="Log-in: Ada O'Kafor", html="<p>Ada O&#x27;Kafor</p>", created_at=datetime.now(UTC),
        payload={"account": linked.pk},
    )  # fmt: skip
    UnknownAnswer.objects.create(
        app=ada.app, fingerprint="f", call="api", status=400, sample={"body": {"id": ada.native_user_id}},
        first_seen_at=datetime.now(UTC), last_seen_at=datetime.now(UTC),
    )  # fmt: skip
    browser = Client()
    browser.force_login(ada.consented_by)  # type: ignore[arg-type]  # she linked it
    native.consent(browser, "facebook", "ada")  # a choice that nobody finished
    Token.objects.filter(pk=ada.pk).update(native_user_name="Ada O'Kafor")
    ask(client, ada.native_user_id)

    queue.work()

    rows: list[Any] = [
        *Message.objects.values(),
        *UnknownAnswer.objects.values(),
        *AccountEvent.objects.values(),
    ]
    rows += [*DeletionRequest.objects.values(), *Token.objects.values(), *PendingLink.objects.values()]
    text = repr(rows)
    assert "Kafor" not in text
    assert ada.native_user_id not in text
    assert Message.objects.get(dedupe_key="a").text == WHY_BLANK


def test_an_answer_that_names_a_longer_id_stays(client: Client, linked: Account, queue: Queue) -> None:
    ada = Token.objects.select_related("app").get(native_user_name="Ada Okafor")
    said = {"body": {"id": f"9{ada.native_user_id}", "other": f"{ada.native_user_id}7"}}
    UnknownAnswer.objects.create(
        app=ada.app, fingerprint="f", call="api", status=400, sample=said,
        first_seen_at=datetime.now(UTC), last_seen_at=datetime.now(UTC),
    )  # fmt: skip
    ask(client, ada.native_user_id)

    queue.work()

    assert not Token.objects.filter(pk=ada.pk).exists()
    assert UnknownAnswer.objects.get().sample == said


def test_mails_are_blanked_by_what_they_are_about_never_by_a_part_of_a_word(
    world: Sandbox, linked: Account, queue: Queue
) -> None:
    ben, elsewhere = token_of("Ben"), make_account()
    Token.objects.filter(pk=ben.pk).update(native_user_name="Ben")
    texts = {
        "his log-in": ("Log-in: B. L.", {"token": ben.pk}),
        "his account": ("It goes on through Ben.", {"account": linked.pk}),
        "a part of a word": ("A Benefit for Bengt.", {"account": linked.pk}),
        "another Ben": ("It goes on through Ben.", {"account": elsewhere.pk}),
        "an invitation": ("Ben invites you.", {}),
    }
    for key, (text, payload) in texts.items():
        Message.objects.create(
            kind="ask", recipient="a@example.com", dedupe_key=key, text=text, payload=payload
        )
    world.request_deletion("ben")

    queue.work()

    kept = dict(Message.objects.filter(dedupe_key__in=texts).values_list("dedupe_key", "text"))
    blanked = {"his log-in", "his account"}
    assert kept == {key: WHY_BLANK if key in blanked else text for key, (text, _) in texts.items()}


def test_warnings_of_macros_about_the_log_in_are_blanked_too(
    world: Sandbox, linked: Account, queue: Queue
) -> None:
    now = datetime.now(UTC)
    make_macro()
    Token.objects.update(
        deadline=now + timedelta(days=6), deadline_kind="date", access_expires_at=now + timedelta(days=6)
    )
    Account.objects.update(
        deadline=now + timedelta(days=6), deadline_kind="date", cycle_since=now - timedelta(days=60)
    )
    evaluation.evaluate(on=local_day(now), now=now)
    Message.objects.filter(kind="macro").update(state="sent", text="Log-in: Ada Okafor", sent_at=now)
    world.request_deletion("ada")

    queue.work()

    assert set(Message.objects.filter(kind="macro").values_list("text", flat=True)) == {WHY_BLANK}


def test_nobody_who_asked_to_be_forgotten_is_asked_to_link_again(
    world: Sandbox, linked: Account, live_server: LiveServer, queue: Queue
) -> None:
    # Facebook calls back when we cancel the authorisation.
    world.put_app("facebook", deauthorise_url=f"{live_server.url}/push/facebook/deauthorise/")
    world.request_deletion("ada")

    queue.work()

    assert DeletionRequest.objects.get().state == "done"
    assert not news.ends().exists()


def test_a_mail_that_is_being_sent_meanwhile_names_the_person_no_more(
    linked: Account, client: Client, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    Message.objects.create(
        kind="died", recipient="boss@example.com", dedupe_key="a", created_at=now, state="sending",
        claimed_until=now + timedelta(minutes=6), payload={"token": token_of("Ada").pk},
    )  # fmt: skip
    ask(client, token_of("Ada").native_user_id)
    with monkeypatch.context() as patch:
        patch.setattr(deletion, "MAILS_TAKE", 0.1)
        queue.work()
    before = DeletionRequest.objects.get().state, token_of("Ada").pool_entries.count()

    def end_sending() -> None:
        Message.objects.update(state="sent", text="Log-in: Ada Okafor", claimed_until=None)
        connection.close()

    sender = threading.Timer(0.3, end_sending)
    sender.start()
    tasks.delete_requested()
    sender.join()

    assert before == ("received", 0)
    assert DeletionRequest.objects.get().state == "done"
    assert Message.objects.get().text == WHY_BLANK


def test_an_account_with_nobody_left_says_why(world: Sandbox, linked: Account, queue: Queue) -> None:
    world.request_deletion("ben")
    world.request_deletion("ada")

    queue.work()

    linked.refresh_from_db()
    event = AccountEvent.objects.filter(kind="deactivated").get()
    assert (linked.state, linked.reason, linked.active_token_id) == ("deactivated", "unlinked", None)
    assert (event.source, kept.said(event.note)) == (
        "push",
        "The person asked the channel to have their data deleted.",
    )


def test_a_repeated_request_is_answered_the_same_and_does_nothing_again(
    linked: Account, client: Client, queue: Queue
) -> None:
    signed = deauthorise(token_of("Ada").native_user_id)
    first = client.post(DELETE, {"signed_request": signed}).json()
    queue.work()

    signature, _, payload = signed.partition(".")
    again = client.post(DELETE, {"signed_request": f"{signature}==.{payload}"}).json()

    assert again == first
    assert queue.asked() == []
    assert DeletionRequest.objects.count() == 1


def test_a_request_whose_worker_was_killed_is_found_by_the_sweep(
    linked: Account, client: Client, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(client, token_of("Ada").native_user_id)
    with monkeypatch.context() as patch:
        patch.setattr(deletion, "_delete", _killed)
        with pytest.raises(SystemExit):
            queue.work()
    between = (token_of("Ada").native_user_name, DeletionRequest.objects.get().state)

    tasks.delete_requested()

    assert between == ("Ada Okafor", "received")
    assert not Token.objects.filter(native_user_name="Ada Okafor").exists()
    assert DeletionRequest.objects.get().state == "done"


def _killed(*args: object) -> None:
    raise SystemExit(1)


def test_one_that_fails_does_not_keep_the_others_waiting(
    world: Sandbox, linked: Account, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("Ada", "Ben"):
        ask(client, token_of(name).native_user_id)
    real, ada = deletion._delete, token_of("Ada").pk

    def breaking(token: Token, now: datetime) -> None:
        if token.pk == ada:
            raise RuntimeError("a bug")
        real(token, now)

    monkeypatch.setattr(deletion, "_delete", breaking)

    tasks.delete_requested()

    assert [token.native_user_name for token in Token.objects.all()] == ["Ada Okafor"]
    assert sorted(DeletionRequest.objects.values_list("state", flat=True)) == ["done", "received"]


def test_a_channel_that_is_down_does_not_hold_up_the_deletion(
    world: Sandbox, linked: Account, client: Client, queue: Queue
) -> None:
    ask(client, token_of("Ada").native_user_id)
    world.add_fault("facebook", path="me/permissions", status=500, body="down")

    queue.work()

    assert not Token.objects.filter(native_user_name="Ada Okafor").exists()
    assert DeletionRequest.objects.get().state == "done"


def test_who_came_back_before_the_work_keeps_the_new_consent_and_loses_the_old_history(
    world: Sandbox, linked: Account, client: Client, queue: Queue
) -> None:
    ada = token_of("Ada")
    ask(client, ada.native_user_id)
    native.keep(User.objects.get(name="Ada"), "ada")
    world.clear_calls()

    queue.work()

    received = DeletionRequest.objects.get().received_at
    assert token_of("Ada").state == "valid"
    assert token_of("Ada").events.filter(at__lte=received).count() == 0
    assert token_of("Ada").events.filter(kind="linked").count() == 1
    assert world.calls(path="me/permissions") == []


def test_a_request_of_a_stranger_or_from_before_the_newest_consent_is_done_and_takes_nothing_new(
    linked: Account, client: Client, queue: Queue
) -> None:
    ada = token_of("Ada")

    code = ask(client, "424242").json()["confirmation_code"]
    queue.work()
    unknown = client.get(f"/push/facebook/deletion/{code}/").content.decode()
    DeletionRequest.objects.all().delete()

    ask(client, ada.native_user_id, at=int(time.time()) - 3600)

    request = DeletionRequest.objects.get()
    assert "Your data is deleted" in unknown
    assert Token.objects.count() == 2
    assert (request.state, request.native_user_id) == ("done", "")
    assert queue.asked() == []
    assert token_of("Ada").events.filter(kind="linked").exists()


def test_the_page_is_open_to_who_holds_the_code_and_names_nobody(linked: Account, client: Client) -> None:
    ada = token_of("Ada")
    refused = [
        client.post(DELETE, {}),
        client.post(DELETE, {"signed_request": deauthorise(ada.native_user_id, secret="guess")}),
    ]
    none_yet = not DeletionRequest.objects.exists()
    code = ask(client, ada.native_user_id).json()["confirmation_code"]

    page = client.get(f"/push/facebook/deletion/{code}/")
    other = client.get(
        f"/push/facebook/deletion/{code[:-1]}0/" if code[-1] != "0" else "/push/facebook/deletion/x/"
    )

    assert (page.status_code, other.status_code) == (200, 404)
    assert len(code) == 40
    assert code.isalnum()
    assert ada.native_user_id not in page.content.decode()
    assert "Okafor" not in page.content.decode()
    assert client.post(f"/push/facebook/deletion/{code}/").status_code == 405
    assert [answer.status_code for answer in refused] == [400, 403]
    assert none_yet


def test_requests_that_are_done_long_ago_are_not_looked_at_again() -> None:
    DeletionRequest.objects.create(
        app=make_app("facebook"), code="c", request_hash="h", state="done",
        received_at=datetime.now(UTC) - timedelta(days=9), done_at=datetime.now(UTC) - timedelta(days=9),
    )  # fmt: skip

    assert deletion.carry_out_deletions(now=datetime.now(UTC)) == 0
