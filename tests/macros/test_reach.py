"""Accounts of which nobody would be told."""

import random
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Exists, OuterRef
from django.test import Client
from django.utils import timezone

from accounts.models import Account, AccountToken
from macros import evaluation, reach
from macros.coverage import covering
from macros.models import Macro, Silence
from tests.macros.support import make_macro, make_person, settle
from tests.macros.test_against_model import random_fleet
from tests.portal.support import staff
from tests.support.factories import NOW, link, make_account, make_team, make_token, make_user
from tests.support.plans import carried_out
from tokens.models import Token
from users import refused_addresses
from users.models import Membership, Team, User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_operator(settings: Any) -> None:
    settings.OPERATOR_EMAILS = []


def fleet() -> None:
    """One account for each way in which somebody would be told, and one for none."""
    led, system = make_team("Led"), make_team("System")
    Membership.objects.create(team=led, user=make_person("lead@example.com"), role=Membership.Role.TEAM_LEAD)
    Membership.objects.create(team=system, user=make_person("member@example.com"))
    gone = make_person(is_active=False)
    named = make_account(name="named by a macro")
    make_macro(emails=["boss@example.com"], accounts=[named])
    link(make_account(name="has a person"), make_token(consented_by=make_person()))
    link(make_account(name="has a system user"), make_token(kind="system", team=system))
    for account in (named, make_account(name="led", team=led), make_account(name="nobody")):
        link(account, make_token(consented_by=gone))


def names(accounts: Any) -> set[str]:
    return set(accounts.values_list("name", flat=True))


def test_nobody_would_be_told_of_what_no_person_macro_or_lead_covers() -> None:
    fleet()

    assert names(reach.without_anybody(Account.objects.all())) == {"nobody"}
    assert names(reach.only_stood_in_for(Account.objects.all())) == {"led"}


def test_while_there_is_an_operator_somebody_is_told_of_every_account(settings: Any) -> None:
    fleet()
    settings.OPERATOR_EMAILS = ["ops@example.com"]

    assert names(reach.without_anybody(Account.objects.all())) == set()
    assert names(reach.only_stood_in_for(Account.objects.all())) == {"led", "nobody"}


@pytest.mark.parametrize(
    "who", ["lead switched off", "macro off", "member of another team", "contact of a client"]
)
def test_who_cannot_be_told_does_not_count(who: str) -> None:
    fleet()
    if who == "lead switched off":
        User.objects.filter(email="lead@example.com").update(is_active=False)
        expected = {"nobody", "led"}
    elif who == "macro off":
        Account.objects.get(name="named by a macro").macros.update(enabled=False)
        expected = {"nobody", "named by a macro"}
    elif who == "contact of a client":
        User.objects.filter(email="member@example.com").update(is_contact=True, password="!")
        expected = {"nobody", "has a system user"}
    else:
        Membership.objects.filter(user__email="member@example.com").update(team=Team.default())
        expected = {"nobody", "has a system user"}

    assert names(reach.without_anybody(Account.objects.all())) == expected


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("operators", [[], ["ops@example.com"]])
def test_who_would_be_told_is_whom_an_evaluation_tells(
    seed: int, operators: list[str], settings: Any
) -> None:
    """On random accounts that all go dark, with people who left, snoozed all, or whose mail servers refuse them."""
    settings.OPERATOR_EMAILS = operators
    rng = random.Random(seed)
    accounts = random_fleet(rng)
    people = [*User.objects.values_list("email", flat=True), "a@x.example", "b@x.example"]
    until = timezone.localdate(NOW) + timedelta(days=3)
    for email in rng.sample(people, 3):
        Silence.objects.create(email=email, until=until, started_at=NOW)
    for account in rng.sample(accounts, len(accounts) // 2):
        for email in rng.sample(people, 3):
            some = rng.choice([None, *Macro.objects.all()])
            Silence.objects.create(
                account=account, email=email, macro=some, until=None if some else until, started_at=NOW
            )
    refused_addresses.note(rng.choice(people), said="550 no such user", now=NOW)
    Token.objects.update(state="dead", reason="password_changed")
    settle(*accounts)

    evaluation.evaluate(now=NOW)

    watched = Account.objects.filter(
        Exists(covering()), Exists(AccountToken.objects.filter(account=OuterRef("pk")))
    )
    told = {account.name: set(account.notices.values_list("via", flat=True)) for account in watched}
    assert names(reach.without_anybody(watched)) == {name for name, via in told.items() if not via}
    assert names(reach.only_stood_in_for(watched)) == {
        name for name, via in told.items() if via and "" not in via
    }
    assert len(told) > 3


def test_a_macro_whose_addresses_mail_does_not_reach_tells_nobody_of_an_account_that_has_people(
    settings: Any,
) -> None:
    settings.OPERATOR_EMAILS = ["ops@example.com"]
    refused_addresses.note("gone@example.com", said="550 no such user", now=NOW)
    silent, told_by_two = make_account(name="silent"), make_account(name="told by two")
    for account in (silent, told_by_two):
        link(account, make_token(consented_by=make_person()))
    unread = make_macro(emails=["gone@example.com"], accounts=[silent, told_by_two])
    make_macro(emails=[], notify_consenters=True, accounts=[told_by_two])

    assert names(reach.only_stood_in_for(Account.objects.all())) == {"silent"}

    Macro.objects.filter(pk=unread.macro_id).update(scope="channels", channels=[silent.channel])

    assert names(reach.only_stood_in_for(Account.objects.all())) == {"silent"}


def test_the_rules_are_asked_of_accounts_alone_whose_people_all_snoozed(settings: Any) -> None:
    """To ask them of each of 100,000 accounts took twenty seconds."""
    settings.OPERATOR_EMAILS = ["ops@example.com"]
    make_macro(emails=[], notify_consenters=True)
    leaver = make_person("ada@example.com")
    Silence.objects.create(
        email=leaver.email, until=timezone.localdate(NOW) + timedelta(days=3), started_at=NOW
    )
    for number in range(20):
        link(make_account(), make_token(consented_by=leaver if number < 2 else make_person()))

    found = reach.only_stood_in_for(Account.objects.order_by("name", "pk"))

    asked = [node["Actual Loops"] for node in carried_out(found) if node.get("Alias") == "a"]
    assert 0 < sum(asked) <= 2
    assert len(found) == 2


def test_an_operator_whom_mail_does_not_reach_is_nobody_who_would_be_told(settings: Any) -> None:
    fleet()
    settings.OPERATOR_EMAILS = ["ops@example.com"]
    refused_addresses.note("ops@example.com", said="550 no such user", now=NOW)

    assert names(reach.without_anybody(Account.objects.all())) == {"nobody"}


def test_the_start_page_counts_them_and_the_list_shows_them(client: Client, settings: Any) -> None:
    fleet()
    settings.STAFF_SECOND_FACTOR = False
    client.force_login(make_user("mira@example.com", is_staff=True, is_superuser=True))

    start = client.get("/admin/").content.decode()
    stood_in = client.get("/admin/accounts/account/?told=stand_in").content.decode()

    assert "told=nobody" in start
    assert "nobody</" in stood_in
    assert "has a person" not in stood_in


def test_without_any_operator_the_start_page_counts_what_nobody_hears_of_and_leads_to_it(
    client: Client, settings: Any
) -> None:
    settings.STAFF_SECOND_FACTOR = False
    fleet()
    staff(client)

    start = client.get("/admin/").content.decode()
    listed = client.get("/admin/accounts/account/?told=nobody").content.decode()

    assert re.search(r'told=nobody"[^\n]{0,300}?Nobody would be told</span><b>1</b>', start)
    assert ">nobody</" in listed
    assert "named by a macro" not in listed
