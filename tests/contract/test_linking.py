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
def test_the_list_shows_what_is_restricted_and_what_is_closed(profile: Profile, browser: Browser) -> None:
    address = native.consent(browser("ada"), profile.key, "ada")

    offered = PendingLink.objects.get(pk=address.rstrip("/").rsplit("/", 1)[-1]).offered
    by_name = {one["name"]: one for one in offered}
    assert {LUMEN, "Fern Gardens", "Marlo Optics"} <= by_name.keys()
    assert "Harbor Coffee DE" not in by_name  # only Ben has a role there
    assert by_name[LUMEN]["can_publish"] == "yes"
    if profile.key != "pinterest":  # has no status of an ad account: only calls about one say it
        assert by_name["Marlo Optics"]["restriction"]
        old = by_name["Brand EU (old)"]
        assert old["closed"] or (profile.key == "x" and old["restriction"])  # X documents no closed state


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
def test_a_refused_consent_keeps_nothing(profile: Profile, browser: Browser) -> None:
    client = browser("ada")
    address = native.decide(native.leave(client, profile.key), "ada", action="cancel")

    response = client.get(_path(address))

    assert response.status_code < 500
    assert not Token.objects.exists()
    assert not PendingLink.objects.exists()


@every_channel
def test_a_callback_that_comes_twice_links_once(profile: Profile, browser: Browser) -> None:
    client = browser("ada")
    address = native.decide(native.leave(client, profile.key), "ada")
    led = native.come_back(client, address)

    again = client.get(_path(address))

    assert (again.status_code, again["Location"]) == (302, led)
    assert Token.objects.count() == 1
    assert PendingLink.objects.count() == 1


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


@every_channel
def test_all_pages_are_read(
    profile: Profile, browser: Browser, world: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = profile.key
    many(world, profile)
    if profile.page is not None:
        monkeypatch.setattr(*profile.page)
        world.put_app(channel, settings=dict(profile.many_with))

    address = native.consent(browser("ada"), channel, "ada")

    pending = PendingLink.objects.get(pk=address.rstrip("/").rsplit("/", 1)[-1])
    shops = {one["name"] for one in pending.offered if one["name"].startswith("Shop ")}
    assert len(shops) == EVERY[channel].many
    assert pending.complete


@pytest.mark.parametrize("channel", [profile.key for profile in PROFILES])
def test_a_list_that_breaks_off_takes_nothing_away(channel: str, browser: Browser, world: Sandbox) -> None:
    native.link(browser("ada"), channel, "ada")
    linked = Account.objects.filter(state="connected").count()
    world.add_fault(channel, path=EVERY[channel].list_path, status=500, body="<html>down</html>")

    check(rounds=1)

    assert Account.objects.filter(state="connected").count() == linked > 0


def many(world: Sandbox, profile: Profile) -> None:
    """Put so many ad accounts that one page does not hold them."""
    kept = {one["name"]: one for one in world.state()["accounts"] if one["channel"] == profile.key}[LUMEN]
    for number in range(profile.many):
        native_id = (
            kept["id"][:-4] + f"{number:04}"
            if profile.key != "snapchat"
            else kept["id"][:-4] + f"{number:04x}"
        )
        world.put_account(
            profile.key,
            native_id,
            name=f"Shop {number:03}",
            roles={"ada": "admin"},
            **({"status": kept["status"]} if kept["status"] else {}),
        )


def _path(address: str) -> str:
    from urllib.parse import urlsplit

    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"
