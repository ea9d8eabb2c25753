"""Asking a second person to link certain accounts: by an invitation, by a client link, or by a mail to who has a log-in here.

Whoever invites reads the same, whether the address is known here or not.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.asks import links, services
from accounts.asks.models import Ask, AskLine
from accounts.models import Account, AccountToken, ApiKey
from ui.dates import day
from ui.errors import Refusal
from ui.phrases import phrase
from ui.text import number
from users.installation import hold
from users.invitations import services as invitations
from users.models import Invitation, Team, User
from users.signals import address_changed

MOST = 5_000  # accounts at once
MOST_OF_LINK = 500  # accounts that one client link asks for: its page names each, and one press of a stranger gives access to all
SHOWN = 5  # who was invited, on the page of an account
OPEN_FOR = timedelta(days=30)  # that long a person is reminded on the own pages
say = partial(phrase, "words/backup_invitations.txt")


class InviteRefused(Refusal):
    """Nobody can be invited so. The text is fit for the person."""


class AskedAlready(InviteRefused):
    """The person was asked for all of these accounts already."""


def may_invite(user: User, accounts: Collection[Account]) -> bool:
    """Return whether the person may invite somebody to these accounts: those of the own teams, and no auditor."""
    return user.may_make_links() and len(invitable_accounts(user, accounts)) == len(set(accounts))


def invitable_accounts(user: User, accounts: Collection[Account]) -> set[int]:
    """Return the ids of those of these accounts to which the person may invite somebody. One query, however many."""
    if not accounts or not user.may_make_links():
        return set()
    teams = {account.team_id for account in accounts}
    own = set(user.teams_managed.filter(pk__in=teams).values_list("pk", flat=True))
    return {account.pk for account in accounts if account.team_id in own}


def _demand_few(accounts: Collection[Account]) -> None:
    """Raise InviteRefused where a client link, which is for one team, would ask for too many of these accounts."""
    team, counted = Counter(account.team for account in accounts).most_common(1)[0]
    if counted > MOST_OF_LINK:
        facts = {"team": str(team), "number": number(counted), "most": number(MOST_OF_LINK)}
        raise InviteRefused(say("too_many_for_link", **facts))


@transaction.atomic
def invite_to_link(
    *,
    accounts: Sequence[Account],
    email: str,
    by: User,
    now: datetime,
    name: str = "",
    note: str = "",
    without_account: bool = False,
    api_key: ApiKey | None = None,
) -> list[Ask]:
    """Ask one person by one mail to link these accounts. `without_account`: by a client link, so that they need no password here.

    Returns what asks for them: an account for which the address was asked already is left out. What it answers and raises depends on these
    asks alone, never on whether the address has a log-in, is switched off or carries an account: then nobody is mailed about that.
    Raises InviteRefused (AskedAlready), ClientLinkRefused, and OnHold.
    """
    hold.refuse()
    email = email.strip().lower()
    if not accounts or len(accounts) > MOST or not may_invite(by, accounts):
        raise InviteRefused(say("own_accounts_only"))
    if email == by.email:
        raise InviteRefused(say("own_address"))
    if without_account:  # whether or not the address is known here
        _demand_few(accounts)
        links.demand_room_for_links(by, now)
    ids = sorted(account.pk for account in accounts)
    list(Account.objects.filter(pk__in=ids).locked().values_list("pk"))  # two presses ask once
    lines = AskLine.objects.filter(ask__email=email, account__in=ids, done_at=None)
    lines = lines.select_related("ask__invitation")
    asked = {line.account_id for line in lines if line.link_state(now) != "ended"}
    fresh = [account for account in accounts if account.pk not in asked]
    if not fresh:
        raise AskedAlready(say("asked_already", email=email))
    user = User.objects.filter(email=email).first()
    needed = _needed(fresh, email, user)
    by_team: dict[tuple[Team, bool], list[Account]] = defaultdict(list)
    for account in fresh:
        # What they carry already is asked for by no client link, which would have it given once more.
        by_team[account.team, without_account and account.pk in needed].append(account)
    made = []
    for (team, _), some in by_team.items():
        facts = {"email": email, "name": name.strip(), "note": note, "team": team, "made_by": by, "now": now}
        facts |= {"api_key": api_key}
        is_needed = any(account.pk in needed for account in some)
        made.append(_ask(some, user, facts, is_needed=is_needed, without_account=without_account))
    _mail(made, user, now)
    return made


def _needed(accounts: Sequence[Account], email: str, user: User | None) -> set[int]:
    """Return of these accounts (ids) those that a mail is to be about: none to who is switched off or links nothing, none carried by them.

    A log-in that stopped, or was removed, keeps its place in the pool and carries nothing: its person is asked like anybody.
    """
    if user is not None and (not user.is_active or user.only_looks):
        return set()
    carried = AccountToken.objects.living().filter(account__in=accounts, token__consented_by__email=email)
    return {one.pk for one in accounts} - set(carried.values_list("account", flat=True))


def _ask(
    accounts: Sequence[Account],
    user: User | None,
    facts: dict[str, Any],
    *,
    is_needed: bool,
    without_account: bool,
) -> Ask:
    """Ask for the accounts of one team by what fits the person; nothing for who has a log-in, and gets one mail. Mails nobody yet.

    A team that accepts log-ins of its own people only invites them to join it first: before that, they could not link these accounts.
    """
    team, known = facts["team"], user is not None and not user.is_contact
    if is_needed and without_account and not known:
        channels = sorted({account.channel for account in accounts})
        return links.make_link(channels=channels, accounts=accounts, mailed=False, **facts)
    now = facts.pop("now")
    joins = not known or (user is not None and team.refuses_log_ins_of(user))
    how = _invitation(team, facts, now) if is_needed and joins else None
    lines = (services.line_of(account) for account in accounts)
    when = {"created_at": now, "ends_at": now + OPEN_FOR}
    return services.begin_ask(lines, what=Ask.What.LINK, invitation=how, **when, **facts)


def _invitation(team: Team, facts: dict[str, Any], now: datetime) -> Invitation:
    """Return the invitation to a team that waits for a person, sent again, or a new one. Raises InviteRefused."""
    email, by = facts["email"], facts["made_by"]
    waiting = Invitation.objects.pending().filter(email=email, team=team).first()
    try:
        if waiting is not None:  # by the same press it is not sent again
            return invitations.send_again(invitation=waiting, by=by, now=now, mailed=False)
        new = {"email": email, "name": facts["name"], "team": team, "invited_by": by}
        return invitations.create(now=now, mailed=False, for_asks=True, **new)
    except invitations.InvitationError as refusal:
        raise InviteRefused(str(refusal)) from None


def _mail(made: Sequence[Ask], user: User | None, now: datetime) -> None:
    """Have one mail written about what one press asks: nobody is mailed about what they need not do. Raises OnHold."""
    invitations.mail_together([one.invitation for one in made if one.invitation is not None], now=now)
    links.mail_links([one for one in made if one.key], now=now)
    if user is None or not user.is_active or user.is_contact:
        return
    plain = [
        one for one in made if one.invitation_id is None and not one.key
    ]  # an invitation is a mail by itself
    if AskLine.objects.to_link(user, now).filter(ask__in=plain).exists():
        ids, team = [one.pk for one in plain], plain[0].team if len(plain) == 1 else None
        services.write_ask_mail(services.ASK, to=user, key=str(ids[0]), now=now, team=team, asks=ids)


def take_asks_along(sender: Any, *, user: User, old: str, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    """Have what a person is asked for behind the own log-in be of their new e-mail address, in the transaction of the caller.

    What a link or an invitation asks, which was sent to the old one, stays with it.
    """
    asks = Ask.objects.running().filter(what=Ask.What.LINK, key=None, invitation=None)
    asks.filter(email=old).update(email=user.email)


def sentences_about_asks(account: Account, viewer: User, now: datetime) -> list[str]:
    """Return in a sentence each who was invited last to an account, and what became of it; nothing for viewers outside its team."""
    if not viewer.teams_seen.filter(pk=account.team_id).exists():
        return []
    lines = (
        account.ask_lines.filter(ask__what=Ask.What.LINK).select_related("ask__invitation").order_by("-pk")
    )
    return [
        say(
            f"state_{one.link_state(now)}",
            email=one.ask.email,
            day=day(timezone.localdate(one.ask.created_at)),
        )
        for one in lines[:SHOWN]
    ]


def connect() -> None:
    """Hear of people's new e-mail addresses."""
    address_changed.connect(take_asks_along, User, dispatch_uid="accounts.new_address")
