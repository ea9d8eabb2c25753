"""Unknown answers as a JSON file, for those who extend the verdict tables. Samples are scrubbed before they are stored, and again here."""

import json
from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone

from tokens import scrub
from tokens.models import UnknownAnswer


def file(answers: QuerySet[UnknownAnswer], *, now: datetime) -> HttpResponse:
    """Answer with the rows as a file: a JSON list, times in UTC."""
    rows = [_row(answer) for answer in answers.select_related("app")]
    response = HttpResponse(json.dumps(rows, indent=2, ensure_ascii=False), content_type="application/json")
    name = f"unknown-answers-{timezone.localdate(now):%Y-%m-%d}.json"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


def _row(answer: UnknownAnswer) -> dict[str, Any]:
    """Return one answer. The line `input` can be given to `manage.py classify`."""
    return {
        "channel": answer.app.channel,
        "client_id": answer.app.client_id,
        "fingerprint": answer.fingerprint,
        "count": answer.count,
        "first_seen": _utc(answer.first_seen_at),
        "last_seen": _utc(answer.last_seen_at),
        "verdict": answer.verdict,
        "note": answer.note,
        "input": {
            "channel": answer.app.channel,
            "call": answer.call,
            "status": answer.status,
            "body": scrub.data(answer.sample.get("body"), depth=8, clean=scrub.strange),
        },
    }


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
