"""Offboarding for other systems, such as the one of personnel: within the teams of the key, in the name of whoever made it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.jobs.models import OFFBOARD
from accounts.leaving import plan as reading
from accounts.leaving import services
from accounts.leaving.plan import Plan, Scope
from accounts.leaving.services import Wanted
from accounts.models import ApiKey, Job
from accounts.pool import permissions
from accounts.pool.errors import ActionRefused
from broker.api import reach
from broker.leases.callers import Caller
from broker.leases.errors import NotFound, NotPossible
from broker.leases.texts import text
from broker.people.schemas import OffboardIn
from tokens.models import Token
from ui import stored_phrases as kept
from users.models import User


@dataclass(frozen=True)
class Offboarding:
    """How far one is."""

    job: Job
    log_ins_left: int  # that still stand
    untold: int  # removed, and their channel does not know yet


@dataclass(frozen=True)
class PlanOf:
    """What an offboarding would do, in whose name, and which keys of the person can be named in it."""

    plan: Plan
    actor: User
    keys: Sequence[ApiKey]


def plan(*, caller: Caller, email: str, now: datetime) -> PlanOf:
    """Work out what an offboarding would do; nothing is changed. Raises as `offboard` does, but for OnHold."""
    person, actor = _within(caller, email)
    found = reading.read_plan(Scope(person), actor=actor, now=now)
    return PlanOf(found, actor, _keys(caller, person, actor))


def offboard(*, caller: Caller, wanted: OffboardIn, now: datetime) -> Offboarding:
    """Offboard the person with this e-mail, or return how far that is. The same call again changes nothing more.

    Raises NotFound for a person who is in none of the key's teams; NotPossible where the person, or what their log-ins carry, is also
    outside of the key's teams and channels, where the key's maker may not do what is wanted, or where a key or team that is named is
    not within reach. Raises OnHold.
    """
    person, actor = _within(caller, wanted.email)
    if (known := reading.known_offboarding(person)) is not None:
        return _progress(known)
    why = kept.keep("words/history.txt", "offboarded_by_key", name=caller.name, note=wanted.note)
    try:
        job = services.offboard(
            person=person,
            actor=actor,
            wanted=_wanted(caller, person, actor, wanted),
            note=wanted.note,
            why=why,
            by_key=True,
            now=now,
        )
    except ActionRefused as refused:
        raise NotPossible(str(refused)) from refused
    return _progress(job)


def progress(*, caller: Caller, job_id: int) -> Offboarding:
    """Return how far an offboarding is. Raises NotFound for one of a person outside of the key's teams, and after a day."""
    job = Job.objects.filter(pk=job_id, kind=OFFBOARD).first()
    if job is None:
        raise NotFound(text("no_offboarding"))
    _person(caller, User.objects.filter(pk=job.subject_id).first(), missing="no_offboarding")
    return _progress(job)


def _within(caller: Caller, email: str) -> tuple[User, User]:
    """Return the person with this e-mail, and in whose name the key acts on them. Raises NotFound, NotPossible."""
    person = _person(caller, User.objects.filter(email=email.strip().lower()).first())
    actor = _maker(caller, person)
    if _reaches_outside(caller, person) or services.carries_for_others(
        Token.objects.of_person(person), actor
    ):
        raise NotPossible(text("person_outside"))
    return person, actor


def _wanted(caller: Caller, person: User, actor: User, wanted: OffboardIn) -> Wanted:
    """Return what is done beside the log-ins. Raises NotPossible for what the maker may not do, and what is not within reach."""
    if wanted.revoke_keys and not actor.has_perm(permissions.REVOKE_API_KEY):
        raise NotPossible(text("maker_may_not"))
    if wanted.take_over_keys and not actor.has_perm("accounts.add_apikey"):
        raise NotPossible(text("maker_may_not"))
    keys = {key.pk: key for key in _keys(caller, person, actor)}
    if not keys.keys() >= {*wanted.revoke_keys, *wanted.take_over_keys}:
        raise NotPossible(text("no_such_keys"))
    return Wanted(
        backups=wanted.add_backups,
        asks=wanted.ask_colleagues,
        invites=_invites(caller, person, actor, wanted),
        revoke=[keys[pk] for pk in wanted.revoke_keys],
        takes=[keys[pk] for pk in wanted.take_over_keys],
    )


def _invites(caller: Caller, person: User, actor: User, wanted: OffboardIn) -> list[dict[str, Any]]:
    """Return whom to invite, each address once. Raises NotPossible."""
    if not wanted.invite:
        return []
    if not (actor.has_perm("users.invite_user") and actor.may_make_links()):
        raise NotPossible(text("maker_may_not"))
    teams = actor.teams_managed
    teams = teams if caller.teams is None else teams.filter(pk__in=caller.teams)
    ids = dict(teams.values_list("name", "pk"))
    found: dict[str, set[int]] = defaultdict(set)
    for one in wanted.invite:
        email = one.email.strip().lower()
        if email == person.email:
            raise NotPossible(text("leaver_is_no_backup"))
        if one.team is not None and one.team not in ids:
            raise NotPossible(text("no_such_team", name=one.team))
        found[email] |= set(ids.values()) if one.team is None else {ids[one.team]}
    return [services.invitation_for(email, some) for email, some in found.items()]


def _keys(caller: Caller, person: User, actor: User) -> list[ApiKey]:
    """Return the keys of the person that reach no further than this key and its maker."""
    teams, channels = caller.teams, caller.channels
    return [
        key
        for key in services.keys_within_reach(person, actor=actor)
        if (teams is None or teams >= {team.pk for team in key.teams.all()})
        and (channels is None or (key.channels and channels >= set(key.channels)))
    ]


def _person(caller: Caller, person: User | None, *, missing: str = "no_person") -> User:
    if person is None or (caller.teams is not None and not person.teams.filter(pk__in=caller.teams).exists()):
        raise NotFound(text(missing))
    return person


def _maker(caller: Caller, person: User) -> User:
    """Return in whose name the key acts: it may do no more than whoever made it could now."""
    return reach.maker_of(caller, lambda maker: services.may_offboard(maker, person))


def _reaches_outside(caller: Caller, person: User) -> bool:
    if caller.channels is not None:
        foreign = Token.objects.of_person(person).exclude(app__channel__in=caller.channels)
        if foreign.exists():
            return True
    if caller.teams is None:
        return False
    carried = Scope(person).accounts.exclude(team__in=caller.teams)
    return person.teams.exclude(pk__in=caller.teams).exists() or carried.exists()


def _progress(job: Job) -> Offboarding:
    person = User.objects.filter(pk=job.subject_id).first()
    left = Token.objects.of_person(person).count() if person else 0
    untold = Token.objects.to_revoke().filter(consented_by=job.subject_id).count()
    return Offboarding(job, left, untold)
