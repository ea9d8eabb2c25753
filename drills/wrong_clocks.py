"""Drill: workers and beats of three hosts, one's clock an hour ahead, one's an hour behind, and clocks that are moved under their work.

    python -m drills.wrong_clocks

In the third round, while mails and renewals are under way, the right clock jumps an hour ahead, and the one that was ahead is put right.
Each mail must leave once and soon, each check and each renewal that was due be made once, all log-ins and ad accounts stay as they are, and
doctor names the hosts. The naive control is the same workers with claims that go by their host's own clock.
"""

import json
import os
import sys
import time
from datetime import datetime, timedelta

from drills.load import Checks, Mails, mails_wait, own_pool, still_running, until_done, workers
from drills.moved import AHEAD, BACK
from drills.stage import Tally, people, refreshes, stage, until
from tests.support.processes import Process
from tests.support.sandbox import Sandbox

CHANNELS = ("facebook", "snapchat", "linkedin", "pinterest", "tiktok", "x")
ROTATING = {"snapchat": "rotate", "pinterest": "rotate", "linkedin": "rotate_refresh"}
PEOPLE = ("ada", "ben")
HOSTS = {"ahead": 3600.0, "behind": -3600.0, "right": 0.0}  # seconds
STEPS = {"right": AHEAD, "ahead": BACK}
ROUNDS = 4
MOVED_IN = 2  # the round, from 0, in which clocks are moved
WRONG, WRONG_AFTER = {"ahead", "behind"}, {"right", "behind"}
MAILS = 15  # a round
MAIL_TAKES = 1.0  # seconds
REFRESH_TAKES = 2.0
RECOVERY = 60
LATEST = timedelta(seconds=30)  # between a mail's being written and its arrival
SAME = timedelta(minutes=1)  # within which the dates of two log-ins that were renewed at once may differ


def main() -> int:
    """Let the hosts work for some rounds, and count."""
    tally = Tally("clocks an hour ahead and behind, and moved under work")
    own_pool(20)
    with stage() as world:
        _run(world, tally)
        _control(world, tally)
    return tally.tell()


def _run(world: Sandbox, tally: Tally) -> None:
    for channel in CHANNELS:
        if channel in ROTATING:
            world.put_app(channel, settings={ROTATING[channel]: True})
        people(channel, *PEOPLE)
        world.add_fault(channel, path="token", delay=REFRESH_TAKES)
    world.set_smtp(delay=MAIL_TAKES)
    world.clear_calls()
    world.delete_mails()
    checks, mails, renewals = Checks(), Mails(), 0
    with workers(world, "all", hosts=HOSTS) as running:
        _wait_until_they_may_take_over()
        for number in range(ROUNDS):
            if number == MOVED_IN:
                _have_named(WRONG, tally)
            for _ in range(MAILS):
                mails.write()
            if number % 2:
                checks.make_due()
            else:
                renewals += _have_renewed()
            if number == MOVED_IN:
                _move(running, tally)
            took = until_done(checks, seconds=RECOVERY)
            tally.note(f"round {number + 1}: done after {took:.1f} s")
            tally.seconds = max(tally.seconds, round(took, 1))
        time.sleep(6)  # one more tick for mails, for what might leave twice
        _have_named(WRONG_AFTER, tally)
        still_running(running, tally)
    mails.count(world, tally)
    checks.count(world, tally)
    _count_renewals(world, tally, renewals)
    _count_late(world, tally)
    _look_at_rows(tally)


def _wait_until_they_may_take_over() -> None:
    """Nobody takes a claim within the first seconds, which would hide what a wrong clock does."""
    from infra import liveness

    time.sleep(liveness.CLAIM.total_seconds() + liveness.EVERY)


def _have_named(wrong: set[str], tally: Tally) -> None:
    """Check that doctor names these hosts and no other, and /healthz leads there; a sign of life may be 15 s old."""
    from django.test import RequestFactory

    from adtoken_project.ops import health

    def named() -> tuple[set[str], str]:
        doctors = " ".join(trouble.said for trouble in health.made(health.clocks))
        answer = json.loads(health.healthz(RequestFactory().get("/healthz")).content)
        # 3,600 seconds, or one less
        return {host for host in HOSTS if f"clock of {host} is 3," in doctors}, answer["clocks"]

    due = (wrong, health.NOT_PUBLIC)
    until(lambda: named() == due, seconds=20)
    if (found := named()) != due:
        tally.broken.append(f"{due} was to be said; doctor and /healthz said {found}")


def _move(running: dict[str, Process], tally: Tally) -> None:
    """Move clocks once mails and renewals are under way."""
    until(_under_way, seconds=20)
    if not _under_way():
        tally.broken.append("no mail or no renewal was under way when clocks were moved")
    for name, process in running.items():
        if (number := STEPS.get(name.rpartition(" on ")[2])) is not None:
            os.kill(process.pid, number)


def _under_way() -> bool:
    from notifications.models import Message
    from tokens.models import Token

    sending = Message.objects.filter(state=Message.State.SENDING).exists()
    return sending and Token.objects.filter(refresh_began_at__isnull=False).exists()


def _have_renewed() -> int:
    """Have all tokens that rotate renewed, as if they were due for it. Returns how many."""
    from django.utils import timezone

    from tokens.models import Token

    now = timezone.now()
    tokens = Token.objects.filter(app__channel__in=ROTATING)
    return tokens.update(
        due_at=now, due_for=Token.DueFor.REFRESH, access_expires_at=now - timedelta(minutes=5)
    )


def _count_renewals(world: Sandbox, tally: Tally, renewals: int) -> None:
    """Count at the stand-ins and in the history."""
    from tokens.models import Token, TokenEvent

    calls = sum(len(refreshes(world, channel)) for channel in ROTATING)
    renewed = TokenEvent.objects.filter(kind=TokenEvent.Kind.RENEWED).count()
    ill = Token.objects.filter(app__channel__in=ROTATING).exclude(state=Token.State.VALID).count()
    tally.tries += renewals
    tally.lost += max(0, renewals - renewed) + ill
    tally.doubled += max(0, calls - renewals)
    tally.note(f"{renewals} renewals due, {calls} calls, {renewed} stored, {ill} tokens not valid")


def _count_late(world: Sandbox, tally: Tally) -> None:
    """Compare when mails arrived with when they were written, both by a clock that is right."""
    from notifications.models import Message

    written = dict(Message.objects.values_list("recipient", "created_at"))
    took = [
        datetime.fromisoformat(mail["received_at"]) - written[address]
        for mail in world.mails()
        for address in mail["to"]
        if address in written
    ]
    late = sum(one > LATEST for one in took)
    tally.note(f"the slowest mail took {max(took, default=LATEST).total_seconds():.1f} s")
    if late:
        tally.broken.append(f"{late} mails came later than {LATEST.seconds} s")


def _look_at_rows(tally: Tally) -> None:
    """Look for claims that are stuck, log-ins and ad accounts that suffered, and dates that a wrong clock wrote."""
    from accounts.models import Account
    from notifications.models import Message
    from tokens.models import Token

    claimed = Token.objects.filter(claimed_until__isnull=False) | Token.objects.filter(
        refresh_began_at__isnull=False
    )
    found = {
        "claims on log-ins are stuck": claimed.count(),
        "mails are not sent": Message.objects.exclude(state=Message.State.SENT).count(),
        "log-ins are not valid": Token.objects.exclude(state=Token.State.VALID).count(),
        "ad accounts are dark": Account.objects.exclude(state=Account.State.CONNECTED).count(),
    }
    for channel in ROTATING:
        renewed = Token.objects.filter(app__channel=channel).values_list("renewed_at", "access_expires_at")
        lives = [ends - at for at, ends in renewed if at and ends]
        found[f"dates of {channel} differ"] = bool(lives) and max(lives) - min(lives) > SAME
    tally.broken += [f"{count} {what}" for what, count in found.items() if count]


def _control(world: Sandbox, tally: Tally) -> None:
    """Count mails sent by workers whose claims go by their host's own clock."""
    counted, mails = Tally("control"), Mails("own")
    world.delete_mails()
    with workers(world, "mail", hosts=HOSTS, DRILL_OWN_CLOCK="1"):
        _wait_until_they_may_take_over()
        for _ in range(MAILS):
            mails.write()
        until(lambda: not mails_wait(), seconds=RECOVERY)
        time.sleep(2)  # for what is still under way
    mails.count(world, counted)
    tally.control = f"claims by each host's own clock: {counted.doubled} mails too many, {counted.lost} lost, of {counted.tries}"
    tally.control_failed = counted.doubled > 0


if __name__ == "__main__":
    sys.exit(main())
