"""Parts of libraries that are not public, because nothing public does the same: here and nowhere else, each with its reason.

An upgrade may move any of them without a word. tests/users/test_private_parts.py compares each with what is written here, so it says which.
"""

import ssl
from typing import Any

import httpcore2
import httpx2
from allauth.account.internal.flows.login import record_authentication as _record_authentication
from allauth.socialaccount.internal.statekit import STATE_TTL as STATE_TTL  # seconds that a state is kept
from allauth.socialaccount.internal.statekit import unstash_state as _unstash_state
from django.core.handlers.exception import (
    convert_exception_to_response as convert_exception_to_response,
)  # for a chain of our own
from django.http import HttpRequest


def record_authentication(request: HttpRequest, user: Any, method: str, **facts: Any) -> None:
    """Note in the session by what somebody has just shown who they are.

    The library does so within its own views alone. Here a password is chosen by an invitation, and a factor is shown by enrolling it.
    """
    _record_authentication(request, user, method, **facts)


def take_state(request: HttpRequest, *, state_id: str, provider_id: str) -> dict[str, Any] | None:
    """Take out of the session what was kept for a handshake; None where there is nothing, or no more.

    Its public callback views take it as well, but look into the answer first; a way back is judged by the state before anything of it is
    believed.
    """
    state: dict[str, Any] | None = _unstash_state(request, state_id=state_id, provider_id=provider_id)
    return state


def transport_through(pool: httpcore2.ConnectionPool, certificates: ssl.SSLContext) -> httpx2.HTTPTransport:
    """Return a client's transport that sends through this pool.

    The library makes its own, and says nowhere how connections are opened; a pool can be told.
    """
    transport = httpx2.HTTPTransport(verify=certificates, trust_env=False)
    transport._pool = pool  # noqa: SLF001
    return transport
