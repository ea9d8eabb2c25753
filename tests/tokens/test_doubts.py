"""The one doubt, of log-ins and their renewals: who is believed, when, and what comes back by itself."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from accounts.alerts import mails as doubt_mail
from accounts.alerts import services as alerts_services
from accounts.models import Account
from accounts.pool import services as pool
from notifications.models import Message
from tests.support import news
from tests.support.factories import NOW, link, make_account, make_app, make_token, make_user
from tokens import lifecycle
from tokens.channels.kinds import Classification, Credentials, Dates, Grant, Inspection, Reason, Verdict
from tokens.doubts import services as doubts
from tokens.lifecycle import TransitionOutcome
from tokens.lifecycle.renewals import Attempt
from tokens.models import ChannelApp, Doubt, Token, TokenEvent

MINUTE = timedelta(minutes=1)
OVER = Classification(Verdict.TOKEN_DEAD, Reason.PASSWORD_CHANGED, row="190/460")
VAGUE = Classification(Verdict.CONFIRM_FIRST, Reason.UNKNOWN, row="401")
REFUSED = Classification(Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED, row="invalid_grant")
HINDERED = Classification(Verdict.TRANSIENT, Reason.TRANSIENT)
FINE = Classification(Verdict.OK)

database = pytest.mark.django_db


def make_people(number: int, app: ChannelApp | None = None, **fields: Any) -> list[Token]:
    """So many people's log-ins of one app, each the only one of an account."""
    app = app or make_app()
    tokens = [
        make_token(app, consented_by=make_user(), due_at=NOW + 60 * MINUTE, **fields) for _ in range(number)
    ]
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
    return lifecycle.record_refusal(
        token_id=token.pk,
        generation=token.generation,
        attempt=Attempt(None, REFUSED),
        inspection=Inspection(inspected),
        now=NOW + at * MINUTE,
        source="sweep",
    )


def renewed(token: Token, at: float) -> None:
    """Record that a renewal succeeded."""
    token.refresh_from_db()
    lifecycle.record_renewal(
        token_id=token.pk,
        generation=token.generation,
        grant=Grant(Credentials(f"new-{at}", refresh_token="next"), Dates()),
        now=NOW + at * MINUTE,
        source="sweep",
    )


def states(tokens: Sequence[Token]) -> list[str]:
    """State and doubt of log-ins, and the state of each one's account."""
    found = Token.objects.filter(pk__in=[token.pk for token in tokens]).order_by("pk")
    return [
        f"{state}{' in doubt' if doubted else ''}, {account}"
        for state, doubted, account in found.values_list(
            "state", "doubted_at", "pool_entries__account__state"
        )
    ]


def mails() -> int:
    return news.ends().count()


@pytest.mark.parametrize("minutes", [0, 14, 15, 179, 180, 4319, 4320])
def test_what_makes_it_true(minutes: int) -> None:
    for flags in product([True, False], repeat=5):
        proves, conclusive, others_work, alone, believed = flags
        facts = Doubt(
            began_at=NOW, others_work_at=NOW if others_work else None, believed_at=NOW if believed else None
        )
        said = doubts.Said(Classification(Verdict.TOKEN_DEAD), proves=proves, conclusive=conclusive)

        true = doubts.is_true(facts, said, NOW + minutes * MINUTE, alone=alone)

        if believed or (proves and others_work):
            assert true, flags
        elif proves:
            assert true == (minutes >= (15 if alone else 180)), flags
        else:
            assert true == (conclusive and minutes >= 72 * 60), flags


@database
def test_an_end_is_doubted_and_served_on_and_the_three_that_were_not_asked_for_longest_are_asked_at_once() -> (
    None
):
    people = make_people(6)
    for number, token in enumerate(people):
        Token.objects.filter(pk=token.pk).update(last_checked_at=NOW - number * MINUTE)

    said(people[0], OVER, 0)

    due = Token.objects.filter(due_at__lte=NOW).order_by("pk")
    assert states(people[:1]) == ["valid in doubt, connected"]
    assert list(due) == people[3:]
    assert Token.objects.get(pk=people[0].pk).due_at == NOW + MINUTE
    assert mails() == 0


@database
def test_it_is_true_once_another_log_in_was_answered_well_and_the_channel_says_it_again() -> None:
    ended, witness = make_people(2)

    said(ended, OVER, 0)
    said(witness, FINE, 0.5)
    before = states([ended])
    said(ended, OVER, 2)

    assert before == ["valid in doubt, connected"]
    assert states([ended]) == ["dead, deactivated"]
    assert mails() == 1


@database
def test_who_was_being_asked_when_the_doubt_began_proves_nothing_and_is_asked_again_at_the_next_look() -> (
    None
):
    ended, witness = make_people(2)
    witness_row = Token.objects.filter(pk=witness.pk)
    witness_row.claim(NOW)

    said(ended, OVER, 0)
    said(witness, FINE, 0)
    said(ended, OVER, 1)
    before = states([ended])
    asked = witness_row.due(NOW + MINUTE).exists()
    said(witness, FINE, 1.5)
    said(ended, OVER, 2)

    assert (before, asked) == (["valid in doubt, connected"], True)
    assert states([ended]) == ["dead, deactivated"]
    assert Doubt.objects.get().true_at == NOW + 2 * MINUTE


@database
def test_where_all_say_the_same_it_is_true_after_three_hours_and_asked_again_until_a_day_is_over() -> None:
    people = make_people(3)
    looks = []
    for at in (0, 1, 2, 15, 60, 180, 480, 1440):
        for token in people:
            said(token, OVER, at)
        looks.append((states(people)[0], mails(), Token.objects.get(pk=people[0].pk).due_at))

    asked = [NOW + minutes * MINUTE for minutes in (1, 2, 15, 60, 180, 480, 1440)]
    doubted, dead = "valid in doubt, connected", "dead, deactivated"
    assert [look for look, _, _ in looks] == [doubted] * 5 + [dead] * 3
    assert [number for _, number, _ in looks] == [0] * 5 + [3] * 3
    assert [due for _, _, due in looks] == [*asked, None]
    assert not Doubt.objects.open()


@database
def test_a_lone_log_in_is_believed_after_a_quarter_of_an_hour_and_comes_back_by_itself() -> None:
    (lone,) = make_people(1)

    said(lone, OVER, 0)
    said(lone, OVER, 14)
    before = states([lone])
    said(lone, OVER, 15)
    after = states([lone])
    said(lone, FINE, 60)

    assert (before, after) == (["valid in doubt, connected"], ["dead, deactivated"])
    assert states([lone]) == ["valid, connected"]
    assert not Doubt.objects.open()


@database
def test_an_account_with_somebody_else_goes_on_through_them_and_comes_back_to_nobody_else() -> None:
    doubted, other = make_people(2)
    account = doubted.pool_entries.get().account
    link(account, other)

    said(doubted, OVER, 0)
    account.refresh_from_db()

    assert (account.state, account.active_token) == ("connected", other)


@database
def test_a_job_that_was_refused_with_it_stops_the_serving_and_the_mail_waits() -> None:
    people = make_people(2)

    said(people[0], OVER, 0, "report")
    at_once = states(people[:1])
    said(people[0], OVER, 2)
    said(people[1], FINE, 3)
    waited = mails()
    said(people[0], OVER, 15)

    assert at_once == ["cooling in doubt, interrupted"]
    assert waited == 0
    assert states(people[:1]) == ["dead, deactivated"]
    assert mails() == 1


@database
@pytest.mark.parametrize("known", ["pushed", "by its date", "believed by an operator"])
def test_what_the_channel_sent_what_a_known_date_ended_and_what_an_operator_believes_is_true_at_once(
    known: str,
) -> None:
    by_date = known == "by its date"
    (token, *_) = make_people(3, deadline=NOW - MINUTE) if by_date else make_people(3)
    expired = Classification(Verdict.TOKEN_DEAD, Reason.EXPIRED)

    said(token, expired if by_date else OVER, 0, told=known == "pushed")
    if known == "believed by an operator":
        assert doubts.believe_doubts(app_id=token.app_id, now=NOW + MINUTE) == 1
        assert Token.objects.due(NOW + MINUTE).filter(pk=token.pk).exists()
        said(token, OVER, 1)

    assert states([token]) == ["dead, deactivated"]
    assert mails() == 1


@database
def test_a_vague_answer_is_doubted_for_three_days_and_one_that_no_table_knows_for_ever() -> None:
    known, unknown, witness = make_people(3)
    strange = Classification(Verdict.CONFIRM_FIRST, Reason.UNKNOWN, row="?", unknown="what nobody knows")
    for hours in (0, 71):
        said(known, VAGUE, hours * 60)
        said(unknown, strange, hours * 60)
        said(witness, FINE, hours * 60 + 1)
    before = states([known, unknown])

    said(known, VAGUE, 72 * 60)
    said(unknown, strange, 72 * 60)

    assert before == ["valid in doubt, connected"] * 2
    assert states([known, unknown]) == ["dead, deactivated", "valid in doubt, connected"]


@database
def test_a_look_that_was_hindered_comes_again_and_a_dead_log_in_is_not_forgotten_by_it() -> None:
    (lone,) = make_people(1)
    for at in (0, 15):
        said(lone, OVER, at)

    said(lone, HINDERED, 60)

    assert Token.objects.get(pk=lone.pk).due_at is not None
    said(lone, FINE, 100)
    assert states([lone]) == ["valid, connected"]


@database
def test_a_refusal_to_renew_a_log_in_that_works_is_doubted_and_forgotten_where_a_renewal_succeeds() -> None:
    people = make_people(2, make_app("pinterest"), has_refresh_token=True)

    for at in (0, 2, 60):
        refused(people[0], FINE, at)
    doubted = Token.objects.get(pk=people[0].pk).refresh_refused_at
    refused(people[0], FINE, 180)
    believed = Token.objects.get(pk=people[0].pk).refresh_refused_at
    renewed(people[0], 480)

    assert (doubted, believed) == (None, NOW + 180 * MINUTE)
    assert people[0].events.filter(kind=TokenEvent.Kind.NOT_RENEWED).count() == 1
    assert Token.objects.get(pk=people[0].pk).refresh_refused_at is None
    assert not Doubt.objects.open()
    assert states(people) == ["valid, connected"] * 2


@database
def test_only_another_renewal_proves_that_a_refused_one_is_true() -> None:
    refused_one, witness = make_people(2, make_app("pinterest"), has_refresh_token=True)

    refused(refused_one, FINE, 0)
    said(witness, FINE, 1)
    refused(refused_one, FINE, 2)
    asked_alone = Token.objects.get(pk=refused_one.pk).refresh_refused_at
    renewed(witness, 5)
    refused(refused_one, FINE, 15)

    assert asked_alone is None
    assert Token.objects.get(pk=refused_one.pk).refresh_refused_at == NOW + 15 * MINUTE


@database
def test_what_is_refused_while_the_access_token_runs_out_is_one_doubt_and_asked_until_a_day_is_over() -> None:
    ends = {"access_expires_at": NOW + 10 * MINUTE, "dates_source": {"access": "provider"}}
    (lone,) = make_people(1, make_app("snapchat"), has_refresh_token=True, **ends)
    looks = []
    for at in (0, 15, 60, 180):
        refused(lone, OVER, at)
        lone.refresh_from_db()
        looks.append((lone.state, lone.due_at))

    assert [state for state, _ in looks] == ["valid", "dead", "dead", "dead"]
    assert [due for _, due in looks] == [NOW + minutes * MINUTE for minutes in (1, 60, 180, 480)]
    assert Doubt.objects.get().kind == Doubt.Kind.LOG_IN


@database
@pytest.mark.parametrize("way", ["consent", "removal"])
def test_a_new_consent_and_a_removal_end_what_was_doubted(way: str) -> None:
    token = make_people(2)[0]
    said(token, OVER, 0)
    token.refresh_from_db()

    if way == "consent":
        lifecycle.store_consent(
            app=token.app,
            identity=token.identity,
            grant=Grant(Credentials("new"), Dates()),
            user=token.consented_by,
            now=NOW + MINUTE,
        )
    else:
        lifecycle.remove(
            token_id=token.pk, generation=token.generation, actor=make_user(), note="", now=NOW + MINUTE
        )

    token.refresh_from_db()
    assert (token.doubted_at, token.look_again_at) == (None, None)
    assert not Doubt.objects.open()


@database
def test_operators_hear_from_the_third_log_in_of_a_day_and_once(settings: pytest.FixtureRequest) -> None:
    settings.OPERATOR_EMAILS = ["ops@example.com"]  # type: ignore[attr-defined]
    people = make_people(4)
    written = []
    for token in people:
        said(token, OVER, 0)
        written.append(alerts_services.tell_of_doubts(NOW + MINUTE))

    mail = doubt_mail.build_doubt_mail(Message.objects.get(kind="operators"))

    assert written == [0, 0, 1, 0]
    assert mail.subject == "AdToken: Facebook says that 4 log-ins have ended or lost ad accounts"
    assert f"/admin/tokens/channelapp/{people[0].app_id}/change/" in mail.text
