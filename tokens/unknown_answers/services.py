"""The list of answers that no verdict table knows: kept once per kind and channel app, for those who extend the tables."""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, get_args

from django.db import connection
from django.db.models import Q

from infra import scrub
from tokens.channels import registry
from tokens.channels.kinds import Answer, Call, Classification
from tokens.models import ChannelApp, Token, UnknownAnswer
from tokens.vault.services import VaultError
from ui.phrases import blocks, phrase

KINDS, KINDS_A_KEY = 200, 20
FILE = "words/unknown_answers.txt"
_CALLS: tuple[Call, ...] = get_args(Call)

# One statement, so that workers which meet the same answer at the same time wait for each other no longer than it takes.
_KEEP = """
insert into tokens_unknownanswer as kept
    (app_id, fingerprint, call, status, sample, count, first_seen_at, last_seen_at, api_key)
values (%(app)s, %(mark)s, %(call)s, %(status)s, %(sample)s::jsonb, 1, %(now)s, %(now)s, %(key)s)
on conflict (app_id, fingerprint) do update set
    count = kept.count + 1,
    last_seen_at = greatest(kept.last_seen_at, excluded.last_seen_at)
"""


def keep_answer(
    app: ChannelApp,
    classification: Classification,
    evidence: Mapping[str, Any],
    *,
    token_id: int | None,
    now: datetime,
    api_key: int | None = None,
) -> None:
    """Count an answer that no row of the channel's table knows; the first of its kind is kept as a sample, scrubbed.

    An app has at most `KINDS`: the one that was seen longest ago makes way. One API key, of whose report this is (`api_key`), brings at
    most `KINDS_A_KEY` a day, and no more of them are kept: a hostile key does not fill the list.

    Does nothing where the classification has no fingerprint. `evidence` is what `table.evidence` gives. Inside a transaction it is the last
    thing done: its row is shared by all tokens of the app, and nothing may be waited for while it is held.
    """
    if not classification.unknown:
        return
    kinds = UnknownAnswer.objects.filter(app=app)
    known = kinds.filter(fingerprint=classification.unknown).exists()
    if not known:
        today = Q(api_key=api_key, first_seen_at__gt=now - timedelta(days=1))
        if api_key is not None and kinds.filter(today).count() >= KINDS_A_KEY:
            return
        too_many = kinds.order_by("-last_seen_at", "-pk").values_list("pk", flat=True)[KINDS - 1 :]
        UnknownAnswer.objects.filter(pk__in=list(too_many)).delete()
    values: dict[str, Any] = {
        "app": app.pk,
        "mark": classification.unknown,
        "call": str(evidence.get("call", ""))[:20],
        "status": _status(evidence.get("status")),
        "sample": json.dumps({} if known else _sample(app, evidence, token_id), default=str),
        "now": now,
        "key": api_key,
    }
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, values)


def _sample(app: ChannelApp, evidence: Mapping[str, Any], token_id: int | None) -> Any:
    """Return the evidence without secrets: by name, by look, and those that the channel was asked with by value, wherever they stand."""
    secrets = _secrets(app, token_id)
    return scrub.data(dict(evidence), depth=8, clean=lambda text: scrub.strange(scrub.used(text, secrets)))


def _secrets(app: ChannelApp, token_id: int | None) -> list[str]:
    found: list[str] = []
    token = Token.objects.select_related("app").filter(pk=token_id or 0).first()
    for unseal in (lambda: app.keys().secrets, lambda: token.unseal().as_dict().values() if token else ()):
        with suppress(ValueError, VaultError):  # what does not open was not sent either
            found += unseal()
    return found


def _status(value: object) -> int:
    """Return an HTTP status as it can be stored; a job may report anything."""
    return value if isinstance(value, int) and 0 <= value < 1000 else 0


def call_name(name: str) -> str:
    """Return what a call is for, as the end of "answer to …"."""
    return phrase(FILE, f"call_{name}") if name in _CALLS else phrase(FILE, "call_other", name=name)


def answer_title(answer: UnknownAnswer) -> str:
    """Return an answer's name on pages and in mails."""
    channel = answer.app.get_channel_display()
    return phrase(FILE, "title", status=answer.status, channel=channel, call=call_name(answer.call))


def what_we_do_meanwhile(answer: UnknownAnswer) -> str:
    """Return what we do with such answers now: what the channel's table says of the sample."""
    asked: Call = answer.call if answer.call in _CALLS else "api"
    sample = Answer(asked, answer.status, body=answer.sample.get("body"))
    name = f"meanwhile_{registry.get(answer.app.channel).classify(sample).verdict}"
    return phrase(FILE, name if name in blocks(FILE) else "meanwhile_learned")
