"""People (log-in by e-mail), their roles, teams and memberships."""

from typing import Any, ClassVar, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ui.text import plain

# The groups that make the roles. `users.people.services` gives them; docs/roles.md shows what each may do.
ADMINISTRATORS_GROUP = "Administrators"  # may do everything, and hear of faults of our channel apps
STAFF_GROUP = "Staff"  # managers; the group is older than the role's name
AUDITORS_GROUP = "Auditors"
SUPERUSER = "superuser"  # an administrator who gives rights, too; a flag of Django, without a group
SEE_ALL_TEAMS = "users.see_all_teams"  # reading alone: what somebody may do, other permissions say


class Role(models.TextChoices):
    """What a person is here. Superusers are administrators who also give rights and set passwords."""

    MARKETER = "marketer", _("Marketer")  # their own pages, no portal
    MANAGER = "manager", _("Manager")  # the portal, for the accounts of their teams
    AUDITOR = "auditor", _("Auditor")  # looks at everything in the portal, changes nothing
    ADMINISTRATOR = "administrator", _("Administrator")  # everything, in all teams


GROUPS = {
    Role.ADMINISTRATOR: ADMINISTRATORS_GROUP,
    Role.MANAGER: STAFF_GROUP,
    Role.AUDITOR: AUDITORS_GROUP,
}


class UserManager(BaseUserManager["User"]):
    """Makes users whose e-mail is their login, and finds those whom somebody of staff sees and manages."""

    def visible_to(self, viewer: "User") -> "models.QuerySet[User]":
        """Return the people whom a person sees on the pages of people: those of the teams that they manage, and themselves."""
        if viewer.is_administrator or viewer.sees_all_teams:
            return self.all()
        mates = self.filter(memberships__team__in=viewer.teams_managed)
        return self.filter(pk__in=[viewer.pk]) | self.filter(pk__in=mates.values("pk"))

    def managed_by(self, viewer: "User") -> "models.QuerySet[User]":
        """Return those whom a person manages: all of whose teams are the person's own. Administrators manage everybody.

        Whoever changes an e-mail can take the log-in over, and with it every team that it opens.
        """
        if viewer.is_administrator:
            return self.all()
        of_them = Membership.objects.filter(user=OuterRef("pk"))
        foreign = of_them.exclude(team__in=viewer.teams_managed.values("pk"))
        return self.filter(Exists(of_them), ~Exists(foreign))

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
    is_staff = models.BooleanField(_("staff"), default=False, help_text=_("May open the admin portal."))
    # Known to us by a client link: has no password, gets mail, renews the own log-ins by links, and nothing else.
    is_contact = models.BooleanField(_("contact"), default=False, db_default=False, editable=False)
    is_active = models.BooleanField(_("active"), default=True, help_text=_("Switch off instead of deleting."))
    # Whether the company's groups gave the role: they may take it away again, and one that staff gave they may not.
    role_from_groups = models.BooleanField(default=False, db_default=False, editable=False)
    date_joined = models.DateTimeField(default=timezone.now)
    # What the company's directory said of the person (`broker.scim`); null: nothing, or it deleted the person.
    scim = models.JSONField(null=True, editable=False)
    teams: "models.ManyToManyField[Team, Membership]" = models.ManyToManyField(
        "Team", through="Membership", related_name="users"
    )

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"

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

    @property
    def role(self) -> Role | None:
        """The person's role, the widest; None for staff of no group, whom only a command can make."""
        if self.is_superuser:
            return Role.ADMINISTRATOR
        if not self.is_staff:
            return Role.MARKETER
        names = {group.name for group in self.groups.all()}  # as the caller may have fetched them
        return next((role for role, group in GROUPS.items() if group in names), None)

    @property
    def only_looks(self) -> bool:
        """Whether the person is an auditor: what auditors find, they do not touch."""
        return self.is_staff and self.role == Role.AUDITOR

    @property
    def is_administrator(self) -> bool:
        """Whether the person manages people of all teams: a superuser, or a member of the group Administrators."""
        return bool(self.is_superuser) or self.groups.filter(name=ADMINISTRATORS_GROUP).exists()

    @property
    def chosen_role(self) -> str:
        """Which of the roles that superusers give the person has; "" for staff of no group."""
        return SUPERUSER if self.is_superuser else self.role or ""

    @property
    def teams_managed(self) -> "models.QuerySet[Team]":
        """The teams whose people and invitations the person manages: their own, and all for administrators."""
        return Team.objects.all() if self.is_administrator else Team.objects.filter(memberships__user=self)

    @property
    def teams_seen(self) -> "models.QuerySet[Team]":
        """The teams whose people and invitations the person may look at: those above, and all for auditors."""
        return Team.objects.all() if self.sees_all_teams else self.teams_managed

    @property
    def teams_joined(self) -> "models.QuerySet[Team]":
        """The teams that a macro of the person may name: those that they are in, and all for superusers."""
        return Team.objects.all() if self.is_superuser else Team.objects.filter(memberships__user=self.pk)

    @property
    def is_in_all_teams(self) -> bool:
        """Whether the person is in every team, or a superuser, so may write macros of all teams."""
        return self.is_superuser or not Team.objects.exclude(memberships__user=self).exists()

    def manages(self, other: "User") -> bool:
        """Return whether the person manages the other one."""
        return User.objects.managed_by(self).filter(pk=other.pk).exists()

    def get_full_name(self) -> str:
        """Return the name that colleagues see."""
        return self.name or self.email

    def get_short_name(self) -> str:
        """Return the first name, or the e-mail's first part."""
        return self.name.split(" ")[0] if self.name else self.email.split("@")[0]

    def teams_by_last_link(self) -> "list[Team]":
        """Return the teams of a person, the one chosen last first, then by how long; the default team where there is none."""
        members = self.memberships.select_related("team")
        found = members.order_by(F("last_linked_at").desc(nulls_last=True), "pk")
        return [one.team for one in found] or [Team.default()]

    def may_see_links(self) -> bool:
        """Return whether a person may see how links stand: whoever may make some, and auditors, without what opens one."""
        return self.is_active and not self.is_contact

    def may_make_links(self) -> bool:
        """Return whether a person may make links: everybody who links accounts, so no auditor and no contact."""
        return self.may_see_links() and not self.only_looks


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

    def refuses_log_ins_of(self, user: User) -> bool:
        """Return whether it accepts log-ins of its own people only, and this person is not one of them."""
        return self.members_only and not self.memberships.filter(user=user).exists()

    @classmethod
    def default(cls) -> Self:
        """Return the one default team; the first migration makes it."""
        team, _ = cls.objects.get_or_create(is_default=True, defaults={"name": "General"})
        return team


class MembershipQuerySet(models.QuerySet["Membership"]):
    """People in teams."""

    def leads(self) -> Self:
        """Keep those of team leads who can log in."""
        return self.filter(role=Membership.Role.TEAM_LEAD, user__is_active=True)

    def logging_in(self) -> Self:
        """Keep those of people who log in here. A contact is in a team for the own log-ins alone, and hears of no others."""
        return self.filter(user__is_active=True, user__is_contact=False)


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
    # Whether the company's groups gave it, which take it away again.
    from_groups = models.BooleanField(default=False, db_default=False, editable=False)
    last_linked_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text=_("When the person last linked a new account for this team."),
    )

    objects = MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="one_membership_per_team")]

    def __str__(self) -> str:
        return gettext("%(person)s in %(team)s") % {"person": self.user, "team": self.team}
