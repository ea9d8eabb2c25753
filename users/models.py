"""Users (login by e-mail), teams, memberships and invitations."""

import secrets
from datetime import datetime
from typing import Any, ClassVar, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ui.names import plain
from users.addresses.models import AddressEvent as AddressEvent
from users.installation.models import Installation as Installation
from users.role_choices import Role
from users.sessions.models import LoginRecord as LoginRecord  # tables of this app, too
from users.sessions.services import Session as Session


class UserManager(BaseUserManager["User"]):
    """Makes users whose e-mail is their login."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user with this e-mail, whatever its letters' case."""
        return self.get(email=(username or "").lower())

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make and return a user; without a password nobody can log in until one is set. Raises ValueError without an e-mail address."""
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make and return a user with every permission."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. The e-mail is the login and is kept in lower case by the database."""

    class Theme(models.TextChoices):
        AUTO = "auto", _("As the device says")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=150, blank=True, help_text=_("As colleagues see it."))
    time_zone = models.CharField(max_length=64, blank=True, help_text=_("Empty: the project's time zone."))
    language = models.CharField(
        _("language"),
        max_length=10,
        blank=True,
        db_default="",
        help_text=_("Empty: as the browser asks for it."),
    )
    theme = models.CharField(
        _("theme"), max_length=5, choices=Theme, default=Theme.AUTO, help_text=_("Light or dark pages.")
    )
    # A key alone does something in the portal's lists; WCAG 2.1.4 wants that to be switched off where speech input or a slip types it.
    single_keys = models.BooleanField(_("single-letter keys"), default=True, db_default=True)
    is_staff = models.BooleanField(_("staff"), default=False, help_text=_("May open the admin portal."))
    # Known to us by a client link: has no password, gets mail, renews the own log-ins by links, and nothing else.
    is_contact = models.BooleanField(_("contact"), default=False, db_default=False, editable=False)
    is_active = models.BooleanField(_("active"), default=True, help_text=_("Switch off instead of deleting."))
    date_joined = models.DateTimeField(default=timezone.now)
    teams: "models.ManyToManyField[Team, Membership]" = models.ManyToManyField(
        "Team", through="Membership", related_name="users"
    )

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_is_lower_case"),
            models.CheckConstraint(
                condition=models.Q(is_contact=False)
                | models.Q(is_staff=False, is_superuser=False, password__startswith="!"),  # noqa: S106  # what Django writes for none
                name="contact_has_no_way_in",
            ),
        ]
        permissions = [
            ("invite_user", "Can invite people by mail"),
            ("end_sessions", "Can log people out everywhere"),
            ("offboard_user", "Can offboard people: switch them off and end their log-ins"),
            ("see_all_teams", "Can see what belongs to any team"),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save with the e-mail in lower case: a form goes round the manager. And with what can be seen of the name: others read it."""
        self.email, self.name = self.email.lower(), plain(self.name)
        super().save(*args, **kwargs)

    @property
    def zone(self) -> ZoneInfo:
        """The person's time zone; the project's where none is chosen, or the name is none that is known here."""
        try:
            return ZoneInfo(
                self.time_zone or settings.TIME_ZONE
            )  # cached; listing all zones would read the disk
        except (ZoneInfoNotFoundError, ValueError):
            return ZoneInfo(settings.TIME_ZONE)

    @property
    def sees_all_teams(self) -> bool:
        """Whether the person may look at the accounts and people of all teams: superusers, administrators, auditors.

        Django keeps a person's permissions for the request, so that pages of staff ask for no more than they do anyway.
        """
        return self.is_superuser or (self.is_staff and self.has_perm("users.see_all_teams"))

    def get_full_name(self) -> str:
        """Return the name that colleagues see."""
        return self.name or self.email

    def get_short_name(self) -> str:
        """Return the first name, or the e-mail's first part."""
        return self.name.split(" ")[0] if self.name else self.email.split("@")[0]


def person(request: HttpRequest) -> User:
    """Return who is logged in. For views behind a log-in check; raises PermissionDenied for a stranger."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


class Team(models.Model):
    """People who share accounts: a client of an agency, a brand, a country."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    is_default = models.BooleanField(_("is default"), default=False, help_text=_("Takes what names no team."))
    members_only = models.BooleanField(
        _("own people only"),
        default=False,
        db_default=False,
        help_text=_(
            "Log-ins of people outside the team carry none of its accounts. A publishing job gets a person's whole log-in, "
            "so this keeps theirs out of this team's jobs."
        ),
    )
    ask_backups = models.BooleanField(
        _("ask before backups"),
        default=False,
        db_default=False,
        help_text=_("Ask people before their log-ins back up further accounts of this team."),
    )

    class Meta:
        verbose_name = _("team")
        verbose_name_plural = _("teams")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="one_default_team"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def default(cls) -> Self:
        """Return the one default team; the first migration makes it."""
        team, _ = cls.objects.get_or_create(is_default=True, defaults={"name": "General"})
        return team


class Membership(models.Model):
    """One person in one team."""

    class Role(models.TextChoices):
        MEMBER = "member", _("Member")
        TEAM_LEAD = "manager", _("Team lead")  # stored under its first name

    team = models.ForeignKey(Team, models.CASCADE, related_name="memberships", db_index=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(
        max_length=10,
        choices=Role,
        default=Role.MEMBER,
        help_text=_("A team lead is told about the team's accounts where nobody else can be."),
    )
    last_linked_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text=_("When the person last linked a new account for this team."),
    )

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="one_membership_per_team")]

    def __str__(self) -> str:
        return gettext("%(person)s in %(team)s") % {"person": self.user, "team": self.team}


class RefusedAddress(models.Model):
    """A parked address: mail does not reach its reader, so others are told. Written by `users.addresses.services`.

    It stays parked until staff or the reader release it.
    """

    class Why(models.TextChoices):
        REFUSED = "refused", _("Refused by the mail server")
        BOUNCED = "bounced", _("Mail comes back")
        STOPPED = "stopped", _("Unsubscribed at the mail service")
        COMPLAINED = "complained", _("Marked as spam")

    email = models.EmailField(_("e-mail"))
    why = models.CharField(max_length=10, choices=Why, default=Why.REFUSED, db_default=Why.REFUSED)
    said = models.CharField(max_length=300, blank=True)  # what the mail server said
    since = models.DateTimeField()
    refused_at = models.DateTimeField()  # when a mail last did not reach it
    told_at = models.DateTimeField(null=True, blank=True)  # when operators were told

    class Meta:
        verbose_name = _("parked address")
        verbose_name_plural = _("parked addresses")
        default_permissions = ("view",)
        permissions = [("release_address", "Can release parked addresses")]
        constraints = [models.UniqueConstraint(fields=["email"], name="one_row_per_refused_address")]

    def __str__(self) -> str:
        return self.email


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


class LimitCount(models.Model):
    """What was counted of one limit. Nothing here is kept for long: see `users.login.limit_counts`."""

    key = models.CharField(max_length=250, primary_key=True)
    value = models.JSONField()  # moments of what was counted, in seconds of Unix time
    ends_at = models.FloatField(db_index=True)  # in seconds of Unix time

    def __str__(self) -> str:
        return self.key
