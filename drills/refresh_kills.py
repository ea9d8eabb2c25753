"""`python -m drills.refresh_kills --kills 20`: the process that refreshes is killed -9 again and again, its answers on their way.

The channel replaces each refresh token that is used and answers a moment later, so nearly every kill loses answers. Each must be found
within a minute, and nobody be told that the person cancelled. Then the window is measured that no mark can close: from the last byte of the
answer to our commit. The naive control stores what it gets and marks nothing: what it loses, nobody ever misses.
"""

import argparse
import random
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from drills.stage import Tally, people, refreshes, stage, until
from tests.support.sandbox import Sandbox

CHANNEL = "snapchat"
PEOPLE = ("ada", "ben", "chiara", "emil")
ANSWERS_AFTER = 0.4  # seconds
FOUND_WITHIN = 60
WINDOW = 40  # refreshes that are measured
_NAIVE = """
import sys, httpx2
answer = httpx2.post(sys.argv[1], data=dict(part.split("=", 1) for part in sys.argv[2:-1]), timeout=10, trust_env=False)
open(sys.argv[-1], "w").write(answer.text)
"""


def main() -> int:
    """Kill, count and measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20)
    kills = parser.parse_args().kills
    tally = Tally(f"{kills} kills of the process that refreshes")
    with stage() as world:
        world.put_app(CHANNEL, settings={"rotate": True})
        people(CHANNEL, *PEOPLE, account=False)
        _kill_and_count(world, tally, kills)
        world.clear_faults()
        tally.note(_window(world))
        _control(world, tally)
    return tally.tell()


def _kill_and_count(world: Sandbox, tally: Tally, kills: int) -> None:
    from tests.support import processes
    from tokens.models import Token, TokenEvent

    world.add_fault(CHANNEL, path="access_token", delay=ANSWERS_AFTER, late=True)
    chance = random.Random(1)  # the same kills in every run
    lost = blamed = stopped = 0
    for _ in range(kills):
        _want(world)
        before = TokenEvent.objects.filter(kind=TokenEvent.Kind.ANSWER_LOST).count()
        with processes.refresh_lane(world) as lane:
            until(lambda: bool(refreshes(world, CHANNEL)), seconds=20)
            time.sleep(chance.uniform(0, ANSWERS_AFTER * 1.2))
            lane.kill()
        began = time.monotonic()
        with processes.refresh_lane(world):
            until(lambda: not _open(), seconds=FOUND_WITHIN)
        tally.seconds = max(tally.seconds, round(time.monotonic() - began, 1))
        tally.tries += 1
        tally.lost += _open()
        lost += TokenEvent.objects.filter(kind=TokenEvent.Kind.ANSWER_LOST).count() - before
        dead = Token.objects.filter(state=Token.State.DEAD)
        blamed += dead.exclude(reason="answer_lost").count()
        stopped += dead.count()
        names = [email.partition("@")[0] for email in dead.values_list("consented_by__email", flat=True)]
        people(CHANNEL, *names, account=False)
    tally.doubled = blamed
    tally.note(
        f"{kills} kills, {kills * len(PEOPLE)} refreshes under way: {lost} answers lost, all found, {stopped} log-ins stopped by that,"
        f" {blamed} told as the person's action"
    )


def _want(world: Sandbox) -> None:
    from django.utils import timezone

    from tokens.models import Token

    now = timezone.now()
    world.clear_calls()
    Token.objects.update(
        access_expires_at=now - timedelta(hours=1),
        refresh_wanted_at=now,
        refresh_wanted={"source": "lease"},
        due_at=None,
    )


def _open() -> int:
    """How many log-ins wait for a refresh, or were left in one."""
    from tokens.models import Token

    return Token.objects.exclude(refresh_wanted_at=None, refresh_began_at=None).count()


def _window(world: Sandbox) -> str:
    """Measure from the last byte of an answer to its commit, as a job goes through it."""
    from django.utils import timezone

    from infra import io_steps
    from tokens.checks import services as probe
    from tokens.models import Token

    people(CHANNEL, "ada", account=False)
    took: list[float] = []
    real_attempt, real_stored = probe.calls.renew_at_channel, io_steps.stored  # type: ignore[attr-defined]
    answered = [0.0]

    def attempt(*args, **kwargs):  # type: ignore[no-untyped-def]
        try:
            return real_attempt(*args, **kwargs)
        finally:
            answered[0] = time.perf_counter()

    def stored(write):  # type: ignore[no-untyped-def]
        result = real_stored(write)
        if answered[0]:
            took.append(time.perf_counter() - answered[0])
            answered[0] = 0.0
        return result

    probe.calls.renew_at_channel, io_steps.stored = attempt, stored  # type: ignore[attr-defined]
    try:
        with probe.refreshes_made_here():
            for _ in range(WINDOW):
                now = timezone.now()
                token = Token.objects.select_related("app").get(consented_by__email="ada@example.com")
                io_steps.run(probe.check_job(token, now=now, source="sweep", renew=True))
    finally:
        probe.calls.renew_at_channel, io_steps.stored = real_attempt, real_stored  # type: ignore[attr-defined]
    took.sort()
    return (
        f"from the last byte to the commit, {len(took)} refreshes: median {took[len(took) // 2] * 1000:.0f} ms,"
        f" worst {took[-1] * 1000:.0f} ms"
    )


def _control(world: Sandbox, tally: Tally) -> None:
    """Refresh without a mark, and kill in the middle: the channel has replaced the token, and nobody here knows."""
    from tokens.models import Token

    world.add_fault(CHANNEL, path="access_token", delay=2, late=True)
    world.clear_calls()
    token = Token.objects.select_related("app").get(consented_by__email="ada@example.com")
    keys, credentials = token.app.keys(), token.unseal()
    form = {
        "grant_type": "refresh_token", "refresh_token": credentials.refresh_token,
        "client_id": keys.client_id, "client_secret": keys.secret,
    }  # fmt: skip
    address = f"{world.snapchat}/login/oauth2/access_token"
    with TemporaryDirectory() as folder:
        kept = Path(folder) / "answer"
        parts = [f"{name}={value}" for name, value in form.items()]
        process = subprocess.Popen([sys.executable, "-c", _NAIVE, address, *parts, str(kept)])
        until(lambda: bool(refreshes(world, CHANNEL)), seconds=20)
        time.sleep(0.5)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        spent = len(refreshes(world, CHANNEL))
        tally.control = (
            f"1 kill: {spent} refresh token replaced, {int(kept.exists())} stored, 0 missed by anybody"
        )
        tally.control_failed = spent == 1 and not kept.exists()


if __name__ == "__main__":
    raise SystemExit(main())
