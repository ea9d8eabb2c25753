"""A refresh token that was replaced is kept until its successor was used once, at every channel that replaces them."""

from dataclasses import replace

import pytest

from tests.support.sandbox import Sandbox
from tokens import renewal
from tokens.channels import registry
from tokens.channels.base import Channel
from tokens.channels.http import Limit
from tokens.channels.kinds import AppKeys, ChannelError, Credentials, Verdict

ROTATES = {"pinterest": "rotate", "snapchat": "rotate", "linkedin": "rotate_refresh"}


@pytest.fixture(params=sorted(ROTATES))
def channel(request: pytest.FixtureRequest, channels_world: Sandbox) -> Channel:
    key: str = request.param
    channels_world.put_app(key, settings={ROTATES[key]: True})
    return registry.get(key)


@pytest.fixture
def keys(channel: Channel) -> AppKeys:
    client_id, secret = Sandbox.APPS[channel.key]
    return AppKeys(client_id, (secret,), "https://adtoken.test/callback/", ())


def renewed(channel: Channel, keys: AppKeys, held: Credentials) -> Credentials:
    grant = renewal.renewed(channel, keys, held, limit=Limit(None))
    assert grant is not None
    return grant.credentials


def test_where_a_rotation_went_wrong_the_refresh_token_of_before_is_tried_once(
    channels_world: Sandbox, channel: Channel, keys: AppKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = channels_world.issue_token(channel.key, "ada")
    first = Credentials(issued["access_token"], issued["refresh_token"])
    rotated = renewed(channel, keys, first)
    wrong = replace(rotated, refresh_token="nobody-knows-it", previous_refresh_token=rotated.refresh_token)

    healed = renewed(channel, keys, wrong)

    assert rotated.previous_refresh_token == first.refresh_token
    assert healed.previous_refresh_token == rotated.refresh_token
    assert healed.access_token != rotated.access_token
    spent = replace(wrong, previous_refresh_token=first.refresh_token)
    with pytest.raises(ChannelError) as refused:
        renewed(channel, keys, spent)
    assert refused.value.classification.verdict == Verdict.TOKEN_DEAD
    unsafe = replace(channel.declaration, refresh_again_is_safe=False)
    monkeypatch.setattr(channel, "declaration", unsafe)
    channels_world.clear_calls()
    with pytest.raises(ChannelError):
        renewed(channel, keys, replace(spent, previous_refresh_token=healed.refresh_token))
    sent = [call for call in channels_world.calls(channel=channel.key) if call["form"].get("refresh_token")]
    assert len(sent) <= 2, "one refresh, and at Pinterest the question about the app's keys"
