"""Asking before a change of a team or of its people stops accounts: of a team that takes log-ins of its own people only.

What stops is found by doing it: the change is made in its transaction, and taken back where somebody has yet to read what it stops.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone

from accounts.account_pages.rows import labels
from accounts.models import Account
from accounts.pool import services as team_walls
from portal import access
from portal.lists import OwnList
from ui import confirm
from ui.confirm import ConfirmForm, ConfirmLine, Page
from users.models import Membership, Team, person

NAMED = confirm.SHOWN
OURS = ("seen", "typed", "csrfmiddlewaretoken")  # fields of the page that asks


class Stops(Exception):  # noqa: N818  # it is an answer, not an error
    """Raised in the transaction of a change that would stop accounts, which takes it back."""

    def __init__(self, changed: Any, accounts: Sequence[Account], number: int, seen: str) -> None:
        super().__init__(number)
        self.changed, self.accounts, self.number, self.seen = changed, accounts, number, seen


class AsksBeforeStops(OwnList):
    """A page with a form of a team or of memberships, which asks before it stops accounts. The leads are told of these."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,  # the parent's interface
    ) -> Any:
        """Save, or show what stops and send the form once more from there."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Stops as stops:
            return _ask(request, stops)

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """Remember from when on what stops is of this change."""
        request.saving_since = timezone.now()  # type: ignore[attr-defined]  # ours, for this request
        return super().save_form(request, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save what belongs to it, then look at what stopped. Raises Stops where nobody has read and confirmed it."""
        teams = _teams(form, formsets) if change else set()
        super().save_related(request, form, formsets, change)
        since = request.saving_since  # type: ignore[attr-defined]  # set above
        if not teams:
            return
        found = team_walls.stopped_by_team(team_ids=teams, since=since)
        team_walls.note_actor(team_ids=teams, since=since, actor=person(request))
        number = found.count()
        if not number:
            return
        names = ",".join(str(pk) for pk in found.order_by("pk").values_list("pk", flat=True))
        seen = sha256(names.encode()).hexdigest()[:16]
        typed = ConfirmForm(request.POST, must_type=str(form.instance))
        if request.POST.get("seen") != seen or not typed.is_valid():
            raise Stops(form.instance, list(found.select_related("team")[:NAMED]), number, seen)


def _teams(form: Any, formsets: Any) -> set[int]:
    """Return the teams (ids) that a form is about, with those that a changed row named before."""
    rows = [one for formset in formsets if formset.model is Membership for one in formset.initial_forms]
    changed = [one for one in rows if one.has_changed()]
    teams = {one.instance.team_id for one in changed} | {
        int(one.initial["team"]) for one in changed if one.initial.get("team")
    }
    if isinstance(form.instance, Team) and (form.has_changed() or changed):
        teams.add(form.instance.pk)
    return {pk for pk in teams if pk is not None}


def _ask(request: HttpRequest, stops: Stops) -> HttpResponse:
    about, called = stops.changed, labels(stops.accounts)
    page = Page(
        "portal/confirm/walls.html",
        request.path,
        {"changed": about, "number": stops.number},
        lines=[
            ConfirmLine(called[one.pk], one.get_channel_display(), str(one.team)) for one in stops.accounts
        ],
        unread=max(0, stops.number - len(stops.accounts)),
        warns=True,
        danger=True,
        must_type=str(about),
        seen=stops.seen,
        ask_why=False,
    )
    kept = _hidden(request.POST)
    asked_before = request.POST.get("seen") == stops.seen
    form = ConfirmForm(request.POST if asked_before else None, must_type=page.must_type)
    frame = {**access.frame_of(about)(request), "kept": kept}
    return confirm.show(request, page, form, lambda _request: frame)


def _hidden(sent: QueryDict) -> list[tuple[str, str]]:
    """Return the fields of the form, to be sent once more."""
    return [(name, value) for name, values in sent.lists() if name not in OURS for value in values]
