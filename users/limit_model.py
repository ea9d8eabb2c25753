"""The table that counts limits while Valkey does not answer."""

import json
from typing import Any

from django.db import models


class LimitCount(models.Model):
    """What the cache would hold of one limit. Nothing here is kept for long: see `users.limit_counts`."""

    key = models.CharField(max_length=250, primary_key=True)
    value = models.JSONField()  # moments of what was counted, in seconds of Unix time
    ends_at = models.FloatField(db_index=True)  # in seconds of Unix time

    def __str__(self) -> str:
        return self.key

    @staticmethod
    def as_json(value: Any) -> str:
        """Return a value as the column takes it."""
        return json.dumps(value)
