"""Offboarding for other systems, such as the one of personnel: within the teams of the key, in the name of whoever made it."""

from dataclasses import dataclass
from datetime import datetime

from accounts.jobs.models import OFFBOARD
from accounts.leaving import services
from accounts.leaving.plan import Scope, known_offboarding
from accounts.leaving.services import Wanted
from accounts.models import Job
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


def offboard(*, caller: Caller, wanted: OffboardIn, now: datetime) -> Offboarding:
    """Offboard the person with this e-mail, or return how far that is. The same call again changes nothing more.

    Raises NotFound for a person who is in none of the key's teams; NotPossible where the person, or what their log-ins carry, is also
    outside of the key's teams and channels, or where the key's maker may not do it. Raises OnHold.
    """
    person, actor = _within(caller, wanted.email)
    if (known := known_offboarding(person)) is not None:
        return _progress(known)
    why = kept.keep("words/history.txt", "offboarded_by_key", name=caller.name, note=wanted.note)
    try:
        job = services.offboard(
            person=person,
            actor=actor,
            wanted=Wanted(backups=wanted.add_backups, asks=wanted.ask_colleagues),
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
