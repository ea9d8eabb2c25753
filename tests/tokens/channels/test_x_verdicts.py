"""X's verdict table: each row, and that nothing else ends a token."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokens.channels.classifier import Facts
from tokens.channels.kinds import Answer, Call, Reason, Verdict
from tokens.channels.x.channel import CHANNEL
from tokens.channels.x.verdicts import ROWS

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC).timestamp()


def v1(code: int, message: str = "") -> dict[str, Any]:
    return {"errors": [{"code": code, "message": message}]}


def oauth2(error: str, description: str = "") -> dict[str, Any]:
    return {"error": error, "error_description": description}


def ads(code: str) -> dict[str, Any]:
    return {"errors": [{"code": code, "message": "…"}], "request": {"params": {}}}


def problem(kind: str, status: int) -> dict[str, Any]:
    address = f"https://api.twitter.com/2/problems/{kind}"
    return {"title": "No", "type": address, "status": status, "detail": "No"}


XML = """<?xml version='1.0' encoding='UTF-8'?><errors><error code="{}">Not approved</error></errors>"""

TABLE: list[tuple[Call, int, Any, Verdict, Reason | None]] = [
    # good answers
    ("api", 200, {"data": {}}, Verdict.OK, None),
    ("api", 201, {"data": {"id": "c1"}}, Verdict.OK, None),
    ("api", 200, {"data": {}, "errors": []}, Verdict.OK, None),
    ("api", 204, "", Verdict.OK, None),
    ("exchange", 200, "oauth_token=a&oauth_token_secret=b", Verdict.OK, None),
    ("exchange", 200, {"access_token": "a", "refresh_token": "b"}, Verdict.OK, None),
    ("refresh", 200, {"access_token": "a", "refresh_token": "b"}, Verdict.OK, None),
    ("introspect", 200, {"id": 1, "id_str": "1"}, Verdict.OK, None),
    ("introspect", 200, {"data": {"id": "1"}}, Verdict.OK, None),
    ("list_accounts", 200, {"data": [], "next_cursor": None}, Verdict.OK, None),
    # good by status only
    ("introspect", 200, {}, Verdict.TRANSIENT, Reason.TRANSIENT),
    ("introspect", 200, [], Verdict.TRANSIENT, Reason.TRANSIENT),
    ("list_accounts", 200, {"data": {}}, Verdict.TRANSIENT, Reason.TRANSIENT),
    ("exchange", 200, {}, Verdict.TRANSIENT, Reason.TRANSIENT),
    ("refresh", 200, "", Verdict.TRANSIENT, Reason.TRANSIENT),
    ("api", 200, {"data": [], "errors": [{"code": "INVALID"}]}, Verdict.TRANSIENT, Reason.TRANSIENT),
    ("introspect", 200, "<html>Something went wrong</html>", Verdict.TRANSIENT, Reason.TRANSIENT),
    ("api", 200, {"errors": "nonsense"}, Verdict.TRANSIENT, Reason.TRANSIENT),
    # the end of a token
    ("introspect", 401, v1(89), Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED),
    ("introspect", 403, v1(89), Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED),
    ("introspect", 403, v1(64), Verdict.TOKEN_DEAD, Reason.SUSPENDED),
    ("introspect", 403, v1(326), Verdict.TOKEN_DEAD, Reason.SECURITY_CHECKPOINT),
    ("introspect", 404, v1(50), Verdict.TOKEN_DEAD, Reason.UNKNOWN),
    ("introspect", 404, v1(34), Verdict.CONFIRM_FIRST, Reason.UNKNOWN),
    ("api", 401, v1(89), Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED),
    ("api", 403, ads("CURRENT_USER_SUSPENDED"), Verdict.TOKEN_DEAD, Reason.SUSPENDED),
    ("api", 403, ads("ACCOUNT_LOCKED_OUT"), Verdict.CONFIRM_FIRST, Reason.SECURITY_CHECKPOINT),
    ("api", 401, ads("UNAUTHORIZED_ACCESS"), Verdict.CONFIRM_FIRST, None),
    ("api", 403, v1(64), Verdict.TOKEN_DEAD, Reason.SUSPENDED),
    ("list_accounts", 400, v1(89), Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED),
    ("list_accounts", 403, ads("CURRENT_USER_SUSPENDED"), Verdict.TOKEN_DEAD, Reason.SUSPENDED),
    ("refresh", 400, oauth2("invalid_request", "Value passed for the token was invalid."), Verdict.TOKEN_DEAD,
     Reason.AUTHORISATION_CANCELLED),
    ("refresh", 400, oauth2("invalid_grant"), Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED),
    # near a death, and none
    ("refresh", 400, oauth2("invalid_request", "Missing required parameter [grant_type]."), Verdict.OUR_BUG, None),
    ("refresh", 400, oauth2("invalid_request"), Verdict.OUR_BUG, None),
    ("refresh", 503, oauth2("invalid_grant"), Verdict.TRANSIENT, Reason.TRANSIENT),
    ("refresh", 429, oauth2("invalid_grant"), Verdict.RATE_LIMITED, Reason.TRANSIENT),
    ("api", 400, oauth2("invalid_grant"), Verdict.OUR_BUG, None),
    ("api", 401, {"error": "Invalid or expired token."}, Verdict.CONFIRM_FIRST, None),
    ("api", 401, {"errors": [{"code": [89]}]}, Verdict.CONFIRM_FIRST, None),
    ("api", 401, {"data": {"errors": [{"code": 89}]}}, Verdict.CONFIRM_FIRST, None),
    ("api", 404, v1(34), Verdict.CONFIRM_FIRST, None),
    ("api", 404, v1(50), Verdict.CONFIRM_FIRST, None),
    ("api", 403, v1(63), Verdict.CONFIRM_FIRST, None),
    ("api", 403, v1(99), Verdict.CONFIRM_FIRST, None),
    ("introspect", 403, v1(99), Verdict.TRANSIENT, Reason.TRANSIENT),
    ("api", 403, ads("ACTION_NOT_ALLOWED"), Verdict.CONFIRM_FIRST, None),
    # the pair
    ("api", 403, ads("ACCOUNT_NOT_FOUND"), Verdict.ACCESS_LOST, Reason.ACCESS_LOST),
    ("api", 403, ads("USER_NOT_FOUND"), Verdict.ACCESS_LOST, Reason.ACCESS_LOST),
    ("api", 403, v1(220), Verdict.ACCESS_LOST, Reason.SCOPE_MISSING),
    ("api", 403, ads("INSUFFICIENT_USER_AUTHORIZED_PERMISSION"), Verdict.ACCESS_LOST, Reason.PUBLISHING_LOST),
    # our app
    ("introspect", 401, v1(416), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("api", 403, ads("UNAUTHORIZED_CLIENT_APPLICATION"), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("api", 403, ads("READONLY_CLIENT_APPLICATION"), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("api", 403, v1(261), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("api", 403, problem("client-forbidden", 403), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("exchange", 401, v1(32), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("exchange", 403, v1(415), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("exchange", 403, XML.format(415), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("introspect", 403, XML.format(89), Verdict.TRANSIENT, Reason.TRANSIENT),
    ("api", 402, v1(89), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("api", 402, problem("credits", 402), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("introspect", 403, v1(453, "You currently have access to a subset of X API V2 endpoints"), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("api", 403, v1(87, "Client is not permitted to perform this action."), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("api", 403, problem("oauth1-permissions", 403), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("introspect", 401, {"errors": [*v1(89)["errors"], *v1(416)["errors"]]}, Verdict.APP_FAULT, Reason.APP_FAULT),
    ("introspect", 401, v1(89, "Your application has been suspended."), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("api", 403, v1(99999, "This developer account is blocked"), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("exchange", 401, "Invalid / suspended application", Verdict.APP_FAULT, Reason.APP_FAULT),
    ("exchange", 401, "Failed to validate oauth signature and token", Verdict.APP_FAULT, Reason.APP_FAULT),
    ("exchange", 401, oauth2("unauthorized_client", "Missing valid authorization header"), Verdict.APP_FAULT, Reason.APP_FAULT),
    ("refresh", 401, oauth2("invalid_client"), Verdict.APP_FAULT, Reason.APP_FAULT),
    # us
    ("exchange", 400, oauth2("invalid_request", "Value passed for the authorization code was invalid."), Verdict.OUR_BUG, None),
    ("exchange", 401, "Error processing your OAuth request: Invalid oauth_verifier parameter", Verdict.OUR_BUG, None),
    ("api", 404, ads("CAMPAIGN_NOT_FOUND"), Verdict.OUR_BUG, None),
    ("api", 405, ads("METHOD_NOT_ALLOWED"), Verdict.OUR_BUG, None),
    ("api", 403, ads("TWEET_IS_SPAM"), Verdict.OUR_BUG, None),
    # the way back from the consent page
    ("authorize_callback", 200, {"oauth_token": "a", "oauth_verifier": "b"}, Verdict.OK, None),
    ("authorize_callback", 302, "https://adtoken.example.com/link/x/callback/?oauth_token=a&oauth_verifier=b", Verdict.OK, None),
    ("authorize_callback", 200, {"denied": "a"}, Verdict.TRANSIENT, Reason.TRANSIENT),
    ("authorize_callback", 200, "denied=a", Verdict.TRANSIENT, Reason.TRANSIENT),
    ("authorize_callback", 200, {"error": "access_denied", "state": "s"}, Verdict.TRANSIENT, Reason.TRANSIENT),
    ("authorize_callback", 200, {"oauth_token": "a"}, Verdict.OUR_BUG, None),
    ("authorize_callback", 200, {}, Verdict.OUR_BUG, None),
    ("introspect", 401, v1(32), Verdict.OUR_BUG, None),
    ("introspect", 400, v1(215), Verdict.OUR_BUG, None),
    ("introspect", 401, v1(135), Verdict.OUR_BUG, None),
    ("api", 401, v1(32), Verdict.CONFIRM_FIRST, None),
    ("api", 400, ads("INVALID_PARAMETER"), Verdict.OUR_BUG, None),
    ("api", 400, ads("MISSING_PARAMETER"), Verdict.OUR_BUG, None),
    ("api", 404, ads("ROUTE_NOT_FOUND"), Verdict.OUR_BUG, None),
    ("api", 403, problem("unsupported-authentication", 403), Verdict.OUR_BUG, None),
    ("exchange", 401, v1(89), Verdict.OUR_BUG, None),
    ("exchange", 401, "Invalid request token.", Verdict.OUR_BUG, None),
    # passing
    ("introspect", 429, v1(89), Verdict.RATE_LIMITED, Reason.TRANSIENT),
    ("api", 403, {"errors": [*v1(64)["errors"], *v1(88)["errors"]]}, Verdict.RATE_LIMITED, Reason.TRANSIENT),
    ("api", 420, "", Verdict.RATE_LIMITED, Reason.TRANSIENT),
    ("api", 429, problem("usage-capped", 429), Verdict.RATE_LIMITED, Reason.TRANSIENT),
    ("api", 403, problem("usage-capped", 403), Verdict.RATE_LIMITED, Reason.TRANSIENT),
    ("api", 429, "", Verdict.RATE_LIMITED, Reason.TRANSIENT),
    ("api", 200, v1(88), Verdict.RATE_LIMITED, Reason.TRANSIENT),
    ("list_accounts", 429, ads("TOO_MANY_REQUESTS"), Verdict.RATE_LIMITED, Reason.TRANSIENT),
    ("api", 503, ads("SERVICE_UNAVAILABLE"), Verdict.TRANSIENT, Reason.TRANSIENT),
    ("api", 408, ads("CANCELLED_REQUEST"), Verdict.TRANSIENT, Reason.TRANSIENT),
    ("api", 423, ads("LOCK_ACQUISITION_TIMEOUT"), Verdict.TRANSIENT, Reason.TRANSIENT),
    ("api", 403, v1(131), Verdict.TRANSIENT, Reason.TRANSIENT),
    ("introspect", 0, "no answer in time", Verdict.TRANSIENT, Reason.TRANSIENT),
    ("introspect", 500, v1(89), Verdict.TRANSIENT, Reason.TRANSIENT),
    # not in the table
    ("introspect", 401, "<html>Unauthorized</html>", Verdict.TRANSIENT, Reason.TRANSIENT),
    ("introspect", 403, v1(99999), Verdict.TRANSIENT, Reason.TRANSIENT),
    ("api", 401, "<html>Unauthorized</html>", Verdict.CONFIRM_FIRST, None),
    ("api", 403, problem("something-new", 403), Verdict.CONFIRM_FIRST, None),
    ("api", 302, "", Verdict.TRANSIENT, Reason.TRANSIENT),
]  # fmt: skip


@pytest.mark.parametrize(("call", "status", "body", "verdict", "reason"), TABLE)
def test_an_answer_of_the_fact_sheet_means_this(
    call: Call, status: int, body: Any, verdict: Verdict, reason: Reason | None
) -> None:
    classification = CHANNEL.classify(Answer(call, status, body=body))

    assert (classification.verdict, classification.reason) == (verdict, reason)


def test_a_job_may_report_the_body_as_text() -> None:
    classification = CHANNEL.classify(Answer("api", 401, body='{"errors": [{"code": "89"}]}'))

    assert classification.verdict == Verdict.TOKEN_DEAD


def test_every_row_says_where_it_comes_from() -> None:
    unsourced = [row.name for row in ROWS if not row.source]

    assert unsourced == []


def test_every_row_that_ends_something_names_its_codes() -> None:
    ending = [row for row in ROWS if row.verdict in {Verdict.TOKEN_DEAD, Verdict.ACCESS_LOST}]

    assert len(ending) == 9
    assert all(row.codes for row in ending)


ENDING_CODES = {
    str(code).lower()
    for row in ROWS
    if row.verdict in {Verdict.TOKEN_DEAD, Verdict.ACCESS_LOST}
    for code in row.codes or ()
}
CALLS: tuple[Call, ...] = ("api", "refresh", "exchange", "introspect", "list_accounts", "authorize_callback")
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
leaves |= st.sampled_from(
    [32, 34, 50, 64, 88, 89, "89", 215, 326, 416, 415, *(c for row in ROWS for c in row.codes or ())]
)
keys = st.sampled_from(
    ["errors", "error", "code", "message", "type", "title", "detail", "data", "status", "id"]
)
bodies = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(keys, inner, max_size=4)
        | st.builds(lambda row: {"errors": [row]}, st.dictionaries(keys, inner, max_size=3))
    ),
    max_leaves=12,
)


@given(
    call=st.sampled_from(CALLS),
    status=st.sampled_from([0, 200, 201, 302, 400, 401, 403, 404, 410, 418, 429, 451, 500, 503, 599, -1]),
    headers=st.dictionaries(
        st.sampled_from(["Retry-After", "x-rate-limit-reset", "x-account-rate-limit-remaining"]),
        st.text(max_size=20),
    ),
    body=bodies,
)
def test_classify_is_total_and_ends_nothing_without_a_row_for_its_code(
    call: Call, status: int, headers: dict[str, str], body: Any
) -> None:
    classification = CHANNEL.classify(Answer(call, status, headers, body))

    if classification.verdict in {Verdict.TOKEN_DEAD, Verdict.ACCESS_LOST}:
        assert classification.row in {row.name for row in ROWS}
        assert call in {"api", "list_accounts", "introspect", "refresh"}
        assert any(code in str(body).lower() for code in ENDING_CODES)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "30"}, 30),
        ({"x-rate-limit-reset": str(int(NOW) + 600)}, 601),
        ({"x-rate-limit-reset": str(int(NOW) - 600)}, 1),
        ({"x-rate-limit-reset": "9" * 14}, 86_400),
        ({"x-rate-limit-reset": "soon"}, None),
        (
            {
                "x-rate-limit-reset": str(int(NOW) + 600),
                "x-account-rate-limit-remaining": "0",
                "x-account-rate-limit-reset": str(int(NOW) + 60),
            },
            61,
        ),
        ({}, None),
    ],
)
def test_the_headers_say_how_long_to_wait(headers: dict[str, str], seconds: int | None) -> None:
    found = CHANNEL.table.retry_after(Answer("api", 429, headers), Facts("api", 429), NOW)

    assert found == seconds


def test_a_limit_carries_its_wait_into_the_classification() -> None:
    headers = {"x-rate-limit-reset": str(int(time.time()) + 300)}

    classification = CHANNEL.classify(Answer("api", 429, headers, ads("TOO_MANY_REQUESTS")))

    assert classification.retry_after is not None
    assert 290 <= classification.retry_after <= 302
