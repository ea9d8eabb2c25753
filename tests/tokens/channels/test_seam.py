"""What every channel of the dict must offer."""

import re
from datetime import date
from inspect import unwrap
from typing import Any

import pytest
from django.urls import reverse

from tokens.channels import declarations, registry
from tokens.channels.base import Channel
from tokens.channels.kinds import (
    AccessCheck,
    AppKeys,
    ChannelError,
    Classification,
    Credentials,
    Declaration,
    Inspection,
    Reason,
    Verdict,
)

PARTS = ("label", "scopes", "partial_grants", "lifetime", "versions", "manage_url")


@pytest.mark.parametrize("key", registry.CHANNELS)
def test_a_channel_lacks_no_part(key: str) -> None:
    channel = registry.get(key)
    said = {part: hasattr(channel, part) for part in PARTS}

    assert all(said.values()), said
    assert (channel.key, channel.declaration.key) == (key, key)
    renews = unwrap(type(channel).renew) is not unwrap(Channel.renew)
    assert (channel.renewal is not None) is renews, "only one of `renewal` and `renew`"
    assert date.fromisoformat(channel.lifetime.checked)
    assert reverse(f"{key}_callback") == f"/link/{key}/callback/"


@pytest.mark.parametrize("one", declarations.declared().values(), ids=declarations.channel_keys())
def test_a_declaration_can_be_used(one: Declaration) -> None:
    settings_of = (*one.addresses, one.versions.setting)

    assert re.fullmatch(r"[a-z][a-z0-9]{0,19}", one.key)
    assert all(name.startswith(f"{one.key.upper()}_") for name in settings_of)
    assert f"{one.key.upper()}_URL" not in settings_of, "the name of one address in place of all"
    assert one.consent in one.addresses
    assert all(re.fullmatch(r"#[0-9a-f]{6}", colour) for colour in one.colours)


def test_every_channel_that_a_row_may_name_has_its_package_and_its_name() -> None:
    assert {key: channel.label for key, channel in registry.CHANNELS.items()} == dict(declarations.choices())


def test_what_hinders_a_question_about_a_token_or_an_account_is_its_answer() -> None:
    trouble = Classification(Verdict.RATE_LIMITED, Reason.TRANSIENT, retry_after=30)

    class Hindered(type(registry.get("pinterest"))):  # type: ignore[misc]  # a class that is looked up
        def inspect(self, app: AppKeys, credentials: Credentials, *, timeout: float | None = None) -> Any:
            raise ChannelError(trouble, evidence={"status": 429})

        def read_account(self, app: AppKeys, *rest: Any, **more: Any) -> Any:
            raise ChannelError(trouble, evidence={"status": 429})

    keys, credentials = AppKeys("1", ("s",), "", ()), Credentials("t")

    assert Hindered().inspect(keys, credentials) == Inspection(trouble, evidence={"status": 429})
    found = Hindered().read_account(keys, credentials, "1", scopes=None)
    assert found == AccessCheck(trouble, evidence={"status": 429})


def test_a_channel_that_does_not_exist_is_answered_with_those_that_do() -> None:
    with pytest.raises(
        registry.UnknownChannel, match=r"There is no channel 'myspace'\. Channels: facebook, .*x"
    ):
        registry.get("myspace")


@pytest.mark.parametrize("key", registry.CHANNELS)
def test_texts_for_people_are_whole(key: str) -> None:
    channel = registry.get(key)

    assert channel.manage_url.startswith("https://")
    assert channel.lifetime.source.startswith("https://")
    assert channel.open_url("1").startswith("https://")


def test_credentials_are_in_no_repr() -> None:
    credentials = Credentials("SBXTOKEN", secret="SBXTOKEN")

    assert "SBXTOKEN" not in repr(credentials)


def test_facebook_asks_again_and_x_always_asks_who_it_is() -> None:
    assert registry.get("facebook").authorize_params() == {}
    assert registry.get("facebook").authorize_params(again=True) == {"auth_type": "rerequest"}
    assert registry.get("x").authorize_params() == {"force_login": "true"}
