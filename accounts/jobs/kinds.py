"""The kinds of jobs, by the names that are in the database. What is above this app registers its own."""

from accounts.backups import job as backups
from accounts.imports import job as importing
from accounts.imports import uploads
from accounts.jobs.handlers import Kind, step_by_step
from accounts.leaving import job as leaving
from accounts.leaving import steps
from accounts.pool import moving_job as moving
from accounts.pool import permissions
from accounts.sync import checking as checking

OFFBOARD = leaving.OFFBOARD
# On accounts that staff chose.
APPLY_MACRO, REMOVE_MACRO = "apply_macro", "remove_macro"
MOVE, PAUSE, RESUME = "move", "pause", "resume"
CHECK, BACKUP = "check", "backup"
IMPORT = uploads.KIND  # lines of a file


KINDS = {
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
    PAUSE: Kind(permissions.PAUSE, moving.pause),
    RESUME: Kind(permissions.RESUME, moving.resume),
    CHECK: Kind("tokens.probe_token", checking.check),
    BACKUP: Kind(permissions.ADD_BACKUP, backups.add, finish=backups.finish),
    IMPORT: Kind(permissions.IMPORT, importing.bring_in, finish=importing.finish),
}


def register(name: str, kind: Kind) -> None:
    """Say how a job is done that is about what this app does not know."""
    KINDS[name] = kind
