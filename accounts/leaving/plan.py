"""What goes, what that does to accounts, and who could carry them then; and the jobs by which it goes. Reads, writes nothing.

By OFFBOARD a person goes; by REMOVE log-ins, one's own, or one by staff, or one's own of one account.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

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

from accounts.asks import queries as asks
from accounts.backups import queries as backups
from accounts.backups import services as backing_up
from accounts.backups.queries import Offer
from accounts.jobs.models import OFFBOARD, PERSON, REMOVE
from accounts.models import Account, AccountToken, Job
from tokens.models import Token
from tokens.token.queries import TokenQuerySet
from users.models import Team, User

MOST = 500  # accounts for which a page looks for somebody else, those that stop first; a worker looks for all
GAVE_UP = "gave_up"  # cause of the event, and what a mail is about, where one account was given up
# Of a job's options.
TOKENS, ACCOUNT, TAKEN = "tokens", "account", "taken"


class Then(IntEnum):
    """What becomes of an account."""

    STOPS = 0  # nobody else's log-in could be served
    ONE_LEFT = 1
    GOES_ON = 2  # through several people, or it was not carried by what goes


# The same as conditions of `accounts_of`, which ask each account for less than `then` does.
STOPS, ONE_LEFT = Q(carried=True, left=0), Q(carried=True, left=1)
AT_RISK = Q(carried=True, left__lte=1)


@dataclass(frozen=True)
class Scope:
    """What goes: all log-ins of a person, or only these (ids), from all accounts or from one (id).

    `teams`: of whose accounts somebody else is looked for; None: of all.
    """

    person: User | None
    only: Collection[int] | None = None
    account: int | None = None
    teams: QuerySet[Team] | None = None

    @property
    def tokens(self) -> TokenQuerySet:
        """The log-ins that go."""
        if self.only is not None:
            return Token.objects.filter(pk__in=self.only)
        return Token.objects.none() if self.person is None else Token.objects.of_person(self.person)

    @property
    def accounts(self) -> QuerySet[Any]:
        """The accounts that they leave, as `accounts_of` returns them."""
        found = accounts_of(list(self.tokens.values_list("pk", flat=True)))
        return found if self.account is None else found.filter(pk=self.account)


@dataclass(frozen=True)
class Plan:
    """What becomes of the accounts, and who could carry what stops or keeps one person."""

    scope: Scope
    tokens: Sequence[Token]
    numbers: Mapping[Then, int]
    at_risk: Sequence[Account]  # those that stop first, MOST at most; each with its `then`
    carriers: Mapping[int, Token]  # account -> the log-in of the one person who is left
    offers: Mapping[int, Offer]  # account -> the log-in of a colleague that reaches it already
    asked_first: Collection[int]  # those of these accounts whose person is to agree before
    asks: Sequence[tuple[Account, Token]]  # what was linked by colleagues there and stopped
    looked_at: Collection[int]  # the accounts (ids) for which somebody else was looked for

    @property
    def stop(self) -> int:
        """How many accounts stop."""
        return self.numbers[Then.STOPS]

    @property
    def one_left(self) -> int:
        """How many keep one person."""
        return self.numbers[Then.ONE_LEFT]

    @property
    def unread(self) -> int:
        """How many more accounts are at risk than somebody else was looked for."""
        return self.stop + self.one_left - len(self.at_risk)

    @property
    def stopped(self) -> dict[int, Token]:
        """Account -> the log-in of a colleague that stopped there, who can be asked to re-authenticate it."""
        return {account.pk: token for account, token in reversed(self.asks)}

    @property
    def nobody(self) -> list[Account]:
        """The accounts, of those that were looked at, that nobody could carry who is known here."""
        helped = self.offers.keys() | self.stopped.keys()
        return [one for one in self.at_risk if one.pk in self.looked_at and one.pk not in helped]

    @property
    def seen(self) -> str:
        """What is the same as long as the same consents go: a renewal meanwhile changes nothing."""
        return seen_of(self.tokens)


def seen_of(tokens: Sequence[Token]) -> str:
    """Return the same of log-ins, in the order of their ids."""
    return " ".join(f"{one.pk}@{one.linked_at.timestamp():.6f}" for one in tokens)


def accounts_of(own: Collection[int]) -> QuerySet[Any]:
    """Return the accounts in whose pools these log-ins (ids) are, each with `then`, what becomes of it without them."""
    of_account = AccountToken.objects.filter(account=OuterRef("pk")).order_by()
    carried = of_account.living().filter(token__in=own)
    who = Case(
        When(token__consented_by=None, then=-F("token_id")),
        default=F("token__consented_by_id"),
        output_field=BigIntegerField(),
    )
    others = of_account.usable().exclude(token__in=own).values("account")
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


def count_by_then(accounts: QuerySet[Any]) -> dict[Then, int]:
    """Count what `accounts_of` returns by what becomes of it. One query."""
    # Grouped, and not counted three times with a condition each: `then` is worked out once for each account.
    numbers = dict(accounts.order_by().values("then").annotate(n=Count("pk")).values_list("then", "n"))
    return {one: numbers.get(one, 0) for one in Then}


def read_plan(scope: Scope, *, actor: User, now: datetime, whole: bool = False) -> Plan:
    """Work out what becomes of the accounts and who could carry on. A fixed number of queries, however many accounts.

    `whole`: look for somebody else for all of them, as a worker does, and not for MOST.
    """
    accounts = scope.accounts
    in_order = accounts.filter(AT_RISK).select_related("team").order_by("then", "name", "pk")
    at_risk = list(in_order if whole else in_order[:MOST])
    ids = [one.pk for one in at_risk]
    if scope.teams is not None:
        own = set(scope.teams.values_list("pk", flat=True))
        ids = [one.pk for one in at_risk if one.team_id in own]
    offers = _offers(scope, ids)
    tokens = scope.tokens.select_related("app", "consented_by").defer("credentials").order_by("pk")
    return Plan(
        scope=scope,
        tokens=list(tokens),
        numbers=count_by_then(accounts),
        at_risk=at_risk,
        carriers=_carriers(scope, [one.pk for one in at_risk if one.then == Then.ONE_LEFT]),
        offers=offers,
        asked_first=backing_up.asked_first(offers, {one.pk: one for one in at_risk}, actor),
        asks=_stopped_there(scope, ids, now),
        looked_at=set(ids),
    )


def _offers(scope: Scope, account_ids: Collection[int]) -> dict[int, Offer]:
    """Return the best log-in for each account that is of somebody else."""
    person = None if scope.person is None else scope.person.pk
    found = {}
    for pk, of_account in backups.offers_by_account(account_ids=account_ids).items():
        others = [one for one in of_account if person is None or one.token.consented_by_id != person]
        if others:
            found[pk] = others[0]
    return found


def _carriers(scope: Scope, account_ids: Collection[int]) -> dict[int, Token]:
    others = (
        AccountToken.objects.usable()
        .filter(account__in=account_ids)
        .exclude(token__in=scope.tokens.values("pk"))
    )
    others = others.select_related("token__consented_by").defer("token__credentials").order_by("-pk")
    return {one.account_id: one.token for one in others}


def _stopped_there(scope: Scope, accounts: Collection[int], now: datetime) -> list[tuple[Account, Token]]:
    """Return which log-ins of colleagues stopped in these accounts (ids) and would serve again after a new consent.

    Without those that were asked for today, and whose person cannot be asked.
    """
    entries = AccountToken.objects.filter(account__in=accounts, token__state=Token.State.DEAD)
    entries = entries.exclude(token__reason=Token.REMOVED).exclude(token__in=scope.tokens.values("pk"))
    if scope.person is not None:
        entries = entries.exclude(token__consented_by=scope.person)
    rows = list(
        entries.select_related("account__team", "token__app", "token__consented_by")
        .defer("token__credentials")
        .order_by("account__name", "pk")
    )
    asked = asks.asked_today({one.token_id for one in rows}, now)
    today = set(asked.values_list("token", flat=True))
    rows = [one for one in rows if one.token_id not in today and not one.token.why_not_askable]
    return [(one.account, one.token) for one in rows if one.explain().by_consent]


class Step(IntEnum):
    """What a step is about; of a job's key it is the last digit, and the id of the thing is before it. 5 was one of version 0.2.0."""

    ASK = 1  # all colleagues whose log-ins stopped: one mail a person
    LOG_IN = 2
    LAST = 3
    BACKUPS = 4  # all at once: each person whose log-in is added gets one mail

    def key(self, pk: int = 0) -> int:
        """Return the key of a job for this step."""
        return pk * 10 + self


def keys_of_steps(tokens: Sequence[Token], *, before: Sequence[Step] = ()) -> list[int]:
    """Return the steps as keys of a job; `before`: what is done before the log-ins go."""
    first = [step.key() for step in before]
    return [*first, *(Step.LOG_IN.key(one.pk) for one in tokens), Step.LAST.key()]


def log_ins_left(job: Job) -> TokenQuerySet:
    """Return what of its log-ins is still to go: of a person who is seen off all, else those that nobody consented to again since."""
    if job.is_offboarding:
        return Token.objects.of_person(User(pk=job.subject_id))
    tokens = Token.objects.filter(pk__in=job.options[TOKENS], linked_at__lte=job.created_at)
    return tokens.not_removed()


def scope_of_job(job: Job) -> Scope:
    """Return what still goes of somebody who leaves."""
    person = User.objects.filter(pk=job.leaver_id or 0).first()
    return Scope(person, list(log_ins_left(job).values_list("pk", flat=True)))


def known_offboarding(person: User) -> Job | None:
    """Return the offboarding of a person that is under way, or that left nothing to do; None where one would begin. Known for a day.

    Of whoever was switched on again it is over, whatever a worker still has of it.
    """
    if person.is_active:
        return None
    found = Job.objects.filter(kind=OFFBOARD, subject_id=person.pk)
    latest = found.exclude(state=Job.State.FAILED).order_by("-pk").first()
    is_over = not Token.objects.of_person(person).exists()
    return latest if latest is not None and (latest.is_going or is_over) else None


def log_ins_going(token_ids: Collection[int]) -> set[int]:
    """Return those of these log-ins (ids) that a worker is removing, or is about to."""
    jobs_of_some = Job.objects.going().filter(kind=REMOVE)
    named = jobs_of_some.exclude(options__has_key=ACCOUNT).values_list("options", flat=True)
    ids = {pk for options in named for pk in options[TOKENS]}.intersection(token_ids)
    return set(Token.objects.filter(pk__in=ids).not_removed().values_list("pk", flat=True))


def is_given_up(scope: Scope) -> bool:
    """Return whether a worker is taking a person's log-ins out of the scope's one account, or is about to."""
    if scope.account is None or scope.person is None:
        return False
    same = {ACCOUNT: scope.account, PERSON: scope.person.pk}
    return Job.objects.going().filter(kind=REMOVE, options__contains=same).exists()


def still_serving(people: QuerySet[User]) -> QuerySet[User]:
    """Keep the people who are switched off while their log-ins go on serving accounts: past the page that ends these first."""
    serving = Token.objects.serving().filter(consented_by=OuterRef("pk"), kind=Token.Kind.PERSON)
    return people.filter(Exists(serving), is_active=False)


def carried_by_each(
    *, person_ids: Collection[int], among: QuerySet[Account] | None
) -> dict[int, tuple[int, int]]:
    """Return by person how many of these accounts (None: of all) their log-ins carry, and how many nobody else could.

    One query, which looks into no other pool: how many log-ins can be used for an account, `settle` has counted.
    """
    entries = AccountToken.objects.living().filter(token__kind=Token.Kind.PERSON)
    entries = entries.filter(token__consented_by__in=person_ids)
    entries = entries if among is None else entries.filter(account__in=among)
    rows = entries.order_by().values_list("token__consented_by", "account", "account__usable_count")
    carried, alone = Counter[int](), Counter[int]()
    for person, _, usable, own in rows.annotate(own=Count("pk", filter=Q(token__state=Token.State.VALID))):
        carried[person] += 1
        alone[person] += usable <= own
    return {person: (number, alone[person]) for person, number in carried.items()}


def accounts_alone_with(person_id: int) -> QuerySet[Account]:
    """Return the accounts that stop when the person leaves."""
    own = Token.objects.of_person(User(pk=person_id)).values_list("pk", flat=True)
    found = accounts_of(list(own)).filter(STOPS)
    return Account.objects.filter(pk__in=found.order_by().values("pk"))
