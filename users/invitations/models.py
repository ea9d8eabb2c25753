"""Invitations: the one way in."""

import secrets
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from users.people.models import Role, Team, User


def new_invitation_key() -> str:
    """Return a fresh nonce; the mailed link is signed from it, so the row alone opens nothing."""
    return secrets.token_urlsafe(16)


class Invitation(models.Model):
    """An invitation by mail. Accepting it makes the user, the membership and the verified e-mail row."""

    email = models.EmailField(_("e-mail"))
    name = models.CharField(_("name"), max_length=150, blank=True)
    team = models.ForeignKey(Team, models.CASCADE, related_name="invitations", verbose_name=_("team"))
    role = models.CharField(
        _("role"), max_length=15, choices=Role, default=Role.MARKETER, db_default=Role.MARKETER
    )
    invited_by = models.ForeignKey(
        User, models.SET_NULL, null=True, related_name="+", verbose_name=_("invited by")
    )
    key = models.CharField(max_length=32, unique=True, default=new_invitation_key, editable=False)
    number = models.PositiveIntegerField(_("number"), default=1, help_text=_("How often it was mailed."))
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires at"))
    accepted_at = models.DateTimeField(_("accepted at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)
    user = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    # Whether it was made to ask for accounts, so that it ends with the last of these asks. None: nobody noted it yet when it was made.
    for_asks = models.BooleanField(null=True, editable=False)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="invitation_email_is_lower_case"
            ),
            # a second invitation would be a second way in; one that ran out is sent again instead
            models.UniqueConstraint(
                fields=["email", "team"],
                condition=models.Q(accepted_at=None, revoked_at=None),
                name="one_pending_invitation_per_team",
            ),
        ]

    def __str__(self) -> str:
        return gettext("Invitation of %(email)s") % {"email": self.email}

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save with the e-mail in lower case, as users keep it."""
        self.email = self.email.lower()
        super().save(*args, **kwargs)

    @property
    def gives(self) -> Role:
        """The role that accepting it gives."""
        return Role(self.role)

    @property
    def inviter(self) -> str:
        """Return the name of who invites, also when that person is gone."""
        return self.invited_by.get_full_name() if self.invited_by else gettext("An administrator")

    def is_open(self, now: datetime) -> bool:
        """Return whether the invitation can still be accepted."""
        return self.accepted_at is None and self.revoked_at is None and self.expires_at > now
