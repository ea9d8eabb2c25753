"""`manage.py check_channel` against the stand-ins: a readable report, a right exit status, never a secret."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import Account
from tests.support import native
from tests.support.factories import make_user
from tests.support.sandbox import Sandbox
from tokens.channels import registry, versions
from tokens.channels.kinds import Reason
from tokens.models import ChannelApp, Token, UnknownAnswer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


EVERY = sorted(registry.CHANNELS)


@pytest.fixture(autouse=True)
def world(channels_world: Sandbox) -> Sandbox:
    native.set_up_apps(channels_world)
    return channels_world


def linked(channel: str) -> Token:
    client = Client()
    client.force_login(make_user("ada@example.com", name="Ada Okafor"))
    native.link(client, channel, "ada")
    return Token.objects.get()


def check(*arguments: str) -> tuple[str, int]:
    """Run the command; returns what it printed and its exit status. No secret may be in it."""
    out = io.StringIO()
    try:
        call_command("check_channel", *arguments, stdout=out)
    except SystemExit as ended:
        status = int(str(ended.code))
    else:
        status = 0
    text = out.getvalue()
    secrets = [secret for _, secret in Sandbox.APPS.values()]
    secrets += [value for token in Token.objects.all() for value in token.unseal().as_dict().values()]
    assert not [secret for secret in [*secrets, Sandbox.MARKER] if secret in text]
    return text, status


@pytest.mark.parametrize("channel", EVERY)
def test_without_a_log_in_settings_and_keys_are_checked(channel: str) -> None:
    text, status = check(channel)

    assert status == 0, text
    assert "Does the channel take our app's keys?" in text
    assert "Verdict: ok" in text
    assert Sandbox.APPS[channel][0] in text
    assert "Whose log-in is it?" not in text
    assert "X_FRAME_OPTIONS" not in text
    assert f"Version {versions.name_in_use(registry.get(channel))}: " in text


@pytest.mark.parametrize("channel", EVERY)
def test_with_a_stored_log_in_all_is_asked_and_nothing_written(channel: str) -> None:
    token = linked(channel)
    before = Token.objects.values().get()

    text, status = check(channel, "--token-id", str(token.pk))

    assert status == 0, text
    assert text.count("Verdict: ok") == 5, text
    assert "Lumen Shoes EU" in text
    assert "can publish: yes" in text
    assert Token.objects.values().get() == before


@pytest.mark.parametrize("channel", EVERY)
def test_a_wrong_secret_is_seen_at_once_with_what_to_check(channel: str) -> None:
    app = ChannelApp.objects.get(channel=channel)
    app.set_secrets(["wrong-secret"])
    app.save()

    text, status = check(channel)

    assert status == 1
    assert "Verdict: app_fault" in text
    assert all(step in text for step in registry.get(channel).steps(Reason.APP_FAULT))


@pytest.mark.parametrize("channel", EVERY)
def test_an_unknown_answer_is_shown_and_starts_nothing(channel: str, world: Sandbox) -> None:
    token = linked(channel)
    world.add_fault(channel, status=403, body={"moon": "in the wrong house"})

    text, status = check(channel, "--token-id", str(token.pk))

    assert status == 1
    assert "in the wrong house" in text
    assert not UnknownAnswer.objects.exists()
    assert Token.objects.get().state == "valid"


def test_what_an_answer_echoes_of_the_token_is_cut_out(world: Sandbox) -> None:
    token = linked("facebook")
    secret = token.unseal().access_token
    world.add_fault("facebook", path="me", status=400, body={"odd": f"you sent {secret}", "moon": 1})

    text, _ = check("facebook", "--token-id", str(token.pk))

    assert "you sent" in text
    assert secret not in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["mars"], "Channels: "),
        (["x", "--app", "nobody"], "Client IDs there are: x-sandbox-key"),
        (["x", "--token-id", "999"], "no log-in 999"),
        (["x", "--account", "!"], "letters and digits"),
    ],
)
def test_what_is_wrong_with_the_call_is_said(arguments: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        check(*arguments)


def test_a_log_in_of_another_app_is_not_mixed_up() -> None:
    token = linked("x")

    with pytest.raises(CommandError, match="belongs to the app"):
        check("x", "--token-id", str(token.pk), "--app", "other")


def test_an_ad_account_may_be_named(world: Sandbox) -> None:
    token = linked("facebook")
    other: Any = Account.objects.get().native_id

    text, _ = check("facebook", "--token-id", str(token.pk), "--account", f"act_{other}")

    assert f"Can ad account {other} be read?" in text
