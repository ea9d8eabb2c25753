"""How many accounts depend on people, for lists of people and of accounts."""

from collections.abc import Collection

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from accounts.leaving import plan
from accounts.models import Account, AccountToken
from tokens.models import Token
from users.models import User


def still_serving(people: QuerySet[User]) -> QuerySet[User]:
    """Keep the people who are switched off while their log-ins go on serving accounts: past the page that ends these first."""
    serving = Token.objects.filter(consented_by=OuterRef("pk"), kind=Token.Kind.PERSON)
    serving = serving.exclude(state=Token.State.DEAD).filter(pool_entries__isnull=False)
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


def alone_with(person_id: int) -> QuerySet[Account]:
    """Return the accounts that stop when the person leaves."""
    own = plan.log_ins(User(pk=person_id)).values_list("pk", flat=True)
    found = plan.accounts_of(list(own)).filter(plan.STOPS)
    return Account.objects.filter(pk__in=found.order_by().values("pk"))
