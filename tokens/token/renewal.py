"""A token's dates: when it ends, and when and whether it is renewed before without a person."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tokens.channel_apps.models import ChannelApp
from tokens.channels import registry
from tokens.channels.kinds import Dates, Renewal
from tokens.vault import services as vault

BEYOND_WARNINGS = timedelta(days=7)
AT_MOST_EVERY = timedelta(days=1)  # however wide the warnings are
LAST_TRY = timedelta(
    days=1
)  # before a refresh token ends that no renewal moves, what outlives it is renewed once more
TOGETHER = timedelta(hours=1)  # dates so near to each other are one
SPREAD = 0.15  # part of a period by which tokens that came together are drawn apart
FIRST_DAY = timedelta(days=1)  # over which renewals are drawn that were due when their tokens came
ENOUGH_LEFT = timedelta(days=10)
GOLDEN = 0.618033988749895  # its multiples fill the circle evenly, however many there are
JUST_NOW = timedelta(minutes=5)
PAUSE = timedelta(seconds=30)  # after a try that got no answer
NEARLY = timedelta(minutes=1)  # an access token that ends so soon is renewed before it is asked about
JITTER = timedelta(days=1)  # a date that moves by less starts no new cycle of warnings

_widest_warning: list[Callable[[], timedelta]] = []


class DeadlineKind(models.TextChoices):
    """What is known of a deadline."""

    DATE = "date", _("Date")
    NEVER = "never", _("Never")
    UNKNOWN = "unknown", _("Unknown")


class DeadlineClock(models.TextChoices):
    """Which date a deadline comes from."""

    ACCESS = "access", _("Access ends")
    REFRESH = "refresh", _("Renewal ends")
    DATA_ACCESS = "data_access", _("Data access")


@dataclass(frozen=True)
class Deadline:
    """When a token ends, of which kind that knowledge is, and which clock it comes from ("" where none does)."""

    kind: str
    at: datetime | None = None
    clock: str = ""


NEVER = Deadline(DeadlineKind.NEVER)
UNKNOWN = Deadline(DeadlineKind.UNKNOWN)


class RenewableToken(vault.NamesItsKeys):
    """What a token says of its dates: when it ends, and when and whether it is renewed before without a person.

    A date that renewal can move is renewed long before anybody is warned of it; a refresh token that restarts its life is used at least
    weekly. What a channel renews and when is data of its package (`Channel.renewal`). The deadline is the moment from which the token
    serves nobody unless a person acts before: a function of its row alone.
    """

    DeadlineKind, DeadlineClock = DeadlineKind, DeadlineClock

    app = models.ForeignKey(ChannelApp, models.PROTECT, related_name="tokens", db_index=False)
    has_refresh_token = models.BooleanField(default=False)
    refresh_refused_at = models.DateTimeField(null=True, blank=True)  # a confirmed refusal to refresh
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
    # When it is asked again for what is said against it (`tokens.doubts`), at the latest.
    look_again_at = models.DateTimeField(null=True, blank=True)
    linked_at = models.DateTimeField(default=timezone.now)  # when a person last consented

    class Meta:
        abstract = True

    @property
    def renewal_policy(self) -> Renewal | None:
        """How the token's channel renews; None where it does not."""
        return registry.get(self.app.channel).renewal

    def can_renew(self, now: datetime) -> bool:
        """Return whether anything can renew this token now."""
        policy = self.renewal_policy
        if policy is None:
            return False
        if policy.exchange:
            return self.access_expires_at is not None and self.access_expires_at > now
        if self.refresh_unanswered_at is not None and not self._may_be_tried_again(now):
            return False
        return self.has_refresh_token and (self.refresh_refused_at is None or self._looks_again(now))

    def _looks_again(self, now: datetime) -> bool:
        """Return whether what the channel said against the token is to be asked again now: a refusal to renew it, too."""
        return self.look_again_at is not None and self.look_again_at <= now

    @property
    def renewal_spends(self) -> bool:
        """Whether a renewal may make the refresh token void that it is made with. An exchange leaves the old token as it is."""
        policy = self.renewal_policy
        return policy is not None and not policy.exchange

    def _may_be_tried_again(self, now: datetime) -> bool:
        """Return whether a refresh token whose answer is lost may be used once more.

        A channel may have replaced it, and may take its use for a theft: unless its declaration says that this is safe, it is tried only
        once the access token is over and nothing can be lost by it.
        """
        if registry.get(self.app.channel).declaration.refresh_again_is_safe:
            return True
        return self.access_expires_at is None or self.access_expires_at <= now + NEARLY

    def renewal_pauses(self, now: datetime) -> bool:
        """Return whether the last try went without an answer a moment ago, so that another one right now would only spend more."""
        if self.refresh_unanswered_at is None or self.renewal_tried_at is None:
            return False
        return now - self.renewal_tried_at < PAUSE

    def can_heal(self, now: datetime) -> bool:
        """Return whether one renewal may show that a token which looks dead is not. An exchange needs a living token, so it cannot."""
        return self.renewal_spends and self.can_renew(now)

    def was_just_renewed(self, now: datetime) -> bool:
        """Return whether it was renewed minutes ago: another renewal would give no more."""
        return self.renewed_at is not None and now - self.renewed_at < JUST_NOW

    def renews_at(self, now: datetime) -> datetime | None:
        """Return when the token is to be renewed; a time in the past means now, None never."""
        policy = self.renewal_policy
        if policy is None or not self.can_renew(now):
            return None
        last = self.renewed_at or self.linked_at
        wanted = []
        if policy.lead is not None and self.access_expires_at is not None and not self._ends_with_refresh:
            early = self._drawn_apart(self.access_expires_at - _lead(policy), last)
            wanted.append(max(early, self.renewed_at + AT_MOST_EVERY) if self.renewed_at else early)
        if policy.every is not None:
            wanted.append(last + policy.every * (1 - SPREAD * self.share))
        if (
            self.has_fixed_end
            and self.refresh_expires_at is not None
            and last < self.refresh_expires_at - LAST_TRY
        ):
            wanted.append(self.refresh_expires_at - LAST_TRY)
        if not wanted:
            return None
        due = min(wanted)
        if self.renewal_tried_at is None or self._looks_again(now):
            return due
        return max(due, self.renewal_tried_at + policy.again_after)

    @property
    def has_fixed_end(self) -> bool:
        """Whether the token's refresh token is of the older kind whose date no renewal moves."""
        if self.refresh_expires_at is None or self.app_id is None:
            return False
        policy = self.renewal_policy
        if policy is None or policy.fixed is None:
            return False
        return abs(self.refresh_expires_at - self.linked_at - policy.fixed) < TOGETHER

    @property
    def _ends_with_refresh(self) -> bool:
        """Whether the access date is the refresh token's own, beyond which no renewal can move it."""
        if not self.has_refresh_token or self.refresh_expires_at is None or self.access_expires_at is None:
            return False
        return self.access_expires_at > self.refresh_expires_at - TOGETHER

    def is_to_be_renewed(self, now: datetime) -> bool:
        """Return whether the token is to be renewed before it is asked about: it is due, or its access token is over."""
        due = self.renews_at(now)
        return (due is not None and due <= now) or self.access_has_lapsed(now)

    def access_has_lapsed(self, now: datetime) -> bool:
        """Return whether the access token is over, or nearly, and there is a refresh token behind it."""
        policy = self.renewal_policy
        if policy is None or policy.exchange or not self.can_renew(now):
            return False
        return self.access_expires_at is not None and self.access_expires_at <= now + NEARLY

    def _drawn_apart(self, due: datetime, last: datetime) -> datetime:
        """Return a moment before a renewal is due, so that tokens which came together are not renewed together.

        Where it was due when the token came, as an old one that was imported, it is drawn over the first day instead, unless it ends soon.
        """
        if due > last:
            return due - (due - last) * SPREAD * self.share
        ends = self.access_expires_at
        if self.renewed_at is None and ends is not None and ends - last > ENOUGH_LEFT:
            return last + FIRST_DAY * self.share
        return due

    @property
    def share(self) -> float:
        """A number from 0 to 1 that stays the same for a token, as far as can be from those of its neighbours by id."""
        return (self.pk or 0) * GOLDEN % 1

    @property
    def serving_end(self) -> Deadline:
        """When the token stops being served if nobody acts.

        That is the access date where nothing renews it (no refresh token, or a confirmed refusal), else the later of access and refresh
        date. Where both end together it is the end of renewal. Where what the last renewal gives outlives the refresh token, it is the end
        of that.
        """
        renews = self.has_refresh_token and self.refresh_refused_at is None
        clocks = [("access", self.access_expires_at)]
        if renews:
            clocks.append(("refresh", self.refresh_expires_at))
        if any(self.dates_source.get(clock) == "never" for clock, _ in clocks):
            return NEVER
        if renews and (outliving := self._end_after_last_renewal) is not None:
            return Deadline(DeadlineKind.DATE, outliving, DeadlineClock.ACCESS)
        known = [(at, clock) for clock, at in clocks if at is not None]
        if not known:
            return UNKNOWN
        at, clock = max(known)
        if self.refresh_expires_at is not None and renews and abs(at - self.refresh_expires_at) < TOGETHER:
            clock = DeadlineClock.REFRESH
        return Deadline(DeadlineKind.DATE, at, clock)

    @property
    def _end_after_last_renewal(self) -> datetime | None:
        """The end of the access token that the last possible renewal will give; None where the channel does not go beyond.

        AdToken renews a day before the end of such a refresh token. Where a renewal gave less than a whole life, the channel cuts it there.
        """
        if not self.has_fixed_end or self.refresh_expires_at is None:
            return None
        life = registry.get(self.app.channel).lifetime.access
        if life is None:
            return None
        access = self.access_expires_at
        last = self.renewed_at or self.linked_at
        if access is None or access - last < life - JITTER:
            return None
        if last >= self.refresh_expires_at - LAST_TRY:
            return access
        return self.refresh_expires_at - LAST_TRY + life

    @property
    def end_by_dates(self) -> Deadline:
        """The earlier of the end of serving and the end of data access."""
        serving, at = self.serving_end, self.data_access_expires_at
        if at is not None and (serving.at is None or at < serving.at):
            return Deadline(DeadlineKind.DATE, at, DeadlineClock.DATA_ACCESS)
        return serving

    def set_deadline(self, now: datetime) -> bool:
        """Set the token's deadline fields and cycle from its dates. Return whether the deadline changed at all. Does not save.

        A move is measured from where the cycle began and not from the last one: many small moves must not add up unseen.
        """
        old = Deadline(self.deadline_kind, self.deadline, self.deadline_clock)
        new = self.end_by_dates
        if old == new:
            return False
        begun = Deadline(old.kind, self.cycle_deadline or old.at)
        if moved(begun, new):
            self.cycle += 1
            self.cycle_since, self.cycle_deadline = now, new.at
        else:
            self.cycle_deadline = begun.at
        self.deadline_kind, self.deadline, self.deadline_clock = new.kind, new.at, new.clock
        return True

    @property
    def deadline_facts(self) -> dict[str, str | None]:
        """What an event says of the deadline: `deadline` as an ISO date with time, `kind`."""
        return {"deadline": self.deadline.isoformat() if self.deadline else None, "kind": self.deadline_kind}

    def set_dates(self, dates: Dates, *, keep: bool) -> None:
        """Write dates and their sources; with `keep`, a clock that was not mentioned stays as it is."""
        sources = dict(self.dates_source) if keep else {}
        for clock in ("access", "refresh", "data_access"):
            name = f"{clock}_expires_at"
            value = getattr(dates, name)
            if clock in dates.sources or value is not None or not keep:
                setattr(self, name, value)
            if clock in dates.sources:
                sources[clock] = dates.sources[clock]
        self.dates_source = sources
        if dates.issued_at is not None or not keep:
            self.issued_at = dates.issued_at

    def clear_refresh(self) -> None:
        """Clear the marks of a refresh that was asked for and sent. Does not save; REFRESH_FIELDS names them."""
        self.refresh_began_at, self.refresh_began_by = None, ""
        self.refresh_wanted_at, self.refresh_wanted = None, {}

    @property
    def life_when_new(self) -> timedelta | None:
        """How long a token like this one lives when it is new: as the channel is known for, or longer where it gave this one more."""
        if self.access_expires_at is None:
            return None
        begun = max(self.linked_at, self.renewed_at or self.linked_at)
        return max(
            self.access_expires_at - begun, registry.get(self.app.channel).lifetime.access or timedelta(0)
        )


def register_widest_warning(ask: Callable[[], timedelta]) -> None:
    """Say how many days ahead the earliest warning goes out. Whoever warns registers it; the last one holds."""
    _widest_warning[:] = [ask]


def _lead(policy: Renewal) -> timedelta:
    """Return how early a date is renewed. One that is the person's deadline: always before the earliest warning of it."""
    lead = policy.lead or timedelta(0)
    if not policy.exchange:
        return lead  # the access date is no deadline while there is a refresh token behind it
    widest = _widest_warning[0]() if _widest_warning else timedelta(0)
    return max(lead, widest + BEYOND_WARNINGS)


def moved(old: Deadline, new: Deadline) -> bool:
    """Return whether warnings start again: the kind changed, or the date moved by more than a day, either way."""
    if old.kind != new.kind:
        return True
    return old.at is not None and new.at is not None and abs(new.at - old.at) > JITTER
