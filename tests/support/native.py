"""Walking through a channel's consent page by plain HTTP, as a browser would, between two calls of Django's test client."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.support.sandbox import Sandbox
from tokens.channels.addresses import configured

if TYPE_CHECKING:
    from accounts.models import Account
    from users.models import User

FACEBOOK_SCOPES = ("ads_read", "ads_management", "business_management")
NAMES = {"ada": "Ada Okafor", "ben": "Ben Lindqvist", "chiara": "Chiara Rossi"}


def set_up_apps(sandbox: Sandbox) -> None:
    """Register our callback addresses at the sandbox, and its apps with us."""
    from tokens.channels import registry
    from tokens.models import ChannelApp

    apps = []
    for channel, (client_id, secret) in Sandbox.APPS.items():
        if channel not in registry.CHANNELS:
            continue
        app = ChannelApp(channel=channel, client_id=client_id, state=ChannelApp.State.LIVE)
        app.set_secrets([secret])
        apps.append(app)
        if sandbox.redirects.get(channel) != [app.redirect_uri]:  # they outlive a reset
            sandbox.put_app(channel, redirect_uris=[app.redirect_uri])
    ChannelApp.objects.bulk_create(apps)


def leave(client: Client, channel: str, *, path: str = "", **form: str) -> str:
    """Press "Continue to ..." and return the channel's address that we are sent to."""
    response = client.post(path or reverse("link", args=[channel]), form)
    assert response.status_code == 302, response.content.decode()[:2000]
    return response["Location"]


def decide(
    address: str,
    user: str,
    *,
    scopes: Sequence[str] = FACEBOOK_SCOPES,
    accounts: Sequence[str] | None = None,
    action: str = "",
) -> str:
    """Fill the consent form at the channel and return the address that the browser is sent back to.

    Without `accounts` every ad account that is offered is ticked.
    """
    parts = urlsplit(address)
    base = f"{parts.scheme}://{parts.netloc}{parts.path}"
    form: dict[str, str | list[str]] = dict(parse_qsl(parts.query))
    with httpx2.Client(timeout=60, trust_env=False, verify=False) as http:  # plain HTTP: load no certificates
        if "/x/oauth/authorize" in parts.path:
            form |= {"user": user, "action": action or "authorize"}
        else:
            if accounts is None:
                accounts = _offered(http, address, user)
            form |= {
                "user": user,
                "action": action or ("continue" if "/dialog/oauth" in parts.path else "allow"),
                "scopes": list(scopes),
                "accounts": list(accounts),
            }
        answer = http.post(base, data=form)
    assert answer.status_code == 302, answer.text[:2000]
    return answer.headers["location"]


def _offered(http: httpx2.Client, address: str, user: str) -> list[str]:
    import re

    page = http.get(f"{address}&user={user}").text
    return re.findall(r'name="accounts" value="([\w-]+)"', page)


def query(address: str) -> dict[str, str]:
    """Return the parameters of an address."""
    return dict(parse_qsl(urlsplit(address).query))


def back(client: Client, address: str, **changes: str) -> Any:
    """Follow the channel's way back into our callback, some parameters changed, and return our answer."""
    parts = urlsplit(address)
    asked = urlencode({**query(address), **changes}) if changes else parts.query
    return client.get(f"{parts.path}?{asked}")


def come_back(client: Client, address: str) -> str:
    """Follow the way back into our callback and return where it leads."""
    response = back(client, address)
    assert response.status_code == 302, response.content.decode()[:3000]
    leads: str = response["Location"]
    return leads


def consent(
    client: Client,
    channel: str,
    user: str,
    *,
    path: str = "",
    form: dict[str, str] | None = None,
    **choice: object,
) -> str:
    """The whole way: leave, decide, come back. Returns where we lead on to."""
    address = leave(client, channel, path=path, **(form or {}))
    return come_back(client, decide(address, user, **choice))  # type: ignore[arg-type]  # passed on


def link(
    client: Client, channel: str, user: str, names: Sequence[str] = ("Lumen Shoes EU",), **choice: object
) -> None:
    """Consent and choose the accounts with these names."""
    from accounts.models import PendingLink

    address = consent(client, channel, user, **choice)  # type: ignore[arg-type]  # passed on
    pending = PendingLink.objects.get(pk=address.rstrip("/").rsplit("/", 1)[-1])
    ids = [native["native_id"] for native in pending.offered if native["name"] in names]
    response = client.post(address, {"native_id": ids})
    assert response.status_code == 302, response.content.decode()[:3000]


def keep(
    user: "User", name: str, names: Sequence[str] = ("Lumen Shoes EU",), *, channel: str = "facebook"
) -> None:
    """Link these accounts as `link` does, without a page: Facebook or X issues a token, and the services keep it."""
    from accounts.linking import choosing
    from accounts.linking import services as linking
    from tokens.channels.kinds import Credentials, Dates, Grant, Identity
    from tokens.models import ChannelApp

    parts = urlsplit(configured("FACEBOOK_GRAPH_URL"))
    with httpx2.Client(trust_env=False, verify=False) as http:
        asked = {"channel": channel, "user": name}
        issued = http.post(f"{parts.scheme}://{parts.netloc}/_control/tokens/issue", json=asked).json()
    if channel == "x":
        identity = Identity(issued["user_id"], NAMES[name])
        pair = Credentials(issued["oauth_token"], secret=issued["oauth_token_secret"])
        grant = Grant(pair, Dates(sources={"access": "never"}))
    else:
        identity = Identity(issued["user_id"], issued["name"])
        given_at, ends = (datetime.fromtimestamp(issued[one], UTC) for one in ("issued_at", "expires_at"))
        dates = Dates(issued_at=given_at, access_expires_at=ends, sources={"access": "provider"})
        grant = Grant(Credentials(issued["access_token"]), dates, FACEBOOK_SCOPES)
    app, now = ChannelApp.objects.get(channel=channel, is_default=True), timezone.now()
    listed = linking.ask_for_list(app, identity, grant)
    given: dict[str, Any] = {"app": app, "identity": identity, "grant": grant, "listed": listed}
    pending = linking.keep_consent(user=user, target=None, now=now, **given)
    ids = [native.native_id for native in listed.accounts if native.name in names]
    choosing.save_choice(pending_id=pending.pk, user=user, native_ids=ids, now=now)


def linked(channel: str, *people: str) -> "Account":
    """Lumen Shoes EU on this channel, linked by these people; the first one is active."""
    from accounts.models import Account
    from tests.support.factories import make_user

    for name in people:
        user = make_user(f"{name}@example.com", name=name.title())
        if channel in ("facebook", "x"):
            keep(user, name, channel=channel)
            continue
        client = Client()
        client.force_login(user)
        link(client, channel, name)
    return Account.objects.get(channel=channel)


def linked_before(channel: str, *users: "User", names: Sequence[str] = ("Lumen Shoes EU",)) -> "Account":
    """What `linked` leaves, by rows alone, for what begins after it: the channel knows these people, and not their log-ins.

    Their addresses begin with the keys of the people: ada@..., ada.client@.... Returns the first of the accounts.
    """
    from django.db import transaction
    from django.utils import timezone

    from accounts.pool import services as pool
    from sandbox.start import start_accounts, start_users
    from tests.support import factories

    now = timezone.now()
    people = {one.key: one for one in start_users() if one.channel == channel}
    ids = {one.name: one.id for one in start_accounts() if one.channel == channel}
    accounts = [factories.make_account(channel, name=name, native_id=ids[name]) for name in names]
    for user in users:
        person = people[user.email.partition("@")[0].partition(".")[0]]
        names_of = {"native_user_id": person.id, "native_user_name": person.name, "first_linked_at": now}
        token = factories.make_token(factories.make_app(channel), consented_by=user, **names_of)
        for account in accounts:
            factories.link(account, token)
        with transaction.atomic():
            pool.settle(account_ids=[one.pk for one in accounts], cause="linked", now=now)
    accounts[0].refresh_from_db()
    return accounts[0]
