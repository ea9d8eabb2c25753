"""The mail to leads whose team no longer takes a log-in, so that accounts stopped or lost a backup: at once, one a reader, however many."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db.models import Exists, Func, OuterRef, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts import summary
from accounts.mails.account_rows import Rows, row_of
from accounts.models import Account, AccountToken, FreshEvents
from accounts.pool_reasons import OUTSIDE
from accounts.telling import notices
from notifications import composing, outbox
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from ui import addresses
from ui.text import join_names
from users import refused_addresses
from users.models import Team, User
from users.recipients import fallback
from users.visibility import names_for

KIND = "outside_team"
SHOWN = 10
MOST_FEWER = 500  # accounts that lost a backup, which a mail counts; of more it says so


def stopped(*, team_ids: Collection[int], since: datetime) -> QuerySet[Account]:
    """Return the accounts of these teams that stopped since then because their team no longer takes the log-ins that carried them."""
    found = Account.objects.filter(team__in=team_ids, state=Account.State.DEACTIVATED, reason=OUTSIDE)
    return found.filter(since__gte=since).order_by("name", "pk")


def weaker(*, team_ids: Collection[int], since: datetime) -> QuerySet[Account]:
    """Return those that go on while fewer people carry them, in the transaction of the change: the least carried first.

    For as long as nobody has taken what settling wrote of it, which is until that transaction is committed.
    """
    fell = FreshEvents.objects.filter(at__gte=since).values_list(Func("fell", function="unnest"), flat=True)
    outside = AccountToken.objects.filter(account=OuterRef("pk"), access_reason=OUTSIDE)
    found = Account.objects.filter(Exists(outside), team__in=team_ids, pk__in=list(fell), usable_count__gt=0)
    return found.order_by("people_count", "name", "pk")


def tell(*, team_ids: Collection[int], since: datetime, actor: User) -> int:
    """Write the messages about what stopped since then, or goes on with fewer people, in the caller's transaction.

    The actor knows, and gets none. Returns how many accounts go on with fewer people.
    """
    fewer = weaker(team_ids=team_ids, since=since)
    number = fewer.count()
    teams = {*stopped(team_ids=team_ids, since=since).order_by().values_list("team", flat=True).distinct()}
    teams |= {*fewer.order_by().values_list("team", flat=True).distinct()} if number else set()
    facts = {"teams": sorted(teams), "since": since.isoformat(), "actor": actor.pk}
    _write({**facts, "fewer": list(fewer.values_list("pk", flat=True)[:MOST_FEWER])}, timezone.now())
    return number


def tell_of_move(*, moved: QuerySet[Account], since: datetime, actor: User) -> None:
    """Write the messages to leads whose team does not take the log-ins of accounts that were moved to it, in the caller's transaction.

    `since`: when the move began. The actor knows, and gets none.
    """
    closed = moved.filter(team__members_only=True)
    outside = AccountToken.objects.filter(account=OuterRef("pk"), access_reason=OUTSIDE)
    fewer = closed.filter(Exists(outside), usable_count__gt=0).order_by("people_count", "name", "pk")
    still = closed.filter(state=Account.State.DEACTIVATED, reason=OUTSIDE, since__gte=since)
    teams = {
        pk for found in (fewer, still) for pk in found.order_by().values_list("team", flat=True).distinct()
    }
    facts = {"teams": sorted(teams), "since": since.isoformat(), "actor": actor.pk, "moved": True}
    if teams:
        _write({**facts, "fewer": list(fewer.values_list("pk", flat=True)[:MOST_FEWER])}, timezone.now())


def record_end(message: Message) -> None:
    """Note what the mail told. Where the mail server refuses a lead's address, whoever stands in is told, in the same transaction."""
    if message.state == Message.State.SENT and message.sent_at is not None:
        told = _stopped(message.payload).values_list("pk", flat=True)
        notices.record_told({message: told}, now=message.sent_at)
    if message.state == Message.State.FAILED and refused_addresses.is_refused(message.recipient):
        _write(message.payload, timezone.now())


def _write(payload: dict[str, Any], now: datetime) -> None:
    actor = User.objects.filter(pk=payload["actor"]).first()
    teams_of: dict[str, list[int]] = defaultdict(list)
    for team_id, told in sorted(fallback(payload["teams"]).items()):
        for address in told.addresses:
            teams_of[address].append(team_id)
    if actor is not None:
        teams_of.pop(actor.email, None)
    for address, teams in teams_of.items():
        outbox.enqueue(
            kind=KIND,
            recipient=address,
            team=Team.objects.get(pk=teams[0]) if len(teams) == 1 else None,
            dedupe_key=f"{KIND}:{payload['since']}:{payload['actor']}:{address}",
            payload={**payload, "teams": teams},
            now=now,
        )


def build(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where all of the accounts work again, or have their backup back."""
    accounts, fewer = _stopped(message.payload), _fewer(message.payload)
    found = summary.first_of(accounts, timezone.now(), count=SHOWN)
    number, weak = accounts.count(), fewer.count()
    if not found:
        found = summary.first_of(fewer, timezone.now(), count=SHOWN)
    if not found:
        raise NotWanted("carried_again")
    reader = composing.reader_of(message)
    names = names_for(reader.user)
    actor = User.objects.filter(pk=message.payload["actor"]).first()
    named = actor is not None and names.user(actor) == str(actor)  # whose name is hidden is not written to
    first = found[0].account
    teams = Team.objects.filter(pk__in=message.payload["teams"]).values_list("name", flat=True)
    facts = {
        "actor": str(actor) if named else "",
        "teams": join_names(list(teams)),
        "rows": Rows(
            [row_of(one, carrier=one.active_name(names), zone=reader.zone) for one in found], number or weak
        ),
        "stopped": number,
        "moved": bool(message.payload.get("moved")),
        "fewer": weak,
        "many": len(message.payload.get("fewer", ())) == MOST_FEWER,
        "alone": fewer.filter(people_count=1).count(),
        "channel": first.get_channel_display(),
        "channel_key": first.channel,
        "url": addresses.absolute_url("open_account", first.pk),
    }
    reply_to = actor.email if actor is not None and named and actor.is_active else ""
    return composing.compose(KIND, message, reader, facts, reply_to=reply_to)


def _stopped(payload: dict[str, Any]) -> QuerySet[Account]:
    since = parse_datetime(payload["since"])
    assert since is not None  # as `tell` wrote it
    return stopped(team_ids=payload["teams"], since=since)


def _fewer(payload: dict[str, Any]) -> QuerySet[Account]:
    """Return what went on with fewer people, as far as it still does, and its team still refuses somebody's log-in."""
    outside = AccountToken.objects.filter(account=OuterRef("pk"), access_reason=OUTSIDE)
    found = Account.objects.filter(
        Exists(outside), pk__in=payload.get("fewer", ()), team__in=payload["teams"]
    )
    return found.filter(usable_count__gt=0).order_by("people_count", "name", "pk")
