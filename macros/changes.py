"""What an edited macro would do otherwise than the one that is stored: shown before it is saved."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from django.db.models import Prefetch
from django.utils.translation import gettext

from macros import coverage, news_preview, preview
from macros.counts import Counts
from macros.models import Macro, MacroAction
from macros.preview import Draft
from tokens.channels import declarations
from ui.phrases import phrase
from users.models import Team

Pair = tuple[str, str]  # in words, after and before


@dataclass(frozen=True)
class Changes:
    """What differs, as whoever saves it wants to know. Counts of mails are None where both tell the same."""

    before: int | None = None  # mails of the next 30 days, as it is stored
    after: int | None = None
    enabled: bool | None = None  # it is on from now on, or off; None: as before
    unwatched: int | None = None  # accounts that no macro watches once it is off
    name: Pair | None = None
    description: Pair | None = None
    team: Pair | None = None
    scope: Pair | None = None
    channels: Pair | None = None
    accounts_added: int = 0  # of chosen accounts
    accounts_removed: int = 0
    excluded_added: int = 0  # accounts that are left out from now on
    excluded_removed: int = 0
    added: list[str] = field(default_factory=list)  # addresses
    removed: list[str] = field(default_factory=list)
    people: bool | None = None  # the people who linked are told from now on, or no longer; None: as before
    days: Pair | None = None
    watch: Pair | None = None
    few: Pair | None = None  # "fewer than 2 within 14 days"
    escalated: Pair | None = None  # to whom and when
    kinds_added: list[str] = field(default_factory=list)  # what it tells at once, in words
    kinds_removed: list[str] = field(default_factory=list)
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
    return _mark(_essence(draft))


def mark_of_all(draft: Draft) -> str:
    """Return what stands for a draft with its name and description, which tell nobody anything else."""
    return _mark({**_essence(draft), "name": draft.name, "description": draft.description})


def _mark(facts: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:20]


def between(before: Draft, after: Draft) -> Changes:
    """Return what differs, without what has to be counted."""
    both_chosen = before.scope == after.scope == Macro.AppliesTo.CHOSEN
    accounts = (after.accounts, before.accounts) if both_chosen else ([], [])
    return Changes(
        enabled=after.enabled if after.enabled != before.enabled else None,
        name=_pair(after.name, before.name),
        description=_pair(after.description, before.description),
        team=_pair(_team(after), _team(before)) if after.team_id != before.team_id else None,
        scope=_pair(_scope(after), _scope(before)) if after.scope != before.scope else None,
        channels=_pair(_channels(after), _channels(before)),
        accounts_added=len(set(accounts[0]) - set(accounts[1])),
        accounts_removed=len(set(accounts[1]) - set(accounts[0])),
        excluded_added=len(set(after.excluded) - set(before.excluded)),
        excluded_removed=len(set(before.excluded) - set(after.excluded)),
        added=_more(after.emails, before.emails),
        removed=_more(before.emails, after.emails),
        people=after.notify_consenters if after.notify_consenters != before.notify_consenters else None,
        days=_pair(_days(after), _days(before)),
        watch=_pair(_watch(after), _watch(before)) if after.days and before.days else None,
        few=_pair(_few(after), _few(before)),
        escalated=_pair(_escalation(after), _escalation(before)),
        kinds_added=_kinds(after, before),
        kinds_removed=_kinds(before, after),
    )


def with_unwatched(changes: Changes, before: Draft) -> Changes:
    """Return them with how many accounts nobody watches then, where the stored macro is switched off. At most two queries."""
    return changes if changes.enabled is not False else replace(changes, unwatched=unwatched_without(before))


def unwatched_without(before: Draft) -> int:
    """Return how many accounts nobody watches once the stored macro is off. It looks through all that it watches."""
    return coverage.unwatched_without([Macro(pk=before.macro_id)]).count()


def counted(changes: Changes, *, before: tuple[Draft, Counts], after: tuple[Draft, Counts]) -> Changes:
    """Return what differs with its numbers, from the drafts and what was counted of each."""
    return replace(
        changes,
        before=before[1].ahead.mails if before[0].enabled else 0,
        after=after[1].ahead.mails if after[0].enabled else 0,
        at_once_count=_differing(_mails_at_once(*after), _mails_at_once(*before)),
        few_count=_differing(_short(*after), _short(*before)),
        escalated_count=_differing(_escalated(*after), _escalated(*before)),
    )


def _differing(after: int, before: int) -> tuple[int, int] | None:
    return None if after == before else (after, before)


def _mails_at_once(draft: Draft, counts: Counts) -> int:
    return news_preview.mails(counts.at_once) if draft.enabled else 0


def _short(draft: Draft, counts: Counts) -> int:
    return counts.few.now if counts.few and draft.enabled else 0


def _escalated(draft: Draft, counts: Counts) -> int:
    return counts.ahead.escalated or 0 if draft.enabled else 0


def _more(some: Collection[str], others: Collection[str]) -> list[str]:
    return sorted(set(some) - set(others))


def _pair(after: str, before: str) -> Pair | None:
    return (after or "–", before or "–") if after != before else None


def _team(draft: Draft) -> str:
    if draft.team_id is None:
        return gettext("All teams")
    return Team.objects.filter(pk=draft.team_id).values_list("name", flat=True).first() or ""


def _scope(draft: Draft) -> str:
    return str(Macro.AppliesTo(draft.scope).label)


def _channels(draft: Draft) -> str:
    chosen = draft.channels if draft.scope == Macro.AppliesTo.CHANNELS else []
    return ", ".join(declarations.label(key) for key in declarations.channel_keys() if key in chosen)


def _days(draft: Draft) -> str:
    days = ", ".join(map(str, sorted(draft.days, reverse=True)))
    return days or phrase(preview.WORDS, "nothing_ahead")


def _watch(draft: Draft) -> str:
    return str(MacroAction.Watch(draft.watch).label)


def _few(draft: Draft) -> str:
    if draft.people is None:
        return ""
    return phrase(preview.WORDS, "few", people=draft.people, days=draft.within)


def _escalation(draft: Draft) -> str:
    if draft.after is None:
        return ""
    to = ", ".join(draft.escalate_to) or phrase(preview.WORDS, "leads")
    return phrase(preview.WORDS, "escalation", to=to, days=draft.after)


def _kinds(some: Draft, others: Draft) -> list[str]:
    kinds = set(some.at_once) - set(others.at_once)
    return [str(label) for kind, label in MacroAction.Kind.at_once() if kind in kinds]


def _essence(draft: Draft) -> dict[str, object]:
    facts = {key: sorted(value) if isinstance(value, list) else value for key, value in vars(draft).items()}
    for name in ("name", "description", "action_id", "macro_id"):
        del facts[name]
    if draft.scope != Macro.AppliesTo.CHOSEN:
        facts["accounts"] = []
    if draft.scope != Macro.AppliesTo.CHANNELS:
        facts["channels"] = []
    return facts
