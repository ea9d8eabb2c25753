"""Why did somebody (not) get a mail? Answered for an address and an account, and never across a team's wall."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.asks import services as writing
from accounts.models import Account
from accounts.pool import actions
from macros.models import Macro, Notice
from macros.mutes import services
from macros.warnings import services as evaluation
from macros.why import answers as why_rules
from macros.why import queries as why
from tests.macros.support import TODAY, ending, make_macro, make_person, noon, token_of
from tests.notifications.support import make_message
from tests.portal.support import staff
from tests.support.factories import NOW, make_team, make_user
from tests.tools import visible
from users.addresses import services as refused_addresses
from users.models import Membership, RefusedAddress, Team, User

pytestmark = pytest.mark.django_db
ADA = "ada@example.com"
MAY = ("notifications.view_message", "macros.view_macro", "macros.change_macro", "users.view_refusedaddress")


@pytest.fixture(autouse=True)
def _settings(settings: Settings) -> Iterator[None]:
    settings.OPERATOR_EMAILS = []
    Macro.objects.all().delete()
    with time_machine.travel(NOW, tick=False):  # what ends in days from then has not ended
        yield


@pytest.fixture
def account() -> Account:
    return ending(7, person=make_person(ADA), life=60, name="Lumen Shoes")


@pytest.fixture
def mira(client: Client) -> Client:
    viewer = make_user("mira@example.com", is_staff=True, is_superuser=True)
    client.force_login(viewer)
    return client


def named(name: str, **fields: Any) -> None:
    macro = make_macro(**fields)
    Macro.objects.filter(pk=getattr(macro, "macro_id", macro.pk)).update(name=name)


def ask(client: Client, address: str, account: Account | str) -> str:
    term = account if isinstance(account, str) else account.native_id
    page = client.get(f"{reverse('admin:why')}?{urlencode({'address': address, 'account': term})}")
    return visible.dense(page.text)


def said(address: str, account: Account) -> str:
    """What the page says of the address itself."""
    asked = why.what_is_asked(account, address)
    return " ".join(line.text for line in (*why.about_address(asked), *why_rules.by_rule(asked)))


def test_whom_a_warning_stayed_away_from_finds_out_on_a_page_of_their_own(
    client: Client, account: Account
) -> None:
    fern = make_team("Fern")
    named("Tells", emails=["boss@example.com"], notify_consenters=True)
    named("Sleeps", emails=[ADA], enabled=False)
    named("Of Fern", emails=[ADA])
    Macro.objects.filter(name="Of Fern").update(team=fern)
    evaluation.evaluate(now=NOW)
    mail = make_message(recipient=ADA, kind="ask", payload={"accounts": [account.pk], "tokens": []})
    client.force_login(User.objects.get(email=ADA))
    address = reverse("why_not_me", args=[account.pk])

    page, text = client.get(reverse("my_account", args=[account.pk])).text, client.get(address).text

    assert f'href="{address}"' in page
    for said in (
        "logs in with this address.",
        "Is told when their own log-in stops",
        "Is switched off",
        "(macro “Tells”)",
    ):
        assert said in text
    assert reverse("why_message", args=[mail.pk]) in text
    assert "Of Fern" not in text
    client.force_login(make_user(team=fern))
    assert client.get(address).status_code == 404


def test_what_was_told_and_what_the_address_is_are_facts_of_the_page(mira: Client, account: Account) -> None:
    named("Tells", emails=[], notify_consenters=True)
    evaluation.evaluate(now=noon(TODAY))
    Notice.objects.update(outcome="dropped", outcome_reason="Mail does not reach this address.")
    refused_addresses.park_address(ADA, said="550 gone", now=NOW, why=RefusedAddress.Why.BOUNCED)
    make_message(ADA, kind="api_key", payload={"accounts": [account.pk]}, state="failed", error="No")

    text = ask(mira, "ADA@example.com ", "Lumen Shoes")

    assert "7 days in advance (macro “Tells”)" in text
    assert "Skipped" in text
    assert "No mail so far. Mail does not reach this address: Mail comes back." in text
    assert "Names this address, but mail does not reach it." in text
    assert "About an API key" in text
    assert "550 gone" in text


def test_a_teams_wall_stands(client: Client, account: Account) -> None:
    mine = make_team("Lumen")
    staff(client, *MAY, team=mine)
    named("Secret rule", emails=[ADA])
    Macro.objects.update(team=Team.default())
    not_mine = ask(client, ADA, account)
    Account.objects.filter(pk=account.pk).update(team=mine)

    hidden, outside = ask(client, ADA, account), ask(client, "x@client.example", account)

    assert "No account of this name or ID" in not_mine
    assert "belongs to someone in another team" in hidden
    assert "Secret rule" not in hidden + outside
    assert "Nobody logs in here with this address" in outside


def test_mails_that_name_the_account_by_what_it_had_are_found_and_no_others(
    mira: Client, account: Account
) -> None:
    token, other = token_of(account), ending(9, person=make_person("ben@example.com"), name="Fern Tea")
    facts: dict[str, Any] = {"what": "link", "key": "k", "email": ADA, "created_at": NOW, "ends_at": NOW}
    lines = [writing.line_of(account)]
    link = writing.begin_ask(lines, team=account.team, channels=[account.channel], **facts)
    for kind, payload in (
        ("left", {"tokens": [token.pk]}),
        ("ask", {"asks": [link.pk]}),
    ):
        make_message(ADA, kind=kind, payload=payload)
    actions.unlink_token(
        account=account, token=token, actor=User.objects.get(email="mira@example.com"), note="", now=NOW
    )

    found, others = ask(mira, ADA, account), ask(mira, ADA, other)

    for name in (
        "Log-in removed",
        "Request",
    ):
        assert f">{name}</a></th>" in found, name
    assert ">Log-in removed</a></th>" not in others
    assert ">Request</a></th>" not in others


@pytest.mark.usefixtures("mira")  # the operator
def test_what_is_told_without_a_macro_is_said_and_why_the_address_is_not_told(account: Account) -> None:
    outside = said("x@client.example", account)
    lead = make_person("lead@example.com")
    Membership.objects.create(team=Team.default(), user=lead, role=Membership.Role.TEAM_LEAD)
    own, not_needed = (said(one, account) for one in (ADA, lead.email))
    refused_addresses.park_address(ADA, said="550 gone", now=NOW, why=RefusedAddress.Why.BOUNCED)
    unreached, stands_in = said(ADA, account), said(lead.email, account)

    assert "Is not told of other people's log-ins." in outside
    assert "Is told when their own log-in stops" in own
    assert "in place of people" not in not_needed
    assert "Others are told instead." in unreached
    assert "in place of people who cannot be" in stands_in


def test_who_snoozed_reads_that_restrictions_are_not_told_and_who_stands_in_that_they_are(
    account: Account,
) -> None:
    lead = make_person("lead@example.com")
    Membership.objects.create(team=Team.default(), user=lead, role=Membership.Role.TEAM_LEAD)
    until = timezone.localdate() + timedelta(days=5)
    services.mute_all(email=ADA, until=until, now=timezone.now())

    own, instead, other = (said(one, account) for one in (ADA, lead.email, "x@client.example"))

    assert "Restrictions by the channel are snoozed" in own
    assert "and when the channel restricts the account." not in own
    assert "in place of people" in instead
    assert "in place of people" not in other


def test_several_accounts_of_a_name_are_offered_and_without_permission_there_is_no_page(
    mira: Client, client: Client, account: Account
) -> None:
    other = ending(30, person=make_person("ben@example.com"), name="Lumen Shoes EU")

    offered = ask(mira, ADA, "lumen")
    staff(client)
    refused = client.get(reverse("admin:why")).status_code

    assert all(one.native_id in offered for one in (account, other))
    assert refused == 403


def test_the_page_asks_a_fixed_number_of_questions(
    mira: Client, account: Account, django_assert_max_num_queries: object
) -> None:
    for number in range(22):
        named(f"Macro {number}", emails=[f"other{number}@example.com"], notify_consenters=True)
    for number in range(30):
        make_message(ADA, kind="api_key", payload={"account": account.pk, "n": number})

    with django_assert_max_num_queries(200):  # type: ignore[operator]  # seven for each of twenty macros
        ask(mira, ADA, account)
