"""What an edited macro would do otherwise than the one that is stored: shown before it is saved."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, replace

from django.db.models import Prefetch

from macros import preview
from macros.counts import Counts
from macros.models import Macro, MacroAction
from macros.preview import Draft
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
    """Return the macro as it is stored; None where it has no action that names whom it tells."""
    fresh = Macro.objects.prefetch_related(Prefetch("actions", MacroAction.objects.order_by("pk")))
    action = fresh.get(pk=macro.pk).leading
    return preview.draft_of(action) if action else None


def differ(before: Draft, after: Draft) -> bool:
    """Return whether they tell other people, of other accounts, or at other times."""
    return _essence(before) != _essence(after)


def mark(draft: Draft) -> str:
    """Return what stands for a draft in a form: that its changes were shown."""
    return hashlib.sha256(json.dumps(_essence(draft)).encode()).hexdigest()[:20]


def between(before: Draft, after: Draft) -> Changes:
    """Return what differs, without what has to be counted."""
    chosen = [
        set(one.accounts) if one.scope == Macro.AppliesTo.CHOSEN else set[int]() for one in (before, after)
    ]
    return Changes(
        before=None,
        after=None,
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


def counted(changes: Changes, *, before: tuple[Draft, Counts], after: tuple[Draft, Counts]) -> Changes:
    """Return what differs with its numbers, from the drafts and what was counted of each; without any where that took too long."""
    stored, found = before[1].ahead, after[1].ahead
    if stored is None or found is None:
        return changes
    return replace(
        changes,
        before=stored.mails,
        after=found.mails,
        at_once_count=_differing(_mails_at_once(after[1]), _mails_at_once(before[1])),
        few_count=_differing(_short(*after), _short(*before)),
        escalated_count=_differing(_escalated(*after), _escalated(*before)),
    )


def _differing(after: int | None, before: int | None) -> tuple[int, int] | None:
    return None if after is None or before is None or after == before else (after, before)


def _mails_at_once(counts: Counts) -> int | None:
    return None if counts.at_once is None else sum(mails for mails, _ in counts.at_once.values())


def _short(draft: Draft, counts: Counts) -> int | None:
    return counts.few.now if counts.few else 0 if draft.people is None else None


def _escalated(draft: Draft, counts: Counts) -> int:
    return 0 if draft.after is None or counts.ahead is None else counts.ahead.escalated


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
    facts = {key: sorted(value) if isinstance(value, list) else value for key, value in vars(draft).items()}
    for name in ("name", "action_id", "macro_id"):
        del facts[name]
    if draft.scope != Macro.AppliesTo.CHOSEN:
        facts["accounts"] = []
    if draft.scope != Macro.AppliesTo.CHANNELS:
        facts["channels"] = []
    return facts
