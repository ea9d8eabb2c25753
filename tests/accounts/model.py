"""A plain model of what a pool decides, written from the words of the design and not from the SQL."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Entry:
    token: int
    state: str
    access: str
    can_publish: str
    rank: int | None
    deadline_kind: str
    deadline: datetime | None
    proven_at: datetime | None
    native_user: str
    user: int | None
    demoted: bool = False

    @property
    def living(self) -> bool:
        return (
            self.state in {"valid", "cooling"}
            and self.access == "ok"
            and self.can_publish in {"yes", "unknown"}
        )

    @property
    def usable(self) -> bool:
        return self.living and self.state == "valid"


@dataclass(frozen=True)
class Decision:
    active: int | None
    state: str
    deadline_kind: str
    deadline: datetime | None
    usable_count: int
    people_count: int


def decide(entries: list[Entry], *, active: int | None, paused: bool) -> Decision:
    living = [entry for entry in entries if entry.living]
    usable = [entry for entry in living if entry.usable]
    kind, deadline = _deadline(living)
    if paused:
        state = "paused"
    elif usable:
        state = "connected"
    else:
        state = "interrupted" if living else "deactivated"
    return Decision(
        _choose(usable or living, active), state, kind, deadline, len(usable), _count_people(living)
    )


def _count_people(living: list[Entry]) -> int:
    """Native users, or users who consented, whichever are fewer; a token that nobody consented to is its native user's."""
    natives = {entry.native_user for entry in living}
    return min(len(natives), len({entry.user or entry.native_user for entry in living}))


def _deadline(living: list[Entry]) -> tuple[str, datetime | None]:
    if not living:
        return "none", None
    if any(entry.deadline_kind == "never" for entry in living):
        return "never", None
    known = [entry.deadline for entry in living if entry.deadline is not None]
    return ("date", max(known)) if known else ("unknown", None)


def _choose(candidates: list[Entry], active: int | None) -> int | None:
    candidates = [entry for entry in candidates if not entry.demoted] or candidates
    if any(entry.token == active for entry in candidates):
        return active
    best: Entry | None = None
    for entry in candidates:
        if best is None or _before(entry, best):
            best = entry
    return best.token if best else None


def _before(one: Entry, other: Entry) -> bool:
    """Whether `one` is tried before `other`: rank set by hand, latest deadline, last proven, id."""
    if one.rank != other.rank:
        if one.rank is None or other.rank is None:
            return other.rank is None
        return one.rank < other.rank
    if _reach(one) != _reach(other):
        return _reach(one) > _reach(other)
    if one.proven_at != other.proven_at:
        if one.proven_at is None or other.proven_at is None:
            return other.proven_at is None
        return one.proven_at > other.proven_at
    return one.token < other.token


def _reach(entry: Entry) -> tuple[int, float]:
    if entry.deadline_kind == "never":
        return 2, 0
    return (1, entry.deadline.timestamp()) if entry.deadline else (0, 0)
