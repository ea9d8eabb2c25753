"""The page that asks people to re-authenticate: who is asked for what, a name, a note, the last day. It asks by GET and begins by POST.

It is reached for accounts or log-ins that are chosen in a list, for a channel app that people leave, and for what is due.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy
from django_stubs_ext import StrOrPromise

from accounts.asks import queries, rules, services
from accounts.models import Account, AccountToken
from accounts.pool import permissions
from accounts.pool.queries import account_labels
from portal import access, bulk
from portal.forms import first_moment
from tokens.models import Token
from ui import confirm, dates
from ui.addresses import as_one, id_of
from ui.confirm import ConfirmForm, ConfirmLine, Done, Frame, Page, Said
from ui.errors import Refusal
from ui.name_visibility import NameVisibility
from ui.phrases import phrase
from ui.text import join_names
from users.models import person
from users.people.queries import names_for

say = partial(phrase, rules.WORDS)

LOG_INS = (
    "log-ins:"  # before the ids that the page carries: the choice of accounts is not to read them as its own
)


@dataclass(frozen=True)
class Origin:
    """What one is asked for: entries of pools, where the page leads back to, and why there is none."""

    entries: QuerySet[AccountToken]
    back: str
    frame: Frame
    nobody: StrOrPromise = ""
    refused: str = ""  # why it would be in vain


class AskForm(ConfirmForm):
    """What an ask is called, what its mails say beside the usual, and its last day."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100, required=False)
    note = forms.CharField(
        label=gettext_lazy("Note in the mail"),
        help_text=gettext_lazy("Plain text, 300 characters at most. Each mail has it, after your name."),
        max_length=300,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    last_day = forms.DateField(
        label=gettext_lazy("Last day"),
        help_text=gettext_lazy("After it nobody is reminded, and what is not done is marked."),
        required=False,  # then after `services.USUAL`
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    field_order = ("name", "note", "last_day")

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        today = timezone.localdate(now)
        name = gettext("Re-authenticate, %(day)s") % {"day": dates.day(today, year=False)}
        kwargs.setdefault("initial", {"name": name, "last_day": today + services.USUAL})
        super().__init__(*args, **kwargs)
        self.today = today

    def clean_note(self) -> str:
        """Return the note on one line: a mail has it within a sentence."""
        return " ".join(str(self.cleaned_data["note"]).split())

    def clean_last_day(self) -> datetime:
        """Return when that day is over. Refuse what is no day between tomorrow and `services.LONGEST`."""
        day = self.cleaned_data["last_day"] or self.today + services.USUAL
        if not self.today < day <= self.today + services.LONGEST:
            raise forms.ValidationError(gettext("Choose a day between tomorrow and in 90 days."))
        return first_moment(day + timedelta(days=1))


def urls(chosen: bulk.Choose) -> list[URLPattern]:
    """Return the address of the page for accounts that were chosen."""
    view = admin.site.admin_view(partial(_of_accounts, choose=chosen))
    return [path("bulk/ask/", view, name="accounts_account_bulk_ask")]


def _of_accounts(request: HttpRequest, *, choose: bulk.Choose) -> HttpResponse:
    access.require(request, permissions.ASK)
    chosen = choose(request)
    if not chosen.total:
        return bulk.none_chosen(request)
    origin = Origin(
        queries.entries_to_renew(chosen.whole, timezone.now()),
        bulk.back(request),
        bulk.frame(request, chosen),
        queries.NONE_ENDS,
    )
    return answer_ask_page(request, origin)


def ask_for_due(request: HttpRequest) -> HttpResponse:
    """Answer with the page for what could keep the accounts that are dark, or will be within 7 days. 403 for whoever may not ask.

    `person`, an id in the address, narrows it to the log-ins of one.
    """
    entries = queries.entries_due(person(request), timezone.now())
    if whose := id_of(request.GET.get("person", "")):
        entries = entries.filter(token__consented_by=whose)
    origin = Origin(
        entries,
        reverse("admin:index"),
        access.frame_of_start,
        gettext("No account is deactivated or ends within 7 days because of a log-in."),
    )
    return answer_ask_page(request, origin)


def answer_ask_page(request: HttpRequest, origin: Origin) -> HttpResponse:
    """Show who would be asked (GET), then have a worker ask them and lead to the board (POST). 403 for whoever may not ask."""
    access.require(request, permissions.ASK)
    now = timezone.now()
    plan = queries.plan_ask(origin.entries)
    people, ids, unreached = plan.people, plan.ids, plan.unreached
    page = Page(
        "portal/confirm/ask_people.html",
        origin.back,
        {"asked": len(plan.askable), "log_ins": len(ids), "parked": len(unreached)},
        lines=_lines(people[: confirm.SHOWN], origin.entries, unreached, names_for(request.user), now),
        unread=max(0, len(people) - confirm.SHOWN),
        refused=origin.refused or plan.refusal(origin.nobody),
        ask_why=False,
        seen=bulk.known_by(ids, LOG_INS),
        form=partial(AskForm, now=now),
    )

    def do(said: Said) -> Done:
        if page.refused:
            raise Refusal(page.refused)
        shown = bulk.shown(request, LOG_INS)
        read = ids if shown is None else [pk for pk in ids if pk in set(shown)]
        if not read:
            raise Refusal(gettext("Nothing was done: none of these log-ins matches any longer."))
        ask = services.start_ask(
            user=person(request),
            name=said.cleaned["name"],
            note=said.note,
            token_ids=read,
            ends_at=said.cleaned["last_day"],
            once=said.seen.rpartition(".")[2][-40:],
            now=now,
        )
        return Done({"number": len(read)}, after=reverse("admin:accounts_ask_change", args=[ask.pk]))

    return confirm.answer(request, page, do, frame=origin.frame)


def _lines(
    people: Sequence[Sequence[Token]],
    entries: QuerySet[AccountToken],
    unreached: Collection[int],
    names: NameVisibility,
    now: datetime,
) -> list[ConfirmLine]:
    """Return a line for each of these people: their accounts, and why nobody, or who later, is mailed. A fixed number of queries."""
    ids = [token.pk for tokens in people for token in tokens]
    accounts: dict[int, dict[int, Account]] = defaultdict(dict)
    rows = (
        entries.filter(token__in=as_one(ids))
        .select_related("account")
        .order_by("account__name", "account_id")
    )
    said = (
        "name",
        "channel",
        "native_id",
        "team",
    )  # of thousands of accounts: dates take longer than all else
    for entry in rows.only("token", *(f"account__{name}" for name in said)):
        accounts[entry.token_id][entry.account_id] = entry.account
    asked = dict(queries.asked_today(ids, now).order_by("at").values_list("token_id", "at"))
    return [_line(tokens, accounts, unreached, asked, names) for tokens in people]


def _line(
    tokens: Sequence[Token],
    accounts: Mapping[int, Mapping[int, Account]],
    unreached: Collection[int],
    asked: Mapping[int, datetime],
    names: NameVisibility,
) -> ConfirmLine:
    first, carried = tokens[0], {pk: one for token in tokens for pk, one in accounts[token.pk].items()}
    at = max((asked[token.pk] for token in tokens if token.pk in asked), default=None)
    skipped, told = first.why_not_askable, ""
    if not skipped and first.consented_by_id in unreached:
        skipped = "parked"
    if at is not None:
        told = gettext("asked today, %(time)s") % {"time": f"{timezone.localtime(at):%H:%M}"}
    no_more = all(token.pk in asked for token in tokens)  # so that no mail leaves now
    return ConfirmLine(
        who=names.token(first, next(iter(carried.values()), None)),
        what=join_names(
            list(account_labels(sorted(carried.values(), key=lambda one: (one.name, one.pk))).values())
        ),
        skipped=say(skipped) if skipped else "",
        then=capfirst(told) if no_more else "",
        but="" if no_more else told,
    )
