"""What answers of channels have ended, kept so that many ends at once can be held and asked again (`tokens.lifecycle.incident_brake`)."""

from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

WINDOW = timedelta(minutes=10)  # what ends within it is counted together


class TokenDeathQuerySet(models.QuerySet["TokenDeath"]):
    """Ends, by phrases that compose."""

    def held(self) -> Self:
        """Ends that nobody believes yet."""
        return self.filter(standing=self.model.Standing.HELD)

    def open(self, *kinds: "TokenDeath.Kind") -> Self:
        """Ends of which it is not known yet what becomes of them."""
        return self.filter(ended_at=None, kind__in=kinds or list(self.model.Kind))

    def since(self, moment: datetime) -> Self:
        """Ends that the channel told of after this moment."""
        return self.filter(at__gt=moment)

    def of_incident(self, incident: "Incident") -> Self:
        """Ends that belong to an incident: from the first that was believed to the last before it was over."""
        found = self.filter(app=incident.app_id).since(incident.began_at - WINDOW)
        return found if incident.ended_at is None else found.filter(at__lte=incident.ended_at)


class TokenDeath(models.Model):
    """One end that a channel's answer told of, and what became of it: of a log-in, of its renewal, or of its access to ad accounts.

    Of access, `evidence` names the ad accounts under `AD_ACCOUNTS`, by their ids at the channel.
    """

    AD_ACCOUNTS = "ad_accounts"

    class Kind(models.TextChoices):
        LOG_IN = "log_in", _("The log-in ended")
        RENEWAL = "renewal", _("Renewal was refused")
        ACCESS = "access", _("Ad accounts were taken away")

    class Standing(models.TextChoices):
        BELIEVED = "believed", _("Believed")
        HELD = "held", _("Held")
        CONFIRMED = "confirmed", _("Confirmed")
        REFUTED = "refuted", _("It works")
        ANEW = "anew", _("Consented to anew")
        RELEASED = "released", _("Let through by staff")
        DISCARDED = "discarded", _("Discarded by staff")

    class Decision(models.TextChoices):
        RELEASE = "release", _("Let through")
        DISCARD = "discard", _("Discard")

    token = models.ForeignKey("tokens.Token", models.CASCADE, related_name="deaths", db_index=False)
    app = models.ForeignKey("tokens.ChannelApp", models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.LOG_IN)
    reason = models.CharField(max_length=40)
    row = models.CharField(max_length=200)  # the row of the channel's table that matched
    evidence = models.JSONField(default=dict)  # what the channel answered, without secrets
    source = models.CharField(max_length=20)
    at = models.DateTimeField()
    standing = models.CharField(max_length=10, choices=Standing)
    ask_at = models.DateTimeField(null=True)  # when the channel is asked again; empty: it is not
    refusals = models.PositiveSmallIntegerField(default=0)  # how often it said the same when asked again
    decision = models.CharField(max_length=10, choices=Decision, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False
    )
    ended_at = models.DateTimeField(null=True)  # when it was confirmed, refuted or decided

    objects: ClassVar[TokenDeathQuerySet] = TokenDeathQuerySet.as_manager()  # type: ignore[assignment]  # a manager of its methods

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["token", "kind"], condition=Q(standing="held"), name="held_once_per_token_and_kind"
            )
        ]
        indexes = [
            models.Index("app", "at", name="token_death_of_app"),
            models.Index("token", "at", name="token_death_of_token"),
        ]
        permissions = [("decide_tokendeath", "Can let held log-ins end, or discard it")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: token {self.token_id}"


class Incident(models.Model):
    """A time in which many log-ins of one channel app were said to be over at once. Open while anything is held."""

    app = models.ForeignKey("tokens.ChannelApp", models.CASCADE, related_name="incidents", db_index=False)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)  # when operators were told

    class Meta:
        verbose_name = _("incident")
        verbose_name_plural = _("incidents")
        ordering = ["-began_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["app"], condition=Q(ended_at=None), name="one_open_incident_per_app"
            )
        ]

    def __str__(self) -> str:
        return f"Incident of {self.app_id}, {self.began_at:%Y-%m-%d %H:%M}"

    def covers(self, at: datetime) -> bool:
        """Return whether an end of its app at this moment belongs to it, see `of_incident`."""
        return self.began_at - WINDOW < at and (self.ended_at is None or at <= self.ended_at)
