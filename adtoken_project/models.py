"""Signs of life of background parts."""

from django.db import models
from django.db.models.functions import Now


class Heartbeat(models.Model):
    """When a tick of beat last went through a worker of the lane for mails: the whole way, not one process."""

    name = models.CharField(max_length=20, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class BackgroundProcess(models.Model):
    """One worker or beat that runs, or ran lately: it writes its own row while its main loop turns."""

    name = models.CharField(max_length=200, primary_key=True)  # checks-4711@host, or beat-4712@host
    host = models.CharField(max_length=120)
    parts = models.JSONField(default=list, db_default=[])  # the lanes that it serves, or beat
    started_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())
    # Seconds by which its host's clock is ahead of PostgreSQL's.
    ahead = models.FloatField(default=0, db_default=0)

    def __str__(self) -> str:
        return self.name
