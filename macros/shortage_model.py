"""Accounts that fewer people could carry than a macro wants, as long as that lasts."""

from django.db import models
from django.db.models import Q

from accounts.models import Account


class Shortage(models.Model):
    """An account is short of people for an action: told once, and again only after it had recovered.

    `people`: how many there were when it was found, on the day that the action looks ahead to.
    """

    action = models.ForeignKey("macros.MacroAction", models.CASCADE, related_name="+", db_index=False)
    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    people = models.PositiveSmallIntegerField()
    began_at = models.DateTimeField()
    over_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["action", "account"], condition=Q(over_at=None), name="one_shortage_at_a_time"
            ),
        ]
        indexes = [models.Index("action", "account", "began_at", name="shortage_lately")]

    def __str__(self) -> str:
        return f"account {self.account_id}: {self.people}"
