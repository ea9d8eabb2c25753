"""TikTok's verdict table: every row of the fact sheet, the app's rows, and no death from garbage."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokens.channels.kinds import START_AGAIN, Answer, Call, Reason, Verdict
from tokens.channels.tiktok.channel import CHANNEL
from tokens.channels.tiktok.verdicts import ROWS

CALLS: tuple[Call, ...] = ("api", "refresh", "exchange", "introspect", "list_accounts", "authorize_callback")
AS_USER: tuple[Call, ...] = ("api", "refresh", "introspect")
DEAD_CODES = {"40102", "40103", "40105", "40106", "40107"}
REVOKED = "Access token is incorrect or has been revoked."
DELETED = "The advertiser 7002238017842757633 doesn't exist or has been deleted."
INCONSISTENT = (
    "The app_id is inconsistent with the token's app information. Please retry after correcting it."
)
NO_SCOPE = (
    "Permission error: The access token lacks the required scope for endpoint '/campaign/get/(method=GET)'. Please first check if the "
    "request method is correct then ask the user to generate a new access token and reauthorize your API App with the necessary API scopes."
)
RESTRICTED = "Due to too many requests, requests from App are temporarily restricted."


def said(code: Any, message: str = "", **more: Any) -> dict[str, Any]:
    return {"code": code, "message": message, "request_id": "2026…", "data": {}, **more}


# code, message, verdict, reason: the fact sheet's section 3.5, top to bottom.
SHEET = [
    (0, "OK", Verdict.OK, None),
    (20001, "Partial success", Verdict.OK, None),
    (40102, "Access token has expired", Verdict.TOKEN_DEAD, Reason.EXPIRED),
    (40104, "", Verdict.OUR_BUG, None),
    (40105, REVOKED, Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED),
    (40106, "", Verdict.TOKEN_DEAD, Reason.SUSPENDED),
    (40112, "", Verdict.CONFIRM_FIRST, Reason.UNKNOWN),
    (40113, "", Verdict.APP_FAULT, Reason.APP_FAULT),
    (40114, "", Verdict.CONFIRM_FIRST, Reason.UNKNOWN),
    (40115, "", Verdict.OUR_BUG, None),
    (40116, "", Verdict.OUR_BUG, None),
    (40900, "", Verdict.OUR_BUG, None),
    (40101, "Invalid App ID or secret", Verdict.APP_FAULT, Reason.APP_FAULT),
    (40117, "", Verdict.APP_FAULT, Reason.APP_FAULT),
    (40118, "", Verdict.APP_FAULT, Reason.APP_FAULT),
    (40119, "", Verdict.CONFIRM_FIRST, Reason.UNKNOWN),
    (40124, "", Verdict.APP_FAULT, Reason.APP_FAULT),
    (40125, "", Verdict.APP_FAULT, Reason.APP_FAULT),
    (40130, "", Verdict.ACCESS_LOST, Reason.SCOPE_MISSING),
    (40131, "", Verdict.CONFIRM_FIRST, Reason.UNKNOWN),
    (40000, "Invalid params", Verdict.OUR_BUG, None),
    (40000, INCONSISTENT, Verdict.CONFIRM_FIRST, Reason.UNKNOWN),
    (40001, DELETED, Verdict.ACCESS_LOST, Reason.ACCESS_LOST),
    (
        40001,
        "advertiser does not grant you /pixel/list/:GET permission",
        Verdict.ACCESS_LOST,
        Reason.SCOPE_MISSING,
    ),
    (40001, NO_SCOPE, Verdict.ACCESS_LOST, Reason.SCOPE_MISSING),
    (40002, "advertiser_ids: Not a valid list", Verdict.OUR_BUG, None),
    (40003, "", Verdict.OUR_BUG, None),
    (40006, "", Verdict.OUR_BUG, None),
    (40007, "", Verdict.OUR_BUG, None),
    (40300, "", Verdict.ACCESS_LOST, Reason.ACCESS_LOST),
    (40301, "", Verdict.ACCESS_LOST, Reason.ACCESS_LOST),
    (40302, "", Verdict.ACCESS_LOST, Reason.ACCESS_LOST),
    (40309, "", Verdict.CONFIRM_FIRST, Reason.UNKNOWN),
    (41000, "", Verdict.CONFIRM_FIRST, Reason.UNKNOWN),
    (40100, "App reaches the QPS limit.", Verdict.RATE_LIMITED, Reason.TRANSIENT),
    (40100, RESTRICTED, Verdict.RATE_LIMITED, Reason.TRANSIENT),
    (40016, "", Verdict.RATE_LIMITED, Reason.TRANSIENT),
    (40132, "", Verdict.RATE_LIMITED, Reason.TRANSIENT),
    (61000, "", Verdict.RATE_LIMITED, Reason.TRANSIENT),
    (51021, "Too many requests", Verdict.RATE_LIMITED, Reason.TRANSIENT),
    (40200, "", Verdict.TRANSIENT, Reason.TRANSIENT),
    (40201, "", Verdict.TRANSIENT, Reason.TRANSIENT),
    (40202, "", Verdict.TRANSIENT, Reason.TRANSIENT),
    (40700, "", Verdict.TRANSIENT, Reason.TRANSIENT),
    (50000, "System error", Verdict.TRANSIENT, Reason.TRANSIENT),
    (50002, "", Verdict.TRANSIENT, Reason.TRANSIENT),
    (51000, "", Verdict.TRANSIENT, Reason.TRANSIENT),
    (51039, "", Verdict.TRANSIENT, Reason.TRANSIENT),
    (52103, "", Verdict.TRANSIENT, Reason.TRANSIENT),
    (53102, "", Verdict.TRANSIENT, Reason.TRANSIENT),
    (60001, "", Verdict.TRANSIENT, Reason.TRANSIENT),
]


BY_NAME = {40112, 40114, 40119, 40131, 40309, 41000}  # kept for staff, and never an end


@pytest.mark.parametrize("call", AS_USER)
@pytest.mark.parametrize(("code", "message", "verdict", "reason"), SHEET)
def test_a_code_is_ruled_as_the_fact_sheet_says(
    call: Call, code: int, message: str, verdict: Verdict, reason: Reason | None
) -> None:
    classification = CHANNEL.classify(Answer(call, 200, body=said(code, message)))

    assert (classification.verdict, classification.reason) == (verdict, reason)
    assert bool(classification.unknown) is (code in BY_NAME)


@pytest.mark.parametrize(
    ("code", "reason"), [(40103, Reason.REFRESH_EXPIRED), (40107, Reason.SESSION_INVALID)]
)
def test_a_refresh_token_ends_where_one_was_sent(code: int, reason: Reason) -> None:
    refused = CHANNEL.classify(Answer("refresh", 200, body=said(code)))
    elsewhere = {
        CHANNEL.classify(Answer(call, 200, body=said(code))).verdict for call in AS_USER if call != "refresh"
    }

    assert (refused.verdict, refused.reason) == (Verdict.TOKEN_DEAD, reason)
    assert elsewhere == {Verdict.CONFIRM_FIRST}


@pytest.mark.parametrize("call", AS_USER)
@pytest.mark.parametrize("body", ["<html>Access Denied</html>", {"moon": 3}, said(40105, REVOKED), ""])
def test_another_status_than_200_passes_and_tells_operators_where_it_refuses(call: Call, body: Any) -> None:
    for status in (400, 401, 403, 404, 405, 410, 418, 422, 451):
        refused = CHANNEL.classify(Answer(call, status, body=body))
        assert refused.verdict == Verdict.TRANSIENT
        assert refused.unknown
    for status in (0, 302, 408, 425, 500, 502, 503, 504, 520):
        passing = CHANNEL.classify(Answer(call, status, body=body))
        assert passing.verdict == Verdict.TRANSIENT
        assert not passing.unknown


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        # Not TikTok's own answer, whatever it holds.
        (401, said(40105, REVOKED), Verdict.TRANSIENT),
        (403, "<html>Access Denied</html>", Verdict.TRANSIENT),
        (404, "", Verdict.TRANSIENT),
        (400, said(40102), Verdict.TRANSIENT),
        (500, said(40105), Verdict.TRANSIENT),
        (502, "<html>", Verdict.TRANSIENT),
        (503, said(40113), Verdict.TRANSIENT),
        (204, "", Verdict.TRANSIENT),
        (302, "", Verdict.TRANSIENT),
        (0, "no answer in time", Verdict.TRANSIENT),
        (429, "slow down", Verdict.RATE_LIMITED),
        (402, said(40105), Verdict.APP_FAULT),
        # HTTP 200 that says nothing we know is never fine.
        (200, "", Verdict.TRANSIENT),
        (200, None, Verdict.TRANSIENT),
        (200, "<html>log in</html>", Verdict.TRANSIENT),
        (200, [], Verdict.TRANSIENT),
        (200, {}, Verdict.TRANSIENT),
        (200, {"data": {"list": []}}, Verdict.TRANSIENT),
        (200, said(None), Verdict.TRANSIENT),
        (200, said(code=False), Verdict.TRANSIENT),
        (200, said(0.0), Verdict.TRANSIENT),
        (200, said(-1), Verdict.TRANSIENT),
        (200, said(987654), Verdict.TRANSIENT),
        # A code that nobody named, among those about log-ins, is a doubt.
        (200, said(40109), Verdict.CONFIRM_FIRST),
        (200, said(40139, "something new"), Verdict.CONFIRM_FIRST),
        # Numbers may come as text.
        (200, said("0"), Verdict.OK),
        (200, said("40105"), Verdict.TOKEN_DEAD),
    ],
)
def test_what_is_not_tiktoks_or_not_known_kills_nothing(status: int, body: Any, verdict: Verdict) -> None:
    assert CHANNEL.classify(Answer("api", status, body=body)).verdict == verdict


@pytest.mark.parametrize("body", [said(987654), said(40109), {}, "<html>", said(None)])
def test_what_no_row_knows_leaves_a_fingerprint(body: Any) -> None:
    assert CHANNEL.classify(Answer("api", 200, body=body)).unknown


def test_an_unknown_code_about_log_ins_says_nothing_when_the_token_itself_was_asked_about() -> None:
    assert CHANNEL.classify(Answer("introspect", 200, body=said(40109))).verdict == Verdict.TRANSIENT


@pytest.mark.parametrize("code", [40001, 40002, 40105, 40106, 41000, 987654])
@pytest.mark.parametrize(
    "message",
    [
        "The app has been suspended.",
        "Your application is blocked by the platform",
        "This developer was banned",
        "The app has not been approved yet",
        "Your app is disabled",
        "Invalid App ID or secret",
        "invalid_client",
    ],
)
@pytest.mark.parametrize("status", [200, 401, 403])
def test_words_about_our_app_are_its_fault_whatever_the_code(status: int, code: int, message: str) -> None:
    classification = CHANNEL.classify(Answer("api", status, body=said(code, message)))

    assert (classification.verdict, classification.reason) == (Verdict.APP_FAULT, Reason.APP_FAULT)


@pytest.mark.parametrize("call", ["exchange", "list_accounts", "refresh"])
def test_a_wrong_secret_is_the_apps_fault_where_one_was_sent(call: Call) -> None:
    assert (
        CHANNEL.classify(Answer(call, 200, body=said(40002, "secret is incorrect"))).verdict
        == Verdict.APP_FAULT
    )
    assert CHANNEL.classify(Answer(call, 200, body={"error": "invalid_client"})).verdict == Verdict.APP_FAULT


def test_an_advertised_app_that_does_not_exist_is_the_jobs_own_mistake() -> None:
    said_of_a_game = said(40002, "The app_id of the promoted game does not exist")

    assert CHANNEL.classify(Answer("api", 200, body=said_of_a_game)).verdict == Verdict.OUR_BUG


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (40110, "Auth_code is used"),
        (40108, ""),
        (40131, "Authorization code is expired."),
        (40002, "auth_code: missing"),
        (40105, REVOKED),
    ],
)
def test_a_code_that_gives_no_token_starts_the_handshake_again(code: int, message: str) -> None:
    classification = CHANNEL.classify(Answer("exchange", 200, body=said(code, message)))

    assert (classification.verdict, classification.row) == (Verdict.OUR_BUG, START_AGAIN)


@pytest.mark.parametrize("code", [40108, 40110])
def test_a_refused_code_outside_the_handshake_is_asked_again(code: int) -> None:
    assert CHANNEL.classify(Answer("api", 200, body=said(code))).verdict == Verdict.CONFIRM_FIRST


@pytest.mark.parametrize(
    ("body", "verdict", "row"),
    [
        ({"error": "access_denied"}, Verdict.TRANSIENT, "declined by the person"),
        ({"error": "server_error"}, Verdict.TRANSIENT, "consent page in trouble"),
        ({"error": "unauthorized_client"}, Verdict.APP_FAULT, "app refused at the consent page"),
        ({"error": ""}, Verdict.OUR_BUG, START_AGAIN),
        ({}, Verdict.OUR_BUG, START_AGAIN),
        ("", Verdict.OUR_BUG, START_AGAIN),
        ({"error": "something_new"}, Verdict.CONFIRM_FIRST, "unknown answer 400"),
        ({"auth_code": "c", "state": "s"}, Verdict.OK, ""),
        ("auth_code=c&code=c&state=s", Verdict.OK, ""),
        ("https://adtoken.example.com/link/tiktok/callback/?auth_code=c&state=s", Verdict.OK, ""),
        ("error=access_denied&state=s", Verdict.TRANSIENT, "declined by the person"),
        ("state=s", Verdict.OUR_BUG, START_AGAIN),
    ],
)
def test_the_way_back_from_the_consent_page_has_rows_of_its_own(
    body: Any, verdict: Verdict, row: str
) -> None:
    classification = CHANNEL.classify(Answer("authorize_callback", 400, body=body))

    assert (classification.verdict, classification.row) == (verdict, row)


@pytest.mark.parametrize(
    ("headers", "message", "least", "most"),
    [
        ({"Retry-After": "17"}, "App reaches the QPS limit.", 17, 17),
        ({"Retry-After": "99999999"}, "", 86_400, 86_400),
        ({"Retry-After": "soon"}, "", 300, 300),
        ({}, "App reaches the QPS limit.", 10, 10),
        ({}, RESTRICTED, 300, 300),
        ({}, "App reaches the QPD limit.", 1, 86_400),
    ],
)
def test_a_limit_says_when_to_come_again(
    headers: dict[str, str], message: str, least: int, most: int
) -> None:
    classification = CHANNEL.classify(Answer("api", 200, headers, said(40100, message)))

    assert classification.retry_after is not None
    assert least <= classification.retry_after <= most


def test_a_daily_limit_ends_at_midnight_utc() -> None:
    classification = CHANNEL.classify(Answer("api", 200, body=said(40100, "daily limit reached")))

    ends = time.time() + (classification.retry_after or 0)
    assert min(ends % 86_400, 86_400 - ends % 86_400) < 5


def test_a_body_that_a_report_brings_as_text_is_read_too() -> None:
    text = '{"code": 40105, "message": "x"}'

    assert CHANNEL.classify(Answer("api", 200, body=text)).verdict == Verdict.TOKEN_DEAD
    assert CHANNEL.classify(Answer("api", 200, body=text.encode())).verdict == Verdict.TOKEN_DEAD


def test_the_note_holds_no_secret() -> None:
    note = CHANNEL.classify(Answer("api", 200, body=said(40001, "access_token=abcdef was refused"))).note

    assert "abcdef" not in note


def test_every_row_has_a_source_and_every_death_a_reason() -> None:
    assert all(row.source for row in ROWS)
    assert all(row.reason for row in ROWS if row.verdict == Verdict.TOKEN_DEAD)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=15,
)
# Shaped like TikTok's, with everything but the codes of a dead token in the place that is read.
NEAR = st.fixed_dictionaries(
    {},
    optional={
        "code": (JSON | st.integers(0, 70_000)).filter(lambda code: str(code) not in DEAD_CODES),
        "message": JSON,
        "error": JSON,
        "data": JSON,
    },
)


@settings(max_examples=100)
@given(
    call=st.sampled_from(CALLS),
    status=st.integers(-1, 999) | st.just(200),
    body=JSON | NEAR | st.binary(max_size=60) | st.text(max_size=60),
    headers=st.dictionaries(st.sampled_from(["Retry-After", "x-tt-logid"]), st.text(max_size=30)),
)
def test_no_garbage_raises_or_kills(call: Call, status: int, body: Any, headers: dict[str, str]) -> None:
    classification = CHANNEL.classify(Answer(call, status, headers, body))

    assert classification.verdict != Verdict.TOKEN_DEAD
    assert classification.row or classification.verdict == Verdict.OK


@settings(max_examples=100)
@given(code=st.sampled_from(sorted(DEAD_CODES)), status=st.integers(-1, 999).filter(lambda one: one != 200))
def test_a_dead_code_kills_only_in_an_answer_of_tiktoks_own(code: str, status: int) -> None:
    assert CHANNEL.classify(Answer("api", status, body=said(int(code)))).verdict != Verdict.TOKEN_DEAD
