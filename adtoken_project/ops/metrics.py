"""`/metrics` for Prometheus, by a bearer token: what rows say, read when somebody asks, and what each web process counts of the API.

The processes of one gunicorn share their counts by the library's files (`PROMETHEUS_MULTIPROC_DIR`, set in gunicorn.conf.py). No person's
data, and no label without a bound.
"""

import logging
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, Counter, Histogram, exposition
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from accounts.models import Account
from adtoken_project.ops import lateness
from adtoken_project.version import VERSION
from adtoken_project.workers import lanes, signs_of_life
from macros.models import Notice
from notifications.models import Message
from tokens.channels import gate
from tokens.models import ChannelApp, Doubt, Token
from tokens.vault import queries as key_usage
from users.installation import hold

logger = logging.getLogger(__name__)

LONGEST = 5_000  # milliseconds for one query
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
_OPERATION = re.compile(r"/api/v1/(?:accounts|leases)/.+/(lease|report|sign)$")

_SHARED = "PROMETHEUS_MULTIPROC_DIR" in os.environ  # as the library found it when it was loaded

counted = CollectorRegistry()
REQUESTS = Counter(
    "adtoken_api_requests",
    "Requests of the API by operation and status.",
    ["operation", "status"],
    registry=counted,
)
SECONDS = Histogram(
    "adtoken_api_request_duration_seconds",
    "How long the API took to answer.",
    ["operation"],
    registry=counted,
    buckets=BUCKETS,
)
LEASES = Counter(
    "adtoken_leases",
    "Leases asked for, singly or in a batch, by what was answered.",
    ["status"],
    registry=counted,
)


def count_request(*, path: str, status: int, seconds: float, leases: Mapping[int, int] | None = None) -> None:
    """Count a request of the API, and the leases that it asked for: `leases` says of a batch how many were answered by which status."""
    operation = _operation(path)
    if operation == "lease":
        leases = {status: 1}
    with suppress(OSError):  # no room for the counts: that stops nobody
        _child(REQUESTS, operation, status).inc()
        _child(SECONDS, operation).observe(seconds)
        for answered, number in (leases or {}).items():
            _child(LEASES, answered).inc(number)


@cache
def _child(metric: Any, *labels: str | int) -> Any:
    """Return what counts for these labels; the library looks each time whether it has to make it."""
    return metric.labels(*labels)


def _operation(path: str) -> str:
    """Return what a path asks for, one of seven words."""
    if path.startswith("/proxy/"):
        return "proxy"
    if found := _OPERATION.match(path):
        return found[1]
    if path == "/api/v1/leases":
        return "leases"
    return "accounts" if path.startswith("/api/v1/accounts") else "other"


class Figures(Collector):
    """What rows say."""

    def collect(self) -> Iterator[Metric]:
        """Give all of them; without the database, that it is away."""
        return _figures()


def registry() -> CollectorRegistry:
    """Return a registry of these figures, and of what the processes of this web server counted."""
    made = CollectorRegistry(auto_describe=False)
    made.register(Figures())
    if _SHARED:
        MultiProcessCollector(made)  # type: ignore[no-untyped-call]  # the library's own
    else:
        for one in (REQUESTS, SECONDS, LEASES):
            made.register(one)
    return made


def _figures() -> Iterator[Metric]:
    build = Gauge("adtoken_build_info", "Always 1: what runs here.", labels=["version", "release"])
    build.add_metric([VERSION, settings.RELEASE], 1)
    yield build
    yield Gauge("adtoken_redis_up", "1: Redis or Valkey answers.", value=_queue_answers())
    rows: list[Metric] = []
    up = missing = 0
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("select set_config('statement_timeout', %s, true)", [str(LONGEST)])
            up, missing = 1, 1
            rows = list(_of_rows(timezone.now()))
            missing = 0
    except DatabaseError as error:
        logger.warning("figures could not be read: %s", type(error).__name__)
    yield Gauge("adtoken_database_up", "1: PostgreSQL answers.", value=up)
    yield Gauge("adtoken_figures_missing", "1: figures of rows could not be read.", value=missing)
    yield from rows


def _queue_answers() -> bool:
    try:
        return bool(
            redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5).ping()
        )
    except (redis.RedisError, OSError):
        return False


def _of_rows(now: datetime) -> Iterator[Metric]:
    yield Gauge("adtoken_on_hold", "1: on hold, nothing is done.", value=hold.current() is not None)
    yield Gauge(
        "adtoken_key_problems", "Reasons why stored rows do not open.", value=len(key_usage.key_problems())
    )
    yield from _of_lanes(now)
    yield from _of_apps()
    tokens = Token.objects.all()
    yield _counts(
        "adtoken_tokens", "Tokens (log-ins) by state and reason.", tokens, "app__channel", "state", "reason"
    )
    died = tokens.filter(state=Token.State.DEAD, state_since__gt=now - HOUR)
    yield _counts(
        "adtoken_tokens_died_1h", "Tokens that died in the last hour.", died, "app__channel", "reason"
    )
    yield _counts("adtoken_accounts", "Ad accounts by state.", Account.objects.all(), "channel", "state")
    told = Notice.objects.mailed().present().filter(account=OuterRef("pk"))
    ending = Account.objects.filter(deadline_kind=Account.DeadlineKind.DATE, deadline__range=(now, now + DAY))
    yield Gauge(
        "adtoken_accounts_end_untold",
        "Connected ad accounts that stop within a day, of which nobody was mailed.",
        value=ending.filter(state=Account.State.CONNECTED).exclude(Exists(told)).count(),
    )
    recent = Message.objects.filter(created_at__gt=now - DAY)
    yield _counts("adtoken_messages_1d", "Mails of the last day by state.", recent, "state")


def _counts(name: str, about: str, rows: QuerySet[Any], *fields: str) -> Metric:
    """Return how many rows there are of each combination of these fields, which become labels."""
    found = Gauge(name, about, labels=[field.rpartition("__")[2] for field in fields])
    for *values, count in rows.order_by().values_list(*fields).annotate(Count("pk")).order_by(*fields):
        found.add_metric([str(value) for value in values], count)
    return found


def _of_lanes(now: datetime) -> Iterator[Metric]:
    late = Gauge("adtoken_work_late", "Kinds of work of a lane that are late.", labels=["lane"])
    alive = Gauge(
        "adtoken_processes", "Processes of a lane that gave a sign of life lately.", labels=["part"]
    )
    found, living = [work.lane for work in lateness.late(now)], signs_of_life.living(now=now)
    for lane in lanes.LANES:
        late.add_metric([lane], found.count(lane))
        alive.add_metric([lane], len(living[lane]))
    yield from (late, alive)


def _of_apps() -> Iterator[Metric]:
    labels = ["channel", "app"]
    fault = Gauge("adtoken_channel_app_fault", "1: the channel refuses our app.", labels=labels)
    dark = Gauge("adtoken_channel_app_dark", "1: its calls get no answer.", labels=labels)
    doubted = Gauge("adtoken_tokens_doubted", "Tokens whose end or loss is not believed yet.", labels=labels)
    open_doubts = Doubt.objects.filter(ended_at=None, true_at=None).order_by()
    counts = dict(open_doubts.values_list("app").annotate(Count("token", distinct=True)))
    for app in ChannelApp.objects.order_by("channel", "pk"):
        named = [app.channel, str(app.pk)]
        doubted.add_metric(named, counts.get(app.pk, 0))
        if app.state != ChannelApp.State.NOT_SET_UP:
            fault.add_metric(named, app.fault_since is not None)
            dark.add_metric(named, gate.is_silent(app.channel, app.client_id))
    yield from (fault, dark, doubted)


_registry = registry()


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Give all figures to whoever has METRICS_TOKEN. Without that setting there is no such page (404)."""
    if not settings.METRICS_TOKEN:
        raise Http404
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not secrets.compare_digest(
        token.strip().encode(), settings.METRICS_TOKEN.encode()
    ):
        return HttpResponse(
            "METRICS_TOKEN as bearer token, please.\n",
            status=401,
            content_type="text/plain",
            headers={"WWW-Authenticate": "Bearer"},
        )
    encode, content_type = exposition.choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(_registry), content_type=content_type, headers={"Cache-Control": "no-store"})
