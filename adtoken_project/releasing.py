"""Ending a hold: what the database's installation is from now on."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Max, Min

from accounts import restoring
from accounts.restoring import AskedAgain
from macros.models import Macro
from notifications import after_hold
from notifications.models import Message
from ui import kept
from users import installation
from users.models import Installation, Session


@dataclass(frozen=True)
class Waiting:
    """The mails that wait while an installation is on hold."""

    number: int
    since: datetime | None  # the oldest was written then
    last_left: datetime | None  # when the last of all mails left, as far as this database knows
    elsewhere: bool  # another copy of the database, the original of a backup, may have sent them


@dataclass(frozen=True)
class Same:
    """What the release of the same installation did. `cancelled` is None where it stays on hold."""

    asked: AskedAgain
    kept: int = 0  # messages
    cancelled: list[Message] | None = None


@dataclass(frozen=True)
class Copy:
    """What the release of a copy did."""

    log_ins: int
    api_keys: int
    macros: int
    messages: list[Message]


def waiting() -> Waiting:
    """Return what waits to be mailed, and whether another copy of the database may have sent it.

    That is so where PostgreSQL's number is another one than the bound one. Only an operator knows it then: after a restore the original
    sent most of it, after a move or `pg_upgrade` nobody did.
    """
    known = after_hold.not_ended().aggregate(number=Count("pk"), since=Min("created_at"))
    last = Message.objects.filter(state=Message.State.SENT).aggregate(at=Max("sent_at"))["at"]
    return Waiting(known["number"], known["since"], last, elsewhere=not installation.is_bound_database())


def release_same(
    *,
    clock: Callable[[], datetime],
    progress: Callable[[int], object],
    without_answers: bool,
    cancel_waiting: bool,
) -> Same:
    """Ask about all log-ins, keep or cancel what waited to be mailed, and go on as the same installation.

    Stays on hold where a channel gave no answer about some of the log-ins, unless `without_answers`: a renewal that comes before the
    question may spend a refresh token that is no longer the newest. What is cancelled counts as told; what this round found, and only this
    database knows, is told all the same.
    """
    since = installation.begin_round(now=clock())
    asked = restoring.ask_all(since=since, clock=clock, progress=progress)
    if asked.silent and not without_answers:
        return Same(asked)
    with transaction.atomic():
        cancelled = after_hold.cancel(reason=_cancelled(), written_before=since) if cancel_waiting else []
        number, stale = after_hold.keep(now=clock(), reason=_cancelled())
        installation.release(released_as=Installation.As.SAME, now=clock())
    return Same(asked, number, cancelled + stale)


@transaction.atomic
def release_copy(*, now: datetime) -> Copy:
    """Throw away what acts on the world: credentials, API keys, sessions, waiting mails; switch the macros off; go on as a copy."""
    log_ins, api_keys = restoring.empty(now=now)
    macros = Macro.objects.filter(enabled=True).update(enabled=False)
    Session.objects.all().delete()
    messages = after_hold.cancel(reason=_cancelled())
    installation.release(released_as=Installation.As.COPY, now=now)
    return Copy(log_ins, api_keys, macros, messages)


def _cancelled() -> str:
    """Return why what waited is not mailed, as it is kept."""
    return kept.keep("words/background_work.txt", "cancelled_by_release")
