"""The numbers of a macro of many accounts: a worker counts them, its form shows them, and nobody waits for them."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from macros import forecasts, preview
from macros.models import Forecast, Macro
from tests.macros.conftest import _no_default_macro  # noqa: F401  # for every test here
from tests.macros.support import ending, make_macro, make_person
from tests.portal.test_macros import FORM, browser, change, staff
from tests.support.factories import NOW
from users.models import Team

pytestmark = pytest.mark.django_db
PREVIEW = "/admin/macros/macro/preview/"
BY_SCRIPT = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _many(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    settings.STAFF_SECOND_FACTOR = False
    monkeypatch.setattr(preview, "AT_ONCE", 0)
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def mira() -> Client:
    return browser(make_person("mira@example.com", name="Mira Ode", is_staff=True, is_superuser=True))


def count_them() -> int:
    """Count what is waited for, as a worker does. Returns for how many pages."""
    done = 0
    while forecasts.make_next(clock=timezone.now, goes_on=lambda: True):
        done += 1
    return done


def beside(page: str) -> str:
    """Return the words of a page."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_an_edit_shows_what_changes_first_and_its_numbers_once_a_worker_counted_them(mira: Client) -> None:
    macro = make_macro(days=[30], emails=["ben@lumen.example"]).macro
    for days in (5, 10):
        ending(days, name=f"Ends in {days}")
    form = FORM | {"emails": "ben@lumen.example, new@lumen.example", "linkers": "", "days": "30, 7"}

    with CaptureQueriesContext(connection) as asked:
        shown = mira.post(change(macro), form).content.decode()
    look = re.search(rf'hx-get="({PREVIEW}\d+/)"', shown)
    assert look is not None
    waits = mira.get(look[1], headers=BY_SCRIPT)
    counted = count_them()
    found = mira.get(look[1], headers=BY_SCRIPT).content.decode()

    assert not any("known_since" in query["sql"] for query in asked)
    assert "Told from now on new@lumen.example" in beside(shown)
    assert "before:" in beside(shown)  # the days, and no mails yet
    assert "Due, next 30 days" not in beside(shown)
    assert (waits.status_code, waits.content, counted) == (204, b"", 1)
    assert "Due, next 30 days 4 mails, before: 1" in beside(found)
    assert "Ends in 5" in beside(found)
    seen = re.findall(r'name="seen" value="(\w+)"', shown + found)
    assert len(set(seen)) == 1
    assert len(seen) == 2
    assert not Macro.objects.filter(actions__days=[30, 7]).exists()
    assert mira.post(change(macro), form | {"seen": seen[1]}).status_code == 302


def test_a_browser_without_script_is_led_to_a_page_that_opens_again_until_all_is_counted(
    mira: Client,
) -> None:
    macro = make_macro(days=[30]).macro
    ending(5, name="Soon")

    led = mira.post(f"{PREVIEW}?macro={macro.pk}", FORM)
    waits = mira.get(led["Location"])
    count_them()
    found = mira.get(led["Location"])

    assert waits["Refresh"]
    assert "it is being counted" in beside(waits.content.decode())
    assert "Refresh" not in found
    assert "Soon" in beside(found.content.decode())
    assert f'hx-get="{PREVIEW}' not in waits.content.decode()


def test_what_was_typed_before_is_not_counted_and_the_same_is_counted_once(mira: Client) -> None:
    macro = make_macro().macro
    ending(5)

    for days in ("30", "14", "7", "7"):
        mira.post(f"{PREVIEW}?macro={macro.pk}", FORM | {"days": days}, headers=BY_SCRIPT)

    assert [one.drafts["after"]["days"] for one in Forecast.objects.all()] == [[7]]
    assert count_them() == 1


def test_a_corrected_name_counts_nothing_again_and_is_what_the_page_says(mira: Client) -> None:
    macro = make_macro(days=[30]).macro
    ending(5)
    address = f"{PREVIEW}?macro={macro.pk}"
    for edit in ({}, {"days": "30"}):  # one that differs, and one of which the name alone may
        form = FORM | {"linkers": "", "emails": "watcher@example.com"} | edit
        mira.post(address, form | {"name": "Frist"}, headers=BY_SCRIPT)
        count_them()
        counted = Forecast.objects.get().pk

        shown = mira.post(address, form | {"name": "First"}, headers=BY_SCRIPT).content.decode()

        assert (Forecast.objects.get().pk, count_them()) == (counted, 0)
        assert "First" in beside(shown)
        assert "Frist" not in beside(shown)
        assert "due, next 30 days" in beside(shown).lower()


def test_what_nobody_watches_any_more_is_counted_by_the_worker(mira: Client) -> None:
    macro = make_macro(days=[30]).macro
    ending(5)
    form = {key: value for key, value in FORM.items() if key != "enabled"}

    with CaptureQueriesContext(connection) as asked:
        shown = mira.post(f"{PREVIEW}?macro={macro.pk}", form, headers=BY_SCRIPT).content.decode()
    count_them()
    done = Forecast.objects.get()
    found = mira.get(
        reverse("admin:macros_macro_forecast", args=[done.pk]), headers=BY_SCRIPT
    ).content.decode()

    assert not [one for one in asked if "COUNT(*)" in one["sql"] and "macros_macroaccount" in one["sql"]]
    assert "Then watched by no macro" not in beside(shown)
    assert (done.done, done.total) == (7, 7)
    assert "Then watched by no macro 1 account" in beside(found)


def test_a_worker_that_is_away_is_said_and_one_that_fails_too(mira: Client) -> None:
    macro = make_macro().macro
    ending(5)
    mira.post(f"{PREVIEW}?macro={macro.pk}", FORM, headers=BY_SCRIPT)
    forecast = Forecast.objects.get()
    look = reverse("admin:macros_macro_forecast", args=[forecast.pk])
    Forecast.objects.update(created_at=timezone.now() - timedelta(minutes=2))

    late = mira.get(look, headers=BY_SCRIPT).content.decode()
    Forecast.objects.update(drafts={"after": {**forecast.drafts["after"], "days": "no days"}})
    count_them()
    failed = mira.get(look, headers=BY_SCRIPT).content.decode()

    assert "No worker has begun to count yet" in beside(late)
    assert "It could not be counted" in beside(failed)
    assert 'hx-trigger="every' not in failed


def test_it_is_nobody_elses_and_who_may_only_look_gets_the_numbers_of_the_stored_macro(mira: Client) -> None:
    macro = make_macro(days=[30], emails=["ben@lumen.example"]).macro
    ending(5, name="Soon")
    reader = browser(staff("macros.view_macro", "macros.change_macro", team=Team.objects.create(name="Moss")))
    stranger = browser(staff())

    led = reader.post(f"{PREVIEW}?macro={macro.pk}", {**FORM, "days": "1"})
    refused = stranger.post(f"{PREVIEW}?macro={macro.pk}", FORM)
    count_them()
    page = reader.get(led["Location"]).content.decode()

    assert Forecast.objects.get().drafts["after"]["days"] == [30]
    assert "What changes" not in page
    assert refused.status_code in {403, 404}
    assert mira.get(led["Location"]).status_code == 404
    assert stranger.get(led["Location"]).status_code in {403, 404}


def test_counting_goes_on_where_a_worker_was_stopped(mira: Client) -> None:
    macro = make_macro().macro
    ending(5)
    mira.post(f"{PREVIEW}?macro={macro.pk}", FORM | {"days": "14"}, headers=BY_SCRIPT)
    asked: list[int] = []

    def for_a_while() -> bool:
        asked.append(1)
        return len(asked) < 4

    forecasts.make_next(clock=timezone.now, goes_on=for_a_while)
    stopped: Any = Forecast.objects.get()
    count_them()
    done = Forecast.objects.get()

    assert (stopped.state, stopped.done) == ("waiting", 2)
    assert (done.state, done.done, done.total) == ("ready", 6, 6)
    assert forecasts.sweep(now=timezone.now() + timedelta(days=2)) == 1


def test_who_may_only_look_is_not_shown_a_test_of_the_mail() -> None:
    macro = make_macro(days=[30], emails=["ben@lumen.example"]).macro
    ending(5)
    address = f"{PREVIEW}?macro={macro.pk}"
    looks = browser(staff("macros.view_macro", email="looks@example.com"))
    changes = browser(staff("macros.view_macro", "macros.change_macro", email="changes@example.com"))

    pages = [one.post(address, FORM, headers=BY_SCRIPT).content.decode() for one in (looks, changes)]

    assert ["Send a test to me" in page for page in pages] == [False, True]
