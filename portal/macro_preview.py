"""What is shown beside the form of a macro: what it would do, what an edit changes, and what it sent."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils import dateformat, timezone
from django.utils.translation import pgettext

from macros import changes, counts, forecasts, message_history, news_preview, preview, samples, tasks
from macros import forecast_jobs as jobs
from macros.counts import Counts
from macros.models import Forecast, Macro, MacroAction
from macros.samples import Sample
from notifications.models import Message
from portal import message_rows
from ui.phrases import phrase
from users import asking_workers
from users.models import User

SENT = 8  # mails listed
LATE = timedelta(minutes=1)  # after it what no worker has begun waits for one


def day(when: date) -> str:
    """Return "Sat 28 Nov", with the year wherever it is not this year."""
    this_year = when.year == timezone.localdate().year
    form = pgettext("form of a date", "D j M") if this_year else pgettext("form of a date", "D j M Y")
    return dateformat.format(when, form)


def context(draft: preview.Draft, macro: Macro | None, user: User, *, edited: bool = False) -> dict[str, Any]:
    """Return the facts of the column beside the form. `edited`: the draft may differ from the stored macro.

    It counts now, which takes long where `needs_worker` says so.
    """
    now = timezone.now()
    found = counts.of(draft, now=now)
    before = _before(draft, macro) if edited else None
    changed = changes.with_unwatched(changes.between(before, draft), before) if before else None
    if before and changed and found.ahead and changes.differ(before, draft):
        both = {"before": (before, counts.of(before, now=now)), "after": (draft, found)}
        changed = changes.counted(changed, **both)
    return {
        **_shown(draft, macro, found, user, now),
        "changes": changed,
        "seen": changes.mark(draft) if edited else "",
    }


def needs_worker(draft: preview.Draft, macro: Macro | None) -> bool:
    """Return whether so many accounts are to be looked through, for a draft or what it is compared with, that no page does it."""
    if preview.takes_long(draft):
        return True
    before = _before(draft, macro)
    return before is not None and changes.differ(before, draft) and preview.takes_long(before)


def begun(draft: preview.Draft, macro: Macro | None, user: User, *, edited: bool) -> dict[str, Any]:
    """Have a worker count, and return the facts of the column meanwhile: what changes, without numbers. They may be there already."""
    before = _before(draft, macro) if edited else None
    forecast, is_new = forecasts.start(user=user, draft=draft, macro=macro, before=before, now=timezone.now())
    if is_new:
        asking_workers.ask(tasks.make_forecasts)
    return of_forecast(forecast)


def of_forecast(forecast: Forecast) -> dict[str, Any]:
    """Return the facts of the column from what a worker counted, or of how far it is."""
    now = timezone.now()
    going = forecast.state in jobs.GOING
    draft = forecasts.drafts_of(forecast)["after"]
    facts: dict[str, Any] = {
        "forecast": forecast,
        "seen": changes.mark(draft),
        "going": going,
        "late": forecast.state == Forecast.State.WAITING and now - forecast.created_at > LATE,
        "changes": forecasts.changes_of(forecast),
    }
    if forecast.state == Forecast.State.READY:
        facts |= _shown(draft, forecast.macro, forecasts.counts_of(forecast)["after"], forecast.user, now)
    return facts


def _shown(
    draft: preview.Draft, macro: Macro | None, found: Counts, user: User, now: datetime
) -> dict[str, Any]:
    """Return in words what was counted of a draft, with the first mail of each kind."""
    if found.ahead is None:
        return {"too_many": phrase(preview.WORDS, "too_many")}
    ahead = preview.shown(draft, found.ahead)
    return {
        "found": ahead,
        "at_once": None if found.at_once is None else news_preview.shown(draft, found.at_once),
        "at_once_mails": 0 if found.at_once is None else news_preview.mails(found.at_once),
        "at_once_kinds": len([kind for kind in found.at_once or () if kind != news_preview.ALL]),
        "few": found.few,
        "off": not draft.enabled,
        "sent": preview.sent_count(macro, now=now) if macro else 0,
        "mails": _mails(draft, macro, ahead.due, user, now),
        "sent_url": sent_url(macro) if macro else "",
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
