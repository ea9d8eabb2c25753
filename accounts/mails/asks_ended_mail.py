"""The mail to whoever asked for accounts that moved to another team since: their asks have ended."""

from accounts import asks_of_moved
from accounts.models import Account
from notifications import composing
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from ui.text import before_more, first_name, join_names

SHOWN = 10


def build(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where the person can no longer log in, or the accounts are gone."""
    reader, said = composing.reader_of(message), message.payload
    if reader.user is None or reader.user.pk != said["user"]:
        raise NotWanted("person_left")
    ids = {account for _, account in said["asked"]}
    names = list(Account.objects.filter(pk__in=ids).order_by("name", "pk").values_list("name", flat=True))
    if not names:
        raise NotWanted("accounts_gone")
    unseen = max(0, said["count"] - len(names[:SHOWN]))
    facts = {
        "first_name": first_name(str(reader.user)),
        "count": said["count"],
        "accounts": before_more(names[:SHOWN], unseen=unseen),
        "unseen": unseen,
        "emails": join_names(list(dict.fromkeys(email for email, _ in said["asked"]))),
    }
    return composing.compose(asks_of_moved.KIND, message, reader, facts)
