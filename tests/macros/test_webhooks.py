"""Other systems are told: every event at least once and by one id, signed, in order, never into a private network, until it is taken."""

import base64
import hashlib
import hmac
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import httpcore2
import pytest
from django.db import connection
from pytest_django import Settings
from standardwebhooks import Webhook, WebhookVerificationError

from accounts.models import AccountEvent
from infra import database_clock
from macros.models import Delivery, Endpoint, Event
from macros.webhooks import network, services
from notifications.models import Message
from tests.support.factories import make_account, make_team, make_user
from tests.support.receiver import Receiver
from users.installation import hold
from users.models import Team

pytestmark = pytest.mark.django_db


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    made = Receiver()
    yield made
    made.stop()


def endpoint_to(
    url: str, *, kind: str = "webhook", team: Team | None = None, types: Any = Event.Type.values
) -> Endpoint:
    now = database_clock.now() - timedelta(hours=1)
    maker = make_user(f"{kind}@example.com")
    made = Endpoint(
        kind=kind,
        name="Publisher",
        team=team,
        types=list(types),
        host="127.0.0.1",
        made_by=maker,
        created_at=now,
    )
    made.address = made.seal_address(url)
    made.save()
    return made


def happen(kind: str = "shifted", **fields: Any) -> None:
    AccountEvent.objects.create(account=make_account(**fields), kind=kind, at=database_clock.now())


def send(endpoint: Endpoint) -> int:
    services.publish(database_clock.now())
    return services.send_to(endpoint.pk)


def wait_no_longer() -> None:
    """Let the pauses of endpoints and deliveries be over."""
    Endpoint.objects.update(pause_until=None)
    Delivery.objects.exclude(next_at=None).update(next_at=database_clock.now())


def test_what_happened_is_sent_in_order_and_verified_by_the_library_and_by_hand(receiver: Receiver) -> None:
    endpoint = endpoint_to(receiver.url)
    for kind in ("shifted", "deactivated", "restricted"):
        happen(kind, name="Lumen · Zürich")

    taken = send(endpoint)

    assert taken == 3
    assert [one["type"] for one in receiver.bodies] == [
        "account.shifted",
        "account.deactivated",
        "account.restricted",
    ]
    (secret,) = endpoint.signing_secrets(database_clock.now())
    for headers, body in receiver.got:
        Webhook(secret).verify(body, headers)
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        by_hand = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256)
        assert headers["webhook-signature"] == f"v1,{base64.b64encode(by_hand).decode()}"
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(receiver.got[0][1] + b" ", receiver.got[0][0])


def test_a_changed_secret_signs_beside_the_one_before_for_a_day(receiver: Receiver) -> None:
    endpoint = endpoint_to(receiver.url)
    now = database_clock.now()
    (before,) = endpoint.signing_secrets(now)
    endpoint.secret_number, endpoint.secret_changed_at = 2, now
    endpoint.save()
    happen()

    send(endpoint)

    headers, body = receiver.got[0]
    for secret in (before, *endpoint.signing_secrets(now)):
        Webhook(secret).verify(body, headers)
    assert before not in endpoint.signing_secrets(now + timedelta(days=2))


def test_what_is_not_taken_is_sent_again_by_the_same_id_and_the_others_follow(receiver: Receiver) -> None:
    endpoint = endpoint_to(receiver.url)
    happen()
    happen()
    receiver.answers = [(500, {}), (302, {"Location": "http://127.0.0.1:1/"}), (200, {})]

    for _ in range(3):
        send(endpoint)
        wait_no_longer()

    first, second = Event.objects.values_list("pk", flat=True)
    assert receiver.ids == [f"evt_{pk}" for pk in (first, first, first, second)]
    tries = Delivery.objects.get(event=first).tries
    assert [(one["status"], one["said"]) for one in tries] == [(500, "500 ok"), (302, "302 ok"), (200, "")]
    assert Endpoint.objects.get().failures == 0


def test_it_waits_as_long_as_the_receiver_asks_and_longer_with_every_failure(receiver: Receiver) -> None:
    endpoint = endpoint_to(receiver.url)
    happen()
    receiver.answers = [(429, {"Retry-After": "3600"})]

    send(endpoint)
    send(endpoint)

    assert len(receiver.got) == 1
    pause = Endpoint.objects.get().pause_until
    assert pause is not None
    assert pause - database_clock.now() > timedelta(minutes=59)


@pytest.mark.parametrize(("status", "tries"), [(410, 1), (503, 10)])
def test_who_is_gone_or_fails_ten_times_is_sent_nothing_and_its_maker_is_mailed_until_it_is_switched_on(
    receiver: Receiver, status: int, tries: int
) -> None:
    endpoint = endpoint_to(receiver.url)
    happen()
    receiver.answers = [(status, {})]

    for _ in range(12):
        send(endpoint)
        wait_no_longer()

    assert len(receiver.got) == tries
    assert Endpoint.objects.get().off_why == f"{status} ok"
    (mail,) = Message.objects.filter(kind="webhook")
    assert mail.recipient == "webhook@example.com"
    endpoint = Endpoint.objects.get()
    endpoint.switch_on()
    endpoint.save()
    receiver.answers = [(200, {})]
    services.replay(endpoint, now=database_clock.now(), since=database_clock.now() - timedelta(days=1))
    assert send(endpoint) == 1


def test_an_endpoint_is_told_of_its_team_and_its_types_from_its_making_on_and_of_before_by_a_replay(
    receiver: Receiver,
) -> None:
    mine, foreign = make_team("Mine"), make_team("Foreign")
    endpoint = endpoint_to(receiver.url, team=mine, types=["account.shifted"])
    for kind, team in (("shifted", mine), ("shifted", foreign), ("deactivated", mine)):
        happen(kind, team=team)
    long_ago = database_clock.now() - timedelta(hours=3)
    AccountEvent.objects.create(account=make_account(team=mine, name="Old"), kind="shifted", at=long_ago)

    send(endpoint)
    assert [one["data"]["team"] for one in receiver.bodies] == ["Mine"]
    services.replay(endpoint, now=database_clock.now(), since=long_ago)
    send(endpoint)

    assert [one["data"]["name"] for one in receiver.bodies].count("Old") == 1
    assert len(set(receiver.ids)) == 2


def test_a_sender_that_died_leaves_its_claim_and_no_other_sends_meanwhile(receiver: Receiver) -> None:
    endpoint = endpoint_to(receiver.url)
    happen()
    services.publish(database_clock.now())
    Endpoint.objects.update(claimed_until=database_clock.now() + services.CLAIM)

    assert services.send_to(endpoint.pk) == 0
    Endpoint.objects.update(claimed_until=database_clock.now() - timedelta(seconds=1))
    assert services.send_to(endpoint.pk) == 1


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]", "10.1.2.3", "192.168.0.1",
        "169.254.169.254", "100.64.0.1", "0.0.0.0", "[fd00::1]", "[fe80::1]", "[2002:7f00:1::]", "224.0.0.1",
    ],
)  # fmt: skip
def test_nothing_is_sent_into_a_private_network_however_it_is_spelt(
    receiver: Receiver, settings: Settings, host: str
) -> None:
    settings.WEBHOOK_NETWORKS = []
    port = receiver.server.server_port

    reply = network.post(f"http://{host}:{port}/", content=b"{}", headers={})

    assert (reply.status, reply.error) == (0, "private")
    assert receiver.got == []


def test_a_name_that_leads_elsewhere_a_moment_later_is_connected_where_it_was_looked_at(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOK_NETWORKS = []
    asked, connected = list[str](), list[str]()

    def rebound(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(2, 1, 6, "", ("93.184.216.34" if len(asked) == 1 else "127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    monkeypatch.setattr(
        httpcore2.SyncBackend, "connect_tcp", lambda _, host, *rest, **more: connected.append(host)
    )

    network.Guard().connect_tcp("rebinding.example", 443)

    assert (asked, connected) == (["rebinding.example"], ["93.184.216.34"])


def test_an_answer_that_drips_or_never_ends_holds_the_sender_no_longer_than_any(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.drips = 0.05

    with monkeypatch.context() as patch:
        patch.setattr(network, "SECONDS", 0.5)
        dripped = network.post(receiver.url, content=b"{}", headers={})
    receiver.drips, receiver.body = 0.0, b"x" * 30_000_000
    huge = network.post(receiver.url, content=b"{}", headers={})

    assert (dripped.status, dripped.error) == (0, "timeout")
    assert (huge.status, len(huge.text)) == (200, network.WORDS)


@pytest.mark.django_db(transaction=True)
def test_an_endpoint_that_hangs_delays_no_other(receiver: Receiver) -> None:
    slow, other = Receiver(), endpoint_to(receiver.url)
    hanging = endpoint_to(slow.url, kind="slack")
    slow.hangs, asked = threading.Event(), threading.Event()
    happen()
    services.publish(database_clock.now())

    def send_slowly() -> None:
        with closing(connection):
            asked.set()
            services.send_to(hanging.pk)

    thread = threading.Thread(target=send_slowly)
    thread.start()
    while not slow.got:
        asked.wait(0.01)
    assert services.send_to(other.pk) == 1
    assert services.send_to(hanging.pk) == 0  # somebody is at it
    assert Delivery.objects.get(endpoint=hanging).delivered_at is None
    slow.hangs.set()
    thread.join(60)

    assert Delivery.objects.get(endpoint=hanging).delivered_at
    assert len(slow.got) == 1
    slow.stop()


def test_what_happened_together_is_one_message_of_ten_lines_in_a_chat_and_a_request_each_elsewhere(
    receiver: Receiver,
) -> None:
    chats = [endpoint_to(receiver.url, kind="slack"), endpoint_to(receiver.url, kind="teams")]
    webhook = endpoint_to(receiver.url)
    for _ in range(61):
        happen("deactivated")

    assert [send(one) for one in (*chats, webhook)] == [61, 61, 61]

    slack, teams, *rest = receiver.bodies
    lines = slack["blocks"][0]["text"]["text"].splitlines()
    assert (len(lines), lines[-1]) == (10, "… and 52 more.")
    assert [one["inlines"][0]["text"] for one in teams["attachments"][0]["content"]["body"]] == lines
    assert len(rest) == 61


def test_chat_and_pagers_are_told_in_their_own_forms(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("macros.webhooks.carriers.PAGERDUTY", receiver.url)
    account = make_account(name="Lumen <b>")
    chat = [endpoint_to(receiver.url, kind="slack"), endpoint_to(receiver.url, kind="teams")]
    pager = endpoint_to("R0UTINGKEY", kind="pagerduty")
    for kind in ("deactivated", "acknowledged", "connected"):
        AccountEvent.objects.create(account=account, kind=kind, at=database_clock.now())

    for endpoint in (*chat, pager):
        send(endpoint)

    slack, teams, *paged = receiver.bodies
    assert slack["text"].startswith("Lumen &lt;b&gt; (Facebook) is deactivated")
    assert slack["blocks"][0]["text"]["text"].startswith("Lumen <b> (Facebook) is deactivated")
    assert slack["blocks"][0]["text"]["type"] == "plain_text"
    assert teams["attachments"][0]["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert teams["attachments"][0]["content"]["actions"][0]["url"].endswith(
        f"/admin/accounts/account/{account.pk}/"
    )
    assert [one["event_action"] for one in paged] == ["trigger", "acknowledge", "resolve"]
    assert {(one["routing_key"], one["dedup_key"]) for one in paged} == {
        ("R0UTINGKEY", f"testserver:account:{account.pk}")
    }
    assert paged[0]["payload"]["severity"] == "critical"


def test_the_test_button_sends_one_that_nothing_happened_for(receiver: Receiver) -> None:
    reply = services.send_test(endpoint_to(receiver.url), database_clock.now())

    assert reply.is_taken
    assert receiver.bodies[0]["data"]["test"] is True
    assert not Event.objects.exists()


def test_nothing_is_sent_while_the_installation_is_on_hold(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = endpoint_to(receiver.url)
    monkeypatch.setattr(hold, "current", lambda: hold.Hold("copied."))

    with pytest.raises(hold.OnHold):
        services.send_test(endpoint, database_clock.now())

    assert receiver.got == []
