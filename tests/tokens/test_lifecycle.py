"""The life of a token: only an answer kills, a jitter starts no cycle, and a stale answer writes nothing."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import Account
from notifications.models import Message
from tests.support import news
from tests.support.ends import end
from tests.support.factories import NOW, link, make_account, make_app, make_token, make_user
from tokens import lifecycle
from tokens.channels.kinds import (
    Classification,
    Credentials,
    Dates,
    Grant,
    Identity,
    Inspection,
    Reason,
    Verdict,
)
from tokens.checks.services import RENEWED
from tokens.lifecycle import app_faults
from tokens.lifecycle import services as transitions
from tokens.lifecycle.renewals import Attempt
from tokens.models import ChannelApp, Token, TokenEvent, UnknownAnswer

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


VAGUE = Inspection(Classification(Verdict.CONFIRM_FIRST))
NO_PROOF = [Classification(Verdict.CONFIRM_FIRST, unknown="a" * 32)]


def answered(
    token: Token, verdict: Verdict, reason: Reason | None = None, *, now: datetime = NOW, **more: object
) -> Token:
    """Record an answer of the channel and return the token as it is then."""
    return judged(token, Classification(verdict, reason), now, **more)


def judged(token: Token, classification: Classification, now: datetime, **more: object) -> Token:
    """Record what an answer was taken for and return the token as it is then."""
    lifecycle.record_inspection(
        token_id=token.pk,
        generation=Token.objects.get(pk=token.pk).generation,
        inspection=Inspection(classification, **more),  # type: ignore[arg-type]  # passed on
        now=now,
        source="test",
    )
    return Token.objects.get(pk=token.pk)


def pooled(**fields: Any) -> tuple[Account, Token]:
    """A token of Ada's, active on one account."""
    token = make_token(consented_by=make_user("ada@example.com"), **fields)
    account = make_account()
    link(account, token)
    from django.db import transaction

    from accounts.pool import services as pool

    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="linked", now=NOW)
    account.refresh_from_db()
    return account, token


def test_a_dead_verdict_kills_settles_and_mails_the_person_once() -> None:
    account, token = pooled()

    end(token)
    dead = answered(token, Verdict.TOKEN_DEAD, Reason.PASSWORD_CHANGED)

    account.refresh_from_db()
    assert (dead.state, dead.reason) == ("dead", "password_changed")
    assert (account.state, account.reason) == ("deactivated", "password_changed")
    assert news.ends().filter(recipient="ada@example.com").count() == 1
    assert TokenEvent.objects.filter(token=token, kind="died").count() == 1


@pytest.mark.parametrize(
    "verdict", [Verdict.TRANSIENT, Verdict.RATE_LIMITED, Verdict.OUR_BUG, Verdict.APP_FAULT]
)
def test_passing_trouble_and_our_own_faults_touch_no_token(verdict: Verdict) -> None:
    _, token = pooled()

    after = answered(token, verdict)

    assert (after.state, after.generation) == ("valid", token.generation)
    assert after.due_at is not None
    assert NOW < after.due_at <= NOW + timedelta(minutes=39)
    assert not Message.objects.exists()


@pytest.mark.parametrize("classification", NO_PROOF)
def test_a_doubt_that_no_table_knows_never_kills_though_staff_called_it_one(
    classification: Classification,
) -> None:
    _, token = pooled(deadline=NOW + 20 * DAY)

    for days in (0, 3, 4, 9):
        token = judged(token, classification, NOW + days * DAY)

    assert (token.state, token.doubted_at) == ("valid", NOW)


@pytest.mark.parametrize(("over", "states"), [(False, ["valid"] * 2), (True, ["cooling", "dead"])])
@pytest.mark.parametrize("classification", NO_PROOF)
def test_a_refused_renewal_with_an_answer_that_proves_nothing_ends_what_is_over_alone(
    classification: Classification, over: bool, states: list[str]
) -> None:
    _, token = pooled(has_refresh_token=True, deadline=NOW + (-DAY if over else DAY))

    found = []
    for at in (NOW, NOW + timedelta(minutes=15)):
        lifecycle.record_refusal(
            token_id=token.pk,
            generation=Token.objects.get().generation,
            attempt=Attempt(None, Classification(Verdict.TOKEN_DEAD, Reason.UNKNOWN)),
            inspection=Inspection(classification),
            now=at,
            source="test",
        )
        found.append(Token.objects.get().state)

    assert found == states
    assert UnknownAnswer.objects.count() == bool(classification.unknown)


def test_a_fault_found_by_asking_is_not_over_because_a_renewal_was_taken() -> None:
    _, token = pooled()
    judged(token, Classification(Verdict.APP_FAULT), NOW)

    judged(token, RENEWED.classification, NOW)
    still = ChannelApp.objects.get().fault_since
    judged(token, Classification(Verdict.OK), NOW)

    assert still == NOW
    assert ChannelApp.objects.get().fault_since is None


def test_a_cooling_token_that_works_recovers() -> None:
    account, token = pooled()
    lifecycle.record_inspection(
        token_id=token.pk, generation=token.generation, inspection=VAGUE, now=NOW, source="report"
    )

    recovered = answered(token, Verdict.OK)

    account.refresh_from_db()
    assert (recovered.state, recovered.reason, account.state) == ("valid", "", "connected")


@pytest.mark.parametrize("verdict", [Verdict.TRANSIENT, Verdict.APP_FAULT, Verdict.CONFIRM_FIRST])
def test_a_token_whose_access_date_has_passed_cools_and_dies_by_its_last_date_whatever_is_answered(
    verdict: Verdict,
) -> None:
    dates = {"access": "provider", "refresh": "provider"}
    over, ends = NOW - timedelta(minutes=1), NOW + 30 * DAY
    _, token = pooled(
        app=make_app("pinterest"),
        deadline=over,
        has_refresh_token=True,
        refresh_expires_at=ends,
        dates_source=dates,
    )

    cooling = answered(token, verdict)
    dead = answered(token, verdict, now=ends)

    assert cooling.state == "cooling"
    assert (dead.state, dead.reason) == ("dead", "refresh_expired")


def test_a_date_that_nobody_said_for_sure_cools_nothing() -> None:
    _, token = pooled(deadline=NOW - timedelta(minutes=1), dates_source={"access": "unknown"})

    assert answered(token, Verdict.TRANSIENT).state == "valid"


def test_an_answer_about_an_older_generation_writes_nothing() -> None:
    _, token = pooled()
    Token.objects.update(generation=7)

    outcome = lifecycle.record_inspection(
        token_id=token.pk,
        generation=6,
        inspection=Inspection(Classification(Verdict.TOKEN_DEAD, Reason.EXPIRED)),
        now=NOW,
        source="test",
    )

    assert outcome.stale
    assert Token.objects.get().state == "valid"


@pytest.mark.parametrize(
    ("later", "kept"),
    [(Reason.UNKNOWN, "suspended"), (Reason.AUTHORISATION_CANCELLED, "authorisation_cancelled")],
)
def test_a_second_death_makes_the_reason_clearer_or_leaves_it(later: Reason, kept: str) -> None:
    token = make_token()
    end(token, Reason.SUSPENDED)

    answered(token, Verdict.TOKEN_DEAD, later, now=NOW + DAY)

    token.refresh_from_db()
    assert (token.reason, token.due_at is not None) == (kept, kept == "suspended")
    assert token.events.filter(kind="died").count() == 1


@pytest.mark.parametrize("reason", [Reason.SECURITY_CHECKPOINT, Reason.SUSPENDED])
def test_what_the_person_can_lift_is_asked_again_daily_for_30_days(reason: Reason) -> None:
    _, token = pooled()

    end(token, reason)
    first = answered(token, Verdict.TOKEN_DEAD, reason)
    last = answered(token, Verdict.TOKEN_DEAD, reason, now=NOW + 30 * DAY)
    lifted = answered(token, Verdict.OK, now=NOW + 31 * DAY)

    assert first.due_at == NOW + DAY
    assert last.due_at is None
    assert lifted.state == "valid"


def test_a_probe_brings_dates_with_their_source_and_is_due_again_when_one_passes() -> None:
    account, token = pooled()
    soon = NOW + timedelta(hours=1)
    dates = Dates(data_access_expires_at=soon, sources={"data_access": "introspection", "access": "never"})

    after = answered(token, Verdict.OK, dates=dates)

    account.refresh_from_db()
    assert (after.deadline, after.deadline_clock, after.dates_source) == (
        soon,
        "data_access",
        {"data_access": "introspection", "access": "never"},
    )
    assert (after.due_at, after.due_for) == (soon + timedelta(seconds=1), "probe")
    assert account.deadline == soon


def test_a_probe_that_says_no_date_keeps_the_one_that_is_stored() -> None:
    _, token = pooled(deadline=NOW + 40 * DAY)

    assert answered(token, Verdict.OK, dates=Dates()).deadline == NOW + 40 * DAY


def test_a_new_consent_renews_the_row_and_forgets_dates_and_reason() -> None:
    app, ada = make_app(), make_user()
    token = make_token(app, state="dead", deadline=NOW - DAY, native_user_id="77")

    again = lifecycle.store_consent(
        app=app,
        identity=Identity("77", "Ada"),
        grant=Grant(Credentials("SBXTOKEN-new"), Dates(sources={"access": "never"})),
        user=ada,
        now=NOW,
    )

    assert again.pk == token.pk
    assert (again.state, again.reason, again.deadline_kind) == ("valid", "", "never")
    assert (again.generation, again.consented_by) == (token.generation + 1, ada)
    assert again.unseal().access_token == "SBXTOKEN-new"


@pytest.mark.parametrize(
    ("call", "over"),
    [
        ("exchange", True),
        ("refresh", True),
        ("authorize_callback", True),
        ("api", False),
        ("introspect", False),
    ],
)
def test_a_consent_shows_that_the_channel_takes_our_keys_again(call: str, over: bool) -> None:
    app = make_app()
    app_faults.record_fault(
        app=app, classification=Classification(Verdict.APP_FAULT, row="app keys"), call=call, now=NOW
    )
    app.refresh_from_db()

    lifecycle.store_consent(
        app=app,
        identity=Identity("77", "Ada"),
        grant=Grant(Credentials("SBXTOKEN-new"), Dates(sources={"access": "never"})),
        user=make_user(),
        now=NOW,
    )

    assert (ChannelApp.objects.get().fault_since is None) is over


def renewal(ends: datetime | None, token: str = "SBXTOKEN-renewed") -> Grant:
    return Grant(
        Credentials(token), Dates(access_expires_at=ends, sources={"access": "provider"} if ends else {})
    )


def test_a_renewal_is_taken_only_if_the_date_moved() -> None:
    _, token = pooled(deadline=NOW + 10 * DAY)

    def renew(grant: Grant) -> bool:
        generation = Token.objects.get().generation
        written = lifecycle.record_renewal(
            token_id=token.pk, generation=generation, grant=grant, now=NOW, source="staff"
        )
        return written is not None

    assert renew(renewal(NOW + 10 * DAY)) is False
    assert renew(renewal(None)) is False
    assert renew(renewal(NOW + 60 * DAY, token="")) is False
    assert renew(renewal(NOW + 60 * DAY)) is True
    assert Token.objects.get().deadline == NOW + 60 * DAY
    assert Token.objects.get().unseal().access_token == "SBXTOKEN-renewed"


def test_an_exchange_that_moved_no_date_shows_that_the_channel_takes_our_keys_again() -> None:
    _, token = pooled(deadline=NOW + 10 * DAY)
    app_faults.record_fault(
        app=token.app,
        classification=Classification(Verdict.APP_FAULT, row="app keys"),
        call="refresh",
        now=NOW,
    )

    lifecycle.record_renewal(
        token_id=token.pk, generation=token.generation, grant=renewal(NOW + 10 * DAY), now=NOW, source="sweep"
    )

    assert ChannelApp.objects.get().fault_since is None


@pytest.mark.parametrize(
    ("fields", "kind", "clock"),
    [
        ({}, "unknown", ""),
        ({"access_expires_at": NOW + 9 * DAY}, "date", "access"),
        ({"dates_source": {"access": "never"}}, "never", ""),
        (
            {"access_expires_at": NOW + 9 * DAY, "data_access_expires_at": NOW + 5 * DAY},
            "date",
            "data_access",
        ),
        (
            {"dates_source": {"access": "never"}, "data_access_expires_at": NOW + 5 * DAY},
            "date",
            "data_access",
        ),
        ({"data_access_expires_at": NOW + 5 * DAY}, "date", "data_access"),
        (
            {
                "access_expires_at": NOW + 9 * DAY,
                "refresh_expires_at": NOW + 90 * DAY,
                "has_refresh_token": True,
            },
            "date",
            "refresh",
        ),
        (
            {
                "access_expires_at": NOW + 9 * DAY,
                "refresh_expires_at": NOW + 90 * DAY,
                "has_refresh_token": True,
                "refresh_refused_at": NOW,
            },
            "date",
            "access",
        ),
    ],
)
def test_the_deadline_is_a_function_of_the_row(fields: dict[str, object], kind: str, clock: str) -> None:
    found = Token(**fields).end_by_dates

    assert (found.kind, found.clock) == (kind, clock)


def test_small_moves_of_a_tokens_date_add_up_to_a_new_cycle_known_since_then() -> None:
    _, token = pooled(deadline=NOW + 20 * DAY)
    before = token.cycle
    found = []

    for hours in (10, 20, 30, 40):
        ends = NOW + 20 * DAY + timedelta(hours=hours)
        now = NOW + timedelta(hours=hours)
        answered(
            token,
            Verdict.OK,
            now=now,
            dates=Dates(access_expires_at=ends, sources={"access": "introspection"}),
        )
        token.refresh_from_db()
        found.append((token.cycle - before, token.cycle_since == NOW + timedelta(hours=30)))

    assert found == [(0, False), (0, False), (1, True), (1, True)]


def test_of_one_log_in_twenty_disputed_reports_an_hour_are_kept() -> None:
    token = make_token()

    for at in [NOW] * (transitions.DISPUTES + 2) + [NOW + timedelta(hours=1, seconds=1)]:
        lifecycle.record_dispute(token=token, evidence={}, now=at, source="report")

    assert token.events.filter(kind=TokenEvent.Kind.DISPUTED).count() == transitions.DISPUTES + 1
