"""The jobs by which something goes, and how many accounts depend on people, for lists of people and of accounts.

By OFFBOARD a person goes; by REMOVE log-ins, one's own, or one by staff, or one's own of one account.
"""

from collections.abc import Collection, Sequence
from enum import IntEnum

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from accounts.jobs.models import OFFBOARD, PERSON, REMOVE
from accounts.leaving import plan
from accounts.leaving.plan import Scope
from accounts.models import Account, AccountToken, Job
from tokens.models import Token
from tokens.token.queries import TokenQuerySet
from users.models import User

GAVE_UP = "gave_up"  # cause of the event, and what a mail is about, where one account was given up
# Of a job's options.
TOKENS, ACCOUNT, INVITES, TOLD = "tokens", "account", "invites", "told"


class Step(IntEnum):
    """What a step is about; of a job's key it is the last digit, and the id of the thing is before it."""

    ASK = 1  # all colleagues whose log-ins stopped: one mail a person
    LOG_IN = 2
    LAST = 3
    BACKUPS = 4  # all at once: each person whose log-in is added gets one mail
    INVITE = 5  # one address of the job's options: begins a job of its own

    def key(self, pk: int = 0) -> int:
        """Return the key of a job for this step."""
        return pk * 10 + self


def keys_of_steps(tokens: Sequence[Token], *, invites: int, backups: bool, asks: bool) -> list[int]:
    """Return the steps as keys of a job. Whom to invite is first: what is at hand is looked for before anything is added.

    `invites`: how many addresses the job's options name.
    """
    before = [Step.INVITE.key(place) for place in range(invites)]
    before += [Step.BACKUPS.key()] if backups else []
    before += [Step.ASK.key()] if asks else []
    return [*before, *(Step.LOG_IN.key(one.pk) for one in tokens), Step.LAST.key()]


def log_ins_left(job: Job) -> TokenQuerySet:
    """Return what of its log-ins is still to go: of a person who is seen off all, else those that nobody consented to again since."""
    if job.is_offboarding:
        return Token.objects.of_person(User(pk=job.subject_id))
    tokens = Token.objects.filter(pk__in=job.options[TOKENS], linked_at__lte=job.created_at)
    return tokens.not_removed()


def scope_of_job(job: Job) -> Scope:
    """Return what of a job's subject still goes. Who lets go what is their own has colleagues of the own teams asked, and no others."""
    person = User.objects.filter(pk=job.leaver_id or 0).first()
    teams = job.user.teams_managed if job.lets_go_own else None
    return Scope(
        person, list(log_ins_left(job).values_list("pk", flat=True)), job.options.get(ACCOUNT), teams
    )


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


def accounts_alone_with(person_id: int) -> QuerySet[Account]:
    """Return the accounts that stop when the person leaves."""
    own = Token.objects.of_person(User(pk=person_id)).values_list("pk", flat=True)
    found = plan.accounts_of(list(own)).filter(plan.STOPS)
    return Account.objects.filter(pk__in=found.order_by().values("pk"))
