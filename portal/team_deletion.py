"""Deleting a team: a page that says what belongs to it and what becomes of each. Django's own names every account and row there is.

A team with accounts is not deleted: they are moved first, by the job on many. Nor is one for which a worker is at work, or for which
warnings wait. What was told stays, and says so of accounts that were the team's (docs/decisions/0027-the-team-of-an-account.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any

from django.contrib.admin import ModelAdmin
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from accounts import api_keys, permissions
from accounts.asks import links as client_links
from accounts.jobs.kinds import IMPORT, MOVE
from accounts.models import Account, ApiKey, CalendarLink, ImportFile, Job
from macros import evaluation
from macros.at_once import services as at_once
from macros.models import Macro
from notifications.models import Message
from portal import access
from tokens.models import Token
from ui import confirm
from ui.confirm import Done, Page, Said
from ui.counts import number
from ui.phrases import phrase
from ui.refusal import Refusal
from users.models import Invitation, Membership, Team, User, person

NAMED = 5  # of each that is named
WARNINGS = (evaluation.KIND, at_once.KIND)
WAITS = (Message.State.QUEUED, Message.State.SENDING)
say = partial(phrase, "words/team_deletion.txt")


@dataclass(frozen=True)
class Some:
    """Some of what belongs to a team: how many, and the names of the first."""

    number: int
    named: Sequence[str] = ()

    @property
    def unnamed(self) -> int:
        """How many more there are."""
        return self.number - len(self.named)

    def __bool__(self) -> bool:
        return self.number > 0


@dataclass(frozen=True)
class Belongings:
    """What belongs to a team. All but accounts and what is under way goes with it, or is changed."""

    accounts: int
    coming: int  # jobs under way that bring accounts to it
    warnings: int  # mails about its accounts that have not left
    macros: Some
    people: Some
    only_here: Some  # those of them who are in no other team
    keys: Some  # API keys for this team alone
    wider_keys: Some  # and for others, too
    links: int  # client links that are open
    invitations: Some
    calendars: int
    system_users: Some

    @property
    def seen(self) -> str:
        """What is the same as long as the page would say the same."""
        said = repr([getattr(self, field.name) for field in fields(self)])
        return sha256(said.encode()).hexdigest()[:16]

    @property
    def refused(self) -> str:
        """Return why the team cannot be deleted now; "" where it can."""
        for name in ("accounts", "coming", "warnings"):
            if found := getattr(self, name):
                return say(name, n=found, number=number(found))
        return ""


def of(team: Team, now: datetime) -> Belongings:
    """Return what belongs to a team. A fixed number of queries, however much that is."""
    people = User.objects.filter(pk__in=Membership.objects.filter(team=team).values("user"))
    wide = Count("teams", distinct=True)
    keys = ApiKey.objects.filter(pk__in=ApiKey.teams.through.objects.filter(team=team).values("apikey"))
    keys = keys.filter(revoked_at=None).annotate(wide=wide)
    links = client_links.open_links(now).filter(team=team)
    pending = Invitation.objects.filter(team=team, accepted_at=None, revoked_at=None, expires_at__gt=now)
    owned = Token.objects.filter(team=team, kind=Token.Kind.SYSTEM).exclude(reason=Token.REMOVED)
    return Belongings(
        accounts=Account.objects.filter(team=team).count(),
        coming=_coming(team).count(),
        warnings=Message.objects.filter(team=team, kind__in=WARNINGS, state__in=WAITS).count(),
        macros=_some(Macro.objects.filter(team=team), "name"),
        people=_some(people, "name", "email"),
        only_here=_some(people.annotate(wide=wide).filter(wide=1), "name", "email"),
        keys=_some(keys.filter(wide=1), "name"),
        wider_keys=_some(keys.filter(wide__gt=1), "name"),
        links=links.count(),
        invitations=_some(pending, "email"),
        calendars=CalendarLink.objects.filter(team=team).count(),
        system_users=_some(owned, "native_user_name"),
    )


def _some(rows: QuerySet[Any], *names: str) -> Some:
    """Return how many rows there are, with the first of these fields that says something of each of the first."""
    named = rows.order_by(*names, "pk").values_list(*names)[:NAMED]
    return Some(rows.count(), [next(filter(None, one), "") for one in named])


def _coming(team: Team) -> QuerySet[Job]:
    """Return what a worker is doing that needs the team: accounts that move to it, and files whose lines go to it."""
    files = ImportFile.objects.filter(team=team).values("pk")
    moves = Q(kind=MOVE, subject_id=team.pk)
    imports = Q(kind=IMPORT, subject_id__in=files)
    return Job.objects.going().filter(moves | imports)


def answer(page_of_teams: ModelAdmin[Team], request: HttpRequest, team: Team) -> HttpResponse:
    """Ask (GET), then delete the team (POST), with a log entry of it and of each key that ends. The caller has asked who may."""
    found = of(team, timezone.now())
    page = Page(
        "portal/confirm/delete_team.html",
        reverse("admin:users_team_change", args=[team.pk]),
        {"team": team, "found": found, **_ways(request, team)},
        refused=found.refused,
        seen=found.seen,
        danger=True,
        ask_why=False,
    )
    do = partial(_delete, page_of_teams, request, team)
    return confirm.answer(request, page, do, frame=access.frame_of(team))


@transaction.atomic
def _delete(page_of_teams: ModelAdmin[Team], request: HttpRequest, team: Team, said: Said) -> Done:
    """Delete it as the page said it. Raises Refusal. The lock lets nobody give it an account, or anything else, in between."""
    row = Team.objects.select_for_update().filter(pk=team.pk).first()
    if row is None:
        raise Refusal(say("gone"))
    found, now = of(row, timezone.now()), timezone.now()
    if found.refused or found.seen != said.seen:
        return Done(nothing=True, failures=[say("read_again")], after=request.path)
    for key in ApiKey.objects.filter(revoked_at=None, teams=row).exclude(
        teams__in=Team.objects.exclude(pk=row.pk)
    ):
        if api_keys.revoke(key=key, now=now):
            access.log_change(request, key, "revoked", note=say("why_key", team=row.name))
    page_of_teams.log_deletions(request, Team.objects.filter(pk=row.pk))
    row.delete()
    return Done(after=reverse("admin:users_team_changelist"))


def _ways(request: HttpRequest, team: Team) -> Mapping[str, str]:
    """Return the pages that show what is counted, of those that the viewer may open, and the one that moves the accounts."""
    viewer, of_team = person(request), f"?team={team.pk}"
    lists = {
        "accounts": (permissions.VIEW, "accounts_account", of_team),
        "macros": ("macros.view_macro", "macros_macro", of_team),
        "people": ("users.view_user", "users_user", of_team),
        "keys": ("accounts.view_apikey", "accounts_apikey", ""),
        "invitations": ("users.view_invitation", "users_invitation", of_team),
        "messages": ("notifications.view_message", "notifications_message", of_team),
    }
    ways = {
        f"{name}_url": reverse(f"admin:{model}_changelist") + query
        for name, (permission, model, query) in lists.items()
        if viewer.has_perm(permission)
    }
    if viewer.has_perms([permissions.VIEW, permissions.MOVE]):
        ways["move_url"] = f"{reverse('admin:accounts_account_bulk_team')}{of_team}&across=1"
    return {**ways, "links_url": reverse("client_links")}
