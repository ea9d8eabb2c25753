"""Every channel: what a publishing job gets works at the channel as it is sent."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from django.db import connection
from django.test import Client

from accounts.checks import services as sweeps
from accounts.models import Account
from broker.leases import errors
from broker.leases import services as leases
from broker.leases.callers import Caller
from broker.reports import services as reports
from tests.contract.beginnings import LUMEN
from tests.contract.conftest import Clock, account, check, token_of
from tests.contract.profiles import PROFILES, Profile
from tests.support import native
from tests.support.sandbox import Sandbox
from tokens.models import Token, TokenEvent

Browser = Callable[[str], Client]
# What each channel would say of a log-in that has ended.
FALSE_ALARM = {
    "error": {"code": 190, "error_subcode": 460},
    "code": 40105,
    "errors": [{"code": 89}],
    "serviceErrorCode": 65600,
}
every_channel = pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.key)


def read(world: Sandbox, profile: Profile, found: Account, lease: leases.Lease) -> httpx2.Response:
    """Read the ad account at the channel as a job would, merging the lease blindly."""
    url = getattr(world, profile.key) + profile.read.format(id=found.native_id)
    headers = dict(lease.send.headers)
    if lease.signs:
        headers["Authorization"] = leases.sign(
            caller=Caller(), lease_id=lease.lease_id, method="GET", url=url, params={}, now=datetime.now(UTC)
        )
    parts = urlsplit(url)
    query = {**dict(parse_qsl(parts.query)), **lease.send.query}
    return httpx2.get(
        parts._replace(query="").geturl(),
        params=query,
        headers=headers,
        trust_env=False,
        verify=False,
        timeout=60,
    )


def lease_now(found: Account, *, min_valid_for: int = 0) -> leases.Lease:
    return leases.lease(
        caller=Caller(),
        channel=found.channel,
        native_id=found.native_id,
        now=datetime.now(UTC),
        min_valid_for=min_valid_for,
    )


def report(lease: leases.Lease, status: int, body: object) -> reports.ReportAnswer:
    return reports.report(
        caller=Caller(), lease_id=lease.lease_id, status=status, body=body, now=datetime.now(UTC)
    )


@every_channel
@pytest.mark.django_db
def test_a_leased_token_works_its_end_is_confirmed_and_covered_and_a_false_alarm_changes_nothing(
    profile: Profile, browser: Browser, world: Sandbox
) -> None:
    native.link(browser("ada"), profile.key, "ada")
    native.link(browser("ben"), profile.key, "ben")
    lease = lease_now(account())
    answer = read(world, profile, account(), lease)
    assert (answer.status_code, LUMEN in answer.text) == (200, True), answer.text

    world.cancel_authorisation(profile.key, "ada")
    refused = read(world, profile, account(), lease)
    said = report(lease, refused.status_code, refused.text)

    assert said.action == "retry_with", said
    assert said.lease is not None
    assert said.lease.native_user == "Ben Lindqvist"
    assert (token_of("ada").state, token_of("ada").reason) == ("cooling", "doubted")
    assert read(world, profile, account(), said.lease).status_code == 200
    status = 200 if profile.key == "tiktok" else 401  # it says everything with 200
    false = report(said.lease, status, FALSE_ALARM)
    assert (false.verdict, false.action, false.lease) == ("ok", "none", None)
    assert TokenEvent.objects.filter(token=token_of("ben"), kind="disputed").exists()
    for hours in (0.1, 0.2):  # Ben's log-in is found to work, and the channel says it again of Ada's
        check(rounds=1, hours=hours)
    assert (token_of("ada").state, token_of("ben").state) == ("dead", "valid")


@pytest.mark.django_db
def test_an_access_token_that_is_over_is_renewed_by_the_lease(
    browser: Browser, world: Sandbox, clock: Clock
) -> None:
    native.link(browser("ada"), "snapchat", "ada")
    clock.forward(hours=3)

    lease = lease_now(account())

    assert read(world, PROFILES[1], account(), lease).status_code == 200
    assert lease.expires_at > datetime.now(UTC) + timedelta(minutes=10)


@pytest.mark.django_db
def test_a_lease_near_the_end_renews_first_and_only_once(
    browser: Browser, world: Sandbox, clock: Clock
) -> None:
    native.link(browser("ada"), "snapchat", "ada")
    clock.forward(hours=0.45)  # 27 of 30 minutes
    world.clear_calls()

    for _ in range(3):
        lease_now(account())

    assert len(world.calls(channel="snapchat", path="access_token")) == 1


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


@pytest.mark.django_db(transaction=True)
def test_many_jobs_at_once_use_a_rotating_refresh_token_once(
    browser: Browser, world: Sandbox, clock: Clock, threads: ThreadPoolExecutor
) -> None:
    world.put_app("snapchat", settings={"rotate": True})
    native.link(browser("ada"), "snapchat", "ada")
    clock.forward(days=31)
    world.clear_calls()
    found = account()

    def job(number: int) -> str:
        try:
            if number % 2:
                sweeps.check_due_tokens(now=datetime.now(UTC))
                return "swept"
            return str(lease_now(found).native_user)
        except errors.Busy:
            return "wait"
        finally:
            connection.close()

    said = set(threads.map(job, range(8)))

    assert said <= {"swept", "Ada Okafor", "wait"}
    refreshes = [call for call in world.calls(channel="snapchat", method="POST") if "token" in call["path"]]
    assert [call["status"] for call in refreshes] == [200]
    assert (token_of("ada").state, Token.objects.get().generation) == ("valid", 2)
    assert lease_now(account()).native_user == "Ada Okafor"
