"""How far a job is and what came of it, in one line; the words are in templates/words/jobs.txt."""

from functools import partial

from accounts.jobs.models import WORDS, Job
from ui.counts import number
from ui.phrases import blocks, phrase

say = partial(phrase, WORDS)


def far(job: Job) -> str:
    """Return "20 of 4,990 accounts are done"."""
    return _of_kind("far", job, done=number(job.done), total=number(job.total))


def came_of_it(job: Job) -> str:
    """Return "1 paused, 2 skipped, 1 failed"."""
    parts = [_of_kind("acted", job, number=number(job.acted), count=job.acted)]
    parts += [say("skipped", number=number(job.skipped))] if job.skipped else []
    parts += [say("failed", number=number(job.failed))] if job.failed else []
    return ", ".join(parts)


def result(job: Job) -> str:
    """Return how far it is while it goes on, then what came of it, with where it ended if not all was done."""
    if job.is_going:
        return far(job)
    if job.state == Job.State.FAILED:
        return say("ended_early", result=came_of_it(job), far=far(job))
    return came_of_it(job)


def _of_kind(block: str, job: Job, **facts: object) -> str:
    """Return a phrase of a kind of job, or the one for all."""
    own = f"{block}_{job.kind}"
    return say(own if own in blocks(WORDS) else block, **facts)
