"""A job: how far it is, which process has it, and what came of each of its items. `accounts.jobs.services` works with it."""

from datetime import datetime
from functools import partial
from typing import ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ui import stored_phrases as kept
from ui.phrases import blocks, phrase
from ui.text import number
from users.models import User

WORDS = "words/jobs.txt"
say = partial(phrase, WORDS)
# The kinds of jobs, as `accounts.jobs.services` does them.
REMOVE = "remove"  # the kind of job by which log-ins go: they are seen in their lists

OFFBOARD = "offboard"  # a person
# On accounts that staff chose.
APPLY_MACRO, REMOVE_MACRO = "apply_macro", "remove_macro"
MOVE, PAUSE, RESUME = "move", "pause", "resume"
CHECK, BACKUP = "check", "backup"
IMPORT = "import"  # lines of a file
# Of a job's options: who (ids) had it before whoever has it now; of log-ins that go, whose they are (an id).
BEFORE, PERSON = "before", "person"


class JobQuerySet(models.QuerySet["Job"]):
    """Jobs, by phrases that compose."""

    def going(self) -> Self:
        """Jobs that are not over."""
        return self.filter(state__in=Job.GOING)

    def over_before(self, then: datetime) -> Self:
        """Jobs that were over by then: what waited for days is not old when it ends."""
        ended = Q(ended_at__lt=then) | Q(ended_at=None, created_at__lt=then)
        return self.filter(ended, created_at__lt=then).exclude(state__in=Job.GOING)

    def visible_to(self, user: User) -> Self:
        """Jobs whose pages the person may open: their own, and everybody's where all teams are theirs to look at."""
        found = self.exclude(kind=REMOVE)
        return found if user.sees_all_teams else found.filter(user=user)

    def in_name_of(self, person: User) -> Self:
        """What a worker is doing for a person to others, such as accounts that are paused; log-ins go with the press."""
        return self.going().filter(user=person).exclude(kind=REMOVE).order_by("pk")

    def claimed(self, job: "Job") -> Self:
        """The row of a job, unless another worker has begun since."""
        return self.filter(pk=job.pk, state=Job.State.MAKING, attempts=job.attempts)


class JobManager(models.Manager["Job"]):
    """Jobs without the ids of their things, which may be a hundred thousand: they are read where they are asked for."""

    def get_queryset(self) -> JobQuerySet:
        """Return all."""
        return JobQuerySet(self.model, using=self._db).defer("keys")


class JobItemQuerySet(models.QuerySet["JobItem"]):
    """What came of the things of jobs, by phrases that compose."""

    def done(self) -> Self:
        """What was done."""
        return self.filter(outcome=JobItem.Outcome.DONE)

    def failed(self) -> Self:
        """What could not be done."""
        return self.filter(outcome=JobItem.Outcome.FAILED)


class Job(models.Model):
    """One job of one person on many things, such as accounts that are paused. `accounts.jobs.services` says what is done."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        MAKING = "making", _("Being made")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")

    GOING: ClassVar = (State.WAITING, State.MAKING)

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=30)
    subject_id = models.BigIntegerField(default=0)  # what it is about: a macro, a team, a person, a file
    # Of each thing, in order; empty once all are done.
    keys = ArrayField(models.BigIntegerField(), default=list)
    note = models.CharField(max_length=300, blank=True)
    options = models.JSONField(default=dict, blank=True)  # what else was chosen on its page
    # What the page that asked was given: sent twice, it is one job.
    once = models.CharField(max_length=40, blank=True, default="")
    total = models.PositiveIntegerField()
    done = models.PositiveIntegerField(default=0)  # of `total`
    # What came of those that are done.
    acted = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    # How often a worker has begun or gone on with it.
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[JobQuerySet] = JobManager.from_queryset(JobQuerySet)()  # type: ignore[assignment]  # of its methods

    class Meta:
        default_permissions = ()
        constraints = [
            # Jobs on accounts that staff chose may go on side by side.
            models.UniqueConstraint(
                fields=["kind", "subject_id"],
                condition=Q(state__in=["waiting", "making"], kind="offboard"),
                name="one_job_of_a_kind_on_a_subject",
            ),
            models.UniqueConstraint(fields=["user", "once"], condition=~Q(once=""), name="one_job_of_a_page"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}, {self.done} of {self.total}"

    def get_absolute_url(self) -> str:
        """Return the address of the job's page."""
        return reverse("admin:accounts_account_job", args=[self.pk])

    @property
    def is_going(self) -> bool:
        """Whether it is not over."""
        return self.state in self.GOING

    @property
    def is_offboarding(self) -> bool:
        """Whether a person goes by it."""
        return self.kind == OFFBOARD

    @property
    def leaver_id(self) -> int | None:
        """Whose log-ins go by it; None where nobody consented to them."""
        found: int | None = self.subject_id if self.is_offboarding else self.options[PERSON]
        return found

    @property
    def lets_go_own(self) -> bool:
        """Whether who asked for it lets go what is their own."""
        return self.leaver_id == self.user_id

    @property
    def askers(self) -> list[int]:
        """Who (ids) had it: whoever has it now, and before them whoever was seen off meanwhile."""
        return [*self.options.get(BEFORE, ()), self.user_id]

    def how_far(self) -> str:
        """Return "20 of 4,990 accounts are done"."""
        return self._said("far", done=number(self.done), total=number(self.total))

    def came_of_it(self) -> str:
        """Return "1 paused, 2 skipped, 1 failed"."""
        parts = [self._said("acted", number=number(self.acted), count=self.acted)]
        parts += [say("skipped", number=number(self.skipped))] if self.skipped else []
        parts += [say("failed", number=number(self.failed))] if self.failed else []
        return ", ".join(parts)

    def _said(self, block: str, **facts: object) -> str:
        """Return a phrase of this kind of job, or the one for all."""
        own = f"{block}_{self.kind}"
        return say(own if own in blocks(WORDS) else block, **facts)

    def why_failed(self) -> list[str]:
        """Return why the first of its things could not be done, in words. What it did not come to is none of them."""
        rows = self.items.failed().exclude(why="not_reached").order_by("place")
        return [row.said() for row in rows[:20]]


class JobItem(models.Model):
    """What came of one thing of a job, in its order: an account, a person who was asked, a step. It is gone with the job, a day later."""

    class Outcome(models.TextChoices):
        DONE = "done", _("Done")
        SKIPPED = "skipped", _("Skipped")
        FAILED = "failed", _("Failed")

    job = models.ForeignKey(Job, models.CASCADE, related_name="items", db_index=False)
    place = models.PositiveIntegerField()  # from 1
    key = models.BigIntegerField()
    outcome = models.CharField(max_length=8, choices=Outcome)
    why = models.CharField(max_length=40, blank=True)  # a block of words/jobs.txt; "": nothing to add
    facts = models.JSONField(default=dict, blank=True)  # what that block names; `was`: the value before
    at = models.DateTimeField()

    objects: ClassVar[JobItemQuerySet] = JobItemQuerySet.as_manager()  # type: ignore[assignment]  # a manager of its methods

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["job", "place"], name="one_item_of_a_place")]
        indexes = [models.Index(fields=["job", "outcome", "place"], name="job_items_by_outcome")]

    def __str__(self) -> str:
        return f"{self.job_id}, {self.key}: {self.outcome}"

    def said(self, words: str = WORDS) -> str:
        """Return what is beside the outcome, in words: why, and what was there before. "" where there is nothing to say."""
        said = [phrase(words, self.why, **self.facts)] if self.why else []
        said += [phrase(WORDS, "was", was=kept.said(self.facts["was"]))] if self.facts.get("was") else []
        return " · ".join(said)
