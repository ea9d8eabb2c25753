"""Macros, their actions, and the accounts they are applied to."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from tokens.choices import channel_choices
from users.models import Team, User

Person = User | AnonymousUser


class MacroQuerySet(models.QuerySet["Macro"]):
    """Macros. One tells its recipients about accounts, so it never reaches beyond the teams of whoever writes it."""

    def visible_to(self, user: Person) -> Self:
        """Keep those of the person's teams, and those of all teams for whoever may change macros."""
        if not isinstance(user, User):
            return self.none()
        if user.sees_all_teams:
            return self.all()
        own = Q(team__in=user.teams_joined)
        return self.filter(own | Q(team=None) if user.has_perm("macros.change_macro") else own)

    def changeable_by(self, user: User) -> Self:
        """Keep the visible ones that are the person's to change, as `Macro.may_be_changed_by` says of one, in one query."""
        own = Q(team__in=user.teams_joined)
        return self.visible_to(user).filter(own | Q(team=None) if user.is_in_all_teams else own)

    def applicable_by(self, user: User) -> Self:
        """Keep those that the person may apply to chosen accounts."""
        return self.changeable_by(user).filter(scope=Macro.AppliesTo.CHOSEN)

    def telling_of_stops(self) -> Self:
        """Keep those that are on and tell somebody that an account stops, ahead or at once; others let it go dark."""
        kinds = MacroAction.Kind.of_stops()
        return self.filter(
            Exists(MacroAction.objects.filter(macro=OuterRef("pk"), kind__in=kinds)), enabled=True
        )


class Macro(models.Model):
    """A staff rule: name, description, actions, and the accounts it is applied to."""

    class AppliesTo(models.TextChoices):
        CHOSEN = "chosen", _("Chosen accounts")
        CHANNELS = "channels", _("All accounts of some channels, also those added later")
        ALL = "all", _("All accounts, also those added later")

    name = models.CharField(_("macro name"), max_length=100, unique=True)
    description = models.TextField(_("description"), blank=True)
    enabled = models.BooleanField(_("on"), default=True)
    scope = models.CharField(
        _("apply on account"), max_length=10, choices=AppliesTo, default=AppliesTo.CHOSEN
    )
    channels = ArrayField(models.CharField(max_length=20, choices=channel_choices), default=list, blank=True)
    team = models.ForeignKey(
        Team, models.CASCADE, null=True, blank=True, related_name="macros", help_text=_("Empty: all teams.")
    )
    accounts = models.ManyToManyField(Account, through="MacroAccount", related_name="macros")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    # Whom colleagues ask about it: whoever made it, until it is given to somebody else.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects = MacroQuerySet.as_manager()

    class Meta:
        verbose_name = _("macro")
        verbose_name_plural = _("macros")
        ordering = ["name"]
        permissions = [("apply_macro", "Can apply macros to accounts")]

    def __str__(self) -> str:
        return self.name

    @property
    def excluded(self) -> list[int]:
        """The ids of the accounts that it leaves out, whatever it is applied to. One query."""
        left_out = self.mutes.left_out_accounts()
        return list(left_out.order_by("account").values_list("account_id", flat=True))

    @property
    def warning_action(self) -> "MacroAction | None":
        """The action that warns ahead; of those loaded with the macro, where they are. None where it only tells at once."""
        return next(
            (one for one in self.actions.all() if one.kind == MacroAction.Kind.PRE_DEACTIVATION), None
        )

    @property
    def leading_action(self) -> "MacroAction | None":
        """The action that says whom the macro tells: its warning, else the first that is told at once."""
        others = [one for one in self.actions.all() if one.kind != MacroAction.Kind.ESCALATED]
        return self.warning_action or min(others, key=lambda one: one.pk, default=None)

    def may_be_changed_by(self, user: Person) -> bool:
        """Return whether it is the person's to change: of one of their teams, or they see all teams."""
        if not isinstance(user, User):
            return False
        if self.team_id is None:
            return user.is_in_all_teams
        return user.teams_joined.filter(pk=self.team_id).exists()

    def watched(self, accounts: models.QuerySet[Account]) -> models.QuerySet[Account]:
        """Keep the accounts that it watches; none while it is off."""
        if not self.enabled:
            return accounts.none()
        if self.team_id is not None:
            accounts = accounts.filter(team=self.team_id)
        if left_out := self.excluded:
            accounts = accounts.exclude(pk__in=left_out)
        if self.scope == Macro.AppliesTo.CHANNELS:
            return accounts.filter(channel__in=self.channels)
        if self.scope == Macro.AppliesTo.CHOSEN:
            return accounts.filter(pk__in=MacroAccount.objects.filter(macro=self).values("account"))
        return accounts


class MacroAction(models.Model):
    """What a macro does: the article's warning ahead, and what it tells at once, each kind once in a macro."""

    class Kind(models.TextChoices):
        PRE_DEACTIVATION = "pre_deactivation", _("Set Pre-Deactivation Notification")
        # Told at once, by `macros.at_once`; the words are those of the form, behind "At once, when".
        DEACTIVATED = "deactivated", _("an account is deactivated")
        SHIFTED = "shifted", _("another log-in takes over an account")
        RECOVERED = "recovered", _("an account works again")
        RESTRICTED = "restricted", _("the channel restricts an account")
        # Found by each evaluation, see `macros.notices.rules`.
        FEW_PEOPLE = "few_people", _("too few people keep an account connected")
        ESCALATED = "escalated", _("nothing happened after the first warning")

        @classmethod
        def at_once(cls) -> list[tuple[str, str]]:
            """Return the kinds that are told at once, as choices of a form."""
            others = {cls.PRE_DEACTIVATION, cls.FEW_PEOPLE, cls.ESCALATED}
            return [(kind, str(label)) for kind, label in cls.choices if kind not in others]

        @classmethod
        def of_stops(cls) -> list[str]:
            """Return the kinds by which somebody hears that an account stops, or did: a macro without them looks after no account's end."""
            return [cls.PRE_DEACTIVATION, cls.DEACTIVATED]

    class Watch(models.TextChoices):
        ACCOUNT = "account", _("the account is about to stop")
        TOKEN = "token", _("any token is about to stop")

    macro = models.ForeignKey(Macro, models.CASCADE, related_name="actions", db_index=False)
    kind = models.CharField(_("action"), max_length=20, choices=Kind, default=Kind.PRE_DEACTIVATION)
    emails = ArrayField(models.EmailField(), default=list, blank=True, verbose_name=_("e-mail addresses"))
    # The column keeps its first name: servers of the version before write to it while an upgrade runs.
    notify_consenters = models.BooleanField(
        _("also mail the person who linked the token"), default=True, db_column="linkers"
    )
    days = ArrayField(
        models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(365)]),
        default=list,
        blank=True,  # of what is told at once
        verbose_name=_("days in advance"),
    )
    watch = models.CharField(_("warn when"), max_length=10, choices=Watch, default=Watch.ACCOUNT)
    # Of "too few people": fewer than so many. Of "nothing happened": days after the first warning.
    people = models.PositiveSmallIntegerField(null=True, blank=True)
    after = models.PositiveSmallIntegerField(null=True, blank=True)
    # When it was added to a macro that was there before: it tells nothing of before. None: it is as old as the macro.
    created_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["macro", "kind"], name="one_action_of_a_kind"),
            models.CheckConstraint(
                condition=Q(notify_consenters=True)
                | ~Q(emails=[])
                | Q(kind="escalated"),  # without: the leads
                name="action_tells_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(kind="pre_deactivation") | ~Q(days=[]), name="warning_has_days"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.macro}"

    @property
    def addresses(self) -> list[str]:
        """The addresses that staff entered, in lower case, each once."""
        return list(dict.fromkeys(email.lower() for email in self.emails))

    @property
    def since(self) -> datetime:
        """Since when it tells: nothing of before."""
        return self.created_at or self.macro.created_at

    @property
    def watches_log_ins(self) -> bool:
        """Whether it warns of the end of each log-in, else of the account's."""
        return self.watch == MacroAction.Watch.TOKEN


class MacroAccount(models.Model):
    """A macro applied to one chosen account."""

    macro = models.ForeignKey(Macro, models.CASCADE, related_name="applications", db_index=False)
    account = models.ForeignKey(Account, models.CASCADE, related_name="macro_applications")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["macro", "account"], name="one_application_per_account")
        ]

    def __str__(self) -> str:
        return f"{self.macro} on {self.account}"
