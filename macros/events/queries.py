"""What happened since a moment, read from the histories that the product keeps anyhow, as rows of the stream that are not written yet.

Each has a key made of what it was read from, so that reading a while twice makes nothing twice.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Min, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, NullIf
from django.utils import timezone

from accounts.models import Account, AccountEvent, AccountToken, Ask, AskLine
from macros.events.models import Event
from macros.notices.models import Notice, Shortage
from tokens.channels import registry, versions
from tokens.models import ChannelApp, Doubt, Token, TokenEvent

Type = Event.Type
ACCOUNT = {
    AccountEvent.Kind.DEACTIVATED: Type.DEACTIVATED,
    AccountEvent.Kind.SHIFTED: Type.SHIFTED,
    AccountEvent.Kind.CONNECTED: Type.RECOVERED,
    AccountEvent.Kind.RESTRICTED: Type.RESTRICTED,
    AccountEvent.Kind.ACKNOWLEDGED: Type.ACKNOWLEDGED,
}
LOG_IN = {
    TokenEvent.Kind.DIED: Type.LOG_IN_ENDED,
    TokenEvent.Kind.REMOVED: Type.LOG_IN_ENDED,
    TokenEvent.Kind.LINKED: Type.LOG_IN_RENEWED,
    TokenEvent.Kind.RECOVERED: Type.LOG_IN_RENEWED,
}
DOUBTED = 3  # log-ins of an app from which on it is an incident, as operators hear


def read_events(since: datetime, now: datetime) -> list[Event]:
    """Return what happened, in the order in which it did."""
    sources = (of_accounts, of_ends_ahead, of_shortages, of_log_ins, of_asks)
    found = [event for source in sources for event in source(since)]
    found += [*of_apps(now), *of_versions(now)]
    return sorted(found, key=lambda event: event.at)


def of_accounts(since: datetime) -> Iterator[Event]:
    """Give what happened to accounts. One works again only where nothing worked before: not after a pause, or its first link."""
    kind = AccountEvent.Kind
    before = _before(AccountEvent.objects.filter(kind__in=[kind.DEACTIVATED, kind.CONNECTED]), "account")
    rows = AccountEvent.objects.filter(at__gte=since, kind__in=ACCOUNT).annotate(before=before)
    again = Q(kind=kind.CONNECTED, before=kind.DEACTIVATED)
    for row in rows.filter(~Q(kind=kind.CONNECTED) | again).select_related("account__team"):
        told = _about(row.account, reason=row.cause)
        yield _event(f"account:{row.pk}", ACCOUNT[AccountEvent.Kind(row.kind)], row.at, row.account, told)


def of_ends_ahead(since: datetime) -> Iterator[Event]:
    """Give the ends that macros warn of, once for each account, cycle and number of days."""
    rows = Notice.objects.live().filter(evaluation__started_at__gte=since, token=None, threshold__gt=0)
    found = rows.values("account", "cycle", "threshold").annotate(at=Min("evaluation__started_at"))
    accounts = Account.objects.select_related("team").in_bulk([row["account"] for row in found])
    for row in found:
        account = accounts[row["account"]]
        told = _about(account, days=row["threshold"])
        yield _event(
            f"ends:{account.pk}:{row['cycle']}:{row['threshold']}", Type.PRE_EXPIRY, row["at"], account, told
        )


def of_shortages(since: datetime) -> Iterator[Event]:
    """Give the accounts that too few people keep connected, by what macros watch."""
    rows = Shortage.objects.filter(began_at__gte=since).select_related("account__team")
    for row in rows:
        key = f"shortage:{row.account_id}:{row.began_at.timestamp():.0f}"
        yield _event(
            key, Type.REDUNDANCY_LOW, row.began_at, row.account, _about(row.account, people=row.people)
        )


def of_log_ins(since: datetime) -> Iterator[Event]:
    """Give the log-ins that stopped or work again, once for each team whose accounts they serve: it knows whose they are.

    One works again that was consented to again, or that came back from its end: not at its first consent, nor after a mere doubt.
    """
    kind = TokenEvent.Kind
    turns = TokenEvent.objects.filter(kind__in=[kind.DIED, kind.REMOVED, kind.LINKED, kind.RECOVERED])
    consent = Q(kind=kind.LINKED) & ~Q(at=F("token__created_at"))
    told = Q(kind__in=[kind.DIED, kind.REMOVED]) | consent | Q(kind=kind.RECOVERED, before=kind.DIED)
    found = TokenEvent.objects.filter(at__gte=since, kind__in=LOG_IN).annotate(before=_before(turns, "token"))
    rows = list(found.filter(told).select_related("token__app", "token__consented_by"))
    teams = defaultdict[int, list[tuple[int, int]]](list)
    served = AccountToken.objects.filter(token__in={row.token_id for row in rows}).order_by()
    for token, team, number in served.values_list("token", "account__team").annotate(Count("pk")):
        teams[token].append((team, number))
    for row in rows:
        for team, number in teams[row.token_id]:
            data = {
                "log_in": row.token_id,
                "person": row.token.person_name,
                "accounts": number,
                "reason": row.token.reason if row.token.state == Token.State.DEAD else "",
            }
            yield Event(
                key=f"log_in:{row.pk}:{team}", type=LOG_IN[kind(row.kind)], at=row.at,
                team_id=team, channel=row.token.app.channel, data=data,
            )  # fmt: skip


def of_asks(since: datetime) -> Iterator[Event]:
    """Give what people were asked for, and that it is over, once for each channel and team whose accounts it is about."""
    asks = Ask.objects.filter(Q(created_at__gte=since) | Q(ended_at__gte=since)).in_bulk()
    # To renew a log-in is asked for all that it serves.
    of_team = Coalesce("ask__team", "account__team", "token__pool_entries__account__team")
    at_channel = Coalesce(NullIf("channel", Value("")), "token__app__channel")
    lines = AskLine.objects.filter(ask__in=asks).order_by().values_list("ask", of_team, at_channel)
    groups = list(lines.annotate(Count("pk", distinct=True)))
    # Whose link is for any account.
    open_to_any = asks.keys() - {pk for pk, *_ in groups}
    groups += [(pk, asks[pk].team_id, channel, 0) for pk in open_to_any for channel in asks[pk].channels]
    for pk, team, channel, number in groups:
        ask = asks[pk]
        moments: tuple[tuple[Event.Type, datetime | None, dict[str, str]], ...] = (
            (Type.ASK_OPENED, ask.created_at, {}),
            (Type.ASK_DONE, ask.ended_at, {"ending": ask.ending}),
        )
        for type_, at, more in moments:
            if at is not None and at >= since:
                yield Event(
                    key=f"{type_}:{pk}:{team}:{channel}", type=type_, at=at, team_id=team, channel=channel,
                    data={"ask": pk, "what": ask.what, "lines": number, **more},
                )  # fmt: skip


def of_apps(now: datetime) -> Iterator[Event]:
    """Give what differs of an app's trouble from what the stream says of it."""
    doubts = Doubt.objects.filter(ended_at=None, true_at=None).order_by().values_list("app")
    doubted = dict(doubts.annotate(Count("token", distinct=True)))
    told = Event.objects.filter(type__in=[Type.INCIDENT_OPENED, Type.INCIDENT_CLOSED])
    newest = {one.data["app"]: one for one in told.order_by("pk")}
    for app in ChannelApp.objects.set_up():
        last = newest.get(app.pk)
        is_told = last is not None and last.type == Type.INCIDENT_OPENED
        reason = app.fault_kind or ("doubted" if doubted.get(app.pk, 0) >= DOUBTED else "")
        if bool(reason) != is_told:
            type_ = Type.INCIDENT_OPENED if reason else Type.INCIDENT_CLOSED
            yield Event(
                key=f"{type_}:{app.pk}:{last.pk if last else 0}", type=type_, at=now, channel=app.channel,
                data={"app": app.pk, **({"reason": reason} if reason else {})},
            )  # fmt: skip


def of_versions(now: datetime) -> Iterator[Event]:
    """Give the versions of channels' APIs that end in 60 or 14 days, or have ended."""
    today = timezone.localdate(now)
    for channel in sorted(set(ChannelApp.objects.set_up().values_list("channel", flat=True))):
        version = versions.in_use(registry.get(channel))
        stage = versions.stage(version.end, today) if version is not None and version.end else None
        if version is not None and version.end is not None and stage is not None:
            told = {
                "version": version.name,
                "ends_on": version.end.isoformat(),
                "days": (version.end - today).days,
            }
            yield Event(
                key=f"version:{channel}:{version.name}:{stage}",
                type=Type.VERSION_ENDING,
                at=now,
                channel=channel,
                data=told,
            )


def _before(events: QuerySet[Any], owner: str) -> Subquery:
    """Return the kind of the last of these events of an event's `owner` before it."""
    earlier = Q(at__lt=OuterRef("at")) | Q(at=OuterRef("at"), pk__lt=OuterRef("pk"))
    found = events.filter(earlier, **{owner: OuterRef(owner)})
    return Subquery(found.order_by("-at", "-pk").values("kind")[:1])


def _about(account: Account, **more: Any) -> dict[str, Any]:
    """Return what is told of an account. `works_until`: ISO 8601; None where it is not known, or never."""
    return {
        "native_id": account.native_id,
        "name": account.name,
        "team": account.team.name,
        "state": account.state,
        "works_until": account.deadline.isoformat() if account.deadline else None,
        **more,
    }


def _event(key: str, type_: Event.Type, at: datetime, account: Account, told: dict[str, Any]) -> Event:
    return Event(
        key=key,
        type=type_,
        at=at,
        team_id=account.team_id,
        account=account,
        channel=account.channel,
        data=told,
    )
