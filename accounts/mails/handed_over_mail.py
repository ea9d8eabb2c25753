"""The mail about what depended on somebody who left: to whoever takes it over without a page that says so, and to whoever stands in."""

from notifications import composing
from notifications.kinds import Mail
from notifications.models import Message
from ui import addresses
from ui.text import first_name, join_names
from users.models import User
from users.visibility import names_for


def build(message: Message) -> Mail:
    """Build the mail."""
    reader = composing.reader_of(message)
    names = names_for(reader.user)
    person = User.objects.filter(pk=message.payload["person"]).first()
    knows = person is not None and names.user(person) == str(person)
    said = message.payload
    taken, ended, teams = (
        [name for _, name in said.get(what, ())] for what in ("campaigns", "ended", "teams")
    )
    macros = list(said.get("macros", ()))
    page = "admin:accounts_campaign_changelist" if taken or ended else "admin:users_team_changelist"
    page = page if taken or ended or teams else "admin:macros_macro_changelist"
    staff = reader.user is not None and reader.user.is_staff
    facts = {
        "person": str(person) if knows else "",
        "first_name": first_name(str(reader.user)) if reader.user else "",
        "campaigns": join_names(taken),
        "macros": join_names(macros),
        "ended": join_names(ended),
        "teams": join_names(teams),
        "jobs": said.get("jobs", 0),
        "takes": len(taken) + len(macros) + said.get("jobs", 0),
        "url": addresses.absolute_url(page) if staff else "",
    }
    return composing.compose("handed_over", message, reader, facts, reply_to="")
