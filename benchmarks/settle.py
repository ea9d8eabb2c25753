"""Settling: one token dies in 10,000 pools; all accounts; the nightly check. Beside a plain UPDATE or read of the same rows."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from accounts.models import Account, AccountEvent
from accounts.pool import services as pool
from benchmarks import data
from benchmarks.measure import Contender, Figures, Section, interleave
from benchmarks.parts import Run
from tokens.models import Token

AGENCY = 1  # the token that serves many accounts, see data.fill
SECONDS = "seconds"


def measure(run: Run) -> list[Section]:
    """Return the section. The data must be filled; afterwards every account is settled again."""
    accounts, now, rounds = run.accounts, run.now, run.rounds
    section = Section(f"Settle, {accounts:,} accounts, {rounds} rounds")
    served = min(accounts, data.AGENCY_POOLS)
    contenders: dict[str, Contender] = {
        f"one token dies, {served:,} accounts shift, with events": lambda: _death(now),
        "  floor: plain UPDATE of these accounts": lambda: _plain_update(range(1, served + 1)),
        "all accounts change, with events": lambda: _everything(accounts, now),
        "  floor: plain UPDATE of all, in the same batches": lambda: _plain_updates(accounts),
        "nightly check of all": _nightly,
        "  floor: read accounts, pools and tokens once": _plain_read,
    }
    section.results = interleave(contenders, rounds=rounds)
    return [section]


def _death(now: datetime) -> Figures:
    with connection.cursor() as cursor:
        cursor.execute(
            "update accounts_account set active_token_id = %s where id in"
            " (select account_id from accounts_accounttoken where token_id = %s)",
            [AGENCY, AGENCY],
        )
    _tidy()
    with timed() as seconds, transaction.atomic():
        Token.objects.select_for_update(no_key=True).get(pk=AGENCY)
        Token.objects.filter(pk=AGENCY).update(state="dead", reason="password_changed")
        pool.settle(token_ids=[AGENCY], cause="password_changed", now=now)
    events = AccountEvent.objects.filter(cause="password_changed").count()
    Token.objects.filter(pk=AGENCY).update(state="valid", reason="")
    _settle_again(AGENCY, now)
    return {SECONDS: seconds[0], "rows written": events}


def _everything(accounts: int, now: datetime) -> Figures:
    """As after an import: no account has a decision yet."""
    Account.objects.update(
        active_token=None,
        state="deactivated",
        reason="unknown",
        usable_count=0,
        deadline=None,
        deadline_kind="none",
    )
    _tidy()
    with timed() as seconds:
        data.settle_all(accounts=accounts, now=now, cause="benchmark")
    return {SECONDS: seconds[0], "rows written": AccountEvent.objects.filter(cause="benchmark").count()}


def _plain_updates(accounts: int) -> Figures:
    return _plain_update(*data.batches(accounts))


def _plain_update(*batches: range) -> Figures:
    """Change the same columns, indexed ones too, as cheaply as SQL can; change them back untimed."""
    change = (
        "update accounts_account set usable_count = usable_count + %s, deadline = deadline + %s * interval '1 second'"
        " where id = any(%s)"
    )
    _tidy()
    with timed() as seconds:
        rows = sum(_run(change, [1, 1, list(ids)]) for ids in batches)
    for ids in batches:
        _run(change, [-1, -1, list(ids)])
    return {SECONDS: seconds[0], "rows written": rows}


def _run(text: str, values: list[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        return int(cursor.rowcount)


def _nightly() -> Figures:
    with timed() as seconds:
        found = pool.differences()
    if found:
        raise RuntimeError(f"{len(found)} accounts differ from their pool: settle is wrong.")
    return {SECONDS: seconds[0]}


def _plain_read() -> Figures:
    with timed() as seconds, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("set local enable_indexonlyscan = off")  # the rows, as the check needs them
        for table in ("accounts_account", "accounts_accounttoken", "tokens_token"):
            cursor.execute(f"select count(*) from {table}")
    return {SECONDS: seconds[0]}


def _settle_again(token: int, now: datetime) -> None:
    with transaction.atomic():
        pool.settle(token_ids=[token], cause="benchmark", now=now)


def _tidy() -> None:
    """Drop what earlier rounds left, so that every round meets the same tables."""
    AccountEvent.objects.all().delete()
    data.analyse()


@contextmanager
def timed() -> Iterator[list[float]]:
    """Give a list that holds the seconds once the block has ended."""
    seconds: list[float] = []
    began = time.perf_counter()
    yield seconds
    seconds.append(time.perf_counter() - began)
