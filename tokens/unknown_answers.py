"""The list of answers that no verdict table knows: kept once per kind and channel app, with what staff say of them.

What staff say holds per channel, whichever app: the fingerprint names the channel. It reaches the tables through `tokens.channels.unknown`,
which lives in each process; `reload_assignments` brings it there.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext_lazy

from tokens import scrub
from tokens.channels import unknown
from tokens.channels.kinds import Classification, Verdict
from tokens.models import ChannelApp, Token, UnknownAnswer
from tokens.vault import VaultError
from users.models import User

LEARN_EVERY = timedelta(seconds=10)
KINDS, KINDS_A_KEY = 200, 20
OVERFLOW = "more"  # the fingerprint of the row that counts what was not kept
OVERFLOW_WORDS = gettext_lazy(
    "More kinds of answers than are kept one by one. Say what the others mean, or revoke the key that brings them."
)

# One statement, so that workers which meet the same answer at the same time wait for each other no longer than it takes.
_KEEP = """
insert into tokens_unknownanswer as kept
    (app_id, fingerprint, call, status, sample, count, first_seen_at, last_seen_at, last_token_id, verdict, note, api_key, told_at)
values (%(app)s, %(mark)s, %(call)s, %(status)s, %(sample)s::jsonb, 1, %(now)s, %(now)s,
        (select id from tokens_token where id = %(token)s::bigint), '', '', %(key)s, %(told)s)
on conflict (app_id, fingerprint) do update set
    count = kept.count + 1,
    last_seen_at = greatest(kept.last_seen_at, excluded.last_seen_at),
    last_token_id = coalesce(excluded.last_token_id, kept.last_token_id)
"""

_learned_at: datetime | None = None


def keep(
    app: ChannelApp,
    classification: Classification,
    evidence: Mapping[str, Any],
    *,
    token_id: int | None,
    now: datetime,
    api_key: int | None = None,
) -> None:
    """Count an answer that no row of the channel's table knows; the first of its kind is kept as a sample, scrubbed.

    Of one app at most `KINDS` wait for staff, and one API key brings at most `KINDS_A_KEY` a day: what is more is counted in one row, so
    that neither a channel's bad day nor a hostile key fills the list. `api_key` names whose report it was.

    Does nothing where the classification has no fingerprint. `evidence` is what `table.evidence` gives. Inside a transaction it is the last
    thing done: its row is shared by all tokens of the app, and nothing may be waited for while it is held.
    """
    if not classification.unknown:
        return
    mark = classification.unknown
    known = UnknownAnswer.objects.filter(app=app, fingerprint=mark).exists()
    sample = {} if known else _sample(app, evidence, token_id)  # of a kind that is known only the count grows
    told = None
    if not known and _is_full(app, api_key, now):
        mark, sample, token_id, told = OVERFLOW, {"body": str(OVERFLOW_WORDS)}, None, now
    with connection.cursor() as cursor:
        cursor.execute(
            _KEEP,
            {
                "app": app.pk,
                "mark": mark,
                "call": "" if mark == OVERFLOW else str(evidence.get("call", ""))[:20],
                "status": 0 if mark == OVERFLOW else _status(evidence.get("status")),
                "sample": json.dumps(sample, default=str),
                "now": now,
                "token": token_id,
                "key": api_key,
                "told": told,
            },
        )


def _is_full(app: ChannelApp, api_key: int | None, now: datetime) -> bool:
    kinds = UnknownAnswer.objects.filter(app=app)
    if kinds.filter(verdict="").count() >= KINDS:
        return True
    if api_key is None:
        return False
    return kinds.filter(api_key=api_key, first_seen_at__gt=now - timedelta(days=1)).count() >= KINDS_A_KEY


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


def reload_assignments(now: datetime) -> None:
    """Bring what staff said into this process, at most once in 10 seconds. Needs the database.

    Called where a batch of answers is about to be read (sweeps, reports, callbacks), so that a click in the portal holds in every
    process within seconds, and the tables themselves need no database.
    """
    if _learned_at is not None and timedelta(0) <= now - _learned_at < LEARN_EVERY:
        return
    reload(now)


def reload(now: datetime) -> None:
    """Bring what staff said into this process at once. Where rows of a kind differ, the newest word holds."""
    global _learned_at  # one memory per process is the point
    said = UnknownAnswer.objects.filter(verdict__in=unknown.ASSIGNABLE).order_by("assigned_at", "id")
    unknown.assign({mark: Verdict(verdict) for mark, verdict in said.values_list("fingerprint", "verdict")})
    _learned_at = now


def lock(answer_id: int) -> None:
    """Have whoever says what answers of this kind mean wait for another one, in the caller's transaction."""
    kind = UnknownAnswer.objects.filter(pk=answer_id).values("fingerprint")
    rows = UnknownAnswer.objects.filter(fingerprint__in=kind).order_by("pk")
    list(rows.select_for_update(no_key=True).values_list("pk"))


@transaction.atomic
def assign(*, answer: UnknownAnswer, verdict: Verdict, note: str, actor: User, now: datetime) -> None:
    """Write what staff say answers of this kind mean, at every app of the channel.

    Raises ValueError for a verdict that staff may not give: nothing dies by a click.
    """
    if verdict not in unknown.ASSIGNABLE:
        raise ValueError(f"“{verdict}” cannot be assigned: only a question to the channel decides that.")
    UnknownAnswer.objects.filter(fingerprint=answer.fingerprint).update(
        verdict=verdict, note=scrub.text(note)[:300], assigned_by=actor, assigned_at=now
    )
    transaction.on_commit(lambda: reload(now))


@transaction.atomic
def take_back(*, answer: UnknownAnswer, now: datetime) -> None:
    """Forget what staff said of answers of this kind: the next one is unknown again."""
    UnknownAnswer.objects.filter(fingerprint=answer.fingerprint).update(
        verdict="", note="", assigned_by=None, assigned_at=None
    )
    transaction.on_commit(lambda: reload(now))
