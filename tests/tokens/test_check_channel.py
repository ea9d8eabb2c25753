"""`manage.py check_channel` against the stand-ins: a readable report, a right exit status, never a secret."""

import io
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts.models import Account
from tests.support import native
from tests.support.factories import make_user
from tests.support.sandbox import Sandbox
from tokens.channels import registry, versions
from tokens.channels.kinds import Reason
from tokens.models import ChannelApp, Token, UnknownAnswer
from users import liveness

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


class RefusedHere(Exception):  # noqa: N818  # ends the command right after its claim
    pass


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


@pytest.mark.parametrize("channel", ["facebook", "x"])
def test_a_pasted_token_is_checked_and_not_kept(
    channel: str, world: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = linked(channel).unseal()
    Account.objects.all().delete()
    Token.objects.all().delete()
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(credentials.as_dict().values())))

    text, status = check(channel, "--access-token-stdin")

    assert status == 0, text
    assert text.count("Verdict: ok") == 5
    assert credentials.access_token not in text
    assert not Token.objects.exists()


@pytest.mark.parametrize("channel", [key for key in EVERY if registry.get(key).renewal is not None])
def test_a_renewal_is_made_only_after_yes(
    channel: str, world: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    dates = {"expires_in": 86_400, "refresh_token_expires_in": 31_536_000}
    world.put_app("tiktok", settings={"dates": dates})  # else it gives nothing to renew with
    token = linked(channel)
    monkeypatch.setattr("sys.stdin", io.StringIO("no\n"))
    refused, _ = check(channel, "--token-id", str(token.pk), "--renew")
    kept = Token.objects.get().renewed_at
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))

    done, status = check(channel, "--token-id", str(token.pk), "--renew")

    assert "Not renewed" in refused
    assert kept is None
    assert "Before: " in done
    if registry.get(channel).renewal.exchange:  # type: ignore[union-attr]  # chosen so; an exchange may move no date
        return
    assert status == 0, done
    assert "Renewed, and stored." in done
    assert Token.objects.get().renewed_at is not None


def test_a_renewal_is_claimed_from_the_answer_on_however_long_the_question_stood(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = linked("snapchat")
    claimed: list[datetime | None] = []

    def refuses(*args: object, **kwargs: object) -> None:
        claimed.append(Token.objects.get(pk=token.pk).claimed_until)
        raise RefusedHere

    monkeypatch.setattr("tokens.probe.run_claimed", refuses)
    with time_machine.travel(timezone.now(), tick=False) as traveller:

        def answers(question: str) -> str:
            traveller.shift(timedelta(minutes=10))
            return "yes"

        monkeypatch.setattr("builtins.input", answers)
        with pytest.raises(RefusedHere):
            check("snapchat", "--token-id", str(token.pk), "--renew")

        assert claimed == [timezone.now() + liveness.CLAIM]


def test_a_channel_that_renews_nothing_says_so() -> None:
    token = linked("x")

    text, status = check("x", "--token-id", str(token.pk), "--renew")

    assert status == 0
    assert "nothing that this log-in is renewed with" in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["mars"], "Channels: "),
        (["x", "--app", "nobody"], "Client IDs there are: x-sandbox-key"),
        (["x", "--token-id", "999"], "no log-in 999"),
        (["x", "--renew"], "--renew needs --token-id"),
        (["x", "--account", "!"], "letters and digits"),
    ],
)
def test_what_is_wrong_with_the_call_is_said(arguments: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        check(*arguments)


def test_half_a_pair_for_x_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("token-alone\n"))

    with pytest.raises(CommandError, match="then its secret"):
        check("x", "--access-token-stdin")


def test_a_log_in_of_another_app_is_not_mixed_up() -> None:
    token = linked("x")

    with pytest.raises(CommandError, match="belongs to the app"):
        check("x", "--token-id", str(token.pk), "--app", "other")


def test_an_ad_account_may_be_named(world: Sandbox) -> None:
    token = linked("facebook")
    other: Any = Account.objects.get().native_id

    text, _ = check("facebook", "--token-id", str(token.pk), "--account", f"act_{other}")

    assert f"Can ad account {other} be read?" in text
