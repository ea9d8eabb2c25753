"""The mail to a person whose log-in somebody else imported from a list: one for all their log-ins of the file, however many lines."""

from collections import defaultdict
from datetime import datetime

from django.db.models import Count, QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, AccountToken
from accounts.pool.mails import signed_by
from notifications import outbox
from notifications.models import Message
from notifications.outbox import Mail, NotWanted, compose_mail, reader_of, register_kind
from tokens.channels import declarations
from tokens.models import Token
from ui import addresses
from ui.text import first_name, first_names, join_names
from users.models import Team, User
from users.people.queries import names_for

KIND = "imported"
SHOWN = 10  # accounts of a channel


def tell_of_import(
    entries: QuerySet[AccountToken], *, actor: User | None, since: datetime, now: datetime
) -> int:
    """Write the messages about these pool entries, which an import made from `since` on, in the caller's transaction.

    Nobody is told of what they imported themselves, nor who cannot log in here. Returns how many people are told.
    """
    theirs = entries.filter(
        token__kind=Token.Kind.PERSON,
        token__consented_by__is_active=True,
        token__consented_by__is_contact=False,
    )
    if actor is not None:
        theirs = theirs.exclude(token__consented_by=actor)
    tokens: dict[str, set[int]] = defaultdict(set)
    teams: dict[str, set[int]] = defaultdict(set)
    rows = theirs.order_by().values_list("token__consented_by__email", "token", "account__team").distinct()
    for email, token, team in rows:
        tokens[email].add(token)
        teams[email].add(team)
    for email, ids in tokens.items():
        outbox.enqueue(
            kind=KIND,
            recipient=email,
            team=Team.objects.get(pk=min(teams[email])) if len(teams[email]) == 1 else None,
            dedupe_key=f"{KIND}:{min(ids)}:{since.isoformat()}:{email}",
            payload={
                "tokens": sorted(ids),
                "since": since.isoformat(),
                "actor": actor.pk if actor is not None else None,
            },
            now=now,
        )
    return len(tokens)


def build_import_mail(message: Message) -> Mail:
    """Build the mail from what is still linked. Raises NotWanted where nothing is, or the person can no longer log in."""
    reader = reader_of(message)
    if reader.user is None:
        raise NotWanted("person_left")
    since = parse_datetime(message.payload["since"])
    tokens = Token.objects.filter(pk__in=message.payload["tokens"], consented_by=reader.user)
    tokens = tokens.not_removed()
    entries = AccountToken.objects.filter(token__in=tokens.values("pk"), added_at__gte=since)
    accounts = Account.objects.filter(pk__in=entries.values("account_id")).order_by("name", "pk")
    number = accounts.count()
    if not number:
        raise NotWanted("not_linked")
    names = names_for(reader.user)
    actor = User.objects.filter(pk=message.payload["actor"]).first()
    named, answers = signed_by(actor, names)
    by_channel = accounts.order_by().values_list("channel").annotate(n=Count("pk")).order_by("channel")
    cards = [
        {
            "key": channel,
            "label": str(declarations.label(channel)),
            "log_ins": join_names([one.native_user_name for one in tokens.filter(app__channel=channel)]),
            **first_names([one.name for one in accounts.filter(channel=channel)[:SHOWN]], of_it),
        }
        for channel, of_it in by_channel
    ]
    facts = {
        "actor": named,
        "first_name": first_name(str(reader.user)),
        "number": tokens.count(),
        "accounts": number,
        "channels": join_names([one["label"] for one in cards]),
        "cards": cards,
        "url": addresses.absolute_url("log_ins"),
    }
    return compose_mail(KIND, message, reader, facts, reply_to=answers)


def register_mail() -> None:
    """Say how these mails are built."""
    register_kind(KIND, build_import_mail, name=_("Log-in imported"))
