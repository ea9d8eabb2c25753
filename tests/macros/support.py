"""Macros, and accounts that end at a known moment."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from accounts.models import Account
from accounts.pool import services as pool
from macros.models import Macro, MacroAction
from macros.mutes import services
from tests.support.factories import NOW, link, make_account, make_token
from tokens.models import Token
from users.models import User

BERLIN = ZoneInfo("Europe/Berlin")
TODAY = NOW.astimezone(BERLIN).date()
WATCHER = "watcher@example.com"
_numbers = count(1001)  # as texts they sort in the same order


def make_macro(
    *,
    emails: Sequence[str] = (WATCHER,),
    days: Sequence[int] = (30, 7, 1),
    notify_consenters: bool = False,
    watch: str = "account",
    accounts: Sequence[Account] = (),
    excluded: Sequence[int] = (),
    **fields: Any,
) -> MacroAction:
    """One macro with one action; for all accounts, unless accounts or a scope are given."""
    fields.setdefault("scope", "chosen" if accounts else "all")
    fields.setdefault("created_at", NOW - timedelta(days=30))  # the clock of the machine may be past NOW
    macro = Macro.objects.create(name=f"Macro {next(_numbers)}", **fields)
    macro.accounts.set(accounts)
    services.leave_out(macro=macro, account_ids=excluded, by=None, now=macro.created_at)
    return MacroAction.objects.create(
        macro=macro, emails=list(emails), days=list(days), notify_consenters=notify_consenters, watch=watch
    )


def make_person(email: str = "", **fields: Any) -> User:
    """A person who linked; logs in nowhere, so it needs no password (hashing one is slow)."""
    number = next(_numbers)
    fields.setdefault("name", f"Linker {number}")
    return User.objects.create(email=email or f"linker{number}@example.com", **fields)


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), tzinfo=BERLIN)


def settle(*accounts: Account, now: datetime = NOW, cause: str = "test") -> None:
    with transaction.atomic():
        pool.settle(account_ids=[account.pk for account in accounts], cause=cause, now=now)
    for account in accounts:
        account.refresh_from_db()


def ending(
    days: int | None = None,
    *,
    at: datetime | None = None,
    person: User | None = None,
    life: int | None = None,
    **fields: Any,
) -> Account:
    """A connected account whose one token ends at noon so many days from today, or at a moment."""
    deadline = at or noon(TODAY + timedelta(days=days or 0))
    account = make_account(**fields)
    issued_at = None if life is None else deadline - timedelta(days=life)
    link(account, make_token(deadline=deadline, issued_at=issued_at, consented_by=person or make_person()))
    settle(account)
    return account


def lasting(days: int = 30, **fields: Any) -> Account:
    """A connected account whose one token ends so many days from this moment: for what the clock on the wall decides, as a lease."""
    return ending(at=timezone.now() + timedelta(days=days), **fields)


def token_of(account: Account) -> Token:
    return Token.objects.get(pool_entries__account=account)


def move(account: Account, **fields: Any) -> None:
    """Change the account's one token and settle, as a probe's answer does."""
    Token.objects.filter(pool_entries__account=account).update(**fields)
    settle(account)


def known_since(account: Account, *, days: int, seconds: int = 0) -> None:
    """Let the deadline of the account and of its token be known so long before it comes."""
    assert account.deadline is not None
    since = account.deadline - timedelta(days=days, seconds=seconds)
    Account.objects.filter(pk=account.pk).update(cycle_since=since)
    Token.objects.filter(pool_entries__account=account).update(cycle_since=since)


def die(account: Account, now: datetime = NOW) -> None:
    Token.objects.filter(pool_entries__account=account).update(state="dead", reason="password_changed")
    settle(account, now=now, cause="password_changed")


def revive(account: Account, deadline: datetime, now: datetime = NOW) -> None:
    tokens = Token.objects.filter(pool_entries__account=account)
    tokens.update(state="valid", reason="", deadline=deadline, deadline_kind="date")
    settle(account, now=now)
