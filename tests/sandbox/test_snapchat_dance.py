"""The stand-in Snapchat: from the consent page to tokens, their renewal and their end."""

import httpx2
import pytest

from tests.sandbox.snapchat_client import CALLBACK, CLIENT_ID, SECRET, Snap, query_of
from tests.support.sandbox import Sandbox


@pytest.fixture
def snap(sandbox: Sandbox, http: httpx2.Client) -> Snap:
    return Snap(sandbox, http)


def said(response: httpx2.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]


@pytest.mark.parametrize("address", [CALLBACK + "?x=1", CALLBACK.rstrip("/"), "http://evil.example/", ""])
def test_an_address_that_is_not_registered_exactly_gets_no_redirect(snap: Snap, address: str) -> None:
    response = snap.dialog(redirect_uri=address)

    assert response.status_code == 400
    assert "location" not in response.headers


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": ""}, "unsupported_response_type"),
        ({"scope": "ads_management"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
    ],
)
def test_another_flow_or_scope_is_refused_by_a_redirect(snap: Snap, form: dict[str, str], error: str) -> None:
    assert query_of(snap.dialog(**form)) == {"error": error, "state": "s1"}


@pytest.mark.parametrize("action", ["suspend", "deactivate", "checkpoint"])
def test_a_person_who_is_stopped_can_allow_nothing(snap: Snap, action: str) -> None:
    getattr(snap.sandbox, action)("snapchat", "ada")

    assert snap.dialog().status_code == 400


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_secret": ""}, 401, "invalid_client"),
        ({"code": ""}, 400, "invalid_request"),
        ({"redirect_uri": ""}, 400, "invalid_request"),
        ({"code": "made-up"}, 400, "invalid_grant"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_a_bad_token_call_says_what_is_wrong(
    snap: Snap, form: dict[str, str], status: int, error: str
) -> None:
    assert said(snap.redeem(**{"code": snap.code(), **form})) == (status, error)


def test_only_a_form_in_the_body_is_read(snap: Snap) -> None:
    address = f"{snap.base}/login/oauth2/access_token"
    form = {**snap.keys, "grant_type": "authorization_code", "code": snap.code(), "redirect_uri": CALLBACK}

    as_json = snap.http.post(address, json=form)
    in_address = snap.http.post(address, params=form, data={"x": "y"})
    basic = snap.http.post(address, data={"grant_type": "refresh_token"}, auth=(CLIENT_ID, SECRET))
    read = snap.http.get(address, params=form)

    assert said(as_json) == (400, "invalid_request")
    assert said(in_address) == said(basic) == (401, "invalid_client")
    assert read.status_code == 405
    assert (
        snap.http.post(f"{address}/", data=form).status_code == 404
    )  # another address, and no redirect of a secret


def test_a_refresh_token_belongs_to_its_app_and_is_no_access_token(snap: Snap, sandbox: Sandbox) -> None:
    old = snap.issued()
    sandbox.put_app("snapchat", client_id="other", secret="s")

    theirs = snap.refresh(old["refresh_token"], client_id="other", client_secret="s")
    swapped = snap.refresh(old["access_token"])

    assert said(theirs) == said(swapped) == (400, "invalid_grant")
    assert said(snap.refresh("")) == (400, "invalid_request")
    assert snap.get("me", old["refresh_token"]).status_code == 401


def test_a_suspended_app_is_an_unknown_client(snap: Snap, sandbox: Sandbox) -> None:
    old = snap.issued()
    sandbox.put_app("snapchat", suspended=True)

    assert said(snap.refresh(old["refresh_token"])) == (401, "invalid_client")
    assert snap.get("me", old["access_token"]).status_code == 401
    assert snap.dialog().status_code == 400
