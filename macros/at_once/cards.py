"""The cards of the mail about what happened: what one cause did to accounts is one card, in which each account stands once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from accounts.models import Account, AccountToken
from accounts.pool import mails as mailing
from accounts.pool.mails import ReaderWithNames
from accounts.pool.queries import Summary
from accounts.renewal_links import services as renewal_links
from macros.at_once.news import ENDS, Event
from macros.models import Shortage
from macros.notices.models import Told
from macros.notices.rules import Candidate, choose_to_renew
from macros.notices.values import AccountFacts, Happened
from tokens.channels import declarations, registry
from tokens.channels.kinds import AN_APPEAL_HELPS, LIFTABLE, Reason
from tokens.models import Token
from tokens.token import reasons
from ui import addresses, dates, mails, pills
from ui.text import first_name

Kind = Told.Kind
CARDS = 10
NAMED = 10  # accounts named in one card
ORDER = ["ended", "restricted", "few_people", "works", "unsteady"]  # of the cards
_CARD_OF = {
    Kind.RESTRICTED: "restricted",
    Kind.FEW_PEOPLE: "few_people",
    Kind.RECOVERED: "works",
    Kind.UNSTEADY: "unsteady",
}


@dataclass
class Group:
    """Accounts (ids) that one cause hit in one way. `token_id`: the log-in that ended, was lost or stood back."""

    card: str
    rows: list[Told] = field(default_factory=list)
    accounts: list[int] = field(default_factory=list)
    token_id: int | None = None
    mine: bool = False  # the log-in is the reader's own
    dark: bool = False
    event: int = 0  # of the first account

    @property
    def kinds(self) -> set[str]:
        """What its rows tell."""
        return {one.kind for one in self.rows}


def groups_of(rows: Iterable[Told], looked: Mapping[int, AccountFacts], recipient: str) -> list[Group]:
    """Return the rows by their causes: the reader's own log-ins first, then what is dark, then by number. An account is in one group of
    what ended.
    """
    found: dict[tuple[object, ...], Group] = {}
    placed = dict[int, Group]()
    for row in sorted(rows, key=lambda one: (one.kind not in ENDS, one.pk or 0)):
        account = looked[row.account_id]
        if row.kind in {Kind.DEACTIVATED, Kind.SHIFTED} and account.pk in placed:
            placed[account.pk].rows.append(row)
            continue
        group = found.setdefault(
            _cause(row, account), Group(_CARD_OF.get(Kind(row.kind), "ended"), event=row.event)
        )
        if group.card == "ended":
            group.token_id = _log_in(row, account)
            placed[account.pk] = group
            entry = account.log_in(group.token_id)
            group.mine = group.mine or (entry is not None and recipient in entry.people)
            group.dark = group.dark or account.deactivated or account.state == Account.State.INTERRUPTED
        group.rows.append(row)
        if account.pk not in group.accounts:
            group.accounts.append(account.pk)
    for group in found.values():
        group.accounts.sort(key=lambda pk: not looked[pk].deactivated)
    return sorted(
        found.values(),
        key=lambda one: (ORDER.index(one.card), not one.mine, not one.dark, -len(one.accounts)),
    )


def _cause(row: Told, account: AccountFacts) -> tuple[object, ...]:
    """Return what is the same for accounts that stand in one card."""
    if row.kind in _CARD_OF:
        event = account.event(row.event)
        how = {
            Kind.RESTRICTED: (account.channel, account.restriction),
            Kind.RECOVERED: (account.channel, event.kind if event else "", account.active_token_id),
            Kind.FEW_PEOPLE: (account.channel, account.people_count, row.action_id),
        }
        return (row.kind, *how.get(Kind(row.kind), (account.pk,)))
    token = _log_in(row, account)
    entry = account.log_in(token)
    return ("ended", token or account.pk, entry.reason if entry else "")


def _log_in(row: Told, account: AccountFacts) -> int | None:
    """Return the log-in that a row is about: its own; of an account that is dark the one whose end stopped it, of a person who can act."""
    if row.token_id is not None:
        return row.token_id
    candidates = [
        Candidate(
            one.token_id,
            one.reason,
            one.dead_since is not None,
            one.state_since,
            asked=bool(one.people) and not one.removed,
        )
        for one in account.log_ins
        if one.reason
    ]
    return choose_to_renew(candidates, account.reason)


@dataclass(frozen=True)
class Shown:
    """What the cards of a mail are made of: the accounts that they name, the log-ins and events behind them."""

    reader: ReaderWithNames
    summaries: Mapping[int, Summary]
    looked: Mapping[int, AccountFacts]
    entries: Mapping[tuple[int, int], AccountToken]
    now: datetime

    def event(self, group: Group) -> tuple[AccountFacts, Happened | None]:
        """Return what happened to an account of a group, and to which; None where it is known no longer."""
        some = [self.looked[pk] for pk in group.accounts]
        found = ((one, event) for one in some if (event := one.event(group.event)) is not None)
        return next(found, (some[0], None))


def cards_of(
    groups: Sequence[Group], looked: Mapping[int, AccountFacts], reader: ReaderWithNames, now: datetime
) -> list[dict[str, object]]:
    """Return the facts of the cards of these groups, in their order."""
    ids = {pk for one in groups for pk in one.accounts[:NAMED]}
    tokens = {one.token_id for one in groups if one.token_id}
    entries = AccountToken.objects.filter(account__in=ids, token__in=tokens).select_related(
        "account", "token__app", "token__consented_by"
    )
    shown = Shown(
        reader=reader,
        summaries=mailing.summaries(ids),
        looked=looked,
        entries={(one.account_id, one.token_id): one for one in entries},
        now=now,
    )
    make = {
        "ended": _ended,
        "restricted": _restricted,
        "works": _works,
        "few_people": _few,
        "unsteady": _unsteady,
    }
    return [_base(one, shown) | make[one.card](one, shown) for one in groups]


def _base(group: Group, shown: Shown) -> dict[str, object]:
    found = shown.summaries[group.accounts[0]]
    account = found.account
    lines = [_line(shown.summaries[pk], group, shown) for pk in group.accounts[:NAMED]]
    names = [one["name"] for one in lines]
    return {
        "card": group.card,
        "account": account,
        "channel": declarations.label(account.channel),
        "channel_key": account.channel,
        "count": len(group.accounts),
        "called": mails.called([str(one) for one in names], len(group.accounts)),
        "lines": lines,
        "line": lines[0],
        "unnamed": max(0, len(group.accounts) - NAMED),
        "pill": pills.pill("account", found.health),
        "carrier": found.active_name(shown.reader.names) if len(group.accounts) == 1 else "",
        "alone": sum(bool(one["alone"]) for one in lines),
        "until": mailing.works_until(found, shown.reader) if _ends_as_one(group, shown) else None,
        "url": addresses.absolute_url("open_account", account.pk),
    }


def _ends_as_one(group: Group, shown: Shown) -> bool:
    """Return whether all of its accounts work until the same moment: then the card says it."""
    accounts = [shown.summaries[pk].account for pk in group.accounts[:NAMED]]
    works = all(one.state == Account.State.CONNECTED for one in accounts)
    same = len({(one.deadline_kind, one.deadline) for one in accounts}) == 1
    return works and same and len(group.accounts) <= NAMED


def _line(found: Summary, group: Group, shown: Shown) -> dict[str, object]:
    """Return how an account stands now: dark, or who carries it on, and whether nobody else could."""
    account = found.account
    carriers = [one.token for one in found.usable if one.token_id != group.token_id or group.card != "ended"]
    return {
        "name": account.name,
        "native_id": account.native_id,
        "state": account.state,
        "deactivated": account.is_deactivated,
        "carrier": first_name(shown.reader.names.within(carriers[0], account)) if carriers else "",
        "alone": account.state == Account.State.CONNECTED and account.people_count == 1,
    }


def _ended(group: Group, shown: Shown) -> dict[str, object]:
    """Return the facts of the card of a log-in that stopped, cannot be used, or gave way to another one."""
    first = shown.summaries[group.accounts[0]]
    entry = shown.entries.get((first.account.pk, group.token_id or 0))
    _, event = shown.event(group)
    since = _full(event.at if event else first.account.since, shown)
    if first.account.state == Account.State.INTERRUPTED and Kind.DEACTIVATED in group.kinds:
        return {"held": True, "since": since, "waits_for": declarations.label(first.account.channel)}
    if entry is None:
        return {"taken_out": True, "since": since}
    token, reader = entry.token, shown.reader
    person = reader.names.within(token, first.account)
    seen = reader.names.sees_token(token, first.account)
    system = token.kind == Token.Kind.SYSTEM
    mine = group.mine and not token.is_removed
    explanation = reasons.explain(
        first.account.channel,
        entry.reason,
        person=(token.native_user_name if mine and token.state == Token.State.DEAD else person),
        account=mails.called(
            [shown.summaries[pk].account.name for pk in group.accounts[:NAMED]], len(group.accounts)
        ),
        you=mine and not system,
    )
    asked = token.consented_by if not system else None
    reachable = asked is not None and asked.is_active
    stood_in = any(one.via and one.kind == Kind.LOG_IN for one in group.rows)
    dead = token.state == Token.State.DEAD
    looked = shown.looked[first.account.pk]
    admin = reader.user is not None and reader.user.email in looked.people(looked.admins)
    return {
        "explanation": explanation,
        "person": person,
        "mine": mine,
        "system": system,
        "dead": dead,
        "shifted": group.kinds == {Kind.SHIFTED},
        "log_in": token.native_user_name if seen else "",
        "stopped": _full(token.state_since if dead else event.at if event else None, shown),
        "back": not explanation.reason,
        "only_appeal": explanation.only_appeal,
        "first_there": explanation.reason in LIFTABLE,
        "waits_for": explanation.helper,
        "you_help": admin and bool(explanation.waits_for),
        "contact": asked.email if asked is not None and reachable and seen and not mine else "",
        "nobody": not mine and not system and not explanation.only_appeal and (stood_in or not reachable),
        "steps": _steps(explanation, entry, mine=mine),
        "renews": mine and explanation.by_consent,
        "renew_url": _renew_url(entry, mine=mine),
    }


def _steps(explanation: reasons.Explanation, entry: AccountToken, *, mine: bool) -> Sequence[str]:
    """Return the channel's steps: the person's own, or those of an admin there. Nobody presses "Check now" in a mail."""
    channel = entry.account.channel
    if mine:
        return explanation.steps or ((registry.get(channel).last_step,) if explanation.by_consent else ())
    if explanation.waits_for or entry.token.state != Token.State.DEAD:
        return reasons.explain(channel, explanation.reason, you=True).steps
    return ()


def _renew_url(entry: AccountToken, *, mine: bool) -> str:
    """Return the page that the button leads to: where the log-in is renewed; where that would fail, the steps behind our log-in.

    Empty for a contact whom only the steps in the mail help: they cannot log in here.
    """
    if not mine:
        return ""
    token, account = entry.token, entry.account
    appeal = token.state == Token.State.DEAD and token.reason in AN_APPEAL_HELPS
    if reasons.by_consent(entry.reason) and not appeal:
        return renewal_links.renewal_page(account, token)
    if token.consented_by is None or token.consented_by.is_contact:
        return ""
    return addresses.absolute_url("reauthenticate", account.pk)


def _restricted(group: Group, shown: Shown) -> dict[str, object]:
    account = shown.summaries[group.accounts[0]].account
    steps = reasons.explain(account.channel, Reason.RESTRICTED, account=account.name).steps
    _, event = shown.event(group)
    return {
        "steps": steps,
        "since": _full(event.at if event else None, shown),
        "pill": pills.pill("account", "restricted"),
    }


def _works(group: Group, shown: Shown) -> dict[str, object]:
    looked, event = shown.event(group)
    lifted = event is not None and event.kind == Event.UNRESTRICTED
    ended = looked.before(event, Event.DEACTIVATED) if event and not lifted else None
    return {
        "lifted": lifted,
        "since": _full(event.at if event else None, shown),
        "stopped": _full(ended.at if ended else None, shown),
    }


def _few(group: Group, shown: Shown) -> dict[str, object]:
    account, action = shown.summaries[group.accounts[0]].account, group.rows[0].action
    wanted, within = (action.people or 0, action.within or 0) if action else (0, 0)
    now_short = account.people_count < wanted  # however far the macro looks ahead
    found = Shortage.objects.filter(pk=-group.event).values_list("people", flat=True).first()
    return {
        "people": account.people_count if now_short or found is None else found,
        "within": 0 if now_short else within,
        "wanted": wanted,
    }


def _unsteady(group: Group, shown: Shown) -> dict[str, object]:
    looked = shown.looked[group.accounts[0]]
    stops = defaultdict[str, int](int)
    for one in looked.events:
        stops[one.kind] += one.at >= group.rows[0].at.replace(hour=0, minute=0)
    return {"times": max(1, stops[Event.DEACTIVATED] + stops[Event.RESTRICTED])}


def _full(at: datetime | None, shown: Shown) -> str:
    return dates.moment(at, zone=shown.reader.zone).full if at else ""
