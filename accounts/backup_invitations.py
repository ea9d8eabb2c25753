"""Inviting a second person to link certain accounts: by an invitation, by a client link, or by a mail to who has a log-in here.

Whoever invites reads the same, whether the address is known here or not.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import client_links
from accounts.models import Account, AccountToken, BackupInvitation, ClientLink
from notifications import outbox
from ui.dates import day
from ui.phrases import phrase
from ui.refusal import Refusal
from users import hold, invitations, visibility
from users.models import Invitation, Team, User

MAIL = "backup_invite"
MOST = 500  # accounts at once
SHOWN = 5  # who was invited, on the page of an account
OPEN_FOR = timedelta(days=30)  # that long a person is reminded on the own pages
say = partial(phrase, "words/backup_invitations.txt")


class InviteRefused(Refusal):
    """Nobody can be invited so. The text is fit for the person."""


@dataclass(frozen=True)
class Invited:
    """What became of it."""

    email: str
    number: int  # accounts
    already: int  # of them asked before, so not once more


def may_invite(user: User, accounts: Collection[Account]) -> bool:
    """Return whether the person may invite somebody to these accounts: those of the own teams, and no auditor."""
    return client_links.may_make(user) and len(invitable(user, accounts)) == len(set(accounts))


def invitable(user: User, accounts: Collection[Account]) -> set[int]:
    """Return the ids of those of these accounts to which the person may invite somebody. One query, however many."""
    if not accounts or not client_links.may_make(user):
        return set()
    teams = {account.team_id for account in accounts}
    own = set(visibility.teams_of(user).filter(pk__in=teams).values_list("pk", flat=True))
    return {account.pk for account in accounts if account.team_id in own}


@transaction.atomic
def invite(
    *,
    accounts: Sequence[Account],
    email: str,
    by: User,
    now: datetime,
    name: str = "",
    note: str = "",
    without_account: bool = False,
) -> Invited:
    """Ask one person to link these accounts. `without_account`: by a client link, so that they need no password here.

    An account for which the address was asked already is left out. What it answers and raises depends on these asks alone, never on whether
    the address has a log-in, is switched off or carries an account: then nobody is mailed about that. Raises InviteRefused, and OnHold.
    """
    hold.refuse()
    email = email.strip().lower()
    if not accounts or len(accounts) > MOST or not may_invite(by, accounts):
        raise InviteRefused(say("own_accounts_only"))
    if email == by.email:
        raise InviteRefused(say("own_address"))
    if without_account:
        client_links.demand_room(by, now)
    ids = sorted(account.pk for account in accounts)
    list(Account.objects.filter(pk__in=ids).locked())  # two presses ask once
    waiting = BackupInvitation.objects.filter(account__in=ids, email=email, linked_at=None)
    over = [
        one.pk for one in waiting.select_related("invitation", "client_link") if answer(one, now) == "ended"
    ]
    waiting.filter(pk__in=over).delete()
    asked = set(waiting.values_list("account", flat=True))
    fresh = [account for account in accounts if account.pk not in asked]
    if not fresh:
        raise InviteRefused(say("asked_already", email=email))
    user = User.objects.filter(email=email).first()
    needed = _needed(fresh, email, user)
    by_team: dict[Team, list[Account]] = defaultdict(list)
    for account in needed:
        by_team[account.team].append(account)
    vain = [one for one in fresh if one not in needed]
    rows = [BackupInvitation(account=one, email=email, invited_by=by, invited_at=now) for one in vain]
    together: list[Invitation | ClientLink] = []  # one mail about all of them
    for team, some in by_team.items():
        how = _ask(
            team, some, user, email=email, name=name, note=note, by=by, now=now, client=without_account
        )
        together += how.values()
        rows += [
            BackupInvitation(account=one, email=email, note=note, invited_by=by, invited_at=now, **how)
            for one in some
        ]
    invitations.mail_together([one for one in together if isinstance(one, Invitation)], now=now)
    client_links.mail_together([one for one in together if isinstance(one, ClientLink)], now=now)
    BackupInvitation.objects.bulk_create(rows)
    by_mail = [
        row for row in rows[len(vain) :] if row.invitation is None
    ]  # an invitation is a mail by itself
    if by_mail and user is not None and not user.is_contact:
        _mail(user, by_mail, now)
    return Invited(email, len(fresh), len(accounts) - len(fresh))


def _needed(accounts: Sequence[Account], email: str, user: User | None) -> list[Account]:
    """Return of these accounts those that a mail is to be about: none to who is switched off, none that the person carries."""
    if user is not None and not user.is_active:
        return []
    carried = AccountToken.objects.filter(account__in=accounts, token__consented_by__email=email)
    ids = set(carried.values_list("account", flat=True))
    return [one for one in accounts if one.pk not in ids]


def _ask(
    team: Team,
    accounts: Sequence[Account],
    user: User | None,
    *,
    email: str,
    name: str,
    note: str,
    by: User,
    now: datetime,
    client: bool,
) -> dict[str, Invitation | ClientLink]:
    """Ask for the accounts of one team by what fits the person; nothing for who has a log-in, and gets one mail. Mails nobody yet.

    A team that accepts log-ins of its own people only invites them to join it first: before that, they could not link these accounts.
    """
    known = user is not None and not user.is_contact
    if known and not _shut_out(user, team):
        return {}
    if client and not known:
        link = client_links.make(
            email=email,
            name=name,
            team=team,
            channels=sorted({account.channel for account in accounts}),
            made_by=by,
            now=now,
            accounts=accounts,
            note=note,
            mailed=False,
        )
        return {"client_link": link}
    waiting = Invitation.objects.filter(email=email, team=team, accepted_at=None, revoked_at=None).first()
    try:
        if waiting is not None:
            made = invitations.send_again(invitation=waiting, by=by, now=now, mailed=False)
        else:
            made = invitations.create(
                email=email, name=name, team=team, invited_by=by, now=now, at_once=False, mailed=False
            )
    except invitations.InvitationError as refusal:
        raise InviteRefused(str(refusal)) from None
    return {"invitation": made}


def _shut_out(user: User | None, team: Team) -> bool:
    """Return whether a team accepts log-ins of its own people only, and this person is none of them."""
    return user is not None and team.members_only and not user.memberships.filter(team=team).exists()


def _mail(user: User, rows: Sequence[BackupInvitation], now: datetime) -> None:
    first = min(row.pk for row in rows)
    outbox.enqueue(
        kind=MAIL,
        recipient=user.email,
        dedupe_key=f"backup_invite:{first}",
        team=rows[0].account.team if len({row.account.team_id for row in rows}) == 1 else None,
        payload={
            "user": user.pk,
            "asked": [row.pk for row in rows],
            "accounts": [row.account_id for row in rows],
        },
        now=now,
    )


def waiting_for(user: User, now: datetime) -> QuerySet[BackupInvitation]:
    """Return what a person is asked to link, could link and has not, for 30 days; nothing for a contact, whose links say it.

    Accounts of a team that accepts log-ins of its own people only are among it once the person has joined that team.
    """
    mine = BackupInvitation.objects.filter(
        email=user.email, linked_at=None, client_link=None, invited_at__gt=now - OPEN_FOR
    )
    done = AccountToken.objects.filter(token__consented_by=user).values("account")
    teams = user.memberships.values("team")
    open_to_them = Q(account__team__members_only=False) | Q(account__team__in=teams)
    return mine.filter(open_to_them).exclude(account__in=done).select_related("account", "invited_by")


def wanted(user: User, channel: str, now: datetime) -> list[str] | None:
    """Return the native ids that a person is asked to link at a channel; None for none."""
    ids = list(
        waiting_for(user, now).filter(account__channel=channel).values_list("account__native_id", flat=True)
    )
    return ids or None


def note_linked(*, user: User, accounts: Collection[Account], now: datetime) -> None:
    """Note in the transaction of the caller that a person linked what they were asked for."""
    asked = BackupInvitation.objects.filter(email=user.email, account__in=accounts, linked_at=None)
    asked.update(linked_at=now)


def of_account(account: Account, *, most: int) -> list[BackupInvitation]:
    """Return who was asked last to link an account, at most `most` rows, the latest first."""
    found = account.backup_invitations.select_related("invited_by", "invitation", "client_link")
    return list(found[:most])


def told(account: Account, viewer: User, now: datetime) -> list[str]:
    """Return in a sentence each who was invited last to an account, and what became of it; nothing for viewers outside its team."""
    if not visibility.teams_seen_by(viewer).filter(pk=account.team_id).exists():
        return []
    return [
        say(f"state_{answer(one, now)}", email=one.email, day=day(timezone.localdate(one.invited_at)))
        for one in of_account(account, most=SHOWN)
    ]


def answer(one: BackupInvitation, now: datetime) -> str:
    """Return how an ask stands: "linked", "accepted" (came in, has not linked), "opened", "ended" or "asked"."""
    if one.linked_at is not None:
        return "linked"
    if one.client_link is not None:
        if not one.client_link.is_open(now):
            return "ended"
        return "opened" if one.client_link.opened_at else "asked"
    if one.invitation is not None and one.invitation.accepted_at is not None:
        return "accepted"
    if one.invitation is not None:
        over = not one.invitation.is_open(now)
    else:  # of who has a log-in here: it is said to end when an invitation would
        over = one.invited_at <= now - timedelta(days=settings.INVITATION_DAYS)
    return "ended" if over or one.invited_at <= now - OPEN_FOR else "asked"
