"""The deed by which something goes: its kinds, its steps, and what of it is still there."""

from collections.abc import Collection, Sequence
from enum import IntEnum

from accounts import jobs
from accounts.leaving import plan
from accounts.leaving.plan import Scope
from accounts.models import Deed
from tokens.models import Token
from tokens.token_model import TokenQuerySet
from users import visibility
from users.models import User

OFFBOARD, REMOVE = (
    "offboard",
    "remove",
)  # the kinds: a person, and log-ins: one's own, or one by staff; or one's own of one account
GAVE_UP = "gave_up"  # cause of the event, and what a mail is about, where one account was given up
# Of a deed's options.
TOKENS, ACCOUNT, PERSON, INVITES, TOLD = "tokens", "account", "person", "invites", "told"


class Step(IntEnum):
    """What a step is about; of a deed's key it is the last digit, and the id of the thing is before it."""

    ASK = 1  # all colleagues whose log-ins stopped: one mail a person
    LOG_IN = 2
    LAST = 3
    BACKUPS = 4  # all at once: each person whose log-in is added gets one mail
    INVITE = 5  # one address of the deed's options: begins a deed of its own

    def key(self, pk: int = 0) -> int:
        """Return the key of a deed for this step."""
        return pk * 10 + self


def keys(tokens: Sequence[Token], *, invites: int, backups: bool, asks: bool) -> list[int]:
    """Return the steps as keys of a deed. Whom to invite is first: what is at hand is looked for before anything is added.

    `invites`: how many addresses the deed's options name.
    """
    before = [Step.INVITE.key(place) for place in range(invites)]
    before += [Step.BACKUPS.key()] if backups else []
    before += [Step.ASK.key()] if asks else []
    return [*before, *(Step.LOG_IN.key(one.pk) for one in tokens), Step.LAST.key()]


def left(deed: Deed) -> TokenQuerySet:
    """Return what of its log-ins is still to go: of a person who is seen off all, else those that nobody consented to again since."""
    if deed.kind == OFFBOARD:
        return plan.log_ins(User(pk=deed.subject_id))
    tokens = Token.objects.filter(pk__in=deed.options[TOKENS], linked_at__lte=deed.created_at)
    return tokens.exclude(reason=Token.REMOVED)


def scope_of(deed: Deed) -> Scope:
    """Return what of a deed's subject still goes. Who lets go what is their own has colleagues of the own teams asked, and no others."""
    person = User.objects.filter(pk=person_of(deed) or 0).first()
    teams = visibility.teams_of(deed.user) if is_own(deed) else None
    return Scope(person, list(left(deed).values_list("pk", flat=True)), deed.options.get(ACCOUNT), teams)


def person_of(deed: Deed) -> int | None:
    """Return whose log-ins go (an id); None where nobody consented to them."""
    found: int | None = deed.subject_id if deed.kind == OFFBOARD else deed.options[PERSON]
    return found


def is_own(deed: Deed) -> bool:
    """Return whether who asked for it lets go what is their own."""
    return person_of(deed) == deed.user_id


def known(person: User) -> Deed | None:
    """Return the offboarding of a person that is under way, or that left nothing to do; None where one would begin. Known for a day."""
    found = Deed.objects.defer("keys").filter(kind=OFFBOARD, subject_id=person.pk)
    latest = found.exclude(state=Deed.State.FAILED).order_by("-pk").first()
    is_over = not person.is_active and not plan.log_ins(person).exists()
    return latest if latest is not None and (latest.state in jobs.GOING or is_over) else None


def going(token_ids: Collection[int]) -> set[int]:
    """Return those of these log-ins (ids) that a worker is removing, or is about to."""
    deeds_of_some = Deed.objects.filter(kind=REMOVE, state__in=jobs.GOING)
    named = deeds_of_some.exclude(options__has_key=ACCOUNT).values_list("options", flat=True)
    ids = {pk for options in named for pk in options[TOKENS]}.intersection(token_ids)
    return set(Token.objects.filter(pk__in=ids).exclude(reason=Token.REMOVED).values_list("pk", flat=True))


def is_given_up(scope: Scope) -> bool:
    """Return whether a worker is taking a person's log-ins out of the scope's one account, or is about to."""
    if scope.account is None or scope.person is None:
        return False
    same = {ACCOUNT: scope.account, PERSON: scope.person.pk}
    return Deed.objects.filter(kind=REMOVE, state__in=jobs.GOING, options__contains=same).exists()
