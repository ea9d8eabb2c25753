"""That somebody was asked to link an account, as another person who keeps it connected."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext

from accounts.client_link_models import ClientLink
from users.models import Invitation


class BackupInvitation(models.Model):
    """One account that one person was asked to link. Only `accounts.backup_invitations` writes these.

    How it was asked: by an invitation, by a client link, or, where neither is set, by a mail to somebody who has a log-in here.
    """

    account = models.ForeignKey("accounts.Account", models.CASCADE, related_name="backup_invitations")
    email = models.EmailField()
    note = models.CharField(max_length=300, blank=True)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    invited_at = models.DateTimeField()
    invitation = models.ForeignKey(Invitation, models.CASCADE, null=True, blank=True, related_name="+")
    client_link = models.ForeignKey(ClientLink, models.CASCADE, null=True, blank=True, related_name="+")
    linked_at = models.DateTimeField(null=True, blank=True)  # when that person linked it

    class Meta:
        default_permissions = ()
        ordering = ["-invited_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="backup_invitation_email_is_lower_case"
            ),
            models.UniqueConstraint(
                fields=["account", "email"], condition=models.Q(linked_at=None), name="invited_once_at_a_time"
            ),
        ]
        # Of a page that asks what one person was asked for.
        indexes = [models.Index("email", condition=models.Q(linked_at=None), name="backup_invitation_open")]

    def __str__(self) -> str:
        return gettext("%(email)s for account %(account)s") % {
            "email": self.email,
            "account": self.account_id,
        }
