"""The second factor of staff: who has one, whether this session has shown it, and the one switch that turns it off."""

from datetime import datetime, timedelta
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest

from infra.private_parts import record_authentication

# Recovery codes alone are no second factor.
FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]

SWITCH_REFUSED = (
    "STAFF_SECOND_FACTOR=0 turns off the second factor of staff. That is only allowed with DEMO=1, which "
    "this machine alone may reach. Remove STAFF_SECOND_FACTOR from the environment."
)


def has_factor(user: Any) -> bool:
    """Return whether the person has enrolled an authenticator app or a security key."""
    return bool(is_mfa_enabled(user, FACTORS))


def shown(request: HttpRequest) -> bool:
    """Return whether the person of this request has a second factor and has shown it in this session.

    It reads allauth's records, which a session made without its login stages does not have.
    """
    user = request.user
    if not user.is_authenticated or not has_factor(user):
        return False
    return any(record.get("method") == "mfa" for record in get_authentication_records(request, user))


def shown_lately(request: HttpRequest, *, within: timedelta, now: datetime) -> bool:
    """Return whether the second factor was shown in this session within that time, at the log-in or asked again since."""
    records = get_authentication_records(request, request.user) if shown(request) else []
    times = [record.get("at", 0) for record in records if record.get("method") == "mfa"]
    return bool(times) and max(times) >= (now - within).timestamp()


def suffices(request: HttpRequest) -> bool:
    """Return whether the person of this request may pass into the admin portal as far as the second factor goes."""
    return not settings.STAFF_SECOND_FACTOR or shown(request)


def switched_off_in_earnest() -> bool:
    """Return whether the switch is off where it must not be: beyond a demo, which `safe_start` keeps to this machine."""
    return not settings.STAFF_SECOND_FACTOR and not settings.DEMO


def count_enrolment_as_shown(
    *, request: HttpRequest, user: Any, authenticator: Authenticator, **_kwargs: Any
) -> None:
    """Record a fresh enrolment as shown: its code was just checked, a second prompt would ask the same again."""
    if authenticator.type in FACTORS and request.user == user:
        record_authentication(request, user, "mfa", id=authenticator.pk, type=authenticator.type)
    if authenticator.type == Authenticator.Type.TOTP:
        authenticator.wrap().validate_code(
            request.POST.get("code", "")
        )  # uses it up: it opens no other log-in
