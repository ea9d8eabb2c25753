"""One rule for all channels: words under general codes, batches item by item, XML, errors inside a 5xx, names beside an error."""

import json
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.odd_answers import FIREWALL, STORAGE
from tokens.channels import registry, verdict_table
from tokens.channels.kinds import Answer, Classification, Reason, Verdict

# A bad request as each channel words it: a general code, with a place for the message.
GENERAL: dict[str, tuple[int, Any]] = {
    "facebook": (400, lambda said: {"error": {"code": 100, "message": said, "type": "OAuthException"}}),
    "linkedin": (400, lambda said: {"status": 400, "code": "ILLEGAL_ARGUMENT", "message": said}),
    "pinterest": (400, lambda said: {"code": 1, "message": said}),
    "snapchat": (400, lambda said: {"request_status": "ERROR", "error_code": "E1001", "debug_message": said}),
    "tiktok": (200, lambda said: {"code": 40002, "message": said}),
    "x": (400, lambda said: {"errors": [{"code": "INVALID_PARAMETER", "message": said}]}),
}
LIMITS = (
    "Rate limit exceeded for this user.",
    "There have been too many calls from this ad-account. Wait a bit.",
    "Resource level throttle APPLICATION DAY limit for calls to this resource is reached.",
    "You have exceeded your request limit.",
    "App reaches the QPS limit: qps limit reached.",
)
NO_LIMITS = (
    "The spend limit was exceeded.",
    "The parameter limit must be a positive integer",
    "Budget is over the limit",
)
REFUSALS = (
    "Not enough permissions to access this ad account",
    "No permission to operate the advertiser 123.",
    "You do not have access to this resource",
    "User does not have sufficient permissions",
    "Access denied.",
)
NO_REFUSALS = (
    "Application does not have permission for this action",
    "The field permission_group is unknown",
    "Invalid parameter",
    "The client lacks permission",
)  # fmt: skip

every_channel = pytest.mark.parametrize("key", registry.CHANNELS)


def classify(key: str, status: int, body: Any, call: Any = "api", **headers: str) -> Classification:
    return registry.get(key).classify(Answer(call, status, headers, body))


@every_channel
def test_a_limit_named_in_words_is_one_under_any_code(key: str) -> None:
    status, body = GENERAL[key]

    for said in LIMITS:
        found = classify(key, status, body(said))
        assert (found.verdict, found.reason, found.unknown) == (
            Verdict.RATE_LIMITED,
            Reason.TRANSIENT,
            "",
        ), said


@every_channel
def test_a_permission_refused_in_words_is_access_lost_under_a_general_code(key: str) -> None:
    status, body = GENERAL[key]

    for said in REFUSALS:
        found = classify(key, status, body(said))
        assert (found.verdict, found.unknown) == (Verdict.ACCESS_LOST, ""), said


@every_channel
def test_words_of_what_stands_before_a_channel_or_have_no_code_refuse_nobody(key: str) -> None:
    pages = [FIREWALL, STORAGE, "RBAC: access denied", "Verify your account"]
    without_code = {"statusCode": 403, "message": "Access denied due to a rule."}
    answers = [*product(pages, (400, 403, 404)), (without_code, 403)]

    for (said, status), call in product(answers, ("api", "list_accounts")):
        assert classify(key, status, said, call).verdict != Verdict.ACCESS_LOST, (said, call, status)


@every_channel
def test_words_of_something_else_leave_a_bad_request_a_bad_request(key: str) -> None:
    status, body = GENERAL[key]

    for said in (*NO_LIMITS, *NO_REFUSALS):
        found = classify(key, status, body(said)).verdict
        assert found not in {Verdict.RATE_LIMITED, Verdict.ACCESS_LOST}, said


# The end of a log-in as each channel words it: a code of its own, with a place for the message.
ENDS: dict[str, tuple[Any, int, Any]] = {
    "facebook": (
        "refresh",
        400,
        lambda said: {"error": {"code": 190, "error_subcode": 460, "message": said}},
    ),
    "linkedin": ("refresh", 400, lambda said: {"error": "invalid_grant", "error_description": said}),
    "pinterest": ("refresh", 400, lambda said: {"code": 283, "message": said}),
    "snapchat": ("refresh", 400, lambda said: {"error": "invalid_grant", "error_description": said}),
    "tiktok": ("introspect", 200, lambda said: {"code": 40102, "message": said}),
    "x": ("introspect", 401, lambda said: {"errors": [{"code": 89, "message": said}]}),
}


@every_channel
def test_no_code_ends_a_log_in_against_its_own_words(key: str) -> None:
    call, status, body = ENDS[key]

    for said, verdict in {
        "": Verdict.TOKEN_DEAD,
        "Too many requests. Please retry in some seconds.": Verdict.RATE_LIMITED,
        "App reaches the QPS limit: 10": Verdict.RATE_LIMITED,
        "Internal server error": Verdict.CONFIRM_FIRST,
        "Your developer account is banned": Verdict.APP_FAULT,
    }.items():
        assert classify(key, status, body(said), call).verdict == verdict, said


@every_channel
def test_a_refusal_of_the_list_of_ad_accounts_is_a_doubt_and_takes_none(key: str) -> None:
    status, body = GENERAL[key]

    for said in ("", REFUSALS[0]):
        assert classify(key, status, body(said), "list_accounts").verdict == Verdict.CONFIRM_FIRST, said


# ---- batches


def facebook(*items: Any) -> list[Any]:
    return [
        None if item is None else {"code": item[0], "headers": [], "body": json.dumps(item[1])}
        for item in items
    ]


GOOD = (200, {"id": "1"})
ENDED = (400, {"error": {"code": 190, "error_subcode": 460, "message": "changed their password"}})
REFUSED = (403, {"error": {"code": 200, "message": "(#200) Permissions error"}})
LIMITED = (400, {"error": {"code": 80004, "message": "There have been too many calls"}})
BAD = (400, {"error": {"code": 100, "message": "Invalid parameter"}})


@pytest.mark.parametrize(
    ("items", "verdict"),
    [
        ([GOOD, GOOD], Verdict.OK),
        ([ENDED, ENDED], Verdict.TOKEN_DEAD),
        ([GOOD, ENDED], Verdict.CONFIRM_FIRST),
        ([GOOD, REFUSED], Verdict.ACCESS_LOST),
        ([GOOD, LIMITED, BAD], Verdict.RATE_LIMITED),
        ([GOOD, BAD], Verdict.OUR_BUG),
        ([GOOD, None], Verdict.TRANSIENT),
    ],
)
def test_a_batch_of_facebook_means_what_its_gravest_item_means(items: Any, verdict: Verdict) -> None:
    assert classify("facebook", 200, facebook(*items)).verdict == verdict


REVOKED = {
    "status": 401,
    "serviceErrorCode": 65601,
    "code": "REVOKED_ACCESS_TOKEN",
    "message": "revoked by the user",
}
DENIED = {
    "status": 403,
    "serviceErrorCode": 100,
    "code": "ACCESS_DENIED",
    "message": "Not enough permissions",
}


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ({"results": {"1": {"id": 1}}, "errors": {}, "statuses": {"1": 200}}, Verdict.OK),
        ({"results": {"1": {"id": 1}}, "errors": {"2": DENIED}}, Verdict.ACCESS_LOST),
        ({"results": {}, "errors": {"2": REVOKED}}, Verdict.CONFIRM_FIRST),
        ({"elements": [{"status": 201, "id": "1"}, {"status": 403, "error": DENIED}]}, Verdict.ACCESS_LOST),
        ({"elements": [{"status": 201, "id": "1"}]}, Verdict.OK),
        ({"elements": [{"id": 1, "status": "ACTIVE"}]}, Verdict.OK),  # a list of ad accounts
    ],
)
def test_a_batch_of_linkedin_is_read_item_by_item(body: Any, verdict: Verdict) -> None:
    assert classify("linkedin", 200, body).verdict == verdict


def test_a_batch_of_x_that_failed_is_read_by_its_operations() -> None:
    refused = [{"code": "INSUFFICIENT_USER_AUTHORIZED_PERMISSION", "message": "User may not write"}]
    body = {"errors": [], "operation_errors": [[], refused], "data": None}

    assert classify("x", 400, body).verdict == Verdict.ACCESS_LOST


@given(st.lists(st.sampled_from(Verdict), max_size=20))
def test_items_never_kill_a_token_that_served_one_of_them(verdicts: list[Verdict]) -> None:
    found = verdict_table.gravest(Classification(verdict) for verdict in verdicts)

    assert found.verdict in {*verdicts, Verdict.OK, Verdict.CONFIRM_FIRST}
    assert not (found.verdict == Verdict.TOKEN_DEAD and Verdict.OK in verdicts)


# ---- an error inside a 5xx


@pytest.mark.parametrize(
    ("key", "body", "verdict"),
    [
        ("facebook", ENDED[1], Verdict.CONFIRM_FIRST),
        ("facebook", LIMITED[1], Verdict.RATE_LIMITED),
        ("facebook", BAD[1], Verdict.TRANSIENT),
        ("facebook", {"error": {"code": 101, "message": "Error validating application"}}, Verdict.TRANSIENT),
        ("linkedin", {**REVOKED, "status": 503}, Verdict.CONFIRM_FIRST),
        ("linkedin", {"status": 503, "code": "TOO_MANY_REQUESTS", "message": "x"}, Verdict.RATE_LIMITED),
        ("x", {"errors": [{"code": 89, "message": "Invalid or expired token."}]}, Verdict.CONFIRM_FIRST),
        ("x", {"errors": [{"code": 88, "message": "Rate limit exceeded"}]}, Verdict.RATE_LIMITED),
        ("snapchat", {"error": "invalid_client"}, Verdict.TRANSIENT),
        ("tiktok", {"code": 40105, "message": "gone"}, Verdict.TRANSIENT),  # a gateway's, by its status
        ("pinterest", {"code": 8, "message": "slow down"}, Verdict.RATE_LIMITED),
    ],
)
def test_an_error_inside_a_5xx_is_looked_at(key: str, body: Any, verdict: Verdict) -> None:
    assert {classify(key, status, body).verdict for status in (500, 503)} == {verdict}


@every_channel
def test_no_5xx_says_of_a_token_itself_that_it_ended(key: str) -> None:
    bodies = [
        ENDED[1],
        REVOKED,
        {"code": 40105},
        {"error": "invalid_grant"},
        {"errors": [{"code": 89}]},
        {"code": 283},
    ]

    for call in ("introspect", "refresh", "exchange"):
        for body in bodies:
            assert classify(key, 503, body, call).verdict in {Verdict.TRANSIENT, Verdict.RATE_LIMITED}


# ---- names beside an error


@pytest.mark.parametrize(
    ("key", "status", "body", "verdict"),
    [
        ("linkedin", 401, {"error": "unauthorized", "serviceErrorCode": 65600, "code": "INVALID_ACCESS_TOKEN"}, Verdict.TOKEN_DEAD),
        ("facebook", 400, {"error": "server", "error_code": 80004, "error_description": "calls"}, Verdict.RATE_LIMITED),
        ("facebook", 400, {"error": "x", "message": "API access deactivated"}, Verdict.APP_FAULT),
        ("x", 403, {"title": "Forbidden", "type": "about:blank", "errors": [{"message": "no"}], "reason": "client-forbidden"},
         Verdict.APP_FAULT),
    ],
)  # fmt: skip
def test_a_name_or_number_beside_a_general_error_is_kept(
    key: str, status: int, body: Any, verdict: Verdict
) -> None:
    assert classify(key, status, body).verdict == verdict
