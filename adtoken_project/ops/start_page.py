"""What the portal's start page says of background work and its hosts, by the checks of `health`."""

from datetime import datetime

from django.urls import reverse

from accounts.account_pages import message_rows
from adtoken_project import version
from adtoken_project.ops import health
from adtoken_project.workers import signs_of_life
from notifications.models import Message
from portal.start import views as start_page
from portal.start.queries import Said, WellLine, say_start
from ui.text import number


def background(now: datetime) -> tuple[list[str], list[WellLine]]:
    """Return in a sentence each what is wrong with background work, and a line on mails where not all is well."""
    notices = [found.said for check in health.OF_WORK for found in health.made(check.look)]
    return notices + signs_of_life.wrong_clocks(now=now), _of_mails(now)


def _of_mails(now: datetime) -> list[WellLine]:
    link = reverse("admin:notifications_message_changelist")
    messages = Message.objects.all()
    counts = {
        "kept_back": (message_rows.KEPT_BACK, messages.kept_back().count()),
        "failed": (message_rows.FAILED, messages.failed_lately(now).count()),
    }
    said = [
        Said(say_start(words, n=count, shown=number(count)), f"{link}?sending={rows}")
        for words, (rows, count) in counts.items()
        if count
    ]
    return [WellLine(say_start("messages"), "", "warning", "warn", link, said)] if said else []


def register_notices() -> None:
    """Have the start page show it. Called once, when the root app starts."""
    start_page.register(background=background, version=version.called)
