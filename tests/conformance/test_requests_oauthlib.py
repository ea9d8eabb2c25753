"""The consent dances that the ads clients leave to others, run by a plain OAuth library (requests-oauthlib).

It comes with twitter-ads, takes every address as a parameter and signs and parses by the standards, not by our code.
"""

from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from oauthlib.oauth2 import InvalidGrantError
from requests_oauthlib import OAuth1Session, OAuth2Session
from requests_oauthlib.oauth1_session import TokenRequestDenied

from tests.conformance.conftest import CALLBACK
from tests.support.sandbox import Sandbox

Consent = Callable[..., dict[str, str]]


@pytest.fixture(autouse=True)
def _plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # the sandbox speaks HTTP, on this machine only


@pytest.fixture
def x(channels_world: Sandbox) -> Iterator[OAuth1Session]:
    channels_world.put_app("x", redirect_uris=[CALLBACK])
    client_id, secret = Sandbox.APPS["x"]
    with OAuth1Session(client_id, client_secret=secret, callback_uri=CALLBACK) as session:
        yield session


def press(address: str, **form: str) -> str:
    """Answer X's consent page; returns the address that the browser is sent to."""
    token = parse_qs(urlsplit(address).query)["oauth_token"][0]
    page = address.partition("?")[0]
    answer = httpx2.post(page, data={"oauth_token": token, **form}, trust_env=False)
    return str(answer.headers["location"])


def test_x_gives_a_pair_in_three_steps(x: OAuth1Session, channels_world: Sandbox) -> None:
    asked = x.fetch_request_token(f"{channels_world.x}/oauth/request_token")
    address = x.authorization_url(f"{channels_world.x}/oauth/authorize")
    x.parse_authorization_response(press(address, user="ada", action="authorize"))

    pair = x.fetch_access_token(f"{channels_world.x}/oauth/access_token")

    assert asked["oauth_callback_confirmed"] == "true"
    assert (pair["user_id"], pair["screen_name"]) == ("2417045708", "AdaOkafor")
    listed = x.get(f"{channels_world.x}/12/accounts")
    assert "Lumen Shoes EU" in {row["name"] for row in listed.json()["data"]}


def test_x_gives_no_pair_to_a_person_who_says_no(x: OAuth1Session, channels_world: Sandbox) -> None:
    x.fetch_request_token(f"{channels_world.x}/oauth/request_token")
    address = x.authorization_url(f"{channels_world.x}/oauth/authorize")

    back = parse_qs(urlsplit(press(address, user="ada", action="cancel")).query)

    assert set(back) == {"denied"}


def test_x_refuses_an_app_with_a_wrong_secret(channels_world: Sandbox) -> None:
    client_id, _ = Sandbox.APPS["x"]
    with (
        OAuth1Session(client_id, client_secret="wrong", callback_uri=CALLBACK) as session,
        pytest.raises(TokenRequestDenied) as caught,
    ):
        session.fetch_request_token(f"{channels_world.x}/oauth/request_token")

    assert caught.value.status_code == 401


def test_facebook_gives_a_short_token_for_a_code(channels_world: Sandbox, consent: Consent) -> None:
    client_id, secret = Sandbox.APPS["facebook"]
    scopes = ["ads_read", "ads_management"]
    with OAuth2Session(client_id, redirect_uri=CALLBACK, scope=scopes) as session:
        address, state = session.authorization_url(f"{channels_world.facebook}/v26.0/dialog/oauth")
        ticks = {"action": "continue", "scopes": "ads_read", "accounts": "203847561029384"}
        back = consent("facebook", address, "ada", **ticks)

        token = session.fetch_token(
            f"{channels_world.facebook}/v26.0/oauth/access_token",
            code=back["code"],
            client_secret=secret,
            include_client_id=True,
        )

    assert back["state"] == state
    assert token["token_type"] == "bearer"
    assert 3600 <= token["expires_in"] <= 7200


def test_snapchat_gives_tokens_for_a_code_and_renews_them(channels_world: Sandbox, consent: Consent) -> None:
    client_id, secret = Sandbox.APPS["snapchat"]
    login, keys = f"{channels_world.snapchat}/login/oauth2", {"client_id": client_id, "client_secret": secret}
    with OAuth2Session(client_id, redirect_uri=CALLBACK, scope=["snapchat-marketing-api"]) as session:
        address, state = session.authorization_url(f"{login}/authorize")
        back = consent("snapchat", address, "ada")

        first = dict(
            session.fetch_token(
                f"{login}/access_token", code=back["code"], client_secret=secret, include_client_id=True
            )
        )
        second = session.refresh_token(f"{login}/access_token", **keys)

        assert back["state"] == state
        assert (first["token_type"], first["expires_in"]) == ("Bearer", 1800)
        assert second["access_token"] != first["access_token"]
        assert session.get(f"{channels_world.snapchat}/v1/me").json()["me"]["display_name"] == "Ada Okafor"


def test_a_code_of_snapchat_is_good_once(channels_world: Sandbox, consent: Consent) -> None:
    client_id, secret = Sandbox.APPS["snapchat"]
    login = f"{channels_world.snapchat}/login/oauth2"
    with OAuth2Session(client_id, redirect_uri=CALLBACK, scope=["snapchat-marketing-api"]) as session:
        address, _ = session.authorization_url(f"{login}/authorize")
        code = consent("snapchat", address, "ada")["code"]
        order = {"code": code, "client_secret": secret, "include_client_id": True}
        session.fetch_token(f"{login}/access_token", **order)

        with pytest.raises(InvalidGrantError):
            session.fetch_token(f"{login}/access_token", **order)


def test_a_renewal_after_the_person_removed_the_app_is_an_invalid_grant(channels_world: Sandbox) -> None:
    client_id, secret = Sandbox.APPS["snapchat"]
    token = channels_world.issue_token("snapchat", "ada")
    channels_world.cancel_authorisation("snapchat", "ada")

    with OAuth2Session(client_id, token=token) as session, pytest.raises(InvalidGrantError):
        session.refresh_token(
            f"{channels_world.snapchat}/login/oauth2/access_token", client_id=client_id, client_secret=secret
        )
