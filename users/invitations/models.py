"""Invitations: the one way in."""

import secrets
from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.core import signing
from django.db import models
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from users.people.models import Role, Team, User

SALT = "users.invitation"  # of what is signed into links


def new_invitation_key() -> str:
    """Return a fresh nonce; the mailed link is signed from it, so the row alone opens nothing."""
    return secrets.token_urlsafe(16)


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Invitations."""

    def pending(self) -> Self:
        """Keep what nobody has accepted or revoked; it may have run out."""
        return self.filter(accepted_at=None, revoked_at=None)

    def open(self, now: datetime) -> Self:
        """Keep what can still be accepted."""
        return self.pending().filter(expires_at__gt=now)


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

    objects = InvitationQuerySet.as_manager()

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

    def make_link(self) -> str:
        """Return the address that opens it. A secret: for the mail that is being sent, never stored."""
        return f"{settings.BASE_URL}{reverse('invitation', args=[signing.dumps(self.key, salt=SALT)])}"

    def state(self, now: datetime) -> str:
        """Return what became of it: "accepted", "revoked", "waiting" or "ran_out"."""
        if self.accepted_at:
            return "accepted"
        if self.revoked_at:
            return "revoked"
        return "waiting" if self.is_open(now) else "ran_out"

    def is_open(self, now: datetime) -> bool:
        """Return whether the invitation can still be accepted."""
        return self.accepted_at is None and self.revoked_at is None and self.expires_at > now

    def mailed_together(self) -> InvitationQuerySet:
        """Return the invitations that one mail stands for and that nobody has answered: of one address, and running out at one moment.

        Only what one press mailed does so. Whoever accepts one of them accepts all, and what is sent again is sent again together.
        """
        pending = Invitation.objects.pending().filter(email=self.email, expires_at=self.expires_at)
        return pending.order_by("team__name").select_related("team", "invited_by")

    @property
    def team_names(self) -> list[str]:
        """The names of the teams that somebody joins who accepts this one."""
        return [str(one.team) for one in self.mailed_together()] or [str(self.team)]

    @property
    def answers_reach(self) -> str:
        """The address of who invited, while that person can log in; else ""."""
        inviter = self.invited_by
        return inviter.email if inviter and inviter.is_active else ""
