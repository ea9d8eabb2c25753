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

    @property
    def may_be_read(self) -> bool:
        """Whether its person can log in, and sees the team."""
        person = self.user
        sees = self.team_id is None or person.sees_all_teams or person.teams.filter(pk=self.team_id).exists()
        return person.is_active and sees
