"""Who said of a deadline that they are on it."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import Account
from tokens.models import Token


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
