"""What happened to accounts, and what of it people may have to be told. Append only."""

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.pool.models import Account
from tokens.models import Token, TokenEvent
from users.models import Team


class AccountEvent(models.Model):
    """What happened to an account. Append only."""

    class Kind(models.TextChoices):
        LINKED = "linked", _("Linked")
        UNLINKED = "unlinked", _("Unlinked")
        SHIFTED = "shifted", _("Shifted")
        CONNECTED = "connected", _("Reactivated")
        INTERRUPTED = "interrupted", _("Interrupted")
        DEACTIVATED = "deactivated", _("Deactivated")
        PAUSED = "paused", _("Paused")
        RESUMED = "resumed", _("Resumed")
        SWITCHED = "switched", _("Made active by staff")
        RANKED = "ranked", _("Order changed")
        ACCESS = "access", _("Access changed")
        RESTRICTED = "restricted", _("Restricted by the channel")
        UNRESTRICTED = "unrestricted", _("Restriction lifted")
        ASKED = "asked", _("Asked to re-authenticate")
        IMPORTED = "imported", _("Imported")
        NOT_MINE = "not_mine", _("Said not to be theirs")
        MOVED = "moved", _("Moved to another team")
        BACKUP_ASKED = "backup_asked", _("Asked for a backup")
        BACKUP_DECLINED = "declined", _("Declined to back it up")
        MACRO_APPLIED = "macro_applied", _("Macro applied")
        MACRO_REMOVED = "macro_removed", _("Macro removed")
        CREDENTIAL = "credential", _("Credential made")
        ACKNOWLEDGED = "acknowledged", _("Somebody is on it")
        SNOOZED = "snoozed", _("Warnings snoozed")
        UNSNOOZED = "unsnoozed", _("Warnings no longer snoozed")

    account = models.ForeignKey(Account, models.CASCADE, related_name="events", db_index=False)
    kind = models.CharField(max_length=14, choices=Kind)
    from_token = models.ForeignKey(Token, models.SET_NULL, null=True, blank=True, related_name="+")
    token = models.ForeignKey(Token, models.SET_NULL, null=True, blank=True, related_name="+")
    token_event = models.ForeignKey(TokenEvent, models.SET_NULL, null=True, blank=True, related_name="+")
    from_team = models.ForeignKey(
        Team, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    to_team = models.ForeignKey(
        Team, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    cause = models.CharField(max_length=40, blank=True)
    source = models.CharField(max_length=20, blank=True)  # who found it: report, sweep, staff, link …
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    note = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(F("account"), F("at").desc(), name="account_event_line"),
            # metrics: what happened lately, among millions of rows that were added in this order
            BrinIndex(fields=["at"], autosummarize=True, name="account_event_lately"),
            # the start page: what happened in the last 30 days, by reason
            models.Index(
                "at",
                include=["kind", "cause", "account"],
                condition=Q(kind__in=["shifted", "deactivated"]),
                name="account_event_start_page",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: account {self.account_id}"


class AccountNews(models.Model):
    """That something happened to an account that people may have to be told. Whoever tells it, `macros.at_once`, takes the row.

    It is written in the transaction of its cause, so that nothing is missed that commits late.
    """

    account = models.ForeignKey(Account, models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField()  # when it happened
    due_at = models.DateTimeField(db_index=True)  # from when on it is looked at

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"account {self.account_id}: {self.at.isoformat()}"
