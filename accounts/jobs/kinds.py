"""The kinds of jobs, by the names that are in the database. What is above this app registers its own."""

from collections.abc import Callable, Sequence
from datetime import datetime

from accounts import asks_of_app, due_asks, permissions
from accounts.importing import uploads
from accounts.jobs.handlers import Act, Kind, Result, step_by_step
from accounts.jobs.models import Job
from accounts.leaving import job as leaving
from accounts.leaving import steps
from accounts.many import asking, backups, checking, importing, inviting, moving, pausing
from tokens.models import ChannelApp

ASK_PEOPLE_OF_APP = "ask_people_of_app"
ASK_DUE = "ask_due"
OFFBOARD = leaving.OFFBOARD
# On accounts that staff chose.
APPLY_MACRO, REMOVE_MACRO = "apply_macro", "remove_macro"
MOVE, PAUSE, RESUME = "move", "pause", "resume"
CHECK, ASK, BACKUP, INVITE = "check", "ask", "backup", "invite"
IMPORT = uploads.KIND  # lines of a file


def _of_app(job: Job, _now: datetime) -> asks_of_app.Waiting:
    return asks_of_app.of_app(ChannelApp.objects.get(pk=job.subject_id), job.user)


def _of_due(job: Job, now: datetime) -> asks_of_app.Waiting:
    return due_asks.waiting(job.user, now)


def _asks(waiting: Callable[[Job, datetime], asks_of_app.Waiting]) -> Act:
    """Return what asks one person: about which accounts, the names of the first and how many, is kept."""

    def ask(job: Job, keys: Sequence[int], now: datetime) -> list[Result]:
        (person_id,) = keys
        if asking.parked([person_id]):
            return [Result.skips(person_id, "parked")]
        about = asks_of_app.ask(
            waiting=waiting(job, now), person_id=person_id, actor=job.user, note=job.note, now=now
        )
        if not about:
            return [Result.skips(person_id, "nothing_left")]
        names = [account.name for account in about[: asks_of_app.NAMED]]
        return [Result.done(person_id, "asked_about", names=names, number=len(about))]

    return ask


KINDS = {
    ASK_PEOPLE_OF_APP: Kind("tokens.ask_token", _asks(_of_app), size=1),
    ASK_DUE: Kind("tokens.ask_token", _asks(_of_due), size=1),
    OFFBOARD: step_by_step(
        steps.act,
        permission="users.offboard_user",
        after=steps.after,
        holds=steps.holds,
        finish=steps.finish,
    ),
    # What people do to what is their own; and of what staff revoke, the log-in went with the press.
    leaving.REMOVE: step_by_step(steps.act, after=steps.after, finish=steps.finish),
    MOVE: Kind(permissions.MOVE, moving.move, finish=moving.finish),
    PAUSE: Kind(permissions.PAUSE, pausing.pause),
    RESUME: Kind(permissions.RESUME, pausing.resume),
    CHECK: Kind("tokens.probe_token", checking.check),
    ASK: Kind("tokens.ask_token", asking.ask),
    BACKUP: Kind(permissions.ADD_BACKUP, backups.add, finish=backups.finish),
    # Everybody invites to accounts of the own teams; it asks of each part whether the person still may.
    INVITE: Kind("", inviting.invite, finish=inviting.finish),
    IMPORT: Kind(permissions.IMPORT, importing.bring_in, finish=importing.finish),
}


def register(name: str, kind: Kind) -> None:
    """Say how a job is done that is about what this app does not know."""
    KINDS[name] = kind
