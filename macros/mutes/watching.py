"""What the page of a mail's link shows for two weeks: the accounts of that mail as they are, and whom its reader may ask again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from accounts.asks import queries as asks
from accounts.asks import rules
from accounts.models import Account
from accounts.pool import mails as mailing
from accounts.pool.queries import Summary
from accounts.renewal_links.services import VALID_FOR
from macros.mutes.mails import has_left, only_looks
from macros.notices.queries import accounts_to_hear_of
from notifications.models import Message
from notifications.outbox import Reader
from tokens.models import Token
from ui import dates
from ui.dates import AT_RISK
from ui.text import first_name
from users.models import User
from users.people.queries import names_for

SHOWN = 50  # accounts on the page


@dataclass
class AskedAgain:
    """One person whom a reader may ask again. `at`: when somebody asked them for all of it today; None: not yet."""

    user: User
    name: str  # "" where the reader may not know it
    about: list[tuple[Account, Token]] = field(default_factory=list)
    at: datetime | None = None


def facts_of_page(message: Message, accounts: Sequence[Account], now: datetime) -> dict[str, Any]:
    """Return the accounts of a mail as they are, and who may be asked again; nothing once its link is over, or its reader has left."""
    if has_left(message) or now >= (message.sent_at or message.created_at) + VALID_FOR:
        return {"shown": [], "people": []}
    ids = accounts_to_hear_of({message.recipient: [one.pk for one in accounts[:SHOWN]]})[message.recipient]
    found = mailing.summaries(ids)
    reader = mailing.ReaderWithNames(message.reader, names_for(message.reader))
    helping = {pk: _who_helps(one, now) for pk, one in found.items()}
    rows = [_row(found[one.pk], helping[one.pk], reader) for one in accounts if one.pk in found]
    return {"shown": rows, "people": [] if only_looks(message) else _people(found, helping, reader, now)}


def _who_helps(found: Summary, now: datetime) -> rules.Fixers | None:
    """Return whose new consent would help an account that is dark, or ends soon; None where nobody need do anything."""
    account = found.account
    if account.is_deactivated:
        return rules.fixers_of_dark(account, found.entries)
    zone = Reader(None).zone
    if account.state == Account.State.CONNECTED and dates.within(
        account.deadline, AT_RISK, now=now, zone=zone
    ):
        return rules.fixers_of_ending(account, found.entries)
    return None


def _row(found: Summary, helping: rules.Fixers | None, reader: mailing.ReaderWithNames) -> dict[str, object]:
    account = found.account
    first = helping.entries[0] if helping and helping.entries else None
    waits_for = (helping.waits_for if helping else "") or (
        reader.names.within(first.token, account) if first and not first.token.why_not_askable else ""
    )
    return {
        "account": account,
        "health": found.health,
        "until": mailing.works_until(found, reader) if account.state == Account.State.CONNECTED else None,
        "since": dates.moment(account.since, zone=reader.zone).full,
        "keeper": found.active_name(reader.names),
        "waits_for": waits_for,
    }


def _people(
    found: Mapping[int, Summary],
    helping: Mapping[int, rules.Fixers | None],
    reader: mailing.ReaderWithNames,
    now: datetime,
) -> list[AskedAgain]:
    people: dict[int, AskedAgain] = {}
    for pk, fixers in helping.items():
        for entry in fixers.entries[:1] if fixers else ():
            person, account = entry.token.consented_by, found[pk].account
            if person is None or person == reader.user or entry.token.why_not_askable:
                continue
            known = reader.names.sees_token(entry.token, account)
            one = people.setdefault(person.pk, AskedAgain(person, first_name(str(person)) if known else ""))
            one.about.append((account, entry.token))
    unreached = asks.people_without_mail(list(people))
    ids = [token.pk for one in people.values() for _, token in one.about]
    asked = dict(asks.asked_today(ids, now).order_by("at").values_list("token_id", "at"))
    for one in people.values():
        times = [asked.get(token.pk) for _, token in one.about]
        one.at = None if None in times else max(at for at in times if at)
    return [one for pk, one in people.items() if pk not in unreached]
