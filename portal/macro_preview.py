"""What is shown beside the form of a macro: what it would do, what an edit changes, and what it sent."""

from datetime import date, datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils import dateformat, timezone
from django.utils.translation import pgettext

from macros import changes, few_preview, message_history, news_preview, preview
from macros.changes import Changes
from macros.models import Macro
from notifications.models import Message
from portal import message_rows
from ui.phrases import phrase
from users.models import User

SENT = 8  # mails listed


def day(when: date) -> str:
    """Return "Sat 28 Nov", with the year wherever it is not this year."""
    this_year = when.year == timezone.localdate().year
    form = pgettext("form of a date", "D j M") if this_year else pgettext("form of a date", "D j M Y")
    return dateformat.format(when, form)


def context(draft: preview.Draft, macro: Macro | None, *, edited: bool = False) -> dict[str, Any]:
    """Return the facts of the column beside the form. `edited`: the draft may differ from the stored macro."""
    now = timezone.now()
    try:
        found = preview.preview(draft, now=now)
    except preview.TakesTooLongError:
        return {
            "too_many": phrase(preview.WORDS, "too_many"),
            "changes": _changes(draft, macro, None, now) if edited else None,
            "seen": changes.mark(draft) if edited else "",
        }
    return {
        "found": found,
        "at_once": news_preview.counts(draft, now=now),
        "few": few_preview.count(draft, now=now),
        "sent": preview.sent_count(macro, now=now) if macro else 0,
        "mail": preview.sample(draft, found.due),
        "sent_url": sent_url(macro) if macro else "",
        "mail_url": _mail_url(macro, found) if macro and found.due else "",
        "changes": _changes(draft, macro, found, now) if edited else None,
        "seen": changes.mark(draft) if edited else "",
    }


def unlooked(draft: preview.Draft, macro: Macro) -> dict[str, Any]:
    """Return the facts of an edit about so many accounts that its mails are counted apart."""
    return {
        "changes": _changes(draft, macro, None, timezone.now()),
        "seen": changes.mark(draft),
        "apart": True,
    }


def _changes(
    draft: preview.Draft, macro: Macro | None, found: preview.Preview | None, now: datetime
) -> Changes | None:
    before = changes.stored_draft(macro) if macro else None
    if before is None or not changes.differ(before, draft):
        return None
    return changes.between(before, draft, found=found, now=now)


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


def _mail_url(macro: Macro, found: preview.Preview) -> str:
    """Return the page of the first mail, which need not look for it among all accounts again."""
    address = reverse("admin:macros_macro_mail", args=[macro.pk])
    return f"{address}?account={found.due[0].account.pk}"
