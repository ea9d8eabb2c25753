"""Mail settings in the staff portal: who mails come from, where answers and bounces go, whether they leave in time, and SPF, DKIM, DMARC.

It shows what the environment says, and changes nothing.
"""

from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from notifications import kept_back, sender_records
from notifications.models import BounceMailbox, Message
from portal import access, parked_scope
from ui.counts import short_count
from users.models import person

PERMISSION = "notifications.view_message"
LOOK = "look"  # the parameter that has DNS asked
# Which settings say what the page shows.
_SET_BY = {
    "sender": ["DEFAULT_FROM_EMAIL"],
    "answers": ["CONTACT_EMAIL"],
    "envelope": ["BOUNCE_ADDRESS", "BOUNCE_SUBADDRESS"],
    "cap": ["MAIL_DAILY_CAP"],
    "waiting": ["MAIL_LATE_MINUTES"],
    "server": ["EMAIL_URL", "MAIL_CONNECTIONS"],
    "mailbox": ["BOUNCE_MAILBOX"],
    "service": ["MAIL_SERVICE", "MAIL_WEBHOOK_SECRET"],
}


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show the settings. DNS is asked only by `?look=1`. 403 without the permission to see messages."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    name, sender = parseaddr(settings.DEFAULT_FROM_EMAIL)
    domain = sender.rpartition("@")[2]
    bounces = settings.BOUNCE_ADDRESS if not settings.MAIL_BY_SERVICE else ""
    envelope = bounces or sender
    records = sender_records.wanted(
        sender_domain=domain,
        envelope_domain="" if settings.MAIL_BY_SERVICE else envelope.rpartition("@")[2],
        server="" if settings.MAIL_BY_SERVICE else settings.EMAIL_HOST,
        selector=settings.DKIM_SELECTOR,
        reports_to=f"postmaster@{domain}",
    )
    looked = bool(request.GET.get(LOOK))
    context = {
        **access.frame(request),
        "title": gettext("Mail settings"),
        "set_by": {key: ", ".join(names) for key, names in _SET_BY.items()},
        "from_name": name,
        "from_address": sender,
        "contact": settings.CONTACT_EMAIL,
        "envelope": envelope,
        "own_envelope": bool(bounces) and settings.BOUNCE_SUBADDRESS,
        "mailbox": settings.BOUNCE_MAILBOX,
        "mailbox_state": BounceMailbox.objects.filter(pk=1).first() if settings.BOUNCE_MAILBOX else None,
        "service": settings.MAIL_SERVICE,
        "service_proved": bool(settings.MAIL_WEBHOOK_SECRET),
        "by_service": settings.MAIL_BY_SERVICE,
        "events_url": f"{settings.BASE_URL}{reverse('mail_events', args=[settings.MAIL_SERVICE])}"
        if settings.MAIL_SERVICE
        else "",
        "server": f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}",
        "cap": settings.MAIL_DAILY_CAP,
        "late_after": settings.MAIL_LATE_MINUTES,
        "connections": settings.MAIL_CONNECTIONS,
        "parked": short_count(parked_scope.visible_to(person(request))),
        "sees_parked": request.user.has_perm("users.view_refusedaddress"),
        "waiting": waiting(timezone.now()),
        "records": sender_records.look_up(records) if looked else records,
        "looked": looked,
        "aligned": not settings.MAIL_BY_SERVICE and _organisation(envelope) == _organisation(sender),
    }
    return TemplateResponse(request, "portal/mail_settings.html", context)


def waiting(now: datetime) -> dict[str, Any] | None:
    """Return how many mails are due, since when the oldest waits, whether that is late, and how many of them our own mail server did not
    take; None where none is due. By indexes.
    """
    queued = Message.objects.filter(state=Message.State.QUEUED)
    oldest = queued.filter(next_attempt_at__lte=now).order_by("next_attempt_at")
    began = [oldest.values_list("next_attempt_at", flat=True).first(), kept_back.since()]
    since = min((at for at in began if at is not None), default=None)
    if since is None:
        return None
    due = Message.objects.filter(
        Q(state=Message.State.QUEUED, next_attempt_at__lte=now)
        | Q(state__in=kept_back.WAITS, waits_since__isnull=False)
    )
    return {
        "kept_back": short_count(kept_back.waiting()) if began[1] else "",
        "number": short_count(due),
        "since": since,
        "late": now - since > timedelta(minutes=settings.MAIL_LATE_MINUTES),
    }


def _organisation(address: str) -> str:
    """Return the last two parts of a domain: near enough to what DMARC calls the organisational domain, for a hint."""
    return ".".join(address.rpartition("@")[2].lower().split(".")[-2:])
