"""Keys of publishing systems, and the record of what was handed out to them."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from tokens.choices import channel_choices
from users.models import Team


class ApiKey(models.Model):
    """A key of a publishing system. Only its hash is stored; the secret is shown once."""

    class Scope(models.TextChoices):
        READ = "accounts:read", "Read accounts"
        LEASE = "tokens:lease", "Lease, sign and report tokens"

    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, unique=True)
    sha256 = models.CharField(max_length=64, unique=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope), default=list)
    channels = ArrayField(
        models.CharField(max_length=20, choices=channel_choices),
        default=list,
        blank=True,
        help_text="Empty: all.",
    )
    teams = models.ManyToManyField(
        Team, related_name="api_keys", help_text="The key sees these teams' accounts."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: it has no end date.")
    maker_left_at = models.DateTimeField(
        null=True, blank=True, help_text="When whoever made it was deleted; switched off is seen there."
    )
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API key"
        ordering = ["name"]
        permissions = [("revoke_apikey", "Can revoke API keys")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def maker_left(self) -> bool:
        """Return whether whoever made it was switched off or deleted."""
        return self.maker_left_at is not None or (
            self.created_by is not None and not self.created_by.is_active
        )


class LeaseRecord(models.Model):
    """One token handed out, or one request signed. Append only (`users.append_only`), so nothing here is a foreign key: rows outlive
    what they name. Written by `broker.records`."""

    class Kind(models.TextChoices):
        LEASE = "lease", "Token handed out"
        SIGNATURE = "signature", "Request signed"

    REQUEST_LENGTH = 200

    at = models.DateTimeField()
    kind = models.CharField(max_length=10, choices=Kind)
    key_id = models.BigIntegerField("API key", null=True, help_text="Empty: our own Python code.")
    caller = models.CharField(max_length=100, help_text="The key's name then, or which code of ours.")
    address = models.GenericIPAddressField(null=True, help_text="Where the request came from.")
    account_id = models.BigIntegerField("social account")
    token_id = models.BigIntegerField("token")
    generation = models.PositiveIntegerField()
    purpose = models.CharField(max_length=10)
    lease_hash = models.CharField(max_length=32, help_text="First half of the SHA-256 of the lease's id.")
    request = models.CharField(
        max_length=REQUEST_LENGTH, blank=True, help_text="Method and path of what was signed."
    )

    class Meta:
        verbose_name = "hand-out of a token"
        verbose_name_plural = "tokens handed out"
        indexes = [
            models.Index("key_id", "at", name="lease_record_by_key"),
            models.Index("account_id", "at", name="lease_record_by_account"),
            models.Index("token_id", "at", name="lease_record_by_token"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: token {self.token_id} for account {self.account_id}"
