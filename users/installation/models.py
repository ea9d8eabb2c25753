"""The row that says which installation this database belongs to, and whether it is on hold."""

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Installation(models.Model):
    """This installation: what it is bound to, and whether it is on hold. One row, read and written by `services` alone."""

    class As(models.TextChoices):
        SAME = "same", _("The same installation")
        COPY = "copy", _("A copy")

    ONLY: ClassVar[int] = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    number = models.UUIDField(default=uuid.uuid4)  # a copy gets another one when it is released
    address = models.CharField(max_length=64)  # a hash of the host of BASE_URL
    keys = models.JSONField(default=list)  # the names of the keys that FERNET_KEYS has held
    # PostgreSQL's own number of the server and of the database: a restored one has another.
    database = models.CharField(max_length=60)
    bound_at = models.DateTimeField(default=timezone.now)
    held_at = models.DateTimeField(null=True, blank=True)  # since when `manage.py hold` holds it
    held_because = models.CharField(max_length=300, blank=True)
    # Since when a release asks about all log-ins.
    round_began_at = models.DateTimeField(null=True, blank=True)
    released_at = models.DateTimeField(null=True, blank=True)
    released_as = models.CharField(max_length=10, blank=True, choices=As)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_installation")]

    def __str__(self) -> str:
        return f"Installation {self.number}"
