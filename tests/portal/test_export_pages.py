"""An export of many accounts: the button leads to a page that shows how far it is, and the file is its person's alone."""

import csv
import io
from typing import Any
from zipfile import ZipFile

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts import exporting, tasks
from accounts.models import Account, AccountExport
from portal import export
from tests.support.factories import make_account, make_team, make_user
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/admin/accounts/account/"


@pytest.fixture(autouse=True)
def _few(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.STAFF_SECOND_FACTOR = False
    monkeypatch.setattr(export, "AT_ONCE", 3)
    monkeypatch.setattr(exporting, "PART", 2)


@pytest.fixture
def boss(client: Client) -> User:
    user = make_user("boss@example.com", is_staff=True, is_superuser=True)
    client.force_login(user)
    return user


def make_accounts(count: int) -> list[Account]:
    return [make_account(name=f"Account {number}") for number in range(count)]


def ask(client: Client, *accounts: Account, **more: str) -> Any:
    chosen = {"_selected_action": [str(one.pk) for one in accounts]}
    return client.post(LIST, {"action": "export_csv", "index": "0", **chosen, **more})


def cells(file: bytes) -> str:
    """The first sheet of a workbook, as its XML."""
    return ZipFile(io.BytesIO(file)).read("xl/worksheets/sheet1.xml").decode()


def body(answer: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_few_accounts_come_at_once(client: Client, boss: User) -> None:
    accounts = make_accounts(3)

    answer = ask(client, *accounts)

    assert [row[2] for row in body(answer)[1:]] == ["Account 0", "Account 1", "Account 2"]
    assert not AccountExport.objects.exists()


def test_many_are_made_by_a_worker_while_the_page_shows_how_far_it_is(client: Client, boss: User) -> None:
    accounts = make_accounts(5)

    page = ask(client, *accounts[:1], select_across="1").headers["Location"]
    waiting = client.get(page)
    early = client.get(f"{page}file/")
    exporting.make_next(
        clock=timezone.now, goes_on=lambda: not AccountExport.objects.filter(done__gt=2).exists()
    )
    under_way = client.get(page)
    tasks.make_exports()
    ready = client.get(page)
    file = client.get(f"{page}file/")

    assert (waiting.headers["Refresh"], early.status_code) == ("2", 404)
    assert "0 of 5 are written" in waiting.text
    assert "4 of 5 are written" in under_way.text
    assert "Refresh" not in ready.headers
    assert f'href="{page}file/"' in ready.text
    assert sorted(row[2] for row in body(file)[1:]) == [f"Account {number}" for number in range(5)]
    assert file.headers["Content-Disposition"].endswith('.csv"')


def test_the_filter_and_the_order_of_the_list_are_those_of_the_file(client: Client, boss: User) -> None:
    for number in range(8):
        make_account(name=f"Birch {number}" if number % 2 else f"Oak {number}")

    page = client.post(
        f"{LIST}?q=birch&o=-1",
        {"action": "export_csv", "index": "0", "_selected_action": ["1"], "select_across": "1"},
    ).headers["Location"]
    tasks.make_exports()

    assert [row[2] for row in body(client.get(f"{page}file/"))[1:]] == [
        "Birch 7",
        "Birch 5",
        "Birch 3",
        "Birch 1",
    ]


def test_whoever_asks_again_meanwhile_comes_to_the_one_that_is_made(client: Client, boss: User) -> None:
    accounts = make_accounts(5)
    first = ask(client, *accounts)

    again = client.post(
        LIST,
        {"action": "export_csv", "index": "0", "_selected_action": [str(one.pk) for one in accounts]},
        follow=True,
    )

    assert again.redirect_chain[-1][0] == first.headers["Location"]
    assert "being made already" in again.text


def test_nobody_else_opens_it_and_nor_does_its_person_without_the_right(client: Client, boss: User) -> None:
    page = ask(client, *make_accounts(5)).headers["Location"]
    tasks.make_exports()
    other = Client()
    other.force_login(make_user("other@example.com", is_staff=True, is_superuser=True))

    strange = [other.get(address).status_code for address in (page, f"{page}file/")]
    User.objects.filter(pk=boss.pk).update(is_superuser=False)
    without = [client.get(address).status_code for address in (page, f"{page}file/")]
    posted = client.post(f"{page}file/").status_code

    assert strange == [404, 404]
    assert without == [403, 403]
    assert posted in {403, 405}


def test_an_export_that_failed_says_what_to_do(client: Client, boss: User) -> None:
    page = ask(client, *make_accounts(5)).headers["Location"]
    AccountExport.objects.update(state="failed")

    answer = client.get(page)

    assert "Begin again on the list" in answer.text
    assert "Refresh" not in answer.headers
    assert client.get(f"{page}file/").status_code == 404


def test_a_team_lead_who_leaves_a_team_cannot_fetch_what_was_made_before(client: Client) -> None:
    mine = make_team()
    person = make_user("staff@example.com", is_staff=True, team=mine)
    person.user_permissions.add(Permission.objects.get(codename="view_account"))
    client.force_login(person)
    accounts = [make_account(team=mine) for _ in range(5)]
    page = ask(client, *accounts).headers["Location"]
    tasks.make_exports()
    before = client.get(f"{page}file/").status_code

    person.memberships.all().delete()

    assert (before, client.get(f"{page}file/").status_code) == (200, 404)


def test_a_workbook_is_made_by_a_worker_whose_cells_are_no_formulas(client: Client, boss: User) -> None:
    make_account(name='=HYPERLINK("https://evil.example")')
    accounts = [*make_accounts(4), *Account.objects.filter(name__startswith="=")]

    page = ask(client, *accounts, action="export_xlsx").headers["Location"]
    tasks.make_exports()
    ready = client.get(page)
    file: Any = client.get(f"{page}file/")

    sheet = cells(b"".join(file.streaming_content))
    assert "The file is ready" in ready.text
    assert file.headers["Content-Disposition"].endswith('.xlsx"')
    assert sheet.count("<row ") == 6
    assert "<f>" not in sheet
    assert "'=HYPERLINK" in sheet
    assert AccountExport.objects.get().parts.count() == 1
