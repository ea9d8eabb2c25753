"""All drills, in the order in which `make drills` begins them: the longest first.

A new one is a module here with a `main()`, and one line below.

Its `main` takes the arguments of the command line, counts in a `stage.Tally` and returns what `Tally.tell()` returns. Sizes are such that
all together take less than `__main__.MINUTES` on two busy cores; run by itself, without arguments, a drill is as large as is worth it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Drill:
    """One drill: the module `drills.NAME`, the seconds after which it is ended, and its arguments in `make drills`."""

    name: str
    seconds: int
    arguments: tuple[str, ...] = ()


DRILLS = (
    Drill("dark_channel", 300, ("--threads", "2", "--seconds", "60", "--no-p99")),
    Drill("kills", 540, ("--shifts", "1", "--mails", "1", "--checks", "2")),
    Drill("copy", 240, ("--seconds", "22")),
    Drill("refresh_once", 180, ("--channels", "snapchat", "tiktok", "--valkey", "stopped")),
    Drill("valkey", 300, ("--seconds", "6")),
    Drill("postgres", 240, ("--stops", "5")),
    Drill("wrong_clocks", 300),
    Drill("gate_kills", 180, ("--kills", "12")),
    Drill("restore", 120, ("--accounts", "300")),
)
