"""When a channel answers all tokens of one app alike, it is about the app: nobody loses anything, and operators hear once."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.alerts import services as alerts
from accounts.checks import services as sweeps
from accounts.models import Account, AccountToken
from accounts.pool import services as pool
from macros.warnings import services as evaluation
from notifications.models import Message
from tests.support import native
from tests.support.factories import NOW, link, make_account, make_token, make_user
from tests.support.sandbox import Sandbox
from tests.support.world import make_default_macro
from tokens.channels import registry
from tokens.models import ChannelApp, Token, TokenEvent
from tokens.vault import services as vault

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

# Often at first, as cooling asks again soon, then for longer than the three days that a doubt lasts.
TIMES = [timedelta(minutes=minutes) for minutes in (0, 2, 60)] + [
    timedelta(hours=hours) for hours in (16, 56, 96)
]
ODD = {"moon": "in the wrong house", "phase": 3}
FAULTS = {
    "402": {"status": 402, "body": {"message": "Pay first"}},
    "200": {"status": 200, "body": ODD},
    "403": {"status": 403, "body": ODD},
    "401": {"status": 401, "body": ODD},
}


@pytest.fixture(autouse=True)
def world(channels_world: Sandbox, settings: Any) -> Sandbox:
    settings.OPERATOR_EMAILS = ["ops@example.com"]
    native.set_up_apps(channels_world)
    make_default_macro()
    return channels_world


def make_six(channel: str) -> None:
    """Six people's log-ins, each the only one of two accounts; the second three are due for renewal where the channel renews."""
    app = ChannelApp.objects.get(channel=channel)
    renewal = registry.get(channel).renewal
    for number in range(6):
        native_user_id = f"{7000 + number}"
        parts = {"access_token": f"token-{number}", "secret": f"s-{number}"}
        if renewal is not None and not renewal.exchange:
            parts["refresh_token"] = f"refresh-{number}"
        fields: dict[str, Any] = {}
        if registry.get(channel).lifetime.access is not None:
            fields["deadline"] = NOW + timedelta(days=40 if number < 3 else 6)
        token = make_token(
            app,
            native_user_id=native_user_id,
            consented_by=make_user(f"person-{number}@example.com"),
            credentials=vault.seal(app.token_owner(native_user_id), parts),
            has_refresh_token="refresh_token" in parts,
            due_at=NOW,
            proven_at=NOW,
            **fields,
        )
        for _ in range(2):
            link(make_account(channel), token)
    with transaction.atomic():
        pool.settle(account_ids=list(Account.objects.values_list("pk", flat=True)), cause="linked", now=NOW)


def go_on() -> None:
    """Four days of sweeps, alerts and macros."""
    for moment in TIMES:
        now = NOW + moment
        while sweeps.check_due_tokens(now=now) == sweeps.BATCH:
            pass
        alerts.tell_operators(now)
        evaluation.evaluate(now=now)


@pytest.mark.parametrize(("channel", "fault"), [("facebook", "402"), ("x", "200"), ("pinterest", "403")])
def test_six_tokens_that_get_the_same_answer_all_live_and_one_alert_goes_out(
    channel: str, fault: str, world: Sandbox
) -> None:
    make_six(channel)
    world.add_fault(channel, **FAULTS[fault])

    go_on()

    dead = Token.objects.filter(state=Token.State.DEAD).values_list("pk", "reason", "evidence")
    assert not dead, list(dead)
    assert not TokenEvent.objects.filter(kind__in=["died", "not_renewed"])
    assert not AccountToken.objects.exclude(access="ok", can_publish="yes")
    assert not Account.objects.filter(state=Account.State.DEACTIVATED)
    assert not Message.objects.exclude(kind=alerts.KIND)
    assert [message.recipient for message in Message.objects.all()] == ["ops@example.com"]


def test_once_the_channel_answers_again_all_is_as_before(world: Sandbox) -> None:
    native.linked("facebook", "ada")
    linked = timezone.now()
    world.add_fault("facebook", **FAULTS["401"])
    sweeps.check_due_tokens(now=linked + timedelta(hours=5))
    alerts.tell_operators(linked + timedelta(hours=5))
    world.clear_faults()

    sweeps.check_due_tokens(now=linked + timedelta(hours=10))

    app = ChannelApp.objects.get(channel="facebook")
    assert Token.objects.get().state == Token.State.VALID
    assert Account.objects.get().state == Account.State.CONNECTED
    assert app.fault_since is None, (app.fault_kind, app.fault)
    assert Message.objects.count() == 1
