"""What `manage.py doctor` looks at: each check says what is wrong, and what to do about it.

A check is bounded in time from outside, because what it asks may hang.
"""

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
import redis
from django.conf import settings
from django.core import checks, mail
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from accounts.linking import setup
from adtoken_project import lanes, lateness, schedules, signs_of_life
from tokens import call_state, key_usage
from tokens.channels import declarations
from tokens.models import ChannelApp
from users import database_clock, hold, recipients

SECONDS = 5.0  # for one check
SETTINGS_SECONDS = 15.0  # which load more, and wait for nobody
OLDEST_POSTGRES = 15
QUIET = {
    "security.W004",
    "security.W008",
    "security.W016",
    "security.W012",
    "security.W018",
}  # of the demo, on http

# The last: whether our role is a superuser, or owns the tables that rows are only added to.
_ASKED = """
select current_setting('server_version_num')::int / 10000, clock_timestamp() - %s, exists (
  select from pg_trigger t join pg_class c on c.oid = t.tgrelid where t.tgname = 'append_only' and pg_has_role(c.relowner, 'usage'))"""


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, and what to do. A note is not wrong, but perhaps not meant so."""

    said: str
    cure: str
    note: bool = False
    stops: bool = False  # nothing else can be asked of the database


Check = Callable[[datetime], Iterator[Finding]]


def settings_fit(now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # one interface
    """Settings."""
    quiet = QUIET if settings.DEMO else set[str]()
    for message in checks.run_checks(include_deployment_checks=True):
        if message.level >= checks.WARNING and message.id not in quiet and not message.is_silenced():
            yield Finding(
                f"{message.msg} ({message.id})", message.hint or "See .env.example for the setting."
            )


def database(now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # one interface
    """Database."""
    try:
        # Past the pool, whose own patience is longer than ours, and which does not say why.
        given = {**connection.get_connection_params(), "connect_timeout": int(SECONDS) - 1}
        with psycopg.connect(**given) as there:
            # Our own moment goes along: one from before would count what other checks took.
            found = there.execute(_ASKED, [timezone.now()]).fetchone()
    except psycopg.Error as error:
        first = (str(error).splitlines() or [""])[0]
        cure = "Start PostgreSQL, and compare its address, role and password with DATABASE_URL."
        if "certificate" in first:
            cure = "Compare host and sslrootcert in DATABASE_URL with the name in the server's certificate and its authority."
        yield Finding(f"It does not answer: {first[:200]}", cure, stops=True)
        return
    assert found is not None
    version, apart, owns = found
    if version < OLDEST_POSTGRES:
        yield Finding(f"PostgreSQL is version {version}.", f"Upgrade it to {OLDEST_POSTGRES} at least.")
    if abs(apart.total_seconds()) > signs_of_life.CLOCKS_DIFFER:
        yield Finding(
            f"The clocks of this machine and of PostgreSQL differ by {abs(apart.total_seconds()):.0f} seconds.",
            "Switch on NTP on both: expiry dates are compared with the clock.",
        )
    if owns and not settings.DEMO:
        yield Finding(
            "The role of DATABASE_URL may switch off what keeps the records of log-ins and of tokens handed out as they are.",
            'Have `migrate` run as a role of its own: "Two database roles" in docs/operations.md.',
            note=True,
        )


def migrations(now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # one interface
    """Migrations."""
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    if plan := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        yield Finding(
            f"{len(plan)} migrations are missing, the first is {plan[0][0]}.", "Run: manage.py migrate"
        )


def installation(now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # one interface
    """Hold."""
    if found := hold.current():
        by_hand = (
            "End it when you are done: manage.py release --same (docs/restore.md). Mails that wait are kept."
        )
        came_so = "Say what this database is: manage.py release --same or --copy (docs/restore.md). Mails that wait are kept until then."
        yield Finding(str(found), by_hand if found.since else came_so)


def valkey(now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # one interface
    """Redis."""
    cache: Any = settings.CACHES["calls"]
    for name, url in {"CACHE_URL": cache["LOCATION"], "REDIS_URL": settings.CELERY_BROKER_URL}.items():
        try:
            client = redis.Redis.from_url(url, socket_timeout=SECONDS / 2, socket_connect_timeout=SECONDS / 2)
            policy = client.info("memory").get("maxmemory_policy", "")
        except (redis.RedisError, OSError) as error:
            yield Finding(
                f"The server of {name} does not answer: {type(error).__name__}.",
                f"Start Redis or Valkey, and compare address and password with {name}.",
            )
            continue
        if name == "REDIS_URL" and policy not in {"noeviction", ""}:
            yield Finding(
                f"Redis throws keys away when it is full ({policy}), calls to workers with them.",
                "Set maxmemory-policy noeviction there.",
                note=True,
            )


def mail_server(now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # one interface
    """Mail server."""
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
    """Key ring."""
    for said in key_usage.problems():
        yield Finding(said, "Put that key into FERNET_KEYS of every process (docs/rotate-the-key.md).")
    for app in ChannelApp.objects.exclude(state=ChannelApp.State.NOT_SET_UP):
        if not setup.opens(app):
            yield Finding(
                f"The stored secret of {app} does not open.",
                "Put its key into FERNET_KEYS, or enter the secret again under Channel apps.",
            )


def processes(now: datetime) -> Iterator[Finding]:
    """Processes."""
    living = signs_of_life.living(now=now)
    for name in lanes.LANES:
        if not living[name]:
            yield Finding(
                f"No worker runs for the lane {name}: {lanes.LANES[name].does}.",
                "Start: manage.py worker all",
            )


def room(now: datetime) -> Iterator[Finding]:
    """Connections."""
    needed = 2 * settings.WEB_CONCURRENCY * settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"]
    living = signs_of_life.living(now=now)
    for name in {name for names in living.values() for name in names}:
        own = name.partition("-")[0]
        needed += int(
            os.environ.get("DATABASE_POOL") or lanes.connections(own if own in lanes.LANES else lanes.ALL)
        )
    with connection.cursor() as cursor:
        cursor.execute(
            "select sum(case name when 'max_connections' then setting::int else -setting::int end) from pg_settings "
            "where name in ('max_connections', 'superuser_reserved_connections', 'reserved_connections')"
        )
        (given,) = cursor.fetchone()
    if needed > given:
        yield Finding(
            f"Two web servers and the workers that run may open {needed} connections at once; PostgreSQL gives {given}.",
            f"Set max_connections there to {needed + 30} or more, or put a PgBouncer in between (docs/operations.md, Connections).",
            note=True,
        )


def clocks(now: datetime) -> Iterator[Finding]:
    """Clocks of worker hosts."""
    for said in signs_of_life.wrong_clocks(now=now):
        yield Finding(
            f"{said[0].upper()}{said[1:]}.",
            "Switch on NTP there. Its workers go by PostgreSQL's clock meanwhile, a web server beside them does not.",
        )


def late(now: datetime) -> Iterator[Finding]:
    """Background work."""
    for work in lateness.late(now):
        look = "Messages in the portal shows what the mail server last said. " if work.lane == "mail" else ""
        yield Finding(
            f"{work.words(now)}.",
            f"{look}Read the log of the worker of the lane {work.lane}; if it is only busy, start a second: manage.py worker {work.lane}",
        )


def apps(now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # one interface
    """Channel apps."""
    for app in ChannelApp.objects.exclude(fault_since=None):
        yield Finding(
            f"{app.get_channel_display()} refuses our app: {app.fault}",
            f"Fix it at {app.get_channel_display()}, then test the app under Channel apps.",
        )
    for app in ChannelApp.objects.exclude(state=ChannelApp.State.NOT_SET_UP):
        for words in call_state.problems(app):
            cure = "It goes by itself; Channel apps shows how it stands. Where no answer comes, look at the channel's own status page."
            yield Finding(f"{app}: {words}", cure, note=True)
    missing = [label for key, label in declarations.choices() if setup.state(key) == setup.NOT_SET_UP]
    if missing:
        yield Finding(
            f"Not set up: {', '.join(missing)}.",
            "Enter an app under Channel apps in the portal, for the channels that you use.",
            note=len(missing) < len(declarations.choices()),
        )


def people(now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # one interface
    """Operators."""
    cure = "Set OPERATOR_EMAILS, or add somebody to the group Administrators."
    if not recipients.operators():
        yield Finding("There is nobody to tell of our own faults.", cure)
    elif not recipients.reachable_operators():
        yield Finding("The mail servers of all operators refuse their addresses.", cure)


def clockwork(now: datetime) -> Iterator[Finding]:  # noqa: ARG001  # one interface
    """Schedules."""
    rows = dict(PeriodicTask.objects.values_list("name", "enabled"))
    if missing := sorted(schedules.SCHEDULES.keys() - rows.keys()):
        yield Finding(f"Schedules are missing: {', '.join(missing)}.", "Run: manage.py migrate")
    if off := sorted(name for name in schedules.SCHEDULES if rows.get(name) is False):
        yield Finding(
            f"Schedules are switched off: {', '.join(off)}.",
            "Switch them on in the table django_celery_beat_periodictask, or leave it if that was meant.",
        )


# Each with whether it asks the database.
CHECKS: tuple[tuple[Check, bool], ...] = (
    (settings_fit, False),
    (database, False),
    (migrations, True),
    (installation, True),
    (valkey, False),
    (mail_server, False),
    (keys, True),
    (processes, True),
    (room, True),
    (clocks, True),
    (late, True),
    (apps, True),
    (people, True),
    (clockwork, True),
)


def examine(now: datetime) -> Iterator[tuple[str, list[Finding] | None]]:
    """Run all checks. Yields what each is about, and what is wrong; None where the database that it asks is away.

    `now` is this host's. What is in the database is dated by PostgreSQL's clock, and compared with that.
    """
    away = False
    for check, asks_database in CHECKS:
        seconds = SETTINGS_SECONDS if check is settings_fit else SECONDS
        found = None if away and asks_database else within(check, now, seconds=seconds)
        away = away or any(problem.stops for problem in found or ())
        if check is database and not away:
            now = database_clock.now()
        yield (check.__doc__ or "").rstrip("."), found


def within(check: Check, now: datetime, *, seconds: float = SECONDS) -> list[Finding]:
    """Run a check in a thread of its own, and say so where it is not done in time or cannot be made."""
    found: list[list[Finding]] = []

    def look() -> None:
        try:
            found.append(made(check, now))
        finally:
            connection.close()

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(seconds)
    if found:
        return found[0]
    return [
        Finding(
            f"No answer within {seconds:g} seconds.",
            "Whatever it asks hangs: look at that server and the network.",
        )
    ]


def made(check: Check, now: datetime) -> list[Finding]:
    """Run a check. Where it cannot be made, that is what is wrong."""
    try:
        return list(check(now))
    except DatabaseError as error:
        first = (str(error).splitlines() or [""])[0]
        said = f"This could not be read: {type(error).__name__}: {first[:200]}"
        return [Finding(said, "Run: manage.py migrate. If it stays so, look at the log of PostgreSQL.")]
