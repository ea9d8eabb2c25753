"""The file of accounts: its lines say what the pages say, as far as its reader may know, and no cell is a formula."""

import csv
import io
from datetime import timedelta
from typing import Any
from zipfile import ZipFile

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.account_pages import admin as export
from accounts.account_pages import export as export_rows
from accounts.account_pages.export import safe_cell
from accounts.models import Account, AccountToken
from accounts.pool import queries as pool_queries
from tests.portal.support import settle, staff
from tests.support.factories import NOW, link, make_account, make_team, make_token, make_user
from ui import pills
from users.people.queries import names_for

LIST = "/admin/accounts/account/"
SIGNS = ["=", "+", "-", "@", "＝", "＋", "－", "＠", "﹢", "﹣", "﹦", "﹫"]
BEFORE = ["", " ", "\u00a0", "\u200b", "\ufeff", "\u202e", "\u2060\u00ad", "\t", "\x00", "\u2028"]


def test_a_cell_that_could_be_a_formula_is_text() -> None:
    cells = [f"{before}{sign}1+1" for before in BEFORE for sign in SIGNS]

    assert [cell for cell in cells if not safe_cell(cell).startswith("'")] == []


@pytest.mark.parametrize(
    "name", ["Lumen Shoes EU", "  Fern", "2-for-1", "Ärger & Söhne", "株式会社", "", "a=b", "\u200bBirch"]
)
def test_other_cells_stay_as_they_are(name: str) -> None:
    assert safe_cell(name) == name


def fleet() -> list[Account]:
    """Accounts in all the states that a line can tell, with pools of several log-ins."""
    ada, ben = make_user("ada@example.com", name="Ada"), make_user("ben@example.com", name="")
    for number in range(14):
        account = make_account(name=f"Account {number}", restriction="disabled" if number % 5 == 1 else "")
        for who, days in ((ada, 3 + number * 4), (ben, 60), (None, 20))[: number % 4]:
            state = "dead" if number % 3 == 2 else "valid"
            token = make_token(
                consented_by=who,
                deadline=NOW + timedelta(days=days),
                deadline_kind="date",
                state=state,
                reason="password_changed" if state == "dead" else "",
                last_checked_at=NOW - timedelta(hours=number),
            )
            link(account, token, rank=number % 2)
        if number % 7 == 3:
            AccountToken.objects.filter(account=account).update(access="lost", access_reason="access_lost")
    found = list(Account.objects.order_by("-pk"))
    settle(*found)
    Account.objects.filter(pk=found[4].pk).update(paused_at=NOW, state="paused", reason="paused")
    return list(Account.objects.order_by("-pk"))


def expected(account: Account, names: Any) -> list[str]:
    one = pool_queries.summarise(account, NOW)
    checked = [entry.token.last_checked_at for entry in one.entries if entry.token.last_checked_at]
    moment = export_rows._utc
    cells = [
        account.channel, account.native_id, account.name, account.team.name, account.state,
        pills.pill("account", one.health).label, account.reason_now(one.entries), account.restriction,
        account.deadline_kind, moment(account.deadline), len(one.usable), len(one.entries), account.people_count,
        names.token(one.active.token, account) if one.active else "", moment(max(checked, default=None)),
    ]  # fmt: skip
    return [safe_cell(cell) for cell in cells]


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["boss", "stranger"])
def test_a_line_says_what_the_summary_of_the_account_says_in_three_queries(who: str) -> None:
    accounts = fleet()
    viewer = make_user(f"{who}@example.com", is_superuser=who == "boss", team=accounts[0].team)
    names, ids = names_for(viewer), [one.pk for one in accounts]

    with CaptureQueriesContext(connection) as asked:
        rows = export_rows.export_page(Account.objects.all(), ids, names, NOW)

    assert rows == [expected(one, names) for one in accounts]
    assert len(asked) <= 4  # and the viewer's teams


@pytest.mark.django_db
def test_the_file_holds_what_was_chosen_in_the_order_of_the_list_and_too_many_are_refused(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_rows, "PAGE", 2)
    team = make_team()
    staff(client, team=team)
    mine = [make_account(name=f"Birch {number}", team=team) for number in range(4)]
    mine.append(make_account(name='=HYPERLINK("https://evil.example")', team=team))
    make_account(name="Birch of others")

    def ask(file_format: str, query: str = "", **more: str) -> Any:
        sent = {"index": "0", "action": f"export_{file_format}", "_selected_action": [one.pk for one in mine]}
        return client.post(LIST + query, sent | more)

    chosen, found = ask("csv"), ask("csv", "?q=birch&o=-1", select_across="1")
    book = ZipFile(io.BytesIO(ask("xlsx").content))
    monkeypatch.setattr(export, "MOST", 3)
    refused = client.get(ask("csv")["Location"]).content.decode()

    names = [row[2] for row in csv.reader(io.StringIO(found.content.decode()))]
    sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert chosen["Content-Disposition"].endswith('.csv"')
    assert len(list(csv.reader(io.StringIO(chosen.content.decode())))) == 6
    assert names == ["name", "Birch 3", "Birch 2", "Birch 1", "Birch 0"]
    assert sheet.count("<row ") == 6
    assert "<f>" not in sheet
    assert "'=HYPERLINK" in sheet
    assert "More than 3 accounts match" in refused


def test_nobody_exports_without_the_right(client: Client, db: None) -> None:
    staff(client, view=False)

    answer = client.post(reverse("admin:accounts_account_changelist"), {"action": "export_csv"})

    assert answer.status_code == 403
