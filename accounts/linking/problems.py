"""Links that failed: of which kind, and kept for staff under the code that the person read on the page."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from allauth.socialaccount.providers.base import AuthError
from django.core.exceptions import PermissionDenied

from accounts.models import Ask, LinkProblem
from tokens.channels.kinds import ChannelError, Verdict
from tokens.lifecycle import app_faults
from tokens.models import ChannelApp
from tokens.unknown_answers import services as unknown_answers
from users.models import User

KEPT = timedelta(days=90)


def record_problem(
    *,
    user: User | None,
    channel: str,
    kind: LinkProblem.Kind,
    detail: str,
    now: datetime,
    client_link: Ask | None = None,
) -> str:
    """Keep what a person met while linking; of a client link, also where the client is nobody here yet. Returns the code for the page."""
    code = new_code()
    facts = {"user": user, "client_link": client_link, "channel": channel, "kind": kind}
    LinkProblem.objects.create(code=code, detail=detail[:300], at=now, **facts)
    return code


def new_code() -> str:
    """Return a code that people can read out: LNK-DB917F."""
    return f"LNK-{secrets.token_hex(3).upper()}"


def sweep_problems(*, now: datetime) -> int:
    """Delete what is older than 90 days. Return how many."""
    return LinkProblem.objects.filter(at__lt=now - KEPT).delete()[0]


def kind_of(error: Any, exception: BaseException | None) -> LinkProblem.Kind:
    """Return what happened, by what allauth says (`error`, one of AuthError) and what was raised on the way."""
    if error == AuthError.CANCELLED:
        return LinkProblem.Kind.STOPPED
    found = channel_error(exception)
    if found is None:  # allauth raises PermissionDenied for a state that is missing, used, or expired
        late = exception is None or isinstance(exception, PermissionDenied)
        return LinkProblem.Kind.TOO_LATE if late else LinkProblem.Kind.UNCLEAR
    if found.classification.verdict in {Verdict.TRANSIENT, Verdict.RATE_LIMITED}:
        return LinkProblem.Kind.SILENT
    if found.classification.verdict == Verdict.APP_FAULT:
        return LinkProblem.Kind.OUR_APP
    return LinkProblem.Kind.TOO_LATE if found.classification.row == "state" else LinkProblem.Kind.UNCLEAR


def detail_of(error: Any, exception: BaseException | None) -> str:
    """Return for staff what was found: verdict and row, or the names of our exceptions. No secret is in them."""
    found = channel_error(exception)
    if found is not None:
        return f"{found.classification.verdict} {found.classification.row}"
    return f"{error} {type(exception).__name__}"


def channel_error(exception: BaseException | None) -> ChannelError | None:
    """Return what a channel's package said, from among an exception and its causes."""
    while exception is not None:
        if isinstance(exception, ChannelError):
            return exception
        exception = exception.__cause__
    return None


def note_fault(app: ChannelApp, error: ChannelError, call: str, now: datetime) -> None:
    """Keep what a failed call says of our app, and an answer that we do not know. `call`: where the answer does not tell."""
    if error.classification.verdict == Verdict.APP_FAULT:
        call = str(error.evidence.get("call", call))
        app_faults.record(app=app, classification=error.classification, call=call, now=now)
    unknown_answers.keep_answer(app, error.classification, error.evidence, token_id=None, now=now)
