"""Drill: all log-ins move to the newest key while readers read, writers renew, and the rotation is killed again and again.

    python -m drills.keys                 # 10,000 log-ins, 50 readers, 10 writers, 20 kills; then the naive control

It counts reads that failed, renewals that were lost and rows left on the old key. The naive control reads a batch, re-encrypts it and
writes it back without comparing: it must lose renewals.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cryptography.fernet import Fernet

from drills.stage import Tally
from tests.support.servers import prepare

HOT = 200  # log-ins that the writers renew over and over
PAUSE = 0.05  # seconds between reading a batch and writing it: longer than it takes, so that renewals fall into it
SECONDS = 300  # after which a drill is given up


@dataclass
class Result:
    """What a drill counted."""

    tokens: int
    kills: int = 0
    reads: int = 0
    failed_reads: list[str] = field(default_factory=list)
    renewals: int = 0
    lost_renewals: int = 0
    left_on_old_key: int = 0
    seconds: float = 0.0


def drill(*, tokens: int, readers: int, writers: int, kills: int, batch: int, naive: bool = False) -> Result:
    """Run it in Django's present database, which gets the log-ins. FERNET_KEYS of the settings is changed, and stays so."""
    from django.conf import settings

    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FERNET_KEYS = [old]
    ids = _store(tokens)
    settings.FERNET_KEYS = [new, old]
    result, began = Result(tokens), time.monotonic()
    with _traffic(ids, readers, writers, result) as written:
        if naive:
            _rotate(batch, naive=True)
        else:
            _rotate_and_kill(result, batch, wanted=kills, began=began)
            _manage("rotate_token_keys", f"--batch={batch}")
    result.seconds = round(time.monotonic() - began, 1)
    settings.FERNET_KEYS = [new]
    if not naive:
        _manage("rotate_token_keys", "--check")
    _judge(ids, written, result)
    return result


def _store(count: int) -> list[int]:
    from tokens.models import ChannelApp, Token
    from tokens.vault import services as vault

    app = ChannelApp(channel="snapchat", client_id=f"drill-{random.random()}", is_default=False, state="live")
    app.set_secrets(["drill"])
    app.save()
    rows = [
        Token(
            app=app,
            native_user_id=f"drill-{number}",
            credentials=vault.seal(
                app.token_owner(f"drill-{number}"), {"access_token": "first", "refresh_token": "r"}
            ),
            has_refresh_token=True,
        )
        for number in range(count)
    ]
    return [token.pk for token in Token.objects.bulk_create(rows, batch_size=1000)]


@contextmanager
def _traffic(ids: Sequence[int], readers: int, writers: int, result: Result) -> Iterator[dict[int, str]]:
    """Read and renew beside what happens inside; yields what each renewed log-in holds by the last renewal that was acknowledged."""
    over, written = threading.Event(), dict[int, str]()
    hot = random.sample(list(ids), min(HOT, len(ids)))
    shares = [hot[number::writers] for number in range(writers)]
    threads = [threading.Thread(target=_read, args=(ids, over, result)) for _ in range(readers)]
    threads += [threading.Thread(target=_renew, args=(share, over, written, result)) for share in shares]
    for thread in threads:
        thread.start()
    try:
        yield written
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _read(ids: Sequence[int], over: threading.Event, result: Result) -> None:
    """Open log-ins as a lease does, on a connection of its own."""
    from tests.support.connections import another
    from tokens.vault import services as vault

    text = """select a.client_id, t.native_user_id, t.credentials from tokens_token t
              join tokens_channelapp a on a.id = t.app_id where t.id = %s"""
    with another() as connection:
        while not over.wait(0.02):
            try:
                client_id, native, sealed = connection.execute(text, [random.choice(ids)]).fetchone() or (
                    "",
                    "",
                    b"",
                )
                vault.unseal(f"token:snapchat:{client_id}:{native}", vault.Sealed(sealed))
            except Exception as error:  # noqa: BLE001  # each is a finding
                result.failed_reads.append(f"{type(error).__name__}: {error}")
            result.reads += 1


def _renew(ids: Sequence[int], over: threading.Event, written: dict[int, str], result: Result) -> None:
    """Renew log-ins as a worker does."""
    from django.db import connection
    from django.utils import timezone

    from tokens import lifecycle
    from tokens.channels.kinds import Credentials, Dates, Grant
    from tokens.models import Token

    number = 0
    while not over.wait(0.01):
        number += 1
        pk, text = random.choice(ids), f"renewed {number} {threading.get_ident()}"
        generation = Token.objects.values_list("generation", flat=True).get(pk=pk)
        grant = Grant(Credentials(text), Dates(), None)
        if lifecycle.record_renewal(
            token_id=pk, generation=generation, grant=grant, now=timezone.now(), source="drill"
        ):
            written[pk] = text
            result.renewals += 1
        connection.close()


def _rotate_and_kill(result: Result, batch: int, *, wanted: int, began: float) -> None:
    """Start the rotation again and again, and kill it whenever another share of the rows has moved."""
    for kill in range(wanted):
        worker = subprocess.Popen(
            [sys.executable, "-m", "drills.keys", "--worker", str(batch)], env=environment()
        )
        mark = result.tokens * (kill + 1) // (wanted + 2)
        while worker.poll() is None and _moved() < mark:
            if time.monotonic() - began > SECONDS:
                worker.kill()
                raise TimeoutError("The drill took too long.")
            time.sleep(0.01)
        worker.send_signal(signal.SIGKILL)
        result.kills += worker.wait() == -signal.SIGKILL


def _moved() -> int:
    from infra.keys import fingerprints
    from tokens.models import Token

    return Token.objects.filter(credentials_key=fingerprints()[0]).count()


def environment() -> dict[str, str]:
    """Return what one of our processes needs to work on the present database with the present keys."""
    from django.conf import settings
    from django.db import connection

    base, _, query = os.environ["DATABASE_URL"].partition("?")
    url = f"{base.rpartition('/')[0]}/{connection.settings_dict['NAME']}" + (f"?{query}" if query else "")
    return {**os.environ, "DATABASE_URL": url, "FERNET_KEYS": ",".join(settings.FERNET_KEYS)}


def _manage(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}: {done.stdout}{done.stderr}")


def _judge(ids: Sequence[int], written: dict[int, str], result: Result) -> None:
    from tokens.models import Token
    from tokens.vault.services import VaultError

    for token in Token.objects.filter(pk__in=ids).select_related("app").iterator():
        try:
            found = token.unseal().access_token
        except VaultError:
            result.left_on_old_key += 1
        else:
            result.lost_renewals += found != written.get(token.pk, "first")


def _rotate(batch: int, *, naive: bool) -> None:
    """Rotate in this process, with a pause between reading and writing where a renewal can fall in."""
    from django.db import connection

    from infra.keys import Rotated, fingerprints
    from tokens.vault.queries import TokenRows

    class Careful(TokenRows):
        def _move(self, rows: Sequence[Any], done: Rotated) -> list[int]:
            time.sleep(PAUSE)
            return super()._move(rows, done)

    class Naive(TokenRows):
        def _move(self, rows: Sequence[Any], done: Rotated) -> list[int]:
            fresh = [(self.seal_again(row.stored), fingerprints()[0], row.pk) for row in rows]
            time.sleep(PAUSE)
            text = "update tokens_token set credentials = %s, credentials_key = %s where id = %s"
            with connection.cursor() as cursor:
                cursor.executemany(text, fresh)
            return []

    (Naive() if naive else Careful()).rotate(batch=batch)


def main(arguments: Sequence[str]) -> int:
    """Run the drill in full, and its control."""
    import django

    if arguments[:1] == ["--worker"]:
        django.setup()
        _rotate(int(arguments[1]), naive=False)
        return 0
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tokens", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=20)
    options = parser.parse_args(arguments)
    with prepare():
        os.environ["DATABASE_POOL"] = "20"  # a connection for each writer
        os.environ["DJANGO_SETTINGS_MODULE"] = "adtoken_project.settings"
        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        careful = drill(tokens=options.tokens, readers=50, writers=10, kills=options.kills, batch=200)
        naive = drill(tokens=2_000, readers=5, writers=10, kills=0, batch=200, naive=True)
    return _tally(careful, naive).tell()


def _tally(careful: Result, naive: Result) -> Tally:
    tally = Tally(
        f"{careful.tokens} log-ins move to another key, the rotation is killed {careful.kills} times"
    )
    tally.tries = careful.reads + careful.renewals
    tally.lost = careful.lost_renewals + careful.left_on_old_key + len(careful.failed_reads)
    tally.note(
        f"{careful.reads} reads, {len(careful.failed_reads)} failed; {careful.renewals} renewals, {careful.lost_renewals} lost;"
        f" {careful.left_on_old_key} left on the old key; {careful.seconds} s"
    )
    tally.notes += careful.failed_reads[:5]
    tally.control = f"written back without comparing: {naive.lost_renewals} of {naive.renewals} renewals lost"
    tally.control_failed = naive.lost_renewals > 0
    return tally


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
