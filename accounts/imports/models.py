"""Files of accounts that staff upload: what each line would do, and the line itself, encrypted, until it is imported.

A file holds credentials of people. Only lines that can be imported are kept, each sealed, for an hour before somebody confirms the import
and for a day, or until a day after the import where that waited; a line that was imported is emptied in the same transaction.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from accounts.jobs.models import IMPORT, Job
from tokens.channels import declarations
from tokens.vault import services as vault
from users.models import Team

UNCONFIRMED_FOR = timedelta(hours=1)
KEPT_FOR = timedelta(days=1)
Cells = Mapping[str, str]  # what a line says, by column; "" where it says nothing


class ImportFile(models.Model):
    """One file of one person."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    team = models.ForeignKey(Team, models.CASCADE, related_name="+")  # of accounts whose line names none
    guessed = models.BooleanField(default=False)  # its text is not Unicode: names may have been misread
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"file {self.pk}"

    @property
    def job(self) -> Job | None:
        """What was begun with it, the latest."""
        return Job.objects.filter(kind=IMPORT, subject_id=self.pk, user=self.user_id).order_by("-pk").first()

    @property
    def to_do(self) -> QuerySet["ImportFileLine"]:
        """The lines that would change something and are kept, in their order."""
        todo = self.lines.filter(standing__in=ImportFileLine.TO_DO, sealed__isnull=False)
        return todo.order_by("number")


class ImportFileLine(vault.NamesItsKeys):
    """One line of it: what is shown of it, and what it holds, which is emptied once it is imported."""

    class Standing(models.TextChoices):
        NEW = "new", _("New")
        ADDS = "adds", _("Adds a log-in")
        HERE = "here", _("Here already")
        WRONG = "wrong", _("To be fixed")

    TO_DO: ClassVar = (Standing.NEW, Standing.ADDS)

    file = models.ForeignKey(ImportFile, models.CASCADE, related_name="lines", db_index=False)
    number = models.PositiveIntegerField()  # in the file
    standing = models.CharField(max_length=5, choices=Standing)
    # What is shown: without what looks like a secret in the wrong column.
    name = models.CharField(max_length=300, blank=True)
    channel = models.CharField(max_length=20, blank=True)
    native_id = models.CharField(max_length=100, blank=True)
    brings_log_in = models.BooleanField(default=False)
    problems = models.JSONField(default=list, blank=True)  # [block of words/importing.txt, facts]
    # Its cells, by column.
    sealed: vault.Sealed | None = vault.SealedField(null=True, editable=False)
    sealed_key = vault.KeyNameField(of="sealed")
    account = models.ForeignKey("accounts.Account", models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["file", "number"], name="one_row_of_a_line")]
        indexes = [
            models.Index(fields=["sealed_key"], condition=models.Q(sealed__isnull=False), name="import_keys")
        ]

    def __str__(self) -> str:
        return f"{self.file_id}, {self.number}"

    @property
    def called(self) -> str:
        """Return channel and id, as far as the line names them: "Facebook · 4021"."""
        known = self.channel in declarations.declared()
        channel = str(declarations.label(self.channel)) if known else self.channel
        return " · ".join(filter(None, (channel, self.native_id)))

    @property
    def owner(self) -> str:
        """Return what its cells are bound to."""
        return f"import:{self.file_id}:{self.number}"

    @sensitive_variables()
    def unseal(self) -> Cells:
        """Return what it says. Raises VaultError where it is emptied, or its key is gone."""
        if self.sealed is None:
            raise vault.NothingStored(str(self))
        return vault.unseal(self.owner, self.sealed)
