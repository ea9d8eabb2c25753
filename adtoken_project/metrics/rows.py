"""What the database tells, one query each. No person's data, and no label without a bound."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django_celery_beat.models import PeriodicTask
from prometheus_client.core import GaugeMetricFamily as Gauge

from adtoken_project import lanes, lateness, signs_of_life
from adtoken_project.models import Heartbeat
from adtoken_project.schedules import MARK
from macros.models import Evaluation
from tokens import key_usage
from tokens.channels import declarations, gate
from tokens.models import ChannelApp, Token

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def _read(sql: str, **values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


_TOKENS = """
select a.channel, t.state, t.reason, count(*), count(*) filter (where t.renewed_at > %(since)s),
       count(*) filter (where t.state = 'dead' and t.state_since > %(since)s)
from tokens_token t join tokens_channelapp a on a.id = t.app_id group by 1, 2, 3 order by 1, 2, 3
"""


def tokens(now: datetime) -> Iterator[Gauge]:
    """How many tokens there are, were renewed and died."""
    labels = ["channel", "state", "reason"]
    there = Gauge("adtoken_tokens", "Tokens (log-ins) by state and reason.", labels=labels)
    renewed = Gauge(
        "adtoken_tokens_renewed_1h", "Tokens that were renewed in the last hour.", labels=["channel"]
    )
    died = Gauge(
        "adtoken_tokens_died_1h", "Tokens that died in the last hour and are dead.", labels=labels[::2]
    )
    renewals = dict.fromkeys(declarations.channel_keys(), 0)
    for channel, state, reason, count, fresh, ended in _read(_TOKENS, since=now - HOUR):
        there.add_metric([channel, state, reason], count)
        renewals[channel] += fresh
        if state == Token.State.DEAD:
            died.add_metric([channel, reason], ended)
    for channel, count in renewals.items():
        renewed.add_metric([channel], count)
    yield from (there, renewed, died)


_DUE = """
select a.channel, case t.due_for when 'refresh' then 'refreshes' else 'checks' end, count(*), min(t.due_at)
from tokens_token t join tokens_channelapp a on a.id = t.app_id
where t.due_at <= %(now)s and t.reason <> 'removed' group by 1, 2
"""


def due(now: datetime) -> Iterator[Gauge]:
    """What is due and has not been done, of each lane and channel."""
    labels = ["lane", "channel"]
    counts = Gauge("adtoken_tokens_due", "Tokens whose check or refresh is due and not done.", labels=labels)
    oldest = Gauge(
        "adtoken_oldest_due_seconds",
        "For how long the oldest of them has been due; 0: nothing is.",
        labels=labels,
    )
    found = {(lane, channel): (count, since) for channel, lane, count, since in _read(_DUE, now=now)}
    for lane in ("refreshes", "checks"):
        for channel in declarations.channel_keys():
            count, since = found.get((lane, channel), (0, now))
            counts.add_metric([lane, channel], count)
            oldest.add_metric([lane, channel], (now - since).total_seconds())
    yield from (counts, oldest)


def late(now: datetime) -> Iterator[Gauge]:
    """What `/healthz` calls late."""
    kinds = Gauge(
        "adtoken_work_late", "Kinds of work of a lane that are late; operators are mailed.", labels=["lane"]
    )
    found = [work.lane for work in lateness.late(now)]
    for lane in lanes.LANES:
        kinds.add_metric([lane], found.count(lane))
    yield kinds


def accounts(now: datetime) -> Iterator[Gauge]:  # noqa: ARG001  # one interface
    """How the ad accounts stand."""
    there = Gauge("adtoken_accounts", "Ad accounts by state.", labels=["channel", "state"])
    for channel, state, count in _read(
        "select channel, state, count(*) from accounts_account group by 1, 2 order by 1, 2"
    ):
        there.add_metric([channel, state], count)
    yield there


_EVENTS = "select kind, count(*) from accounts_accountevent where at > %(since)s and kind = any(%(kinds)s) group by 1"
EVENTS = ["shifted", "connected", "interrupted", "deactivated", "restricted"]


def account_events(now: datetime) -> Iterator[Gauge]:
    """Shifts, and what else happened to accounts."""
    happened = Gauge(
        "adtoken_account_events_1h",
        "What happened to ad accounts in the last hour; shifted: another token took over.",
        labels=["kind"],
    )
    found = dict(_read(_EVENTS, since=now - HOUR, kinds=EVENTS))
    for kind in EVENTS:
        happened.add_metric([kind], found.get(kind, 0))
    yield happened


_DOUBTED = """
select a.channel, a.id, (
  select count(distinct d.token_id) from tokens_doubt d where d.app_id = a.id and d.ended_at is null and d.true_at is null
) from tokens_channelapp a order by 1, 2
"""


def doubted(now: datetime) -> Iterator[Gauge]:  # noqa: ARG001  # one interface
    """What channels say against tokens, which is not believed yet."""
    found = Gauge(
        "adtoken_tokens_doubted",
        "Tokens of which the channel says that they, or their ad accounts, are lost: doubted, and asked again.",
        labels=["channel", "app"],
    )
    for channel, app, count in _read(_DOUBTED):
        found.add_metric([channel, str(app)], count)
    yield found


_MESSAGES = "select state, count(*) from notifications_message where created_at > %(since)s group by 1"
_WAITING = """
select count(*) filter (where next_attempt_at <= %(now)s),
       coalesce(extract(epoch from %(now)s - min(least(next_attempt_at, waits_since))), 0)::float
from notifications_message where state in ('queued', 'sending') and (next_attempt_at <= %(now)s or waits_since is not null)
"""


def waiting(now: datetime) -> tuple[int, float]:
    """Return how many mails are to be sent by now, and for how many seconds the oldest mail has been due. One query.

    What our own mail server does not take counts from when it first did not: each try puts off when it is due next.
    """
    ((count, age),) = _read(_WAITING, now=now)
    return count, age


def messages(now: datetime) -> Iterator[Gauge]:
    """How mails leave."""
    recent = Gauge("adtoken_messages_1d", "Mails of the last day by state.", labels=["state"])
    found = dict(_read(_MESSAGES, since=now - DAY))
    for state in ("queued", "sending", "sent", "failed", "cancelled", "held"):
        recent.add_metric([state], found.get(state, 0))
    count, age = waiting(now)
    yield recent
    yield Gauge("adtoken_messages_due", "Mails that are to be sent by now.", value=count)
    yield Gauge(
        "adtoken_oldest_message_due_seconds",
        "For how long the oldest mail has been due, or has not been taken by our own mail server.",
        value=age,
    )


def apps(now: datetime) -> Iterator[Gauge]:  # noqa: ARG001  # one interface
    """How the channel apps stand."""
    labels = ["channel", "app"]
    fault = Gauge("adtoken_channel_app_fault", "1: the channel refuses our app.", labels=labels)
    dark = Gauge(
        "adtoken_channel_app_dark",
        "1: its calls get no answer, so it is left alone for a while.",
        labels=labels,
    )
    for app in ChannelApp.objects.exclude(state=ChannelApp.State.NOT_SET_UP):
        named = [app.channel, str(app.pk)]
        fault.add_metric(named, app.fault_since is not None)
        dark.add_metric(named, gate.readings(app.channel, app.client_id)[-1].state != "closed")
    yield from (fault, dark)


def keys(now: datetime) -> Iterator[Gauge]:  # noqa: ARG001  # one interface
    """Which keys encrypt what is stored."""
    labels = ["key", "kind", "in_ring"]
    rows = Gauge(
        "adtoken_encrypted_rows",
        "Rows by the name of the key that encrypts them; empty: not named.",
        labels=labels,
    )
    for key in key_usage.in_use():
        for kind, count in key.rows.items():
            rows.add_metric([key.key, kind, "yes" if key.in_ring else "no"], count)
    yield rows
    yield Gauge(
        "adtoken_key_problems", "Reasons why stored rows do not open here.", value=len(key_usage.problems())
    )


def schedules(now: datetime) -> Iterator[Gauge]:  # noqa: ARG001  # one interface
    """When beat last sent each schedule. It writes that down every three minutes."""
    interval = Gauge("adtoken_schedule_interval_seconds", "How often it is to run.", labels=["schedule"])
    sent = Gauge(
        "adtoken_schedule_last_sent_timestamp_seconds", "When beat last sent it.", labels=["schedule"]
    )
    ours = PeriodicTask.objects.filter(description=MARK, enabled=True).select_related("interval")
    for task in ours.order_by("name"):
        interval.add_metric([task.name], task.interval.schedule.run_every.total_seconds())
        if task.last_run_at:
            sent.add_metric([task.name], task.last_run_at.timestamp())
    yield from (interval, sent)


def processes(now: datetime) -> Iterator[Gauge]:
    """Who gives signs of life."""
    count = Gauge(
        "adtoken_processes", "Processes of a lane, or beat, that gave a sign of life lately.", labels=["part"]
    )
    for part, names in signs_of_life.living(now=now).items():
        count.add_metric([part], len(names))
    yield count
    ticks = Gauge("adtoken_heartbeat_timestamp_seconds", "When a tick last went from beat through a worker.")
    if at := Heartbeat.objects.filter(name="ticks").values_list("at", flat=True).first():
        ticks.add_metric([], at.timestamp())
    yield ticks


def evaluation(now: datetime) -> Iterator[Gauge]:  # noqa: ARG001  # one interface
    """When the macros were last evaluated."""
    last = Gauge("adtoken_evaluation_timestamp_seconds", "When a scheduled run over all macros last ended.")
    runs = Evaluation.objects.filter(trigger=Evaluation.Trigger.SCHEDULE, finished_at__isnull=False)
    if at := runs.order_by("-on_date").values_list("finished_at", flat=True).first():
        last.add_metric([], at.timestamp())
    yield last


FAMILIES = (
    tokens, due, late, accounts, account_events, doubted, messages, apps, keys, schedules, processes, evaluation,
)  # fmt: skip
