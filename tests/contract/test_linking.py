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

pytestmark = pytest.mark.django_db
Browser = Callable[[str], Client]
every_channel = pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.key)


@every_channel
def test_two_people_link_one_ad_account_and_the_first_carries_it(profile: Profile, browser: Browser) -> None:
    native.link(browser("ada"), profile.key, "ada")
    native.link(browser("ben"), profile.key, "ben")

    found = account()
    assert (found.state, found.usable_count) == ("connected", 2)
    assert found.active_token is not None
    assert found.active_token.native_user_name == "Ada Okafor"
    assert {entry.can_publish for entry in found.pool.all()} == {"yes"}


@every_channel
def test_the_deadline_is_the_one_of_the_articles_table(profile: Profile, browser: Browser) -> None:
    native.link(browser("ada"), profile.key, "ada")

    token = token_of("ada")
    assert token.deadline_kind == profile.deadline
    if profile.days is None:
        assert token.deadline is None
    else:
        assert token.deadline is not None
        assert profile.days - 1 <= (token.deadline - token.linked_at).total_seconds() / 86400 <= profile.days


@every_channel
def test_a_reader_covers_nothing_and_stays_in_the_pool(profile: Profile, browser: Browser) -> None:
    native.link(browser("ada"), profile.key, "ada")
    native.link(browser("chiara"), profile.key, "chiara")

    entry = AccountToken.objects.get(token=token_of("chiara"))
    assert (entry.access, entry.can_publish) == ("ok", "no")
    assert account().usable_count == 1


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


@every_channel
def test_the_same_person_renews_the_row_and_never_doubles_it(profile: Profile, browser: Browser) -> None:
    native.link(browser("ada"), profile.key, "ada")
    before = token_of("ada")

    native.link(browser("ada"), profile.key, "ada")

    after = token_of("ada")
    assert (after.pk, after.generation) == (before.pk, before.generation + 1)
    assert account().usable_count == 1


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


@pytest.mark.parametrize("channel", [profile.key for profile in PROFILES])
def test_a_list_that_breaks_off_takes_nothing_away(channel: str, browser: Browser, world: Sandbox) -> None:
    native.link(browser("ada"), channel, "ada")
    linked = Account.objects.filter(state="connected").count()
    world.add_fault(channel, path=EVERY[channel].list_path, status=500, body="<html>down</html>")

    check(rounds=1)

    assert Account.objects.filter(state="connected").count() == linked > 0
