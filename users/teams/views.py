"""What is asked about teams: before one is deleted, what belongs to it and what becomes of each; before a change stops accounts, which.

Django's own page of a deletion names every account and row there is.

A team with accounts is not deleted: they are moved first, by the job on many. Nor is one for which a worker is at work, or for which
warnings wait. What was told stays, and says so of accounts that were the team's (docs/decisions/0027-the-team-of-an-account.md).
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any

from django.contrib.admin import ModelAdmin
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from accounts.api_keys import services as api_keys
from accounts.jobs.models import IMPORT, MOVE
from accounts.models import Account, ApiKey, Ask, ImportFile, Job
from accounts.pool import permissions
from accounts.pool import services as team_walls
from accounts.pool.queries import account_labels
from macros.models import Macro
from macros.notices.models import NEWS, WARNING
from notifications.models import Message
from portal import access
from portal.lists import OwnList
from tokens.models import Token
from ui import confirm
from ui.confirm import ConfirmForm, ConfirmLine, Done, Page, Said
from ui.errors import Refusal
from ui.phrases import phrase
from ui.text import before_more, number
from users.models import Invitation, Membership, Team, User, person

NAMED = 5  # of each that is named
WARNINGS = (WARNING, NEWS)
say = partial(phrase, "words/team_deletion.txt")


def deletion_lines(team: Team, now: datetime) -> list[ConfirmLine]:
    """Return what belongs to a team, the first by name, and what becomes of it. Two queries of each kind."""
    people = User.objects.filter(pk__in=Membership.objects.filter(team=team).values("user"))
    wide = Count("teams", distinct=True)
    of_team = ApiKey.teams.through.objects.filter(team=team).values("apikey")
    keys = ApiKey.objects.unrevoked().filter(pk__in=of_team).annotate(wide=wide)
    links = Ask.objects.client_links().open(now).filter(team=team)
    pending = Invitation.objects.open(now).filter(team=team)
    owned = Token.objects.filter(team=team, kind=Token.Kind.SYSTEM).not_removed()
    found = [
        _line(gettext("People"), "people", people, "email"),
        _line(
            gettext("People of no other team"),
            "only_here",
            people.annotate(wide=wide).filter(wide=1),
            "email",
        ),
        _line(gettext("Macros"), "macros", Macro.objects.filter(team=team), "name"),
        _line(gettext("API keys of this team alone"), "keys", keys.filter(wide=1), "name"),
        _line(gettext("API keys of other teams, too"), "wider_keys", keys.filter(wide__gt=1), "name"),
        _line(gettext("Open invitations"), "invitations", pending, "email"),
        _line(gettext("Open client links"), "links", links),
        _line(gettext("System users"), "system_users", owned, "native_user_name"),
    ]
    return [one for one in found if one is not None]


def _line(label: str, what: str, rows: QuerySet[Any], name: str = "") -> ConfirmLine | None:
    """Return the line of one kind, with the names of the first; None where there are none."""
    if not (count := rows.count()):
        return None
    named = (
        [str(one) for one in rows.order_by(name, "pk").values_list(name, flat=True)[:NAMED]] if name else []
    )
    return ConfirmLine(
        f"{label}: {number(count)}", before_more(named, unseen=count - len(named)) if named else "", say(what)
    )


def why_not_deleted(team: Team) -> str:
    """Return why the team cannot be deleted now; "" where it can."""
    files = ImportFile.objects.filter(team=team).values("pk")
    moves, imports = Q(kind=MOVE, subject_id=team.pk), Q(kind=IMPORT, subject_id__in=files)
    waiting = {
        "accounts": Account.objects.filter(team=team),
        "coming": Job.objects.going().filter(moves | imports),
        "warnings": Message.objects.under_way().filter(team=team, kind__in=WARNINGS),
    }
    for name, rows in waiting.items():
        if found := rows.count():
            return say(name, n=found, number=number(found))
    return ""


def answer_deletion(page_of_teams: ModelAdmin[Team], request: HttpRequest, team: Team) -> HttpResponse:
    """Ask (GET), then delete the team (POST), with a log entry of it and of each key that ends. The caller has asked who may."""
    move = ""
    if (
        request.user.has_perms([permissions.VIEW, permissions.MOVE])
        and Account.objects.filter(team=team).exists()
    ):
        move = f"{reverse('admin:accounts_account_bulk_move')}?team={team.pk}&across=1"
    page = Page(
        "portal/confirm/delete_team.html",
        reverse("admin:users_team_change", args=[team.pk]),
        {"team": team, "move_url": move},
        refused=why_not_deleted(team),
        lines=deletion_lines(team, timezone.now()),
        must_type=str(team),
        danger=True,
        ask_why=False,
    )
    do = partial(_delete, page_of_teams, request, team)
    return confirm.answer(request, page, do, frame=access.frame_of(team))


@transaction.atomic
def _delete(page_of_teams: ModelAdmin[Team], request: HttpRequest, team: Team, _said: Said) -> Done:
    """Delete it. Raises Refusal. The lock lets nobody give it an account, or anything else, in between."""
    row = Team.objects.select_for_update().filter(pk=team.pk).first()
    if row is None:
        raise Refusal(say("gone"))
    if why_not := why_not_deleted(row):
        raise Refusal(why_not)
    now = timezone.now()
    for key in (
        ApiKey.objects.unrevoked().filter(teams=row).exclude(teams__in=Team.objects.exclude(pk=row.pk))
    ):
        if api_keys.revoke_key(key=key, now=now):
            access.log_change(request, key, "revoked", note=say("why_key", team=row.name))
    page_of_teams.log_deletions(request, Team.objects.filter(pk=row.pk))
    row.delete()
    return Done(after=reverse("admin:users_team_changelist"))


OURS = ("seen", "typed", "csrfmiddlewaretoken")  # fields of the page that asks


class Stops(Exception):  # noqa: N818  # it is an answer, not an error
    """Raised in the transaction of a change that would stop accounts, which takes it back."""

    def __init__(self, changed: Any, accounts: Sequence[Account], number: int, seen: str) -> None:
        super().__init__(number)
        self.changed, self.accounts, self.number, self.seen = changed, accounts, number, seen


class AsksBeforeStops(OwnList):
    """A page with a form of a team or of memberships, which asks before it stops accounts. The leads are told of these.

    They stop where a team takes log-ins of its own people only. Which do is found by doing it: the change is made in its transaction, and
    taken back where somebody has yet to read what it stops.
    """

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
            raise Stops(form.instance, list(found.select_related("team")[: confirm.SHOWN]), number, seen)


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
    about, called = stops.changed, account_labels(stops.accounts)
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
