"""What a worker does for a person who need not wait for it: how far it is, and which worker has it. `accounts.jobs` works with it."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Job(models.Model):
    """One job of one person: so many things, of which some are done. A worker that dies is followed by another one."""

    names_things_in: ClassVar[str]  # an array of ids, which is emptied once it is over; "": there is none

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
    ended_at = models.DateTimeField(null=True, blank=True)

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
    options = models.JSONField(default=dict, db_default={}, blank=True)  # what else was chosen on its page
    # What the page that asked was given: sent twice, it is one deed.
    once = models.CharField(max_length=40, blank=True, default="", db_default="")
    # The deed that this one takes back.
    undoes = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="undone_by", db_index=False
    )

    class Meta:
        default_permissions = ()
        constraints = [
            # Deeds on accounts that staff chose may go on side by side.
            models.UniqueConstraint(
                fields=["kind", "subject_id"],
                condition=models.Q(
                    state__in=["waiting", "making"], kind__in=["ask_people_of_app", "offboard"]
                ),
                name="one_deed_of_a_kind_on_a_subject",
            ),
            models.UniqueConstraint(
                fields=["kind", "subject_id"],
                condition=models.Q(state__in=["waiting", "making"], kind="ask_due"),
                name="one_ask_for_what_is_due",
            ),
            models.UniqueConstraint(
                fields=["user", "once"], condition=~models.Q(once=""), name="one_deed_of_a_page"
            ),
            models.UniqueConstraint(
                fields=["undoes"], condition=~models.Q(state="failed"), name="undone_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}, {self.done} of {self.total}"


class DeedRow(models.Model):
    """What came of one account of a deed, or of one person who was asked, in its list's order. It is gone with the deed, a day later."""

    class Outcome(models.TextChoices):
        DONE = "done", _("Done")
        SKIPPED = "skipped", _("Skipped")
        FAILED = "failed", _("Failed")

    deed = models.ForeignKey(Deed, models.CASCADE, related_name="rows", db_index=False)
    place = models.PositiveIntegerField()  # from 1
    key = models.BigIntegerField()  # the account; of asks, the person
    outcome = models.CharField(max_length=8, choices=Outcome)
    why = models.CharField(max_length=40, blank=True)  # a block of words/deeds.txt; "": nothing to add
    # What that block names, and what is needed to take it back.
    facts = models.JSONField(default=dict, db_default={}, blank=True)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["deed", "place"], name="one_row_of_a_place")]
        indexes = [
            models.Index(fields=["deed", "outcome", "place"], name="deed_rows_by_outcome"),
            models.Index(fields=["deed", "key"], name="deed_row_of_account"),
        ]

    def __str__(self) -> str:
        return f"{self.deed_id}, {self.key}: {self.outcome}"
