"""Who said of a deadline that they are on it."""

from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import Account
from tokens.models import Token


class AcknowledgementQuerySet(models.QuerySet["Acknowledgement"]):
    """Who is on what."""

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
