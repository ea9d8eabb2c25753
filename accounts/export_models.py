"""Exports that a worker makes: what is asked for, how far it is, and the file in parts, since web processes share no disk."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext

from accounts.job_models import Job
from ui.counts import number


class AccountExport(Job):
    """The accounts that one person asked for as a file. It is theirs alone, and gone a day later."""

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        XLSX = "xlsx", "XLSX"

    names_things_in = "account_ids"

    # In the order of the file; empty once it is made.
    account_ids = ArrayField(models.BigIntegerField(), default=list)
    file_format = models.CharField(max_length=4, choices=Format, default=Format.CSV, db_default="csv")
    # With whose eyes it was made: a superuser's, or those of a person of these teams.
    sees_all = models.BooleanField()
    teams = ArrayField(models.BigIntegerField(), default=list)

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
        return gettext("Export of %(total)s accounts") % {"total": number(self.total)}


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
