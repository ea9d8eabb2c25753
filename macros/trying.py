"""A test of a macro's warning, mailed to whoever presses the button and to nobody else.

It is about one account that the person sees. It is no notice: nothing counts as told.
"""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy

from accounts.models import Account
from macros import evaluation, preview
from macros.models import Macro
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
MOST = 5  # of one person within PERIOD
PERIOD = timedelta(hours=1)


class TestRefusal(Refusal):
    """A test is not mailed: the text says why."""


def account_for(macro: Macro, user: User) -> Account | None:
    """Return the account that a test would be about: of those that the macro watches, if it is on, and the person sees the one that ends
    first, else one that is dark. None where there is none.
    """
    seen = Account.objects.visible_to(user)
    watched = seen.filter(pk__in=macro.accounts.all()) if macro.scope == Macro.AppliesTo.CHOSEN else seen
    if macro.scope == Macro.AppliesTo.CHANNELS:
        watched = watched.filter(channel__in=macro.channels)
    if macro.team_id is not None:
        watched = watched.filter(team=macro.team_id)
    return _first(watched.exclude(pk__in=macro.excluded) if macro.excluded else watched)


def _first(watched: QuerySet[Account]) -> Account | None:
    ending = watched.filter(
        deadline_kind=Account.DeadlineKind.DATE,
        state__in=[Account.State.CONNECTED, Account.State.INTERRUPTED],
        deadline__gt=timezone.now(),
    )
    return (
        ending.order_by("deadline", "pk").first()
        or watched.filter(state=Account.State.DEACTIVATED).order_by("pk").first()
    )


@transaction.atomic
def send(*, macro: Macro, user: User, now: datetime) -> None:
    """Write the test mail. Raises TestRefusal where too many were asked for, or there is no account; OnHold."""
    hold.refuse()
    if account_for(macro, user) is None:
        raise TestRefusal(phrase(preview.WORDS, "nothing_to_try"))
    # Two presses at once count as two.
    User.objects.select_for_update().get(pk=user.pk)
    lately = Message.objects.filter(recipient=user.email, kind=KIND, created_at__gt=now - PERIOD)
    if lately.count() >= MOST:
        raise TestRefusal(phrase(preview.WORDS, "tried_enough", most=MOST))
    outbox.enqueue(
        kind=KIND,
        recipient=user.email,
        dedupe_key=f"{KIND}:{uuid.uuid4()}",
        now=now,
        payload={"macro": macro.pk},
    )


def build(message: Message) -> Mail:
    """Build the mail from the macro as it is now. Raises NotWanted where it, the person or the accounts are gone."""
    user = User.objects.filter(email=message.recipient, is_active=True).first()
    if user is None:
        raise NotWanted("person_left")
    macro = Macro.objects.prefetch_related("actions").filter(pk=message.payload["macro"]).first()
    warning = macro.warning if macro else None
    account = account_for(macro, user) if macro else None
    if warning is None or account is None:
        raise NotWanted("all_deleted")
    draft = preview.draft_of(warning)
    mail = preview.sample_for(draft, _due(draft, account, timezone.now()), recipient=user.email, test=True)
    subject = cut(phrase(preview.WORDS, "test_subject", subject=mail.subject), SUBJECT_LENGTH)
    return replace(mail, subject=subject, headers={})


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
    kinds.register(KIND, build, name=gettext_lazy("Test of a macro"))
