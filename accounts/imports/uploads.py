"""What a page was given: checked at once, kept encrypted, imported by a worker once its person has seen what it would do."""

import io
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import xlsxwriter
from django.db import transaction
from django.db.models import QuerySet
from django.views.decorators.debug import sensitive_variables

from accounts.imports import planning, tables
from accounts.imports.checking import COLUMNS, Cells, ImportChecker, ImportLine, cells_of, check_header
from accounts.imports.planning import Standing
from accounts.imports.tables import ImportRefused, Problem
from accounts.jobs.kinds import IMPORT
from accounts.models import ImportFile, ImportFileLine, Job
from infra import scrub
from tokens.vault import services as vault
from users.models import Team, User

UNCONFIRMED_FOR = timedelta(hours=1)
KEPT_FOR = timedelta(days=1)
BATCH = 500
_WIDTHS = {"name": 34, "linked_by": 28, "access_token": 40, "refresh_token": 40, "token_secret": 40}
_MARK = "\ufeff"  # by which Excel knows UTF-8


@sensitive_variables()
@transaction.atomic
def keep_file(*, user: User, team: Team, content: bytes, now: datetime) -> ImportFile:
    """Check a file and keep it, in place of what the person did not confirm. Nothing is imported. Raises ImportRefused: nothing is kept.

    Lines that are wrong are kept as what is wrong with them, and lines that change nothing as that they do.
    """
    table = tables.of_bytes(content)
    check_header(table.header)
    if not table.lines:
        raise ImportRefused([Problem(0, "no_lines")])
    checker = ImportChecker(viewer=user, team=team)
    cells, checked = dict[int, Cells](), list[ImportLine]()
    for number, row in cells_of(table.lines, table.header, checker):
        cells[number] = row
        line = checker.check(number, row)
        if line is not None:
            checked.append(line)
    here = planning.find_known(checked)
    problems = [*checker.problems, *planning.behind_walls(checked, here, user)]
    told = defaultdict[int, list[Problem]](list)
    for problem in problems:
        told[problem.number].append(problem)
    good = [line for line in checked if line.number not in told]
    of_user(user).filter(confirmed_at=None).delete()
    file = ImportFile.objects.create(user=user, team=team, guessed=table.guessed, created_at=now)
    standing = {one.line.number: one for one in planning.plan_lines(good, here)}
    rows = [_wrong(file, number, found, cells.get(number)) for number, found in told.items()]
    rows += [_good(file, one.line, one.standing, cells[number]) for number, one in standing.items()]
    ImportFileLine.objects.bulk_create(rows, batch_size=BATCH)
    return file


def of_user(user: User) -> QuerySet[ImportFile]:
    """Return the files of this person: nobody else sees them."""
    return ImportFile.objects.filter(user=user)


def confirm_file(file: ImportFile, now: datetime) -> None:
    """Note that the person wants it: its lines stay for the worker."""
    ImportFile.objects.filter(pk=file.pk, confirmed_at=None).update(confirmed_at=now)


@sensitive_variables()
def cells_of_line(line: ImportFileLine) -> Cells:
    """Return what a line says. Raises VaultError where it is emptied, or its key is gone."""
    if line.sealed is None:
        raise vault.NothingStored(str(line))
    return vault.unseal(line.owner, line.sealed)


def sweep_files(*, now: datetime) -> int:
    """Remove what nobody confirmed within an hour, and everything else after a day, or a day after its import. Returns how many rows."""
    unconfirmed = ImportFile.objects.filter(confirmed_at=None, created_at__lt=now - UNCONFIRMED_FOR)
    over = Job.objects.over_before(now - KEPT_FOR)
    of_jobs = Job.objects.filter(kind=IMPORT).exclude(pk__in=over.values("pk")).values("subject_id")
    old = ImportFile.objects.filter(created_at__lt=now - KEPT_FOR).exclude(pk__in=of_jobs)
    return unconfirmed.delete()[0] + old.delete()[0]


def _good(file: ImportFile, line: ImportLine, standing: Standing, row: Cells) -> ImportFileLine:
    made = ImportFileLine(
        file=file,
        number=line.number,
        standing=standing.value,
        name=_shown(line.name, 300),
        channel=line.channel,
        native_id=_shown(line.native_id, 100),
        brings_log_in=line.credentials is not None,
    )
    if made.standing in ImportFileLine.TO_DO:
        made.sealed = vault.seal(made.owner, row)
    return made


def _wrong(
    file: ImportFile, number: int, problems: list[Problem], row: Mapping[str, Any] | None
) -> ImportFileLine:
    return ImportFileLine(
        file=file,
        number=number,
        standing=ImportFileLine.Standing.WRONG,
        name=_shown(row["name"] or row["native_id"], 300) if row else "",
        channel=_shown(row["channel"].lower(), 20) if row else "",
        native_id=_shown(row["native_id"], 100) if row else "",
        problems=[[problem.code, dict(problem.facts)] for problem in problems],
    )


def _shown(text: str, most: int) -> str:
    """Return a text without what may be a token in the wrong column, hidden before it is cut."""
    return scrub.strange(scrub.storable(text))[:most]


def empty_file(file_format: str) -> bytes:
    """Return the empty file that people fill in, "csv" or "xlsx": the names of the columns, and, in a workbook, every cell as text.

    As text, because a spreadsheet takes ids for numbers and forgets what is behind their fifteenth digit.
    """
    if file_format == "csv":
        return f"{_MARK}{','.join(COLUMNS)}\r\n".encode()
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    text, bold = book.add_format({"num_format": "@"}), book.add_format({"bold": True, "num_format": "@"})
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(COLUMNS):
        sheet.set_column(column, column, _WIDTHS.get(name, 20), text)
        sheet.write_string(0, column, name, bold)
    book.close()
    return file.getvalue()
