"""An answer that was lost here is our doing: what a channel refuses afterwards is never told as the person's action."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account
from accounts.pool import services as pool
from notifications.models import Message
from notifications.outbox import KINDS
from tests.support import news
from tests.support.factories import NOW, link, make_account, make_app, make_token, make_user
from tokens import lifecycle
from tokens.channels import registry
from tokens.channels.http import NOT_SENT
from tokens.channels.kinds import Classification, Credentials, Dates, Grant, Inspection, Reason, Verdict
from tokens.checks import services as probe
from tokens.doubts import services as doubts
from tokens.lifecycle import services as transitions
from tokens.lifecycle.renewals import Attempt
from tokens.models import Token, TokenEvent
from tokens.token import reasons
from tokens.vault import services as vault

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
REFUSED = Attempt(
    None,
    Classification(Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED),
    {"call": "refresh", "status": 400},
)
DEAD = Inspection(Classification(Verdict.TOKEN_DEAD, Reason.AUTHORISATION_CANCELLED))


def snapchat(**fields: Any) -> Token:
    """A log-in whose access token is over."""
    app = make_app("snapchat")
    fields = {"native_user_id": "u1", "has_refresh_token": True, "access_expires_at": NOW - HOUR, **fields}
    sealed = vault.seal(f"token:snapchat:{app.client_id}:u1", {"access_token": "a1", "refresh_token": "r1"})
    return make_token(app, credentials=sealed, dates_source={"access": "provider"}, **fields)


def trouble(status: int, body: Any = "") -> Attempt:
    return Attempt(
        None,
        Classification(Verdict.TRANSIENT, Reason.TRANSIENT),
        {"call": "refresh", "status": status, "body": body},
    )


@pytest.mark.parametrize(
    ("attempt", "unanswered"),
    [
        (trouble(0, "no answer in time"), True),
        (trouble(502), True),
        (trouble(200, "<html>"), True),
        (trouble(0, NOT_SENT), False),
        (trouble(429), False),
        (trouble(400), False),
    ],
)
def test_only_a_call_that_went_out_and_came_to_nothing_leaves_a_doubt(
    attempt: Attempt, unanswered: bool
) -> None:
    token = snapchat(refresh_began_at=NOW, refresh_began_by="host:1")

    lifecycle.record_renewal_trouble(token_id=token.pk, attempt=attempt, now=NOW)

    token.refresh_from_db()
    assert (token.refresh_unanswered_at is not None) is unanswered
    assert token.refresh_began_at is None


def refuse(token: Token, inspection: Inspection = DEAD) -> None:
    """Refuse twice, so that it is believed of a lone log-in."""
    for now in (NOW - doubts.TRUE_AFTER_ALONE, NOW):
        lifecycle.record_refusal(
            token_id=token.pk,
            generation=token.generation,
            attempt=REFUSED,
            inspection=inspection,
            now=now,
            source="sweep",
        )
        token.refresh_from_db()


def test_what_is_refused_after_a_lost_answer_is_told_as_ours_on_page_and_in_mail() -> None:
    ada = make_user("ada@example.com")
    token = snapchat(refresh_unanswered_at=NOW - HOUR, consented_by=ada)
    account = make_account("snapchat")
    link(account, token)
    pool.settle(account_ids=[account.pk], cause="linked", now=NOW, source="link")

    refuse(token)

    assert (token.state, token.reason) == ("dead", "answer_lost")
    assert Account.objects.get().state == "deactivated"
    said = reasons.explain("snapchat", token.reason, you=True)
    assert "did nothing wrong" in said.what
    assert said.causes == ()
    assert said.steps
    news.tell(NOW + HOUR)
    message = Message.objects.get(recipient="ada@example.com")
    mail = KINDS[message.kind].build(message)
    assert "the answer of Snapchat was lost on AdToken’s side" in " ".join(mail.text.split())
    assert not {"cancel", "remove", "spam"} & set(mail.text.lower().split())


def test_a_clear_reason_and_what_the_channel_says_of_itself_are_believed() -> None:
    told = snapchat(refresh_unanswered_at=NOW - HOUR)
    suspended = Inspection(Classification(Verdict.TOKEN_DEAD, Reason.SUSPENDED))
    refuse(told, suspended)
    pushed = make_token(refresh_unanswered_at=NOW - HOUR)

    lifecycle.record_inspection(
        token_id=pushed.pk, generation=pushed.generation, inspection=DEAD, now=NOW, source="push", told=True
    )

    pushed.refresh_from_db()
    assert (told.reason, pushed.reason) == ("suspended", "authorisation_cancelled")


def test_an_access_token_that_still_works_lives_on_and_nobody_is_asked() -> None:
    token = snapchat(refresh_unanswered_at=NOW - HOUR, access_expires_at=NOW + 20 * HOUR)

    refuse(token, Inspection(Classification(Verdict.OK)))

    assert (token.state, token.deadline) == ("valid", NOW + 20 * HOUR)
    assert token.events.get(kind=TokenEvent.Kind.NOT_RENEWED).detail["reason"] == "answer_lost"
    assert not Message.objects.exists()


GRANT = Grant(Credentials("a2", "r2"), Dates(access_expires_at=NOW + HOUR, sources={"access": "provider"}))


def test_a_renewal_takes_the_doubt_away() -> None:
    token = snapchat(refresh_unanswered_at=NOW - HOUR, refresh_began_at=NOW, refresh_wanted_at=NOW)

    lifecycle.record_renewal(token_id=token.pk, generation=1, grant=GRANT, now=NOW, source="sweep")

    token.refresh_from_db()
    assert (token.refresh_unanswered_at, token.refresh_began_at, token.refresh_wanted_at) == (
        None,
        None,
        None,
    )


def test_what_a_renewal_gave_is_kept_where_the_token_was_found_dead_meanwhile() -> None:
    token = snapchat()
    spent = token.unseal()
    lifecycle.record_inspection(
        token_id=token.pk, generation=1, inspection=DEAD, now=NOW, source="push", told=True
    )

    lifecycle.record_renewal(
        token_id=token.pk, generation=1, grant=GRANT, now=NOW, source="lease", spent=spent
    )

    token.refresh_from_db()
    assert token.unseal().refresh_token == "r2"
    assert (token.state, token.due_at, token.generation) == ("dead", NOW, 3)
    assert token.renewed_at is None, "no good report: the channel is asked about the state"


def test_what_a_renewal_gave_never_replaces_what_a_person_brought_meanwhile() -> None:
    token = snapchat(generation=2)
    spent = Credentials("a0", "r0")

    lifecycle.record_renewal(
        token_id=token.pk, generation=1, grant=GRANT, now=NOW, source="lease", spent=spent
    )

    token.refresh_from_db()
    assert (token.unseal().refresh_token, token.generation) == ("r1", 2)


def test_where_a_channel_may_mind_a_lost_refresh_token_is_spared_while_the_access_token_lives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    channel = registry.get("snapchat")
    now = timezone.now()
    living = snapchat(refresh_unanswered_at=now - HOUR, access_expires_at=now + HOUR)

    at_once = living.can_renew(now)
    unsafe = replace(channel.declaration, refresh_again_is_safe=False)
    monkeypatch.setattr(channel, "declaration", unsafe)

    assert at_once
    assert not living.can_renew(now)
    assert living.can_renew(now + HOUR), "then nothing can be lost by it"


def test_a_token_that_takes_its_process_with_it_twice_is_not_tried_at_once_again() -> None:
    token = snapchat(refresh_began_at=NOW, refresh_began_by="host:1", refresh_unanswered_at=NOW - HOUR)

    lifecycle.note_lost_answer(token_id=token.pk, now=NOW)

    token.refresh_from_db()
    assert (token.refresh_wanted_at, token.refresh_began_at) == (None, None)
    assert token.due_at is not None
    assert token.due_at > NOW


def test_a_fault_of_ours_in_the_middle_of_a_renewal_leaves_a_doubt_and_no_mark(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = snapchat()

    def fails(*args: Any, **kwargs: Any) -> None:
        raise KeyError("a_field")

    monkeypatch.setattr("tokens.channels.snapchat.channel.Snapchat.renew", fails)
    monkeypatch.setattr(
        transitions,
        "inspect_at_channel",
        lambda token, timeout: Inspection(Classification(Verdict.TRANSIENT)),
    )

    probe.probe_token(token.pk, now=NOW, source="sweep", timeout=1)

    token.refresh_from_db()
    assert (token.refresh_began_at, token.claimed_until) == (None, None)
    assert token.refresh_unanswered_at == NOW


def test_a_process_that_dies_right_after_an_answer_was_kept_loses_nothing() -> None:
    token = snapchat(refresh_began_at=NOW, refresh_began_by="host:1", refresh_wanted_at=NOW)

    lifecycle.keep_answer(token=token, grant=GRANT)  # and no more

    token.refresh_from_db()
    assert token.unseal().refresh_token == "r2"
    assert (token.refresh_began_at, token.refresh_unanswered_at) == (None, None)
    assert token.refresh_wanted_at == NOW, "whoever waits is served by the next process"
    assert token.credentials_key
