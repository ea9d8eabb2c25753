"""Beginning: who may offboard whom, locking a person out, and the one job by which a worker does the rest.

A person is locked out first, so that nothing is linked in between, and whatever becomes of the worker, nobody who left can log in. A single
log-in goes with the press: nothing is served by it from then on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.db.models import QuerySet

from accounts.asks import services as asks
from accounts.backups import services as backing_up
from accounts.jobs import tasks
from accounts.jobs.models import OFFBOARD, PERSON, REMOVE
from accounts.jobs.services import JobKind, Result, register_kind
from accounts.leaving import handing_over, mails, plan
from accounts.leaving.plan import (
    ACCOUNT,
    GAVE_UP,
    TAKEN,
    TOKENS,
    Plan,
    Step,
    log_ins_left,
    scope_of_job,
)
from accounts.models import Account, AccountEvent, AccountToken, Job
from accounts.pool import permissions
from accounts.pool import services as pool
from accounts.pool.errors import ActionRefused
from tokens import lifecycle
from tokens.checks import removal
from tokens.models import Token
from ui import stored_phrases as kept
from users.installation import hold
from users.invitations import services as invitations
from users.login.services import ChangeKind, log_out, notify_by_staff
from users.models import User

PERMISSION, REVOKING = "users.offboard_user", "tokens.revoke_token"
HISTORY = "words/history.txt"


# --- what a worker does: it adds backups, asks colleagues, ends each log-in, and tells --------------------------------------

# Each step is a transaction of its own, which says that it is done: whoever dies, nothing is done twice, and begun again it does what is
# left. The channel of a log-in is told after its step, outside any transaction; what is silent, a sweep goes on with
# (`removal.sweep_removed`).


def do_step(job: Job, keys: Sequence[int], now: datetime) -> list[Result]:
    """Do the one step of a job that is next, in its transaction. It is skipped where nothing was left to do."""
    (key,) = keys
    return [Result.done(key) if _do(job, key, now) else Result.skips(key)]


def _do(job: Job, key: int, now: datetime) -> bool:
    step, pk = key % 10, key // 10
    if not is_still_leaving(job):
        return False
    if step == Step.LOG_IN:
        return end_log_in(job, log_ins_left(job).filter(pk=pk).locked().first(), now)
    if step == Step.LAST:
        if job.is_offboarding:  # consented to in the moment before the person was locked out
            for token in log_ins_left(job).locked():
                end_log_in(job, token, now)
        return True
    if step == Step.BACKUPS and job.is_offboarding:
        return _back_up(job, now)
    if step == Step.ASK and job.is_offboarding:
        return _ask(job, now)
    return False  # of version 0.2.0


def is_still_leaving(job: Job) -> bool:
    """Return whether a person who is seen off is still locked out: of whoever was switched on again, nothing more is ended."""
    return not job.is_offboarding or User.objects.filter(pk=job.subject_id, is_active=False).exists()


def tell_channel(job: Job, key: int, now: datetime) -> None:
    """Tell the channel of a log-in that was removed in this step that it is over."""
    if key % 10 == Step.LOG_IN and ACCOUNT not in job.options:
        removal.end_at_channel(token_id=key // 10, now=now, actor=job.user)


def register_jobs() -> None:
    """Say how these jobs are done."""
    told: dict[str, Any] = {"after": tell_channel, "finish": mails.tell_people_of_leaving}
    register_kind(OFFBOARD, JobKind(PERMISSION, do_step, size=1, holds=is_still_leaving, **told))
    # What people do to what is their own; and of what staff revoke, the log-in went with the press.
    register_kind(REMOVE, JobKind("", do_step, size=1, **told))


def end_log_in(job: Job, token: Token | None, now: datetime) -> bool:
    """Remove a log-in, or take it out of the job's one account. None was removed, or consented to again, since."""
    if token is None:
        return False
    if ACCOUNT in job.options:
        return _take_out(job, token, now)
    lifecycle.remove(token_id=token.pk, generation=token.generation, actor=job.user, note=job.note, now=now)
    return True


def _take_out(job: Job, token: Token, now: datetime) -> bool:
    """Take a log-in out of one account: another one takes over at once where one can, and it is not offered as a backup there again."""
    lifecycle.note_linked(token_ids=[token.pk], now=now)
    account = Account.objects.locked().get(pk=job.options[ACCOUNT])
    if not AccountToken.objects.filter(account=account, token=token).delete()[0]:
        return False
    pool.record_event(
        account=account,
        kind=AccountEvent.Kind.UNLINKED,
        token_id=token.pk,
        cause=GAVE_UP,
        source="self",
        actor=job.user,
        note=job.note,
        now=now,
    )
    backing_up.decline_request(account=account, token=token, now=now)
    pool.settle(
        account_ids=[account.pk], cause="unlinked", now=now, source="self", actor=job.user, note=job.note
    )
    return True


def _plan(job: Job, now: datetime) -> Plan:
    return plan.read_plan(scope_of_job(job), actor=job.user, now=now, whole=True)


def _back_up(job: Job, now: datetime) -> bool:
    """Add the backups that are at hand now, to however many accounts."""
    chosen = {pk: offer.token.pk for pk, offer in _plan(job, now).offers.items()}
    outcome = backing_up.write_backups(chosen=chosen, actor=job.user, note=job.note, now=now)
    backing_up.tell_of_backups(
        added=outcome.added, asked=outcome.asked, actor=job.user, note=job.note, now=now
    )
    if outcome.added:
        Token.objects.filter(pk__in={offer.token.pk for offer in outcome.added}).make_due(now)
    return bool(outcome.added or outcome.asked)


def _ask(job: Job, now: datetime) -> bool:
    """Begin to ask colleagues to re-authenticate what stopped in the accounts that stop or keep one person."""
    ids = [token.pk for _, token in _plan(job, now).asks]
    if ids:
        asks.start_ask(user=job.user, token_ids=ids, note=job.note, now=now)
    return bool(ids)


@dataclass(frozen=True)
class Wanted:
    """What is done beside the log-ins of whoever leaves."""

    backups: bool = False  # add, or ask, whoever's log-in reaches what stops or keeps one person
    asks: bool = False  # ask whoever's stopped there


def may_offboard(actor: User, other: User | None) -> bool:
    """Return whether somebody may offboard this person (None: anybody): as for changes, and never themselves."""
    if not actor.has_perm(PERMISSION) or other is None:
        return actor.has_perm(PERMISSION)
    is_reached = actor.is_superuser or not (other.is_staff or other.is_superuser)
    return bool(is_reached and other.pk != actor.pk and actor.manages(other))


def carries_for_others(tokens: QuerySet[Token], actor: User) -> bool:
    """Return whether these log-ins also carry accounts that the actor does not see: these would stop, too."""
    if actor.is_administrator:
        return False
    seen = Account.objects.visible_to(actor)
    entries = AccountToken.objects.filter(token__in=tokens.values("pk"))
    return entries.exclude(account__in=seen.values("pk")).exists()


def offboard(
    *,
    person: User,
    actor: User,
    wanted: Wanted,
    note: str,
    now: datetime,
    why: str = "",
    by_key: bool = False,
) -> Job:
    """Lock a person out, and have a worker do the rest. Return the job.

    Begun again it is the same job while that is under way, and while nothing is left to do. Backups and asks are left out where the
    actor may not do these. API keys of the person go on. `why`: what the portal's log says;
    `by_key`: the actor saw no page, and so is mailed what they take over. Raises ActionRefused, OnHold.
    """
    if (known := plan.known_offboarding(person)) is not None:
        return known
    with transaction.atomic():
        taken = lock_out(person=person, actor=actor, now=now)
        said = why or kept.keep(HISTORY, "offboarded", note=note)
        LogEntry.objects.log_actions(actor.pk, [person], CHANGE, said, single_object=True)
        tokens = list(Token.objects.of_person(person).defer("credentials").order_by("pk"))
        steps = (
            (Step.BACKUPS, wanted.backups, permissions.ADD_BACKUP),
            (Step.ASK, wanted.asks, permissions.ASK),
        )
        before = [step for step, is_wanted, permission in steps if is_wanted and actor.has_perm(permission)]
        keys = plan.keys_of_steps(tokens, before=before)
        options = {TAKEN: taken} if by_key and any(taken.values()) else {}
        facts: dict[str, Any] = {"note": note, "now": now, "options": options}
        return tasks.begin(user=actor, kind=OFFBOARD, subject_id=person.pk, keys=keys, **facts)[0]


@transaction.atomic
def let_go(*, found: Plan, actor: User, seen: str, note: str, now: datetime) -> Job:
    """Have log-ins removed, or taken out of one account, as a plan says; a single one goes here. Return the job.

    `seen`: what the page saw of it. Raises ActionRefused where these were consented to again, or are going already; OnHold.
    """
    hold.refuse()
    person = found.scope.person
    ids = [one.pk for one in found.tokens]
    still = list(Token.objects.filter(pk__in=ids).not_removed().order_by("pk").locked())
    if not still or seen != plan.seen_of(still) or plan.log_ins_going(ids) or plan.is_given_up(found.scope):
        raise ActionRefused("removed_or_renewed")
    options: dict[str, Any] = {TOKENS: ids, PERSON: None if person is None else person.pk}
    if found.scope.account is not None:
        options[ACCOUNT] = found.scope.account
    facts: dict[str, Any] = {"note": note, "now": now, "options": options}
    job, _ = tasks.begin(user=actor, kind=REMOVE, subject_id=ids[0], keys=plan.keys_of_steps(still), **facts)
    if goes_at_once(job):
        end_log_in(job, still[0], now)
    return job


@transaction.atomic
def lock_out(*, person: User, actor: User, now: datetime) -> dict[str, Any]:
    """Switch the person off, end their sessions, revoke invitations that they sent, and have the actor take over what runs for them.

    Returns as `handing_over.take_over_from` does. Raises ActionRefused for oneself, and where the actor was switched off meanwhile: of two
    superusers who see each other off, one stays; and where a worker is doing something in the person's name at this moment. Raises OnHold.
    """
    hold.refuse()
    if person.pk == actor.pk:
        raise ActionRefused("not_oneself")
    handing_over.hold_jobs(person)
    both = User.objects.filter(pk__in=[person.pk, actor.pk]).order_by("pk").select_for_update(no_key=True)
    rows = {one.pk: one for one in both}
    if not rows[actor.pk].is_active:
        raise ActionRefused("cannot_log_in", person=str(actor))
    log_out(person)
    if rows[person.pk].is_active:
        person.is_active = False
        person.save(update_fields=["is_active"])
        notify_by_staff(ChangeKind.SWITCHED_OFF, user=person, by=actor, now=now)
    taken = handing_over.take_over_from(person=person, actor=actor, now=now)
    invitations.revoke_sent_by(person, by=actor, now=now)  # what a job under way asks is the actor's by now
    return taken


def goes_at_once(job: Job) -> bool:
    """Return whether what a job is about went with the press."""
    return len(job.keys) == 2 and not job.is_offboarding
