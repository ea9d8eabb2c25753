"""What a page was given: checked at once, kept encrypted, imported by a worker once its person has seen what it would do."""

import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import xlsxwriter
from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from accounts.imports import mails, rules, tables
from accounts.imports.models import KEPT_FOR, UNCONFIRMED_FOR, Cells
from accounts.imports.rules import COLUMNS, ImportChecker, ImportLine, Standing, check_header, read_cells
from accounts.imports.tables import ImportRefused, Problem
from accounts.jobs.models import IMPORT
from accounts.jobs.services import JobKind, Result, register_kind
from accounts.models import Account, AccountEvent, AccountToken, ImportFile, ImportFileLine, Job
from accounts.pool import permissions
from accounts.pool import services as pool
from infra import scrub
from tokens import lifecycle
from tokens.lifecycle import Imported
from tokens.models import ChannelApp, Token
from tokens.vault import services as vault
from tokens.vault.services import VaultError
from users.models import Team, User

BATCH = 500  # rows that are written at once
_WIDTHS = {"name": 34, "linked_by": 28, "access_token": 40, "refresh_token": 40, "token_secret": 40}


@transaction.atomic
def write_lines(
    lines: Sequence[ImportLine], *, now: datetime, by: User | None = None, note: str = ""
) -> dict[tuple[str, str], Account]:
    """Write all lines, and return the accounts by channel and native id.

    `by`: the person who imports them; None: the demo, whose events name whose log-in it is.
    """
    tokens = _tokens(lines, now)  # first: nobody who holds an account asks for a token
    accounts = _accounts(lines, now)
    _links(lines, accounts, tokens, now, by, note)
    return accounts


def _accounts(lines: Sequence[ImportLine], now: datetime) -> dict[tuple[str, str], Account]:
    wanted = {
        (line.channel, line.native_id): Account(
            channel=line.channel,
            native_id=line.native_id,
            name=line.name[:300],
            team=line.team,
            created_at=now,
            since=now,
        )
        for line in lines
    }
    Account.objects.bulk_create([wanted[key] for key in sorted(wanted)], ignore_conflicts=True)
    rows = Account.objects.filter(native_id__in=[native_id for _, native_id in wanted])
    found = {(one.channel, one.native_id): one for one in rows}
    return {key: account for key, account in found.items() if key in wanted}


def _tokens(lines: Sequence[ImportLine], now: datetime) -> dict[tuple[str, str], Token]:
    """Return the tokens by (channel, native user)."""
    apps = {app.channel: app for app in ChannelApp.objects.leading()}
    wanted = {
        (line.channel, line.native_user_id): Imported(
            app=apps[line.channel],
            native_user_id=line.native_user_id,
            native_user_name=line.native_user_name,
            credentials=line.credentials,
            user=line.linked_by,
        )
        for line in lines
        if line.credentials is not None
    }
    rows, _ = lifecycle.store_imported(list(wanted.values()), now=now)
    return {(token.app.channel, token.native_user_id): token for token in rows}


def _links(
    lines: Sequence[ImportLine],
    accounts: dict[tuple[str, str], Account],
    tokens: dict[tuple[str, str], Token],
    now: datetime,
    by: User | None,
    note: str,
) -> None:
    entries, events = [], []
    for line in lines:
        account = accounts[line.channel, line.native_id]
        token = tokens.get((line.channel, line.native_user_id))
        who = by or line.linked_by
        if token is not None:
            entries.append(AccountToken(account=account, token=token, added_by=who, added_at=now))
        about: dict[str, Any] = {"account": account, "token": token, "actor": who, "note": note}
        events.append(AccountEvent(**about, kind=AccountEvent.Kind.IMPORTED, source="import", at=now))
    AccountToken.objects.bulk_create(entries, ignore_conflicts=True)
    AccountEvent.objects.bulk_create(events)
    lifecycle.note_linked(token_ids=[entry.token_id for entry in entries], now=now)
    ids = [account.pk for account in accounts.values()]
    pool.settle(account_ids=ids, cause="imported", now=now, source="import")


@sensitive_variables()
@transaction.atomic
def keep_file(*, user: User, team: Team, content: bytes, now: datetime) -> ImportFile:
    """Check a file and keep it, in place of what the person did not confirm. Nothing is imported. Raises ImportRefused: nothing is kept.

    Lines that are wrong are kept as what is wrong with them, and lines that change nothing as that they do.
    """
    table = tables.read_table(content)
    check_header(table.header)
    if not table.lines:
        raise ImportRefused([Problem(0, "no_lines")])
    checker = ImportChecker(viewer=user, team=team)
    cells, checked = dict[int, Cells](), list[ImportLine]()
    for number, row in read_cells(table.lines, table.header, checker):
        cells[number] = row
        line = checker.check(number, row)
        if line is not None:
            checked.append(line)
    here = rules.find_known(checked)
    problems = [*checker.problems, *rules.behind_walls(checked, here, user)]
    told = defaultdict[int, list[Problem]](list)
    for problem in problems:
        told[problem.number].append(problem)
    good = [line for line in checked if line.number not in told]
    ImportFile.objects.filter(user=user).filter(confirmed_at=None).delete()
    file = ImportFile.objects.create(user=user, team=team, guessed=table.guessed, created_at=now)
    rows = [_wrong(file, number, found, cells.get(number)) for number, found in told.items()]
    rows += [
        _good(file, line, standing, cells[line.number]) for line, standing in rules.plan_lines(good, here)
    ]
    ImportFileLine.objects.bulk_create(rows, batch_size=BATCH)
    return file


def confirm_file(file: ImportFile, now: datetime) -> None:
    """Note that the person wants it: its lines stay for the worker."""
    ImportFile.objects.filter(pk=file.pk, confirmed_at=None).update(confirmed_at=now)


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
        standing=standing,
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


def empty_file() -> bytes:
    """Return the empty workbook that people fill in: the names of the columns, and every cell as text.

    As text, because a spreadsheet takes ids for numbers and forgets what is behind their fifteenth digit.
    """
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


# --- importing the lines of a file: each once, as far as its person still may, and then emptied ------------------------------


class ChangedMeanwhileError(Exception):
    """Somebody of another team made one of these accounts at this moment. Each by itself, they are told apart."""


def import_lines(job: Job, keys: Sequence[int], now: datetime) -> list[Result]:
    """Import lines of the file `job.subject_id`, checked anew. What is imported, or no longer needs an import, is emptied.

    Raises ChangedMeanwhileError.
    """
    file = ImportFile.objects.select_related("team").filter(pk=job.subject_id, user=job.user).first()
    rows = ImportFileLine.objects.filter(file=file, pk__in=keys).in_bulk() if file else {}
    results = {key: Result.fails(key, "not_kept") for key in keys}
    if file is not None:
        results |= _bring_in(job, file, rows, now)
    return [results[key] for key in keys]


def tell_of_file(job: Job, now: datetime) -> None:
    """Have everybody told whose log-in came in by this file, once it is over, whatever came of its lines."""
    accounts = ImportFileLine.objects.filter(file=job.subject_id, account__isnull=False).values("account")
    made = AccountToken.objects.filter(account__in=accounts, added_at__gte=job.created_at)
    made = made.filter(added_by__in=job.askers)
    mails.tell_of_import(made, actor=job.user, since=job.created_at, now=now)


def register_job() -> None:
    """Say how this job is done."""
    register_kind(IMPORT, JobKind(permissions.IMPORT, import_lines, finish=tell_of_file))


@sensitive_variables()
def _bring_in(
    job: Job, file: ImportFile, rows: Mapping[int, ImportFileLine], now: datetime
) -> dict[int, Result]:
    lines, problems = _checked(job.user, file, rows.values())
    here = rules.find_known(lines)
    walls = rules.behind_walls(lines, here, job.user, since=file.created_at)
    told = {problem.number: problem for problem in reversed([*problems, *walls])}
    planned = rules.plan_lines([line for line in lines if line.number not in told], here)
    wanted = [line for line, standing in planned if standing != Standing.HERE]
    written = write_lines(wanted, now=now, by=job.user, note=job.note)
    _still_inside(job.user, written.values())
    done = {line.number: (line, standing) for line, standing in planned}
    results, imported = dict[int, Result](), list[ImportFileLine]()
    for key, row in rows.items():
        if problem := told.get(row.number):
            results[key] = Result.fails(key, problem.code, **problem.facts)
        elif row.number in done:
            line, standing = done[row.number]
            effect = rules.effect_of(standing, brings_log_in=line.credentials is not None)
            results[key] = (Result.skips if standing == Standing.HERE else Result.done)(key, effect)
            key_of_account = (line.channel, line.native_id)
            row.account = written.get(key_of_account) or here.accounts.get(key_of_account)
            imported.append(row)
    ImportFileLine.objects.bulk_update(imported, ["account"])
    ImportFileLine.objects.filter(pk__in=[row.pk for row in imported]).update(sealed=None, sealed_key="")
    return results


def _checked(
    user: User, file: ImportFile, rows: Iterable[ImportFileLine]
) -> tuple[list[ImportLine], list[Problem]]:
    """Return the lines that can be imported, and what is wrong with the others by now."""
    checker, lines = ImportChecker(viewer=user, team=file.team), []
    for row in sorted(rows, key=lambda one: one.number):
        try:
            line = checker.check(row.number, row.unseal())
        except VaultError:
            checker.note(row.number, "not_kept")
            continue
        if line is not None:
            lines.append(line)
    return lines, checker.problems


def _still_inside(user: User, accounts: Iterable[Account]) -> None:
    """Raise ChangedMeanwhileError where an account is another team's: made between the look at what is here and the writing."""
    ids = [account.pk for account in accounts]
    seen = Account.objects.visible_to(user).filter(pk__in=ids).count()
    if not user.is_administrator and seen < len(ids):
        raise ChangedMeanwhileError
