"""Removing several of one's own log-ins at a time, or one that carries more accounts than a page looks at: a worker does it.

Like seeing somebody off (`leaving_steps`), but for what is asked for by the person: colleagues are asked first, then each log-in ends in a
transaction of its own and its channel is told after it, and at last whoever looks after what stopped gets one mail. Begun again, it does
what is left.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts import actions, backup_adding, leaving, leaving_invites, removal
from accounts.handing_over import OWN_REMOVAL
from accounts.leaving import Scope
from accounts.leaving_steps import Step, invite_keys
from accounts.mails import removal_mail
from accounts.models import Job
from tokens import lifecycle
from tokens.models import Token
from users import hold, visibility
from users.models import User

KIND = OWN_REMOVAL


def start(
    *,
    user: User,
    tokens: Sequence[Token],
    backups: bool,
    asks: bool,
    once: str,
    now: datetime,
    invite: str = "",
) -> tuple[Job, bool]:
    """Have a worker remove these log-ins of the person. Return the job, and False where the page (`once`) asked already.

    `backups`: ask whoever's log-in reaches the accounts that stop or keep one person; `asks`: and whoever's stopped there; `invite`:
    and this address for what nobody could carry. Of accounts of the person's own teams alone. Raises OnHold.
    """
    hold.refuse()
    ids = [token.pk for token in tokens]
    scope = Scope(user, ids, visibility.teams_of(user))
    colleagues = leaving.colleagues_of_all(scope) if asks else []
    invites = [leaving_invites.wanted(invite)] if invite else []
    keys = [
        *invite_keys(len(invites)),
        *([_key(Step.BACKUPS)] if backups else []),
        *(_key(Step.ASK, person_id) for person_id in colleagues),
        *(_key(Step.LOG_IN, pk) for pk in ids),
        _key(Step.LAST),
    ]
    try:
        with transaction.atomic():
            facts = {
                "keys": keys,
                "total": len(keys),
                "options": {"tokens": ids, "invites": invites},
                "once": once,
            }
            return Job.objects.create(user=user, kind=KIND, subject_id=user.pk, created_at=now, **facts), True
    except IntegrityError:
        return Job.objects.get(user=user, once=once), False


def being_removed(user: User) -> set[int]:
    """Return the log-ins (ids) that a worker is removing for the person, or is about to."""
    going = Job.objects.going().filter(user=user, kind=KIND)
    ids = {pk for options in going.values_list("options", flat=True) for pk in options["tokens"]}
    return set(Token.objects.filter(pk__in=ids).exclude(reason=Token.REMOVED).values_list("pk", flat=True))


def act(job: Job, key: int, now: datetime) -> bool:
    """Do one step, in its transaction. Return False where nothing was left to do."""
    step, pk = Step(key % 10), key // 10
    if step == Step.LOG_IN:
        return _end(job, pk, now)
    if step == Step.LAST:
        _tell(job, now)
        return True
    scope = Scope(job.user, _mine(job).values_list("pk", flat=True), visibility.teams_of(job.user))
    if step == Step.INVITE:
        to = job.options["invites"][pk]
        return leaving_invites.begin(to=to, of=scope, within=job, place=pk, now=now)
    if step == Step.ASK:
        about = leaving.stopped_of(pk, of=scope, now=now)
        if about:
            actions.ask_person(about=about, actor=job.user, note="", now=now)
        return bool(about)
    chosen = {pk: offer.token.pk for pk, offer in leaving.offers_of_all(scope).items()}
    outcome = backup_adding.write(chosen=chosen, actor=job.user, note="", now=now, ask_all=True)
    backup_adding.tell(added=outcome.added, asked=outcome.asked, actor=job.user, note="", now=now)
    return bool(outcome.asked)


def after(job: Job, key: int, now: datetime) -> None:
    """Tell the channel of a log-in that was removed in this step that it is over."""
    if Step(key % 10) == Step.LOG_IN:
        removal.end_at_channel(token_id=key // 10, now=now, actor=job.user)


def finish(job: Job, now: datetime) -> None:
    """Have leads told of what stopped where a job did not come to its last step."""
    if job.state == Job.State.FAILED:
        _tell(job, now)


def left_over(user: User) -> int:
    """Return how many log-ins the person asked to remove that are still there, because a worker could not go on. Known for a day."""
    ended = Job.objects.filter(user=user, kind=KIND, failed__gt=0)
    left = {pk for job in ended for pk in _mine(job).values_list("pk", flat=True)}
    return len(left - being_removed(user))


def _tell(job: Job, now: datetime) -> None:
    removed = Token.objects.filter(
        pk__in=job.options["tokens"], removed_by=job.user, removed_at__gte=job.created_at
    ).order_by("pk")
    removal_mail.tell(tokens=list(removed.select_related("app", "consented_by")), actor=job.user, now=now)


def _mine(job: Job) -> QuerySet[Token]:
    """Return what is left of the log-ins: still the person's, and not consented to again since the press."""
    tokens = leaving.log_ins(job.user).filter(pk__in=job.options["tokens"])
    return tokens.filter(linked_at__lte=job.created_at)


def _end(job: Job, token_id: int, now: datetime) -> bool:
    token = _mine(job).filter(pk=token_id).locked().first()  # type: ignore[attr-defined]  # of our own query set
    if token is None:
        return False
    lifecycle.remove(token_id=token.pk, generation=token.generation, actor=job.user, note="", now=now)
    return True


def _key(step: Step, pk: int = 0) -> int:
    return pk * 10 + step
