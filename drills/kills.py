"""`python -m drills.kills`: web and worker processes are killed -9 in the middle of shifts, of sending and of checks.

Real processes (gunicorn, the workers of the lanes mail and checks), killed at varied moments while the channel or the mail server
answers slowly. Counted at the mailbox and in the database: shifts that are half done, deaths that nobody is told of, mails that never came
or came twice, and the seconds until everything that was begun is done. A mail that its server took just before the kill comes once more
with the same Message-ID, as docs/operations.md says; such ones are counted apart.

Two naive controls: a sender that marks what it is about to send, and a shift in two transactions. A kill of the process that renews
tokens is in tests/tokens/test_refresh_lane.py.
"""

import argparse
import os
import random
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx2

from devtools.embedded.processes import free_port
from drills.stage import Tally, people, stage, until
from tests.support import processes
from tests.support.sandbox import Sandbox

if TYPE_CHECKING:
    from django.db.models import QuerySet

CHANNEL = "facebook"
TOGETHER = 8  # mails that wait when a sender is killed
TAKEN_OVER_WITHIN = (
    40.0  # seconds: a dead worker's claim lasts 20, the next sweep comes within 10, then it starts and asks
)
TOLD_WITHIN = 180.0  # seconds from an end until it is no longer doubted, and from then until it is told: much, where others work beside it
_NAIVE_SENDER = """
from django.core.mail import send_mail
from notifications.models import Message
waiting = list(Message.objects.filter(state="queued"))
Message.objects.filter(state="queued").update(state="sent")
for one in waiting:
    send_mail("A mail", "Text", None, [one.recipient])
"""
_NAIVE_SHIFT = """
import time
from django.db import transaction
from django.utils import timezone
from accounts.pool import services as pool
from accounts.models import Account
from tokens.models import Token
now, token = timezone.now(), Account.objects.get().active_token
with transaction.atomic():
    Token.objects.filter(pk=token.pk).update(state="dead", reason="password_changed", state_since=now)
print("first transaction", flush=True)
time.sleep(30)
with transaction.atomic():
    pool.settle(token_ids=[token.pk], cause="password_changed", now=now)
"""


def main() -> int:
    """Kill and count."""
    parser = argparse.ArgumentParser()
    for what, usual in (("shifts", 8), ("mails", 6), ("checks", 6)):
        parser.add_argument(f"--{what}", type=int, default=usual, help=f"kills in the middle of {what}")
    wanted = parser.parse_args()
    tally = Tally(f"{wanted.shifts + wanted.mails + wanted.checks} kills of web and worker processes")
    with stage() as world:
        people(CHANNEL, "ada", "ben")
        drill = Drill(world, tally, *_job())
        with drill.running("mail"), drill.running("checks"):
            drill.web_is_killed_in_shifts(wanted.shifts)
            drill.mail_worker_is_killed_in_sending(wanted.mails)
            drill.checks_worker_is_killed_in_checks(wanted.checks)
        drill.naive_controls()
    return tally.tell()


def _job() -> tuple[str, str]:
    """Return an API key and the address of the account's leases."""
    from accounts.api_keys import services as api_keys
    from accounts.models import Account, ApiKey
    from users.models import Team

    key = api_keys.issue_key(name="drill", scopes=list(ApiKey.Scope.values), teams=[Team.default()])[1]
    return key, f"/api/v1/accounts/{CHANNEL}/{Account.objects.get().native_id}/lease"


@dataclass
class Drill:
    """The kills, and what is counted after each."""

    world: Sandbox
    tally: Tally
    key: str
    path: str
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # the same kills in every run
    lanes: dict[str, ExitStack] = field(default_factory=dict)
    workers: dict[str, processes.Process] = field(default_factory=dict)
    repeated: int = 0  # mails that came twice with one Message-ID
    differing: int = 0  # accounts that were not what their pool says

    @contextmanager
    def running(self, lane: str) -> Iterator[None]:
        """Keep a worker of a lane, which `replace` kills."""
        self._start(lane)
        try:
            yield
        finally:
            self.lanes[lane].close()

    def _start(self, lane: str) -> None:
        stack = self.lanes[lane] = ExitStack()
        self.workers[lane] = stack.enter_context(processes.worker(self.world, lane))

    def _replace(self, lane: str) -> None:
        """kill -9 of a lane's worker, and a new one, as a supervisor would do it."""
        self.workers[lane].kill()
        self.lanes[lane].close()
        self._start(lane)

    # ---- shifts

    def web_is_killed_in_shifts(self, kills: int) -> None:
        """A job reports that the active log-in is refused, and the process that shifts the account dies: the child, or its master."""
        with ExitStack() as stack:
            port, answered = free_port(), 0
            address, master = self._web(stack, port)
            for number in range(kills):
                before = self._before_a_death()
                lease = self._post(address, self.path, {})[1]["lease_id"]
                self.world.add_fault(CHANNEL, delay=0.25)
                report = f"{address}/api/v1/leases/{lease}/report"
                job = _Job(lambda report=report: self._post("", report, REFUSED))  # type: ignore[misc]
                time.sleep(self.chance.uniform(0, 0.7))
                began = time.monotonic()
                if number % 2:
                    os.kill(processes.children(master.pid)[0], signal.SIGKILL)
                else:
                    master.kill()
                job.join()
                self._nothing_is_half_done()
                answered += job.status == 200
                self.tally.lost += job.status == 200 and not self._is_shifted(before)
                if not number % 2:
                    stack.close()
                    address, master = self._web(stack, port)
                until(job.again, seconds=TAKEN_OVER_WITHIN)
                self._count_a_death(before, began)
        self.tally.note(f"{kills} kills of web processes in a shift, {answered} of them after the answer")

    def _web(self, stack: ExitStack, port: int) -> tuple[str, processes.Process]:
        return stack.enter_context(processes.gunicorn(self.world, port=port, workers=1, threads=4))

    def _post(self, address: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        try:
            headers = {"Authorization": f"Bearer {self.key}"}
            answer = httpx2.post(f"{address}{path}", json=body, headers=headers, timeout=15, trust_env=False)
        except httpx2.HTTPError:
            return 0, None
        return answer.status_code, answer.json()

    # ---- checks

    def checks_worker_is_killed_in_checks(self, kills: int) -> None:
        """The sweep finds that the active log-in is refused, and its worker dies on the way to that."""
        from django.utils import timezone

        from accounts import tasks
        from tokens.models import Token

        for _ in range(kills):
            before = self._before_a_death()
            self.world.add_fault(CHANNEL, delay=0.25)
            self.world.clear_calls()
            Token.objects.make_due(timezone.now())
            tasks.check_channel.delay(CHANNEL)
            until(lambda: bool(self.world.calls(channel=CHANNEL)), seconds=25)
            time.sleep(self.chance.uniform(0, 0.8))
            began = time.monotonic()
            self._replace("checks")
            self._nothing_is_half_done()
            self._count_a_death(before, began)
            late = Token.objects.due(timezone.now())
            _until_none(late)
            self._lose(late.count(), "log-ins still due")
        self.tally.note(
            f"{kills} kills of the worker of the lane checks in a check; accounts that differed from their pool: {self.differing}"
        )
        self.tally.lost += self.differing

    # ---- a death, whoever finds it

    def _before_a_death(self) -> "Before":
        """Have both people's log-ins work, change the password of the one that carries the account, and note what there is."""
        from accounts.models import Account
        from tokens.models import Token

        self.world.clear_faults()
        dead = Token.objects.filter(state=Token.State.DEAD)
        for address in dead.values_list("consented_by__email", flat=True):
            people(CHANNEL, address.partition("@")[0], account=False)
        active = Account.objects.get().active_token
        assert active is not None
        assert active.consented_by is not None
        assert Account.objects.get().usable_count == 2
        self.world.change_password(CHANNEL, active.consented_by.email.partition("@")[0])
        return Before(active.pk, self._told())

    def _is_shifted(self, before: "Before") -> bool:
        from accounts.models import Account

        return Account.objects.get().active_token_id != before.token_id

    def _nothing_is_half_done(self) -> None:
        from accounts.pool import services as pool

        self.differing += len(pool.differences())

    @staticmethod
    def _told() -> int:
        from macros.models import Told

        return Told.objects.filter(kind=Told.Kind.LOG_IN).count()

    def _count_a_death(self, before: "Before", began: float) -> None:
        """Wait for the shift, for the other log-in that says so, and for the one mail about it."""
        from tokens.models import Token

        self.tally.tries += 1
        until(lambda: self._is_shifted(before), seconds=TAKEN_OVER_WITHIN)
        took = round(time.monotonic() - began, 1)
        self.tally.seconds = max(self.tally.seconds, took)
        self._nothing_is_half_done()
        if not self._is_shifted(before) or took > TAKEN_OVER_WITHIN:
            self.tally.lost += 1
            self.tally.note(f"not shifted within {took} s")
        until(Token.objects.filter(pk=before.token_id, state=Token.State.DEAD).exists, seconds=TOLD_WITHIN)
        until(lambda: self._told() > before.told, seconds=TOLD_WITHIN)
        told = self._told() - before.told
        self._lose(int(told < 1), "death of which nobody is told")
        self.tally.doubled += max(0, told - 1)
        self.world.clear_faults()
        self._count_mails()

    def _lose(self, number: int, what: str) -> None:
        self.tally.lost += number
        if number:
            self.tally.note(f"{number} {what}")

    # ---- mails

    def mail_worker_is_killed_in_sending(self, kills: int) -> None:
        """Mails wait, and their sender dies before the server took one, or between the server's answer and our record."""
        from django.utils import timezone

        from notifications import outbox
        from portal.start import first_steps

        for number in range(kills):
            self.world.set_smtp(delay=0.15, late=bool(number % 2))
            for _ in range(TOGETHER):
                outbox.enqueue(
                    kind=first_steps.TEST,
                    recipient="ada@example.com",
                    dedupe_key=f"drill:{uuid.uuid4()}",
                    now=timezone.now(),
                )
            time.sleep(self.chance.uniform(0, 1.2))
            began = time.monotonic()
            self._replace("mail")
            self._count_mails()
            self.tally.tries += 1
            self.tally.seconds = max(self.tally.seconds, round(time.monotonic() - began, 1))
        self.world.set_smtp()
        self.tally.note(
            f"{kills} kills of the worker of the lane mail in sending: {self.repeated} mails came twice, with the same Message-ID"
        )

    def _count_mails(self) -> None:
        """Wait until nothing waits, then compare what was to be sent with what the mailbox has."""
        from notifications.models import Message

        waiting = Message.objects.filter(state__in=["queued", "sending"])
        _until_none(waiting)
        self._lose(waiting.count(), "mails still wait")
        written = set(Message.objects.filter(state="sent").values_list("message_id", flat=True))
        came = Counter(mail["message_id"] for mail in self.world.mails())
        self._lose(len(written - set(came)), "mails never came")
        self.tally.doubled += sum(came[one] for one in set(came) - written)
        self.repeated = sum(count - 1 for count in came.values())

    # ---- controls

    def naive_controls(self) -> None:
        """Do both the naive way, and kill in the middle."""
        from django.utils import timezone

        from accounts.pool import services as pool
        from notifications import outbox
        from notifications.models import Message
        from portal.start import first_steps

        self._before_a_death()
        Message.objects.filter(state="queued").update(state="cancelled")
        self.world.delete_mails()
        self.world.set_smtp(delay=0.3)
        for _ in range(TOGETHER):
            key = f"drill:{uuid.uuid4()}"
            outbox.enqueue(
                kind=first_steps.TEST, recipient="ada@example.com", dedupe_key=key, now=timezone.now()
            )
        sender = self._naive(_NAIVE_SENDER)
        until(lambda: bool(self.world.mails()), seconds=60)
        sender.kill()
        self.world.set_smtp()
        marked = Message.objects.filter(state="sent", message_id="").count()
        shift = self._naive(_NAIVE_SHIFT)
        until(lambda: "first transaction\n" in shift.said, seconds=60)
        shift.kill()
        time.sleep(0.5)  # a mail that the server has whole is kept
        lost, wrong = marked - len(self.world.mails()), len(pool.differences())
        self.tally.control = (
            f"1 kill of a sender that marks first: {lost} of {marked} mails lost;"
            f" 1 kill of a shift in two transactions: {wrong} account is served a dead log-in"
        )
        self.tally.control_failed = lost > 0 and wrong == 1

    def _naive(self, code: str) -> processes.Process:
        command = ["manage.py", "shell", "--no-imports", "-v0", "-c", code]
        return processes.Process(command, processes.environment(self.world)).start()


def _until_none(rows: "QuerySet[Any]") -> None:
    until(lambda: not rows.all().exists(), seconds=TAKEN_OVER_WITHIN)


class _Job(threading.Thread):
    """A job that sends its report, and sends it again as long as it is told to come back."""

    def __init__(self, send: Callable[[], tuple[int, Any]]) -> None:
        super().__init__()
        self.send, self.status = send, 0
        self.start()

    def run(self) -> None:
        """Send it."""
        status, said = self.send()
        self.status = 0 if status == 200 and said["action"] == "retry_later" else status

    def again(self) -> bool:
        """Send it once more. Returns whether it was told what to go on with."""
        self.run()
        return self.status == 200


REFUSED = {
    "status": 400,
    "body": {"error": {"code": 190, "error_subcode": 460, "type": "OAuthException", "message": "Session"}},
}


@dataclass(frozen=True)
class Before:
    """What there was before a death."""

    token_id: int
    told: int


if __name__ == "__main__":
    raise SystemExit(main())
