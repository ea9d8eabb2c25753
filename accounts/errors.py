"""What can go wrong with accounts, in our words. The text of each is fit for staff."""

from ui.refusal import Refusal


class DeedRefused(Refusal):
    """A deed of staff is not possible now. The text says why."""
