"""Somebody says "I am on it": the others who were told hear of it, and nothing that is no more urgent is told again in this cycle.

The next threshold is told to everybody, and that the account went dark always is.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from django.db import transaction
from django.db.models import F, Q

from accounts.models import Account, AccountEvent
from macros.models import Acknowledgement, Notice, Told
from macros.mutes import services
from macros.mutes.mails import ON_IT, SAID, notices_of
from macros.notices.queries import accounts_to_hear_of
from notifications import outbox
from notifications.models import Message
from tokens.models import Token
from ui.dates import local_day
from users.installation import hold
from users.models import User
from users.people.queries import who_log_in

# The causes of events: whoever was on it can no longer log in; another team has the account.
LEFT, MOVED = "left", "moved"


@dataclass(frozen=True)
class Deadline:
    """What somebody is on: an account's deadline, or that of one of its log-ins; `ends` is None of an account that is dark."""

    account: Account
    token: Token | None
    cycle: int
    ends: datetime | None

    def days(self, now: datetime) -> int:
        """How many days are left, 1 at least."""
        if self.ends is None:
            return 1
        return max((local_day(self.ends) - local_day(now)).days, 1)

    def said(self, now: datetime) -> str:
        """What somebody says by being on it: the same while it is no more urgent."""
        return f"{self.account.pk}:{self.token.pk if self.token else ''}:{self.cycle}:{self.days(now)}"


def deadlines_of(message: Message) -> list[Deadline]:
    """Return what a warning is about that is still as it was told; of what was told at once, the accounts where somebody has to act.

    Nothing of accounts that concern the reader no longer.
    """
    found = _told_by(message)
    theirs = accounts_to_hear_of({message.recipient: {one.account.pk for one in found}})[message.recipient]
    return [one for one in found if one.account.pk in theirs]


def deadlines_said_by_reader(message: Message) -> list[Deadline]:
    """Return the same of accounts that the reader is on, also where they concern the reader no longer: it can be taken back."""
    found = _told_by(message)
    rows = Acknowledgement.objects.filter(
        account__in={one.account.pk for one in found}, email=message.recipient
    )
    said = {one.account_id for one in rows.select_related("account", "token") if one.is_running}
    return [one for one in found if one.account.pk in said]


def _told_by(message: Message) -> list[Deadline]:
    told, at_once = notices_of(message)
    found: dict[tuple[int, int | None], Deadline] = {
        (one.account_id, None): _deadline(one.account, None)
        for one in at_once.live().to_act_on().select_related("account")
    }
    found |= {
        (one.account_id, one.token_id): _deadline(one.account, one.token)
        for one in told.live().select_related("account", "token")
        if one.is_present
    }
    return sorted(found.values(), key=lambda one: (one.account.name, one.account.pk))


def deadlines_on(account: Account) -> list[Deadline]:
    """Return those of an account: its own, and those of the log-ins in its pool that have a date."""
    entries = account.pool.select_related("token").filter(
        access="ok", token__deadline_kind=Token.DeadlineKind.DATE
    )
    tokens = [entry.token for entry in entries.exclude(token__state=Token.State.DEAD)]
    return [_deadline(account, None), *(_deadline(account, token) for token in tokens)]


def _deadline(account: Account, token: Token | None) -> Deadline:
    of: Account | Token = token or account
    return Deadline(account, token, of.cycle, of.deadline)


def running_of_accounts(account_ids: Collection[int]) -> dict[int, Acknowledgement]:
    """Return by account who is on it in its present cycle; of one of its log-ins where nobody is on the account's own."""
    found: dict[int, Acknowledgement] = {}
    for one in Acknowledgement.objects.running(account_ids):
        if one.token is None or one.account_id not in found:
            found[one.account_id] = one
    return found


@transaction.atomic
def acknowledge(
    *,
    deadlines: Sequence[Deadline],
    email: str,
    now: datetime,
) -> list[Account]:
    """Write that the address is on these deadlines, one event on each account, and a mail to each other reader who was told of them.

    Where somebody is on it already at the same urgency nothing is written, nor for a person who can no longer log in. Returns the
    accounts that are new. Raises OnHold.
    """
    hold.refuse()
    email = email.lower()
    by = User.objects.select_for_update(no_key=True).filter(email=email).first()
    if by is not None and not by.is_active:
        return []
    locked = Account.objects.locked().filter(pk__in={one.account.pk for one in deadlines})
    teams = {one.pk: one.team_id for one in locked}  # two presses at once tell once
    new: dict[int, Account] = {}
    about: list[Deadline] = []
    for one in deadlines:
        if teams.get(one.account.pk) != one.account.team_id:
            continue  # it moved meanwhile, and may concern the address no longer
        days = one.days(now)
        found, created = Acknowledgement.objects.get_or_create(
            account=one.account,
            token=one.token,
            cycle=one.cycle,
            defaults={"days": days, "email": email, "by": by, "at": now},
        )
        if created or found.days > days:
            Acknowledgement.objects.filter(pk=found.pk).update(days=days, email=email, by=by, at=now)
            new[one.account.pk] = one.account
            about.append(one)
    _events(new.values(), "", by, email, now)
    _tell(about, email, by, now)
    return list(new.values())


@transaction.atomic
def take_back(*, deadlines: Sequence[Deadline], email: str, now: datetime) -> int:
    """Take it back, so that reminders come again. Returns of how many deadlines it was said by this address."""
    by = User.objects.filter(email=email.lower()).first()
    mine = Acknowledgement.objects.filter(
        account__in=[one.account.pk for one in deadlines], email=email.lower()
    )
    accounts = {one.account_id: one.account for one in mine.select_related("account")}
    number, _ = mine.delete()
    _events(accounts.values(), "taken_back", by, email, now)
    return number


@transaction.atomic
def end_of_leaver(user: User, *, now: datetime) -> None:
    """End what a person was on who can no longer log in: reminders come again, further addresses are told. One event on each account."""
    said = Acknowledgement.objects.filter(Q(by=user) | Q(email=user.email)).select_related("account", "token")
    accounts = {one.account_id: one.account for one in said if one.is_running}
    said.delete()
    _events(accounts.values(), LEFT, None, "", now)


def end_of_moved(account_ids: Collection[int], actor: User, now: datetime) -> None:
    """End what somebody was on of these accounts (ids), in the transaction that moved them. One event on each account."""
    accounts = {one.account_id: one.account for one in Acknowledgement.objects.running(account_ids)}
    Acknowledgement.objects.filter(account__in=account_ids).delete()
    _events(accounts.values(), MOVED, actor, "", now)


def _events(accounts: Iterable[Account], cause: str, by: User | None, email: str, now: datetime) -> None:
    services.note_events(
        accounts,
        AccountEvent.Kind.ACKNOWLEDGED,
        cause=cause,
        by=by,
        note="" if by else email,
        now=now,
        source="" if cause == LEFT else None,
    )


def _tell(about: Sequence[Deadline], email: str, by: User | None, now: datetime) -> None:
    """Write a message to each other reader who was mailed of the deadlines, or at once what somebody can be on since they began, and whom
    the accounts still concern: one to a person, one for each team to an address outside.
    """
    readers: dict[str, dict[int, int]] = defaultdict(dict)  # accounts, with their teams
    ends = {(one.account.pk, one.token.pk if one.token else None) for one in about}
    of_account = {"account__in": {pk for pk, _ in ends}}
    columns = ("recipient", "account__team", "account", "token")
    warned = Notice.objects.mailed().present().filter(**of_account).exclude(recipient=email)
    for to, team, account, token in warned.values_list(*columns):
        if (account, token) in ends:
            readers[to][account] = team
    at_once = Told.objects.naming().mailed().to_act_on().filter(**of_account).exclude(recipient=email)
    for to, team, account in at_once.filter(at__gte=F("account__cycle_since")).values_list(*columns[:3]):
        readers[to][account] = team
    theirs = accounts_to_hear_of(readers)
    people = who_log_in(theirs)
    to_write: dict[tuple[str, int | None], set[int]] = defaultdict(set)
    for to, accounts_of in readers.items():
        for account in theirs[to]:
            to_write[to, None if to in people else accounts_of[account]].add(account)
    teams = {one.account.pk: one.account.team for one in about}
    for (to, team_id), accounts in sorted(to_write.items(), key=lambda one: (one[0][0], one[0][1] or 0)):
        what = " ".join(sorted(one.said(now) for one in about if one.account.pk in accounts))
        of = {teams[pk] for pk in accounts}
        outbox.enqueue(
            kind=SAID,
            recipient=to,
            team=of.pop() if len(of) == 1 else None,
            # Said again, taken back in between or not, it tells nothing.
            dedupe_key=f"on_it:{sha256(f'{email} {what}'.encode()).hexdigest()[:32]}:{team_id or ''}:{to}",
            payload={
                "what": ON_IT,
                "accounts": sorted(accounts),
                "by": by.pk if by else None,
                "who": email,
            },
            now=now,
        )
