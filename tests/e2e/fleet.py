"""`python -m tests.e2e.fleet`, in the product's environment: 200 accounts in every state, long names, and two people with nothing.

The rows are written as tests write them, by tests/support/factories.py. Prints ids and log-ins as one line of JSON.
"""

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import django

COUNT = 200
LONG = "Møller & Søn Internationale Schuhhandelsgesellschaft mbH, Niederlassung Österreich und Südtirol – Always-on Prospecting 2026"
UNBROKEN = "DE_AT_CH_always_on_prospecting_lookalike_3_percent_retargeting_exclusions_2026_Q4_do_not_touch"
PEOPLE = (
    ("lena@example.com", "Lena Maximiliane von Hohenstein-Wittelsbach"),
    ("deniz@example.com", "Deniz Kaya"),
    ("o@example.com", "O"),
    ("emil@example.com", "Emil Novák"),
)
MARKETER, NOTHING = "lena@example.com", "quiet@example.com"


def build() -> dict[str, Any]:
    """Write everything and return what the photographs need to know."""
    from django.contrib.auth.models import Permission
    from django.db import transaction
    from django.utils import timezone

    from accounts import pool
    from accounts.models import Account
    from tests.support import factories

    now = timezone.now()
    with transaction.atomic():
        people = [factories.make_user(email, name=name) for email, name in PEOPLE]
        quiet = factories.make_user(
            NOTHING, name="Quiet Person", team=factories.make_team("Quiet"), is_staff=True
        )
        quiet.user_permissions.set(Permission.objects.all())
        tokens = _tokens(people, now)
        accounts = [_account(number, now) for number in range(COUNT)]
        for number, account in enumerate(accounts):
            _fill(account, number, tokens)
        pool.settle(account_ids=[account.pk for account in accounts], cause="linked", now=now)
        backups = [accounts[number] for number in (6, 11, 16, 21, 26)]
        _at_hand(backups, tokens, people[1], now)
        _notice(people[0], tokens[0])
        pending = _pending(people[0], tokens[0])
    dark = Account.objects.filter(state=Account.State.DEACTIVATED, pool__isnull=False).first()
    assert dark is not None
    return {
        "password": factories.PASSWORD,
        "marketer": MARKETER,
        "nothing": NOTHING,
        "account": accounts[0].pk,
        "dark": dark.pk,
        "person": people[0].pk,
        "unlinked": accounts[-1].pk,
        "reached": backups[0].pk,
        "reaching": tokens[0].pk,
        "backups": [account.pk for account in backups],
        "ids": [account.pk for account in accounts[:30]],
        "pending": str(pending),
    }


def _tokens(people: Iterable[Any], now: datetime) -> list[Any]:
    """Facebook log-ins with 3, 20, 50 days and dead, X log-ins without an end, and one from before dates were kept."""
    from tests.support import factories

    far = now + timedelta(days=3650)  # nobody asks the channel about tokens that it never gave
    facebook, x = factories.make_app("facebook"), factories.make_app("x")
    lena, deniz, short, emil = people
    common = {
        "due_at": far,
        "last_checked_at": now - timedelta(hours=2),
        "first_linked_at": now - timedelta(days=30),
        "scopes": ["ads_read", "ads_management"],
    }

    def ends(days: int, person: Any, **more: Any) -> Any:
        when = now + timedelta(days=days, hours=1)
        issued = when - timedelta(days=60)
        return factories.make_token(
            facebook, consented_by=person, native_user_name=person.name, deadline=when, issued_at=issued, **common, **more
        )  # fmt: skip

    no_end = {"deadline_kind": "never", "dates_source": {"access": "never"}}
    dead = {"state": "dead", "reason": "password_changed", "state_since": now - timedelta(days=1)}
    return [
        ends(20, lena), ends(3, deniz), ends(50, short), ends(9, emil, **dead),
        factories.make_token(x, consented_by=lena, native_user_name="lena_on_x", **no_end, **common),
        factories.make_token(facebook, consented_by=None, native_user_name=LONG[:200], due_at=far),
    ]  # fmt: skip


def _account(number: int, now: datetime) -> Any:
    from tests.support import factories

    names = {0: LONG, 1: UNBROKEN, 2: "Ö"}
    more: dict[str, Any] = {}
    if number % 23 == 5:
        more = {"restriction": "disabled for an unpaid bill or a risky payment"}
    if number % 29 == 7:
        more = {"paused_at": now - timedelta(days=2), "pause_note": "Budget is spent."}
    name = names.get(number, f"Brand {number:03} {('EU', 'US', 'Always on')[number % 3]}")
    return factories.make_account("x" if number % 7 == 3 else "facebook", name=name, currency="EUR", **more)


def _fill(account: Any, number: int, tokens: list[Any]) -> None:
    """Give the account its pool: the first has everybody, the last nobody, the others one of five mixtures."""
    from tests.support import factories

    if number == COUNT - 1:
        return
    *facebook, x, old = tokens
    if account.channel == "x":
        chosen = [x]
    elif number == 0:
        chosen = [*facebook, old]
    else:
        first, second, third, dead = facebook
        chosen = ([first, second], [second], [dead], [third, dead], [old])[number % 5]
    for place, token in enumerate(chosen):
        reader = number == 0 and place == 2
        factories.link(account, token, role="Advertiser", can_publish="no" if reader else "yes")


def _at_hand(accounts: list[Any], tokens: list[Any], asker: Any, now: datetime) -> None:
    """Two log-ins reach accounts that another person carries alone; the first is asked about two of them."""
    from accounts.models import BackupRequest, ReachedAccount

    for token, reached in ((tokens[0], accounts), (tokens[2], accounts[:2])):
        ReachedAccount.objects.bulk_create(
            ReachedAccount(
                token=token, native_id=one.native_id, role="Advertiser", can_publish="yes", seen_at=now
            )
            for one in reached
        )
    BackupRequest.objects.bulk_create(
        BackupRequest(account=one, token=tokens[0], asked_by=asker, note="I am away in August.", asked_at=now)
        for one in accounts[1:3]
    )


def _notice(person: Any, token: Any) -> None:
    """A mail that was sent and one that failed, for the list of messages."""
    from notifications.models import Message

    for state in (Message.State.SENT, Message.State.FAILED):
        Message.objects.create(
            kind="died", recipient=person.email, team=person.teams.first(), dedupe_key=f"photograph:{state}",
            payload={"token": token.pk, "generation": token.generation}, state=state,
            subject=f"{LONG[:29]}… is deactivated: please re-authenticate", text="Text.", html="<p>Text.</p>",
        )  # fmt: skip


def _pending(person: Any, token: Any) -> Any:
    """A consent that waits for the choice of accounts: many, long, restricted and closed ones."""
    from accounts.models import PendingLink
    from tokens.channels.kinds import NativeAccount

    offered = [
        NativeAccount(native_id="1", name=LONG, role="Admin", can_publish="yes"),
        NativeAccount(native_id="2", name=UNBROKEN, role="Analyst", can_publish="no"),
        NativeAccount(native_id="3", name="Closed one", closed=True),
        NativeAccount(native_id="4", name="Restricted one", restriction="disabled for an unpaid bill or a risky payment"),
        *(NativeAccount(native_id=str(n), name=f"Offered {n}", role="Admin", can_publish="yes") for n in range(5, 30)),
    ]  # fmt: skip
    rows = [asdict(native) for native in offered]
    return PendingLink.objects.create(user=person, token=token, offered=rows).pk


if __name__ == "__main__":
    django.setup()
    sys.stdout.write(json.dumps(build()) + "\n")
