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


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["boss", "stranger"])
def test_a_line_says_what_pages_say_of_the_account_in_four_queries(who: str) -> None:
    accounts = fleet()
    viewer = make_user(f"{who}@example.com", is_superuser=who == "boss", team=accounts[0].team)
    names = names_for(viewer)

    with CaptureQueriesContext(connection) as asked:
        rows = list(export_rows.export_rows(Account.objects.order_by("-pk"), names, NOW))

    lines = [dict(zip(export_rows.HEAD, row, strict=True)) for row in rows]
    assert [one["native_id"] for one in lines] == [one.native_id for one in accounts]
    for line, account in zip(lines, accounts, strict=True):
        one = pool_queries.summarise(account, NOW)
        assert line["pill"] == pills.pill("account", one.health).label
        assert line["reason"] == account.reason_now(one.entries)
        assert line["active_person"] == (names.token(one.active.token, account) if one.active else "")
        assert (line["tokens"], line["deadline_utc"]) == (account.pool.count(), account.deadline)
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
    others = make_account(name="Birch of others")

    def ask(query: str = "", **more: str) -> Any:
        sent = {"index": "0", "action": "export", "_selected_action": [one.pk for one in (*mine, others)]}
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
