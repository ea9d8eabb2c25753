"""Drill: the sender of webhooks is killed again and again, while the receiver refuses half of what it gets.

    python -m drills.webhooks --events 1000 --kills 48

Real processes send to a real server. Pauses and claims are let be over, as if their time had passed. Lost counts events that were never
taken; doubled those that came under two ids. Events that came twice by one id, which a receiver tells by it, are counted apart. The
naive control marks an event as sent before it sends it.
"""

import argparse
import random
import sys
import time
from collections import defaultdict
from datetime import timedelta

from drills.stage import Tally, stage, until
from tests.support.processes import Process, environment
from tests.support.receiver import Receiver
from tests.support.sandbox import Sandbox

SENDER = """
import sys, django
django.setup()
from drills.webhooks import let_time_pass
from macros.webhooks import services
print("ready", flush=True)
while True:
    services.send_to(int(sys.argv[1]))
    let_time_pass()
"""
NAIVE = """
import sys, django
django.setup()
from django.utils import timezone
from macros.models import Delivery
from macros.webhooks import network
print("ready", flush=True)
for one in Delivery.objects.filter(endpoint=int(sys.argv[1]), delivered_at=None).order_by("event"):
    Delivery.objects.filter(pk=one.pk).update(delivered_at=timezone.now())
    network.post(one.endpoint.open_address(), content=b"{}", headers={"webhook-id": str(one)})
"""


def main() -> int:
    """Kill and count."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=1_000)
    parser.add_argument("--kills", type=int, default=48)
    wanted = parser.parse_args()
    tally = Tally(f"{wanted.events} events, {wanted.kills} kills of the sender, a receiver that refuses half")
    with stage() as world:
        receiver = Receiver()
        endpoint = _endpoint(receiver.url, wanted.events)
        receiver.chance = 0.5
        for _ in range(wanted.kills):
            _killed(world, SENDER, endpoint)
            let_time_pass()
        receiver.chance = 0.0
        tally.seconds = until(lambda: _all_taken(world, endpoint), seconds=300)
        _count(tally, receiver, wanted.events)
        _control(world, tally)
    return tally.tell()


def _endpoint(url: str, events: int) -> int:
    """Make an endpoint and what is to be sent to it."""
    from accounts.models import AccountEvent
    from infra import database_clock
    from macros.models import Endpoint, Event
    from macros.webhooks import services
    from tests.support.factories import make_account

    now = database_clock.now()
    made = Endpoint(
        name="Receiver", types=Event.Type.values, host="127.0.0.1", created_at=now - timedelta(hours=1)
    )
    made.address = made.seal_address(url)
    made.save()
    account = make_account()
    AccountEvent.objects.bulk_create(
        AccountEvent(account=account, kind="shifted", at=now) for _ in range(events)
    )
    services.publish(now)
    return made.pk


def _killed(world: Sandbox, program: str, endpoint: int) -> None:
    sender = Process(
        ["-c", program, str(endpoint)], environment(world, DJANGO_SETTINGS_MODULE="adtoken_project.settings")
    )
    sender.start().wait_for(lambda: any("ready" in line for line in sender.said))
    time.sleep(random.uniform(0.01, 0.3))  # no secret
    sender.kill()


def let_time_pass() -> None:
    """Let pauses and claims be over."""
    from infra import database_clock
    from macros.models import Delivery, Endpoint

    Endpoint.objects.update(claimed_until=None, pause_until=None, failures=0, off_at=None)
    Delivery.objects.filter(delivered_at=None).update(next_at=database_clock.now(), failures=0)


def _all_taken(world: Sandbox, endpoint: int) -> bool:
    from macros.models import Delivery
    from macros.webhooks import services

    let_time_pass()
    services.send_to(endpoint)
    return not Delivery.objects.filter(delivered_at=None).exists()


def _count(tally: Tally, receiver: Receiver, events: int) -> None:
    ids: dict[int, list[str]] = defaultdict(list)
    for (headers, _), body in zip(receiver.got, receiver.bodies, strict=True):
        ids[body["data"]["sequence"]].append(headers["webhook-id"])
    taken = {one for one, status in receiver.answered if status == 200}
    tally.tries, tally.lost = len(receiver.got), events - len(taken)
    tally.doubled = sum(len(set(found)) > 1 for found in ids.values())
    again = len([1 for one, status in receiver.answered if status == 200]) - len(taken)
    tally.note(
        f"{len(receiver.got)} requests for {events} events; {again} were taken once more by the same id"
    )


def _control(world: Sandbox, tally: Tally) -> None:
    receiver = Receiver()
    endpoint = _endpoint(receiver.url, 300)
    receiver.chance = 0.5
    for _ in range(3):
        _killed(world, NAIVE, endpoint)
    taken = {one for one, status in receiver.answered if status == 200}
    from macros.models import Delivery

    marked = Delivery.objects.filter(endpoint=endpoint).exclude(delivered_at=None).count()
    tally.control = f"marked as sent before it is sent: {marked - len(taken)} of {marked} lost"
    tally.control_failed = marked > len(taken)


if __name__ == "__main__":
    sys.exit(main())
