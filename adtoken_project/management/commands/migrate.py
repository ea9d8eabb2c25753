"""Django's `migrate`, one at a time: of two nodes that start it at once the second waits, and then finds nothing left to do."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.commands import migrate
from django.db import connections

_LOCK = 7_402  # any number: ours, of advisory locks that hold as long as the connection


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        with connections[options["database"]].cursor() as cursor:
            cursor.execute(
                "set statement_timeout = 0"
            )  # the limit on pages is the role's; an index may take longer
        with self._alone(options["database"]):
            super().handle(*args, **options)

    @contextmanager
    def _alone(self, database: str) -> Iterator[None]:
        """Hold the lock. It ends with the connection, so a killed `migrate` holds nobody up."""
        said = False
        while not self._asked(database, "pg_try_advisory_lock"):
            if not said:
                self.stdout.write("Another migrate is at work on this database. Waiting for its end ...")
                said = True
            # No statement waits meanwhile: `create index concurrently` of the other one would wait for its end.
            time.sleep(0.5)
        try:
            yield
        finally:
            self._asked(database, "pg_advisory_unlock")

    @staticmethod
    def _asked(database: str, function: str) -> bool:
        with connections[database].cursor() as cursor:
            cursor.execute(f"select {function}(%s)", [_LOCK])
            row = cursor.fetchone()
        return bool(row and row[0])
