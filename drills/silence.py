"""All channels answer nothing for 40 seconds, whoever asks, and then what they always answer. A part of the drill bad_answers."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from drills import bench
from drills.bench import CHANNELS, REFRESHED, RENEWED, Bench
from drills.stage import Tally, until

SILENCE = 40.0  # seconds


def silence(site: Bench, tally: Tally) -> None:
    """Have a check, a renewal, a job and a person ask each channel at once, and count what came of it."""
    from django.utils import timezone

    from tokens.models import Token

    now = timezone.now()
    backs = {channel: bench.on_the_way_back("emil", channel) for channel in CHANNELS}
    site.world.clear_calls()
    for channel in CHANNELS:
        site.world.add_fault(channel, delay=SILENCE)
    wrong: list[str] = []
    _at_once(
        [work for channel in CHANNELS for work in _askers(site, channel, now, backs[channel], wrong, tally)]
    )
    waits = Token.objects.exclude(refresh_wanted_at=None, refresh_began_at=None)
    until(lambda: not waits.exists(), seconds=SILENCE + 20)
    wrong += [found for channel in CHANNELS for found in bench.ended(channel)] + bench.leaks(site)
    calls = site.world.calls(method="POST")
    refreshes = Counter(
        (call["channel"], call["native_user"])
        for call in calls
        if call["form"].get("grant_type") == "refresh_token"
    )
    site.world.clear_faults()
    bench.forget()
    served = sum(bench.lease_by_a_job(site, channel)[0] == 200 for channel in REFRESHED)
    wrong += [found for channel in CHANNELS for found in _afterwards(site, channel, now)]
    tally.tries += len(CHANNELS) * 3 + 1
    tally.lost += len(wrong) + len(REFRESHED) - served + len(REFRESHED) - len(refreshes)
    tally.doubled += refreshes.total() - len(refreshes)
    tally.note(
        f"{SILENCE:.0f} s of silence at all six at once: {refreshes.total()} refreshes for {len(refreshes)} log-ins,"
        f" {served} of {len(REFRESHED)} leases served afterwards; who asked meanwhile was answered within {tally.seconds} s"
    )
    for one in wrong:
        tally.note(f"WRONG silence: {one}")


def _askers(
    site: Bench,
    channel: str,
    now: datetime,
    come_back: Callable[[], list[str]],
    wrong: list[str],
    tally: Tally,
) -> list[Callable[[], None]]:
    """Return who asks one channel: a check, a job, a person; a renewal is asked for where no job waits for one."""
    from accounts import sweeps
    from tokens import lifecycle

    ada, ben = (bench.token_of(channel, name).pk for name in ("ada", "ben"))
    if channel in RENEWED and channel not in REFRESHED:
        lifecycle.want_refresh(token_id=ben, now=now, source="sweep", renew=True)

    def job() -> list[str]:
        return bench.lease(site, channel, now) if channel in REFRESHED else bench.report(site, channel, now)

    def timed(work: Callable[[], list[str]]) -> Callable[[], None]:
        def run() -> None:
            began = time.monotonic()
            wrong.extend(f"{channel}: {one}" for one in work())
            tally.seconds = max(tally.seconds, round(time.monotonic() - began, 1))

        return run

    def check() -> None:
        sweeps.check_these(token_ids=[ada], now=now, source="staff")

    return [check, timed(job), timed(come_back)]


def _at_once(works: Sequence[Callable[[], None]]) -> None:
    """Do all of it at the same time, each in a thread of its own."""
    from django.db import connection

    def alone(work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            connection.close()

    threads = [threading.Thread(target=alone, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _afterwards(site: Bench, channel: str, now: datetime) -> list[str]:
    bench.ask_again(channel, now + bench.AFTERWARDS)
    left = bench.states_of(channel)
    return [] if left == site.states[channel] else [f"{channel} not as before after a good answer: {left}"]
