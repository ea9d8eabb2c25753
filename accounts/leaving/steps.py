"""What a worker does once something goes: it invites, adds backups, asks colleagues, ends each log-in, and tells whom it concerns.

Each step is a transaction of its own, which says that it is done: whoever dies, nothing is done twice, and begun again it does what is
left. The channel of a log-in is told after its step, outside any transaction; what is silent, a sweep goes on with
(`removal.sweep_removed`).
"""

from datetime import datetime

from accounts.asks import inviting
from accounts.asks import services as asks
from accounts.backups import services as backing_up
from accounts.jobs.kinds import OFFBOARD, register_kind, step_by_step
from accounts.jobs.models import REMOVE
from accounts.leaving import mails, plan
from accounts.leaving.jobs import ACCOUNT, GAVE_UP, INVITES, Step, is_own, log_ins_left, scope_of
from accounts.models import Account, AccountEvent, AccountToken, Job
from accounts.pool import services as pool
from tokens import lifecycle
from tokens.checks import removal
from tokens.models import Token
from users.models import User


def act(job: Job, key: int, now: datetime) -> bool:
    """Do one step of a job, in its transaction. Return False where nothing was left to do."""
    step, pk = Step(key % 10), key // 10
    if not holds(job):
        return False
    if step == Step.LOG_IN:
        return end_log_in(job, log_ins_left(job).filter(pk=pk).locked().first(), now)
    if step == Step.LAST:
        if job.kind == OFFBOARD:  # consented to in the moment before the person was locked out
            for token in log_ins_left(job).locked():
                end_log_in(job, token, now)
        mails.tell_people(job, now)
        return True
    does = {Step.BACKUPS: _back_up, Step.ASK: _ask}.get(step)
    return does(job, now) if does else _invite(job, pk, now)


def holds(job: Job) -> bool:
    """Return whether a person who is seen off is still locked out: of whoever was switched on again, nothing more is ended."""
    return job.kind != OFFBOARD or User.objects.filter(pk=job.subject_id, is_active=False).exists()


def after(job: Job, key: int, now: datetime) -> None:
    """Tell the channel of a log-in that was removed in this step that it is over."""
    if Step(key % 10) == Step.LOG_IN and ACCOUNT not in job.options:
        removal.end_at_channel(token_id=key // 10, now=now, actor=job.user)


def finish(job: Job, now: datetime) -> None:
    """Have people told of what a job stopped that did not come to its last step."""
    if job.state == Job.State.FAILED:
        mails.tell_people(job, now)


def register_jobs() -> None:
    """Say how these jobs are done."""
    offboard = step_by_step(act, permission="users.offboard_user", after=after, holds=holds, finish=finish)
    register_kind(OFFBOARD, offboard)
    # What people do to what is their own; and of what staff revoke, the log-in went with the press.
    register_kind(REMOVE, step_by_step(act, after=after, finish=finish))


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
    backing_up.decline(account=account, token=token, now=now)
    pool.settle(
        account_ids=[account.pk], cause="unlinked", now=now, source="self", actor=job.user, note=job.note
    )
    return True


def _back_up(job: Job, now: datetime) -> bool:
    """Add the backups that are at hand now, to however many accounts; where one's own goes, nobody is added unasked."""
    chosen = {pk: offer.token.pk for pk, offer in plan.offers_of_all(scope_of(job)).items()}
    asks = is_own(job)
    outcome = backing_up.write_backups(chosen=chosen, actor=job.user, note=job.note, now=now, ask_all=asks)
    backing_up.tell_people(added=outcome.added, asked=outcome.asked, actor=job.user, note=job.note, now=now)
    if outcome.added:
        Token.objects.filter(pk__in={offer.token.pk for offer in outcome.added}).make_due(now)
    return bool(outcome.added or outcome.asked)


def _ask(job: Job, now: datetime) -> bool:
    """Ask each colleague by one mail to re-authenticate what stopped in the accounts that stop or keep one person."""
    found = plan.stopped_of_all(scope_of(job), now)
    if found:
        asks.ask_now(people=list(found.values()), user=job.user, note=job.note, now=now)
    return bool(found)


def _invite(job: Job, place: int, now: datetime) -> bool:
    """Invite one address for what nobody known here could carry, as far as the job's person may. Raises InviteRefused."""
    to = job.options[INVITES][place]
    accounts = plan.nobody_of_all(scope_of(job), now)
    own = inviting.invitable(job.user, accounts)
    some = [one for one in accounts if one.pk in own and (not to["teams"] or one.team_id in to["teams"])]
    if not some:
        return False
    try:
        inviting.invite(
            accounts=some[: inviting.MOST], email=to["email"], by=job.user, note=job.note, now=now
        )
    except inviting.AskedAlready:
        return False
    return True
