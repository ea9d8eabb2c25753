"""Which Python `make` takes."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from django.conf import settings

SCRIPT = "deploy/bootstrap/venv.sh"


def test_python_3_13_is_taken_where_python3_is_older(tmp_path: Path) -> None:
    """The lists of packages are empty here."""
    (tmp_path / SCRIPT).parent.mkdir(parents=True)
    shutil.copy(Path(settings.BASE_DIR) / SCRIPT, tmp_path / SCRIPT)
    for name in ("requirements.txt", "requirements-demo.txt"):
        (tmp_path / name).touch()
    programs = tmp_path / "bin"
    programs.mkdir()
    ours = Path(sys.executable).resolve()
    (programs / "python3.13").symlink_to(ours)
    older = programs / "python3"
    older.write_text(f'#!/bin/sh\nexec {ours} -c "import sys; sys.version_info = (3, 11, 2); $2"\n')
    older.chmod(0o755)

    command, env = [tmp_path / SCRIPT], {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(tmp_path)}
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as script:
        assert script.stdout is not None
        said = script.stdout.readline()
        os.killpg(
            script.pid, signal.SIGKILL
        )  # what it makes then takes seconds, and `make` makes it each time

    assert said == f"Making .venv with {programs / 'python3.13'} ...\n"
