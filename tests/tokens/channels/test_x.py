"""What only X has: signatures and their clock, two APIs, payment methods, and a turn for each ad account of a long list."""

from typing import Any

import httpx2
import pytest
import redis
from pytest_django.fixtures import Settings

from tests.tokens.channels.answers import PASSES, Meaning, doubt, lost
from tests.tokens.channels.test_verdicts import classify
from tests.tokens.channels.worlds import FERN, LUMEN, MARLO, OLD, World, means
from tokens.channels import brake
from tokens.channels.kinds import Credentials, Reason, Verdict

CHECK = "verify_credentials"
NO_V1 = (
    {"errors": [{"code": 453, "message": "You currently have access to a subset of X API V2 endpoints"}]},
    403,
)


def test_a_clock_that_is_off_is_our_bug(world: World) -> None:
    living = world.token()
    world.sandbox.set_clock(offset=3600)

    found = world.inspect(living).classification

    assert (found.verdict, found.row) == (Verdict.OUR_BUG, "clock")


@pytest.mark.parametrize(
    ("fault", "meaning"),
    [({}, doubt(Reason.UNKNOWN)), ({"status": 503, "body": "busy"}, Meaning(Verdict.OUR_BUG))],
)
def test_a_pair_whose_secret_is_wrong_is_in_doubt_where_our_keys_are_found_right(
    world: World, fault: dict[str, Any], meaning: Meaning
) -> None:
    broken = Credentials(world.token().access_token, secret="wrong")
    if fault:
        world.trouble("request_token", **fault)

    assert means(world.inspect(broken).classification, meaning)


@pytest.mark.parametrize("base", ["{x}/nowhere", "{x}/1.1"])
def test_a_wrong_address_of_x_ends_no_token(world: World, settings: Settings, base: str) -> None:
    living = world.token()
    settings.X_API_URL = base.format(x=world.sandbox.x)

    assert world.inspect(living).classification.verdict == Verdict.OUR_BUG


# ---- the newer API, for apps that may not ask the older one


def test_an_app_that_may_not_ask_the_older_api_asks_the_newer_one(world: World) -> None:
    living = world.token()
    world.says(CHECK, *NO_V1)

    found, who = world.inspect(living), world.channel.identity(world.app, living)
    world.says("users/me", "busy", 503)
    busy = world.inspect(living).classification
    world.heal()
    world.sandbox.cancel_authorisation("x", "ada")

    assert (found.classification.verdict, found.native_user_id, who) == (
        Verdict.OK,
        world.person().native_user_id,
        world.person(),
    )
    assert means(busy, PASSES)
    assert world.inspect(living).classification.verdict == Verdict.TOKEN_DEAD


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (401, {"title": "Unauthorized", "type": "about:blank", "status": 401}, Verdict.CONFIRM_FIRST),
        (403, {"title": "Forbidden", "type": "about:blank", "status": 403}, Verdict.APP_FAULT),
        (429, "", Verdict.RATE_LIMITED),
        (200, {"data": {}}, Verdict.TRANSIENT),
    ],
)
def test_the_newer_api_alone_ends_no_token(world: World, status: int, body: Any, verdict: Verdict) -> None:
    world.says(CHECK, *NO_V1)
    world.says("users/me", body, status)

    assert world.inspect(world.token()).classification.verdict == verdict


# ---- payment methods


def test_an_account_that_nothing_can_pay_for_is_restricted_in_the_list_too(world: World) -> None:
    world.sandbox.set_account_status("x", LUMEN, able_to_fund=False)

    found = world.listed()

    words = "no payment method works: PAYMENT_METHOD_FAILED"
    assert (found[LUMEN].restriction, found[FERN].restriction) == (words, "")


@pytest.mark.parametrize("status", [401, 403, 429, 503])
def test_payment_methods_that_cannot_be_read_leave_open_whether_it_is_restricted(
    world: World, status: int, valkey: redis.Redis
) -> None:
    world.says("funding_instruments", "no", status)

    fine = world.read()
    valkey.flushdb()  # a 429 that names no window leaves the app in peace for a minute
    brake.forget()
    refused = world.read(MARLO)

    assert fine.account is not None
    assert refused.account is not None
    assert (fine.classification.verdict, fine.account.restriction, fine.account.can_publish) == (
        Verdict.OK,
        None,
        "yes",
    )
    assert (refused.classification.verdict, refused.account.restriction) == (Verdict.OK, "not approved")


def test_where_nobody_asked_what_can_pay_the_list_lifts_no_restriction(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokens.channels.x.calls.ROLES_WITHIN", 0)

    assert "" not in {account.restriction for account in world.list().accounts}


# ---- long lists


def test_too_many_lists_raise_with_the_time_to_wait(world: World) -> None:
    living = world.token()
    for _ in range(5):
        world.list(living)

    found = world.refuses(lambda: world.list(living))

    assert found.verdict == Verdict.RATE_LIMITED
    assert found.retry_after is not None
    assert 800 < found.retry_after <= 902


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


def test_accounts_beyond_the_time_get_their_turn_with_the_next_list_each_log_in_by_itself(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokens.channels.x.calls.Limit", TwoAnswers)
    living = world.token()

    told = []
    for _ in range(5):
        told += [account.name for account in world.list(living).accounts if account.role_told]
        world.sandbox.reset_x_rate_limit()
    bens = [account.name for account in world.list(user="ben").accounts if account.role_told]

    assert len(told) == 5
    assert set(told[:4]) == {LUMEN, FERN, MARLO, OLD}
    assert told[4] == told[0]
    assert bens == [LUMEN]


# ---- jobs


def test_a_reader_who_publishes_has_lost_publishing(world: World) -> None:
    url = f"{world.sandbox.x}/12/accounts/{world.id(LUMEN)}/campaigns"
    form = {"name": "Autumn", "funding_instrument_id": "f4x5t"}
    header = world.channel.sign(
        world.app, world.token("chiara"), native_id=world.id(LUMEN), purpose="publish", method="POST", url=url, params=form
    )  # fmt: skip

    answer = httpx2.post(url, data=form, headers={"Authorization": header}, trust_env=False, verify=False)

    assert means(classify("x", "api", answer.status_code, answer.text), lost(Reason.PUBLISHING_LOST))
