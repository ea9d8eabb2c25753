"""Drill: a channel says of one, fifteen, sixty or all log-ins of an app that they are over, for ten minutes or for hours.

    python -m drills.one_doubt                                    # 1, 15 and 60 log-ins, all that may be wrong
    python -m drills.one_doubt --people 360 --says inspection     # minutes

Real sweeps against the stand-in and real mails, by a clock of the drill's own that goes from one due check to the next for 27 hours.
Log-ins are due evenly over an hour, as in use, or all at once; each is the only one of an account. Lost counts accounts that stood still
and log-ins that died where the channel was wrong for less than three hours (a lone one: fifteen minutes), what is not back a day later,
and true ends that were told late; doubled counts mails that nobody should have got, or got twice. The control believes each answer at
once.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from drills.stage import Tally, stage
from tests.support.sandbox import Sandbox

PEOPLE = (1, 15, 60)
WRONG_FOR = (10, 50, 150, 300)  # minutes
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
OPERATOR = "ops@example.com"
CHANNEL = "facebook"
CHANGED = {
    "code": 190,
    "subcode": 460,
    "message": "The session has been invalidated because the user changed the password.",
}
INVALID = {"data": {"is_valid": False, "scopes": [], "error": CHANGED}}
NO_PERMISSION = {"error": {"code": 200, "message": "The ad account owner has not given it"}}
# What is wrong: path, status and body of the answers of everybody; "restricted" is a status of the ad accounts.
SAYS: Mapping[str, tuple[str, int, Any] | None] = {
    "inspection": ("debug_token", 200, INVALID),
    "access": ("act_", 403, NO_PERMISSION),
    "restricted": None,
}


def link_people(world: Sandbox, channel: str, number: int) -> None:
    """People with a real log-in at the stand-in, each the only one of an account that he may publish to."""
    from django.db import transaction
    from django.utils import timezone

    from accounts.models import Account
    from accounts.pool import services as pool
    from tests.support.factories import link, make_account, make_user
    from tokens.models import ChannelApp, Token
    from tokens.vault import services as vault

    app = ChannelApp.objects.get(channel=channel)
    for one in range(number):
        key = f"person{one}"
        account = make_account(channel, native_id=str(uuid4() if channel == "snapchat" else 880_000 + one))
        world.put_user(channel, key, name=f"Person {one}")
        world.put_account(channel, account.native_id, name=account.name, roles={key: "admin"})
        ticked = {} if channel == "x" else {"accounts": [account.native_id]}
        given = world.issue_token(channel, key, **ticked)
        parts = {
            "access_token": given.get("access_token") or given["oauth_token"],
            "refresh_token": given.get("refresh_token") or "",
            "secret": given.get("oauth_token_secret") or "",
        }
        owner = app.token_owner(given["user_id"])
        token = Token.objects.create(
            app=app,
            native_user_id=given["user_id"],
            consented_by=make_user(),
            credentials=vault.seal(owner, {name: value for name, value in parts.items() if value}),
            has_refresh_token=bool(parts["refresh_token"]),
        )
        link(account, token)
    with transaction.atomic():
        ids = list(Account.objects.filter(channel=channel).values_list("pk", flat=True))
        pool.settle(account_ids=ids, cause="linked", now=timezone.now())


@dataclass
class Life:
    """An installation whose clock goes from one due check to the next, and what its people met."""

    world: Sandbox
    now: datetime
    most_dark: int = 0  # accounts that did not serve at one time
    most_dead: int = 0
    first_told: datetime | None = None
    last_told: datetime | None = None
    calls: int = 0
    told: Counter[str] = field(default_factory=Counter)  # mails by person

    def begin(self, *, evenly: bool) -> None:
        """Have everybody due now, or evenly over an hour, as log-ins in use are."""
        from tokens.models import Token

        tokens = list(Token.objects.order_by("pk"))
        for number, token in enumerate(tokens):
            token.due_at = self.now + (HOUR * number / len(tokens) if evenly else timedelta())
            token.last_used_at = self.now + 30 * HOUR
        Token.objects.bulk_update(tokens, ["due_at", "last_used_at"])

    def live_until(self, end: datetime) -> None:
        """Let time pass, from one due check to the next; while there is news to tell, half a minute."""
        from accounts.models import AccountNews
        from tokens.models import Token

        while self.now < end:
            self.work()
            due = (
                Token.objects.filter(due_at__isnull=False).order_by("due_at").values_list("due_at", flat=True)
            )
            following = due.first()
            soonest = max(following, self.now + MINUTE / 6) if following else end
            longest = MINUTE / 2 if AccountNews.objects.exists() else 30 * MINUTE
            self.now = min(soonest, self.now + longest, end)

    def _clock(self) -> datetime:
        """Let a moment pass at each look: what is asked because of an answer is asked after it."""
        self.now += timedelta(milliseconds=10)
        return self.now

    def work(self) -> None:
        """Ask about all that is due, tell, mail, and look at how everybody stands."""
        from accounts.alerts import services as alerts_services
        from accounts.checks import services as channel_sweep
        from accounts.models import Account
        from macros.at_once import services as at_once
        from notifications.delivery import services as delivery
        from notifications.models import Message
        from tokens.models import Token

        self.calls += channel_sweep.run_sweep(channel=CHANNEL, clock=self._clock) or 0
        alerts_services.tell_of_doubts(self.now)
        at_once.tell_news(self.now)
        delivery.deliver(clock=lambda: self.now)
        dark = Account.objects.exclude(state=Account.State.CONNECTED, restriction="").count()
        self.most_dark = max(self.most_dark, dark)
        self.most_dead = max(self.most_dead, Token.objects.filter(state=Token.State.DEAD).count())
        told = Message.objects.exclude(recipient=OPERATOR).exclude(told__kind="recovered")
        if self.first_told is None and told.exists():
            self.first_told = self.now
        if told.count() > self.told.total():
            self.last_told = self.now
        self.told = Counter(told.values_list("recipient", flat=True))


def say(world: Sandbox, what: str, *, wrong: bool) -> None:
    """Have the channel be wrong about everybody, or right again."""
    from accounts.models import Account

    fault = SAYS[what]
    if fault is None:
        for account in Account.objects.all():
            world.set_account_status(CHANNEL, account.native_id, account_status=2 if wrong else 1)
    elif wrong:
        path, status, body = fault
        world.add_fault(CHANNEL, path=path, status=status, body=body)
    else:
        world.clear_faults()


def fresh(world: Sandbox, people: int) -> Life:
    """Begin anew with so many people."""
    from django.utils import timezone

    from tests.support import emptying

    if not emptying.copied:  # with our apps, which the stage made
        emptying.keep_what_migrate_made()
    emptying.empty()
    world.reset()
    link_people(world, CHANNEL, people)
    return Life(world, timezone.now())


def wrong(tally: Tally, world: Sandbox, what: str, people: int, minutes: int, *, evenly: bool) -> None:
    """Be wrong for a while, then right for a day."""
    from accounts.models import Account
    from tokens.models import Token

    began, life = time.monotonic(), fresh(world, people)
    life.begin(evenly=evenly)
    start = life.now
    say(world, what, wrong=True)
    life.live_until(start + minutes * MINUTE)
    meanwhile = life.most_dark, life.most_dead, life.told.total()
    say(world, what, wrong=False)
    life.live_until(start + 27 * HOUR)
    away = Token.objects.exclude(state=Token.State.VALID, doubted_at=None).count()
    away += Account.objects.exclude(state=Account.State.CONNECTED, restriction="").count()
    holds = minutes < (15 if people == 1 else 180)
    tally.tries += 1
    tally.lost += away + (life.most_dark + life.most_dead if holds else 0)
    tally.doubled += sum(count - 1 for count in life.told.values()) + (life.told.total() if holds else 0)
    tally.note(
        f"{what}, {people} log-ins {'evenly' if evenly else 'at once'}, wrong for {minutes} min: stood still {meanwhile[0]},"
        f" dead {meanwhile[1]}, mails {life.told.total()}; a day later not back {away};"
        f" {life.calls} checks, {time.monotonic() - began:.0f} s"
    )


def true(tally: Tally, world: Sandbox, people: int, *, all_of_them: bool) -> None:
    """One has truly ended, or all have."""
    from tokens.models import Token

    life = fresh(world, people)
    life.begin(evenly=not all_of_them)
    start = life.now
    ended = people if all_of_them else 1
    for one in range(ended):
        world.change_password(CHANNEL, f"person{one}")
    life.live_until(start + 5 * HOUR)
    dead = Token.objects.filter(state=Token.State.DEAD).count()
    within = 3 * MINUTE if not all_of_them else 3 * HOUR + MINUTE
    late = life.last_told is None or life.last_told - start > within
    tally.tries += 1
    tally.lost += abs(ended - dead) + abs(ended - len(life.told)) + late
    tally.doubled += sum(count - 1 for count in life.told.values())
    tally.note(
        f"a true end of {'all' if all_of_them else 'one'} of {people}: {dead} dead, {len(life.told)} told, the last after "
        f"{(life.last_told - start) if life.last_told else '-'}"
    )


def control(tally: Tally, world: Sandbox) -> None:
    """Where each answer is believed at once, ten minutes end everybody and mail them."""
    from tokens.doubts import services as doubts

    real: Callable[..., bool] = doubts.is_true
    doubts.is_true = lambda facts, now: True  # as the real one
    try:
        life = fresh(world, 15)
        life.begin(evenly=False)
        say(world, "inspection", wrong=True)
        life.live_until(life.now + 10 * MINUTE)
    finally:
        doubts.is_true = real
        say(world, "inspection", wrong=False)
    tally.control = f"each answer believed: {life.most_dead} of 15 dead, {life.told.total()} mails"
    tally.control_failed = life.most_dead == 15


def main() -> int:
    """Run all sizes, ways and times that were asked for, the true ends and the control, and print what came of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, nargs="*", default=PEOPLE)
    parser.add_argument("--minutes", type=int, nargs="*", default=WRONG_FOR)
    parser.add_argument("--says", nargs="*", default=list(SAYS))
    options = parser.parse_args()
    tally = Tally("a channel that is wrong about all log-ins of an app")
    with stage() as world:
        from django.conf import settings

        settings.OPERATOR_EMAILS = [OPERATOR]
        settings.PASSWORD_HASHERS = [
            "django.contrib.auth.hashers.MD5PasswordHasher"
        ]  # a slow one is not the point
        settings.EMAIL_HOST, settings.EMAIL_PORT = world.smtp_host, world.smtp_port
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        for people in options.people:
            for what in options.says:
                for minutes in options.minutes:
                    for evenly in (True, False) if people > 1 else (False,):
                        wrong(tally, world, what, people, minutes, evenly=evenly)
            if people > 1:
                true(tally, world, people, all_of_them=False)
                true(tally, world, people, all_of_them=True)
        control(tally, world)
    return tally.tell()


if __name__ == "__main__":
    sys.exit(main())
