"""Checks that end at the same time are written together: every row is as if each had been written alone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts import good_readings, pool, pool_entries
from accounts.account_sync import Findings
from accounts.good_readings import GoodReadings
from accounts.models import Account, AccountEvent, AccountToken
from tests.support.factories import NOW, link, make_account, make_app, make_token
from tokens import lifecycle
from tokens.channels.kinds import (
    AccessCheck,
    Classification,
    Dates,
    Inspection,
    NativeAccount,
    Reason,
    Verdict,
)
from tokens.lifecycle import GoodReport
from tokens.models import ChannelApp, Token, TokenEvent

pytestmark = pytest.mark.django_db(transaction=True)

FINE = Classification(Verdict.OK, row="valid")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
KNOWN = NOW + 59 * DAY  # far from its renewal, whose date goes by the id
LATER = NOW + HOUR


def said(ends: Any = KNOWN, scopes: tuple[str, ...] | None = ("ads_management",)) -> Inspection:
    dates = Dates(NOW, access_expires_at=ends, sources={"access": "introspection"})
    return Inspection(FINE, dates=dates, scopes=scopes, native_user_id="1", told={"of": "the log-in"})


# What the channel says of one log-in each, and what is stored of it before.
CASES: list[tuple[Inspection, dict[str, Any]]] = [
    (said(), {}),  # nothing new
    (said(), {"last_used_at": NOW}),  # in use: asked again soon
    (said(KNOWN + HOUR), {}),  # a date that jitters
    (said(KNOWN + 20 * DAY), {}),  # a new date, and a new cycle
    (said(scopes=("ads_read",)), {}),
    (Inspection(FINE), {}),  # a channel that says nothing of dates
    (said(), {"app_refused_at": NOW - HOUR}),
    (said(), {"state": Token.State.COOLING, "reason": "unknown"}),  # works again
    (said(), {"state": Token.State.DEAD, "reason": "password_changed"}),
    (said(), {"generation": 5}),  # a consent came in between
]
OF_ITSELF = {
    "id",
    "app_id",
    "native_user_id",
    "native_user_name",
    "credentials",
    "credentials_key",
    "state_since",
    "cycle_since",
}
APART = {"due_at", "created_at"}  # the first goes by the id


def world() -> tuple[ChannelApp, list[Token]]:
    """One token for each case, each in a pool of its own."""
    app, tokens = make_app(), []
    for _, fields in CASES:
        stored = {"access_expires_at": KNOWN, "dates_source": {"access": "introspection"}, "issued_at": NOW}
        stored |= {"deadline": KNOWN, "deadline_kind": "date", "deadline_clock": "access"}
        token = make_token(app, **{**stored, "scopes": ["ads_management"], "claimed_until": NOW, **fields})
        link(make_account(app.channel), token)
        tokens.append(token)
    with connection.cursor() as cursor:
        cursor.execute("update tokens_token set due_at = %s, linked_at = %s", [NOW, NOW])
    with transaction.atomic():
        pool.settle(token_ids=[token.pk for token in tokens], cause="linked", now=NOW)
    return app, tokens


def seen(tokens: list[Token]) -> list[tuple[Any, ...]]:
    """All that is stored of these tokens and their accounts, without what names them."""
    found = []
    for token in tokens:
        row = Token.objects.filter(pk=token.pk).values().get()
        events = TokenEvent.objects.filter(token=token).order_by("id")
        account = Account.objects.get(pool__token=token)
        found.append(
            (
                {name: value for name, value in row.items() if name not in OF_ITSELF | APART},
                list(events.values_list("kind", "source", "detail", "at")),
                (account.state, account.deadline, account.cycle, account.usable_count),
                list(AccountEvent.objects.filter(account=account).values_list("kind", "cause", "at")),
            )
        )
    return found


def test_good_reports_written_together_leave_what_each_would_leave_alone() -> None:
    _, alone = world()
    _, together = world()
    for token, (inspection, _) in zip(alone, CASES, strict=True):
        lifecycle.record_inspection(
            token_id=token.pk, generation=1, inspection=inspection, now=LATER, source="sweep"
        )

    reports = [
        GoodReport(token.pk, 1, inspection, LATER)
        for token, (inspection, _) in zip(together, CASES, strict=True)
    ]
    outcomes = lifecycle.record_good_reports(reports, source="sweep")

    assert [outcome is None for outcome in outcomes] == [False] * 7 + [True] * 3
    assert all(outcome.told == reports[0].inspection.told for outcome in outcomes[:5] if outcome)
    assert all(outcome.token is not None and not outcome.stale for outcome in outcomes if outcome)
    for report, outcome in zip(reports, outcomes, strict=True):
        if outcome is None:
            lifecycle.record_inspection(
                token_id=report.token_id,
                generation=1,
                inspection=report.inspection,
                now=LATER,
                source="sweep",
            )
    assert seen(together) == seen(alone)
    assert Token.objects.filter(pk__in=[token.pk for token in together], due_at__gt=LATER).count() == 9
    assert pool.differences() == []


def test_a_report_on_an_app_with_a_fault_is_left_to_the_one_that_ends_it() -> None:
    app, tokens = world()
    ChannelApp.objects.filter(pk=app.pk).update(fault="no", fault_since=NOW, fault_kind="question")

    outcomes = lifecycle.record_good_reports([GoodReport(tokens[0].pk, 1, said(), LATER)], source="sweep")

    assert outcomes == [None]
    assert Token.objects.get(pk=tokens[0].pk).last_checked_at is None


def test_twenty_good_reports_take_as_many_statements_as_one() -> None:
    app = make_app()
    tokens = [make_token(app, scopes=["ads_management"]) for _ in range(20)]
    reports = [GoodReport(token.pk, 1, said(), LATER) for token in tokens]
    lifecycle.record_good_reports(reports, source="sweep")

    with CaptureQueriesContext(connection) as captured:
        lifecycle.record_good_reports(reports, source="sweep")

    assert len([query for query in captured if query["sql"] not in {"BEGIN", "COMMIT"}]) == 3


def shown(account: Account, **fields: Any) -> AccessCheck:
    native = {
        "native_id": account.native_id,
        "name": "Lumen",
        "role": "Admin",
        "can_publish": "yes",
        **fields,
    }
    return AccessCheck(FINE, NativeAccount(**native))


LOST = AccessCheck(Classification(Verdict.ACCESS_LOST, Reason.ACCESS_LOST))
RESTRICTED = AccessCheck(Classification(Verdict.ACCOUNT_RESTRICTED, Reason.RESTRICTED, note="unpaid"))


def test_readings_of_log_ins_that_share_ad_accounts_are_written_together_and_the_last_one_leaves_nothing() -> (
    None
):
    app = make_app()
    first, second = [make_account(app.channel, state="connected") for _ in range(2)]
    tokens = [make_token(app) for _ in range(3)]
    for token in tokens[:2]:
        link(first, token, can_publish="unknown")
        link(second, token, can_publish="unknown")
    link(first, tokens[2], can_publish="unknown")
    read = [
        GoodReadings(tokens[0], Findings(readings={first.pk: shown(first), second.pk: shown(second)}), NOW),
        GoodReadings(tokens[1], Findings(readings={second.pk: shown(second, role="Analyst")}), NOW),
        GoodReadings(tokens[2], Findings(readings={first.pk: shown(first)}), NOW),
    ]

    written = good_readings.record_good_readings(read, source="sweep")
    with CaptureQueriesContext(connection) as captured:
        again = good_readings.record_good_readings(read, source="sweep")

    assert written == again == [True, True, True]
    entries = AccountToken.objects.order_by("id").values_list("role", "can_publish")
    assert list(entries) == [("Admin", "yes")] * 2 + [("", "unknown"), ("Analyst", "yes"), ("Admin", "yes")]
    assert set(Account.objects.values_list("name", flat=True)) == {"Lumen"}
    statements = [query["sql"] for query in captured if query["sql"] not in {"BEGIN", "COMMIT"}]
    assert len(statements) == 2, statements
    assert not [sql for sql in statements if "UPDATE" in sql]


@pytest.mark.parametrize(
    ("reading", "token", "app"),
    [
        (lambda account: LOST, {}, {}),
        (lambda account: RESTRICTED, {}, {}),
        (lambda account: shown(account, can_publish="no"), {}, {}),
        (shown, {"use_refused_at": NOW}, {}),
        (shown, {}, {"use_refused_at": NOW}),
        (shown, {}, {"fault": "no", "fault_since": NOW}),
    ],
)
def test_what_takes_something_away_or_ends_a_suspicion_is_left_to_the_whole_way(
    reading: Callable[[Account], AccessCheck], token: dict[str, Any], app: dict[str, Any]
) -> None:
    of_app = make_app(**app)
    asked, beside = make_token(of_app, **token), make_token(make_app(client_id="another", is_default=False))
    accounts = [make_account(of_app.channel) for _ in range(2)]
    for account, one in zip(accounts, (asked, beside), strict=True):
        link(account, one)

    written = good_readings.record_good_readings(
        [
            GoodReadings(asked, Findings(readings={accounts[0].pk: reading(accounts[0])}), NOW),
            GoodReadings(beside, Findings(readings={accounts[1].pk: shown(accounts[1])}), NOW),
        ],
        source="sweep",
    )

    assert written == [False, True]
    assert list(Account.objects.order_by("id").values_list("name", flat=True)) == [accounts[0].name, "Lumen"]


def test_readings_made_with_an_older_consent_write_nothing_and_hold_up_no_others() -> None:
    app = make_app()
    old, beside = make_token(app), make_token(app)
    accounts = [make_account(app.channel) for _ in range(2)]
    for account, token in zip(accounts, (old, beside), strict=True):
        link(account, token)
    Token.objects.filter(pk=old.pk).update(generation=2)

    pool_entries.apply_readings_of(
        [
            pool_entries.TokenReadings(token, 1, {account.pk: shown(account)})
            for account, token in zip(accounts, (old, beside), strict=True)
        ],
        now=NOW,
        source="sweep",
    )

    assert list(Account.objects.order_by("id").values_list("name", flat=True)) == [accounts[0].name, "Lumen"]
