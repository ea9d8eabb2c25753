"""What a macro would do in the coming 30 days if nobody acts, and what it did: by the SQL of the evaluation itself."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, When

from accounts import health
from accounts.models import Account
from macros import evaluation, mails, preview_sql
from macros.message_history import told_by
from macros.models import Macro, MacroAction, NewsNotice, Notice
from notifications.kinds import Mail
from tokens.models import Token
from ui.name_visibility import NameVisibility
from ui.phrases import phrase
from users.models import User
from users.recipients import Via, fallback, operators

DAYS = 30
SHOWN = 6
MOST = 5_000  # accounts that a preview reads

WORDS = "words/macro_preview.txt"


@dataclass(frozen=True)
class Draft:
    """A macro as the form describes it. `action_id` is 0 for one that is not stored."""

    name: str
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
    within: int = 0  # days
    escalate_to: list[str] = field(default_factory=list)
    after: int | None = None  # days after the first warning
    enabled: bool = True  # else nothing of it is mailed; what it would mail is counted all the same
    description: str = ""

    @property
    def applied(self) -> bool:
        """Return whether it is about accounts at all: about chosen ones, of which there is one, or whatever fits."""
        return self.scope != Macro.AppliesTo.CHOSEN or bool(self.accounts)


@dataclass(frozen=True)
class Due:
    """One account on one day: the mail says how many days are left; 0: deactivated."""

    on: date
    account: Account
    threshold: int
    people: int
    ends: datetime | None

    @property
    def words(self) -> str:
        """Return "7 days left, 2 people": the days on that day, which a missed threshold makes fewer than its own."""
        days = None if self.ends is None else (evaluation.local_day(self.ends) - self.on).days
        return phrase(WORDS, "due", days=days, people=self.people)


@dataclass(frozen=True)
class Preview:
    """What would be mailed: how many mails, the first of them, and why other accounts stay quiet."""

    mails: int
    first_on: date | None
    due: list[Due]
    quiet: list[tuple[str, int]]
    fallen_back: int  # accounts of which team leads or operators are told, since nobody else can be

    nobody: int  # accounts due of which nobody at all would be told
    escalated: (
        int | None
    )  # accounts of which further addresses would be told; None where the macro names none
    applied: bool  # to chosen accounts at least one, else to whatever fits
    ahead: bool = True  # it warns ahead; else it only tells at once

    @property
    def quiet_count(self) -> int:
        """How many accounts stay quiet."""
        return sum(count for _, count in self.quiet)

    @property
    def nothing(self) -> str:
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


def word(kind: str) -> str:
    """Return what a kind of action tells, as it stands alone: "The warning ahead", "Another log-in took over"."""
    if kind in {MacroAction.Kind.PRE_DEACTIVATION, MacroAction.Kind.DEACTIVATED}:
        return phrase(WORDS, f"word_{kind}")
    return str(NewsNotice.Kind(kind).label)


def draft_of(action: MacroAction) -> Draft:
    """Return a stored macro as a draft: of its action that says whom it tells, see `Macro.leading`."""
    macro = action.macro
    others = {one.kind: one for one in macro.actions.all()}
    few, escalated = others.get(MacroAction.Kind.FEW_PEOPLE), others.get(MacroAction.Kind.ESCALATED)
    return Draft(
        name=macro.name,
        days=list(action.days),
        emails=[email.lower() for email in action.emails],
        notify_consenters=action.notify_consenters,
        watch=action.watch,
        scope=macro.scope,
        channels=list(macro.channels),
        accounts=list(macro.accounts.values_list("pk", flat=True)),
        team_id=macro.team_id,
        action_id=action.pk if action.kind == MacroAction.Kind.PRE_DEACTIVATION else 0,
        at_once=[kind for kind in others if kind in dict(MacroAction.Kind.at_once())],
        people=few.people if few else None,
        within=(few.within or 0) if few else 0,
        escalate_to=[email.lower() for email in escalated.emails] if escalated else [],
        after=escalated.after if escalated else None,
        excluded=list(macro.excluded),
        macro_id=macro.pk,
        enabled=macro.enabled,
        description=macro.description,
    )


def read_of(draft: Draft) -> Draft:
    """Return the draft as it is counted: as it is, or where it is about more than MOST accounts, about those of them that end first."""
    if draft.scope == Macro.AppliesTo.CHOSEN and len(draft.accounts) <= MOST:
        return draft
    first = _accounts_of(draft).order_by(*health.by_deadline()).values_list("pk", flat=True)
    ids = list(first[: MOST + 1])
    return draft if len(ids) <= MOST else replace(draft, scope=Macro.AppliesTo.CHOSEN, accounts=ids[:MOST])


def _accounts_of(draft: Draft) -> QuerySet[Account]:
    accounts = Account.objects.all() if draft.team_id is None else Account.objects.filter(team=draft.team_id)
    if draft.scope == Macro.AppliesTo.CHANNELS:
        accounts = accounts.filter(channel__in=draft.channels)
    if draft.scope == Macro.AppliesTo.CHOSEN:
        accounts = accounts.filter(pk__in=draft.accounts)
    return accounts.exclude(pk__in=draft.excluded)


def preview(draft: Draft, *, now: datetime) -> Preview:
    """Return what the draft would mail from the next run on, for 30 days; of very many accounts it reads those that end first."""
    draft = read_of(draft)
    query = preview_sql.PREVIEW_OF_CHOSEN if draft.scope == Macro.AppliesTo.CHOSEN else preview_sql.PREVIEW
    with connection.cursor() as cursor:
        cursor.execute(query, values_of(draft, now))
        number, first_on, fallen_back, nobody, escalated, *lists = cursor.fetchone()
    first, quiet = (json.loads(each) for each in lists)  # Django has JSON come as text
    accounts = Account.objects.in_bulk([row["account_id"] for row in first])
    rows = [row for row in first if row["account_id"] in accounts]  # an account may be gone since
    return Preview(
        mails=number,
        first_on=first_on,
        due=[_due(row, accounts[row["account_id"]]) for row in rows],
        quiet=[(phrase(WORDS, why), count) for why, count in quiet] if draft.days else [],
        fallen_back=fallen_back,
        nobody=nobody,
        escalated=None if draft.after is None else escalated,
        applied=draft.applied,
        ahead=bool(draft.days),
    )


def _due(row: dict[str, Any], account: Account) -> Due:
    ends = datetime.fromisoformat(row["ends"]) if row["ends"] else None
    return Due(date.fromisoformat(row["fires_on"]), account, row["threshold"], row["people"], ends)


def values_of(draft: Draft, now: datetime) -> dict[str, Any]:
    """Return the parameters of the SQL that looks ahead, for 30 days."""
    first = evaluation.next_run(now)
    return {
        "now": now,
        "first": first,
        "last": evaluation.local_day(now) + timedelta(days=DAYS),
        "zone": settings.TIME_ZONE,
        "action": draft.action_id,
        "days": draft.days,
        "emails": draft.emails,
        "linkers": draft.notify_consenters,
        "watch": draft.watch,
        "scope": draft.scope,
        "channels": draft.channels,
        "team": draft.team_id,
        "accounts": draft.accounts,
        "excluded": draft.excluded,
        "macro": draft.macro_id,
        "after": draft.after,
        "operators": operators(),
        "limit": SHOWN,
    }


def on_account(draft: Draft, account: Account) -> Draft:
    """Return the draft as if it were applied to one account alone; to none where it is not about this one."""
    fits = {
        Macro.AppliesTo.ALL: True,
        Macro.AppliesTo.CHANNELS: account.channel in draft.channels,
        Macro.AppliesTo.CHOSEN: account.pk in draft.accounts,
    }
    fitting = fits[Macro.AppliesTo(draft.scope)] and account.pk not in draft.excluded
    accounts = [account.pk] if fitting else []
    return replace(draft, scope=Macro.AppliesTo.CHOSEN, accounts=accounts)


def sent_count(macro: Macro, *, now: datetime) -> int:
    """Return how many mails of the last 30 days carried something of this macro."""
    since = now - timedelta(days=DAYS)
    mine = told_by(macro.pk)
    notices = Notice.objects.filter(mine, outcome=Notice.Outcome.MAILED, evaluation__started_at__gte=since)
    # A person gets one mail of all teams, an address outside one for each.
    people = Exists(User.objects.filter(email=OuterRef("recipient"), is_active=True))
    mails = notices.annotate(mail_team=Case(When(people, then=None), default=F("team")))
    ahead = mails.values("evaluation", "mail_team", "recipient").distinct().count()
    return ahead + _sent_at_once(mine, since)


def _sent_at_once(mine: Q, since: datetime) -> int:
    told = NewsNotice.objects.filter(mine, outcome=NewsNotice.Outcome.MAILED, at__gte=since)
    people = Exists(User.objects.filter(email=OuterRef("recipient"), is_active=True))
    mails = told.annotate(mail_team=Case(When(people, then=None), default=F("team")))
    return mails.values("evaluation", "mail_team", "recipient").distinct().count()


def sample(draft: Draft, due: Sequence[Due], *, names: NameVisibility) -> Mail | None:
    """Return the first mail that would go out, in names that whoever looks at it may read; None where nothing is due.

    It is made of rows that are never stored.
    """
    if not due:
        return None
    recipient, via = recipient_of(draft, due[0].account)
    return sample_for(draft, due[0], recipient=recipient, via=via, names=names) if recipient else None


def sample_for(
    draft: Draft,
    first: Due,
    *,
    recipient: str,
    via: Via = Via.DIRECT,
    test: bool = False,
    names: NameVisibility | None = None,
) -> Mail:
    """Return the mail about one account to one reader, who asked for it where it is a `test`; made of rows that are never stored.

    `names`: see `mails.compose`.
    """
    notice = Notice(
        action=MacroAction(macro=Macro(name=draft.name or phrase(WORDS, "this_macro"))),
        account=first.account,
        token=_ending_token(draft, first),
        team_id=first.account.team_id,
        threshold=first.threshold,
        recipient=recipient,
        via=via,
    )
    at = evaluation.hour_of(first.on)
    return mails.compose([notice], recipient=recipient, now=at, foot=mails.Foot(test=test), names=names)


def recipient_of(draft: Draft, account: Account) -> tuple[str, Via]:
    """Return one of those whom the mail about an account would go to, and how it comes to them; "" for nobody."""
    consenters = account.pool.filter(token__consented_by__is_active=True).order_by("-token__deadline")
    if draft.notify_consenters and (
        email := consenters.values_list("token__consented_by__email", flat=True).first()
    ):
        return str(email), Via.DIRECT
    left = set(User.objects.filter(email__in=draft.emails, is_active=False).values_list("email", flat=True))
    if addresses := [email for email in draft.emails if email not in left]:
        return addresses[0], Via.DIRECT
    stands_in = fallback([account.team_id]).get(account.team_id)
    return (stands_in.addresses[0], stands_in.via) if stands_in and stands_in.addresses else ("", Via.DIRECT)


def _ending_token(draft: Draft, due: Due) -> Token | None:
    if draft.watch != MacroAction.Watch.TOKEN or due.threshold == 0:
        return None
    tokens = Token.objects.filter(pool_entries__account=due.account, deadline_kind=Token.DeadlineKind.DATE)
    return tokens.exclude(state=Token.State.DEAD).order_by("deadline").first()
