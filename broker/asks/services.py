"""Asks of a key: begun in the name of whoever made it, by the services of the pages, and seen as far as its teams and channels go."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q

from accounts.asks import inviting, links, queries, rules, services
from accounts.asks.models import Ask, AskLine, AskLineQuerySet, AskQuerySet, LinkState
from accounts.linking import queries as setup
from accounts.models import Account, AccountToken
from accounts.pool import permissions
from broker.api import reach
from broker.asks.schemas import AskIn, Kind, State
from broker.leases.callers import Caller
from broker.leases.errors import NotFound, NotPossible
from broker.leases.texts import text
from ui.errors import Refusal
from ui.phrases import phrase
from users.installation import hold
from users.models import Team, User

Stage = AskLine.Stage
KINDS: dict[Kind, Q] = {
    "renew": Q(what=Ask.What.RENEW),
    "client_link": Q(what=Ask.What.LINK, key__isnull=False),
    "second_person": Q(what=Ask.What.LINK, key=None) | Q(what=Ask.What.BACK_UP),
}
FAILED = (Stage.FAILED, Stage.NOT_ASKABLE, Stage.DECLINED, Stage.LEFT)


def begin(*, caller: Caller, wanted: AskIn, now: datetime) -> Sequence[Ask]:
    """Begin what is wanted. Raises NotFound for accounts that are not seen, NotPossible with the pages' own words, and OnHold."""
    hold.refuse()
    ways = {"renew": _renew, "second_person": _second_person, "client_link": _client_link}
    try:
        made = ways[wanted.kind](caller, wanted, now)
    except Refusal as refused:
        raise NotPossible(str(refused)) from refused
    return list(visible(caller).filter(pk__in=[one.pk for one in made]).order_by("pk"))


def _renew(caller: Caller, wanted: AskIn, now: datetime) -> Sequence[Ask]:
    maker = reach.maker_of(caller, permissions.ASK)
    accounts = reach.find_accounts(caller, maker, wanted.accounts)
    chosen = Account.objects.filter(pk__in=[one.pk for one in accounts])
    plan = queries.plan_ask(queries.entries_to_renew(chosen, now))
    if plan.ids and not plan.reaches_somebody:
        cannot = dict.fromkeys(
            rules.why_not(tokens[0]) or phrase(rules.WORDS, "parked") for tokens in plan.people
        )
        raise NotPossible(" ".join(cannot))
    if refusal := plan.refusal(queries.NONE_ENDS):
        raise NotPossible(refusal)
    ends_at = now + timedelta(days=wanted.days) if wanted.days else None
    facts: dict[str, Any] = {
        "token_ids": plan.ids,
        "name": wanted.name,
        "note": wanted.note,
        "api_key": caller.key_id,
    }
    return [services.start_ask(user=maker, ends_at=ends_at, now=now, **facts)]


def _second_person(caller: Caller, wanted: AskIn, now: datetime) -> Sequence[Ask]:
    maker = reach.maker_of(caller, User.may_make_links)
    accounts = reach.find_accounts(caller, maker, wanted.accounts)
    facts: dict[str, Any] = {
        "email": wanted.email,
        "name": wanted.name,
        "note": wanted.note,
        "api_key": reach.key_of(caller),
    }
    return inviting.invite_to_link(accounts=accounts, by=maker, now=now, **facts)


def _client_link(caller: Caller, wanted: AskIn, now: datetime) -> Sequence[Ask]:
    maker = reach.maker_of(caller, User.may_make_links)
    asked_for = [(one.channel, reach.spelt(one.channel, one.native_id)) for one in wanted.accounts]
    channels = list(dict.fromkeys([*wanted.channels, *(channel for channel, _ in asked_for)]))
    _demand_ready(caller, channels)
    link = links.make_link(
        email=wanted.email,
        name=wanted.name,
        team=_team(caller, wanted.team),
        channels=channels,
        made_by=maker,
        now=now,
        asked_for=asked_for,
        note=wanted.note,
        valid_for=timedelta(days=wanted.days) if wanted.days else links.VALID_FOR,
        mailed=wanted.send_mail,
        api_key=reach.key_of(caller),
        return_url=wanted.return_url,
    )
    return [link]


def _demand_ready(caller: Caller, channels: Collection[str]) -> None:
    """Raise NotPossible for a channel that is not the key's, or that nobody can link here."""
    for channel in channels:
        inside = caller.channels is None or channel in caller.channels
        if not inside or setup.channel_state(channel) != setup.READY:
            raise NotPossible(text("channel_not_ready", channel=channel))


def _team(caller: Caller, name: str) -> Team:
    """Return a team of the key, by name, or its only one. Raises NotPossible."""
    teams = Team.objects.all() if caller.teams is None else Team.objects.filter(pk__in=caller.teams)
    found = list((teams.filter(name=name) if name else teams)[:2])
    if len(found) != 1:
        raise NotPossible(text("no_such_team", name=name) if name else text("which_team"))
    return found[0]


# --- reading --------------------------------------------------------------------------------------------------------------------


def visible(caller: Caller) -> AskQuerySet:
    """Return the asks that a key sees: for its teams, and for accounts and log-ins of accounts that it sees."""
    seen = Q(Exists(lines_of(caller).filter(ask=OuterRef("pk"))))
    of_team = Q(team__isnull=False) if caller.teams is None else Q(team__in=caller.teams)
    if caller.channels is not None:
        of_team &= Q(channels__contained_by=sorted(caller.channels)) & ~Q(channels=[])
    found = Ask.objects.filter(seen | of_team)
    return found.select_related("made_by", "api_key", "team", "contact")


def lines_of(caller: Caller) -> AskLineQuerySet:
    """Return the lines of asks that a key sees."""
    accounts = Account.objects.filter(caller.visible())
    linked = AccountToken.objects.filter(token=OuterRef("token"), account__in=accounts.values("pk"))
    new = Q(account=None, token=None)  # an ad account that is not here yet
    if caller.teams is not None:
        new &= Q(ask__team__in=caller.teams)
    if caller.channels is not None:
        new &= Q(channel__in=caller.channels)
    of_account, of_log_in = Q(account__in=accounts.values("pk")), Q(Exists(linked), account=None)
    return AskLine.objects.filter(of_account | of_log_in | new)


def find(caller: Caller, ask_id: int) -> Ask:
    """Return an ask. Raises NotFound for one that the key does not see."""
    found = visible(caller).filter(pk=ask_id).first()
    if found is None:
        raise NotFound(text("no_ask"))
    return found


def count_stages(caller: Caller, asks: Collection[Ask]) -> dict[int, Counter[str]]:
    """Return by ask how many of its lines that the key sees are at which stage. One query."""
    found: dict[int, Counter[str]] = {one.pk: Counter() for one in asks}
    counted = lines_of(caller).filter(ask__in=found).order_by().values_list("ask", "stage")
    for ask, stage, number in counted.annotate(number=Count("pk")):
        found[ask][stage] = number
    return found


def kind_of(ask: Ask) -> Kind:
    """Return how the API calls what it asks for."""
    if ask.what == Ask.What.RENEW:
        return "renew"
    return "client_link" if ask.key else "second_person"


def state_of(ask: Ask, now: datetime) -> State:
    """Return how it stands."""
    states: dict[LinkState, State] = {
        LinkState.USED: "done", LinkState.EXPIRED: "expired", LinkState.REVOKED: "stopped",
    }  # fmt: skip
    return states.get(ask.link_state(now), "open")
