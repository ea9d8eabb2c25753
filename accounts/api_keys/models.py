"""Keys of publishing systems, and the record of what was handed out to them."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tokens.choices import channel_choices
from ui import stored_phrases as kept
from users.models import Team, User


def by_key(name: str, note: str = "") -> str:
    """Return what histories keep of whatever a key did, beside its maker's name: which key it was, and why."""
    return kept.cut(kept.keep("words/history.txt", "by_key", name=name, note=note), 300)


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Keys, by phrases that compose."""

    def unrevoked(self) -> Self:
        """Keys that nobody revoked."""
        return self.filter(revoked_at=None)

    def in_use(self, now: datetime) -> Self:
        """Keys that let somebody in."""
        return self.unrevoked().filter(Q(expires_at=None) | Q(expires_at__gt=now))

    def in_name_of(self, person: User) -> Self:
        """Keys that a person made and nobody revoked."""
        return self.unrevoked().filter(created_by=person)

    def within(self, teams: Collection[int] | None) -> Self:
        """Keys that reach no team beyond these (ids); None: all."""
        return self if teams is None else self.exclude(teams__in=Team.objects.exclude(pk__in=teams))

    def visible_to(self, user: User) -> Self:
        """Keys that reach no team beyond the person's own; superusers, administrators and auditors see all."""
        if user.sees_all_teams:
            return self
        return self.exclude(teams__in=Team.objects.exclude(memberships__user=user))


class ApiKey(models.Model):
    """A key of a publishing system. Only its hash is stored; the secret is shown once."""

    class Scope(models.TextChoices):
        READ = "accounts:read", _("Read accounts")
        LEASE = "tokens:lease", _("Lease, sign and report tokens")
        GATE = "gate:use", _("Use the gate: publish without holding a token")
        ASKS = "asks:write", _("Ask people, and make client links")
        ACCOUNTS = "accounts:write", _("Pause, resume and check accounts")
        MACROS = "macros:write", _("Read and apply macros")
        RECORDS = "records:read", _("Read what was handed out to whom")
        OFFBOARD = "people:offboard", _("Offboard people of its teams")
        PROVISION = "people:provision", _("Provision people of all teams (SCIM)")

    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, unique=True)
    sha256 = models.CharField(max_length=64, unique=True, editable=False)
    scopes = ArrayField(
        models.CharField(max_length=20, choices=Scope), default=list, verbose_name=_("scopes")
    )
    # Empty: all.
    channels = ArrayField(models.CharField(max_length=20, choices=channel_choices), default=list, blank=True)
    teams = models.ManyToManyField(
        Team, related_name="api_keys", verbose_name=_("teams")
    )  # the key sees these teams' accounts
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)  # empty: it has no end date
    # When whoever made it was deleted; switched off is seen there.
    maker_left_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[ApiKeyQuerySet] = ApiKeyQuerySet.as_manager()  # type: ignore[assignment]  # a manager of its methods

    class Meta:
        verbose_name = _("API key")
        ordering = ["name"]
        permissions = [("revoke_apikey", "Can revoke API keys")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def is_over(self, now: datetime) -> bool:
        """Return whether its last day is over."""
        return self.expires_at is not None and self.expires_at <= now

    @property
    def last_day(self) -> datetime | None:
        """A moment of its last day; None: it has no end."""
        return self.expires_at - timedelta(seconds=1) if self.expires_at else None

    @property
    def maker_left(self) -> bool:
        """Return whether whoever made it was switched off or deleted."""
        return self.maker_left_at is not None or (
            self.created_by is not None and not self.created_by.is_active
        )


class LeaseRecord(models.Model):
    """One token handed out, or one request signed. Append only (`infra.append_only`), so nothing here is a foreign key: rows outlive
    what they name. Written by `broker.leases.records`."""

    class Kind(models.TextChoices):
        LEASE = "lease", _("Token handed out")
        SIGNATURE = "signature", _("Request signed")
        REQUEST = "request", _("Requests sent through the gate")

    REQUEST_LENGTH = 200

    at = models.DateTimeField()
    kind = models.CharField(max_length=10, choices=Kind)
    key_id = models.BigIntegerField(_("API key"), null=True)  # empty: our own Python code
    caller = models.CharField(max_length=100)  # the key's name then, or which part of our code
    address = models.GenericIPAddressField(null=True)  # where the request came from
    account_id = models.BigIntegerField(_("social account"))
    token_id = models.BigIntegerField(_("token"))
    generation = models.PositiveIntegerField()
    purpose = models.CharField(max_length=10)
    lease_hash = models.CharField(max_length=32)  # first half of the SHA-256 of the lease's id
    request = models.CharField(max_length=REQUEST_LENGTH, blank=True)  # method and path of what was signed

    class Meta:
        verbose_name = _("hand-out of a token")
        verbose_name_plural = _("tokens handed out")
        # Each further index costs every lease. Of a key and of a log-in the newest rows are found along the primary key.
        indexes = [models.Index("account_id", "id", name="lease_record_by_account")]

    def __str__(self) -> str:
        return gettext("%(kind)s: token %(token)s for account %(account)s") % {
            "kind": self.get_kind_display(),
            "token": self.token_id,
            "account": self.account_id,
        }
