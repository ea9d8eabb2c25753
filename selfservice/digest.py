"""The weekly digest: of which of one's teams one gets it, and, for who leads a team, whether all its leads do."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from macros import digest
from users.models import Membership, person


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def weekly(request: HttpRequest) -> HttpResponse:
    """Show what is chosen (GET), or choose (POST)."""
    user = person(request)
    if request.method == "POST":
        digest.choose(
            user=user,
            own=_teams(request, "own"),
            leads=_teams(request, "leads"),
            always="always" in request.POST,
            now=timezone.now(),
        )
        messages.success(request, gettext("Saved."))
        return redirect("weekly_digest")
    chosen = digest.chosen_by(user)
    own, leads = chosen["own"], chosen["leads"]
    mine = Membership.objects.filter(user=user).select_related("team").order_by("team__name")
    rows = [
        (one.team, one.team_id in own, one.role == Membership.Role.TEAM_LEAD, one.team_id in leads)
        for one in mine
    ]
    context = {"rows": rows, "always": any([*own.values(), *leads.values()])}
    return render(request, "selfservice/digest.html", context)


def _teams(request: HttpRequest, name: str) -> list[int]:
    found = request.POST.getlist(name)
    return [int(one) for one in found if one.isascii() and one.isdigit() and len(one) < 19]
