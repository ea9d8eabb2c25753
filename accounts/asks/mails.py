"""The mail "please re-authenticate", asked by staff: one a person, with all log-ins and accounts that it is about."""

from collections.abc import Sequence

from django.utils import timezone

from accounts import renewal_links
from accounts.asks.models import Ask, AskLine
from accounts.mails import log_in_cards
from accounts.mails.account_rows import Rows
from notifications import composing
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from tokens.channels import declarations
from tokens.models import Token
from ui import addresses
from ui.text import first_name, join_names
from users.models import User

KIND = "ask"


def build(message: Message) -> Mail:
    """Build the mail from the log-ins that were not renewed since, by whomever: one that is somebody else's now is no more asked for.

    Raises NotWanted where all were, the person cannot log in or has another address, or no ask for them runs any longer.
    """
    waiting = [token for token in _asked(message) if token.linked_at <= message.created_at]
    if not waiting:
        raise NotWanted("re_authenticated")
    person = waiting[0].consented_by
    if person is None or not person.is_active:
        raise NotWanted("person_left")
    if person.email != message.recipient:
        raise NotWanted("other_address")
    # By the ask that wrote the mail, or by another one that wrote no second mail.
    asked = AskLine.objects.filter(token__in=waiting, mails__gt=0, ask__ended_at=None)
    ask = Ask.objects.select_related("made_by").filter(pk=message.payload["ask"]).first()
    if ask is None or not asked.exists():
        raise NotWanted("ask_over")
    wanted = set(message.payload["accounts"])
    pools = [(token, log_in_cards.rows_of(token, person, first=wanted)) for token in waiting]
    pools = [(token, rows) for token, rows in pools if rows.shown]
    if not pools:
        raise NotWanted("not_linked")
    return _render(message, ask, person, pools)


def reader(message: Message) -> User | None:
    """Return whose log-ins it asks for; None where they are nobody's, or those of several people by now."""
    tokens = Token.objects.filter(pk__in=message.payload["tokens"]).select_related("consented_by")
    people = {one.consented_by for one in tokens}
    return people.pop() if len(people) == 1 else None


def _asked(message: Message) -> list[Token]:
    """Return the log-ins in the order of the ask. Raises NotWanted where none is left."""
    ids = message.payload["tokens"]
    found = Token.objects.select_related("app", "consented_by").in_bulk(ids)
    if not found:
        raise NotWanted("log_in_gone")
    return [found[pk] for pk in ids if pk in found]


def _render(message: Message, ask: Ask, person: User, pools: Sequence[tuple[Token, Rows]]) -> Mail:
    actor = ask.made_by
    keys = list(dict.fromkeys(token.app.channel for token, _ in pools))
    only = keys[0] if len(keys) == 1 else ""
    own = renewal_links.renewable([person.pk], [token.pk for token, _ in pools])
    facts = {
        "asker": str(actor) if actor else "",
        "note": ask.note,
        "reminder": message.payload["reminder"],
        "first_name": first_name(str(person)),
        "channels": join_names([declarations.label(key) for key in keys]),
        "count": len(pools),
        "log_in": pools[0][0].native_user_name,
        "stopped": sum(token.state == Token.State.DEAD for token, _ in pools),
        "log_ins": [log_in_cards.card(token, rows, person.zone) for token, rows in pools],
        "about_channel": declarations.label(only) if only else "",
        "about_url": addresses.absolute_url("channel_page", only)
        if only
        else addresses.absolute_url("channel_needs"),
        "personal": bool(own),
    }
    reply_to = actor.email if actor and actor.is_active else ""
    mail = composing.compose(KIND, message, composing.Reader(person), facts, reply_to=reply_to)
    return renewal_links.personal(mail, user=person, now=timezone.now(), found=own)
