"""The stand-in TikTok: portal page, codes, tokens, and what ends them."""

import httpx2
import pytest

from tests.sandbox.tiktok_client import CALLBACK, TikTokClient
from tests.support.sandbox import Sandbox


@pytest.fixture
def tiktok(sandbox: Sandbox, http: httpx2.Client) -> TikTokClient:
    sandbox.put_app("tiktok", redirect_uris=[CALLBACK])
    return TikTokClient(sandbox, http)


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return str(sandbox.issue_token("tiktok", "ada")["access_token"])


def test_an_address_that_is_not_registered_is_refused_on_the_page(tiktok: TikTokClient) -> None:
    assert tiktok.portal(redirect_uri="https://evil.example/").status_code == 400


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"secret": "wrong"}, 40101),
        ({"app_id": "1"}, 40101),
        ({"auth_code": ""}, 40002),
        ({"auth_code": "nothing"}, 40110),
    ],
)
def test_the_exchange_says_what_is_wrong(tiktok: TikTokClient, body: dict[str, str], code: int) -> None:
    assert tiktok.redeem(tiktok.code(), **body)["code"] == code


def test_a_form_is_no_json_body(tiktok: TikTokClient) -> None:
    form = {**tiktok.keys, "auth_code": tiktok.code()}

    assert tiktok.post("oauth2/access_token", data=form)["code"] == 40002
