"""What limits on guessing count, and what was done once."""

from django.db import models


class LimitCount(models.Model):
    """What was counted of one limit, or done once. Nothing here is kept for long: see `users.login.limits`."""

    key = models.CharField(max_length=250, primary_key=True)
    value = models.JSONField()  # moments of what was counted, in seconds of Unix time
    ends_at = models.FloatField(db_index=True)  # in seconds of Unix time

    def __str__(self) -> str:
        return self.key
