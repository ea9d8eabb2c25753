"""Asks, and the log-ins and accounts that they are about."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Self

from django.conf import settings
from django.core import signing
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from accounts.api_keys.models import ApiKey, by_key
from accounts.pool.models import Account, AccountToken
from tokens.models import Token
from ui import dates
from users.models import Invitation, Membership, Team, User

LINK_SALT = "accounts.client_link"


class LinkState(StrEnum):
    """How a client link stands."""

    OPEN = "open"
    STARTED = "started"  # used for some of its channels
    USED = "used"
    REVOKED = "revoked"
    EXPIRED = "expired"


class AskQuerySet(models.QuerySet["Ask"]):
    """Asks, by phrases that compose."""

    def running(self) -> Self:
        """Asks that are not over."""
        return self.filter(ended_at=None)

    def open(self, now: datetime) -> Self:
        """Asks that still ask for anything, and whose links open anything."""
        return self.running().filter(ends_at__gt=now)

    def in_name_of(self, person: User) -> Self:
        """Asks to re-authenticate that run in a person's name."""
        return self.running().filter(made_by=person, what=Ask.What.RENEW).order_by("pk")

    def client_links(self) -> Self:
        """Those that are client links, as pages read them."""
        links = self.filter(what=Ask.What.LINK, key__isnull=False)
        return links.select_related("team", "made_by", "contact")

    def links_visible_to(self, user: User) -> Self:
        """The client links that a person sees: those they made, and, for staff, all of the teams whose people they manage."""
        of_teams = self.client_links().filter(team__in=user.teams_managed.values("pk"))
        return (of_teams if user.is_staff else of_teams.filter(made_by=user)).order_by("-created_at", "-pk")

    def visible_to(self, user: User) -> Self:
        """Asks that a person sees: their own, those of their teams, and those for a log-in that they see."""
        if user.sees_all_teams:
            return self
        seen = AskLine.objects.visible_to(user).filter(ask=OuterRef("pk"))
        teams = Membership.objects.filter(user=user).values("team")
        return self.filter(Q(made_by=user) | Q(team__in=teams) | Exists(seen))


class Ask(models.Model):
    """Something that people are asked to do for accounts, until it is done, somebody stops it, or its last day is over."""

    class What(models.TextChoices):
        RENEW = "renew", _("Re-authenticate")  # log-ins of any number of people
        LINK = "link", _("Link accounts")  # one person, accounts of one team
        BACK_UP = (
            "back_up",
            _("Back up accounts"),
        )  # one person, with log-ins of theirs that reach the accounts

    class Ending(models.TextChoices):
        ALL_DONE = "all_done", _("Nobody is left to wait for")
        STOPPED = "stopped", pgettext_lazy("campaign", "Stopped")
        LAST_DAY = "last_day", _("Its last day is over")
        MAKER_LEFT = "maker_left", _("Whoever began it may no longer ask")

    what = models.CharField(_("kind"), max_length=8, choices=What, default=What.RENEW)
    name = models.CharField(
        _("name"), max_length=150, blank=True
    )  # of what is asked; to link, that of the person
    note = models.CharField(max_length=300, blank=True)  # plain text in its mails
    # Whose name the mails carry, and whose right to ask is looked at before each.
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    # By which it was asked for in that person's name; empty: on our pages.
    api_key = models.ForeignKey(ApiKey, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ending = models.CharField(max_length=10, choices=Ending, blank=True)
    # What the page that asked was given: sent twice, it is one ask.
    once = models.CharField(max_length=40, blank=True)

    # Who is asked to link or back up accounts. To link: for which team, and how: by a client link (`key`), by an invitation, or, where
    # neither is set, by a mail to somebody who has a log-in here.
    email = models.EmailField(blank=True)
    team = models.ForeignKey(Team, models.CASCADE, null=True, blank=True, related_name="+")
    invitation = models.ForeignKey(Invitation, models.CASCADE, null=True, blank=True, related_name="+")
    # Of a client link: its secret, its channels (each is used once) and by channel the ids of the accounts that were linked.
    key = models.CharField(max_length=32, unique=True, null=True, blank=True, editable=False)
    channels = models.JSONField(default=list, blank=True)
    used = models.JSONField(default=dict, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)  # when somebody first pressed its button
    return_url = models.CharField(
        max_length=500, blank=True
    )  # where its last page leads, see `links.may_return_to`
    contact = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects: ClassVar[AskQuerySet] = AskQuerySet.as_manager()  # type: ignore[assignment]  # a manager of its methods

    class Meta:
        verbose_name = _("request")
        verbose_name_plural = _("requests")
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["made_by", "once"], condition=~Q(once=""), name="one_ask_of_a_page"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, ending="") | (Q(ended_at__isnull=False) & ~Q(ending="")),
                name="ask_ends_some_way",
            ),
            models.CheckConstraint(condition=Q(email=Lower("email")), name="ask_email_is_lower_case"),
        ]
        indexes = [
            models.Index("id", condition=Q(ended_at=None), name="ask_running"),
            # Of pages that ask what one person is asked for.
            models.Index("email", condition=Q(ended_at=None, what="link"), name="ask_of_email"),
        ]

    def __str__(self) -> str:
        return (
            self.email
            or self.name
            or gettext("Re-authenticate, %(day)s")
            % {"day": dates.day(timezone.localdate(self.created_at), year=False)}
        )

    @property
    def last_day(self) -> datetime:
        """A moment of its last day: it ends as that is over."""
        return self.ends_at - timedelta(seconds=1)

    @property
    def note_of_event(self) -> str:
        """What an account's time-line says of it beside who asked: the key, the note, or the address whose wish it was."""
        if self.api_key is None:
            return self.note or self.email
        return by_key(self.api_key.name, self.note)

    def is_open(self, now: datetime) -> bool:
        """Return whether it still asks for anything, and its link opens anything."""
        return self.ended_at is None and self.ends_at > now

    def link_state(self, now: datetime) -> LinkState:
        """Return how a client link stands."""
        if self.ending == self.Ending.ALL_DONE:
            return LinkState.USED
        if self.ends_at <= now or self.ending == self.Ending.LAST_DAY:
            return LinkState.EXPIRED
        if self.ended_at is not None:
            return LinkState.REVOKED
        return LinkState.STARTED if self.used else LinkState.OPEN

    @property
    def link_address(self) -> str:
        """The address that opens a client link. A secret: for its mail and for who may see the link; never stored."""
        return f"{settings.BASE_URL}{self.link_path}"

    @property
    def link_path(self) -> str:
        """The same as a path."""
        return reverse("client_link", args=[signing.Signer(salt=LINK_SALT).sign(str(self.key))])

    @property
    def left(self) -> list[str]:
        """The channels that a client link was not used for yet."""
        return [channel for channel in self.channels if channel not in self.used]

    @property
    def linked_ids(self) -> list[int]:
        """The accounts (ids) that were linked by a client link."""
        return [pk for ids in self.used.values() for pk in ids]

    @cached_property
    def asked_for(self) -> list["AskLine"]:
        """The ad accounts that are asked for; of a client link, none: any."""
        return list(self.lines.order_by("pk"))

    def count_done(self, stages: Mapping[str, int]) -> tuple[int, int]:
        """Return how much of it is done, and of how much: of its lines, counted by stage; of a client link for any accounts, channels."""
        if self.key and not stages:
            return len(self.used), len(self.channels)
        return stages.get(AskLine.Stage.DONE, 0), sum(stages.values())

    def native_ids(self, channel: str) -> list[str]:
        """Return the ad accounts of a channel that are asked for; empty: any."""
        return [one.native_id for one in self.asked_for if one.channel == channel]

    @cached_property
    def answers_to(self) -> User | None:
        """Whoever asks, for a client and for news of it; None where that person is gone, locked out, or no longer of its team."""
        maker: User | None = self.made_by
        if maker is None or not maker.is_active:
            return None
        return maker if self.team in maker.teams_managed else None

    @property
    def asker(self) -> str:
        """Who asks, for a client: whoever made the link; their team where that person has no part in it any longer."""
        maker = self.answers_to
        return maker.get_full_name() if maker else str(self.team)

    def barred_by(self, now: datetime) -> User | Invitation | None:
        """Return who has the address of a link, where it acts for them no more: who can log in, and so must, or was switched off.

        Of somebody who is nobody here yet, the invitation of another team that waits: they are to come in by that alone.
        """
        known = User.objects.filter(email=self.email).first()
        if known is not None:
            return None if known.is_contact and known.is_active else known
        invited = Invitation.objects.pending().filter(email=self.email)
        return invited.filter(expires_at__gt=now).exclude(team=self.team).first()

    def opens(self, now: datetime) -> bool:
        """Return whether a link opens something, and acts for its address."""
        return self.is_open(now) and self.barred_by(now) is None


class AskLineQuerySet(models.QuerySet["AskLine"]):
    """What is asked for, by phrases that compose."""

    def running(self) -> Self:
        """Lines whose ask is not over."""
        return self.filter(ask__ended_at=None)

    def to_renew(self) -> Self:
        """Log-ins that are asked for."""
        return self.running().filter(ask__what=Ask.What.RENEW)

    def waited_for(self) -> Self:
        """Lines of which something may come yet: those that failed, too."""
        return self.filter(stage__in=[*AskLine.OPEN, AskLine.Stage.FAILED])

    def to_link(self, user: User, now: datetime) -> Self:
        """What a person is asked to link, could link and has not, for 30 days; nothing for auditors and contacts, whose links say it.

        Accounts of a team that accepts log-ins of its own people only are among it once the person has joined that team.
        """
        asks = Ask.objects.open(now).filter(what=Ask.What.LINK, email=user.email, key=None)
        mine = self.filter(ask__in=asks)
        if user.only_looks:
            return mine.none()
        done = AccountToken.objects.living().filter(token__consented_by=user).values("account")
        teams = user.memberships.values("team")
        open_to_them = Q(account__team__members_only=False) | Q(account__team__in=teams)
        mine = mine.filter(open_to_them, done_at=None).exclude(account__in=done)
        return mine.select_related("account", "ask__made_by").order_by("-pk")

    def to_back_up(self, person: User) -> Self:
        """For what a person may say whether their log-in backs it up, the oldest first."""
        waiting = self.running().filter(ask__what=Ask.What.BACK_UP, stage=AskLine.Stage.WAITING)
        waiting = waiting.filter(
            account__isnull=False, token__consented_by=person, token__state=Token.State.VALID
        )
        return waiting.select_related("account", "token__app", "ask__made_by").order_by(
            "ask__created_at", "pk"
        )

    def for_accounts(self, accounts: QuerySet[Account]) -> Self:
        """Open lines that ask people to link these accounts."""
        lines = self.running().filter(account__in=accounts.order_by().values("pk"), done_at=None)
        return lines.filter(ask__what=Ask.What.LINK)

    def visible_to(self, user: User) -> Self:
        """The log-ins of asks that a person sees: in pools of their accounts; in no pool, those of people of their teams. And what is
        asked for their teams.

        A line that is seen says that its ask is.
        """
        if user.sees_all_teams:
            return self
        teams = Membership.objects.filter(user=user).values("team")
        mates = Membership.objects.filter(team__in=teams).values("user")
        own = AccountToken.objects.filter(token__consented_by=user).values("account")
        beside_own = AccountToken.objects.filter(account__in=own).values("token")
        linked = AccountToken.objects.filter(token=OuterRef("token"))
        return self.filter(
            Q(Exists(linked.filter(account__team__in=teams)))
            | Q(token__in=beside_own)
            | Q(ask__team__in=teams)
            | (~Exists(linked) & Q(token__consented_by__in=mates))
        )

    def by_what_stops_first(self) -> Self:
        """Return the lines in the order of the board: what stopped, then what ends first."""
        return self.annotate(stopped=Q(token__state=Token.State.DEAD)).order_by(
            F("stopped").desc(nulls_last=True), F("token__deadline").asc(nulls_last=True), "pk"
        )


class AskLine(models.Model):
    """One log-in, or one ad account, of an ask. It goes with the log-in, where a person has their data deleted."""

    class Stage(models.TextChoices):
        WAITING = "waiting", _("To be asked")
        SENT = "sent", _("Sent")
        OPENED = "opened", _("Opened")
        AT_CHANNEL = "at_channel", _("At the channel")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        NOT_ASKABLE = "not_askable", _("Cannot be asked")
        LEFT = "left", _("Not done")  # when the ask ended
        DECLINED = "declined", _("Declined")

    OPEN: ClassVar = (Stage.WAITING, Stage.SENT, Stage.OPENED, Stage.AT_CHANNEL)

    ask = models.ForeignKey(Ask, models.CASCADE, related_name="lines", db_index=False)
    token = models.ForeignKey(Token, models.CASCADE, null=True, blank=True, related_name="+")
    # To link or back up: the account, where there is one, as its channel knows it. Without a line a client link would be for any account.
    account = models.ForeignKey(
        "accounts.Account", models.SET_NULL, null=True, blank=True, related_name="ask_lines"
    )
    channel = models.CharField(max_length=20, blank=True)
    native_id = models.CharField(max_length=100, blank=True)
    name = models.CharField(max_length=300, blank=True)
    # When it was asked for: then it is done once it works again.
    was_dead = models.BooleanField(db_default=False)
    stage = models.CharField(max_length=11, choices=Stage, default=Stage.WAITING)
    why = models.CharField(max_length=20, blank=True)  # a block of words/asks.txt, or a kind of LinkProblem
    mails = models.PositiveSmallIntegerField(default=0)  # that asked for it: the first and the reminders
    next_at = models.DateTimeField(null=True, blank=True)  # when it is asked for next
    asked_at = models.DateTimeField(null=True, blank=True)  # the last time
    message = models.BigIntegerField(null=True, blank=True)  # the last mail; mails are pruned on their own
    sent_at = models.DateTimeField(null=True, blank=True)  # when it was seen last that a mail had left
    opened_at = models.DateTimeField(null=True, blank=True)
    at_channel_at = models.DateTimeField(null=True, blank=True)
    # What went wrong at the channel, since its person went there.
    trouble = models.CharField(max_length=20, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[AskLineQuerySet] = AskLineQuerySet.as_manager()  # type: ignore[assignment]  # a manager of its methods

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["ask", "token"], condition=Q(native_id=""), name="once_in_an_ask"
            ),
            models.UniqueConstraint(
                fields=["account", "token"], condition=Q(stage="waiting"), name="asked_once_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(token__isnull=False) | ~Q(native_id=""), name="ask_line_is_about_something"
            ),
        ]
        indexes = [models.Index("next_at", condition=Q(next_at__isnull=False), name="ask_line_next")]

    def __str__(self) -> str:
        return f"{self.ask_id}, {self.token_id or self.native_id}: {self.stage}"

    @property
    def called(self) -> str:
        """The account's name then, as far as it was known."""
        return self.name or self.native_id

    @property
    def log_in(self) -> Token:
        """The log-in, which every line has but those that ask to link an account."""
        assert self.token is not None
        return self.token

    def link_state(self, now: datetime) -> str:
        """Return how an ask stands: "linked", "accepted" (came in, has not linked), "opened", "ended" or "asked"."""
        if self.done_at is not None:
            return "linked"
        ask, invitation = self.ask, self.ask.invitation
        if not ask.is_open(now):
            return "ended"
        if ask.key:
            return "opened" if ask.opened_at else "asked"
        if invitation is not None and invitation.accepted_at is not None:
            return "accepted"
        return "ended" if invitation is not None and not invitation.is_open(now) else "asked"
