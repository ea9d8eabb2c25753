"""Ending a hold: what the database's installation is from now on."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts import restoring
from accounts.restoring import AskedAgain
from macros.models import Macro
from notifications import claims
from notifications.models import Message
from ui import kept
from users import installation
from users.models import Installation, Session


@dataclass(frozen=True)
class Same:
    """What the release of the same installation did. `messages` is None where it stays on hold."""

    asked: AskedAgain
    messages: list[Message] | None


@dataclass(frozen=True)
class Copy:
    """What the release of a copy did."""

    log_ins: int
    api_keys: int
    macros: int
    messages: list[Message]


def release_same(
    *, clock: Callable[[], datetime], progress: Callable[[int], object], without_answers: bool
) -> Same:
    """Ask about all log-ins, cancel what waited to be mailed, and go on as the same installation.

    Stays on hold where a channel gave no answer about some of the log-ins, unless `without_answers`: a renewal that comes before the
    question may spend a refresh token that is no longer the newest.
    """
    asked = restoring.ask_all(since=installation.begin_round(now=clock()), clock=clock, progress=progress)
    if asked.silent and not without_answers:
        return Same(asked, None)
    with transaction.atomic():
        messages = claims.cancel_all(reason=_cancelled())
        installation.release(released_as=Installation.As.SAME, now=clock())
    return Same(asked, messages)


@transaction.atomic
def release_copy(*, now: datetime) -> Copy:
    """Throw away what acts on the world: credentials, API keys, sessions, waiting mails; switch the macros off; go on as a copy."""
    log_ins, api_keys = restoring.empty(now=now)
    macros = Macro.objects.filter(enabled=True).update(enabled=False)
    Session.objects.all().delete()
    messages = claims.cancel_all(reason=_cancelled())
    installation.release(released_as=Installation.As.COPY, now=now)
    return Copy(log_ins, api_keys, macros, messages)


def _cancelled() -> str:
    """Return why what waited is not mailed, as it is kept."""
    return kept.keep("words/background_work.txt", "cancelled_by_release")
