"""Drill: upgrade a filled installation of an older version to this one, and go on with what that version left behind.

    python -m drills.upgrade              # from the version before the modules were moved

The older version is unpacked from the history, migrates, links the demo's fleet, writes every kind of mail, and hands out a lease, links,
a session; people are at the channels, messages and a call of each background task wait. Then this version migrates the same database.
Lost is a row that is not what it was, or anything handed out that is not taken; then the older version must still start on the new tables,
because both run side by side while nodes are upgraded. In a clone without that part of the history it says so and shows nothing.

The naive control renames a content type and a task, as a careless move of a model and a module would; the same comparisons must tell.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from shutil import copytree

import psycopg
import redis

from adtoken_project import lanes
from adtoken_project.launcher import channel_addresses
from drills.stage import Tally, until
from tests.support.sandbox import ROOT, Sandbox
from tests.support.servers import prepare

OLD = "f78fe22"  # before the modules were moved: every name that is data has to be known after it
# Written by `migrate` itself; what is in them is compared by their names, not by their rows.
BY_NAME = {
    "django_migrations": "",
    "django_content_type": "select app_label || '.' || model from django_content_type",
    "auth_permission": (
        "select c.app_label || '.' || p.codename from auth_permission p join django_content_type c on c.id = p.content_type_id"
    ),
    "auth_group": "select name from auth_group",  # a new version may bring one
    "auth_group_permissions": (
        "select g.name || ': ' || c.app_label || '.' || p.codename from auth_group_permissions x join auth_group g on g.id = x.group_id "
        "join auth_permission p on p.id = x.permission_id join django_content_type c on c.id = p.content_type_id"
    ),
    "django_celery_beat_periodictask": "select name || ': ' || task from django_celery_beat_periodictask",
    "django_celery_beat_periodictasks": "",
    "django_celery_beat_intervalschedule": "select every || ' ' || period from django_celery_beat_intervalschedule",
}
QUIET = 3.0  # seconds without a waiting call until the queues count as done


class Tree:
    """One version: its commands, in processes of their own."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.folder, self.env = folder, env

    def run(self, *command: str) -> str:
        """Run `python COMMAND` there. Raises RuntimeError with what it said where it fails."""
        done = subprocess.run(
            [sys.executable, *command], cwd=self.folder, env=dict(self.env), capture_output=True, text=True, check=False
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(
                f"{command} ended with {done.returncode}: {done.stdout[-3000:]}{done.stderr[-6000:]}"
            )
        return done.stdout

    def step(self, name: str, file: Path) -> None:
        """Do a step of tests/tools/upgraded.py."""
        self.run("-m", "tests.tools.upgraded", name, str(file))


def unpack(commit: str, folder: Path) -> bool:
    """Unpack a version from the history, with this version's tests/tools. False where the history does not reach so far."""
    known = subprocess.run(
        ["git", "cat-file", "-e", f"{commit}^{{commit}}"], cwd=ROOT, capture_output=True, check=False
    )
    if known.returncode:
        return False
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    copytree(ROOT / "tests" / "tools", folder / "tests" / "tools", dirs_exist_ok=True)
    return True


Digests = dict[str, tuple[int, str]]


def digests(columns: Mapping[str, list[str]], address: str) -> Digests:
    """Return table -> number of rows and a digest of them, by these columns; a table that is gone is left out."""
    found: Digests = {}
    with psycopg.connect(address) as connection:
        for table, names in columns.items():
            if connection.execute("select to_regclass(%s)", [f'public."{table}"']).fetchone() == (None,):
                continue
            row = ", ".join(f'"{name}"' for name in names)
            rows = f'select row({row})::text r from "{table}"'
            query = f"select count(*), coalesce(md5(string_agg(r, chr(10) order by r)), '') from ({rows}) t"
            try:
                with connection.transaction():
                    count, digest = connection.execute(query).fetchone() or (0, "")
            except psycopg.errors.UndefinedColumn as error:
                count, digest = 0, str(error).splitlines()[0]
            found[table] = (int(count), str(digest))
    return found


def tables(address: str) -> dict[str, list[str]]:
    """Return table -> its columns."""
    query = "select table_name, column_name from information_schema.columns where table_schema = 'public' order by 1, ordinal_position"
    found: dict[str, list[str]] = {}
    with psycopg.connect(address) as connection:
        for table, column in connection.execute(query):
            found.setdefault(table, []).append(column)
    return found


def by_name(address: str) -> dict[str, set[str]]:
    """Return the names in the tables that `migrate` writes."""
    with psycopg.connect(address) as connection:
        return {
            table: {name for (name,) in connection.execute(query)} for table, query in BY_NAME.items() if query
        }  # fmt: skip


def main() -> int:
    """Upgrade and count."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--since", default=OLD, help="the commit of the older version")
    since = parser.parse_args().since
    tally = Tally(f"an upgrade of a filled installation of {since}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not unpack(since, folder):
            tally.note(f"NOTHING SHOWN: this clone's history does not reach to {since} (a shallow clone?)")
            tally.control, tally.control_failed = "not run", True
            return tally.tell()
        with prepare(), Sandbox() as world:
            _Upgrade(folder, world, tally).run()
    return tally.tell()


class _Upgrade:
    def __init__(self, folder: Path, world: Sandbox, tally: Tally) -> None:
        self.tally = tally
        env = {
            **os.environ, **channel_addresses(world.base),
            "DEMO": "1", "STAFF_SECOND_FACTOR": "0", "BASE_URL": "http://127.0.0.1:8000", "OPERATOR_EMAILS": "operators@example.com",
            "EMAIL_URL": f"smtp://{world.smtp_host}:{world.smtp_port}", "DRILL_SANDBOX": world.base, "DRILL_MAILBOX": world.mailbox,
        }  # fmt: skip
        self.address, self.env = os.environ["DATABASE_URL"], env
        self.old, self.new = Tree(folder, env), Tree(ROOT, env)
        self.kept = folder / "kept.json"

    def run(self) -> None:
        """The upgrade, step by step."""
        self._timed("the old version fills the database", self._fill)
        columns, names = tables(self.address), by_name(self.address)
        before = digests(columns, self.address)
        self._timed("migrate", lambda: self.new.run("manage.py", "migrate", "--no-input", "-v0"))
        self.new.run("manage.py", "makemigrations", "--check", "--dry-run", "-v0")
        self._compare(before, digests(columns, self.address), names)
        self._timed("what was handed out is taken", self._take)
        self._timed("waiting calls are done", self._work)
        self._timed("the old version on the new tables", self._back)
        self._control(columns, names)

    def _timed(self, what: str, do: object) -> None:
        began = time.monotonic()
        assert callable(do)
        do()
        self.tally.note(f"{what}: {time.monotonic() - began:.1f} s")

    def _fill(self) -> None:
        self.old.run("manage.py", "migrate", "--no-input", "-v0")
        self.old.step("fill", self.kept)

    def _compare(self, before: Digests, after: Digests, names: dict[str, set[str]]) -> None:
        """Count the tables whose rows are not what they were, and the names that are gone."""
        changed = [table for table in before if table not in BY_NAME and after.get(table) != before[table]]
        now = by_name(self.address)
        gone = {table: sorted(known - now[table]) for table, known in names.items() if known - now[table]}
        self.tally.tries += sum(count for count, _ in before.values())
        self.tally.lost += len(changed) + sum(map(len, gone.values()))
        self.tally.broken += [f"{table}: {before[table]} became {after.get(table)}" for table in changed]
        self.tally.broken += [f"{table} lacks {some}" for table, some in gone.items()]
        self.tally.note(
            f"{len(before)} tables, {sum(count for count, _ in before.values())} rows, {len(changed)} changed"
        )

    def _take(self) -> None:
        self.new.step("take", self.kept)
        kept = json.loads(self.kept.read_text(encoding="utf-8"))
        self.tally.tries += 7
        self.tally.lost += len(kept["refused"])
        self.tally.broken += [f"{name}: {why}" for name, why in kept["refused"].items()]
        self.tally.note(
            f"messages of {len(kept['built'])} kinds wait, {list(kept['built'].values()).count('a mail')} are mails"
        )

    def _work(self) -> None:
        """Let a worker of this version take what waits in all queues, and look for calls that it does not know."""
        kept = json.loads(self.kept.read_text(encoding="utf-8"))
        self.tally.tries += len(kept["tasks"])
        said = self._drain()
        unknown = [name for name in kept["tasks"] if f"unregistered task of type '{name}'" in said]
        done = [name for name in kept["tasks"] if f"Task {name}[" in said]
        self.tally.lost += len(set(kept["tasks"]) - set(done) | set(unknown))
        self.tally.broken += [f"a call of {name} is not known" for name in unknown]
        self.tally.broken += [f"a call of {name} was not taken" for name in kept["tasks"] if name not in done]
        self.tally.note(f"{len(done)} of {len(kept['tasks'])} waiting calls were taken")

    def _drain(self) -> str:
        """Return what a worker of all queues said until they were empty. At this level each call that it takes is a line."""
        options = ["--pool", "threads", "--concurrency", "4", "--without-mingle", "--without-gossip"]
        command = [sys.executable, "-m", "celery", "-A", "adtoken_project", "worker", *options]
        command += ["--queues", ",".join(lanes.QUEUES)]
        env = {**self.env, "LOG_LEVEL": "debug"}
        with tempfile.TemporaryFile("w+") as log:
            worker = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT)
            valkey = redis.Redis.from_url(self.env["REDIS_URL"])
            until(lambda: not any(valkey.llen(queue) for queue in lanes.QUEUES), seconds=60)
            time.sleep(QUIET)
            worker.terminate()
            worker.wait(60)
            log.seek(0)
            return log.read()

    def _back(self) -> None:
        try:
            self.old.run("manage.py", "check", "-v0")
            self.old.step("works", self.kept)
        except RuntimeError as error:
            self.tally.broken.append(f"the old version does not work on the new tables: {error}")

    def _control(self, columns: Mapping[str, list[str]], names: dict[str, set[str]]) -> None:
        before = digests(columns, self.address)
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute("update django_content_type set app_label = 'broker' where model = 'apikey'")
            connection.execute(
                "update django_celery_beat_periodictask set task = 'broker.tasks.tidy' where task = 'accounts.tasks.tidy'"
            )
            connection.execute(
                "update accounts_account set name = name || '.' where id = (select min(id) from accounts_account)"
            )
        naive = Tally("control")
        kept, self.tally = self.tally, naive
        self._compare(before, digests(columns, self.address), names)
        self.tally = kept
        self.tally.control = f"a renamed content type and task and a changed row: {naive.lost} lost"
        self.tally.control_failed = naive.lost >= 4


if __name__ == "__main__":
    sys.exit(main())
