"""A year of all channels at once: consents at given hours, checks when they are due, the daily evaluation, one clock on both sides.

Nothing of the product is replaced but how often a healthy log-in is looked at without a reason: that would be 2,000 checks a year of each.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import time_machine
from django.db.models import Q
from django.test import Client

from accounts.checks import services as sweeps
from accounts.models import Account
from macros.at_once import services as at_once
from macros.models import Notice
from macros.warnings import services as evaluation
from notifications.models import Message
from notifications.outbox import KINDS
from tests.support import native
from tests.support.factories import make_user
from tests.support.sandbox import Sandbox
from tokens.models import Token
from ui.dates import local_day
from users.models import User

MINUTE = 17
THRESHOLDS = (30, 7, 1)
LAST = timedelta(seconds=30)  # a sweep comes each minute
# When a log-in ends unless its person comes back, in days after the consent: from the channels' fact sheets, not from the packages.
ENDS_AFTER = {"facebook": 90, "linkedin": 365}
# Of an id of the stand-in's that its listing takes, the last four characters are replaced.
_PATTERN = "Lumen Shoes EU"


@dataclass
class Life:
    """One person's consent for one ad account of their own."""

    channel: str
    hour: int
    email: str
    account: str
    consents: list[datetime] = field(default_factory=list)
    told: dict[date, int] = field(
        default_factory=dict
    )  # local day of a mail: days left, as the mail counts them
    mails: list[tuple[date, str]] = field(default_factory=list)  # all: local day, kind


class Year:
    """The people of some hours on some channels, and everything that happens to them."""

    def __init__(
        self, world: Sandbox, *, channels: Sequence[str], hours: Sequence[int], late: timedelta
    ) -> None:
        self.world, self.late = world, late
        self.zone = evaluation.project_zone()
        self.first = local_day(datetime.now(UTC)) + timedelta(days=1)
        self.lives = [self._person(channel, hour) for hour in hours for channel in channels]
        self._traveller: time_machine.travel | None = None
        self.now = datetime.now(UTC)
        self._mails: dict[tuple[str, date], int] = defaultdict(int)

    def run(self, days: int, *, whole: bool = False) -> None:
        """Live so many days. In a `whole` year whoever's log-in has ended consents again the next day, and every day is evaluated.

        Else days on which no deadline is near are left out.
        """
        end = self._local(self.first + timedelta(days=days), time(0))
        consents = {self._consent_at(life, self.first): life for life in self.lives}
        evaluations = self.first
        while (now := self._next(consents, evaluations)) < end:
            self._go_to(now)
            if now in consents:
                self._consent(consents.pop(now), now)
            elif now == self._evaluation_at(evaluations):
                if whole or self._something_is_near(now):
                    self._evaluate(now)
                evaluations += timedelta(days=1)
                if whole:
                    consents |= self._returns(consents, evaluations)
            else:
                while sweeps.check_due_tokens(now=now):
                    pass
                at_once.tell_news(now + timedelta(minutes=1))
                self._deliver(now)
        self._back()

    def due(self, life: Life) -> dict[date, int]:
        """Return on which days which warning was due, by what the channel says of how long a consent lasts."""
        ends = self.ends(life)
        return {end.astimezone(self.zone).date() - timedelta(days=d): d for end in ends for d in THRESHOLDS}

    def ends(self, life: Life) -> list[datetime]:
        """Return when the consents of a life end, those to come too."""
        days = ENDS_AFTER.get(life.channel)
        return [at + timedelta(days=days) for at in life.consents] if days else []

    @property
    def most_mails_of_a_morning(self) -> int:
        """The most warning mails that one person got on one day."""
        return max(self._mails.values(), default=0)

    def at_the_end(self, life: Life) -> list[list[str]]:
        """Return for each end of a life the kinds of all mails from the day before it to two days after, once these are over."""
        last = [end.astimezone(self.zone).date() for end in self.ends(life)]
        over = [day for day in last if day + timedelta(days=2) < local_day(self.now)]
        return [[kind for on, kind in life.mails if -1 <= (on - day).days <= 2] for day in over]

    # --- what comes next

    def _next(self, consents: dict[datetime, Life], day: date) -> datetime:
        due = Token.objects.exclude(due_at=None).order_by("due_at").values_list("due_at", flat=True).first()
        sweep = [due + self.late + LAST] if due else []
        return min([*consents, self._evaluation_at(day), *sweep])

    def _evaluation_at(self, day: date) -> datetime:
        return evaluation.hour_of(day).astimezone(UTC) + self.late + LAST

    def _consent_at(self, life: Life, day: date) -> datetime:
        seconds = self.lives.index(life)  # no two at once
        return self._local(day, time(life.hour, MINUTE)) + timedelta(seconds=seconds)

    def _returns(self, consents: dict[datetime, Life], day: date) -> dict[datetime, Life]:
        dark = set(Account.objects.filter(state="deactivated").values_list("name", flat=True))
        waiting = {id(life) for life in consents.values()}
        return {
            self._consent_at(life, day + timedelta(days=1)): life
            for life in self.lives
            if life.account in dark and id(life) not in waiting
        }

    def _something_is_near(self, now: datetime) -> bool:
        dark = Q(state="deactivated", since__gt=now - timedelta(days=2))
        return Account.objects.filter(Q(deadline__lt=now + timedelta(days=32)) | dark).exists()

    def _local(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, tzinfo=self.zone).astimezone(UTC)

    # --- what happens

    def _person(self, channel: str, hour: int) -> Life:
        key, name = f"p{hour:02}", f"Shop {channel} {hour:02}"
        kept = next(
            one
            for one in self.world.state()["accounts"]
            if one["channel"] == channel and one["name"] == _PATTERN
        )
        self.world.put_user(channel, key, name=f"Person {hour:02}")
        status = {"status": kept["status"]} if kept["status"] else {}
        native_id = f"{kept['id'][:-4]}{hour + 1000}"
        self.world.put_account(channel, native_id, name=name, roles={key: "admin"}, **status)
        email = f"{key}@example.com"
        if not User.objects.filter(email=email).exists():
            make_user(email, name=f"Person {hour:02}")
        return Life(channel, hour, email, name)

    def _consent(self, life: Life, now: datetime) -> None:
        client = Client()
        client.force_login(
            User.objects.get(email=life.email), backend="django.contrib.auth.backends.ModelBackend"
        )
        native.link(client, life.channel, f"p{life.hour:02}", names=[life.account])
        life.consents.append(now)

    def _evaluate(self, now: datetime) -> None:
        evaluation.evaluate_if_due(now=now)
        self._deliver(now)

    def _deliver(self, now: datetime) -> None:
        day = local_day(now)
        for message in Message.objects.filter(state="queued").order_by("pk"):
            kind = KINDS[message.kind]
            mail = kind.build(message)  # raises where nothing of it holds
            message.state, message.sent_at = Message.State.SENT, now
            message.save()
            if kind.ended:
                kind.ended(message)
            for life in self.lives:
                if life.email == message.recipient and life.account in mail.text:
                    life.mails.append((day, message.kind))
            if message.kind == "macro":
                self._read(message, day)

    def _read(self, message: Message, day: date) -> None:
        self._mails[message.recipient, day] += 1
        for notice in message.notices.live().exclude(threshold=0).select_related("account"):
            assert notice.outcome == Notice.Outcome.MAILED
            assert notice.deadline is not None
            life = next(life for life in self.lives if life.account == notice.account.name)
            assert message.recipient == life.email
            life.told[day] = (local_day(notice.deadline) - day).days

    # --- the clock of both sides

    def _go_to(self, moment: datetime) -> None:
        self._back()
        self.now = moment
        self._traveller = time_machine.travel(moment, tick=True)
        self._traveller.start()
        self.world.set_clock(now=int(moment.timestamp()))

    def _back(self) -> None:
        if self._traveller is not None:
            self._traveller.stop()
            self._traveller = None
