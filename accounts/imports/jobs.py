"""Importing the lines of a file that staff uploaded: each once, as far as its person still may, and then emptied."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.views.decorators.debug import sensitive_variables

from accounts.imports import mails as imported_mail
from accounts.imports import planning, uploads, writing
from accounts.imports.checking import ImportChecker, ImportLine
from accounts.imports.planning import Standing
from accounts.imports.tables import Problem
from accounts.jobs.kinds import IMPORT, JobKind, Result, register_kind
from accounts.jobs.models import BEFORE
from accounts.models import Account, AccountToken, ImportFile, ImportFileLine, Job
from accounts.pool import permissions
from tokens.vault.services import VaultError
from users.models import User


class ChangedMeanwhileError(Exception):
    """Somebody of another team made one of these accounts at this moment. Each by itself, they are told apart."""


def bring_in(job: Job, keys: Sequence[int], now: datetime) -> list[Result]:
    """Import lines of the file `job.subject_id`, checked anew. What is imported, or no longer needs an import, is emptied.

    Raises ChangedMeanwhileError.
    """
    file = ImportFile.objects.select_related("team").filter(pk=job.subject_id, user=job.user).first()
    rows = ImportFileLine.objects.filter(file=file, pk__in=keys).in_bulk() if file else {}
    results = {key: Result.fails(key, "not_kept") for key in keys}
    if file is not None:
        results |= _bring_in(job, file, rows, now)
    return [results[key] for key in keys]


def finish(job: Job, now: datetime) -> None:
    """Have everybody told whose log-in came in by this file, once it is over, whatever came of its lines."""
    accounts = ImportFileLine.objects.filter(file=job.subject_id, account__isnull=False).values("account")
    by = [job.user_id, *job.options.get(BEFORE, ())]
    made = AccountToken.objects.filter(account__in=accounts, added_by__in=by, added_at__gte=job.created_at)
    imported_mail.tell_of_import(made, actor=job.user, since=job.created_at, now=now)


def register_job() -> None:
    """Say how this job is done."""
    register_kind(IMPORT, JobKind(permissions.IMPORT, bring_in, finish=finish))


@sensitive_variables()
def _bring_in(
    job: Job, file: ImportFile, rows: Mapping[int, ImportFileLine], now: datetime
) -> dict[int, Result]:
    lines, problems = _checked(job.user, file, rows.values())
    here = planning.find_known(lines)
    walls = planning.behind_walls(lines, here, job.user, since=file.created_at)
    told = {problem.number: problem for problem in reversed([*problems, *walls])}
    planned = planning.plan_lines([line for line in lines if line.number not in told], here)
    wanted = [one.line for one in planned if one.standing != Standing.HERE]
    written = writing.write_lines(wanted, now=now, by=job.user, note=job.note)
    _still_inside(job.user, written.values())
    done = {one.line.number: one for one in planned}
    results, imported = dict[int, Result](), list[ImportFileLine]()
    for key, row in rows.items():
        if problem := told.get(row.number):
            results[key] = Result.fails(key, problem.code, **problem.facts)
        elif one := done.get(row.number):
            results[key] = _result(key, one.standing, one.line)
            key_of_account = (one.line.channel, one.line.native_id)
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
            line = checker.check(row.number, uploads.cells_of_line(row))
        except VaultError:
            checker.note(row.number, "not_kept")
            continue
        if line is not None:
            lines.append(line)
    return lines, checker.problems


def _result(key: int, standing: Standing, line: ImportLine) -> Result:
    if standing == Standing.HERE:
        return Result.skips(key, "here_already")
    if standing == Standing.ADDS:
        return Result.done(key, "adds_log_in")
    return Result.done(key, "new_with_log_in" if line.credentials is not None else "new_alone")


def _still_inside(user: User, accounts: Iterable[Account]) -> None:
    """Raise ChangedMeanwhileError where an account is another team's: made between the look at what is here and the writing."""
    ids = [account.pk for account in accounts]
    seen = Account.objects.visible_to(user).filter(pk__in=ids).count()
    if not user.is_administrator and seen < len(ids):
        raise ChangedMeanwhileError
