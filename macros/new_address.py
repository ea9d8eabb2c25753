"""What goes by a person's e-mail address goes along to their new one, in the same transaction; and ends with a person who is deleted.

That is what they snoozed, what they are on, and what their mails that wait carry. Links in mails that went to the old address say nothing
of the new one, since somebody else may read it.
"""

from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from macros import delays, news, revalidation
from macros.models import Acknowledgement, NewsNotice, Notice
from macros.mutes import services
from notifications import kinds
from notifications.models import Message
from users.models import User
from users.recipients import Via, operators

DROPPED = Notice.Outcome.DROPPED  # of both kinds of notices


def take_along(*, user: User, old: str, now: datetime, **_kwargs: Any) -> None:
    """Have it be of the new address. Where the same runs there already, what was of the old one ends."""
    services.move_to(user.email, old=old, now=now)
    Acknowledgement.objects.filter(email=old).update(email=user.email)


def end_of_deleted(*, instance: User, now: datetime) -> None:
    """End what a person who was deleted had snoozed: whoever gets the address later is mailed."""
    services.forget(instance.email, now=now)


def of_warnings(message: Message, new: str) -> bool:
    """Have the notices of a warning that waits be of its reader's new address, but for what that is told already.

    Returns False, and leaves it, where it carries what stays with the old address, or the new one has a mail of this run. What is of the
    person is found anew then: of what went dark at once, of dates by the next evaluation.
    """
    told = Notice.objects.filter(recipient=new).exclude(outcome=Notice.Outcome.DROPPED)
    same = told.filter(**_outer("action", "account", "cycle", "threshold"))
    of_log_in = Exists(same.filter(token=OuterRef("token")))
    known = of_log_in | Q(Exists(same.filter(token=None)), token=None)
    notices = revalidation.all_notices_of(message)
    if not _is_shared(notices, message, new, run="evaluation"):
        return _readdress_notices(notices, known, new)
    own = _dropped(notices.exclude(_stays(message.recipient)))
    dark = own.filter(threshold=0).values_list("account_id", flat=True)
    delays.look_again_at_deactivated(list(dark), now=timezone.now())
    return False


def of_news(message: Message, new: str) -> bool:
    """The same of what a mail tells at once."""
    told = NewsNotice.objects.filter(recipient=new).exclude(outcome=NewsNotice.Outcome.DROPPED)
    known = Q(Exists(told.filter(**_outer("action", "event"))))
    notices = news.all_notices_of(message)
    if not _is_shared(notices, message, new, run="news"):
        return _readdress_notices(notices, known, new)
    own = _dropped(notices.exclude(_stays(message.recipient)))
    delays.look_again(list(own.values_list("event", flat=True)), now=timezone.now())
    return False


def _outer(*names: str) -> dict[str, OuterRef]:
    return {name: OuterRef(name) for name in names}


def _stays(old: str) -> Q:
    """Return the condition of notices that are of an address, whoever has it: a macro names it, or OPERATOR_EMAILS does."""
    named = Q(action__emails__contains=[old])
    return named | Q(via=Via.OPERATOR) if old in operators() else named


def _is_shared(notices: QuerySet[Any], message: Message, new: str, *, run: str) -> bool:
    """Return whether a mail cannot go along as a whole: what stays is in it, or the new address has a mail that would say both."""
    there = Message.objects.filter(
        kind=message.kind, recipient=new, payload__contains={run: message.payload[run]}
    )
    return there.exists() or notices.exclude(outcome=DROPPED).filter(_stays(message.recipient)).exists()


def _dropped(notices: QuerySet[Any]) -> QuerySet[Any]:
    """Drop what is not told by this mail any longer, and return it."""
    live = notices.exclude(outcome=DROPPED)
    ids = list(live.values_list("pk", flat=True))
    found: QuerySet[Any] = notices.model.objects.filter(pk__in=ids)
    found.update(outcome=DROPPED, outcome_reason=kinds.reason("not_told_direct"))
    return found


def _readdress_notices(notices: QuerySet[Any], known: Q, new: str) -> bool:
    notices.filter(known).update(outcome=DROPPED, outcome_reason=kinds.reason("deleted_or_told"))
    notices.update(recipient=new)
    return True
