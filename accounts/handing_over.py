"""What depends on a person beside their log-ins: campaigns and jobs that run, open client links and invitations, API keys, teams.

When the person is locked out, whoever does it takes over what runs in the person's name, in the same transaction. Macros are of the layer
above, which registers how they are taken over.
"""

from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts import backup_invitations, permissions
from accounts.campaigns import running
from accounts.errors import ActionRefused
from accounts.importing import uploads
from accounts.jobs.models import OWN_REMOVAL as OWN_REMOVAL
from accounts.models import ApiKey, BackupInvitation, Campaign, ClientLink, ImportFile, Job
from notifications import outbox
from users import invitations, recipients
from users.models import Invitation, Membership, Team, User
from users.recipients import fallback

KIND = "handed_over"
HOLD_MS = 3_000  # that long whoever sees somebody off waits for a part of a job
INVITING = "invite"  # the kind of job that asks somebody to link accounts
BEFORE = "before"  # of a job's options: who (ids) had it before whoever has it now
Named = tuple[int, str]  # an id, and what it is called
TakeOver = Callable[[User, User], list[str]]  # the person, who takes it; the names of what was taken
_TAKEN_OVER: list[TakeOver] = []


@dataclass(frozen=True)
class Hanging:
    """What depends on a person, in numbers."""

    keys: int  # that are not revoked
    campaigns: int  # that run
    links: int  # that are open
    invitations: int  # that they sent and that are open
    led_alone: int  # teams
    jobs: int  # that are under way


def register(take_over: TakeOver) -> None:
    """Say how something is taken over that this app does not know."""
    _TAKEN_OVER.append(take_over)


def hanging(person: User, now: datetime) -> Hanging:
    """Count what depends on a person."""
    return Hanging(
        keys=keys_of(person).count(),
        campaigns=campaigns_of(person).count(),
        links=links_of(person, now).count(),
        invitations=invitations_of(person, now).count(),
        led_alone=led_alone_by(person).count(),
        jobs=jobs_of(person).count(),
    )


def keys_of(person: User) -> QuerySet[ApiKey]:
    """Return the API keys that the person made and nobody revoked."""
    return ApiKey.objects.filter(created_by=person, revoked_at=None)


def campaigns_of(person: User) -> QuerySet[Campaign]:
    """Return the campaigns that run in the person's name."""
    return Campaign.objects.filter(made_by=person, ended_at=None).order_by("pk")


def links_of(person: User, now: datetime) -> QuerySet[ClientLink]:
    """Return the client links that the person made and that are open. They stay so: the team's leads are told of their use."""
    return ClientLink.objects.filter(made_by=person, used_at=None, revoked_at=None, expires_at__gt=now)


def invitations_of(person: User, now: datetime) -> QuerySet[Invitation]:
    """Return the invitations that the person sent and that are open, without those that a job under way makes: they go along with it."""
    sent = invitations.sent_by(person, now)
    for one in jobs_of(person).filter(kind=INVITING):
        sent = sent.exclude(pk__in=_asked_by(one).exclude(invitation=None).values("invitation"))
    return sent


def led_alone_by(person: User) -> QuerySet[Team]:
    """Return the teams that the person leads and nobody else who can log in."""
    others = recipients.leads().filter(team=OuterRef("pk")).exclude(user=person)
    own = Membership.objects.filter(user=person, role=Membership.Role.TEAM_LEAD, team=OuterRef("pk"))
    return Team.objects.filter(Exists(own), ~Exists(others)).order_by("name")


def jobs_of(person: User) -> QuerySet[Job]:
    """Return what a worker is doing for the person to others, such as accounts that are paused; the own log-ins are the person's."""
    going = Job.objects.going().filter(user=person)
    return going.exclude(kind=OWN_REMOVAL).order_by("pk")


def may_take_campaigns(actor: User) -> bool:
    """Return whether campaigns go on in this person's name; else they end."""
    return actor.is_active and actor.has_perm(permissions.RUN_CAMPAIGN)


def hold_jobs(person: User) -> None:
    """Lock what a worker is doing for the person, in the caller's transaction, before anything else is locked.

    A part that is under way is waited for at most HOLD_MS, since a web request waits. Raises ActionRefused.
    """
    with connection.cursor() as cursor:
        cursor.execute("select set_config('lock_timeout', %s, true)", [f"{HOLD_MS}ms"])
    try:
        with transaction.atomic():
            list(jobs_of(person).select_for_update(no_key=True).values_list("pk"))
    except OperationalError:
        raise ActionRefused("job_under_way") from None
    with connection.cursor() as cursor:
        cursor.execute("set local lock_timeout to default")


def take_over(*, person: User, actor: User, by_key: bool, now: datetime) -> None:
    """Give what runs in the person's name to the actor, or end it, and tell, in the caller's transaction that locked the person out.

    `by_key`: the actor did not see a page that says it, and so is told, too.
    """
    campaigns = list(campaigns_of(person).select_for_update(no_key=True))
    taken = campaigns if may_take_campaigns(actor) else []
    for campaign in campaigns:
        if taken:
            campaign.made_by, campaign.once = actor, ""
            campaign.save(update_fields=["made_by", "once"])
        else:
            running.end_of_maker(campaign, now)
    jobs = list(jobs_of(person))
    _take_jobs(jobs, actor)
    others = [name for one in _TAKEN_OVER for name in one(person, actor)]
    told = _told(person, ended=[] if taken else campaigns)
    mine: dict[str, Any] = {
        "campaigns": [_named(one) for one in taken],
        "macros": others,
        "jobs": len(jobs),
        **told.pop(actor.email, {}),
    }
    if by_key and any(mine.values()):
        told[actor.email] = mine
    for address, about in told.items():
        outbox.enqueue(
            kind=KIND,
            recipient=address,
            dedupe_key=f"{KIND}:{person.pk}:{now.isoformat()}:{address}",
            payload={"person": person.pk, "actor": actor.pk, **about},
            now=now,
        )


def _take_jobs(jobs: Collection[Job], actor: User) -> None:
    """Give jobs to the actor: they go on as far as the actor may do the same and sees the accounts. A file goes along."""
    for one in jobs:
        options = one.options | {BEFORE: [*one.options.get(BEFORE, ()), one.user_id]}
        going = Job.objects.going().filter(pk=one.pk)
        if going.update(user=actor, once="", options=options) and one.kind == INVITING:
            backup_invitations.hand_over(_asked_by(one), before=[one.user_id], by=actor)
    files = [one.subject_id for one in jobs if one.kind == uploads.KIND]
    ImportFile.objects.filter(pk__in=files).update(user=actor)


def _asked_by(job: Job) -> QuerySet[BackupInvitation]:
    """Return what a job that asks somebody has written so far."""
    return backup_invitations.of_press(email=job.options["email"], by=[job.user_id], at=job.created_at)


def _told(person: User, *, ended: list[Campaign]) -> dict[str, dict[str, list[Named]]]:
    """Return by address what its reader is told: which teams nobody leads any longer, and which campaigns ended."""
    found: dict[str, dict[str, list[Named]]] = defaultdict(lambda: defaultdict(list))
    teams = {team.pk: team for team in Team.objects.filter(memberships__user=person)}
    alone = set(led_alone_by(person).values_list("pk", flat=True))
    for team_id, stand_in in sorted(fallback(teams).items()):
        for address in stand_in.addresses:
            if team_id in alone:
                found[address]["teams"].append(_named(teams[team_id]))
            found[address]["ended"] = [_named(one) for one in ended]
    for address in [] if teams else recipients.operators():  # of whoever is in no team
        found[address]["ended"] = [_named(one) for one in ended]
    return {address: dict(about) for address, about in found.items() if any(about.values())}


def _named(one: Team | Campaign) -> Named:
    return one.pk, one.name
