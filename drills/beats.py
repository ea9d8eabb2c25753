"""Drill: three workers at once, each with its beat.

    python -m drills.beats

Every tick comes three times. Each mail must leave once, each day be evaluated once, each check and each renewal that was due be made once.
The naive control is a schedule that sends what waits without a claim.
"""

import argparse
import sys
import threading
import time
from contextlib import ExitStack
from datetime import timedelta

from drills.load import (
    Checks,
    Mails,
    own_pool,
    received,
    send_at_once,
    still_running,
    until_done,
    workers,
)
from drills.stage import Tally, people, refreshes, stage
from tests.support.sandbox import Sandbox

CHANNELS = ("facebook", "snapchat", "linkedin", "pinterest", "tiktok", "x")
ROTATING = {"snapchat": "rotate", "pinterest": "rotate", "linkedin": "rotate_refresh"}
PEOPLE = ("ada", "ben")
BEATS = 3
MAILS = 20  # a round
ENDING = 20  # ad accounts of which a warning is due
MAIL_TAKES = 0.1  # seconds
RECOVERY = 60  # seconds
EVALUATE = "macros.evaluate_if_due"


def main() -> int:
    """Let three beats tick for some rounds, and count."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=4)
    rounds = parser.parse_args().rounds
    tally = Tally(f"{BEATS} workers with their beats, {rounds} rounds")
    own_pool(20)
    with stage() as world:
        _run(world, tally, rounds)
        _control(world, tally)
    return tally.tell()


def _run(world: Sandbox, tally: Tally, rounds: int) -> None:
    for channel in CHANNELS:
        if channel in ROTATING:
            world.put_app(channel, settings={ROTATING[channel]: True})
        people(channel, *PEOPLE)
    warned = _warnings_due()
    world.set_smtp(delay=MAIL_TAKES)
    world.clear_calls()
    world.delete_mails()
    checks, mails, renewals = Checks(), Mails(), 0
    with workers(world, *["all"] * BEATS, MACROS_HOUR="0") as running:
        for number in range(rounds):
            for _ in range(MAILS):
                mails.write()
            if number % 2:
                renewals += have_renewed()
            else:
                checks.make_due()
            _tick(EVALUATE)
            took = until_done(checks, seconds=RECOVERY)
            tally.seconds = max(tally.seconds, round(took, 1))
        time.sleep(6)  # one more tick for mails, for what might leave twice
        still_running(running, tally)
    mails.count(world, tally)
    checks.count(world, tally)
    count_renewals(world, tally, renewals)
    _count_warnings(world, tally, warned)


def _warnings_due() -> list[str]:
    """Make ad accounts whose log-ins end in a week. Returns the addresses of their people, each to be warned once."""
    from django.db import transaction
    from django.utils import timezone

    from accounts.pool import services as pool
    from tests.macros.support import make_macro, make_person
    from tests.support.factories import link, make_account, make_app, make_token

    make_macro(emails=(), notify_consenters=True, days=[7])
    now, addresses = timezone.now(), []
    for number in range(ENDING):
        person = make_person(f"warned{number}@example.com")
        account, token = (
            make_account(),
            make_token(
                make_app(),
                deadline=now + timedelta(days=6),
                consented_by=person,
                issued_at=now - timedelta(days=80),
            ),
        )
        link(account, token)
        with transaction.atomic():
            pool.settle(account_ids=[account.pk], cause="linked", now=now)
        addresses.append(person.email)
    return addresses


def have_renewed() -> int:
    """Have all tokens that rotate renewed, as if they were due for it. Returns how many."""
    from django.utils import timezone

    from tokens.models import Token

    now = timezone.now()
    tokens = Token.objects.filter(app__channel__in=ROTATING)
    return tokens.update(
        due_at=now, due_for=Token.DueFor.REFRESH, access_expires_at=now - timedelta(minutes=5)
    )


def _tick(task: str) -> None:
    """Have each beat send this task at once: none remembers that it did a moment ago."""
    from django.utils import timezone
    from django_celery_beat.models import PeriodicTask, PeriodicTasks

    PeriodicTask.objects.filter(task=task).update(last_run_at=timezone.now() - timedelta(days=1))
    PeriodicTasks.update_changed()


def count_renewals(world: Sandbox, tally: Tally, renewals: int) -> None:
    """Count at the stand-ins and in the history."""
    from tokens.models import Token, TokenEvent

    calls = sum(len(refreshes(world, channel)) for channel in ROTATING)
    renewed = TokenEvent.objects.filter(kind=TokenEvent.Kind.RENEWED).count()
    ill = Token.objects.filter(app__channel__in=ROTATING).exclude(state=Token.State.VALID).count()
    tally.tries += renewals
    tally.lost += max(0, renewals - renewed) + ill
    tally.doubled += max(0, calls - renewals)
    tally.note(f"{renewals} renewals due, {calls} calls, {renewed} stored, {ill} tokens not valid")


def _count_warnings(world: Sandbox, tally: Tally, warned: list[str]) -> None:
    from macros.models import Evaluation

    runs = Evaluation.objects.filter(trigger=Evaluation.Trigger.SCHEDULE).count()
    found = received(world)
    tally.tries += len(warned) + 1
    tally.lost += sum(not found[address] for address in warned) + (runs == 0)
    tally.doubled += sum(max(0, found[address] - 1) for address in warned) + max(0, runs - 1)
    came = sum(found[address] for address in warned)
    tally.note(f"{runs} evaluation of the day; {len(warned)} warnings due, {came} came")


def _control(world: Sandbox, tally: Tally) -> None:
    """Each tick sends what is not marked as sent, and marks it then."""
    from django.db import connection

    world.delete_mails()
    addresses = [f"naive{number}@example.com" for number in range(10)]
    sent: set[str] = set()
    barrier = threading.Barrier(BEATS)

    def tick() -> None:
        barrier.wait()
        for address in addresses:
            if address not in sent:
                send_at_once(world, address)
                sent.add(address)
        connection.close()

    with ExitStack() as stack:
        for thread in [threading.Thread(target=tick) for _ in range(BEATS)]:
            thread.start()
            stack.callback(thread.join)
    came = received(world)
    doubled = sum(count > 1 for count in came.values())
    tally.control = f"sent without a claim: {doubled} of {len(addresses)} mails came more than once"
    tally.control_failed = doubled > 0


if __name__ == "__main__":
    sys.exit(main())
