"""Run a command that dies with the process that started it: `parent_death.py PARENT_PID SIGNAL COMMAND...`.

The kernel sends SIGNAL when the starting thread ends, however it ends (Linux, PR_SET_PDEATHSIG). It is an exec
wrapper and not a preexec_fn, because code between fork and exec can hang when the parent has threads. Run as a
file with `-I -S`, so that it starts within a few milliseconds and imports none of our code.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def tie(number: signal.Signals, *, parent: int) -> None:
    """Have the kernel send this process the signal when the thread that started it ends. Only Linux can.

    Raises SystemExit where that has ended already.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # it died before the kernel was told
            raise SystemExit(1)


def main() -> None:
    """Tie this process to its parent, then become the command. Raises SystemExit where that cannot be run."""
    parent, number, command = int(sys.argv[1]), signal.Signals[sys.argv[2]], sys.argv[3:]
    tie(number, parent=parent)
    for changed in (
        signal.SIGINT,
        signal.SIGPIPE,
        signal.SIGXFSZ,
    ):  # Python's own, or a shell's for background jobs
        signal.signal(changed, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 - the caller's command is the point
    except OSError as error:
        raise SystemExit(f"cannot run {command[0]}: {error.strerror}") from None


if __name__ == "__main__":
    main()
