"""The deeds that a worker does for staff, by the names that are in the database."""

from datetime import datetime

from accounts import asks_of_app, leaving_steps
from accounts.deeds import Kind
from accounts.models import Deed
from tokens.models import ChannelApp

ASK_PEOPLE_OF_APP = "ask_people_of_app"
OFFBOARD = "offboard"


def _ask(deed: Deed, person_id: int, now: datetime) -> bool:
    app = ChannelApp.objects.get(pk=deed.subject_id)
    return asks_of_app.ask(app=app, person_id=person_id, actor=deed.user, note=deed.note, now=now)


KINDS = {
    ASK_PEOPLE_OF_APP: Kind("tokens.ask_token", _ask),
    OFFBOARD: Kind("users.offboard_user", leaving_steps.act, leaving_steps.after),
}
