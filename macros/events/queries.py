"""What happened since a moment, read from the histories that the product keeps anyhow, as rows of the stream that are not written yet.

Each has a key made of what it was read from, so that reading a while twice makes nothing twice.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q
from django.utils import timezone

from accounts.models import Account, AccountEvent, AccountToken, Ask
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
    AccountEvent.Kind.UNRESTRICTED: Type.RECOVERED,
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
    """Give what happened to accounts."""
    rows = AccountEvent.objects.filter(at__gte=since, kind__in=ACCOUNT).select_related("account__team")
    for row in rows:
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
    """Give the log-ins that stopped or work again, once for each team whose accounts they serve: it knows whose they are."""
    rows = TokenEvent.objects.filter(at__gte=since, kind__in=LOG_IN).select_related(
        "token__app", "token__consented_by"
    )
    for row in rows:
        served = (
            AccountToken.objects.filter(token=row.token_id)
            .values("account__team")
            .annotate(number=Count("pk"))
        )
        for team in served:
            told = {
                "log_in": row.token_id,
                "person": row.token.person_name,
                "accounts": team["number"],
                "reason": row.token.reason if row.token.state == Token.State.DEAD else "",
            }
            yield Event(
                key=f"log_in:{row.pk}:{team['account__team']}", type=LOG_IN[TokenEvent.Kind(row.kind)], at=row.at,
                team_id=team["account__team"], channel=row.token.app.channel, data=told,
            )  # fmt: skip


def of_asks(since: datetime) -> Iterator[Event]:
    """Give what people were asked for, and that it is over, once for each team whose accounts it is about."""
    for ask in Ask.objects.filter(Q(created_at__gte=since) | Q(ended_at__gte=since)):
        parts = _parts(ask)
        moments: tuple[tuple[Event.Type, datetime | None, dict[str, str]], ...] = (
            (Type.ASK_OPENED, ask.created_at, {}),
            (Type.ASK_DONE, ask.ended_at, {"ending": ask.ending}),
        )
        for type_, at, more in moments:
            if at is None or at < since:
                continue
            for channel, team, number in parts:
                yield Event(
                    key=f"{type_}:{ask.pk}:{team}:{channel}", type=type_, at=at, team_id=team, channel=channel,
                    data={"ask": ask.pk, "what": ask.what, "lines": number, **more},
                )  # fmt: skip


def _parts(ask: Ask) -> list[tuple[str, int | None, int]]:
    """Return by channel and team how much is asked for: log-ins, of each team that they serve; accounts; of a client link for any, none."""
    if ask.what == Ask.What.RENEW:
        served = AccountToken.objects.filter(token__in=ask.lines.values("token")).order_by()
        found = served.values_list("account__channel", "account__team")
        return list(found.annotate(number=Count("token", distinct=True)))
    lines = ask.lines.values_list("channel", "account__team").annotate(number=Count("pk"))
    of_lines = [(channel, ask.team_id or team, number) for channel, team, number in lines]
    return of_lines or [(channel, ask.team_id, 0) for channel in ask.channels]


def of_apps(now: datetime) -> Iterator[Event]:
    """Give what differs of an app's trouble from what the stream says of it."""
    doubts = Doubt.objects.filter(ended_at=None, true_at=None).order_by().values_list("app")
    doubted = dict(doubts.annotate(Count("token", distinct=True)))
    for app in ChannelApp.objects.set_up():
        of_app = Event.objects.filter(type__in=[Type.INCIDENT_OPENED, Type.INCIDENT_CLOSED], data__app=app.pk)
        last = of_app.order_by("-pk").first()
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
