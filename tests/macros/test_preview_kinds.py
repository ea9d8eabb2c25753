"""The preview, and what an edit changes, count each kind of action: of all accounts, less those left out and those snoozed."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from accounts.models import Account, AccountEvent
from macros import changes, counts, evaluation, few_preview, news_preview, on_it, preview, snoozing
from macros.models import Macro, MacroAction
from macros.preview import Draft
from tests.macros.support import TODAY, WATCHER, ending, make_macro, make_person, settle
from tests.portal.test_macros import FORM, browser, change
from tests.support.factories import NOW, link, make_token

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_noon")]
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
BOSS = "boss@example.com"


@pytest.fixture
def macro() -> Macro:
    """One for all accounts, of which one is plain, one left out, and one snoozed for everybody."""
    _plain, out, quiet = (ending(12, name=name) for name in ("Plain", "Out", "Quiet"))
    until = TODAY + 60 * DAY
    snoozing.snooze(accounts=[quiet], email="", until=until, by=None, reason="Away", now=NOW - 3 * DAY)
    made = make_macro(days=[7], excluded=[out.pk]).macro
    for account in Account.objects.all():
        token = account.pool.get().token
        other = make_token(consented_by=make_person())
        for day, kind in enumerate(("restricted", "deactivated", "connected")):
            at = NOW + (1 + day) * HOUR
            AccountEvent.objects.create(account=account, kind=kind, at=at)
        AccountEvent.objects.create(
            account=account, kind="shifted", from_token=other, token=token, at=NOW + HOUR
        )
    return made


def changed_between(before: Draft, after: Draft, now: datetime) -> changes.Changes:
    """Return what differs, with its numbers as they are now."""
    both = {"before": (before, counts.of(before, now=now)), "after": (after, counts.of(after, now=now))}
    return changes.counted(changes.between(before, after), **both)


def stored(macro: Macro) -> Draft:
    draft = changes.stored_draft(macro)
    assert draft is not None
    return draft


@pytest.mark.parametrize(
    ("kind", "accounts"), [("deactivated", 2), ("shifted", 1), ("recovered", 2), ("restricted", 2)]
)
def test_what_is_told_at_once_is_counted_and_a_snooze_keeps_back_a_shift_alone(
    kind: str, accounts: int, macro: Macro
) -> None:
    before = stored(macro)
    after = replace(before, at_once=[kind])

    told = news_preview.shown(after, news_preview.find(after, now=NOW + DAY))
    changed = changed_between(before, after, NOW + DAY)

    assert [(one.mails, one.accounts) for one in told] == [(1, accounts)]
    assert changed.at_once_count == (1, 0)
    assert len(changed.kinds_added) == 1


def test_warnings_and_escalation_are_counted_also_of_what_was_warned_before(macro: Macro) -> None:
    before = stored(macro)
    after = replace(before, escalate_to=[BOSS], after=3)
    found = preview.preview(after, now=NOW)
    changed = changed_between(before, after, NOW)
    MacroAction.objects.create(macro=macro, kind="escalated", emails=[BOSS], notify_consenters=False, after=3)
    evaluation.evaluate(now=NOW + 5 * DAY)

    warned = preview.preview(stored(macro), now=NOW + 6 * DAY)
    plain = Account.objects.get(name="Plain")
    on_it.acknowledge(deadlines=on_it.deadlines_on(plain), email=WATCHER, now=NOW + 6 * DAY)
    taken = preview.preview(stored(macro), now=NOW + 6 * DAY)

    assert (found.mails, found.escalated) == (1, 1)
    assert dict(found.quiet) == {"left out by the macro": 1, "snoozed": 1}
    assert changed.escalated_count == (1, 0)
    assert (warned.mails, warned.escalated) == (0, 1)
    assert taken.escalated == 0


def test_too_few_people_are_counted_now_later_and_as_far_as_they_were_told(macro: Macro) -> None:
    spare = Account.objects.get(name="Plain")
    backed_up = ending(20, name="Backed up")
    for days in (40, 25):
        link(backed_up, make_token(consented_by=make_person(), deadline=NOW + days * DAY))
    settle(backed_up)
    before = stored(macro)
    after = replace(before, people=2)
    evaluation.evaluate(now=NOW)

    fresh = few_preview.count(after, now=NOW)
    changed = changed_between(before, after, NOW)
    MacroAction.objects.create(
        macro=macro, kind="few_people", emails=[WATCHER], notify_consenters=False, people=2, within=0
    )
    evaluation.evaluate(now=NOW)
    told = few_preview.count(stored(macro), now=NOW)

    assert spare.people_count == 1
    assert fresh is not None
    assert told is not None
    assert (fresh.now, fresh.told, fresh.later) == (1, 0, 2)
    assert (told.now, told.told) == (1, 1)
    assert changed.few_count == (1, 0)


def test_the_page_shows_all_of_it_before_an_edit_is_saved(macro: Macro) -> None:
    mira = browser(make_person("mira@example.com", is_staff=True, is_superuser=True))
    form = FORM | {
        "emails": WATCHER,
        "days": "7",
        "excluded": [str(pk) for pk in macro.excluded],
        "at_once": ["shifted", "restricted"],
        "people": "2",
        "escalate_to": BOSS,
        "after": "3",
    }

    page = " ".join(mira.post(change(macro), form).content.decode().split())

    changed, _, beside = page.partition("What this macro would do")
    for words in (
        "At once, in the last 30 days</dt><dd><strong>1</strong> mail, before: 0",
        "Too few people, now</dt><dd><strong>1</strong> account, before: 0",
        "Escalated, next 30 days</dt><dd><strong>1</strong> account, before: 0",
    ):
        assert words in changed
    assert "Too few people, in 30 days</dt><dd><strong>1</strong> account" in beside
    assert "Another log-in took over" in beside
