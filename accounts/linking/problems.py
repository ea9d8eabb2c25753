"""Links that failed, kept for staff under the code that the person read on the page."""

import secrets
from datetime import datetime, timedelta

from accounts.models import LinkProblem
from users.models import User

KEPT = timedelta(days=90)


def record(*, user: User, channel: str, kind: LinkProblem.Kind, detail: str, now: datetime) -> str:
    """Keep what a person met while linking. Returns the code for the page."""
    code = new_code()
    LinkProblem.objects.create(code=code, user=user, channel=channel, kind=kind, detail=detail[:300], at=now)
    return code


def new_code() -> str:
    """Return a code that people can read out: LNK-DB917F."""
    return f"LNK-{secrets.token_hex(3).upper()}"


def sweep(*, now: datetime) -> int:
    """Delete what is older than 90 days. Return how many."""
    return LinkProblem.objects.filter(at__lt=now - KEPT).delete()[0]
