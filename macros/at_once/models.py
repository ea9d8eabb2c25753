"""What was told at once: one row for each reader and each thing that happened to an account."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from notifications.kinds import FACTS
from notifications.models import Message
from tokens.models import Token
from ui.phrases import phrase
from users.models import Team
from users.people.recipients import Via

# Accounts that fewer people could carry than a macro wants, as long as that lasts.


class Shortage(models.Model):
    """An account is short of people for an action: told once, and again only after it had recovered.

    `people`: how many there were when it was found, on the day that the action looks ahead to.
    """

    action = models.ForeignKey("macros.MacroAction", models.CASCADE, related_name="+", db_index=False)
    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    people = models.PositiveSmallIntegerField()
    began_at = models.DateTimeField()
    over_at = models.DateTimeField(null=True, blank=True)

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


class ToldQuerySet(models.QuerySet["Told"]):
    """Rows of what was told."""

    def live(self) -> Self:
        """Keep what was not dropped."""
        return self.exclude(outcome=Told.Outcome.DROPPED)

    def open(self) -> Self:
        """Keep what left, and whose reader waits to hear that it is over."""
        waited_for = Q(dark=True) | Q(kind=Told.Kind.RESTRICTED)
        return self.filter(waited_for, outcome=Told.Outcome.MAILED, over_at=None)

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
