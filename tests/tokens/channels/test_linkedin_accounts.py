"""The ad accounts of LinkedIn, listed and read, against the stand-in LinkedIn."""

from typing import Any

import pytest
from pytest_django.fixtures import Settings

from tests.support.sandbox import Sandbox
from tests.tokens.channels import linkedin_world
from tests.tokens.channels.linkedin_world import ADA, APP, FERN, LUMEN, MARLO, OLD, SCOPES, given, switch
from tokens.channels.kinds import AccessCheck, AccountList, ChannelError, Reason, Verdict
from tokens.channels.linkedin.channel import CHANNEL

pytestmark = pytest.mark.django_db

URN = "urn:li:sponsoredAccount:"


@pytest.fixture(autouse=True)
def _world(sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    linkedin_world.set_up(sandbox, settings, monkeypatch)


def listed(sandbox: Sandbox, user: str = "ada", **fields: Any) -> AccountList:
    return CHANNEL.list_accounts(APP, given(sandbox, user, **fields), ADA, fields.get("scopes", SCOPES))


def read(sandbox: Sandbox, native_id: str = LUMEN, user: str = "ada", **more: Any) -> AccessCheck:
    return CHANNEL.read_account(APP, given(sandbox, user), native_id, **{"scopes": SCOPES, **more})


def small_pages(monkeypatch: pytest.MonkeyPatch, size: int = 2) -> None:
    monkeypatch.setattr("tokens.channels.linkedin.listing.ROLES_SIZE", size)
    monkeypatch.setattr("tokens.channels.linkedin.listing.DETAILS_SIZE", size)


# ---- ids and addresses


@pytest.mark.parametrize("said", ["508720451", " 508720451 ", "urn:li:sponsoredAccount:508720451"])
def test_an_id_has_one_spelling(said: str) -> None:
    assert CHANNEL.canonical_id(said) == "508720451"
    assert CHANNEL.open_url(said) == "https://www.linkedin.com/campaignmanager/accounts/508720451"


@pytest.mark.parametrize(
    "said", ["", "0", "007", "-5", "5.0", "5/../6", "urn:li:organization:5", "٥", "9" * 20, "act_5"]
)
def test_nonsense_is_no_id(said: str) -> None:
    with pytest.raises(ValueError, match="LinkedIn ad account"):
        CHANNEL.canonical_id(said)


# ---- the list


def test_the_list_holds_every_account_with_its_role_and_status(sandbox: Sandbox) -> None:
    found = {account.native_id: account for account in listed(sandbox).accounts}

    assert set(found) == {LUMEN, FERN, MARLO, OLD}
    assert (found[LUMEN].name, found[LUMEN].currency, found[LUMEN].time_zone) == (
        "Lumen Shoes EU",
        "EUR",
        "UTC",
    )
    assert (found[LUMEN].role, found[LUMEN].can_publish) == ("Billing admin", "yes")
    assert (found[LUMEN].native_status, found[LUMEN].restriction) == ("ACTIVE", "")
    assert (found[MARLO].native_status, found[MARLO].restriction) == (
        "ACTIVE, BILLING_HOLD",
        "on hold for billing",
    )
    assert (found[OLD].closed, found[OLD].restriction) == (True, "closed")


def test_a_viewer_cannot_publish_and_a_campaign_manager_can(sandbox: Sandbox) -> None:
    reader, manager = listed(sandbox, "chiara").accounts, listed(sandbox, "ben").accounts

    assert [(one.role, one.can_publish) for one in reader] == [("Viewer", "no")]
    assert [(one.role, one.can_publish) for one in manager if one.native_id == LUMEN] == [
        ("Campaign manager", "yes")
    ]


def test_without_rw_ads_nobody_can_publish(sandbox: Sandbox) -> None:
    found = listed(sandbox, scopes=["r_ads", "openid", "profile"])

    assert {account.can_publish for account in found.accounts} == {"no"}


def test_scopes_that_are_not_known_leave_it_to_the_role(sandbox: Sandbox) -> None:
    found = CHANNEL.list_accounts(APP, given(sandbox), ADA, None)

    assert {account.can_publish for account in found.accounts} == {"yes"}


@pytest.mark.parametrize(
    ("role", "shown", "can_publish"),
    [
        ("ACCOUNT_MANAGER", "Account manager", "yes"),
        ("CREATIVE_MANAGER", "Creative manager", "no"),
        ("SOMETHING_NEW", "SOMETHING_NEW", "unknown"),
        (None, "", "unknown"),
    ],
)
def test_every_role_says_whether_it_may_publish(
    sandbox: Sandbox, role: Any, shown: str, can_publish: str
) -> None:
    body = {"elements": [{"account": URN + LUMEN, "role": role}], "paging": {"total": 1}}
    sandbox.add_fault("linkedin", path="adAccountUsers", status=200, body=body)

    found = {account.native_id: account for account in listed(sandbox).accounts}

    assert (found[LUMEN].role, found[LUMEN].can_publish) == (shown, can_publish)
    assert found[FERN].can_publish == "unknown"  # seen, but with no role in the list


@pytest.mark.parametrize(
    ("status", "serving", "restriction", "closed"),
    [
        ("ACTIVE", ["RUNNABLE"], "", False),
        ("ACTIVE", [], "", False),
        ("ACTIVE", ["STOPPED"], "stopped", False),
        (
            "ACTIVE",
            ["RESTRICTED_HOLD", "INTERNAL_HOLD"],
            "restricted by LinkedIn, on hold at LinkedIn",
            False,
        ),
        ("ACTIVE", ["ACCOUNT_TOTAL_BUDGET_HOLD"], "the account's budget is used up", False),
        ("ACTIVE", ["ACCOUNT_END_DATE_HOLD"], "the account's end date has passed", False),
        ("ACTIVE", ["NEW_HOLD"], "NEW_HOLD", False),
        ("DRAFT", ["STOPPED"], "not set up yet", False),
        ("CANCELLED", ["STOPPED"], "closed", True),
        ("PENDING_DELETION", ["STOPPED"], "being deleted", True),
        ("REMOVED", ["STOPPED"], "deleted", True),
    ],
)
def test_status_and_holds_are_told_in_plain_words(
    sandbox: Sandbox, status: str, serving: list[str], restriction: str, closed: bool
) -> None:
    sandbox.put_account("linkedin", LUMEN, status=status, details={"servingStatuses": serving})

    found = {account.native_id: account for account in listed(sandbox).accounts}[LUMEN]

    assert (found.restriction, found.closed) == (restriction, closed)
    assert found.native_status.startswith(status)


def test_all_pages_of_both_lists_are_read(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    small_pages(monkeypatch)

    found = listed(sandbox)

    assert found.complete
    assert [account.name for account in found.accounts][:2] == ["Lumen Shoes EU", "Fern Gardens"]
    assert {account.native_id for account in found.accounts} == {LUMEN, FERN, MARLO, OLD}
    assert len(sandbox.calls(path="adAccounts$")) == 2
    assert len(sandbox.calls(path="adAccountUsers$")) == 3  # a full page may have a successor


@pytest.mark.parametrize("path", ["adAccountUsers", "adAccounts$"])
def test_an_error_on_a_later_page_gives_an_incomplete_list(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    small_pages(monkeypatch)
    sandbox.add_fault("linkedin", path=path, delay=0.01, count=1)  # the first page comes late, but comes
    sandbox.add_fault("linkedin", path=path, status=503, body="busy")

    found = listed(sandbox)

    assert not found.complete
    assert {LUMEN, FERN} <= {account.native_id for account in found.accounts}


def test_where_the_details_fail_the_roles_still_name_every_account(sandbox: Sandbox) -> None:
    sandbox.add_fault("linkedin", path="adAccounts$", status=503, body="busy")

    found = listed(sandbox)

    assert not found.complete
    assert {(account.native_id, account.name) for account in found.accounts} >= {(LUMEN, LUMEN), (OLD, OLD)}
    assert {account.can_publish for account in found.accounts} == {"yes"}


def test_a_total_that_is_not_reached_is_no_whole_list(sandbox: Sandbox) -> None:
    rows = [{"account": URN + LUMEN, "role": "VIEWER"}]
    first = {"elements": rows, "paging": {"start": 0, "count": 100, "total": 7}}
    sandbox.add_fault("linkedin", path="adAccountUsers", status=200, body=first, count=1)
    sandbox.add_fault("linkedin", path="adAccountUsers", status=200, body={**first, "elements": []})

    assert not listed(sandbox).complete


def test_a_page_token_that_leads_in_a_circle_gives_an_incomplete_list(sandbox: Sandbox) -> None:
    body = {"elements": [], "metadata": {"nextPageToken": "again"}}
    sandbox.add_fault("linkedin", path="adAccounts$", status=200, body=body)

    assert not listed(sandbox).complete
    assert len(sandbox.calls(path="adAccounts$")) == 2


def test_more_pages_than_we_read_give_an_incomplete_list(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pages(monkeypatch, 1)
    monkeypatch.setattr("tokens.channels.linkedin.listing.MAX_PAGES", 2)

    assert not listed(sandbox).complete


@pytest.mark.parametrize(
    "body", ["<html>", [], {"elements": None}, {"elements": {"id": 5}}, {"data": []}, {}]
)
def test_a_list_of_another_shape_is_no_empty_list(sandbox: Sandbox, body: Any) -> None:
    sandbox.add_fault("linkedin", path="adAccountUsers", status=200, body=body)

    with pytest.raises(ChannelError) as error:
        listed(sandbox)

    assert error.value.classification.verdict == Verdict.TRANSIENT


def test_rows_that_are_no_accounts_are_left_out(sandbox: Sandbox) -> None:
    rows = [
        None,
        7,
        {"id": None},
        {"id": "../oauth"},
        {"id": True},
        {"id": 10**30},
        {"id": int(FERN), "name": 3},
    ]
    users = [None, 7, {"account": 5}, {"account": URN + "x"}, {"account": URN + FERN, "role": "VIEWER"}]
    sandbox.add_fault("linkedin", path="adAccounts$", status=200, body={"elements": rows, "metadata": 9})
    sandbox.add_fault("linkedin", path="adAccountUsers", status=200, body={"elements": users, "paging": None})

    found = listed(sandbox)

    assert [(one.native_id, one.name, one.can_publish) for one in found.accounts] == [(FERN, FERN, "no")]


def test_somebody_without_any_account_has_an_empty_whole_list(sandbox: Sandbox) -> None:
    sandbox.put_user("linkedin", "dora", id="zZ9", name="Dora")

    found = listed(sandbox, "dora")

    assert (found.accounts, found.complete) == ((), True)


def test_a_day_quota_that_is_used_up_says_until_when(sandbox: Sandbox) -> None:
    switch(sandbox, day_quota_over=True)

    with pytest.raises(ChannelError) as error:
        listed(sandbox)

    assert error.value.classification.verdict == Verdict.RATE_LIMITED
    assert 0 < (error.value.classification.retry_after or 0) <= 86_400


# ---- one ad account


def test_an_account_is_read_with_its_role(sandbox: Sandbox) -> None:
    found = read(sandbox)

    assert found.classification.verdict == Verdict.OK
    assert found.account is not None
    assert (found.account.native_id, found.account.role, found.account.can_publish) == (
        LUMEN,
        "Billing admin",
        "yes",
    )


def test_a_role_on_a_later_page_is_found(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    small_pages(monkeypatch, 1)

    found = read(sandbox, FERN)

    assert found.account is not None
    assert found.account.role == "Billing admin"


def test_a_dropped_person_has_lost_the_account_only(sandbox: Sandbox) -> None:
    sandbox.drop_role("linkedin", "Lumen Shoes EU", "ada")

    lost, kept = read(sandbox), read(sandbox, FERN)

    assert (lost.classification.verdict, lost.classification.reason) == (
        Verdict.ACCESS_LOST,
        Reason.ACCESS_LOST,
    )
    assert lost.account is None
    assert kept.classification.verdict == Verdict.OK


def test_a_person_who_became_a_viewer_reads_but_cannot_publish(sandbox: Sandbox) -> None:
    sandbox.give_role("linkedin", "Lumen Shoes EU", "ada", "reader")

    found = read(sandbox)

    assert found.classification.verdict == Verdict.OK
    assert found.account is not None
    assert (found.account.role, found.account.can_publish) == ("Viewer", "no")


def test_an_account_on_hold_is_restricted_and_the_role_is_still_told(sandbox: Sandbox) -> None:
    found = read(sandbox, MARLO)

    assert (found.classification.verdict, found.classification.note) == (
        Verdict.ACCOUNT_RESTRICTED,
        "on hold for billing",
    )
    assert found.account is not None
    assert found.account.can_publish == "yes"


def test_roles_that_may_not_be_listed_leave_the_role_open(sandbox: Sandbox) -> None:
    denied = {
        "status": 403,
        "serviceErrorCode": 100,
        "code": "ACCESS_DENIED",
        "message": "Not enough permissions",
    }
    sandbox.add_fault("linkedin", path="adAccountUsers", status=403, body=denied)

    found = read(sandbox)

    assert found.classification.verdict == Verdict.OK
    assert found.account is not None
    assert (found.account.role, found.account.can_publish) == ("", "unknown")


@pytest.mark.parametrize(
    ("action", "verdict", "reason"),
    [
        ("cancel_authorisation", Verdict.CONFIRM_FIRST, Reason.AUTHORISATION_CANCELLED),
        ("expire", Verdict.TOKEN_DEAD, Reason.EXPIRED),
    ],
)
def test_a_reading_with_a_token_in_trouble_says_so_without_an_account(
    sandbox: Sandbox, action: str, verdict: Verdict, reason: Reason
) -> None:
    credentials = given(sandbox)
    if action == "expire":
        sandbox.expire_now(channel="linkedin", user="ada")
    else:
        sandbox.action("linkedin", "ada", action)

    found = CHANNEL.read_account(APP, credentials, LUMEN, scopes=SCOPES)

    assert (found.classification.verdict, found.classification.reason, found.account) == (
        verdict,
        reason,
        None,
    )


@pytest.mark.parametrize("path", [f"adAccounts/{LUMEN}", "adAccountUsers"])
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503, "body": "busy"},
        {"drop": True},
        {"status": 200, "body": "<html>"},
        {"status": 200, "body": {"id": int(FERN), "elements": None}},
    ],
)
def test_trouble_while_reading_an_account_is_passing(
    sandbox: Sandbox, path: str, fault: dict[str, Any]
) -> None:
    sandbox.add_fault("linkedin", path=path, **fault)

    found = read(sandbox, timeout=2)

    assert found.classification.verdict == Verdict.TRANSIENT
    assert found.account is None


def test_a_version_that_linkedin_retired_is_for_operators_and_touches_no_token(
    sandbox: Sandbox, settings: Settings
) -> None:
    settings.LINKEDIN_VERSION = "202507"
    living = given(sandbox)

    found = CHANNEL.read_account(APP, living, LUMEN, scopes=SCOPES)

    assert (found.classification.verdict, found.classification.row) == (Verdict.APP_FAULT, "version retired")
    assert "20250701" in found.classification.note
    assert CHANNEL.inspect(APP, living).classification.verdict == Verdict.OK


def test_a_role_on_a_page_that_failed_is_not_told(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokens.channels.linkedin.listing.ROLES_SIZE", 2)
    sandbox.add_fault("linkedin", path="adAccountUsers$", delay=0.01, count=1)
    sandbox.add_fault("linkedin", path="adAccountUsers$", status=503, body="busy")

    listed = CHANNEL.list_accounts(APP, given(sandbox), ADA, SCOPES)

    assert not listed.complete
    assert sorted(one.role_told for one in listed.accounts) == [False, False, True, True]
    assert {one.can_publish for one in listed.accounts if not one.role_told} == {"unknown"}
