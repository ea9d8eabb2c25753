"""Channel apps, tokens and their events. `tokens.lifecycle` is the only writer of a token's state, dates and generation."""

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.core.validators import URLValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from tokens import vault
from tokens.channels import gate
from tokens.channels.base import AppKeys, Credentials, Identity, Reason
from tokens.deaths import Incident, TokenDeath  # noqa: F401  # models live where Django looks for them
from tokens.querysets import TokenQuerySet


class ChannelKey(models.TextChoices):
    """The channels of tokens.channels.CHANNELS; a new one needs migrations."""

    FACEBOOK = "facebook", "Facebook"
    SNAPCHAT = "snapchat", "Snapchat"
    X = "x", "X"
    LINKEDIN = "linkedin", "LinkedIn"
    PINTEREST = "pinterest", "Pinterest"
    TIKTOK = "tiktok", "TikTok"


class ChannelApp(vault.NamesItsKeys):
    """Our developer app on one channel. Its secrets are sealed, newest first."""

    class State(models.TextChoices):
        NOT_SET_UP = "not_set_up", "Not set up"
        LIVE = "live", "Live"
        RETIRING = "retiring", "Retiring"

    channel = models.CharField(max_length=20, choices=ChannelKey)
    label = models.CharField(max_length=100, blank=True)
    client_id = models.CharField("client ID", max_length=200)
    secrets: vault.Sealed | None = vault.SealedField(null=True, editable=False)
    secrets_key = vault.KeyNameField(of="secrets")
    scopes = models.JSONField(default=list, blank=True, help_text="Empty: the channel's usual ones.")
    redirect_base = models.CharField(
        max_length=200, blank=True, validators=[URLValidator(["https", "http"])], help_text="Empty: BASE_URL."
    )
    is_default = models.BooleanField(default=True, help_text="New links use this app.")
    state = models.CharField(max_length=20, choices=State, default=State.NOT_SET_UP)
    fault = models.CharField(
        max_length=300, blank=True, help_text="What the channel said when it refused our app."
    )
    fault_since = models.DateTimeField(null=True, blank=True)
    fault_kind = models.CharField(
        max_length=10, blank=True, help_text="Which kind of call found it; one of that kind ends it."
    )
    fault_told_at = models.DateTimeField(null=True, blank=True, help_text="When operators were last told.")
    use_refused_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When one token's reading blamed the app. Another token's tells whose fault it is.",
    )
    use_refused_by = models.ForeignKey(
        "tokens.Token", models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    use_answered_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the reading was asked for whose good answer last ended such a suspicion or fault.",
    )
    version_warning = models.CharField(
        max_length=300,
        blank=True,
        db_default="",
        help_text="What the channel's answers say of the end of the version of its API that is in use.",
    )
    version_warned_at = models.DateTimeField(
        null=True, blank=True, help_text="When this warning was first seen."
    )
    config_id = models.CharField(
        "configuration ID",
        max_length=60,
        blank=True,
        help_text="Facebook only: a configuration of Login for Business. It takes the place of the permissions asked for.",
    )
    daily_budget = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="Calls a day that the channel allows this app. From 80 % on checks slow down, renewals never. Empty: no budget.",
    )
    version = models.PositiveIntegerField(default=1, help_text="Grows with every change; caches go by it.")

    class Meta:
        ordering = ["channel", "id"]
        constraints = [
            models.UniqueConstraint(fields=["channel", "client_id"], name="one_row_per_channel_app"),
            models.UniqueConstraint(
                fields=["channel"], condition=Q(is_default=True), name="one_default_app_per_channel"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} app {self.label or self.client_id}"

    @property
    def owner(self) -> str:
        """The natural key that the secrets are sealed for."""
        return f"app:{self.channel}:{self.client_id}"

    @property
    def redirect_uri(self) -> str:
        """The callback address to be registered at the channel."""
        return f"{(self.redirect_base or settings.BASE_URL).rstrip('/')}/link/{self.channel}/callback/"

    def keys(self) -> AppKeys:
        """Return the app's keys, unsealed.

        Raises VaultError when they do not open, NothingStored (one of them) when no secret is stored.
        """
        if self.secrets is None:
            raise vault.NothingStored(f"{self} has no secret yet. Enter it under Channel apps.")
        secrets = vault.unseal(self.owner, self.secrets)["secrets"]
        return AppKeys(
            client_id=self.client_id,
            secrets=tuple(secrets),
            redirect_uri=self.redirect_uri,
            scopes=tuple(self.scopes),
            config_id=self.config_id,
        )

    def closed_for(self) -> int:
        """Return for how many seconds the channel is not to be asked for this app; 0: ask."""
        return gate.closed_for(self.channel, self.client_id)

    def set_secrets(self, secrets: list[str]) -> None:
        """Seal the secrets, newest first. Does not save."""
        self.secrets = vault.seal(self.owner, {"secrets": secrets})


class Token(vault.NamesItsKeys):
    """One consent of one native user to one channel app. A new consent of the same native user renews the row."""

    class State(models.TextChoices):
        VALID = "valid", "Valid"
        COOLING = "cooling", "Cooling"
        DEAD = "dead", "Dead"

    class DeadlineKind(models.TextChoices):
        DATE = "date", "Date"
        NEVER = "never", "Never"
        UNKNOWN = "unknown", "Unknown"

    class Clock(models.TextChoices):
        """Which date a deadline comes from."""

        ACCESS = "access", "Access ends"
        REFRESH = "refresh", "Renewal ends"
        DATA_ACCESS = "data_access", "Data access"

    class DueFor(models.TextChoices):
        REFRESH = "refresh", "Refresh"
        PROBE = "probe", "Probe"
        ACCOUNTS = "accounts", "Ad accounts"  # it was refreshed a moment ago, so only they are read

    REMOVED = "removed"  # the reason of a log-in that a person of ours ended on purpose; no channel says it
    HELD = "held"  # the reason of a doubt: the channel ended many at once, which is not believed before it is asked again

    class Kind(models.TextChoices):
        PERSON = "person", "Person"
        SYSTEM = "system", "System user"

    app = models.ForeignKey(ChannelApp, models.PROTECT, related_name="tokens", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.PERSON)
    team = models.ForeignKey(
        "users.Team",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who owns a system user's token; a person's belongs to the person.",
    )
    native_user_id = models.CharField(max_length=191)
    native_user_name = models.CharField(max_length=200, blank=True)
    consented_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="tokens"
    )
    credentials: vault.Sealed | None = vault.SealedField(null=True, editable=False)
    credentials_key = vault.KeyNameField(of="credentials")
    has_refresh_token = models.BooleanField(default=False)
    refresh_refused_at = models.DateTimeField(
        null=True, blank=True, help_text="A confirmed refusal to refresh."
    )
    scopes = models.JSONField(null=True, blank=True, help_text="Null: the channel did not say.")
    issued_at = models.DateTimeField(null=True, blank=True)
    access_expires_at = models.DateTimeField(null=True, blank=True)
    refresh_expires_at = models.DateTimeField(null=True, blank=True)
    data_access_expires_at = models.DateTimeField(null=True, blank=True)
    dates_source = models.JSONField(default=dict, blank=True, help_text="Clock: who said it.")
    deadline = models.DateTimeField(null=True, blank=True)
    deadline_kind = models.CharField(max_length=10, choices=DeadlineKind, default=DeadlineKind.UNKNOWN)
    deadline_clock = models.CharField(max_length=12, choices=Clock, blank=True)
    cycle = models.PositiveIntegerField(default=1)
    cycle_since = models.DateTimeField(
        default=timezone.now, db_default=Now(), help_text="Since when the deadline is known."
    )
    cycle_deadline = models.DateTimeField(
        null=True, blank=True, help_text="The deadline as it stood when the cycle began."
    )
    state = models.CharField(max_length=10, choices=State, default=State.VALID)
    reason = models.CharField(
        max_length=40,
        blank=True,
        choices=[
            *((reason.value, reason.value) for reason in Reason),
            ("removed", "removed"),
            ("held", "held"),
        ],
    )
    state_since = models.DateTimeField(default=timezone.now)
    evidence = models.JSONField(
        default=dict, blank=True, help_text="What the channel answered, without secrets."
    )
    generation = models.PositiveIntegerField(
        default=1, help_text="Grows with every new pair of credentials or state."
    )
    due_at = models.DateTimeField(null=True, blank=True)
    due_for = models.CharField(max_length=10, choices=DueFor, default=DueFor.PROBE)
    claimed_until = models.DateTimeField(null=True, blank=True)
    claimed_by = models.IntegerField(
        null=True,
        blank=True,
        help_text="The number of the claim: whoever made it renews it and gives it back.",
    )
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_checked_at = models.DateTimeField(null=True, blank=True)
    last_check_result = models.CharField(max_length=40, blank=True)
    proven_at = models.DateTimeField(
        null=True, blank=True, help_text="When the channel last said that it works."
    )
    app_refused_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when all answers about it blame our app."
    )
    use_refused_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when all readings of its ad accounts blame our app."
    )
    demoted_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Since when the others of its pools go first: its readings blame our app, theirs do not.",
    )
    renewed_at = models.DateTimeField(
        null=True, blank=True, help_text="When a renewal without a person last succeeded."
    )
    renewal_tried_at = models.DateTimeField(null=True, blank=True)
    refresh_wanted_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when a refresh is asked for that nobody has made yet."
    )
    refresh_wanted = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="Who asks for it: source, actor, renew."
    )
    refresh_began_at = models.DateTimeField(
        null=True, blank=True, help_text="When a refresh was sent whose answer is not stored yet."
    )
    refresh_began_by = models.CharField(
        max_length=120, default="", db_default="", blank=True, help_text="The process that sent it."
    )
    refresh_unanswered_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Since when the answer to a refresh of ours is missing: the channel may have replaced the refresh token.",
    )
    linked_at = models.DateTimeField(default=timezone.now, help_text="When a person last consented.")
    first_linked_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When it first stood in the pool of an account. Empty: never, so a sweep may revoke and delete it.",
    )
    removed_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When a person of ours last ended it. An end that the channel tells of a consent from before was our doing.",
    )
    removed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[TokenQuerySet] = TokenQuerySet.as_manager()  # type: ignore[assignment]  # a manager of its methods

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["app", "native_user_id"], name="one_token_per_native_user"),
            models.CheckConstraint(
                condition=(Q(state="valid") & Q(reason="")) | (~Q(state="valid") & ~Q(reason="")),
                name="token_has_a_reason_iff_not_valid",
            ),
            models.CheckConstraint(
                condition=Q(deadline_kind="date", deadline__isnull=False)
                | (~Q(deadline_kind="date") & Q(deadline__isnull=True)),
                name="token_has_a_deadline_iff_kind_is_date",
            ),
        ]
        indexes = [
            # macros: which tokens end soon
            models.Index(
                "deadline",
                condition=Q(deadline_kind="date") & ~Q(state="dead"),
                name="token_deadline_soon",
            ),
            # the list Authenticate Tokens, in its usual order
            models.Index("deadline", "id", name="token_list"),
            # whose fault an answer is: what else of the app worked since
            models.Index("app", F("proven_at").desc(nulls_last=True), name="token_proven_of_app"),
            # sweep: which tokens are due for a probe or a refresh
            models.Index("due_at", condition=Q(due_at__isnull=False), name="token_due"),
            # sweep of one channel: the same of one app, however many of another wait
            models.Index("app", "due_at", condition=Q(due_at__isnull=False), name="token_due_of_app"),
            # keys: which of them are in use, and one row of each app under each
            models.Index(
                "credentials_key", "app", condition=Q(credentials__isnull=False), name="token_key_in_use"
            ),
            # refresh lane: which refreshes are asked for, and which were sent and have no answer yet
            models.Index(
                "refresh_wanted_at", condition=Q(refresh_wanted_at__isnull=False), name="token_refresh_wanted"
            ),
            models.Index(
                "refresh_began_at", condition=Q(refresh_began_at__isnull=False), name="token_refresh_began"
            ),
            # sweep: which removed log-ins are still authorised at their channel
            models.Index(
                "removed_at", condition=Q(reason="removed", credentials__isnull=False), name="token_to_revoke"
            ),
        ]
        permissions = [
            ("add_system_user", "Can add system users' tokens"),
            ("probe_token", "Can check tokens now"),
            ("renew_token", "Can renew tokens now"),
            ("ask_token", "Can ask people to re-authenticate"),
            ("revoke_token", "Can revoke log-ins at the channel"),
        ]

    def __str__(self) -> str:
        return f"Token {self.pk} of {self.native_user_name or self.native_user_id}"

    @property
    def owner(self) -> str:
        """The natural key that the credentials are sealed for."""
        return token_owner(self.app, self.native_user_id)

    @property
    def is_removed(self) -> bool:
        """Whether a person of ours ended it on purpose, and nobody has consented since."""
        return self.reason == self.REMOVED

    @property
    def identity(self) -> Identity:
        """Who consented, on the channel's own side."""
        system = self.kind == self.Kind.SYSTEM
        return Identity(self.native_user_id, self.native_user_name, "system" if system else "person")

    def unseal(self) -> Credentials:
        """Return the credentials in clear. Raises VaultError when they do not open, ValueError when there are none."""
        if self.credentials is None:
            raise ValueError(f"{self} has no credentials stored.")
        return Credentials(**vault.unseal(self.owner, self.credentials))

    def access_is_over(self, now: datetime) -> bool:
        """Tell whether a date that the channel gave has passed, so that the access token must not be served."""
        if self.access_expires_at is None or self.access_expires_at > now:
            return False
        return self.dates_source.get("access") in {"provider", "introspection"}


def token_owner(app: ChannelApp, native_user_id: str) -> str:
    """Return the owner that a token's credentials are sealed for."""
    return f"token:{app.channel}:{app.client_id}:{native_user_id}"


class TokenEvent(models.Model):
    """What happened to a token, with the evidence kept once. Append only."""

    class Kind(models.TextChoices):
        LINKED = "linked", "Linked"
        RENEWED = "renewed", "Renewed"
        DATES = "dates", "Dates changed"
        NOT_RENEWED = "not_renewed", "Renewal refused"
        ANSWER_LOST = "answer_lost", "Answer to a renewal lost"
        COOLED = "cooled", "Trouble, being confirmed"
        RECOVERED = "recovered", "Works again"
        DIED = "died", "Stopped"
        DISPUTED = "disputed", "Reported, not confirmed"
        ASKED = "asked", "Asked to re-authenticate"
        REVOKED = "revoked", "Revoked at the channel"
        REMOVED = "removed", "Removed on purpose"

    token = models.ForeignKey(Token, models.CASCADE, related_name="events", db_index=False)
    kind = models.CharField(max_length=12, choices=Kind)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    source = models.CharField(
        max_length=20, blank=True, help_text="Who found it: report, sweep, staff, link …"
    )
    detail = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(F("token"), F("at").desc(), name="token_event_line")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: token {self.token_id}"


class Handshake(models.Model):
    """One way to a channel and back. What it is about lies in the person's session; the row says that it is answered once."""

    state_hash = models.CharField(
        max_length=64, primary_key=True, help_text="Of what the channel hands back."
    )
    channel = models.CharField(max_length=20, choices=ChannelKey)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    began_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True, blank=True, help_text="When the person came back.")
    ended_at = models.DateTimeField(null=True, blank=True)
    led_to = models.CharField(
        max_length=300, blank=True, help_text="Where it led; empty: to a page that says why not."
    )

    class Meta:
        indexes = [models.Index("began_at", name="handshake_began")]

    def __str__(self) -> str:
        return f"Handshake of user {self.user_id} with {self.get_channel_display()}"


class UnknownAnswer(models.Model):
    """A kind of answer that no verdict table knows, kept once per channel app, scrubbed. Staff may say what it means."""

    app = models.ForeignKey(ChannelApp, models.CASCADE, related_name="unknown_answers", db_index=False)
    fingerprint = models.CharField(max_length=32)
    call = models.CharField(max_length=20)
    status = models.PositiveIntegerField()
    sample = models.JSONField(default=dict, help_text="What the channel answered first, without secrets.")
    count = models.PositiveIntegerField(default=1)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    last_token = models.ForeignKey(Token, models.SET_NULL, null=True, blank=True, related_name="+")
    api_key = models.BigIntegerField(
        null=True, blank=True, help_text="Whose report brought the first one; empty: AdToken's own question."
    )
    told_at = models.DateTimeField(null=True, blank=True, help_text="When operators were told.")
    verdict = models.CharField(max_length=20, blank=True, help_text="What staff say it means.")
    assigned_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    assigned_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-last_seen_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["app", "fingerprint"], name="one_row_per_unknown_answer"),
            models.CheckConstraint(condition=~Q(verdict="token_dead"), name="no_death_by_a_click"),
        ]
        permissions = [("assign_verdict", "Can say what unknown answers mean")]

    def __str__(self) -> str:
        return f"Unknown answer {self.status} of {self.app}"


class DeletionRequest(models.Model):
    """A person's request, sent by the channel, to delete what we hold of them. Its page is public, its code is not guessable."""

    class State(models.TextChoices):
        RECEIVED = "received", "Received"
        DONE = "done", "Done"

    app = models.ForeignKey(ChannelApp, models.CASCADE, related_name="+")
    native_user_id = models.CharField(max_length=191, blank=True, help_text="Emptied once it is done.")
    code = models.CharField(max_length=40, unique=True)
    request_hash = models.CharField(
        max_length=64,
        unique=True,
        help_text="Of the signed request, so that a repeated one is answered the same.",
    )
    state = models.CharField(max_length=10, choices=State, default=State.RECEIVED)
    received_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-received_at"]

    def __str__(self) -> str:
        return f"Deletion request {self.pk} at {self.app}"
