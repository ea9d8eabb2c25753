"""The kinds of jobs, by the names that are in the database. Whoever does one registers it, when the app loads."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from accounts.jobs.models import Job, JobItem
from users.models import User

Outcome = JobItem.Outcome


@dataclass(frozen=True)
class Result:
    """What came of one thing. `why` is a block of words/jobs.txt that names `facts`; of these, `was` is the value before."""

    key: int
    outcome: JobItem.Outcome
    why: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def done(cls, key: int, why: str = "", **facts: object) -> "Result":
        """It was done."""
        return cls(key, Outcome.DONE, why, facts)

    @classmethod
    def skips(cls, key: int, why: str = "", **facts: object) -> "Result":
        """It was left as it is, on purpose."""
        return cls(key, Outcome.SKIPPED, why, facts)

    @classmethod
    def fails(cls, key: int, why: str, **facts: object) -> "Result":
        """It could not be done."""
        return cls(key, Outcome.FAILED, why, facts)


Finish = Callable[[Job, datetime], object]
Act = Callable[[Job, Sequence[int], datetime], Sequence[Result]]


@dataclass(frozen=True)
class JobKind:
    """A kind of job: what one needs to do it (nothing, for what people do to what is their own), and how some things are done.

    `act` gets the job, the keys of the next things, `size` at most, and the time, in a transaction. It returns what came of each, in their
    order; a Refusal is the answer for all of them.
    `after` is called with the first key once that is committed, for what happens outside any transaction. A worker that dies before it
    leaves it undone, so it is what a sweep would do as well.
    `holds` says, before each part, whether what the job is about is still as it must be; where not, it ends as failed. `finish` is called
    once, in the transaction that ends the job, however it ends; `job.state` says how.
    """

    permission: str
    act: Act
    size: int | None = None  # None: many
    after: Callable[[Job, int, datetime], object] | None = None
    holds: Callable[[Job], bool] | None = None
    finish: Finish | None = None

    def allows(self, user: User) -> bool:
        """Return whether a person holds the permission, where one is needed."""
        return not self.permission or user.has_perm(self.permission)


def step_by_step(act: Callable[[Job, int, datetime], bool], **more: Any) -> JobKind:
    """Return a kind whose things are done one by one; `act` returns whether anything was done. `more`: what else a JobKind has."""

    def do(job: Job, keys: Sequence[int], now: datetime) -> list[Result]:
        return [Result.done(key) if act(job, key, now) else Result.skips(key) for key in keys]

    return JobKind(more.pop("permission", ""), do, size=1, **more)


def in_order(keys: Sequence[int], results: Mapping[int, Result]) -> list[Result]:
    """Return the results in the order of the keys. What has none is an account that the person no longer sees."""
    return [results.get(key) or Result.skips(key, "not_seen") for key in keys]


OFFBOARD = "offboard"  # a person
# On accounts that staff chose.
APPLY_MACRO, REMOVE_MACRO = "apply_macro", "remove_macro"
MOVE, PAUSE, RESUME = "move", "pause", "resume"
CHECK, BACKUP = "check", "backup"
IMPORT = "import"  # lines of a file

KINDS: dict[str, JobKind] = {}


def register_kind(name: str, kind: JobKind) -> None:
    """Say how a job of this kind is done."""
    KINDS[name] = kind


def register_finish(name: str, finish: Finish) -> None:
    """Say what follows in another package when a job of this kind ends, which has no `finish` of its own."""
    KINDS[name] = replace(KINDS[name], finish=finish)
