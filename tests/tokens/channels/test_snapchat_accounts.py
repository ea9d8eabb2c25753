"""One ad account of Snapchat, read with one token, against the stand-in Snapchat."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.sandbox import Sandbox
from tests.tokens.channels.snapchat_world import ADA, APP, FERN, LUMEN, given, spare_id, switch
from tokens.channels.kinds import AccessCheck, NativeAccount, Reason, Verdict
from tokens.channels.snapchat.channel import CHANNEL

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox(channels_world: Sandbox) -> Sandbox:
    return channels_world


def read(sandbox: Sandbox, native_id: str = LUMEN, user: str = "ada", **more: Any) -> AccessCheck:
    return CHANNEL.read_account(APP, given(sandbox, user), native_id, scopes=None, **more)


def publishes(account: NativeAccount | None) -> str:
    assert account is not None
    return account.can_publish


def test_an_account_is_read_with_its_role(sandbox: Sandbox) -> None:
    reading = read(sandbox, LUMEN.upper())
    listed = CHANNEL.list_accounts(APP, given(sandbox), ADA, None)

    assert reading.classification.verdict == Verdict.OK
    # The list does not tell all that restricts, and only the list names the organization.
    assert reading.account == replace(listed.accounts[0], restriction="", business="")


@pytest.mark.parametrize(
    ("delivery", "words"),
    [
        (["VALID"], ""),
        (["INVALID_REMAINING_AD_ACCOUNT_BUDGET", "TEST_AD_ACCOUNT"], ""),
        (["NOT_ACTIVE_ORGANIZATION"], "its organization is not active"),
        (["INVALID_NOT_ACTIVE", 7], "not active"),
        ("NOT_ACTIVE_ORGANIZATION", ""),
    ],
)
def test_a_delivery_status_that_stops_everything_is_a_restriction(
    sandbox: Sandbox, delivery: Any, words: str
) -> None:
    sandbox.put_account("snapchat", LUMEN, details={"delivery_status": delivery})

    reading = read(sandbox)

    assert reading.account is not None
    assert reading.account.restriction == words
    assert reading.classification.verdict == (Verdict.ACCOUNT_RESTRICTED if words else Verdict.OK)


def test_a_person_who_became_a_reader_reads_but_cannot_publish(sandbox: Sandbox) -> None:
    sandbox.give_role("snapchat", LUMEN, "ada", "reader")

    reading = read(sandbox)

    assert reading.classification.verdict == Verdict.OK
    assert publishes(reading.account) == "no"


@pytest.mark.parametrize("hides", [False, True])
def test_a_dropped_role_is_about_the_account_only(sandbox: Sandbox, hides: bool) -> None:
    switch(sandbox, hides=hides)
    living = given(sandbox)
    sandbox.drop_role("snapchat", LUMEN, "ada")

    lost = CHANNEL.read_account(APP, living, LUMEN, scopes=None)
    kept = CHANNEL.read_account(APP, living, FERN, scopes=None)

    assert (lost.classification.verdict, lost.classification.reason) == (
        Verdict.ACCESS_LOST,
        Reason.ACCESS_LOST,
    )
    assert lost.account is None
    assert kept.classification.verdict == Verdict.OK
    assert CHANNEL.inspect(APP, living).classification.verdict == Verdict.OK


def test_an_account_that_does_not_exist_is_lost_too(sandbox: Sandbox) -> None:
    reading = read(sandbox, spare_id(7))

    assert (reading.classification.verdict, reading.classification.reason) == (
        Verdict.ACCESS_LOST,
        Reason.ACCESS_LOST,
    )


def test_a_token_without_the_scope_says_so(sandbox: Sandbox) -> None:
    narrow = given(sandbox, scopes=["snapchat-profile-api"])

    reading = CHANNEL.read_account(APP, narrow, LUMEN, scopes=None)

    assert (reading.classification.verdict, reading.classification.reason) == (
        Verdict.ACCESS_LOST,
        Reason.SCOPE_MISSING,
    )


@pytest.mark.parametrize(
    ("status", "note"),
    [("PENDING", "not yet approved"), ("PAUSED", "paused"), ("FROZEN_BY_AUDIT", "status FROZEN_BY_AUDIT")],
)
def test_an_account_that_is_not_active_is_restricted_and_its_role_still_told(
    sandbox: Sandbox, status: str, note: str
) -> None:
    sandbox.set_account_status("snapchat", LUMEN, status=status)

    reading = read(sandbox)

    assert (reading.classification.verdict, reading.classification.note) == (Verdict.ACCOUNT_RESTRICTED, note)
    assert publishes(reading.account) == "yes"


@pytest.mark.parametrize("path", [f"adaccounts/{LUMEN}$", "me/organizations$"])
@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        ({"status": 503, "body": "busy"}, Verdict.TRANSIENT),
        ({"status": 429, "body": ""}, Verdict.RATE_LIMITED),
        ({"status": 401, "body": ""}, Verdict.CONFIRM_FIRST),
        ({"status": 200, "body": "<html>"}, Verdict.TRANSIENT),
        ({"status": 200, "body": {"request_status": "SUCCESS"}}, Verdict.TRANSIENT),
        ({"drop": True}, Verdict.TRANSIENT),
    ],
)
def test_trouble_on_either_call_says_nothing_of_the_account(
    sandbox: Sandbox, path: str, fault: dict[str, Any], verdict: Verdict
) -> None:
    living = given(sandbox)
    sandbox.add_fault("snapchat", path=path, **fault)

    reading = CHANNEL.read_account(APP, living, LUMEN, scopes=None, timeout=2)

    assert reading.classification.verdict == verdict
    assert reading.account is None
    assert living.access_token not in str(reading.evidence)


def test_an_item_in_error_or_another_account_is_no_reading(sandbox: Sandbox) -> None:
    sandbox.put_account("snapchat", LUMEN, details={"sub_request_error": "try again"})
    failed = read(sandbox)
    other = {"request_status": "SUCCESS", "adaccounts": [{"adaccount": {"id": FERN}}]}
    sandbox.add_fault("snapchat", path="adaccounts/", status=200, body=other)

    swapped = read(sandbox)

    assert failed.classification.verdict == swapped.classification.verdict == Verdict.TRANSIENT
    assert failed.account is swapped.account is None


def test_an_account_that_no_list_names_has_an_unknown_role(sandbox: Sandbox) -> None:
    body = {"request_status": "SUCCESS", "organizations": []}
    sandbox.add_fault("snapchat", path="me/organizations$", status=200, body=body)

    reading = read(sandbox)

    assert reading.classification.verdict == Verdict.OK
    assert publishes(reading.account) == "unknown"


def test_a_role_that_no_list_tells_is_asked_for(sandbox: Sandbox) -> None:
    switch(sandbox, nested_roles=False)

    reading = read(sandbox, user="chiara")

    assert publishes(reading.account) == "no"


@pytest.mark.parametrize("spelling", [LUMEN, LUMEN.upper(), f" {LUMEN} "])
def test_an_account_has_one_spelling(spelling: str) -> None:
    assert CHANNEL.canonical_id(spelling) == LUMEN


@pytest.mark.parametrize(
    "nonsense",
    ["", "1", LUMEN[:-1], LUMEN + "0", LUMEN.replace("-", ""), f"{LUMEN}/x", "../me", f"{LUMEN}\n{FERN}"],
)
def test_nonsense_is_no_account_id(nonsense: str) -> None:
    with pytest.raises(ValueError, match="looks like"):
        CHANNEL.canonical_id(nonsense)


def test_an_accounts_page_stays_at_snapchat_whatever_its_id() -> None:
    assert CHANNEL.open_url(LUMEN.upper()) == f"https://ads.snapchat.com/{LUMEN}"
    assert CHANNEL.open_url("@evil.example/?") == "https://ads.snapchat.com/%40evil.example%2F%3F"
