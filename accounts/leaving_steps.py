"""Seeing somebody off: locked out at once, then a worker asks colleagues, ends each log-in, and tells those who look after what stopped.

Locked out first, so that nothing is linked in between, and whatever becomes of the worker, nobody who left can log in. Each log-in is
removed in a transaction of its own and its channel told after it, outside any transaction; what is silent, a sweep goes on with
(`removal.sweep_removed`). Begun again, it does what is left.
"""

from datetime import datetime
from enum import IntEnum

from django.db import transaction
from django.db.models import QuerySet

from accounts import actions, backup_adding, due_checks, handing_over, leaving, leaving_invites, removal
from accounts.errors import ActionRefused
from accounts.leaving import Plan, Scope
from accounts.mails import leaver_mail
from accounts.models import Job
from tokens import lifecycle
from tokens.models import Token
from users import hold, invitations, login_changes, people_actions
from users.login_changes import Kind
from users.models import User


class Step(IntEnum):
    """What a step is about; of a job's key it is the last digit, and the id of the thing is before it."""

    ASK = 1  # a colleague
    LOG_IN = 2
    LAST = 3
    BACKUPS = 4  # all at once: each person whose log-in is added gets one mail
    INVITE = 5  # one address of the job's options: begins a job of its own


def keys(plan: Plan, *, asking: bool, backing_up: bool = False, invites: int = 0) -> list[int]:
    """Return the steps as keys of a job: whom to invite, the backups at hand and whom to ask, then each log-in, at last the mails.

    `invites`: how many addresses the job's options name.
    """
    backups = [_key(Step.BACKUPS)] if backing_up and (plan.offers or plan.is_cut) else []
    colleagues = leaving.colleagues_of_all(Scope(plan.person)) if asking and plan.is_cut else plan.asks
    asks = [_key(Step.ASK, person_id) for person_id in colleagues] if asking else []
    log_ins = [_key(Step.LOG_IN, token.pk) for token in plan.tokens]
    return [*invite_keys(invites), *backups, *asks, *log_ins, _key(Step.LAST)]


def invite_keys(number: int) -> list[int]:
    """Return the steps that invite so many addresses."""
    return [_key(Step.INVITE, place) for place in range(number)]


@transaction.atomic
def lock_out(
    *, person: User, actor: User, now: datetime, by_key: bool = False, revokes_invitations: bool = True
) -> bool:
    """Switch the person off, end their sessions, have the actor take over what runs in their name. Returns whether they were switched on.

    Invitations that the person sent are revoked, unless the actor wants them to stay open.
    Raises ActionRefused for oneself, and where the actor was switched off meanwhile: of two superusers who see each other off, one stays;
    and where a worker is doing something in the person's name at this moment.
    Raises OnHold.
    """
    hold.refuse()
    if person.pk == actor.pk:
        raise ActionRefused("not_oneself")
    handing_over.hold_jobs(person)
    both = User.objects.filter(pk__in=[person.pk, actor.pk]).order_by("pk").select_for_update(no_key=True)
    rows = {one.pk: one for one in both}
    if not rows[actor.pk].is_active:
        raise ActionRefused("cannot_log_in", person=str(actor))
    people_actions.log_out(person)
    was_on = rows[person.pk].is_active
    if was_on:
        person.is_active = False
        person.save(update_fields=["is_active"])
        login_changes.notify_by_staff(Kind.SWITCHED_OFF, user=person, by=actor, now=now)
    handing_over.take_over(person=person, actor=actor, by_key=by_key, now=now)
    if revokes_invitations:  # what a job under way asks is the actor's by now
        invitations.revoke_sent_by(person, by=actor, now=now)
    return was_on


def act(job: Job, key: int, now: datetime) -> bool:
    """Do one step of a job on the person `job.subject_id`, in its transaction. Return False where nothing was left to do."""
    person = _locked_out(job).first()
    if person is None:  # switched on again, or deleted
        return False
    step, pk = Step(key % 10), key // 10
    if step == Step.BACKUPS:
        return _back_up(job, person, now)
    if step == Step.INVITE:
        to = job.options["invites"][pk]
        return leaving_invites.begin(to=to, of=Scope(person), within=job, place=pk, now=now)
    if step == Step.ASK:
        return _ask(job, person, pk, now)
    if step == Step.LOG_IN:
        return _end(job, leaving.log_ins(person).filter(pk=pk).locked().first(), now)
    for token in leaving.log_ins(
        person
    ).locked():  # consented to in the moment before the person was locked out
        _end(job, token, now)
    _tell(job, person, now)
    return True


def holds(job: Job) -> bool:
    """Return whether the person is still locked out: of whoever was switched on again, nothing more is ended."""
    return _locked_out(job).exists()


def finish(job: Job, now: datetime) -> None:
    """Have leads told of what a job stopped that did not come to its last step."""
    person = User.objects.filter(pk=job.subject_id).first()
    if job.state == Job.State.FAILED and person is not None:
        _tell(job, person, now)


def after(job: Job, key: int, now: datetime) -> None:
    """Tell the channel of a log-in that was removed in this step that it is over."""
    if Step(key % 10) == Step.LOG_IN:
        removal.end_at_channel(token_id=key // 10, now=now, actor=job.user)


def _locked_out(job: Job) -> QuerySet[User]:
    return User.objects.filter(pk=job.subject_id, is_active=False)


def _tell(job: Job, person: User, now: datetime) -> None:
    leaver_mail.tell(person=person, actor=job.user, job_id=job.pk, since=job.created_at, now=now)


def _back_up(job: Job, person: User, now: datetime) -> bool:
    """Add the backups that are at hand now, to however many accounts, and have them asked about."""
    offers = leaving.offers_of_all(Scope(person))
    chosen = {pk: offer.token.pk for pk, offer in offers.items()}
    outcome = backup_adding.write(chosen=chosen, actor=job.user, note=job.note, now=now)
    backup_adding.tell(added=outcome.added, asked=outcome.asked, actor=job.user, note=job.note, now=now)
    if outcome.added:
        due_checks.make_due(token_ids={offer.token.pk for offer in outcome.added}, now=now)
    return bool(outcome.added or outcome.asked)


def _ask(job: Job, person: User, colleague_id: int, now: datetime) -> bool:
    """Ask a colleague by one mail to re-authenticate what stopped in the accounts that stop or keep one person."""
    about = leaving.stopped_of(colleague_id, of=Scope(person), now=now)
    if not about:
        return False
    actions.ask_person(about=about, actor=job.user, note=job.note, now=now)
    return True


def _end(job: Job, token: Token | None, now: datetime) -> bool:
    """Remove a log-in, also one that was renewed since the page was opened; None was removed, or consented to by somebody else, since."""
    if token is None:
        return False
    lifecycle.remove(token_id=token.pk, generation=token.generation, actor=job.user, note=job.note, now=now)
    return True


def _key(step: Step, pk: int = 0) -> int:
    return pk * 10 + step
