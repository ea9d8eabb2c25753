"""Inviting a second person for one or several accounts, by a marketer or by staff."""

from functools import partial

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import backup_invitations, client_links
from accounts.models import Account
from ui.counts import number
from ui.phrases import phrase
from users.forms import how_to_take_part
from users.models import person

say = partial(phrase, "words/backup_invitations.txt")
SHOWN = 10  # accounts by name


class InviteForm(forms.Form):
    """Who is to be the second person."""

    email = forms.EmailField(label=gettext_lazy("E-mail of the second person"))
    name = forms.CharField(label=gettext_lazy("Name"), max_length=150, required=False)
    how = how_to_take_part()
    note = forms.CharField(label=gettext_lazy("A line of yours"), max_length=300, required=False)


def _back(request: HttpRequest) -> str:
    """Return the page here from which the person came, where the address names it."""
    asked = request.GET.get("next", "")
    ours = asked.startswith("/") and url_has_allowed_host_and_scheme(asked, allowed_hosts=None)
    return asked if ours else ""


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def invite(request: HttpRequest) -> HttpResponse:
    """Ask whom to invite for the accounts that the address names (GET), and ask them (POST). 403 for auditors."""
    user = person(request)
    if not client_links.may_make(user):
        raise PermissionDenied
    given = request.POST if request.method == "POST" else request.GET
    texts = [pk for some in given.getlist("account") for pk in some.split(",")]
    ids = [int(pk) for pk in texts if pk.isascii() and pk.isdigit() and len(pk) < 19]
    if len(set(ids)) > backup_invitations.MOST:  # nothing is left out in silence
        messages.warning(request, say("too_many", most=number(backup_invitations.MOST)))
        return redirect(_back(request) or "my_accounts")
    found = Account.objects.visible_to(user).filter(pk__in=ids)
    accounts = list(found.select_related("team").order_by("name", "pk"))
    if not accounts:
        return redirect(_back(request) or "my_accounts")
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            done = backup_invitations.invite(
                accounts=accounts,
                email=said["email"],
                name=said["name"],
                note=said["note"],
                by=user,
                now=timezone.now(),
                without_account=said["how"] == "client",
            )
        except (backup_invitations.InviteRefused, client_links.ClientLinkRefused) as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, say("sent", email=done.email, n=done.number))
            alone = reverse("my_account", args=[accounts[0].pk]) if len(accounts) == 1 else ""
            return redirect(_back(request) or alone or "my_accounts")
    context = {
        "form": form,
        "accounts": accounts[:SHOWN],
        "unseen": max(0, len(accounts) - SHOWN),
        "ids": ",".join(str(account.pk) for account in accounts),
        "count": len(accounts),
        "back": _back(request) or reverse("my_accounts"),
        "refused": not backup_invitations.may_invite(user, accounts),
    }
    return render(request, "selfservice/invite_backup.html", context, status=400 if form.errors else 200)
