"""Facebook's verdict table: rows of the fact sheet, and no death from garbage."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokens.channels import unknown
from tokens.channels.facebook.channel import CHANNEL
from tokens.channels.facebook.verdicts import ROWS
from tokens.channels.kinds import Answer, Call, Reason, Verdict

CALLS: tuple[Call, ...] = ("api", "refresh", "exchange", "introspect", "list_accounts", "authorize_callback")
DEAD_CODES = {"190", "102"}
APP, DEAD, PASSES = Verdict.APP_FAULT, Verdict.TOKEN_DEAD, Verdict.TRANSIENT


def error(code: Any, subcode: Any = None, message: str = "", **more: Any) -> dict[str, Any]:
    found = {"message": message, "type": "OAuthException", "code": code, **more}
    return {"error": found if subcode is None else {**found, "error_subcode": subcode}}


def debug(
    code: int | None = None, subcode: int | None = None, message: str = "", **more: Any
) -> dict[str, Any]:
    inner: dict[str, Any] = {"is_valid": False, "scopes": [], **more}
    if code is not None:
        inner["error"] = {"code": code, "message": message} | (
            {} if subcode is None else {"subcode": subcode}
        )
    return {"data": inner}


SAYS = ("status", "body", "verdict", "reason")
USED: list[tuple[int, Any, Verdict, Reason | None]] = [
    (400, error(190, 458), Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED),
    (400, error(190, 459), Verdict.TOKEN_DEAD, Reason.SECURITY_CHECKPOINT),
    (400, error(190, 460), Verdict.TOKEN_DEAD, Reason.PASSWORD_CHANGED),
    (401, error(190, 463), Verdict.TOKEN_DEAD, Reason.EXPIRED),
    (400, error(190, 464), Verdict.TOKEN_DEAD, Reason.SECURITY_CHECKPOINT),
    (400, error(190, 467), Verdict.TOKEN_DEAD, Reason.SESSION_INVALID),
    (400, error(102, 460), Verdict.TOKEN_DEAD, Reason.PASSWORD_CHANGED),
    (200, error(190, 460), Verdict.TOKEN_DEAD, Reason.PASSWORD_CHANGED),  # an error inside HTTP 200
    (400, error("190", "460"), Verdict.TOKEN_DEAD, Reason.PASSWORD_CHANGED),
    (400, error(190, 466), Verdict.TOKEN_DEAD, Reason.SESSION_INVALID),
    (400, error(190), Verdict.CONFIRM_FIRST, None),
    (400, error(190, 0), Verdict.CONFIRM_FIRST, None),
    (400, error(102), Verdict.CONFIRM_FIRST, None),
    (400, error(190, 460, is_transient=True), Verdict.TRANSIENT, Reason.TRANSIENT),
    (500, error(190, 460), Verdict.CONFIRM_FIRST, Reason.PASSWORD_CHANGED),
    (
        400,
        error(190, message="must be granted before impersonating a user's page"),
        Verdict.ACCESS_LOST,
        Reason.ACCESS_LOST,
    ),
    (400, error(190, 492), Verdict.ACCESS_LOST, Reason.ACCESS_LOST),
    (400, error(190, 493), Verdict.APP_FAULT, Reason.APP_FAULT),
    (400, error(101), Verdict.APP_FAULT, Reason.APP_FAULT),
    (400, error(3), Verdict.APP_FAULT, Reason.APP_FAULT),
    (400, error(100, message="Invalid appsecret_proof provided"), Verdict.APP_FAULT, Reason.APP_FAULT),
    (403, error(10), Verdict.ACCESS_LOST, Reason.ACCESS_LOST),
    (
        403,
        error(200, message="(#200) Requires business_management"),
        Verdict.ACCESS_LOST,
        Reason.ACCESS_LOST,
    ),
    (
        403,
        error(200, message="owner has NOT grant ads_management"),
        Verdict.ACCESS_LOST,
        Reason.SCOPE_MISSING,
    ),
    (400, error(294), Verdict.ACCESS_LOST, Reason.SCOPE_MISSING),
    (400, error(299), Verdict.ACCESS_LOST, Reason.ACCESS_LOST),
    (400, error(100, 33), Verdict.ACCESS_LOST, Reason.ACCESS_LOST),
    (400, error(100, 33, "Object with ID 'me' does not exist"), Verdict.CONFIRM_FIRST, None),
    (400, error(100, message="Missing permissions"), Verdict.ACCESS_LOST, Reason.SCOPE_MISSING),
    (
        400,
        error(100, error_user_title="Ad account is disabled"),
        Verdict.ACCOUNT_RESTRICTED,
        Reason.RESTRICTED,
    ),
    (400, error(100, message="Param status must be one of"), Verdict.OUR_BUG, None),
    (400, error(2500), Verdict.OUR_BUG, None),
    (400, error(1), Verdict.TRANSIENT, Reason.TRANSIENT),
    (400, error(2), Verdict.TRANSIENT, Reason.TRANSIENT),
    (400, error(368), Verdict.ACCESS_LOST, Reason.ADVERTISING_REFUSED),
    (400, error(31, 3858385), Verdict.ACCESS_LOST, Reason.VERIFICATION_REQUIRED),
    (200, error(31, 3858385), Verdict.ACCESS_LOST, Reason.VERIFICATION_REQUIRED),
    (400, error(31), Verdict.ACCESS_LOST, Reason.VERIFICATION_REQUIRED),
    (400, error(415), Verdict.ACCESS_LOST, Reason.TWO_FACTOR_REQUIRED),
    (400, error(4), Verdict.RATE_LIMITED, Reason.TRANSIENT),
    (400, error(17, 2446079), Verdict.RATE_LIMITED, Reason.TRANSIENT),
    (400, error(613), Verdict.RATE_LIMITED, Reason.TRANSIENT),
    (400, error(80004, 2446079), Verdict.RATE_LIMITED, Reason.TRANSIENT),
    (429, "slow down", Verdict.RATE_LIMITED, Reason.TRANSIENT),
    (400, error(987654), Verdict.CONFIRM_FIRST, None),
    (401, "<html>", Verdict.CONFIRM_FIRST, None),
    (0, "no answer in time", Verdict.TRANSIENT, Reason.TRANSIENT),
    (502, "<html>", Verdict.TRANSIENT, Reason.TRANSIENT),
    (200, "<html>log in</html>", Verdict.TRANSIENT, Reason.TRANSIENT),
    (302, "", Verdict.TRANSIENT, Reason.TRANSIENT),
    (200, {"data": []}, Verdict.OK, None),
    (201, {"id": "1"}, Verdict.OK, None),
    (204, None, Verdict.OK, None),
    (200, "", Verdict.OK, None),
    (
        401,
        error(190, 490, "The user is enrolled in a blocking, logged-in checkpoint"),
        DEAD,
        Reason.SECURITY_CHECKPOINT,
    ),
    (400, error(190, 999), Verdict.CONFIRM_FIRST, Reason.SESSION_INVALID),  # in no list: never dead by itself
    (500, error(190, 999), Verdict.CONFIRM_FIRST, Reason.SESSION_INVALID),
    (400, error(460), Verdict.CONFIRM_FIRST, None),  # a sub-code where the code stands
    (400, error(200, message="API access blocked."), APP, Reason.APP_FAULT),
    (
        400,
        error(200, message="API access deactivated. To reactivate, go to the app dashboard."),
        APP,
        Reason.APP_FAULT,
    ),
    (
        403,
        error(200, message="(#200) Access to this data is temporarily disabled for non-active apps"),
        APP,
        Reason.APP_FAULT,
    ),
    (
        400,
        error(190, message="Error validating application. Application has been deleted."),
        APP,
        Reason.APP_FAULT,
    ),
    (400, error(190, 460, "The application is suspended"), APP, Reason.APP_FAULT),  # words about the app win
    (
        400,
        error(190, 458, "The user has not authorized application 258."),
        DEAD,
        Reason.AUTHORISATION_CANCELLED,
    ),
    (
        403,
        error(
            270, message="(#270) This Ads API request is not allowed for apps with development access level"
        ),
        APP,
        Reason.APP_FAULT,
    ),
    (403, error(270), Verdict.ACCESS_LOST, Reason.ACCESS_LOST),
    (
        400,
        error(2635, message="(#2635) You are calling a deprecated version of the Ads API."),
        APP,
        Reason.APP_FAULT,
    ),
    (400, error(12, message="(#12) bio field is deprecated"), Verdict.OUR_BUG, None),
    (401, {"error": "invalid_client"}, APP, Reason.APP_FAULT),
    (200, {"error": "server_error"}, PASSES, Reason.TRANSIENT),
    (402, error(190, 460), APP, Reason.APP_FAULT),
    (402, "", APP, Reason.APP_FAULT),
    (403, error(17), Verdict.RATE_LIMITED, Reason.TRANSIENT),
    (0, error(190, 460), PASSES, Reason.TRANSIENT),
    (451, {}, PASSES, Reason.TRANSIENT),
    (400, error(10**30), Verdict.CONFIRM_FIRST, None),
    (400, {"error": [error(190, 460)]}, Verdict.CONFIRM_FIRST, None),
]


@pytest.mark.parametrize(SAYS, USED)
def test_a_jobs_answer_is_ruled_as_the_fact_sheet_says(
    status: int, body: Any, verdict: Verdict, reason: Reason | None
) -> None:
    classification = CHANNEL.classify(Answer("api", status, body=body))

    assert (classification.verdict, classification.reason) == (verdict, reason)


ASKED: list[tuple[int, Any, Verdict, Reason | None]] = [
    (200, {"data": {"is_valid": True}}, Verdict.OK, None),
    (200, debug(190, 458), Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED),
    (200, debug(190, 459), Verdict.TOKEN_DEAD, Reason.SECURITY_CHECKPOINT),
    (200, debug(190, 460), Verdict.TOKEN_DEAD, Reason.PASSWORD_CHANGED),
    (200, debug(190, 463), Verdict.TOKEN_DEAD, Reason.EXPIRED),
    (200, debug(190, 467), Verdict.TOKEN_DEAD, Reason.SESSION_INVALID),
    (200, debug(190, 999), Verdict.TOKEN_DEAD, Reason.SESSION_INVALID),
    (200, debug(190), Verdict.TOKEN_DEAD, Reason.UNKNOWN),
    (200, debug(), Verdict.CONFIRM_FIRST, Reason.UNKNOWN),
    (
        200,
        debug(190, message="Cannot get application info due to a system error."),
        Verdict.TRANSIENT,
        Reason.TRANSIENT,
    ),
    (200, debug(190, 493), Verdict.APP_FAULT, Reason.APP_FAULT),
    (503, debug(190, 460), Verdict.TRANSIENT, Reason.TRANSIENT),
    (
        400,
        error(190, message="Invalid OAuth access token signature."),
        Verdict.APP_FAULT,
        Reason.APP_FAULT,
    ),
    (400, error(190, 460), Verdict.APP_FAULT, Reason.APP_FAULT),  # said of our app's own token
    (400, error(101), Verdict.APP_FAULT, Reason.APP_FAULT),
    (
        400,
        error(100, message="App_id did not match the Viewing App"),
        Verdict.CONFIRM_FIRST,
        Reason.UNKNOWN,
    ),
    (400, "<html>", Verdict.TRANSIENT, Reason.TRANSIENT),
    (401, {}, Verdict.TRANSIENT, Reason.TRANSIENT),
    (200, {}, Verdict.TRANSIENT, Reason.TRANSIENT),
    (200, {"data": {"is_valid": "false"}}, Verdict.TRANSIENT, Reason.TRANSIENT),
    (200, [], Verdict.TRANSIENT, Reason.TRANSIENT),
    (200, debug(190, 464), DEAD, Reason.SECURITY_CHECKPOINT),
    (
        200,
        {"data": {"is_valid": False, "error": {"code": 190, "error_subcode": 460}}},
        DEAD,
        Reason.PASSWORD_CHANGED,
    ),
    (
        200,
        debug(190, message="Error validating application. Application has been deleted."),
        APP,
        Reason.APP_FAULT,
    ),
    (
        400,
        error(100, message="(#100) You must provide an app access token, or a user access token"),
        APP,
        Reason.APP_FAULT,
    ),
    (400, error(1, message="Error validating client secret."), APP, Reason.APP_FAULT),
    (400, error(4), Verdict.RATE_LIMITED, Reason.TRANSIENT),
    (402, {}, APP, Reason.APP_FAULT),
]


@pytest.mark.parametrize(SAYS, ASKED)
def test_debug_token_decides(status: int, body: Any, verdict: Verdict, reason: Reason | None) -> None:
    classification = CHANNEL.classify(Answer("introspect", status, body=body))

    assert (classification.verdict, classification.reason) == (verdict, reason)


EXCHANGED: list[tuple[int, int | None, str, Verdict, str]] = [
    (100, 36007, "expired", Verdict.OUR_BUG, "state"),
    (100, 36009, "used", Verdict.OUR_BUG, "state"),
    (100, 36008, "redirect_uri", APP, "redirect address"),
    (191, None, "The specified URL is not owned by the application", APP, "redirect address"),
    (100, None, "Invalid verification code format.", Verdict.OUR_BUG, "bad request"),
    (1, None, "Error validating client secret.", APP, "client secret"),
    (1, None, "Missing client_secret parameter.", APP, "client secret missing"),
    (1, None, "An unknown error occurred", PASSES, "passing by its code"),
    (190, 463, "Session has expired", DEAD, "expired"),  # of the exchange of a living token
]


@pytest.mark.parametrize(("code", "subcode", "message", "verdict", "row"), EXCHANGED)
def test_the_exchange_has_rows_of_its_own(
    code: int, subcode: int | None, message: str, verdict: Verdict, row: str
) -> None:
    classification = CHANNEL.classify(Answer("exchange", 400, body=error(code, subcode, message)))

    assert (classification.verdict, classification.row) == (verdict, row)


# What comes back from the consent page, as an object, as a query and as a whole address.
CALLED_BACK: list[tuple[Any, Verdict, str]] = [
    ({"code": "AQD", "state": "s"}, Verdict.OK, "code"),
    ("https://a.example/cb?code=AQD&state=s#_=_", Verdict.OK, "code"),
    (
        {"error": "access_denied", "error_code": "200", "error_reason": "user_denied"},
        PASSES,
        "person said no",
    ),
    ("error=access_denied&error_code=200&error_description=Permissions+error", PASSES, "person said no"),
    (
        {"error_code": "1349126", "error_message": "App Not Setup: still in development mode"},
        APP,
        "app refused",
    ),
    ("error_code=1349168&error_message=URL+Blocked", APP, "consent page closed"),
    ({"error_code": 100, "error_message": "Invalid Scopes: ads_managment"}, APP, "scopes"),
    ({"error": "invalid_scope"}, APP, "scopes"),
    ({"error": "unauthorized_client"}, APP, "client"),
    ({"error": "server_error"}, PASSES, "consent page in trouble"),
    ({"error": "something_new"}, PASSES, "consent page in trouble"),
    (error(190, 460), PASSES, "consent page in trouble"),  # it speaks of no token that we hold
    ({"error": ""}, Verdict.OUR_BUG, "state"),
    ({}, Verdict.OUR_BUG, "state"),
    ("<html>", Verdict.OUR_BUG, "state"),
]


@pytest.mark.parametrize(("body", "verdict", "row"), CALLED_BACK)
def test_what_the_consent_page_says_is_never_about_a_token(body: Any, verdict: Verdict, row: str) -> None:
    classification = CHANNEL.classify(Answer("authorize_callback", 302, body=body))

    assert (classification.verdict, classification.row) == (verdict, row)


# Good by its status, and yet without what was asked for.
NO_TOKEN: list[Any] = [{}, None, [], {"access_token": " "}, {"access_token": 5}]
NO_LIST: list[Any] = [{}, [], {"data": {}}, {"moon": 1}]


@pytest.mark.parametrize(
    ("call", "body"),
    [("exchange", body) for body in NO_TOKEN]
    + [("refresh", body) for body in NO_TOKEN]
    + [("list_accounts", body) for body in NO_LIST],
)
def test_a_good_answer_that_holds_nothing_is_no_success(call: Call, body: Any) -> None:
    classification = CHANNEL.classify(Answer(call, 200, body=body))

    assert (classification.verdict, classification.row.startswith("answer without")) == (PASSES, True)
    assert len(classification.unknown) == 32


def test_a_new_cause_is_kept_and_a_word_of_staff_holds() -> None:
    answer = Answer("api", 400, body=error(190, 999, "New"))
    mark = CHANNEL.classify(answer).unknown

    unknown.assign({mark: Verdict.TRANSIENT})
    try:
        classification = CHANNEL.classify(answer)
    finally:
        unknown.assign({})

    assert (len(mark), classification.verdict, classification.row) == (32, PASSES, "staff")


def test_a_body_that_a_report_brings_as_text_is_read_too() -> None:
    text = '{"error": {"code": 190, "error_subcode": 460}}'

    assert CHANNEL.classify(Answer("api", 400, body=text)).reason == Reason.PASSWORD_CHANGED
    assert CHANNEL.classify(Answer("api", 400, body=text.encode())).reason == Reason.PASSWORD_CHANGED


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"X-Business-Use-Case-Usage": '{"1": [{"estimated_time_to_regain_access": 7}]}'}, 420),
        ({"x-ad-account-usage": '{"reset_time_duration": 100}'}, 100),
        ({"x-ad-account-usage": '{"reset_time_duration": 99999999}'}, 86_400),
        (
            {"x-business-use-case-usage": '{"1": [null, {"estimated_time_to_regain_access": "x"}], "2": 3}'},
            None,
        ),
        ({"x-business-use-case-usage": "[[[[", "x-ad-account-usage": "null"}, None),
        ({}, None),
    ],
)
def test_a_limit_says_when_it_ends(headers: dict[str, str], seconds: int | None) -> None:
    classification = CHANNEL.classify(Answer("api", 400, headers, error(80004)))

    assert (classification.verdict, classification.retry_after) == (Verdict.RATE_LIMITED, seconds)


def test_the_note_holds_no_secret() -> None:
    said = "Malformed access token EAABsbCS1iHgBAKXZBwh and access_token=abcdef"

    assert "EAAB" not in CHANNEL.classify(Answer("api", 400, body=error(190, message=said))).note
    assert "abcdef" not in CHANNEL.classify(Answer("api", 400, body=error(190, message=said))).note


def test_every_row_of_the_table_has_a_source_and_is_reached() -> None:
    said: list[tuple[Call, int, Any]] = [("api", status, body) for status, body, *_ in USED]
    said += [("introspect", status, body) for status, body, *_ in ASKED]
    said += [("authorize_callback", 302, body) for body, *_ in CALLED_BACK]
    said += [("exchange", 400, error(code, subcode, message)) for code, subcode, message, *_ in EXCHANGED]

    reached = {CHANNEL.classify(Answer(call, status, body=body)).row for call, status, body in said}

    assert all(row.source for row in ROWS)
    assert all(row.reason for row in ROWS if row.verdict == Verdict.TOKEN_DEAD)
    assert {row.name for row in ROWS} - reached == set()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=15,
)
# Shaped like Facebook's, with everything but the codes of a dead log-in in the places that are read.
NEAR = st.fixed_dictionaries(
    {},
    optional={
        "error": JSON
        | st.fixed_dictionaries(
            {"code": (JSON | st.integers(0, 100_000)).filter(lambda code: str(code) not in DEAD_CODES)},
            optional={"error_subcode": JSON | st.integers(450, 500), "message": JSON, "is_transient": JSON},
        ),
        "data": JSON | st.fixed_dictionaries({"is_valid": JSON, "error": JSON}),
    },
)


@settings(max_examples=100)
@given(
    call=st.sampled_from(CALLS),
    status=st.integers(-1, 999),
    body=JSON | NEAR | st.binary(max_size=60) | st.text(max_size=60),
    headers=st.dictionaries(
        st.sampled_from(["x-ad-account-usage", "X-Business-Use-Case-Usage", "retry-after"]),
        st.text(max_size=30),
    ),
)
def test_no_garbage_raises_or_kills(call: Call, status: int, body: Any, headers: dict[str, str]) -> None:
    classification = CHANNEL.classify(Answer(call, status, headers, body))

    assert classification.verdict != Verdict.TOKEN_DEAD
    assert classification.row or classification.verdict == Verdict.OK
