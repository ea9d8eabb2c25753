"""Where a mail service reports what became of mails: /mail/events/SERVICE/, for the one service in MAIL_SERVICE.

anymail checks the service's signature, or MAIL_WEBHOOK_SECRET as its user and password, and reads the events.
"""

import logging

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import resolve
from django.views.decorators.csrf import csrf_exempt

logger = logging.getLogger(__name__)


@csrf_exempt
def receive_mail_events(request: HttpRequest, service: str) -> HttpResponse:
    """Act on what the service reports. 404 for another service, 400 for a report that is not proved."""
    if not settings.MAIL_SERVICE or service != settings.MAIL_SERVICE or not settings.MAIL_WEBHOOK_SECRET:
        raise Http404
    view, args, kwargs = resolve(f"/{service}/tracking/", urlconf="anymail.urls")
    try:
        response: HttpResponse = view(request, *args, **kwargs)
    except SuspiciousOperation as error:
        logger.warning("a report of %s was refused: %s", service, type(error).__name__)
        return HttpResponse("Refused.", status=400, content_type="text/plain")
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        DataError,
    ) as error:  # DataError: NUL in an address
        logger.warning("a report of %s could not be read: %s", service, type(error).__name__)
        return HttpResponse("Not understood.", status=400, content_type="text/plain")
    return response
