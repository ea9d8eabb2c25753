"""Celery doorways of pushes. Each is kicked as soon as the push is committed; what a lost kick leaves behind is swept up."""

from functools import partial

from celery import Task, shared_task
from django.db import transaction

from accounts.pushes import asking, deletion
from accounts.pushes.limits import questions
from users import asking_workers, database_clock


@shared_task(name="accounts.pushes.check_token")
def check_token(token_id: int) -> None:
    """Ask the channel about a token that a push was about."""
    asking.check_token(token_id=token_id, now=database_clock.now())


@shared_task(name="accounts.pushes.read_account")
def read_account(account_id: int) -> None:
    """Read an ad account that a push was about."""
    asking.read_account(account_id=account_id, now=database_clock.now())


@shared_task(name="accounts.pushes.delete_requested")
def delete_requested() -> None:
    """Carry out what people asked to have deleted. Also a sweep: a request whose worker was killed is found again."""
    deletion.carry_out_all(now=database_clock.now())


def soon(task: "Task[..., None]", *ids: int) -> None:
    """Have a worker run the task once this transaction is committed.

    Only a hint: where the broker is away, or the same was asked for too often, a sweep does the work.
    """
    transaction.on_commit(partial(_kick, task, ids), robust=True)


def _kick(task: "Task[..., None]", ids: tuple[int, ...]) -> None:
    what = f"{task.name} {ids}"
    if ids and questions.too_many(what):
        return
    questions.count(what)
    asking_workers.ask(task, *ids)
