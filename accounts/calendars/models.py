"""The secret addresses by which people's calendars read deadlines."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from users.models import Team


class CalendarLink(models.Model):
    """One address. Only its hash is stored; it is shown once. Only `accounts.calendars.services` writes these."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="calendar_links")
    # Whose accounts it shows; without it: those of "My accounts".
    team = models.ForeignKey(Team, models.CASCADE, null=True, blank=True, related_name="+")
    sha256 = models.CharField(max_length=64, unique=True, editable=False)
    made_at = models.DateTimeField(default=timezone.now)  # of the present address
    read_at = models.DateTimeField(null=True, blank=True)  # within an hour

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.user_id}: {self.team_id or 0}"
