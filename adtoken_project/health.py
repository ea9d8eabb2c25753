"""Health: /livez touches nothing, /readyz asks the database and the key ring, /healthz reports each part."""

from datetime import timedelta
from typing import Any

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from adtoken_project.models import Heartbeat
from tokens import vault

FRESH = timedelta(minutes=3)  # three beats of a minute


@require_safe
def livez(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  # a view
    """Say that the process answers."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  # a view
    """Say whether this process can serve: database and key ring."""
    parts = {"database": _database(), "key_ring": _key_ring()}
    good = all(part == "ok" for part in parts.values())
    return JsonResponse(parts, status=200 if good else 503)


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  # a view
    """Report each part. The heartbeat is written by a task that beat sends and a worker runs."""
    parts: dict[str, Any] = {"database": _database(), "key_ring": _key_ring(), "cache": _cache()}
    parts |= {name: _beat(name) for name in ("beat", "worker")}
    good = all(part == "ok" for part in parts.values())
    return JsonResponse(parts, status=200 if good else 503)


def is_alive(name: str) -> bool:
    """Tell whether a part wrote its heartbeat lately."""
    return Heartbeat.objects.filter(name=name, at__gt=timezone.now() - FRESH).exists()


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
    except DatabaseError:
        return "does not answer"
    return "ok"


def _key_ring() -> str:
    return "ok" if vault.unseal("health", vault.seal("health", {"a": 1})) == {"a": 1} else "does not open"


def _cache() -> str:
    try:
        cache.set("health", 1, 10)
        return "ok" if cache.get("health") == 1 else "does not answer"
    except Exception:  # noqa: BLE001  # whatever the client library raises, the part is down
        return "does not answer"


def _beat(name: str) -> str:
    try:
        return "ok" if is_alive(name) else "no heartbeat"
    except DatabaseError:
        return "not known"
