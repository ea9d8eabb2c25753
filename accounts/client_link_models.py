"""Links by which somebody without an account here gives access at the channels."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils.functional import cached_property

from users import visibility
from users.models import Team, User, new_invitation_key


class ClientLink(models.Model):
    """A single-use link for a person without an account here. Only `accounts.client_links` writes these."""

    key = models.CharField(max_length=32, unique=True, default=new_invitation_key, editable=False)
    team = models.ForeignKey(Team, models.CASCADE, related_name="client_links")
    channels = models.JSONField()  # keys; each is used once
    # What is asked for: [{"channel", "native_id", "name"}]; empty: whatever the person chooses.
    asked_for = models.JSONField(default=list, blank=True)
    email = models.EmailField()
    name = models.CharField(max_length=150, blank=True)
    note = models.CharField(max_length=300, blank=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)  # when somebody first pressed its button
    used = models.JSONField(default=dict, blank=True)  # by channel the ids of the accounts that were linked
    used_at = models.DateTimeField(null=True, blank=True)  # when the last of its channels was used
    contact = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        default_permissions = ()
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="client_link_email_is_lower_case"
            )
        ]

    def __str__(self) -> str:
        return self.email

    def is_open(self, now: datetime) -> bool:
        """Return whether it still opens anything."""
        return self.used_at is None and self.revoked_at is None and self.expires_at > now

    @property
    def left(self) -> list[str]:
        """The channels that it was not used for yet."""
        return [channel for channel in self.channels if channel not in self.used]

    def native_ids(self, channel: str) -> list[str]:
        """Return the ad accounts of a channel that are asked for; empty: any."""
        return [one["native_id"] for one in self.asked_for if one["channel"] == channel]

    @cached_property
    def answers_to(self) -> User | None:
        """Whoever made it, for its client and for news of it; None where that person is gone, locked out, or no longer of its team."""
        maker: User | None = self.made_by
        if maker is None or not maker.is_active:
            return None
        return maker if visibility.teams_of(maker).filter(pk=self.team_id).exists() else None

    @property
    def asker(self) -> str:
        """Who asks by it, for the client: whoever made it; their team where that person has no part in it any longer."""
        maker = self.answers_to
        return maker.get_full_name() if maker else str(self.team)
