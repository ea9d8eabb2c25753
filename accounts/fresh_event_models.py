"""That events were written, for whoever tells of them above this app: see `macros.at_once`."""

from django.db import models


class FreshEvents(models.Model):
    """A transaction wrote events of accounts of this moment (`AccountEvent.at`). Whoever tells of them takes the row.

    It is written in the transaction of its events, one for each settling, so that nothing is missed that commits late, and a log-in that
    dies in ten thousand accounts writes one row.
    """

    at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"Events of {self.at:%d %b %Y, %H:%M:%S}"
