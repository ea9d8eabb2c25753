"""What an edited macro would do otherwise than the one that is stored: shown before it is saved."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from django.db.models import Prefetch

from macros import few_preview, news_preview, preview
from macros.models import Macro, MacroAction
from macros.preview import Draft, Preview
from ui.phrases import phrase

NAMED = 10  # addresses


@dataclass(frozen=True)
class Changes:
    """What differs, as whoever saves it wants to know. Counts of mails are None where they were not worked out."""

    before: int | None  # mails of the next 30 days, as it is stored
    after: int | None
    added: list[str]  # addresses
    removed: list[str]
    people: bool | None  # the people who linked are told from now on, or no longer; None: as before
    accounts_added: int  # of chosen accounts
    accounts_removed: int
    excluded: int | None  # how many are left out from now on, where that differs
    other_accounts: bool  # it is about all, about channels, about another team, or no longer
    days: tuple[list[int], list[int]] | None  # before and after
    few: tuple[str, str] | None  # "fewer than 2 within 14 days", after and before
    escalated: tuple[str, str] | None  # to whom and when, after and before
    kinds_added: list[str]  # what it tells at once, in words
    kinds_removed: list[str]
    # How many, after and before, where these differ and were worked out:
    at_once_count: tuple[int, int] | None = None  # mails of the last 30 days
    few_count: tuple[int, int] | None = None  # accounts now
    escalated_count: tuple[int, int] | None = None  # accounts of the next 30 days


def stored_draft(macro: Macro) -> Draft | None:
    """Return the macro as it is stored; None where it has no warning."""
    fresh = Macro.objects.prefetch_related(Prefetch("actions", MacroAction.objects.order_by("pk")))
    action = fresh.get(pk=macro.pk).warning
    return preview.draft_of(action) if action else None


def differ(before: Draft, after: Draft) -> bool:
    """Return whether they tell other people, of other accounts, or at other times."""
    return _essence(before) != _essence(after)


def mark(draft: Draft) -> str:
    """Return what stands for a draft in a form: that its changes were shown."""
    return hashlib.sha256(json.dumps(_essence(draft)).encode()).hexdigest()[:20]


def between(before: Draft, after: Draft, *, found: Preview | None, now: datetime) -> Changes:
    """Return what differs. `found`: the preview of the draft, where it was worked out; then that of the stored macro is, too."""
    stored = None
    if found is not None:
        try:
            stored = preview.preview(before, now=now)
        except preview.TakesTooLongError:
            found = None
    chosen = [
        set(one.accounts) if one.scope == Macro.AppliesTo.CHOSEN else set[int]() for one in (before, after)
    ]
    changes = Changes(
        before=stored.mails if stored else None,
        after=found.mails if found else None,
        added=_more(after.emails, before.emails),
        removed=_more(before.emails, after.emails),
        people=after.notify_consenters if after.notify_consenters != before.notify_consenters else None,
        accounts_added=len(chosen[1] - chosen[0]),
        accounts_removed=len(chosen[0] - chosen[1]),
        excluded=len(after.excluded) if set(after.excluded) != set(before.excluded) else None,
        other_accounts=_reach(before) != _reach(after),
        days=(before.days, after.days) if sorted(before.days) != sorted(after.days) else None,
        few=_pair(_few(after), _few(before)),
        escalated=_pair(_escalation(after), _escalation(before)),
        kinds_added=_kinds(after, before),
        kinds_removed=_kinds(before, after),
    )
    if found is None or stored is None:
        return changes
    return replace(
        changes,
        at_once_count=_differing(*(_mails_at_once(one, now) for one in (after, before))),
        few_count=_differing(*(_short(one, now) for one in (after, before))),
        escalated_count=_differing(found.escalated or 0, stored.escalated or 0),
    )


def _differing(after: int | None, before: int | None) -> tuple[int, int] | None:
    return None if after is None or before is None or after == before else (after, before)


def _mails_at_once(draft: Draft, now: datetime) -> int | None:
    found = news_preview.counts(draft, now=now)
    return None if found is None else sum(one.mails for one in found)


def _short(draft: Draft, now: datetime) -> int | None:
    found = few_preview.count(draft, now=now)
    return found.now if found else 0 if draft.people is None else None


def _more(some: Collection[str], others: Collection[str]) -> list[str]:
    return sorted(set(some) - set(others))


def _reach(draft: Draft) -> tuple[str, list[str], int | None]:
    channels = sorted(draft.channels) if draft.scope == Macro.AppliesTo.CHANNELS else []
    return str(draft.scope), channels, draft.team_id


def _pair(after: str, before: str) -> tuple[str, str] | None:
    return (after or "–", before or "–") if after != before else None


def _few(draft: Draft) -> str:
    if draft.people is None:
        return ""
    return phrase(preview.WORDS, "few", people=draft.people, days=draft.within)


def _escalation(draft: Draft) -> str:
    if draft.after is None:
        return ""
    return phrase(preview.WORDS, "escalation", to=", ".join(draft.escalate_to), days=draft.after)


def _kinds(some: Draft, others: Draft) -> list[str]:
    kinds = set(some.at_once) - set(others.at_once)
    return [str(label) for kind, label in MacroAction.Kind.at_once() if kind in kinds]


def _essence(draft: Draft) -> dict[str, object]:
    facts = {key: sorted(value) if isinstance(value, list) else value for key, value in asdict(draft).items()}
    for name in ("name", "action_id", "macro_id"):
        del facts[name]
    if draft.scope != Macro.AppliesTo.CHOSEN:
        facts["accounts"] = []
    if draft.scope != Macro.AppliesTo.CHANNELS:
        facts["channels"] = []
    return facts
