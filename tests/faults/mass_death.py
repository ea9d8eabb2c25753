"""Drill: a channel says for twenty minutes of 300 log-ins of one app that they are over.

    python -m tests.faults.mass_death                          # in every shape that a channel has for it, a true end of all, the control
    python -m tests.faults.mass_death --people 100 --shapes "x, suspended"

Real sweeps, the real process that refreshes (in a thread) and real mails, by a clock of the drill's own. At most 19 may die, nobody may be
mailed about the others, and all come back by themselves, those 19 too. Where all have truly ended, all end after the second round, with
one mail a person. Lost counts log-ins that died beyond the 19 or did not come back, doubled mails to anybody else, or twice. The naive
control has no brake.
"""

import argparse
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from tests.faults.stage import Tally, stage, until
from tests.support.sandbox import Sandbox

PEOPLE = 300
LASTS = 20  # minutes
MINUTE = timedelta(minutes=1)
OPERATOR = "ops@example.com"

V1 = {"errors": [{"code": 89, "message": "Invalid or expired token."}]}
SUSPENDED = {"errors": [{"code": 64, "message": "Your account is suspended."}]}
CHANGED = {
    "code": 190,
    "subcode": 460,
    "message": "The session has been invalidated because the user changed the password.",
}
UNAUTHORIZED = {"request_status": "ERROR", "msg": "Unauthorized"}
UNKNOWN = {"code": 2, "message": "Authentication failed."}
REVOKED = {"active": False, "status": "revoked", "created_at": 1_700_000_000}
GRANT = {"code": 283, "message": "The authorization grant is invalid"}
REFUSED = {"error": "invalid_grant", "error_description": "Invalid refresh token"}
# Every way in which a channel can say it: of the log-in when it is asked, and of the renewal. Path, status, body.
SHAPES: Mapping[str, tuple[str, Sequence[tuple[str, int, Any]]]] = {
    "facebook, the inspection's own": ("facebook", [("debug_token", 200, {"data": {"is_valid": False, "scopes": [], "error": CHANGED}})]),
    "snapchat, renewal refused": ("snapchat", [("access_token", 400, REFUSED), ("", 401, UNAUTHORIZED)]),
    "x, cancelled": ("x", [("", 401, V1)]),
    "x, suspended": ("x", [("", 403, SUSPENDED)]),
    "linkedin, not active and not renewed": ("linkedin", [("introspectToken", 200, REVOKED), ("accessToken", 400, REFUSED)]),
    "pinterest, renewal refused": ("pinterest", [("oauth/token", 401, GRANT), ("", 401, UNKNOWN)]),
    "tiktok, revoked": ("tiktok", [("", 200, {"code": 40105, "message": "Access token is incorrect or has been revoked.", "data": {}})]),
}  # fmt: skip
TRUE_END, CONTROL = "x, cancelled", "facebook, the inspection's own"


def link_people(world: Sandbox, channel: str, number: int) -> None:
    """People with a real log-in at the stand-in, each the only one of an account that he may publish to."""
    from django.db import transaction
    from django.utils import timezone

    from accounts import pool
    from accounts.models import Account
    from tests.support.factories import link, make_account, make_user
    from tokens import vault
    from tokens.models import ChannelApp, Token, token_owner

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
        owner = token_owner(app, given["user_id"])
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
class Installation:
    """Sweeps, refreshes, mails and what tends incidents, by one clock that the drill moves."""

    world: Sandbox
    now: datetime

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the process that refreshes beside what is inside, in a thread."""
        from tokens import refresh_lane

        module: Any = refresh_lane
        real, module.database_clock = module.database_clock, SimpleNamespace(now=lambda: self.now)
        lane = refresh_lane.RefreshLane()
        thread = threading.Thread(target=lane.run)
        thread.start()
        try:
            yield
        finally:
            lane.stop()
            thread.join()
            module.database_clock = real

    def work(self, channel: str) -> None:
        """A minute of all lanes, until nothing of the channel is due."""
        from accounts import channel_sweep
        from accounts.mails import incident_mail
        from accounts.telling import notices
        from notifications import delivery
        from tokens import lifecycle
        from tokens.models import Token

        of_channel = Token.objects.filter(app__channel=channel)
        for _ in range(3):  # what the lane renewed may be due again, for its ad accounts
            channel_sweep.run(channel=channel, worker="drill", clock=lambda: self.now)
            until(
                lambda: not of_channel.exclude(refresh_wanted_at=None, refresh_began_at=None).exists(),
                seconds=60,
            )
            if not Token.objects.due(self.now).filter(app__channel=channel).exists():
                break
        lifecycle.tend(now=self.now)
        incident_mail.tell(self.now)
        notices.tell(self.now)
        delivery.deliver(clock=lambda: self.now)

    def all_say_it(self, shape: str) -> str:
        """Have the channel say it of everybody from now on, and ask about everybody. Returns the channel."""
        from tokens.models import Token

        channel, faults = SHAPES[shape]
        self.world.delete_mails()
        for path, status, body in faults:
            self.world.add_fault(channel, path=path, status=status, body=body)
        Token.objects.filter(app__channel=channel).update(due_at=self.now)
        self.work(channel)
        return channel

    def goes_on(self, channel: str, *minutes: int) -> None:
        """Let time pass, minute by minute of those named."""
        began = self.now
        for minute in minutes:
            self.now = began + minute * MINUTE
            self.work(channel)
        self.now = began + minutes[-1] * MINUTE

    def dead(self, channel: str) -> int:
        """How many log-ins are over."""
        from tokens.models import Token

        return Token.objects.filter(app__channel=channel, state=Token.State.DEAD).count()

    def mailed(self) -> Counter[str]:
        """Who got how many mails, but for operators; as the mailbox has them."""
        told = Counter(address for mail in self.world.mails() for address in mail["to"])
        del told[OPERATOR]
        return told


def incident(site: Installation, tally: Tally, shape: str, people: int) -> None:
    """Say it for twenty minutes, and then the truth."""
    from tokens.deaths import Incident
    from tokens.lifecycle.incident_brake import AT_ONCE

    from accounts.models import Account
    from tokens.models import Token

    began = time.monotonic()
    channel = site.all_say_it(shape)
    site.goes_on(channel, 5, 10, 15, 16, LASTS)
    dead, mailed, most = site.dead(channel), site.mailed(), min(people, AT_ONCE - 1)
    site.world.clear_faults()
    site.goes_on(channel, 5, 11, 12, 20, 40)
    tokens, accounts = Token.objects.filter(app__channel=channel), Account.objects.filter(channel=channel)
    away = people - tokens.filter(state=Token.State.VALID, reason="").count()
    dark = people - accounts.filter(state=Account.State.CONNECTED).count()
    open_yet = Incident.objects.filter(ended_at=None).count()
    told = site.mailed()
    held_told = max(0, len(told) - most)
    twice = sum(count - 2 for count in told.values() if count > 2)  # that it stopped, and that it works again
    tally.tries += 1
    tally.lost += max(0, dead - most) + max(away, dark) + open_yet
    tally.doubled += held_told + twice
    tally.note(
        f"{shape}: {dead} of {people} dead, {sum(mailed.values())} mails meanwhile to {len(mailed)} people; back {people - away},"
        f" accounts dark {dark}, of the others mailed {held_told}; {time.monotonic() - began:.0f} s"
    )


def true_end(site: Installation, tally: Tally, people: int) -> None:
    """All have truly ended: the app was removed at the channel."""
    from tokens.lifecycle.incident_brake import AT_ONCE

    channel = site.all_say_it(TRUE_END)
    first, told_first = site.dead(channel), len(site.mailed())
    site.goes_on(channel, 16)
    after_one = site.dead(channel)
    site.goes_on(channel, 15, 16, 20)
    dead, mailed = site.dead(channel), site.mailed()
    site.world.clear_faults()
    tally.tries += 1
    tally.lost += people - dead + people - len(mailed) + max(0, after_one - AT_ONCE + 1)
    tally.doubled += sum(mailed.values()) - len(mailed)
    tally.note(
        f"a true end of all: {first} dead at once ({told_first} told), {after_one} after the first round, {dead} after the second;"
        f" {len(mailed)} people got {sum(mailed.values())} mails"
    )


def control(site: Installation, tally: Tally, people: int) -> None:
    """Without a brake each answer is believed."""
    from tokens.lifecycle import incident_brake

    incident_brake.AT_ONCE, real = 10**9, incident_brake.AT_ONCE
    try:
        channel = site.all_say_it(CONTROL)
    finally:
        incident_brake.AT_ONCE = real
    dead, mailed = site.dead(channel), site.mailed()
    site.world.clear_faults()
    site.goes_on(channel, LASTS, 60)
    stay = site.dead(channel)
    tally.control = (
        f"without a brake: {dead} of {people} dead, {sum(mailed.values())} mails, {stay} dead when it is over"
    )
    tally.control_failed = dead == people


def main() -> int:
    """Run the shapes, the true end and the control, and print what came of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--shapes", nargs="*", default=list(SHAPES))
    options = parser.parse_args()
    tally = Tally(f"{options.people} log-ins of one app, said to be over for {LASTS} minutes")
    with stage() as world:
        from django.conf import settings
        from django.utils import timezone

        settings.OPERATOR_EMAILS = [OPERATOR]
        settings.PASSWORD_HASHERS = [
            "django.contrib.auth.hashers.MD5PasswordHasher"
        ]  # a slow one is not the point
        settings.EMAIL_HOST, settings.EMAIL_PORT = world.smtp_host, world.smtp_port
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        site = Installation(world, timezone.now())
        began = time.monotonic()
        for channel in {SHAPES[shape][0] for shape in [*options.shapes, TRUE_END, CONTROL]}:
            link_people(world, channel, options.people)
        tally.note(f"linked in {time.monotonic() - began:.0f} s")
        with site.running():
            for shape in options.shapes:
                incident(site, tally, shape, options.people)
                site.now += 60 * MINUTE
            true_end(site, tally, options.people)
            site.now += 60 * MINUTE
            control(site, tally, options.people)
    return tally.tell()


if __name__ == "__main__":
    sys.exit(main())
