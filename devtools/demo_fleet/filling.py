"""Filling the demo, once: people link at the stand-ins as they would in a browser, things happen to them, and AdToken does what it does.

Nothing is written past the product but the age of what happened: between two acts all that is there is made some days older, so that the
time-lines have a past. The dates of tokens are the stand-ins' own.
"""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
from django.conf import settings
from django.core.management.base import CommandError
from django.db import models
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.checks import services as account_checks
from accounts.imports.rules import COLUMNS, ImportChecker
from accounts.imports.services import write_lines
from accounts.jobs import services
from accounts.jobs.models import PAUSE
from accounts.models import Account, AccountEvent, AccountToken, ApiKey
from devtools.demo_fleet.cast import (
    ACCOUNTS,
    IMPORTED,
    NORTHWIND,
    PEOPLE,
    STRANGERS,
    TEAMS,
    AdAccount,
    Person,
)
from macros.at_once import services as at_once
from macros.models import Macro, MacroAction, Told
from macros.warnings import services as evaluation
from notifications.delivery.services import deliver
from notifications.models import Message
from tokens.channels.registry import CHANNELS
from tokens.checks import services as refreshing
from tokens.doubts import services as doubts
from tokens.models import Doubt, Token, TokenEvent
from users.models import Membership, Team, User

DAY = timedelta(days=1)
AGED = (Account, AccountToken, AccountEvent, Doubt, Token, TokenEvent, Message, Told)
STAFF = "mira@example.com"
# An answer of LinkedIn's to an app that may not renew.
WITHOUT_RENEWAL = {
    "channel": "linkedin",
    "kind": "code",
    "user": "chiara",
    "omit": ["refresh_token", "refresh_token_expires_in"],
}
# An answer that looks like a dead log-in while its renewal goes well: AdToken asks again before it believes it.
IN_DOUBT = {
    "channel": "pinterest",
    "user": "noor",
    "path": "user_account",
    "status": 401,
    "body": {"code": 2, "message": "Authentication failed."},
}


class StandIns:
    """The sandbox at one address, by its control API and its consent pages. Loopback only: the demo runs nowhere else."""

    def __init__(self, base: str) -> None:
        self.base = base.rstrip("/")
        self.http = httpx2.Client(timeout=15, trust_env=False)

    def close(self) -> None:
        """Let go of the connection."""
        self.http.close()

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Turn a knob. Raises httpx2.HTTPStatusError with the sandbox's word where it refuses."""
        answer = self.http.request(method, f"{self.base}/_control/{path}", json=body or {})
        answer.raise_for_status()
        return answer.json()

    def set_up(self) -> None:
        """Make the people's log-ins and the clients' ad accounts."""
        for channel in CHANNELS:
            for key, name in ({person.key: person.name for person in PEOPLE} | STRANGERS).items():
                self.control("PUT", f"users/{channel}/{key}", {"name": name})
        for account in (*ACCOUNTS, *IMPORTED):
            self.put(account, name=account.name, currency=account.currency, roles=account.roles)

    def put(self, account: AdAccount, **fields: Any) -> None:
        """Create or change an ad account."""
        self.control("PUT", f"accounts/{account.channel}/{account.native_id}", fields)

    def action(self, channel: str, person: str, action: str) -> None:
        """Let a person, or the channel to a person, do something: change_password, cancel_authorisation, suspend."""
        self.control("POST", f"users/{channel}/{person}/{action}")

    def consent(self, address: str, person: str) -> str:
        """Log in at a channel as this person, allow everything, and return the address that the browser is sent back to.

        Raises RuntimeError where it is not sent back.
        """
        parts = urlsplit(address)
        page = self.http.get(f"{address}&user={person}").text
        form: dict[str, Any] = dict(parse_qsl(parts.query)) | {
            "user": person,
            "accounts": re.findall(r'name="accounts" value="([\w-]+)"', page),
            "scopes": re.findall(r'name="scopes" value="([\w:. ]+)"', page),
            "action": re.findall(r'name="action" value="(continue|authorize|allow)"', page)[0],
        }
        answer = self.http.post(f"{parts.scheme}://{parts.netloc}{parts.path}", data=form)
        if answer.status_code != 302:
            raise RuntimeError(f"The stand-in did not send {person} back: {answer.text[:300]}")
        return str(answer.headers["location"])


def fill(*, sandbox: str) -> int:
    """Fill an empty demo and return how many ad accounts it has now; one that has accounts stays as it is.

    Raises CommandError outside demo mode.
    """
    if not settings.DEMO:
        raise CommandError("The demo data is for demo mode. Set DEMO=1 on a loopback BASE_URL.")
    if Account.objects.exists():
        return Account.objects.count()
    stand_ins = StandIns(sandbox)
    try:
        with refreshing.refreshes_made_here():  # no worker runs yet
            _tell_its_story(stand_ins)
    finally:
        stand_ins.close()
    return Account.objects.count()


def _tell_its_story(stand_ins: StandIns) -> None:
    stand_ins.set_up()
    _make_people()
    stand_ins.control("POST", "tokens/next", WITHOUT_RENEWAL)
    _link_all(stand_ins)
    _set_dates(stand_ins)
    _import(stand_ins)
    _age(17 * DAY)
    _first_troubles(stand_ins)
    _age(4 * DAY)
    _later_troubles(stand_ins)
    _age(DAY)
    _today(stand_ins)


def _make_people() -> None:
    teams = {name: Team.objects.get_or_create(name=name)[0] for name in TEAMS}
    for person in PEOPLE:
        user = User.objects.create_user(
            person.email, name=person.name
        )  # no password: they only lend their log-ins
        for name in person.teams:
            role = Membership.Role.TEAM_LEAD if name == person.leads else Membership.Role.MEMBER
            Membership.objects.create(user=user, team=teams[name], role=role)
    for key in ApiKey.objects.all():
        key.teams.add(*teams.values())


def _link_all(stand_ins: StandIns) -> None:
    """Let everybody link: one consent a person, channel and client. Who comes first carries an account, the next one is the backup."""
    for person in PEOPLE:
        theirs: dict[tuple[str, str], list[str]] = {}
        for account in ACCOUNTS:
            if person.key in account.roles:
                theirs.setdefault((account.channel, account.team), []).append(account.native_id)
        for (channel, team), native_ids in theirs.items():
            _link(stand_ins, person, channel, native_ids, Team.objects.get(name=team))


def _set_dates(stand_ins: StandIns) -> None:
    """Let two log-ins have ends that no renewal moves: Facebook's data access, and a LinkedIn app without refresh tokens."""
    now = timezone.now()
    facebook = {
        "user": "deniz",
        "data_access_expires_at": int((now + timedelta(days=6, hours=5)).timestamp()),
    }
    linkedin = {"channel": "linkedin", "user": "chiara", "expires_at": int((now + 24 * DAY).timestamp())}
    for dates in (facebook, linkedin):
        stand_ins.control("POST", "tokens/dates", dates)
    _check("facebook", "deniz")
    _check("linkedin", "chiara")


def _link(stand_ins: StandIns, person: Person, channel: str, native_ids: list[str], team: Team) -> None:
    browser = Client(headers={"host": settings.BASE_URL.partition("://")[2]})
    user = User.objects.get(email=person.email)
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    away = browser.post(reverse("link", args=[channel]))
    back = stand_ins.consent(away["Location"], person.key)
    choose = browser.get(back.removeprefix(settings.BASE_URL))
    done = browser.post(choose["Location"], {"native_id": native_ids, "team": team.pk})
    if done.status_code != 302:
        raise CommandError(f"{person.name} could not link at {channel}: {done.content.decode()[:500]}")
    browser.logout()


def _import(stand_ins: StandIns) -> None:
    checker = ImportChecker(User(is_superuser=True), Team.default())
    rows = list[dict[str, Any]]()
    for account in IMPORTED:
        about = {
            "channel": account.channel,
            "native_id": account.native_id,
            "name": account.name,
            "team": account.team,
        }
        rows += [about | _credentials(stand_ins, account.channel, key) for key in account.people] or [about]
    lines = [
        checker.check(number, {name: row.get(name, "") for name in COLUMNS})
        for number, row in enumerate(rows, 1)
    ]
    write_lines([line for line in lines if line is not None], now=timezone.now())


def _credentials(stand_ins: StandIns, channel: str, key: str) -> dict[str, Any]:
    native = stand_ins.control("PUT", f"users/{channel}/{key}")
    issued = stand_ins.control("POST", "tokens/issue", {"channel": channel, "user": key})
    return {
        "native_user_id": native["id"],
        "native_user_name": native["name"],
        "access_token": issued["access_token"],
    }


def _first_troubles(stand_ins: StandIns) -> None:
    """A password is changed and a backup takes over; a role is lost; a person is suspended; a client pauses."""
    stand_ins.action("facebook", "emil", "change_password")
    stand_ins.control("PUT", "accounts/x/18ce63r9wt5/roles/noor", {"role": "reader"})
    stand_ins.action("pinterest", "emil", "suspend")
    _check("facebook", "emil")
    _check("x", "noor")
    _check("pinterest", "emil")
    paused = Account.objects.get(channel="snapchat", name="Kestrel Snacks")
    job, _ = services.start_job(
        user=User.objects.get(email=STAFF),
        kind=PAUSE,
        keys=[paused.pk],
        note="No campaigns until 11 January",
        now=timezone.now(),
    )
    services.do_job_now(job)
    _tell()


def _later_troubles(stand_ins: StandIns) -> None:
    """Authorisations are cancelled, a backup is lost, an ad account is restricted."""
    stand_ins.action("facebook", "noor", "cancel_authorisation")
    stand_ins.action("tiktok", "noor", "cancel_authorisation")
    stand_ins.control("DELETE", "accounts/linkedin/513400872/roles/deniz")
    stand_ins.control("PUT", "accounts/snapchat/c7d24b90-8f13-4ea5-a2c6-90b1e7f45d13", {"status": "PENDING"})
    for channel, key in (
        ("facebook", "noor"),
        ("tiktok", "noor"),
        ("linkedin", "deniz"),
        ("snapchat", "noor"),
    ):
        _check(channel, key)
    _tell()


def _today(stand_ins: StandIns) -> None:
    """A log-in is in doubt, everything else is checked once more, and the morning's macros run."""
    stand_ins.control("POST", "faults", IN_DOUBT)
    for token in Token.objects.living().order_by("pk"):
        account_checks.check_now(token, now=timezone.now(), source="sweep")
    _check("pinterest", "noor", source="report")  # the one before renewed it, which is as good as an answer
    macro = Macro.objects.create(
        name="Northwind: tell the account managers",
        description="The client's own team wants to know two weeks ahead.",
        team=Team.objects.get(name=NORTHWIND),
        scope=Macro.AppliesTo.ALL,
        created_by=User.objects.get(email=STAFF),
    )
    MacroAction.objects.create(
        macro=macro, emails=["accounts@northwind.example"], notify_consenters=False, days=[14, 7, 1]
    )
    evaluation.evaluate(now=timezone.now())
    _tell()


def _tell() -> None:
    """Have told what happened, and mailed, as half a minute later."""
    later = timezone.now() + at_once.GATHER
    at_once.tell_news(later)
    deliver(clock=lambda: later)


def _check(channel: str, key: str, *, source: str = "sweep") -> None:
    """Ask about a log-in twice, so long apart that what is said is believed."""
    token = Token.objects.get(app__channel=channel, consented_by__email=f"{key}@example.com")
    for now in (timezone.now() - doubts.TRUE_AFTER, timezone.now()):
        account_checks.check_now(token, now=now, source=source)


def _age(by: timedelta) -> None:
    """Make all that happened older. Dates that lie ahead are the channels' own and stay, and so does what is due."""
    now = timezone.now()
    for model in AGED:
        for field in model._meta.concrete_fields:  # noqa: SLF001  # Django documents it
            if isinstance(field, models.DateTimeField) and field.name not in {"due_at", "next_attempt_at"}:
                past = {f"{field.name}__lte": now}
                model._default_manager.filter(**past).update(**{field.name: F(field.name) - by})  # noqa: SLF001  # likewise
