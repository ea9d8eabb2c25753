"""Answers of channels that no verdict table knows."""

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tokens.channel_apps.models import ChannelApp


class UnknownAnswer(models.Model):
    """A kind of answer that no verdict table knows, kept once per channel app, scrubbed."""

    app = models.ForeignKey(ChannelApp, models.CASCADE, related_name="unknown_answers", db_index=False)
    fingerprint = models.CharField(max_length=32)
    call = models.CharField(_("call"), max_length=20)
    status = models.PositiveIntegerField(_("status"))
    sample = models.JSONField(default=dict)  # what the channel answered first, without secrets
    count = models.PositiveIntegerField(_("count"), default=1)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    # Whose report brought the first one; empty: AdToken's own question.
    api_key = models.BigIntegerField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)  # when operators were told

    class Meta:
        verbose_name = _("unknown answer")
        verbose_name_plural = _("unknown answers")
        ordering = ["-last_seen_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["app", "fingerprint"], name="one_row_per_unknown_answer"),
        ]

    def __str__(self) -> str:
        return gettext("Unknown answer %(status)s of %(app)s") % {"status": self.status, "app": self.app}
