"""What can go wrong with accounts, in our words. The text of each is fit for staff."""


class DeedRefused(Exception):  # noqa: N818  # a refusal with a reason, shown as a message
    """A deed of staff is not possible now. The text says why."""
