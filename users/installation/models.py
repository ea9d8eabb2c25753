"""The row that says which installation this database belongs to, and whether it is on hold."""

import uuid
from collections.abc import Collection
from typing import ClassVar

from django.db import models

from users.installation.hold import Hold


class Installation(models.Model):
    """This installation: what it is bound to, and whether it is on hold. One row, read and written by `services` alone."""

    ONLY: ClassVar[int] = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    number = models.UUIDField(default=uuid.uuid4)  # a copy gets another one when it is released
    address = models.CharField(max_length=64)  # a hash of the host of BASE_URL
    keys = models.JSONField(default=list)  # the names of the keys that FERNET_KEYS has held
    # PostgreSQL's own number of the server and of the database: a restored one has another.
    database = models.CharField(max_length=60)
    held_at = models.DateTimeField(null=True, blank=True)  # since when `manage.py hold` holds it
    held_because = models.CharField(max_length=300, blank=True)
    # Since when a release asks about all log-ins.
    round_began_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_installation")]

    def __str__(self) -> str:
        return f"Installation {self.number}"

    def hold_here(self, *, database: str, address: str, keys: Collection[str]) -> Hold | None:
        """Return why it is on hold in a process that has this database, address and key ring; None where it is not."""
        if self.held_at is not None:
            return Hold(self.held_because, self.held_at, found="" if self.held_because else "by_hand")
        if self.database != database:
            return Hold(found="other_database")
        if self.address != address:
            return Hold(found="other_host")
        return None if set(self.keys) & set(keys) else Hold(found="other_keys")
