"""What every way back from a channel must pass before anything is exchanged: it comes whole, once, and to whom it began.

A consent may be answered several times at once: a double click, a browser that fetches ahead, a page that is opened again. A channel may
end what it gave for a code where the code comes twice (RFC 6749, section 4.1.2), so exactly one answer is taken.
"""

import hashlib
import time
from datetime import datetime, timedelta
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import get_adapter
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from infra import private_parts
from tokens.models import Handshake

KEPT_FOR = timedelta(days=1)  # so that "Back" in the browser is understood
LONGEST = 300
TAKEN_WITHIN = 10  # looks of 50 ms
BEGUN, BEGUN_KEPT = (
    "begun_for_others",
    10,
)  # in the session: handshakes that nobody's log-in here stands behind
# How a channel says no. Beside a code it is no answer of any channel, but somebody who glues two together.
ERRORS = frozenset({"error", "error_code", "error_reason", "error_message", "denied"})
CODES = frozenset({"code", "auth_code", "oauth_verifier"})


class NotOurs(Exception):  # noqa: N818  # an answer
    """A way back that is refused before it is looked into. `why` is a word for the log; `status` is what the browser gets."""

    def __init__(self, why: str, status: int = 400) -> None:
        super().__init__(why)
        self.why, self.status = why, status


def _key(state_id: str) -> str:
    return hashlib.sha256(state_id.encode()).hexdigest()


def begin_handshake(state_id: str, *, channel: str, user_id: int | None, now: datetime) -> None:
    """Note that a person leaves for a channel. A state that was used before is refused by the database.

    `user_id` None: somebody who is not known yet.
    """
    Handshake.objects.create(state_hash=_key(state_id), channel=channel, user_id=user_id, began_at=now)


def remember_in_browser(request: HttpRequest, state_id: str) -> None:
    """Know in this browser that a handshake began here for somebody who is not logged in, so that its way back is understood twice."""
    request.session[BEGUN] = [*request.session.get(BEGUN, []), _key(state_id)][-BEGUN_KEPT:]


def demand_whole(request: HttpRequest) -> None:
    """Raise NotOurs for what no channel sends: another method, a prefetch, a parameter twice, an error beside a code."""
    if request.method != "GET":
        raise NotOurs(f"method {request.method}", 405)
    if "prefetch" in request.headers.get("Sec-Purpose", request.headers.get("Purpose", "")):
        raise NotOurs("prefetch", 503)  # the browser asks again once the person really goes there
    twice = sorted(name for name, values in request.GET.lists() if len(values) > 1)
    if twice:
        raise NotOurs("a parameter came twice")
    if CODES & request.GET.keys() and ERRORS & request.GET.keys():
        raise NotOurs("an error beside a code")


def take_state(
    request: HttpRequest, *, channel: str, provider_id: str, state_id: str
) -> dict[str, Any] | None:
    """Take the state of a handshake, once: of simultaneous answers one gets it, all others None.

    None also for what is unknown, too old, of another browser or another channel.
    """
    state = private_parts.take_state(request, state_id=state_id, provider_id=provider_id)
    if state is None:
        return None
    now = timezone.now()
    fresh = Handshake.objects.filter(pk=_key(state_id), channel=channel, taken_at=None)
    young = fresh.filter(began_at__gt=now - timedelta(seconds=private_parts.STATE_TTL))
    return state if young.update(taken_at=now) else None


def end_handshake(state_id: str, answer: HttpResponse | None) -> None:
    """Note where a handshake led, for whoever comes by the same way once more."""
    leads = answer["Location"] if isinstance(answer, HttpResponseRedirect) else ""
    Handshake.objects.filter(pk=_key(state_id)).update(
        ended_at=timezone.now(), led_to=leads if len(leads) <= LONGEST else ""
    )


def came_again(request: HttpRequest, state_id: str) -> Handshake | None:
    """Return the person's own handshake that was answered already, or one that began in this browser; None for everything else."""
    here = _key(state_id) in request.session.get(BEGUN, [])
    if not state_id or not (here or request.user.is_authenticated):
        return None
    mine = Handshake.objects.filter(pk=_key(state_id))
    if not here:
        mine = mine.filter(user=request.user.pk)
    for _ in range(TAKEN_WITHIN):
        handshake = mine.first()
        if handshake is None or handshake.taken_at is not None:
            return handshake
        time.sleep(0.05)  # another answer has the state from the session, and notes it in the row right now
    return None


def demand_same(request: HttpRequest, channel: str, state: dict[str, Any]) -> None:
    """Ask our social adapter whether person, app and ad account are still those it began with. Raises ImmediateHttpResponse."""
    get_adapter(request).demand_same(request, channel, state)


def not_ours(request: HttpRequest, channel: str, refusal: NotOurs) -> HttpResponse:
    """Answer what is refused unseen. Nothing of it was used: where it was real, the person may still come by it properly."""
    return _answered(lambda: get_adapter(request).on_refused_way_back(request, channel, refusal))


def once_more(request: HttpRequest, channel: str, state_id: str) -> HttpResponse:
    """Answer a way back that gives nothing: used already by this person, or never good here."""
    handshake = came_again(request, state_id)
    return _answered(lambda: get_adapter(request).on_used_way_back(request, channel, handshake))


def _answered(call: Any) -> HttpResponse:
    try:
        answer: HttpResponse = call()
    except ImmediateHttpResponse as immediate:
        answer = immediate.response
    return answer


def sweep_handshakes(*, now: datetime) -> int:
    """Forget handshakes that nobody will come back by. Returns how many."""
    return Handshake.objects.filter(began_at__lt=now - KEPT_FOR).delete()[0]
