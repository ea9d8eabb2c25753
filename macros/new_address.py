"""What goes by a person's e-mail address goes along to their new one, in the same transaction; and ends with a person who is deleted.

That is what they snoozed, what they are on, and what their mails that wait carry. Links in mails that went to the old address say nothing
of the new one, since somebody else may read it.
"""

from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from macros.at_once import services as at_once
from macros.models import Acknowledgement, Notice
from macros.mutes import services
from notifications import kinds
from notifications.models import Message
from users.models import User
from users.people.recipients import Via, operators

DROPPED = Notice.Outcome.DROPPED


def take_along(*, user: User, old: str, now: datetime, **_kwargs: Any) -> None:
    """Have it be of the new address. Where the same runs there already, what was of the old one ends."""
    services.move_to(user.email, old=old, now=now)
    Acknowledgement.objects.filter(email=old).update(email=user.email)
    at_once.take_along(old=old, new=user.email)


def end_of_deleted(*, instance: User, now: datetime) -> None:
    """End what a person who was deleted had snoozed: whoever gets the address later is mailed."""
    services.forget(instance.email, now=now)


def of_warnings(message: Message, new: str) -> bool:
    """Have the notices of a warning that waits be of its reader's new address, but for what that is told already.

    Returns False, and leaves it, where it carries what stays with the old address, or the new one has a mail of this run. What is of the
    person is found anew then, by the next evaluation.
    """
    told = Notice.objects.filter(recipient=new).exclude(outcome=Notice.Outcome.DROPPED)
    same = told.filter(**_outer("action", "account", "cycle", "threshold"))
    of_log_in = Exists(same.filter(token=OuterRef("token")))
    known = of_log_in | Q(Exists(same.filter(token=None)), token=None)
    notices = message.notices.all()
    if not _is_shared(notices, message, new):
        return _readdress_notices(notices, known, new)
    _drop(notices.exclude(_stays(message.recipient)))
    return False


def _outer(*names: str) -> dict[str, OuterRef]:
    return {name: OuterRef(name) for name in names}


def _stays(old: str) -> Q:
    """Return the condition of notices that are of an address, whoever has it: a macro names it, or OPERATOR_EMAILS does."""
    named = Q(action__emails__contains=[old])
    return named | Q(via=Via.OPERATOR) if old in operators() else named


def _is_shared(notices: QuerySet[Notice], message: Message, new: str) -> bool:
    """Return whether a mail cannot go along as a whole: what stays is in it, or the new address has a mail that would say both."""
    there = Notice.objects.filter(recipient=new, evaluation__in=notices.values("evaluation"))
    return there.exists() or notices.exclude(outcome=DROPPED).filter(_stays(message.recipient)).exists()


def _drop(notices: QuerySet[Notice]) -> None:
    """Note that these are not told by this mail any longer."""
    notices.exclude(outcome=DROPPED).update(outcome=DROPPED, outcome_reason=kinds.reason("not_told_direct"))


def _readdress_notices(notices: QuerySet[Notice], known: Q, new: str) -> bool:
    notices.filter(known).update(outcome=DROPPED, outcome_reason=kinds.reason("deleted_or_told"))
    notices.update(recipient=new)
    return True
