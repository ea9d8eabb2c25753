"""Tokens handed out: what one API key took, what was taken for one account, or of one log-in. When, whose, what for, from where.

Read from the record (`broker.leases.records`) page by page along an index: how much there is makes no difference.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

from django import forms
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext, gettext_lazy

from accounts.models import Account, ApiKey, LeaseRecord
from portal import access
from portal.forms import LAST_YEAR, first_moment
from tokens.models import Token
from ui.phrases import phrase
from users.models import person
from users.people.queries import names_for

say = partial(phrase, "words/hand_outs.txt")

SHOWN = 50
PERMISSION = "accounts.view_leaserecord"


class FilterForm(forms.Form):
    """What to show. One of key, account and token says of what; day and search narrow it down."""

    key = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)
    account = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)
    token = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)
    before = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)
    day = forms.DateField(
        label=gettext_lazy("Day"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    q = forms.CharField(label=gettext_lazy("Account"), required=False, max_length=100)

    def clean_day(self) -> date | None:
        """Return the day. Raises ValidationError for one far off."""
        day: date | None = self.cleaned_data["day"]
        if day is not None and day.year > LAST_YEAR:
            raise forms.ValidationError(gettext("There is no such page."))
        return day


@dataclass(frozen=True)
class HandOutLine:
    """One hand-out as a viewer may read it."""

    record: LeaseRecord
    account: Account | None  # None: removed since
    person: str
    key: str

    @property
    def what(self) -> str:
        """What was handed out."""
        if self.record.kind == LeaseRecord.Kind.SIGNATURE:
            return say("signed", request=self.record.request)
        if self.record.kind == LeaseRecord.Kind.REQUEST:
            return self.record.get_kind_display()
        return say("reading" if self.record.purpose == "read" else "publishing")


def url(**what: int) -> str:
    """Return the page's address: of `key`, `account` or `token`."""
    return f"{reverse('admin:accounts_apikey_handed_out')}?{urlencode(what)}"


def page(
    model_admin: ModelAdmin[Any], request: HttpRequest, *, visible_keys: QuerySet[ApiKey]
) -> HttpResponse:
    """Show it to whoever may see the record; of accounts and keys that the viewer may see. 404 for what is not there or not visible."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    form = FilterForm(request.GET)
    if not form.is_valid():
        raise Http404(gettext("There is no such page."))
    chosen = form.cleaned_data
    title = _title(request, chosen, visible_keys)
    visible = Account.objects.visible_to(request.user)
    found = _records(chosen)
    if not person(request).sees_all_teams:
        found = found.filter(account_id__in=visible.values("pk"))
    if chosen["q"]:
        term = chosen["q"].strip()
        match = Q(name__icontains=term) | Q(native_id__iexact=term.removeprefix("act_"))
        found = found.filter(account_id__in=visible.filter(match).values("pk"))
    rows = list(found[: SHOWN + 1])
    kept = {name: chosen[name] for name in ("key", "account", "token") if chosen[name]}
    context = {
        **access.frame_of(model_admin.model)(request),
        "title": title,
        "form": form,
        "kept": kept,
        "all_url": url(**kept),
        "lines": _lines(request, rows[:SHOWN], visible, visible_keys),
        "older": _older(request, rows) if len(rows) > SHOWN else "",
        "narrowed": bool(chosen["q"] or chosen["day"] or chosen["before"]),
        "now": timezone.now(),
    }
    return TemplateResponse(request, "portal/handed_out.html", context)


def _title(request: HttpRequest, chosen: dict[str, Any], keys: QuerySet[ApiKey]) -> str:
    """Return the heading: of what the page is. Raises Http404 where the viewer may not see that, or nothing is named."""
    if chosen["key"]:
        key = keys.filter(pk=chosen["key"]).first()
        if key is not None:
            return say("to_key", name=key.name)
    elif chosen["account"]:
        account = Account.objects.visible_to(request.user).filter(pk=chosen["account"]).first()
        if account is not None:
            return say("for_account", name=account.name)
    elif chosen["token"]:
        token = Token.objects.select_related("consented_by").filter(pk=chosen["token"]).first()
        if token is not None and names_for(request.user).sees_token(token, None):
            return say("of_token", name=token.person_name)
    raise Http404(gettext("There is no such record."))


def _records(chosen: dict[str, Any]) -> QuerySet[LeaseRecord]:
    found = LeaseRecord.objects.order_by("-pk")
    for name, column in (("key", "key_id"), ("account", "account_id"), ("token", "token_id")):
        if chosen[name]:
            found = found.filter(**{column: chosen[name]})
    day: date | None = chosen["day"]
    if day is not None:
        found = found.filter(at__gte=first_moment(day), at__lt=first_moment(day + timedelta(days=1)))
    if chosen["before"]:
        found = found.filter(pk__lt=chosen["before"])
    return found


def _lines(
    request: HttpRequest,
    rows: Sequence[LeaseRecord],
    visible: QuerySet[Account],
    visible_keys: QuerySet[ApiKey],
) -> list[HandOutLine]:
    accounts = visible.in_bulk({row.account_id for row in rows})
    tokens = Token.objects.select_related("consented_by").in_bulk({row.token_id for row in rows})
    keys = set(visible_keys.filter(pk__in={row.key_id for row in rows}).values_list("pk", flat=True))
    viewer = names_for(request.user)
    return [
        HandOutLine(
            row,
            accounts.get(row.account_id),
            viewer.token(tokens.get(row.token_id), accounts.get(row.account_id)),
            row.caller if row.key_id is None or row.key_id in keys else say("other_key"),
        )
        for row in rows
    ]


def _older(request: HttpRequest, rows: Sequence[LeaseRecord]) -> str:
    query = request.GET.copy()
    query["before"] = str(rows[SHOWN - 1].pk)
    return f"?{query.urlencode()}"
