"""LinkedIn's consents: exchange, what it leaves out, and tokens of the last seconds, against the stand-in LinkedIn."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from tests.support.factories import NOW
from tests.support.sandbox import Sandbox
from tests.tokens.channels import linkedin_world
from tests.tokens.channels.linkedin_world import ADA, APP, SCOPES, close, code, given, switch
from tokens.channels.kinds import ChannelError, Reason, Verdict
from tokens.channels.linkedin import reading
from tokens.channels.linkedin.channel import CHANNEL

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _world(sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    linkedin_world.set_up(sandbox, settings, monkeypatch)


def test_a_consent_gives_both_tokens_with_their_dates_and_scopes(sandbox: Sandbox) -> None:
    consent = CHANNEL.consent(APP, {"code": code(sandbox)})

    now, grant = timezone.now(), consent.grant
    assert consent.identity.native_user_id == ADA.native_user_id
    assert consent.identity.name == "Ada Okafor"
    assert grant.credentials.refresh_token
    assert close(grant.dates.access_expires_at, now + timedelta(days=60))
    assert close(grant.dates.refresh_expires_at, now + timedelta(days=365))
    assert grant.dates.sources == {"access": "provider", "refresh": "provider"}
    assert grant.scopes == SCOPES
    assert sandbox.calls(path="introspectToken") == []


def test_an_app_without_refresh_tokens_has_one_clock_only(sandbox: Sandbox) -> None:
    switch(sandbox, refresh_tokens=False)

    grant = CHANNEL.exchange(APP, {"code": code(sandbox)})

    assert grant.credentials.refresh_token == ""
    assert grant.dates.refresh_expires_at is None
    assert grant.dates.sources == {"access": "provider"}
    assert CHANNEL.renew(APP, grant.credentials) is None


def test_what_the_exchange_leaves_out_is_asked_of_introspection(sandbox: Sandbox) -> None:
    sandbox.next_token(channel="linkedin", kind="code", omit=["scope", "expires_in"])

    grant = CHANNEL.consent(APP, {"code": code(sandbox)}).grant

    assert grant.scopes == SCOPES
    assert close(grant.dates.access_expires_at, timezone.now() + timedelta(days=60))
    assert grant.dates.sources == {"access": "introspection", "refresh": "provider"}


def test_a_consent_is_not_lost_because_introspection_fails(sandbox: Sandbox) -> None:
    sandbox.next_token(channel="linkedin", kind="code", omit=["scope", "expires_in"])
    sandbox.add_fault("linkedin", path="introspect", status=503, body="busy")

    grant = CHANNEL.consent(APP, {"code": code(sandbox)}).grant

    assert (grant.scopes, grant.dates.access_expires_at) == (None, None)


@pytest.mark.parametrize(
    ("put", "seconds"),
    [({"expires_in": "5183999"}, 5183999), ({"expires_in": 0}, None), ({"expires_in": "soon"}, None)],
)
def test_a_life_may_come_as_text_and_a_strange_one_is_no_date(
    sandbox: Sandbox, put: dict[str, Any], seconds: int | None
) -> None:
    sandbox.next_token(channel="linkedin", kind="code", put=put)

    ends = CHANNEL.exchange(APP, {"code": code(sandbox)}).dates.access_expires_at

    assert ends is None if seconds is None else close(ends, timezone.now() + timedelta(seconds=seconds))


@pytest.mark.parametrize("put", [{"access_token": ""}, {"access_token": 7}, {"access_token": "A" * 9000}])
def test_an_answer_without_a_token_that_can_be_kept_is_an_error(
    sandbox: Sandbox, put: dict[str, Any]
) -> None:
    sandbox.next_token(channel="linkedin", kind="code", put=put)

    with pytest.raises(ChannelError) as caught:
        CHANNEL.exchange(APP, {"code": code(sandbox)})

    assert caught.value.classification.row == "answer without a token"
    assert Sandbox.MARKER not in str(caught.value.evidence)


def test_a_code_is_good_once_and_then_the_person_starts_again(sandbox: Sandbox) -> None:
    first = code(sandbox)
    CHANNEL.exchange(APP, {"code": first})

    with pytest.raises(ChannelError) as caught:
        CHANNEL.exchange(APP, {"code": first})

    assert (caught.value.classification.verdict, caught.value.classification.row) == (
        Verdict.OUR_BUG,
        "state",
    )


# ---- a token of the last seconds


def test_the_id_token_says_who_consented_where_the_token_is_too_new_to_ask(sandbox: Sandbox) -> None:
    switch(sandbox, fresh_delay=600)

    consent = CHANNEL.consent(APP, {"code": code(sandbox)})

    assert (consent.identity.native_user_id, consent.identity.name) == (ADA.native_user_id, "Ada Okafor")
    assert [call["status"] for call in sandbox.calls(path="userinfo")] == [401]


def test_userinfo_goes_before_the_id_token_wherever_it_answers(sandbox: Sandbox) -> None:
    sandbox.add_fault("linkedin", path="userinfo$", status=200, body={"sub": "other", "name": "Somebody"})

    assert CHANNEL.consent(APP, {"code": code(sandbox)}).identity.native_user_id == "other"


def test_trouble_at_userinfo_is_no_reason_to_believe_the_id_token(sandbox: Sandbox) -> None:
    sandbox.add_fault("linkedin", path="userinfo$", status=503)

    with pytest.raises(ChannelError) as caught:
        CHANNEL.consent(APP, {"code": code(sandbox)})

    assert caught.value.classification.verdict == Verdict.TRANSIENT


CLAIMS = {
    "iss": "https://www.linkedin.com/oauth", "aud": APP.client_id, "exp": int(NOW.timestamp()) + 60, "sub": "abc", "name": "A",
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
        (id_token(aud=["x", APP.client_id]), "abc"),
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
    settings: Any, text: Any, who: str | None
) -> None:
    settings.LINKEDIN_WWW_URL = "https://www.linkedin.com"

    found = reading.identity_of({"id_token": text}, APP.client_id, NOW)

    assert (found.native_user_id if found else None) == who


def test_a_list_waits_for_no_token_that_is_old(sandbox: Sandbox) -> None:
    old = given(sandbox)
    sandbox.cancel_authorisation("linkedin", "ada")

    with pytest.raises(ChannelError) as caught:
        CHANNEL.list_accounts(APP, old, ADA, SCOPES)

    assert caught.value.classification.row == "revoked"
    assert len(sandbox.calls(path="adAccountUsers")) == 1


def test_a_new_token_that_introspection_refuses_is_in_doubt_and_asked_about_again(sandbox: Sandbox) -> None:
    new = given(sandbox, age=5)
    sandbox.cancel_authorisation("linkedin", "ada")

    found = CHANNEL.inspect(APP, new)

    assert (found.classification.verdict, found.classification.reason) == (
        Verdict.CONFIRM_FIRST,
        Reason.AUTHORISATION_CANCELLED,
    )
    assert len(sandbox.calls(path="introspectToken")) == 2


def test_a_question_with_little_time_does_not_wait_for_a_new_token(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokens.channels.linkedin.channel.PAUSE", 30.0)
    new = given(sandbox, age=5)
    sandbox.cancel_authorisation("linkedin", "ada")

    found = CHANNEL.inspect(APP, new, timeout=2)

    assert found.classification.verdict == Verdict.CONFIRM_FIRST
    assert len(sandbox.calls(path="introspectToken")) == 1
