"""A small installation with something on every page, made by the real flows against the stand-in channels."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from django.test import Client

from accounts.api_keys import services as api_keys
from accounts.checks import services as sweeps
from accounts.models import Account, ApiKey, Ask, PendingLink
from adtoken_project.models import BackgroundProcess
from adtoken_project.tasks import heartbeat
from adtoken_project.workers import signs_of_life
from benchmarks.addresses import patterns
from broker.leases import callers
from macros.models import Endpoint, Macro, MacroAction
from macros.warnings import services as evaluation
from notifications.delivery import services as delivery
from notifications.models import Message
from tests.support import native
from tests.support.asking import ask_now
from tests.support.ends import make_doubt
from tests.support.factories import make_token, make_user
from tests.support.sandbox import Sandbox
from tests.support.signing import deauthorise
from tokens.channels.addresses import configured
from tokens.models import ChannelApp, DeletionRequest, Token, UnknownAnswer
from users.models import Invitation, Team, User


@dataclass
class World:
    """What the walkers need to know of it."""

    staff: User
    ada: User
    ben: User
    key: str
    account: Account
    lease_id: str
    pages: list[str]  # what was answered on the way, errors included

    def browser(self, user: User) -> Client:
        client = Client(raise_request_exception=False)
        client.force_login(user)
        return client


def build(sandbox: Sandbox) -> World:
    """Link, publish, lose a token, warn, mail: every flow once, its failures included."""
    native.set_up_apps(sandbox)
    make_default_macro()
    staff = make_user("mira@example.com", name="Mira Ode", is_staff=True, is_superuser=True)
    ada, ben = (
        make_user("ada@example.com", name="Ada Okafor"),
        make_user("ben@example.com", name="Ben Lindqvist"),
    )
    key = api_keys.issue_key(name="job", scopes=list(ApiKey.Scope.values), teams=[Team.default()])[1]
    callers._facts.clear()
    for user, name in ((ada, "ada"), (ben, "ben")):
        client = Client()
        client.force_login(user)
        for channel in ("facebook", "x"):
            native.link(client, channel, name)
    account = Account.objects.get(channel="facebook")
    world = World(staff, ada, ben, key, account, "", [])
    _fail_on_the_way(world, sandbox)
    _publish_and_lose(world, sandbox)
    now = datetime.now(UTC)
    of_ada = Token.objects.get(consented_by=ada, app__channel="facebook")
    ask_now(people=[[(account, of_ada)]], user=staff, note="Soon", now=now)
    seconds = int(now.timestamp())
    sandbox.set_dates(user="ben", issued_at=seconds - 50 * 86_400, expires_at=seconds + 10 * 86_400)
    _enter_a_secret(world)
    # A stranger at Facebook asks for deletion: the page of that request is one more address.
    signed = {"signed_request": deauthorise("424242")}
    world.pages.append(Client().post("/push/facebook/delete/", signed).content.decode())
    _all_run(now)
    sweeps.check_due_tokens(now=max(filter(None, Token.objects.values_list("due_at", flat=True))))
    evaluation.evaluate(now=now)
    delivery.deliver()
    _leave_something_to_decide(world, now)
    return world


def _leave_something_to_decide(world: World, now: datetime) -> None:
    """Have rows on pages that are empty while all goes well, so that the pages that ask about them are reached."""
    app = ChannelApp.objects.get(channel="facebook", is_default=True)
    for number in range(3):
        make_doubt(make_token(app, native_user_name=f"Doubted {number}"), now=now)
    UnknownAnswer.objects.create(
        app=app, fingerprint="f" * 32, call="campaigns", status=400, first_seen_at=now, last_seen_at=now
    )
    Ask.objects.create(
        what="link",
        key="key-of-a-client",
        email="client@example.com",
        team=Team.default(),
        channels=["facebook"],
        made_by=world.staff,
        created_at=now,
        ends_at=now + timedelta(days=7),
    )
    hook = Endpoint(
        name="Hook", types=["account.shifted"], host="hooks.example.com", made_by=world.staff, created_at=now
    )
    hook.address = hook.seal_address(f"https://hooks.example.com/{Sandbox.MARKER}")
    hook.save()
    Invitation.objects.create(
        email="new@example.com", team=Team.default(), expires_at=now + timedelta(days=7)
    )


def _all_run(now: datetime) -> None:
    """A worker of each lane gives a sign of life that lasts as long as a walk does."""
    heartbeat()
    for part in signs_of_life.PARTS:
        BackgroundProcess.objects.create(
            name=f"{part}@test", host="test", parts=[part], started_at=now, seen_at=now + timedelta(hours=1)
        )


def _enter_a_secret(world: World) -> None:
    """Staff enter the secret of one more app, marked like the tokens."""
    form = {
        "channel": "linkedin",
        "client_id": "abc",
        "state": "live",
        "new_secret": f"{Sandbox.MARKER}-app-secret",
    }
    world.pages.append(
        world.browser(world.staff).post("/admin/tokens/channelapp/add/", form, follow=True).content.decode()
    )


def make_default_macro() -> None:
    """Put back the seeded macro: a transactional test empties the tables."""
    if not Macro.objects.exists():
        macro = Macro.objects.create(name="Warn before any account stops", scope=Macro.AppliesTo.ALL)
        MacroAction.objects.create(macro=macro, days=[30, 7, 1])
        MacroAction.objects.create(macro=macro, kind=MacroAction.Kind.DEACTIVATED)


def _fail_on_the_way(world: World, sandbox: Sandbox) -> None:
    """Consents that fail, with the channel's answer holding a token: error pages and logs must not."""
    client = world.browser(world.ada)
    for fault in (
        {
            "path": "oauth/access_token",
            "status": 400,
            "body": {"error": {"code": 1, "message": f"x {Sandbox.MARKER}-in-error"}},
        },
        {"path": "oauth/access_token", "status": 200, "body": {"token": f"{Sandbox.MARKER}-elsewhere"}},
        {"path": "debug_token", "status": 200, "body": f"<html>{Sandbox.MARKER}</html>"},
        {"path": "me/adaccounts", "status": 500, "body": f"{Sandbox.MARKER} down"},
    ):
        sandbox.add_fault("facebook", count=1, **fault)
        back = native.decide(native.leave(client, "facebook"), "ada").replace("http://testserver", "")
        world.pages.append(client.get(back).content.decode())
        sandbox.clear_faults()


def _publish_and_lose(world: World, sandbox: Sandbox) -> None:
    job = Client(headers={"authorization": f"Bearer {world.key}"})
    path = f"/api/v1/accounts/facebook/{world.account.native_id}/lease"
    lease = job.post(path, {}, content_type="application/json").json()
    sandbox.change_password("facebook", "ada")
    url = f"{configured('FACEBOOK_GRAPH_URL')}/{configured('FACEBOOK_VERSION')}/act_{world.account.native_id}/campaigns"
    refused = httpx2.post(
        url,
        params=lease["send"]["query"],
        headers=lease["send"]["headers"],
        data={"name": "A"},
        trust_env=False,
        verify=False,
    )
    told = job.post(
        f"/api/v1/leases/{lease['lease_id']}/report",
        {"status": refused.status_code, "body": refused.json()},
        content_type="application/json",
    ).json()
    world.lease_id = told["lease"]["lease_id"]


def addresses(world: World) -> Iterator[str]:
    """Every address of the installation, its placeholders filled with rows that exist."""
    rows = _rows(world)
    for pattern in patterns():
        found = _filled(pattern, world, rows)
        if found is not None:
            yield found


def _rows(world: World) -> dict[str, Any]:
    """Return what placeholders are filled with."""
    pending = PendingLink.objects.filter(user=world.ada).first()
    return {
        "<int:account_id>": world.account.pk,
        "<int:token_id>": Token.objects.filter(pool_entries__account=world.account).first().pk,  # type: ignore[union-attr]
        "<int:message_id>": Message.objects.first().pk,  # type: ignore[union-attr]
        "<int:macro_id>": Macro.objects.first().pk,  # type: ignore[union-attr]
        "<int:key_id>": ApiKey.objects.first().pk,  # type: ignore[union-attr]
        "<channel>/<native_id>": f"facebook/{world.account.native_id}",
        "<lease_id>": world.lease_id,
        "<path:rest>": "nowhere",
        "<uuid:pending_id>": pending.pk if pending else "00000000-0000-0000-0000-000000000000",
        "<slug:channel>": "facebook",
        "<slug:code>": DeletionRequest.objects.first().code,  # type: ignore[union-attr]
        "<int:app_id>": world.account.active_token.app_id,  # type: ignore[union-attr]
        "<str:decision>": "release",
        "<int:answer_id>": UnknownAnswer.objects.first().pk,  # type: ignore[union-attr]
        "<int:link_id>": Ask.objects.client_links().first().pk,  # type: ignore[union-attr]
        "<slug:key>": "guessed",
        "<signed>": "broken",
        "<int:pk>": 1,
        "<id>": world.ada.pk,
        "<path:content_type_id>/<path:object_id>": "1/1",
        "(?P<url>.*)$": "nowhere",
        "(?P<key>[-:\\w]+)/$": "broken/",
        "(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": "1-broken/",
    }


def _filled(pattern: str, world: World, rows: dict[str, Any]) -> str | None:
    """Fill the placeholders; patterns that are regular expressions are filled by hand or left out."""
    for placeholder, value in rows.items():
        pattern = pattern.replace(placeholder, str(value))
    # The theme names the apps in the order in which their pages were registered.
    pattern = re.sub(r"\(\?P<app_label>[\w|]+\)/\$", "accounts/", pattern)
    pattern = pattern.replace("^", "").replace("<path:object_id>", _object_of(pattern))
    if "<" in pattern:
        return None
    return f"/{pattern}?ids={world.account.pk}" if "/bulk/" in pattern else f"/{pattern}"


def _object_of(pattern: str) -> str:
    from django.apps import apps

    parts = pattern.split("/")
    try:
        row = apps.get_model(parts[1], parts[2])._default_manager.first()
    except (LookupError, IndexError):
        return "1"
    return str(row.pk) if row else "1"
