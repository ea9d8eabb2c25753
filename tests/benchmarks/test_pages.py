"""The benchmark of pages finds every list by itself, and what it measures are pages."""

import pytest
from django.contrib import admin
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Account
from benchmarks import page_data, page_visits, pages
from benchmarks.page_data import BOSS, MATE, MEMBER, STAFF
from benchmarks.visit import Visit
from notifications.models import Message
from portal.lists import OwnList

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def measured(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[Visit, dict[str, list[float]]]:
    """What one round of a few pages of the smallest installation measured; and the pages that there are."""
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    monkeypatch.setattr(pages, "COUNTS", 1)  # the fewest of several visits is for figures alone
    page_data.fill(accounts=page_data.LEAST, now=timezone.now())
    browsers = {email: page_visits.browser(email) for email in (BOSS, STAFF, MEMBER, MATE)}
    visits = page_visits.all_of_them(browsers)
    titles = {str(page.list_title) for page in admin.site._registry.values() if isinstance(page, OwnList)}
    assert titles <= {visit.group for visit in visits if visit.who == BOSS}
    assert {"filter", "order", "search", "page"} <= {visit.kind for visit in visits}
    some = [visit for visit in visits if visit.path in {"/", "/admin/", "/admin/accounts/account/"}]
    listed = {(visit.group, visit.kind): visit for visit in visits if visit.named and visit.who != STAFF}
    some += [visit for visit in listed.values() if visit.kind not in {"ticked", "of a filter"}]
    gone = Visit("No page", "", "", BOSS, "/admin/accounts/account/?p=100")
    return pages.visit_all([*some, gone], browsers, rounds=1)


def test_pages_are_measured_and_what_is_none_is_left_out(
    measured: dict[Visit, dict[str, list[float]]],
) -> None:
    assert {visit.who for visit in measured} == {BOSS, STAFF, MEMBER, MATE}
    groups = {visit.group for visit in measured}
    assert "No page" not in groups
    assert {
        "Start leads to",
        "Many accounts, campaign",
        "Macro, edited",
        "Calendar",
        "Client links",
    } <= groups
    for figures in measured.values():
        assert figures["statements"][0] > 3
        assert len(figures["ms"]) == 1
        assert all(value > 1 for value in figures["KiB"])
    assert Account.objects.filter(state="deactivated").exists()
    assert Message.objects.count() == page_data.LEAST * 10


def test_the_table_names_the_slowest_of_a_kind_and_what_grows() -> None:
    fast, slow = (Visit("List", "filter", name, BOSS, f"/{name}") for name in ("fast", "slow"))
    figures = {"ms": [100.0], "statements, small": [9.0], "statements": [9.0]}
    section = pages.Pages(
        "Pages", {fast.name: figures, slow.name: figures | {"ms": [900.0], "statements": [19.0]}}
    )
    section.visits = [fast, slow]

    section.notes = pages.said(section)

    text = section.as_text()
    assert "List filter slow (boss), slowest of 2" in text
    assert "2 pages, 1 of them above 300 ms: List filter slow (boss) 900" in text
    assert "List filter slow (boss) (9 to 19)" in text
