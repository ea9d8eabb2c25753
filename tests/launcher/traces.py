"""Finding what a run left behind."""

from pathlib import Path


def processes_in(folder: Path) -> dict[int, str]:
    """Return pid -> command of every process that works in, was started for, or names this folder.

    PostgreSQL and Valkey overwrite their environment with their title, so the environment alone does not tell.
    """
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _belongs(entry, str(folder)):
            found[int(entry.name)] = _read(entry / "cmdline").replace("\0", " ")
    return found


def _belongs(entry: Path, folder: str) -> bool:
    if not _read(entry / "cmdline"):  # a zombie or a thread of the kernel
        return False
    return folder in _cwd(entry) or folder in _read(entry / "cmdline") or folder in _read(entry / "environ")


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""


def _cwd(entry: Path) -> str:
    try:
        return str((entry / "cwd").readlink())
    except OSError:
        return ""
