"""Health: /livez touches nothing, /readyz asks the database and the key ring, /healthz reports each part."""

from typing import Any

from django.core.cache import caches
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from adtoken_project import lateness, signs_of_life
from tokens import key_usage, vault
from users import database_clock, hold


@require_safe
def livez(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  # a view
    """Say that the process answers."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  # a view
    """Return whether this process can serve: database and key ring. On hold it serves the pages that say what to do."""
    parts = {"database": _database(), "key_ring": _key_ring()}
    good = all(part == "ok" for part in parts.values())
    return JsonResponse({**parts, "installation": _installation()}, status=200 if good else 503)


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  # a view
    """Report each part: what serves pages, beat, a worker of each lane, whether work is late, and whether clocks differ."""
    parts: dict[str, Any] = {"database": _database(), "key_ring": _key_ring(), "cache": _cache()}
    parts["installation"] = _installation()
    parts |= _background()
    good = all(part == "ok" for part in parts.values())
    return JsonResponse(parts, status=200 if good else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
    except DatabaseError:
        return "does not answer"
    return "ok"


def _installation() -> str:
    """Return whether it is on hold, and why."""
    try:
        found = hold.current()
    except DatabaseError:
        return "not known"
    return "ok" if found is None else f"on hold: {found.because}"


def _key_ring() -> str:
    """Seal and open, and open what is stored: a few rows of each app under each key."""
    if vault.unseal("health", vault.seal("health", {"a": 1})) != {"a": 1}:
        return "does not open"
    try:
        return " ".join(key_usage.problems()) or "ok"
    except DatabaseError:
        return "not known"


def _cache() -> str:
    cache = caches["calls"]
    try:
        cache.set("health", 1, 10)
        return "ok" if cache.get("health") else "does not answer"
    except Exception:  # noqa: BLE001  # whatever the client library raises, the part is down
        return "does not answer"


def _background() -> dict[str, str]:
    try:
        ahead = database_clock.ahead_by()
        now = timezone.now() - ahead  # by which signs of life are dated
        living = signs_of_life.living(now=now)
        parts = {part: "ok" if living[part] else "no sign of life" for part in signs_of_life.PARTS}
        late = "; ".join(work.words(now) for work in lateness.late(now))
        wrong = len(signs_of_life.wrong_clocks(now=now, own=ahead))  # their names are not for the public
        clocks = ngettext(
            "wrong on %(number)s host, see manage.py doctor",
            "wrong on %(number)s hosts, see manage.py doctor",
            wrong,
        ) % {"number": wrong}
        return {**parts, "lateness": late or "ok", "clocks": clocks if wrong else "ok"}
    except DatabaseError:
        return dict.fromkeys((*signs_of_life.PARTS, "lateness", "clocks"), "not known")
