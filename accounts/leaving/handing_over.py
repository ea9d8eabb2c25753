"""What depends on a person beside their log-ins: asks and jobs that run, open client links and invitations, API keys, teams.

When the person is locked out, whoever does it takes over what runs in the person's name, in the same transaction. Macros are of the layer
above, which registers how they are taken over.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts.asks import services as asking
from accounts.asks.models import Ask
from accounts.jobs.models import BEFORE, IMPORT
from accounts.models import ApiKey, ImportFile, Job
from accounts.pool.errors import ActionRefused
from users.models import Invitation, Membership, Team, User

HOLD_MS = 3_000  # that long whoever sees somebody off waits for a part of a job
Owned = Callable[
    [User, User | None], list[str]
]  # the person, who could take it (None: whoever); what it is called
TakeOver = Callable[[User, User], list[str]]  # the person, who takes it; what was taken
_OTHERS: list[tuple[Owned, TakeOver]] = []  # what this app does not know


@dataclass(frozen=True)
class Hanging:
    """What depends on a person."""

    keys: list[ApiKey]  # that are not revoked
    asks: list[Ask]  # that run
    links: int  # that are open
    invitations: int  # that they sent and that are open
    led_alone: list[Team]
    jobs: list[Job]  # that are under way
    macros: list[str]  # that they look after, and that would go over


def register_dependents(owned: Owned, take_over: TakeOver) -> None:
    """Say what macros a person looks after, which are of the app above, and how they are taken over."""
    _OTHERS.append((owned, take_over))


def read_hanging(person: User, now: datetime, *, taker: User | None = None) -> Hanging:
    """Return what depends on a person. `taker`: of macros, those alone that this person may take over."""
    return Hanging(
        macros=[name for owned, _ in _OTHERS for name in owned(person, taker)],
        keys=list(ApiKey.objects.in_name_of(person).order_by("name", "pk")),
        asks=list(Ask.objects.in_name_of(person)),
        links=Ask.objects.client_links().open(now).filter(made_by=person).count(),
        invitations=Invitation.objects.open(now).filter(invited_by=person).count(),
        led_alone=list(led_alone_by(person)),
        jobs=list(Job.objects.in_name_of(person)),
    )


def led_alone_by(person: User) -> QuerySet[Team]:
    """Return the teams that the person leads and nobody else who can log in."""
    others = Membership.objects.leads().filter(team=OuterRef("pk")).exclude(user=person)
    own = Membership.objects.filter(user=person, role=Membership.Role.TEAM_LEAD, team=OuterRef("pk"))
    return Team.objects.filter(Exists(own), ~Exists(others)).order_by("name")


def hold_jobs(person: User) -> None:
    """Lock what a worker is doing for the person, in the caller's transaction, before anything else is locked.

    A part that is under way is waited for at most HOLD_MS, since a web request waits. Raises ActionRefused.
    """
    _wait_for_locks(HOLD_MS)
    try:
        with transaction.atomic():
            list(Job.objects.in_name_of(person).select_for_update(no_key=True).values_list("pk"))
    except OperationalError:
        raise ActionRefused("job_under_way") from None
    _wait_for_locks(0)


def _wait_for_locks(most: int) -> None:
    """Have the caller's transaction wait for each lock so many milliseconds at most; 0: as long as it takes."""
    with connection.cursor() as cursor:
        cursor.execute("select set_config('lock_timeout', %s, true)", [f"{most}ms"])


def take_over_from(*, person: User, actor: User, now: datetime) -> dict[str, Any]:
    """Give what runs in the person's name to the actor, or end it, in the caller's transaction that locked the person out.

    Returns what the actor takes over, what ended, and which teams nobody leads, for the mail to an actor who saw no page that says it.
    """
    running = list(Ask.objects.in_name_of(person).select_for_update(no_key=True))
    ids = [one.pk for one in running]
    taken = running if asking.may_ask(actor) else []
    if taken:
        Ask.objects.filter(pk__in=ids).update(made_by=actor, once="")
    else:
        asking.end_asks(ids, Ask.Ending.MAKER_LEFT, now)
    jobs = list(Job.objects.in_name_of(person))
    _take_jobs(jobs, actor)
    macros = [name for _, take in _OTHERS for name in take(person, actor)]
    return {
        "asks": [str(one) for one in taken],
        "macros": macros,
        "jobs": len(jobs),
        "ended": [] if taken else [str(one) for one in running],
        "led": [team.name for team in led_alone_by(person)],
    }


def _take_jobs(jobs: Collection[Job], actor: User) -> None:
    """Give jobs to the actor: they go on as far as the actor may do the same and sees the accounts. A file goes along."""
    for one in jobs:
        options = one.options | {BEFORE: one.askers}
        Job.objects.going().filter(pk=one.pk).update(user=actor, once="", options=options)
    files = [one.subject_id for one in jobs if one.kind == IMPORT]
    ImportFile.objects.filter(pk__in=files).update(user=actor)
