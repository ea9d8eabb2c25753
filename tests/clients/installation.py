"""A running AdToken that the clients are tried against, told as JSON: accounts whose people can leave, a key, a webhook as it was sent."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.test import Client

from accounts.models import AccountEvent, ApiKey
from infra import database_clock
from macros.models import Endpoint, Event
from macros.webhooks import services as webhooks
from tests.support import jobs, native, processes
from tests.support.factories import make_account, make_user
from tests.support.receiver import Receiver
from tests.support.sandbox import Sandbox

ACCOUNTS = {
    "facebook": "203847561029384",
    "facebook_too": "318204957716203",
    "x": "18ce54d4x5t",
    "linkedin": "508720451",
    "tiktok": "7002238017842757633",
}
LUMEN, FERN = "Lumen Shoes EU", "Fern Gardens"


@contextmanager
def running(world: Sandbox) -> Iterator[str]:
    """Start the web server: Facebook of Ada, Ben and Chiara, X and TikTok of Ada and Ben, LinkedIn of Ada. Gives what clients must know."""
    world.give_role("facebook", LUMEN, "chiara", "admin")
    people = {name: make_user(f"{name}@example.com", name=native.NAMES[name]) for name in native.NAMES}
    for name, user in people.items():
        native.keep(user, name, (LUMEN, FERN))
    for name in ("ada", "ben"):
        native.keep(people[name], name, channel="x")
    for channel, name in (("linkedin", "ada"), ("tiktok", "ada"), ("tiktok", "ben")):
        browser = Client()
        browser.force_login(people[name])
        native.link(browser, channel, name)
    mira = make_user("mira@example.com", is_staff=True, is_superuser=True)
    with jobs.issued_key() as key, processes.web(world, workers=1, threads=8) as address:
        ApiKey.objects.update(created_by=mira)
        known: dict[str, Any] = {
            "url": address,
            "key": key,
            "sandbox": world.base,
            "webhook": _webhook(people["ada"]),
        }
        yield json.dumps(known | ACCOUNTS)


def _webhook(maker: Any) -> dict[str, Any]:
    """Return a webhook as AdToken sends it: secret, headers and body."""
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    now, receiver = database_clock.now(), Receiver()
    facts = {
        "types": Event.Type.values,
        "host": "127.0.0.1",
        "made_by": maker,
        "created_at": now - timedelta(hours=1),
    }
    endpoint = Endpoint(kind="webhook", name="Publisher", **facts)
    endpoint.address = endpoint.seal_address(receiver.url)
    endpoint.save()
    AccountEvent.objects.create(account=make_account(name="Lumen · Zürich"), kind="shifted", at=now)
    webhooks.publish(database_clock.now())
    webhooks.send_to(endpoint.pk)
    headers, body = receiver.got[-1]
    receiver.stop()
    return {"secret": endpoint.signing_secrets(now)[0], "headers": headers, "body": body.decode()}
