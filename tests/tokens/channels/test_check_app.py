"""The question that only the app's keys answer, at every stand-in: good keys, a wrong secret, a silent channel."""

from dataclasses import replace

import pytest

from tests.support.sandbox import Sandbox
from tokens import channels
from tokens.channels.base import AppKeys, Reason, Ruling, Verdict
from tokens.channels.table import keys_taken


def keys(channel: str) -> AppKeys:
    client_id, secret = Sandbox.APPS[channel]
    return AppKeys(client_id, (secret,), f"https://adtoken.example.com/link/{channel}/callback/", ())


@pytest.fixture(autouse=True)
def world(channels_world: Sandbox) -> Sandbox:
    for channel in channels.CHANNELS:
        channels_world.put_app(channel, redirect_uris=[keys(channel).redirect_uri])
    return channels_world


@pytest.mark.parametrize("channel", sorted(channels.CHANNELS))
def test_good_keys_are_taken(channel: str) -> None:
    said = channels.get(channel).check_app(keys(channel))

    assert said is not None
    assert said.verdict == Verdict.OK, said


@pytest.mark.parametrize("channel", sorted(channels.CHANNELS))
def test_a_wrong_secret_is_a_fault_of_the_app(channel: str) -> None:
    wrong = replace(keys(channel), secrets=("wrong",))

    said = channels.get(channel).check_app(wrong)

    assert said is not None
    assert said.verdict == Verdict.APP_FAULT, said


@pytest.mark.parametrize("channel", sorted(channels.CHANNELS))
@pytest.mark.parametrize("status", [500, 503])
def test_a_channel_in_trouble_says_nothing_of_the_keys(channel: str, status: int, world: Sandbox) -> None:
    world.add_fault(channel, status=status, body="down")

    said = channels.get(channel).check_app(keys(channel))

    assert said is not None
    assert said.verdict == Verdict.TRANSIENT


@pytest.mark.parametrize("channel", sorted(channels.CHANNELS))
def test_payment_required_is_a_fault_of_the_app(channel: str, world: Sandbox) -> None:
    world.add_fault(channel, status=402, body={"message": "Pay first"})

    said = channels.get(channel).check_app(keys(channel))

    assert said is not None
    assert said.verdict == Verdict.APP_FAULT


@pytest.mark.parametrize("channel", sorted(channels.CHANNELS))
def test_an_unknown_answer_is_not_taken_for_good_keys(channel: str, world: Sandbox) -> None:
    world.add_fault(channel, status=403, body={"moon": 1})

    said = channels.get(channel).check_app(keys(channel))

    assert said is not None
    assert said.verdict != Verdict.OK


def test_a_doubt_that_no_table_explains_proves_no_keys() -> None:
    assert keys_taken(Ruling(Verdict.CONFIRM_FIRST, unknown="f")).verdict == Verdict.CONFIRM_FIRST
    assert keys_taken(Ruling(Verdict.TOKEN_DEAD, Reason.UNKNOWN)).verdict == Verdict.OK
