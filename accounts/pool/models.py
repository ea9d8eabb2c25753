"""Ad accounts, what happened to them, and the entries of their pools: the one place that says which of these are living and usable.

`accounts.pool.services.settle` is the only writer of what a pool decides.
"""

from collections.abc import Iterable
from typing import ClassVar, Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from infra import private_parts
from tokens.channels import declarations
from tokens.choices import channel_choices
from tokens.models import Token, TokenEvent
from tokens.token.models import TokenQuerySet
from users.models import Membership, Team, User

# What `AccountToken.can_serve`, `is_living` and `is_usable` ask, as conditions of rows. `settle` asks it in its own SQL.
CAN_SERVE = Q(access="ok") & ~Q(can_publish="no")
LIVING = CAN_SERVE & ~Q(token__state=Token.State.DEAD)
USABLE = CAN_SERVE & Q(token__state=Token.State.VALID) & ~Q(doubt="stopped")


_BY_DEADLINE = {Token.DeadlineKind.NEVER: 0, Token.DeadlineKind.DATE: 1, Token.DeadlineKind.UNKNOWN: 2}


class AccountQuerySet(models.QuerySet["Account"]):
    """Accounts, by phrases that compose."""

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """The only door for people: accounts of their teams, and accounts whose pool holds a token they consented to.

        Superusers, administrators and auditors see all. Whatever is not visible answers 404.
        """
        if not user.is_authenticated:
            return self.none()
        return self if user.sees_all_teams else self.of_person(user)

    def of_person(self, user: User) -> Self:
        """Accounts of a person's teams, and those that a log-in of theirs reaches, also for those who may see more."""
        own = AccountToken.objects.filter(account=OuterRef("pk"), token__consented_by=user)
        # Not by a join: DISTINCT would forbid row locks and keep the database from reading the list by its index.
        teams = Membership.objects.filter(user=user).values("team")
        return self.filter(Q(team__in=teams) | Exists(own))

    def locked(self) -> Self:
        """Lock the rows in the one order that is used everywhere: by id, without blocking foreign keys."""
        return self.order_by("id").select_for_update(no_key=True, of=("self",))


class Account(models.Model):
    """One ad account on one channel."""

    class State(models.TextChoices):
        CONNECTED = "connected", _("Connected")
        INTERRUPTED = "interrupted", _("Interrupted")
        DEACTIVATED = "deactivated", _("Deactivated")
        PAUSED = "paused", _("Paused")

    class DeadlineKind(models.TextChoices):
        DATE = "date", _("Date")
        NEVER = "never", _("Never")
        UNKNOWN = "unknown", _("Unknown")
        NONE = "none", _("None")

    channel = models.CharField(max_length=20, choices=channel_choices)
    native_id = models.CharField(_("native ID"), max_length=100)
    name = models.CharField(max_length=300)
    currency = models.CharField(max_length=3, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)
    team = models.ForeignKey(Team, models.PROTECT, related_name="accounts")
    native_status = models.CharField(max_length=60, blank=True)  # the channel's own word
    # Why the channel limits it; empty: it does not.
    restriction = models.CharField(max_length=300, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    pause_note = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    # Written by `accounts.pool.services.settle` alone.
    # It is in the pool, which a foreign key of account and token together holds (migration 0004),
    # and what is there is a token: another one would be asked about each of ten thousand accounts.
    active_token = models.ForeignKey(
        Token, models.PROTECT, null=True, blank=True, related_name="active_for", db_constraint=False
    )
    state = models.CharField(max_length=12, choices=State, default=State.DEACTIVATED)
    reason = models.CharField(max_length=40, blank=True)
    since = models.DateTimeField(default=timezone.now)  # since when it is in this state
    deadline = models.DateTimeField(null=True, blank=True)
    deadline_kind = models.CharField(max_length=10, choices=DeadlineKind, default=DeadlineKind.NONE)
    usable_count = models.PositiveIntegerField(default=0)
    # How many people's living tokens can carry it.
    people_count = models.PositiveIntegerField(default=0, db_default=0)
    cycle = models.PositiveIntegerField(default=1)
    # Since when the deadline is known.
    cycle_since = models.DateTimeField(default=timezone.now, db_default=Now())
    # The deadline as it stood when the cycle began.
    cycle_deadline = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[AccountQuerySet] = AccountQuerySet.as_manager()  # type: ignore[assignment]  # a manager of its methods

    class Meta:
        verbose_name = _("social account")
        constraints = [
            models.UniqueConstraint(fields=["channel", "native_id"], name="one_row_per_ad_account"),
            models.CheckConstraint(
                condition=Q(deadline_kind="date", deadline__isnull=False)
                | (~Q(deadline_kind="date") & Q(deadline__isnull=True)),
                name="account_has_a_deadline_iff_kind_is_date",
            ),
        ]
        indexes = [
            # macros and the list "ends soon"
            models.Index("deadline", condition=Q(deadline_kind="date"), name="account_deadline_soon"),
            # the number beside it in the menu
            models.Index("team", condition=Q(state="deactivated"), name="account_deactivated"),
        ]
        permissions = [
            ("link_account", "Can add accounts and tokens"),
            ("switch_active_token", "Can make a token active"),
            ("rank_token", "Can set the order of tokens"),
            ("unlink_token", "Can unlink tokens from accounts"),
            ("pause_account", "Can pause accounts"),
            ("resume_account", "Can resume accounts"),
            ("import_account", "Can import accounts"),
            ("move_account", "Can move accounts to another team"),
            ("add_backup", "Can add backups"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def full_name(self) -> str:
        """Return "Lumen Shoes EU (Facebook 4021187)", for lists without columns: an agency has one name on six channels."""
        return f"{self.name} ({declarations.label(self.channel)} {self.native_id})"

    def pool_in_order(self) -> list["AccountToken"]:
        """Return the pool as it is tried: the active one first, then usable, then those behind others, then cooling, then the rest.

        Within a group: rank set by hand, then system users, then latest deadline (never first, unknown last), then last proven, then id.
        """
        if private_parts.is_prefetched(self, "pool"):
            return self.in_order(self.pool.all())
        return self.in_order(
            self.pool.select_related("token", "token__app", "token__consented_by", "added_by")
        )

    def in_order(self, entries: Iterable["AccountToken"]) -> list["AccountToken"]:
        """Return pool entries of the account, which were read already, as `pool_in_order` does."""
        return sorted(entries, key=self._place)

    def group_of(self, entry: "AccountToken") -> int:
        """Return which part of the order an entry belongs to: active, usable, cooling, the rest. Ranks only count within one."""
        if self.active_token_id == entry.token_id:
            return 0
        if entry.is_usable:
            doubted, demoted = entry.stands_behind
            return 1 + 2 * doubted + demoted
        return 5 if entry.is_living else 6

    def _place(self, entry: "AccountToken") -> tuple[object, ...]:
        token = entry.token
        return (
            self.group_of(entry),
            entry.rank is None,
            entry.rank or 0,
            token.kind != Token.Kind.SYSTEM,  # it does not depend on a person's password
            _BY_DEADLINE[Token.DeadlineKind(token.deadline_kind)],
            -(token.deadline.timestamp() if token.deadline else 0),
            -(token.proven_at.timestamp() if token.proven_at else 0),
            token.pk,
        )

    def own_log_ins(self, person: User) -> TokenQuerySet:
        """Return a person's own log-ins in an account's pool. A system user is its team's, and nobody's to take out here."""
        own = Token.objects.filter(pool_entries__account=self, consented_by=person)
        return own.filter(kind=Token.Kind.PERSON)


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

    account = models.ForeignKey(Account, models.CASCADE, related_name="pool", db_index=False)
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

    def stands_back(self, entries: Iterable["AccountToken"]) -> bool:
        """Return whether it is usable but not served because others go first: it is in doubt, or its readings blame our app, theirs not."""
        behind = self.stands_behind
        return any(behind) and any(other.is_usable and other.stands_behind < behind for other in entries)


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
