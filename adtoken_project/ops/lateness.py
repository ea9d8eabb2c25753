"""How late the work of each lane is, for `/healthz`, the start page and metrics; operators hear once by mail that a lane is late."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.alerts import mails as alert_mail
from accounts.alerts import services as alerts
from adtoken_project.models import BackgroundProcess, Heartbeat
from adtoken_project.workers import lanes, signs_of_life
from macros.models import Evaluation, Macro
from macros.warnings import services as evaluation
from notifications import outbox
from notifications.models import Message
from notifications.outbox import Mail, compose_mail, reader_of
from tokens.channels import brake, declarations, gate
from tokens.models import ChannelApp, DeletionRequest, Token
from ui import dates
from ui.phrases import phrase
from users.installation import hold
from users.people.queries import operators

logger = logging.getLogger(__name__)
say = partial(phrase, "words/background_work.txt")

ASKED_LIMIT, DUE_LIMIT = (
    timedelta(minutes=5),
    timedelta(minutes=15),
)  # of a renewal that somebody waits for; of the rest
MAIL_LIMIT = timedelta(minutes=5)
TICKS = "ticks"  # the heartbeat that beat sends and the lane for mails writes
MARK = "late:"  # begins the name of the row that says since when a lane is late
QUIET = timedelta(hours=1)  # a lane that is late again so soon is still the same trouble


@dataclass(frozen=True)
class Work:
    """The oldest work of one kind that waits: since when, and from which age on that is late."""

    lane: str
    what: str  # as operators read it: "a check of Facebook"
    since: datetime | None  # None: nothing waits
    limit: timedelta

    def age(self, now: datetime) -> timedelta:
        """Return for how long it waits."""
        return max(now - self.since, timedelta(0)) if self.since else timedelta(0)

    def is_late(self, now: datetime) -> bool:
        """Return whether operators have to act."""
        return self.age(now) > self.limit

    def words(self, now: datetime) -> str:
        """Say it in one line."""
        minutes = round(self.age(now).total_seconds() / 60)
        return say("has_waited", what=self.what, minutes=minutes)


def read(now: datetime) -> list[Work]:
    """Return the oldest work of each kind. A few indexed reads; safe to call every minute.

    What waits longer than the lane's workers run counts from their start: they cannot have done it before.
    """
    began = _began(now)
    found = [_mail(), _evaluation(now), _ticks(), *_of_tokens(now), _deletion()]
    return [
        replace(work, since=work.since and max(work.since, began.get(work.lane, work.since)))
        for work in found
    ]


def _began(now: datetime) -> dict[str, datetime]:
    """Return lane -> since when a worker of it has been running without a gap, of lanes that have one."""
    found: dict[str, datetime] = {}
    fresh = BackgroundProcess.objects.filter(seen_at__gt=now - signs_of_life.FRESH)
    for parts, started_at in fresh.values_list("parts", "started_at"):
        for part in parts:
            found[part] = min(started_at, found.get(part, started_at))
    return found


def late(now: datetime) -> list[Work]:
    """Return what is late, the lane for mails first. On hold everything waits on purpose."""
    if hold.current() is not None:
        return []
    return [work for work in read(now) if work.is_late(now)]


def _mail() -> Work:
    waiting = Message.objects.filter(state=Message.State.QUEUED)
    oldest = waiting.order_by("next_attempt_at").values_list("next_attempt_at", flat=True).first()
    kept_back = Message.objects.kept_back().order_by("waits_since")
    refused = kept_back.values_list("waits_since", flat=True).first()
    if refused is not None and (oldest is None or refused < oldest):
        return Work("mail", say("mail_kept_back"), refused, MAIL_LIMIT)
    return Work("mail", say("mail"), oldest, MAIL_LIMIT)


def _evaluation(now: datetime) -> Work:
    """Today's run, which is due from MACROS_HOUR on."""
    today = dates.local_day(now)
    due = evaluation.hour_of(today)
    done = Evaluation.objects.scheduled().filter(on_date=today, finished_at__isnull=False)
    waits = due <= now and Macro.objects.filter(enabled=True).exists() and not done.exists()
    return Work("mail", say("evaluation"), due if waits else None, timedelta(hours=1))


def _ticks() -> Work:
    """The last tick that went all the way; before the first one, when the oldest worker that runs beat began."""
    last = Heartbeat.objects.filter(name=TICKS).values_list("at", flat=True).first()
    since = max((at for at in (last, _clock_began()) if at is not None), default=None)
    return Work("mail", say("tick"), since, timedelta(minutes=3))


def _clock_began() -> datetime | None:
    """Return when the oldest worker that runs beat began."""
    clocks = BackgroundProcess.objects.filter(parts__contains=[lanes.MAIL])
    return clocks.order_by("started_at").values_list("started_at", flat=True).first()


def _of_tokens(now: datetime) -> list[Work]:
    """Renewals and checks, but of apps whose calls get no answer, and checks of those that are near their limit: these wait on purpose."""
    apps = [app for app in ChannelApp.objects.all() if not gate.is_silent(app.channel, app.client_id)]
    swept = [app for app in apps if not brake.slows_checks(app.call_name, budget=app.daily_budget)]
    due = Token.objects.filter(due_at__lte=now).not_removed()
    asked_for = Token.objects.filter(refresh_wanted_at__isnull=False)
    renewals, checks = due.filter(due_for=Token.DueFor.REFRESH), due.exclude(due_for=Token.DueFor.REFRESH)
    return [
        _oldest(
            lanes.REFRESHES,
            "renewal_asked_for",
            asked_for.filter(app__in=apps),
            ASKED_LIMIT,
            "refresh_wanted_at",
        ),
        _oldest(lanes.REFRESHES, "renewal", renewals.filter(app__in=apps), DUE_LIMIT),
        _oldest("checks", "check", checks.filter(app__in=swept, refresh_wanted_at=None), DUE_LIMIT),
    ]


def _oldest(lane: str, words: str, rows: QuerySet[Token], limit: timedelta, field: str = "due_at") -> Work:
    channel, since = rows.order_by(field).values_list("app__channel", field).first() or ("", None)
    return Work(lane, say(words, channel=declarations.label(channel)) if channel else "", since, limit)


def _deletion() -> Work:
    open_ones = DeletionRequest.objects.exclude(state=DeletionRequest.State.DONE)
    oldest = open_ones.order_by("received_at").values_list("received_at", flat=True).first()
    return Work("pushes", say("deletion"), oldest, timedelta(hours=1))


@transaction.atomic
def tell_operators(now: datetime) -> int:
    """Note which lanes are late, and write one message for each whose trouble is new. Returns how many messages were written."""
    found = {work.lane: work for work in reversed(late(now))}
    known = dict(
        Heartbeat.objects.select_for_update().filter(name__startswith=MARK).values_list("name", "at")
    )
    for name, at in known.items():
        if name.removeprefix(MARK) not in found and now - at > QUIET:
            Heartbeat.objects.filter(name=name).delete()
    written = 0
    for lane, work in found.items():
        if MARK + lane in known:
            continue
        Heartbeat.objects.create(name=MARK + lane, at=now)
        logger.error("the lane %s is late: %s", lane, work.words(now))
        for address in operators():
            written += outbox.enqueue(
                kind=alerts.KIND,
                recipient=address,
                dedupe_key=f"{MARK}{lane}:{now.isoformat()}:{address}",
                payload={"lane": lane, "since": work.since and work.since.isoformat()},
                now=now,
            )
    return written


def build_lateness_mail(message: Message) -> Mail:
    """Return the mail, with how it stands by now: whoever reads that mails were late reads it late."""
    reader = reader_of(message)
    lane, now = message.payload["lane"], timezone.now()
    still = [work.words(now) for work in late(now) if work.lane == lane]
    processes = signs_of_life.living(now=now)[lane]
    facts = {
        "lane": lane,
        "does": say(f"lane_{lane}"),
        "since": dates.moment(datetime.fromisoformat(message.payload["since"]), zone=reader.zone).full,
        "still": "; ".join(still),
        "count": len(processes),
        "workers": ", ".join(processes),
    }
    return compose_mail("late", message, reader, facts)


def register_mail() -> None:
    """Say how this part of the mail to operators is built. Called once, when the root app starts."""
    alert_mail.BUILDERS["lane"] = build_lateness_mail
