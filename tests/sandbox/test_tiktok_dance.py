"""The stand-in TikTok: portal page, codes, tokens, and what ends them."""

from typing import Any

import httpx2
import pytest

from tests.sandbox.tiktok_client import CALLBACK, FERN, LUMEN, TikTokClient, way_back
from tests.support.sandbox import Sandbox


@pytest.fixture
def tiktok(sandbox: Sandbox, http: httpx2.Client) -> TikTokClient:
    sandbox.put_app("tiktok", redirect_uris=[CALLBACK])
    return TikTokClient(sandbox, http)


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return str(sandbox.issue_token("tiktok", "ada")["access_token"])


def test_the_way_back_brings_the_code_under_two_names_and_the_state(tiktok: TikTokClient) -> None:
    answer = way_back(tiktok.portal())

    assert set(answer) == {"auth_code", "code", "state"}
    assert (answer["auth_code"], answer["state"]) == (answer["code"], "s1")


def test_the_page_lists_the_persons_ad_accounts_to_be_ticked(tiktok: TikTokClient) -> None:
    asked = {"app_id": tiktok.app_id, "redirect_uri": CALLBACK, "state": "s1"}

    who = tiktok.http.get(f"{tiktok.sandbox.tiktok}/portal/auth", params=asked).text
    page = tiktok.http.get(f"{tiktok.sandbox.tiktok}/portal/auth", params={**asked, "user": "ada"}).text

    assert "Ada Okafor" in who
    assert f'name="accounts" value="{LUMEN}"' in page


def test_an_address_that_is_not_registered_is_refused_on_the_page(tiktok: TikTokClient) -> None:
    assert tiktok.portal(redirect_uri="https://evil.example/").status_code == 400


def test_cancel_comes_back_with_an_error(tiktok: TikTokClient) -> None:
    assert way_back(tiktok.portal(action="cancel")) == {"error": "access_denied", "state": "s1"}


def test_a_code_becomes_a_token_with_the_ticked_ad_accounts(tiktok: TikTokClient) -> None:
    answer = tiktok.redeem(tiktok.code())

    data = answer["data"]
    assert (answer["code"], answer["message"]) == (0, "OK")
    assert set(data) == {"access_token", "advertiser_ids", "scope"}
    assert data["advertiser_ids"] == [LUMEN, FERN]
    assert "SBXTOKEN" in data["access_token"]
    assert len(data["access_token"]) == 40


def test_nothing_ticked_succeeds_with_no_ad_accounts(tiktok: TikTokClient) -> None:
    data = tiktok.redeem(tiktok.code(accounts=[]))["data"]

    assert data["advertiser_ids"] == []
    assert tiktok.get("oauth2/advertiser/get", data["access_token"], **tiktok.keys)["data"] == {"list": []}


def test_a_code_is_good_once_for_an_hour_and_for_its_app(tiktok: TikTokClient, sandbox: Sandbox) -> None:
    used, old, foreign = tiktok.code(), tiktok.code(), tiktok.code()
    tiktok.redeem(used)
    sandbox.put_app("tiktok", client_id="7290000000000000009", secret="other")

    again = tiktok.redeem(used)["code"]
    elsewhere = tiktok.redeem(foreign, app_id="7290000000000000009", secret="other")["code"]
    sandbox.set_clock(offset=3590)
    in_time = tiktok.redeem(foreign)["code"]
    sandbox.set_clock(offset=3600)
    late = tiktok.redeem(old)["code"]
    sandbox.set_clock()

    assert (again, elsewhere, in_time, late) == (40110, 40110, 0, 40110)


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


def test_optional_dates_come_where_the_switch_says_so(tiktok: TikTokClient, sandbox: Sandbox) -> None:
    sandbox.put_app("tiktok", settings={"dates": {"expires_in": 86400, "refresh_token_expires_in": 31536000}})

    data = tiktok.redeem(tiktok.code())["data"]

    assert (data["expires_in"], data["token_type"]) == (86400, "Bearer")
    assert data["refresh_token"]
    sandbox.set_clock(offset=86400)
    assert tiktok.get("user/info", data["access_token"])["code"] == 40102
    sandbox.set_clock()


def test_the_token_travels_bare_in_its_own_header(tiktok: TikTokClient, token: str) -> None:
    as_bearer = {"Authorization": f"Bearer {token}"}

    assert tiktok.get("user/info", token)["code"] == 0
    assert tiktok.get("user/info", f"Bearer {token}")["code"] == 40105
    assert tiktok.get("user/info")["code"] == 40104
    assert (
        tiktok.http.get(f"{tiktok.sandbox.tiktok}/open_api/v1.3/user/info/", headers=as_bearer).json()["code"]
        == 40104
    )


@pytest.mark.parametrize(
    ("action", "code"),
    [
        ("cancel_authorisation", 40105),
        ("suspend", 40106),
        ("deactivate", 40106),
        ("checkpoint", 40309),
        ("change_password", 0),
        ("log_out", 0),
    ],
)
def test_what_a_person_does_shows_in_the_number(
    tiktok: TikTokClient, sandbox: Sandbox, token: str, action: str, code: int
) -> None:
    sandbox.action("tiktok", "ada", action)

    assert tiktok.get("user/info", token)["code"] == code


def test_a_suspension_that_is_lifted_gives_the_same_token_back(
    tiktok: TikTokClient, sandbox: Sandbox, token: str
) -> None:
    sandbox.suspend("tiktok", "ada")
    sandbox.suspend("tiktok", "ada", on=False)

    assert tiktok.get("user/info", token)["code"] == 0


def test_a_date_that_has_passed_is_40102(tiktok: TikTokClient, sandbox: Sandbox, token: str) -> None:
    sandbox.expire_now(channel="tiktok", token=token)

    assert tiktok.get("user/info", token)["code"] == 40102


def test_revoking_names_what_it_took_and_works_once(tiktok: TikTokClient, token: str) -> None:
    first = tiktok.post("oauth2/revoke_token", {**tiktok.keys, "access_token": token})
    second = tiktok.post("oauth2/revoke_token", {**tiktok.keys, "access_token": token})

    assert first["data"]["app_id"] == tiktok.app_id
    assert LUMEN in first["data"]["advertiser_ids"]
    assert second["code"] == 40105
    assert tiktok.get("user/info", token)["code"] == 40105


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"suspended": True}, 40113),
        ({"settings": {"developer": "rejected"}}, 40124),
        ({"settings": {"developer": "no_permission"}}, 40125),
        ({"settings": {"errors": {"user/info": [50000, "System error"]}}}, 50000),
        ({"settings": {"errors": {"user/info": [40114, "x"]}}}, 40114),
        ({"settings": {"denied": ["user/info"]}}, 40001),
    ],
)
def test_the_apps_standing_and_switches_hit_every_token(
    tiktok: TikTokClient, sandbox: Sandbox, token: str, change: dict[str, Any], code: int
) -> None:
    sandbox.put_app("tiktok", **change)

    assert tiktok.get("user/info", token)["code"] == code
