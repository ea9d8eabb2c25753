"""What an edited macro would do otherwise than the one that is stored: shown before it is saved."""

import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.db.models import Prefetch
from django.utils.translation import gettext

from macros.models import Macro, MacroAction
from macros.preview import services as preview
from macros.preview.services import Draft
from tokens.channels import declarations
from ui.phrases import phrase
from users.models import Team


@dataclass(frozen=True)
class Change:
    """One thing that differs, in words; what it was `before`, where that is said."""

    label: str
    after: str
    before: str = ""


def stored_draft(macro: Macro) -> Draft | None:
    """Return the macro as it is stored; None where it has no action that names whom it tells."""
    fresh = Macro.objects.prefetch_related(Prefetch("actions", MacroAction.objects.order_by("pk")))
    return preview.draft_of(fresh.get(pk=macro.pk))


def drafts_differ(before: Draft, after: Draft) -> bool:
    """Return whether they tell other people, of other accounts, or at other times."""
    return _essence(before) != _essence(after)


def mark_of_draft(draft: Draft) -> str:
    """Return what stands for a draft in a form: that its changes were shown."""
    return hashlib.sha256(json.dumps(_essence(draft)).encode()).hexdigest()[:20]


def changes_between(before: Draft, after: Draft) -> list[Change]:
    """Return what differs, without what has to be counted."""
    return [
        *_of_macro(before, after),
        *_of_accounts(before, after),
        *_of_readers(before, after),
        *_of_actions(before, after),
    ]


def _of_macro(before: Draft, after: Draft) -> Iterator[Change]:
    if after.enabled != before.enabled:
        off = gettext("switched off: it tells nobody anything")
        yield Change(gettext("State"), gettext("switched on") if after.enabled else off)
    yield from _pair(gettext("Macro name"), after.name, before.name)
    yield from _pair(gettext("Description"), after.description, before.description)
    if after.team_id != before.team_id:
        yield from _pair(gettext("Team"), _team(after), _team(before))


def _of_accounts(before: Draft, after: Draft) -> Iterator[Change]:
    yield from _pair(gettext("Which accounts"), _scope(after), _scope(before))
    yield from _pair(gettext("Channels"), _channels(after), _channels(before))
    if before.scope == after.scope == Macro.AppliesTo.CHOSEN:
        yield from _number(gettext("Accounts added"), after.accounts, before.accounts)
        yield from _number(gettext("Accounts removed"), before.accounts, after.accounts)
    yield from _number(gettext("Left out from now on"), after.excluded, before.excluded)
    yield from _number(gettext("No longer left out"), before.excluded, after.excluded)


def _of_readers(before: Draft, after: Draft) -> Iterator[Change]:
    yield from _more(gettext("Told from now on"), after.emails, before.emails)
    yield from _more(gettext("No longer told"), before.emails, after.emails)
    if after.notify_consenters != before.notify_consenters:
        said = gettext("told from now on") if after.notify_consenters else gettext("no longer told")
        yield Change(gettext("People who linked"), said)


def _of_actions(before: Draft, after: Draft) -> Iterator[Change]:
    yield from _pair(gettext("Days in advance"), _days(after), _days(before))
    if after.days and before.days:
        yield from _pair(gettext("Warn when"), _watch(after), _watch(before))
    yield from _pair(gettext("Too few people"), _few(after), _few(before))
    yield from _pair(gettext("Escalated to"), _escalation(after), _escalation(before))
    yield from _more(gettext("Told at once from now on, when"), _kinds(after), _kinds(before))
    yield from _more(gettext("No longer told at once, when"), _kinds(before), _kinds(after))


def _pair(label: str, after: str, before: str) -> Iterator[Change]:
    if after != before:
        yield Change(label, after or "–", before or "–")


def _number(label: str, some: Collection[int], others: Collection[int]) -> Iterator[Change]:
    if number := len(set(some) - set(others)):
        yield Change(label, str(number))


def _more(label: str, some: Collection[str], others: Collection[str]) -> Iterator[Change]:
    if more := [one for one in some if one not in others]:
        yield Change(label, ", ".join(more))


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


def _kinds(draft: Draft) -> list[str]:
    return [str(label) for kind, label in MacroAction.Kind.at_once() if kind in draft.at_once]


def _essence(draft: Draft) -> dict[str, object]:
    facts = {key: sorted(value) if isinstance(value, list) else value for key, value in vars(draft).items()}
    for name in ("name", "description", "action_id", "macro_id"):
        del facts[name]
    if draft.scope != Macro.AppliesTo.CHOSEN:
        facts["accounts"] = []
    if draft.scope != Macro.AppliesTo.CHANNELS:
        facts["channels"] = []
    return facts
