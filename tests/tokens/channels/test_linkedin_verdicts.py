"""LinkedIn's verdict table: rows of the documents and of answers that were seen, and no death from garbage."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from tokens.channels.kinds import Answer, Call, Reason, Verdict
from tokens.channels.linkedin.channel import CHANNEL
from tokens.channels.linkedin.verdicts import ROWS
from users import database_clock

CALLS: tuple[Call, ...] = ("api", "refresh", "exchange", "introspect", "list_accounts", "authorize_callback")
REVOKED_TEXT = "The token used in the request has been revoked by the user"
BAD_CODE = (
    "Unable to retrieve access token: appid/redirect uri/code verifier does not match authorization code. "
    "Or authorization code expired. Or external member binding exists"
)
BAD_REFRESH = "The provided authorization grant or refresh token is invalid, expired or revoked"


def api(status: int, number: Any = None, code: str = "", message: str = "") -> dict[str, Any]:
    """An error of the API."""
    body: dict[str, Any] = {"status": status, "message": message}
    if number is not None:
        body["serviceErrorCode"] = number
    return body | ({"code": code} if code else {})


def oauth(error: str, text: str = "") -> dict[str, Any]:
    """An error of the OAuth endpoints."""
    return {"error": error, "error_description": text}


def told(*, active: Any, status: str | None = None, **more: Any) -> dict[str, Any]:
    """What introspection says."""
    return {"active": active, **({} if status is None else {"status": status}), **more}


CONFIRM, DEAD, LOST = Verdict.CONFIRM_FIRST, Verdict.TOKEN_DEAD, Verdict.ACCESS_LOST
APP, BUG, PASSES = Verdict.APP_FAULT, Verdict.OUR_BUG, Verdict.TRANSIENT

# The table of errors of the fact sheet, and what LinkedIn's own pages add to it.
USED: list[tuple[int, Any, Verdict, Reason | None]] = [
    (401, api(401, 65600, "INVALID_ACCESS_TOKEN", "Invalid access token"), DEAD, Reason.SESSION_INVALID),
    (401, api(401, 65600, message="Invalid access token"), DEAD, Reason.SESSION_INVALID),
    (401, api(401, 65601, "REVOKED_ACCESS_TOKEN", REVOKED_TEXT), CONFIRM, Reason.AUTHORISATION_CANCELLED),
    (401, api(401, None, "REVOKED_ACCESS_TOKEN", REVOKED_TEXT), CONFIRM, Reason.AUTHORISATION_CANCELLED),
    (401, api(401, 65602, "EXPIRED_ACCESS_TOKEN", "The token used in the request has expired"), DEAD, Reason.EXPIRED),
    (401, api(401, "65602"), DEAD, Reason.EXPIRED),
    # Two mock servers swap the numbers: where number and name differ, the one that may pass decides.
    (401, api(401, 65602, "REVOKED_ACCESS_TOKEN"), CONFIRM, Reason.AUTHORISATION_CANCELLED),
    (401, api(401, 65603, message="Something else"), CONFIRM, Reason.UNKNOWN),
    (401, api(401, 99, "NEW_CODE", "Something new"), CONFIRM, None),
    (401, api(401, message="Unauthorized"), CONFIRM, None),
    (401, {}, CONFIRM, None),
    (401, "<html>", CONFIRM, None),
    (401, api(401, 401, message="Empty oauth2_access_token"), BUG, None),
    (401, api(401, 65604, message="Empty oauth2 access token"), BUG, None),
    (401, api(401, None, "EMPTY_ACCESS_TOKEN", "Empty or missing OAuth2 access token"), BUG, None),
    (401, api(401, 401, message="Unknown authentication scheme"), BUG, None),
    # A log-in's code in another status proves less, and inside HTTP 200 too.
    (400, api(400, 65602, "EXPIRED_ACCESS_TOKEN"), CONFIRM, Reason.UNKNOWN),
    (200, api(401, 65600, "INVALID_ACCESS_TOKEN"), CONFIRM, Reason.UNKNOWN),
    (500, api(500, 65601, "REVOKED_ACCESS_TOKEN"), Verdict.CONFIRM_FIRST, Reason.UNKNOWN),
    (403, api(403, 100, "ACCESS_DENIED", "Not enough permissions to access: GET /adAccounts/508720451"), LOST, Reason.ACCESS_LOST),
    (403, api(403, 100, message="Not enough permissions to access: me.GET.NO_VERSION"), LOST, Reason.ACCESS_LOST),
    (403, api(403, 100, "ACCESS_DENIED", "Not enough permissions to access: userinfo.GET.NO_VERSION"), LOST, Reason.SCOPE_MISSING),
    (403, api(403, 100, message="Unpermitted fields present in PARAMETER: Data Processing Exception"), BUG, None),
    (403, api(403, message="Forbidden"), CONFIRM, None),
    (404, api(404, message="Could not find entity"), LOST, Reason.ACCESS_LOST),
    (404, api(404, 0, "RESOURCE_NOT_FOUND", "No virtual resource found"), BUG, None),
    (404, "<html>not found</html>", CONFIRM, None),
    (429, api(429, 101, "TOO_MANY_REQUESTS", "Resource level throttle APPLICATION DAY limit for calls to this resource is reached."),
     Verdict.RATE_LIMITED, Reason.TRANSIENT),
    (429, "slow down", Verdict.RATE_LIMITED, Reason.TRANSIENT),
    (429, api(429, 65601, "REVOKED_ACCESS_TOKEN"), Verdict.RATE_LIMITED, Reason.TRANSIENT),
    (403, api(403, 101, "TOO_MANY_REQUESTS"), Verdict.RATE_LIMITED, Reason.TRANSIENT),
    (402, api(402, 65601, "REVOKED_ACCESS_TOKEN"), APP, Reason.APP_FAULT),
    (0, api(401, 65600), PASSES, Reason.TRANSIENT),
    (999, "<html>Request denied</html>", PASSES, Reason.TRANSIENT),  # LinkedIn's own status against robots
    (401, api(401, 10**30), CONFIRM, None),
    (401, {"error": {"serviceErrorCode": 65600}}, CONFIRM, None),
    (400, api(400, None, "VERSION_MISSING", "A version must be present."), BUG, None),
    (426, api(426, None, "NONEXISTENT_VERSION", "Requested version 20250101 is not active"), APP, Reason.APP_FAULT),
    (400, api(400, message="Requested version 20250701 is not active"), APP, Reason.APP_FAULT),
    (400, api(400, 10007, "CONDITIONAL_VALUE_TOO_LOW", "/totalBudget/amount cannot be set to 10"), BUG, None),
    (422, api(422, message="Content is a duplicate of urn:li:share:1"), BUG, None),
    (402, api(402, message="Payment required"), APP, Reason.APP_FAULT),
    (500, {"message": "Internal Server Error", "status": 500}, PASSES, Reason.TRANSIENT),
    (504, "gateway", PASSES, Reason.TRANSIENT),
    (409, api(409, message="A write conflict occurred. Retry the request."), PASSES, Reason.TRANSIENT),
    (0, "no answer in time", PASSES, Reason.TRANSIENT),
    (302, "", PASSES, Reason.TRANSIENT),
    (200, "<html>log in</html>", PASSES, Reason.TRANSIENT),
    (200, oauth("invalid_request"), PASSES, Reason.TRANSIENT),
    (200, {"error": {"code": 1}}, PASSES, Reason.TRANSIENT),
    (200, api(403, 100, "ACCESS_DENIED"), PASSES, Reason.TRANSIENT),
    (200, {"elements": []}, Verdict.OK, None),
    (200, {"message": "A lead wrote this", "status": "ACTIVE"}, Verdict.OK, None),  # a field of theirs, no error
    (201, "", Verdict.OK, None),
    (204, None, Verdict.OK, None),
]  # fmt: skip

ASKED: list[tuple[int, Any, Verdict, Reason | None]] = [
    (200, told(active=True, status="active", client_id="861abc"), Verdict.OK, None),
    (200, told(active=True), Verdict.OK, None),
    (200, told(active=False, status="revoked"), DEAD, Reason.AUTHORISATION_CANCELLED),
    (200, told(active=False, status="expired"), DEAD, Reason.EXPIRED),
    (200, told(active=False), CONFIRM, Reason.UNKNOWN),
    (200, told(active=False, status="paused"), CONFIRM, Reason.UNKNOWN),
    (200, told(active=False, status="active"), CONFIRM, Reason.UNKNOWN),
    (200, told(active=True, status="revoked"), CONFIRM, Reason.UNKNOWN),
    (400, oauth("invalid_request", "Invalid token"), CONFIRM, Reason.UNKNOWN),
    (400, oauth("invalid_client_id", 'The passed in client_id is invalid "abc"'), APP, Reason.APP_FAULT),
    (401, oauth("invalid_client", "Client authentication failed"), APP, Reason.APP_FAULT),
    (401, oauth("invalid_request", "Invalid secret"), APP, Reason.APP_FAULT),
    (400, oauth("server_error"), PASSES, Reason.TRANSIENT),
    (402, told(active=False, status="revoked"), APP, Reason.APP_FAULT),
    (401, api(401, message="Invalid client secret"), APP, Reason.APP_FAULT),
    (503, told(active=False, status="revoked"), PASSES, Reason.TRANSIENT),
    (404, told(active=False, status="revoked"), PASSES, Reason.TRANSIENT),
    (200, told(active="false"), PASSES, Reason.TRANSIENT),
    (200, {}, PASSES, Reason.TRANSIENT),
    (200, [], PASSES, Reason.TRANSIENT),
    (200, "<html>", PASSES, Reason.TRANSIENT),
    (400, "<html>", PASSES, Reason.TRANSIENT),
    (401, {}, PASSES, Reason.TRANSIENT),
    (429, "", Verdict.RATE_LIMITED, Reason.TRANSIENT),
]

REFRESHED: list[tuple[int, Any, Verdict, Reason | None]] = [
    (400, oauth("invalid_request", BAD_REFRESH), DEAD, Reason.UNKNOWN),
    (400, oauth("invalid_grant", BAD_REFRESH), DEAD, Reason.UNKNOWN),
    (400, oauth("invalid_grant", "Token has been expired or revoked."), DEAD, Reason.UNKNOWN),
    (400, oauth("invalid_grant"), DEAD, Reason.UNKNOWN),
    (400, oauth("invalid_request", "Something else"), CONFIRM, None),
    (400, oauth("invalid_request", 'A required parameter "refresh_token" is missing'), BUG, None),
    (400, oauth("invalid_request", 'A required parameter "client_secret" is missing'), APP, Reason.APP_FAULT),
    (401, oauth("invalid_client", "Client authentication failed"), APP, Reason.APP_FAULT),
    (
        401,
        oauth("access_denied", "This application is not allowed to create application tokens"),
        APP,
        Reason.APP_FAULT,
    ),
    (
        400,
        oauth("invalid_grant", "The application is blocked; its refresh tokens are expired or revoked"),
        APP,
        Reason.APP_FAULT,
    ),
    (503, oauth("invalid_request", BAD_REFRESH), PASSES, Reason.TRANSIENT),
    (400, oauth("server_error"), PASSES, Reason.TRANSIENT),
    (400, oauth("unsupported_grant_type"), BUG, None),
    (402, oauth("invalid_grant"), APP, Reason.APP_FAULT),
    (200, {}, PASSES, Reason.TRANSIENT),
    (200, {"access_token": " "}, PASSES, Reason.TRANSIENT),
    (200, oauth("invalid_request", BAD_REFRESH), PASSES, Reason.TRANSIENT),
    (400, "<html>", CONFIRM, None),
    (200, {"access_token": "AQX"}, Verdict.OK, None),
]

EXCHANGED: list[tuple[int, Any, Verdict, str]] = [
    (400, oauth("invalid_redirect_uri", BAD_CODE), BUG, "state"),
    (400, oauth("invalid_request", BAD_CODE), BUG, "state"),
    (
        401,
        oauth("invalid_request", "Unable to retrieve access token: authorization code not found"),
        BUG,
        "state",
    ),
    (400, oauth("invalid_grant"), BUG, "state"),
    (400, oauth("invalid_request", 'A required parameter "code" is missing'), BUG, "bad token request"),
    (400, oauth("invalid_client_id", "The passed in client_id is invalid"), APP, "client"),
    (401, oauth("invalid_client", "Client authentication failed"), APP, "client"),
    (500, "", PASSES, "no answer"),
]

CALLED_BACK: list[tuple[str, Verdict, str]] = [
    ("user_cancelled_login", PASSES, "person said no"),
    ("user_cancelled_authorize", PASSES, "person said no"),
    ("access_denied", PASSES, "person said no"),
    ("unauthorized_scope_error", APP, "scopes"),
    ("invalid_scope", APP, "scopes"),
    ("unauthorized_client", APP, "client"),
    ("invalid_redirect_uri", APP, "redirect address"),
    ("server_error", PASSES, "consent page in trouble"),
    ("something_new", CONFIRM, "unknown answer 400"),
    ("", BUG, "state"),
]


@pytest.mark.parametrize(("status", "body", "verdict", "reason"), USED)
def test_a_jobs_answer_is_ruled_as_the_fact_sheet_says(
    status: int, body: Any, verdict: Verdict, reason: Reason | None
) -> None:
    classification = CHANNEL.classify(Answer("api", status, body=body))

    assert (classification.verdict, classification.reason) == (verdict, reason)


@pytest.mark.parametrize(("status", "body", "verdict", "reason"), ASKED)
def test_introspection_decides(status: int, body: Any, verdict: Verdict, reason: Reason | None) -> None:
    classification = CHANNEL.classify(Answer("introspect", status, body=body))

    assert (classification.verdict, classification.reason) == (verdict, reason)


@pytest.mark.parametrize(("status", "body", "verdict", "reason"), REFRESHED)
def test_a_refusal_to_refresh_kills_only_in_its_own_words(
    status: int, body: Any, verdict: Verdict, reason: Reason | None
) -> None:
    classification = CHANNEL.classify(Answer("refresh", status, body=body))

    assert (classification.verdict, classification.reason) == (verdict, reason)


@pytest.mark.parametrize(("status", "body", "verdict", "row"), EXCHANGED)
def test_the_exchange_has_rows_of_its_own(status: int, body: Any, verdict: Verdict, row: str) -> None:
    classification = CHANNEL.classify(Answer("exchange", status, body=body))

    assert (classification.verdict, classification.row) == (verdict, row)


@pytest.mark.parametrize(("error", "verdict", "row"), CALLED_BACK)
def test_what_the_consent_page_says_is_never_about_a_token(error: str, verdict: Verdict, row: str) -> None:
    classification = CHANNEL.classify(Answer("authorize_callback", 400, body={"error": error}))

    assert (classification.verdict, classification.row) == (verdict, row)


@pytest.mark.parametrize(
    ("body", "row"),
    [
        ("error=user_cancelled_login&error_description=x&state=s", "person said no"),
        ("https://a.example/cb?error=user_cancelled_authorize&state=s", "person said no"),
        ("?code=AQT&state=s", "code"),
        ("<html>", "state"),
        (None, "state"),
    ],
)
def test_a_callback_may_be_told_as_its_query(body: Any, row: str) -> None:
    assert CHANNEL.classify(Answer("authorize_callback", 302, body=body)).row == row


@pytest.mark.parametrize("body", [{}, [], {"elements": {}}, {"moon": 1}])
def test_a_list_that_is_none_is_no_success(body: Any) -> None:
    classification = CHANNEL.classify(Answer("list_accounts", 200, body=body))

    assert (classification.verdict, classification.row, len(classification.unknown)) == (
        PASSES,
        "answer without a list",
        32,
    )


def test_answers_about_our_app_touch_no_token_whatever_the_call() -> None:
    said = [
        oauth("invalid_client", "Client authentication failed"),
        oauth("x", "Your application has been suspended"),
    ]

    classifications = [CHANNEL.classify(Answer(call, 401, body=body)) for call in CALLS for body in said]

    assert {classification.verdict for classification in classifications} == {APP}


def test_a_body_that_a_report_brings_as_text_is_read_too() -> None:
    text = '{"status": 401, "serviceErrorCode": 65602, "code": "EXPIRED_ACCESS_TOKEN", "message": "x"}'

    assert CHANNEL.classify(Answer("api", 401, body=text)).reason == Reason.EXPIRED
    assert CHANNEL.classify(Answer("api", 401, body=text.encode())).reason == Reason.EXPIRED


@pytest.mark.parametrize(
    ("message", "headers", "seconds"),
    [
        ("Resource level throttle APPLICATION DAY limit is reached.", {}, 3 * 3600),
        ("Resource level throttle MEMBER DAY limit is reached.", {}, 3 * 3600),
        ("Resource level throttle limit for calls to this resource is reached.", {}, None),
        ("Come back on Monday, holidays are over", {}, None),
        ("DAY limit", {"Retry-After": "60"}, 60),
        ("", {"retry-after": "99999999"}, 86_400),
        ("", {"retry-after": "soon"}, None),
    ],
)
def test_a_limit_by_day_ends_at_midnight_utc(
    message: str, headers: dict[str, str], seconds: int | None
) -> None:
    with time_machine.travel(datetime(2026, 11, 25, 21, tzinfo=UTC), tick=False):
        classification = CHANNEL.classify(Answer("api", 429, headers, api(429, 101, message=message)))

    assert (classification.verdict, classification.retry_after) == (Verdict.RATE_LIMITED, seconds)


@pytest.mark.django_db
def test_frozen_time_counts_though_a_thread_of_the_test_before_looked_at_postgresqls_clock() -> None:
    database_clock._look()

    with time_machine.travel(datetime(2026, 11, 25, 21, tzinfo=UTC), tick=False):
        assert database_clock.seconds() == datetime(2026, 11, 25, 21, tzinfo=UTC).timestamp()
    database_clock.forget()


def test_a_failure_that_speaks_of_days_is_no_limit() -> None:
    classification = CHANNEL.classify(Answer("api", 503, body=api(503, message="One DAY this will work")))

    assert (classification.verdict, classification.retry_after) == (PASSES, None)


def test_an_answer_that_no_row_knows_is_marked_and_one_that_is_known_is_not() -> None:
    unknown = CHANNEL.classify(Answer("api", 401, body=api(401, 77, "NEW", "New trouble")))
    known = CHANNEL.classify(Answer("api", 401, body=api(401, 65601)))

    assert len(unknown.unknown) == 32
    assert known.unknown == ""


def test_every_row_has_a_source_and_every_death_a_reason() -> None:
    assert all(row.source for row in ROWS)
    assert all(row.reason for row in ROWS if row.verdict == DEAD)


def test_every_row_is_reached_by_an_answer_of_these_lists() -> None:
    answers = [Answer("api", status, body=body) for status, body, *_ in USED]
    answers += [Answer("introspect", status, body=body) for status, body, *_ in ASKED]
    answers += [Answer("refresh", status, body=body) for status, body, *_ in REFRESHED]
    answers += [Answer("exchange", status, body=body) for status, body, *_ in EXCHANGED]
    answers += [Answer("authorize_callback", 400, body={"error": error}) for error, *_ in CALLED_BACK]
    answers += [Answer("authorize_callback", 302, body="code=AQT&state=s")]

    reached = {CHANNEL.classify(answer).row for answer in answers}

    assert {row.name for row in ROWS} - reached == set()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
# Shaped like LinkedIn's, with everything but the words of a dead token in the places that are read.
LIVING = (JSON | st.integers(0, 70_000)).filter(
    lambda code: str(code) not in {"65600", "65602", "INVALID_ACCESS_TOKEN", "EXPIRED_ACCESS_TOKEN"}
)
NEAR = st.fixed_dictionaries(
    {},
    optional={
        "status": (JSON | st.integers(400, 500)).filter(lambda status: status not in ("revoked", "expired")),
        "serviceErrorCode": LIVING,
        "code": LIVING,
        "message": JSON,
        "error": JSON.filter(lambda error: error != "invalid_grant"),
        "error_description": JSON,
        "active": JSON,
        "created_at": JSON,
        "expires_at": JSON,
        "scope": JSON,
    },
)


@settings(max_examples=100)
@given(
    call=st.sampled_from(CALLS),
    status=st.integers(-1, 999),
    body=JSON | NEAR | st.binary(max_size=60) | st.text(max_size=60),
    headers=st.dictionaries(st.sampled_from(["retry-after", "Retry-After"]), st.text(max_size=30)),
)
def test_no_garbage_raises_or_kills(call: Call, status: int, body: Any, headers: dict[str, str]) -> None:
    classification = CHANNEL.classify(Answer(call, status, headers, body))

    assert classification.verdict != DEAD
    assert classification.row or classification.verdict == Verdict.OK
