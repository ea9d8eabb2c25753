"""What keeps macros from telling somebody: who is on it, snoozes, addresses and accounts that a macro leaves out."""

from collections.abc import Collection
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from macros.notices.models import PRESENT
from tokens.models import Token
from ui import dates


class AcknowledgementQuerySet(models.QuerySet["Acknowledgement"]):
    """Who is on what."""

    def present(self) -> Self:
        """Keep those of the deadlines as they are now."""
        return self.filter(PRESENT)

    def running(self, account_ids: Collection[int] | models.QuerySet[Any, Any]) -> "list[Acknowledgement]":
        """Return what holds now of these accounts (ids), in the order in which it was said."""
        rows = self.filter(account__in=account_ids).select_related("account", "token", "by")
        return [one for one in rows.order_by("at", "pk") if one.is_running]


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

    objects = AcknowledgementQuerySet.as_manager()

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

    @property
    def is_running(self) -> bool:
        """Whether the account is in the cycle of which it was said; of a log-in, whether it lives as the account's deadline says."""
        if self.token is None:
            return self.cycle == self.account.cycle
        lives = self.token.state != Token.State.DEAD and self.token.cycle == self.cycle
        return lives and self.at > self.account.cycle_since


class MuteQuerySet(models.QuerySet["Mute"]):
    """What is muted: when, of which accounts, for whom, by which macros."""

    def running(self) -> "MuteQuerySet":
        """Keep what an address is told nothing by, and was not ended. A sweep ends what is over within seconds.

        Snoozes for everybody, of 0.2.0, hold nothing back.
        """
        return self.filter(ended_at=None).exclude(email="")

    def about(self, account_ids: Collection[int]) -> "MuteQuerySet":
        """Keep what is of one of these accounts (ids), or of all."""
        return self.filter(Q(account__in=account_ids) | Q(account=None))

    def of_all_accounts(self) -> "MuteQuerySet":
        """Keep what is of all accounts of an address, those that come later included."""
        return self.filter(account=None)

    def of_reader(self, email: str) -> "MuteQuerySet":
        """Keep what is of one address."""
        return self.filter(email=email.lower())

    def of_every_macro(self) -> "MuteQuerySet":
        """Keep snoozes: what holds whichever macro tells."""
        return self.filter(macro=None)

    def left_out_accounts(self) -> "MuteQuerySet":
        """Keep the accounts that macros leave out now."""
        return self.filter(ended_at=None, macro__isnull=False, email="")


class Mute(models.Model):
    """One address, or everybody (`email` empty), is told nothing of an account, or of all, by a macro, or by all; until a day or for good.

    - Everybody, of an account, by one macro: that macro leaves the account out, which staff see and undo in it alone.
    - An address, of an account or of all: it hears nothing. Where nobody else is told, somebody stands in.
    - An address, of an account, by one macro: of 0.2.0, whose staff could say so. It holds until its day, or until somebody ends it.

    Only one macro leaves out for good. The row stays when it is over.
    """

    account = models.ForeignKey(
        Account, models.CASCADE, null=True, blank=True, related_name="mutes", db_index=False
    )
    macro = models.ForeignKey("macros.Macro", models.CASCADE, null=True, blank=True, related_name="mutes")
    email = models.EmailField(_("e-mail"), blank=True, default="")
    # The day in whose morning mails go out again, in the project's time zone; null: for good.
    until = models.DateField(_("until"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True, default="")  # of 0.2.0
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    # The mail whose link began it, for whoever had that mail; mails are pruned on their own.
    message = models.BigIntegerField(null=True, blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    # When a sweep looks at what it kept from its reader, see `macros.at_once.services`; null: not to be looked at, or it was.
    look_at = models.DateTimeField(null=True, blank=True)

    objects = MuteQuerySet.as_manager()

    class Meta:
        verbose_name = _("snoozed address")
        verbose_name_plural = _("snoozed addresses")
        default_permissions = ("view",)
        permissions = [("snooze_account", "Can snooze warnings of accounts, and say who is on it")]
        ordering = ["until", "pk"]
        indexes = [
            models.Index("look_at", condition=Q(look_at__isnull=False), name="mute_to_look_at"),
        ]
        constraints = [
            # The evaluation asks by it.
            models.UniqueConstraint(
                fields=["account", "macro", "email"],
                condition=Q(ended_at=None),
                nulls_distinct=False,
                name="one_mute_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(macro__isnull=False) | Q(until__isnull=False),
                name="only_one_macro_mutes_for_good",
            ),
            models.CheckConstraint(
                condition=Q(account__isnull=False) | Q(macro=None) & ~Q(email=""),
                name="mute_of_all_accounts_names_an_address",
            ),
        ]

    def __str__(self) -> str:
        return f"account {self.account_id or '(all)'} to {self.email or 'everybody'}"

    @property
    def is_of_all(self) -> bool:
        """Whether it is of all accounts of an address, those that come later included."""
        return self.account_id is None

    @property
    def is_by_link(self) -> bool:
        """Whether the link of a mail began it, which may have been forwarded."""
        return self.message is not None

    @property
    def until_words(self) -> str:
        """The day until whose morning it holds, as pages show it; "" for good."""
        return dates.day(self.until) if self.until else ""


def left_out(email: str) -> Q:
    """Return the condition of accounts of which an address is told nothing, whichever macro tells."""
    mine = Mute.objects.running().of_every_macro().of_reader(email)
    return Q(pk__in=mine.exclude(account=None).values("account")) | Q(Exists(mine.of_all_accounts()))
