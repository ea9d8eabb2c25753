"""Every channel: linking, lists, roles, smaller grants, paging."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import Account, AccountToken, PendingLink
from tests.contract.beginnings import LUMEN
from tests.contract.conftest import account, check, token_of
from tests.contract.profiles import EVERY, PROFILES, Profile
from tests.support import native
from tests.support.sandbox import Sandbox
from tokens.models import Token

pytestmark = pytest.mark.django_db
Browser = Callable[[str], Client]
every_channel = pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.key)


@every_channel
def test_two_people_a_reader_and_one_of_them_again_link_one_ad_account(
    profile: Profile, browser: Browser, world: Sandbox
) -> None:
    for person in ("ada", "ben", "chiara"):
        native.link(browser(person), profile.key, person)

    found, before = account(), token_of("ada")
    assert (found.state, found.usable_count, found.active_token) == ("connected", 2, before)
    by_name = {entry.token.native_user_name: entry for entry in found.pool.select_related("token")}
    assert {name: (entry.access, entry.can_publish) for name, entry in by_name.items()} == {
        "Ada Okafor": ("ok", "yes"),
        "Ben Lindqvist": ("ok", "yes"),
        "Chiara Rossi": ("ok", "no"),
    }
    has_the_deadline_of_the_articles_table(profile, before)

    native.link(browser("ada"), profile.key, "ada")

    after = token_of("ada")
    assert (after.pk, after.generation) == (before.pk, before.generation + 1)
    assert account().usable_count == 2

    world.add_fault(profile.key, path=profile.list_path, status=500, body="<html>down</html>")
    check(rounds=1)
    assert account().usable_count == 2, "a list that breaks off takes nothing away"


def has_the_deadline_of_the_articles_table(profile: Profile, token: Token) -> None:
    assert token.deadline_kind == profile.deadline
    if profile.days is None:
        assert token.deadline is None
    else:
        assert token.deadline is not None
        assert profile.days - 1 <= (token.deadline - token.linked_at).total_seconds() / 86400 <= profile.days


@pytest.mark.parametrize("channel", [profile.key for profile in PROFILES if profile.less])
def test_a_consent_that_permits_only_reports_covers_nothing(
    channel: str, browser: Browser, world: Sandbox
) -> None:
    less = EVERY[channel].less or {}
    if "put" in less:
        world.next_token(channel=channel, kind="code", put=less["put"])
    native.link(browser("ada"), channel, "ada", **({"scopes": less["scopes"]} if "scopes" in less else {}))

    entry = AccountToken.objects.get(token=token_of("ada"))
    assert (token_of("ada").state, entry.access, entry.can_publish) == ("valid", "ok", "no")
    assert (account().state, account().usable_count) == ("deactivated", 0)
    native.link(browser("ada"), channel, "ada", form={"again": "1"})
    assert (account().state, account().usable_count) == ("connected", 1)


@pytest.mark.parametrize("channel", [profile.key for profile in PROFILES if profile.partial == "accounts"])
def test_an_ad_account_that_is_no_longer_ticked_is_lost_and_told(
    channel: str, browser: Browser, world: Sandbox
) -> None:
    native.link(browser("ada"), channel, "ada", names=[LUMEN, "Fern Gardens"])
    lumen = account()

    address = native.consent(browser("ada"), channel, "ada", accounts=[lumen.native_id])

    pending = PendingLink.objects.get(pk=address.rstrip("/").rsplit("/", 1)[-1])
    fern = account("Fern Gardens")
    assert pending.no_longer == [fern.pk]
    assert (account().state, fern.state) == ("connected", "deactivated")


@pytest.mark.parametrize("channel", ["facebook", "tiktok"])
def test_a_consent_with_nothing_ticked_links_nothing_and_says_so(channel: str, browser: Browser) -> None:
    client = browser("ada")

    address = native.consent(client, channel, "ada", accounts=[])

    page = client.get(address)
    assert page.status_code == 200
    assert PendingLink.objects.get().offered == []
    assert not Account.objects.exists()
