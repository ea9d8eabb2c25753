"""Why did somebody (not) get a mail? One page for an address and an account, from recorded facts; it only reads."""

from dataclasses import replace
from functools import partial
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from accounts.models import Account
from accounts.pool import queries as pool_queries
from macros.models import Macro
from macros.why import queries as why
from macros.why.answers import answer
from macros.why.queries import Asked, Line
from notifications.models import MailReturn, Message
from portal import access
from ui.name_visibility import NameVisibility
from users.models import AddressEvent, person
from users.people.queries import names_for

PERMISSION = "notifications.view_message"
CHOICES = 10  # accounts, where several fit
LONGEST = 254


def url(*, address: str = "", account: str = "") -> str:
    """Return the address of the page, with what is known filled in."""
    known = {key: value for key, value in (("address", address), ("account", account)) if value}
    return f"{reverse('admin:why')}?{urlencode(known)}" if known else reverse("admin:why")


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Ask for an address and an account, and answer. 403 without the permissions to see accounts and messages."""
    access.require(request, PERMISSION)
    address = request.GET.get("address", "").strip().lower()[:LONGEST]
    term = request.GET.get("account", "").strip()[:LONGEST]
    names = names_for(request.user)
    accounts = _accounts(request, term, names) if term else []
    context: dict[str, Any] = {
        **access.frame(request),
        "title": gettext("Why did somebody (not) get a mail?"),
        "address": address,
        "term": term,
        "choices": [(one, url(address=address, account=one.native_id)) for one in accounts],
        "none_fits": bool(term) and not accounts,
    }
    if address and len(accounts) == 1:
        context |= _answer(request, accounts[0], address, names)
    return TemplateResponse(request, "portal/why.html", context)


def _accounts(request: HttpRequest, term: str, names: NameVisibility) -> list[Account]:
    """Return the accounts that fit: the one of this id, else those that a search finds; a few."""
    visible = Account.objects.visible_to(request.user).with_pools()
    exact = list(visible.filter(Q(native_id=term) | Q(name=term))[:CHOICES])
    return exact or list(pool_queries.search_accounts(visible, term, names).order_by("name", "pk")[:CHOICES])


def _answer(request: HttpRequest, account: Account, address: str, names: NameVisibility) -> dict[str, Any]:
    """Return the facts, or only that there are none that the viewer may see."""
    asked, now = why.what_is_asked(account, address), timezone.now()
    known = {
        "account": account,
        "chosen": True,
        "account_url": reverse("admin:accounts_account_line", args=[account.pk]) + "?line=messages",
    }
    if not _may_know(request, asked, names):
        return {**known, "hidden": True}
    found = answer(
        asked, Macro.objects.visible_to(request.user), now=now, url_of=partial(_mail_url, request, names)
    )
    if request.user.has_perm("macros.view_macro"):
        found["about_macros"] = [
            replace(line, url=reverse("admin:macros_macro_change", args=[line.macro]))
            for line in found["about_macros"]
        ]
    found["told"] = why.newest([*found["told"], *_history(request, asked)])
    return {**known, **found}


def _may_know(request: HttpRequest, asked: Asked, names: NameVisibility) -> bool:
    """Return whether the viewer may know what this person was told: somebody of another team is nobody."""
    viewer = person(request)
    return asked.user is None or names.sees_all or asked.user.pk in {viewer.pk, *names.colleagues}


def _mail_url(request: HttpRequest, names: NameVisibility, mail: Message) -> str:
    seen = names.sees_all or mail.recipient == person(request).email or mail.team_id in names.teams
    return reverse("admin:notifications_message_change", args=[mail.pk]) if seen else ""


def _history(request: HttpRequest, asked: Asked) -> list[Line]:
    """Return what came back of mails to the address, and when it was parked and released."""
    if not request.user.has_perm("users.view_refusedaddress"):
        return []
    reports = MailReturn.objects.filter(recipient=asked.address).order_by("-id")[: why.SHOWN]
    events = AddressEvent.objects.filter(email=asked.address)[: why.SHOWN]
    lines = [Line(one.said, about=str(one.get_kind_display()), at=one.at) for one in reports]
    return lines + [Line(one.words, about=str(one.get_kind_display()), at=one.at) for one in events]
