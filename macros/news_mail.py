"""The mail of what macros tell at once of accounts that go on: another log-in took over, it works again, its channel restricts it.

Accounts that one cause hit in one way are one card.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from accounts import pool_reasons, renewal_links
from accounts.mails import mailing
from accounts.mails.mailing import ReaderWithNames
from accounts.models import Account, AccountEvent, AccountToken
from accounts.summary import Summary
from macros import news, on_it
from macros.models import NewsNotice, Shortage
from macros.mutes import links
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from tokens import reasons
from tokens.channels import declarations
from tokens.channels.kinds import Reason
from tokens.models import Token
from ui import addresses, dates, pills
from ui.text import first_name, join_names, quoted
from users.recipients import Via, reply_to

HIDDEN = "hidden"  # replaces in the kept copy what is the reader's alone
CARDS = 10
NAMED = 10  # accounts named in one card
ORDER = [
    NewsNotice.Kind.RESTRICTED,
    NewsNotice.Kind.FEW_PEOPLE,
    NewsNotice.Kind.SHIFTED,
    NewsNotice.Kind.RECOVERED,
]


@dataclass(frozen=True)
class Group:
    """Accounts that one cause hit in one way, by name; `event` is that of the first. Where people are too few there is no event."""

    kind: str
    accounts: Sequence[Account]
    event: AccountEvent | None = None
    people: int = 0  # how many are left
    within: int = 0  # in so many days
    wanted: int = 0


def build(message: Message) -> Mail:
    """Build the mail from what still holds. Raises NotWanted, with the reasons, where nothing does."""
    notices, dropped = news.still_wanted(message)
    if not notices:
        raise NotWanted(*(sorted(dropped) or ["deleted_or_told"]))
    signed = links.sign(message)
    reader = mailing.reader_of(message)
    groups = _groups(notices)
    may_stop, asks = links.may_stop(message), on_it.asks_for_care(notices)
    facts = links.foot(message, user=reader.user, may_stop=may_stop, asks=asks)
    mail = compose(notices, groups, message, reader, facts)
    return replace(
        renewal_links.personal(mail.hiding(signed, HIDDEN), user=reader.user, now=timezone.now()),
        headers=_headers(groups[0].accounts[0], facts["stop_url"]),
        reply_to=reply_to({one.team_id for one in notices}, reader=message.recipient),
    )


def compose(
    notices: Sequence[NewsNotice],
    groups: Sequence[Group],
    message: Message,
    reader: ReaderWithNames,
    more: Mapping[str, object],
) -> Mail:
    """Return the mail that tells a reader of these groups, with `more` facts: the addresses of its foot, or that it is a test."""
    facts = _facts(notices, groups, reader) | dict(more)
    return mailing.compose("macro_news", message, reader, facts)


def _headers(first: Account, stop: str) -> dict[str, str]:
    """Return what files the mail with the others about the account, and lets a mail program stop such mails by one press (RFC 8058)."""
    thread = f"<account-{first.pk}-{first.cycle}@{settings.BASE_HOST}>"
    headers = {"In-Reply-To": thread, "References": thread}
    if stop:
        headers |= {"List-Unsubscribe": f"<{stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return headers


def _groups(notices: Sequence[NewsNotice]) -> list[Group]:
    """Return the accounts by what happened to them: what is restricted first, then the largest groups of each kind."""
    accounts = Account.objects.in_bulk({one.account_id for one in notices})
    events = AccountEvent.objects.in_bulk({one.event for one in notices})
    found: dict[tuple[object, ...], dict[int, tuple[Account, AccountEvent]]] = {}
    for one in notices:
        if one.kind == NewsNotice.Kind.FEW_PEOPLE:
            continue
        account, event = accounts[one.account_id], events[one.event]
        by: tuple[object, ...] = (event.from_token_id, event.token_id)
        if one.kind == NewsNotice.Kind.RESTRICTED:
            by = (account.restriction,)
        elif one.kind == NewsNotice.Kind.RECOVERED:
            by = (event.kind, account.active_token_id)
        found.setdefault((one.kind, account.channel, *by), {})[account.pk] = (account, event)
    groups = []
    for (kind, *_), some in found.items():
        hit = sorted(some.values(), key=lambda each: (each[0].name, each[0].pk))
        groups.append(Group(str(kind), [account for account, _ in hit], hit[0][1]))
    return sorted(
        [*groups, *_few(notices, accounts)],
        key=lambda one: (ORDER.index(NewsNotice.Kind(one.kind)), -len(one.accounts), one.accounts[0].name),
    )


def _few(notices: Sequence[NewsNotice], accounts: Mapping[int, Account]) -> list[Group]:
    """Return the accounts with too few people, by how many are left."""
    few = [one for one in notices if one.kind == NewsNotice.Kind.FEW_PEOPLE and one.action]
    left = dict(Shortage.objects.filter(pk__in=[-one.event for one in few]).values_list("pk", "people"))
    found: dict[tuple[str, int, int, int], dict[int, Account]] = {}
    for one in few:
        account, action = accounts[one.account_id], one.action
        assert action is not None
        wanted, within = action.people or 0, action.within or 0
        people = left.get(-one.event, account.people_count)
        if account.people_count < wanted:  # however far the macro looks ahead: it is so now
            people, within = account.people_count, 0
        key = (account.channel, people, within, wanted)
        found.setdefault(key, {})[account.pk] = account
    return [
        Group(
            NewsNotice.Kind.FEW_PEOPLE,
            sorted(some.values(), key=lambda each: (each.name, each.pk)),
            people=people,
            within=within,
            wanted=wanted,
        )
        for (_, people, within, wanted), some in found.items()
    ]


def _facts(
    notices: Sequence[NewsNotice], groups: Sequence[Group], reader: ReaderWithNames
) -> dict[str, object]:
    """Return the facts of the whole mail."""
    shown = groups[:CARDS]
    found = mailing.summaries([one.accounts[0].pk for one in shown])
    cards = [_card(one, found[one.accounts[0].pk], reader) for one in shown]
    ids = {one.account_id for one in notices}
    unseen = ids - {account.pk for one in shown for account in one.accounts}
    macros = sorted({one.action.macro.name for one in notices if one.action})
    ways = {Via(one.via) for one in notices}
    return {
        "first": cards[0],
        "name": groups[0].accounts[0].name,
        "more": len(ids) - 1,
        "sums": [
            (kind, number)
            for kind in ORDER
            if (number := len({a.pk for one in groups if one.kind == kind for a in one.accounts}))
        ],
        "cards": cards,
        "unseen": len(unseen),
        "personal": any("?" in str(card.get("renew_url", "")) for card in cards if _asks(card)),
        "macros": join_names([quoted(name) for name in macros]),
        "macro_count": len(macros),
        "because": {Via.TEAM_LEAD: "lead", Via.OPERATOR: "operator"}.get(ways.pop(), "")
        if len(ways) == 1
        else "",
    }


def _asks(card: Mapping[str, object]) -> bool:
    """Return whether a card asks its reader for a new consent."""
    explanation = card.get("explanation")
    return isinstance(explanation, reasons.Explanation) and explanation.by_consent


def _card(group: Group, found: Summary, reader: ReaderWithNames) -> dict[str, object]:
    """Return the facts of one card."""
    account, count = found.account, len(group.accounts)
    facts: dict[str, object] = {
        "kind": group.kind,
        "account": account,
        "channel": declarations.label(account.channel),
        "count": count,
        "named": group.accounts[:NAMED],
        "unnamed": max(0, count - NAMED),
        "pill": pills.pill("account", found.health),
        "carrier": found.active_name(reader.names),
        # Of several accounts it is said where it holds for all of them.
        "until": mailing.until(found, reader) if _ends_as_one(group) else None,
        "url": addresses.absolute_url("open_account", account.pk),
    }
    if group.event is None:
        if count > 1:
            facts["carrier"] = ""  # each may have another one
        return facts | {"people": group.people, "within": group.within, "wanted": group.wanted}
    facts["lifted"] = group.event.kind == AccountEvent.Kind.UNRESTRICTED
    facts["at"] = dates.moment(group.event.at, zone=reader.zone).full
    if group.kind == NewsNotice.Kind.RESTRICTED:
        facts["steps"] = reasons.explain(account.channel, Reason.RESTRICTED, account=account.name).steps
    if group.kind == NewsNotice.Kind.SHIFTED:
        facts |= _came_before(group.event, account, reader)
    if group.kind == NewsNotice.Kind.RECOVERED and not facts["lifted"]:
        facts["dark_since"] = _dark_since(group.event, reader)
    return facts


def _came_before(event: AccountEvent, account: Account, reader: ReaderWithNames) -> dict[str, object]:
    """Return who carried the account before, why not now, and who should come back; little where the log-in was taken out."""
    entry = (
        AccountToken.objects.select_related("token__consented_by", "account")
        .filter(account=account, token=event.from_token_id)
        .first()
    )
    if entry is None:
        return {"taken_out": True}
    token = entry.token
    person = reader.names.within(token, account)
    mine = reader.user is not None and token.consented_by_id == reader.user.pk
    reason = pool_reasons.entry_reason(entry)
    explanation = pool_reasons.explain_entry(entry, person=person, you=mine) if reason else None
    asked = token.consented_by if token.kind == Token.Kind.PERSON else None
    seen = reader.names.sees_token(token, account)
    return {
        "person": person,
        "person_first": first_name(person),
        "mine": mine,
        "explanation": explanation,
        "waits_for": explanation.helper if explanation else "",
        "contact": asked.email if asked is not None and asked.is_active and seen and not mine else "",
        "back": explanation is None,
        "renew_url": _renew_url(account, token, reader) if mine else "",
    }


def _renew_url(account: Account, token: Token, reader: ReaderWithNames) -> str:
    assert reader.user is not None  # whose own log-in it is
    if renewal_links.renewable([reader.user.pk], [token.pk]):
        return renewal_links.page_of(account, token)
    return addresses.absolute_url("reauthenticate", account.pk)


def _dark_since(event: AccountEvent, reader: ReaderWithNames) -> str:
    before = AccountEvent.objects.filter(
        account=event.account_id, kind=AccountEvent.Kind.DEACTIVATED, pk__lt=event.pk
    )
    at: datetime | None = before.order_by("-at", "-pk").values_list("at", flat=True).first()
    return dates.moment(at, zone=reader.zone).full if at else ""


def _ends_as_one(group: Group) -> bool:
    return len({(one.state, one.deadline_kind, one.deadline) for one in group.accounts}) == 1
