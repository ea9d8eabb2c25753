"""Accounts as the lines of a workbook: no secret, exact times in UTC, and no cell that is run as a formula.

A line is made from a few columns that are read for a page of accounts at once; a summary of each would take half a millisecond.
In a workbook numbers and moments are such and all else is text; a row goes to the disk as it is written, so memory stays flat.
"""

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import xlsxwriter
from django.db.models import Count, Max, QuerySet
from django.utils import timezone

from accounts.models import Account, AccountToken
from ui import pills
from ui.addresses import as_one
from ui.name_visibility import NameVisibility

HEAD = [
    "channel", "native_id", "name", "team", "state", "pill", "reason", "restriction", "deadline_kind", "deadline_utc",
    "usable_tokens", "tokens", "people", "active_person", "last_check_utc",
]  # fmt: skip
PAGE = 1_000  # accounts that are read at once
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


# What a reason and the order of a pool go by.
_ENTRY = (
    "account_id", "access", "access_reason", "can_publish", "doubt", "rank",
    *(
        f"token__{name}"
        for name in ("state", "reason", "state_since", "kind", "deadline_kind", "deadline", "proven_at", "doubted_at", "demoted_at")
    ),
)  # fmt: skip


# What is read of an account, and of the log-in that carries it.
_ACCOUNT = (
    "channel", "native_id", "name", "team__name", "state", "paused_at", "restriction", "reason", "deadline_kind", "deadline",
    "usable_count", "people_count",
    *(f"active_token__{name}" for name in ("consented_by__name", "team", "native_user_name", "native_user_id")),
)  # fmt: skip


def ids_of(accounts: QuerySet[Account]) -> list[int]:
    """Return the ids of the accounts, in their order."""
    return list(accounts.prefetch_related(None).values_list("pk", flat=True))


def export_rows(
    accounts: QuerySet[Account], ids: Sequence[int], names: NameVisibility, now: datetime
) -> Iterator[list[str]]:
    """Yield the cells of these accounts, a page of them read at a time. Three queries a page."""
    for start in range(0, len(ids), PAGE):
        yield from export_page(accounts, ids[start : start + PAGE], names, now)


def export_page(
    accounts: QuerySet[Account], ids: Sequence[int], names: NameVisibility, now: datetime
) -> list[list[str]]:
    """Return the cells of those of these accounts that are among `accounts`, in the order of `ids`.

    An account that is no longer to be seen by then is left out. Pills are of the current time zone. Three queries.
    """
    bare = accounts.order_by().prefetch_related(None).filter(pk__in=as_one(ids))
    found = {one.pk: one for one in bare.select_related("team", "active_token__consented_by").only(*_ACCOUNT)}
    pool = AccountToken.objects.filter(account__in=as_one(found))
    checks = pool.values("account").annotate(tokens=Count("pk"), checked=Max("token__last_checked_at"))
    pools = {pk: facts for pk, *facts in checks.values_list("account", "tokens", "checked")}
    reasons = _reasons(found.values())
    words = {key: pills.pill("account", key).label for key in pills.FAMILIES["account"]}
    zone = timezone.get_current_timezone()
    made = []
    for one in filter(None, map(found.get, ids)):
        tokens, checked = pools.get(one.pk, (0, None))
        cells = (
            one.channel, one.native_id, one.name, one.team.name, one.state, words[one.health(now=now, zone=zone)],
            reasons.get(one.pk, ""), one.restriction, one.deadline_kind, _utc(one.deadline), one.usable_count, tokens, one.people_count,
            names.token(one.active_token, one) if one.active_token else "", _utc(checked),
        )  # fmt: skip
        made.append([str(cell) for cell in cells])
    return made


def _reasons(accounts: Iterable[Account]) -> dict[int, str]:
    """Return why accounts do not work; the pools of those that are deactivated are asked, as on pages."""
    stopped = [one for one in accounts if one.state != Account.State.CONNECTED]
    asked = [one.pk for one in stopped if one.is_deactivated]
    entries: dict[int, list[AccountToken]] = defaultdict(list)
    pool = AccountToken.objects.filter(account__in=as_one(asked)).select_related("token").only(*_ENTRY)
    for entry in pool if asked else ():
        entries[entry.account_id].append(entry)
    return {one.pk: one.reason_now(one.in_order(entries[one.pk])) for one in stopped}


def _utc(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z" if moment else ""


_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}
_NUMBERS = frozenset({"usable_tokens", "tokens", "people"})
_WIDTHS = {"name": 34, "native_id": 20, "reason": 22, "team": 20, "active_person": 24}


def write_workbook(rows: Iterable[Sequence[str]]) -> bytes:
    """Return a workbook of these rows, below the names of the columns."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, _OPTIONS)
    # The format's own number 22: day and time as the reader's program writes them.
    moments = book.add_format({"num_format": 22})
    bold = book.add_format({"bold": True})
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(HEAD):
        sheet.set_column(column, column, 20 if name.endswith("_utc") else _WIDTHS.get(name, 14))
        sheet.write_string(0, column, name, bold)
    for place, cells in enumerate(rows, 1):
        for column, (name, text) in enumerate(zip(HEAD, cells, strict=True)):
            if text:
                _cell(sheet, place, column, name, text, moments)
    book.close()
    return file.getvalue()


def _cell(sheet: Any, row: int, column: int, name: str, text: str, moments: Any) -> None:
    if name in _NUMBERS:
        sheet.write_number(row, column, int(text))
    elif name.endswith("_utc"):
        sheet.write_datetime(row, column, datetime.fromisoformat(text.removesuffix("Z")), moments)
    else:
        sheet.write_string(row, column, text)
