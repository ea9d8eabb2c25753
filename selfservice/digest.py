"""The weekly digest: of which of one's teams one gets it, for who leads a team whether all its leads do, and what it would say now."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from macros import digest, digest_readers
from selfservice.warning_mails import broken
from ui import mail_page
from ui.ids import id_of
from ui.refusal import Refusal
from users.models import Membership, person


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def weekly(request: HttpRequest) -> HttpResponse:
    """Show what is chosen (GET), or choose (POST)."""
    user = person(request)
    if request.method == "POST":
        digest_readers.choose(
            user=user,
            own=_teams(request, "own"),
            leads=_teams(request, "leads"),
            always="always" in request.POST,
            now=timezone.now(),
        )
        messages.success(request, gettext("Saved."))
        return redirect("weekly_digest")
    chosen = digest_readers.chosen_by(user)
    own, leads = chosen["own"], chosen["leads"]
    mine = Membership.objects.filter(user=user).select_related("team").order_by("team__name")
    rows = [
        (one.team, one.team_id in own, one.role == Membership.Role.TEAM_LEAD, one.team_id in leads)
        for one in mine
    ]
    context = {"rows": rows, "always": any([*own.values(), *leads.values()])}
    return render(request, "selfservice/digest.html", context)


def _teams(request: HttpRequest, name: str) -> list[int]:
    return [pk for text in request.POST.getlist(name) if (pk := id_of(text))]


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def now(request: HttpRequest) -> HttpResponse:
    """Show what the person's digest would say now (GET), or mail it to them (POST)."""
    user = person(request)
    teams = digest_readers.ordered_by(user)
    if not teams:
        return redirect("weekly_digest")
    if request.method == "POST":
        try:
            digest.send_now(user=user, teams=teams, now=timezone.now())
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, gettext("It is on its way to %(email)s.") % {"email": user.email})
        return redirect("weekly_digest_now")
    mail = digest.would_say(address=user.email, teams=teams)
    return render(request, "selfservice/digest_now.html", {"mail": mail, "email": user.email})


@login_required
@never_cache
@require_safe
def now_mail(request: HttpRequest) -> HttpResponse:
    """Show that mail, for the frame of the page. Raises Http404 where there is nothing to say."""
    user = person(request)
    mail = digest.would_say(address=user.email, teams=digest_readers.ordered_by(user))
    if mail is None:
        raise Http404
    return mail_page.answer(mail.html)


@never_cache
@csrf_exempt  # the reader's mail program posts it (RFC 8058), with no cookie and no token; the link alone decides
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, signed: str) -> HttpResponse:
    """Ask (GET), or stop this reader's digest of the teams in the mail (POST, by the page's button or by the mail program's own)."""
    message = digest_readers.open_signed(signed)
    if message is None:
        return broken(request)
    if request.method == "POST":
        digest_readers.stop(message, now=timezone.now())
        if request.POST.get("List-Unsubscribe") != "One-Click":
            return redirect("stop_digest", signed)
    context = {
        "message": message,
        "signed": signed,
        "teams": [team.name for team in digest_readers.teams_of(message)],
        "stopped": digest_readers.is_stopped(message),
    }
    return render(request, "selfservice/mails/stop_digest.html", context)


@never_cache
@require_http_methods(["POST"])
def start_again(request: HttpRequest, signed: str) -> HttpResponse:
    """Have this reader get the digest again."""
    message = digest_readers.open_signed(signed)
    if message is None:
        return broken(request)
    digest_readers.start_again(message)
    return redirect("stop_digest", signed)
