"""What log-ins reach at their channels, linked or not: the last list of each, as far as it matters here; and writes that were refused."""

from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext

from accounts.pool.models import Account
from tokens.models import Token


class ReachedAccount(models.Model):
    """An ad account that the channel's list named to a log-in, linked here or not. Only `accounts.sync.reach` writes these."""

    token = models.ForeignKey(Token, models.CASCADE, related_name="reached", db_index=False)
    native_id = models.CharField(max_length=100)  # canonical; of the channel of the token's app
    role = models.CharField(max_length=200, blank=True)  # the channel's own word
    can_publish = models.CharField(max_length=8)  # of AccountToken.CanPublish
    seen_at = models.DateTimeField()  # when a list last named it, to the day

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["token", "native_id"], name="one_reading_of_an_ad_account")
        ]
        indexes = [models.Index("native_id", include=["token", "can_publish"], name="reached_by_whom")]

    def __str__(self) -> str:
        return gettext("Token %(token)s reaches %(account)s") % {
            "token": self.token_id,
            "account": self.native_id,
        }


class ListReading(models.Model):
    """When the list of a log-in's ad accounts was last read, to the day: which may have named none."""

    token = models.OneToOneField(Token, models.CASCADE, primary_key=True, related_name="list_reading")
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return gettext("List of token %(token)s") % {"token": self.token_id}


class RefusedWriteQuerySet(models.QuerySet["RefusedWrite"]):
    """Words of leases, by phrases that compose."""

    def of_key(self, api_key: int, *, since: datetime) -> Self:
        """What leases of this key said since then."""
        return self.filter(api_key=api_key, at__gt=since)

    def of_person(self, word: "RefusedWrite") -> Self:
        """What was said of the same person in the same account, as far as the channel's table does not know it."""
        return self.filter(account=word.account_id, token=word.token_id, known=False)

    def untold(self) -> Self:
        """What shifted an account by an answer that the table does not know, and operators were not told of."""
        return self.filter(acted_on=True, known=False, told_at=None)


class RefusedWrite(models.Model):
    """One lease's word that the channel refused a write that our own questions permit: the log-in works, and so does the role.

    Only jobs write, so only their reports show it. What the channel's table knows as "this person may not write" counts at once. What it
    does not know counts where two words say so within an hour, and only where another person can go on; operators are told. Whatever a
    key says, it shifts an account once an hour by answers that are known, and one account a day by answers that are not, so that a
    hostile key cannot walk through a pool.
    """

    WITHIN = timedelta(hours=1)
    WORDS = 2  # so many words within that time shift an account where the table does not know the answer
    ONE_LEASE = timedelta(minutes=15)  # how long a lease is good for sending
    KNOWN_EVERY = timedelta(hours=1)  # one shift of an account, by one key
    UNKNOWN_EVERY = timedelta(days=1)  # one shift of any account, by one key

    account = models.ForeignKey(Account, models.CASCADE, db_index=False, related_name="refused_writes")
    token = models.ForeignKey(Token, models.CASCADE, related_name="+")
    api_key = models.PositiveBigIntegerField()  # whose word it is; 0: our own code
    leased_at = models.DateTimeField()  # when the lease was given that the word is about
    reason = models.CharField(max_length=40)
    known = models.BooleanField()  # whether the channel's table knows the answer
    said = models.CharField(max_length=300, blank=True)  # the channel's words, without secrets
    acted_on = models.BooleanField(default=False)  # whether the account was shifted for it
    told_at = models.DateTimeField(null=True, blank=True)  # when operators were told
    at = models.DateTimeField()

    objects: ClassVar[RefusedWriteQuerySet] = RefusedWriteQuerySet.as_manager()  # type: ignore[assignment]  # a manager of its methods

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "token", "api_key", "leased_at"], name="one_word_per_lease"
            ),
        ]
        indexes = [
            models.Index("api_key", F("at").desc(), name="refused_write_by_key"),
            models.Index(
                "at", condition=Q(acted_on=True, known=False, told_at=None), name="refused_write_untold"
            ),
        ]

    def __str__(self) -> str:
        return gettext("Refused write: token %(token)s in account %(account)s") % {
            "token": self.token_id,
            "account": self.account_id,
        }

    def may_shift(self, now: datetime) -> bool:
        """Return whether its key has not shifted this account within the last hour."""
        shifted = RefusedWrite.objects.of_key(self.api_key, since=now - self.KNOWN_EVERY).filter(
            acted_on=True
        )
        return not shifted.filter(account=self.account_id).exists()

    def is_shared(self, now: datetime) -> bool:
        """Return whether a second word says the same of this person, somebody else can go on, and its key has not used up its one shift."""
        of_key = RefusedWrite.objects.of_key(self.api_key, since=now - self.UNKNOWN_EVERY)
        if of_key.filter(acted_on=True, known=False).exists():
            return False
        others = RefusedWrite.objects.of_person(self).filter(at__gt=now - self.WITHIN).exclude(pk=self.pk)
        words = 1 + sum(not self._is_of_one_lease(other) for other in others)
        return words >= self.WORDS and bool(self.account.usable_without(self.token_id))

    def _is_of_one_lease(self, other: "RefusedWrite") -> bool:
        """Two leases of one key are one word unless the second was taken when the first was over."""
        return other.api_key == self.api_key and abs(other.leased_at - self.leased_at) < self.ONE_LEASE
