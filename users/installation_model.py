"""The row that says which installation this database belongs to, and whether it is on hold."""

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone


class Installation(models.Model):
    """This installation: what it is bound to, and whether it is on hold. One row; `users.installation` is its only reader and writer."""

    class As(models.TextChoices):
        SAME = "same", "The same installation"
        COPY = "copy", "A copy"

    ONLY: ClassVar[int] = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    number = models.UUIDField(default=uuid.uuid4, help_text="A copy gets another one when it is released.")
    address = models.CharField(max_length=64, help_text="A hash of the host of BASE_URL.")
    keys = models.JSONField(default=list, help_text="The names of the keys that FERNET_KEYS has held.")
    database = models.CharField(
        max_length=60,
        help_text="PostgreSQL's own number of the server and of the database: a restored one has another.",
    )
    bound_at = models.DateTimeField(default=timezone.now)
    held_at = models.DateTimeField(null=True, blank=True, help_text="Since when `manage.py hold` holds it.")
    held_because = models.CharField(max_length=300, blank=True)
    round_began_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when a release asks about all log-ins."
    )
    released_at = models.DateTimeField(null=True, blank=True)
    released_as = models.CharField(max_length=10, blank=True, choices=As)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_installation")]

    def __str__(self) -> str:
        return f"Installation {self.number}"
