"""A campaign beside everything else that keeps mails back: snoozes, macros' exclusions, "I am on it", the daily cap, parked addresses,
people who left, accounts that went to another team, log-ins that work again by themselves.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.db import transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts import pool, quiet, tasks
from accounts.mails import ask_mail
from accounts.models import Account, Campaign, CampaignLogIn
from macros import evaluation, mails, on_it, snoozing
from macros.models import Macro
from notifications import kinds
from notifications.models import Message
from tests.accounts.test_campaigns import DAY, START, asked, begin, log_in, stage, work
from tests.macros.support import known_since, make_macro
from tests.portal.support import action_url, linked, staff, token_of
from tests.support.factories import link, make_account, make_team, make_user
from tokens.models import Token
from users import refused_addresses
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
UNTIL = date(2026, 11, 27)  # the morning of the fifth day
RUN = ("accounts.run_campaign", "accounts.view_campaign", "tokens.view_token")


@pytest.fixture
def mira() -> User:
    user = make_user("mira@example.com", name="Mira Ode", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="run_campaign"))
    return user


def account_of(token: Token) -> Account:
    return token.pool_entries.get().account


def snooze(token: Token, *, email: str | None = None, at: Any = START, until: date = UNTIL) -> None:
    assert token.consented_by
    who = token.consented_by.email if email is None else email
    snoozing.snooze(
        accounts=[account_of(token)], email=who, until=until, by=None, reason="On holiday", now=at
    )


def everybody() -> Mapping[str, Token]:
    """One log-in for each thing that may keep a mail back."""
    names = ("free", "by person", "by staff", "one of two", "left out", "on it", "parked", "left")
    tokens = {name: log_in(name) for name in names}
    snooze(tokens["by person"])
    snooze(tokens["by staff"], email="")
    snooze(tokens["one of two"])
    link(make_account("facebook"), tokens["one of two"])
    left_out = tokens["left out"].consented_by
    assert left_out
    macro = Macro.objects.create(name="M", owner=left_out)
    snoozing.leave_out(
        macro=macro,
        account=account_of(tokens["left out"]),
        email=left_out.email,
        by=left_out,
        reason="",
        now=START,
    )
    on = account_of(tokens["on it"])
    person = tokens["on it"].consented_by
    assert person
    on_it.acknowledge(deadlines=on_it.deadlines_on(on)[:1], email=person.email, now=START)
    parked = tokens["parked"].consented_by
    assert parked
    refused_addresses.note(parked.email, said="550", now=START, why=refused_addresses.Why.BOUNCED)
    User.objects.filter(name="left").update(is_active=False)
    return tokens


def test_a_campaign_asks_all_but_those_who_snoozed_are_parked_or_left_and_asks_these_when_that_is_over(
    mira: User,
) -> None:
    tokens = everybody()
    begin(mira, *tokens.values())

    work(START)
    first = {name: asked(token) for name, token in tokens.items()}
    why = {name: stage(tokens[name]) for name in ("by person", "by staff", "parked", "left")}
    work(START + 2 * DAY)
    snoozing.end_due(START + 4 * DAY)
    work(START + 4 * DAY)

    spoken_to = {"free", "one of two", "left out", "on it"}
    assert {name for name, mails in first.items() if mails == [0]} == spoken_to
    assert why == {
        "by person": ("not_askable", "snoozed"),
        "by staff": ("not_askable", "snoozed"),
        "parked": ("failed", "parked"),
        "left": ("not_askable", "person_left"),
    }
    assert asked(tokens["by person"]) == asked(tokens["by staff"]) == [0], "once the snooze was over"
    assert asked(tokens["parked"]) == asked(tokens["left"]) == []


def test_whoever_staff_chose_to_ask_all_the_same_is_not_reminded_once_they_snooze_anew(mira: User) -> None:
    before, since = log_in("before"), log_in("since")
    snooze(before, at=START - DAY)
    campaign = begin(mira, before, since, asks_snoozed=True)

    work(START)
    snooze(since, at=START + DAY)
    work(START + 2 * DAY)
    Account.objects.filter(pool__token=before).delete()
    work(START + 3 * DAY)

    campaign.refresh_from_db()
    assert (asked(before), asked(since)) == ([0, 1], [0])
    assert stage(since) == ("not_askable", "snoozed")
    assert campaign.ended_at is None, "it waits until the snooze is over"


def test_reminders_stop_when_a_log_in_works_again_its_account_moves_or_its_person_leaves(mira: User) -> None:
    lifted = log_in("lifted", state="dead", reason="security_checkpoint")
    ends = log_in("ends", state="dead", reason="security_checkpoint")
    moved, left, waits = (log_in(name) for name in ("moved", "left", "waits"))
    begin(mira, lifted, ends, moved, left, waits)
    work(START)
    Token.objects.filter(pk__in=[lifted.pk, ends.pk]).update(state="valid", reason="", state_since=START)
    Token.objects.filter(pk=ends.pk).update(deadline=START + 6 * DAY, deadline_kind="date")
    Account.objects.filter(pool__token=moved).update(team=make_team("Theirs"))
    User.objects.filter(name="left").update(is_active=False)

    work(START + 2 * DAY)

    stages = {one.native_user_name: stage(one) for one in (lifted, ends, moved, left, waits)}
    assert stages == {
        "lifted": ("done", "works_again"),
        "ends": ("sent", ""),
        "moved": ("failed", "not_seen"),
        "left": ("not_askable", "person_left"),
        "waits": ("sent", ""),
    }
    assert [len(asked(one)) for one in (lifted, ends, moved, left, waits)] == [1, 2, 1, 1, 2]


def test_the_page_and_the_board_say_who_snoozed_and_whom_mail_does_not_reach(
    client: Client, settings: Settings
) -> None:
    settings.STAFF_SECOND_FACTOR = False
    tokens = [token_of(name, days=3) for name in ("Ada", "Ben", "Cleo")]
    for token in tokens:
        linked(token, name=f"Account of {token.native_user_name}")
    _, ben, cleo = (token.consented_by for token in tokens)
    assert ben
    assert cleo
    refused_addresses.note(ben.email, said="550", now=timezone.now(), why=refused_addresses.Why.BOUNCED)
    until = timezone.localdate() + timedelta(days=3)
    snoozing.snooze(
        accounts=[account_of(tokens[2])],
        email=cleo.email,
        until=until,
        by=None,
        reason="",
        now=timezone.now(),
    )
    staff(client, *RUN)
    address = "/admin/tokens/token/campaign/?across=1"
    day = (timezone.localdate() + timedelta(days=14)).isoformat()

    asks = client.get(address).content.decode()
    boards = []
    for number, tick in enumerate(({}, {"again": "1"})):
        posted = {"name": "Before Friday", "note": "", "last_day": day, "seen": f"p{number}", **tick}
        board = client.post(address, posted)["Location"]
        work(timezone.now())
        boards.append(client.get(board).content.decode())
        with_ticks = CampaignLogIn.objects.filter(campaign=Campaign.objects.latest("pk"))
        assert with_ticks.count() == 3

    said = f"All its accounts are snoozed: asked once that is over, on {until:%a} {until.day} {until:%b}."
    assert asks.count("Mail does not reach the person: the address is parked.") == 1
    assert asks.count(said) == 1
    assert "Also ask the person who snoozed" in asks
    assert [said in board for board in boards] == [True, False]
    assert all("the address is parked." in board for board in boards)
    mails = Message.objects.filter(kind="ask").values_list("recipient", flat=True)
    assert sorted(mails) == sorted([tokens[0].consented_by.email, cleo.email])  # type: ignore[union-attr]


def test_snoozed_log_ins_are_found_by_one_query(django_assert_max_num_queries: Any) -> None:
    tokens = [log_in() for _ in range(3)]
    snooze(tokens[0])
    snooze(tokens[0], email="", until=UNTIL + DAY)
    snooze(tokens[1], email="other@example.com")

    with django_assert_max_num_queries(1):
        found = quiet.log_ins([one.pk for one in tokens], now=START)

    assert found == {tokens[0].pk: UNTIL + DAY}


def test_whom_mail_does_not_reach_is_not_asked_by_hand_either(client: Client, settings: Settings) -> None:
    settings.STAFF_SECOND_FACTOR = False
    token = token_of("Ben", days=3)
    account = linked(token, name="Account of Ben")
    assert token.consented_by
    refused_addresses.note(
        token.consented_by.email, said="550", now=timezone.now(), why=refused_addresses.Why.BOUNCED
    )
    staff(client, "tokens.ask_token")

    alone = client.get(action_url("token_ask", account, token)).content.decode()
    everybody_due = client.get("/admin/ask-due/").content.decode()
    bulk = f"/admin/accounts/account/bulk/ask/?ids={account.pk}"
    chosen = client.get(bulk).content.decode()
    other = linked(token_of("Cleo", days=3), name="Account of Cleo")
    both = client.get(f"{bulk},{other.pk}").content.decode()
    client.post(f"{bulk},{other.pk}", {"note": "", "seen": "once"})
    tasks.run_jobs()

    said = "Mail does not reach the person: the address is parked."
    assert said in alone
    assert said in everybody_due
    assert said in chosen
    assert "Nobody is asked: see the reasons above." in chosen
    assert said in both
    assert "Ask 1 person to re-authenticate?" in both
    assert list(Message.objects.filter(kind="ask").values_list("payload__tokens", flat=True)) == [
        [other.pool.get().token_id]
    ]
    assert "Nobody is asked: see the reasons above." in everybody_due


def test_two_campaigns_and_a_macro_on_one_day_are_one_ask_and_one_warning_and_a_renewal_ends_all(
    mira: User,
) -> None:
    token = log_in("Ada", deadline=START + 3 * DAY, deadline_kind="date")
    account = account_of(token)
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="linked", now=START)
    account.refresh_from_db()
    known_since(account, days=30)
    make_macro(emails=[], days=[3, 1], notify_consenters=True, accounts=[account])
    campaigns = [begin(mira, token), begin(mira, token, at=START + timedelta(hours=1))]

    work(START + timedelta(hours=1))
    evaluation.evaluate(now=START + timedelta(hours=2))
    asks, warnings = Message.objects.filter(kind="ask"), Message.objects.exclude(kind="ask")
    with time_machine.travel(START + timedelta(hours=2), tick=False):
        links = [
            mails.build(warnings.get()).text.count("/renew/"),
            ask_mail.build(asks.get()).text.count("/renew/"),
        ]
    now = START + timedelta(hours=3)
    Token.objects.filter(pk=token.pk).update(linked_at=now, deadline=START + 60 * DAY)
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="linked", now=now)
    work(now)
    later = [work(START + days * DAY) for days in (2, 5)]
    evaluation.evaluate(now=START + 2 * DAY)

    assert links == [1, 1]
    assert later == [0, 0]
    assert (asks.count(), warnings.count()) == (1, 1)
    assert [stage(token, one)[0] for one in campaigns] == ["done", "done"]
    with pytest.raises(kinds.NotWanted):
        mails.build(warnings.get())
