"""What is shown beside the form of a macro: what it would do, what an edit changes, and what it sent."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils import dateformat, timezone
from django.utils.translation import pgettext

from macros import changes, counts, message_history, news_preview, preview, samples
from macros.models import Macro, MacroAction
from macros.samples import Sample
from notifications.models import Message
from portal import message_rows
from ui.counts import number
from ui.phrases import phrase
from users.models import User

SENT = 8  # mails listed


def day(when: date) -> str:
    """Return "Sat 28 Nov", with the year wherever it is not this year."""
    this_year = when.year == timezone.localdate().year
    form = pgettext("form of a date", "D j M") if this_year else pgettext("form of a date", "D j M Y")
    return dateformat.format(when, form)


def context(draft: preview.Draft, macro: Macro | None, user: User, *, edited: bool = False) -> dict[str, Any]:
    """Return the facts of the column beside the form. `edited`: the draft may differ from the stored macro."""
    now = timezone.now()
    found = counts.of(draft, now=now)
    before = _before(draft, macro) if edited else None
    changed = changes.with_unwatched(changes.between(before, draft), before) if before else None
    whole = found.whole
    if before and changed and changes.differ(before, draft):
        stored = counts.of(before, now=now)
        changed = changes.counted(changed, before=(before, stored), after=(draft, found))
        whole = whole and stored.whole
    return {
        "found": found.ahead,
        "first_alone": "" if whole else phrase(preview.WORDS, "first_alone", most=number(preview.MOST)),
        "at_once": news_preview.shown(draft, found.at_once),
        "at_once_mails": news_preview.mails(found.at_once),
        "at_once_kinds": len([kind for kind in found.at_once if kind != news_preview.ALL]),
        "few": found.few,
        "off": not draft.enabled,
        "sent": preview.sent_count(macro, now=now) if macro else 0,
        "mails": _mails(draft, macro, found.ahead.due, user, now),
        "sent_url": sent_url(macro) if macro else "",
        "changes": changed,
        "seen": changes.mark(draft) if edited else "",
    }


def _mails(
    draft: preview.Draft, macro: Macro | None, due: Sequence[preview.Due], user: User, now: datetime
) -> list[tuple[Sample, str]]:
    """Return the mails of a draft, each with the address where it is whole, as far as the stored macro has it."""
    stored = {action.kind for action in macro.actions.all()} if macro else set[str]()
    found = samples.all_of(draft, due, user=user, now=now)
    return [(one, _mail_url(macro, one) if macro and one.kind in stored else "") for one in found]


def _before(draft: preview.Draft, macro: Macro | None) -> preview.Draft | None:
    """Return the stored macro; None where there is none, or the draft is the same."""
    before = changes.stored_draft(macro) if macro else None
    if before is None or changes.mark_of_all(before) == changes.mark_of_all(draft):
        return None
    return before


def sent(macro: Macro, user: User) -> list[Message]:
    """Return the newest mails of the last 30 days that carried something of the macro, of those that the person sees."""
    if not user.has_perm("notifications.view_message"):
        return []
    keys = message_history.newest_keys(macro.pk, since=timezone.now() - timedelta(days=preview.DAYS))
    seen = message_rows.visible_to(user).filter(dedupe_key__in=keys)
    return list(seen.defer("text", "html").order_by("-created_at", "-id")[:SENT])


def sent_url(macro: Macro) -> str:
    """Return the list of what it sent."""
    return f"{reverse('admin:notifications_message_changelist')}?macro={macro.pk}"


def _mail_url(macro: Macro, one: Sample) -> str:
    """Return the page of a mail. Of a warning it names the account, so that it need not be looked for among all again."""
    address = reverse("admin:macros_macro_mail", args=[macro.pk])
    ahead = one.kind == MacroAction.Kind.PRE_DEACTIVATION
    return f"{address}?account={one.account.pk}" if ahead else f"{address}?kind={one.kind}"
