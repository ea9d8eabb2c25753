"""What somebody's leaving does to accounts: which stop, which keep one person, and who could carry them then. Reads, writes nothing."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from hashlib import sha256
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import (
    BigIntegerField,
    Case,
    Count,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from accounts import actions, asks_of_app, backup_requests, backups, pool_reasons
from accounts.backups import Offer
from accounts.models import Account, AccountToken
from tokens.models import Token
from tokens.token_model import TokenQuerySet
from users.models import Team, User

MOST = 500  # accounts for which a page looks for somebody else, those that stop first; a worker looks for all

LIVING = Q(access=AccountToken.Access.OK) & ~Q(token__state=Token.State.DEAD)  # as selection.living
LIVING &= ~Q(can_publish=AccountToken.CanPublish.NO)
USABLE = Q(access=AccountToken.Access.OK, token__state=Token.State.VALID)  # as selection.usable
USABLE &= ~Q(can_publish=AccountToken.CanPublish.NO)
About = list[tuple[Account, Token]]


class Then(IntEnum):
    """What becomes of an account when the person leaves."""

    STOPS = 0  # nobody else's log-in could be served
    ONE_LEFT = 1
    GOES_ON = 2  # through several people, or it was not carried by this person


# The same as conditions of `accounts_of`, which ask each account for less than `then` does.
STOPS, ONE_LEFT = Q(carried=True, left=0), Q(carried=True, left=1)
AT_RISK = Q(carried=True, left__lte=1)


@dataclass(frozen=True)
class Plan:
    """What leaving does, and who could carry what stops or keeps one person."""

    person: User
    tokens: Sequence[Token]  # the log-ins that end
    stop: int  # numbers of accounts
    one_left: int
    go_on: int
    at_risk: Sequence[
        Account
    ]  # the first two kinds, those that stop first, MOST at most; each with its `then`
    offers: Mapping[int, Offer]  # account -> the log-in of a colleague that reaches it already
    asked_first: Collection[int]  # those of these accounts whose person is to agree before
    asks: Mapping[int, About]  # person -> what was linked by them there and stopped

    @property
    def is_cut(self) -> bool:
        """Whether there are more accounts than somebody else was looked for."""
        return self.stop + self.one_left > len(self.at_risk)

    @property
    def seen(self) -> str:
        """What is the same as long as the same would be done."""
        said = [
            self.person.is_active,
            [token.pk for token in self.tokens],
            self.stop,
            sorted((pk, offer.token.pk) for pk, offer in self.offers.items()),
            sorted((pk, len(about)) for pk, about in self.asks.items()),
        ]
        return sha256(repr(said).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Scope:
    """Whose leaving is looked at: all log-ins of a person, or only these (ids), and accounts of all teams, or only of these."""

    person: User
    only: Collection[int] | None = None
    teams: QuerySet[Team] | None = None

    @property
    def accounts(self) -> QuerySet[Any]:
        """The accounts, as `accounts_of` returns them."""
        found = accounts_of(self.person, only=self.only)
        return found if self.teams is None else found.filter(team__in=self.teams)

    @property
    def at_risk(self) -> QuerySet[Any]:
        """Those of them that stop or keep one person."""
        return self.accounts.filter(AT_RISK).order_by()


def log_ins(person: User) -> TokenQuerySet:
    """Return what ends with the person: all that they consented to and nobody removed, stopped ones too. System users are their team's."""
    own = Token.objects.filter(consented_by=person, kind=Token.Kind.PERSON)
    return own.exclude(reason=Token.REMOVED)


def living_log_ins(person: User) -> TokenQuerySet:
    """Return those of them that serve accounts, or would again."""
    return log_ins(person).exclude(state=Token.State.DEAD).filter(pool_entries__isnull=False).distinct()


def still_serving(people: QuerySet[User]) -> QuerySet[User]:
    """Keep the people who are switched off while their log-ins go on serving accounts: past the page that ends these first."""
    serving = Token.objects.filter(consented_by=OuterRef("pk"), kind=Token.Kind.PERSON)
    serving = serving.exclude(state=Token.State.DEAD).filter(pool_entries__isnull=False)
    return people.filter(Exists(serving), is_active=False)


def accounts_of(person: User, *, only: Collection[int] | None = None) -> QuerySet[Any]:
    """Return the accounts in whose pools the person's log-ins are (`only`: these, by id), each with `then`, what becomes of it."""
    own = list(log_ins(person).values_list("pk", flat=True) if only is None else only)
    of_account = AccountToken.objects.filter(account=OuterRef("pk")).order_by()
    carried = of_account.filter(LIVING, token__in=own)
    who = Case(
        When(token__consented_by=None, then=-F("token_id")),
        default=F("token__consented_by_id"),
        output_field=BigIntegerField(),
    )
    others = of_account.filter(USABLE).exclude(token__in=own).values("account")
    left = Subquery(others.annotate(n=Count(who, distinct=True)).values("n"), output_field=IntegerField())
    found = Account.objects.filter(pk__in=AccountToken.objects.filter(token__in=own).values("account"))
    found = found.annotate(carried=Exists(carried), left=Coalesce(left, Value(0)))
    return found.annotate(
        then=Case(
            When(STOPS, then=Value(int(Then.STOPS))),
            When(ONE_LEFT, then=Value(int(Then.ONE_LEFT))),
            default=Value(int(Then.GOES_ON)),
            output_field=IntegerField(),
        )
    )


def count(accounts: QuerySet[Any]) -> dict[Then, int]:
    """Count what `accounts_of` returns by what becomes of it. One query."""
    # Grouped, and not counted three times with a condition each: `then` is worked out once for each account.
    numbers = dict(accounts.order_by().values("then").annotate(n=Count("pk")).values_list("then", "n"))
    return {one: numbers.get(one, 0) for one in Then}


def plan(
    *,
    person: User,
    actor: User,
    now: datetime,
    only: Sequence[Token] | None = None,
    teams: QuerySet[Team] | None = None,
) -> Plan:
    """Work out what leaving does and who could carry on. A fixed number of queries, however many accounts.

    `only`: where just these log-ins go. `teams`: accounts of others are left out.
    """
    accounts = Scope(person, None if only is None else [one.pk for one in only], teams).accounts
    numbers = count(accounts)
    in_order = accounts.filter(AT_RISK).select_related("team").order_by("then", "name", "pk")
    at_risk = list(in_order[:MOST])
    offers = _offers(person, [account.pk for account in at_risk])
    by_id = {account.pk: account for account in at_risk}
    return Plan(
        person=person,
        tokens=list(log_ins(person).select_related("app").defer("credentials").order_by("pk"))
        if only is None
        else only,
        stop=numbers[Then.STOPS],
        one_left=numbers[Then.ONE_LEFT],
        go_on=numbers[Then.GOES_ON],
        at_risk=at_risk,
        offers=offers,
        asked_first=backup_requests.asked_first(offers, by_id, actor),
        asks=_stopped_there(_linked_there(person, [account.pk for account in at_risk]), now),
    )


def offers_of_all(of: Scope) -> dict[int, Offer]:
    """Return who is at hand for all accounts that stop or keep one person, however many. For a worker: one question about all of them."""
    return _offers(of.person, list(of.at_risk.values_list("pk", flat=True)))


def colleagues_of_all(of: Scope) -> list[int]:
    """Return the people (ids) of whom a log-in stopped in any of these accounts; whether one can be asked, `stopped_of` says."""
    people = _linked_there(of.person, of.at_risk.values("pk")).order_by("token__consented_by")
    found = people.filter(token__consented_by__isnull=False).values_list("token__consented_by", flat=True)
    return [pk for pk in found.distinct() if pk is not None]


def stopped_of(colleague_id: int, *, of: Scope, now: datetime) -> About:
    """Return what of one colleague stopped in all accounts that stop or keep one person then, and they can be asked for."""
    entries = _linked_there(of.person, of.at_risk.values("pk")).filter(token__consented_by=colleague_id)
    return _stopped_there(entries, now).get(colleague_id, [])


def stopped_of_all(of: Scope, now: datetime) -> dict[int, About]:
    """Return by colleague (id) the same for all of them, however many. For a worker."""
    return _stopped_there(_linked_there(of.person, of.at_risk.values("pk")), now)


def _offers(person: User, account_ids: Collection[int]) -> dict[int, Offer]:
    found = backups.offers(account_ids=account_ids)
    best = {
        pk: next((one for one in of_account if one.token.consented_by_id != person.pk), None)
        for pk, of_account in found.items()
    }
    return {pk: offer for pk, offer in best.items() if offer is not None}


def _linked_there(person: User, accounts: Any) -> QuerySet[AccountToken]:
    """Return what others linked to these accounts (ids, or a query of them) and stopped by itself."""
    entries = AccountToken.objects.filter(account__in=accounts, token__state=Token.State.DEAD)
    return entries.exclude(token__reason=Token.REMOVED).exclude(token__consented_by=person)


def _stopped_there(entries: QuerySet[AccountToken], now: datetime) -> dict[int, About]:
    """Return by colleague which of these log-ins would serve again after a new consent.

    Without those that were asked for today, and whose person cannot be asked.
    """
    entries = entries.select_related("account__team", "token__app", "token__consented_by").order_by(
        "account__name", "pk"
    )
    rows = list(entries.defer("token__credentials"))
    asked = asks_of_app.asked_today(Q(token__in={one.token_id for one in rows}), now)
    today = set(asked.values_list("token", flat=True))
    found: dict[int, About] = defaultdict(list)
    for one in rows:
        who = one.token.consented_by_id
        if who is None or one.token_id in today or actions.cannot_ask(one.token):
            continue
        if pool_reasons.explain_entry(one).by_consent:
            found[who].append((one.account, one.token))
    return dict(found)


# --- many people: the list of users -----------------------------------------------------------------------------------


def carried_by_each(
    *, person_ids: Collection[int] | None, among: QuerySet[Account] | None
) -> dict[int, tuple[int, int]]:
    """Return by person (None: for all) how many of these accounts (None: of all) their log-ins carry, and how many nobody else could.

    One query, which looks into no other pool: how many log-ins can be used for an account, `settle` has counted.
    """
    entries = AccountToken.objects.filter(LIVING, token__kind=Token.Kind.PERSON)
    if person_ids is None:
        entries = entries.filter(token__consented_by__isnull=False)
    else:
        entries = entries.filter(token__consented_by__in=person_ids)
    entries = entries if among is None else entries.filter(account__in=among)
    by_account = entries.order_by().values(
        person=F("token__consented_by"), of=F("account"), everybody=F("account__usable_count")
    )
    by_account = by_account.annotate(own=Count("pk", filter=Q(token__state=Token.State.VALID)))
    try:
        inner, values = by_account.query.sql_with_params()
    except EmptyResultSet:  # nobody, or no account
        return {}
    query = (
        f"select person, count(*), count(*) filter (where everybody <= own) from ({inner}) x group by person"  # noqa: S608
    )
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return {person: (number, alone) for person, number, alone in cursor.fetchall()}


def carry_any(*, among: QuerySet[Account] | None) -> dict[int, int]:
    """Return by person, of everybody who carries any of these accounts (None: of all), how many. One query, of half the cost of both."""
    entries = AccountToken.objects.filter(
        LIVING, token__kind=Token.Kind.PERSON, token__consented_by__isnull=False
    )
    entries = entries if among is None else entries.filter(account__in=among)
    by_person = entries.order_by().values(person=F("token__consented_by"))
    return dict(by_person.annotate(n=Count("account", distinct=True)).values_list("person", "n"))


def alone_with(person_id: int) -> QuerySet[Account]:
    """Return the accounts that stop when the person leaves, as `accounts_of` finds them, by the short way of `carry_alone`."""
    found = accounts_of(User(pk=person_id)).filter(_may_be_alone(), STOPS)
    return Account.objects.filter(pk__in=found.order_by().values("pk"))


def _may_be_alone() -> Q:
    """Return the condition of an account that one person might carry alone: what `settle` has counted, and where a log-in cools."""
    cooling = AccountToken.objects.filter(token__state=Token.State.COOLING).values("account")
    return Q(usable_count__lte=1) | Q(people_count__lte=1) | Q(pk__in=cooling)


def carry_alone(*, among: QuerySet[Account] | None) -> dict[int, int]:
    """Return by person how many of these accounts (None: of all) nobody else could carry, of those who carry any of those.

    One query, which looks only where that may be: `settle` has counted how many log-ins can be used, and how many people live there.
    """
    accounts = Account.objects.all() if among is None else among
    few = accounts.filter(_may_be_alone())
    return {person: alone for person, (_, alone) in carried_by_each(person_ids=None, among=few).items()}
