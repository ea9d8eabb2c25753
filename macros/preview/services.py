"""What a macro, stored or as a form describes it, would do in the coming 30 days if nobody acts: by the rules of the run itself."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db.models import Prefetch, QuerySet

from accounts.models import Account
from accounts.pool import health
from macros.models import Macro, MacroAction
from macros.notices import rules
from macros.notices.queries import read_directory, read_in_slices
from macros.notices.rules import Due, Rule
from macros.notices.values import AccountFacts, Directory, Span
from macros.warnings import services as evaluation
from ui.dates import local_day
from ui.phrases import phrase
from users.people.queries import who_log_in

DAYS = 30
SHOWN = 6
MOST = 2_000  # accounts that a preview reads; 5,000 take 0.3 s

WORDS = "words/macro_preview.txt"


@dataclass(frozen=True)
class Draft:
    """A macro as the form describes it. `action_id` is 0 for one that is not stored."""

    days: list[int]
    emails: list[str]
    notify_consenters: bool
    watch: str
    scope: str
    channels: list[str] = field(default_factory=list)
    accounts: list[int] = field(default_factory=list)
    team_id: int | None = None
    action_id: int = 0
    at_once: list[str] = field(default_factory=list)  # kinds of actions
    excluded: list[int] = field(default_factory=list)  # accounts that it leaves out
    macro_id: int = 0  # 0 for one that is not stored
    people: int | None = None  # fewer than so many are told of
    escalate_to: list[str] = field(default_factory=list)
    after: int | None = None  # days after the first warning
    enabled: bool = True  # else nothing of it is mailed; what it would mail is counted all the same

    @property
    def applied(self) -> bool:
        """Return whether it is about accounts at all: about chosen ones, of which there is one, or whatever fits."""
        return self.scope != Macro.AppliesTo.CHOSEN or bool(self.accounts)

    def rule(self, kind: str) -> Rule:
        """Return its rule of a kind, as far as the preview asks."""
        return Rule(
            action_id=self.action_id,
            macro_id=self.macro_id,
            kind=kind,
            emails=tuple(email.lower() for email in self.emails),
            notify_consenters=self.notify_consenters,
            days=tuple(sorted(self.days)),
            of_token=self.watch == MacroAction.Watch.TOKEN,
            scope=self.scope,
            channels=frozenset(self.channels),
            team_id=self.team_id,
            excluded=frozenset(self.excluded),
            chosen=frozenset(self.accounts),
            people=self.people or 0,
        )


@dataclass(frozen=True)
class DueRow:
    """One account on one day: the mail says how many days are left; none: it is deactivated."""

    on: date
    account: Account
    threshold: int
    people: int
    days: int | None

    @property
    def words(self) -> str:
        """Return "7 days left, 2 people": the days on that day, which a missed threshold makes fewer than its own."""
        return phrase(WORDS, "due", days=self.days, people=self.people)


@dataclass(frozen=True)
class Preview:
    """What would be mailed: how many mails, the first of them, and why other accounts stay quiet."""

    mails: int
    first_on: date | None
    due: list[DueRow]
    quiet: list[tuple[str, int]]
    fallen_back: int  # accounts of which team leads or operators are told, since nobody else can be
    nobody: int  # accounts due of which nobody at all would be told
    few: int | None  # accounts that too few people could carry now; None where it does not ask
    applied: bool  # to chosen accounts at least one, else to whatever fits
    ahead: bool  # it warns ahead; else it only tells at once
    whole: bool  # of all its accounts; else of those that end first

    @property
    def quiet_count(self) -> int:
        """How many accounts stay quiet."""
        return sum(count for _, count in self.quiet)

    @property
    def why_nothing(self) -> str:
        """Why nothing is due, in a sentence; "" where something is."""
        if self.mails:
            return ""
        if not self.applied:
            return phrase(WORDS, "not_applied")
        if not self.ahead:
            return phrase(WORDS, "only_at_once")
        if not self.quiet_count:
            return phrase(WORDS, "none_fits")
        return phrase(WORDS, "nothing_due", days=DAYS)


def draft_of(macro: Macro) -> Draft | None:
    """Return a stored macro as a draft, whose actions may be loaded: of its action that says whom it tells, see `Macro.leading_action`."""
    action = macro.leading_action
    if action is None:
        return None
    others = {one.kind: one for one in macro.actions.all()}
    few, escalated = others.get(MacroAction.Kind.FEW_PEOPLE), others.get(MacroAction.Kind.ESCALATED)
    return Draft(
        days=list(action.days),
        emails=action.addresses,
        notify_consenters=action.notify_consenters,
        watch=action.watch,
        scope=macro.scope,
        channels=list(macro.channels),
        accounts=list(macro.accounts.values_list("pk", flat=True)),
        team_id=macro.team_id,
        action_id=action.pk if action.kind == MacroAction.Kind.PRE_DEACTIVATION else 0,
        at_once=[kind for kind in others if kind in dict(MacroAction.Kind.at_once())],
        people=few.people if few else None,
        escalate_to=escalated.addresses if escalated else [],
        after=escalated.after if escalated else None,
        excluded=list(macro.excluded),
        macro_id=macro.pk,
        enabled=macro.enabled,
    )


def stored_draft(macro: Macro) -> Draft | None:
    """Return a macro as it is stored now; None where it has no action that names whom it tells."""
    fresh = Macro.objects.prefetch_related(Prefetch("actions", MacroAction.objects.order_by("pk")))
    return draft_of(fresh.get(pk=macro.pk))


def preview_draft(draft: Draft, *, now: datetime) -> Preview:
    """Return what a draft would mail, as `preview_drafts`."""
    return preview_drafts([draft], now=now)[0]


def preview_drafts(drafts: Sequence[Draft], *, now: datetime) -> list[Preview]:
    """Return what each would mail from the next run on, for 30 days; of very many accounts it reads those that end first.

    An account that several are about is read once: of thousands, reading is nearly all the time.
    """
    today = local_day(now)
    span = Span(now, evaluation.next_run(now), today + timedelta(days=DAYS), evaluation.project_zone())
    directory, seen = read_directory(now=now), [_Seen(draft) for draft in drafts]
    ids = sorted(set().union(*(one.ids for one in seen)))
    asked = [rule for one in seen for rule in ([one.warning, one.few] if one.draft.people else [one.warning])]
    for accounts in read_in_slices(ids, rules=asked, span=span):
        for account in accounts:
            for one in seen:
                if account.pk in one.ids:
                    one.add(account, directory, span)
    return [_preview_of(one, span) for one in seen]


def _preview_of(seen: "_Seen", span: Span) -> Preview:
    draft = seen.draft
    return Preview(
        mails=seen.count_mails(),
        first_on=min((one.on for one in seen.due), default=None),
        due=seen.first(span),
        quiet=[(phrase(WORDS, why), number) for why, number in seen.quiet.most_common()]
        if draft.days
        else [],
        fallen_back=len(seen.fallen_back),
        nobody=seen.nobody,
        few=seen.short if draft.people else None,
        applied=draft.applied,
        ahead=bool(draft.days),
        whole=seen.whole,
    )


@dataclass
class _Seen:
    """A draft, the accounts that it is about, and what was found of those that were looked at."""

    draft: Draft
    due: list[Due] = field(default_factory=list)
    quiet: Counter[str] = field(default_factory=Counter)  # why -> accounts
    fallen_back: set[int] = field(default_factory=set)
    nobody: int = 0
    short: int = 0

    def __post_init__(self) -> None:
        of_kind, kinds = self.draft.rule, MacroAction.Kind
        self.warning, self.few = of_kind(kinds.PRE_DEACTIVATION), of_kind(kinds.FEW_PEOPLE)
        accounts = _accounts_of(self.draft).order_by(*health.by_deadline())
        ids = list(accounts.values_list("pk", flat=True)[: MOST + 1])
        self.ids, self.whole = frozenset(ids[:MOST]), len(ids) <= MOST

    def add(self, account: AccountFacts, directory: Directory, span: Span) -> None:
        """Look at one account."""
        rule = self.warning
        if self.draft.people and rules.is_short(self.few, account):
            self.short += 1
        found = list(rules.find_due(rule, account, directory, span))
        news = [one for one in found if one.news]
        self.due += news
        if any(rules.stands_in(one.told) for one in news):
            self.fallen_back.add(account.pk)
        if news:
            return
        untold = any(not one.told.readers for one in found)
        self.nobody += untold
        self.quiet["nobody" if untold else _why_quiet(rule, account, span)] += 1

    def count_mails(self) -> int:
        """Return how many mails that is: one a day and person, or address and team."""
        mails = {(one.on, each.address, one.account.team_id) for one in self.due for each in one.news}
        people = who_log_in(address for _, address, _ in mails)
        return len({(on, to, None if to in people else team) for on, to, team in mails})

    def first(self, span: Span) -> list[DueRow]:
        """Return the first accounts that would be told of."""
        of_day: dict[tuple[date, int], list[Due]] = {}
        for one in self.due:
            of_day.setdefault((one.on, one.account.pk), []).append(one)
        order = sorted(
            of_day.items(), key=lambda row: (row[0][0], min(one.threshold for one in row[1]), row[0][1])
        )
        accounts = Account.objects.in_bulk([pk for (_, pk), _ in order[:SHOWN]])
        return [
            _row(on, accounts[pk], some, span) for (on, pk), some in order[:SHOWN] if pk in accounts
        ]  # one may be gone since


def _row(on: date, account: Account, some: list[Due], span: Span) -> DueRow:
    ends = min((one.ends.deadline for one in some if one.ends.deadline), default=None)
    people = {reader.address for one in some for reader in one.news}
    days = None if ends is None else (span.local(ends) - on).days
    return DueRow(on, account, min(one.threshold for one in some), len(people), days)


def _why_quiet(rule: Rule, account: AccountFacts, span: Span) -> str:
    """Return why nothing is told of an account, as a name of a phrase."""
    if account.state == Account.State.PAUSED:
        return "paused"
    if account.state == Account.State.DEACTIVATED:
        return "told"
    if account.deadline_kind in {Account.DeadlineKind.NEVER, Account.DeadlineKind.UNKNOWN}:
        return account.deadline_kind
    widest, first = timedelta(days=max(rule.days, default=0)), rules.first_covered_end(account)
    return "covered" if first is not None and span.local(first) - widest <= span.last else "later"


def _accounts_of(draft: Draft) -> QuerySet[Account]:
    accounts = Account.objects.all() if draft.team_id is None else Account.objects.filter(team=draft.team_id)
    if draft.scope == Macro.AppliesTo.CHANNELS:
        accounts = accounts.filter(channel__in=draft.channels)
    if draft.scope == Macro.AppliesTo.CHOSEN:
        accounts = accounts.filter(pk__in=draft.accounts)
    return accounts.exclude(pk__in=draft.excluded)
