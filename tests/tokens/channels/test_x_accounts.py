"""The ad accounts of X, listed and read, against the stand-in X."""

from typing import Any

import pytest
import redis

from tests.support.sandbox import Sandbox
from tokens.channels import brake
from tokens.channels.kinds import AppKeys, ChannelError, Credentials, Identity, Reason, Verdict
from tokens.channels.x.channel import CHANNEL

pytestmark = pytest.mark.django_db

ADA = Identity("2417045708", "Ada Okafor")
LUMEN, FERN, MARLO, OLD = "18ce54d4x5t", "18ce55gq7fk", "18ce57kw9rz", "18ce4zb1n8c"


@pytest.fixture(autouse=True)
def _fresh_limits(sandbox: Sandbox) -> None:
    sandbox.reset_x_rate_limit()
    sandbox.set_clock()


def pair(sandbox: Sandbox, user: str = "ada") -> Credentials:
    token = sandbox.issue_token("x", user)
    return Credentials(token["oauth_token"], secret=token["oauth_token_secret"])


def read(sandbox: Sandbox, app: AppKeys, native_id: str = LUMEN, user: str = "ada", **more: Any) -> Any:
    return CHANNEL.read_account(app, pair(sandbox, user), native_id, scopes=None, **more)


def test_the_list_holds_every_account_with_its_role_and_status(sandbox: Sandbox, x_app: AppKeys) -> None:
    listed = CHANNEL.list_accounts(x_app, pair(sandbox), ADA, None)

    found = {account.native_id: account for account in listed.accounts}
    assert listed.complete
    assert set(found) == {LUMEN, FERN, MARLO, OLD}
    assert (found[LUMEN].name, found[LUMEN].time_zone) == ("Lumen Shoes EU", "Europe/Berlin")
    assert (found[LUMEN].role, found[LUMEN].can_publish) == ("Account admin", "yes")
    assert (found[LUMEN].restriction, found[LUMEN].closed) == ("", False)
    assert (found[MARLO].native_status, found[MARLO].restriction) == ("REJECTED", "not approved")


def test_the_list_says_the_name_of_a_business_where_x_does(sandbox: Sandbox, x_app: AppKeys) -> None:
    sandbox.put_account("x", FERN, details={"business_name": "Fern Gardens"})

    found = {one.native_id: one for one in CHANNEL.list_accounts(x_app, pair(sandbox), ADA, None).accounts}

    assert (found[FERN].business, found[LUMEN].business) == ("Fern Gardens", "")


def test_an_account_that_nothing_can_pay_for_is_restricted_with_xs_own_reason(
    sandbox: Sandbox, x_app: AppKeys
) -> None:
    sandbox.set_account_status("x", LUMEN, able_to_fund=False)

    reading = read(sandbox, x_app)
    listed = {one.native_id: one for one in CHANNEL.list_accounts(x_app, pair(sandbox), ADA, None).accounts}

    words = "no payment method works: PAYMENT_METHOD_FAILED"
    assert (reading.classification.verdict, reading.classification.row) == (
        Verdict.ACCOUNT_RESTRICTED,
        "able_to_fund",
    )
    assert (reading.account.restriction, reading.account.currency) == (words, "EUR")
    assert (listed[LUMEN].restriction, listed[FERN].restriction) == (words, "")


@pytest.mark.parametrize("status", [401, 403, 429, 503])
def test_payment_methods_that_cannot_be_read_leave_open_whether_it_is_restricted(
    sandbox: Sandbox, x_app: AppKeys, status: int, valkey: redis.Redis
) -> None:
    sandbox.add_fault("x", path="funding_instruments", status=status, body="no")

    fine = read(sandbox, x_app)
    valkey.flushdb()  # a 429 that names no window leaves the app in peace for a minute
    brake.forget()
    refused = read(sandbox, x_app, MARLO)

    assert (fine.classification.verdict, fine.account.restriction, fine.account.can_publish) == (
        Verdict.OK,
        None,
        "yes",
    )
    assert (refused.classification.verdict, refused.account.restriction) == (
        Verdict.ACCOUNT_RESTRICTED,
        "not approved",
    )


def test_an_analyst_cannot_publish_and_an_ad_manager_can(sandbox: Sandbox, x_app: AppKeys) -> None:
    reader = CHANNEL.list_accounts(x_app, pair(sandbox, "chiara"), ADA, None).accounts
    manager = read(sandbox, x_app, LUMEN, "ben").account

    assert [(one.role, one.can_publish) for one in reader] == [("Analyst", "no")]
    assert (manager.role, manager.can_publish) == ("Ad manager", "yes")


def test_all_pages_are_read(sandbox: Sandbox, x_app: AppKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokens.channels.x.listing.PAGE_SIZE", 2)

    listed = CHANNEL.list_accounts(x_app, pair(sandbox), ADA, None)

    assert listed.complete
    assert [account.native_id for account in listed.accounts] == [LUMEN, FERN, MARLO, OLD]
    assert len(sandbox.calls(path="/12/accounts$")) == 2


def test_an_error_on_the_second_page_gives_an_incomplete_list(
    sandbox: Sandbox, x_app: AppKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokens.channels.x.listing.PAGE_SIZE", 2)
    sandbox.set_x_rate_limit(limit=1)

    listed = CHANNEL.list_accounts(x_app, pair(sandbox), ADA, None)

    assert not listed.complete
    assert [account.native_id for account in listed.accounts] == [LUMEN, FERN]


def test_more_pages_than_x_allows_give_an_incomplete_list(
    sandbox: Sandbox, x_app: AppKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokens.channels.x.listing.PAGE_SIZE", 1)
    monkeypatch.setattr("tokens.channels.x.listing.MAX_PAGES", 2)

    listed = CHANNEL.list_accounts(x_app, pair(sandbox), ADA, None)

    assert (len(listed.accounts), listed.complete) == (2, False)


def test_too_many_lists_raise_with_the_time_to_wait(sandbox: Sandbox, x_app: AppKeys) -> None:
    credentials = pair(sandbox)
    sandbox.set_x_rate_limit(limit=1, window=600)
    CHANNEL.list_accounts(x_app, credentials, ADA, None)

    with pytest.raises(ChannelError) as error:
        CHANNEL.list_accounts(x_app, credentials, ADA, None)

    classification = error.value.classification
    assert classification.verdict == Verdict.RATE_LIMITED
    assert classification.retry_after is not None
    assert 500 < classification.retry_after <= 602


def test_a_role_that_cannot_be_read_is_unknown_and_takes_no_account_away(
    sandbox: Sandbox, x_app: AppKeys
) -> None:
    sandbox.add_fault("x", path=f"{FERN}/authenticated_user_access", status=503, body="busy")
    sandbox.add_fault("x", path=f"{LUMEN}/authenticated_user_access", status=200, body={"data": []})

    listed = CHANNEL.list_accounts(x_app, pair(sandbox), ADA, None)

    found = {account.native_id: account.can_publish for account in listed.accounts}
    assert listed.complete
    assert found == {LUMEN: "unknown", FERN: "unknown", MARLO: "yes", OLD: "yes"}


def test_roles_are_asked_for_a_limited_time_only(
    sandbox: Sandbox, x_app: AppKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokens.channels.x.listing.ROLES_WITHIN", 0)

    listed = CHANNEL.list_accounts(x_app, pair(sandbox), ADA, None)

    assert {account.can_publish for account in listed.accounts} == {"unknown"}
    # Nobody asked what can pay, so the list lifts no restriction either.
    assert "" not in {account.restriction for account in listed.accounts}
    assert sandbox.calls(path="authenticated_user_access") == []


class TwoAnswers:
    """A limit that leaves time for the role and the payment methods of so many ad accounts."""

    accounts = 1

    def __init__(self, _seconds: float | None) -> None:
        self._left = self.accounts

    @property
    def over(self) -> bool:
        self._left -= 1
        return self._left < 0

    def left(self) -> float | None:
        return None


def test_accounts_beyond_the_time_get_their_turn_with_the_next_list(
    sandbox: Sandbox, x_app: AppKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokens.channels.x.listing.Limit", TwoAnswers)
    credentials = pair(sandbox)

    told = []
    for _ in range(5):
        listed = CHANNEL.list_accounts(x_app, credentials, ADA, None)
        told += [account.native_id for account in listed.accounts if account.role_told]
        sandbox.reset_x_rate_limit()

    assert len(told) == 5
    assert set(told[:4]) == {LUMEN, FERN, MARLO, OLD}
    assert told[4] == told[0]


def test_the_turn_is_each_log_ins_own(
    sandbox: Sandbox, x_app: AppKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokens.channels.x.listing.Limit", TwoAnswers)

    first, other = (
        [
            a.native_id
            for a in CHANNEL.list_accounts(x_app, pair(sandbox, user), ADA, None).accounts
            if a.role_told
        ]
        for user in ("ada", "ben")
    )

    assert first == [LUMEN]
    assert other == [LUMEN]


@pytest.mark.parametrize("body", ["<html>", [], {"data": None}, {"data": {"id": LUMEN}}, {"data": "x"}])
def test_a_list_of_another_shape_is_no_empty_list(sandbox: Sandbox, x_app: AppKeys, body: Any) -> None:
    sandbox.add_fault("x", path="/12/accounts$", status=200, body=body)

    with pytest.raises(ChannelError) as error:
        CHANNEL.list_accounts(x_app, pair(sandbox), ADA, None)

    assert error.value.classification.verdict == Verdict.TRANSIENT


def test_rows_that_are_no_accounts_are_left_out_and_deleted_ones_are_closed(
    sandbox: Sandbox, x_app: AppKeys
) -> None:
    rows = [None, 7, {"id": None}, {"id": "../oauth"}, {"id": "18CE54D4X5T", "deleted": True, "name": 3}]
    sandbox.add_fault("x", path="/12/accounts$", status=200, body={"data": rows, "next_cursor": 9})

    listed = CHANNEL.list_accounts(x_app, pair(sandbox), ADA, None)

    (found,) = listed.accounts
    assert (found.native_id, found.name, found.closed, found.restriction) == (LUMEN, LUMEN, True, "deleted")


# ---- one ad account


def test_an_account_is_read_with_its_role(sandbox: Sandbox, x_app: AppKeys) -> None:
    found = read(sandbox, x_app)

    assert found.classification.verdict == Verdict.OK
    assert (found.account.native_id, found.account.can_publish) == (LUMEN, "yes")


def test_a_dropped_person_has_lost_the_account_only(sandbox: Sandbox, x_app: AppKeys) -> None:
    sandbox.drop_role("x", "Lumen Shoes EU", "ada")

    lost, kept = read(sandbox, x_app), read(sandbox, x_app, FERN)

    assert (lost.classification.verdict, lost.classification.reason) == (
        Verdict.ACCESS_LOST,
        Reason.ACCESS_LOST,
    )
    assert lost.account is None
    assert kept.classification.verdict == Verdict.OK


def test_a_person_who_became_a_reader_reads_but_cannot_publish(sandbox: Sandbox, x_app: AppKeys) -> None:
    sandbox.give_role("x", "Lumen Shoes EU", "ada", "reader")

    found = read(sandbox, x_app)

    assert found.classification.verdict == Verdict.OK
    assert (found.account.role, found.account.can_publish) == ("Analyst", "no")


def test_a_rejected_account_is_restricted_and_the_role_is_still_told(
    sandbox: Sandbox, x_app: AppKeys
) -> None:
    found = read(sandbox, x_app, MARLO)

    assert (found.classification.verdict, found.classification.note) == (
        Verdict.ACCOUNT_RESTRICTED,
        "not approved",
    )
    assert found.account.can_publish == "yes"


@pytest.mark.parametrize(
    ("action", "verdict"),
    [
        ("cancel_authorisation", Verdict.CONFIRM_FIRST),
        ("checkpoint", Verdict.CONFIRM_FIRST),
        ("deactivate", Verdict.CONFIRM_FIRST),
        ("suspend", Verdict.TOKEN_DEAD),
    ],
)
def test_a_reading_with_a_token_in_trouble_says_so_without_an_account(
    sandbox: Sandbox, x_app: AppKeys, action: str, verdict: Verdict
) -> None:
    credentials = pair(sandbox)
    sandbox.action("x", "ada", action)

    found = CHANNEL.read_account(x_app, credentials, LUMEN, scopes=None)

    assert found.classification.verdict == verdict
    assert found.account is None


@pytest.mark.parametrize("path", [f"/12/accounts/{LUMEN}$", "authenticated_user_access"])
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503, "body": "busy"},
        {"drop": True},
        {"status": 200, "body": "<html>"},
        {"status": 200, "body": {"data": None}},
        {"status": 200, "body": {"data": {"id": FERN, "permissions": "all"}}},
    ],
)
def test_trouble_while_reading_an_account_is_passing(
    sandbox: Sandbox, x_app: AppKeys, path: str, fault: dict[str, Any]
) -> None:
    sandbox.add_fault("x", path=path, **fault)

    found = read(sandbox, x_app, timeout=2)

    assert found.classification.verdict == Verdict.TRANSIENT
    assert found.account is None


def test_a_token_that_permits_too_little_to_read_needs_its_person(sandbox: Sandbox, x_app: AppKeys) -> None:
    narrow = {"errors": [{"code": "INSUFFICIENT_USER_AUTHORIZED_PERMISSION", "message": "…"}]}
    sandbox.add_fault("x", path=f"/12/accounts/{LUMEN}$", status=403, body=narrow)

    found = read(sandbox, x_app)

    assert (found.classification.verdict, found.classification.reason) == (
        Verdict.ACCESS_LOST,
        Reason.SCOPE_MISSING,
    )
