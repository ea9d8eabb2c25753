"""What was found and told: runs, the notices of warnings, what was told at once, and shortages of people."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from notifications.models import Message
from notifications.outbox import FACTS
from tokens.models import Token
from ui.phrases import phrase
from users.models import Team
from users.people.queries import Via

# The kinds of the messages that carry them.
WARNING, NEWS = "macro", "news"


class EvaluationQuerySet(models.QuerySet["Evaluation"]):
    """Runs over all macros."""

    def scheduled(self) -> Self:
        """Keep those that the schedule began, one a day."""
        return self.filter(trigger=Evaluation.Trigger.SCHEDULE)


class Evaluation(models.Model):
    """One run over all macros. The unique row decides that a day has one scheduled run, however many beats tick."""

    class Trigger(models.TextChoices):
        SCHEDULE = "schedule", _("Schedule")
        HAND = "hand", _("By hand")

    on_date = models.DateField()
    trigger = models.CharField(max_length=10, choices=Trigger, default=Trigger.SCHEDULE)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    notice_count = models.PositiveIntegerField(default=0)  # how many it found
    message_count = models.PositiveIntegerField(default=0)  # how many mails it wrote
    # Of the day's scheduled run: when something that it or one before found was last dropped for its reader, see `evaluate_if_due`.
    dropped_at = models.DateTimeField(null=True, blank=True)

    objects = EvaluationQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["on_date"], condition=Q(trigger="schedule"), name="one_scheduled_evaluation_per_day"
            ),
        ]

    def __str__(self) -> str:
        return f"Evaluation of {self.on_date}"


class ShortageQuerySet(models.QuerySet["Shortage"]):
    """Shortages of people."""

    def running(self) -> Self:
        """Keep those that are not over."""
        return self.filter(over_at=None)


class Shortage(models.Model):
    """An account is short of people for an action: told once, and again only after it had recovered. `people`: how many there were then."""

    action = models.ForeignKey("macros.MacroAction", models.CASCADE, related_name="+", db_index=False)
    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    people = models.PositiveSmallIntegerField()
    began_at = models.DateTimeField()
    over_at = models.DateTimeField(null=True, blank=True)

    objects = ShortageQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["action", "account"], condition=Q(over_at=None), name="one_shortage_at_a_time"
            ),
        ]
        indexes = [models.Index("action", "account", "began_at", name="shortage_lately")]

    def __str__(self) -> str:
        return f"account {self.account_id}: {self.people}"

    @property
    def event(self) -> int:
        """What names it where an event does: below 0."""
        return -self.pk


class ToldQuerySet(models.QuerySet["Told"]):
    """Rows of what was told."""

    def live(self) -> Self:
        """Keep what was not dropped."""
        return self.exclude(outcome=Told.Outcome.DROPPED)

    def mailed(self) -> Self:
        """Keep what left."""
        return self.filter(outcome=Told.Outcome.MAILED)

    def to_act_on(self) -> Self:
        """Keep what somebody can take care of: not that an account works again."""
        return self.exclude(kind__in=[Told.Kind.RECOVERED, Told.Kind.UNSTEADY])

    def open(self) -> Self:
        """Keep what left, and whose reader waits to hear that it is over."""
        waited_for = Q(dark=True) | Q(kind=Told.Kind.RESTRICTED)
        return self.mailed().filter(waited_for, over_at=None)

    def naming(self) -> Self:
        """Keep those by which a macro names the reader, who may stop such mails."""
        by_macro = ~Q(action=None) | ~Q(was_of=None) | ~Q(macro_name="")
        return self.filter(by_macro).exclude(via=Via.OPERATOR)


class Told(models.Model):
    """One thing that happened to an account, told to one reader once.

    `action` is that of the macro by which it is told. Without one a rule of AdToken tells it: the people whose log-in it is, or whoever
    stands in. A row outlives its macro, whose name is in `macro_name` then; where an edit took the action out, its id is in `was_of`.
    """

    class Kind(models.TextChoices):
        LOG_IN = "log_in", _("A log-in stopped")
        ACCESS = "access", _("A log-in can no longer be used for it")
        DEACTIVATED = "deactivated", _("Deactivated")
        RESTRICTED = "restricted", _("Restricted by the channel")
        SHIFTED = "shifted", _("Another log-in took over")
        FEW_PEOPLE = "few_people", _("Too few people")
        RECOVERED = "recovered", _("Works again")
        UNSTEADY = "unsteady", _("Goes on and off")

    class Outcome(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        MAILED = "mailed", _("Mailed")
        DROPPED = "dropped", _("Dropped")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled by staff")

    account = models.ForeignKey(Account, models.CASCADE, related_name="told", db_index=False)
    kind = models.CharField(max_length=12, choices=Kind)
    token = models.ForeignKey(Token, models.CASCADE, null=True, blank=True, related_name="+", db_index=False)
    # The `AccountEvent`, which is pruned on its own; of a log-in that stopped its generation; below 0 a `Shortage`.
    event = models.BigIntegerField()
    recipient = models.EmailField()
    via = models.CharField(max_length=10, choices=Via, default=Via.DIRECT, blank=True)
    team = models.ForeignKey(Team, models.SET_NULL, null=True, blank=True, related_name="+")  # of then
    action = models.ForeignKey(
        "macros.MacroAction", models.SET_NULL, null=True, blank=True, related_name="told", db_index=False
    )
    macro_name = models.CharField(max_length=100, blank=True, default="")
    was_of = models.BigIntegerField(null=True, blank=True)
    message = models.ForeignKey(Message, models.CASCADE, related_name="told")
    dark = models.BooleanField(default=False)  # it told that nothing can be published
    at = models.DateTimeField()  # when it happened
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.WAITING)
    outcome_reason = models.CharField(max_length=200, blank=True)
    over_at = models.DateTimeField(
        null=True, blank=True
    )  # when its reader heard, or need not, that it is over

    objects: ClassVar[ToldQuerySet] = ToldQuerySet.as_manager()  # type: ignore[assignment]  # a manager of its methods

    class Meta:
        db_table = "macros_told"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["account", "kind", "token", "event", "recipient"],
                condition=~Q(outcome="dropped"),
                nulls_distinct=False,
                name="told_once",
            ),
        ]
        indexes = [
            # what readers were told of an account lately, and what is not over
            models.Index("account", "at", name="told_of_account"),
            models.Index("action", "id", name="told_by_action"),
            models.Index("was_of", "id", condition=Q(was_of__isnull=False), name="told_was_of"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: account {self.account_id} to {self.recipient}"

    @property
    def macro_title(self) -> str:
        """The macro's name, also when it was deleted; "" of what a rule of AdToken tells."""
        return self.action.macro.name if self.action else self.macro_name

    @property
    def found(self) -> str:
        """What it says, in words: "another log-in took over"."""
        return phrase(FACTS, f"news_{self.kind}")

    @property
    def found_by(self) -> str:
        """The same: what is told at once does not name its macro."""
        return self.found

    @property
    def is_dropped(self) -> bool:
        """Whether it was not told."""
        return self.outcome == self.Outcome.DROPPED

    @property
    def waits(self) -> bool:
        """Whether its mail has not left."""
        return self.outcome == self.Outcome.WAITING

    @property
    def is_open(self) -> bool:
        """Whether its reader waits to hear that it is over."""
        waited_for = self.dark or self.kind == self.Kind.RESTRICTED
        return waited_for and self.over_at is None and self.outcome == self.Outcome.MAILED

    @property
    def asks(self) -> bool:
        """Whether somebody can take care of it: not that an account works again."""
        return self.kind not in {self.Kind.RECOVERED, self.Kind.UNSTEADY}

    @property
    def is_of_removed_macro(self) -> bool:
        """Whether a macro told it that is gone, or that an edit took it out of."""
        return self.action_id is None and bool(self.macro_name or self.was_of)


# Of an account's deadline, or a log-in's, as it is now.
PRESENT = Q(token=None, cycle=F("account__cycle")) | Q(cycle=F("token__cycle"))


class NoticeQuerySet(models.QuerySet["Notice"]):
    """Notices."""

    def live(self) -> Self:
        """Keep what was not dropped."""
        return self.exclude(outcome=Notice.Outcome.DROPPED)

    def mailed(self) -> Self:
        """Keep what left."""
        return self.filter(outcome=Notice.Outcome.MAILED)

    def present(self) -> Self:
        """Keep those of the deadlines as they are now."""
        return self.filter(PRESENT)

    def naming(self) -> Self:
        """Keep those by which a macro names the reader, who may stop such mails."""
        return self.exclude(action=None, was_of=None).exclude(via=Via.OPERATOR)


class Notice(models.Model):
    """One fact that a macro found, for one recipient, once per cycle and threshold. Threshold 0: the account went dark.

    It outlives its action and its macro: `action` is empty then, and `macro_name` says whose it was.
    A dropped notice was never mailed, so it does not prevent a later one.
    """

    Outcome = Told.Outcome

    evaluation = models.ForeignKey(Evaluation, models.CASCADE, related_name="found")
    message = models.ForeignKey(Message, models.SET_NULL, null=True, blank=True, related_name="notices")
    action = models.ForeignKey(
        "macros.MacroAction", models.SET_NULL, null=True, blank=True, related_name="notices"
    )
    # Written when the macro is deleted, or what told it is taken out of the macro, whose id is in `was_of` then.
    macro_name = models.CharField(max_length=100, blank=True, default="", db_default="")
    was_of = models.BigIntegerField(null=True, blank=True)
    account = models.ForeignKey(Account, models.CASCADE, related_name="notices")
    token = models.ForeignKey(Token, models.CASCADE, null=True, blank=True, related_name="+")
    # Whose account it was then. It outlives its team: without it the account, another team's by now, would be told of once more.
    team = models.ForeignKey(Team, models.SET_NULL, null=True, blank=True, related_name="+")
    cycle = models.PositiveIntegerField()
    threshold = models.PositiveSmallIntegerField()
    recipient = models.EmailField()
    # How it came to them.
    via = models.CharField(max_length=10, choices=Via, default=Via.DIRECT, db_default="", blank=True)
    deadline = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.WAITING)
    outcome_reason = models.CharField(max_length=200, blank=True)
    told_at = models.DateTimeField(
        null=True, blank=True
    )  # when its mail left; of one mailed before that was kept: empty

    objects: ClassVar[NoticeQuerySet] = NoticeQuerySet.as_manager()  # type: ignore[assignment]  # a manager of its methods

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["action", "account", "token", "cycle", "threshold", "recipient"],
                condition=~Q(outcome="dropped") & Q(action__isnull=False),
                nulls_distinct=False,
                name="one_notice_per_cycle_and_threshold",
            ),
        ]
        indexes = [
            # the list of macros: when each was last mailed
            models.Index("action", "id", condition=Q(outcome="mailed"), name="notice_last_mailed"),
            # of a macro that tells it no longer
            models.Index("was_of", "id", condition=Q(was_of__isnull=False), name="notice_was_of"),
        ]

    def __str__(self) -> str:
        return gettext("Notice for %(recipient)s on account %(account)s") % {
            "recipient": self.recipient,
            "account": self.account_id,
        }

    @property
    def macro_title(self) -> str:
        """The macro's name, also when it was deleted."""
        return self.action.macro.name if self.action else self.macro_name

    @property
    def found(self) -> str:
        """What it says, in words: "7 days in advance" or "deactivated"."""
        return phrase(FACTS, "found", days=self.threshold)

    @property
    def found_by(self) -> str:
        """What it says, and by which macro."""
        return phrase(FACTS, "found_by", found=self.found, macro=self.macro_title)

    @property
    def is_dropped(self) -> bool:
        """Whether it was not told."""
        return self.outcome == self.Outcome.DROPPED

    @property
    def is_of_removed_macro(self) -> bool:
        """Whether its macro is gone, or an edit took it out of that."""
        return self.action_id is None

    @property
    def subject(self) -> Account | Token:
        """What it warns of the end of: the account, or one of its log-ins."""
        return self.token or self.account

    @property
    def is_present(self) -> bool:
        """Whether it is of the deadline as it is now."""
        return self.cycle == self.subject.cycle

    @property
    def ends(self) -> datetime | None:
        """The moment that it warns of, as it stands now."""
        return self.subject.deadline
