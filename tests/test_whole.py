"""Promises of the whole installation: no secret leaks anywhere, and no GET changes anything."""

import logging
from typing import Any

import pytest
import redis
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client

from notifications.delivery.tasks import deliver_messages
from tests.support import alike
from tests.support import world as worlds
from tests.support.rows import fingerprints
from tests.support.sandbox import Sandbox
from tests.support.world import World
from tokens.models import Token
from users.models import Session, Team

pytestmark = pytest.mark.django_db(transaction=True)

# What only writes who is there.
MAY_WRITE = {"users.Session"}
LEAVE = ("logout/", "/callback/")  # who is logged in there is logged out, or somebody else
LOOKED_AFTER = 16  # addresses: reading all rows takes as long as a page
# What whoever is not logged in may open, beside the links of mails and what systems push to (SECURITY.md).
OPEN_TO_ALL = (
    "/accounts/3rdparty/", "/accounts/inactive/", "/accounts/login/", "/accounts/password/reset/", "/accounts/signup/", "/channels.css",
    "/healthz", "/livez", "/open/", "/push/facebook/deletion/", "/readyz",
)  # fmt: skip
# For developers; and what Django says of permissions, whose names are rows.
OF_A_LIBRARY = ("/api/v1/docs", "/admin/auth/group/")  # pages whose words and frame are not ours


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything that is logged, debugging lines of libraries included, as our handler would print it."""
    from infra.scrub import LogFilter

    caplog.handler.addFilter(LogFilter())
    caplog.set_level(logging.DEBUG)
    return caplog


@pytest.fixture
def world_settings(settings: Any, log: pytest.LogCaptureFixture) -> None:
    settings.DEMO = True


def walkers(world: World) -> list[Client]:
    """Return a stranger, a marketer and staff."""
    return [Client(raise_request_exception=False), world.browser(world.ada), world.browser(world.staff)]


def is_page(answer: Any) -> bool:
    """Return whether it is one of our whole pages; what was mailed is shown as it was."""
    mailed = "sandbox" in answer.get("Content-Security-Policy", "")
    return answer["Content-Type"].startswith("text/html") and "<html" in answer.text and not mailed


def test_no_get_changes_anything_none_breaks_no_token_leaks_and_all_pages_are_alike(
    channels_world: Sandbox, world_settings: None, log: pytest.LogCaptureFixture, valkey: redis.Redis
) -> None:
    world = worlds.build(channels_world)
    deliver_messages.delay()
    clients = walkers(world)
    job = Client(headers={"authorization": f"Bearer {world.key}"}, raise_request_exception=False)
    before = fingerprints(without=MAY_WRITE)
    broken, odd, asking, open_to_all = [], [], set(), set()
    opened: list[str] = []
    seen = world.pages.copy()
    everywhere = list(worlds.addresses(world))
    addresses = [one for one in everywhere if not one.endswith(LEAVE)]
    for address in addresses:
        answers = [one.get(address) for one in ([job] if address.startswith("/api/") else clients)]
        seen += [_whole(address, answer) for answer in answers]
        # on a slow machine it is not well while a walk lasts
        broken += [address for one in answers if one.status_code >= 500 and address != "/healthz"]
        pages = [answer.text for answer in answers if answer.status_code < 300 and is_page(answer)]
        if not address.startswith("/api/") and answers[0].status_code < 300:
            open_to_all.add(address)
        asking |= {address for page in pages if "at-confirm" in page or 'name="seen"' in page}
        if not address.startswith(OF_A_LIBRARY):
            odd += [(address, found) for page in pages if (found := alike.faults(page))]
        opened.append(address)
        if len(opened) == LOOKED_AFTER or address == addresses[-1]:
            after = fingerprints(without=MAY_WRITE)
            changed = [name for name in after if after[name] != before[name]]
            assert not changed, f"GET of one of {opened} changed {changed}"
            opened.clear()
    for address in sorted(set(everywhere) - set(addresses)):
        seen += [_whole(address, client.get(address)) for client in walkers(world)]

    assert len(addresses) > 100
    assert "/admin/accounts/" in addresses  # a group of names, in any order
    assert broken == []
    assert odd == []
    assert {address for address in open_to_all if not address.startswith(OPEN_TO_ALL)} == set()
    assert len(channels_world.mails()) > 2
    assert len(asking) > 25  # pages before something is done, of both portals
    assert_no_token_leaks({"pages": seen, "log": [log.text], **_places(channels_world, valkey)})
    # What was looked for would have been found: a single space, a token in clear.
    Team.objects.update(name=f"{Team.default().name} ")
    assert fingerprints(without=MAY_WRITE) != before
    Token.objects.update(native_user_name=f"{Sandbox.MARKER}-1")
    assert Sandbox.MARKER in clients[2].get(f"/admin/accounts/account/{world.account.pk}/").text
    assert Sandbox.MARKER in _dump()


def _places(channels_world: Sandbox, valkey: redis.Redis) -> dict[str, list[str]]:
    """Return what lies in mails, sessions, caches, queues and the database."""
    return {
        "mails": [repr(mail) for mail in channels_world.mails()],
        "sessions": [repr(row.get_decoded()) for row in Session.objects.all()],
        "admin log": [repr(row) for row in LogEntry.objects.values()],
        "valkey": _everything_in(valkey),
        "database": [_dump()],
    }


def assert_no_token_leaks(places: dict[str, list[str]]) -> None:
    """None of a channel lies open in pages, logs, mails, sessions, caches, queues or the database, and all of these were looked at."""
    leaks = [
        f"{place}: {text[max(0, text.index(Sandbox.MARKER) - 200) : text.index(Sandbox.MARKER) + 80]}"
        for place, texts in places.items()
        for text in texts
        if Sandbox.MARKER in text
    ]

    assert leaks == []
    assert all(places.values()), {place: len(texts) for place, texts in places.items()}
    assert any("deliver_messages" in text for text in places["valkey"]), "the queue was not looked at"
    assert Token.objects.filter(credentials__isnull=False).count() >= 4


def _whole(address: str, response: Any) -> str:
    return f"{address} {response.headers} {_body(response)}"


def _body(response: Any) -> str:
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return bytes(content).decode(errors="replace")


def _everything_in(valkey: redis.Redis) -> list[str]:
    texts = []
    for key in valkey.scan_iter("*"):
        kind = valkey.type(key)
        if kind == b"list":
            texts += [repr((key, item)) for item in valkey.lrange(key, 0, -1)]
        elif kind == b"hash":
            texts.append(repr((key, valkey.hgetall(key))))
        elif kind == b"string":
            texts.append(repr((key, valkey.get(key))))
        else:
            texts.append(repr(key))
    return texts


def _dump() -> str:
    """Every table as COPY gives it; bytes are in hexadecimal, so the marker is looked for in both spellings."""
    parts = []
    connection.ensure_connection()
    with connection.connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names()):
            with cursor.copy(f'copy "{table}" to stdout') as copy:
                parts += [f"{table}: {bytes(row).decode(errors='replace')}" for row in copy]
    text = "\n".join(parts)
    return text.replace(Sandbox.MARKER.encode().hex(), Sandbox.MARKER)
