"""Inviting a second person to link certain accounts: by an invitation, by a client link, or by a mail to who has a log-in here.

Whoever invites reads the same, whether the address is known here or not.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts import client_links
from accounts.models import Account, AccountToken, BackupInvitation, ClientLink
from notifications import outbox
from ui.counts import number
from ui.dates import day
from ui.phrases import phrase
from ui.refusal import Refusal
from users import hold, invitations, roles, visibility
from users.models import Invitation, Team, User

MAIL = "backup_invite"
MOST = 500  # accounts at once, where no worker asks
MOST_OF_LINK = 500  # accounts that one client link asks for: its page names each, and one press of a stranger gives access to all
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


@dataclass(frozen=True)
class Asking:
    """Whom to ask, and how. `at` is the one moment of all that one press asks; `in_parts`: it is written some accounts at a time."""

    email: str  # in lower case
    by: User
    at: datetime
    name: str = ""
    note: str = ""
    without_account: bool = False
    in_parts: bool = False


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


def too_many_for_links(accounts: QuerySet[Account], by: User) -> str:
    """Return why these accounts are too many for client links of a person, of which one is for one team; "" where they are not."""
    own = Account.objects.filter(pk__in=accounts.order_by().values("pk"), team__in=visibility.teams_of(by))
    counted = own.order_by().values("team__name").annotate(number=Count("pk")).filter(number__gt=MOST_OF_LINK)
    worst = counted.order_by("-number", "team__name").first()
    return _too_many(worst["team__name"], worst["number"]) if worst else ""


def _too_many(team: str, accounts: int) -> str:
    return say("too_many_for_link", team=team, number=number(accounts), most=number(MOST_OF_LINK))


def demand_other(email: str, *, by: User) -> None:
    """Raise InviteRefused where an address is the person's own."""
    if email.strip().lower() == by.email:
        raise InviteRefused(say("own_address"))


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
    if not accounts or len(accounts) > MOST or not may_invite(by, accounts):
        raise InviteRefused(say("own_accounts_only"))
    asking = Asking(email.strip().lower(), by, now, name=name, note=note, without_account=without_account)
    if without_account:
        client_links.demand_room(by, now)
    rows = write(accounts=accounts, asking=asking)
    if not rows:
        raise InviteRefused(say("asked_already", email=asking.email))
    mail(rows=BackupInvitation.objects.filter(pk__in=[row.pk for row in rows]), asking=asking)
    return Invited(asking.email, len(rows), len(accounts) - len(rows))


def write(*, accounts: Sequence[Account], asking: Asking) -> list[BackupInvitation]:
    """Write down, in the caller's transaction, for which of these accounts the person is asked now; `mail` tells them.

    None for which the address was asked already. The caller has asked `invitable`. Raises InviteRefused, and OnHold.
    """
    email, by, now = asking.email, asking.by, asking.at
    demand_other(email, by=by)
    ids = sorted(account.pk for account in accounts)
    list(Account.objects.filter(pk__in=ids).locked())  # two presses ask once
    waiting = BackupInvitation.objects.filter(account__in=ids, email=email, linked_at=None)
    over = [
        one.pk for one in waiting.select_related("invitation", "client_link") if answer(one, now) == "ended"
    ]
    waiting.filter(pk__in=over).delete()
    asked = set(waiting.values_list("account", flat=True))
    fresh = [account for account in accounts if account.pk not in asked]
    user = User.objects.filter(email=email).first()
    needed = _needed(fresh, email, user)
    wanted = {one.pk for one in needed}
    by_team: dict[Team, list[Account]] = defaultdict(list)
    for account in needed:
        by_team[account.team].append(account)
    vain = [one for one in fresh if one.pk not in wanted]
    rows = [BackupInvitation(account=one, email=email, invited_by=by, invited_at=now) for one in vain]
    for team, some in by_team.items():
        how = _ask(team, some, user, asking)
        rows += [
            BackupInvitation(account=one, email=email, note=asking.note, invited_by=by, invited_at=now, **how)
            for one in some
        ]
    return BackupInvitation.objects.bulk_create(rows)


def mail(*, rows: QuerySet[BackupInvitation], asking: Asking) -> None:
    """Have one mail written about what `write` wrote, in the caller's transaction. Raises OnHold.

    Nobody is mailed about what they need not do.
    """
    now = asking.at
    made = Invitation.objects.filter(pk__in=rows.exclude(invitation=None).values("invitation"))
    invitations.mail_together(list(made), now=now)
    links = ClientLink.objects.filter(pk__in=rows.exclude(client_link=None).values("client_link"))
    client_links.mail_together(list(links), now=now)
    user = User.objects.filter(email=asking.email, is_active=True, is_contact=False).first()
    if user is not None:  # an invitation is a mail by itself
        by_mail = waiting_for(user, now).filter(pk__in=rows.values("pk"), invitation=None)
        _mail(user, by_mail, asking)


def of_press(*, email: str, by: Collection[int], at: datetime) -> QuerySet[BackupInvitation]:
    """Return what one press of one of these people (ids) asked of an address."""
    return BackupInvitation.objects.filter(email=email, invited_by__in=by, invited_at=at)


def hand_over(rows: QuerySet[BackupInvitation], *, before: Collection[int], by: User) -> None:
    """Let asks go on in another person's name, with the invitations and links that carry them, in the caller's transaction."""
    how = list(rows.values_list("pk", "invitation", "client_link"))
    Invitation.objects.filter(pk__in={one for _, one, _ in how}, invited_by__in=before).update(invited_by=by)
    ClientLink.objects.filter(pk__in={one for _, _, one in how}, made_by__in=before).update(made_by=by)
    BackupInvitation.objects.filter(pk__in=[pk for pk, _, _ in how]).update(invited_by=by)


def _needed(accounts: Sequence[Account], email: str, user: User | None) -> list[Account]:
    """Return of these accounts those that a mail is to be about: none to who is switched off or links nothing, none carried by them.

    A log-in that stopped, or was removed, keeps its place in the pool and carries nothing: its person is asked like anybody.
    """
    if user is not None and (not user.is_active or roles.only_looks(user)):
        return []
    carried = AccountToken.objects.living().filter(account__in=accounts, token__consented_by__email=email)
    ids = set(carried.values_list("account", flat=True))
    return [one for one in accounts if one.pk not in ids]


def _ask(
    team: Team, accounts: Sequence[Account], user: User | None, asking: Asking
) -> dict[str, Invitation | ClientLink]:
    """Ask for the accounts of one team by what fits the person; nothing for who has a log-in, and gets one mail. Mails nobody yet.

    A team that accepts log-ins of its own people only invites them to join it first: before that, they could not link these accounts.
    """
    known = user is not None and not user.is_contact
    if known and not _shut_out(user, team):
        return {}
    if asking.without_account and not known:
        return {"client_link": _link(team, accounts, asking)}
    email, by, now = asking.email, asking.by, asking.at
    waiting = Invitation.objects.filter(email=email, team=team, accepted_at=None, revoked_at=None).first()
    try:
        if waiting is not None:  # by the same press it is not sent again
            made = invitations.send_again(invitation=waiting, by=by, now=now, mailed=False)
        else:
            made = invitations.create(
                email=email,
                name=asking.name,
                team=team,
                invited_by=by,
                now=now,
                mailed=False,
                for_asks=True,
            )
    except invitations.InvitationError as refusal:
        raise InviteRefused(str(refusal)) from None
    return {"invitation": made}


def _link(team: Team, accounts: Sequence[Account], asking: Asking) -> ClientLink:
    """Return a new client link for these accounts, or the one that an earlier part of the same press made, which asks for them, too."""
    same = ClientLink.objects.filter(
        email=asking.email, team=team, made_by=asking.by, created_at=asking.at, used={}
    )
    link = same.filter(revoked_at=None).first() if asking.in_parts else None
    asked = len(accounts) + (len(link.asked_for) if link is not None else 0)
    if asked > MOST_OF_LINK:  # more of this team than its page said
        raise InviteRefused(_too_many(str(team), asked))
    if link is not None:
        return client_links.ask_for_more(link=link, accounts=accounts)
    return client_links.make(
        email=asking.email,
        name=asking.name,
        team=team,
        channels=sorted({account.channel for account in accounts}),
        made_by=asking.by,
        now=asking.at,
        accounts=accounts,
        note=asking.note,
        mailed=False,
    )


def _shut_out(user: User | None, team: Team) -> bool:
    """Return whether a team accepts log-ins of its own people only, and this person is none of them."""
    return user is not None and team.members_only and not user.memberships.filter(team=team).exists()


def _mail(user: User, rows: QuerySet[BackupInvitation], asking: Asking) -> None:
    """Write the mail to who has a log-in here. Of more accounts than MOST it names the press in their place."""
    first = list(rows.order_by("pk").values_list("pk", "account", "account__team")[: MOST + 1])
    if not first:
        return
    teams = {team for _, _, team in first}
    payload = {
        "user": user.pk,
        "asked": [pk for pk, _, _ in first[:MOST]],
        "accounts": [account for _, account, _ in first[:MOST]],
    }
    if len(first) > MOST:
        payload |= {"by": asking.by.pk, "at": asking.at.isoformat()}
    outbox.enqueue(
        kind=MAIL,
        recipient=user.email,
        dedupe_key=f"backup_invite:{first[0][0]}",
        team=Team.objects.get(pk=teams.pop()) if len(teams) == 1 and len(first) <= MOST else None,
        payload=payload,
        now=asking.at,
    )


def asked_by(payload: Mapping[str, Any], user: User, now: datetime) -> QuerySet[BackupInvitation]:
    """Return what is left of what such a mail asks."""
    rows = waiting_for(user, now)
    if "at" in payload:
        at = parse_datetime(payload["at"])
        assert at is not None  # as `_mail` wrote it
        return rows.filter(invited_by=payload["by"], invited_at=at, invitation=None)
    return rows.filter(pk__in=payload["asked"])


def waiting_for(user: User, now: datetime) -> QuerySet[BackupInvitation]:
    """Return what a person is asked to link, could link and has not, for 30 days; nothing for auditors and contacts, whose links say it.

    Accounts of a team that accepts log-ins of its own people only are among it once the person has joined that team.
    """
    mine = BackupInvitation.objects.filter(
        email=user.email, linked_at=None, client_link=None, invited_at__gt=now - OPEN_FOR
    )
    if roles.only_looks(user):
        return mine.none()
    done = AccountToken.objects.living().filter(token__consented_by=user).values("account")
    teams = user.memberships.values("team")
    open_to_them = Q(account__team__members_only=False) | Q(account__team__in=teams)
    return mine.filter(open_to_them).exclude(account__in=done).select_related("account", "invited_by")


def wanted(user: User, channel: str, now: datetime) -> list[str] | None:
    """Return the native ids that a person is asked to link at a channel; None for none."""
    ids = list(
        waiting_for(user, now).filter(account__channel=channel).values_list("account__native_id", flat=True)
    )
    return ids or None


def take_along(*, old: str, new: str) -> None:
    """Have what a person is asked for behind the own log-in be of their new e-mail address, in the transaction of the caller.

    What a link or an invitation asks, which was sent to the old one, stays with it.
    """
    waiting = BackupInvitation.objects.filter(linked_at=None)
    asked_there = waiting.filter(email=new).values("account")
    waiting.filter(email=old, client_link=None, invitation=None).exclude(account__in=asked_there).update(
        email=new
    )


def note_linked(*, user: User, accounts: Collection[Account], now: datetime) -> None:
    """Note in the transaction of the caller that a person linked what they were asked for."""
    asked = BackupInvitation.objects.filter(email=user.email, account__in=accounts, linked_at=None)
    asked.update(linked_at=now)


def note_carried(*, user: User, now: datetime) -> None:
    """Note the same, in the transaction of the caller, of what a person carries again by a log-in that had stopped."""
    carried = AccountToken.objects.living().filter(token__consented_by=user)
    asked = BackupInvitation.objects.filter(email=user.email, linked_at=None)
    asked.filter(account__in=carried.values("account")).update(linked_at=now)


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
