"""Inviting a second person for one or several accounts, by a marketer or by staff. Of very many a worker does it."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import backup_invitations, client_links, tasks
from accounts.jobs import services
from accounts.jobs.kinds import INVITE
from accounts.models import Account
from selfservice import my_list
from ui.phrases import phrase
from ui.refusal import Refusal
from users import asking_workers, hold
from users.forms import HowToTakePart, how_to_take_part
from users.models import User, person

say = partial(phrase, "words/backup_invitations.txt")
SHOWN = 10  # accounts by name
SPARE = 100  # for each so many accounts that somebody read of, one more is let pass


class InviteForm(forms.Form):
    """Who is to be the second person."""

    email = forms.EmailField(label=gettext_lazy("E-mail of the second person"))
    name = forms.CharField(label=gettext_lazy("Name"), max_length=150, required=False)
    how = how_to_take_part()
    note = forms.CharField(label=gettext_lazy("A line of yours"), max_length=300, required=False)

    def __init__(self, *args: Any, no_client_link: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        how = self.fields["how"]
        assert isinstance(how, HowToTakePart)  # as declared above
        how.bar_client(no_client_link)


@dataclass(frozen=True)
class Chosen:
    """The accounts that an address or a form names, of those that the person sees."""

    whole: QuerySet[Account]
    total: int
    named: bool  # by their ids; else all without a backup that the person's list holds

    @property
    def is_many(self) -> bool:
        """Whether a worker invites, since nobody waits for so many."""
        return self.total > backup_invitations.MOST

    @cached_property
    def accounts(self) -> Sequence[Account]:
        """All of them, of very many the first, in the order of their names."""
        rows = self.whole.select_related("team").order_by("name", "pk")
        return list(rows[:SHOWN] if self.is_many else rows)

    @property
    def ids(self) -> str:
        """What the form carries, so that its button does what the page showed; of very many that no ids name it carries their number."""
        if self.is_many:
            return ",".join(map(str, self.whole.values_list("pk", flat=True))) if self.named else ""
        return ",".join(str(account.pk) for account in self.accounts)


def _back(request: HttpRequest) -> str:
    """Return the page here from which the person came, where the address names it."""
    asked = request.GET.get("next", "")
    ours = asked.startswith("/") and url_has_allowed_host_and_scheme(asked, allowed_hosts=None)
    return asked if ours else ""


def _chosen(request: HttpRequest, user: User) -> Chosen:
    """Return what the form carries, else what the address names: accounts, or the person's list."""
    given = request.POST if request.POST.get("account") else request.GET
    texts = [pk for some in given.getlist("account") for pk in some.split(",")]
    ids = [int(pk) for pk in texts if pk.isascii() and pk.isdigit() and len(pk) < 19]
    if ids or "alone" not in request.GET:
        found = Account.objects.visible_to(user).filter(pk__in=ids)
        return Chosen(found, found.count(), named=True)
    log_in = request.GET.get("log_in", "")
    listed, _, _ = my_list.listed(
        user,
        log_in=int(log_in) if log_in.isascii() and log_in.isdigit() and len(log_in) < 16 else 0,
        search=request.GET.get("q", "").strip()[:100],
        now=timezone.now(),
        zone=timezone.get_current_timezone(),
    )
    found = Account.objects.filter(pk__in=listed.filter(my_list.without_backup(user)).order_by().values("pk"))
    return Chosen(found, found.count(), named=False)


@login_required
@require_http_methods(["GET", "POST"])
@never_cache
def invite(request: HttpRequest) -> HttpResponse:
    """Ask whom to invite for the accounts that the address names (GET), and ask them (POST). 403 for auditors."""
    user = person(request)
    if not client_links.may_make(user):
        raise PermissionDenied
    chosen = _chosen(request, user)
    if not chosen.total:
        return redirect(_back(request) or "my_accounts")
    is_many = chosen.total > backup_invitations.MOST_OF_LINK
    too_many = backup_invitations.too_many_for_links(chosen.whole, user) if is_many else ""
    form = InviteForm(request.POST or None, no_client_link=too_many)
    if request.method == "POST" and form.is_valid():
        try:
            return _send(request, user, chosen, form.cleaned_data)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
    context = {
        "form": form,
        "accounts": chosen.accounts[:SHOWN],
        "unseen": max(0, chosen.total - SHOWN),
        "ids": chosen.ids,
        "seen": f"{chosen.total}.{secrets.token_hex(8)}",
        "count": chosen.total,
        "many": chosen.is_many,
        "back": _back(request) or reverse("my_accounts"),
        "refused": not backup_invitations.may_invite(user, chosen.accounts),
    }
    return render(request, "selfservice/invite_backup.html", context, status=400 if form.errors else 200)


def _send(request: HttpRequest, user: User, chosen: Chosen, said: Mapping[str, Any]) -> HttpResponseRedirect:
    """Ask them, or have a worker do it. Raises Refusal."""
    if chosen.is_many:
        return _begin(request, user, chosen, said)
    done = backup_invitations.invite(
        accounts=chosen.accounts,
        email=said["email"],
        name=said["name"],
        note=said["note"],
        by=user,
        now=timezone.now(),
        without_account=said["how"] == "client",
    )
    messages.success(request, say("sent", email=done.email, n=done.number))
    alone = reverse("my_account", args=[chosen.accounts[0].pk]) if chosen.total == 1 else ""
    return redirect(_back(request) or alone or "my_accounts")


def _begin(request: HttpRequest, user: User, chosen: Chosen, said: Mapping[str, Any]) -> HttpResponseRedirect:
    """Have a worker ask them, and lead to the page that says how far it is. Raises Refusal, also where more match than were read of."""
    hold.refuse()
    email = said["email"].strip().lower()
    backup_invitations.demand_other(email, by=user)
    number, _, once = request.POST.get("seen", "").partition(".")
    read = int(number) if number.isascii() and number.isdigit() and len(number) < 16 else 0
    if not chosen.named and chosen.total > read + read // SPARE:
        raise backup_invitations.InviteRefused(say("more_by_now"))
    job, is_new = services.start(
        keys=chosen.whole.order_by("pk").values("pk"),
        user=user,
        kind=INVITE,
        note=said["note"],
        options={
            "email": email,
            "name": email,  # what the page of the job calls it
            "person": said["name"].strip(),
            "client": said["how"] == "client",
        },
        once=once[:40],
        now=timezone.now(),
    )
    if is_new:
        transaction.on_commit(partial(asking_workers.ask, tasks.run_jobs))
    return redirect("invited_many", job.pk)
