"""Facebook's lists of ad accounts against the stand-in Facebook."""

import pytest

from tests.support.sandbox import Sandbox
from tests.tokens.channels.facebook_world import ADA, BEN, FERN, LUMEN, MARLO, OLD, SCOPES, token
from tokens.channels.facebook.channel import CHANNEL
from tokens.channels.kinds import AppKeys

pytestmark = pytest.mark.django_db


def test_the_list_says_role_status_and_restriction(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    listed = CHANNEL.list_accounts(facebook_app, token(sandbox), ADA, SCOPES)

    found = {account.native_id: account for account in listed.accounts}
    assert listed.complete
    assert set(found) == {LUMEN, FERN, MARLO, OLD}
    assert found[LUMEN].role == "Admin"
    assert (found[LUMEN].can_publish, found[LUMEN].currency, found[LUMEN].time_zone) == (
        "yes",
        "EUR",
        "Europe/Berlin",
    )
    assert (found[LUMEN].native_status, found[LUMEN].restriction, found[LUMEN].closed) == (
        "ACTIVE",
        "",
        False,
    )
    assert (found[MARLO].native_status, found[MARLO].restriction) == (
        "DISABLED",
        "disabled for an unpaid bill or a risky payment",
    )
    assert (found[OLD].native_status, found[OLD].closed) == ("CLOSED", True)


def test_a_reader_cannot_publish(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    listed = CHANNEL.list_accounts(facebook_app, token(sandbox, "chiara"), BEN, SCOPES)

    assert [(account.role, account.can_publish) for account in listed.accounts] == [("Analyst", "no")]


def test_all_pages_are_read_by_cursor(sandbox: Sandbox, facebook_app: AppKeys) -> None:
    for number in range(250):
        sandbox.put_account("facebook", str(900_000 + number), name=f"A{number}", roles={"emil": "admin"})

    listed = CHANNEL.list_accounts(facebook_app, token(sandbox, "emil"), BEN, SCOPES)

    assert listed.complete
    assert len({account.native_id for account in listed.accounts}) == 251


@pytest.mark.parametrize(
    "fault", [{"status": 500, "body": "<html>"}, {"status": 200, "body": {"data": "?"}}, {"drop": True}]
)
def test_a_failure_on_a_later_page_gives_an_incomplete_list(
    sandbox: Sandbox, facebook_app: AppKeys, fault: dict[str, object]
) -> None:
    for number in range(150):
        sandbox.put_account("facebook", str(900_000 + number), name=f"A{number}", roles={"emil": "admin"})
    living = token(sandbox, "emil")
    second_page = {
        "body": {"data": [], "paging": {"next": "https://elsewhere.example", "cursors": {"after": "x"}}}
    }
    sandbox.add_fault("facebook", path="adaccounts", status=200, count=1, **second_page)
    sandbox.add_fault("facebook", path="adaccounts", count=1, **fault)

    listed = CHANNEL.list_accounts(facebook_app, living, BEN, SCOPES)

    assert not listed.complete


@pytest.mark.parametrize(("cursors", "pages"), [({"after": "again"}, 2), ({}, 1), (None, 1)])
def test_a_list_that_goes_on_in_a_circle_or_without_a_cursor_is_incomplete(
    sandbox: Sandbox, facebook_app: AppKeys, cursors: object, pages: int
) -> None:
    living = token(sandbox)
    body = {"data": [], "paging": {"next": "https://elsewhere.example", "cursors": cursors}}
    sandbox.add_fault("facebook", path="adaccounts", status=200, body=body)

    listed = CHANNEL.list_accounts(facebook_app, living, ADA, SCOPES)

    assert not listed.complete
    assert len(sandbox.calls(channel="facebook", path="adaccounts")) == pages
