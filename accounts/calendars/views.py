"""Deadlines in the person's own calendar program: the page where its addresses are made and ended, and the addresses themselves.

Whoever asks for such an address has no session and no key beside it (docs/decisions/0077-links-without-a-password.md).
"""

from functools import partial
from hashlib import sha256
from http import HTTPStatus

from allauth.core import ratelimit
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_cache_control
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from accounts.calendars import services as domain
from accounts.models import CalendarLink
from infra import request_logs
from ui import confirm
from ui.confirm import Late, Page, Said
from ui.errors import Refusal
from ui.phrases import phrase
from users.installation import hold
from users.models import User, person
from users.sessions.client_address import client_address

SHOWN_TEAMS = 500
HOUR = 3600  # seconds

say = partial(phrase, "words/calendar.txt")


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
@sensitive_variables()
def calendars(request: HttpRequest) -> HttpResponse:
    """List the person's addresses (GET), or make one and show it, once (POST)."""
    user = person(request)
    if request.method != "POST":
        return _page(request, user)
    chosen = request.POST.get("team", "")
    teams = {str(team.pk): team for team in domain.teams_for(user, most=SHOWN_TEAMS)}
    if chosen and chosen not in teams:
        return _page(request, user, refused=say("no_team"), status=HTTPStatus.BAD_REQUEST)
    try:
        _, secret = domain.make_calendar(user=user, team=teams.get(chosen), now=timezone.now())
    except Refusal as refusal:
        return _page(request, user, refused=str(refusal), status=HTTPStatus.BAD_REQUEST)
    return _page(request, user, secret=secret)


@login_required
@never_cache
def revoke(request: HttpRequest, calendar_id: int) -> HttpResponse:
    """Ask (GET), then end the address (POST)."""
    link = _own(request, calendar_id)
    page = Page(
        "selfservice/confirm/revoke_calendar.html",
        reverse("calendars"),
        {"link": link},
        ask_why=False,
        danger=True,
    )

    def do(_said: Said) -> None:
        if not domain.end_calendar(link=link):
            raise Late

    return confirm.answer(request, page, do, frame=_frame)


@require_safe
@sensitive_variables()
def read(request: HttpRequest, secret: str) -> HttpResponse:
    """Give the file to a calendar program: 304 where it is as it was, 404 for what opens nothing, 429 where it comes too often.

    503 on hold, whatever the address is, and nothing is written: the dates of a restored database may be long over, and who may read them
    may have changed since. A program keeps what it read last.
    """
    request_logs.leave_out(request)
    now = timezone.now()
    if hold.current() is not None:
        return _plain(HTTPStatus.SERVICE_UNAVAILABLE)
    link = domain.link_opened_by(secret)
    if link is None:
        fine = _may("calendar_guess", str(client_address(request)))
        return _plain(HTTPStatus.NOT_FOUND if fine else HTTPStatus.TOO_MANY_REQUESTS)
    if not _may("calendar_read", str(link.pk)):
        return _plain(HTTPStatus.TOO_MANY_REQUESTS)
    body = domain.read_calendar(link, now=now)
    whole = HttpResponse(body, content_type=domain.MEDIA_TYPE)
    whole["ETag"] = f'"{sha256(body).hexdigest()}"'
    answer = get_conditional_response(request, whole["ETag"], response=whole) or whole
    answer["Content-Disposition"] = 'inline; filename="adtoken.ics"'
    return _private(answer)


def _may(action: str, key: str) -> bool:
    """Count a reading, and return whether it is within the limit. The library passes GET over, so it gets a request without a method."""
    return bool(ratelimit.consume(HttpRequest(), action=action, key=key))


def _page(
    request: HttpRequest, user: User, *, secret: str = "", refused: str = "", status: int = HTTPStatus.OK
) -> HttpResponse:
    address = f"{settings.BASE_URL}{reverse('calendar', args=[secret])}" if secret else ""
    context = {
        "links": domain.links_of_person(user),
        "teams": domain.teams_for(user, most=SHOWN_TEAMS),
        "address": address,
        "program": f"webcal://{address.partition('://')[2]}" if address else "",
        "refused": refused,
    }
    return render(request, "selfservice/calendars.html", context, status=status)


def _own(request: HttpRequest, calendar_id: int) -> CalendarLink:
    links = CalendarLink.objects.filter(user=person(request)).select_related("team")
    return get_object_or_404(links, pk=calendar_id)


def _frame(_request: HttpRequest) -> dict[str, str]:
    return {"layout": "selfservice/confirm_page.html"}


def _plain(status: HTTPStatus) -> HttpResponse:
    answer = HttpResponse(f"{status.phrase}\n", status=status, content_type="text/plain; charset=utf-8")
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        answer["Retry-After"] = str(HOUR)
    return _private(answer)


def _private(answer: HttpResponse) -> HttpResponse:
    """Keep what is below a secret address out of shared caches; its reader may keep it, and asks each time."""
    patch_cache_control(answer, private=True, no_cache=True)
    answer["Referrer-Policy"] = "no-referrer"
    return answer
