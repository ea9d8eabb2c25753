"""The second factor of staff: who has one, whether this session has shown it, and the one switch that turns it off."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from infra.keys import UNKNOWN, SealedRows, fingerprints, key_of, renewed
from infra.private_parts import record_authentication

COMPANY = "company"  # of records of the session: at the company's log-in
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
    return bool(_shown_records(request))


def _shown_records(request: HttpRequest) -> list[dict[str, Any]]:
    user = request.user
    if not user.is_authenticated:
        return []
    found = [one for one in get_authentication_records(request, user) if one.get("method") == "mfa"]
    own = [one for one in found if one.get("type") != COMPANY]
    by_company = [one for one in found if one.get("type") == COMPANY and settings.OIDC_SECOND_FACTOR]
    return by_company + own if own and has_factor(user) else by_company


def page_that_asks(request: HttpRequest) -> str:
    """Return the address of the page where the factor of this session is shown again."""
    by_company = any(one.get("type") == COMPANY for one in _shown_records(request))
    return reverse("company_again" if by_company else "mfa_reauthenticate")


def came_by_company(request: HttpRequest, *, within: timedelta | None = None) -> bool:
    """Return whether this session began by the company's log-in, or was shown anew there, within that time."""
    records = get_authentication_records(request, request.user) if request.user.is_authenticated else []
    times = [one.get("at", 0) for one in records if one.get("provider") == COMPANY]
    return bool(times) and (within is None or max(times) >= time.time() - within.total_seconds())


def shown_lately(request: HttpRequest, *, within: timedelta, now: datetime) -> bool:
    """Return whether the second factor was shown in this session within that time, at the log-in or asked again since."""
    times = [record.get("at", 0) for record in _shown_records(request)]
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


# --- which key the secrets are encrypted with: its name is in the row's data, beside them. The table is the library's, so it has no column
# of its own. The library reads only what it put in, and leaves the rest.

NAME = "key"
SEALED = ("secret", "seed", "migrated_codes")  # the third is a list


def name_key(*, instance: Authenticator, **_kwargs: Any) -> None:
    """Write beside the secrets of a factor that is saved which key opens them."""
    if isinstance(instance.data, dict) and any(part in instance.data for part in SEALED):
        instance.data[NAME] = _opened_by(instance.data)


def _opened_by(data: Mapping[str, Any]) -> str:
    """Return the name of the key that opens all secrets; UNKNOWN where one stays closed, or they need several."""
    names = {key_of(text) for text in _texts(data)} or {fingerprints()[0]}
    return names.pop() if len(names) == 1 else UNKNOWN


def _texts(data: Mapping[str, Any]) -> list[Any]:
    found: list[Any] = []
    for part in SEALED:
        value = data.get(part, [])
        found += value if isinstance(value, list) else [value]
    return found


class FactorRows(SealedRows):
    """Authenticator apps and recovery codes."""

    label = "second factors"
    table = "mfa_authenticator"
    column = "data"
    kind = "jsonb"
    key = "coalesce(data ->> 'key', '')"
    changes = "data = v.new"
    only = f"data ?| array[{', '.join(repr(part) for part in SEALED)}]"  # a security key holds nothing sealed

    def seal_again(self, stored: Any) -> str | None:
        """Return the data with its secrets under the newest key, and that key's name."""
        data = json.loads(stored)
        again = {part: _each(data[part], _renewed) for part in SEALED if part in data}
        if None in _texts(again):
            return None
        fresh = {**data, **again, NAME: _opened_by(again)}
        return str(stored) if fresh == data else json.dumps(fresh)

    def opened_by(self, stored: Any) -> str:
        """Return the name of the key that opens the secrets."""
        return _opened_by(json.loads(stored))


def _each(value: Any, change: Callable[[str], str | None]) -> Any:
    return [change(one) for one in value] if isinstance(value, list) else change(value)


def _renewed(text: str) -> str | None:
    sealed = renewed(text.encode())
    return None if sealed is None else sealed.decode()
