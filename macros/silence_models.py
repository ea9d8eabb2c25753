"""Who is not mailed about an account for a while, or by one macro; and who said of a deadline that they are on it."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from tokens.models import Token


class Silence(models.Model):
    """One address is told nothing of an account by macros, or nobody is warned of it ahead (`email` empty), until a day.

    Without an account: the address is told nothing of any, those that come later included.

    Of a macro: the address is left out by this macro for as long as somebody wants. The row stays when it is over.
    That an account went dark is told to everybody whom no silence of their own leaves out.
    """

    account = models.ForeignKey(
        Account, models.CASCADE, null=True, blank=True, related_name="silences", db_index=False
    )
    macro = models.ForeignKey("macros.Macro", models.CASCADE, null=True, blank=True, related_name="silences")
    email = models.EmailField(_("e-mail"), blank=True, default="")
    # The day in whose morning mails go out again, in the project's time zone.
    until = models.DateField(_("until"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True, default="")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    # The mail whose link began it, for whoever had that mail; mails are pruned on their own.
    message = models.BigIntegerField(null=True, blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    # When a sweep looks at what it kept from its reader, see `macros.missed`; null: not to be looked at, or it was.
    look_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("snoozed address")
        verbose_name_plural = _("snoozed addresses")
        default_permissions = ("view",)
        permissions = [("snooze_account", "Can snooze warnings of accounts, and say who is on it")]
        ordering = ["until", "pk"]
        indexes = [
            models.Index("look_at", condition=Q(look_at__isnull=False), name="silence_to_look_at"),
        ]
        constraints = [
            # The evaluation asks by it.
            models.UniqueConstraint(
                fields=["account", "macro", "email"],
                condition=Q(ended_at=None),
                nulls_distinct=False,
                name="one_silence_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(macro=None, until__isnull=False) | Q(macro__isnull=False) & ~Q(email=""),
                name="silence_ends_or_is_of_a_macro",
            ),
            models.CheckConstraint(
                condition=Q(account__isnull=False) | Q(macro=None) & ~Q(email=""),
                name="silence_of_all_accounts_names_an_address",
            ),
        ]

    def __str__(self) -> str:
        return f"account {self.account_id or '(all)'} to {self.email or 'everybody'}"


class Acknowledgement(models.Model):
    """Somebody said "I am on it" of a deadline of an account, or of one of its log-ins: of one cycle.

    `days` were left then, 1 at least: what is no more urgent than that is not told again. It never keeps back that the account went dark.
    """

    account = models.ForeignKey(Account, models.CASCADE, related_name="acknowledgements", db_index=False)
    token = models.ForeignKey(Token, models.CASCADE, null=True, blank=True, related_name="+")
    cycle = models.PositiveIntegerField()
    days = models.PositiveSmallIntegerField()
    email = models.EmailField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["account", "token", "cycle"],
                nulls_distinct=False,
                name="one_acknowledgement_of_a_cycle",
            ),
            models.CheckConstraint(condition=Q(days__gte=1), name="acknowledged_ahead"),
        ]

    def __str__(self) -> str:
        return f"{self.email}: account {self.account_id}"
