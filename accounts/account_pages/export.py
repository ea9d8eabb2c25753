"""Accounts as the lines of a workbook: no secret, exact times in UTC, and no cell that is run as a formula.

In a workbook numbers and moments are such and all else is text; a row goes to the disk as it is written, so memory stays flat.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

import xlsxwriter

from accounts.models import AccountQuerySet
from accounts.pool.queries import summarise
from ui import pills
from ui.name_visibility import NameVisibility

HEAD = [
    "channel", "native_id", "name", "team", "state", "pill", "reason", "restriction", "deadline_kind", "deadline_utc",
    "usable_tokens", "tokens", "people", "active_person", "last_check_utc",
]  # fmt: skip
Cell = str | int | datetime | None
PAGE = 100  # accounts that are read at once: with their pools some megabytes
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def export_rows(
    accounts: AccountQuerySet, names: NameVisibility, now: datetime
) -> Iterator[tuple[Cell, ...]]:
    """Yield the cells of these accounts, in their order, a hundred of them read at a time. Pills are of the current time zone."""
    words = {key: pills.pill("account", key).label for key in pills.FAMILIES["account"]}
    whole = accounts.prefetch_related(None).with_pools().select_related(None).select_related("team")
    for account in whole.iterator(chunk_size=PAGE):
        one = summarise(account, now)
        checked = [entry.token.last_checked_at for entry in one.entries if entry.token.last_checked_at]
        yield (
            account.channel, account.native_id, account.name, account.team.name, account.state, str(words[one.health]),
            account.reason_now(one.entries), account.restriction, account.deadline_kind, account.deadline, len(one.usable),
            len(one.entries), account.people_count, names.token(one.active.token, account) if one.active else "",
            max(checked, default=None),
        )  # fmt: skip


_WIDTHS = {"name": 34, "native_id": 20, "reason": 22, "team": 20, "active_person": 24}


def write_workbook(rows: Iterable[Sequence[Cell]]) -> bytes:
    """Return a workbook of these rows, below the names of the columns. Moments are in UTC."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"constant_memory": True})
    # The format's own number 22: day and time as the reader's program writes them.
    moments = book.add_format({"num_format": 22})
    bold = book.add_format({"bold": True})
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(HEAD):
        sheet.set_column(column, column, 20 if name.endswith("_utc") else _WIDTHS.get(name, 14))
        sheet.write_string(0, column, name, bold)
    for row, cells in enumerate(rows, 1):
        for column, value in enumerate(cells):
            if isinstance(value, datetime):
                sheet.write_datetime(row, column, value.astimezone(UTC).replace(tzinfo=None), moments)
            elif isinstance(value, int):
                sheet.write_number(row, column, value)
            elif value:
                sheet.write_string(row, column, value)
    book.close()
    return file.getvalue()
