"""Webhooks in the portal: made with a secret that is shown once, tried, changed, switched off, and nobody else's business."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from macros.models import Endpoint, Event
from macros.webhooks.mails import build_webhook_mail
from notifications.models import Message
from tests.macros.test_webhooks import endpoint_to, happen, receiver, send  # noqa: F401  # a fixture
from tests.support.factories import make_user
from tests.support.receiver import Receiver
from users.models import Team
from users.people.models import Role
from users.people.services import give_role

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(make_user("boss@example.com", is_staff=True, is_superuser=True))
    return client


def test_one_is_made_tried_and_changed_and_its_secret_is_shown_once(boss: Client, receiver: Receiver) -> None:  # noqa: F811
    said = {"kind": "webhook", "name": "Publisher <b>", "address": receiver.url, "types": ["account.shifted"]}

    made = boss.post(reverse("admin:macros_endpoint_add"), said)
    endpoint = Endpoint.objects.get()
    page = reverse("admin:macros_endpoint_change", args=[endpoint.pk])
    (secret,) = endpoint.signing_secrets(timezone.now())

    assert secret in made.text
    assert receiver.url not in made.text
    assert secret not in boss.get(page).text
    assert (
        "took it: 200 ok"
        in boss.post(reverse("admin:macros_endpoint_test", args=[endpoint.pk]), follow=True).text
    )
    receiver.answers = [(500, {})]
    happen()
    send(endpoint)
    assert "500 ok" in boss.get(page).text
    assert "Publisher &lt;b&gt;" in boss.get(page).text
    boss.post(
        reverse("admin:macros_endpoint_edit", args=[endpoint.pk]), {"name": "P", "types": Event.Type.values}
    )
    changed = Endpoint.objects.get()
    assert (changed.name, changed.open_address()) == ("P", receiver.url)
    anew = boss.post(reverse("admin:macros_endpoint_secret", args=[endpoint.pk])).text
    assert secret not in anew
    boss.post(reverse("admin:macros_endpoint_switch", args=[endpoint.pk]))
    assert Endpoint.objects.get().off_at
    assert (
        "is deleted"
        in boss.post(reverse("admin:macros_endpoint_remove", args=[endpoint.pk]), follow=True).text
    )


def test_why_nothing_was_answered_is_said_in_the_readers_words_on_pages_and_in_the_mail(
    boss: Client,
    receiver: Receiver,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    endpoint = endpoint_to("http://127.0.0.1:1/")
    monkeypatch.setattr("macros.webhooks.services.MOST_FAILURES", 1)
    happen()
    send(endpoint)

    page = boss.get(endpoint.get_absolute_url()).text

    assert page.count("no connection") == 2
    mail = build_webhook_mail(Message.objects.get(kind="webhook"))
    assert "no connection" in mail.text


@pytest.mark.parametrize(
    ("kind", "address", "said"),
    [
        ("webhook", "https://127.0.0.1/", "private network"),
        ("slack", "http://93.184.216.34/", "Use https"),
        ("webhook", "https://nowhere.invalid/", "no host"),
        ("webhook", "ftp:hook", "whole address"),
        ("pagerduty", "short", "32 letters"),
    ],
)
def test_an_address_that_nothing_can_be_sent_to_is_refused_with_what_to_do(
    boss: Client, settings: Settings, kind: str, address: str, said: str
) -> None:
    settings.WEBHOOK_NETWORKS = []

    answer = boss.post(
        reverse("admin:macros_endpoint_add"),
        {"kind": kind, "name": "A", "address": address, "types": ["login.ended"]},
    )

    assert said in answer.text
    assert not Endpoint.objects.exists()


def test_a_manager_sees_those_of_the_own_team_and_changes_none(client: Client, receiver: Receiver) -> None:  # noqa: F811
    mine, foreign = endpoint_to(receiver.url, team=Team.default()), endpoint_to(receiver.url, kind="slack")
    manager = make_user("max@example.com", team=Team.default())
    give_role(manager, Role.MANAGER)
    client.force_login(manager)

    assert client.get(mine.get_absolute_url()).status_code == 200
    assert client.get(foreign.get_absolute_url()).status_code == 404
    assert client.post(reverse("admin:macros_endpoint_switch", args=[mine.pk])).status_code == 403
    assert client.get(reverse("admin:macros_endpoint_add")).status_code == 403
