"""Drill: processes of the web server are killed -9 while jobs write through the gate and the log-in that serves them dies, too.

    python -m drills.gate_kills --kills 40

Counted at the channel: writes that were made twice, and writes that were acknowledged and are nowhere. A job that hears nothing goes on
with its next write, as nobody knows whether the last one was made. The naive control sends it again.
"""

import argparse
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx2

from devtools.embedded.processes import free_port
from drills.stage import Tally, people, stage
from tests.support import processes
from tests.support.sandbox import Sandbox

CHANNEL = "facebook"
JOBS = 6
DELAY = 0.15  # seconds that the channel keeps an answer back after it did what was asked
FORM = {"objective": "OUTCOME_TRAFFIC", "status": "PAUSED", "special_ad_categories": "[]"}


def main() -> int:
    """Kill and count."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=40)
    wanted = parser.parse_args()
    tally = Tally(
        f"{wanted.kills} kills of web processes under writes through the gate, a log-in dies at every fourth"
    )
    with stage() as world:
        people(CHANNEL, "ada", "ben")
        path, params = _gate()
        world.add_fault(CHANNEL, path="campaigns", method="POST", delay=DELAY, late=True)
        port = free_port()
        with processes.gunicorn(world, port=port, workers=2, threads=2) as (address, server):
            jobs = _Jobs(f"{address}{path}", params)
            _kill(world, server, jobs, wanted.kills)
            _count(world, jobs, tally)
            naive = _Jobs(f"{address}{path}", params, prefix="naive", repeats=True)
            _kill(world, server, naive, 5)
        twice = [name for name, count in _made(world).items() if count > 1 and name.startswith("naive")]
        tally.control = f"sent again where nothing was heard: {len(twice)} of {naive.number} made twice"
        tally.control_failed = bool(twice)
    return tally.tell()


def _gate() -> tuple[str, dict[str, str]]:
    """Return where campaigns are made through the gate, and the credential as a parameter."""
    from accounts.api_keys import services as api_keys
    from accounts.models import Account, ApiKey
    from tests.support.gate import credential
    from users.models import Team

    account = Account.objects.get()
    key, _ = api_keys.issue_key(name="drill", scopes=[ApiKey.Scope.GATE], teams=[Team.default()])
    path = f"/proxy/{CHANNEL}/v26.0/act_{account.native_id}/campaigns"
    return path, {"access_token": credential(account, key.pk)}


@dataclass
class _Jobs:
    """Jobs that write one campaign after the other, each by a name of its own."""

    url: str
    params: dict[str, str]
    prefix: str = "write"
    repeats: bool = False  # naive: what was not answered is sent again
    number: int = 0
    made: list[str] = field(default_factory=list)  # that were acknowledged
    heard: Counter[str] = field(default_factory=Counter)
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> list[threading.Thread]:
        threads = [threading.Thread(target=self._work) for _ in range(JOBS)]
        for thread in threads:
            thread.start()
        return threads

    def _work(self) -> None:
        with httpx2.Client(trust_env=False, timeout=30) as client:
            while not self.over.is_set():
                with self.lock:
                    self.number += 1
                    name = f"{self.prefix} {self.number}"
                while not self._written(client, name) and self.repeats:
                    time.sleep(0.1)

    def _written(self, client: httpx2.Client, name: str) -> bool:
        try:
            answer = client.post(self.url, params=self.params, data={**FORM, "name": name})
        except httpx2.HTTPError as error:
            self.heard[type(error).__name__] += 1
            return False
        self.heard[str(answer.status_code)] += 1
        if answer.status_code == 200:
            self.made.append(name)
        return True


def _kill(world: Sandbox, server: processes.Process, jobs: _Jobs, kills: int) -> None:
    chance, threads = random.Random(1), jobs.begin()  # the same moments in every run
    for number in range(kills):
        time.sleep(chance.uniform(0.3, 1.2))
        if number % 4 == 3:
            _log_in_dies(world)
        if running := processes.children(server.pid):
            os.kill(chance.choice(running), signal.SIGKILL)
    time.sleep(1)
    jobs.over.set()
    for thread in threads:
        thread.join()


def _log_in_dies(world: Sandbox) -> None:
    """End the log-in that serves, and have the person who serves no longer consent anew."""
    from accounts.models import Account

    serving = Account.objects.select_related("active_token").get().active_token
    names = {"Ada Okafor": "ada", "Ben Lindqvist": "ben"}
    who = names[serving.native_user_name] if serving else "ada"
    other = next(name for name in names.values() if name != who)
    people(CHANNEL, other, account=False)
    world.change_password(CHANNEL, who)


def _made(world: Sandbox) -> Counter[str]:
    return Counter(row["fields"]["name"] for row in world.state()["campaigns"])


def _count(world: Sandbox, jobs: _Jobs, tally: Tally) -> None:
    made = _made(world)
    tally.tries = jobs.number
    tally.doubled = sum(count - 1 for count in made.values())
    tally.lost = sum(name not in made for name in jobs.made)
    if not jobs.made or not jobs.heard.keys() - {"200"}:
        tally.broken.append("no write was made, or no kill was felt")
    tally.note(
        f"{len(jobs.made)} of {jobs.number} writes acknowledged, {len(made)} made; heard {dict(jobs.heard)}"
    )


if __name__ == "__main__":
    sys.exit(main())
