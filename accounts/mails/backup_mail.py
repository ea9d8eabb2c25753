"""The mails to a person whose log-in was added to further accounts as a backup, or who is asked before: one, however many accounts."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from accounts import readers, summary
from accounts.backups import Offer
from accounts.mails.account_rows import Rows, row_of
from accounts.models import Account, AccountToken, Ask, AskLine
from notifications import composing, outbox
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from tokens.channels import declarations
from tokens.models import Token
from ui import addresses
from ui.text import first_name, join_names
from users.models import User
from users.visibility import names_for

KIND = "backup"
ASK = "backup_ask"
SHOWN = 10


def tell(person: User, made: Sequence[Offer], *, actor: User, note: str, now: datetime) -> None:
    """Write the message to a person about what was added through their log-ins, in the transaction that did it."""
    _write(KIND, person, made, actor, note, now)


def ask(person: User, asked: Sequence[Offer], *, actor: User, note: str, now: datetime) -> None:
    """Write the message that asks a person about these accounts, in the transaction that asks."""
    _write(ASK, person, asked, actor, note, now)


def _write(kind: str, person: User, made: Sequence[Offer], actor: User, note: str, now: datetime) -> None:
    tokens = {offer.token.pk: offer.token for offer in made}
    accounts = sorted(offer.account_id for offer in made)
    outbox.enqueue(
        kind=kind,
        recipient=person.email,
        team=readers.team_of(list(tokens.values())),
        dedupe_key=f"{kind}:{accounts[0]}:{min(tokens)}:{now.isoformat()}",
        payload={"accounts": accounts, "tokens": sorted(tokens), "actor": actor.pk, "note": note},
        now=now,
    )


def build(message: Message) -> Mail:
    """Build the mail from those accounts that still have the log-in. Raises NotWanted where none has."""
    reader = composing.reader_of(message)
    if reader.user is None:
        raise NotWanted("person_left")
    payload = message.payload
    entries = AccountToken.objects.filter(account__in=payload["accounts"], token__in=payload["tokens"])
    accounts = Account.objects.filter(pk__in=entries.values("account_id"))
    if not accounts.exists():
        raise NotWanted("not_linked")
    return _compose(message, reader, accounts, url=addresses.absolute_url("log_ins"))


def build_ask(message: Message) -> Mail:
    """Build the mail from what is not answered yet. Raises NotWanted where none is."""
    reader = composing.reader_of(message)
    if reader.user is None:
        raise NotWanted("person_left")
    payload = message.payload
    waiting = AskLine.objects.filter(ask__what=Ask.What.BACK_UP, stage=AskLine.Stage.WAITING)
    waiting = waiting.filter(account__in=payload["accounts"], token__in=payload["tokens"])
    accounts = Account.objects.filter(pk__in=waiting.values("account_id"))
    if not accounts.exists():
        raise NotWanted("backup_answered")
    return _compose(message, reader, accounts, url=addresses.absolute_url("backup_requests"))


def _compose(message: Message, reader: composing.Reader, accounts: QuerySet[Account], *, url: str) -> Mail:
    payload = message.payload
    found = summary.first_of(accounts, timezone.now(), count=SHOWN)
    names = names_for(reader.user)
    tokens = list(Token.objects.filter(pk__in=payload["tokens"]).select_related("app"))
    actor = User.objects.filter(pk=payload["actor"]).first()
    named = actor is not None and names.user(actor) == str(actor)  # whose name is hidden is not written to
    facts = {
        "actor": str(actor) if named else "",
        "note": payload["note"],
        "first_name": first_name(str(reader.user)),
        "channels": join_names(sorted({declarations.label(token.app.channel) for token in tokens})),
        "channel": declarations.label(found[0].account.channel),
        "channel_key": found[0].account.channel,
        "rows": Rows(
            [row_of(one, carrier=one.active_name(names), zone=reader.zone) for one in found], accounts.count()
        ),
        "url": url,
    }
    reply_to = actor.email if actor is not None and named and actor.is_active else ""
    return composing.compose(message.kind, message, reader, facts, reply_to=reply_to)
