"""One registry: a channel that is declared is offered, checked and named everywhere, without a migration."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.management import call_command

from accounts.models import Account, ApiKey
from macros.models import Macro
from tokens.channels import declarations
from tokens.channels.kinds import Declaration, Version, Versions
from tokens.models import ChannelApp
from users.models import Team

ROOT = Path(__file__).parents[3]
MADE_UP = Declaration(
    key="friendster",
    label="Friendster",
    addresses={"FRIENDSTER_API_URL": "https://api.friendster.example"},
    consent="FRIENDSTER_API_URL",
    consent_path="oauth",
    api="FRIENDSTER_API_URL",
    versions=Versions("FRIENDSTER_VERSION", "1", (Version("1"),), "https://friendster.example", "2026-11-26"),
    colours=("#2f62c9", "#7ba4ff"),
)


@pytest.fixture
def friendster() -> Iterator[str]:
    declarations.add(MADE_UP, package="friendster")
    yield MADE_UP.key
    declarations.drop(MADE_UP.key)


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


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"key": "Friend_ster"}, "not a word of at most 20"),
        ({"key": "facebook", "addresses": {"FACEBOOK_API_URL": "https://a.example"}}, "is taken by Facebook"),
        ({"addresses": {"X_API_URL": "https://a.example"}}, "must begin with FRIENDSTER_, unlike X_API_URL"),
        ({"addresses": {"FRIENDSTER_URL": "https://a.example"}}, "unlike FRIENDSTER_URL"),
        ({"consent": "FRIENDSTER_WWW_URL"}, "declares no address FRIENDSTER_WWW_URL"),
        ({"colours": ("blue", "#7ba4ff")}, "colours are not written as"),
    ],
)
def test_a_declaration_that_cannot_be_used_is_refused_with_what_is_wrong(
    changed: dict[str, object], said: str
) -> None:
    wrong = replace(MADE_UP, **changed)  # type: ignore[arg-type]  # a part of it

    with pytest.raises(ImproperlyConfigured, match=re.escape(said)):
        declarations.add(wrong, package="friendster")

    assert "friendster" not in declarations.channel_keys()
    assert declarations.label("facebook") == "Facebook"
