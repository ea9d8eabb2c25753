"""One numbered stream of what happened."""

from datetime import timedelta
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from users.models import Team

KEPT = timedelta(days=30)  # at least; `ops.pruning` removes what is older, at night


class EventQuerySet(models.QuerySet["Event"]):
    """Events."""

    def within(self, teams: frozenset[int] | None, channels: frozenset[str] | None) -> Self:
        """Keep those of these teams and channels; None: all. What is about a channel as a whole is for who sees all teams."""
        condition = Q() if teams is None else Q(team__in=teams)
        return self.filter(condition if channels is None else condition & Q(channel__in=channels))


class Event(models.Model):
    """One thing that happened, told to machines. Its id is its place in the stream: who reads on from one misses none."""

    class Type(models.TextChoices):
        PRE_EXPIRY = "account.pre_expiry", _("An account stops in some days")
        DEACTIVATED = "account.deactivated", _("An account stopped")
        SHIFTED = "account.shifted", _("Another log-in took over")
        RECOVERED = "account.recovered", _("An account works again")
        RESTRICTED = "account.restricted", _("The channel restricted an account")
        ACKNOWLEDGED = "account.acknowledged", _("Somebody is on it")
        REDUNDANCY_LOW = "account.redundancy_low", _("Too few people keep an account connected")
        LOG_IN_ENDED = "login.ended", _("A log-in stopped")
        LOG_IN_RENEWED = "login.renewed", _("A log-in works again")
        ASK_OPENED = "ask.opened", _("People were asked for something")
        ASK_DONE = "ask.done", _("What people were asked for is over")
        INCIDENT_OPENED = "incident.opened", _("A channel refuses AdToken, or is doubted")
        INCIDENT_CLOSED = "incident.closed", _("The channel takes AdToken again")
        VERSION_ENDING = "version.ending", _("A version of a channel's API ends")

    key = models.CharField(max_length=100, unique=True)  # what it was made of: it is made once
    type = models.CharField(max_length=30, choices=Type)
    team = models.ForeignKey(
        Team, models.CASCADE, null=True, related_name="+"
    )  # None: of a channel as a whole
    account = models.ForeignKey(Account, models.CASCADE, null=True, related_name="+")
    channel = models.CharField(max_length=20)
    data = models.JSONField(default=dict)  # as it is sent; no secret, no address
    at = models.DateTimeField()  # when it happened
    created_at = models.DateTimeField(db_index=True)

    objects: ClassVar[EventQuerySet] = EventQuerySet.as_manager()  # type: ignore[assignment]  # a manager of its methods

    class Meta:
        ordering = ["pk"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.type} {self.pk}"

    @property
    def webhook_id(self) -> str:
        """What receivers know it by."""
        return f"evt_{self.pk}"

    @property
    def as_sent(self) -> dict[str, Any]:
        """The event as it is sent, in the form of Standard Webhooks. `sequence` orders the events of an account, and all others."""
        return {
            "type": self.type,
            "timestamp": self.at.isoformat(),
            "data": {"sequence": self.pk, "channel": self.channel, **self.data},
        }
