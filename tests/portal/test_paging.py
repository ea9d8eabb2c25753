"""Pages of long lists: each row once, in the list's order, by indexes, and as many statements far down as at the top."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts import health_sql
from accounts.models import Account
from accounts.search import ids_of_log_ins
from macros.models import Evaluation, Macro, Notice
from notifications.models import Message
from tests.macros.support import make_macro
from tests.support.factories import make_account, make_app, make_team, make_token, make_user
from tokens.models import Token
from ui.name_visibility import NameVisibility
from ui.paging import COUNTED
from users.models import User

pytestmark = pytest.mark.django_db
NOW = timezone.now()
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def boss(client: Client, settings: Settings) -> User:
    settings.STAFF_SECOND_FACTOR = False
    boss = make_user(email="mira@example.com", is_staff=True, is_superuser=True)
    client.force_login(boss)
    return boss


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
    found = client.get(address, {"p": page}).content.decode()
    return re.findall(r"A\d{5}(?=</a>)", found)


def test_the_pages_of_a_list_hold_each_row_once_in_its_order(client: Client) -> None:
    accounts(170)

    pages = [shown(client, "/admin/accounts/account/", page) for page in (1, 2, 3, 4)]

    in_order = Account.objects.order_by(*health_sql.by_deadline()).values_list("name", flat=True)
    assert [len(page) for page in pages] == [50, 50, 50, 20]
    assert [name for page in pages for name in page] == list(in_order)


def test_a_page_far_down_asks_as_often_as_the_first(client: Client) -> None:
    accounts(400)

    def asked(page: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get("/admin/accounts/account/", {"p": page})
        return len(captured)

    asked(1)
    assert asked(8) == asked(1)


def test_rows_are_left_out_by_their_keys_alone(client: Client) -> None:
    """What a line shows (pools, macros, credentials) is read for the 50 rows of the page, not for those before it."""
    accounts(120)

    with CaptureQueriesContext(connection) as captured:
        client.get("/admin/accounts/account/", {"p": 3})

    skipping = [query["sql"] for query in captured if "OFFSET" in query["sql"]]
    assert len(skipping) == 1
    assert "macros_macro" not in skipping[0]
    assert "credentials" not in skipping[0]


@pytest.mark.parametrize("asked", [{"q": "A"}, {"told": "stand_in"}, {"macro": "none"}])
def test_what_costs_more_than_to_sort_is_asked_once_for_count_and_page(
    client: Client, asked: dict[str, str]
) -> None:
    accounts(120)
    Macro.objects.all().delete()
    expected = Account.objects.order_by(*health_sql.by_deadline(narrowed=True)).values_list("name", flat=True)

    pages = []
    for number in ("1", "2", "3"):
        with CaptureQueriesContext(connection) as captured:
            page = client.get("/admin/accounts/account/", asked | {"p": number}).content.decode()
        pages += re.findall(r"A\d{5}(?=</a>)", page)
        condition = {"q": "LIKE UPPER", "told": "consented_by", "macro": "macros_macroaccount"}[
            "".join(asked)
        ]
        found = [query["sql"] for query in captured if condition in query["sql"] and "LIMIT" in query["sql"]]
        assert len([sql for sql in found if f"LIMIT {COUNTED}" in sql]) == 1
        assert not any("LIMIT 50" in sql for sql in found)

    assert pages == list(expected)
    assert "120 accounts" in page


def plan_of(rows: object) -> str:
    with connection.cursor() as cursor:
        cursor.execute("analyze")
        cursor.execute("set local enable_seqscan = off")
    return str(rows.explain())  # type: ignore[attr-defined]  # a queryset


def test_a_list_that_nothing_narrows_is_counted_once(client: Client) -> None:
    accounts(60)
    count, found = (
        'SELECT COUNT(*) FROM (SELECT "accounts_account"."id" AS "pk" FROM "accounts_account" LIMIT',
        [],
    )

    for query in ({}, {"p": "2", "o": "1"}, {"q": "A00001"}):
        with CaptureQueriesContext(connection) as captured:
            page = client.get("/admin/accounts/account/", query).content.decode()
        found.append(sum(count in query["sql"] for query in captured))
        assert "60 accounts" in page

    assert found == [1, 1, 1]


def test_a_search_is_asked_once_and_its_pages_hold_each_row_once_in_its_order(client: Client) -> None:
    accounts(120)
    make_account(name="Other")

    pages, statements = [], []
    for page in (1, 2, 3):
        with CaptureQueriesContext(connection) as captured:
            found = client.get("/admin/accounts/account/", {"q": "a0", "p": page}).content.decode()
        pages.append(re.findall(r"A\d{5}(?=</a>)", found))
        statements.append(sum("LIKE UPPER" in query["sql"] for query in captured))

    in_order = Account.objects.filter(name__startswith="A").order_by(*health_sql.by_deadline(narrowed=True))
    assert [len(page) for page in pages] == [50, 50, 20]
    assert [name for page in pages for name in page] == list(in_order.values_list("name", flat=True))
    assert statements == [1, 1, 1]


def test_log_ins_are_searched_by_two_sets_and_not_by_a_condition_asked_of_all() -> None:
    tokens = [make_token(native_user_name=f"Native {number}") for number in range(3)]
    Token.objects.filter(pk=tokens[0].pk).update(native_user_name="Ada Okafor")
    Token.objects.filter(pk=tokens[1].pk).update(consented_by=make_user("b@example.com", name="Ada Meier"))
    names = NameVisibility(sees_all=True)

    plan = plan_of(ids_of_log_ins("ada", names))

    assert "SubPlan" not in plan
    assert {row["pk"] for row in ids_of_log_ins("ada", names)} == {token.pk for token in tokens[:2]}


def test_mails_of_a_kind_are_looked_for_once(client: Client) -> None:
    Message.objects.create(kind="ask", recipient="a@example.com", dedupe_key="a")
    Message.objects.create(kind="died", recipient="b@example.com", dedupe_key="b")

    with CaptureQueriesContext(connection) as captured:
        page = client.get("/admin/notifications/message/", {"kind__exact": "ask"}).content.decode()

    asked = [query["sql"] for query in captured if '"notifications_message"."kind" = \'ask\'' in query["sql"]]
    assert "a@example.com" in page
    assert "b@example.com" not in page
    assert len(asked) == 1


def test_an_index_has_the_usual_order_of_accounts(client: Client) -> None:
    accounts(3_000)

    plan = plan_of(Account.objects.order_by(*health_sql.by_deadline()).values_list("pk", flat=True)[100:150])

    assert "account_list" in plan


def test_filtered_accounts_are_sorted_and_not_looked_for_through_the_whole_list(client: Client) -> None:
    """All that are undated are one after the other, so an index in the list's order leads past all others."""
    accounts(3_000)
    with connection.cursor() as cursor:
        cursor.execute("analyze")

    with CaptureQueriesContext(connection) as captured:
        page = client.get("/admin/accounts/account/", {"undated": "1"}).content.decode()

    (search,) = (
        query["sql"] for query in captured if "ORDER BY" in query["sql"] and "LIMIT 50" in query["sql"]
    )
    with connection.cursor() as cursor:
        cursor.execute(f"explain {search}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "account_list" not in plan
    rows = Account.objects.filter(deadline_kind="unknown").order_by(*health_sql.by_deadline())
    assert re.findall(r"A\d{5}(?=</a>)", page) == list(rows.values_list("name", flat=True)[:50])


def test_an_index_has_the_few_accounts_that_are_deactivated(client: Client) -> None:
    accounts(3_000)
    Account.objects.filter(deadline_kind="none").exclude(native_id="00004").update(state="connected")

    plan = plan_of(Account.objects.filter(state="deactivated")[:100])

    assert "account_deactivated" in plan


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_an_index_has_the_few_mails_that_were_not_sent(state: str, client: Client) -> None:
    Message.objects.bulk_create(
        Message(kind="died", recipient="a@example.com", dedupe_key=f"{n}", state=state if n == 7 else "sent")
        for n in range(3_000)
    )

    rows = Message.objects.filter(state=state).order_by("-created_at", "-id").values_list("pk", flat=True)

    assert f"message_{state}" in plan_of(rows[:50])


def test_an_index_has_the_test_mails(client: Client) -> None:
    Message.objects.bulk_create(
        Message(kind="ask", recipient="a@example.com", dedupe_key=f"x{number}") for number in range(3_000)
    )

    assert "message_test" in plan_of(Message.objects.filter(kind="test", state="sent"))


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
