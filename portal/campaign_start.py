"""The page that begins a re-auth campaign: who is asked for what, its name, a note, its last day. It asks by GET and begins by POST."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from accounts import asks_of_app, permissions, tasks
from accounts.asks_of_app import Waiting
from accounts.campaigns import running
from portal import access, as_read, asking, bulk, campaign_people
from portal.campaign_people import Unasked
from portal.forms import first_moment
from ui import confirm, dates
from ui.confirm import ConfirmForm, Done, Frame, Page, Said
from ui.counts import number
from users import asking_workers
from users.models import person
from users.visibility import names_for

LOG_INS = "log_ins"  # what the page shows, see `as_read`


@dataclass(frozen=True)
class Origin:
    """Where a campaign is begun: which log-ins it would ask for, where the page leads back to, and why there is none."""

    waiting: Waiting
    back: str
    frame: Frame
    nobody: Callable[[], str]


class CampaignForm(ConfirmForm):
    """What a campaign is called, what its mails say beside the usual, and its last day."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
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
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    field_order = ("name", "note", "last_day")

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        today = timezone.localdate(now)
        name = gettext("Re-authenticate, %(day)s") % {"day": dates.day(today, year=False)}
        kwargs.setdefault("initial", {"name": name, "last_day": today + running.USUAL})
        super().__init__(*args, **kwargs)
        self.today = today

    def clean_note(self) -> str:
        """Return the note on one line: a mail has it within a sentence."""
        return " ".join(str(self.cleaned_data["note"]).split())

    def clean_last_day(self) -> datetime:
        """Return when that day is over. Refuse what is no day between tomorrow and `running.LONGEST`."""
        day = self.cleaned_data["last_day"]
        if not self.today < day <= self.today + running.LONGEST:
            raise forms.ValidationError(gettext("Choose a day between tomorrow and in 90 days."))
        return first_moment(day + timedelta(days=1))


def answer(request: HttpRequest, origin: Origin) -> HttpResponse:
    """Show who would be asked (GET), then begin it and lead to its board (POST). 403 for whoever may not."""
    access.require(request, permissions.RUN_CAMPAIGN)
    now = timezone.now()
    waiting = origin.waiting
    ids = asks_of_app.log_ins(waiting, most=running.MOST)
    groups = asks_of_app.groups(waiting, now) if len(ids) <= running.MOST else []
    shown = [group.id for group in groups[: confirm.SHOWN]]
    details = asks_of_app.details(waiting, shown, now)
    people = [group for group in groups if group.id > 0]
    unasked = campaign_people.unasked(ids if people else [], now)
    found = {pk: details[pk] for pk in shown if pk in details}
    lines = asking.lines_of(found.values(), names_for(request.user))
    page = Page(
        "portal/confirm/campaign.html",
        origin.back,
        {
            "people": len(people),
            "log_ins": len(ids),
            "parked": len(unasked.parked),
            "snoozed": len(unasked.snoozed),
        },
        lines=[unasked.said(line, pk) for pk, line in zip(found, lines, strict=True)],
        unread=len(groups) - len(shown),
        refused=_refused(origin, ids, people, unasked),
        ask_why=False,
        again=bool(unasked.snoozed),
        seen=f"{as_read.mark(LOG_INS, ids, len(ids))}.{bulk.nonce()}",
        form=partial(CampaignForm, now=now),
    )

    def do(said: Said) -> Done:
        if page.refused:
            return Done(nothing=True, failures=[page.refused])
        read = as_read.kept(request, LOG_INS, ids)
        if not read:
            return as_read.read_again(request)
        campaign, is_new = running.start(
            user=person(request),
            name=said.cleaned["name"],
            note=said.note,
            token_ids=read,
            ends_at=said.cleaned["last_day"],
            once=said.seen.rpartition(".")[2][-40:],
            now=now,
            asks_snoozed=said.again,
        )
        if is_new:
            transaction.on_commit(partial(asking_workers.ask, tasks.run_campaigns))
        return Done(
            {"number": len(read)}, after=reverse("admin:accounts_campaign_change", args=[campaign.pk])
        )

    return confirm.answer(request, page, do, frame=origin.frame)


def _refused(origin: Origin, ids: list[int], people: list[Any], unasked: Unasked) -> str:
    """Return why there is no button; "" where there is one."""
    if len(ids) > running.MOST:
        most = number(running.MOST)
        return gettext("A campaign asks for %(most)s log-ins at most. Narrow the list first.") % {
            "most": most
        }
    if not ids:
        return origin.nobody()
    reached = [group for group in people if group.id not in unasked.parked]
    return "" if reached else str(asking.NOBODY)
