"""What ends an ask: all is done, its last day, who asks for it may no longer, somebody stops it, or its accounts went to another team."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from accounts.asks import rules
from accounts.asks.models import Ask, AskLine
from accounts.asks.rules import OPEN, Stage
from accounts.jobs.kinds import MOVE, register_finish
from accounts.jobs.models import Job, JobItem
from accounts.models import Account, AccountToken
from tokens.models import Token
from users.invitations import services as invitations
from users.models import Invitation, User

Ending = Ask.Ending


def end_asks(ids: Collection[int], ending: Ending, now: datetime, *, by: User | None = None) -> int:
    """End those of these asks (ids) that run, in the caller's transaction. Returns how many."""
    going = Ask.objects.filter(pk__in=ids, ended_at=None)
    ended = list(going.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True))
    Ask.objects.filter(pk__in=ended).update(ended_at=now, ending=ending, stopped_by=by)
    lines = AskLine.objects.filter(ask__in=ended)
    lines.filter(stage__in=OPEN).update(stage=Stage.LEFT)
    lines.filter(next_at__isnull=False).update(next_at=None)
    return len(ended)


@transaction.atomic
def end_due(*, now: datetime) -> int:
    """End the asks in which nobody is waited for, whose last day is over, or whose maker can no longer log in. Returns how many.

    A client link ends by its last use, and asks go on when whoever asked somebody to link accounts has left.
    """
    vain = AskLine.objects.filter(ask__what=Ask.What.BACK_UP, stage=Stage.WAITING)
    linked = AccountToken.objects.filter(account=OuterRef("account"), token=OuterRef("token"))
    vain = vain.filter(Q(token__state=Token.State.DEAD) | Exists(linked))
    vain.update(stage=Stage.LEFT, done_at=now)
    going = Ask.objects.filter(ended_at=None)
    lines = AskLine.objects.filter(ask=OuterRef("pk"))
    waited_for = lines.filter(Q(stage__in=[*OPEN, Stage.FAILED]) | Q(why=rules.SNOOZED))
    done = list(going.filter(key=None).exclude(Exists(waited_for)).values_list("pk", flat=True))
    over = list(going.filter(ends_at__lte=now).exclude(pk__in=done).values_list("pk", flat=True))
    left = going.filter(what=Ask.What.RENEW).exclude(pk__in=[*done, *over])
    left = left.filter(Q(made_by=None) | Q(made_by__is_active=False))
    ended = end_asks(done, Ending.ALL_DONE, now) + end_asks(over, Ending.LAST_DAY, now)
    return ended + end_asks(list(left.values_list("pk", flat=True)), Ending.MAKER_LEFT, now)


def lines_for(accounts: QuerySet[Account]) -> QuerySet[AskLine]:
    """Return the open lines that ask people to link these accounts."""
    lines = AskLine.objects.filter(account__in=accounts.order_by().values("pk"), done_at=None)
    return lines.filter(ask__what=Ask.What.LINK, ask__ended_at=None)


def register_jobs() -> None:
    """Have a job that moves accounts end what was asked for them."""
    register_finish(MOVE, lambda job, now: of_moved(moved=_moved_by(job), actor=job.user, now=now))


def _moved_by(job: Job) -> QuerySet[Account]:
    done = job.items.filter(outcome=JobItem.Outcome.DONE)
    return Account.objects.filter(pk__in=done.values("key"))


@transaction.atomic
def of_moved(*, moved: QuerySet[Account], actor: User, now: datetime) -> int:
    """End what former teams asked for accounts that moved, in the caller's transaction. Returns how many lines.

    A channel of a client link of which no account is left is asked for no longer: without one it would be for any. Invitations that were
    made for these asks alone are revoked; one that invited to the team by itself stays.
    """
    lines = list(lines_for(moved).exclude(ask__team=F("account__team")).values_list("pk", "ask"))
    asks = Ask.objects.filter(pk__in={ask for _, ask in lines}).order_by("pk").select_for_update(of=("self",))
    touched = list(asks)
    AskLine.objects.filter(pk__in=[pk for pk, _ in lines]).delete()
    over = []
    for ask in touched:
        asked = set(ask.lines.values_list("channel", flat=True))
        ask.channels = [one for one in ask.channels if one in asked or one in ask.used]
        ask.save(update_fields=["channels"])
        if not ask.lines.filter(done_at=None).exists():
            over.append(ask)
    for ending, some in (
        (Ending.ALL_DONE, [ask.pk for ask in over if ask.used]),
        (Ending.STOPPED, [ask.pk for ask in over if not ask.used]),
    ):
        end_asks(some, ending, now, by=actor)
    _end_invitations([ask.invitation_id for ask in over if ask.invitation_id], actor, now)
    return len(lines)


def _end_invitations(ids: Collection[int], actor: User, now: datetime) -> None:
    """Revoke those of these invitations that were made to ask, and by which nothing is asked any longer."""
    made = Invitation.objects.filter(pk__in=ids, for_asks=True)
    # Whoever asks by one of them just now holds it: then that ask is seen below.
    list(made.order_by("pk").select_for_update(no_key=True).values_list("pk"))
    wanted = Ask.objects.filter(invitation__in=ids, ended_at=None, lines__done_at=None, lines__isnull=False)
    invitations.revoke_these(made.exclude(pk__in=wanted.values("invitation")), by=actor, now=now)
