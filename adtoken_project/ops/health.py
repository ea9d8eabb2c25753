"""What can be wrong with this installation: one list of checks, for `manage.py doctor`, /healthz, /readyz and the portal's start page.

A check yields what is wrong, and what to do about it. It waits a few seconds at most for whatever it asks.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import psycopg
import redis
from django.conf import settings
from django.core import checks, mail
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.linking import queries as setup
from adtoken_project.ops import lateness
from adtoken_project.workers import lanes, signs_of_life
from infra import database_clock
from tokens.channels import declarations
from tokens.models import ChannelApp
from tokens.vault import queries as key_usage
from users.installation import hold
from users.people.queries import operators, reachable_operators

SECONDS = 5  # for one server to answer
# What Django's checks say of a demo on http.
QUIET = frozenset({"security.W004", "security.W008", "security.W012", "security.W016", "security.W018"})
NOT_PUBLIC = "wrong, see manage.py doctor"


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, and what to do. A note is not wrong, but perhaps not meant so."""

    said: str
    cure: str
    note: bool = False


Look = Callable[[datetime], Iterator[Finding]]


@dataclass(frozen=True)
class Check:
    """One check. `key`: its name in /healthz; "": only for doctor. `public`: what it says holds nothing of the inside."""

    title: str
    look: Look
    key: str = ""
    public: bool = True
    asks_database: bool = True


def settings_fit(now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # one interface
    """Ask Django's own checks."""
    quiet = QUIET if settings.DEMO else frozenset[str]()
    for message in checks.run_checks(include_deployment_checks=True):
        if message.level >= checks.WARNING and message.id not in quiet and not message.is_silenced():
            cure = message.hint or "See .env.example for the setting."
            yield Finding(f"{message.msg} ({message.id})", cure)


def database(now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # one interface
    """Ask past the pool, whose own patience is longer than ours, and which does not say why."""
    try:
        psycopg.connect(**{**connection.get_connection_params(), "connect_timeout": SECONDS - 1}).close()
    except psycopg.Error as error:
        cure = "Start PostgreSQL, and compare its address, role and password with DATABASE_URL."
        if "certificate" in _first_line(error):
            cure = "Compare host and sslrootcert in DATABASE_URL with the name in the server's certificate and its authority."
        yield Finding(f"It does not answer: {_first_line(error)}", cure)


def migrations(now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # one interface
    """Compare what was migrated with what is there to be."""
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    if plan := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        said = f"{len(plan)} migrations are missing, the first is {plan[0][0]}."
        yield Finding(said, "Run: manage.py migrate")


def installation(now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # one interface
    """Say why it is on hold."""
    if found := hold.current():
        which = "--same" if found.since else "--same or --copy"
        cure = f"Run: manage.py release {which} (docs/restore.md). Mails that wait are kept until then."
        yield Finding(str(found), cure)


def queue(now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # one interface
    """Ask the server of the queue and of the cache."""
    half = SECONDS / 2
    try:
        client = redis.Redis.from_url(
            settings.CELERY_BROKER_URL, socket_timeout=half, socket_connect_timeout=half
        )
        policy = client.info("memory").get("maxmemory_policy", "")
    except (redis.RedisError, OSError) as error:
        said = f"The server of REDIS_URL does not answer: {type(error).__name__}."
        yield Finding(said, "Start Redis or Valkey, and compare address and password with REDIS_URL.")
        return
    if policy not in {"noeviction", ""}:
        said = f"Redis throws keys away when it is full ({policy}), calls to workers with them."
        yield Finding(said, "Set maxmemory-policy noeviction there.", note=True)


def mail_server(now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # one interface
    """Log in at the mail server."""
    try:
        server = mail.get_connection(timeout=SECONDS - 1)
        server.open()
        server.close()
    except Exception as error:  # noqa: BLE001  # sockets, TLS and SMTP raise what they like
        yield Finding(
            f"The mail server does not take us: {type(error).__name__}: {str(error)[:200]}",
            "Compare EMAIL_URL with the server's address, port, TLS and log-in. Mails wait meanwhile and are not given up.",
        )


def keys(now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # one interface
    """Compare the key ring with the keys that stored rows name."""
    for said in key_usage.key_problems():
        yield Finding(said, "Put that key into FERNET_KEYS of every process (docs/rotate-the-key.md).")


def processes(now: datetime) -> Iterator[Finding]:
    """Name the lanes without a worker."""
    living = signs_of_life.living(now=now)
    if dead := [lateness.say(f"lane_{name}") for name in lanes.LANES if not living[name]]:
        yield Finding(lateness.say("no_worker", lanes="; ".join(dead)), "Start: manage.py worker all")


def clocks(now: datetime) -> Iterator[Finding]:
    """Name the hosts whose clock is wrong, this one's included."""
    cure = "Switch on NTP there. Its workers go by PostgreSQL's clock meanwhile, a web server beside them does not."
    for said in signs_of_life.wrong_clocks(now=now, own=database_clock.ahead_by()):
        yield Finding(said, cure)


def late(now: datetime) -> Iterator[Finding]:
    """Name the work that is late, of lanes that have a worker."""
    for work in lateness.late(now):
        look = (
            "Messages in the portal shows what the mail server last said. " if work.lane == lanes.MAIL else ""
        )
        busy = f"if it is only busy, start a second: manage.py worker {work.lane}"
        yield Finding(
            f"{work.words(now)}.", f"{look}Read the log of the worker of the lane {work.lane}; {busy}"
        )


def apps(now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # one interface
    """Name the apps that their channels refuse, and channels without one."""
    for app in ChannelApp.objects.refused():
        cure = f"Fix it at {app.get_channel_display()}, then test the app under Channel apps."
        yield Finding(f"{app.get_channel_display()} refuses our app: {app.fault}", cure)
    missing = [label for key, label in declarations.choices() if setup.channel_state(key) == setup.NOT_SET_UP]
    if missing:
        cure = "Enter an app under Channel apps in the portal, for the channels that you use."
        some = len(missing) < len(declarations.choices())
        yield Finding(f"Not set up: {', '.join(missing)}.", cure, note=some)


def people(now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # one interface
    """Say where nobody hears of faults."""
    cure = "Set OPERATOR_EMAILS, or add somebody to the group Administrators."
    if not operators():
        yield Finding("There is nobody to tell of our own faults.", cure)
    elif not reachable_operators():
        yield Finding("The mail servers of all operators refuse their addresses.", cure)


DATABASE = Check("Database", database, key="database", public=False, asks_database=False)
OF_WORK = (
    Check("Processes", processes, key="workers"),
    Check("Background work", late, key="lateness"),
)
CHECKS = (
    Check("Settings", settings_fit, asks_database=False),
    DATABASE,
    Check("Migrations", migrations),
    Check("Hold", installation, key="installation"),
    Check("Redis", queue, key="cache", public=False, asks_database=False),
    Check("Mail server", mail_server, asks_database=False),
    Check("Key ring", keys, key="key_ring"),
    *OF_WORK,
    Check("Clocks", clocks, key="clocks", public=False),
    Check("Channel apps", apps),
    Check("Operators", people),
)


def examine(some: Iterable[Check] = CHECKS) -> Iterator[tuple[Check, list[Finding] | None]]:
    """Make checks. Yields what is wrong with each; None where the database that it asks is away."""
    away: list[Finding] = list(database(timezone.now()))
    for check in some:
        if check is DATABASE:
            yield check, away
        else:
            yield check, None if away and check.asks_database else made(check.look)


def made(look: Look) -> list[Finding]:
    """Make a check. Where it cannot be made, that is what is wrong."""
    try:
        return list(look(database_clock.now()))
    except DatabaseError as error:
        said = f"This could not be read: {type(error).__name__}: {_first_line(error)}"
        return [Finding(said, "Run: manage.py migrate. If it stays so, look at the log of PostgreSQL.")]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200]


@require_safe
def livez(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  # a view
    """Say that the process answers. It asks nobody."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  # a view
    """Return whether this process can serve: database and key ring. On hold it serves the pages that say what to do."""
    return _report({"database", "key_ring", "installation"}, all_the_same="installation")


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  # a view
    """Report each part that has a key: database, key ring, hold, queue, workers, late work, clocks."""
    return _report({check.key for check in CHECKS if check.key})


def _report(keys: set[str], *, all_the_same: str = "") -> JsonResponse:
    """Make the checks with these keys. `all_the_same`: the one that may fail."""
    found = examine(check for check in CHECKS if check.key in keys)
    parts = {check.key: _said(check, findings) for check, findings in found}
    good = all(part == "ok" for key, part in parts.items() if key != all_the_same)
    return JsonResponse(parts, status=200 if good else 503)


def _said(check: Check, found: list[Finding] | None) -> str:
    """Return a part of /healthz, which strangers may read."""
    if found is None:
        return "not known"
    wrong = [one.said for one in found if not one.note]
    return (" ".join(wrong) if check.public else NOT_PUBLIC) if wrong else "ok"
