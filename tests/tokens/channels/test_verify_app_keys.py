"""The question that only the app's keys answer, at every stand-in: good keys, a wrong secret, a silent channel; and what it ends."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import NOW, make_app
from tests.support.sandbox import Sandbox
from tokens.channels import registry
from tokens.channels.classifier import keys_taken
from tokens.channels.kinds import AppKeys, Classification, Reason, Verdict
from tokens.lifecycle import app_faults
from tokens.models import ChannelApp


def keys(channel: str) -> AppKeys:
    client_id, secret = Sandbox.APPS[channel]
    return AppKeys(client_id, (secret,), f"https://adtoken.example.com/link/{channel}/callback/", ())


@pytest.fixture(autouse=True)
def world(channels_world: Sandbox) -> Sandbox:
    for channel in registry.CHANNELS:
        channels_world.put_app(channel, redirect_uris=[keys(channel).redirect_uri])
    return channels_world


@pytest.mark.parametrize("channel", sorted(registry.CHANNELS))
def test_good_keys_are_taken(channel: str) -> None:
    said = registry.get(channel).verify_app_keys(keys(channel))

    assert said is not None
    assert said.verdict == Verdict.OK, said


@pytest.mark.parametrize("channel", sorted(registry.CHANNELS))
def test_a_wrong_secret_is_a_fault_of_the_app(channel: str) -> None:
    wrong = replace(keys(channel), secrets=("wrong",))

    said = registry.get(channel).verify_app_keys(wrong)

    assert said is not None
    assert said.verdict == Verdict.APP_FAULT, said


@pytest.mark.parametrize("channel", sorted(registry.CHANNELS))
@pytest.mark.parametrize("status", [500, 503])
def test_a_channel_in_trouble_says_nothing_of_the_keys(channel: str, status: int, world: Sandbox) -> None:
    world.add_fault(channel, status=status, body="down")

    said = registry.get(channel).verify_app_keys(keys(channel))

    assert said is not None
    assert said.verdict == Verdict.TRANSIENT


@pytest.mark.parametrize("channel", sorted(registry.CHANNELS))
def test_payment_required_is_a_fault_of_the_app(channel: str, world: Sandbox) -> None:
    world.add_fault(channel, status=402, body={"message": "Pay first"})

    said = registry.get(channel).verify_app_keys(keys(channel))

    assert said is not None
    assert said.verdict == Verdict.APP_FAULT


@pytest.mark.parametrize("channel", sorted(registry.CHANNELS))
def test_an_unknown_answer_is_not_taken_for_good_keys(channel: str, world: Sandbox) -> None:
    world.add_fault(channel, status=403, body={"moon": 1})

    said = registry.get(channel).verify_app_keys(keys(channel))

    assert said is not None
    assert said.verdict != Verdict.OK


def test_a_doubt_that_no_table_explains_proves_no_keys() -> None:
    assert keys_taken(Classification(Verdict.CONFIRM_FIRST, unknown="f")).verdict == Verdict.CONFIRM_FIRST
    assert keys_taken(Classification(Verdict.TOKEN_DEAD, Reason.UNKNOWN)).verdict == Verdict.OK


@pytest.mark.django_db
@pytest.mark.parametrize("channel", sorted(registry.CHANNELS))
def test_a_fault_of_our_keys_ends_when_the_channel_takes_them_again(channel: str, settings: Any) -> None:
    settings.BASE_URL = "https://adtoken.example.com"
    client_id, secret = Sandbox.APPS[channel]
    app = make_app(channel, client_id=client_id)  # its secret is not the channel's
    app_faults.record_fault(
        app=app, classification=Classification(Verdict.APP_FAULT), call="exchange", now=NOW
    )

    app_faults.ask_about_refused_apps()
    still = ChannelApp.objects.get().fault_since
    app.set_secrets([secret])
    app.save()
    app_faults.ask_about_refused_apps()

    assert still == NOW
    assert ChannelApp.objects.get().fault_since is None


@pytest.mark.django_db
@pytest.mark.parametrize("call", ["introspect", "api", "authorize_callback"])
def test_good_keys_end_no_fault_of_another_kind(call: str) -> None:
    client_id, secret = Sandbox.APPS["x"]
    app = make_app("x", client_id=client_id)
    app.set_secrets([secret])
    app.save()
    app_faults.record_fault(app=app, classification=Classification(Verdict.APP_FAULT), call=call, now=NOW)

    app_faults.ask_about_refused_apps()

    assert ChannelApp.objects.get().fault_since == NOW
