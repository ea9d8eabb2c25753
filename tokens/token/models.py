"""Tokens and their history. `tokens.lifecycle` is the only writer of a token's state, dates and generation."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tokens.channels import gate, registry
from tokens.channels.kinds import AN_APPEAL_HELPS, HINDERED, LIFTABLE, Credentials, Identity, Reason, Verdict
from tokens.token.queries import TokenQuerySet
from tokens.token.renewal import RenewableToken
from tokens.vault import services as vault

# When a token is looked at next. Tokens that came together, or were in trouble together, are drawn apart, each by a share of its own.
PROBE_EVERY = timedelta(hours=4)
PROBE_EVERY_IN_USE = timedelta(hours=1)  # leased within the last day
RETRY_AFTER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
AFTER_TROUBLE = timedelta(minutes=15)
APART = timedelta(minutes=24)  # over which tokens are spread that met the same trouble
NOT_TOGETHER = timedelta(
    minutes=1
)  # over which tokens are spread that wait for their channel to be asked again
AFTER_WITNESS = timedelta(minutes=3)
NOT_TOLD = HINDERED | {Verdict.OUR_BUG}
LIFTABLE_EVERY = timedelta(days=1)
LIFTABLE_FOR = timedelta(days=30)
# What a channel says of a log-in whose tokens were replaced, if it says anything. Clearer words than these are believed.
_VAGUE = frozenset({Reason.AUTHORISATION_CANCELLED, Reason.EXPIRED, Reason.SESSION_INVALID, Reason.UNKNOWN})
BY_DATE = frozenset({Reason.EXPIRED, Reason.REFRESH_EXPIRED, Reason.DATA_ACCESS_EXPIRED})


def name_of_person(name: str, native_name: str, native_id: str) -> str:
    """Return whose a token is, as colleagues know the person: our user's name, else the native user's."""
    return name or native_name or f"native user {native_id}"


class Token(RenewableToken):
    """One consent of one native user to one channel app. A new consent of the same native user renews the row."""

    class State(models.TextChoices):
        VALID = "valid", _("Valid")
        COOLING = "cooling", _("Cooling")
        DEAD = "dead", _("Dead")

    class DueFor(models.TextChoices):
        REFRESH = "refresh", _("Refresh")
        PROBE = "probe", _("Probe")
        ACCOUNTS = "accounts", _("Ad accounts")  # it was refreshed a moment ago, so only they are read

    REMOVED = "removed"  # the reason of a log-in that one of our people ended on purpose; no channel says it
    # The reason of cooling: the channel says that it has ended, which is not believed yet.
    DOUBTED = "doubted"

    class Kind(models.TextChoices):
        PERSON = "person", _("Person")
        SYSTEM = "system", _("System user")

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
    scopes = models.JSONField(null=True, blank=True)  # null: the channel did not say
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
    # Since when its end is doubted: the others of its pools go first. One that cools is not served at all.
    doubted_at = models.DateTimeField(null=True, blank=True)
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
        return self.app.token_owner(self.native_user_id)

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
    def why_not_askable(self) -> str:
        """Why nobody can be asked to renew it, a block of words/asks.txt; "" where somebody can. With its person."""
        if self.kind == self.Kind.SYSTEM:
            return "system_user"
        if self.is_removed:
            return "removed"
        if self.consented_by is None:
            return "nobody_known"
        if not self.consented_by.is_active:
            return "person_left"
        if self.state == self.State.DEAD and self.reason in AN_APPEAL_HELPS:
            return "only_appeal"
        return ""

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

    def renews_itself(self, now: datetime) -> bool:
        """Return whether the token's date moves with every renewal, and renewals were on time: then no number of days means anything."""
        policy = self.renewal_policy
        if policy is None or policy.rolls is None or policy.every is None or self.has_fixed_end:
            return False
        on_time = self.deadline is not None and self.deadline - now > policy.rolls - 2 * policy.every
        return on_time and self.state == self.State.VALID and self.can_renew(now)

    def set_due(self, now: datetime, *, retry_after: int = 0) -> None:
        """Set `due_at` and `due_for`. Does not save. `retry_after` in seconds.

        Never later than just after the token's next date, nor than what is said against it is to be asked again. Where that was hindered
        just now, it is asked again like after any trouble.
        """
        self._set_due_by_state(now, retry_after)
        look = self.look_again_at
        if look is not None and look <= now:
            look = now + self.wait_after_trouble(timedelta(seconds=retry_after))
        if look is not None and (self.due_at is None or self.due_at > look):
            self.due_at, self.due_for = look, self.DueFor.PROBE

    def _set_due_by_state(self, now: datetime, retry_after: int) -> None:
        self.due_for = self.DueFor.PROBE
        age = now - self.state_since
        if self.state == self.State.DEAD:
            again = self.reason in LIFTABLE and age < LIFTABLE_FOR
            self.due_at = now + LIFTABLE_EVERY if again else None
        elif self.state == self.State.COOLING:
            step = next((step for step in RETRY_AFTER if age < step), RETRY_AFTER[-1])
            self.due_at = now + self.jittered(step) if self.look_again_at is None else None
        elif (
            self.app_refused_at is not None and self.app_refused_at >= now
        ):  # once another token was asked, this one is asked whose fault it is
            self.due_at = now + self.jittered(AFTER_WITNESS)
        elif self.last_check_result in NOT_TOLD:
            self.due_at = now + self.wait_after_trouble(timedelta(seconds=retry_after))
        else:
            self._set_due_when_valid(now)

    def _set_due_when_valid(self, now: datetime) -> None:
        in_use = self.last_used_at is not None and now - self.last_used_at < timedelta(days=1)
        due = now + self.jittered(PROBE_EVERY_IN_USE if in_use else PROBE_EVERY)
        # A lapsed access token is no event where there is a refresh token behind it: a lease or the next probe renews it.
        dates = [self.refresh_expires_at, self.data_access_expires_at]
        if not self.can_renew(now):
            dates.append(self.access_expires_at)
        self.due_at = min([due, *(at + timedelta(seconds=1) for at in dates if at is not None and at > now)])
        # A renewal that is asked for already waits for its lane, whatever the date says.
        renews = self.renews_at(now) if self.refresh_wanted_at is None else None
        if renews is not None and renews <= self.due_at:
            self.due_at, self.due_for = max(renews, now), self.DueFor.REFRESH

    def ask_again_after(self, now: datetime, wait: timedelta) -> None:
        """Have a token asked about again in a while, or when it is due anyway. Does not save."""
        soon = now + self.jittered(wait)
        if self.due_at is None or self.due_at > soon:
            self.due_at, self.due_for = soon, self.DueFor.PROBE

    def read_accounts_from(self, at: datetime) -> None:
        """Have the ad accounts of a token that works read from this moment on. Does not save. One that is due earlier keeps its date."""
        if self.state == self.State.VALID and (self.due_at is None or self.due_at > at):
            self.due_at, self.due_for = at, self.DueFor.ACCOUNTS

    def stay_due(self, now: datetime, *, closed_for: int) -> None:
        """Keep a token due that was not asked about after all. Does not save. `closed_for`: seconds until its app may be asked again.

        A renewal whose date comes earlier keeps it: a pause, which may last a day, does not hold it up.
        """
        opens = self.due_once_open(now, closed_for)
        if self.due_at is None or self.due_at >= opens:
            return
        renews = self.renews_at(now)
        if renews is not None and now < renews < opens:
            self.due_at, self.due_for = renews, self.DueFor.REFRESH
        else:
            self.due_at = opens

    def due_once_open(self, now: datetime, closed_for: int) -> datetime:
        """Return when a token is asked about whose app may be asked in so many seconds. The others of the app wait for the same moment."""
        return now + timedelta(seconds=closed_for) + NOT_TOGETHER * self.share

    def jittered(self, wait: timedelta) -> timedelta:
        """Return the wait, up to three tenths shorter or one longer: tokens checked together are spread over 24 minutes of an hour."""
        return wait * (0.7 + 0.4 * self.share)

    def wait_after_trouble(self, wait: timedelta = timedelta(0)) -> timedelta:
        """Return when a token is asked again whose channel gave no answer; `wait`: not earlier, as the channel said.

        The others of its app had the same trouble at the same time.
        """
        return max(AFTER_TROUBLE, wait) + APART * self.share

    @property
    def missing_scopes(self) -> list[str]:
        """The labels of permissions that were asked for and not granted; nothing where the channel does not say."""
        native = registry.get(self.app.channel)
        if self.scopes is None or not native.partial_grants:
            return []
        return [str(scope.label) for scope in native.scopes if scope.name not in self.scopes]

    def set_state(self, state: str, reason: str, evidence: Mapping[str, Any], now: datetime) -> None:
        """Write state, reason and evidence; `state_since` moves only with the state."""
        if self.state != state:
            self.state_since = now
        self.state, self.reason, self.evidence = state, reason, dict(evidence)

    @property
    def pool_facts(self) -> tuple[Any, ...]:
        """Return what a pool decides by."""
        return self.state, self.deadline_kind, self.deadline, self.doubted_at is not None

    def reason_of_refusal(self, reason: str) -> Reason:
        """Return the reason of a refusal, or what else may be behind it: one of our refreshes that got no answer."""
        if reason not in _VAGUE:
            return Reason(reason)
        return Reason.ANSWER_LOST if self.refresh_unanswered_at is not None else Reason(reason)

    def ends_by_date(self, reason: str, now: datetime) -> bool:
        """Return whether the log-in ended on a date that was known: what was linked on one day ends on one day."""
        if self.last_date_is_over(now):
            return True
        return reason in BY_DATE and self.deadline is not None and self.deadline <= now


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
            # what happened lately, among many rows that were added in this order
            BrinIndex(fields=["at"], autosummarize=True, name="token_event_lately"),
            # Few, and written by those who ask alone.
            models.Index("at", condition=Q(kind="asked"), name="token_event_asked"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: token {self.token_id}"
