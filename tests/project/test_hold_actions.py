"""On hold: what a person asks for that needs a channel or the mail server is refused before anything of it is written."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.models import Account, AccountEvent
from macros.models import Evaluation
from macros.mutes import acknowledgements
from notifications import outbox
from notifications.models import Message
from tests.project.test_hold import restored
from tests.support.factories import link, make_account, make_token, make_user
from tokens import lifecycle
from tokens.checks import removal
from tokens.checks.removal import Ended
from tokens.models import Token, TokenEvent
from users.installation import hold
from users.login import passwords
from users.models import Invitation, Team, User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada() -> User:
    """An administrator, whose log-in carries an account beside Ben's; a mail that was sent."""
    ada, account = make_user("ada@example.com", is_staff=True, is_superuser=True), make_account()
    for person in (ada, make_user("ben@example.com")):
        link(account, make_token(consented_by=person))
    Account.objects.update(state="connected", usable_count=2)
    outbox.enqueue(kind="test", recipient="ben@example.com", dedupe_key="1", now=timezone.now())
    Message.objects.update(state=Message.State.SENT, sent_at=timezone.now())
    return ada


def everything() -> list[Any]:
    tables = (Token, TokenEvent, Account, AccountEvent, Message, Invitation, LogEntry, Evaluation)
    return [list(model.objects.order_by("pk").values()) for model in tables]


def test_pages_refuse_before_they_write_and_say_so(ada: User, client: Client) -> None:
    account, token, message = (
        Account.objects.get(),
        Token.objects.get(consented_by=ada),
        Message.objects.get(),
    )
    client.force_login(ada)
    seen = {"seen": token.generation}
    in_pool = f"/admin/accounts/account/{account.pk}/tokens/{token.pk}"
    actions: dict[str, dict[str, Any]] = {
        f"/my/log-ins/remove/?log_in={token.pk}": seen,
        f"/admin/tokens/token/{token.pk}/revoke/": seen,
        f"/my/{account.pk}/check/": {},
        f"/my/{account.pk}/give-up/": {},
        f"/my/{account.pk}/reauthenticate/": {},
        f"/admin/accounts/account/{account.pk}/check/": {},
        f"{in_pool}/check/": {},
        f"{in_pool}/renew/": seen,
        f"{in_pool}/ask/": {"seen": "0"},
        f"/admin/notifications/message/{message.pk}/send-again/": {},
        "/admin/users/invitation/add/": {"email": "cleo@example.com", "team": Team.default().pk},
        "/admin/test-mail/": {},
        "/accounts/password/reset/": {"email": "ben@example.com"},
    }
    restored()
    before = everything()

    answers = {path: client.post(path, data) for path, data in actions.items()}

    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(actions, 503)
    assert all("Nothing was changed." in answer.content.decode() for answer in answers.values())
    assert everything() == before


def test_services_and_commands_that_mail_refuse_before_they_write(ada: User) -> None:
    restored()
    before = everything()

    with pytest.raises(hold.OnHold):
        acknowledgements.acknowledge(deadlines=[], email="ben@example.com", now=timezone.now())
    with pytest.raises(hold.OnHold):
        passwords.request_reset(email="ben@example.com", now=timezone.now())
    with pytest.raises(hold.OnHold):
        call_command("evaluate_macros", stdout=io.StringIO())

    assert everything() == before


def test_a_removal_that_a_hold_overtakes_keeps_no_claim_and_is_gone_on_with_afterwards(ada: User) -> None:
    token, now = Token.objects.get(consented_by=ada), timezone.now()
    lifecycle.remove(token_id=token.pk, generation=token.generation, actor=ada, note="", now=now)
    restored()

    ended = removal.end_at_channel(token_id=token.pk, now=now, actor=ada)

    token.refresh_from_db()
    assert (ended, token.claimed_until, token.credentials is None) == (Ended.LATER, None, False)
    assert Token.objects.to_revoke().filter(pk=token.pk).free(now + timedelta(seconds=1)).exists()
