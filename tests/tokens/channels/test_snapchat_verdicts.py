"""Snapchat's verdict table: the rows of the fact sheet, and no death from garbage."""

import json
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tokens.channels.snapchat_world import GENERAL
from tokens.channels.kinds import Answer, Call, Reason, Verdict
from tokens.channels.snapchat.channel import CHANNEL
from tokens.channels.snapchat.verdicts import ROWS

Ruled = tuple[Call, int, Any, Verdict, Reason | None]
CALLS: tuple[Call, ...] = get_args(Call)
GOOD_TOKEN = {
    "access_token": "a",
    "token_type": "Bearer",
    "expires_in": 1800,
    "refresh_token": "r",
    "scope": "s",
}
GOOD_ME = {"request_status": "SUCCESS", "request_id": "57aff", "me": {"id": "a71c"}}
GOOD_LIST = {
    "request_status": "success",
    "organizations": [{"sub_request_status": "success", "organization": {}}],
}
FAILED_ITEM = {"request_status": "SUCCESS", "adaccounts": [{"sub_request_status": "ERROR", "adaccount": {}}]}
UNAUTHORIZED = {"request_status": "ERROR", "request_id": "…", "msg": "Unauthorized"}
E3002: dict[str, Any] = {**GENERAL, "debug_message": "Invalid credentials", "error_code": "E3002"}
NO_PERMISSION = {**GENERAL, "debug_message": "Caller does not have permission", "error_code": "E3002"}
E3003 = {**GENERAL, "error_code": "E3003"}
RFC_SENTENCE = (
    "The provided authorization grant or refresh token is invalid, expired, revoked, does not match the redirection URI used in the "
    "authorization request, or was issued to another client."
)
LIMIT = {"request_status": "ERROR", "request_id": "…", "msg": "Rate limit exceeded"}


def oauth(name: str, description: str = "…") -> dict[str, Any]:
    return {"error": name, "error_description": description}


# Typed from the fact sheet's tables of errors, probes and reasons: call, status, body, verdict, reason.
DEATHS: list[Ruled] = [
    ("refresh", 400, oauth("invalid_grant"), Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED),
    ("refresh", 400, oauth("invalid_grant", "Invalid refresh token"), Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED),
    ("refresh", 400, json.dumps(oauth("invalid_grant")), Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED),
    ("refresh", 401, oauth("invalid_grant"), Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED),
    ("refresh", 400, oauth("invalid_grant", RFC_SENTENCE), Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED),
    ("refresh", 400, oauth("invalid_grant", "The user revoked the application"), Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED),
    ("refresh", 400, oauth("invalid_grant", "The client's refresh token is invalid"), Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED),
    ("refresh", 403, oauth("invalid_grant"), Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED),
    ("refresh", 400, {**oauth("invalid_grant"), "error_code": 10**40, "extra": [1]}, Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED),
]  # fmt: skip
NO_DEATHS: list[Ruled] = [
    # 401 of the API: expired or revoked, one refresh decides
    ("api", 401, UNAUTHORIZED, Verdict.CONFIRM_FIRST, None),
    ("introspect", 401, UNAUTHORIZED, Verdict.CONFIRM_FIRST, None),
    ("list_accounts", 401, UNAUTHORIZED, Verdict.CONFIRM_FIRST, None),
    ("introspect", 401, E3002, Verdict.CONFIRM_FIRST, None),
    ("introspect", 401, "", Verdict.CONFIRM_FIRST, None),
    ("introspect", 401, "<html>", Verdict.TRANSIENT, Reason.TRANSIENT),  # a gateway's page
    ("api", 401, oauth("invalid_token"), Verdict.CONFIRM_FIRST, None),
    ("api", 401, oauth("invalid_grant"), Verdict.CONFIRM_FIRST, None),
    # the app
    ("refresh", 401, oauth("invalid_client"), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("refresh", 400, oauth("invalid_client"), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("exchange", 401, oauth("invalid_client"), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("api", 401, oauth("invalid_client"), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("refresh", 400, oauth("unauthorized_client"), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("exchange", 400, oauth("unauthorized_client"), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("exchange", 400, oauth("invalid_scope"), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("refresh", 400, oauth("invalid_grant", "The client has been suspended"), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("refresh", 400, oauth("invalid_request", "client_secret is wrong"), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("api", 403, {**GENERAL, "debug_message": "App is blocked"}, Verdict.APP_FAULT, Reason.APP_FAULT),
    ("refresh", 400, oauth("invalid_grant", "Unknown client"), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("refresh", 400, oauth("invalid_grant", "OAuth app was deactivated"), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("api", 403, {**GENERAL, "debug_message": "App is not approved for this endpoint"}, Verdict.APP_FAULT, Reason.APP_FAULT),
    ("api", 401, {**GENERAL, "debug_message": "OAuth application is not active"}, Verdict.APP_FAULT, Reason.APP_FAULT),
    ("api", 200, oauth("invalid_client"), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("authorize_callback", 0, {"error": "unauthorized_client"}, Verdict.APP_FAULT, Reason.APP_FAULT),
    ("authorize_callback", 0, {"error": "access_denied"}, Verdict.TRANSIENT, Reason.TRANSIENT),
    ("api", 402, {}, Verdict.APP_FAULT, Reason.APP_FAULT),
    ("refresh", 402, oauth("invalid_grant"), Verdict.APP_FAULT, Reason.APP_FAULT),
    # the handshake
    ("exchange", 400, oauth("invalid_grant"), Verdict.OUR_BUG, None),
    ("exchange", 400, oauth("invalid_grant", "redirect_uri mismatch"), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("exchange", 400, oauth("invalid_grant", RFC_SENTENCE), Verdict.OUR_BUG, None),
    ("exchange", 400, oauth("invalid_request"), Verdict.OUR_BUG, None),
    ("exchange", 400, oauth("unsupported_grant_type"), Verdict.OUR_BUG, None),
    ("refresh", 400, oauth("invalid_request"), Verdict.OUR_BUG, None),
    ("refresh", 400, oauth("unsupported_grant_type"), Verdict.OUR_BUG, None),
    ("authorize_callback", 400, {"error": "access_denied"}, Verdict.TRANSIENT, Reason.TRANSIENT),
    ("authorize_callback", 400, {"error": "server_error"}, Verdict.TRANSIENT, Reason.TRANSIENT),
    ("authorize_callback", 400, {"error": "temporarily_unavailable"}, Verdict.TRANSIENT, Reason.TRANSIENT),
    ("authorize_callback", 400, {"error": "invalid_scope"}, Verdict.APP_FAULT, Reason.APP_FAULT),
    ("authorize_callback", 400, {"error": "unauthorized_client"}, Verdict.APP_FAULT, Reason.APP_FAULT),
    ("authorize_callback", 400, {"error": "invalid_request"}, Verdict.OUR_BUG, None),
    ("authorize_callback", 400, {"error": "unsupported_response_type"}, Verdict.OUR_BUG, None),
    ("authorize_callback", 400, {"error": "whatever"}, Verdict.TRANSIENT, Reason.TRANSIENT),
    ("authorize_callback", 400, {"error": ""}, Verdict.OUR_BUG, None),
    ("authorize_callback", 200, {}, Verdict.OUR_BUG, None),
    ("authorize_callback", 302, "https://a.example/cb/?error=invalid_scope&state=s", Verdict.APP_FAULT, Reason.APP_FAULT),
    ("authorize_callback", 302, "error=access_denied&state=s", Verdict.TRANSIENT, Reason.TRANSIENT),
    ("authorize_callback", 302, "code=c&state=s", Verdict.OK, None),
    ("authorize_callback", 200, {"code": "c", "state": "s"}, Verdict.OK, None),
    ("authorize_callback", 200, "<html>", Verdict.OUR_BUG, None),
    # the pair, not the token
    ("api", 403, GENERAL, Verdict.ACCESS_LOST, Reason.ACCESS_LOST),
    ("api", 403, {**GENERAL, "debug_message": "Scope is missing"}, Verdict.ACCESS_LOST, Reason.SCOPE_MISSING),
    ("api", 403, {"error": "insufficient_scope"}, Verdict.ACCESS_LOST, Reason.SCOPE_MISSING),
    ("api", 403, NO_PERMISSION, Verdict.ACCESS_LOST, Reason.ACCESS_LOST),
    ("api", 400, NO_PERMISSION, Verdict.ACCESS_LOST, Reason.ACCESS_LOST),
    ("api", 200, NO_PERMISSION, Verdict.ACCESS_LOST, Reason.ACCESS_LOST),
    ("api", 403, {**GENERAL, "debug_message": "Ad account is suspended"}, Verdict.ACCOUNT_RESTRICTED, Reason.RESTRICTED),
    ("api", 403, {**GENERAL, "debug_message": "Organization is not active"}, Verdict.ACCOUNT_RESTRICTED, Reason.RESTRICTED),
    ("api", 400, {**GENERAL, "display_message": "The client's ad account was disabled"}, Verdict.ACCOUNT_RESTRICTED, Reason.RESTRICTED),
    ("introspect", 403, {**GENERAL, "debug_message": "Ad account is suspended"}, Verdict.TRANSIENT, Reason.TRANSIENT),
    ("api", 404, E3003, Verdict.ACCESS_LOST, Reason.ACCESS_LOST),
    ("api", 404, GENERAL, Verdict.ACCESS_LOST, Reason.ACCESS_LOST),
    # of /me, 403 and 404 say nothing about an ad account
    ("introspect", 403, GENERAL, Verdict.TRANSIENT, Reason.TRANSIENT),
    ("introspect", 404, E3003, Verdict.TRANSIENT, Reason.TRANSIENT),
    # a gateway's page takes no ad account away
    ("api", 403, "<html>blocked</html>", Verdict.CONFIRM_FIRST, None),
    ("api", 404, "<html>", Verdict.CONFIRM_FIRST, None),
    # throttle
    ("api", 429, LIMIT, Verdict.RATE_LIMITED, Reason.TRANSIENT),
    ("introspect", 429, "", Verdict.RATE_LIMITED, Reason.TRANSIENT),
    ("refresh", 429, oauth("invalid_grant"), Verdict.RATE_LIMITED, Reason.TRANSIENT),
    ("api", 403, {**GENERAL, "debug_message": "The access token is expired"}, Verdict.CONFIRM_FIRST, None),
    ("api", 400, {**GENERAL, "debug_message": "Invalid access token"}, Verdict.CONFIRM_FIRST, None),
    ("api", 403, "<html>You are being rate limited</html>", Verdict.RATE_LIMITED, Reason.TRANSIENT),
    # boilerplate statuses
    ("api", 405, GENERAL, Verdict.OUR_BUG, None),
    ("api", 406, GENERAL, Verdict.OUR_BUG, None),
    ("api", 410, GENERAL, Verdict.OUR_BUG, None),
    ("api", 418, GENERAL, Verdict.OUR_BUG, None),
    ("api", 400, GENERAL, Verdict.OUR_BUG, None),
    # vendor trouble
    ("api", 500, GENERAL, Verdict.TRANSIENT, Reason.TRANSIENT),
    ("refresh", 503, "<html>", Verdict.TRANSIENT, Reason.TRANSIENT),
    ("refresh", 503, oauth("invalid_grant"), Verdict.TRANSIENT, Reason.TRANSIENT),
    ("refresh", 520, oauth("invalid_client"), Verdict.TRANSIENT, Reason.TRANSIENT),
    ("introspect", 599, UNAUTHORIZED, Verdict.TRANSIENT, Reason.TRANSIENT),
    ("refresh", 400, oauth("temporarily_unavailable"), Verdict.TRANSIENT, Reason.TRANSIENT),
    ("refresh", 400, oauth("server_error"), Verdict.TRANSIENT, Reason.TRANSIENT),
    ("refresh", 403, "<html>blocked</html>", Verdict.CONFIRM_FIRST, None),
    ("refresh", 400, {"error": {"code": "invalid_grant"}}, Verdict.CONFIRM_FIRST, None),
    ("refresh", 400, {"error": ["invalid_grant"]}, Verdict.CONFIRM_FIRST, None),
    ("refresh", 451, "", Verdict.TRANSIENT, Reason.TRANSIENT),
    ("api", 422, E3003, Verdict.TRANSIENT, Reason.TRANSIENT),
    ("api", 0, "no answer in time", Verdict.TRANSIENT, Reason.TRANSIENT),
    ("api", 302, "", Verdict.TRANSIENT, Reason.TRANSIENT),
    # an error inside HTTP 200, and shapes that are no answer
    ("api", 200, FAILED_ITEM, Verdict.TRANSIENT, Reason.TRANSIENT),
    ("list_accounts", 200, FAILED_ITEM, Verdict.TRANSIENT, Reason.TRANSIENT),
    ("api", 200, GENERAL, Verdict.TRANSIENT, Reason.TRANSIENT),
    ("introspect", 200, UNAUTHORIZED, Verdict.TRANSIENT, Reason.TRANSIENT),
    ("refresh", 200, oauth("invalid_grant"), Verdict.TRANSIENT, Reason.TRANSIENT),
    ("refresh", 403, "", Verdict.CONFIRM_FIRST, None),
    ("refresh", 400, "<html>", Verdict.CONFIRM_FIRST, None),
    ("refresh", 400, oauth("something_new"), Verdict.CONFIRM_FIRST, None),
    ("refresh", 200, {}, Verdict.TRANSIENT, Reason.TRANSIENT),
    ("exchange", 200, {"access_token": None}, Verdict.TRANSIENT, Reason.TRANSIENT),
    ("introspect", 200, {"me": []}, Verdict.TRANSIENT, Reason.TRANSIENT),
    ("introspect", 200, [], Verdict.TRANSIENT, Reason.TRANSIENT),
    ("list_accounts", 200, {"organizations": None}, Verdict.TRANSIENT, Reason.TRANSIENT),
    ("api", 200, "<html>log in</html>", Verdict.TRANSIENT, Reason.TRANSIENT),
    ("api", 200, [1], Verdict.TRANSIENT, Reason.TRANSIENT),
    # fine
    ("exchange", 200, GOOD_TOKEN, Verdict.OK, None),
    ("refresh", 200, {"access_token": "a"}, Verdict.OK, None),
    ("introspect", 200, GOOD_ME, Verdict.OK, None),
    ("introspect", 200, {"request_id": "57ae", "me": {"id": "2f5d"}}, Verdict.OK, None),  # samples without the status
    ("list_accounts", 200, GOOD_LIST, Verdict.OK, None),
    ("list_accounts", 200, {"request_status": "SUCCESS", "adaccounts": []}, Verdict.OK, None),
    ("api", 200, GOOD_LIST, Verdict.OK, None),
    ("api", 201, {"request_status": "SUCCESS", "campaigns": []}, Verdict.OK, None),
    ("api", 200, "", Verdict.OK, None),
    ("api", 204, None, Verdict.OK, None),
]  # fmt: skip


@pytest.mark.parametrize(("call", "status", "body", "verdict", "reason"), [*DEATHS, *NO_DEATHS])
def test_an_answer_is_ruled_as_the_fact_sheet_says(
    call: Call, status: int, body: Any, verdict: Verdict, reason: Reason | None
) -> None:
    classification = CHANNEL.classify(Answer(call, status, body=body))

    assert (classification.verdict, classification.reason) == (verdict, reason)


def test_only_a_refused_refresh_kills() -> None:
    killed = {
        (call, status)
        for call, status, _, verdict, _ in [*DEATHS, *NO_DEATHS]
        if verdict == Verdict.TOKEN_DEAD
    }

    assert killed == {("refresh", 400), ("refresh", 401), ("refresh", 403)}


@pytest.mark.parametrize(
    "answer",
    [
        Answer("exchange", 400, body=oauth("invalid_grant")),
        Answer("authorize_callback", 400, body={"error": ""}),
        Answer("authorize_callback", 400),
    ],
)
def test_a_handshake_that_is_over_starts_again(answer: Answer) -> None:
    assert CHANNEL.classify(answer).row == "state"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_names_its_source(row: Any) -> None:
    assert row.source


def test_what_no_row_knows_is_recognised_again() -> None:
    first = CHANNEL.classify(Answer("refresh", 400, body=oauth("something_new", "at 12:00")))
    second = CHANNEL.classify(Answer("refresh", 400, body=oauth("something_new", "at 13:59")))
    other = CHANNEL.classify(Answer("refresh", 400, body=oauth("another")))
    known = CHANNEL.classify(Answer("refresh", 400, body=oauth("invalid_grant")))
    callback = CHANNEL.classify(Answer("authorize_callback", 400, body={"error": "typed by hand"}))

    assert first.unknown == second.unknown != ""
    assert other.unknown not in {"", first.unknown}
    assert known.unknown == callback.unknown == ""


@pytest.mark.parametrize("name", ["Retry-After", "retry-after"])
def test_a_wait_is_read_in_any_case_and_cut_to_a_day(name: str) -> None:
    short = CHANNEL.classify(Answer("api", 429, headers={name: "7"}))
    long = CHANNEL.classify(Answer("api", 429, headers={name: "99999999"}))

    assert (short.retry_after, long.retry_after) == (7, 86_400)


@pytest.mark.parametrize(
    "headers", [{}, {"Retry-After": "soon"}, {"X-Rate-Limit-Reset": "12"}, {"X-Rate-Limit-Reset": "-"}]
)
def test_a_limit_without_a_usable_header_names_no_wait(headers: dict[str, str]) -> None:
    classification = CHANNEL.classify(Answer("api", 429, headers=headers))

    assert (classification.verdict, classification.retry_after) == (Verdict.RATE_LIMITED, None)


def test_a_secret_in_the_channels_words_is_not_kept() -> None:
    body = oauth("invalid_grant", "refresh_token=eyJSBXTOKENabcdefgh is revoked")

    assert "SBXTOKEN" not in CHANNEL.classify(Answer("refresh", 400, body=body)).note


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(
    ["error", "error_code", "error_description", "debug_message", "msg", "request_status", "me", "access_token", "expires_in",
     "refresh_token", "scope", "organizations", "adaccounts", "organization", "adaccount", "ad_accounts", "roles", "paging", "next_link",
     "sub_request_status", "id", "status", "name", "currency"]
)  # fmt: skip
LIKE_SNAPCHAT = st.recursive(
    JSON | st.sampled_from(["SUCCESS", "ERROR", "expired", "ACTIVE", "admin", "http://[", "https://x/?a=1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=20,
)


@settings(max_examples=100)
@given(
    call=st.sampled_from(CALLS),
    status=st.integers(0, 600),
    body=JSON | LIKE_SNAPCHAT | st.binary(max_size=60),
    headers=st.dictionaries(
        st.sampled_from(["Retry-After", "X-Rate-Limit-Reset"]), st.text(max_size=8), max_size=2
    ),
)
def test_garbage_is_ruled_without_an_exception_and_kills_nothing(
    call: Call, status: int, body: Any, headers: dict[str, str]
) -> None:
    classification = CHANNEL.classify(Answer(call, status, headers=headers, body=body))

    if "invalid_grant" not in str(body):
        assert classification.verdict != Verdict.TOKEN_DEAD


@settings(max_examples=100)
@given(status=st.integers(0, 600), name=st.text(max_size=30), description=JSON)
def test_no_name_but_invalid_grant_kills_at_a_refresh(status: int, name: str, description: Any) -> None:
    body = {"error": name, "error_description": description}

    classification = CHANNEL.classify(Answer("refresh", status, body=body))

    assert classification.verdict != Verdict.TOKEN_DEAD or name == "invalid_grant"
