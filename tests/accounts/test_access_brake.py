"""Ad accounts that a channel takes from many log-ins at once go on: the channel is asked again before it is believed."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from tokens.deaths import Incident, TokenDeath

from accounts import access_brake, account_sync, pool
from accounts.account_sync import Findings
from accounts.mails import incident_mail
from accounts.models import Account, AccountToken
from accounts.telling import notices
from notifications.models import Message
from tests.support.factories import NOW, link, make_account, make_app, make_token, make_user
from tokens import lifecycle
from tokens.channels.kinds import (
    AccessCheck,
    AccountList,
    Classification,
    Inspection,
    NativeAccount,
    Reason,
    Verdict,
)
from tokens.models import Token

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
FEW = 5  # in place of the twenty
NO_ACCESS = Classification(Verdict.ACCESS_LOST, Reason.ACCESS_LOST, row="permission missing")
SHAPES = ["an empty list", "no access", "reports only"]
Standing = TokenDeath.Standing


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokens.lifecycle.incident_brake.AT_ONCE", FEW)


def make_people(number: int, *, accounts: int = 1) -> list[Token]:
    """So many people's log-ins, each alone in the pools of so many accounts."""
    tokens = [make_token(make_app(), consented_by=make_user()) for _ in range(number)]
    for token in tokens:
        for _ in range(accounts):
            link(make_account(), token)
    settle()
    return tokens


def settle() -> None:
    pool.settle(account_ids=list(Account.objects.values_list("pk", flat=True)), cause="linked", now=NOW)


def answers(token: Token, shape: str) -> Findings:
    """What the channel says of all ad accounts of a log-in."""
    accounts = [entry.account for entry in token.pool_entries.select_related("account")]
    can_publish = "no" if shape == "reports only" else "yes"
    natives = [NativeAccount(one.native_id, one.name, can_publish=can_publish) for one in accounts]  # type: ignore[arg-type]
    if shape == "no access":
        return Findings(
            readings={one.pk: AccessCheck(NO_ACCESS, evidence={"status": 403}) for one in accounts}
        )
    if shape == "no answer":
        hindered = Classification(Verdict.TRANSIENT, Reason.TRANSIENT)
        return Findings(readings={one.pk: AccessCheck(hindered) for one in accounts})
    return Findings(AccountList(() if shape == "an empty list" else tuple(natives)))


def said(tokens: Sequence[Token], shape: str, at: float, source: str = "sweep") -> None:
    """Check log-ins that work, so many minutes after NOW: what the channel says of their ad accounts is recorded."""
    now = NOW + at * MINUTE
    for token in tokens:
        token.refresh_from_db()
        lifecycle.record_inspection(
            token_id=token.pk,
            generation=token.generation,
            inspection=Inspection(Classification(Verdict.OK)),
            now=now,
            source=source,
        )
        account_sync.record(token, answers(token, shape), now=now, source=source)
    lifecycle.tend(now=now)
    notices.tell(now + MINUTE)


def states(tokens: Sequence[Token]) -> list[str]:
    found = Account.objects.filter(pool__token__in=tokens).order_by("pk")
    return list(found.values_list("state", flat=True))


@pytest.mark.parametrize("shape", SHAPES)
def test_few_accounts_stop_nobody_else_is_mailed_and_all_are_back_when_it_is_over(shape: str) -> None:
    people = make_people(FEW + 2)

    said(people, shape, 1)
    meanwhile = states(people)
    mailed = set(Message.objects.filter(kind=notices.ACCESS).values_list("recipient", flat=True))
    said(people, shape, 17)
    said(people, "fine", 33)

    assert meanwhile == ["deactivated"] * (FEW - 1) + ["connected"] * 3
    assert mailed == {token.consented_by.email for token in people[: FEW - 1] if token.consented_by}
    assert set(states(people)) == {"connected"}
    assert Message.objects.filter(kind=notices.ACCESS).count() == FEW - 1
    assert set(TokenDeath.objects.values_list("standing", flat=True)) == {Standing.REFUTED}
    assert not Incident.objects.filter(ended_at=None)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_true_loss_of_all_passes_after_the_second_round_one_mail_a_person(shape: str) -> None:
    people = make_people(FEW + 1)

    for minute in (1, 17):
        said(people, shape, minute)
    after_one = states(people)[FEW - 1 :]
    said(people, shape, 33)
    lifecycle.tend(now=NOW + 45 * MINUTE)

    assert set(after_one) == {"connected"}
    assert set(states(people)) == {"deactivated"}
    assert Message.objects.filter(kind=notices.ACCESS).count() == FEW + 1
    assert set(TokenDeath.objects.values_list("standing", flat=True)) == {Standing.CONFIRMED}
    assert not Incident.objects.filter(ended_at=None)


def test_a_person_who_loses_a_business_with_all_its_ad_accounts_is_one_cause() -> None:
    (leaver, *others) = make_people(3, accounts=2 * FEW)

    said([leaver], "an empty list", 1)

    assert set(states([leaver])) == {"deactivated"}
    assert set(states(others)) == {"connected"}
    assert not Incident.objects.exists()


def test_one_ad_account_that_many_people_lose_is_one_cause() -> None:
    account = make_account()
    people = [make_token(make_app(), consented_by=make_user()) for _ in range(2 * FEW)]
    for token in people:
        link(account, token)
    settle()

    said(people, "no access", 1)

    account.refresh_from_db()
    assert account.state == "deactivated"
    assert not Incident.objects.exists()


def test_ends_of_log_ins_and_losses_of_ad_accounts_are_counted_together() -> None:
    ended, people = make_people(FEW - 1), make_people(3)
    for token in ended:
        over = Inspection(Classification(Verdict.TOKEN_DEAD, Reason.PASSWORD_CHANGED))
        lifecycle.record_inspection(
            token_id=token.pk, generation=token.generation, inspection=over, now=NOW, source="sweep"
        )

    said(people, "an empty list", 1)

    assert set(states(people)) == {"connected"}


def test_the_rounds_come_by_themselves_and_what_is_asked_between_them_counts_as_no_round() -> None:
    people = make_people(FEW + 1)
    said(people, "no access", 1)
    for minute in (3, 5, 8):
        said(people[-1:], "no access", minute, source="report")
    lifecycle.tend(now=NOW + 15 * MINUTE)
    early = Token.objects.filter(due_at__lte=NOW + 15 * MINUTE).count()

    lifecycle.tend(now=NOW + 16 * MINUTE)

    assert early == 0
    assert Token.objects.filter(due_at__lte=NOW + 16 * MINUTE).count() == FEW + 1, "the first ones, too"
    assert TokenDeath.objects.get(token=people[-1]).refusals == 0


def test_a_round_whose_reading_was_hindered_decides_nothing_and_comes_again_after_a_while() -> None:
    people = make_people(FEW + 1)
    said(people, "no access", 1)

    said(people[-1:], "no answer", 17)
    at_once = Token.objects.get(pk=people[-1].pk).due_at
    lifecycle.tend(now=NOW + 23 * MINUTE)

    assert at_once is not None
    assert at_once > NOW + 23 * MINUTE
    assert Token.objects.get(pk=people[-1].pk).due_at == NOW + 23 * MINUTE
    assert TokenDeath.objects.held().filter(token=people[-1]).exists()


def test_what_works_of_a_persons_accounts_is_written_and_one_that_stays_away_is_lost_in_the_end() -> None:
    people = make_people(FEW, accounts=2)
    last = people[-1]
    one, two = last.pool_entries.order_by("pk")
    said(people, "an empty list", 1)
    partly = Findings(AccountList((NativeAccount(one.account.native_id, "New name", can_publish="yes"),)))

    for minute in (17, 33):
        last.refresh_from_db()
        account_sync.record(last, partly, now=NOW + minute * MINUTE, source="sweep")

    entries = AccountToken.objects.filter(token=last).order_by("pk").values_list("access", "account__name")
    assert list(entries) == [("ok", "New name"), ("lost", two.account.name)]


@pytest.mark.parametrize(("decision", "state"), [("release", "deactivated"), ("discard", "connected")])
def test_what_staff_decide_is_done_at_the_next_reading(decision: str, state: str) -> None:
    people = make_people(FEW + 1)
    said(people, "an empty list", 1)
    held = people[FEW - 1 :]

    decided = lifecycle.decide(
        app_id=held[0].app_id, decision=decision, actor=make_user("ops@example.com"), now=NOW + 2 * MINUTE
    )
    lifecycle.tend(now=NOW + 2 * MINUTE)
    due = Token.objects.filter(pk__in=[token.pk for token in held], due_at__lte=NOW + 2 * MINUTE).count()
    said(held, "an empty list" if decision == "release" else "fine", 3)

    assert decided == 2
    assert due == (2 if decision == "release" else 0)
    assert set(states(held)) == {state}
    assert not TokenDeath.objects.held()


def test_a_log_in_that_ends_or_is_unlinked_meanwhile_leaves_no_incident_open_for_ever() -> None:
    people = make_people(FEW + 1)
    said(people, "an empty list", 1)
    ends, unlinked = people[-2:]
    ends.refresh_from_db()

    lifecycle.remove(
        token_id=ends.pk, generation=ends.generation, actor=make_user(), note="", now=NOW + 2 * MINUTE
    )
    with transaction.atomic():
        alone = list(unlinked.pool_entries.values_list("account_id", flat=True))
        unlinked.pool_entries.all().delete()
        pool.settle(account_ids=alone, cause="unlinked", now=NOW)
    said(people[: FEW - 1], "fine", 17)
    lifecycle.tend(now=NOW + 18 * MINUTE)

    assert not TokenDeath.objects.held()
    assert not Incident.objects.filter(ended_at=None)


def case_of_three() -> tuple[list[Token], Token, list[str]]:
    """People of three ad accounts each who lose all; of the last one it is held. Returns them, that one, and its ad accounts."""
    people = make_people(FEW, accounts=3)
    said(people, "an empty list", 1)
    last = people[-1]
    return people, last, list(last.pool_entries.order_by("pk").values_list("account__native_id", flat=True))


def lost(token: Token) -> list[bool]:
    found = AccountToken.objects.filter(token=token).order_by("pk").values_list("access", flat=True)
    return [access == "lost" for access in found]


def report(token: Token, native_id: str, at: float) -> None:
    """A job reports one ad account of a log-in, and the channel says again that it has no access."""
    account = Account.objects.get(native_id=native_id)
    token.refresh_from_db()
    found = Findings(readings={account.pk: AccessCheck(NO_ACCESS)})
    account_sync.record(token, found, now=NOW + at * MINUTE, source="report")


def listed(token: Token, at: float, *native_ids: str) -> None:
    """A check finds these ad accounts, and no others."""
    natives = tuple(NativeAccount(native_id, "", can_publish="yes") for native_id in native_ids)
    token.refresh_from_db()
    account_sync.record(token, Findings(AccountList(natives)), now=NOW + at * MINUTE, source="sweep")


def release(at: float) -> None:
    operator = make_user("ops@example.com")
    lifecycle.decide(app_id=make_app().pk, decision="release", actor=operator, now=NOW + at * MINUTE)


def test_what_staff_let_through_holds_for_all_ad_accounts_of_a_log_in_though_a_report_comes_first() -> None:
    _, last, names = case_of_three()
    release(2)

    report(last, names[0], 2.1)
    first = lost(last)
    said([last], "an empty list", 3)

    assert first == [True, False, False]
    assert lost(last) == [True, True, True]
    assert [death.standing for death in last.deaths.all()] == [Standing.RELEASED]


def test_a_reading_of_one_of_several_ad_accounts_is_no_round() -> None:
    _, last, names = case_of_three()

    report(last, names[0], 17)
    report(last, names[0], 33)
    by_reports = lost(last)
    for minute in (34, 50):
        said([last], "an empty list", minute)

    assert by_reports == [False, False, False]
    assert lost(last) == [True, True, True]
    assert [death.standing for death in last.deaths.all()] == [Standing.CONFIRMED]


@pytest.mark.parametrize("decided", [True, False])
def test_a_loss_that_was_believed_is_written_though_the_process_died_first(
    monkeypatch: pytest.MonkeyPatch, decided: bool
) -> None:
    _, last, _ = case_of_three()
    if decided:
        release(16)
    else:
        said([last], "an empty list", 17)
    with monkeypatch.context() as patch:
        patch.setattr("accounts.pool_entries.apply_list", lambda **_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            listed(last, 33)
    died = lost(last)

    listed(last, 34)

    assert died == [False, False, False]
    assert lost(last) == [True, True, True]
    assert last.deaths.get().standing == (Standing.RELEASED if decided else Standing.CONFIRMED)


def test_an_ad_account_that_is_first_missed_in_the_last_round_has_both_rounds_before_it() -> None:
    people = make_people(FEW, accounts=3)
    last = people[-1]
    one, two, _ = last.pool_entries.order_by("pk").values_list("account__native_id", flat=True)
    said(people[:-1], "an empty list", 1)
    found = []

    for minute, left in ((1, (one, two)), (17, (one, two)), (33, (one,)), (49, (one,)), (65, (one,))):
        listed(last, minute, *left)
        found.append(lost(last))

    assert found[:2] == [[False, False, False]] * 2
    assert found[2:4] == [[False, False, True]] * 2
    assert found[4] == [False, True, True]


def test_a_loss_behind_a_team_wall_ends_and_leaves_no_incident_open() -> None:
    people, last, _ = case_of_three()
    AccountToken.objects.filter(token=last).update(access="lost", access_reason="outside_team")

    said(people[:-1], "fine", 17)
    said([last], "an empty list", 17)
    lifecycle.tend(now=NOW + 18 * MINUTE)

    assert not TokenDeath.objects.held()
    assert not Incident.objects.filter(ended_at=None)


def test_a_held_loss_of_which_nobody_answers_for_a_day_is_given_up() -> None:
    people, last, _ = case_of_three()
    said(people[:-1], "fine", 17)

    for hours in (23, 25):
        said([last], "no answer", hours * 60)
        held = TokenDeath.objects.held().exists()
        assert held == (hours == 23)

    assert lost(last) == [False, False, False]
    assert not Incident.objects.filter(ended_at=None)
    assert (str(incident_mail.GIVEN_UP), 1) in incident_mail.outcomes(Incident.objects.get())


def test_a_log_in_with_an_end_and_a_loss_is_one_log_in_of_what_became_of_it() -> None:
    people = make_people(FEW)
    said(people, "an empty list", 1)
    death = people[-1].deaths.get()
    TokenDeath.objects.create(
        token=death.token, app=death.app, kind="log_in", at=death.at, standing=death.standing
    )

    outcomes = dict(incident_mail.outcomes(Incident.objects.get()))

    assert outcomes["Held"] == 1


def test_a_log_in_that_was_let_through_is_not_asked_every_half_minute_where_the_channel_gives_no_answer() -> (
    None
):
    _, last, _ = case_of_three()
    release(2)
    at_once = Token.objects.get(pk=last.pk).due_at
    said([last], "no answer", 2.1)

    lifecycle.tend(now=NOW + 2.6 * MINUTE)
    soon = Token.objects.get(pk=last.pk).due_at
    lifecycle.tend(now=NOW + 8 * MINUTE)

    assert soon is not None
    assert soon > NOW + 8 * MINUTE
    assert Token.objects.get(pk=last.pk).due_at == NOW + 8 * MINUTE
    assert at_once == NOW + 2 * MINUTE


def test_an_ad_account_that_was_reached_is_called_held_no_more_while_others_are() -> None:
    _, last, names = case_of_three()

    listed(last, 5, names[0])

    assert [access_brake.is_held(last.pk, name) for name in names] == [False, True, True]


def test_many_log_ins_are_made_due_in_the_one_order_of_locks() -> None:
    make_people(3)

    with CaptureQueriesContext(connection) as asked:
        Token.objects.make_due(NOW)

    assert any('ORDER BY "tokens_token"."id" ASC FOR NO KEY UPDATE' in one["sql"] for one in asked)
