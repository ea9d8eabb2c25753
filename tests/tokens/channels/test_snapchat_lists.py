"""The ad accounts of Snapchat, listed and read, against the stand-in Snapchat."""

from typing import Any

import pytest

from tests.support.sandbox import Sandbox
from tests.tokens.channels.snapchat_world import (
    ADA,
    APP,
    FERN,
    GENERAL,
    HARBOR,
    LUMEN,
    MARLO,
    OLD,
    given,
    more_accounts,
    spare_id,
    switch,
)
from tokens.channels.kinds import AccountList, ChannelError, NativeAccount, Verdict
from tokens.channels.snapchat import policy
from tokens.channels.snapchat.channel import CHANNEL

pytestmark = pytest.mark.django_db

ORGANIZATION = "7f064d90-52a1-42db-b25b-7539e663e926"
PARTNER = "507d7a57-94ae-4239-8a74-e93c00aa53e6"


@pytest.fixture
def sandbox(channels_world: Sandbox) -> Sandbox:
    return channels_world


def listed(sandbox: Sandbox, user: str = "ada") -> AccountList:
    return CHANNEL.list_accounts(APP, given(sandbox, user), ADA, None)


def found(sandbox: Sandbox, user: str = "ada") -> dict[str, NativeAccount]:
    return {account.native_id: account for account in listed(sandbox, user).accounts}


@pytest.mark.parametrize("small_letters", [False, True])
def test_the_list_says_role_status_and_restriction(sandbox: Sandbox, small_letters: bool) -> None:
    switch(sandbox, small_letters=small_letters)

    accounts = found(sandbox)

    assert listed(sandbox).complete
    assert set(accounts) == {LUMEN, FERN, MARLO, OLD}
    lumen = accounts[LUMEN]
    assert (lumen.name, lumen.currency, lumen.time_zone) == ("Lumen Shoes EU", "EUR", "Europe/Berlin")
    assert (lumen.role, lumen.can_publish) == ("Account admin", "yes")
    assert (lumen.native_status, lumen.restriction, lumen.closed) == ("ACTIVE", None, False)
    assert (accounts[MARLO].native_status, accounts[MARLO].restriction) == ("PENDING", "not yet approved")
    assert (accounts[OLD].restriction, accounts[OLD].closed) == ("disabled", True)


def test_a_reader_cannot_publish_and_a_campaign_manager_can(sandbox: Sandbox) -> None:
    reader, manager = found(sandbox, "chiara")[LUMEN], found(sandbox, "ben")[LUMEN]

    assert (reader.role, reader.can_publish) == ("Reports only", "no")
    assert (manager.role, manager.can_publish) == ("Campaign manager", "yes")


@pytest.mark.parametrize(
    ("organization", "account", "role", "can_publish"),
    [
        (["admin", "member"], None, "Organization admin", "yes"),
        (["member"], ["creative"], "Creative manager", "no"),
        (["member"], ["audience", "reports"], "Audience manager", "no"),
        (["member"], ["reports", "general"], "Campaign manager", "yes"),
        (["member", "data_admin"], [], "Reporting admin", "no"),
        (["business_admin"], [], "Business admin", "no"),
        (["member"], [], "", "unknown"),
        (["member"], None, "", "unknown"),
        (["agency_member"], ["planner"], "planner", "unknown"),
        (["member"], ["reports", "planner"], "Reports only", "unknown"),
    ],
)
def test_roles_are_ruled_as_snapchat_describes_them(
    organization: list[str], account: list[str] | None, role: str, can_publish: str
) -> None:
    assert policy.role(organization, account) == (role, can_publish)


def test_an_organization_admin_reaches_all_of_its_accounts(sandbox: Sandbox) -> None:
    switch(sandbox, organization_roles={"chiara": ["admin"]})

    accounts = found(sandbox, "chiara")

    assert set(accounts) == {LUMEN, FERN, HARBOR, MARLO, OLD}
    assert {(one.role, one.can_publish) for one in accounts.values()} == {("Organization admin", "yes")}


def test_accounts_of_all_organizations_are_listed(sandbox: Sandbox) -> None:
    sandbox.put_account("snapchat", FERN, details={"organization_id": PARTNER, "organization_name": "Fern"})

    assert set(found(sandbox)) == {LUMEN, FERN, MARLO, OLD}
    assert listed(sandbox).complete


@pytest.mark.parametrize("nested", [True, False])
def test_each_account_is_listed_with_the_name_of_its_organization_and_no_call_more(
    sandbox: Sandbox, nested: bool
) -> None:
    switch(sandbox, nested_accounts=nested)
    details = {"organization_id": PARTNER, "organization_name": " Fern Gardens "}
    sandbox.put_account("snapchat", FERN, details=details)

    accounts = found(sandbox)

    assert (accounts[FERN].business, accounts[LUMEN].business) == ("Fern Gardens", "Lumen Group")
    assert sandbox.calls(channel="snapchat", path=r"v1/organizations/[0-9a-f-]+$") == []


def test_an_account_seen_through_two_organizations_keeps_the_better_role(sandbox: Sandbox) -> None:
    def organization(key: str, roles: list[str]) -> dict[str, Any]:
        nested = [{"id": LUMEN, "name": "Lumen", "status": "ACTIVE", "roles": roles}]
        return {"organization": {"id": key, "roles": ["member"], "ad_accounts": nested}}

    both = [organization(ORGANIZATION, ["general"]), organization(PARTNER, ["reports"])]
    for rows in (both, both[::-1]):
        body = {"request_status": "SUCCESS", "organizations": rows}
        sandbox.add_fault("snapchat", path="organizations$", status=200, body=body, count=1)

        assert [one.role for one in listed(sandbox).accounts] == ["Campaign manager"]


def test_a_person_without_any_account_has_an_empty_and_complete_list(sandbox: Sandbox) -> None:
    sandbox.drop_role("snapchat", FERN, "emil")

    assert listed(sandbox, "emil") == AccountList(())


@pytest.mark.parametrize("next_link_host", ["", "https://adsapisc.appspot.example"])
def test_all_pages_are_read_from_the_configured_host(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, next_link_host: str
) -> None:
    monkeypatch.setattr("tokens.channels.snapchat.listing.PAGE_SIZE", 50)
    switch(sandbox, nested_accounts=False, next_link_host=next_link_host)
    more_accounts(sandbox, 120)

    whole = listed(sandbox, "emil")

    assert whole.complete
    assert {one.native_id for one in whole.accounts} == {FERN, *map(spare_id, range(120))}
    assert len(sandbox.calls(channel="snapchat", path=f"{ORGANIZATION}/adaccounts$")) == 3


def test_an_admins_list_is_as_long_as_the_paged_one(sandbox: Sandbox) -> None:
    short = {"id": ORGANIZATION, "roles": ["admin"], "ad_accounts": [{"id": LUMEN, "name": "Lumen"}]}
    body = {"request_status": "SUCCESS", "organizations": [{"organization": short}]}
    switch(sandbox, organization_roles={"ada": ["admin"]})
    sandbox.add_fault("snapchat", path="me/organizations$", status=200, body=body)

    assert set(found(sandbox)) == {LUMEN, FERN, HARBOR, MARLO, OLD}


def test_roles_that_the_list_does_not_tell_are_asked_for(sandbox: Sandbox) -> None:
    switch(sandbox, nested_roles=False)

    assert found(sandbox, "chiara")[LUMEN].can_publish == "no"
    assert found(sandbox, "ben")[LUMEN].role == "Campaign manager"


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 403, "body": GENERAL},
        {"status": 503, "body": "busy"},
        {"status": 200, "body": {"request_status": "SUCCESS", "roles": [{"sub_request_status": "ERROR"}]}},
        {"drop": True},
    ],
)
def test_roles_that_cannot_be_had_are_unknown_and_take_no_account_away(
    sandbox: Sandbox, fault: dict[str, Any]
) -> None:
    switch(sandbox, nested_roles=False)
    sandbox.add_fault("snapchat", path="/roles$", **fault)

    whole = listed(sandbox, "chiara")

    assert whole.complete
    assert [(one.native_id, one.role, one.can_publish) for one in whole.accounts] == [(LUMEN, "", "unknown")]


def test_roles_are_asked_for_a_limited_time_only(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokens.channels.snapchat.listing.ROLES_WITHIN", -1)
    switch(sandbox, nested_roles=False)

    found = listed(sandbox).accounts

    assert {(one.can_publish, one.role_told) for one in found} == {("unknown", False)}
    assert sandbox.calls(channel="snapchat", path="/roles$") == []


def test_a_paged_list_that_is_refused_leaves_the_list_incomplete(sandbox: Sandbox) -> None:
    switch(sandbox, nested_accounts=False, refuses_organization=True)

    assert listed(sandbox) == AccountList((), complete=False)


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500, "body": "<html>"},
        {"status": 429, "body": ""},
        {"status": 401, "body": ""},
        {"status": 200, "body": {"request_status": "ERROR"}},
        {"status": 200, "body": {"request_status": "SUCCESS", "adaccounts": "all"}},
        {"drop": True},
    ],
)
def test_a_failure_on_a_later_page_gives_an_incomplete_list(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    monkeypatch.setattr("tokens.channels.snapchat.listing.PAGE_SIZE", 50)
    switch(sandbox, nested_accounts=False)
    more_accounts(sandbox, 60)
    first = [{"adaccount": {"id": FERN, "name": "Fern"}}]
    paging = {"next_link": "https://elsewhere.example/?cursor=NTA%3D&limit=50"}
    good = {"request_status": "SUCCESS", "adaccounts": first, "paging": paging}
    sandbox.add_fault("snapchat", path="adaccounts$", status=200, body=good, count=1)
    sandbox.add_fault("snapchat", path="adaccounts$", count=1, **fault)

    part = listed(sandbox, "emil")

    assert not part.complete
    assert FERN in {one.native_id for one in part.accounts}


@pytest.mark.parametrize(
    "next_link",
    ["https://elsewhere.example/", "http://[", 7, ["x"], {"cursor": "x"}, "https://x.example/?cursor=again"],
)
def test_pages_that_cannot_be_followed_or_never_end_are_an_incomplete_list(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, next_link: Any
) -> None:
    monkeypatch.setattr("tokens.channels.snapchat.listing.MAX_PAGES", 3)
    switch(sandbox, nested_accounts=False)
    body = {"request_status": "SUCCESS", "adaccounts": [], "paging": {"next_link": next_link}}
    sandbox.add_fault("snapchat", path="adaccounts$", status=200, body=body)

    assert listed(sandbox) == AccountList((), complete=False)


def test_organizations_on_further_pages_are_read_too(sandbox: Sandbox) -> None:
    first = {"organization": {"id": PARTNER, "ad_accounts": [{"id": HARBOR, "roles": ["admin"]}]}}
    paging = {"next_link": "https://elsewhere.example/?cursor=2"}
    body = {"request_status": "SUCCESS", "organizations": [first], "paging": paging}
    sandbox.add_fault("snapchat", path="me/organizations$", status=200, body=body, count=1)

    whole = listed(sandbox)

    assert whole.complete
    assert {one.native_id for one in whole.accounts} == {HARBOR, LUMEN, FERN, MARLO, OLD}


def test_items_in_error_inside_a_good_answer_leave_the_list_incomplete(sandbox: Sandbox) -> None:
    switch(sandbox, nested_accounts=False)
    sandbox.put_account("snapchat", FERN, details={"sub_request_error": "try again"})

    part = listed(sandbox)

    assert not part.complete
    assert {one.native_id for one in part.accounts} == {LUMEN, MARLO, OLD}


def test_organizations_in_error_leave_the_list_incomplete(sandbox: Sandbox) -> None:
    switch(sandbox, broken_organizations=True)

    assert listed(sandbox) == AccountList((), complete=False)


@pytest.mark.parametrize(
    "rows",
    [[None], [7], [{"organization": None}], [{"organization": {"ad_accounts": [None, {"id": "../me"}]}}]],
)
def test_rows_that_cannot_be_read_leave_the_list_incomplete(sandbox: Sandbox, rows: list[Any]) -> None:
    body = {"request_status": "SUCCESS", "organizations": rows}
    sandbox.add_fault("snapchat", path="me/organizations$", status=200, body=body)

    assert listed(sandbox) == AccountList((), complete=False)


@pytest.mark.parametrize(
    "body", ["<html>", [], {}, {"organizations": None}, {"request_status": "ERROR"}, {"roles": []}]
)
def test_a_list_of_another_shape_is_no_empty_list(sandbox: Sandbox, body: Any) -> None:
    sandbox.add_fault("snapchat", path="me/organizations$", status=200, body=body)

    with pytest.raises(ChannelError) as caught:
        listed(sandbox)

    assert caught.value.classification.verdict == Verdict.TRANSIENT


def test_a_refused_first_list_raises(sandbox: Sandbox) -> None:
    living = given(sandbox)
    sandbox.expire_now(channel="snapchat", user="ada")

    with pytest.raises(ChannelError) as caught:
        CHANNEL.list_accounts(APP, living, ADA, None)

    assert caught.value.classification.verdict == Verdict.CONFIRM_FIRST
