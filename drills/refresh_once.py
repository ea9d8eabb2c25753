"""`python -m drills.refresh_once`: 50 jobs in 4 processes want one access token that is over; the channel answers after 35 s.

Before or after it replaced the refresh token; with Valkey emptied, frozen or stopped meanwhile. One call each time, and all are served
afterwards. TikTok renews nothing: there the same jobs are served at once and nobody is asked. Takes about a minute for each case.
"""

import argparse
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import httpx2
import redis

from drills.stage import Tally, people, refreshes, stage, until
from tests.support.sandbox import Sandbox


def _stop(server: redis.Redis) -> None:
    """End Valkey; it stays away."""
    with suppress(redis.ConnectionError):
        server.shutdown(nosave=True)


JOBS = 50
CHANNELS = ("snapchat", "pinterest", "linkedin", "tiktok")
SWITCH = {"snapchat": "rotate", "pinterest": "rotate", "linkedin": "rotate_refresh"}
TOKEN_PATH = {
    "snapchat": "access_token",
    "pinterest": "oauth/token",
    "linkedin": "accessToken",
    "tiktok": "oauth2",
}
VALKEY: Mapping[str, Callable[[redis.Redis], object]] = {
    "flushed": lambda server: server.flushall(),
    "frozen": lambda server: server.client_pause(40_000),
    "stopped": _stop,
}
OLD_PATIENCE = 5  # seconds for which a job waited for its own refresh


def main() -> int:
    """Run the cases and say what came of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--channels", nargs="*", default=CHANNELS)
    parser.add_argument(
        "--valkey", nargs="*", default=list(VALKEY), help="in this order; stopped, it stays so"
    )
    parser.add_argument("--delay", type=float, default=35)
    options = parser.parse_args()
    tally = Tally(f"{JOBS} jobs want one token, the channel answers after {options.delay:g} s")
    with stage() as world:
        from tests.support import processes

        for channel in options.channels:
            if channel in SWITCH:
                world.put_app(channel, settings={SWITCH[channel]: True})
            people(channel, "ada")
        with processes.worker(world), processes.web(world, workers=4, threads=16) as address:
            for valkey in options.valkey:
                for channel in options.channels:
                    for late in (False, True) if channel in SWITCH else (True,):
                        _case(world, address, tally, channel, late=late, valkey=valkey, delay=options.delay)
        _control(world, tally, next(channel for channel in options.channels if channel in SWITCH))
    return tally.tell()


def _case(
    world: Sandbox, address: str, tally: Tally, channel: str, *, late: bool, valkey: str, delay: float
) -> None:
    from django.utils import timezone

    from accounts.api_keys import services as api_keys
    from accounts.models import Account, ApiKey
    from tokens.models import Token
    from users.models import Team

    key = api_keys.issue_key(name="job", scopes=list(ApiKey.Scope.values), teams=[Team.default()])[1]
    account = Account.objects.get(channel=channel)
    token = Token.objects.filter(app__channel=channel)
    if channel in SWITCH:
        past = timezone.now() - timedelta(hours=1)  # when it ended, long after it was renewed
        token.update(
            access_expires_at=past,
            renewed_at=past - timedelta(hours=1),
            due_at=timezone.now() + timedelta(hours=1),
        )
    world.clear_calls()
    world.add_fault(channel, path=TOKEN_PATH[channel], delay=delay, late=late)
    server = redis.Redis.from_url(os.environ["REDIS_URL"])

    def lease(_number: int) -> int:
        path = f"{address}/api/v1/accounts/{channel}/{account.native_id}/lease"
        headers = {"Authorization": f"Bearer {key}"}
        return httpx2.post(path, json={}, headers=headers, timeout=60, trust_env=False).status_code

    with ThreadPoolExecutor(JOBS) as jobs:
        first = [jobs.submit(lease, number) for number in range(JOBS)]
        began = time.monotonic()
        time.sleep(2)
        VALKEY[valkey](server)
        said = Counter(job.result() for job in first)
        until(lambda: not token.filter(refresh_began_at__isnull=False).exists(), seconds=delay + 30)
        served = Counter(jobs.map(lease, range(JOBS)))
    if channel in SWITCH:  # from the answer on
        tally.seconds = max(tally.seconds, round(time.monotonic() - began - delay, 1))
    calls = len(refreshes(world, channel))
    world.clear_faults()
    tally.tries += 1
    wanted = 1 if channel in SWITCH else 0
    tally.doubled += max(0, calls - wanted)
    tally.lost += served[200] != JOBS or token.get().state != Token.State.VALID
    when = "after" if late else "before"
    tally.note(
        f"{channel}, {when} it replaced the token, Valkey {valkey}: {calls} calls; first {dict(said)}, afterwards {dict(served)}"
    )


def _control(world: Sandbox, tally: Tally, channel: str) -> None:
    """The naive way: each job refreshes for itself, and gives up after 5 seconds."""
    from tokens.channels import registry
    from tokens.channels.kinds import ChannelError
    from tokens.models import Token

    world.clear_calls()
    world.add_fault(channel, path=TOKEN_PATH[channel], delay=OLD_PATIENCE + 2, late=True)
    token = Token.objects.select_related("app").get(app__channel=channel)
    keys, credentials = token.app.keys(), token.unseal()

    def refresh(_number: int) -> bool:
        try:
            return registry.get(channel).renew(keys, credentials, timeout=OLD_PATIENCE) is not None
        except ChannelError:
            return False

    with ThreadPoolExecutor(4) as jobs:
        served = sum(jobs.map(refresh, range(8)))
    world.clear_faults()
    calls = len(refreshes(world, channel))
    tally.control = f"8 jobs: {calls} calls, {served} served, the new refresh token is nowhere"
    tally.control_failed = calls > 1 and served == 0


if __name__ == "__main__":
    raise SystemExit(main())
