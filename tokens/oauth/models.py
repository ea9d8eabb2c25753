"""Ways to a channel and back."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils.translation import gettext

from tokens.choices import channel_choices

ANSWERED_WITHIN = timedelta(seconds=90)  # longer than an exchange with the list of ad accounts takes


class Handshake(models.Model):
    """One way to a channel and back. What it is about is in the person's session; the row says that it is answered once."""

    state_hash = models.CharField(max_length=64, primary_key=True)  # of what the channel hands back
    channel = models.CharField(max_length=20, choices=channel_choices)
    # None: of somebody who is not known yet (a client link).
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    began_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True, blank=True)  # when the person came back
    ended_at = models.DateTimeField(null=True, blank=True)
    led_to = models.CharField(max_length=300, blank=True)  # where it led; empty: to a page that says why not

    class Meta:
        indexes = [models.Index("began_at", name="handshake_began")]

    def __str__(self) -> str:
        return gettext("Handshake of user %(user)s with %(channel)s") % {
            "user": self.user_id,
            "channel": self.get_channel_display(),
        }

    def is_being_answered(self, now: datetime) -> bool:
        """Return whether the first answer is still being worked on."""
        return self.ended_at is None and self.taken_at is not None and now - self.taken_at < ANSWERED_WITHIN
