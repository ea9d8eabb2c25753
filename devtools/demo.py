"""The demo installation behind `make run`: people, channel apps of the sandbox, an API key. Refused outside demo mode."""

import json
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management.base import CommandError
from django.db import transaction
from django.utils import timezone

from accounts.api_keys.services import issue_key
from accounts.models import ApiKey
from broker.leases.callers import authenticate
from tokens.models import ChannelApp
from users.models import Membership, Team, User

PASSWORD = "adtoken-demo-2026"  # noqa: S105  # printed on the screen; demo mode serves loopback only
KEY_NAME = "Demo publishing job"
# The apps of the stand-in channels, by channel: client id and secret. Apps do not import the sandbox.
APPS = settings.BASE_DIR / "sandbox" / "apps.json"


@dataclass(frozen=True)
class DemoLogin:
    """One demo login."""

    role: str
    email: str
    name: str


LOGINS = [
    DemoLogin("admin", "mira@example.com", "Mira Ode"),
    DemoLogin("marketer", "ada@example.com", "Ada Okafor"),
    DemoLogin("marketer", "ben@example.com", "Ben Lindqvist"),
]


@transaction.atomic
def prepare(*, api_key: str = "") -> dict[str, object]:
    """Make what is missing and return logins and API key. A known key is kept; else a new one is issued in its place.

    Raises CommandError outside demo mode.
    """
    if not settings.DEMO:
        raise CommandError("The demo data is for demo mode. Set DEMO=1 on a loopback BASE_URL.")
    for login in LOGINS:
        _person(login)
    for channel, (client_id, secret) in json.loads(APPS.read_text(encoding="utf-8")).items():
        _app(channel, client_id, secret)
    return {
        "api_key": _key(api_key),
        "logins": [{"role": login.role, "email": login.email, "password": PASSWORD} for login in LOGINS],
    }


def _person(login: DemoLogin) -> None:
    if User.objects.filter(email=login.email).exists():
        return
    admin = login.role == "admin"
    user = User.objects.create_user(
        login.email, PASSWORD, name=login.name, is_staff=admin, is_superuser=admin
    )
    Membership.objects.create(user=user, team=Team.default())
    if admin:
        user.groups.add(*Group.objects.filter(name="Administrators"))


def _app(channel: str, client_id: str, secret: str) -> None:
    if ChannelApp.objects.leading().filter(channel=channel).exists():
        return
    app = ChannelApp(channel=channel, client_id=client_id, label="Sandbox", state=ChannelApp.State.LIVE)
    app.set_secrets([secret])
    app.save()


def _key(known: str) -> str:
    if known and authenticate(known, now=timezone.now()) is not None:
        return known
    ApiKey.objects.filter(name=KEY_NAME).delete()
    maker = User.objects.get(email=LOGINS[0].email)  # in whose name it acts on people and accounts
    teams = list(Team.objects.all())
    _, text = issue_key(name=KEY_NAME, scopes=list(ApiKey.Scope.values), teams=teams, created_by=maker)
    return text
