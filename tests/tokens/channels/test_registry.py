"""One registry: a channel that is declared is offered, checked and named everywhere, without a migration."""

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from pytest_django import Settings

from accounts.models import Account, ApiKey
from macros.models import Macro
from tokens.channels import declarations, registry
from tokens.channels.kinds import Declaration, Version, Versions
from tokens.models import ChannelApp
from users.models import Team

MADE_UP = Declaration(
    key="friendster",
    label="Friendster",
    addresses={"FRIENDSTER_API_URL": "https://api.friendster.example"},
    consent="FRIENDSTER_API_URL",
    consent_path="oauth",
    api="FRIENDSTER_API_URL",
    api_path="v{version}",
    versions=Versions("FRIENDSTER_VERSION", "1", (Version("1"),), "https://friendster.example", "2026-11-26"),
    client=(),
    colours=("#2f62c9", "#7ba4ff"),
)


@pytest.fixture
def friendster(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(declarations._DECLARED, MADE_UP.key, MADE_UP)
    return MADE_UP.key


@pytest.mark.django_db
def test_a_new_channel_needs_no_migration(friendster: str) -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)

    Account(channel=friendster, native_id="1", name="One", team=Team.default()).full_clean()
    ChannelApp(channel=friendster, client_id="1").full_clean()
    assert Macro._meta.get_field("channels").clean([friendster], None) == [friendster]
    assert ApiKey._meta.get_field("channels").clean([friendster], None) == [friendster]
    assert Account(channel=friendster).get_channel_display() == "Friendster"


@pytest.mark.django_db
def test_a_row_of_a_channel_that_is_gone_shows_its_key_and_is_refused_by_forms() -> None:
    account = Account(channel="friendster", native_id="1", name="One", team=Team.default())

    assert account.get_channel_display() == "friendster"
    assert declarations.label("friendster") == "friendster"
    with pytest.raises(ValidationError, match="not a valid choice"):
        account.full_clean()


def test_a_lease_says_what_the_addresses_of_each_ads_api_begin_with(settings: Settings) -> None:
    for channel in registry.CHANNELS.values():
        for name, address in channel.declaration.addresses.items():
            setattr(settings, name, f"{address}/")

    assert {key: one.base_url() for key, one in registry.CHANNELS.items()} == {
        "facebook": f"https://graph.facebook.com/{settings.FACEBOOK_VERSION}",
        "snapchat": "https://adsapi.snapchat.com/v1",
        "x": "https://ads-api.x.com/12",
        "linkedin": "https://api.linkedin.com/rest",
        "pinterest": "https://api.pinterest.com/v5",
        "tiktok": "https://business-api.tiktok.com/open_api/v1.3",
    }
    assert registry.get("linkedin").version() == settings.LINKEDIN_VERSION
