"""What only Snapchat has: organizations with members, ad accounts nested in them or paged, and log-ins that live on for ever."""

from typing import Any

import pytest

from tests.tokens.channels.worlds import FERN, HARBOR, LUMEN, MARLO, OLD, World, names
from tokens.channels.kinds import AccountList, Verdict

ORGANIZATION = "7f064d90-52a1-42db-b25b-7539e663e926"
PARTNER = "507d7a57-94ae-4239-8a74-e93c00aa53e6"
ALL = {LUMEN, FERN, HARBOR, MARLO, OLD}


def test_small_letters_say_the_same(world: World) -> None:
    usual = world.list()

    world.switch(small_letters=True)

    assert world.list() == usual


def test_an_organization_admin_reaches_all_of_its_accounts_though_the_nested_list_is_short(
    world: World,
) -> None:
    world.switch(organization_roles={"ada": ["admin"]})
    whole = world.list()
    short = {"id": ORGANIZATION, "roles": ["admin"], "ad_accounts": [{"id": world.id(LUMEN), "name": LUMEN}]}
    world.says("me/organizations$", {"request_status": "SUCCESS", "organizations": [{"organization": short}]})

    again = world.list()

    assert names(whole.accounts) == names(again.accounts) == ALL
    assert {(one.role, one.can_publish) for one in whole.accounts} == {("Organization admin", "yes")}


@pytest.mark.parametrize("nested", [True, False])
def test_accounts_of_all_organizations_are_listed_with_their_names_and_no_call_more(
    world: World, nested: bool
) -> None:
    world.switch(nested_accounts=nested)
    details = {"organization_id": PARTNER, "organization_name": " Fern Gardens "}
    world.sandbox.put_account("snapchat", FERN, details=details)

    whole = world.list()

    assert whole.complete
    businesses = {one.name: one.business for one in whole.accounts}
    assert businesses == {**dict.fromkeys((LUMEN, MARLO, OLD), "Lumen Group"), FERN: "Fern Gardens"}
    assert world.calls(r"v1/organizations/[0-9a-f-]+$") == []


def test_an_account_seen_through_two_organizations_keeps_the_better_role(world: World) -> None:
    def organization(key: str, roles: list[str]) -> dict[str, Any]:
        nested = [{"id": world.id(LUMEN), "name": "Lumen", "status": "ACTIVE", "roles": roles}]
        return {"organization": {"id": key, "roles": ["member"], "ad_accounts": nested}}

    both = [organization(ORGANIZATION, ["general"]), organization(PARTNER, ["reports"])]
    for rows in (both, both[::-1]):
        world.says("organizations$", {"request_status": "SUCCESS", "organizations": rows}, count=1)

        assert [one.role for one in world.list().accounts] == ["Campaign manager"]


def test_organizations_on_further_pages_are_read_too(world: World) -> None:
    nested = [{"id": world.id(HARBOR), "name": HARBOR, "roles": ["admin"]}]
    first = {"organization": {"id": PARTNER, "ad_accounts": nested}}
    paging = {"next_link": "https://elsewhere.example/?cursor=2"}
    body = {"request_status": "SUCCESS", "organizations": [first], "paging": paging}
    world.says("me/organizations$", body, count=1)

    whole = world.list()

    assert (names(whole.accounts), whole.complete) == (ALL, True)


def test_roles_that_the_list_does_not_tell_are_asked_for(world: World) -> None:
    world.switch(nested_roles=False)

    assert world.listed("chiara")[LUMEN].can_publish == "no"
    assert world.listed("ben")[LUMEN].role == "Campaign manager"


REFUSED = {"status": 403, "body": {"request_status": "ERROR", "debug_message": "Not permitted"}}
FAILED = {"sub_request_status": "ERROR", "sub_request_error_reason": "Try again", "organization": {}}


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("v1/organizations/", REFUSED),
        ("me/organizations$", {"status": 200, "body": {"request_status": "SUCCESS", "organizations": [FAILED]}}),
    ],
)  # fmt: skip
def test_organizations_that_are_refused_or_in_error_leave_the_list_incomplete(
    world: World, path: str, fault: dict[str, Any]
) -> None:
    world.switch(nested_accounts=False)
    world.trouble(path, **fault)

    assert world.list() == AccountList((), complete=False)


def test_items_in_error_inside_a_good_answer_are_no_reading_and_leave_the_list_incomplete(
    world: World,
) -> None:
    world.switch(nested_accounts=False)
    world.sandbox.put_account("snapchat", FERN, details={"sub_request_error": "try again"})

    part, reading = world.list(), world.read(FERN)

    assert (names(part.accounts), part.complete) == ({LUMEN, MARLO, OLD}, False)
    assert (reading.classification.verdict, reading.account) == (Verdict.TRANSIENT, None)
