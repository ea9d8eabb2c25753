"""The heartbeat of background parts."""

from django.db import models


class Heartbeat(models.Model):
    """When a background part was last alive."""

    name = models.CharField(max_length=20, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
