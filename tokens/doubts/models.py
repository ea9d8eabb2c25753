"""What channels say against log-ins: doubted, true, or over."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class DoubtQuerySet(models.QuerySet["Doubt"]):
    """Doubts, by phrases that compose."""

    def open(self) -> Self:
        """Those that no answer has refuted, and that are asked again: doubted still, or true by now."""
        return self.filter(ended_at=None)

    def undecided(self) -> Self:
        """Those that are not known to be true."""
        return self.open().filter(true_at=None)


class Doubt(models.Model):
    """One thing that a channel's answers say against a log-in, from the first such answer until one refutes it."""

    class Kind(models.TextChoices):
        LOG_IN = "log_in", _("The log-in has ended")
        RENEWAL = "renewal", _("It is not renewed")
        ACCESS = "access", _("An ad account is out of its reach")
        RESTRICTION = "restriction", _("An ad account is restricted")

    token = models.ForeignKey("tokens.Token", models.CASCADE, related_name="doubts", db_index=False)
    app = models.ForeignKey("tokens.ChannelApp", models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=12, choices=Kind)
    about = models.CharField(max_length=100, blank=True)  # the ad account's id at the channel; "": the log-in
    reason = models.CharField(max_length=40)
    row = models.CharField(max_length=200)  # of the channel's table
    evidence = models.JSONField(default=dict)  # what the channel answered last, without secrets
    source = models.CharField(max_length=20)  # who asked first
    began_at = models.DateTimeField()
    others_work_at = models.DateTimeField(null=True)  # when another log-in of the app was answered well
    believed_at = models.DateTimeField(
        null=True
    )  # when an operator, or the channel of itself, said that it is true
    true_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(
        null=True
    )  # when it was refuted, consented to anew, or asked for the last time

    objects: ClassVar[DoubtQuerySet] = DoubtQuerySet.as_manager()  # type: ignore[assignment]  # a manager of its methods

    class Meta:
        ordering = ["-began_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["token", "kind", "about"], condition=Q(ended_at=None), name="one_open_doubt"
            )
        ]
        indexes = [
            # whether anything of an app is doubted, at each good answer: nearly always nothing is
            models.Index("app", "kind", condition=Q(ended_at=None, true_at=None), name="doubt_undecided"),
            # operators hear from the third of a day
            models.Index("app", "began_at", name="doubt_of_app"),
        ]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: token {self.token_id}"
