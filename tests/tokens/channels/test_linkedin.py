"""What only LinkedIn has: tokens of the last seconds, which it does not know yet, and roles and facts in two lists."""

import base64
import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.checks import services as sweeps
from tests.support import native
from tests.support.factories import NOW
from tests.support.sandbox import Sandbox
from tests.tokens.channels.answers import doubt
from tests.tokens.channels.worlds import FERN, LUMEN, OLD, World, in_days, means
from tokens.channels import registry
from tokens.channels.kinds import Reason, Verdict
from tokens.channels.linkedin import reading
from tokens.models import Token

URN = "urn:li:sponsoredAccount:"
CLIENT_ID = Sandbox.APPS["linkedin"][0]


def small_pages(monkeypatch: pytest.MonkeyPatch, size: int = 2) -> None:
    monkeypatch.setattr("tokens.channels.linkedin.calls.ROLES_SIZE", size)
    monkeypatch.setattr("tokens.channels.linkedin.calls.DETAILS_SIZE", size)


# ---- two lists


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
    world: World, role: Any, shown: str, can_publish: str
) -> None:
    rows = [{"account": URN + world.id(LUMEN), "role": role}]
    world.says("adAccountUsers", {"elements": rows, "paging": {"total": 1}})

    found = world.listed()

    assert (found[LUMEN].role, found[LUMEN].can_publish) == (shown, can_publish)
    assert found[FERN].can_publish == "unknown"  # seen, but with no role in the list


def test_scopes_that_are_not_known_leave_it_to_the_role(world: World) -> None:
    assert {one.can_publish for one in world.list(scopes=None).accounts} == {"yes"}


def test_where_the_details_fail_the_roles_still_name_every_account(world: World) -> None:
    world.says("adAccounts$", "busy", 503)

    found = world.list()

    assert not found.complete
    ids = {world.id(LUMEN), world.id(OLD)}
    assert {(one.native_id, one.name) for one in found.accounts} >= {
        (native_id, native_id) for native_id in ids
    }
    assert {one.can_publish for one in found.accounts} == {"yes"}


def test_a_total_that_is_not_reached_is_no_whole_list(world: World) -> None:
    rows = [{"account": URN + world.id(LUMEN), "role": "VIEWER"}]
    first = {"elements": rows, "paging": {"start": 0, "count": 100, "total": 7}}
    world.says("adAccountUsers", first, count=1)
    world.says("adAccountUsers", {**first, "elements": []})

    assert not world.list().complete


def test_roles_of_a_later_page_are_found_and_those_of_a_page_that_failed_are_not_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pages(monkeypatch)
    read = world.read(OLD).account
    world.trouble("adAccountUsers$", delay=0.001, count=1)
    world.says("adAccountUsers$", "busy", 503)

    listed = world.list()

    assert read is not None
    assert read.role == "Billing admin"
    assert not listed.complete
    assert sorted(one.role_told for one in listed.accounts) == [False, False, True, True]
    assert {one.can_publish for one in listed.accounts if not one.role_told} == {"unknown"}


def test_rows_that_are_no_accounts_are_left_out_of_both_lists(world: World) -> None:
    fern = world.id(FERN)
    odd = [
        None,
        7,
        {"id": None},
        {"id": "../oauth"},
        {"id": True},
        {"id": 10**30},
        {"id": int(fern), "name": 3},
    ]
    users = [None, 7, {"account": 5}, {"account": URN + "x"}, {"account": URN + fern, "role": "VIEWER"}]
    world.says("adAccounts$", {"elements": odd, "metadata": 9})
    world.says("adAccountUsers", {"elements": users, "paging": None})

    found = world.list()

    assert [(one.native_id, one.name, one.can_publish) for one in found.accounts] == [(fern, fern, "no")]


# ---- consents


def test_a_consent_to_other_scopes_ends_the_earlier_tokens(world: World) -> None:
    earlier = world.token()
    world.exchange()
    same = world.inspect(earlier).classification.verdict

    world.exchange(asked_for="r_ads openid profile")

    assert same == Verdict.OK
    assert world.inspect(earlier).classification.verdict == Verdict.TOKEN_DEAD


def test_a_token_of_another_app_is_in_doubt_only(world: World) -> None:
    world.sandbox.put_app("linkedin", client_id="other", secret="s", redirect_uris=[])
    theirs = world.token(client_id="other")

    told = world.inspect(theirs)
    world.says("introspect", {"active": True, "status": "active", "client_id": "other"})
    said_alive = world.inspect(theirs)

    assert told.classification.verdict == said_alive.classification.verdict == Verdict.CONFIRM_FIRST


def test_introspection_says_when_a_token_was_issued(world: World) -> None:
    dates = world.inspect(world.token()).dates

    assert dates is not None
    assert in_days(dates.issued_at) == pytest.approx(-1 / 24, abs=0.002)


# ---- a token of the last seconds


def test_the_id_token_says_who_consented_where_the_token_is_too_new_to_ask(world: World) -> None:
    world.switch(fresh_delay=600)

    consent = world.channel.consent(world.app, world.back())

    assert consent.identity == world.person()
    assert [call["status"] for call in world.calls("userinfo")] == [401]


def test_userinfo_goes_before_the_id_token_wherever_it_answers(world: World) -> None:
    world.says("userinfo$", {"sub": "other", "name": "Somebody"}, count=1)
    other = world.channel.consent(world.app, world.back()).identity
    world.says("userinfo$", "", 503)  # and trouble there is no reason to believe the id token
    answer = world.back()

    found = world.refuses(lambda: world.channel.consent(world.app, answer))

    assert other.native_user_id == "other"
    assert found.verdict == Verdict.TRANSIENT


CLAIMS = {
    "iss": "https://www.linkedin.com/oauth", "aud": CLIENT_ID, "exp": int(NOW.timestamp()) + 60, "sub": "abc", "name": "A",
}  # fmt: skip


def id_token(**changes: Any) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({}, claims)
    ]
    return ".".join([*parts, "signature"])


@pytest.mark.parametrize(
    ("text", "who"),
    [
        (id_token(), "abc"),
        (id_token(aud=["x", CLIENT_ID]), "abc"),
        (id_token(aud="another app"), None),
        (id_token(iss="https://evil.example"), None),
        (id_token(exp=int(NOW.timestamp())), None),
        (id_token(exp=None), None),
        (id_token(sub=None), None),
        (id_token(sub=5), None),
        ("", None),
        ("a.b", None),
        ("a.!!!.c", None),
        (None, None),
        (7, None),
    ],
)
def test_an_id_token_counts_only_where_it_is_linkedins_for_this_app_and_holds_now(
    text: Any, who: str | None
) -> None:
    issuer = "https://www.linkedin.com"

    said = reading.claims_in({"id_token": text}, client_id=CLIENT_ID, issuer=issuer, now=NOW)
    found = registry.get("linkedin").person_of(said)

    assert (found.native_user_id if found else None) == who


def test_a_list_waits_for_no_token_that_is_old(world: World) -> None:
    old = world.token()
    world.sandbox.cancel_authorisation("linkedin", "ada")

    assert world.refuses(lambda: world.list(old)).row == "revoked"
    assert len(world.calls("adAccountUsers")) == 1


@pytest.mark.parametrize(("pause", "timeout", "asked"), [(0.01, None, 2), (30.0, 2, 1)])
def test_a_new_token_that_introspection_refuses_is_in_doubt_and_asked_about_again_where_there_is_time(
    world: World, monkeypatch: pytest.MonkeyPatch, pause: float, timeout: float | None, asked: int
) -> None:
    monkeypatch.setattr("tokens.channels.linkedin.channel.PAUSE", pause)
    new = world.token(age=5)
    world.sandbox.cancel_authorisation("linkedin", "ada")

    found = world.inspect(new, timeout=timeout)

    assert means(found.classification, doubt(Reason.AUTHORISATION_CANCELLED))
    assert len(world.calls("introspectToken")) == asked


@pytest.mark.parametrize("answer", [{}, {"status": 200, "body": {"active": False}}])
def test_a_string_that_is_no_token_is_in_doubt_only(world: World, answer: dict[str, Any]) -> None:
    if answer:
        world.trouble("introspect", **answer)
    nobodys = type(world.token())("AQXnothing-of-ours")

    assert world.inspect(nobodys).classification.verdict == Verdict.CONFIRM_FIRST


# ---- what the engine makes of it


@pytest.fixture
def linked(world: World, client: Client) -> Client:
    """Ada's browser, after she linked an ad account with an app that gets no refresh tokens."""
    native.set_up_apps(world.sandbox)
    world.switch(refresh_tokens=False)
    native.link(client, "linkedin", "ada")
    return client


def checked(world: World, *, age: int = 3600) -> Token:
    """Make the only token so old at LinkedIn, check it, and return it."""
    world.sandbox.set_dates(channel="linkedin", user="ada", issued_at=world.sandbox.state()["now"] - age)
    sweeps.check_now(Token.objects.get(), now=timezone.now())
    return Token.objects.get()


def test_without_a_refresh_token_the_deadline_is_the_end_of_access_and_that_is_the_end(
    world: World, linked: Client
) -> None:
    deadline = Token.objects.get().deadline
    world.sandbox.expire_now(channel="linkedin", user="ada")

    token = checked(world)

    assert in_days(deadline) == pytest.approx(60, abs=0.01)
    assert token.doubts.get().reason == Reason.EXPIRED


def test_a_new_token_that_is_refused_cools_and_lives_on(world: World, linked: Client) -> None:
    world.switch(refresh_tokens=False, fresh_delay=600)

    doubted = checked(world, age=5).doubted_at
    world.switch(refresh_tokens=False)

    assert doubted is not None
    assert checked(world, age=5).doubted_at is None


def test_a_token_that_linkedin_refuses_for_a_moment_neither_breaks_linking_nor_holds_the_person(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    slept: list[float] = []
    native.set_up_apps(world.sandbox)
    monkeypatch.setattr("tokens.channels.linkedin.channel.time", SimpleNamespace(sleep=slept.append))
    world.switch(fresh_delay=600)

    address = native.consent(client, "linkedin", "ada")

    token = Token.objects.get()
    page = client.get(address).content.decode()
    assert slept == []
    assert token.native_user_name == "Ada Okafor"
    assert token.deadline is not None
    assert token.deadline - timezone.now() > timedelta(days=364)
    assert LUMEN not in page
    world.switch(fresh_delay=0)
    assert LUMEN in client.get(native.consent(client, "linkedin", "ada")).content.decode()
