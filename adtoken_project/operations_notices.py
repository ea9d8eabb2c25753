"""What the portal's start page says of background work and its hosts."""

from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from adtoken_project import lanes, lateness, signs_of_life, version
from adtoken_project.metrics import rows
from notifications import kept_back
from notifications.models import Message
from portal import message_rows, start_page
from portal.start_cards import Said
from portal.start_well import WellLine, say
from ui import dates
from ui.counts import number


def background(now: datetime) -> tuple[list[str], list[WellLine]]:
    """Return in a sentence each what is wrong with background work, and how its parts are, both of one reading."""
    living, late = signs_of_life.living(now=now), lateness.late(now)
    return _notices(living, late, now), _well(living, late, now)


def _notices(living: dict[str, list[str]], late: list[lateness.Work], now: datetime) -> list[str]:
    """Return in a sentence each which lanes have no worker, which work is late, and which clocks are wrong."""
    dead = [lane for name, lane in lanes.LANES.items() if not living[name]]
    return [
        *(
            [lateness.say("no_worker", lanes="; ".join(lateness.say(f"lane_{lane.name}") for lane in dead))]
            if dead
            else []
        ),
        *(f"{work.words(now)}." for work in late if living[work.lane]),
        *(f"{said[0].upper()}{said[1:]}." for said in signs_of_life.wrong_clocks(now=now)),
    ]


def _well(living: dict[str, list[str]], late: list[lateness.Work], now: datetime) -> list[WellLine]:
    """Return how checks, renewals, what is asked for, and mails are, as `/healthz` and `/metrics` have it."""
    return [
        *(
            _of_lane(name, lane, living, late, now)
            for name, lane in (
                (say("checks"), "checks"),
                (say("renewals"), lanes.REFRESHES),
                (say("pushes"), "pushes"),
            )
        ),
        _of_mails(living, now),
    ]


def _of_lane(
    name: str, lane: str, living: dict[str, list[str]], late: list[lateness.Work], now: datetime
) -> WellLine:
    if not living[lane]:
        return WellLine(name, say("no_worker_runs"), "cancel", "bad")
    waits = [work for work in late if work.lane == lane]
    if waits:
        oldest = max(waits, key=lambda work: work.age(now))
        return WellLine(name, oldest.words(now), "warning", "warn")
    return WellLine(name, say("in_time"))


def _of_mails(living: dict[str, list[str]], now: datetime) -> WellLine:
    count, seconds = rows.waiting(now)
    sent = Message.objects.filter(state=Message.State.SENT).order_by("-created_at", "-pk")
    last = sent.values_list("sent_at", flat=True).first()
    failed = message_rows.failed_lately(Message.objects.all(), now).count()
    link = reverse("admin:notifications_message_changelist")
    said = [
        Said(say("queue", n=count, shown=number(count)), f"{link}?sending={message_rows.DUE}")
        if count
        else Said(say("no_queue")),
        Said(say("last_sent", when=dates.ago(last, now=now, zone=timezone.get_current_timezone())))
        if last
        else Said(say("never_sent")),
    ]
    refused = kept_back.waiting().count()
    if refused:
        words = say("kept_back", n=refused, shown=number(refused))
        said.append(Said(words, f"{link}?sending={message_rows.KEPT_BACK}"))
    if late := message_rows.came_late(Message.objects.all(), now).count():
        said.append(
            Said(say("came_late", n=late, shown=number(late)), f"{link}?sending={message_rows.CAME_LATE}")
        )
    if failed:
        words = say("failed", n=failed, shown=number(failed))
        said.append(Said(words, f"{link}?sending={message_rows.FAILED}"))
    if not (settings.MAIL_SERVICE and settings.MAIL_WEBHOOK_SECRET):
        said.append(Said(say("unreported")))
    icon, tone = (
        ("warning", "warn")
        if failed or refused or seconds > lateness.MAIL_LIMIT.total_seconds()
        else ("check_circle", "good")
    )
    if not living["mail"]:
        said, icon, tone = [Said(say("no_worker_runs")), *said], "cancel", "bad"
    return WellLine(say("messages"), "", icon, tone, link, said)


def register() -> None:
    """Have the start page show it. Called once, when the root app starts."""
    start_page.register(background=background, version=version.called)
