"""Asking people before their log-ins back up further accounts."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tokens.models import Token


class BackupRequest(models.Model):
    """That a person is asked whether a log-in of theirs may back up an account. Only `accounts.backup_requests` writes these."""

    class State(models.TextChoices):
        ASKED = "asked", _("Asked")
        AGREED = "agreed", _("Agreed")
        DECLINED = "declined", _("Declined")
        ENDED = "ended", _("No longer asked")  # after 14 days, or because it no longer makes sense

    account = models.ForeignKey("accounts.Account", models.CASCADE, related_name="backup_requests")
    token = models.ForeignKey(Token, models.CASCADE, related_name="+")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    note = models.CharField(max_length=300, blank=True)
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State, default=State.ASKED)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["account", "token"], condition=Q(state="asked"), name="asked_once_at_a_time"
            )
        ]
        indexes = [models.Index("asked_at", condition=Q(state="asked"), name="backup_request_open")]

    def __str__(self) -> str:
        return gettext("Token %(token)s for account %(account)s") % {
            "token": self.token_id,
            "account": self.account_id,
        }
