"""The CSV of all accounts: as a worker makes it, in parts, beside reading the same rows and writing what it read."""

import csv
import io
import time
import tracemalloc
from collections.abc import Callable

from django.db import connection
from django.utils import timezone

from accounts import export_rows, exporting
from accounts.models import Account, AccountExport
from benchmarks.measure import Contender, Figures, Section, interleave
from benchmarks.parts import Run
from users.models import User
from users.visibility import names_for

SECONDS, CPU = "seconds", "CPU, seconds"
FLOOR = """
select a.channel, a.native_id, a.name, t.name, a.state, a.reason, a.restriction, a.deadline_kind, a.deadline, a.usable_count,
       a.people_count, (select count(*) from accounts_accounttoken p where p.account_id = a.id)
from accounts_account a join users_team t on t.id = a.team_id"""


def measure(run: Run) -> list[Section]:
    """Return the section. The data must be filled; what is made is removed."""
    section = Section(f"Export, {run.accounts:,} accounts, {run.rounds} rounds")
    user, _ = User.objects.get_or_create(email="export@example.com", defaults={"is_superuser": True})
    contenders: dict[str, Contender] = {
        "asked for, and made by a worker": lambda: _timed(lambda: _make(user)),
        f"{exporting.PART:,} of them at once": lambda: _timed(lambda: _some(user)),
        "  floor: read the rows by one statement, write them": lambda: _timed(_floor),
    }
    section.results = interleave(contenders, rounds=run.rounds)
    tracemalloc.start()
    _make(user)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    size = sum(len(part) for part in exporting.content(AccountExport.objects.latest("pk"))) / 2**20
    section.results["asked for, and made by a worker"] |= {
        "memory at most, MiB": [peak],
        "file, MiB": [size],
    }
    AccountExport.objects.all().delete()
    return [section]


def _timed(call: Callable[[], object]) -> Figures:
    began, cpu = time.monotonic(), time.process_time()
    call()
    return {SECONDS: time.monotonic() - began, CPU: time.process_time() - cpu}


def _make(user: User) -> None:
    exporting.start(user=user, accounts=Account.objects.order_by("name", "pk"), now=timezone.now())
    assert exporting.make_next(clock=timezone.now, goes_on=lambda: True)


def _some(user: User) -> None:
    ids = export_rows.ids_of(Account.objects.order_by("name", "pk")[: exporting.PART])
    export_rows.page(Account.objects.all(), ids, names_for(user), timezone.now())


def _floor() -> None:
    text = io.StringIO()
    with connection.cursor() as cursor:
        cursor.execute(FLOOR)
        csv.writer(text).writerows(cursor)
