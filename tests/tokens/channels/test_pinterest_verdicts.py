"""Pinterest's verdict table: rows of the fact sheet, and no death from garbage."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokens.channels.kinds import Answer, Call, Reason, Verdict
from tokens.channels.pinterest.channel import CHANNEL
from tokens.channels.pinterest.verdicts import ROWS

CALLS: tuple[Call, ...] = ("api", "refresh", "exchange", "introspect", "list_accounts", "authorize_callback")
AS_PERSON: tuple[Call, ...] = ("api", "introspect")
NOT_PERMITTED = "You are not permitted to access that resource."
NO_SCOPE = (
    "Your token does not have sufficient permissions to perform this operation. "
    "Please ensure your token is authorized with the correct set of scopes."
)
DISAPPROVED = "Sorry, you cannot perform this action as your account has been disapproved. Please see business hub for more details."
REVIEWED = "We are reviewing your account. Please see business hub for more details."
NO_TRIAL = "Your application consumer type is not supported, please contact support."
TOO_MANY = "This request exceeded a rate limit."
SPAM = "Our servers think this is spam."


def error(code: Any, message: str = "", **more: Any) -> dict[str, Any]:
    return {"code": code, "message": message, **more}


@pytest.mark.parametrize("call", AS_PERSON)
@pytest.mark.parametrize(
    ("status", "body", "verdict", "reason"),
    [
        (401, error(2, "Authentication failed."), Verdict.CONFIRM_FIRST, None),
        (401, error(2, "Authentication failed.", status="failure"), Verdict.CONFIRM_FIRST, None),
        (401, error("2", "Authentication failed."), Verdict.CONFIRM_FIRST, None),
        (401, error(3, NO_SCOPE), Verdict.ACCESS_LOST, Reason.SCOPE_MISSING),
        (401, error(29, NOT_PERMITTED), Verdict.ACCESS_LOST, Reason.ACCESS_LOST),
        (403, error(29, NOT_PERMITTED), Verdict.ACCESS_LOST, Reason.ACCESS_LOST),
        (401, error(7, "Not authorized to access board or Pin."), Verdict.ACCESS_LOST, Reason.ACCESS_LOST),
        (
            403,
            error(403, "Not authorized to access the user account."),
            Verdict.ACCESS_LOST,
            Reason.ACCESS_LOST,
        ),
        (403, error(2625, DISAPPROVED), Verdict.ACCOUNT_RESTRICTED, Reason.RESTRICTED),
        (403, error(2626, REVIEWED), Verdict.ACCOUNT_RESTRICTED, Reason.RESTRICTED),
        (429, error(8, TOO_MANY), Verdict.RATE_LIMITED, Reason.TRANSIENT),
        (429, error(30, TOO_MANY), Verdict.RATE_LIMITED, Reason.TRANSIENT),
        (429, error(8, SPAM), Verdict.RATE_LIMITED, Reason.TRANSIENT),
        (429, "slow down", Verdict.RATE_LIMITED, Reason.TRANSIENT),
        (500, error(500, "Could not create."), Verdict.TRANSIENT, Reason.TRANSIENT),
        (
            501,
            error(4181, "Not implemented at the moment. Please, see documentation"),
            Verdict.TRANSIENT,
            Reason.TRANSIENT,
        ),
        (503, error(4197, "The endpoint has been ramped down."), Verdict.TRANSIENT, Reason.TRANSIENT),
        (502, "<html>", Verdict.TRANSIENT, Reason.TRANSIENT),
        (0, "no answer in time", Verdict.TRANSIENT, Reason.TRANSIENT),
        (302, "", Verdict.TRANSIENT, Reason.TRANSIENT),
        # Our app: pinterest/pinterest-api-demo 16, and an answer of 2026 to an app of the trial tier.
        (
            401,
            error(283, "The authorization grant is invalid", data="Invalid Application ID"),
            Verdict.APP_FAULT,
            Reason.APP_FAULT,
        ),
        (
            401,
            error(3, "Your application does not have access to this restricted feature: pin_search"),
            Verdict.APP_FAULT,
            Reason.APP_FAULT,
        ),
        (401, error(3, NO_TRIAL), Verdict.APP_FAULT, Reason.APP_FAULT),
        (400, error(3, NO_TRIAL), Verdict.APP_FAULT, Reason.APP_FAULT),
        (
            403,
            error(29, "Apps with Trial access may not create Pins in production"),
            Verdict.APP_FAULT,
            Reason.APP_FAULT,
        ),
        (401, {"message": "Your app is blocked."}, Verdict.APP_FAULT, Reason.APP_FAULT),
        # A bare sentence with 401 is doubt, which a refresh ends.
        (401, {"message": "Unauthorized"}, Verdict.CONFIRM_FIRST, None),
        (403, "<html>You are being rate limited</html>", Verdict.RATE_LIMITED, Reason.TRANSIENT),
        (403, error(8, TOO_MANY), Verdict.RATE_LIMITED, Reason.TRANSIENT),
        (451, "", Verdict.TRANSIENT, Reason.TRANSIENT),
        (403, error(29, "Your app has been suspended."), Verdict.APP_FAULT, Reason.APP_FAULT),
        (401, error(2, "This application is blocked."), Verdict.APP_FAULT, Reason.APP_FAULT),
        (402, error(2, "Authentication failed."), Verdict.APP_FAULT, Reason.APP_FAULT),
        # Never dead by these: 283 is known of refresh tokens only, 1104 is about a report's token.
        (401, error(283, "The authorization grant is invalid"), Verdict.CONFIRM_FIRST, None),
        (400, error(1104, "The token you provided is not valid or has expired."), Verdict.OUR_BUG, None),
        (400, error(1, "Parameter 'page_size' was not numeric (was 3e)"), Verdict.OUR_BUG, None),
        (400, error(400, "Invalid ad account id"), Verdict.OUR_BUG, None),
        (400, error(4196, "The request was invalid."), Verdict.OUR_BUG, None),
        (405, error(5, "Method not allowed"), Verdict.OUR_BUG, None),
        (422, error(4170, "The feed name already exists."), Verdict.OUR_BUG, None),
        (404, error(11, "API method not found."), Verdict.OUR_BUG, None),
        (200, error(2, "Authentication failed."), Verdict.TRANSIENT, Reason.TRANSIENT),
        (200, {"status": "failure"}, Verdict.TRANSIENT, Reason.TRANSIENT),
        (200, "<html>log in</html>", Verdict.TRANSIENT, Reason.TRANSIENT),
    ],
)
def test_an_answer_to_a_person_is_ruled_as_the_fact_sheet_says(
    call: Call, status: int, body: Any, verdict: Verdict, reason: Reason | None
) -> None:
    classification = CHANNEL.classify(Answer(call, status, body=body))

    assert (classification.verdict, classification.reason) == (verdict, reason)


@pytest.mark.parametrize(
    ("status", "body", "verdict", "reason"),
    [
        (404, error(2, "AdAccount not found."), Verdict.ACCESS_LOST, Reason.ACCESS_LOST),
        (404, error(404, "AdAccount not found."), Verdict.ACCESS_LOST, Reason.ACCESS_LOST),
        (404, error(50, "Advertiser not found."), Verdict.ACCESS_LOST, Reason.ACCESS_LOST),
        (404, error(404, "Ad account not found."), Verdict.ACCESS_LOST, Reason.ACCESS_LOST),
        (404, error(2), Verdict.ACCESS_LOST, Reason.ACCESS_LOST),
        (404, error(30, "User not found."), Verdict.OUR_BUG, None),
        (404, error(50, "Pin not found."), Verdict.OUR_BUG, None),
        (404, error(4161, "Sorry! We could not find your catalogs feed."), Verdict.OUR_BUG, None),
        (404, "<html>", Verdict.CONFIRM_FIRST, None),
        (401, "<html>", Verdict.CONFIRM_FIRST, None),
        (403, error(29, "This ad account is suspended."), Verdict.ACCOUNT_RESTRICTED, Reason.RESTRICTED),
        (400, error(2625, DISAPPROVED), Verdict.ACCOUNT_RESTRICTED, Reason.RESTRICTED),
        (404, {"message": "Not Found"}, Verdict.CONFIRM_FIRST, None),
        (403, {"message": "Forbidden", "status": 403}, Verdict.CONFIRM_FIRST, None),
        (401, error([2], "x"), Verdict.CONFIRM_FIRST, None),
        (401, error(10**40), Verdict.CONFIRM_FIRST, None),
        (403, error(654, "You must have a business account."), Verdict.CONFIRM_FIRST, None),
        (401, error(987654), Verdict.CONFIRM_FIRST, None),
        (400, error(987654), Verdict.CONFIRM_FIRST, None),
    ],
)
def test_what_is_asked_for_in_an_ad_account_is_ruled_by_status_first(
    status: int, body: Any, verdict: Verdict, reason: Reason | None
) -> None:
    classification = CHANNEL.classify(Answer("api", status, body=body))

    assert (classification.verdict, classification.reason) == (verdict, reason)


@pytest.mark.parametrize(
    ("call", "status", "body", "verdict"),
    [
        ("api", 200, {"items": [], "bookmark": None}, Verdict.OK),
        ("api", 200, [{"AD_ACCOUNT_ID": "1"}], Verdict.OK),
        ("api", 201, {"id": "1"}, Verdict.OK),
        ("api", 204, None, Verdict.OK),
        ("api", 200, "", Verdict.OK),
        ("api", 200, {"items": [{"data": {"id": "1"}, "exceptions": []}]}, Verdict.OK),
        ("introspect", 200, {"id": "1", "username": "a"}, Verdict.OK),
        ("list_accounts", 200, {"items": [], "bookmark": None}, Verdict.OK),
        ("exchange", 200, {"access_token": "pina_a", "expires_in": 1}, Verdict.OK),
        ("refresh", 200, {"access_token": "pina_a", "expires_in": 1}, Verdict.OK),
        ("introspect", 200, {}, Verdict.TRANSIENT),
        ("introspect", 200, "", Verdict.TRANSIENT),
        ("introspect", 401, "<html>", Verdict.TRANSIENT),
        ("introspect", 404, error(2, "AdAccount not found."), Verdict.TRANSIENT),
        ("list_accounts", 200, {"data": []}, Verdict.TRANSIENT),
        ("exchange", 200, {"id": "1"}, Verdict.TRANSIENT),
        ("refresh", 200, [], Verdict.TRANSIENT),
        ("refresh", 200, None, Verdict.TRANSIENT),
        ("refresh", 200, error(283, "The authorization grant is invalid"), Verdict.TRANSIENT),
    ],
)
def test_a_good_answer_holds_what_was_asked_for(call: Call, status: int, body: Any, verdict: Verdict) -> None:
    assert CHANNEL.classify(Answer(call, status, body=body)).verdict == verdict


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ([error(2625, DISAPPROVED)], Verdict.ACCOUNT_RESTRICTED),
        ([error(2, "Advertiser not found.")], Verdict.OUR_BUG),
        ([error(29, NOT_PERMITTED)], Verdict.ACCESS_LOST),
    ],
)
def test_a_bulk_answer_of_which_every_item_was_refused_is_not_good(body: Any, verdict: Verdict) -> None:
    items = {"items": [{"data": None, "exceptions": body}, {"data": None, "exceptions": body}]}

    assert CHANNEL.classify(Answer("api", 200, body=items)).verdict == verdict


def test_a_bulk_answer_of_which_one_item_was_taken_is_good() -> None:
    items = {"items": [{"data": None, "exceptions": [error(1)]}, {"data": {"id": "1"}, "exceptions": []}]}

    assert CHANNEL.classify(Answer("api", 200, body=items)).verdict == Verdict.OK


@pytest.mark.parametrize(
    ("status", "body", "verdict", "reason"),
    [
        (
            401,
            error(283, "The authorization grant is invalid"),
            Verdict.TOKEN_DEAD,
            Reason.AUTHORISATION_CANCELLED,
        ),  # pinterest-python-sdk 114
        (
            400,
            error(283, "The authorization grant is invalid"),
            Verdict.TOKEN_DEAD,
            Reason.AUTHORISATION_CANCELLED,
        ),
        (
            401,
            error(283, "The authorization grant is invalid", status="failure"),
            Verdict.TOKEN_DEAD,
            Reason.AUTHORISATION_CANCELLED,
        ),
        (
            401,
            error(283, "The authorization grant is invalid", data="Invalid Application ID"),
            Verdict.APP_FAULT,
            Reason.APP_FAULT,
        ),
        (
            200,
            error(283, "The authorization grant is invalid", data="Invalid Application ID"),
            Verdict.APP_FAULT,
            Reason.APP_FAULT,
        ),
        (
            401,
            error("283", "The authorization grant is invalid"),
            Verdict.TOKEN_DEAD,
            Reason.AUTHORISATION_CANCELLED,
        ),
        (
            401,
            error(283, "The user revoked your application."),
            Verdict.TOKEN_DEAD,
            Reason.AUTHORISATION_CANCELLED,
        ),
        (401, error([283], "The authorization grant is invalid"), Verdict.CONFIRM_FIRST, None),
        (401, {"code": True, "message": "The authorization grant is invalid"}, Verdict.CONFIRM_FIRST, None),
        (401, error(3, NO_TRIAL), Verdict.APP_FAULT, Reason.APP_FAULT),
        (401, error(2, "Authentication failed."), Verdict.APP_FAULT, Reason.APP_FAULT),
        (401, {"error": "invalid_client"}, Verdict.APP_FAULT, Reason.APP_FAULT),
        (400, {"error": "unauthorized_client"}, Verdict.APP_FAULT, Reason.APP_FAULT),
        (400, {"error": "invalid_grant"}, Verdict.CONFIRM_FIRST, None),
        (400, error(283, "Your app has been blocked."), Verdict.APP_FAULT, Reason.APP_FAULT),
        (403, error(283, "The authorization grant is invalid"), Verdict.CONFIRM_FIRST, None),
        (403, error(29, NOT_PERMITTED), Verdict.CONFIRM_FIRST, None),
        (404, error(283, "The authorization grant is invalid"), Verdict.CONFIRM_FIRST, None),
        (500, error(283, "The authorization grant is invalid"), Verdict.TRANSIENT, Reason.TRANSIENT),
        (429, error(283, "The authorization grant is invalid"), Verdict.RATE_LIMITED, Reason.TRANSIENT),
        (402, error(283, "The authorization grant is invalid"), Verdict.APP_FAULT, Reason.APP_FAULT),
        (400, error(1, "Invalid request"), Verdict.OUR_BUG, None),
        (401, "<html>", Verdict.CONFIRM_FIRST, None),
        (401, {"message": "The authorization grant is invalid"}, Verdict.CONFIRM_FIRST, None),
    ],
)
def test_only_code_283_ends_a_refresh_token(
    status: int, body: Any, verdict: Verdict, reason: Reason | None
) -> None:
    classification = CHANNEL.classify(Answer("refresh", status, body=body))

    assert (classification.verdict, classification.reason) == (verdict, reason)


@pytest.mark.parametrize(
    ("call", "status", "body", "verdict", "row"),
    [
        ("exchange", 401, error(283, "The authorization grant is invalid"), Verdict.OUR_BUG, "state"),
        ("exchange", 400, error(283, "The authorization grant is invalid"), Verdict.OUR_BUG, "state"),
        ("exchange", 401, error(2, "Authentication failed."), Verdict.OUR_BUG, "state"),
        ("exchange", 400, {"error": "invalid_grant"}, Verdict.OUR_BUG, "state"),
        ("exchange", 401, {"error": "invalid_client"}, Verdict.APP_FAULT, "client refused"),
        ("exchange", 400, error(1, "Invalid request"), Verdict.OUR_BUG, "bad request"),
        ("authorize_callback", 400, {"error": "access_denied"}, Verdict.TRANSIENT, "declined"),
        ("authorize_callback", 400, "?error=access_denied&state=1", Verdict.TRANSIENT, "declined"),
        ("authorize_callback", 0, {"error": "access_denied"}, Verdict.TRANSIENT, "declined"),
        ("authorize_callback", 0, {"error": "unauthorized_client"}, Verdict.APP_FAULT, "app asked wrongly"),
        ("authorize_callback", 400, {"error": "invalid_scope"}, Verdict.APP_FAULT, "app asked wrongly"),
        ("authorize_callback", 400, {"error": "unauthorized_client"}, Verdict.APP_FAULT, "app asked wrongly"),
        ("authorize_callback", 400, {"error": "server_error"}, Verdict.TRANSIENT, "consent page in trouble"),
        ("authorize_callback", 400, {"error": ""}, Verdict.OUR_BUG, "state"),
        ("authorize_callback", 400, {"error": "what"}, Verdict.CONFIRM_FIRST, "unknown answer 400"),
        ("authorize_callback", 200, {"code": "abc", "state": "1"}, Verdict.OK, ""),
    ],
)
def test_the_handshake_has_rows_of_its_own(
    call: Call, status: int, body: Any, verdict: Verdict, row: str
) -> None:
    classification = CHANNEL.classify(Answer(call, status, body=body))

    assert (classification.verdict, classification.row) == (verdict, row)


def test_what_no_row_knows_can_be_recognised_again() -> None:
    first = CHANNEL.classify(Answer("api", 403, body=error(654, "Pin 12345 has a problem.")))
    again = CHANNEL.classify(Answer("api", 403, body=error(654, "Pin 99 has a problem.")))
    other = CHANNEL.classify(Answer("api", 403, body=error(655, "Pin 99 has a problem.")))

    assert len(first.unknown) == 32
    assert first.unknown == again.unknown
    assert first.unknown != other.unknown


def test_a_body_that_a_report_brings_as_text_is_read_too() -> None:
    text = '{"code": 283, "message": "The authorization grant is invalid"}'

    assert CHANNEL.classify(Answer("refresh", 401, body=text)).verdict == Verdict.TOKEN_DEAD
    assert CHANNEL.classify(Answer("refresh", 401, body=text.encode())).verdict == Verdict.TOKEN_DEAD


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"X-RateLimit-Reset": "42"}, 42),
        ({"x-ratelimit-reset": "0"}, 1),
        ({"x-ratelimit-reset": "99999999"}, 86_400),
        ({"x-ratelimit-reset": "soon", "x-ratelimit-limit": "100, 100;w=1"}, None),
        ({}, None),
    ],
)
def test_a_limit_says_when_it_ends(headers: dict[str, str], seconds: int | None) -> None:
    classification = CHANNEL.classify(Answer("api", 429, headers, error(8, TOO_MANY)))

    assert (classification.verdict, classification.retry_after) == (Verdict.RATE_LIMITED, seconds)


def test_a_limit_that_ends_at_a_moment_is_counted_from_now() -> None:
    moment = str(int(time.time()) + 120)

    classification = CHANNEL.classify(Answer("api", 429, {"x-ratelimit-reset": moment}, error(8, TOO_MANY)))

    assert classification.retry_after is not None
    assert 110 < classification.retry_after <= 122


def test_the_note_of_a_restriction_is_pinterests_own_words_without_secrets() -> None:
    said = f"{DISAPPROVED} access_token=pina_abcdefghijklmnop"

    note = CHANNEL.classify(Answer("api", 403, body=error(2625, said))).note

    assert note.startswith("Sorry, you cannot")
    assert "pina_abc" not in note


def test_every_row_of_the_table_has_a_source_and_only_one_kills() -> None:
    dead = [row for row in ROWS if row.verdict == Verdict.TOKEN_DEAD]

    assert all(row.source for row in ROWS)
    assert [(row.calls, row.codes, row.reason) for row in dead] == [
        (frozenset({"refresh"}), frozenset({283}), Reason.AUTHORISATION_CANCELLED)
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=15,
)
# Shaped like Pinterest's, with everything but the one code that kills in the places that are read.
NEAR = st.fixed_dictionaries(
    {},
    optional={
        "code": (JSON | st.integers(0, 5000)).filter(lambda code: str(code) != "283"),
        "message": JSON,
        "status": JSON | st.just("failure"),
        "error": JSON | st.sampled_from(["invalid_grant", "invalid_client"]),
        "data": JSON,
        "items": JSON | st.lists(st.fixed_dictionaries({"exceptions": JSON}), max_size=3),
        "bookmark": JSON,
        "id": JSON,
        "permissions": JSON,
        "access_token": JSON,
        "expires_in": JSON,
        "refresh_token": JSON,
        "refresh_token_expires_in": JSON,
        "refresh_token_expires_at": JSON,
        "scope": JSON,
    },
)


@settings(max_examples=100)
@given(
    call=st.sampled_from(CALLS),
    status=st.integers(-1, 999) | st.sampled_from([200, 400, 401, 403, 404]),
    body=JSON | NEAR | st.binary(max_size=60) | st.text(max_size=60),
    headers=st.dictionaries(
        st.sampled_from(["x-ratelimit-reset", "Retry-After", "x-pinterest-rid"]), st.text(max_size=30)
    ),
)
def test_no_garbage_raises_or_kills(call: Call, status: int, body: Any, headers: dict[str, str]) -> None:
    classification = CHANNEL.classify(Answer(call, status, headers, body))

    assert classification.verdict != Verdict.TOKEN_DEAD
    assert classification.row or classification.verdict == Verdict.OK
