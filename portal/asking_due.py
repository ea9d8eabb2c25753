"""**Ask all to re-authenticate** of the start page: everybody who could keep what is dark, or will be within 7 days."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from accounts import due_asks
from accounts.jobs.kinds import ASK_DUE, KINDS
from portal import access, asking_people
from users.models import person


def ask_due(request: HttpRequest) -> HttpResponse:
    """Show who would be asked (GET), then have a worker mail them (POST). 403 for whoever may not ask."""
    access.require(request, KINDS[ASK_DUE].permission)
    user = person(request)
    page = asking_people.AskPage(
        template="portal/confirm/ask_due.html",
        back=reverse("admin:index"),
        facts={},
        kind=ASK_DUE,
        subject_id=user.pk,
        nobody=lambda: gettext("No account is deactivated or ends within 7 days because of a log-in."),
    )
    waiting = due_asks.waiting(user, timezone.now())
    return asking_people.answer(request, page, waiting, frame=access.frame_of_start)
