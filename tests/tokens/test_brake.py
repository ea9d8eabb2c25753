"""The incident brake: a channel that ends many log-ins of one app at once is not believed before it was asked again."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from tokens.deaths import Incident, TokenDeath

from accounts import pool
from accounts.models import Account
from notifications.models import Message
from tests.support.factories import NOW, link, make_account, make_app, make_token, make_user
from tokens import lifecycle, renewal
from tokens.channels.kinds import Classification, Credentials, Dates, Grant, Inspection, Reason, Verdict
from tokens.lifecycle import TransitionOutcome
from tokens.models import ChannelApp, Token, TokenEvent
from tokens.renewal import Attempt

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
OVER = Classification(Verdict.TOKEN_DEAD, Reason.PASSWORD_CHANGED, row="190/460")
FINE = Classification(Verdict.OK)
Standing = TokenDeath.Standing
FEW = 5  # in place of the twenty: what holds of one number holds of the other


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokens.lifecycle.incident_brake.AT_ONCE", FEW)


def make_tokens(number: int, app: ChannelApp | None = None) -> list[Token]:
    """So many people's log-ins, each the only one of an account."""
    app = app or make_app()
    tokens = [make_token(app, consented_by=make_user()) for _ in range(number)]
    for token in tokens:
        link(make_account(app.channel), token)
    pool.settle(account_ids=list(Account.objects.values_list("pk", flat=True)), cause="linked", now=NOW)
    return tokens


def said(
    token: Token, classification: Classification, at: float, source: str = "sweep", *, told: bool = False
) -> TransitionOutcome:
    """Record what the channel said of a token, so many minutes after NOW."""
    token.refresh_from_db()
    return lifecycle.record_inspection(
        token_id=token.pk,
        generation=token.generation,
        inspection=Inspection(classification),
        now=NOW + at * MINUTE,
        source=source,
        told=told,
    )


def refused(token: Token, inspected: Classification, at: float) -> TransitionOutcome:
    """Record that a renewal was refused, and what the channel said of the access token then."""
    token.refresh_from_db()
    classification = Classification(Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED, row="invalid_grant")
    return lifecycle.record_refusal(
        token_id=token.pk,
        generation=token.generation,
        attempt=Attempt(None, classification),
        inspection=Inspection(inspected),
        now=NOW + at * MINUTE,
        source="sweep",
    )


def states(tokens: Sequence[Token]) -> list[str]:
    return list(
        Token.objects.filter(pk__in=[token.pk for token in tokens])
        .order_by("pk")
        .values_list("state", flat=True)
    )


def test_the_twentieth_end_within_ten_minutes_is_held_and_nobody_is_mailed_about_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tokens.lifecycle.incident_brake.AT_ONCE", 20)
    tokens = make_tokens(25)

    for token in tokens:
        said(token, OVER, 1)

    held = Token.objects.filter(reason=Token.HELD)
    assert states(tokens) == ["dead"] * 19 + ["cooling"] * 6
    assert Message.objects.filter(kind="died").count() == 19
    assert set(held.values_list("due_at", flat=True)) == {NOW + 16 * MINUTE}
    assert set(Account.objects.filter(pool__token__in=held).values_list("state", flat=True)) == {
        "interrupted"
    }
    assert Incident.objects.filter(ended_at=None).count() == 1


def test_an_account_whose_log_in_is_held_goes_on_through_another_one() -> None:
    tokens = make_tokens(FEW)
    backup = make_token(make_app("facebook", client_id="another", is_default=False))
    account = Account.objects.get(pool__token=tokens[-1])
    link(account, backup)

    for token in tokens:
        said(token, OVER, 1)

    account.refresh_from_db()
    assert (account.state, account.active_token) == ("connected", backup)


def test_ends_that_come_slowly_or_at_different_apps_are_believed() -> None:
    slow, other = make_tokens(FEW + 3), make_tokens(2, make_app("x"))

    for number, token in enumerate(slow):
        said(token, OVER, number * 3)
    for token in other:
        said(token, OVER, 1)

    assert set(states(slow)) == {"dead"}
    assert set(states(other)) == {"dead"}


def test_after_a_good_answer_the_held_log_ins_and_the_first_ones_are_as_before() -> None:
    tokens = make_tokens(FEW + 6)
    for token in tokens:
        said(token, OVER, 1)
    lifecycle.tend(now=NOW + 2 * MINUTE)
    due = set(Token.objects.values_list("due_at", flat=True))

    for token in tokens:
        said(token, FINE, 17)
    lifecycle.tend(now=NOW + 18 * MINUTE)

    assert due == {NOW + 16 * MINUTE}, "the first nineteen too are asked again"
    assert set(states(tokens)) == {"valid"}
    assert set(Account.objects.values_list("state", flat=True)) == {"connected"}
    assert set(TokenDeath.objects.values_list("standing", flat=True)) == {Standing.REFUTED}
    assert not Incident.objects.filter(ended_at=None)


def test_the_second_refusal_when_asked_again_lets_the_end_through_with_its_mail() -> None:
    tokens = make_tokens(FEW + 3)
    for token in tokens:
        said(token, OVER, 1)
    lifecycle.tend(now=NOW + 2 * MINUTE)

    for token in tokens:
        said(token, OVER, 16)
    after_one = states(tokens[FEW - 1 :])
    for token in tokens:
        said(token, OVER, 31)
    lifecycle.tend(now=NOW + 32 * MINUTE)

    assert after_one == ["cooling"] * 4
    assert set(states(tokens)) == {"dead"}
    assert Message.objects.filter(kind="died").count() == FEW + 3, (
        "one each, the first nineteen were told already"
    )
    assert set(Token.objects.values_list("reason", flat=True)) == {Reason.PASSWORD_CHANGED}
    assert not Incident.objects.filter(ended_at=None)


def test_a_report_between_the_rounds_counts_as_no_round() -> None:
    token = make_tokens(FEW)[-1]
    for one in Token.objects.order_by("pk"):
        said(one, OVER, 1)

    for minute in (3, 5, 8):
        said(token, OVER, minute, source="report")

    token.refresh_from_db()
    assert (token.state, token.reason, token.due_at) == ("cooling", Token.HELD, NOW + 16 * MINUTE)


def test_a_round_that_is_hindered_comes_again_soon() -> None:
    token = make_tokens(FEW)[-1]
    for one in Token.objects.order_by("pk"):
        said(one, OVER, 1)

    said(token, Classification(Verdict.TRANSIENT), 16)

    token.refresh_from_db()
    assert (token.reason, token.due_at) == (Token.HELD, NOW + 21 * MINUTE)


def test_an_answer_that_a_push_made_us_ask_for_is_held_like_any_other() -> None:
    tokens = make_tokens(FEW + 2)

    for token in tokens:
        said(token, OVER, 1, source="push")

    assert states(tokens) == ["dead"] * (FEW - 1) + ["cooling"] * 3


def test_a_log_in_that_ends_after_its_refused_renewal_was_held_leaves_no_incident_open_for_ever() -> None:
    app = make_app("pinterest")
    tokens = [make_token(app, has_refresh_token=True) for _ in range(FEW)]
    for token in tokens:
        refused(token, FINE, 1)
    last = tokens[-1]
    lifecycle.tend(now=NOW + 2 * MINUTE)

    for minute in (17, 33, 49):
        refused(last, OVER, minute)
    for token in tokens[:-1]:
        refused(token, FINE, 17)
        refused(token, FINE, 33)
    lifecycle.tend(now=NOW + 60 * MINUTE)

    last.refresh_from_db()
    assert last.state == "dead"
    assert not TokenDeath.objects.held()
    assert not Incident.objects.filter(ended_at=None)


def test_a_held_refusal_to_renew_is_tried_again_after_a_quarter_of_an_hour(channels_world: object) -> None:
    app = make_app("facebook")
    ends = NOW + timedelta(days=3)
    tokens = [
        make_token(app, access_expires_at=ends, deadline=ends, linked_at=NOW - timedelta(days=57))
        for _ in range(FEW)
    ]
    for token in tokens:
        refused(token, FINE, 1)
    last = tokens[-1]
    last.refresh_from_db()

    before, then = renewal.wanted(last, NOW + 15 * MINUTE), renewal.wanted(last, NOW + 16 * MINUTE)

    assert (last.due_at, last.due_for) == (NOW + 16 * MINUTE, "refresh")
    assert (before, then) == (False, True)


def test_a_good_answer_that_an_older_version_took_does_not_count_as_held() -> None:
    tokens = make_tokens(FEW)
    for token in tokens:
        said(token, OVER, 1)
    last = tokens[-1]
    Token.objects.filter(pk=last.pk).update(state="valid", reason="", evidence={})

    said(last, OVER, 3)

    last.refresh_from_db()
    assert (last.state, last.reason) == ("cooling", Token.HELD)
    assert TokenDeath.objects.filter(token=last).count() == 2


def test_a_copy_whose_log_ins_were_wiped_starts_without_an_incident() -> None:
    for token in make_tokens(FEW):
        said(token, OVER, 1)

    lifecycle.wipe_all(now=NOW + MINUTE)

    assert not TokenDeath.objects.open()
    assert not Incident.objects.filter(ended_at=None)


def test_what_a_push_or_a_known_date_ends_is_not_held() -> None:
    pushed, dated = make_tokens(FEW + 6), make_tokens(FEW + 6)
    Token.objects.filter(pk__in=[token.pk for token in dated]).update(deadline=NOW, deadline_kind="date")

    for token in pushed:
        said(
            token,
            Classification(Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED, row="push"),
            1,
            source="push",
            told=True,
        )
    for token in dated:
        said(token, Classification(Verdict.TOKEN_DEAD, Reason.EXPIRED, row="190/463"), 1)

    assert set(states([*pushed, *dated])) == {"dead"}
    assert not TokenDeath.objects.exists()


def test_refused_renewals_of_log_ins_that_work_are_held_too_and_the_first_ones_are_renewed_again() -> None:
    app = make_app("pinterest")
    tokens = [
        make_token(
            app,
            has_refresh_token=True,
            access_expires_at=NOW + timedelta(days=9),
            dates_source={"access": "provider"},
        )
        for _ in range(FEW + 6)
    ]
    for token in tokens:
        refused(token, FINE, 1)
    given_up = Token.objects.exclude(refresh_refused_at=None).count()

    lifecycle.tend(now=NOW + 2 * MINUTE)

    assert given_up == FEW - 1
    assert not Token.objects.exclude(refresh_refused_at=None)
    assert set(states(tokens)) == {"valid"}
    assert TokenDeath.objects.held().count() == 7


def test_a_held_refusal_to_renew_counts_once_it_was_heard_twice_more() -> None:
    app = make_app("pinterest")
    tokens = [make_token(app, has_refresh_token=True) for _ in range(FEW)]
    for token in tokens:
        refused(token, FINE, 1)
    last = tokens[-1]

    refused(last, FINE, 17)
    refused(last, FINE, 33)

    last.refresh_from_db()
    assert last.refresh_refused_at == NOW + 33 * MINUTE
    assert last.state == "valid"


def test_log_ins_that_neither_renew_nor_work_are_held_and_may_be_renewed_when_asked_again() -> None:
    app = make_app("snapchat")
    tokens = [
        make_token(app, has_refresh_token=True, access_expires_at=NOW, dates_source={"access": "provider"})
        for _ in range(FEW)
    ]

    for token in tokens:
        refused(token, Classification(Verdict.CONFIRM_FIRST, row="401"), 1)

    last = tokens[-1]
    last.refresh_from_db()
    assert (last.reason, last.refresh_refused_at) == (Token.HELD, None)


@pytest.mark.parametrize(("decision", "state"), [("release", "dead"), ("discard", "valid")])
def test_what_staff_decide_is_carried_out_at_once(decision: str, state: str) -> None:
    operator = make_user("ops@example.com")
    tokens = make_tokens(FEW + 3)
    for token in tokens:
        said(token, OVER, 1)

    decided = lifecycle.decide(
        app_id=tokens[0].app_id, decision=decision, actor=operator, now=NOW + 2 * MINUTE
    )
    lifecycle.tend(now=NOW + 3 * MINUTE)

    assert decided == 4
    assert states(tokens[FEW - 1 :]) == [state] * 4
    assert Message.objects.filter(kind="died").count() == (FEW + 3 if state == "dead" else FEW - 1)
    last = TokenEvent.objects.filter(token=tokens[-1])[0]
    assert (last.kind, last.actor) == ("died" if state == "dead" else "recovered", operator)


def test_a_new_consent_ends_what_was_held() -> None:
    tokens = make_tokens(FEW)
    for token in tokens:
        said(token, OVER, 1)
    last = tokens[-1]

    lifecycle.store_consent(
        app=last.app, identity=last.identity, grant=_grant(), user=last.consented_by, now=NOW + 5 * MINUTE
    )

    last.refresh_from_db()
    assert last.state == "valid"
    assert TokenDeath.objects.get(token=last).standing == Standing.ANEW


def test_a_large_app_may_lose_a_thousandth_of_its_log_ins_in_ten_minutes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tokens.lifecycle.incident_brake.AT_ONCE", 2)
    monkeypatch.setattr("tokens.lifecycle.incident_brake.PER_MILLE", 100)
    tokens = make_tokens(50)

    for token in tokens[:6]:
        said(token, OVER, 1)

    assert states(tokens[:6]) == ["dead"] * 4 + ["cooling"] * 2


def _grant() -> Grant:
    return Grant(Credentials(access_token="new"), Dates())
