"""What macros tell at once of accounts that go on: another log-in took over, it works again, the channel restricts it, too few people.

That an account is deactivated is a `Notice` of threshold 0 as the daily evaluation writes it, which then does not tell it again.
"""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from users.models import Team
from users.recipients import Via


class NewsNotice(models.Model):
    """One event of an account that a macro tells one recipient, once. It outlives its macro: `action` is empty then.

    Events are pruned on their own, so `event` is a number: that of an `AccountEvent`, or of a `Shortage`, below 0.
    """

    class Kind(models.TextChoices):
        SHIFTED = "shifted", _("Another log-in took over")
        RECOVERED = "recovered", _("Works again")
        RESTRICTED = "restricted", _("Restricted by the channel")
        FEW_PEOPLE = "few_people", _("Too few people")

    class Outcome(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        MAILED = "mailed", _("Mailed")
        DROPPED = "dropped", _("Dropped")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled by staff")

    evaluation = models.ForeignKey("macros.Evaluation", models.CASCADE, related_name="news", db_index=False)
    action = models.ForeignKey(
        "macros.MacroAction", models.SET_NULL, null=True, blank=True, related_name="news", db_index=False
    )
    macro_name = models.CharField(max_length=100, blank=True, default="", db_default="")
    was_of = models.BigIntegerField(null=True, blank=True)  # see `Notice`
    account = models.ForeignKey(Account, models.CASCADE, related_name="+", db_index=False)
    team = models.ForeignKey(
        Team, models.SET_NULL, null=True, blank=True, related_name="+"
    )  # which it outlives, too
    event = models.BigIntegerField()
    kind = models.CharField(max_length=12, choices=Kind)
    recipient = models.EmailField()
    via = models.CharField(max_length=10, choices=Via, default=Via.DIRECT, db_default="", blank=True)
    at = models.DateTimeField()  # when it was found
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.WAITING)
    outcome_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["action", "event", "recipient"],
                condition=~Q(outcome="dropped") & Q(action__isnull=False),
                name="one_notice_per_event",
            ),
        ]
        indexes = [
            models.Index("evaluation", "recipient", "team", name="news_of_mail"),
            # when an account was last told of by an action
            models.Index("account", "action", "at", name="news_lately"),
            models.Index("action", "id", name="news_of_action"),
            models.Index("was_of", "id", condition=models.Q(was_of__isnull=False), name="news_was_of"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: account {self.account_id} to {self.recipient}"

    @property
    def macro_title(self) -> str:
        """The macro's name, also when it was deleted."""
        return self.action.macro.name if self.action else self.macro_name


class DelayedEvent(models.Model):
    """An `AccountEvent` that is looked at again at `due_at`: its account was told of within the hour, or others are being told of it.

    Below 0 it is a `Shortage`.
    """

    event = models.BigIntegerField(unique=True)
    due_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.event}: {self.due_at:%d %b %Y, %H:%M:%S}"
