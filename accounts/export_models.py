"""Exports that a worker makes: what is asked for, how far it is, and the file in parts, since web processes share no disk."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class AccountExport(models.Model):
    """The accounts that one person asked for as a file. It is theirs alone, and gone a day later."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        MAKING = "making", _("Being made")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    # In the order of the file; empty once it is made.
    account_ids = ArrayField(models.BigIntegerField(), default=list)
    total = models.PositiveIntegerField()
    done = models.PositiveIntegerField(default=0)  # of `account_ids`
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    # With whose eyes it was made: a superuser's, or those of a person of these teams.
    sees_all = models.BooleanField()
    teams = ArrayField(models.BigIntegerField(), default=list)
    # How often a worker has begun or gone on with it.
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(state__in=["waiting", "making"]),
                name="one_export_of_a_person_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return gettext("Export of %(total)s accounts") % {"total": f"{self.total:,}"}


class ExportPart(models.Model):
    """Some lines of the file. Together, in the order of their numbers, they are the file."""

    export = models.ForeignKey(AccountExport, models.CASCADE, related_name="parts", db_index=False)
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["export", "number"], name="one_part_of_a_number")]

    def __str__(self) -> str:
        return f"{self.export_id}, part {self.number}"
