"""Whether one's log-ins may back up further accounts: who asks, for which accounts, Agree or Decline for all or each.

And inviting a second person for one or several accounts, by a marketer or by staff: one mail, however many accounts.
"""

from functools import partial

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.asks import inviting
from accounts.backups import services as backing_up
from accounts.models import Account, AskLine
from portal import access
from selfservice import queries as my_list
from ui.addresses import id_of, ids_of, own_path
from ui.errors import Refusal
from ui.phrases import phrase
from users.models import User, person
from users.people.queries import names_for

say_invited = partial(phrase, "words/backup_invitations.txt")
SHOWN = 10  # accounts by name


class InviteForm(forms.Form):
    """Who is to be the second person."""

    email = forms.EmailField(label=gettext_lazy("E-mail of the second person"))
    name = forms.CharField(label=gettext_lazy("Name"), max_length=150, required=False)
    how = forms.ChoiceField(
        label=gettext_lazy("How they take part"),
        choices=[
            ("user", gettext_lazy("With a log-in here: they see the team’s accounts")),
            ("client", gettext_lazy("Without an account here: by a client link")),
        ],
        initial="user",
        widget=forms.RadioSelect,
    )
    note = forms.CharField(label=gettext_lazy("A line of yours"), max_length=300, required=False)


def _chosen(request: HttpRequest, user: User) -> list[Account]:
    """Return what the form carries, else what the address names: accounts, or all that they keep alone, of one team or all."""
    given = request.POST if request.POST.get("account") else request.GET
    ids = ids_of(",".join(given.getlist("account")).split(","))
    if ids or "alone" not in request.GET:
        found: QuerySet[Account] = Account.objects.visible_to(user).filter(pk__in=ids)
    else:
        found = my_list.without_backup(user)
        if team := id_of(request.GET.get("team", "")):
            found = found.filter(team=team)
    return list(found.select_related("team").order_by("name", "pk")[: inviting.MOST])


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def invite(request: HttpRequest) -> HttpResponse:
    """Ask whom to invite for the accounts that the address names (GET), and ask them (POST). 403 for auditors."""
    user = person(request)
    if not user.may_make_links():
        raise PermissionDenied
    accounts, back = _chosen(request, user), own_path(request.GET.get("next", ""))
    if not accounts:
        return redirect(back or "my_accounts")
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            asks = inviting.invite_to_link(
                accounts=accounts,
                email=said["email"],
                name=said["name"],
                note=said["note"],
                by=user,
                now=timezone.now(),
                without_account=said["how"] == "client",
            )
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            number = sum(len(one.asked_for) for one in asks)
            messages.success(request, say_invited("sent", email=said["email"].lower(), n=number))
            alone = reverse("my_account", args=[accounts[0].pk]) if len(accounts) == 1 else ""
            return redirect(back or alone or "my_accounts")
    frame = access.frame_for_both(
        request, gettext("Invite a backup"), about=accounts[0] if len(accounts) == 1 else None
    )
    context = {
        **frame,
        "form": form,
        "accounts": accounts[:SHOWN],
        "unseen": max(0, len(accounts) - SHOWN),
        "ids": ",".join(str(account.pk) for account in accounts),  # its button does what the page showed
        "count": len(accounts),
        "back": back or frame["home"],
        "refused": not inviting.may_invite(user, accounts),
    }
    return access.render_for_both(
        request, "selfservice/invite_backup.html", context, status=400 if form.errors else 200
    )


say = partial(phrase, "words/my_backups.txt")
MOST = 500  # on one page; the others come when these are answered


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def requests(request: HttpRequest) -> HttpResponse:
    """List what the person is asked (GET); take the answer to those that the page names (POST).

    Auditors may decline; 403 if they agree.
    """
    if request.method == "POST":
        return _answer(request)
    user = person(request)
    names = names_for(user)
    rows = [(one, names.user(one.ask.made_by)) for one in AskLine.objects.to_back_up(user)[:MOST]]
    return render(request, "selfservice/backup_requests.html", {"rows": rows})


def _answer(request: HttpRequest) -> HttpResponse:
    ids = ids_of(request.POST.getlist("request"))
    agree = "agree" in request.POST
    if not agree and "decline" not in request.POST:
        return redirect("backup_requests")
    user = person(request)
    if agree and user.only_looks:
        raise PermissionDenied
    answered = backing_up.answer_requests(person=user, line_ids=ids[:MOST], agree=agree, now=timezone.now())
    done = answered.number - answered.too_late
    if not answered.number:
        messages.info(request, say("answered_already"))
    if done:
        messages.success(request, say("agreed" if agree else "declined", n=done))
    if answered.too_late:
        messages.warning(request, say("too_late", n=answered.too_late))
    return redirect("backup_requests")
