"""Where a person is logged in, on their page in the portal: browser by browser. One action ends all."""

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from users import visibility
from users.models import Session, User, person
from users.sessions import stored_key

SHOWN = 50  # those used last


def may_see(viewer: User, user: User) -> bool:
    """Return whether the viewer may see in which browsers a person is logged in: administrators and auditors, and everybody their own."""
    return viewer == user or viewer.has_perm("users.view_session")


def may_end(viewer: User, user: User) -> bool:
    """Return whether the viewer may log a person out: staff and people of foreign teams as for changes."""
    is_reached = not user.is_staff or viewer.is_superuser or user == viewer
    return viewer.has_perm("users.end_sessions") and is_reached and visibility.manages(viewer, user)


def card(user: User, request: HttpRequest) -> SafeString:
    """Return the table of a person's page, for whoever may see it. Three queries, however many there are."""
    viewer, here = person(request), stored_key(str(request.session.session_key))
    alive = Session.objects.of_user(user.pk, timezone.now())
    latest = list(alive.order_by("-seen_at")[:SHOWN])
    shown = sorted(latest, key=lambda one: one.pk != here)  # this one first
    context = {
        "lines": shown,
        "here": here,
        "unshown": alive.count() - len(shown) if len(shown) == SHOWN else 0,
        "own_url": reverse("sessions") if viewer == user else "",
    }
    return render_to_string("portal/people/sessions.html", context)
