"""The mail that says that an endpoint is switched off: to whoever made it, else to operators."""

from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from macros.webhooks.models import Endpoint
from notifications import outbox
from notifications.models import Message
from notifications.outbox import Mail, NotWanted, compose_mail, reader_of, register_kind
from users.people.queries import operators

KIND = "webhook"


def tell_of_end(endpoint: Endpoint, now: datetime) -> None:
    """Write that it was switched off, in the caller's transaction."""
    maker = endpoint.made_by
    to = [maker.email] if maker is not None and maker.is_active else operators()
    for address in to:
        outbox.enqueue(
            kind=KIND,
            recipient=address,
            dedupe_key=f"{KIND}:{endpoint.pk}:{now.isoformat()}:{address}",
            payload={"endpoint": endpoint.pk},
            now=now,
        )


def build_webhook_mail(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where it was switched on meanwhile, or deleted."""
    endpoint = Endpoint.objects.exclude(off_at=None).filter(pk=message.payload["endpoint"]).first()
    if endpoint is None:
        raise NotWanted("webhook_is_on")
    made_it = endpoint.made_by is not None and endpoint.made_by.email == message.recipient
    facts = {
        "name": endpoint.name,
        "host": endpoint.host,
        "why": endpoint.why_off,
        "made_it": made_it,
        "url": f"{settings.BASE_URL}{endpoint.get_absolute_url()}",
    }
    return compose_mail(KIND, message, reader_of(message), facts)


def register() -> None:
    """Say how these mails are built."""
    register_kind(KIND, build_webhook_mail, name=_("About a webhook"))
