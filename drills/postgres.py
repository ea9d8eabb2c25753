"""Drill: PostgreSQL is stopped hard (`pg_ctl stop -m immediate`) and started again while jobs lease and report, people link, tokens renew.

    python -m drills.postgres                 # ten times, then the naive control

Whatever was acknowledged must be found again: each lease in the record, each death that a report was told, each consent, each refresh token
that the channel replaced, each mail in the mailbox, once. Nothing may be answered 500 later than a second after it is back. The naive
control acknowledges what is not on disk yet (`synchronous_commit = off`).
"""

import argparse
import random
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from drills.load import Load, Mails, issue_key, mails_wait, own_pool, received, still_running, workers
from drills.servers import Servers, own_servers
from drills.stage import Tally, people, refreshes, stage, until
from tests.support.processes import Process
from tests.support.sandbox import Sandbox

CHANNELS = ("facebook", "snapchat", "linkedin", "pinterest", "x")
ROTATING = {"snapchat": "rotate", "pinterest": "rotate", "linkedin": "rotate_refresh"}
PEOPLE = ("ada", "ben")
DEATHS = 15  # at most: twenty of one app within ten minutes would be held
MAIL_TAKES = 0.3  # seconds: so one is nearly always on its way when PostgreSQL stops
DOWN = (0.5, 2.0)  # seconds
BETWEEN = (3.0, 5.0)
CHANGED = {"error": {"message": "x", "type": "OAuthException", "code": 190, "error_subcode": 460}}


def main() -> int:
    """Stop it again and again, count, and run the control beside it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stops", type=int, default=10)
    stops = parser.parse_args().stops
    tally = Tally(f"PostgreSQL stopped hard {stops} times under load")
    with own_servers() as servers:
        own_pool(30)
        with stage() as world:
            _run(world, servers, tally, stops)
    return tally.tell()


def _run(world: Sandbox, servers: Servers, tally: Tally, stops: int) -> None:
    from tests.support import processes

    for channel in CHANNELS:
        if channel in ROTATING:
            world.put_app(channel, settings={ROTATING[channel]: True})
        people(channel, *PEOPLE)
    world.set_smtp(delay=MAIL_TAKES)
    world.clear_calls()
    with ExitStack() as stack:
        address = stack.enter_context(processes.web(world, workers=2, threads=4))
        running = stack.enter_context(workers(world, "all"))
        harm = Harm(world, Load(address, issue_key()))
        control = _Control()
        harm.begin()
        harm.load.every(0.005, control.write)
        _stop_and_start(servers, harm, tally, stops)
        harm.load.stop()
        _settle(tally)
        still_running(running, tally)
    harm.count(tally, running)
    control.count(tally)


def _stop_and_start(servers: Servers, harm: "Harm", tally: Tally, stops: int) -> None:
    chance = random.Random(1)  # the same moments in every run
    for _ in range(stops):
        time.sleep(chance.uniform(*BETWEEN))
        servers.stop_postgres_hard()
        harm.down.append(time.monotonic())
        time.sleep(chance.uniform(*DOWN))
        harm.back.append(servers.start_postgres())
    time.sleep(BETWEEN[1])
    for back in harm.back:
        good = [one.ended for one in harm.load.said if one.status == 200 and one.ended > back]
        tally.seconds = max(tally.seconds, round(min(good, default=back + 99) - back, 2))


def _settle(tally: Tally) -> None:
    from django.db import connection

    from tokens.models import Token

    connection.close()  # PostgreSQL has ended it
    under_way = Token.objects.exclude(refresh_wanted_at=None, refresh_began_at=None)
    took = until(lambda: not mails_wait() and not under_way.exists(), seconds=90)
    tally.note(f"{took:.0f} s after the load all mails were out and all renewals done")


@dataclass
class Harm:
    """The load, what it was told, and when PostgreSQL was away."""

    world: Sandbox
    load: Load
    mails: Mails = field(default_factory=Mails)
    down: list[float] = field(default_factory=list)
    back: list[float] = field(default_factory=list)
    leases: list[str] = field(default_factory=list)
    deaths: list[tuple[int, Any, Any]] = field(
        default_factory=list
    )  # token id, between when a report of it was made and answered
    consents: list[tuple[int, Any]] = field(default_factory=list)  # token id, when it was begun
    wishes: int = 0

    def begin(self) -> None:
        """Start all jobs."""
        from accounts.models import Account

        self.accounts = list(Account.objects.values_list("channel", "native_id"))
        self.chance = random.Random(2)
        for _ in range(3):
            self.load.every(0.1, self.lease)
        self.load.every(0.5, self.look)
        self.load.every(0.3, self.mails.write)
        self.load.every(1.0, self.renew)
        self.load.every(3.0, self.kill_and_link)

    def lease(self) -> None:
        """Lease some account."""
        channel, native_id = self.chance.choice(self.accounts)
        answer = self.load.ask("lease", "POST", f"/api/v1/accounts/{channel}/{native_id}/lease", json={})
        if answer is not None and answer.status_code == 200:
            self.leases.append(answer.json()["lease_id"])

    def look(self) -> None:
        """Open the page to log in, and read the list of accounts."""
        from django.urls import reverse

        self.load.ask("page", "GET", reverse("account_login"))
        self.load.ask("list", "GET", "/api/v1/accounts")

    def renew(self) -> None:
        """Wish for a renewal of some token that rotates."""
        from django.utils import timezone

        from tokens import lifecycle
        from tokens.models import Token

        tokens = list(
            Token.objects.filter(app__channel__in=ROTATING, state=Token.State.VALID).values_list(
                "pk", flat=True
            )
        )
        self.wishes += 1
        lifecycle.want_refresh(
            token_id=self.chance.choice(tokens), now=timezone.now(), source="staff", renew=True
        )

    def kill_and_link(self) -> None:
        """Change the password of whose log-in is active at Facebook, report what the channel answers, and have the person come back."""
        from django.utils import timezone

        from accounts.models import Account

        if len(self.deaths) >= DEATHS:
            return
        account = Account.objects.select_related("active_token__consented_by").get(channel="facebook")
        token = account.active_token
        assert token is not None
        assert token.consented_by is not None
        person = token.consented_by.email.partition("@")[0]
        path = f"/api/v1/accounts/facebook/{account.native_id}/lease"
        leased = self.load.ask("lease", "POST", path, json={})
        if leased is None or leased.status_code != 200:
            return
        self.world.change_password("facebook", person)
        try:
            path = f"/api/v1/leases/{leased.json()['lease_id']}/report"
            began = timezone.now()
            told = self.load.ask("report", "POST", path, json={"status": 400, "body": CHANGED})
            if told is not None and told.status_code == 200 and told.json()["verdict"] == "token_dead":
                self.deaths.append((token.pk, began, timezone.now()))
        finally:
            self._come_back(token.pk, person)

    def _come_back(self, token_id: int, person: str) -> None:
        """Have the person consent until it is acknowledged: the way to the channel and back may fall into a stop."""
        from django.db import DatabaseError, connection
        from django.utils import timezone

        while not self.load.over.wait(0.3):
            began = timezone.now()
            try:
                people("facebook", person, account=False)
            except (AssertionError, DatabaseError):
                connection.close()
                continue
            self.consents.append((token_id, began))
            return

    def count(self, tally: Tally, running: dict[str, Process]) -> None:
        """Look for what was acknowledged, and for what came twice."""
        self.mails.count(self.world, tally)
        self._count_records(tally)
        self._count_renewals(tally)
        self._count_answers(tally, running)

    def _count_records(self, tally: Tally) -> None:
        from accounts.models import LeaseRecord
        from accounts.pool import services as pool
        from broker.leases.records import hash_of
        from tokens.models import Doubt, TokenEvent

        known = set(LeaseRecord.objects.values_list("lease_hash", flat=True))
        missing = [lease for lease in self.leases if hash_of(lease) not in known]
        died = TokenEvent.objects.filter(kind=TokenEvent.Kind.DIED)
        # A report is believed at once, or writes a doubt that another look settles.
        doubted = Doubt.objects.filter(kind=Doubt.Kind.LOG_IN)
        unknown = sum(
            not died.filter(token=pk, at__range=within).exists()
            and not doubted.filter(token=pk, began_at__range=within).exists()
            for pk, *within in self.deaths
        )
        linked = TokenEvent.objects.filter(kind=TokenEvent.Kind.LINKED)
        not_linked = [
            pk for pk, began in self.consents if not linked.filter(token=pk, at__gte=began).exists()
        ]
        tally.tries += len(self.leases) + len(self.deaths) + len(self.consents)
        tally.lost += len(missing) + unknown + len(not_linked)
        stopped = sum(
            count for address, count in received(self.world).items() if address.partition("@")[0] in PEOPLE
        )
        tally.doubled += max(0, stopped - died.count())
        tally.note(
            f"{len(self.leases)} leases, {len(missing)} not on record; {len(self.deaths)} deaths told, {unknown} not found;"
            f" {len(self.consents)} consents, {len(not_linked)} not found; {stopped} mails about {died.count()} deaths"
        )
        if wrong := pool.differences():
            tally.broken.append(f"accounts differ from their pools: {wrong}")

    def _count_renewals(self, tally: Tally) -> None:
        """Each answer must be stored: another renewal with what is stored must be taken by the channel."""
        from django.utils import timezone

        from tokens.checks import services as probe
        from tokens.models import Token, TokenEvent

        calls = sum(len(refreshes(self.world, channel)) for channel in ROTATING)
        refused = 0
        with probe.refreshes_made_here():
            for token in Token.objects.filter(app__channel__in=ROTATING):
                probe.probe_token(
                    token.pk, now=timezone.now() + timedelta(minutes=10), source="staff", renew=True
                )
                token.refresh_from_db()
                refused += token.state != Token.State.VALID or token.refresh_unanswered_at is not None
        lost = TokenEvent.objects.filter(kind=TokenEvent.Kind.ANSWER_LOST).count()
        tally.tries += calls
        tally.lost += refused + lost
        tally.doubled += max(0, calls - self.wishes)
        tally.note(
            f"{self.wishes} renewals wished for, {calls} calls, {lost} answers lost, {refused} tokens refused"
        )

    def _count_answers(self, tally: Tally, running: dict[str, Process]) -> None:
        late = []
        for one in self.load.said:
            if one.status in {0, 500}:
                back = max((at for at in self.back if at <= one.began), default=0.0)
                away = any(
                    down <= one.ended and one.began <= at + 1
                    for down, at in zip(self.down, self.back, strict=True)
                )
                if not away:
                    late.append(f"{one.what} {one.status}, begun {one.began - back:.1f} s after it was back")
        tally.broken += late[:10]
        tally.note(
            f"answers {self.load.statuses()}, of them 500 or none later than a second after: {len(late)}"
        )
        tally.notes += [f"load: {fault}" for fault in self.load.faults[:10]]
        errors = [line for process in running.values() for line in process.said if "Traceback" in line]
        tally.note(f"tracebacks in the workers' logs: {len(errors)}")


class _Control:
    """Rows that are acknowledged before they are on disk."""

    def __init__(self) -> None:
        from django.db import connection

        self.written: list[int] = []
        self.number = 0
        with connection.cursor() as cursor:
            cursor.execute("create table drill_control (number bigint primary key)")

    def write(self) -> None:
        """Insert one."""
        from django.db import connection, transaction

        self.number += 1
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("set local synchronous_commit = off")
            cursor.execute("insert into drill_control values (%s)", [self.number])
        self.written.append(self.number)

    def count(self, tally: Tally) -> None:
        """Look for them."""
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("select number from drill_control")
            found = {row[0] for row in cursor.fetchall()}
        lost = len(set(self.written) - found)
        tally.control = f"acknowledged before they are on disk: {lost} of {len(self.written)} rows lost"
        tally.control_failed = lost > 0


if __name__ == "__main__":
    sys.exit(main())
