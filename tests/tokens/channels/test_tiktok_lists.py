"""TikTok's lists of ad accounts: grants, facts by the hundred, roles by the page, and what a failed answer may not take away."""

import json
from typing import Any

import pytest

from tests.support.sandbox import Sandbox
from tests.tokens.channels.tiktok_world import ADA, APP, FERN, LUMEN, MARLO, OLD, by_id, said, token
from tokens.channels.http import Limit
from tokens.channels.kinds import AccountList, ChannelError, Credentials, Identity, Reason, Verdict
from tokens.channels.tiktok import listing
from tokens.channels.tiktok.channel import CHANNEL

pytestmark = pytest.mark.django_db

CHIARA = Identity("7038846213590427137", "Chiara Rossi")


@pytest.fixture
def sandbox(channels_world: Sandbox) -> Sandbox:
    return channels_world


def listed(credentials: Credentials, identity: Identity = ADA) -> AccountList:
    return CHANNEL.list_accounts(APP, credentials, identity, None)


def many(sandbox: Sandbox, count: int, user: str = "emil") -> list[str]:
    """Give the person many ad accounts."""
    ids = [str(7_100_000_000_000_000_000 + number) for number in range(count)]
    for native_id in ids:
        sandbox.put_account("tiktok", native_id, roles={user: "advertiser"}, status="STATUS_ENABLE")
    return ids


def asked_for(sandbox: Sandbox) -> list[list[str]]:
    """The ids of each question for facts."""
    calls = sandbox.calls(channel="tiktok", path="advertiser/info")
    return [json.loads(call["query"]["advertiser_ids"]) for call in calls]


def test_the_list_holds_facts_restrictions_and_roles(sandbox: Sandbox) -> None:
    found = listed(token(sandbox))

    accounts = by_id(found.accounts)
    assert found.complete
    assert set(accounts) == {LUMEN, FERN, MARLO, OLD}
    assert (accounts[LUMEN].name, accounts[LUMEN].role, accounts[LUMEN].can_publish) == (
        "Lumen Shoes EU",
        "Admin",
        "yes",
    )
    assert (accounts[FERN].currency, accounts[FERN].time_zone) == ("GBP", "Europe/London")
    assert str(accounts[MARLO].restriction).startswith("suspended, “")
    assert accounts[OLD].closed


def test_a_reader_is_listed_as_one_who_cannot_publish(sandbox: Sandbox) -> None:
    [account] = listed(token(sandbox, "chiara"), CHIARA).accounts

    assert (account.native_id, account.role, account.can_publish) == (LUMEN, "Analyst", "no")


def test_the_widest_role_of_several_business_centers_counts(sandbox: Sandbox) -> None:
    rows = [
        {"asset_id": LUMEN, "advertiser_role": "ANALYST", "relation_status": "BOUND"},
        {"asset_id": LUMEN, "advertiser_role": "OPERATOR", "relation_status": "BOUND"},
        {"asset_id": LUMEN, "advertiser_role": "ADMIN", "relation_status": "PENDING"},  # only asked for
    ]
    sandbox.add_fault("tiktok", path="bc/asset/get", status=200, body=said(0, list=rows))

    account = by_id(listed(token(sandbox, accounts=[LUMEN])).accounts)[LUMEN]

    assert (account.role, account.can_publish) == ("Operator", "yes")


def test_the_business_is_the_center_that_owns_the_account_not_one_that_it_was_shared_with(
    sandbox: Sandbox,
) -> None:
    sandbox.put_account("tiktok", FERN, details={"owner_bc_name": "Fern Gardens", "bc_name": "Agency"})
    sandbox.put_account("tiktok", MARLO, details={"bc_id": ""})  # in no Business Center
    sandbox.put_account("tiktok", OLD, details={"owner_bc_name": "Old", "relation_status": "PENDING"})

    accounts = by_id(listed(token(sandbox)).accounts)

    assert (accounts[FERN].business, accounts[MARLO].business, accounts[OLD].business) == (
        "Fern Gardens",
        "",
        "",
    )


def test_only_what_was_ticked_is_listed(sandbox: Sandbox) -> None:
    found = listed(token(sandbox, accounts=[FERN]))

    assert (list(by_id(found.accounts)), found.complete) == ([FERN], True)


def test_nothing_ticked_is_an_empty_list_that_is_whole(sandbox: Sandbox) -> None:
    found = listed(token(sandbox, accounts=[]))

    assert found == AccountList((), complete=True)
    assert asked_for(sandbox) == []


def test_facts_are_asked_by_the_hundred_and_roles_by_the_page(sandbox: Sandbox) -> None:
    ids = many(sandbox, 230)
    credentials = token(sandbox, "emil", accounts=ids)

    found = listed(credentials)

    assert found.complete
    assert [account.native_id for account in found.accounts] == ids
    assert [len(chunk) for chunk in asked_for(sandbox)] == [100, 100, 30]
    assert len(sandbox.calls(channel="tiktok", path="bc/asset/get")) == 5  # 231 with Fern Gardens, 50 a page
    assert {account.can_publish for account in found.accounts} == {"yes"}


def test_one_deleted_ad_account_does_not_hide_the_others(sandbox: Sandbox) -> None:
    ids = many(sandbox, 100)
    sandbox.put_account("tiktok", ids[63], details={"deleted": True})

    found = listed(token(sandbox, "emil", accounts=ids))

    assert found.complete
    assert [account.native_id for account in found.accounts] == [one for one in ids if one != ids[63]]
    assert len(asked_for(sandbox)) < 20


def test_too_many_deleted_ones_make_the_list_incomplete_and_not_endless(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "SPLITS", 6)
    ids = many(sandbox, 16)
    for native_id in ids[::2]:
        sandbox.put_account("tiktok", native_id, details={"deleted": True})

    found = listed(token(sandbox, "emil", accounts=ids))

    assert not found.complete
    assert len(asked_for(sandbox)) <= 7


@pytest.mark.parametrize(
    "fault",
    [
        {"drop": True},
        {"status": 503, "body": "busy"},
        {"status": 200, "body": said(40100, "App reaches the QPS limit.")},
        {"status": 200, "body": said(40105, "revoked")},
        {"status": 200, "body": said(0)},
        {"status": 200, "body": said(0, list="all")},
        {"status": 200, "body": "<html>"},
    ],
)
def test_a_later_failure_leaves_a_list_that_says_it_is_not_whole(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    monkeypatch.setattr(listing, "CHUNK", 10)
    ids = many(sandbox, 15)
    credentials = token(sandbox, "emil", accounts=ids)
    sandbox.add_fault("tiktok", path="advertiser/info", delay=0.001, count=1)
    sandbox.add_fault("tiktok", path="advertiser/info", **fault)

    found = listed(credentials)

    assert not found.complete
    assert [account.native_id for account in found.accounts] == ids[:10]


@pytest.mark.parametrize("path", ["oauth2/advertiser/get", "advertiser/info"])
@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (said(40100, "App reaches the QPS limit."), Verdict.RATE_LIMITED),
        (said(50000), Verdict.TRANSIENT),
        (said(0), Verdict.TRANSIENT),
        (said(40105), Verdict.TOKEN_DEAD),
    ],
)
def test_a_first_answer_that_failed_is_an_error_and_never_an_empty_list(
    sandbox: Sandbox, path: str, body: Any, verdict: Verdict
) -> None:
    sandbox.add_fault("tiktok", path=path, status=200, body=body)

    with pytest.raises(ChannelError) as caught:
        listed(token(sandbox))

    assert caught.value.classification.verdict == verdict


def test_a_partly_good_list_is_not_whole(sandbox: Sandbox) -> None:
    rows = [{"advertiser_id": LUMEN, "advertiser_name": "Lumen Shoes EU"}]
    sandbox.add_fault("tiktok", path="oauth2/advertiser/get", status=200, body=said(20001, list=rows))

    found = listed(token(sandbox))

    assert (list(by_id(found.accounts)), found.complete) == ([LUMEN], False)


def test_facts_that_lack_an_ad_account_make_the_list_incomplete(sandbox: Sandbox) -> None:
    rows = [{"advertiser_id": LUMEN, "name": "Lumen", "status": "STATUS_ENABLE"}, "strange", {"status": "x"}]
    sandbox.add_fault("tiktok", path="advertiser/info", status=200, body=said(0, list=rows))

    found = listed(token(sandbox))

    assert (list(by_id(found.accounts)), found.complete) == ([LUMEN], False)


@pytest.mark.parametrize("path", ["bc/get", "bc/asset/get"])
def test_roles_that_cannot_be_had_leave_publishing_open(sandbox: Sandbox, path: str) -> None:
    credentials = token(sandbox)
    sandbox.add_fault("tiktok", path=path, status=503, body="busy")

    found = listed(credentials)

    assert found.complete
    assert {account.can_publish for account in found.accounts} == {"unknown"}


def test_roles_are_given_up_when_their_time_is_over(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "ROLES_WITHIN", 0.0)

    found = listed(token(sandbox))

    assert found.complete
    assert {one.role_told for one in found.accounts} == {False}
    assert sandbox.calls(channel="tiktok", path="bc/") == []


class RolesLimit(Limit):
    """A limit that leaves time for so many pages; the list of Business Centers is one."""

    pages = 2

    def __init__(self, timeout: float | None) -> None:
        super().__init__(timeout)
        self._asked = 0

    @property
    def over(self) -> bool:
        self._asked += 1
        return self._asked > self.pages


def told(found: AccountList) -> set[str]:
    return {account.native_id for account in found.accounts if account.role_told}


def test_pages_of_roles_beyond_the_time_get_their_turn_with_the_next_list(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokens.channels.tiktok.calls.PAGE_SIZE", 5)
    monkeypatch.setattr(listing, "Limit", RolesLimit)
    ids = many(sandbox, 15)
    credentials = token(sandbox, "emil", accounts=ids)

    rounds = [told(listed(credentials)) for _ in range(4)]  # four pages, with Fern Gardens

    assert max(map(len, rounds)) <= 5
    assert set().union(*rounds) == set(ids)


def test_a_page_of_roles_that_is_refused_does_not_hide_those_behind_it(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokens.channels.tiktok.calls.PAGE_SIZE", 5)
    ids = many(sandbox, 15)
    credentials = token(sandbox, "emil", accounts=ids)
    sandbox.add_fault("tiktok", path="bc/asset/get", status=503, body="busy", count=1)

    first, second = told(listed(credentials)), told(listed(credentials))

    assert (first, second) == (set(), set(ids))
    pages = [call["query"]["page"] for call in sandbox.calls(channel="tiktok", path="bc/asset/get")]
    assert pages == ["1", "2", "3", "4", "1"]


def test_a_narrow_role_says_nothing_while_a_wider_one_may_stand_on_an_unread_page(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"asset_id": LUMEN, "advertiser_role": "ANALYST", "relation_status": "BOUND"}]
    page = said(0, list=rows, page_info={"total_page": 3})
    sandbox.add_fault("tiktok", path="bc/asset/get", status=200, body=page, count=1)
    sandbox.add_fault("tiktok", path="bc/asset/get", status=503, body="busy")

    account = by_id(listed(token(sandbox, accounts=[LUMEN])).accounts)[LUMEN]

    assert not account.role_told


def test_facts_are_given_up_when_their_time_is_over(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "FACTS_WITHIN", 0.0)

    found = listed(token(sandbox))

    assert found == AccountList((), complete=False)


def test_a_page_count_without_end_is_cut(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_PAGES", 3)
    page = said(0, list=[{"bc_info": {"bc_id": "1"}}], page_info={"total_page": 10**9})
    sandbox.add_fault("tiktok", path="bc/get", status=200, body=page)

    listed(token(sandbox))

    assert len(sandbox.calls(channel="tiktok", path="bc/get")) == 3


def test_a_lost_role_is_lost_and_the_rest_stays(sandbox: Sandbox) -> None:
    credentials = token(sandbox)
    sandbox.drop_role("tiktok", LUMEN, "ada")

    found = listed(credentials)

    assert found.complete
    assert LUMEN not in by_id(found.accounts)
    reading = CHANNEL.read_account(APP, credentials, LUMEN, scopes=None)
    assert (reading.classification.verdict, reading.classification.reason) == (
        Verdict.ACCESS_LOST,
        Reason.ACCESS_LOST,
    )
