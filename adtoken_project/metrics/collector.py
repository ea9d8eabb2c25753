"""Everything that `/metrics` says: rows of the database, queues and counters of Valkey, and how long reading them took."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError
from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from adtoken_project.metrics import counted, queues, rows
from adtoken_project.version import VERSION
from tokens.channels import shared
from users import hold

logger = logging.getLogger(__name__)

KEPT = 5.0  # seconds for which what was read is given again
# And what took long is kept for so many times as long: a hundredth of a connection's time goes to it at most, whoever asks how often,
# because all processes share what one of them read.
SHARE = 100
LONGEST_KEPT = 60.0  # seconds, whatever it took: figures are wanted most while the database is slow
LONGEST = 5_000  # milliseconds for one query

Read = Callable[[], Iterable[Metric]]


class Figures(Collector):
    """Reads each family when it is asked for, but not more often than its cost allows. One that fails leaves the others alone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: dict[str, float] = {}  # name -> how long reading took

    def collect(self) -> Iterator[Metric]:
        """Give all of them."""
        with self._lock:  # who comes meanwhile gets what the first one read
            yield _build()
            yield from self._of_database()
            yield from self._of_valkey()
            yield self._cost()

    def _of_database(self) -> Iterator[Metric]:
        up = _database_answers()
        yield GaugeMetricFamily("adtoken_database_up", "1: PostgreSQL answers.", value=up)
        if not up:
            return
        yield GaugeMetricFamily(
            "adtoken_on_hold",
            "1: the installation is on hold and does nothing.",
            value=hold.current() is not None,
        )
        failed = GaugeMetricFamily(
            "adtoken_figures_missing", "1: these figures could not be read.", labels=["figures"]
        )
        for family in rows.FAMILIES:
            found = self._once(family.__name__, lambda family=family: _in_time(family))  # type: ignore[misc]
            failed.add_metric([family.__name__], found is None)
            yield from found or ()
        yield failed

    def _of_valkey(self) -> Iterator[Metric]:
        found = self._once("valkey", _of_valkey)
        yield GaugeMetricFamily("adtoken_redis_up", "1: Redis or Valkey answers.", value=found is not None)
        yield from found or ()

    def _cost(self) -> Metric:
        cost = GaugeMetricFamily(
            "adtoken_figures_read_seconds",
            "How long reading these figures took, when they were last read.",
            labels=["figures"],
        )
        for name, seconds in self._seconds.items():
            cost.add_metric([name], seconds)
        return cost

    def _once(self, name: str, read: Read) -> list[Metric] | None:
        """Return what this or another process read lately, or read it. None where it cannot be read."""
        key = f"figures:{name}"
        kept: tuple[float, list[Metric]] | None = shared.read([key]).get(key)
        if kept is not None:
            self._seconds[name] = kept[0]
            return kept[1]
        began = time.monotonic()
        try:
            found = list(read())
        except (DatabaseError, RedisError, OperationalError, OSError) as error:
            logger.warning("figures of %s could not be read: %s", name, type(error).__name__)
            self._seconds.pop(name, None)
            return None
        self._seconds[name] = seconds = time.monotonic() - began
        shared.write(key, (seconds, found), max(KEPT, min(SHARE * seconds, LONGEST_KEPT)))
        return found


def registry() -> CollectorRegistry:
    """Return a registry of these figures."""
    made = CollectorRegistry(auto_describe=False)
    made.register(Figures())
    return made


def _build() -> Metric:
    build = GaugeMetricFamily(
        "adtoken_build_info", "Always 1: what the process runs that was asked.", labels=["version", "release"]
    )
    build.add_metric([VERSION, settings.RELEASE], 1)
    return build


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
    except DatabaseError:
        return False
    return True


def _in_time(family: Callable[..., Iterable[Metric]]) -> list[Metric]:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("select set_config('statement_timeout', %s, true)", [str(LONGEST)])
        return list(family(timezone.now()))


def _of_valkey() -> Iterator[Metric]:
    sums, moments = counted.read()
    yield from _requests(sums)
    yield from _tasks(sums, moments)
    yield from _queues()


def _requests(sums: dict[counted.Labels, float]) -> Iterator[Metric]:
    total = CounterMetricFamily(
        "adtoken_api_requests", "Requests of the API by operation and status.", labels=["operation", "status"]
    )
    seconds = HistogramMetricFamily(
        "adtoken_api_request_duration_seconds", "How long the API took to answer.", labels=["operation"]
    )
    leases = CounterMetricFamily(
        "adtoken_leases", "Leases asked for, singly or in a batch, by what was answered.", labels=["status"]
    )
    operations: dict[str, dict[str, float]] = {}
    for labels, value in sorted(sums.items()):
        match labels:
            case ("request", operation, status):
                total.add_metric([operation, status], value)
            case ("lease", status):
                leases.add_metric([status], value)
            case ("request seconds", operation, bucket):
                operations.setdefault(operation, {})[bucket] = value
    for operation, found in operations.items():
        seconds.add_metric([operation], _buckets(found), sum_value=found.get("sum", 0.0))
    yield from (total, seconds, leases)


def _buckets(found: dict[str, float]) -> list[tuple[str, float]]:
    """Return the buckets as Prometheus wants them: each with all that are smaller."""
    so_far, made = 0.0, []
    for limit in (*map(str, counted.BUCKETS), "+Inf"):
        so_far += found.get(limit, 0.0)
        made.append((limit, so_far))
    return made


def _tasks(sums: dict[counted.Labels, float], moments: dict[counted.Labels, float]) -> Iterator[Metric]:
    seconds = SummaryMetricFamily(
        "adtoken_task_duration_seconds", "Runs of background tasks.", labels=["task"]
    )
    failed = CounterMetricFamily("adtoken_task_failures", "Runs that ended with an error.", labels=["task"])
    last = GaugeMetricFamily(
        "adtoken_task_last_success_timestamp_seconds", "When a run last ended well.", labels=["task"]
    )
    for labels, value in sorted(sums.items()):
        match labels:
            case ("task", task):
                seconds.add_metric([task], int(value), sums.get(("task seconds", task), 0.0))
            case ("task failed", task):
                failed.add_metric([task], value)
    for (_, task), at in sorted(moments.items()):
        last.add_metric([task], at)
    yield from (seconds, failed, last)


def _queues() -> Iterator[Metric]:
    lengths = GaugeMetricFamily("adtoken_queue_length", "Calls to workers that wait.", labels=["queue"])
    ages = GaugeMetricFamily(
        "adtoken_queue_age_seconds",
        "For how long the oldest of them has waited; 0: none waits.",
        labels=["queue"],
    )
    for name, queue in queues.read().items():
        lengths.add_metric([name], queue.length)
        ages.add_metric([name], queue.age)
    yield from (lengths, ages)
