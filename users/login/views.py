"""Pages of the logged-in person: the profile, and where they are logged in."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from users.login import second_factor
from users.login.forms import ProfileForm
from users.models import LoginRecord, Session, User, person
from users.sessions.models import Detail
from users.sessions.receivers import write_login_record
from users.sessions.services import stored_key

LATEST_RECORDS = 10
MOST_SESSIONS = 50  # on the page, those used last


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Show and save name, time zone and appearance; link to password, second factor and sessions."""
    user = person(request)
    form = ProfileForm(request.POST or None, instance=user)
    if request.method == "POST" and form.is_valid():
        # Only these columns: an administrator may be changing the others right now.
        User.objects.filter(pk=user.pk).update(**form.cleaned_data)
        messages.success(request, gettext("Your profile is saved."))
        return redirect("profile")
    context = {"form": form, "has_factor": second_factor.has_factor(user)}
    if form.errors:
        user.refresh_from_db()  # the page's head must not show what was not saved
    return render(request, "users/profile.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def sessions(request: HttpRequest) -> HttpResponse:
    """Show where the person is logged in, or log them out of one other browser or of all others (POST)."""
    user, now = person(request), timezone.now()
    here = stored_key(str(request.session.session_key))
    if request.method == "POST":
        _end_others(request, user, here)
        return redirect("sessions")
    alive = Session.objects.of_user(user.pk, now)
    others = list(alive.exclude(pk=here).order_by("-seen_at")[:MOST_SESSIONS])
    context = {
        "sessions": [*alive.filter(pk=here), *others],  # this one first
        "others": len(others),
        "unshown": alive.exclude(pk=here).count() - len(others),
        "here": here,
        "records": LoginRecord.objects.filter(user=user)[:LATEST_RECORDS],
    }
    return render(request, "users/sessions.html", context)


@transaction.atomic
def _end_others(request: HttpRequest, user: User, here: str) -> None:
    """End the session that the form names, or all but this one where it names none."""
    others = Session.objects.filter(user=user).exclude(pk=here)
    handle = request.POST.get("session")
    gone = others.called(handle).first() if handle else None
    ended, _ = (others if not handle else others.called(handle)).delete()
    if not ended:
        messages.info(request, gettext("That browser is logged out already."))
        return
    detail = Detail.ENDED_ELSEWHERE if handle else Detail.ENDED_EVERYWHERE_ELSE
    write_login_record(
        request=request, kind=LoginRecord.Kind.LOG_OUT, succeeded=True, user=user, detail=detail
    )
    if gone is None:
        messages.success(request, gettext("You are logged out everywhere else."))
    else:
        browser = gone.browser_name or gettext("Unknown browser")
        messages.success(request, gettext("Logged out: %(browser)s.") % {"browser": browser})
