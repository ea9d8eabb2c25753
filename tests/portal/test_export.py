"""The file of accounts: its lines say what the pages say, as far as its reader may know, and no cell is a formula."""

import io
import re
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
from accounts.models import Account, AccountToken
from accounts.pool import queries as pool_queries
from tests.portal.support import settle, staff
from tests.support.factories import NOW, link, make_account, make_team, make_token, make_user
from ui import pills
from users.people.queries import names_for

LIST = "/admin/accounts/account/"


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
    return [str(cell) for cell in cells]


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

    def ask(query: str = "", **more: str) -> Any:
        sent = {"index": "0", "action": "export", "_selected_action": [one.pk for one in mine]}
        return client.post(LIST + query, sent | more)

    chosen, found = ask(), sheet_of(ask("?q=birch&o=-1", select_across="1"))
    sheet = sheet_of(chosen)
    monkeypatch.setattr(export, "MOST", 3)
    refused = client.get(ask()["Location"]).content.decode()

    assert chosen["Content-Disposition"].endswith('.xlsx"')
    assert sheet.count("<row ") == 6
    assert "<f>" not in sheet
    assert "<t>=HYPERLINK" in sheet
    assert re.findall(r"Birch \d", found) == ["Birch 3", "Birch 2", "Birch 1", "Birch 0"]
    assert "More than 3 accounts match" in refused


def sheet_of(response: Any) -> str:
    """The cells of a workbook that was answered, as XML."""
    return ZipFile(io.BytesIO(response.content)).read("xl/worksheets/sheet1.xml").decode()


def test_nobody_exports_without_the_right(client: Client, db: None) -> None:
    staff(client, view=False)

    answer = client.post(reverse("admin:accounts_account_changelist"), {"action": "export"})

    assert answer.status_code == 403
