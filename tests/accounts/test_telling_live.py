"""A role lost and an account restricted at the stand-ins, from our own check to the mail in somebody's mailbox and back."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from accounts.checks import services as sweeps
from accounts.models import Account, AccountToken
from macros.at_once import services as at_once
from notifications.delivery import services as delivery
from notifications.models import Message
from tests.support import native
from tests.support.ends import hours_pass
from tests.support.sandbox import Sandbox
from tokens.models import Token

pytestmark = pytest.mark.django_db(transaction=True)

ACCOUNT = "Lumen Shoes EU"


def check_all() -> datetime:
    for token in Token.objects.all():
        sweeps.check_now(token, now=timezone.now())
    hours_pass()
    return timezone.now()


def mailed(at: datetime) -> list[str]:
    """The mails that are written and sent at this moment, by whom they are for."""
    seen = set(Message.objects.values_list("pk", flat=True))
    at_once.tell_news(at)
    delivery.deliver(clock=lambda: at)
    new = Message.objects.exclude(pk__in=seen).order_by("recipient")
    return [f"{one.recipient}: {one.subject}" for one in new if one.state == "sent"]


def test_a_role_that_is_taken_away_is_told_within_minutes_and_so_is_its_return(world: Sandbox) -> None:
    native.linked("x", "ada")
    world.give_role("x", ACCOUNT, "ada", "reader")

    lost = mailed(check_all() + timedelta(seconds=61))
    reads = AccountToken.objects.values_list("access", "can_publish").get()
    world.give_role("x", ACCOUNT, "ada", "admin")
    came_back = mailed(check_all() + timedelta(minutes=11))

    assert reads == ("ok", "no")
    assert lost == [f"ada@example.com: {ACCOUNT} is deactivated: waiting for an admin at X"]
    assert came_back == [f"ada@example.com: {ACCOUNT} works again"]
    assert [mail["to"] for mail in world.mails()] == [["ada@example.com"]] * 2


def test_a_restriction_is_told_in_words_when_it_begins_and_when_it_ends(world: Sandbox) -> None:
    native.linked("facebook", "ada", "ben")
    Account.objects.update(created_at=timezone.now() - timedelta(days=1))
    world.set_account_status("facebook", ACCOUNT, account_status=2, disable_reason=3)

    begun = mailed(check_all() + timedelta(seconds=61))
    text = " ".join(Message.objects.filter(kind="news")[0].text.split())
    world.set_account_status("facebook", ACCOUNT, account_status=1, disable_reason=0)
    ended = mailed(check_all() + timedelta(minutes=11))

    people = ("ada@example.com", "ben@example.com")
    assert begun == [f"{one}: Facebook has restricted {ACCOUNT}" for one in people]
    assert "Facebook says: disabled for an unpaid bill or a risky payment" in text
    assert ended == [f"{one}: Facebook no longer restricts {ACCOUNT}" for one in people]
