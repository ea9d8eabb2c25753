"""How late the work of each lane is: one reading for `/healthz`, the start page, the mail to operators, and metrics."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import Count, Exists, F, Func, Max, Min, OuterRef, Q, Value

from adtoken_project import signs_of_life
from adtoken_project.models import BackgroundProcess, Heartbeat
from macros import evaluation
from macros.models import Evaluation, Macro
from notifications import kept_back
from notifications.models import Message
from tokens.channels import brake, gate
from tokens.models import ChannelApp, DeletionRequest, Token
from ui.phrases import phrase
from users import hold

say = partial(phrase, "words/background_work.txt")

MAIL_LIMIT = kept_back.WAITS_AT_MOST
DOMAINS, REFUSED_LIMIT = (
    3,
    timedelta(minutes=10),
)  # so many domains refuse mail for so long: it is our own side
TICKS = "ticks"  # the heartbeat that beat sends and the lane for mails writes


@dataclass(frozen=True)
class Work:
    """The oldest work of one kind that waits: since when, and from which age on that is late."""

    lane: str
    what: str  # as operators read it: "a check of Facebook"
    since: datetime | None  # None: nothing waits
    limit: timedelta
    excuse: str = ""  # why it waits on purpose; then it is never late

    def age(self, now: datetime) -> timedelta:
        """Return for how long it waits."""
        return max(now - self.since, timedelta(0)) if self.since else timedelta(0)

    def is_late(self, now: datetime) -> bool:
        """Return whether operators have to act."""
        return not self.excuse and self.age(now) > self.limit

    def words(self, now: datetime) -> str:
        """Say it in one line."""
        minutes = round(self.age(now).total_seconds() / 60)
        return say("has_waited", what=self.what, minutes=minutes)


def read(now: datetime) -> list[Work]:
    """Return the oldest work of each kind. A few indexed reads; safe to call every minute.

    What waits longer than the lane's workers run counts from their start: they cannot have done it before.
    """
    began = _began(now)
    found = [
        _mail(),
        _refused(),
        _evaluation(now),
        _ticks(),
        *_of_apps(now),
        _deletion(),
    ]
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
    refused = kept_back.since()
    if refused is not None and (oldest is None or refused < oldest):
        return Work("mail", say("mail_kept_back"), refused, MAIL_LIMIT)
    return Work("mail", say("mail"), oldest, MAIL_LIMIT)


def _refused() -> Work:
    """Mails that were refused at several domains, since when none was taken: a server that defers all moves the next try of each."""
    domain = Func(F("recipient"), Value("@"), Value(2), function="split_part")
    refused = Message.objects.filter(state=Message.State.QUEUED, failures__gt=0)
    found = refused.aggregate(since=Min("queued_at"), domains=Count(domain, distinct=True))
    if found["domains"] < DOMAINS:
        return Work("mail", say("mail_kept_back"), None, REFUSED_LIMIT)
    taken = Message.objects.filter(state=Message.State.SENT, created_at__gte=found["since"])
    last = taken.aggregate(last=Max("sent_at"))["last"]
    return Work("mail", say("mail_kept_back"), max(found["since"], last or found["since"]), REFUSED_LIMIT)


def _evaluation(now: datetime) -> Work:
    """Today's run, which is due from MACROS_HOUR on."""
    due = evaluation.hour_of(evaluation.local_day(now))
    done = Evaluation.objects.filter(
        trigger=Evaluation.Trigger.SCHEDULE, on_date=evaluation.local_day(now), finished_at__isnull=False
    )
    waits = due <= now and Macro.objects.filter(enabled=True).exists() and not done.exists()
    return Work("mail", say("evaluation"), due if waits else None, timedelta(hours=1))


def _ticks() -> Work:
    """The last tick that went all the way; before the first one, when the oldest beat that runs began."""
    last = Heartbeat.objects.filter(name=TICKS).values_list("at", flat=True).first()
    since = max((at for at in (last, _clock_began()) if at is not None), default=None)
    return Work("mail", say("tick"), since, timedelta(minutes=3))


def _clock_began() -> datetime | None:
    """Return when the oldest beat that runs began."""
    beats = BackgroundProcess.objects.filter(parts__contains=[signs_of_life.BEAT])
    return beats.order_by("started_at").values_list("started_at", flat=True).first()


def _of_apps(now: datetime) -> list[Work]:
    waits = Q(due_at__lte=now) | Q(refresh_wanted_at__isnull=False)
    due = Token.objects.filter(waits, app=OuterRef("pk")).exclude(reason=Token.REMOVED)
    apps = ChannelApp.objects.filter(Exists(due)).order_by("channel", "pk")
    return [work for app in apps for work in _of_app(app, now)]


def _of_app(app: ChannelApp, now: datetime) -> list[Work]:
    name = app.get_channel_display()
    due = Token.objects.filter(app=app, due_at__lte=now).exclude(reason=Token.REMOVED).order_by("due_at")
    kinds: list[tuple[str, str, Any, timedelta]] = [
        (
            "refreshes",
            say("renewal", channel=name),
            due.filter(due_for=Token.DueFor.REFRESH),
            timedelta(minutes=15),
        ),
        (
            "checks",
            say("check", channel=name),
            due.filter(refresh_wanted_at=None).exclude(due_for=Token.DueFor.REFRESH),
            timedelta(minutes=15),
        ),
    ]
    asked_for = Token.objects.filter(app=app, refresh_wanted_at__isnull=False).order_by("refresh_wanted_at")
    since = asked_for.values_list("refresh_wanted_at", flat=True).first()
    asked = Work(
        "refreshes",
        say("renewal_asked_for", channel=name),
        since,
        timedelta(minutes=5),
        excuse=_excuse(app, "refreshes"),
    )
    return [
        asked,
        *(
            Work(
                lane, what, tokens.values_list("due_at", flat=True).first(), limit, excuse=_excuse(app, lane)
            )
            for lane, what, tokens, limit in kinds
        ),
    ]


def _excuse(app: ChannelApp, lane: str) -> str:
    """Return why an app's work waits on purpose."""
    if gate.readings(app.channel, app.client_id)[-1].state != "closed":
        return say("no_answer")
    if lane == "refreshes":
        return ""
    slowed = brake.slows_checks(gate.name_of(app.channel, app.client_id), budget=app.daily_budget)
    return say("limit_nearly_used") if slowed else ""


def _deletion() -> Work:
    open_ones = DeletionRequest.objects.exclude(state=DeletionRequest.State.DONE)
    oldest = open_ones.order_by("received_at").values_list("received_at", flat=True).first()
    return Work("pushes", say("deletion"), oldest, timedelta(hours=1))
