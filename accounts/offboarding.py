"""Offboarding without a page: who may offboard whom, and all of it begun at once with the defaults of the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.db.models import QuerySet

from accounts import api_keys, handing_over, leaving, leaving_steps, permissions, tasks
from accounts.jobs import services
from accounts.jobs.kinds import OFFBOARD
from accounts.models import Account, ApiKey, Job
from ui import kept
from users import asking_workers, hold, visibility
from users.models import Team, User

PERMISSION = "users.offboard_user"
HISTORY = "words/history.txt"


def may(actor: User, other: User | None) -> bool:
    """Return whether somebody may offboard this person (None: anybody): as for changes, and never themselves."""
    if not actor.has_perm(PERMISSION) or other is None:
        return actor.has_perm(PERMISSION)
    is_reached = actor.is_superuser or not (other.is_staff or other.is_superuser)
    return bool(is_reached and other.pk != actor.pk and visibility.manages(actor, other))


def carries_for_others(leaver: User, actor: User) -> bool:
    """Return whether log-ins of the person also carry accounts that the actor does not see: these would stop, too."""
    if visibility.is_administrator(actor):
        return False
    seen = Account.objects.visible_to(actor)
    return leaving.accounts_of(leaver).exclude(pk__in=seen.values("pk")).exists()


def latest(person: User) -> Job | None:
    """Return the last offboarding of a person that did not fail; it is known for a day."""
    found = Job.objects.filter(kind=OFFBOARD, subject_id=person.pk)
    return found.exclude(state=Job.State.FAILED).order_by("-pk").first()


@dataclass(frozen=True)
class Wanted:
    """What is done beside locking out and ending the log-ins."""

    add_backups: bool = True
    ask_colleagues: bool = True
    invites: Sequence[Mapping[str, Any]] = ()  # as `leaving_invites.wanted` returns each
    revoke: Sequence[ApiKey] = ()  # keys of the person
    take_over: Sequence[ApiKey] = ()


def keys_of(person: User, *, actor: User) -> QuerySet[ApiKey]:
    """Return the API keys that the person made, nobody revoked, and that reach no team beyond those of the actor."""
    keys = handing_over.keys_of(person).prefetch_related("teams").order_by("name", "pk")
    if actor.sees_all_teams:
        return keys
    return keys.exclude(teams__in=Team.objects.exclude(memberships__user=actor))


def known(person: User) -> Job | None:
    """Return the offboarding of a person that is under way, or that left nothing to do; None where one would begin."""
    found = latest(person)
    return found if found is not None and (found.is_going or _is_over(person)) else None


def begin(*, person: User, actor: User, wanted: Wanted, note: str, why: str, now: datetime) -> Job:
    """Offboard a person: lock them out, and have a worker add the backups at hand and do the rest. Return the job.

    Begun again it is the same job while that is under way, and while nothing is left to do. Backups and asks are left out where the
    actor may not do these; of invitations and keys the caller has asked. API keys that are not named stay; invitations
    that the person sent are revoked. `why` is what the portal's log
    says. Raises ActionRefused, OnHold.
    """
    hold.refuse()
    if (before := known(person)) is not None:
        return before
    plan = leaving.plan(person=person, actor=actor, now=now)
    backing_up = wanted.add_backups and actor.has_perm(permissions.ADD_BACKUP)
    asking = wanted.ask_colleagues and actor.has_perm("tokens.ask_token")
    invites = [dict(one) for one in wanted.invites]
    with transaction.atomic():
        leaving_steps.lock_out(person=person, actor=actor, now=now, by_key=True)
        LogEntry.objects.log_actions(actor.pk, [person], CHANGE, why, single_object=True)
        _settle_keys(wanted, actor=actor, note=note, now=now)
        job, is_new = services.start(
            user=actor,
            kind=OFFBOARD,
            subject_id=person.pk,
            keys=leaving_steps.keys(plan, asking=asking, backing_up=backing_up, invites=len(invites)),
            note=note,
            now=now,
            options={"invites": invites},
        )
        if is_new:
            transaction.on_commit(partial(asking_workers.ask, tasks.run_jobs))
    return job


def _settle_keys(wanted: Wanted, *, actor: User, note: str, now: datetime) -> None:
    """Revoke keys, and have the actor answer for others: one that is in both lists is revoked."""
    done = [(key, "revoked") for key in wanted.revoke if api_keys.revoke(key=key, now=now)]
    done += [
        (key, "taken_over") for key in wanted.take_over if api_keys.take_over(key=key, taker=actor, now=now)
    ]
    for key, block in done:
        said = kept.keep(HISTORY, block, note=note)
        LogEntry.objects.log_actions(actor.pk, [key], CHANGE, said, single_object=True)


def _is_over(person: User) -> bool:
    return not person.is_active and not leaving.log_ins(person).exists()
