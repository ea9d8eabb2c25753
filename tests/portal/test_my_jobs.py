"""My jobs: whoever left the page of a deed or of an export finds it again, with its undo and its file; administrators find everybody's."""

from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts import deeds, exporting, tasks
from accounts.deed_kinds import APPLY_MACRO, MOVE, OFFBOARD, PAUSE
from accounts.leaving.deed import REMOVE
from accounts.models import Account, AccountExport, Deed
from portal import bulk_deeds
from tests.portal.support import staff
from tests.support.factories import make_account, make_team, make_user
from users import roles
from users.models import User
from users.role_choices import Role

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/admin/accounts/account/"
JOBS = f"{LIST}jobs/"


@pytest.fixture(autouse=True)
def _quick(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.STAFF_SECOND_FACTOR = False
    monkeypatch.setattr(bulk_deeds, "PATIENCE", 0.0)


def text(client: Client, address: str) -> str:
    return " ".join(unescape(client.get(address).text).split())


def log_in(client: Client, role: Role, **fields: Any) -> User:
    user = make_user(**fields)
    roles.give(user, role)
    client.force_login(user)
    return user


def test_whoever_left_the_page_finds_it_again_and_so_does_an_administrator(client: Client) -> None:
    team = make_team("Lumen")
    shop = make_account(name="Shop", team=team)
    mona = log_in(client, Role.MANAGER, name="Mona Reed", team=team)
    Deed.objects.create(
        user=mona, kind=REMOVE, subject_id=mona.pk, total=1, state=Deed.State.READY
    )  # on her own pages
    before = [text(client, LIST), text(client, JOBS)]
    page = client.post(f"{LIST}bulk/pause/?ids={shop.pk}", {"note": "audit"})["Location"]
    exporting.start(user=mona, accounts=Account.objects.all(), now=timezone.now())

    start, going, listed = text(client, "/admin/"), client.get(JOBS), text(client, LIST)
    tasks.do_deeds()
    tasks.make_exports()
    done = text(client, JOBS)
    staff(client, "accounts.resume_account", team=team)
    foreign = [text(client, JOBS), str(client.get(page).status_code)]
    log_in(client, Role.AUDITOR)
    looked = [text(client, f"{JOBS}?all=1"), text(client, page)]
    log_in(client, Role.ADMINISTRATOR)
    others, opened = text(client, f"{JOBS}?all=1"), text(client, page)
    again = client.post(f"{page}again/").status_code
    client.post(f"{page}undo/", {"note": ""})
    tasks.do_deeds()

    assert JOBS not in before[0]
    assert "No job within the last day." in before[1]
    assert JOBS in listed
    for shown in (start, unescape(going.text)):
        assert "Pause 1 account" in shown
        assert "Export of 1 account" in shown
        assert f'href="{page}"' in shown
        assert "0 of 1" in shown
    assert going["Refresh"]
    assert "1 paused" in done
    assert f"{page}undo/" in done
    assert f'href="{LIST}exports/{AccountExport.objects.get().pk}/file/"' in done
    assert "No job within the last day." in foreign[0]
    assert foreign[1] == "404"
    assert ["Mona Reed" in shown and "undo/" not in shown for shown in looked] == [True, True]
    assert "Mona Reed" in others
    assert "Mona Reed" in opened
    assert again == 403
    assert Account.objects.get().paused_at is None
    assert "Taken back" in text(client, f"{JOBS}?all=1")
    assert "/file/" not in others


def test_it_asks_as_often_for_many_and_names_what_each_is_about(client: Client) -> None:
    user = staff(client, "users.offboard_user")

    def asked(first: int, last: int) -> tuple[int, str]:
        for number in range(first, last):
            options = {"name": "Ina"} if number % 2 else {}
            for kind, subject in (
                (MOVE, make_team(f"Team {number}").pk),
                (PAUSE, 0),
                (APPLY_MACRO, 0),
            ):
                Deed.objects.create(
                    user=user, kind=kind, subject_id=subject, total=2, state=Deed.State.READY, options=options
                )
            leaver = make_user(name=f"Lea {number}").pk
            deeds.start(
                user=user, kind=OFFBOARD, subject_id=leaver, keys=[1], note="", skipped=0, now=timezone.now()
            )
        with CaptureQueriesContext(connection) as queries:
            shown = text(client, JOBS)
        return len(queries), shown

    asked(0, 2)  # what a process asks once
    few, _ = asked(2, 4)
    many, shown = asked(4, 16)

    assert many == few
    assert "Move 2 accounts to Team 4" in shown
    assert "Lea 7" in shown
