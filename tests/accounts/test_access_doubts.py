"""The one doubt, of ad accounts: what readings take from log-ins that work, and what they call restricted."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, AccountToken
from accounts.pool import services as pool
from accounts.sync import services as account_sync
from accounts.sync.services import Findings
from macros.at_once import services as at_once
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
from tokens.models import Doubt, Token

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
NO_ACCESS = Classification(Verdict.ACCESS_LOST, Reason.ACCESS_LOST, row="permission missing")
GOES_ON, STOPPED = ("connected", ""), ("deactivated", "")


def make_people(number: int, *, accounts: int = 1) -> list[Token]:
    """So many people's log-ins, each alone in the pools of so many accounts."""
    tokens = [
        make_token(make_app(), consented_by=make_user(), due_at=NOW + 60 * MINUTE) for _ in range(number)
    ]
    for token in tokens:
        for _ in range(accounts):
            link(make_account(created_at=NOW - timedelta(days=9)), token)
    pool.settle(account_ids=list(Account.objects.values_list("pk", flat=True)), cause="linked", now=NOW)
    return tokens


def answers(token: Token, shape: str) -> Findings:
    """What the channel says of all ad accounts of a log-in."""
    accounts = [entry.account for entry in token.pool_entries.select_related("account")]
    if shape in {"no access", "no answer"}:
        hindered = Classification(Verdict.TRANSIENT, Reason.TRANSIENT)
        said = NO_ACCESS if shape == "no access" else hindered
        return Findings(readings={one.pk: AccessCheck(said, evidence={"status": 403}) for one in accounts})
    natives = [
        NativeAccount(
            one.native_id,
            one.name,
            can_publish="no" if shape == "reports only" else "yes",
            restriction="disabled" if shape == "restricted" else "",
        )
        for one in accounts
    ]
    if shape == "a list that breaks off":
        return Findings(AccountList((), complete=False))
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
        token.refresh_from_db()
        account_sync.record_readings(token, answers(token, shape), now=now, source=source)
    at_once.tell_news(now + MINUTE)


def states(tokens: Sequence[Token]) -> list[tuple[str, str]]:
    """State and restriction of the accounts of log-ins."""
    found = Account.objects.filter(pool__token__in=tokens).order_by("pk")
    return list(found.values_list("state", "restriction"))


def mails() -> int:
    return Message.objects.filter(kind="news").count()


def test_a_list_that_breaks_off_says_nothing_against_an_account() -> None:
    people = make_people(2)

    for at in (0, 15):
        said(people, "a list that breaks off", at)

    assert states(people) == [GOES_ON] * 2
    assert not Doubt.objects.exists()


@pytest.mark.parametrize("shape", ["no access", "restricted"])
def test_what_is_taken_from_everybody_stops_nobody_for_three_hours_and_comes_back(shape: str) -> None:
    people = make_people(2)
    for at in (0, 2, 15, 60):
        said(people, shape, at)
    meanwhile, told = states(people), mails()

    said(people, shape, 180)
    after = states(people)
    said(people, "fine", 480)

    assert (meanwhile, told) == ([GOES_ON] * 2, 0)
    assert set(after) == {("connected", "disabled") if shape == "restricted" else STOPPED}
    assert mails() == 2
    assert states(people) == [GOES_ON] * 2
    assert not Doubt.objects.open()
    assert not AccountToken.objects.exclude(doubt="")


@pytest.mark.parametrize("shape", ["an empty list", "reports only"])
def test_what_is_taken_from_one_alone_is_true_once_another_reads_well_and_it_is_said_again(
    shape: str,
) -> None:
    one, *others = make_people(2)
    said([one], shape, 0)
    asked = Token.objects.filter(due_at__lte=NOW).count()
    said(others, "fine", 0.5)
    before = states([one])

    said([one], shape, 2)

    assert asked == len(others)
    assert before == [GOES_ON]
    assert states([one]) == [("connected", "disabled") if shape == "restricted" else STOPPED]
    assert states(others) == [GOES_ON]
    assert mails() == 1


def test_a_lone_log_in_is_believed_after_a_quarter_of_an_hour() -> None:
    people = make_people(1)
    make_token(make_app())  # that carries nothing can tell nothing

    said(people, "no access", 0)
    said(people, "no access", 14)
    before = states(people)
    said(people, "no access", 15)

    assert (before, states(people)) == ([GOES_ON], [STOPPED])


def test_an_account_goes_on_through_somebody_else_meanwhile_and_comes_back_to_its_order() -> None:
    one, other = make_people(2)
    account = one.pool_entries.get().account
    link(account, other)

    said([one], "no access", 0)
    account.refresh_from_db()
    meanwhile = account.active_token
    said([one], "fine", 2)

    assert meanwhile == other
    assert not AccountToken.objects.exclude(doubt="")


def test_a_job_that_was_refused_stops_the_serving_and_the_mail_waits() -> None:
    people = make_people(2)

    said(people[:1], "no access", 0, source="report")
    said(people[:1], "no access", 1)

    assert states(people[:1]) == [("interrupted", "")]
    assert account_sync.is_doubted(people[0].pk, people[0].pool_entries.get().account.native_id)
    assert mails() == 0


def test_what_works_of_a_persons_accounts_is_written_and_one_that_stays_away_is_lost_in_the_end() -> None:
    token = make_people(1, accounts=2)[0]
    one, two = token.pool_entries.order_by("pk")
    said([token], "an empty list", 0)
    partly = Findings(AccountList((NativeAccount(one.account.native_id, "New name", can_publish="yes"),)))

    token.refresh_from_db()
    account_sync.record_readings(token, partly, now=NOW + 15 * MINUTE, source="sweep")

    entries = AccountToken.objects.filter(token=token).order_by("pk").values_list("access", "account__name")
    assert list(entries) == [("ok", "New name"), ("lost", two.account.name)]


def test_a_loss_that_was_believed_is_written_though_the_process_died_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people = make_people(1)
    said(people, "an empty list", 0)
    with monkeypatch.context() as patch:
        patch.setattr("accounts.sync.entries.apply_answers", lambda **_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            said(people, "an empty list", 16)
    died = states(people)

    said(people, "an empty list", 17)

    assert (died, states(people)) == ([GOES_ON], [STOPPED])


@pytest.mark.parametrize("way", ["unlinked", "never answered"])
def test_a_doubt_of_which_nobody_speaks_for_a_day_is_over(way: str) -> None:
    (token, _) = make_people(2)
    said([token], "no access", 0)
    if way == "unlinked":
        with transaction.atomic():
            alone = list(token.pool_entries.values_list("account_id", flat=True))
            token.pool_entries.all().delete()
            pool.settle(account_ids=alone, cause="unlinked", now=NOW)

    said([token], "no answer", 25 * 60)

    assert not Doubt.objects.open()


def test_many_log_ins_are_made_due_in_the_one_order_of_locks() -> None:
    make_people(3)

    with CaptureQueriesContext(connection) as asked:
        Token.objects.make_due(NOW)

    assert any('ORDER BY "tokens_token"."id" ASC FOR NO KEY UPDATE' in one["sql"] for one in asked)
