"""What a worker does for a person who need not wait for it: how far it is, and which worker has it. `accounts.jobs` works with it."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Job(models.Model):
    """One job of one person: so many things, of which some are done. A worker that dies is followed by another one."""

    names_things_in: ClassVar[str]  # an array of ids, which is emptied once it is over

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        MAKING = "making", _("Being made")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    total = models.PositiveIntegerField()
    done = models.PositiveIntegerField(default=0)  # of `total`
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    # How often a worker has begun or gone on with it.
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        abstract = True
        default_permissions = ()


class Deed(Job):
    """One deed of staff on many things, such as people who are asked to re-authenticate. `accounts.deed_kinds` says what is done."""

    names_things_in = "keys"

    kind = models.CharField(max_length=30)
    subject_id = models.BigIntegerField()  # what it is about: of an ask, the channel app
    keys = ArrayField(
        models.BigIntegerField(), default=list
    )  # of each thing, in order; empty once all are done
    note = models.CharField(max_length=300, blank=True)
    # What came of those that are done; `skipped` begins with those that were left out from the start.
    acted = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    failures = ArrayField(models.TextField(), default=list)  # the first of them, in words

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject_id"],
                condition=models.Q(state__in=["waiting", "making"]),
                name="one_deed_on_a_subject_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}, {self.done} of {self.total}"
