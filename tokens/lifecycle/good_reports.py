"""Good reports of several log-ins, written in one transaction: most of them say what is stored, and an hour's checks are thousands.

What one writes is what `record_inspection` writes of the same report. Whatever takes more than dates and a new date of the next check is
left to that: doubts, what may prove those of others, ends, returns from them, faults of an app.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from tokens import deadlines, scheduling
from tokens.channels.kinds import Inspection, Verdict
from tokens.doubts import services as doubts
from tokens.lifecycle.transitions import (
    CHECK_FIELDS,
    DATE_FIELDS,
    TransitionOutcome,
    facts,
    outcome,
    take_report,
)
from tokens.models import Token, TokenEvent
from tokens.signals import tokens_changed
from tokens.token_model import TokenQuerySet

_REPORTED = [*DATE_FIELDS, "scopes"]
_CHECKED = """
update tokens_token t set last_checked_at = v.checked_at, proven_at = v.checked_at, last_check_result = 'ok', app_refused_at = null,
  claimed_until = null, claimed_by = null, due_at = v.due_at, due_for = v.due_for
from unnest(%(ids)s::bigint[], %(checked)s::timestamptz[], %(due)s::timestamptz[], %(due_for)s::text[]) v (id, checked_at, due_at, due_for)
where t.id = v.id
"""


@dataclass(frozen=True)
class GoodReport:
    """What the channel said of a token that works: as it was asked with, and when the question began."""

    token_id: int
    generation: int
    inspection: Inspection
    now: datetime


@transaction.atomic
def record_good_reports(reports: Sequence[GoodReport], *, source: str) -> list[TransitionOutcome | None]:
    """Write good reports of different tokens, all or none. Gives an outcome for each; None where `record_inspection` is to write it.

    Tokens are locked by id, then the accounts of those whose dates changed, all at once.
    """
    rows = {token.pk: token for token in _locked([report.token_id for report in reports])}
    in_doubt = doubts.apps_in_doubt({token.app_id for token in rows.values()})
    same: list[Token] = []
    dated: list[Token] = []
    events: list[TokenEvent] = []
    settle: list[int] = []
    outcomes: list[TransitionOutcome | None] = []
    for report in reports:
        token = rows.get(report.token_id)
        if token is None or token.app_id in in_doubt or not _is_plain(token, report):
            outcomes.append(None)
            continue
        before, known = facts(token), _reported(token)
        if take_report(token, report.inspection, report.now):
            events.append(_event(token, report.now, source))
        _checked(token, report.now)
        (same if _reported(token) == known else dated).append(token)
        if facts(token) != before:
            settle.append(token.pk)
        outcomes.append(replace(outcome(token, Verdict.OK), told=report.inspection.told))
    _save(same, dated, events)
    if settle:
        now = max(report.now for report in reports)
        tokens_changed.send(sender=Token, token_ids=settle, cause="dates", now=now, source=source, died=[])
    return outcomes


def _locked(token_ids: Sequence[int]) -> TokenQuerySet:
    return Token.objects.filter(pk__in=token_ids).locked().select_related("app")


def _is_plain(token: Token, report: GoodReport) -> bool:
    """Return whether nothing follows from a good report but dates: the token has not moved on, works, and no fault of its app ends."""
    if token.generation != report.generation or token.state != Token.State.VALID:
        return False
    said = report.inspection.classification
    return said.verdict == Verdict.OK and not said.unknown and token.app.fault_since is None


def _reported(token: Token) -> list[object]:
    """Return what a report can change."""
    return [getattr(token, name) for name in _REPORTED]


def _checked(token: Token, now: datetime) -> None:
    """Note the check, and set the date of the next one."""
    token.claimed_until = token.claimed_by = token.app_refused_at = None
    token.last_check_result = Verdict.OK
    scheduling.apply(token, now)


def _event(token: Token, now: datetime, source: str) -> TokenEvent:
    return TokenEvent(
        token=token, kind=TokenEvent.Kind.DATES, at=now, source=source, detail=deadlines.detail(token)
    )


def _save(same: Sequence[Token], dated: Sequence[Token], events: Sequence[TokenEvent]) -> None:
    if same:
        values: dict[str, Any] = {
            "ids": [token.pk for token in same],
            "checked": [token.last_checked_at for token in same],
            "due": [token.due_at for token in same],
            "due_for": [token.due_for for token in same],
        }
        with connection.cursor() as cursor:
            cursor.execute(_CHECKED, values)
    for token in dated:
        token.save(update_fields=[*DATE_FIELDS, *CHECK_FIELDS])
    TokenEvent.objects.bulk_create(events)
