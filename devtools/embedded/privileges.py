"""PostgreSQL refuses to run as root. Root runs it as nobody, without making a user or opening a folder to others."""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from devtools.embedded.processes import StartError

NOBODY = 65534  # on every Debian; a number without a passwd entry makes initdb fail
SHARED_FOLDER = Path(
    "/var/lib/adtoken-demo"
)  # root's, as /var/lib is: nobody else puts anything there, and no machine empties it
_AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


def is_root() -> bool:
    """Return whether we are the user that PostgreSQL refuses."""
    return os.geteuid() == 0


def unprivileged(command: Sequence[str]) -> list[str]:
    """Return the command line that runs `command` as a user that PostgreSQL takes."""
    if not is_root():
        return list(command)
    # A change of user clears the parent-death signal, so it is set again.
    return [*_AS_NOBODY, "--pdeathsig=INT", *command]


def owner() -> int:
    """Return the number of the user that must own the server's files."""
    return NOBODY if is_root() else os.geteuid()


def reaches(folder: Path) -> bool:
    """Return whether that user may pass through every folder down to this one."""
    resolved = folder.resolve()
    return not is_root() or all(_enters(path.stat()) for path in (resolved, *resolved.parents))


def _enters(found: os.stat_result) -> bool:
    return bool(found.st_mode & (stat.S_IXUSR if found.st_uid == NOBODY else stat.S_IXOTH))


def check_it_can_run() -> None:
    """Raise StartError where we are root and cannot be anybody else."""
    if is_root() and not _runs([*_AS_NOBODY, "true"]):
        raise StartError(
            "PostgreSQL cannot run as root, and setpriv does not work here. "
            "Run the same command as an ordinary user, or set DATABASE_URL to a PostgreSQL of yours."
        )


def _runs(command: Sequence[str]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - fixed commands
    return done.returncode == 0


def home_for(folder: Path) -> Path:
    """Return the folder in which the server keeps its files, made and owned as it needs it.

    That is `folder`, unless the server cannot reach it: then it is one under /var/lib, named after it. Raises StartError where `folder`
    holds data already that it cannot reach.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    home = folder
    if not reaches(folder.parent):
        if (folder / "data").exists():
            raise StartError(
                f"{folder} holds a database that PostgreSQL cannot reach as started now. Move the project to a folder that "
                f"others may enter, or delete {folder} to begin with an empty database."
            )
        SHARED_FOLDER.mkdir(mode=0o711, exist_ok=True)
        SHARED_FOLDER.chmod(0o711)  # whatever the umask
        home = SHARED_FOLDER / sha256(str(folder.resolve()).encode()).hexdigest()[:16]
        home.mkdir(mode=0o700, exist_ok=True)
    give(home)
    return home


def give(home: Path) -> None:
    """Give the folder and all in it to the server's user. Only root can, and only root needs to."""
    if not is_root() or home.stat().st_uid == NOBODY:
        return
    group = pwd.getpwuid(NOBODY).pw_gid
    for path in home.rglob("*"):
        os.chown(path, NOBODY, group, follow_symlinks=False)
    os.chown(home, NOBODY, group)  # last: an interrupted hand-over is done again
