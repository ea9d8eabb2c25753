"""The way back from a channel under attack and under clumsiness, by OAuth 2 and at X: one exchange at most, and only for whom it began."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Account, PendingLink
from tests.support import native
from tests.support.factories import make_team
from tests.support.native import back, query
from tests.support.sandbox import Sandbox
from tokens.models import Handshake, Token
from tokens.oauth import services as callback
from tokens.oauth.models import ANSWERED_WITHIN
from users.models import User

pytestmark = pytest.mark.django_db

EXCHANGES = r"(oauth2?/access_token/?|accessToken|oauth/token)$"


@dataclass(frozen=True)
class Return:
    """One person who comes back to us, at one channel."""

    channel: str
    client: Client
    address: str
    world: Sandbox

    def exchanges(self) -> int:
        return len(self.world.calls(channel=self.channel, path=EXCHANGES))

    def by(self, method: str = "GET", *, more: str = "", **headers: str) -> Any:
        parts = urlsplit(self.address)
        return self.client.generic(method, f"{parts.path}?{parts.query}{more}", headers=headers)


@pytest.fixture(params=["facebook", "x"])
def coming(request: pytest.FixtureRequest, client: Client, channels_world: Sandbox) -> Return:
    native.set_up_apps(channels_world)
    address = native.decide(native.leave(client, request.param), "ada")
    channels_world.clear_calls()
    return Return(request.param, client, address, channels_world)


def test_an_answer_between_the_state_and_the_note_that_it_was_taken_is_led_along_too(
    client: Client, channels_world: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    native.set_up_apps(channels_world)
    address = native.decide(native.leave(client, "linkedin"), "ada")
    session = client.session
    session.pop("socialaccount_states", None)  # another answer has just taken it out
    session.save()

    def note(_seconds: float) -> None:
        Handshake.objects.update(taken_at=timezone.now())

    monkeypatch.setattr(callback, "time", SimpleNamespace(sleep=note))

    assert back(client, address).status_code == 202


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_answers_one_exchanges_and_the_others_are_led_along(coming: Return) -> None:
    """A double click, or a browser that fetches ahead: the code is given once, and may end what it gave where it comes twice."""
    coming.world.add_fault(coming.channel, path=EXCHANGES, delay=0.4, count=1)

    def answer(_number: int) -> Any:
        own = Client()
        own.cookies = coming.client.cookies
        try:
            return back(own, coming.address)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(answer, range(4)))

    later = coming.by()
    led = next(one["Location"] for one in answers if one.status_code == 302)
    codes = [
        call for call in coming.world.calls(channel=coming.channel, path=EXCHANGES) if _brings_code(call)
    ]
    assert len(codes) == 1
    assert {one.status_code for one in answers} == {202, 302}
    assert [one["Refresh"] for one in answers if one.status_code == 202] == ["2"] * 3
    assert (later.status_code, later["Location"]) == (302, led)
    assert (Token.objects.count(), PendingLink.objects.count()) == (1, 1)


def _brings_code(call: dict[str, Any]) -> bool:
    """Facebook exchanges its token once more for a long-lived one."""
    return call["form"].get("grant_type") != "fb_exchange_token" and "fb_exchange_token" not in call["form"]


def test_only_get_finishes_a_handshake_and_what_was_refused_can_still_be_used(coming: Return) -> None:
    for method in ("HEAD", "OPTIONS", "POST", "PUT"):
        response = coming.by(method)

        assert (response.status_code, response["Allow"], coming.exchanges()) == (405, "GET", 0)
    assert coming.by().status_code == 302


def test_what_no_channel_sends_is_refused_and_the_real_way_back_can_still_be_used(coming: Return) -> None:
    errors = ["denied"] if coming.channel == "x" else ["error", "error_code", "error_message"]
    twice = [f"&{name}={value}" for name, value in query(coming.address).items()]

    for more in [*twice, *(f"&{error}=access_denied" for error in errors)]:
        response = coming.by(more=more)

        assert (response.status_code, coming.exchanges()) == (400, 0)
        assert "not a proper way back" in response.content.decode()
    assert coming.by(Sec_Purpose="prefetch;prerender").status_code == 503
    assert coming.exchanges() == 0
    assert coming.by().status_code == 302


def test_nothing_is_exchanged_for_a_person_who_was_switched_off_meanwhile(coming: Return) -> None:
    User.objects.update(is_active=False)

    assert (coming.by().status_code, coming.exchanges(), Token.objects.count()) == (403, 0, 0)


def test_nothing_is_exchanged_for_somebody_else_in_the_same_browser(coming: Return) -> None:
    session = coming.client.session
    session["socialaccount_states"] = {
        key: ({**state, "data": {**state["data"], "user": "0"}}, at, provider)
        for key, (state, at, provider) in session["socialaccount_states"].items()
    }
    session.save()

    response = coming.by()

    assert (response.status_code, coming.exchanges()) == (403, 0)
    assert "started by somebody else" in response.content.decode()


def test_nothing_is_exchanged_for_an_account_that_went_to_another_team(
    client: Client, channels_world: Sandbox
) -> None:
    native.set_up_apps(channels_world)
    native.linked("facebook", "ben")
    account = Account.objects.get()
    address = native.decide(native.leave(client, "facebook", account=str(account.pk)), "ada")
    channels_world.clear_calls()
    account.team = make_team()
    account.save()

    response = back(client, address)

    assert (response.status_code, len(channels_world.calls(path=EXCHANGES))) == (404, 0)
    assert "can no longer open this ad account" in response.content.decode()


def test_what_is_refused_stands_in_the_log_with_person_and_address(
    client: Client, user: User, channels_world: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    native.set_up_apps(channels_world)

    client.head("/link/facebook/callback/?code=a&state=b")

    (line,) = (text for text in caplog.messages if text.startswith("linking"))
    assert "linking facebook: This is not a proper way back" in line
    assert f"refused: method HEAD; user {user.pk}" in line


@pytest.mark.parametrize("coming", ["facebook"], indirect=True)
def test_an_answer_whose_worker_died_is_over_after_a_while(coming: Return) -> None:
    """It was taken and led nowhere: the person is not left before a page that moves on for ever."""
    coming.by()
    Handshake.objects.update(ended_at=None, led_to="", taken_at=datetime.now(UTC) - ANSWERED_WITHIN)

    response = coming.by()

    assert response.status_code == 400
    assert "This step was used already" in response.content.decode()


@pytest.mark.parametrize("coming", ["facebook"], indirect=True)
def test_handshakes_are_forgotten_after_a_day(coming: Return) -> None:
    now = datetime.now(UTC)

    assert callback.sweep_handshakes(now=now + timedelta(hours=23)) == 0
    assert callback.sweep_handshakes(now=now + timedelta(hours=25)) == 1
