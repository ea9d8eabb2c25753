"""The mail to operators about what a channel says against several log-ins of one app within a day, which is doubted first."""

from datetime import datetime

from django.utils import timezone

from accounts.alerts.services import write_alert
from notifications.models import Message
from notifications.outbox.mails import FACTS, Fact, Mail, NotWanted, compose_mail, reader_of
from tokens.doubts import services as doubts
from tokens.models import ChannelApp, Doubt
from ui import addresses, dates
from ui import text as counts
from ui.phrases import phrase
from users.people.recipients import operators

SHOWN = 3  # answers


def tell_of_doubts(now: datetime) -> int:
    """Write to each operator, once a day and app, from the third log-in of the day on. Returns how many were written."""
    today = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return sum(
        write_alert(f"{app_id}:doubts:{today:%Y-%m-%d}", {"doubts": app_id}, operators(), now)
        for app_id in doubts.apps_of_many(Doubt.objects.filter(began_at__gte=today))
    )


def build_doubt_mail(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where nothing is doubted now, or the channel app is gone."""
    app = ChannelApp.objects.filter(pk=message.payload["doubts"]).first()
    if app is None:
        raise NotWanted("app_removed")
    doubted = Doubt.objects.undecided().filter(app=app)
    first = doubted.order_by("began_at").first()
    if first is None:
        raise NotWanted("nothing_doubted")
    reader = reader_of(message)
    facts = {
        "channel": app.get_channel_display(),
        "channel_key": app.channel,
        "label": app.label,
        "client_id": app.client_id,
        "number": doubted.values("token").distinct().count(),
        "began": dates.moment(first.began_at, zone=reader.zone).full,
        "answers": doubts.answers(doubted)[:SHOWN],
        "url": addresses.absolute_url("admin:tokens_channelapp_change", app.pk),
    }
    return compose_mail("doubts", message, reader, facts)


def facts(message: Message) -> list[Fact]:
    """Return what led to a message, for "Why this mail?"."""
    app = ChannelApp.objects.filter(pk=message.payload["doubts"]).first()
    if app is None:
        return []
    return [
        Fact(
            str(app),
            phrase(FACTS, "told"),
            phrase(FACTS, "log_ins", number=number, log_ins=counts.number(number), row=row),
        )
        for row, number in doubts.answers(Doubt.objects.filter(app=app, began_at__lte=message.created_at))
    ]
