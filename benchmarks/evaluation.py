"""The daily evaluation of all macros: a first day, a repeat, an ordinary day. Beside reading and inserting the same rows."""

from datetime import datetime, timedelta

from django.db import connection, transaction

from benchmarks import data
from benchmarks.measure import Figures, Section
from benchmarks.parts import Run
from benchmarks.settle import SECONDS, timed
from macros.warnings.services import evaluate

FIRST = "first day (nobody was told anything yet)"
REPEAT = "the same day again (nothing new)"
ORDINARY = "an ordinary day (the next one)"
FLOOR_INSERT = "  floor: read the tables once, insert the same"
TABLES = ("accounts_account", "accounts_accounttoken", "tokens_token", "macros_macroaccount", "macros_notice")


def measure(run: Run) -> list[Section]:
    """Return the section. The data must be filled."""
    accounts, now, rounds = run.accounts, run.now, run.rounds
    section = Section(
        f"Evaluation, {accounts:,} accounts, {data.MACROS} macros, {accounts * data.APPLICATIONS:,} applications, "
        f"{rounds} rounds"
    )
    for _ in range(rounds):
        for name, figures in _round(now).items():
            for figure, value in figures.items():
                section.results.setdefault(name, {}).setdefault(figure, []).append(value)
    return [section]


def _round(now: datetime) -> dict[str, Figures]:
    """Two days by the evaluation, the first one twice; then the same rows once more by plain inserts."""
    _forget("macros_evaluation", "macros_notice", "notifications_message")
    first, first_id = _evaluation(now)
    data.analyse()
    repeat, _ = _evaluation(now)
    ordinary, ordinary_id = _evaluation(now + timedelta(days=1))
    _keep(first_id, ordinary_id)
    _forget("macros_notice", "notifications_message")
    data.analyse()
    floor_first = _floor(first_id)
    data.analyse()
    floor_repeat = _floor(None)
    floor_ordinary = _floor(ordinary_id)
    return {
        FIRST: first,
        f"{FLOOR_INSERT} (first)": floor_first,
        REPEAT: repeat,
        "  floor: read the tables once": floor_repeat,
        ORDINARY: ordinary,
        f"{FLOOR_INSERT} (ordinary)": floor_ordinary,
    }


def _evaluation(now: datetime) -> tuple[Figures, int]:
    with timed() as seconds:
        report = evaluate(now=now)
    figures = {
        SECONDS: seconds[0],
        "notices written": report.notice_count,
        "mails written": report.message_count,
    }
    return figures, report.pk


def _keep(*evaluations: int) -> None:
    """Copy what the days wrote, so that the floor inserts the very same rows."""
    with connection.cursor() as cursor:
        cursor.execute("drop table if exists kept_notice, kept_message")
        cursor.execute(
            "create temp table kept_notice as select * from macros_notice where evaluation_id = any(%s)",
            [list(evaluations)],
        )
        cursor.execute(
            "create temp table kept_message as"
            " select m.*, (select n.evaluation_id from macros_notice n where n.message_id = m.id limit 1) as evaluation_id"
            " from notifications_message m"
        )
        cursor.execute("analyze kept_notice, kept_message")


def _floor(evaluation: int | None) -> Figures:
    """Read every table once; then insert the kept rows of the evaluation, with all indexes and foreign keys."""
    notices = messages = 0
    with timed() as seconds, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("set local enable_indexonlyscan = off")  # the rows, as the evaluation needs them
        for table in TABLES:
            cursor.execute(f"select count(*) from {table}")
        if evaluation is not None:
            cursor.execute(
                "insert into macros_notice select * from kept_notice where evaluation_id = %s", [evaluation]
            )
            notices = cursor.rowcount
            columns = _columns("notifications_message")
            cursor.execute(
                f"insert into notifications_message ({columns}) select {columns} from kept_message"
                " where evaluation_id = %s",
                [evaluation],
            )
            messages = cursor.rowcount
    figures = {SECONDS: seconds[0]}
    return figures | ({"notices written": notices, "mails written": messages} if evaluation else {})


def _columns(table: str) -> str:
    with connection.cursor() as cursor:
        return ", ".join(
            column.name for column in connection.introspection.get_table_description(cursor, table)
        )


def _forget(*tables: str) -> None:
    """Empty them."""
    with connection.cursor() as cursor:
        cursor.execute(f"truncate {', '.join(tables)} cascade")
