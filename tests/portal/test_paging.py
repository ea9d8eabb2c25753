"""Pages of long lists: each row once, in the list's order."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account
from accounts.pool import health
from macros.models import Evaluation, Notice
from tests.macros.support import make_macro
from tests.portal.support import rows_of
from tests.support.factories import make_account, make_app, make_team, make_token
from tokens.models import Token

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("boss")]
NOW = timezone.now()
DAY = timedelta(days=1)


def accounts(number: int, **fields: object) -> None:
    """Accounts in every place of the list, many of them alike but for their names."""
    team = make_team()
    kinds = [
        ("date", NOW + 3 * DAY),
        ("date", NOW + 9 * DAY),
        ("never", None),
        ("unknown", None),
        ("none", None),
    ]
    Account.objects.bulk_create(
        Account(
            channel="facebook", native_id=f"{n:05}", name=f"A{n * 7919 % number:05}", team=team,
            deadline_kind=kinds[n % 5][0], deadline=kinds[n % 5][1], state="deactivated" if n % 5 == 4 else "connected",
            paused_at=NOW if n % 11 == 0 else None,
        )
        for n in range(number)
    )  # fmt: skip


def shown(client: Client, address: str, page: int) -> list[str]:
    return [one.name for one in rows_of(client, f"{address}?p={page}")]


def test_the_pages_of_a_list_hold_each_row_once_in_its_order(client: Client) -> None:
    accounts(120)

    pages = [shown(client, "/admin/accounts/account/", page) for page in (1, 2, 3)]

    in_order = Account.objects.order_by(*health.by_deadline()).values_list("name", flat=True)
    assert [len(page) for page in pages] == [50, 50, 20]
    assert [name for page in pages for name in page] == list(in_order)


def test_the_pages_of_a_search_hold_each_row_once_in_its_order(client: Client) -> None:
    accounts(70)
    make_account(name="Other")

    pages = []
    for page in (1, 2):
        found = rows_of(client, f"/admin/accounts/account/?q=a0&p={page}")
        pages.append([one.name for one in found])

    in_order = Account.objects.filter(name__startswith="A").order_by(*health.by_deadline())
    assert [len(page) for page in pages] == [50, 20]
    assert [name for page in pages for name in page] == list(in_order.values_list("name", flat=True))


def test_the_newest_notice_of_a_macro_that_never_mailed_is_not_looked_for_among_all(client: Client) -> None:
    """The list of macros says when each last mailed; most notices may be of one macro."""
    busy, quiet, account = make_macro(), make_macro(), make_account()
    run = Evaluation.objects.create(on_date=NOW.date(), started_at=NOW)
    Notice.objects.bulk_create(
        Notice(
            evaluation=run, action=busy, account=account, team=account.team, cycle=number, threshold=7, recipient="a@example.com",
            outcome="mailed",
        )
        for number in range(5_000)
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("analyze")

    with CaptureQueriesContext(connection) as asked:
        page = client.get("/admin/macros/macro/").content.decode()

    plans = []
    with connection.cursor() as cursor:
        for search in (query["sql"] for query in asked if "macros_notice" in query["sql"]):
            cursor.execute(f"explain {search}")
            plans.append("\n".join(row[0] for row in cursor.fetchall()))
    assert quiet.macro.name in page
    for index, plan in zip(["notice_was_of", "notice_last_mailed"], plans, strict=True):
        assert index in plan  # what an edit took out of a macro, and what is in it
        assert "macros_notice_pkey" not in plan


def test_the_list_of_channel_apps_counts_the_log_ins_of_all_at_one_time(client: Client) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get("/admin/tokens/channelapp/")
        return sum('FROM "tokens_token"' in query["sql"] for query in captured)

    make_token(app=make_app("facebook"))
    client.get("/admin/tokens/channelapp/")
    few = asked()
    for channel in ("x", "linkedin", "pinterest", "tiktok"):
        make_token(app=make_app(channel))

    assert asked() == few
    assert Token.objects.count() == 5
