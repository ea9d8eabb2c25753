"""The stand-in Snapchat: from the consent page to tokens, their renewal and their end."""

import re
from typing import Any

import httpx2
import pytest

from tests.sandbox.snapchat_client import CALLBACK, CLIENT_ID, SCOPE, SECRET, Snap, query_of
from tests.support.sandbox import Sandbox


@pytest.fixture
def snap(sandbox: Sandbox, http: httpx2.Client) -> Snap:
    return Snap(sandbox, http)


def said(response: httpx2.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]


def test_the_page_asks_who_is_there_and_then_what_to_allow(snap: Snap) -> None:
    asked = {"client_id": CLIENT_ID, "redirect_uri": CALLBACK, "response_type": "code", "scope": SCOPE}
    page = f"{snap.base}/login/oauth2/authorize"

    who = snap.http.get(page, params=asked).text
    consent = snap.http.get(page, params={**asked, "user": "ada"}).text

    assert "Sandbox Snapchat" in who
    assert re.findall(r'name="user" value="(\w+)"', who) == ["ada", "ben", "chiara", "emil"]
    assert SCOPE in consent
    assert "Lumen Shoes EU" in consent


def test_allow_brings_a_code_and_cancel_an_error_and_both_the_state(snap: Snap) -> None:
    allowed, cancelled = query_of(snap.dialog()), query_of(snap.dialog(action="cancel"))

    assert (set(allowed), allowed["state"]) == ({"code", "state"}, "s1")
    assert cancelled == {"error": "access_denied", "state": "s1"}


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


@pytest.mark.parametrize(("switches", "seconds"), [({}, 1800), ({"expires_in": 3600}, 3600)])
def test_a_code_becomes_both_tokens(snap: Snap, switches: dict[str, Any], seconds: int) -> None:
    snap.switch(**switches)

    response = snap.redeem(snap.code())

    answer = response.json()
    assert response.headers["cache-control"] == "no-store"
    assert set(answer) == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert (answer["token_type"], answer["expires_in"], answer["scope"]) == ("Bearer", seconds, SCOPE)
    assert len(answer["access_token"]) > 255
    assert snap.get("me", answer["access_token"]).status_code == 200


def test_a_code_is_good_once_for_ten_minutes_and_for_its_own_address(snap: Snap, sandbox: Sandbox) -> None:
    used, moved, late = snap.code(), snap.code(), snap.code()
    snap.redeem(used)

    again = snap.redeem(used)
    elsewhere = snap.redeem(moved, redirect_uri=CALLBACK + "x")
    sandbox.set_clock(offset=601)
    too_late = snap.redeem(late)
    sandbox.set_clock()

    assert [said(one) for one in (again, elsewhere, too_late)] == [(400, "invalid_grant")] * 3


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


def test_a_refresh_without_rotation_brings_no_refresh_token_and_keeps_the_old_one(snap: Snap) -> None:
    old = snap.issued()

    first, second = snap.refresh(old["refresh_token"]), snap.refresh(old["refresh_token"])

    assert set(first.json()) == {"access_token", "token_type", "expires_in", "scope"}
    assert second.status_code == 200
    assert snap.get("me", second.json()["access_token"]).status_code == 200


def test_a_refresh_with_rotation_spends_the_old_refresh_token(snap: Snap) -> None:
    snap.switch(rotate=True)
    old = snap.issued()

    fresh = snap.refresh(old["refresh_token"]).json()

    assert fresh["refresh_token"] != old["refresh_token"]
    assert said(snap.refresh(old["refresh_token"])) == (400, "invalid_grant")
    assert snap.refresh(fresh["refresh_token"]).status_code == 200


def test_an_access_token_ends_with_its_half_hour_and_the_refresh_token_lives_on(
    snap: Snap, sandbox: Sandbox
) -> None:
    old = snap.issued()
    sandbox.set_clock(offset=1801)

    dead = snap.get("me", old["access_token"])
    year = 366 * 86_400
    sandbox.set_clock(offset=year)
    renewed = snap.refresh(old["refresh_token"])
    alive = snap.get("me", renewed.json()["access_token"])
    sandbox.set_clock()

    assert (dead.status_code, dead.json()["msg"]) == (401, "Unauthorized")
    assert 'error="invalid_token"' in dead.headers["www-authenticate"]
    assert (renewed.status_code, alive.status_code) == (200, 200)


@pytest.mark.parametrize("action", ["cancel_authorisation", "suspend", "deactivate", "checkpoint"])
def test_what_ends_a_consent_looks_the_same_whoever_ended_it(
    snap: Snap, sandbox: Sandbox, action: str
) -> None:
    old = snap.issued()
    getattr(sandbox, action)("snapchat", "ada")

    assert snap.get("me", old["access_token"]).status_code == 401
    assert said(snap.refresh(old["refresh_token"])) == (400, "invalid_grant")


@pytest.mark.parametrize("action", ["suspend", "checkpoint"])
def test_a_stop_that_is_lifted_leaves_the_consent_as_it_was(
    snap: Snap, sandbox: Sandbox, action: str
) -> None:
    old = snap.issued()
    getattr(sandbox, action)("snapchat", "ada")
    getattr(sandbox, action)("snapchat", "ada", on=False)

    assert snap.refresh(old["refresh_token"]).status_code == 200


@pytest.mark.parametrize("action", ["change_password", "log_out"])
def test_what_no_source_names_ends_nothing(snap: Snap, sandbox: Sandbox, action: str) -> None:
    old = snap.issued()
    getattr(sandbox, action)("snapchat", "ada")

    assert snap.get("me", old["access_token"]).status_code == 200


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


@pytest.mark.parametrize("path", ["revoke", "revoke_token"])
@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_one_of_the_two_disputed_addresses_revokes(snap: Snap, path: str, which: str) -> None:
    snap.switch(revoke_path=path)
    old = snap.issued()
    other = "revoke" if path == "revoke_token" else "revoke_token"
    form = {**snap.keys, "token": old[which]}

    wrong = snap.http.post(f"{snap.base}/login/oauth2/{other}", data=form)
    right = snap.http.post(f"{snap.base}/login/oauth2/{path}", data=form)

    assert (wrong.status_code, right.status_code) == (404, 200)
    assert said(snap.refresh(old["refresh_token"])) == (400, "invalid_grant")


def test_orders_shape_the_next_answers(snap: Snap, sandbox: Sandbox) -> None:
    old = snap.issued()
    sandbox.next_token(channel="snapchat", kind="refresh", omit=["expires_in"], put={"refresh_token": "same"})

    ordered, after = snap.refresh(old["refresh_token"]).json(), snap.refresh(old["refresh_token"]).json()

    assert ("expires_in" in ordered, ordered["refresh_token"]) == (False, "same")
    assert ("expires_in" in after, "refresh_token" in after) == (True, False)


def test_no_secret_of_a_call_is_in_the_log(snap: Snap, sandbox: Sandbox) -> None:
    old = snap.issued()
    snap.refresh(old["refresh_token"])
    snap.get("me", old["access_token"])

    log = str(sandbox.calls(channel="snapchat"))

    assert Sandbox.MARKER not in log
    assert SECRET not in log
