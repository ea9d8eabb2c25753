"""What the seam offers beyond the six: each fact of it is needed by a channel that does not exist."""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.linking import setup
from accounts.models import Account, AccountToken, PendingLink
from broker import leases, reports
from broker.callers import Caller
from portal.channel_app_form import form_for
from tests.contract.conftest import account, check, token_of
from tests.contract.made_up.installed import installed
from tests.contract.made_up.managed.channel import CHANNEL as MANAGED
from tests.contract.made_up.proving.channel import CHANNEL as PROVING
from tests.contract.made_up.stand_in import ACCOUNT, SECRET, StandIn
from tests.support import native
from tests.support.factories import make_user
from tokens import vault
from tokens.channels.checks import problems
from tokens.models import ChannelApp, Token

pytestmark = pytest.mark.django_db
Browser = Callable[[str], Client]
DEVELOPER = "SBXTOKEN-developer"


@pytest.fixture
def managed(settings: Settings) -> Iterator[StandIn]:
    world = StandIn(developer_token=DEVELOPER, managers={"ada": "7", "ben": "8"})
    with world, installed(MANAGED, world, settings, developer_token=DEVELOPER):
        yield world


@pytest.fixture
def proving(settings: Settings) -> Iterator[StandIn]:
    with StandIn(pkce=True) as world, installed(PROVING, world, settings):
        yield world


def link(browser: Client, world: StandIn, channel: str, person: str) -> None:
    """Consent as a person, and choose the one ad account."""
    address = native.come_back(browser, world.consent(native.leave(browser, channel), person))
    pending = PendingLink.objects.get(pk=address.rstrip("/").rsplit("/", 1)[-1])
    answer = browser.post(address, {"native_id": [one["native_id"] for one in pending.offered]})
    assert answer.status_code == 302, answer.content.decode()[:2000]


def lease_now(channel: str) -> leases.Lease:
    return leases.lease(caller=Caller(), channel=channel, native_id=ACCOUNT["id"], now=datetime.now(UTC))


def read(world: StandIn, lease: leases.Lease) -> httpx2.Response:
    """Read the ad account as a job would, merging the lease blindly."""
    return httpx2.get(
        f"{world.url}/v1/accounts/{ACCOUNT['id']}", headers=dict(lease.send.headers), trust_env=False
    )


def test_a_made_up_channel_is_whole(managed: StandIn, settings: Settings) -> None:
    settings.CONSENT_ORIGINS = [managed.url]

    assert problems("managed", MANAGED) == []


def test_a_job_is_told_what_its_calls_must_say_of_the_ad_account_and_a_failover_changes_it(
    managed: StandIn, browser: Browser
) -> None:
    link(browser("ada"), managed, "managed", "ada")
    link(browser("ben"), managed, "managed", "ben")
    lease = lease_now("managed")
    assert lease.send.headers["login-customer-id"] == "7"
    assert read(managed, lease).status_code == 200

    managed.ended.add("ada")
    refused = read(managed, lease)
    said = reports.report(
        caller=Caller(),
        lease_id=lease.lease_id,
        status=refused.status_code,
        body=refused.text,
        now=datetime.now(UTC),
    )

    assert said.action == "retry_with", said
    assert said.lease is not None
    assert said.lease.send.headers["login-customer-id"] == "8"
    assert read(managed, said.lease).status_code == 200
    assert token_of("ada").state == "cooling"


def test_a_check_learns_that_an_ad_account_is_reached_through_another_manager(
    managed: StandIn, browser: Browser
) -> None:
    link(browser("ada"), managed, "managed", "ada")
    managed.managers["ada"] = "9"

    check(rounds=1)

    assert AccountToken.objects.get().facts == {"manager": "9"}
    assert read(managed, lease_now("managed")).status_code == 200


def test_what_a_list_lacks_is_read_through_its_manager_before_it_counts_as_lost(
    managed: StandIn, browser: Browser
) -> None:
    link(browser("ada"), managed, "managed", "ada")
    managed.unlisted = True
    managed.seen.clear()

    check(rounds=1)

    told = [
        headers.get("login-customer-id") for _, path, headers in managed.seen if path.endswith(ACCOUNT["id"])
    ]
    assert told == ["7"]
    assert AccountToken.objects.get().access == "ok"


def test_no_more_of_an_ad_account_is_kept_than_its_calls_may_need(managed: StandIn, browser: Browser) -> None:
    managed.managers["ada"] = "7" * 500

    link(browser("ada"), managed, "managed", "ada")

    assert AccountToken.objects.get().facts == {"manager": "7" * 100}


def test_a_further_secret_is_sent_kept_sealed_and_shown_nowhere(
    managed: StandIn, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    link(browser("ada"), managed, "managed", "ada")
    app = ChannelApp.objects.get(channel="managed")
    staff = Client()
    staff.force_login(make_user("mira@example.com", is_staff=True, is_superuser=True))

    lease = lease_now("managed")
    pages = [
        staff.get(f"/admin/tokens/channelapp/{place}").content.decode() for place in ("", f"{app.pk}/change/")
    ]

    assert lease.send.headers["developer-token"] == DEVELOPER
    assert "Developer token (Managed)" in pages[1]
    assert "Saved; leave it empty to keep it." in pages[1]
    assert not any(DEVELOPER in page for page in pages)
    assert DEVELOPER not in caplog.text
    assert DEVELOPER not in repr((app, app.keys(), lease))
    assert DEVELOPER.encode() not in bytes(app.secrets.ciphertext if app.secrets else b"")


def test_an_app_without_it_is_not_set_up_until_staff_enter_it(managed: StandIn) -> None:
    app = ChannelApp.objects.get(channel="managed")
    app.set_secrets([SECRET])
    app.save()
    staff = Client()
    staff.force_login(make_user("mira@example.com", is_staff=True, is_superuser=True))
    form = {
        "label": "",
        "redirect_base": "",
        "wanted_scopes": "",
        "config_id": "",
        "daily_budget": "",
        "state": "live",
    }
    form |= {"is_default": "on", "new_secret": "", "more_managed_developer_token": ""}
    page = f"/admin/tokens/channelapp/{app.pk}/change/"

    assert setup.state("managed") == setup.NOT_SET_UP
    assert "A live app needs its developer token." in staff.post(page, form).content.decode()
    answer = staff.post(page, {**form, "more_managed_developer_token": DEVELOPER})

    assert answer.status_code == 302, answer.content.decode()[:2000]
    app.refresh_from_db()
    assert setup.state("managed") == setup.READY
    assert (app.keys().secret, app.keys().more) == (SECRET, {"developer_token": DEVELOPER})


def test_where_the_stored_secret_is_lost_a_further_one_is_not_taken_alone(managed: StandIn) -> None:
    app = ChannelApp.objects.get(channel="managed")
    app.secrets = vault.seal("app:of:another", {"secrets": [SECRET]})
    entered = {
        "state": "live",
        "more_managed_developer_token": DEVELOPER,
        "label": "",
        "client_id": app.client_id,
    }

    alone = form_for(app)({**entered, "channel": "managed"}, instance=app)
    both = form_for(app)({**entered, "channel": "managed", "new_secret": "another"}, instance=app)

    assert "can no longer be read" in str(alone.errors["new_secret"])
    assert both.is_valid(), both.errors
    app.enter(secret="another", more=both.more)
    assert (app.keys().secret, app.keys().more) == ("another", {"developer_token": DEVELOPER})


def test_a_new_app_secret_keeps_the_further_ones(managed: StandIn) -> None:
    app = ChannelApp.objects.get(channel="managed")

    app.enter(secret="another", more={})

    assert (app.keys().secrets, app.keys().more) == (("another",), {"developer_token": DEVELOPER})


def test_a_code_is_exchanged_with_the_proof_that_it_was_asked_for_here(
    proving: StandIn, browser: Browser
) -> None:
    client = browser("ada")
    address = native.leave(client, "proving")
    asked = parse_qs(urlsplit(address).query)
    assert asked["code_challenge_method"] == ["S256"]

    link(client, proving, "proving", "ada")

    assert account("Lumen Shoes EU").state == Account.State.CONNECTED


def test_a_code_that_another_browser_brings_is_exchanged_by_nobody(
    proving: StandIn, browser: Browser
) -> None:
    way_back = proving.consent(native.leave(browser("ada"), "proving"), "ada")

    answer = native.back(browser("ben"), way_back)

    assert answer.status_code != 302
    assert not Token.objects.exists()
    assert proving.codes, "the code was spent"


def test_a_made_up_channel_is_offered_everywhere_without_a_migration(
    managed: StandIn, browser: Browser
) -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)

    page = browser("ada").get("/link/").content.decode()

    assert "Managed" in page
