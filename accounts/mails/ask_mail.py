"""The mail "please re-authenticate", asked by staff: one a person, with all log-ins and accounts that it is about."""

from collections.abc import Sequence

from django.utils import timezone

from accounts import renewal_links
from accounts.mails import death_mail
from accounts.mails.account_rows import Rows
from accounts.models import CampaignLogIn
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

    Raises NotWanted where all were, the person cannot log in or has another address, or the campaign that asks them is over.
    """
    waiting = [token for token in _asked(message) if token.linked_at <= message.created_at]
    if not waiting:
        raise NotWanted("re_authenticated")
    person = waiting[0].consented_by
    if person is None or not person.is_active:
        raise NotWanted("person_left")
    if person.email != message.recipient:
        raise NotWanted("other_address")
    if "campaign" in message.payload and not _is_counted_on(waiting):
        raise NotWanted("campaign_over")
    wanted = set(_ids(message, "account"))
    pools = [(token, death_mail.rows_of(token, person, first=wanted)) for token in waiting]
    pools = [(token, rows) for token, rows in pools if rows.shown]
    if not pools:
        raise NotWanted("not_linked")
    return _render(message, person, pools)


def reader(message: Message) -> User | None:
    """Return whose log-ins it asks for; None where they are nobody's, or those of several people by now."""
    people = {
        one.consented_by
        for one in Token.objects.filter(pk__in=_ids(message, "token")).select_related("consented_by")
    }
    return people.pop() if len(people) == 1 else None


def _ids(message: Message, name: str) -> list[int]:
    """Return the ids of a payload; of an ask from before people were asked by one mail, the one that it held."""
    found: list[int] = message.payload.get(f"{name}s") or [message.payload[name]]
    return found


def _asked(message: Message) -> list[Token]:
    """Return the log-ins in the order of the ask. Raises NotWanted where none is left."""
    ids = _ids(message, "token")
    found = Token.objects.select_related("app", "consented_by").in_bulk(ids)
    if not found:
        raise NotWanted("log_in_gone")
    return [found[pk] for pk in ids if pk in found]


def _is_counted_on(tokens: Sequence[Token]) -> bool:
    """Return whether a campaign that runs asked for one of these: the one that wrote the mail, or another that wrote no second one."""
    asked = CampaignLogIn.objects.filter(token__in=tokens, asks__gt=0)
    return asked.filter(campaign__ended_at=None).exists()


def _render(message: Message, person: User, pools: Sequence[tuple[Token, Rows]]) -> Mail:
    actor = User.objects.filter(pk=message.payload["actor"]).first()
    keys = list(dict.fromkeys(token.app.channel for token, _ in pools))
    only = keys[0] if len(keys) == 1 else ""
    own = renewal_links.renewable([person.pk], [token.pk for token, _ in pools])
    facts = {
        "asker": str(actor) if actor else "",
        "note": message.payload.get("note", ""),
        "reminder": message.payload.get("reminder", 0),
        "first_name": first_name(str(person)),
        "channels": join_names([declarations.label(key) for key in keys]),
        "count": len(pools),
        "log_in": pools[0][0].native_user_name,
        "stopped": sum(token.state == Token.State.DEAD for token, _ in pools),
        "log_ins": [death_mail.card(token, rows, person.zone) for token, rows in pools],
        "about_channel": declarations.label(only) if only else "",
        "about_url": addresses.absolute_url("channel_page", only)
        if only
        else addresses.absolute_url("channel_needs"),
        "personal": bool(own),
    }
    reply_to = actor.email if actor and actor.is_active else ""
    mail = composing.compose(KIND, message, composing.Reader(person), facts, reply_to=reply_to)
    return renewal_links.personal(mail, user=person, now=timezone.now(), found=own)
