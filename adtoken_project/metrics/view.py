"""`/metrics`, for Prometheus, by a bearer token."""

import secrets

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import exposition

from adtoken_project.metrics import collector

_registry = collector.registry()


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Give all figures to whoever has METRICS_TOKEN. Without that setting there is no such page (404)."""
    if not settings.METRICS_TOKEN:
        raise Http404
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not secrets.compare_digest(
        token.strip().encode(), settings.METRICS_TOKEN.encode()
    ):
        return HttpResponse(
            "METRICS_TOKEN as bearer token, please.\n",
            status=401,
            content_type="text/plain",
            headers={"WWW-Authenticate": "Bearer"},
        )
    encode, content_type = exposition.choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(_registry), content_type=content_type, headers={"Cache-Control": "no-store"})
