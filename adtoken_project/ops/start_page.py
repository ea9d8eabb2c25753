"""What the portal's start page says of background work and its hosts, by the checks of `health`."""

from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from accounts.account_pages import message_rows
from adtoken_project import version
from adtoken_project.ops import health, lateness
from adtoken_project.workers import lanes, signs_of_life
from notifications.models import Message
from portal.start import views as start_page
from portal.start.queries import Said, WellLine, say_start
from ui import dates
from ui.text import number


def background(now: datetime) -> tuple[list[str], list[WellLine]]:
    """Return in a sentence each what is wrong with background work, and how its parts are."""
    notices = [found.said for check in health.OF_WORK for found in health.made(check.look)]
    notices += [f"{said[0].upper()}{said[1:]}." for said in signs_of_life.wrong_clocks(now=now)]
    living, late = signs_of_life.living(now=now), lateness.late(now)
    parts = (
        (say_start("checks"), "checks"),
        (say_start("renewals"), lanes.REFRESHES),
        (say_start("pushes"), "pushes"),
    )
    return notices, [
        *(_of_lane(name, lane, living, late, now) for name, lane in parts),
        _of_mails(living, late, now),
    ]


def _of_lane(
    name: str, lane: str, living: dict[str, list[str]], late: list[lateness.Work], now: datetime
) -> WellLine:
    if not living[lane]:
        return WellLine(name, say_start("no_worker_runs"), "cancel", "bad")
    waits = [work for work in late if work.lane == lane]
    if waits:
        oldest = max(waits, key=lambda work: work.age(now))
        return WellLine(name, oldest.words(now), "warning", "warn")
    return WellLine(name, say_start("in_time"))


def _of_mails(living: dict[str, list[str]], late: list[lateness.Work], now: datetime) -> WellLine:
    link = reverse("admin:notifications_message_changelist")
    messages = Message.objects.all()
    last = (
        messages.filter(state=Message.State.SENT)
        .order_by("-created_at", "-pk")
        .values_list("sent_at", flat=True)
    )
    counts = {
        "queue": (message_rows.DUE, messages.due(now).count()),
        "kept_back": (message_rows.KEPT_BACK, messages.kept_back().count()),
        "failed": (message_rows.FAILED, messages.failed_lately(now).count()),
    }
    said = [
        Said(say_start(words, n=count, shown=number(count)), f"{link}?sending={rows}")
        for words, (rows, count) in counts.items()
        if count
    ]
    sent_at = last.first()
    zone = timezone.get_current_timezone()
    said.append(
        Said(
            say_start("last_sent", when=dates.ago(sent_at, now=now, zone=zone))
            if sent_at
            else say_start("never_sent")
        )
    )
    if not counts["queue"][1]:
        said.insert(0, Said(say_start("no_queue")))
    if not (settings.MAIL_SERVICE and settings.MAIL_WEBHOOK_SECRET):
        said.append(Said(say_start("unreported")))
    if not living[lanes.MAIL]:
        return WellLine(
            say_start("messages"), "", "cancel", "bad", link, [Said(say_start("no_worker_runs")), *said]
        )
    bad = counts["failed"][1] or counts["kept_back"][1] or any(work.lane == lanes.MAIL for work in late)
    icon, tone = ("warning", "warn") if bad else ("check_circle", "good")
    return WellLine(say_start("messages"), "", icon, tone, link, said)


def register_notices() -> None:
    """Have the start page show it. Called once, when the root app starts."""
    start_page.register(background=background, version=version.called)
