"""The weekly digest: on Monday morning, by the reader's clock, what the coming weeks need, and what happened in the last one.

Whoever asked for it gets one mail, whatever the number of teams, and none where there is nothing to say, unless they asked for that.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from accounts import backups, fixers, health_sql
from accounts.backups import Offer
from accounts.health import Health
from accounts.mails import mailing
from accounts.mails.mailing import ReaderWithNames
from accounts.models import Account, AccountEvent, AccountToken
from accounts.summary import Summary
from macros import digest_readers, snoozing
from macros.digest_readers import KIND as KIND
from notifications import composing, kinds, outbox
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from ui import addresses, counts, dates
from ui.refusal import Refusal
from users import hold
from users.models import Team, User

HOUR = 7  # by the reader's clock
AHEAD = timedelta(days=30)
BACK = timedelta(days=7)
SHOWN = 8  # accounts in one part; the rest is a number
COUNTED = 10_000
HIDDEN = "hidden"  # replaces in the kept copy what is the reader's alone
MOST = 5  # that one person has sent at once within PERIOD
PERIOD = timedelta(hours=1)


class TooManyError(Refusal):
    """Enough of them were sent: the text says so."""


@dataclass(frozen=True)
class Part:
    """Accounts of one part of the digest: the first, each with what is said of it, and how many there are."""

    rows: list[tuple[str, Account, str]] = field(default_factory=list)  # when, which, and who
    number: int = 0

    @property
    def more(self) -> int:
        """How many are not shown."""
        return max(0, self.number - len(self.rows))


def write_if_due(*, now: datetime) -> int:
    """Write the digests of this week to those for whom it is Monday morning or later. Returns how many. Nothing while on hold.

    So a Monday that was lost, on hold or without beat, is made up for on the next morning.
    """
    if hold.current() is not None:
        return 0
    due = {key: reader for reader in digest_readers.readers() if (key := _key_if_due(reader, now))}
    written = set(Message.objects.filter(dedupe_key__in=list(due)).values_list("dedupe_key", flat=True))
    due = {key: reader for key, reader in due.items() if key not in written}
    had = _had_lately([reader.address for reader in due.values()], now)
    return sum(
        outbox.enqueue(
            kind=KIND,
            recipient=reader.address,
            team=_team(reader.teams),
            dedupe_key=key,
            payload={"teams": sorted(reader.teams), "always": reader.always},
            now=now,
        )
        for key, reader in due.items()
        if (reader.address, _week_of(key)) not in had
    )


def _had_lately(to: Collection[str], now: datetime) -> set[tuple[str, str]]:
    """Return who of these addresses had the digest of which week: whoever became a person since, or is no longer one, has a new key."""
    mails = Message.objects.filter(kind=KIND, recipient__in=to, created_at__gt=now - BACK)
    return {(address, _week_of(key)) for address, key in mails.values_list("recipient", "dedupe_key")}


def _week_of(key: str) -> str:
    """Return the week of a key; of a digest that was sent at once "now"."""
    return key.split(":")[1]


def _key_if_due(reader: digest_readers.Reader, now: datetime) -> str:
    """Return the key of the reader's digest of this week; "" at night, and for who ordered it after Monday morning: they get the next."""
    local = now.astimezone(composing.Reader(reader.user).zone)
    monday = local.replace(hour=HOUR, minute=0, second=0, microsecond=0) - timedelta(days=local.weekday())
    if local.hour < HOUR or (local.weekday() > 0 and reader.since >= monday):
        return ""
    year, week, _ = local.isocalendar()
    return f"{KIND}:{year}-{week}:{reader.user.pk if reader.user else reader.address}"


def _team(teams: Collection[int]) -> Team | None:
    """Return the team of a mail, which decides which staff may read it: none where it names several."""
    return Team.objects.filter(pk__in=teams).first() if len(teams) == 1 else None


@transaction.atomic
def send_now(*, user: User, teams: Collection[int], now: datetime) -> None:
    """Mail a person what their digest says now. Raises TooManyError where they asked for too many within the hour; OnHold."""
    hold.refuse()
    User.objects.select_for_update().get(pk=user.pk)  # two presses at once count as two
    lately = Message.objects.filter(recipient=user.email, kind=KIND, created_at__gt=now - PERIOD)
    if lately.filter(payload__has_key="asked").count() >= MOST:
        raise TooManyError(
            gettext("You had five of them within the hour. Wait a while, or read it on the page.")
        )
    outbox.enqueue(
        kind=KIND,
        recipient=user.email,
        team=_team(teams),
        dedupe_key=f"{KIND}:now:{uuid.uuid4()}",
        payload={"teams": sorted(teams), "always": True, "asked": True},
        now=now,
    )


def would_say(*, address: str, teams: Collection[int]) -> Mail | None:
    """Return the digest that an address would get now of these teams; None where there is nothing to say. It is of no stored message."""
    message = Message(kind=KIND, recipient=address, payload={"teams": sorted(teams), "always": False})
    try:
        return _compose(message, mailing.reader_of(message), list(teams), stop="")
    except NotWanted:
        return None


def build(message: Message) -> Mail:
    """Build the digest of its reader's teams as they are now. Raises NotWanted where there is nothing to say, or they left them."""
    reader = mailing.reader_of(message)
    asked, of = bool(message.payload.get("asked")), message.payload["teams"]
    teams = digest_readers.still(address=message.recipient, user=reader.user, teams=of, asked=asked)
    if not teams:
        left = reader.user is not None and not reader.user.memberships.filter(team__in=of).exists()
        raise NotWanted("not_in_team" if left else "digest_stopped")
    if snoozing.of_person(message.recipient) and not asked:
        raise NotWanted("reader_away")
    signed = digest_readers.sign(message)
    stop = addresses.absolute_url("stop_digest", signed)
    mail = _compose(message, reader, teams, stop=stop).hiding(signed, HIDDEN)
    one_click = {"List-Unsubscribe": f"<{stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return replace(mail, headers=one_click)


def _compose(message: Message, reader: ReaderWithNames, teams: Collection[int], *, stop: str) -> Mail:
    now = timezone.now()
    accounts = Account.objects.filter(team__in=teams, paused_at=None)
    parts = {
        "ending": _ending(accounts, reader, now),
        "dark": _dark(accounts, reader, now),
        "shifted": _shifted(accounts, reader, now),
    }
    of_one = health_sql.only_one_person(Account.objects.filter(team__in=teams))
    alone = counts.counted(of_one, limit=COUNTED)
    at_hand = counts.counted(backups.at_hand(of_one), limit=COUNTED)
    dark = accounts.filter(state=Account.State.DEACTIVATED)  # however long
    back = counts.counted(backups.at_hand(dark), limit=COUNTED)
    helped = at_hand or back
    if not (message.payload["always"] or helped or any(part.number for part in parts.values())):
        raise NotWanted("nothing_this_week")
    staff = reader.user is not None and reader.user.is_staff
    of_teams = {"team": ",".join(map(str, sorted(teams)))}
    listed = of_teams | {"alone": 1} | ({"backup": 1} if at_hand else {})
    brought = of_teams | {"state": Health.DEACTIVATED.value, "backup": 1}
    accounts_url = addresses.absolute_url("admin:accounts_account_changelist")
    names = sorted(Team.objects.filter(pk__in=teams).values_list("name", flat=True))
    facts = {
        **parts,
        "alone": alone,
        "alone_shown": counts.shown(alone, limit=COUNTED),
        "at_hand": at_hand,
        "at_hand_shown": counts.shown(at_hand, limit=COUNTED),
        "back": back,
        "back_shown": counts.shown(back, limit=COUNTED),
        "back_url": f"{accounts_url}?{urlencode(brought)}" if staff else "",
        "teams": names,
        "names_teams": len(names) > 1,
        "alone_url": f"{accounts_url}?{urlencode(listed)}" if staff else "",
        "rest_url": addresses.absolute_url("admin:index" if staff else "my_accounts")
        if reader.can_log_in
        else "",
        "stop_url": stop,
        "asked": bool(message.payload.get("asked")),
        "is_outside": reader.user is None,
    }
    return mailing.compose(KIND, message, reader, facts)


def _part(
    accounts: QuerySet[Account],
    reader: ReaderWithNames,
    when: dict[int, datetime] | str,
) -> Part:
    """Return a part: `when` of each account, as a name of its column or by its id."""
    first = list(accounts.select_related("team")[:SHOWN])
    found = mailing.summaries([one.pk for one in first])
    dark = [one.pk for one in first if one.state == Account.State.DEACTIVATED]
    offers = backups.offers(account_ids=dark) if dark else {}
    rows = []
    for one in first:
        at = when.get(one.pk) if isinstance(when, dict) else getattr(one, when)
        day = dates.day(at.astimezone(reader.zone).date(), year=False) if at else ""
        at_hand = offers[one.pk][0] if one.pk in offers else None
        rows.append((day, one, _who(found[one.pk], at_hand, reader)))
    return Part(rows, accounts.order_by().values("pk")[:COUNTED].count())


def _who(found: Summary, at_hand: Offer | None, reader: ReaderWithNames) -> str:
    """Return who can fix an account: who is `at_hand`, else first who can be asked, or who else is waited for; "" for nobody."""
    if at_hand is not None:
        return reader.names.within(at_hand.token, found.account)
    is_dark = found.account.state == Account.State.DEACTIVATED
    fix = (fixers.of_dark if is_dark else fixers.of_ending)(found.account, found.entries)
    return reader.names.within(fix.entries[0].token, found.account) if fix.entries else fix.waits_for


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


def _join(newest: Message, older: Sequence[Message]) -> None:
    """Let the newest stand for those that our own mail server kept back: each says how it is when it is sent."""


def register() -> None:
    """Say how the mail is built. Called once, when the app starts."""
    kinds.register(KIND, build, name=gettext_lazy("Weekly digest"), join=_join, asks=True)
