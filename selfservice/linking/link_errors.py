"""What a person sees when linking does not work: what happened, that nothing was lost, and the next step."""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.socialaccount.providers.base import AuthError
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from accounts.linking import problems
from accounts.models import LinkProblem
from tokens import app_faults, unknown_answers
from tokens.channels import declarations
from tokens.channels.kinds import ChannelError, Verdict
from tokens.models import ChannelApp
from users.models import User

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trouble:
    """One kind of trouble: the page's words. `{c}` stands for the channel's name."""

    kind: LinkProblem.Kind
    heading: str
    cause: str
    primary: str
    status: int
    icon: str = "warning"
    safe: str = "accounts that are linked already stay as they are."


STOPPED = Trouble(
    LinkProblem.Kind.STOPPED,
    "The log-in was stopped at {c}",
    "Cancel was pressed there, so no new permission was given.",
    "Try again",
    200,
)
TOO_LATE = Trouble(
    LinkProblem.Kind.TOO_LATE,
    "This took too long",
    "The way back from {c} works once, for 10 minutes, in the browser where it began.",
    "Start again",
    400,
    "schedule",
)
USED = Trouble(
    LinkProblem.Kind.USED,
    "This step was used already",
    "You came back from {c} by this address before. It leads on once.",
    "Start again",
    400,
    "info",
)
BENT = Trouble(
    LinkProblem.Kind.BENT,
    "This is no proper way back from {c}",
    "The address that was opened is not as {c} sends it, so nothing of it was used.",
    "Start again",
    400,
)
TARGET_GONE = Trouble(
    LinkProblem.Kind.TARGET_GONE,
    "You can no longer open this ad account",
    "It went to another team while you were at {c}. No permission was taken in.",
    "Link another account",
    404,
    "lock",
)
FOREIGN = Trouble(
    LinkProblem.Kind.FOREIGN,
    "This was started by somebody else",
    "The way back from {c} belongs to another person's log-in here.",
    "Start again",
    403,
)
SILENT = Trouble(
    LinkProblem.Kind.SILENT,
    "{c} does not answer right now",
    "We asked and got no proper answer.",
    "Try again",
    502,
    "sync",
    "we keep trying for accounts that are linked already.",
)
UNCLEAR = Trouble(
    LinkProblem.Kind.UNCLEAR,
    "{c} gave an answer we do not know",
    "Nothing was changed on either side.",
    "Try again",
    502,
    "help",
)
OUR_APP = Trouble(
    LinkProblem.Kind.OUR_APP,
    "{c} does not accept AdToken right now",
    "The administrators see it in their portal. You need not do anything.",
    "Try again",
    502,
)
NOT_SET_UP = Trouble(
    LinkProblem.Kind.NOT_SET_UP,
    "{c} is not set up yet",
    "An administrator adds it under Channel apps.",
    "Go to my accounts",
    404,
    "info",
)


_ALL = (STOPPED, TOO_LATE, USED, BENT, TARGET_GONE, FOREIGN, SILENT, UNCLEAR, OUR_APP, NOT_SET_UP)
BY_KIND = {one.kind: one for one in _ALL}


def page(
    request: HttpRequest, channel: str, *, error: Any = None, exception: BaseException | None = None
) -> HttpResponse:
    """Choose the trouble from what allauth or a channel package said, and show it.

    A refusal of our app is marked at the app, and an answer that we do not know is kept for staff.
    """
    found = _channel_error(exception)
    app = ChannelApp.objects.filter(channel=channel, is_default=True).first() if found else None
    if found is not None and app is not None:
        note(app, found, "exchange", timezone.now())
    return show(request, channel, _kind(error, exception), detail=_detail(error, exception))


def note(app: ChannelApp, error: ChannelError, call: str, now: datetime) -> None:
    """Keep what a failed call says of our app, and an answer that we do not know. `call`: where the answer does not tell."""
    if error.ruling.verdict == Verdict.APP_FAULT:
        call = str(error.evidence.get("call", call))
        app_faults.record(app=app, ruling=error.ruling, call=call, now=now)
    unknown_answers.keep(app, error.ruling, error.evidence, token_id=None, now=now)


def wait(request: HttpRequest, channel: str) -> HttpResponse:
    """Show that the first of several answers is being worked on. The page asks again by itself and moves on with it."""
    context = {
        "heading": f"We are taking in what {declarations.label(channel)} says",
        "cause": "This takes a few seconds. The page moves on by itself.",
        "safe": "nothing is asked twice.",
        "icon": "sync",
        "tone": "mute",
        "primary": {"label": "Go to my accounts", "url": reverse("my_accounts")},
    }
    answer = render(request, "selfservice/error.html", context, status=202)
    answer["Refresh"] = "2"
    return answer


def show(
    request: HttpRequest, channel: str, trouble: Trouble, *, detail: str = "", status: int = 0
) -> HttpResponse:
    """Show one trouble, with a code that is in the log too, beside the person and the address it came from.

    Where somebody is logged in, it is kept for staff, who find it by the code.
    """
    name, now = declarations.label(channel), timezone.now()
    if isinstance(request.user, User):
        code = problems.record(user=request.user, channel=channel, kind=trouble.kind, detail=detail, now=now)
    else:
        code = problems.new_code()  # strangers write nothing into the database
    logger.warning(
        "linking %s: %s (%s) %s; user %s from %s",
        channel,
        trouble.heading.format(c=name),
        code,
        detail,
        request.user.pk or "nobody",
        address_of(request),
    )
    again = [
        f"Use the {name} log-in that runs this ad account.",
        "Come back within 10 minutes. After that, start again.",
        "Or ask an administrator. They find what happened under the code below.",
    ]
    home = {"label": "Go to my accounts", "url": reverse("my_accounts")}
    first = {"label": trouble.primary, "url": reverse("link", args=[channel])}
    context = {
        "heading": trouble.heading.format(c=name),
        "cause": trouble.cause.format(c=name),
        "safe": trouble.safe,
        "icon": trouble.icon,
        "primary": home if trouble is NOT_SET_UP else first,
        "second": None if trouble is NOT_SET_UP else home,
        "again": again,
        "code": code,
        "at": now,
    }
    return render(request, "selfservice/error.html", context, status=status or trouble.status)


def address_of(request: HttpRequest) -> str:
    """Return the address a request came from, behind the proxies that are trusted; "unknown" where it does not tell."""
    try:
        return str(get_account_adapter(request).get_client_ip(request))
    except (ImproperlyConfigured, PermissionDenied):
        return "unknown"


def _kind(error: Any, exception: BaseException | None) -> Trouble:
    if error == AuthError.CANCELLED:
        return STOPPED
    found = _channel_error(exception)
    if found is None:
        return TOO_LATE if exception is None or _is_state(exception) else UNCLEAR
    if found.ruling.verdict in {Verdict.TRANSIENT, Verdict.RATE_LIMITED}:
        return SILENT
    if found.ruling.verdict == Verdict.APP_FAULT:
        return OUR_APP
    if found.ruling.row == "state":
        return TOO_LATE
    return UNCLEAR


def _is_state(exception: BaseException) -> bool:
    """allauth raises PermissionDenied for a state that is missing, used, or expired."""
    return isinstance(exception, PermissionDenied)


def _channel_error(exception: BaseException | None) -> ChannelError | None:
    while exception is not None:
        if isinstance(exception, ChannelError):
            return exception
        exception = exception.__cause__
    return None


def _detail(error: Any, exception: BaseException | None) -> str:
    found = _channel_error(exception)
    if found is not None:
        return f"{found.ruling.verdict} {found.ruling.row}"
    return f"{error} {type(exception).__name__}"
