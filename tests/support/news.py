"""What happened is told by a sweep: here it comes at once."""

from datetime import datetime, timedelta

from django.db.models import Max, QuerySet

from accounts.models import AccountNews
from macros.at_once import services
from notifications.models import Message
from notifications.outbox import Mail


def tell(now: datetime | None = None) -> QuerySet[Message]:
    """Have told what happened, by default a minute after the last of it. Return all messages of news, the oldest first."""
    last = AccountNews.objects.aggregate(at=Max("due_at"))["at"]
    if last is not None:
        services.tell_news(now or last + timedelta(minutes=1))
    return Message.objects.filter(kind="news").order_by("pk")


def ends(now: datetime | None = None) -> QuerySet[Message]:
    """The same, of messages that tell that a log-in stopped."""
    return tell(now).filter(told__kind="log_in").distinct()


def built(recipient: str = "", now: datetime | None = None) -> Mail:
    """Return the one mail of news, to a reader, as it would leave now."""
    from macros.warnings import mails

    found = tell(now)
    return mails.build_mail(found.get(recipient=recipient) if recipient else found.get())
