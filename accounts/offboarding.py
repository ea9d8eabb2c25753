"""Offboarding without a page: who may offboard whom, and all of it begun at once with the defaults of the page."""

from datetime import datetime
from functools import partial

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction

from accounts import deeds, jobs, leaving, leaving_steps, permissions, tasks
from accounts.deed_kinds import OFFBOARD
from accounts.models import Account, Deed
from users import asking_workers, hold, visibility
from users.models import User

PERMISSION = "users.offboard_user"


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


def latest(person: User) -> Deed | None:
    """Return the last offboarding of a person that did not fail; it is known for a day."""
    found = Deed.objects.defer("keys").filter(kind=OFFBOARD, subject_id=person.pk)
    return found.exclude(state=Deed.State.FAILED).order_by("-pk").first()


def begin(
    *, person: User, actor: User, add_backups: bool, ask_colleagues: bool, note: str, why: str, now: datetime
) -> Deed:
    """Offboard a person: lock them out, and have a worker add the backups at hand and do the rest. Return the deed.

    Begun again it is the same deed while that is under way, and while nothing is left to do. Backups and asks are left out where the
    actor may not do these. API keys that the person made stay. `why` is what the portal's log says. Raises ActionRefused, OnHold.
    """
    hold.refuse()
    known = latest(person)
    if known is not None and (known.state in jobs.GOING or _is_over(person)):
        return known
    plan = leaving.plan(person=person, actor=actor, now=now)
    backing_up = add_backups and actor.has_perm(permissions.ADD_BACKUP)
    asking = ask_colleagues and actor.has_perm("tokens.ask_token")
    with transaction.atomic():
        leaving_steps.lock_out(person=person, actor=actor, now=now, by_key=True)
        LogEntry.objects.log_actions(actor.pk, [person], CHANGE, why, single_object=True)
        deed, is_new = deeds.start(
            user=actor,
            kind=OFFBOARD,
            subject_id=person.pk,
            keys=leaving_steps.keys(plan, asking=asking, backing_up=backing_up),
            note=note,
            skipped=0,
            now=now,
        )
        if is_new:
            transaction.on_commit(partial(asking_workers.ask, tasks.do_deeds))
    return deed


def _is_over(person: User) -> bool:
    return not person.is_active and not leaving.log_ins(person).exists()
