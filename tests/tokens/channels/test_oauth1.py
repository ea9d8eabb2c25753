"""The handshake of OAuth 1.0a with the stand-in X, through Django's test client."""

import json
import logging
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.models import PendingLink
from tests.support import native
from tests.support.factories import make_account
from tests.support.native import back
from tests.support.sandbox import Sandbox
from tokens.models import ChannelApp, Token
from users.models import Session

pytestmark = pytest.mark.django_db

CALLBACK = "/link/x/callback/"


@pytest.fixture(autouse=True)
def world(sandbox: Sandbox) -> Sandbox:
    native.set_up_apps(sandbox)
    sandbox.reset_x_rate_limit()
    sandbox.set_clock()
    return sandbox


def heading(response: Any) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", response.content.decode(), re.DOTALL)
    return re.sub(r"<[^>]+>|\s+", " ", found.group(1)).strip() if found else ""


def states(client: Client) -> dict[str, Any]:
    return dict(client.session.get("socialaccount_states", {}))


def test_leaving_goes_to_the_consent_page_and_asks_who_logs_in(client: Client, sandbox: Sandbox) -> None:
    address = native.leave(client, "x")

    query = parse_qs(urlsplit(address).query)
    assert address.startswith(f"{sandbox.x}/oauth/authorize?")
    assert set(query) == {"force_login", "oauth_token"}
    assert query["force_login"] == ["true"]


def test_the_query_of_our_page_has_no_say_in_the_address(client: Client) -> None:
    address = native.leave(
        client, "x", path=f"{reverse('link', args=['x'])}?auth_params=oauth_token%3Devil&scope=all&action=x"
    )

    assert "evil" not in address
    assert "scope" not in address


def test_a_handshake_that_nobody_ends_leaves_no_open_secret_in_the_session(
    client: Client, sandbox: Sandbox
) -> None:
    native.leave(client, "x")

    (temporary,) = sandbox.state()["x_request_tokens"]
    kept = json.dumps([row.get_decoded() for row in Session.objects.all()])
    assert temporary["token"] in kept
    assert temporary["secret"] not in kept


def test_no_secret_of_the_person_stays_in_a_session_or_log(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    back(client, native.decide(native.leave(client, "x"), "ada"))

    credentials = Token.objects.get().unseal()
    kept = json.dumps([session.get_decoded() for session in Session.objects.all()]) + str(
        dict(client.session)
    )
    for secret in (credentials.access_token, credentials.secret, Sandbox.X_SECRET):
        assert secret not in kept
        assert secret not in caplog.text
    assert "oauth_" not in kept


def test_pressing_cancel_at_x_says_that_it_was_stopped(client: Client) -> None:
    response = back(client, native.decide(native.leave(client, "x"), "ada", action="cancel"))

    assert response.status_code == 200
    assert heading(response) == "The log-in was stopped at X"
    assert states(client) == {}
    assert not Token.objects.exists()


def test_after_ten_minutes_the_way_back_is_closed(client: Client, sandbox: Sandbox) -> None:
    address = native.decide(native.leave(client, "x"), "ada")
    sandbox.clear_calls()

    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=11)):
        response = back(client, address)

    assert heading(response) == "This took too long"
    assert sandbox.calls(channel="x") == []


def test_two_tabs_come_back_in_any_order_each_to_its_own(client: Client) -> None:
    accounts = [make_account("x"), make_account("x")]
    first, second = (native.leave(client, "x", account=str(one.pk)) for one in accounts)
    back_first, back_second = native.decide(first, "ada"), native.decide(second, "ben")

    answers = [back(client, back_first), back(client, back_second)]

    found = dict(PendingLink.objects.values_list("token__native_user_name", "account"))
    assert [answer.status_code for answer in answers] == [302, 302]
    assert found == {"Ada Okafor": accounts[0].pk, "Ben Lindqvist": accounts[1].pk}


def test_a_way_back_that_we_did_not_begin_is_refused(client: Client) -> None:
    for query in (
        "",
        "oauth_token=",
        "oauth_token=made-up&oauth_verifier=v",
        "oauth_verifier=v",
        "oauth_token=a%0Ab&oauth_verifier=c",  # with NUL it meets no view (tests/ui/test_odd_addresses.py)
    ):
        response = back(client, f"{CALLBACK}?{query}")

        assert response.status_code == 400, query
        assert heading(response) == "This took too long", query


def test_a_way_back_without_its_verifier_is_refused_and_used_up(client: Client) -> None:
    token = parse_qs(urlsplit(native.leave(client, "x")).query)["oauth_token"][0]

    response = back(client, f"{CALLBACK}?oauth_token={token}")

    assert heading(response) == "This took too long"
    assert states(client) == {}


def test_a_wrong_verifier_begins_again(client: Client) -> None:
    address = native.decide(native.leave(client, "x"), "ada")

    response = back(client, re.sub("oauth_verifier=[^&]+", "oauth_verifier=wrong", address))

    assert heading(response) == "This took too long"


def test_a_facebook_state_is_none_of_x(client: Client) -> None:
    state = parse_qs(urlsplit(native.leave(client, "facebook")).query)["state"][0]

    response = back(client, f"{CALLBACK}?oauth_token={state}&oauth_verifier=v")

    assert heading(response) == "This took too long"
    assert list(states(client)) == [state]


def test_another_default_app_meanwhile_begins_again(client: Client) -> None:
    address = native.decide(native.leave(client, "x"), "ada")
    ChannelApp.objects.filter(channel="x").update(is_default=False)
    newer = ChannelApp(channel="x", client_id="newer", state=ChannelApp.State.LIVE)
    newer.set_secrets(["secret"])
    newer.save()

    response = back(client, address)

    assert heading(response) == "This took too long"


def test_a_wrong_app_secret_names_our_app_as_the_cause(client: Client, sandbox: Sandbox) -> None:
    sandbox.put_app("x", secret="another")

    response = client.post(reverse("link", args=["x"]))

    assert response.status_code == 502
    assert heading(response) == "X does not accept AdToken right now"
    assert "Go to my accounts" in response.text
    assert "Try again" not in response.text, "nothing that the person does would help"
    assert "log-in that runs this ad account" not in response.text


def test_an_unregistered_callback_names_our_app_as_the_cause(client: Client, sandbox: Sandbox) -> None:
    sandbox.put_app("x", redirect_uris=["https://elsewhere.example/"])

    response = client.post(reverse("link", args=["x"]))

    assert heading(response) == "X does not accept AdToken right now"


def test_a_request_token_that_is_none_is_passing_trouble(client: Client, sandbox: Sandbox) -> None:
    faults: list[dict[str, Any]] = [
        {"status": 503, "body": "busy"},
        {"drop": True},
        {"status": 200, "body": "<html>"},
        {"status": 200, "body": {"oauth_token": "a"}},
        {"status": 200, "body": "oauth_token=a&oauth_token_secret=b"},
        {"status": 200, "body": "oauth_token=a&oauth_token_secret=b&oauth_callback_confirmed=false"},
        {"status": 200, "body": "oauth_token=&oauth_token_secret=b&oauth_callback_confirmed=true"},
    ]
    for fault in faults:
        sandbox.add_fault("x", path="request_token", count=1, **fault)

        response = client.post(reverse("link", args=["x"]))

        assert response.status_code == 502, fault
        assert heading(response) == "X does not answer right now", fault
        assert states(client) == {}, fault


@pytest.mark.parametrize("path", ["oauth/access_token", "verify_credentials"])
def test_trouble_on_the_way_back_is_told_without_the_answer(
    client: Client, sandbox: Sandbox, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    address = native.decide(native.leave(client, "x"), "ada")
    sandbox.add_fault("x", path=path, status=200, body="oauth_token=SECRET")

    response = back(client, address)

    assert heading(response) == "X does not answer right now"
    assert "SECRET" not in response.content.decode() + caplog.text
    assert not Token.objects.exists()


def test_a_suspended_person_gives_no_token(client: Client, sandbox: Sandbox) -> None:
    address = native.decide(native.leave(client, "x"), "ada")
    sandbox.suspend("x", "ada")

    response = back(client, address)

    assert response.status_code == 502
    assert not Token.objects.exists()
