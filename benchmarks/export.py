"""The largest file of accounts, beside reading the same rows and writing what was read."""

import csv
import io
import time
import tracemalloc
from collections.abc import Callable, Iterator

from django.db import connection
from django.utils import timezone

from accounts.account_pages import export as export_rows
from accounts.account_pages.admin import MOST
from accounts.models import Account
from benchmarks.measure import Contender, Figures, Section, interleave
from benchmarks.parts import Run
from users.models import User
from users.people.queries import names_for

SECONDS, CPU = "seconds", "CPU, seconds"
FLOOR = """
select a.channel, a.native_id, a.name, t.name, a.state, a.reason, a.restriction, a.deadline_kind, a.deadline, a.usable_count,
       a.people_count, (select count(*) from accounts_accounttoken p where p.account_id = a.id)
from accounts_account a join users_team t on t.id = a.team_id order by a.name, a.id limit %s"""


def measure(run: Run) -> list[Section]:
    """Return the section. The data must be filled."""
    section = Section(f"Export, {MOST:,} accounts, {run.rounds} rounds")
    user, _ = User.objects.get_or_create(email="export@example.com", defaults={"is_superuser": True})
    contenders: dict[str, Contender] = {
        "workbook": lambda: _timed(lambda: export_rows.write_workbook(_rows(user))),
        "  floor: read the rows by one statement, write them": lambda: _timed(_floor),
    }
    section.results = interleave(contenders, rounds=run.rounds)
    tracemalloc.start()
    size = len(export_rows.write_workbook(_rows(user))) / 2**20
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    section.results["workbook"] |= {"memory at most, MiB": [peak], "file, MiB": [size]}
    return [section]


def _timed(call: Callable[[], object]) -> Figures:
    began, cpu = time.monotonic(), time.process_time()
    call()
    return {SECONDS: time.monotonic() - began, CPU: time.process_time() - cpu}


def _rows(user: User) -> Iterator[tuple[export_rows.Cell, ...]]:
    accounts = Account.objects.order_by("name", "pk")[:MOST]
    return export_rows.export_rows(accounts, names_for(user), timezone.now())


def _floor() -> None:
    text = io.StringIO()
    with connection.cursor() as cursor:
        cursor.execute(FLOOR, [MOST])
        csv.writer(text).writerows(cursor)
