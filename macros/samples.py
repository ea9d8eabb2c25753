"""The mails of a draft of a macro, one of each kind, made of rows that are never stored: what its readers would get."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from accounts.models import Account
from macros import evaluation, news_sample, preview, trying
from macros.models import Macro, MacroAction
from macros.preview import Draft, Due
from notifications.kinds import Mail
from ui.ids import as_one
from ui.phrases import phrase
from users.models import User
from users.recipients import Via
from users.visibility import names_for

Kind = MacroAction.Kind


@dataclass(frozen=True)
class Sample:
    """One mail of a macro: of which kind of action, and about which account."""

    kind: str
    label: str
    account: Account
    mail: Mail


def all_of(draft: Draft, due: Sequence[Due], *, user: User, now: datetime) -> list[Sample]:
    """Return the mail of each kind that has an account to be about: of the warning ahead the first that is `due`.

    Each says the names that `user` may read: whoever drafts a macro types any address into it, which may read more.
    """
    found = [_ahead(draft, due, user)] if draft.days else []
    found += [at_once(draft, kind, user=user, now=now) for kind in kinds_of(draft)]
    return [one for one in found if one is not None]


def kinds_of(draft: Draft) -> list[str]:
    """Return the kinds of actions of a draft whose mail is another one than the warning's."""
    wanted = {*draft.at_once, *([Kind.FEW_PEOPLE] if draft.people else [])}
    return [kind for kind in Kind.values if kind in wanted]


def at_once(draft: Draft, kind: str, *, user: User, now: datetime) -> Sample | None:
    """Return the mail of a kind that is told at once, about an account that the person sees; None for no account, or nobody to tell."""
    account = trying.fitting(_watched(draft, user), kind)
    recipient, via = preview.recipient_of(draft, account) if account else ("", Via.DIRECT)
    if account is None or not recipient:
        return None
    names = names_for(user)
    if kind == Kind.DEACTIVATED:
        due = Due(evaluation.local_day(now), account, 0, 1, None)
        mail = preview.sample_for(draft, due, recipient=recipient, via=via, names=names)
    else:
        macro = Macro(name=draft.name or phrase(preview.WORDS, "this_macro"))
        action = MacroAction(macro=macro, kind=kind, people=draft.people, within=draft.within)
        mail = news_sample.mail(action, account, recipient=recipient, via=via, now=now, names=names)
    return Sample(kind, preview.word(kind), account, mail)


def _ahead(draft: Draft, due: Sequence[Due], user: User) -> Sample | None:
    mail = preview.sample(draft, due, names=names_for(user))
    kind = Kind.PRE_DEACTIVATION
    return Sample(kind, preview.word(kind), due[0].account, mail) if mail else None


def _watched(draft: Draft, user: User) -> QuerySet[Account]:
    """Return the accounts of a draft that the person sees."""
    watched = Account.objects.visible_to(user)
    if draft.scope == Macro.AppliesTo.CHOSEN:
        watched = watched.filter(pk__in=as_one(draft.accounts))
    if draft.scope == Macro.AppliesTo.CHANNELS:
        watched = watched.filter(channel__in=draft.channels)
    if draft.team_id is not None:
        watched = watched.filter(team=draft.team_id)
    return watched.exclude(pk__in=draft.excluded) if draft.excluded else watched
