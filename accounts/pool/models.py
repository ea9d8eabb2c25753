"""Ad accounts and the entries of their pools: the one place that says which of these are living and usable, and why one is not.

`accounts.pool.services.settle` is the only writer of what a pool decides.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, OuterRef, Prefetch, Q, prefetch_related_objects
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.pool.health import UNLINKED, AccountHealth, HealthQuerySet, InPool, reason_of_entry
from tokens.channels import declarations
from tokens.channels.kinds import Reason
from tokens.choices import channel_choices
from tokens.models import Token
from tokens.token import reasons
from tokens.token.queries import TokenQuerySet
from ui import stored_phrases as kept
from users.models import Membership, Team, User

# What `AccountToken.can_serve`, `is_living` and `is_usable` ask, as conditions of rows. `settle` asks it in its own SQL.
CAN_SERVE = Q(access="ok") & ~Q(can_publish="no")
LIVING = CAN_SERVE & ~Q(token__state=Token.State.DEAD)
USABLE = CAN_SERVE & Q(token__state=Token.State.VALID) & ~Q(doubt="stopped")

# Nothing but a write shows whether the channel takes writes again, so after this time the role counts again and a job tries.
REFUSAL_STANDS_FOR = timedelta(days=7)
UNKNOWN_REFUSAL_STANDS_FOR = timedelta(days=1)

_BY_DEADLINE = {Token.DeadlineKind.NEVER: 0, Token.DeadlineKind.DATE: 1, Token.DeadlineKind.UNKNOWN: 2}


def _pool() -> Prefetch[str, models.QuerySet["AccountToken"], str]:
    found = AccountToken.objects.select_related("token", "token__app", "token__consented_by", "added_by")
    return Prefetch("pool", queryset=found)


class AccountQuerySet(HealthQuerySet["Account"]):
    """Accounts, by phrases that compose. Those of `HealthQuerySet` ask for their state."""

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

    def with_pools(self) -> Self:
        """Load them with their pools, in a fixed number of queries."""
        return self.select_related("team", "active_token").prefetch_related(_pool())

    def access_lost(self) -> Self:
        """Those that a linked log-in can no longer reach, whatever their pill. Paused ones are left out."""
        lost = AccountToken.objects.filter(access=AccountToken.Access.LOST)
        return self.filter(paused_at=None, pk__in=lost.values("account"))


class Account(AccountHealth, models.Model):
    """One ad account on one channel."""

    channel = models.CharField(max_length=20, choices=channel_choices)
    native_id = models.CharField(_("native ID"), max_length=100)
    name = models.CharField(max_length=300)
    currency = models.CharField(max_length=3, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)
    team = models.ForeignKey(Team, models.PROTECT, related_name="accounts")
    native_status = models.CharField(max_length=60, blank=True)  # the channel's own word
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
    def why_paused(self) -> str:
        """What was said when it was paused, in the language that is spoken."""
        return kept.said(self.pause_note)

    @property
    def full_name(self) -> str:
        """Return "Lumen Shoes EU (Facebook 4021187)", for lists without columns: an agency has one name on six channels."""
        return f"{self.name} ({declarations.label(self.channel)} {self.native_id})"

    def pool_in_order(self) -> list["AccountToken"]:
        """Return the pool as it is tried: the active one first, then usable, then those behind others, then cooling, then the rest.

        Within a group: rank set by hand, then system users, then latest deadline (never first, unknown last), then last proven, then id.
        """
        prefetch_related_objects([self], _pool())  # nothing is asked where `with_pools` loaded it
        return self.in_order(self.pool.all())

    def in_order(self, entries: Iterable["AccountToken"]) -> list["AccountToken"]:
        """Return pool entries of the account, which were read already, as `pool_in_order` does."""
        return sorted(entries, key=self._place)

    def usable_without(self, token_id: int) -> list["AccountToken"]:
        """Return who could be served if this log-in were not there, in the order that they are tried."""
        return [one for one in self.pool_in_order() if one.token_id != token_id and one.is_usable]

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

    def last_entries(self, entries: Iterable["AccountToken"]) -> list["AccountToken"]:
        """Return those of its entries with which the account ends: living ones whose log-in has its date."""
        return [one for one in entries if one.is_living and one.token.deadline == self.deadline]

    def entry_that_stopped(self, entries: Sequence["AccountToken"]) -> "AccountToken | None":
        """Return the entry whose end stopped the account: the one of the account's own reason, else what ended last."""

        def rank(entry: AccountToken) -> tuple[bool, bool, float]:
            return (
                entry.reason == self.reason,
                entry.token.state != Token.State.DEAD,  # nearer to working: the log-in itself is fine
                entry.token.state_since.timestamp(),
            )

        return max((entry for entry in entries if entry.reason), key=rank, default=None)

    def reason_now(self, entries: Sequence["AccountToken"]) -> str:
        """Return why the account does not work: a Reason, "paused", "unlinked", or "" while it is connected. `entries`: its pool.

        What a deactivated account noted when it stopped may be out of date, since whoever re-authenticated meanwhile may lack the role.
        So the pool answers, as it is now.
        """
        if self.state == self.State.CONNECTED:
            return ""
        if not self.is_deactivated or self.reason == UNLINKED:
            return self.reason
        entry = self.entry_that_stopped(entries)
        return entry.reason if entry else self.reason

    def explain(self, reason: str, *, person: str = "") -> reasons.Explanation:
        """Word a reason, e.g. what `reason_now` returned, for this account's channel."""
        return reasons.explain(self.channel, reason, person=person, account=self.name)


class AccountTokenQuerySet(models.QuerySet["AccountToken"]):
    """Pool entries, by phrases that compose."""

    def visible_to(self, user: User) -> Self:
        """Those in pools of accounts that this person sees."""
        return (
            self
            if user.sees_all_teams
            else self.filter(account__in=Account.objects.of_person(user).values("pk"))
        )

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

    def is_of(self, person: User | None) -> bool:
        """Return whether its log-in is this person's; nobody's is None's."""
        return person is not None and self.token.consented_by_id == person.pk

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

    @property
    def reason(self) -> str:
        """Why it is of no use for its account, or ""."""
        return reason_of_entry(self, state=self.token.state, reason=self.token.reason)

    def explain(self, *, person: str = "", you: bool = False) -> reasons.Explanation:
        """Word why it is of no use for its account; empty words where it is."""
        account = self.account
        return reasons.explain(account.channel, self.reason, person=person, account=account.name, you=you)

    def state_in_pool(self, *, active: bool, doubted: bool = False) -> InPool:
        """Return what its token does in the account's pool. `active`: it is the one that is served. `doubted`: for staff, whether it is.

        What makes a token useless here goes before "active": the pointer may stay on a token in passing trouble, which is not served.
        """
        if self.token.state == Token.State.DEAD:
            return InPool.STOPPED
        if self.access == self.Access.LOST:
            return InPool.NO_ACCESS
        if self.token.state == Token.State.COOLING:
            return InPool.RETRYING
        if self.can_publish == self.CanPublish.NO:
            return InPool.READ_ONLY
        if doubted or (self.token.demoted_at is not None and not active):
            return InPool.RETRYING
        return InPool.ACTIVE if active else InPool.BACKUP

    def write_refusal_stands(self, now: datetime) -> bool:
        """Return whether a refusal of the channel to let this person write still counts: neither too old, nor followed by a new consent."""
        at = self.write_refused_at
        if at is None or self.token.linked_at > at:
            return False
        known = self.write_refusal != Reason.WRITING_REFUSED
        return now < at + (REFUSAL_STANDS_FOR if known else UNKNOWN_REFUSAL_STANDS_FOR)
