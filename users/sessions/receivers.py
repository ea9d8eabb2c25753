"""The record of log-ins: who logged in, who failed to, which second factors were shown, what of a log-in was changed.

One row an event, in a table that rows are only added to (`infra.append_only`). The retention job removes the old ones.
"""

from typing import Any

from allauth.account.signals import authentication_step_completed
from allauth.mfa import signals as factor
from allauth.mfa.models import Authenticator
from django.contrib.auth import signals as log_in
from django.http import HttpRequest
from django.utils import timezone

from users.models import LoginRecord, User
from users.sessions.client_address import client_address
from users.sessions.models import BROWSER_LENGTH, Detail


def write_login_record(
    *,
    request: HttpRequest | None,
    kind: LoginRecord.Kind,
    succeeded: bool,
    user: User | None = None,
    email: str = "",
    detail: str = "",
) -> None:
    """Add a row. `user` is the person whom it is about, where that is known; `detail` is a `Detail` or a few words, and no secret.

    Also for what lies above this app, such as a way back from a channel that was refused.
    """
    address = client_address(request) if request else None
    browser = request.headers.get("User-Agent", "") if request else ""
    _add(kind, user, detail, address, browser, email=email, succeeded=succeeded)


def write_change(*, user: User, by: User | None, what: str, address: str, browser: str) -> None:
    """Add a row about a change of a log-in (`what`: a `login_changes.Kind`): by the person (`by` is None), from this address and browser,
    or by staff.
    """
    detail = Detail.of_change(what, by=by.email if by else "")
    _add(LoginRecord.Kind.CHANGE, user, detail, address or None, browser)


def _add(
    kind: LoginRecord.Kind,
    user: User | None,
    detail: str,
    address: str | None,
    browser: str,
    *,
    email: str = "",
    succeeded: bool = True,
) -> None:
    LoginRecord.objects.create(
        at=timezone.now(),
        kind=kind,
        succeeded=succeeded,
        user_id=user.pk if user else None,
        email=(email or (user.email if user else ""))[:254],
        address=address,
        browser=browser[:BROWSER_LENGTH],
        detail=detail[:200],
    )


def connect_records() -> None:
    """Listen to Django's and the library's news of log-ins. Called once, when the app starts."""
    log_in.user_logged_in.connect(_logged_in, dispatch_uid="users.record.log_in")
    log_in.user_logged_out.connect(_logged_out, dispatch_uid="users.record.log_out")
    log_in.user_login_failed.connect(_failed, dispatch_uid="users.record.failed")
    authentication_step_completed.connect(_step, dispatch_uid="users.record.step")
    factor.authenticator_used.connect(_factor_used, dispatch_uid="users.record.factor")
    factor.authentication_failed.connect(_factor_failed, dispatch_uid="users.record.factor_failed")


def _logged_in(*, request: HttpRequest, user: Any, **_kwargs: Any) -> None:
    write_login_record(request=request, kind=LoginRecord.Kind.LOG_IN, succeeded=True, user=user)


def _logged_out(*, request: HttpRequest, user: Any, **_kwargs: Any) -> None:
    if user is not None:
        write_login_record(request=request, kind=LoginRecord.Kind.LOG_OUT, succeeded=True, user=user)


def _failed(*, credentials: dict[str, Any], request: HttpRequest | None = None, **_kwargs: Any) -> None:
    """Record a wrong password, at the log-in or where it is asked again. The signal carries no password."""
    write_refusal(
        request, str(credentials.get("email") or credentials.get("username") or ""), Detail.WRONG_PASSWORD
    )


def write_refusal(request: HttpRequest | None, email: str, why: Detail) -> None:
    """Record a password that was not taken."""
    user = User.objects.filter(email=email.strip().lower()).first()
    write_login_record(
        request=request, kind=LoginRecord.Kind.PASSWORD, succeeded=False, user=user, email=email, detail=why
    )


def _step(
    *, request: HttpRequest, user: Any, method: str, reauthenticated: bool = False, **_kwargs: Any
) -> None:
    if method == "password" and reauthenticated:
        write_login_record(
            request=request,
            kind=LoginRecord.Kind.PASSWORD,
            succeeded=True,
            user=user,
            detail=Detail.ASKED_AGAIN,
        )


def _factor_used(
    *, request: HttpRequest, user: Any, authenticator: Authenticator, reauthenticated: bool, **_kwargs: Any
) -> None:
    detail = Detail.of_factor(authenticator.type, again=reauthenticated)
    write_login_record(
        request=request, kind=LoginRecord.Kind.FACTOR, succeeded=True, user=user, detail=detail
    )


def _factor_failed(*, request: HttpRequest, user: Any, **_kwargs: Any) -> None:
    write_login_record(
        request=request, kind=LoginRecord.Kind.FACTOR, succeeded=False, user=user, detail=Detail.WRONG_FACTOR
    )
