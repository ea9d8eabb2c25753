"""Why did I (not) get a mail? Of one account, for the own address, from the facts that staff read of any; it only reads."""

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import Account
from macros.models import Macro
from macros.why import queries as why
from macros.why.answers import answer
from users.models import person


@login_required
@require_safe
@never_cache
def why_not_me(request: HttpRequest, account_id: int) -> HttpResponse:
    """Say what tells the reader of an account, what does not and why, and what was sent. 404 for an account that they do not see."""
    user, now = person(request), timezone.now()
    account = get_object_or_404(Account.objects.visible_to(user).select_related("team"), pk=account_id)
    asked = why.what_is_asked(account, user.email)
    # Of all teams' macros, too, which a marketer does not see among macros: most agencies have one that warns everybody.
    of_all = Q(team=None) & (Q(enabled=True) | Q(actions__emails__contains=[asked.address]))
    macros = Macro.objects.filter(Q(pk__in=Macro.objects.visible_to(user).values("pk")) | of_all)
    context = {
        "account": account,
        "channel": account.get_channel_display(),
        "address": user.email,
        **answer(asked, macros, now=now, url_of=lambda mail: reverse("why_message", args=[mail.pk])),
    }
    return render(request, "selfservice/why_not_me.html", context)
