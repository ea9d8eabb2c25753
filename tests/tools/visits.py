"""What a snapshot visits (see tests/tools/snapshot.py): the world of tests/support/world.py, then the fleet of the demo.

It builds both, and visits all addresses as several people; on the fleet it also presses the first button of every form and every bulk
action, in transactions that are rolled back. It relies on addresses and on names of tasks and models, which are data
(tests/project/test_data_names.py), so that it runs on older versions, too.
"""

import os
import re
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import time_machine
from django.apps import apps
from django.db import models, transaction
from django.test import Client

from accounts.models import Account, AccountToken, ApiKey, PendingLink
from benchmarks.addresses import patterns
from devtools import demo, demo_fleet
from macros.models import Macro
from notifications.models import Message
from tests.support import native
from tests.support import world as worlds
from tests.support.sandbox import Sandbox
from tests.tools import visible
from tests.tools.fleet import DAY, KINDS, LIMITED_STAFF, NOW, STAFF, browser, every_kind_of_mail
from tests.tools.pseudo import LANGUAGE
from tests.tools.recorder import FRAME, Snapshot, in_brackets
from tests.tools.snapshot import FOLDER
from tokens.models import ChannelApp, DeletionRequest, Token, UnknownAnswer
from users.models import User

ROWS = 26  # all accounts of the fleet: as many of their pages staff look at
FEW = 8  # of other rows, where pages differ less
ONE = 1  # for members of staff who may not do everything


@pytest.fixture
def snapshot(channels_world: Sandbox, settings: Any) -> Iterator[Snapshot]:
    """A snapshot under a frozen clock, with an installation as `migrate` leaves it."""
    settings.STAFF_SECOND_FACTOR, settings.DEMO = False, True
    settings.SECRET_KEY = "of the snapshot, so that what is signed stays as long as it is"
    settings.OPERATOR_EMAILS = ["operators@example.com"]
    with time_machine.travel(NOW, tick=False):
        channels_world.set_clock(now=int(NOW.timestamp()))
        channels_world.delete_mails()
        for model in apps.get_models():  # what `migrate` made was made today
            moments = [
                one.name for one in model._meta.concrete_fields if isinstance(one, models.DateTimeField)
            ]
            for name in moments:
                model._default_manager.exclude(**{name: None}).update(**{name: NOW - 40 * DAY})
        with in_brackets() if os.environ.get(LANGUAGE) else nullcontext():
            made = Snapshot(Path(os.environ[FOLDER]), channels_world)
            yield made
        if os.environ.get(LANGUAGE):
            made.write_data_words()
    channels_world.set_clock(offset=0)


@pytest.mark.django_db(transaction=True)
def test_world(snapshot: Snapshot) -> None:
    world = worlds.build(snapshot.sandbox)
    snapshot.words.append((world.lease_id, "LEASE"))
    job = Client(headers={"authorization": f"Bearer {world.key}"}, raise_request_exception=False)
    visitors = {
        "anonymous": Client(raise_request_exception=False),
        "ada": world.browser(world.ada),
        "staff": world.browser(world.staff),
        "job": job,
    }
    for pattern in patterns():
        path = worlds._filled(pattern, world, worlds._rows(world))
        if path is None or path.endswith(("logout/", "/callback/")):
            continue
        for name, client in visitors.items():
            snapshot.page(client, path, f"world/{name}/{pattern}")
    for number, page in enumerate(world.pages):
        snapshot.write(f"world/on the way/{number:02}", [], visible.text(page, without=FRAME))
    snapshot.write_mails("world")
    snapshot.write_queries("world")


@pytest.mark.django_db(transaction=True)
def test_fleet(snapshot: Snapshot) -> None:
    worlds.make_default_macro()
    demo.prepare()
    for app in ChannelApp.objects.all():
        snapshot.sandbox.put_app(app.channel, redirect_uris=[app.redirect_uri])
    demo_fleet.fill(sandbox=snapshot.sandbox.base)
    every_kind_of_mail(snapshot.sandbox)
    assert set(Message.objects.values_list("kind", flat=True)) >= KINDS
    browsers = {email: browser(email) for email in VISITORS}
    _come_back(snapshot, browsers)
    _walk_fleet(snapshot, browsers)
    _press_buttons(snapshot, browsers)
    snapshot.write_mails("fleet")
    snapshot.write_queries("fleet")


MANY = {"admin/accounts/account/<int:account_id>/", "my/<int:account_id>/"}
VISITORS = (
    STAFF,
    LIMITED_STAFF,
    "chiara@example.com",
    "emil@example.com",
    "noor@example.com",
    "ada@example.com",
)


# ---- visits


def _walk_fleet(snapshot: Snapshot, browsers: dict[str, Client]) -> None:
    for pattern in patterns():
        if pattern.endswith(("logout/", "/callback/")):
            continue
        admin = pattern.startswith("admin/")
        for email, client in browsers.items():
            if (admin and email not in {STAFF, LIMITED_STAFF}) or (not admin and email == LIMITED_STAFF):
                continue
            limit = ONE if email == LIMITED_STAFF else ROWS if pattern in MANY else FEW
            for number, (tag, path) in enumerate(_filled(pattern, limit)):
                name = f"fleet/{email.partition('@')[0]}/{pattern}{tag}"
                html = snapshot.page(client, path, name)
                if email == STAFF and number < ONE:
                    _follow(snapshot, client, path, html, name)


# Who comes back from which channel, what is pressed there, and what of the way back was changed.
WAYS_BACK: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("chiara", "facebook", "", {}),
    ("chiara", "linkedin", "", {}),
    ("noor", "pinterest", "", {}),
    ("noor", "x", "", {}),
    ("emil", "tiktok", "", {}),
    ("ada", "snapchat", "", {}),
    ("ada", "facebook", "cancel", {}),
    ("ada", "linkedin", "cancel", {}),
    ("ada", "pinterest", "", {"state": "bent"}),
    ("ada", "tiktok", "", {"state": "bent"}),
)


def _come_back(snapshot: Snapshot, browsers: dict[str, Client]) -> None:
    """Write down where the ways back from the channels lead. What was chosen from nothing yet is visited later."""
    for person, channel, action, changes in WAYS_BACK:
        client = browsers[f"{person}@example.com"]
        address = urlsplit(native.decide(native.leave(client, channel), person, action=action))
        asked = urlencode({**dict(parse_qsl(address.query)), **changes})
        name = f"fleet/{person}/way back/{channel} {action}{''.join(changes)}"
        snapshot.page(client, f"{address.path}?{asked}", name, follow=True)


def _follow(snapshot: Snapshot, client: Client, path: str, html: str, name: str) -> None:
    """Visit what a page offers of itself: filters, ready-made views, orders, pages, tabs."""
    main = html.partition("<main")[2] or html
    queries = sorted({found.replace("&amp;", "&") for found in re.findall(r'href="(\?[^"]+)"', main)})
    for query in queries[:40]:
        snapshot.page(client, path + query, f"{name}{query[:100]}")


def _press_buttons(snapshot: Snapshot, browsers: dict[str, Client]) -> None:
    """Send every form of every page of staff and of people as it stands there, and every bulk action; nothing of it stays."""
    for pattern in patterns():
        admin = pattern.startswith("admin/")
        for email in (STAFF,) if admin else ("chiara@example.com", "noor@example.com"):
            for tag, path in _filled(pattern, 3):
                page = browsers[email].get(path)
                if page.get("Content-Type", "").startswith("text/html") and not page.streaming:
                    found = visible.forms(page.content.decode())
                    name = f"pressed/{email.partition('@')[0]}/{pattern}{tag}"
                    for number, form in enumerate(found):
                        _press(snapshot, browsers[email], path, form, f"{name}#{number}" if number else name)


def _press(snapshot: Snapshot, client: Client, path: str, form: visible.Form, name: str) -> None:
    to = urlsplit(form.action).path or path
    if to.startswith("/link/") or "/test/" in to or re.search(r"lookup|json", to):
        return
    actions = [value for value in form.choices.get("action", []) if value]
    rows = form.choices.get("_selected_action", [])[:3]
    if actions:
        for action in actions if name.count("@") == 0 else ():
            more = {"action": [action], "_selected_action": rows}
            _rolled_back(snapshot, client, to, {**form.fields, **more}, f"{name}!{action}")
    else:
        _rolled_back(snapshot, client, to, form.fields, name)


def _rolled_back(snapshot: Snapshot, client: Client, path: str, data: dict[str, Any], name: str) -> None:
    with transaction.atomic():
        snapshot.page(client, path, name, posted=data, follow=True)
        transaction.set_rollback(True)


def _filled(pattern: str, limit: int) -> Iterator[tuple[str, str]]:
    """Give the addresses of a pattern by a name that stays: which row it is in its order, not its id."""
    for tag, values in _values(pattern, limit):
        path = pattern.replace("^", "")
        for placeholder, value in values.items():
            path = path.replace(placeholder, str(value))
        path = re.sub(r"\(\?P<app_label>[^)]*\)/\$", "accounts/", path)
        if "<" not in path and "(?P" not in path:
            yield tag, f"/{path}"


def _values(pattern: str, limit: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give a name and what stands for the placeholders, row by row."""
    of_two: dict[tuple[str, str], Any] = {
        ("<int:account_id>", "<int:token_id>"): AccountToken.objects.order_by("account_id", "token_id").values_list("account", "token"),
        ("<channel>", "<native_id>"): Account.objects.order_by("pk").values_list("channel", "native_id"),
    }  # fmt: skip
    for names, rows in of_two.items():
        if all(name in pattern for name in names):
            for number, values in enumerate(rows[:limit]):
                yield f"@{number:02}", dict(zip(names, values, strict=True))
            return
    if "<slug:channel>" in pattern:
        for channel in Sandbox.APPS:
            yield f"@{channel}", {"<slug:channel>": channel}
        return
    placeholder, model = _rows(pattern)
    found: Any = model._default_manager.order_by("pk") if model else Account.objects.none()
    if model is PendingLink:  # its ids are random
        found = PendingLink.objects.order_by("user", "token")
    if model is Message:  # one of each kind
        found = Message.objects.filter(
            pk__in=Message.objects.order_by("kind", "pk").distinct("kind")
        ).order_by("kind")
    pks = found.values_list("pk", flat=True)[: max(limit, 20) if model is Message and limit > ONE else limit]
    for number, pk in enumerate(pks):
        yield f"@{number:02}", {placeholder: pk}
    if model is None:
        yield "", {}


OF: dict[str, type[models.Model]] = {
    "<int:account_id>": Account, "<int:token_id>": Token, "<int:message_id>": Message, "<int:macro_id>": Macro, "<int:key_id>": ApiKey,
    "<int:app_id>": ChannelApp, "<int:answer_id>": UnknownAnswer, "<id>": User,
    "<uuid:pending_id>": PendingLink, "<slug:code>": DeletionRequest,
}  # fmt: skip


def _rows(pattern: str) -> tuple[str, type[models.Model] | None]:
    """Return the placeholder of an address and whose rows fill it; no model where it has none that we know."""
    for placeholder, model in OF.items():
        if placeholder in pattern:
            return placeholder, model
    parts = pattern.split("/")
    if "<path:object_id>" in pattern and len(parts) > 3 and parts[1] in apps.app_configs:
        return "<path:object_id>", apps.get_model(parts[1], parts[2])
    return "", None
