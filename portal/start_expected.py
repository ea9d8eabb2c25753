"""Somebody will see the start page in a moment: whoever logs in is led there. A worker works its figures out meanwhile.

Between the password and the page a second factor is shown, which takes seconds. So the first look in a week finds what the second would.
"""

from typing import Any

from django.utils import timezone

from accounts.permissions import VIEW
from portal import start_ahead, start_viewer, tasks
from users import asking_workers
from users.models import User
from users.signals import password_accepted


def expect(*, user: User) -> bool:
    """Note that this person will look, and ask a worker at once where their figures are due. Returns whether they were.

    Raises what the database does; at a log-in that is only logged, see `users.adapters`.
    """
    if not (user.is_active and user.is_staff and user.has_perm(VIEW)):
        return False
    with timezone.override(user.zone):
        row = start_viewer.viewer_of(user).row
    if row is None or not start_ahead.is_due(row, timezone.now()):
        return False
    asking_workers.ask(tasks.work_out_start_pages)
    return True


def register() -> None:
    """Listen for passwords. Called once, when the app starts."""
    password_accepted.connect(_expected, dispatch_uid="start page")


def _expected(*, user: User, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    expect(user=user)
