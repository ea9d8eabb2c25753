"""What every channel of the dict must offer."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from tests.support.channel_words import edited
from tokens.channels import declarations, registry
from tokens.channels.base import Channel
from tokens.channels.checks import channels_are_whole, problems
from tokens.channels.kinds import (
    AccessCheck,
    AppKeys,
    ChannelError,
    Classification,
    Credentials,
    Inspection,
    Reason,
    Verdict,
)


def test_the_channels_lack_no_part() -> None:
    assert channels_are_whole() == []


def test_a_channel_that_lacks_parts_is_named_with_all_of_them() -> None:
    class Half(Channel):
        key = "myspace"

    Half.__abstractmethods__ = frozenset()  # as if nobody had written the rest

    half: Any = Half

    said = [str(problem) for problem in problems("friendster", half())]

    assert any("has no lifetime" in text for text in said)
    assert any("calls itself myspace" in text for text in said)
    assert any("is not declared" in text for text in said)
    assert any("has no words.txt beside its channel.py" in text for text in said)
    assert any("says nothing in password_changed_steps of its words.txt" in text for text in said)
    assert any("has no address friendster_callback" in text for text in said)


def test_a_channel_that_would_fail_later_is_named_now(settings: Settings, tmp_path: Path) -> None:
    class Late(type(registry.get("pinterest"))):  # type: ignore[misc]  # a class that is looked up
        renewal = None
        lifetime = replace(registry.get("pinterest").lifetime, source="")

    settings.CONSENT_ORIGINS = []

    with edited("pinterest", tmp_path, lifetime_clocks="", lifetime_ends="", last_step="Click somewhere."):
        said = [str(problem) for problem in problems("pinterest", Late())]

    assert any("says nothing in lifetime.source" in text for text in said)
    assert any("says nothing in lifetime_clocks of its words.txt" in text for text in said)
    assert any("says nothing in lifetime_ends of its words.txt" in text for text in said)
    assert any("only one of `renewal` and `renew`" in text for text in said)
    assert any("last_step" in text for text in said)
    assert any("asks for consent at https://www.pinterest.com" in text for text in said)
    assert len(said) == 6


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

    assert channel.last_step.startswith("Press ")
    assert channel.manage_url.startswith("https://")
    assert channel.lifetime.source.startswith("https://")
    assert channel.open_url("1").startswith("https://")


@pytest.mark.parametrize("key", registry.CHANNELS)
def test_credentials_are_in_no_repr(key: str) -> None:
    credentials = Credentials("SBXTOKEN", secret="SBXTOKEN")

    assert "SBXTOKEN" not in repr(credentials)


def test_facebook_asks_again_and_x_always_asks_who_it_is() -> None:
    assert registry.get("facebook").authorize_params() == {}
    assert registry.get("facebook").authorize_params(again=True) == {"auth_type": "rerequest"}
    assert registry.get("x").authorize_params() == {"force_login": "true"}
