"""Tokens, their named filters and their history. `tokens.lifecycle` is the only writer of a token's state, dates and generation."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import ClassVar, NamedTuple, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import Exists, F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from infra import liveness
from tokens.channel_apps.models import ChannelApp
from tokens.channels import gate
from tokens.channels.kinds import Credentials, Identity, Reason
from tokens.vault import services as vault

NEARLY = timedelta(minutes=1)  # an access token that ends so soon is renewed before it is asked about


def name_of_person(name: str, native_name: str, native_id: str) -> str:
    """Return whose a token is, as colleagues know the person: our user's name, else the native user's."""
    return name or native_name or f"native user {native_id}"


class Claimed(NamedTuple):
    """A token under way: whose app's it is, and the number of the claim that holds it."""

    app_id: int
    claim: int


class TokenQuerySet(models.QuerySet["Token"]):
    """Tokens, by phrases that compose."""

    def due(self, now: datetime) -> Self:
        """Tokens whose probe or refresh is due and which no worker holds. Those that wait for a refresh are left to its lane."""
        return self.filter(due_at__lte=now).exclude(reason=self.model.REMOVED).askable(now)

    def askable(self, now: datetime) -> Self:
        """Tokens that nobody holds and that do not wait for a refresh, so that anybody may ask about them."""
        return self.filter(refresh_wanted_at=None, refresh_began_at=None).free(now)

    def due_for_refresh(self, now: datetime) -> Self:
        """Tokens whose date says that they are to be renewed."""
        return self.due(now).filter(due_for=self.model.DueFor.REFRESH)

    def refresh_wanted(self, now: datetime) -> Self:
        """Tokens for which somebody asked for a refresh that nobody is making, nor was left in the middle of."""
        wanted = self.filter(refresh_wanted_at__isnull=False, refresh_began_at=None)
        return wanted.exclude(reason=self.model.REMOVED).free(now)

    def left_in_refresh(self, now: datetime) -> Self:
        """Tokens whose refresh was sent by a process that is gone (where `liveness.may_take_over`): its answer is lost, if one came."""
        return self.filter(refresh_began_at__isnull=False).free(now)

    def has_refreshes(self, now: datetime) -> bool:
        """Return whether the refresh lane may have anything to do. One statement, by the indexes of the three."""
        found = (self.refresh_wanted(now), self.due_for_refresh(now), self.left_in_refresh(now))
        wanted, due, left = map(Exists, found)
        return self.filter(wanted | due | left).exists()

    def free(self, now: datetime) -> Self:
        """Tokens that no living process holds: a dead one's claim runs out by itself."""
        return self.filter(Q(claimed_until=None) | Q(claimed_until__lt=now))

    def claim(self, now: datetime) -> int:
        """Take the right to ask about these tokens. Returns the number of this claim, 0 where there are none; narrow by `free` before.

        It is short: whoever may need longer holds it by `liveness.kept(tokens.claimed_as(number).keep_claimed)`.
        """
        number = liveness.number()
        return number if self.update(claimed_until=now + liveness.CLAIM, claimed_by=number) else 0

    def claimed_as(self, *numbers: int) -> Self:
        """Those of these tokens that are held by these claims: what was claimed by others since, also in this process, is theirs."""
        return self.filter(claimed_until__isnull=False, claimed_by__in=numbers)

    def under_way(self, held: Mapping[int, Claimed]) -> Self:
        """Those of these tokens (by id) whose claims stand still."""
        return self.filter(pk__in=list(held)).claimed_as(*{one.claim for one in held.values()})

    @transaction.atomic
    def keep_claimed(self, now: datetime) -> int:
        """Renew the claims of these tokens, see `claimed_as`. Returns how many. One that is being written waits for the next time."""
        free = self.order_by("id").select_for_update(skip_locked=True, no_key=True, of=("self",))
        ids = list(free.values_list("pk", flat=True))
        return self.model.objects.filter(pk__in=ids).update(claimed_until=now + liveness.CLAIM)

    def let_go(self) -> int:
        """Give back the claims of these tokens, see `claimed_as`. Returns how many there were."""
        return self.update(claimed_until=None, claimed_by=None)

    def to_revoke(self) -> Self:
        """Log-ins that were removed on purpose and are still authorised at their channel, as far as we know."""
        return self.filter(reason=self.model.REMOVED, credentials__isnull=False)

    def never_linked(self, *, before: datetime) -> Self:
        """Tokens consented to before this moment that were never in the pool of an account."""
        return self.filter(first_linked_at=None, pool_entries=None, linked_at__lt=before)

    @transaction.atomic
    def make_due(self, at: datetime) -> int:
        """Have the sweep ask the channel about these tokens from this moment on. Returns how many there are."""
        ids = list(self.locked().values_list("pk", flat=True))  # an update alone locks in any order
        return self.model.objects.filter(pk__in=ids).update(due_at=at, due_for=self.model.DueFor.PROBE)

    def locked(self) -> Self:
        """Lock the rows in the one order that is used everywhere: by id, without blocking foreign keys."""
        return self.order_by("id").select_for_update(no_key=True, of=("self",))


class Token(vault.NamesItsKeys):
    """One consent of one native user to one channel app. A new consent of the same native user renews the row."""

    class State(models.TextChoices):
        VALID = "valid", _("Valid")
        COOLING = "cooling", _("Cooling")
        DEAD = "dead", _("Dead")

    class DeadlineKind(models.TextChoices):
        DATE = "date", _("Date")
        NEVER = "never", _("Never")
        UNKNOWN = "unknown", _("Unknown")

    class DeadlineClock(models.TextChoices):
        """Which date a deadline comes from."""

        ACCESS = "access", _("Access ends")
        REFRESH = "refresh", _("Renewal ends")
        DATA_ACCESS = "data_access", _("Data access")

    class DueFor(models.TextChoices):
        REFRESH = "refresh", _("Refresh")
        PROBE = "probe", _("Probe")
        ACCOUNTS = "accounts", _("Ad accounts")  # it was refreshed a moment ago, so only they are read

    REMOVED = "removed"  # the reason of a log-in that one of our people ended on purpose; no channel says it
    DOUBTED = (
        "doubted"  # the reason of cooling: the channel says that it has ended, which is not believed yet
    )

    class Kind(models.TextChoices):
        PERSON = "person", _("Person")
        SYSTEM = "system", _("System user")

    app = models.ForeignKey(ChannelApp, models.PROTECT, related_name="tokens", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.PERSON)
    # Who owns a system user's token; a person's belongs to the person.
    team = models.ForeignKey("users.Team", models.SET_NULL, null=True, blank=True, related_name="+")
    native_user_id = models.CharField(max_length=191)
    native_user_name = models.CharField(max_length=200, blank=True)
    consented_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="tokens"
    )
    credentials: vault.Sealed | None = vault.SealedField(null=True, editable=False)
    credentials_key = vault.KeyNameField(of="credentials")
    has_refresh_token = models.BooleanField(default=False)
    refresh_refused_at = models.DateTimeField(null=True, blank=True)  # a confirmed refusal to refresh
    scopes = models.JSONField(null=True, blank=True)  # null: the channel did not say
    issued_at = models.DateTimeField(null=True, blank=True)
    access_expires_at = models.DateTimeField(null=True, blank=True)
    refresh_expires_at = models.DateTimeField(null=True, blank=True)
    data_access_expires_at = models.DateTimeField(null=True, blank=True)
    dates_source = models.JSONField(default=dict, blank=True)  # clock: who said it
    deadline = models.DateTimeField(null=True, blank=True)
    deadline_kind = models.CharField(max_length=10, choices=DeadlineKind, default=DeadlineKind.UNKNOWN)
    deadline_clock = models.CharField(max_length=12, choices=DeadlineClock, blank=True)
    cycle = models.PositiveIntegerField(default=1)
    # Since when the deadline is known.
    cycle_since = models.DateTimeField(default=timezone.now, db_default=Now())
    # The deadline as it stood when the cycle began.
    cycle_deadline = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.VALID)
    reason = models.CharField(
        max_length=40,
        blank=True,
        choices=[
            *((reason.value, reason.value) for reason in Reason),
            ("removed", "removed"),
            ("doubted", "doubted"),
        ],
    )
    state_since = models.DateTimeField(default=timezone.now)
    evidence = models.JSONField(default=dict, blank=True)  # what the channel answered, without secrets
    generation = models.PositiveIntegerField(default=1)  # grows with every new pair of credentials or state
    due_at = models.DateTimeField(null=True, blank=True)
    due_for = models.CharField(max_length=10, choices=DueFor, default=DueFor.PROBE)
    claimed_until = models.DateTimeField(null=True, blank=True)
    # The number of the claim: whoever made it renews it and gives it back.
    claimed_by = models.IntegerField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_checked_at = models.DateTimeField(null=True, blank=True)
    last_check_result = models.CharField(max_length=40, blank=True)
    proven_at = models.DateTimeField(null=True, blank=True)  # when the channel last said that it works
    # Since when all answers about it blame our app.
    app_refused_at = models.DateTimeField(null=True, blank=True)
    # Since when all readings of its ad accounts blame our app.
    use_refused_at = models.DateTimeField(null=True, blank=True)
    # Since when the others of its pools go first: its readings blame our app, theirs do not.
    demoted_at = models.DateTimeField(null=True, blank=True)
    renewed_at = models.DateTimeField(null=True, blank=True)  # when a renewal without a person last succeeded
    renewal_tried_at = models.DateTimeField(null=True, blank=True)
    # Since when a refresh is asked for that nobody has made yet.
    refresh_wanted_at = models.DateTimeField(null=True, blank=True)
    # Who asks for it: source, actor, renew.
    refresh_wanted = models.JSONField(default=dict, db_default={}, blank=True)
    # When a refresh was sent whose answer is not stored yet.
    refresh_began_at = models.DateTimeField(null=True, blank=True)
    # The process that sent it.
    refresh_began_by = models.CharField(max_length=120, default="", db_default="", blank=True)
    # Since when the answer to one of our refreshes is missing: the channel may have replaced the refresh token.
    refresh_unanswered_at = models.DateTimeField(null=True, blank=True)
    # Since when its end is doubted: the others of its pools go first. One that cools is not served at all.
    doubted_at = models.DateTimeField(null=True, blank=True)
    # When it is asked again for what is said against it (`tokens.doubts`), at the latest.
    look_again_at = models.DateTimeField(null=True, blank=True)
    linked_at = models.DateTimeField(default=timezone.now)  # when a person last consented
    # When it first was in the pool of an account. Empty: never, so a sweep may revoke and delete it.
    first_linked_at = models.DateTimeField(null=True, blank=True)
    # When one of our people last ended it. An end that the channel tells of a consent from before was our doing.
    removed_at = models.DateTimeField(null=True, blank=True)
    removed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[TokenQuerySet] = TokenQuerySet.as_manager()  # type: ignore[assignment]  # a manager of its methods

    class Meta:
        verbose_name = _("token")
        verbose_name_plural = _("tokens")
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
    def person_name(self) -> str:
        """Whose it is, as colleagues know the person: our user's name, else the native user's."""
        name = self.consented_by.name if self.consented_by is not None else ""
        return name_of_person(name, self.native_user_name, self.native_user_id)

    @property
    def is_removed(self) -> bool:
        """Whether one of our people ended it on purpose, and nobody has consented since."""
        return self.reason == self.REMOVED

    @property
    def is_removed_since_linked(self) -> bool:
        """Whether one of our people ended a consent after this one: the call to the channel may have ended this one, too."""
        return self.removed_at is not None and self.removed_at >= self.linked_at

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

    def closed_for(self) -> int:
        """Return for how many seconds the channel is not to be asked for its app; 0: ask."""
        return gate.closed_for(self.app.channel, self.app.client_id)

    def access_is_over(self, now: datetime) -> bool:
        """Return whether a date that the channel gave has passed, so that the access token must not be served."""
        return self._is_over("access", self.access_expires_at, now)

    def last_date_is_over(self, now: datetime) -> bool:
        """Return whether the last date that the channel gave has passed: no answer brings the token back, but a new consent."""
        renews = self.has_refresh_token and self.refresh_refused_at is None
        return self.access_is_over(now) and not (
            renews and not self._is_over("refresh", self.refresh_expires_at, now)
        )

    def _is_over(self, clock: str, at: datetime | None, now: datetime) -> bool:
        return at is not None and at <= now and self.dates_source.get(clock) in {"provider", "introspection"}


def token_owner(app: ChannelApp, native_user_id: str) -> str:
    """Return the owner that a token's credentials are sealed for."""
    return f"token:{app.channel}:{app.client_id}:{native_user_id}"


class TokenEvent(models.Model):
    """What happened to a token, with the evidence kept once. Append only."""

    class Kind(models.TextChoices):
        LINKED = "linked", _("Linked")
        RENEWED = "renewed", _("Renewed")
        DATES = "dates", _("Dates changed")
        NOT_RENEWED = "not_renewed", _("Renewal refused")
        ANSWER_LOST = "answer_lost", _("Answer to a renewal lost")
        COOLED = "cooled", _("Trouble, being confirmed")
        RECOVERED = "recovered", _("Works again")
        DIED = "died", _("Stopped")
        DISPUTED = "disputed", _("Reported, not confirmed")
        ASKED = "asked", _("Asked to re-authenticate")
        REVOKED = "revoked", _("Revoked at the channel")
        REMOVED = "removed", _("Removed on purpose")

    token = models.ForeignKey(Token, models.CASCADE, related_name="events", db_index=False)
    kind = models.CharField(max_length=12, choices=Kind)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    source = models.CharField(max_length=20, blank=True)  # who found it: report, sweep, staff, link …
    detail = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(F("token"), F("at").desc(), name="token_event_line"),
            # Few, and written by those who ask alone.
            models.Index("at", condition=Q(kind="asked"), name="token_event_asked"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: token {self.token_id}"
