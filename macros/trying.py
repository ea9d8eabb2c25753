"""A test of what a macro mails, sent to whoever presses the button and to nobody else: one mail for each kind of its actions.

Each is about one account that the person sees. It is no notice: nothing counts as told.
"""

import uuid
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy

from accounts.models import Account
from macros import evaluation, news_sample, preview
from macros.models import Macro, MacroAction
from macros.preview import Draft, Due
from notifications import kinds, outbox
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from ui.mails import SUBJECT_LENGTH, cut
from ui.phrases import phrase
from ui.refusal import Refusal
from users import hold
from users.models import User

KIND = "macro_test"  # of the messages
MOST = 5  # of one person within PERIOD, whatever number of mails each was
PERIOD = timedelta(hours=1)
Kind = MacroAction.Kind


class TestRefusal(Refusal):
    """A test is not mailed: the text says why."""


def kinds_of(macro: Macro) -> list[tuple[str, str]]:
    """Return the kinds of mails that a macro sends, with their words. Escalation sends the mail of the warning, to others."""
    does = {action.kind for action in macro.actions.all()} - {Kind.ESCALATED}
    return [(kind, preview.word(kind)) for kind in Kind.values if kind in does]


def account_for(macro: Macro, user: User, kind: str = Kind.PRE_DEACTIVATION) -> Account | None:
    """Return the account that a test would be about: of those that the macro watches, if it is on, and the person sees the one that ends
    first, else one that is dark; of what is told at once one to which that happened, or else any. None where there is none.
    """
    seen = Account.objects.visible_to(user)
    watched = seen.filter(pk__in=macro.accounts.all()) if macro.scope == Macro.AppliesTo.CHOSEN else seen
    if macro.scope == Macro.AppliesTo.CHANNELS:
        watched = watched.filter(channel__in=macro.channels)
    if macro.team_id is not None:
        watched = watched.filter(team=macro.team_id)
    watched = watched.exclude(pk__in=macro.excluded) if macro.excluded else watched
    if kind == Kind.PRE_DEACTIVATION:
        return _ending(watched) or _dark(watched)
    return fitting(watched, kind)


def _ending(watched: QuerySet[Account]) -> Account | None:
    ending = watched.filter(
        deadline_kind=Account.DeadlineKind.DATE,
        state__in=[Account.State.CONNECTED, Account.State.INTERRUPTED],
        deadline__gt=timezone.now(),
    )
    return ending.order_by("deadline", "pk").first()


def _dark(watched: QuerySet[Account]) -> Account | None:
    return watched.filter(state=Account.State.DEACTIVATED).order_by("pk").first()


def fitting(watched: QuerySet[Account], kind: str) -> Account | None:
    """Return an account to which something of this kind happened, which is told at once, else one that is connected, else any."""
    live = watched.filter(state=Account.State.CONNECTED)
    fits = {
        Kind.DEACTIVATED: watched.filter(state=Account.State.DEACTIVATED),
        Kind.RESTRICTED: watched.exclude(restriction=""),
        Kind.SHIFTED: live.filter(people_count__gt=1),
        Kind.FEW_PEOPLE: live.order_by("people_count", "pk"),
    }
    found = fits.get(Kind(kind), live)
    found = found if found.query.order_by else found.order_by("pk")
    return found.first() or live.order_by("pk").first() or watched.order_by("pk").first()


@transaction.atomic
def send(*, macro: Macro, user: User, now: datetime, only: Collection[str] | None = None) -> int:
    """Write the test mails: of each kind that the macro sends, or of these alone. Returns how many.

    Raises TestRefusal where too many were asked for, or there is no account; OnHold.
    """
    hold.refuse()
    wanted = [kind for kind, _ in kinds_of(macro) if only is None or kind in only]
    possible = [kind for kind in wanted if account_for(macro, user, kind) is not None]
    if not possible:
        raise TestRefusal(phrase(preview.WORDS, "nothing_to_try"))
    # Two presses at once count as two.
    User.objects.select_for_update().get(pk=user.pk)
    lately = Message.objects.filter(recipient=user.email, kind=KIND, created_at__gt=now - PERIOD)
    presses = {key.split(":")[1] for key in lately.values_list("dedupe_key", flat=True)}
    if len(presses) >= MOST:
        raise TestRefusal(phrase(preview.WORDS, "tried_enough", most=MOST))
    press = uuid.uuid4()
    for kind in possible:
        outbox.enqueue(
            kind=KIND,
            recipient=user.email,
            dedupe_key=f"{KIND}:{press}:{kind}",
            now=now,
            payload={"macro": macro.pk, "action": kind},
        )
    return len(possible)


def build(message: Message) -> Mail:
    """Build the mail from the macro as it is now. Raises NotWanted where it, its action, the person or the accounts are gone."""
    user = User.objects.filter(email=message.recipient, is_active=True).first()
    if user is None:
        raise NotWanted("person_left")
    macro = Macro.objects.prefetch_related("actions").filter(pk=message.payload["macro"]).first()
    kind = message.payload.get("action", Kind.PRE_DEACTIVATION)
    action = next((one for one in macro.actions.all() if one.kind == kind), None) if macro else None
    account = account_for(macro, user, kind) if macro else None
    if action is None or account is None:
        raise NotWanted("all_deleted")
    mail = _mail(action, account, user)
    subject = cut(phrase(preview.WORDS, "test_subject", subject=mail.subject), SUBJECT_LENGTH)
    return replace(mail, subject=subject, headers={})


def _mail(action: MacroAction, account: Account, user: User) -> Mail:
    now = timezone.now()
    if action.kind not in {Kind.PRE_DEACTIVATION, Kind.DEACTIVATED}:
        return news_sample.mail(action, account, recipient=user.email, now=now, test=True)
    draft = preview.draft_of(action)
    dark = Due(evaluation.local_day(now), account, 0, 1, None)
    due = dark if action.kind == Kind.DEACTIVATED else _due(draft, account, now)
    return preview.sample_for(draft, due, recipient=user.email, test=True)


def _due(draft: Draft, account: Account, now: datetime) -> Due:
    """Return the account as the macro would next tell of it."""
    today = evaluation.local_day(now)
    if account.deadline is None or account.state == Account.State.DEACTIVATED:
        return Due(today, account, 0, 1, None)
    left = (evaluation.local_day(account.deadline) - today).days
    days = max((day for day in draft.days if day <= left), default=max(left, 1))
    return Due(today + timedelta(days=max(left - days, 0)), account, days, 1, account.deadline)


def register() -> None:
    """Say how the mail is built. Called once, when the app starts."""
    kinds.register(KIND, build, name=gettext_lazy("Test of a macro"), for_now=True)
