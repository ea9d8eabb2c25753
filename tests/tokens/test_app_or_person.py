"""An answer that blames our app: the app's other tokens show whether it is the app's fault or this token's."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

import broker
from accounts.alerts import services as alerts
from accounts.checks import services as sweeps
from accounts.models import Account
from accounts.pool import actions
from accounts.pool import services as pool
from accounts.pool.errors import ActionRefused
from accounts.sync import services as account_sync
from broker import Caller
from notifications.models import Message
from tests.support import native
from tests.support.connections import another
from tests.support.factories import NOW, link, make_account, make_app, make_token, make_user
from tests.support.sandbox import Sandbox
from tokens import lifecycle
from tokens.channels.kinds import Classification, Inspection, Reason, Verdict
from tokens.lifecycle import TransitionOutcome
from tokens.models import ChannelApp, Token

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
BLAMED = Classification(Verdict.APP_FAULT, Reason.APP_FAULT, row="client secret", note="no client")


def said(token: Token, classification: Classification, at: int) -> TransitionOutcome:
    """Record what the channel said of a token, so many minutes after NOW."""
    token.refresh_from_db()
    return lifecycle.record_inspection(
        token_id=token.pk,
        generation=token.generation,
        inspection=Inspection(classification),
        now=NOW + at * MINUTE,
        source="sweep",
    )


def test_a_fault_of_the_app_that_one_token_shows_while_another_works_is_that_tokens() -> None:
    app = make_app(fault="")
    ada, ben = make_token(app), make_token(app)
    account = make_account()
    for token in (ada, ben):
        link(account, token)

    first = said(ada, BLAMED, 0)
    said(ben, Classification(Verdict.OK), 1)
    second = said(ada, BLAMED, 3)

    app.refresh_from_db()
    account.refresh_from_db()
    assert (first.verdict, first.state) == (Verdict.APP_FAULT, "valid")
    assert (second.verdict, second.state) == (Verdict.CONFIRM_FIRST, "valid")
    assert account.active_token == ben
    assert app.fault_since is None, "it is not the app's"


def test_a_fault_that_all_tokens_show_is_the_apps_and_touches_none() -> None:
    app = make_app(fault="")
    ada, ben = make_token(app, proven_at=NOW), make_token(app, proven_at=NOW - MINUTE)

    for at in (1, 16, 31):
        said(ada, BLAMED, at)
        said(ben, BLAMED, at)

    assert set(Token.objects.values_list("state", flat=True)) == {"valid"}
    assert ChannelApp.objects.get(pk=app.pk).fault_since == NOW + MINUTE


def test_a_good_answer_of_another_app_proves_nothing() -> None:
    app, other = make_app(fault="", is_default=False), make_app(fault="", is_default=False)
    ada, stranger = make_token(app), make_token(other)

    said(ada, BLAMED, 0)
    said(stranger, Classification(Verdict.OK), 1)

    assert said(ada, BLAMED, 3).state == "valid"


def test_the_three_that_were_not_asked_for_longest_are_asked_at_once_and_the_blamed_one_in_minutes() -> None:
    app = make_app(fault="")
    later = NOW + timedelta(hours=4)
    ada = make_token(app, due_at=NOW)
    days = [1, 4, 2, 3]
    others = [make_token(app, due_at=later, last_checked_at=NOW - timedelta(days=ago)) for ago in days]
    others.append(make_token(app, due_at=later, app_refused_at=NOW))  # never asked, but blamed itself
    others.append(make_token(app, due_at=later, claimed_until=NOW + MINUTE))  # its question began before

    said(ada, BLAMED, 0)

    for token in (ada, *others):
        token.refresh_from_db()
    assert [token.due_at for token in others] == [later, NOW, NOW, NOW, later, later]
    assert ada.due_at is not None
    assert MINUTE < ada.due_at - NOW < 5 * MINUTE


@pytest.mark.django_db(transaction=True)
def test_two_that_blame_the_app_at_once_do_not_wait_for_each_other() -> None:
    app = make_app(fault="")
    ada, ben = make_token(app), make_token(app)

    with another() as other, other.transaction(), transaction.atomic(), connection.cursor() as ours:
        other.execute("select 1 from tokens_token where id = %s for no key update", [ben.pk])
        ours.execute("set local lock_timeout = '1s'")
        outcome = said(ada, BLAMED, 0)

    assert outcome.verdict == Verdict.APP_FAULT


def test_a_doubt_that_lasts_is_the_end_and_a_good_answer_forgets_it() -> None:
    app = make_app(fault="")
    ada, ben = make_token(app), make_token(app)
    said(ada, BLAMED, 0)
    said(ben, Classification(Verdict.OK), 1)
    said(ada, BLAMED, 3)

    assert said(ada, Classification(Verdict.OK), 10).state == "valid"
    assert said(ada, BLAMED, 20).verdict == Verdict.APP_FAULT
    said(ben, Classification(Verdict.OK), 21)
    said(ada, BLAMED, 23)
    assert said(ada, BLAMED, 23 + 73 * 60).state == "dead"


MEMBER_RESTRICTED = {"error": "member_restricted", "error_description": "The member is restricted"}


@pytest.mark.parametrize(
    ("renews", "body", "said"), [(True, None, "unknown"), (False, MEMBER_RESTRICTED, "suspended")]
)
def test_a_restricted_linkedin_member_is_passed_over_at_the_first_report(
    renews: bool, body: Any, said: str, channels_world: Sandbox
) -> None:
    native.set_up_apps(channels_world)
    account: Account = native.linked("linkedin", "ada", "ben")
    channels_world.add_fault("linkedin", path="introspectToken$", user="ada", status=401, body=body)
    if not renews:
        channels_world.suspend("linkedin", "ada")
    lease = broker.lease(caller=Caller(), channel="linkedin", native_id=account.native_id, now=timezone.now())

    told = broker.report(
        caller=Caller(),
        lease_id=lease.lease_id,
        status=401,
        body={"status": 401, "serviceErrorCode": 65601, "code": "REVOKED_ACCESS_TOKEN"},
        now=timezone.now(),
    )

    ada = Token.objects.get(native_user_name="Ada Okafor")
    assert lease.native_user == "Ada Okafor"
    assert told.lease is not None
    assert told.lease.native_user == "Ben Lindqvist"
    assert (ada.state, ada.reason, ada.doubts.get().reason) == ("cooling", "doubted", said)
    assert ChannelApp.objects.get(channel="linkedin").fault_since is None


BLOCKED = {"error": {"code": 200, "type": "OAuthException", "message": "API access blocked."}}


def blocked_reading(world: Sandbox, *users: str) -> None:
    """Let Facebook blame our app where these people's ad accounts are read; their tokens are told to work."""
    for user in users:
        world.add_fault("facebook", path="act_|adaccounts", user=user, status=400, body=BLOCKED)


def checked(tokens: Collection[Token], at: int) -> None:
    """Check these tokens and their ad accounts, one after the other, so many minutes from now."""
    now = timezone.now() + at * MINUTE
    for token in tokens:
        sweeps.check_these_tokens(token_ids=[token.pk], now=now, source="sweep")
    alerts.tell_operators(now)


@pytest.mark.parametrize("singly", [account_sync.READ_SINGLY, 0])
def test_a_reading_of_ad_accounts_that_blames_the_app_for_one_person_marks_nothing(
    singly: int, channels_world: Sandbox, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_sync, "READ_SINGLY", singly)
    settings.OPERATOR_EMAILS = ["ops@example.com"]
    native.set_up_apps(channels_world)
    account = native.linked("facebook", "ada", "ben")
    ada, ben = Token.objects.order_by("id")
    blocked_reading(channels_world, "ada")
    Token.objects.update(due_at=timezone.now() + timedelta(hours=4))

    checked([ada], 1)
    ben.refresh_from_db()
    asked_at_once = ben.due_at
    marked = []
    for at in (2, 30, 120):
        checked([ben, ada], at)
        marked.append(ChannelApp.objects.get(channel="facebook").fault)

    account.refresh_from_db()
    assert asked_at_once is not None
    assert asked_at_once <= timezone.now() + MINUTE
    assert marked == [""] * 3
    assert not Message.objects.filter(recipient="ops@example.com").exists()
    assert set(Token.objects.values_list("state", flat=True)) == {"valid"}
    assert account.active_token == ben, "others go first"
    assert account.events.get(kind="shifted").cause == "reading_refused"
    assert pool.differences() == []


def test_a_reading_that_blames_the_app_for_all_is_the_apps_fault(channels_world: Sandbox) -> None:
    native.set_up_apps(channels_world)
    native.linked("facebook", "ada", "ben")
    blocked_reading(channels_world, "ada", "ben")

    checked(list(Token.objects.order_by("id")), 1)

    app = ChannelApp.objects.get(channel="facebook")
    assert app.fault_kind == "use"
    channels_world.clear_faults()
    checked(list(Token.objects.order_by("id")), 20)
    app.refresh_from_db()
    assert app.fault_since is None


def test_a_suspicion_that_no_other_token_answers_in_time_is_the_apps_fault(channels_world: Sandbox) -> None:
    native.set_up_apps(channels_world)
    native.linked("facebook", "ada", "ben")
    ada = Token.objects.order_by("id")[0]
    blocked_reading(channels_world, "ada")

    checked([ada], 1)
    checked([ada], 5)
    early = ChannelApp.objects.get(channel="facebook").fault_since
    checked([ada], 17)

    assert early is None
    assert ChannelApp.objects.get(channel="facebook").fault_since is not None


def reported(account: Account, at: int = 0) -> tuple[broker.Lease, broker.ReportAnswer]:
    """Lease a token of the account, and report that the channel blamed our app for it, so many minutes from now."""
    now = timezone.now() + at * MINUTE
    lease = broker.lease(
        caller=Caller(), channel="facebook", native_id=account.native_id, now=now, purpose="read"
    )
    told = broker.report(caller=Caller(), lease_id=lease.lease_id, status=400, body=BLOCKED, now=now)
    return lease, told


def stood_back(account: Account, ben: Token) -> tuple[broker.Lease, broker.ReportAnswer]:
    """Report it, have another log-in answer the sweep, and report it again a minute later."""
    _, told = reported(account)
    assert (told.action, told.lease) == ("retry_later", None)
    checked([ben], 1)
    return reported(account, 2)


def test_a_job_whose_log_in_is_refused_by_an_answer_that_blames_our_app_gets_one_that_works(
    channels_world: Sandbox, settings: Any
) -> None:
    settings.OPERATOR_EMAILS = ["ops@example.com"]
    native.set_up_apps(channels_world)
    account = native.linked("facebook", "ada", "ben")
    mails = Message.objects.count()
    blocked_reading(channels_world, "ada")

    lease, told = stood_back(account, Token.objects.order_by("id")[1])
    alerts.tell_operators(timezone.now())

    account.refresh_from_db()
    assert lease.native_user == "Ada Okafor"
    assert (told.action, told.lease and told.lease.native_user) == ("retry_with", "Ben Lindqvist")
    assert account.active_token is not None
    assert account.active_token.native_user_name == "Ben Lindqvist", "the next job gets it at once"
    assert set(Token.objects.values_list("state", flat=True)) == {"valid"}
    assert ChannelApp.objects.get(channel="facebook").fault == ""
    assert Message.objects.count() == mails, "nobody is blamed"
    assert pool.differences() == []


def test_a_log_in_that_is_answered_again_comes_back_into_the_order_and_shifts_nothing(
    channels_world: Sandbox,
) -> None:
    native.set_up_apps(channels_world)
    account = native.linked("facebook", "ada", "ben")
    ada, ben = Token.objects.order_by("id")
    blocked_reading(channels_world, "ada")
    stood_back(account, ben)
    channels_world.clear_faults()

    checked([ada], 3)

    account.refresh_from_db()
    ada.refresh_from_db()
    assert (ada.demoted_at, ada.use_refused_at) == (None, None)
    assert account.active_token == ben
    assert account.events.filter(kind="shifted").count() == 1


def test_an_app_that_is_refused_wherever_ad_accounts_are_read_shifts_nothing_and_alerts_once(
    channels_world: Sandbox, settings: Any
) -> None:
    settings.OPERATOR_EMAILS = ["ops@example.com"]
    native.set_up_apps(channels_world)
    account = native.linked("facebook", "ada", "ben")
    tokens = list(Token.objects.order_by("id"))

    answers = []
    for outage in (1, 60):  # twice, with a good hour between
        blocked_reading(channels_world, "ada", "ben")
        answers += [reported(account, outage)[1].action for _ in range(2)]
        for at in (1, 20):
            checked(tokens, outage + at)
        channels_world.clear_faults()
        checked(tokens, outage + 30)

    account.refresh_from_db()
    assert answers == ["retry_later"] * 4
    assert account.active_token == tokens[0]
    assert not account.events.filter(kind="shifted").exists()
    assert Message.objects.filter(recipient="ops@example.com").count() == 1
    assert not Token.objects.exclude(demoted_at=None).exists()


def test_a_log_in_that_stands_back_is_served_where_nobody_else_can_be_and_staff_cannot_prefer_it() -> None:
    alone, shared = make_account(), make_account()
    odd, fine = make_token(demoted_at=NOW), make_token()
    for account, token in ((alone, odd), (shared, odd), (shared, fine)):
        link(account, token)

    with transaction.atomic():
        pool.settle(account_ids=[alone.pk, shared.pk], cause="test", now=NOW)

    for account in (alone, shared):
        account.refresh_from_db()
    assert (alone.active_token, alone.state) == (odd, "connected")
    assert shared.active_token == fine
    with pytest.raises(ActionRefused, match="answers others"):
        actions.make_active(account=shared, token=odd, actor=make_user(), note="", now=NOW)
    assert [entry.token for entry in shared.pool_in_order()] == [fine, odd]


def test_a_witness_whose_question_began_before_the_blame_was_heard_proves_nothing() -> None:
    app = make_app(fault="")
    ada, ben = make_token(app), make_token(app)
    heard_at = NOW + 2 * MINUTE  # of a check that began at NOW and took its time

    lifecycle.record_inspection(
        token_id=ada.pk,
        generation=ada.generation,
        inspection=Inspection(BLAMED),
        now=NOW,
        source="sweep",
        answered_at=heard_at,
    )
    said(ben, Classification(Verdict.OK), 1)  # asked before the channel began to refuse the app

    assert said(ada, BLAMED, 5).verdict == Verdict.APP_FAULT
    said(ben, Classification(Verdict.OK), 6)
    assert said(ada, BLAMED, 8).verdict == Verdict.CONFIRM_FIRST
