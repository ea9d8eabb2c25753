"""A channel with hosts by region: what is chosen before the consent decides where everything of that log-in goes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import httpx2
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from accounts.importing.checking import COLUMNS, ImportChecker
from accounts.importing.writing import write_lines
from accounts.models import Account, PendingLink
from broker import leases
from broker.callers import Caller
from tests.contract.conftest import check
from tests.contract.made_up.installed import installed
from tests.contract.made_up.regional.channel import CHANNEL as REGIONAL
from tests.contract.made_up.regional.declaration import DECLARATION, EUROPE
from tests.contract.made_up.stand_in import ACCOUNT, StandIn
from tests.support import native
from tests.support.factories import make_user
from tokens.channels import breaker, declarations, gate
from tokens.channels.checks import problems
from tokens.channels.kinds import Region
from tokens.models import Token

pytestmark = pytest.mark.django_db
Browser = Callable[[str], Client]
UK = {"id": "4712", "name": "Lumen Shoes UK"}
APP = "made-up"


@pytest.fixture
def america(settings: Settings) -> Iterator[StandIn]:
    with StandIn(realm="NA", renews=True) as world, installed(REGIONAL, world, settings):
        yield world


@pytest.fixture
def europe(america: StandIn, settings: Settings) -> Iterator[StandIn]:
    with StandIn(realm="EU", renews=True, account=UK) as world:
        setattr(settings, EUROPE, world.url)
        yield world


def link(client: Client, world: StandIn, region: str) -> Account:
    """Choose a region, consent as Ada at the consent page that the browser is led to, and choose the one ad account."""
    address = native.leave(client, "regional", region=region)
    assert address.startswith(f"{world.url}/v1/authorize?")
    choice = native.come_back(client, world.consent(address, "ada"))
    PendingLink.objects.get(pk=choice.rstrip("/").rsplit("/", 1)[-1])
    assert client.post(choice, {"native_id": world.account["id"]}).status_code == 302
    return Account.objects.get(native_id=world.account["id"])


def lease_of(account: Account) -> leases.Lease:
    return leases.lease(
        caller=Caller(), channel="regional", native_id=account.native_id, now=datetime.now(UTC)
    )


def test_the_region_is_asked_for_before_anybody_leaves(
    america: StandIn, europe: StandIn, browser: Browser
) -> None:
    client, page = browser("ada"), reverse("link", args=["regional"])

    asked = client.get(page).content.decode()
    unsaid, strange = client.post(page), client.post(page, {"region": "moon"})

    assert "North America" in asked
    assert "Europe" in asked
    assert (unsaid.status_code, strange.status_code) == (400, 400)
    assert "Choose where your ad accounts at Regional are." in unsaid.content.decode()


def test_everything_of_a_log_in_goes_to_the_hosts_of_its_region(
    america: StandIn, europe: StandIn, browser: Browser
) -> None:
    account = link(browser("ada"), europe, "eu")
    asked = len(europe.seen)

    check(rounds=1)  # is asked about
    check(rounds=1, hours=24 * 8)  # is renewed

    token = Token.objects.get()
    assert (token.region, token.state, token.native_user_id) == ("eu", "valid", "eu-native-ada")
    assert token.renewed_at is not None
    assert account.state == "connected"
    assert len(europe.seen) > asked
    assert america.seen == []


def test_a_job_is_told_where_its_token_is_good(america: StandIn, europe: StandIn, browser: Browser) -> None:
    account, path = link(browser("ada"), europe, "eu"), f"/v1/accounts/{UK['id']}"

    lease = lease_of(account)
    answers = [
        httpx2.get(f"{base}{path}", headers=dict(lease.send.headers), trust_env=False).status_code
        for base in (lease.base_url, america.url)
    ]

    assert lease.base_url == europe.url
    assert answers == [200, 401]


def test_one_person_has_a_log_in_in_each_region_and_staff_see_which(
    america: StandIn, europe: StandIn, browser: Browser
) -> None:
    client, staff = browser("ada"), Client()
    staff.force_login(make_user("mira@example.com", is_staff=True, is_superuser=True))
    here, there = link(client, america, "na"), link(client, europe, "eu")

    check(rounds=1)

    assert {token.region for token in Token.objects.filter(state="valid")} == {"na", "eu"}
    assert [lease_of(one).base_url for one in (here, there)] == [america.url, europe.url]
    page = staff.get(reverse("admin:accounts_account_change", args=[there.pk])).content.decode()
    assert "Regional: <em>Ada · Europe</em>" in page


def test_who_re_authenticates_goes_where_the_account_is_without_being_asked(
    america: StandIn, europe: StandIn, browser: Browser
) -> None:
    client = browser("ada")
    account = link(client, europe, "eu")

    for_it = native.leave(client, "regional", account=str(account.pk))
    again = native.leave(client, "regional", path=reverse("reauthenticate", args=[account.pk]))
    page = client.get(reverse("link", args=["regional"]), {"account": account.pk}).content.decode()

    assert for_it.startswith(europe.url)
    assert again.startswith(europe.url)
    assert 'name="region"' not in page


def test_a_region_that_is_silent_holds_up_no_other(
    america: StandIn, europe: StandIn, browser: Browser
) -> None:
    client = browser("ada")
    link(client, america, "na")
    link(client, europe, "eu")
    for _ in range(breaker.TRIPS_AFTER):
        breaker.failed(gate.host_of("regional", APP, "eu"), waited=breaker.WORTH)
    america.seen.clear()
    europe.seen.clear()

    check(rounds=1)

    assert any(path == "/v1/me" for _, path, _ in america.seen)
    assert europe.seen == []
    waits = {token.region: token.closed_for() > 0 for token in Token.objects.all()}
    assert waits == {"na": False, "eu": True}
    assert [one.state for one in gate.readings("regional", APP)] == ["closed", "open"]


@pytest.mark.parametrize(("given", "region"), [("eu", "eu"), ("", "na")])
def test_an_imported_token_is_good_at_the_region_of_its_line_else_at_the_first(
    given: str, region: str, america: StandIn, europe: StandIn
) -> None:
    line = ImportChecker().check(2, _line(given))
    assert line is not None

    write_lines([line], now=datetime.now(UTC))

    assert Token.objects.get().unseal().region == region


def test_an_imported_line_names_a_region_that_the_channel_has(america: StandIn) -> None:
    checker = ImportChecker()

    checker.check(2, _line("moon"))

    assert list(map(str, checker.problems)) == [
        "Line 2: region: Regional has no region 'moon'. Known: na, eu."
    ]


def test_browsers_may_leave_for_the_consent_page_of_each_region(
    america: StandIn, europe: StandIn, settings: Settings
) -> None:
    settings.CONSENT_ORIGINS = [america.url]

    said = [one.msg for one in problems("regional", REGIONAL)]

    assert said == [
        f"Channel regional asks for consent at {europe.url}, to which the content policy lets no browser go."
    ]
    assert DECLARATION.everywhere(DECLARATION.consent) == (DECLARATION.api, EUROPE)


def test_a_region_names_addresses_that_are_declared() -> None:
    regions = {"na": Region("North America"), "E U": Region("Europe", instead={"REGIONAL_API_URL": "X_URL"})}

    with pytest.raises(ImproperlyConfigured) as refused:
        declarations.add(replace(DECLARATION, regions=regions), package="made_up")

    assert "its regions name X_URL, which it does not declare" in str(refused.value)
    assert "its region 'E U' is not a word" in str(refused.value)


def _line(region: str) -> dict[str, str]:
    given = {
        "channel": "regional",
        "native_id": ACCOUNT["id"],
        "native_user_id": "eu-native-ada",
        "access_token": "SBXTOKENEU-ada",
        "region": region,
    }
    return dict.fromkeys(COLUMNS, "") | given
