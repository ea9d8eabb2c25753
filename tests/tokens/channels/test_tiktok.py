"""What only TikTok has: facts by the hundred, roles by the page, Business Centers, and tokens that come without an end."""

import json
from typing import Any

import pytest

from tests.tokens.channels.answers.tiktok import said
from tests.tokens.channels.worlds import FERN, LUMEN, MARLO, OLD, World
from tokens.channels.http import Limit
from tokens.channels.kinds import AccountList, Credentials, Verdict
from tokens.channels.tiktok import calls


def many(world: World, count: int) -> tuple[list[str], Credentials]:
    """Give Emil many ad accounts; returns their ids and a token for all of them."""
    ids = [str(7_100_000_000_000_000_000 + number) for number in range(count)]
    for native_id in ids:
        world.sandbox.put_account("tiktok", native_id, roles={"emil": "advertiser"}, status="STATUS_ENABLE")
    return ids, world.token("emil", accounts=ids)


def asked_for(world: World) -> list[list[str]]:
    """The ids of each question for facts."""
    return [json.loads(call["query"]["advertiser_ids"]) for call in world.calls("advertiser/info")]


def listing_of(rows: Any, **more: Any) -> dict[str, Any]:
    return said(0) | {"data": {"list": rows, **more}}


def told(found: AccountList) -> set[str]:
    return {account.native_id for account in found.accounts if account.role_told}


def ids_of(found: AccountList) -> list[str]:
    return [account.native_id for account in found.accounts]


# ---- the grant


def test_where_tiktok_gives_dates_a_log_in_is_renewed(world: World) -> None:
    world.switch(dates={"expires_in": 86_400, "refresh_token_expires_in": 31_536_000})
    old = world.exchange().credentials

    renewed = world.renew(old)

    assert renewed.credentials.access_token != old.access_token
    assert renewed.dates.access_expires_at is not None
    assert world.inspect(renewed.credentials).classification.verdict == Verdict.OK


def test_a_token_of_another_app_is_asked_again_and_does_not_die(world: World) -> None:
    world.sandbox.put_app("tiktok", client_id="7290000000000000009", secret="other")
    foreign = world.token(client_id="7290000000000000009")

    assert world.refuses(lambda: world.list(foreign)).verdict == Verdict.CONFIRM_FIRST


# ---- what was ticked, and facts by the hundred


def test_only_what_was_ticked_is_listed_and_nothing_is_a_whole_list(world: World) -> None:
    one = world.list(world.token(accounts=[world.id(FERN)]))
    world.sandbox.clear_calls()

    assert (ids_of(one), one.complete) == ([world.id(FERN)], True)
    assert world.list(world.token(accounts=[])) == AccountList((), complete=True)
    assert asked_for(world) == []


def test_facts_are_asked_by_the_hundred_and_roles_by_the_page(world: World) -> None:
    ids, credentials = many(world, 230)

    found = world.list(credentials, "emil")

    assert (ids_of(found), found.complete) == (ids, True)
    assert [len(chunk) for chunk in asked_for(world)] == [100, 100, 30]
    assert len(world.calls("bc/asset/get")) == 5  # 231 with Fern Gardens, 50 a page
    assert {account.can_publish for account in found.accounts} == {"yes"}


def test_one_deleted_ad_account_does_not_hide_the_others(world: World) -> None:
    ids, credentials = many(world, 100)
    world.sandbox.put_account("tiktok", ids[63], details={"deleted": True})

    found = world.list(credentials, "emil")

    assert (ids_of(found), found.complete) == ([one for one in ids if one != ids[63]], True)
    assert len(asked_for(world)) < 20


def test_too_many_deleted_ones_make_the_list_incomplete_and_not_endless(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "SPLITS", 6)
    ids, credentials = many(world, 16)
    for native_id in ids[::2]:
        world.sandbox.put_account("tiktok", native_id, details={"deleted": True})

    found = world.list(credentials, "emil")

    assert not found.complete
    assert len(asked_for(world)) <= 7


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (said(40100, "App reaches the QPS limit."), Verdict.RATE_LIMITED),
        (said(50000), Verdict.TRANSIENT),
        (said(0), Verdict.TRANSIENT),
        (said(40105), Verdict.TOKEN_DEAD),
    ],
)
def test_first_facts_that_fail_are_an_error_and_never_an_empty_list(
    world: World, body: Any, verdict: Verdict
) -> None:
    world.says("advertiser/info", body)

    assert world.refuses(world.list).verdict == verdict


def test_facts_are_given_up_when_their_time_is_over(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "FACTS_WITHIN", 0.0)

    assert world.list() == AccountList((), complete=False)


# ---- Business Centers


def test_the_widest_role_of_several_business_centers_counts(world: World) -> None:
    lumen = world.id(LUMEN)
    rows = [
        {"asset_id": lumen, "advertiser_role": "ANALYST", "relation_status": "BOUND"},
        {"asset_id": lumen, "advertiser_role": "OPERATOR", "relation_status": "BOUND"},
        {"asset_id": lumen, "advertiser_role": "ADMIN", "relation_status": "PENDING"},  # only asked for
    ]
    world.says("bc/asset/get", listing_of(rows))

    [account] = world.list(world.token(accounts=[lumen])).accounts

    assert (account.role, account.can_publish) == ("Operator", "yes")


def test_the_business_is_the_center_that_owns_the_account_not_one_that_it_was_shared_with(
    world: World,
) -> None:
    put = world.sandbox.put_account
    put("tiktok", FERN, details={"owner_bc_name": "Fern Gardens", "bc_name": "Agency"})
    put("tiktok", MARLO, details={"bc_id": ""})  # in no Business Center
    put("tiktok", OLD, details={"owner_bc_name": "Old", "relation_status": "PENDING"})

    found = world.listed()

    assert [found[name].business for name in (FERN, MARLO, OLD)] == ["Fern Gardens", "", ""]


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


def test_pages_of_roles_beyond_the_time_get_their_turn_with_the_next_list(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokens.channels.tiktok.calls.PAGE_SIZE", 5)
    monkeypatch.setattr(calls, "Limit", RolesLimit)
    ids, credentials = many(world, 15)

    rounds = [told(world.list(credentials, "emil")) for _ in range(4)]  # four pages, with Fern Gardens

    assert max(map(len, rounds)) <= 5
    assert set().union(*rounds) == set(ids)


def test_a_page_of_roles_that_is_refused_does_not_hide_those_behind_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokens.channels.tiktok.calls.PAGE_SIZE", 5)
    ids, credentials = many(world, 15)
    world.says("bc/asset/get", "busy", 503, count=1)

    first, second = told(world.list(credentials, "emil")), told(world.list(credentials, "emil"))

    assert (first, second) == (set(), set(ids))
    assert [call["query"]["page"] for call in world.calls("bc/asset/get")] == ["1", "2", "3", "4", "1"]


def test_a_narrow_role_says_nothing_while_a_wider_one_may_stand_on_an_unread_page(world: World) -> None:
    lumen = world.id(LUMEN)
    rows = [{"asset_id": lumen, "advertiser_role": "ANALYST", "relation_status": "BOUND"}]
    world.says("bc/asset/get", listing_of(rows, page_info={"total_page": 3}), count=1)
    world.says("bc/asset/get", "busy", 503)

    [account] = world.list(world.token(accounts=[lumen])).accounts

    assert not account.role_told


def test_a_page_count_without_end_is_cut(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "MAX_PAGES", 3)
    world.says("bc/get", listing_of([{"bc_info": {"bc_id": "1"}}], page_info={"total_page": 10**9}))

    world.list()

    assert len(world.calls("bc/get")) == 3
