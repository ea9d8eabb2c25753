"""Accounts as CSV: no secret, exact times in UTC, and no cell that a spreadsheet would run as a formula."""

import csv
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import dropwhile

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from accounts import pool_reasons, summary
from accounts.models import Account
from ui import pills
from ui.name_visibility import NameVisibility

HEAD = [
    "channel", "native_id", "name", "team", "state", "pill", "reason", "restriction", "deadline_kind", "deadline_utc",
    "usable_tokens", "tokens", "people", "active_person", "last_check_utc",
]  # fmt: skip
PAGE = 500
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
# Letters that a reader does not see: controls, joiners, marks of direction, all kinds of space.
_UNSEEN = {"Cc", "Cf", "Mn", "Zl", "Zp", "Zs"}


class _Echo:
    """A file that gives back what is written, so that rows stream."""

    def write(self, value: str) -> str:
        """Return the line."""
        return value


def safe(value: object) -> str:
    """Return the value as text that no spreadsheet takes for a formula, not even one that tidies the text first.

    Some drop what is not seen at the beginning, some take full-width characters for plain ones.
    """
    text = "" if value is None else str(value)
    seen = "".join(dropwhile(lambda letter: unicodedata.category(letter) in _UNSEEN, text))
    begins = (text[:1], unicodedata.normalize("NFKC", seen[:1]))
    return f"'{text}" if any(begin.startswith(_FORMULA) for begin in begins) else text


def answer(accounts: QuerySet[Account], names: NameVisibility) -> StreamingHttpResponse:
    """Answer with the accounts as a CSV file, streamed."""
    now = timezone.now()
    response = StreamingHttpResponse(lines(accounts, names, now), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = (
        f'attachment; filename="social-accounts-{timezone.localdate(now):%Y-%m-%d}.csv"'
    )
    return response


def lines(accounts: QuerySet[Account], names: NameVisibility, now: datetime) -> Iterator[str]:
    """Yield the head, then one line per account."""
    writer = csv.writer(_Echo())
    yield writer.writerow(HEAD)
    for account in _in_pages(accounts):
        yield writer.writerow([safe(value) for value in _row(account, names, now)])


def _in_pages(accounts: QuerySet[Account]) -> Iterator[Account]:
    """Yield the accounts in their order, a page at a time by their ids.

    No cursor is left open at PostgreSQL between two pages: a pooler such as PgBouncer would give it to somebody else meanwhile. An
    account that is no longer to be seen when its page comes is left out.
    """
    ids = list(accounts.prefetch_related(None).values_list("pk", flat=True))
    for start in range(0, len(ids), PAGE):
        page = ids[start : start + PAGE]
        found = {account.pk: account for account in accounts.filter(pk__in=page)}
        yield from (found[pk] for pk in page if pk in found)


def _row(account: Account, names: NameVisibility, now: datetime) -> list[object]:
    one = summary.summarise(account, now)
    checked = [entry.token.last_checked_at for entry in one.entries if entry.token.last_checked_at]
    return [
        account.channel, account.native_id, account.name, account.team.name, account.state, pills.pill("account", one.health).label,
        pool_reasons.account_reason(account, one.entries),
        account.restriction, account.deadline_kind, _utc(account.deadline), len(one.usable),
        len(one.entries), one.people, names.token(one.active.token, account) if one.active else "",
        _utc(max(checked, default=None)),
    ]  # fmt: skip


def _utc(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""
