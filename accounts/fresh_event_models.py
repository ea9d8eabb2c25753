"""That events were written, or people came or went, for whoever tells of it above this app: see `macros.at_once`."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class FreshEvents(models.Model):
    """A transaction wrote events of accounts of this moment (`AccountEvent.at`), or changed how many people could carry some. Whoever tells
    of that takes the row.

    It is written in the transaction of its cause, one for each settling, so that nothing is missed that commits late, and a log-in that
    dies in ten thousand accounts writes one row.
    """

    at = models.DateTimeField()
    # Ids of the accounts that fewer people could carry than before, and of those that more could.
    fell = ArrayField(models.BigIntegerField(), default=list, db_default=[])
    rose = ArrayField(models.BigIntegerField(), default=list, db_default=[])

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"Events of {self.at:%d %b %Y, %H:%M:%S}"
