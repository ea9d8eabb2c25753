"""Entries of pools, and the one place that says which of them are living and usable."""

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tokens.models import Token

# What `AccountToken.can_serve`, `is_living` and `is_usable` ask, as conditions of rows. `settle` asks it in its own SQL.
CAN_SERVE = Q(access="ok") & ~Q(can_publish="no")
LIVING = CAN_SERVE & ~Q(token__state=Token.State.DEAD)
USABLE = CAN_SERVE & Q(token__state=Token.State.VALID) & ~Q(doubt="stopped")


class AccountTokenQuerySet(models.QuerySet["AccountToken"]):
    """Pool entries, by phrases that compose."""

    def living(self) -> Self:
        """Those that are usable, or would be but for cooling: they set their account's deadline."""
        return self.filter(LIVING)

    def usable(self) -> Self:
        """Those that can be served now."""
        return self.filter(USABLE)


class AccountToken(models.Model):
    """A token in an account's pool."""

    class Access(models.TextChoices):
        OK = "ok", _("Access")
        LOST = "lost", _("No access")

    class CanPublish(models.TextChoices):
        YES = "yes", _("Can publish")
        NO = "no", _("Can report only")
        UNKNOWN = "unknown", _("Not known")

    class Doubt(models.TextChoices):
        """The channel says that the access is lost, which is not believed yet (`tokens.doubts`)."""

        DOUBTED = "doubted", _("In doubt")  # served where the pool has nobody else
        STOPPED = "stopped", _("In doubt, not served")  # a job was refused with it

    account = models.ForeignKey("accounts.Account", models.CASCADE, related_name="pool", db_index=False)
    token = models.ForeignKey(Token, models.CASCADE, related_name="pool_entries", db_index=False)
    rank = models.PositiveSmallIntegerField(null=True, blank=True)  # set by hand; empty: automatic
    role = models.CharField(max_length=200, blank=True)  # the channel's own word
    access = models.CharField(max_length=6, choices=Access, default=Access.OK)
    access_reason = models.CharField(max_length=40, blank=True)
    can_publish = models.CharField(max_length=8, choices=CanPublish, default=CanPublish.UNKNOWN)
    doubt = models.CharField(max_length=8, choices=Doubt, blank=True, db_default="")
    # When the channel refused to let this person write, whatever the role.
    write_refused_at = models.DateTimeField(null=True, blank=True)
    # Why: what the role says counts less than this.
    write_refusal = models.CharField(max_length=40, blank=True, db_default="")
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    added_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[AccountTokenQuerySet] = AccountTokenQuerySet.as_manager()  # type: ignore[assignment]  # a manager of its methods

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "token"], name="one_pool_entry")]
        indexes = [
            models.Index("token", include=["account"], name="pool_by_token"),
            # the start page counts accounts with such an entry, and the list finds them
            models.Index("account", condition=Q(access="lost"), name="pool_access_lost"),
        ]

    def __str__(self) -> str:
        return gettext("Token %(token)s in account %(account)s") % {
            "token": self.token_id,
            "account": self.account_id,
        }

    @property
    def can_serve(self) -> bool:
        """Whether it can be served while its token lives: access is not lost, and "can publish" is not "no"."""
        return self.access == self.Access.OK and self.can_publish != self.CanPublish.NO

    @property
    def is_living(self) -> bool:
        """Whether it is usable, or would be but for cooling. `AccountTokenQuerySet.living` asks the same of rows."""
        return self.can_serve and self.token.state != Token.State.DEAD

    @property
    def is_usable(self) -> bool:
        """Whether it could be served now. `AccountTokenQuerySet.usable` asks the same of rows."""
        return self.can_serve and self.token.state == Token.State.VALID and self.doubt != self.Doubt.STOPPED

    @property
    def is_in_doubt(self) -> bool:
        """Whether the channel says that it is over, which is not believed yet."""
        return self.token.doubted_at is not None or bool(self.doubt)

    @property
    def stands_behind(self) -> tuple[bool, bool]:
        """Whether others go first: it is in doubt, or its readings blame our app and theirs do not."""
        return self.is_in_doubt, self.token.demoted_at is not None
