"""TikTok's own client (tiktok-business-api-sdk-official) against the stand-in TikTok.

Re-pointed by Configuration.host, its documented attribute; nothing else is changed. Its exception carries the code of
TikTok in its text only.
"""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import business_api_client as sdk
import pytest
from business_api_client.rest import ApiException
from business_api_client.tiktok_business.tiktok_code import NumericErrorCodes
from business_api_client.tiktok_business.tiktok_exceptions import TiktokSDKError

from tests.conformance.conftest import CALLBACK
from tests.support.sandbox import Sandbox

LUMEN, FERN, MARLO = "7002238017842757633", "7014406592318734338", "7001035076276387841"
APP_ID, SECRET = Sandbox.APPS["tiktok"]


@pytest.fixture
def api(channels_world: Sandbox) -> Iterator[sdk.ApiClient]:
    configuration = sdk.Configuration()
    configuration.host = channels_world.tiktok
    client = sdk.ApiClient(configuration)
    yield client
    client.rest_client.pool_manager.clear()


@pytest.fixture
def token(channels_world: Sandbox) -> str:
    return str(channels_world.issue_token("tiktok", "ada")["access_token"])


def listed(api: sdk.ApiClient, token: str) -> list[dict[str, str]]:
    answer = sdk.AuthenticationApi(api).oauth2_advertiser_get(APP_ID, SECRET, token)
    rows: list[dict[str, str]] = answer["data"]["list"]
    return rows


def code_of(call: Callable[[], object]) -> int:
    """The code of TikTok in the client's own exception."""
    with pytest.raises(TiktokSDKError) as caught:
        call()
    found = re.match(r"Error Code: (\d+), message: ", str(caught.value))
    assert found is not None
    return int(found[1])


def test_a_consent_becomes_a_token_with_its_advertisers(
    api: sdk.ApiClient, channels_world: Sandbox, consent: Callable[..., dict[str, str]]
) -> None:
    asked = {"app_id": APP_ID, "redirect_uri": CALLBACK, "state": "abc"}
    address = f"{channels_world.tiktok}/portal/auth?{urlencode(asked)}"
    back = consent("tiktok", address, "ada", accounts=LUMEN)
    order = sdk.Oauth2AccessTokenBody(app_id=APP_ID, secret=SECRET, auth_code=back["auth_code"])

    answer = sdk.AuthenticationApi(api).oauth2_access_token(body=order)

    assert back["state"] == "abc"
    assert answer["data"]["advertiser_ids"] == [LUMEN]
    assert [row["advertiser_id"] for row in listed(api, answer["data"]["access_token"])] == [LUMEN]
    again = code_of(lambda: sdk.AuthenticationApi(api).oauth2_access_token(body=order))
    assert again == NumericErrorCodes.ERROR_CODE_AUTH_CODE_ERROR == 40110


def test_a_long_list_comes_whole(
    api: sdk.ApiClient, channels_world: Sandbox, fill: Callable[[str, int], set[str]]
) -> None:
    names = fill("tiktok", 120)
    token = channels_world.issue_token("tiktok", "ada")["access_token"]

    rows = listed(api, token)

    assert {row["advertiser_name"] for row in rows} == names


def test_ad_accounts_are_read_by_their_ids(api: sdk.ApiClient, token: str) -> None:
    answer = sdk.AccountManagementApi(api).advertiser_info([LUMEN, MARLO], token)

    rows = {row["advertiser_id"]: row for row in answer["data"]["list"]}
    assert rows[LUMEN]["name"] == "Lumen Shoes EU"
    assert (rows[LUMEN]["status"], rows[LUMEN]["currency"]) == ("STATUS_ENABLE", "EUR")
    assert rows[MARLO]["status"] == "STATUS_LIMIT"
    assert "suspended" in rows[MARLO]["rejection_reason"]


def test_only_the_fields_asked_for_come(api: sdk.ApiClient, token: str) -> None:
    fields = ["name", "currency"]

    answer = sdk.AccountManagementApi(api).advertiser_info([LUMEN], token, fields=fields)

    [row] = answer["data"]["list"]
    assert set(row) - {"advertiser_id"} == set(fields)


def test_a_cancelled_token_is_40105(api: sdk.ApiClient, token: str, channels_world: Sandbox) -> None:
    channels_world.cancel_authorisation("tiktok", "ada")

    code = code_of(lambda: listed(api, token))

    assert code == NumericErrorCodes.ERROR_CODE_INVALID_ACCESS_TOKEN == 40105


def test_a_token_whose_date_has_passed_is_40102(
    api: sdk.ApiClient, token: str, channels_world: Sandbox
) -> None:
    channels_world.expire_now(channel="tiktok", user="ada")

    code = code_of(lambda: listed(api, token))

    assert code == NumericErrorCodes.ERROR_CODE_ACCESS_TOKEN_EXPIRE == 40102


def test_a_suspended_person_is_40106(api: sdk.ApiClient, token: str, channels_world: Sandbox) -> None:
    channels_world.suspend("tiktok", "ada")

    code = code_of(lambda: listed(api, token))

    assert code == NumericErrorCodes.ERROR_CODE_INVALID_CORE_USER == 40106


@pytest.mark.parametrize(("sent", "code"), [("nobody", 40105), ("", 40104)])
def test_a_wrong_token_and_none_are_told_apart(api: sdk.ApiClient, sent: str, code: int) -> None:
    assert code_of(lambda: listed(api, sent)) == code


def test_a_bearer_prefix_is_a_wrong_token(api: sdk.ApiClient, token: str) -> None:
    assert code_of(lambda: listed(api, f"Bearer {token}")) == 40105


def test_a_switched_off_app_is_40113_for_all(api: sdk.ApiClient, token: str, channels_world: Sandbox) -> None:
    channels_world.put_app("tiktok", suspended=True)

    code = code_of(lambda: listed(api, token))

    channels_world.put_app("tiktok", suspended=False)
    assert code == NumericErrorCodes.ERROR_CODE_APP_FORBIDDEN == 40113


def test_an_ad_account_without_a_role_is_40001_and_the_token_lives(
    api: sdk.ApiClient, token: str, channels_world: Sandbox
) -> None:
    channels_world.drop_role("tiktok", "Fern Gardens", "ada")

    code = code_of(lambda: sdk.AccountManagementApi(api).advertiser_info([FERN], token))

    assert code == NumericErrorCodes.ERROR_CODE_PERMISSION_ERROR == 40001
    assert LUMEN in {row["advertiser_id"] for row in listed(api, token)}


def test_a_rate_limit_is_40100_at_status_200(api: sdk.ApiClient, token: str, channels_world: Sandbox) -> None:
    body = {"code": 40100, "message": "App reaches the QPS limit.", "request_id": "2026", "data": {}}
    channels_world.add_fault("tiktok", path="advertiser", status=200, body=body)

    code = code_of(lambda: listed(api, token))

    assert code == NumericErrorCodes.ERROR_CODE_REQUEST_TOO_FREQUENT == 40100


def test_a_gateway_that_fails_is_another_exception(
    api: sdk.ApiClient, token: str, channels_world: Sandbox
) -> None:
    channels_world.add_fault("tiktok", path="advertiser", status=502, body="<html>Bad gateway</html>")

    with pytest.raises(ApiException) as caught:
        listed(api, token)

    assert caught.value.status == 502


def test_a_reader_is_an_analyst_in_the_business_center(api: sdk.ApiClient, channels_world: Sandbox) -> None:
    token = channels_world.issue_token("tiktok", "chiara")["access_token"]
    bc = sdk.BCApi(api)
    [center] = bc.bc_get(token)["data"]["list"]

    assets = bc.bc_asset_get(center["bc_info"]["bc_id"], "ADVERTISER", token)["data"]["list"]

    assert [(row["asset_id"], row["advertiser_role"]) for row in assets] == [(LUMEN, "ANALYST")]
