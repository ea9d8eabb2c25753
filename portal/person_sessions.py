"""Where a person is logged in, on their page in the portal: browser by browser, each with the way to end it."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Max
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from portal import access
from ui import confirm
from ui.confirm import Late, Page, Said
from users import people_actions, visibility
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
    """Return the table of a person's page. Three queries, however many there are.

    Who may end sessions and not look at them reads how many there are, and when one was used last.
    """
    viewer, here = person(request), stored_key(str(request.session.session_key))
    alive = Session.objects.of_user(user.pk, timezone.now())
    if not may_see(viewer, user):
        counted = alive.order_by().aggregate(number=Count("pk"), latest=Max("seen_at"))
        return render_to_string("portal/people/sessions_counted.html", counted)
    latest = list(alive.order_by("-seen_at")[:SHOWN])
    shown = sorted(latest, key=lambda one: one.pk != here)  # this one first
    context = {
        "lines": [
            (one, _url(user, one) if one.pk != here and may_end(viewer, user) else "") for one in shown
        ],
        "here": here,
        "unshown": alive.count() - len(shown) if len(shown) == SHOWN else 0,
        "own_url": reverse("sessions") if viewer == user else "",
    }
    return render_to_string("portal/people/sessions.html", context)


def end_one(request: HttpRequest, object_id: int, handle: str) -> HttpResponse:
    """Log a person out of one browser, after a page that asks.

    403 for whom one may not log out, or whose browsers one may not see; 404 for whom one may not see, and for a session that there is not.
    """
    page_of_people = admin.site.get_model_admin(User)
    user = page_of_people.get_queryset(request).filter(pk=object_id).first()
    if user is None:
        raise Http404(gettext("There is no such person."))
    viewer = person(request)
    if not (may_end(viewer, user) and may_see(viewer, user)):
        raise PermissionDenied
    session = Session.objects.filter(user=user).called(handle).first()
    browser = (session.browser_name if session else "") or gettext("Unknown browser")
    page = Page(
        "portal/confirm/end_session.html",
        reverse("admin:users_user_change", args=[user.pk]),
        {"person": user, "session": session, "browser": browser},
        late=session is None,
        ask_why=False,
    )

    @transaction.atomic
    def do(_said: Said) -> None:
        if not people_actions.end_session(user, handle):
            raise Late
        access.log_change(request, user, "logged_out_of_one", browser=browser)

    return confirm.answer(request, page, do, frame=access.frame_of(user))


def _url(user: User, session: Session) -> str:
    return reverse("admin:users_user_end_session", args=[user.pk, session.handle])
