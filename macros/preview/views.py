"""What is shown beside the form of a macro: what it would do, and how many mails it sends as it is stored."""

from datetime import date
from typing import Any

from django.urls import reverse
from django.utils import dateformat, timezone
from django.utils.translation import pgettext

from macros.models import Macro
from macros.preview import services as preview
from macros.preview.services import Draft, stored_draft
from ui.phrases import phrase
from ui.text import number


def day_words(when: date) -> str:
    """Return "Sat 28 Nov", with the year wherever it is not this year."""
    this_year = when.year == timezone.localdate().year
    form = pgettext("form of a date", "D j M") if this_year else pgettext("form of a date", "D j M Y")
    return dateformat.format(when, form)


def preview_beside(draft: Draft, macro: Macro | None, *, edited: bool = False) -> dict[str, Any]:
    """Return the facts of the column beside the form. `edited`: the draft may differ from the stored macro."""
    before = stored_draft(macro) if edited and macro else None
    drafts = [draft, before] if before and before != draft else [draft]
    found = preview.preview_drafts(drafts, now=timezone.now())
    mails = [one.mails if of.enabled else 0 for one, of in zip(found, drafts, strict=True)]
    whole = all(one.whole for one in found)
    return {
        "found": found[0],
        "mails": mails[0],
        "before": mails[1] if len(set(mails)) > 1 else None,
        "first_alone": "" if whole else phrase(preview.WORDS, "first_alone", most=number(preview.MOST)),
        "off": not draft.enabled,
        "sent_url": f"{reverse('admin:notifications_message_changelist')}?macro={macro.pk}" if macro else "",
    }
