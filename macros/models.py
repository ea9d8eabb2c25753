"""Macros, their actions, the accounts they are applied to, evaluations and notices."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from macros.at_once.models import Shortage as Shortage
from macros.at_once.models import Told as Told
from macros.mutes.models import Acknowledgement as Acknowledgement
from macros.mutes.models import Mute as Mute
from notifications.kinds import FACTS
from notifications.models import Message
from tokens.choices import channel_choices
from tokens.models import Token
from ui.phrases import phrase
from users.models import Team
from users.people.recipients import Via


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

    class Meta:
        verbose_name = _("macro")
        verbose_name_plural = _("macros")
        ordering = ["name"]
        permissions = [
            ("apply_macro", "Can apply macros to accounts"),
            ("evaluate_macro", "Can evaluate macros now"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def excluded(self) -> list[int]:
        """The ids of the accounts that it leaves out, whatever it is applied to. One query."""
        left_out = self.mutes.running().left_out_accounts()
        return list(left_out.order_by("account").values_list("account_id", flat=True))

    @property
    def warning(self) -> "MacroAction | None":
        """The action that warns ahead; of those loaded with the macro, where they are. None where it only tells at once."""
        return next(
            (one for one in self.actions.all() if one.kind == MacroAction.Kind.PRE_DEACTIVATION), None
        )

    @property
    def leading(self) -> "MacroAction | None":
        """The action that says whom the macro tells: its warning, else the first that is told at once."""
        others = [one for one in self.actions.all() if one.kind != MacroAction.Kind.ESCALATED]
        return self.warning or min(others, key=lambda one: one.pk, default=None)


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
        FEW_PEOPLE = "few_people", _("too few people could carry an account")
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
    # Of "too few people": fewer than so many, and how many days ahead it looks. Of "nothing happened": days after the first warning.
    people = models.PositiveSmallIntegerField(null=True, blank=True)
    within = models.PositiveSmallIntegerField(null=True, blank=True)
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


class Evaluation(models.Model):
    """One run over all macros. The unique row decides that a day has one scheduled run, however many beats tick."""

    class Trigger(models.TextChoices):
        SCHEDULE = "schedule", _("Schedule")
        HAND = "hand", _("By hand")

    on_date = models.DateField()
    trigger = models.CharField(max_length=10, choices=Trigger, default=Trigger.SCHEDULE)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    notice_count = models.PositiveIntegerField(default=0)  # how many it found
    message_count = models.PositiveIntegerField(default=0)  # how many mails it wrote
    # Of the day's scheduled run: when something that it or one before found was last dropped for its reader, see `evaluate_if_due`.
    dropped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["on_date"], condition=Q(trigger="schedule"), name="one_scheduled_evaluation_per_day"
            ),
        ]

    def __str__(self) -> str:
        return f"Evaluation of {self.on_date}"


class Notice(models.Model):
    """One fact that a macro found, for one recipient, once per cycle and threshold. Threshold 0: the account went dark.

    It outlives its action and its macro: `action` is empty then, and `macro_name` says whose it was.
    A dropped notice was never mailed, so it does not prevent a later one.
    """

    Outcome = Told.Outcome

    evaluation = models.ForeignKey(Evaluation, models.CASCADE, related_name="found")
    message = models.ForeignKey(Message, models.SET_NULL, null=True, blank=True, related_name="notices")
    action = models.ForeignKey(MacroAction, models.SET_NULL, null=True, blank=True, related_name="notices")
    # Written when the macro is deleted, or what told it is taken out of the macro, whose id is in `was_of` then.
    macro_name = models.CharField(max_length=100, blank=True, default="", db_default="")
    was_of = models.BigIntegerField(null=True, blank=True)
    account = models.ForeignKey(Account, models.CASCADE, related_name="notices")
    token = models.ForeignKey(Token, models.CASCADE, null=True, blank=True, related_name="+")
    # Whose account it was then. It outlives its team: without it the account, another team's by now, would be told of once more.
    team = models.ForeignKey(Team, models.SET_NULL, null=True, blank=True, related_name="+")
    cycle = models.PositiveIntegerField()
    threshold = models.PositiveSmallIntegerField()
    recipient = models.EmailField()
    # How it came to them.
    via = models.CharField(max_length=10, choices=Via, default=Via.DIRECT, db_default="", blank=True)
    deadline = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.WAITING)
    outcome_reason = models.CharField(max_length=200, blank=True)
    told_at = models.DateTimeField(
        null=True, blank=True
    )  # when its mail left; of one mailed before that was kept: empty

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["action", "account", "token", "cycle", "threshold", "recipient"],
                condition=~Q(outcome="dropped") & Q(action__isnull=False),
                nulls_distinct=False,
                name="one_notice_per_cycle_and_threshold",
            ),
        ]
        indexes = [
            # the list of macros: when each was last mailed
            models.Index("action", "id", condition=Q(outcome="mailed"), name="notice_last_mailed"),
            # of a macro that tells it no longer
            models.Index("was_of", "id", condition=Q(was_of__isnull=False), name="notice_was_of"),
        ]

    def __str__(self) -> str:
        return gettext("Notice for %(recipient)s on account %(account)s") % {
            "recipient": self.recipient,
            "account": self.account_id,
        }

    @property
    def macro_title(self) -> str:
        """The macro's name, also when it was deleted."""
        return self.action.macro.name if self.action else self.macro_name

    @property
    def found(self) -> str:
        """What it says, in words: "7 days in advance" or "deactivated"."""
        return phrase(FACTS, "found", days=self.threshold)
