"""Offboarding for other systems, such as the one of personnel: within the teams of the key, in the name of whoever made it."""

from dataclasses import dataclass
from datetime import datetime

from accounts import leaving, offboarding
from accounts.deed_kinds import OFFBOARD
from accounts.errors import ActionRefused
from accounts.models import ApiKey, Deed
from broker.callers import Caller
from broker.errors import NotFound, NotPossible
from broker.texts import FILE, text
from tokens.models import Token
from ui import kept
from users.models import User


@dataclass(frozen=True)
class Offboarding:
    """How far one is."""

    deed: Deed
    log_ins_left: int  # that still stand
    untold: int  # removed, and their channel does not know yet


def offboard(
    *, caller: Caller, email: str, add_backups: bool, ask_colleagues: bool, note: str, now: datetime
) -> Offboarding:
    """Offboard the person with this e-mail, or return how far that is. The same call again changes nothing more.

    Raises NotFound for a person who is in none of the key's teams; NotPossible where the person, or what their log-ins carry, is also
    outside of the key's teams and channels, or where the key's maker may not offboard the person. Raises OnHold.
    """
    person = _person(caller, User.objects.filter(email=email.strip().lower()).first())
    actor = _maker(caller, person)
    if _reaches_outside(caller, person) or offboarding.carries_for_others(person, actor):
        raise NotPossible(text("person_outside"))
    why = kept.keep(FILE, "offboarded_by_key", name=caller.name, note=note)
    try:
        deed = offboarding.begin(
            person=person,
            actor=actor,
            add_backups=add_backups,
            ask_colleagues=ask_colleagues,
            note=note,
            why=why,
            now=now,
        )
    except ActionRefused as refused:
        raise NotPossible(str(refused)) from refused
    return _progress(deed)


def progress(*, caller: Caller, deed_id: int) -> Offboarding:
    """Return how far an offboarding is. Raises NotFound for one of a person outside of the key's teams, and after a day."""
    deed = Deed.objects.defer("keys").filter(pk=deed_id, kind=OFFBOARD).first()
    if deed is None:
        raise NotFound(text("no_offboarding"))
    _person(caller, User.objects.filter(pk=deed.subject_id).first(), missing="no_offboarding")
    return _progress(deed)


def _person(caller: Caller, person: User | None, *, missing: str = "no_person") -> User:
    if person is None or (caller.teams is not None and not person.teams.filter(pk__in=caller.teams).exists()):
        raise NotFound(text(missing))
    return person


def _maker(caller: Caller, person: User) -> User:
    """Return in whose name the key acts: it may do no more than whoever made it could now."""
    key = ApiKey.objects.select_related("created_by").filter(pk=caller.key_id).first()
    if key is None or key.created_by is None or not offboarding.may(key.created_by, person):
        raise NotPossible(text("maker_may_not"))
    return key.created_by


def _reaches_outside(caller: Caller, person: User) -> bool:
    if caller.channels is not None:
        foreign = leaving.log_ins(person).exclude(app__channel__in=caller.channels)
        if foreign.exists():
            return True
    if caller.teams is None:
        return False
    carried = leaving.accounts_of(person).exclude(team__in=caller.teams)
    return person.teams.exclude(pk__in=caller.teams).exists() or carried.exists()


def _progress(deed: Deed) -> Offboarding:
    person = User.objects.filter(pk=deed.subject_id).first()
    left = leaving.log_ins(person).count() if person else 0
    untold = Token.objects.to_revoke().filter(consented_by=deed.subject_id).count()
    return Offboarding(deed, left, untold)
