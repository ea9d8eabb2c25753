"""The weekly digest: on Monday morning, by the reader's clock, what the coming weeks need, and what happened in the last one.

Whoever asked for it gets one mail, whatever the number of teams, and none where there is nothing to say, unless they asked for that.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy

from accounts import backups, selection
from accounts.mails import mailing
from accounts.mails.mailing import ReaderWithNames
from accounts.models import Account, AccountEvent, AccountToken
from accounts.summary import Summary
from macros.models import DigestSubscription
from notifications import kinds, outbox
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from ui import addresses, dates
from users import hold
from users.models import Membership, Team, User

KIND = "weekly"  # of the messages, and the folder of its words
HOUR = 7  # by the reader's clock
AHEAD = timedelta(days=30)
BACK = timedelta(days=7)
SHOWN = 8  # accounts in one part; the rest is a number
COUNTED = 10_000


@dataclass(frozen=True)
class Part:
    """Accounts of one part of the digest: the first, each with what is said of it, and how many there are."""

    rows: list[tuple[str, Account, str]] = field(default_factory=list)  # when, which, and who
    number: int = 0

    @property
    def more(self) -> int:
        """How many are not shown."""
        return max(0, self.number - len(self.rows))


def readers() -> dict[int, tuple[User, set[int], bool]]:
    """Return by id who gets a digest, of which teams, and whether also where there is nothing to say.

    Who left a team, leads it no longer or cannot log in gets none of it.
    """
    rows = DigestSubscription.objects.values_list("team", "user", "always")
    to_leads = {team: always for team, user, always in rows if user is None}
    own = {(team, user): always for team, user, always in rows if user is not None}
    members = Membership.objects.filter(user__is_active=True).select_related("user")
    found: dict[int, tuple[User, set[int], bool]] = {}
    for one in members.filter(team__in={*to_leads, *(team for team, _ in own)}):
        leads = one.role == Membership.Role.TEAM_LEAD and one.team_id in to_leads
        mine = (one.team_id, one.user_id) in own
        if leads or mine:
            user, teams, always = found.get(one.user_id, (one.user, set(), False))
            always = always or own.get((one.team_id, one.user_id), False)
            always = always or (leads and to_leads[one.team_id])
            found[one.user_id] = (user, teams | {one.team_id}, always)
    return found


def write_if_due(*, now: datetime) -> int:
    """Write the digests of this week to those for whom it is Monday morning or later that day. Returns how many. Nothing while on hold."""
    if hold.current() is not None or not DigestSubscription.objects.exists():
        return 0
    number = 0
    for user, teams, always in readers().values():
        local = now.astimezone(user.zone)
        if local.weekday() != 0 or local.hour < HOUR:
            continue
        year, week, _ = local.isocalendar()
        number += outbox.enqueue(
            kind=KIND,
            recipient=user.email,
            team=Team.objects.filter(pk__in=teams).first() if len(teams) == 1 else None,
            dedupe_key=f"{KIND}:{year}-{week}:{user.pk}",
            payload={"teams": sorted(teams), "always": always},
            now=now,
        )
    return number


def build(message: Message) -> Mail:
    """Build the digest of its reader's teams as they are now. Raises NotWanted where there is nothing to say, or they left them."""
    reader = mailing.reader_of(message)
    teams = _teams(reader.user, message.payload["teams"])
    if reader.user is None or not teams:
        raise NotWanted("not_in_team")
    now = timezone.now()
    accounts = Account.objects.filter(team__in=teams, paused_at=None)
    parts = {
        "ending": _ending(accounts, reader, now),
        "dark": _dark(accounts, reader, now),
        "shifted": _shifted(accounts, reader, now),
    }
    alone = backups.count_alone(Account.objects.filter(team__in=teams), limit=COUNTED)
    if not (message.payload["always"] or alone.at_hand or any(part.number for part in parts.values())):
        raise NotWanted("nothing_this_week")
    staff = reader.user.is_staff
    names = sorted(Team.objects.filter(pk__in=teams).values_list("name", flat=True))
    facts = {
        **parts,
        "alone": alone.number,
        "at_hand": alone.at_hand,
        "teams": names,
        "names_teams": len(names) > 1,
        "alone_url": addresses.absolute_url("admin:accounts_account_changelist") + "?view=alone"
        if staff
        else "",
        "rest_url": addresses.absolute_url("admin:index" if staff else "my_accounts"),
        "stop_url": addresses.absolute_url("weekly_digest"),
    }
    return mailing.compose(KIND, message, reader, facts)


def _teams(user: User | None, wanted: Collection[int]) -> list[int]:
    """Return those of the teams that the person is still in."""
    if user is None:
        return []
    return list(Membership.objects.filter(user=user, team__in=wanted).values_list("team", flat=True))


def _part(
    accounts: QuerySet[Account],
    reader: ReaderWithNames,
    when: dict[int, datetime] | str,
) -> Part:
    """Return a part: `when` of each account, as a name of its column or by its id."""
    first = list(accounts.select_related("team")[:SHOWN])
    found = mailing.summaries([one.pk for one in first])
    rows = []
    for one in first:
        at = when.get(one.pk) if isinstance(when, dict) else getattr(one, when)
        day = dates.day(at.astimezone(reader.zone).date(), year=False) if at else ""
        rows.append((day, one, _who(found[one.pk], reader)))
    return Part(rows, accounts.order_by().values("pk")[:COUNTED].count())


def _who(found: Summary, reader: ReaderWithNames) -> str:
    """Return who can fix an account: whose log-in lasts longest, of a dark one whose stopped last; "" for nobody."""
    entries = [one for one in found.entries if selection.living(one)] or list(found.entries)
    if not entries:
        return ""
    last = max(entries, key=lambda one: one.token.deadline or one.token.state_since)
    return reader.names.within(last.token, found.account)


def _ending(accounts: QuerySet[Account], reader: ReaderWithNames, now: datetime) -> Part:
    ending = accounts.filter(
        state__in=[Account.State.CONNECTED, Account.State.INTERRUPTED],
        deadline_kind=Account.DeadlineKind.DATE,
        deadline__gt=now,
        deadline__lt=now + AHEAD,
    )
    return _part(ending.order_by("deadline", "pk"), reader, "deadline")


def _dark(accounts: QuerySet[Account], reader: ReaderWithNames, now: datetime) -> Part:
    linked = Exists(AccountToken.objects.filter(account=OuterRef("pk")))
    dark = accounts.filter(linked, state=Account.State.DEACTIVATED, since__gt=now - BACK)
    return _part(dark.order_by("-since", "pk"), reader, "since")


def _shifted(accounts: QuerySet[Account], reader: ReaderWithNames, now: datetime) -> Part:
    shifts = AccountEvent.objects.filter(
        kind=AccountEvent.Kind.SHIFTED,
        at__gt=now - BACK,
        from_token__isnull=False,
        account__in=accounts.values("pk"),
    )
    rows = shifts.order_by("at").values_list("account", "at")[:COUNTED]
    at = dict(rows)  # the latest of each
    return _part(Account.objects.filter(pk__in=list(at)).order_by("name", "pk"), reader, at)


def choose(*, user: User, own: Collection[int], leads: Collection[int], always: bool, now: datetime) -> None:
    """Write of which teams the person gets the digest, and of which all leads do, as far as the person is in them, or leads them."""
    roles = dict(Membership.objects.filter(user=user).values_list("team", "role"))
    led = {team for team, role in roles.items() if role == Membership.Role.TEAM_LEAD}
    for chosen, owner, may in ((set(own), user, set(roles)), (set(leads), None, led)):
        kept = DigestSubscription.objects.filter(user=owner, team__in=may)
        kept.exclude(team__in=chosen).delete()
        for team in sorted(chosen & may):
            DigestSubscription.objects.update_or_create(
                team_id=team,
                user=owner,
                defaults={"always": always},
                create_defaults={"always": always, "started_at": now},
            )


def chosen_by(user: User) -> dict[str, dict[int, bool]]:
    """Return the teams of which the person gets the digest ("own"), and all leads do ("leads"), each with whether always."""
    found: dict[str, dict[int, bool]] = defaultdict(dict)
    rows = DigestSubscription.objects.filter(team__memberships__user=user)
    for team, owner, always in rows.values_list("team", "user", "always"):
        if owner == user.pk:
            found["own"][team] = always
        elif not owner:
            found["leads"][team] = always
    return found


def register() -> None:
    """Say how the mail is built. Called once, when the app starts."""
    kinds.register(KIND, build, name=gettext_lazy("Weekly digest"))
