"""Too few people is told within a minute of whoever went, once, by the sweep or by the morning and never by both."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts import pool
from accounts.models import Account, AccountToken, FreshEvents
from macros import at_once, evaluation, tasks
from macros.models import DelayedEvent, Macro, MacroAction, NewsNotice, Shortage
from macros.mutes import services
from notifications import delivery
from notifications.models import Message
from tests.macros.support import TODAY, WATCHER, analyze
from tests.macros.test_at_once import (
    HOUR,
    MINUTE,
    SOON,
    die,
    linked,
    log_in,
    person,
    refuse,
    revive,
    send,
    tells,
    to_watcher,
)
from tests.support.factories import NOW, make_user
from tests.support.sandbox import Sandbox
from tokens import lifecycle
from tokens.models import Token
from users import database_clock
from users.models import Team

pytestmark = pytest.mark.django_db


def wants(people: int = 2, within: int = 0, *also: str, **fields: Any) -> MacroAction:
    """A macro that tells of accounts with fewer people."""
    macro = tells(*also, **fields)
    warning = macro.warning
    assert warning is not None
    return MacroAction.objects.create(
        macro=macro,
        kind="few_people",
        emails=warning.emails,
        notify_consenters=warning.notify_consenters,
        people=people,
        within=within,
    )


def short() -> set[str]:
    told = NewsNotice.objects.filter(kind="few_people").exclude(outcome="dropped")
    return set(told.values_list("account__name", flat=True))


def test_a_backup_that_stops_is_told_at_once_though_nothing_else_happened_and_the_morning_is_silent() -> None:
    wants()
    ada, ben = log_in(person("Ada")), log_in(person("Ben"))
    linked(ada, ben, name="Two")
    linked(ada, ben, log_in(person("Cem")), name="Three")

    die(ben)
    early = at_once.tell(NOW + timedelta(seconds=20))
    at_once.tell(SOON)
    told = to_watcher(send())
    evaluation.evaluate(now=NOW + HOUR)

    assert early == 0
    assert told == [f"{WATCHER}: Only one person can carry Two"]
    assert "1 now, 2 wanted" in Message.objects.get(kind="macro_news").text
    assert NewsNotice.objects.count() == 1


def test_what_the_morning_told_is_not_told_at_once_and_a_first_link_waits_for_the_morning() -> None:
    wants(3)
    ada, ben = log_in(person("Ada")), log_in(person("Ben"))
    linked(ada, ben, name="Two")

    at_once.tell(SOON)
    at_first = short()
    evaluation.evaluate(now=NOW + MINUTE)
    morning = short()
    die(ben, NOW + HOUR)
    at_once.tell(NOW + HOUR + MINUTE)

    assert at_first == set()
    assert morning == {"Two"}
    assert NewsNotice.objects.filter(recipient=WATCHER).count() == 1


def test_an_account_that_flaps_is_told_once_an_hour_and_then_as_it_is() -> None:
    wants()
    ada, ben = log_in(person("Ada")), log_in(person("Ben"))
    account = linked(ada, ben, name="Two")
    die(ben)
    at_once.tell(SOON)
    send()

    revive(account, NOW + 5 * MINUTE)
    at_once.tell(NOW + 6 * MINUTE)
    recovered = Shortage.objects.filter(over_at=None).exists()
    newest = Token.objects.filter(pool_entries__account=account).latest("pk")
    die(newest, NOW + 10 * MINUTE)
    at_once.tell(NOW + 11 * MINUTE)
    within = to_watcher(send(NOW + 11 * MINUTE))
    at_once.tell(NOW + 62 * MINUTE)
    after = to_watcher(send(NOW + 62 * MINUTE))

    assert not recovered
    assert within == []
    assert after == [f"{WATCHER}: Only one person can carry Two"]
    assert not DelayedEvent.objects.exists()


@pytest.mark.parametrize("at", [SOON, NOW + timedelta(days=3)], ids=["soon", "after a weekend"])
def test_a_shift_and_the_last_person_are_one_mail_and_whose_log_in_stopped_reads_it_there(
    at: datetime,
) -> None:
    wants(2, 0, "shifted", emails=[WATCHER, "ada@example.com"])
    ada, ben = log_in(person("Ada")), log_in(person("Ben"))
    linked(ada, ben, name="Two")

    die(ada)
    at_once.tell(at)
    sent = send(at)

    assert len(to_watcher(sent)) == 1
    text = " ".join(Message.objects.get(kind="macro_news").text.split())
    assert "One ad account has fewer people than it should" in text
    assert "One ad account goes on through another log-in" in text
    assert [one for one in sent if one.startswith("ada@")] == [
        "ada@example.com: Two goes on through someone in another team: please re-authenticate"
    ]


def test_what_went_dark_is_told_as_dark_alone() -> None:
    wants(2, 0, "deactivated")
    ada, ben = log_in(person("Ada")), log_in(person("Ben"))
    linked(ada, ben, name="Two")

    die(ada)
    die(ben)
    at_once.tell(SOON)

    assert short() == set()
    assert [one.split(":")[1] for one in to_watcher(send())] == [" Two is deactivated"]


def test_days_ahead_are_told_at_once_as_far_as_it_is_so_now() -> None:
    wants(2, 14)
    ada, ben = log_in(person("Ada")), log_in(person("Ben"))
    linked(ada, ben, name="Two")

    die(ben)
    at_once.tell(SOON)

    assert to_watcher(send()) == [f"{WATCHER}: Only one person can carry Two"]


@pytest.mark.parametrize("quiet", ["snoozed", "left out", "off", "recovered"])
def test_what_is_silent_is_not_told(quiet: str) -> None:
    macro = wants().macro
    ada, ben = log_in(person("Ada")), log_in(person("Ben"))
    account = linked(ada, ben, name="Two")
    if quiet == "snoozed":
        until = TODAY + timedelta(days=3)
        services.mute(accounts=[account], email="", until=until, by=None, reason="Holiday", now=NOW)
    elif quiet == "left out":
        services.leave_out(macro=macro, account_ids=[account.pk], by=None, now=NOW)
    elif quiet == "off":
        Macro.objects.filter(pk=macro.pk).update(enabled=False)
        tells("shifted", emails=["other@example.com"])

    die(ben)
    if quiet == "recovered":
        revive(account, NOW + timedelta(seconds=5))
    at_once.tell(SOON)

    assert short() == set()
    assert not FreshEvents.objects.exists()


def test_where_the_mail_server_refuses_the_address_whoever_stands_in_is_told(settings: Settings) -> None:
    settings.OPERATOR_EMAILS = ["ops@example.com"]
    wants()
    ada, ben = log_in(person("Ada")), log_in(person("Ben"))
    linked(ada, ben, name="Two")
    die(ben)
    at_once.tell(SOON)

    refuse(Message.objects.get(recipient=WATCHER))
    at_once.tell(database_clock.now() + MINUTE)

    told = Message.objects.filter(kind="macro_news").exclude(recipient=WATCHER)
    assert list(told.values_list("recipient", flat=True)) == ["ops@example.com"]


def fleet(*tokens: Token, number: int) -> None:
    """So many accounts that these log-ins carry."""
    accounts = Account.objects.bulk_create(
        Account(
            channel="facebook",
            native_id=f"{number}{each:03}",
            name=f"Account {each:03}",
            team=Team.default(),
            created_at=NOW - HOUR,
        )
        for each in range(number)
    )
    AccountToken.objects.bulk_create(
        AccountToken(account=account, token=token, rank=rank)
        for account in accounts
        for rank, token in enumerate(tokens)
    )
    with transaction.atomic():
        pool.settle(account_ids=[one.pk for one in accounts], cause="linked", now=NOW - HOUR)
    at_once.tell(NOW - HOUR + MINUTE)


def test_300_accounts_that_a_leaver_leaves_are_one_mail_a_person_in_as_many_statements_as_3() -> None:
    wants(2, 0, emails=[WATCHER, "lea@example.com"])
    person("Lea")
    boss = make_user("boss@example.com")
    sweeps, sent = [], []
    for number, later in ((3, 0 * HOUR), (300, HOUR)):
        ada, leaver = log_in(person(f"Ada{number}")), log_in(person(f"Ben{number}"))
        fleet(ada, leaver, number=number)
        analyze()
        lifecycle.remove(
            token_id=leaver.pk, generation=leaver.generation, actor=boss, note="", now=NOW + later
        )
        with CaptureQueriesContext(connection) as asked:
            written = at_once.tell(SOON + later)
        sweeps.append((written, len(asked)))
        sent += send(NOW + later)

    assert [written for written, _ in sweeps] == [2, 2]
    assert sweeps[0][1] == sweeps[1][1]
    assert to_watcher(sent) == [
        f"{WATCHER}: Only one person can carry Account 000 (+2 more)",
        f"{WATCHER}: Only one person can carry Account 000 (+299 more)",
    ]
    assert Account.objects.filter(people_count=1).count() == 303


@pytest.mark.django_db(transaction=True)
def test_the_task_and_the_outbox_bring_it_by_smtp(channels_world: Sandbox) -> None:
    wants()
    ada, ben = log_in(person("Ada")), log_in(person("Ben"))
    linked(ada, ben, name="Two")
    die(ben, database_clock.now() - timedelta(seconds=31))

    tasks.tell_at_once.apply().get()
    delivery.deliver(clock=database_clock.now)

    assert [mail["subject"] for mail in channels_world.mails(to=WATCHER)] == ["Only one person can carry Two"]
