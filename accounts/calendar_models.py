"""The secret addresses by which people's calendars read deadlines."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.view_models import SavedView
from users.models import Team


class CalendarLink(models.Model):
    """One address. Only its hash is stored; it is shown once. Only `accounts.calendars` writes these."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="calendar_links")
    # Whose accounts it shows; without it and a view: those of "My accounts".
    team = models.ForeignKey(Team, models.CASCADE, null=True, blank=True, related_name="+")
    # Or of a saved view of Social Accounts.
    view = models.ForeignKey(
        SavedView, models.CASCADE, null=True, blank=True, related_name="+", db_index=False
    )
    sha256 = models.CharField(max_length=64, unique=True, editable=False)
    made_at = models.DateTimeField(default=timezone.now)  # of the present address
    read_at = models.DateTimeField(null=True, blank=True)  # within an hour
    # What was last given out: by UID its sequence, day, a trace of its text, and since when it is so (seconds of Unix time).
    said = models.JSONField(default=dict, db_default={}, blank=True)
    trace = models.CharField(max_length=64, blank=True, db_default="")  # SHA-256 of the file
    changed_at = models.DateTimeField(null=True, blank=True)  # when the file was last another one

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.user_id}: {self.team_id or 0}"


class CalendarEnd(models.Model):
    """That an address ended which its person did not end. Only `accounts.calendars` writes these."""

    class Of(models.TextChoices):
        TEAM = "team"
        VIEW = "view"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    of = models.CharField(max_length=4, choices=Of)
    name = models.CharField(max_length=100)  # of the team or the view
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.name}"
