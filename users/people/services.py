"""What administrators do with one person. The log entry is the page's, in the same transaction."""

from datetime import datetime

from allauth.mfa.models import Authenticator
from django.db import transaction

from users.login import changes as login_changes
from users.login.changes import Kind
from users.models import Session, User


def log_out(user: User) -> int:
    """End all sessions of the person. Returns in how many browsers that was."""
    number, _ = Session.objects.filter(user=user).delete()
    return number


@transaction.atomic
def reset_second_factor(user: User, *, by: User, now: datetime) -> None:
    """Remove the person's devices and recovery codes, and mail the person that it was done."""
    Authenticator.objects.filter(user=user).delete()
    login_changes.notify_by_staff(Kind.FACTOR_RESET, user=user, by=by, now=now)
