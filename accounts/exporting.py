"""Making an export in a worker: a page at a time, each in a transaction that also says how far it is, so that another worker goes on.

Nothing here knows the format: `export_rows` makes the text of a page, `export_sheets` a workbook of all.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from tempfile import TemporaryFile

from django.contrib.postgres.expressions import ArraySubquery
from django.db import IntegrityError, transaction
from django.db.models import Func, QuerySet

from accounts import export_rows, export_sheets, jobs
from accounts.models import Account, AccountExport, ExportPart
from accounts.permissions import VIEW
from users.models import Membership, User
from users.visibility import names_for

State = AccountExport.State
KEPT_FOR = timedelta(days=1)
KEPT = 3  # files of one person
PART = 2_000  # accounts in one part
CHUNK = 1_000_000  # bytes of a workbook in one part


def start(
    *,
    user: User,
    accounts: QuerySet[Account],
    now: datetime,
    file_format: AccountExport.Format = AccountExport.Format.CSV,
) -> tuple[AccountExport, bool]:
    """Ask for a file of these accounts, in this order. Return the export, and False where one of this person is being made already.

    Their ids stay in the database: a web process need not hold a million of them.
    """
    try:
        with transaction.atomic():
            made = AccountExport.objects.create(
                user=user,
                file_format=file_format,
                account_ids=ArraySubquery(accounts.values("pk")),
                total=0,
                sees_all=user.sees_all_teams,
                teams=_teams(user),
                created_at=now,
            )
            mine = AccountExport.objects.defer("account_ids").filter(pk=made.pk)
            mine.update(total=Func("account_ids", function="cardinality"))
    except IntegrityError:
        running = AccountExport.objects.defer("account_ids").filter(user=user, state__in=jobs.GOING).first()
        if running:
            return running, False
        return start(user=user, accounts=accounts, now=now, file_format=file_format)
    older = AccountExport.objects.filter(user=user).order_by("-pk").values_list("pk", flat=True)[KEPT:]
    AccountExport.objects.filter(pk__in=list(older)).delete()
    return mine.get(), True


def of_person(user: User) -> list[AccountExport]:
    """Return what this person may open: asked for by them, of teams that are theirs still. Newest first."""
    if not user.is_active or not user.has_perm(VIEW):
        return []
    return _openable(user, AccountExport.objects.filter(user=user))


def under_way(user: User) -> list[AccountExport]:
    """Return the one export of this person that is being made, as far as they may open it."""
    return _openable(user, AccountExport.objects.filter(user=user, state__in=jobs.GOING), most=1)


def _openable(user: User, found: QuerySet[AccountExport], *, most: int = 100) -> list[AccountExport]:
    some = list(found.defer("account_ids").order_by("-pk")[:most])  # few of a person are kept
    if user.sees_all_teams or not some:
        return some
    mine = set(_teams(user))
    return [one for one in some if not one.sees_all and mine.issuperset(one.teams)]


def content(export: AccountExport) -> Iterator[bytes]:
    """Yield the file, a part at a time."""
    for number in export.parts.order_by("number").values_list("number", flat=True):
        part = export.parts.filter(number=number).values_list("content", flat=True).first()
        yield bytes(part or b"")


def make_next(*, clock: Callable[[], datetime], goes_on: Callable[[], bool]) -> bool:
    """Make the export that waits longest, or go on with one whose worker died. Return whether there was one.

    A worker that is to stop leaves the rest to another one.
    """
    if not goes_on():
        return False
    waiting = AccountExport.objects.defer("account_ids")
    return jobs.run_next(waiting, partial(_make, clock=clock, goes_on=goes_on), clock())


def sweep(*, now: datetime) -> int:
    """Remove what was made a day ago. Returns how many rows."""
    return AccountExport.objects.filter(jobs.over_before(now - KEPT_FOR)).delete()[0]


def _make(export: AccountExport, *, clock: Callable[[], datetime], goes_on: Callable[[], bool]) -> None:
    user = export.user
    if not user.is_active or not user.has_perm(VIEW):
        jobs.end(export, State.FAILED, clock())
        return
    names, seen = names_for(user), Account.objects.visible_to(user)
    while export.done < export.total:
        if not goes_on():
            jobs.put_back(export)
            return
        some = f"account_ids__{export.done}_{export.done + PART}"
        ids = AccountExport.objects.values_list(some, flat=True).get(pk=export.pk)
        text = export_rows.page(seen, ids, names, clock())
        if not export.done:
            text = export_rows.head() + text
        if not _write(export, text, len(ids)):
            return
    if export.file_format == AccountExport.Format.XLSX:
        _bind(export, clock())
    else:
        jobs.end(export, State.READY, clock())


def _bind(export: AccountExport, now: datetime) -> None:
    """Make a workbook of the lines, and put it in their place. A worker that dies at it leaves the lines to the next."""
    with TemporaryFile() as file:
        export_sheets.write(content(export), file)
        file.seek(0)
        with transaction.atomic():
            if not jobs.end(export, State.READY, now):
                return
            export.parts.all().delete()
            for number, chunk in enumerate(iter(partial(file.read, CHUNK), b"")):
                ExportPart.objects.create(export=export, number=number, content=chunk)


@transaction.atomic
def _write(export: AccountExport, text: str, count: int) -> bool:
    """Write the next part, and that it is. Return False where another worker has begun since."""
    if not jobs.mine(export).update(done=export.done + count):
        return False
    ExportPart.objects.create(export=export, number=export.done // PART, content=text.encode())
    export.done += count
    return True


def _teams(user: User) -> list[int]:
    return sorted(Membership.objects.filter(user=user).values_list("team_id", flat=True))
