"""Tables that rows are only added to: records of tokens handed out and of log-ins, which nobody may edit afterwards.

A trigger refuses UPDATE, DELETE and TRUNCATE, also to the owner of the tables. Rows leave only by `prune`, which the retention job
calls, and none younger than 30 days. The application's role needs SELECT and INSERT alone where it is not the owner: pruning runs
as the owner (`adtoken_project.setup.grants` gives these rights after each `migrate`).

A protected table has the columns `id` (it grows) and `at` (when it happened), and no foreign key that another table's deletion
would change. To protect one, add `*append_only.protect("app_model")` to the operations of the migration that makes it.
"""

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.migrations import RunSQL

TRIGGER = "append_only"
PRUNE_BATCH = 5_000  # rows of one transaction
MOST_BATCHES = 100  # of a table at once; the next run goes on

_FUNCTIONS = """
create function adtoken_refuse_change() returns trigger language plpgsql as $$
begin
  if tg_op <> 'UPDATE' and current_setting('adtoken.pruning', true) = 'on' then
    return old;
  end if;
  raise exception 'rows of % are only added, never changed: % refused', tg_table_name, tg_op
    using errcode = 'insufficient_privilege';
end $$;

-- Runs as the owner of the tables. The floor of 30 days stands here and goes by the server's clock, so that whoever holds the
-- application's role cannot remove what has just happened.
create function adtoken_prune(target regclass, cutoff timestamptz, at_most integer) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  removed integer;
begin
  if not exists (select from pg_trigger where tgrelid = target and tgname = 'append_only') then
    raise exception '% is not an append-only table', target;
  end if;
  perform set_config('adtoken.pruning', 'on', true);
  execute format('delete from %s where at < $1 and id in (select id from %s order by id limit $2)', target, target)
    using least(cutoff, now() - interval '30 days'), at_most;
  get diagnostics removed = row_count;
  perform set_config('adtoken.pruning', '', true);
  return removed;
end $$;

revoke all on function adtoken_prune(regclass, timestamptz, integer) from public;
"""
_DROP_FUNCTIONS = """
drop function adtoken_prune(regclass, timestamptz, integer);
drop function adtoken_refuse_change();
"""


def install() -> RunSQL:
    """Return the migration operation that makes the functions."""
    return RunSQL(_FUNCTIONS, _DROP_FUNCTIONS)


def protect(table: str) -> list[RunSQL]:
    """Return the migration operations that make a table append only."""
    rows = f"create trigger {TRIGGER} before update or delete on {table} for each row execute function adtoken_refuse_change()"
    whole = (
        f"create trigger {TRIGGER}_whole before truncate on {table} "
        "for each statement execute function adtoken_refuse_change()"
    )
    return [
        RunSQL(rows, f"drop trigger {TRIGGER} on {table}"),
        RunSQL(whole, f"drop trigger {TRIGGER}_whole on {table}"),
    ]


def protected_tables() -> list[str]:
    """Return the names of all protected tables."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select c.relname from pg_trigger t join pg_class c on c.oid = t.tgrelid "
            "where t.tgname = %s and pg_table_is_visible(c.oid) order by c.relname",
            [TRIGGER],
        )
        return [name for (name,) in cursor.fetchall()]


def prune(*, now: datetime, keep: timedelta) -> int:
    """Remove rows older than `keep` from all protected tables, 5,000 a transaction. Returns how many went.

    Rows younger than 30 days stay, whatever `keep` says.
    """
    return sum(_prune(table, now - keep) for table in protected_tables())


def _prune(table: str, cutoff: datetime) -> int:
    total = 0
    for _ in range(MOST_BATCHES):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("select adtoken_prune(%s::regclass, %s, %s)", [table, cutoff, PRUNE_BATCH])
            removed = int(cursor.fetchone()[0])
        total += removed
        if removed < PRUNE_BATCH:
            break
    return total
