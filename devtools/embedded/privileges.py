"""PostgreSQL refuses to run as root. How we run it anyway, without making a user or opening a folder to others."""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Sequence
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from devtools.embedded.processes import StartError, write_private

NOBODY = 65534  # on every Debian; a number without a passwd entry makes initdb fail
SHARED_FOLDER = Path("/var/tmp")  # noqa: S108 - every user may enter it; ours below is checked for its owner
_NAMESPACE = ["unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}"]
_SETPRIV = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


class Way(StrEnum):
    """How a server that refuses root is run."""

    PLAIN = "plain"  # we are an ordinary user
    NAMESPACE = (
        "namespace"  # root outside, nobody inside: files stay root's. Also for a user number without a name
    )
    SETPRIV = "setpriv"  # really nobody, with files of nobody: where user namespaces are refused

    def command(self, command: Sequence[str]) -> list[str]:
        """Return the command line that runs `command` this way."""
        if self is Way.NAMESPACE:
            return [*_NAMESPACE, *command]
        if self is Way.SETPRIV:  # a change of user clears the parent-death signal, so it is set again
            return [*_SETPRIV, "--pdeathsig=INT", *command]
        return list(command)

    @property
    def owner(self) -> int:
        """User number that must own the server's files."""
        return NOBODY if self is Way.SETPRIV else os.geteuid()

    def reaches(self, folder: Path) -> bool:
        """Return whether a server run this way may pass through every folder down to this one.

        Inside the namespace root has lost its right to enter folders of others, such as a home folder.
        """
        resolved = folder.resolve()
        return self is Way.PLAIN or all(self._enters(path.stat()) for path in (resolved, *resolved.parents))

    def _enters(self, found: os.stat_result) -> bool:
        needed = stat.S_IXUSR if found.st_uid == self.owner else stat.S_IXOTH
        return bool(found.st_mode & needed)


def choose_way() -> Way:
    """Return how to run PostgreSQL here. Raises StartError where no way works."""
    if os.geteuid() != 0:
        return _way_of_user()
    if _runs([*_NAMESPACE, "true"]):
        return Way.NAMESPACE
    if _runs([*_SETPRIV, "true"]):
        return Way.SETPRIV
    raise StartError(
        "PostgreSQL cannot run as root, and neither user namespaces (unshare) nor setpriv work here. "
        "Run the same command as an ordinary user, or set DATABASE_URL to a PostgreSQL of yours."
    )


def _way_of_user() -> Way:
    """Return the plain way, unless initdb could not find our name (a container started with a bare number)."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        if _runs([*_NAMESPACE, "true"]):
            return Way.NAMESPACE
        raise StartError(
            f"PostgreSQL cannot run as user number {os.geteuid()}, which has no name here (/etc/passwd). "
            "Run the same command as a named user, or set DATABASE_URL to a PostgreSQL of yours."
        ) from None
    return Way.PLAIN


def _runs(command: Sequence[str]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - fixed commands
    return done.returncode == 0


def home_for(folder: Path, way: Way) -> Path:
    """Return the folder in which the server keeps its files, made and owned as this way needs it.

    That is `folder`, unless the server cannot reach it: then it is one under /var/tmp, and a file `elsewhere` in
    `folder` names it, so that later starts find the same data whichever way they go. Raises StartError where `folder` holds data already
    that this way cannot reach.
    """
    pointer = folder / "elsewhere"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    home = folder
    if pointer.exists():
        home = Path(pointer.read_text(encoding="utf-8").strip())
    elif not way.reaches(folder.parent):
        if (folder / "data").exists():
            raise StartError(
                f"{folder} holds a database that PostgreSQL cannot reach as started now ({way}). Move the project to a folder that "
                f"others may enter, or delete {folder} to begin with an empty database."
            )
        home = SHARED_FOLDER / f"adtoken-{sha256(str(folder.resolve()).encode()).hexdigest()[:16]}"
        write_private(pointer, f"{home}\n")
    if home != folder:
        _make_own(home)
    give_to(home, way.owner)
    return home


def _make_own(home: Path) -> None:
    """Make a folder in a place where everyone may write, and trust an existing one only when it is ours."""
    home.mkdir(mode=0o700, exist_ok=True)
    found = home.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {0, NOBODY} or found.st_mode & 0o077:
        raise StartError(f"{home} is not one of our private folders. Find out who made it, then remove it.")


def give_to(home: Path, owner: int) -> None:
    """Give the folder and all in it to a user, when another one has it. Only root can, and only root needs to."""
    if home.stat().st_uid == owner or os.geteuid() != 0:
        return
    group = pwd.getpwuid(owner).pw_gid
    for path in home.rglob("*"):
        os.chown(path, owner, group, follow_symlinks=False)
    os.chown(home, owner, group)  # last: an interrupted hand-over is done again
