"""One ad account read with one token at each channel: role, restriction, access lost, and trouble that takes nothing away."""

from typing import Any

import pytest

from tests.tokens.channels.answers import DOUBT, FINE, LIMITED, PASSES, RESTRICTED, Meaning, lost
from tests.tokens.channels.answers.tiktok import said
from tests.tokens.channels.test_lists import LISTED, Listed
from tests.tokens.channels.worlds import FERN, LUMEN, MARLO, World, means
from tokens.channels import registry
from tokens.channels.kinds import Reason, Verdict

every_channel = pytest.mark.parametrize("key", registry.CHANNELS)
NO_ACCESS, NO_SCOPE = lost(Reason.ACCESS_LOST), lost(Reason.SCOPE_MISSING)


@every_channel
def test_an_ad_account_is_read_as_it_is_listed(key: str, world: World) -> None:
    found = world.read()

    assert found.classification.verdict == Verdict.OK
    assert found.account is not None
    expected = LISTED[key][LUMEN]
    if key in {"snapchat", "pinterest"}:  # whose list does not tell all that restricts
        expected = expected._replace(restriction="")
    assert Listed.of(found.account) == expected
    assert found.account.native_id == world.id(LUMEN)


# ---- out of reach

# Where a channel's documents name more than one answer to it, those.
DROPPED: list[tuple[str, int, Any]] = [
    *((key, 0, None) for key in registry.CHANNELS),
    ("pinterest", 401, {"code": 29, "message": "You are not permitted to access that resource."}),
    ("pinterest", 403, {"code": 403, "message": "Not authorized to access the user account."}),
    ("pinterest", 404, {"code": 2, "message": "AdAccount not found."}),
    ("snapchat", 404, {"request_status": "ERROR", "debug_message": "Resource can not be found", "error_code": "E3003"}),
]  # fmt: skip


@pytest.mark.parametrize(("key", "status", "body"), DROPPED)
def test_a_dropped_role_is_about_this_ad_account_only(key: str, status: int, body: Any, world: World) -> None:
    living = world.token()
    world.sandbox.drop_role(key, LUMEN, "ada")
    if body is not None:
        world.says(f"{world.id(LUMEN)}$", body, status)

    gone, kept = world.read(LUMEN, living), world.read(FERN, living)

    assert (means(gone.classification, NO_ACCESS), gone.account) == (True, None)
    assert kept.classification.verdict == Verdict.OK
    assert world.inspect(living).classification.verdict == Verdict.OK
    assert LUMEN not in {one.name for one in world.list(living).accounts}


@pytest.mark.parametrize(
    ("key", "native_id"), [("pinterest", "1"), ("snapchat", "00000000-0000-4000-8000-000000000007")]
)
def test_an_ad_account_that_never_was_is_lost(key: str, native_id: str, world: World) -> None:
    assert means(world.read(native_id).classification, NO_ACCESS)


def test_an_ad_account_that_was_not_ticked_is_lost_for_want_of_the_permission(at: Any) -> None:
    facebook, tiktok = at("facebook"), at("tiktok")
    living = facebook.token()
    facebook.sandbox.set_consent("ada", accounts=[facebook.id(FERN)])

    assert means(facebook.read(LUMEN, living).classification, NO_SCOPE)
    assert means(tiktok.read(LUMEN, tiktok.token(accounts=[tiktok.id(FERN)])).classification, NO_SCOPE)


def test_a_token_that_permits_too_little_to_read_needs_its_person(at: Any) -> None:
    snapchat, x = at("snapchat"), at("x")
    narrow = {"errors": [{"code": "INSUFFICIENT_USER_AUTHORIZED_PERMISSION", "message": "…"}]}
    x.says(f"/12/accounts/{x.id(LUMEN)}$", narrow, 403)

    assert means(x.read().classification, NO_SCOPE)
    assert means(
        snapchat.read(LUMEN, snapchat.token(scopes=["snapchat-profile-api"])).classification, NO_SCOPE
    )


@every_channel
def test_who_became_a_reader_reads_and_cannot_publish(key: str, world: World) -> None:
    world.sandbox.give_role(key, LUMEN, "ada", "reader")

    found = world.read()

    assert found.classification.verdict == Verdict.OK
    assert found.account is not None
    assert found.account.can_publish == "no"


# ---- restricted

# How the ad account is, and what is said of it.
STOPPED: list[tuple[str, dict[str, Any], str | None]] = [
    ("facebook", {"account_status": 3}, "unpaid bill"),
    *[
        ("linkedin", {"status": status, "details": {"servingStatuses": serving}}, words)
        for status, serving, words in (
            ("ACTIVE", ["RUNNABLE"], ""),
            ("ACTIVE", [], ""),
            ("ACTIVE", ["BILLING_HOLD"], "on hold for billing"),
            ("ACTIVE", ["STOPPED"], "stopped"),
            ("ACTIVE", ["RESTRICTED_HOLD", "INTERNAL_HOLD"], "restricted by LinkedIn, on hold at LinkedIn"),
            ("ACTIVE", ["ACCOUNT_TOTAL_BUDGET_HOLD"], "the account's budget is used up"),
            ("ACTIVE", ["ACCOUNT_END_DATE_HOLD"], "the account's end date has passed"),
            ("ACTIVE", ["NEW_HOLD"], "NEW_HOLD"),
            ("DRAFT", ["STOPPED"], "not set up yet"),
            ("CANCELLED", ["STOPPED"], "closed"),
            ("PENDING_DELETION", ["STOPPED"], "being deleted"),
            ("REMOVED", ["STOPPED"], "deleted"),
        )
    ],
    ("pinterest", {"details": {"refuses": 2625}}, "disapproved, “"),
    ("pinterest", {"details": {"refuses": 2626}}, "under review, “"),
    *[
        ("snapchat", {"details": {"delivery_status": delivery}}, words)
        for delivery, words in (
            (["VALID"], ""),
            (["INVALID_REMAINING_AD_ACCOUNT_BUDGET", "TEST_AD_ACCOUNT"], ""),
            (["NOT_ACTIVE_ORGANIZATION"], "its organization is not active"),
            (["INVALID_NOT_ACTIVE", 7], "not active"),
            ("NOT_ACTIVE_ORGANIZATION", ""),
        )
    ],
    *[
        ("snapchat", {"status": status}, words)
        for status, words in (
            ("PENDING", "not yet approved"), ("PAUSED", "paused"), ("FROZEN_BY_AUDIT", "status FROZEN_BY_AUDIT"),
        )
    ],
    ("tiktok", {"status": "STATUS_LIMIT", "details": {"rejection_reason": "1:bad ads,endtime:2031-12-31 07:32:13"}},
     "suspended, “bad ads (until 31 Dec 2031)”"),
    ("tiktok", {"status": "STATUS_DISABLE"}, "closed"),
    ("x", {"approval_status": "REJECTED"}, "not approved"),
    ("x", {"able_to_fund": False}, "no payment method works: PAYMENT_METHOD_FAILED"),
]  # fmt: skip
CLOSED = {"closed", "being deleted", "deleted"}


@pytest.mark.parametrize(("key", "how", "words"), STOPPED)
def test_what_stops_an_ad_account_is_told_in_plain_words_and_its_role_all_the_same(
    key: str, how: dict[str, Any], words: str, world: World
) -> None:
    world.sandbox.put_account(key, LUMEN, **how)

    found = world.read()

    assert found.account is not None
    assert str(found.account.restriction).startswith(words)
    assert bool(found.account.restriction) is bool(words)
    assert (found.account.role, found.account.can_publish) == (LISTED[key][LUMEN].role, "yes")
    assert found.account.closed is (words in CLOSED)
    assert means(
        found.classification, RESTRICTED if key == "pinterest" else FINE
    )  # which only refuses to show it


# ---- trouble

FAULTS: list[tuple[dict[str, Any], Meaning]] = [
    ({"status": 503, "body": "busy"}, PASSES),
    ({"drop": True}, PASSES),
    ({"status": 200, "body": "<html>"}, PASSES),
    ({"status": 200, "body": {"moon": 1}}, PASSES),
]
ANOTHER_SNAPCHAT = {
    "request_status": "SUCCESS",
    "adaccounts": [{"adaccount": {"id": "5f0d7c0b-2f3e-4a8b-8c57-3f6a1d9be702"}}],
}
# Each call that a reading makes, its troubles, and answers about something else.
ASKED: dict[str, dict[str, list[tuple[dict[str, Any], Meaning]]]] = {
    "facebook": {
        "act_{lumen}": [
            ({"status": 200, "body": {"account_id": "999", "id": "act_999", "name": "Other", "account_status": 2}}, PASSES),
        ],
    },
    "linkedin": {
        "adAccounts/{lumen}": [({"status": 200, "body": {"id": 509314782, "elements": None}}, PASSES)],
        "adAccountUsers": [({"status": 200, "body": {"elements": None}}, PASSES)],
    },
    "pinterest": {
        "ad_accounts/{lumen}": [
            ({"status": 200, "body": {"name": "no id"}}, PASSES),
            ({"status": 200, "body": {"id": "549756012348", "permissions": ["OWNER"]}}, PASSES),
            ({"status": 200, "body": {"code": 29, "message": "You are not permitted to access that resource."}}, PASSES),
        ],
    },
    "snapchat": {
        path: [
            ({"status": 429, "body": ""}, LIMITED),
            ({"status": 401, "body": ""}, DOUBT),
            ({"status": 200, "body": {"request_status": "SUCCESS"}}, PASSES),
        ]
        for path in ("adaccounts/{lumen}$", "me/organizations$")
    }
    | {"adaccounts/": [({"status": 200, "body": ANOTHER_SNAPCHAT}, PASSES)]},
    "tiktok": {
        "advertiser/info": [
            ({"status": 200, "body": said(0) | {"data": {"list": rows}}}, PASSES)
            for rows in ([], [{"advertiser_id": "7026631874055290881", "status": "STATUS_ENABLE"}], [7], [{"advertiser_id": ["x"]}])
        ],
        **{
            path: [
                ({"status": 200, "body": said(40100, "App reaches the QPS limit.")}, LIMITED),
                ({"status": 200, "body": said(0) | {"data": {"list": "all"}}}, PASSES),
            ]
            for path in ("bc/get", "bc/asset/get")
        },
    },
    "x": {
        path: [
            ({"status": 200, "body": {"data": None}}, PASSES),
            ({"status": 200, "body": {"data": {"id": "18ce55gq7fk", "permissions": "all"}}}, PASSES),
        ]
        for path in ("/12/accounts/{lumen}$", "authenticated_user_access")
    },
}  # fmt: skip


@every_channel
def test_trouble_while_reading_says_nothing_of_the_ad_account(key: str, world: World) -> None:
    living = world.token("ben")
    for path, own in ASKED[key].items():
        for fault, meaning in (*FAULTS, *own):
            world.trouble(path.format(lumen=world.id(LUMEN)), **fault)

            found = world.read(LUMEN, living, timeout=2)

            world.heal()
            assert means(found.classification, meaning), (path, fault, found)
            assert found.account is None, (path, fault)
            assert living.access_token not in str(found.evidence)


# ---- a role that nobody tells

# Switches, how the ad account is, what one path says, whose token, and the role that is left.
UNTOLD: list[tuple[str, dict[str, Any], dict[str, Any], str, dict[str, Any], tuple[str, str]]] = [
    ("linkedin", {}, {}, "adAccountUsers", {"status": 403, "body": {
        "status": 403, "serviceErrorCode": 100, "code": "ACCESS_DENIED", "message": "Not enough permissions",
    }}, ("", "unknown")),
    ("snapchat", {}, {}, "me/organizations$", {"status": 200, "body": {"request_status": "SUCCESS", "organizations": []}}, ("", "unknown")),
    ("snapchat", {"nested_roles": False}, {}, "", {}, ("Account admin", "yes")),  # it is asked for
    ("tiktok", {}, {"details": {"bc_id": ""}}, "", {}, ("", "unknown")),
    *[
        ("tiktok", {}, {}, "bc/get", {"status": 200, "body": said(40001, words)}, ("", "unknown"))
        for words in ("advertiser does not grant you /bc/get:GET permission", "The access token lacks the required scope")
    ],
]  # fmt: skip


@pytest.mark.parametrize(("key", "switches", "how", "path", "fault", "role"), UNTOLD)
def test_where_nobody_names_a_role_publishing_is_left_open(
    key: str,
    switches: dict[str, Any],
    how: dict[str, Any],
    path: str,
    fault: dict[str, Any],
    role: tuple[str, str],
    world: World,
) -> None:
    world.switch(**switches)
    world.sandbox.put_account(key, LUMEN, **how)
    if path:
        world.trouble(path, **fault)

    found = world.read()

    assert found.classification.verdict == Verdict.OK
    assert found.account is not None
    assert (found.account.role, found.account.can_publish) == role


# ---- versions


@pytest.mark.parametrize(
    ("key", "setting", "version", "verdict", "inspected"),
    [
        ("linkedin", "LINKEDIN_VERSION", "202507", Verdict.APP_FAULT, Verdict.OK),
        ("pinterest", "PINTEREST_API_VERSION", "v4", Verdict.OUR_BUG, Verdict.OUR_BUG),
    ],
)
def test_a_version_that_the_channel_took_away_is_for_operators_and_touches_no_token(
    key: str, setting: str, version: str, verdict: Verdict, inspected: Verdict, world: World, settings: Any
) -> None:
    living = world.token()
    setattr(settings, setting, version)

    found = world.read(LUMEN, living).classification

    assert found.verdict == verdict
    assert world.inspect(living).classification.verdict == inspected
    if key == "linkedin":
        assert found.row == "version retired"
        assert "20250701" in found.note


def test_pinterest_without_a_list_writes_no_restricted_account(at: Any) -> None:
    world = at("pinterest")
    world.says("ad_accounts$", "busy", 503)

    found = world.read(MARLO)

    assert (found.classification.verdict, found.account) == (Verdict.ACCOUNT_RESTRICTED, None)
