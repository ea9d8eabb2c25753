"""`python -m benchmarks.growth [--json FILE]`: what the database grows by per month at 1,000 and 100,000 accounts.

Bytes per row are measured: rows as the product writes them, in the real tables with their indexes, in a throw-away PostgreSQL. How many
rows a month brings is arithmetic from the assumptions in `Use`, which the output repeats: compare them with your own installation.
"""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.environment import prepare, start_django, stop_on_signals
from devtools.embedded.processes import StartError

ROWS = 20_000  # of each table, enough that pages and indexes have their usual shape
DAYS = 30
SIZES = (1_000, 100_000)


@dataclass(frozen=True)
class Use:
    """What an installation does, per account and month where nothing else is said."""

    log_ins_per_account: float = 0.6
    short_lived: float = 1 / 6  # of the log-ins: their access tokens last half an hour, as Snapchat's do
    checks_a_day: float = 24  # of a log-in that jobs use
    dates_a_month: float = 2  # changed dates and renewals of each other log-in
    account_events: float = 0.5
    log_in_events: float = 0.3  # other than renewals and dates
    leases_a_day: float = 2
    notices: float = 0.5
    mails: float = 0.2


@dataclass(frozen=True)
class Line:
    """One kind of rows: how large one is, how many a month brings for one account, how many days they are kept."""

    what: str
    bytes: float
    rows: float
    days: int

    def month(self, accounts: int) -> float:
        """Return the bytes that a month brings."""
        return self.bytes * self.rows * accounts

    def at_rest(self, accounts: int) -> float:
        """Return the bytes that stay once as much is removed as is written."""
        return self.month(accounts) * self.days / DAYS


def measure(now: datetime) -> list[Line]:
    """Fill the tables, and return the lines."""
    from django.conf import settings

    from adtoken_project.ops.pruning import ROUTINE_DAYS, TEXT_DAYS
    from benchmarks import growth_rows

    use, rows = Use(), growth_rows.Rows(now=now)
    short = use.log_ins_per_account * use.short_lived
    routine = short * use.checks_a_day * DAYS + (use.log_ins_per_account - short) * use.dates_a_month
    bare, whole = rows.bare_mails(ROWS), rows.whole_mails(ROWS)
    plan = [
        ("renewals and dates", ROUTINE_DAYS, rows.renewals(ROWS), routine),
        ("other events of log-ins", settings.HISTORY_DAYS, rows.deaths(ROWS), use.log_in_events),
        ("events of accounts", settings.HISTORY_DAYS, rows.account_events(ROWS), use.account_events),
        ("tokens handed out", settings.RECORDS_DAYS, rows.hand_outs(ROWS), use.leases_a_day * DAYS),
        ("notices of macros", settings.HISTORY_DAYS, rows.notices(ROWS), use.notices),
        ("mails without their texts", settings.HISTORY_DAYS, bare, use.mails),
        ("texts of mails", TEXT_DAYS, whole - bare, use.mails),
    ]
    return [Line(what, size, number, days) for what, days, size, number in plan]


def show(lines: Iterable[Line]) -> str:
    """Return the table."""
    found = list(lines)
    text = [f"Assumed per account and month: {asdict(Use())}", ""]
    heads = [f"{size:,} accounts: a month, kept" for size in SIZES]
    text.append(
        f"{'':<28}{'bytes a row':>12}{'rows':>8}{'days':>6}" + "".join(f"{head:>36}" for head in heads)
    )
    for one in found:
        cells = "".join(f"{_size(one.month(size)):>24}{_size(one.at_rest(size)):>12}" for size in SIZES)
        text.append(f"{one.what:<28}{one.bytes:>12,.0f}{one.rows:>8.1f}{one.days:>6}{cells}")
    sums = "".join(
        f"{_size(sum(one.month(size) for one in found)):>24}{_size(sum(one.at_rest(size) for one in found)):>12}"
        for size in SIZES
    )
    return "\n".join([*text, f"{'together':<54}{sums}"])


def _size(number: float) -> str:
    return f"{number / 1e9:,.1f} GB" if number >= 1e9 else f"{number / 1e6:,.1f} MB"


def main() -> int:
    """Return 0 once it has measured, 1 when something did not start."""
    parser = ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the lines there, too")
    options = parser.parse_args()
    stop_on_signals()
    with ExitStack() as stack:
        try:
            prepare(stack)
            start_django()
        except StartError as error:
            print(error, file=sys.stderr)
            return 1
        lines = measure(datetime.now(UTC))
        print(show(lines))
        if options.json:
            options.json.write_text(
                json.dumps([asdict(one) for one in lines], indent=2) + "\n", encoding="utf-8"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
