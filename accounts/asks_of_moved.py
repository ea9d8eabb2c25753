"""Asks for accounts that moved to another team: they end, since whoever followed one would join the former team, or link for it in vain.

An ask is a line of somebody's invitation, client link or mail. Only the lines of what moved end: the invitation or the link itself where no
other is left. Whoever asked is told, once for all that one press moved.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet

from accounts import client_links
from accounts.models import Account, AccountEvent, BackupInvitation, ClientLink
from notifications import outbox
from users import invitations
from users.models import Invitation, User

KIND = "asks_ended"
MOST = 200  # lines that a mail is made of


@dataclass(frozen=True)
class Ended:
    """One line of an ask that ended: who had asked whom, for which account."""

    asker: int
    email: str
    account: int


def number_of(accounts: QuerySet[Account], now: datetime) -> int:
    """Return how many open asks for these accounts there are. A fixed number of queries, however many accounts."""
    asked = BackupInvitation.objects.filter(_is_open(now), account__in=accounts.order_by().values("pk"))
    by_form = client_links.bound(now).exclude(pk__in=asked.exclude(client_link=None).values("client_link"))
    of_teams = by_form.filter(team__in=accounts.order_by().values("team")).only("asked_for", "team")
    return asked.count() + len(_meant(of_teams, accounts))


@transaction.atomic
def end(*, moved: QuerySet[Account], since: datetime, actor: User, now: datetime) -> int:
    """End what was asked for these accounts before they moved, in the caller's transaction. Returns how many lines.

    `since`: when the move was pressed; what the new team has asked since goes on. The actor read of it, and is not told.
    """
    ids = moved.order_by().values("pk")
    over = Q(invited_at__lt=since) | _of_former_team()
    rows = list(
        BackupInvitation.objects.filter(over, account__in=ids, linked_at=None)
        .select_related("invitation", "client_link")
        .order_by("pk")
        .select_for_update(of=("self",))
    )
    ended = {Ended(one.invited_by_id, one.email, one.account_id) for one in rows if one.invited_by_id}
    BackupInvitation.objects.filter(pk__in=[one.pk for one in rows]).delete()
    _end_invitations(rows, actor, now)
    ended |= _end_links(moved, since, actor, now)
    _tell(ended, actor, now)
    return len(rows)


def _is_open(now: datetime) -> Q:
    link = Q(client_link__used_at=None, client_link__revoked_at=None, client_link__expires_at__gt=now)
    invitation = Q(invitation__revoked_at=None) & (
        Q(invitation__accepted_at__isnull=False) | Q(invitation__expires_at__gt=now)
    )
    lately = Q(invited_at__gt=now - timedelta(days=settings.INVITATION_DAYS))
    neither = Q(client_link=None, invitation=None)
    how = (Q(client_link__isnull=False) & link) | (Q(invitation__isnull=False) & invitation) | neither
    return Q(linked_at=None) & how & (lately | ~neither)


def _of_former_team() -> Q:
    """Asks of whatever moment that lead into another team than the one that has the account."""
    link = Q(client_link__isnull=False) & ~Q(client_link__team=F("account__team"))
    return link | (Q(invitation__isnull=False) & ~Q(invitation__team=F("account__team")))


def _end_invitations(rows: Collection[BackupInvitation], actor: User, now: datetime) -> None:
    """Revoke those that were made for asks of which none is left. One that invited to the team by itself stays."""
    made_for = {one.invitation.pk for one in rows if one.invitation is not None and _made_for_asks(one)}
    those = Invitation.objects.filter(pk__in=made_for)
    # Whoever asks by one of them just now holds it: then that ask is seen below.
    list(those.order_by("pk").select_for_update(no_key=True).values_list("pk"))
    wanted = BackupInvitation.objects.filter(invitation__in=made_for, linked_at=None)
    left = those.exclude(pk__in=wanted.values("invitation"))
    invitations.revoke_these(left, by=actor, now=now)


def _made_for_asks(row: BackupInvitation) -> bool:
    """Return whether its invitation was made to ask; of one that does not say so, whether this ask is as old as it."""
    invitation = row.invitation
    assert invitation is not None  # the caller has asked
    if invitation.for_asks is None:
        return invitation.created_at == row.invited_at
    return invitation.for_asks


def _end_links(moved: QuerySet[Account], since: datetime, actor: User, now: datetime) -> set[Ended]:
    """Take what moved out of the client links of its former teams, and revoke those that ask for nothing else."""
    events = AccountEvent.objects.filter(
        account__in=moved.order_by().values("pk"), kind=AccountEvent.Kind.MOVED, at__gte=since
    )
    former: dict[int, set[int]] = defaultdict(set)
    for account_id, team_id in events.exclude(from_team=None).values_list("account", "from_team"):
        former[account_id].add(team_id)
    of_teams = client_links.bound(now).filter(team__in=set().union(*former.values()))
    found = _meant(of_teams, moved, former=former)
    ended = set()
    for link, accounts in sorted(found.items(), key=lambda one: one[0].pk):
        gone = {(account.channel, account.native_id) for account in accounts}
        client_links.ask_for_less(link=link, gone=gone, by=actor, now=now)
        ended |= {Ended(link.made_by_id, link.email, one.pk) for one in accounts if link.made_by_id}
    return ended


def _meant(
    links: QuerySet[ClientLink],
    accounts: QuerySet[Account],
    *,
    former: Mapping[int, Collection[int]] | None = None,
) -> dict[ClientLink, list[Account]]:
    """Return which of these links ask for which of these accounts of their own team; with `former` of a team that had them before (ids)."""
    by_pair: dict[tuple[str, str], list[ClientLink]] = defaultdict(list)
    for link in links:
        for one in link.asked_for:
            by_pair[one["channel"], one["native_id"]].append(link)
    if not by_pair:
        return {}
    some = Account.objects.filter(pk__in=accounts.order_by().values("pk"))  # a list joins what it shows
    some = some.filter(native_id__in={native_id for _, native_id in by_pair})
    found: dict[ClientLink, list[Account]] = defaultdict(list)
    for account in some.only("channel", "native_id", "team"):
        for link in by_pair.get((account.channel, account.native_id), ()):
            now_of = account.team_id == link.team_id
            if now_of if former is None else not now_of and link.team_id in former.get(account.pk, ()):
                found[link].append(account)
    return dict(found)


def _tell(ended: Collection[Ended], actor: User, now: datetime) -> None:
    by_asker: dict[int, list[Ended]] = defaultdict(list)
    for one in sorted(ended, key=lambda line: (line.asker, line.email, line.account)):
        by_asker[one.asker].append(one)
    people = User.objects.filter(pk__in=by_asker, is_active=True).exclude(pk=actor.pk)
    for asker in people.order_by("pk"):
        lines = by_asker[asker.pk]
        payload: dict[str, Any] = {
            "user": asker.pk,
            "asked": [[one.email, one.account] for one in lines[:MOST]],
            "count": len({one.account for one in lines}),
        }
        outbox.enqueue(
            kind=KIND,
            recipient=asker.email,
            dedupe_key=f"{KIND}:{asker.pk}:{actor.pk}:{now.isoformat()}",
            payload=payload,
            now=now,
        )
