"""The deeds that a worker does for people, by the names that are in the database. What is above this app registers its own."""

from datetime import datetime

from accounts import asks_of_app, due_asks, permissions
from accounts.deed_rows import Result
from accounts.deeds import Kind
from accounts.importing import uploads
from accounts.leaving import deed as leaving
from accounts.leaving import steps
from accounts.many import asking, backups, checking, importing, inviting, moving, pausing
from accounts.models import Deed
from tokens.models import ChannelApp

ASK_PEOPLE_OF_APP = "ask_people_of_app"
ASK_DUE = "ask_due"
OFFBOARD = leaving.OFFBOARD
# On accounts that staff chose.
APPLY_MACRO, REMOVE_MACRO = "apply_macro", "remove_macro"
MOVE, PAUSE, RESUME = "move", "pause", "resume"
CHECK, ASK, BACKUP, INVITE = "check", "ask", "backup", "invite"
IMPORT = uploads.DEED  # lines of a file
UNDO = "undo_"  # before the name of what is taken back


def _ask(deed: Deed, person_id: int, now: datetime) -> Result:
    app = ChannelApp.objects.get(pk=deed.subject_id)
    return _ask_for(asks_of_app.of_app(app, deed.user), deed, person_id, now)


def _ask_due(deed: Deed, person_id: int, now: datetime) -> Result:
    return _ask_for(due_asks.waiting(deed.user, now), deed, person_id, now)


def _ask_for(waiting: asks_of_app.Waiting, deed: Deed, person_id: int, now: datetime) -> Result:
    """Ask one person, and return about which accounts: the names of the first, and how many."""
    if asking.parked([person_id]):
        return Result.skips(person_id, "parked")
    about = asks_of_app.ask(waiting=waiting, person_id=person_id, actor=deed.user, note=deed.note, now=now)
    if not about:
        return Result.skips(person_id, "nothing_left")
    names = [account.name for account in about[: asks_of_app.NAMED]]
    return Result.done(person_id, "asked_about", accounts=names, number=len(about))


KINDS = {
    ASK_PEOPLE_OF_APP: Kind("tokens.ask_token", ask=_ask),
    ASK_DUE: Kind("tokens.ask_token", ask=_ask_due),
    OFFBOARD: Kind("users.offboard_user", steps.act, steps.after, holds=steps.holds, finish=steps.finish),
    # What people do to what is their own; and of what staff revoke, the log-in went with the press.
    leaving.REMOVE: Kind("", steps.act, steps.after, finish=steps.finish),
    MOVE: Kind(permissions.MOVE, many=moving.move, finish=moving.finish, undo=UNDO + MOVE),
    PAUSE: Kind(permissions.PAUSE, many=pausing.pause, undo=UNDO + PAUSE),
    RESUME: Kind(permissions.RESUME, many=pausing.resume, undo=UNDO + RESUME),
    CHECK: Kind("tokens.probe_token", many=checking.check),
    ASK: Kind("tokens.ask_token", many=asking.ask),
    BACKUP: Kind(permissions.ADD_BACKUP, many=backups.add, finish=backups.finish),
    # Everybody invites to accounts of the own teams; it asks of each part whether the person still may.
    INVITE: Kind("", many=inviting.invite, finish=inviting.finish),
    IMPORT: Kind(permissions.IMPORT, many=importing.bring_in, finish=importing.finish),
    UNDO + MOVE: Kind(permissions.MOVE, many=moving.undo, finish=moving.finish),
    UNDO + PAUSE: Kind(permissions.RESUME, many=pausing.undo_pause),
    UNDO + RESUME: Kind(permissions.PAUSE, many=pausing.undo_resume),
}


def register(name: str, kind: Kind) -> None:
    """Say how a deed is done that is about what this app does not know."""
    KINDS[name] = kind
