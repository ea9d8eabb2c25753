"""What every channel of the dict must offer."""

from typing import Any

import pytest

from tokens import channels
from tokens.channels.base import Channel, Credentials, Reason
from tokens.channels.checks import channels_are_whole, problems
from tokens.models import ChannelKey


def test_the_channels_lack_no_part() -> None:
    assert channels_are_whole() == []


def test_a_channel_that_lacks_parts_is_named_with_all_of_them() -> None:
    class Half(Channel):
        key = "myspace"

        def steps(self, reason: Reason) -> tuple[str, ...]:
            raise KeyError(reason)

    Half.__abstractmethods__ = frozenset()  # as if nobody had written the rest

    half: Any = Half

    said = [str(problem) for problem in problems("friendster", half())]

    assert any("has no lifetime" in text for text in said)
    assert any("calls itself myspace" in text for text in said)
    assert any("is not in tokens.models.ChannelKey" in text for text in said)
    assert any("has no steps for password_changed" in text for text in said)
    assert any("has no provider class" in text for text in said)
    assert any("has no address friendster_callback" in text for text in said)


def test_all_six_channels_are_known_and_none_twice() -> None:
    assert {*channels.CHANNELS, *channels.UPCOMING} == set(ChannelKey.values)
    assert not set(channels.CHANNELS) & set(channels.UPCOMING)


def test_a_channel_that_is_not_built_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(channels.UPCOMING, "friendster", "Friendster")

    with pytest.raises(
        channels.UnknownChannel, match=r"Friendster is not built yet\. Channels: facebook, .*x"
    ):
        channels.get("friendster")
    with pytest.raises(channels.UnknownChannel, match="There is no channel 'myspace'"):
        channels.get("myspace")


@pytest.mark.parametrize("key", channels.CHANNELS)
def test_texts_for_people_are_whole(key: str) -> None:
    channel = channels.get(key)

    assert channel.last_step.startswith("Press ")
    assert channel.manage_url.startswith("https://")
    assert channel.lifetime.source.startswith("https://")
    assert channel.open_url("1").startswith("https://")


@pytest.mark.parametrize("key", channels.CHANNELS)
def test_credentials_are_in_no_repr(key: str) -> None:
    credentials = Credentials("SBXTOKEN", secret="SBXTOKEN")

    assert "SBXTOKEN" not in repr(credentials)


def test_facebook_asks_again_and_x_always_asks_who_it_is() -> None:
    assert channels.get("facebook").authorize_params() == {}
    assert channels.get("facebook").authorize_params(again=True) == {"auth_type": "rerequest"}
    assert channels.get("x").authorize_params() == {"force_login": "true"}
